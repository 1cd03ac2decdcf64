/* summary.c: what alt_run says at its end. Keys of what this version cannot do yet are there, empty or null, so that a
 * reader need not ask which version it has. */
#include "tools/summary.h"

#include "runtime/cpu.h"
#include "tools/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

const char counters_why[] = "this version reads no hardware counters yet";

static const double quantiles[] = {0.5, 0.9, 0.99};

static json_t *latency_object(struct latency *l)
{
    double p[3];
    if (l->runs == 0)
        return json_null();
    latency_quantiles(l, quantiles, p, 3);
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

bool summary_json(const struct summary *s)
{
    const struct measure *m = s->measure;
    json_t *first = m->latency.runs ? json_real(m->first_ms) : json_null();
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:i, s:s, s:s, s:f, s:o, s:o, s:n, s:n, s:b, s:[], s:i, s:i, s:{}, s:f, s:n, s:i, s:f, s:o}",
        "alt", alt_version(), "model", s->path, "isa", alt_isa_name(alt_cpu_isa()), "threads", s->threads, "counters",
        "none", "counters_why", counters_why, "load_ms", m->load_ms, "first_run_ms", first, "default",
        latency_object(&s->measure->latency), "current", "speedup", "warm", 0, "swaps", "rollbacks", 0, "trials", 0,
        "trials_failed", "tuning_s", 0.0, "plateau_s", "worker_restarts", 0, "peak_rss_mb", peak_rss_mb(), "outputs",
        output_array(s));
    if (root)
        add_check(root, s->check);
    char *text = root ? json_dumps(root, JSON_REAL_PRECISION(7)) : NULL;
    if (text)
        printf("%s\n", text);
    else
        complain("cannot write the summary as JSON (no memory, or a name that is not UTF-8)");
    free(text);
    json_decref(root);
    return text != NULL;
}

void summary_print(const struct summary *s)
{
    struct measure *m = s->measure;
    double p[3];
    char type[VALUE_TEXT];
    latency_quantiles(&m->latency, quantiles, p, 3);
    printf("%s: loaded in %.1f ms", s->path, m->load_ms);
    if (m->latency.runs)
        printf(", first answer in %.3f ms", m->first_ms);
    printf("\n%" PRIu64 " run%s", m->latency.runs, m->latency.runs == 1 ? "" : "s");
    if (m->latency.runs)
        printf(" with %d thread%s (%s): p50 %.3f ms, p90 %.3f ms, p99 %.3f ms", s->threads, s->threads == 1 ? "" : "s",
               alt_isa_name(alt_cpu_isa()), p[0], p[1], p[2]);
    printf("\n");
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
