/* roofline.c: medians of what steps took over some runs, beside what as many threads as they had reach at most (Williams, Waterman,
 * Patterson, "Roofline", 2009). A step is bound by that of the two limits of which it reaches the larger share; where it reaches a tenth of
 * neither, by neither: calls and waiting take its time, or its kernel does other work than is counted. Steps whose data
 * fits into a cache are held against what a cache gives, though it may have to come from further away the first time. Steps with subgraphs are one row, as a whole. */
#include "tools/roofline.h"

#include "tools/measure.h"
#include "tools/peak.h"

#include <stdio.h>
#include <stdlib.h>

enum { RUNS = 25, LEAST = 3, LIMIT_MS = 5000, WARM = 2 };
#define NEITHER 0.1

enum bound { COMPUTE, MEMORY, OVERHEAD };
static const char *const bound_name[] = {"compute", "memory", "overhead"};

struct row {
    const alt_step_report *step; /* of the last run */
    double ns;                   /* median */
};

/* Time spent, and the least that work and data ask for. */
struct spent {
    double ns, compute_ns, memory_ns, flops, bytes;
};

struct table {
    struct row *row; /* owned */
    size_t count;
    struct peak one, all; /* a thread, and as many as a step can have */
    int threads;
    double run_ms; /* median of runs that nobody watches, which costs some microseconds a step */
    size_t runs;
};

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, ascending);
    return x[n / 2];
}

/* The steps of a run that no other step runs. */
static size_t outer_steps(const struct recorded_run *r, const alt_step_report **out)
{
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++)
        if (!r->step[i].depth) {
            if (out)
                out[n] = &r->step[i];
            n++;
        }
    return n;
}

/* Runs that are watched and runs that are not, in turn: the latter say what a run takes, *ms. */
static enum outcome run_some(struct measure *m, struct recording *recording, alt_value *const *inputs, double *ms)
{
    enum outcome outcome = OUTCOME_DONE;
    for (int i = 0; i < WARM && outcome == OUTCOME_DONE; i++)
        outcome = measure_run(m, inputs);
    double plain[RUNS];
    size_t n = 0;
    const double begin = now_ms();
    for (int i = 0; i < 2 * RUNS && outcome == OUTCOME_DONE && (i < 2 * LEAST || now_ms() - begin < LIMIT_MS); i++) {
        m->recording = i % 2 ? recording : NULL;
        outcome = measure_run(m, inputs);
        if (!m->recording)
            plain[n++] = m->last_ms;
    }
    *ms = n ? median(plain, n) : 0;
    if (outcome == OUTCOME_DONE && recording->no_memory)
        outcome = fail(OUTCOME_RUN, "no memory to keep the times of steps in");
    return outcome;
}

/* Medians of what lies in `steps`, count x runs, run by run. */
static void fill(struct table *t, const alt_step_report *const *steps, double *ns)
{
    for (size_t i = 0; i < t->count; i++) {
        for (size_t k = 0; k < t->runs; k++) {
            const alt_step_report *s = steps[k * t->count + i];
            ns[k] = (double)(s->end_ns - s->begin_ns);
        }
        t->row[i] = (struct row){steps[(t->runs - 1) * t->count + i], median(ns, t->runs)};
    }
}

static enum outcome tabulate(struct table *t, const struct recording *recording)
{
    t->runs = recording_count(recording);
    t->count = outer_steps(recording_run(recording, 0), NULL);
    for (size_t k = 1; k < t->runs; k++)
        if (outer_steps(recording_run(recording, k), NULL) != t->count)
            return fail(OUTCOME_RUN, "the model takes other steps in each run, which no median can be made of");
    const alt_step_report **steps = calloc(t->count * t->runs + 1, sizeof *steps);
    double *ns = calloc(t->runs, sizeof *ns);
    t->row = calloc(t->count + 1, sizeof *t->row);
    const bool good = steps && ns && t->row;
    for (size_t k = 0; k < t->runs && good; k++)
        outer_steps(recording_run(recording, k), steps + k * t->count);
    if (good)
        fill(t, steps, ns);
    free(steps);
    free(ns);
    return good ? OUTCOME_DONE : fail(OUTCOME_RUN, "no memory to keep the times of steps in");
}

