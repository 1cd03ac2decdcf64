/* summary_json.c: what alt_run says at its end, for programs. Every key is there in every run; what was not measured is null. */
#include "tools/summary.h"

#include "runtime/cpu.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static json_t *latency_object(struct latency *l)
{
    double p[QUANTILES];
    if (!l || l->runs == 0)
        return json_null();
    summary_quantiles(l, p);
    return json_pack("{s:I, s:f, s:f, s:f}", "runs", (json_int_t)l->runs, "p50_ms", p[0], "p90_ms", p[1], "p99_ms",
                     p[2]);
}

static json_t *shape_array(const alt_value *value)
{
    json_t *shape = json_array();
    for (size_t i = 0; i < alt_value_rank(value); i++)
        json_array_append_new(shape, json_integer(alt_value_dims(value)[i]));
    return shape;
}

/* Outputs of the last run; a sequence or optional has no shape of its own and says how many elements it holds. */
static json_t *output_array(const struct summary *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->measure->output_count; i++) {
        const alt_value *value = s->measure->outputs[i];
        if (!value)
            continue;
        json_t *item = json_object();
        json_object_set_new(item, "name", json_string(alt_model_output(s->model, i)->name));
        json_object_set_new(item, "dtype", json_string(alt_dtype_name(alt_value_dtype(value))));
        if (alt_value_kind(value) == ALT_TENSOR)
            json_object_set_new(item, "shape", shape_array(value));
        else
            json_object_set_new(item, "elements", json_integer((json_int_t)alt_value_count(value)));
        json_array_append_new(list, item);
    }
    return list;
}

static double peak_rss_mb(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024 : 0;
}

static void add_check(json_t *root, const struct check_result *check)
{
    if (check)
        json_object_set_new(root, "check",
                            json_pack("{s:I, s:I, s:I}", "sets", (json_int_t)check->sets, "outputs",
                                      (json_int_t)check->outputs, "mismatches", (json_int_t)check->mismatches));
}

static double p50(struct latency *l)
{
    double p[QUANTILES];
    summary_quantiles(l, p);
    return p[0];
}

static void add_latencies(json_t *root, struct measure *m)
{
    struct latency *base, *current;
    summary_plans(m, &base, &current);
    bool both = base && current && base->runs && current->runs;
    json_object_set_new(root, "default", latency_object(base));
    json_object_set_new(root, "current", latency_object(current));
    json_object_set_new(root, "speedup", both ? json_real(p50(base) / p50(current)) : json_null());
}

static json_t *swap_array(const alt_tuning_report *r)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < r->n_swaps && i < ALT_SWAPS; i++) {
        const alt_swap *s = &r->swaps[i];
        json_t *before = s->before_ms > 0 ? json_real(s->before_ms) : json_null();
        json_t *after = s->after_ms > 0 ? json_real(s->after_ms) : json_null();
        json_array_append_new(list, json_pack("{s:f, s:o, s:o, s:s, s:i}", "at_s", s->at_s, "before_ms", before,
                                              "after_ms", after, "evidence", s->evidence, "regions", (int)s->regions));
    }
    return list;
}

static json_t *failed_object(const alt_tuning_report *r)
{
    json_t *object = json_object();
    const char *cause;
    for (size_t i = 0; i < sizeof r->failed / sizeof r->failed[0] && (cause = alt_tuning_cause(i)); i++)
        json_object_set_new(object, cause, json_integer(r->failed[i]));
    return object;
}

static void add_tuning(json_t *root, const struct tuning *t)
{
    const alt_tuning_report *r = &t->report;
    bool counted = *r->counters != 0;
    json_object_set_new(root, "counters", json_string(counted ? r->counters : "none"));
    json_object_set_new(
        root, "counters_why",
        json_string(counted ? r->counters_why : "counters are read while candidates are timed; none was"));
    json_object_set_new(root, "warm", json_boolean(r->warm));
    json_object_set_new(root, "swaps", swap_array(r));
    json_object_set_new(root, "rollbacks", json_integer(r->rollbacks));
    json_object_set_new(root, "trials", json_integer(r->trials));
    json_object_set_new(root, "trials_failed", failed_object(r));
    json_object_set_new(root, "tuning_s", json_real(r->elapsed_s));
    json_object_set_new(root, "plateau_s", t->session ? json_real(r->plateau_s) : json_null());
    json_object_set_new(root, "worker_restarts", json_integer(r->worker_restarts));
}

bool summary_json(const struct summary *s)
{
    struct measure *m = s->measure;
    json_t *first = m->latency.runs ? json_real(m->first_ms) : json_null();
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:i, s:f, s:o}", "alt", alt_version(), "model", s->path, "isa",
                  alt_isa_name(alt_cpu_isa()), "threads", s->threads, "load_ms", m->load_ms, "first_run_ms", first);
    if (root) {
        add_latencies(root, m);
        add_tuning(root, &m->tuning);
        json_object_set_new(root, "peak_rss_mb", json_real(peak_rss_mb()));
        json_object_set_new(root, "outputs", output_array(s));
        add_check(root, s->check);
    }
    char *text = root ? json_dumps(root, JSON_REAL_PRECISION(7)) : NULL;
    if (text)
        printf("%s\n", text);
    else
        complain("cannot write the summary as JSON (no memory, or a name that is not UTF-8)");
    free(text);
    json_decref(root);
    return text != NULL;
}
