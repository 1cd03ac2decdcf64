/* summary.c: what alt_run says at its end, for a person. */
#include "tools/summary.h"

#include "runtime/cpu.h"
#include "runtime/session.h"
#include "tools/text.h"

#include <inttypes.h>
#include <stdio.h>

void summary_quantiles(struct latency *latency, double out[static QUANTILES])
{
    static const double p[QUANTILES] = {0.5, 0.9, 0.99};
    latency_quantiles(latency, p, out, QUANTILES);
}

static bool plan_is_default(const struct measure *m) { return m->session->plan == m->session->base; }

void summary_plans(struct measure *m, struct latency **base, struct latency **current)
{
    bool measured = m->base_plan.runs != 0;
    *base = measured ? &m->base_plan : plan_is_default(m) ? &m->since : NULL;
    *current = measured ? &m->current_plan : plan_is_default(m) ? NULL : &m->since;
}

static void print_runs(const struct summary *s)
{
    struct latency *l = &s->measure->latency;
    double p[QUANTILES];
    summary_quantiles(l, p);
    printf("%" PRIu64 " run%s", l->runs, l->runs == 1 ? "" : "s");
    if (l->runs)
        printf(" with %d thread%s (%s): p50 %.3f ms, p90 %.3f ms, p99 %.3f ms", s->threads, s->threads == 1 ? "" : "s",
               alt_isa_name(alt_cpu_isa()), p[0], p[1], p[2]);
    printf("\n");
}

static void print_comparison(struct measure *m)
{
    double base[QUANTILES], current[QUANTILES];
    if (plan_is_default(m)) {
        printf("the default plan is the current one\n");
        return;
    }
    if (!m->base_plan.runs)
        return;
    summary_quantiles(&m->base_plan, base);
    summary_quantiles(&m->current_plan, current);
    printf("default plan p50 %.3f ms, current plan p50 %.3f ms: %.2f times as fast (median of %" PRIu64 " pairs)\n",
           base[0], current[0], m->paired_ratio, m->base_plan.runs);
}

static void print_trials(const alt_tuning_report *r)
{
    const char *cause, *before = " (failed: ";
    printf("%u trial%s", r->trials, r->trials == 1 ? "" : "s");
    for (size_t i = 0; i < sizeof r->failed / sizeof r->failed[0] && (cause = alt_tuning_cause(i)); i++)
        if (r->failed[i]) {
            printf("%s%u %s", before, r->failed[i], cause);
            before = ", ";
        }
    printf("%s", *before == ',' ? ")" : "");
}

static void print_tuning(struct measure *m)
{
    const alt_tuning_report *r = &m->tuning.report;
    char text[SWAP_TEXT];
    if (!m->tuning.session)
        return;
    print_comparison(m);
    if (m->tuning.mode != ALT_TUNE_REPLAY) {
        printf("tuning: %.1f s, %u of %u kinds of regions explored, ", r->elapsed_s, r->explored, r->regions);
        print_trials(r);
        printf(", %u plan%s refused\n", r->refused, r->refused == 1 ? "" : "s");
    }
    for (uint32_t i = 0; i < r->n_swaps && i < ALT_SWAPS; i++)
        printf("%s %s\n", r->swaps[i].rollback ? "rollback" : "swap", swap_text(&r->swaps[i], text));
    if (*r->failure)
        printf("the last variant that failed: %s\n", r->failure);
    if (*r->note)
        printf("tuning is limited: %s\n", r->note);
}

void summary_print(const struct summary *s)
{
    struct measure *m = s->measure;
    char type[VALUE_TEXT];
    printf("%s: loaded in %.1f ms", s->path, m->load_ms);
    if (m->latency.runs)
        printf(", first answer in %.3f ms", m->first_ms);
    printf("\n");
    print_runs(s);
    print_tuning(m);
    if (s->check)
        printf("check: %zu of %zu outputs of %zu data set%s agree\n", s->check->outputs - s->check->mismatches,
               s->check->outputs, s->check->sets, s->check->sets == 1 ? "" : "s");
    for (size_t i = 0; i < m->output_count; i++) {
        if (!m->outputs[i])
            continue;
        printf("%s: %s:", alt_model_output(s->model, i)->name, value_type_text(m->outputs[i], type));
        value_print(stdout, m->outputs[i]);
        printf("\n");
    }
}