static struct spent spent_on(const struct table *t, const struct row *row)
{
    const alt_step_report *s = row->step;
    const struct peak *p = s->threads > 1 ? &t->all : &t->one;
    const double bandwidth = s->bytes <= (double)PEAK_CACHED * s->threads ? p->cache : p->memory;
    return (struct spent){.ns = row->ns > 0 ? row->ns : 1, /* the clock's grain */
                          .compute_ns = s->flops / p->flops * 1e9,
                          .memory_ns = s->bytes / bandwidth * 1e9,
                          .flops = s->flops,
                          .bytes = s->bytes};
}

static void add(struct spent *sum, struct spent s)
{
    sum->ns += s.ns;
    sum->compute_ns += s.compute_ns;
    sum->memory_ns += s.memory_ns;
    sum->flops += s.flops;
    sum->bytes += s.bytes;
}

static void print_spent(struct spent s, double all_ns)
{
    const double compute = s.compute_ns / s.ns, memory = s.memory_ns / s.ns;
    const enum bound bound = compute < NEITHER && memory < NEITHER ? OVERHEAD : compute >= memory ? COMPUTE : MEMORY;
    printf("%10.2f %6.1f %9.2f %7.1f %10.4f %8.2f %8.1f  %-8s", s.ns / 1e3, 100 * s.ns / all_ns, s.flops / s.ns,
           100 * compute, s.bytes / 1e6, s.bytes / s.ns, 100 * memory, bound_name[bound]);
}

static void print_peak(int threads, const struct peak *p)
{
    printf("%d thread%s: %.1f GFLOP/s of float32 multiply-adds (%s), %.1f GB/s from memory, %.1f GB/s from a cache\n",
           threads, threads == 1 ? "" : "s", p->flops / 1e9, p->isa, p->memory / 1e9, p->cache / 1e9);
}

static void print(const struct table *t)
{
    struct spent all = {0};
    for (size_t i = 0; i < t->count; i++)
        add(&all, spent_on(t, &t->row[i]));
    print_peak(1, &t->one);
    if (t->threads > 1)
        print_peak(t->threads, &t->all);
    printf("%5s %4s %10s %6s %9s %7s %10s %8s %8s  %-8s %s\n", "step", "thr", "us", "time%", "GFLOP/s", "peak%", "MB",
           "GB/s", "memory%", "binds", "kernel, operators, nodes");
    for (size_t i = 0; i < t->count; i++) {
        const alt_step_report *s = t->row[i].step;
        printf("%5d %4d ", s->step, s->threads);
        print_spent(spent_on(t, &t->row[i]), all.ns);
        printf(" %s %s %s\n", s->kernel, s->operators, s->nodes);
    }
    all.ns = all.ns > 0 ? all.ns : 1;
    printf("total %4d ", t->threads);
    print_spent(all, all.ns);
    printf(" %zu steps, medians of %zu runs; a run takes %.2f us\n", t->count, t->runs, t->run_ms * 1e3);
}

static enum outcome measure_peaks(struct table *t)
{
    if (!peak_measure(1, &t->one) || !peak_measure(t->threads, &t->all))
        return fail(OUTCOME_RUN, "cannot measure what the machine can do: no memory for half a GiB, or no %d threads",
                    t->threads);
    return OUTCOME_DONE;
}

enum outcome roofline(const alt_model *model, alt_session *session, alt_value *const *inputs)
{
    struct measure m = {.progress.quiet = true};
    struct recording recording = {0};
    struct table t = {0};
    alt_stats stats = {.size = sizeof stats};
    enum outcome outcome = OUTCOME_DONE;
    if (!measure_init(&m, model, session) || !recording_init(&recording, RUNS) ||
        alt_session_stats(session, &stats) != ALT_OK)
        outcome = fail(OUTCOME_RUN, "no memory");
    t.threads = stats.threads;
    if (outcome == OUTCOME_DONE)
        outcome = run_some(&m, &recording, inputs, &t.run_ms);
    if (outcome == OUTCOME_DONE)
        outcome = tabulate(&t, &recording);
    if (outcome == OUTCOME_DONE)
        outcome = measure_peaks(&t);
    if (outcome == OUTCOME_DONE)
        print(&t);
    free(t.row);
    recording_free(&recording);
    measure_free(&m);
    return outcome;
}
