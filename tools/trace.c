/* trace.c: Chrome's trace event format ("Trace Event Format", Google; ui.perfetto.dev and chrome://tracing read it): complete events
 * ("X") on one thread, nested by time: runs, their steps, the steps of subgraphs. Times are microseconds since the first of them. */
#include "tools/trace.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum outcome trace_open(struct trace *t, const char *path)
{
    t->path = path;
    if (!recording_init(&t->recording, TRACED_RUNS))
        return fail(OUTCOME_RUN, "no memory");
    t->file = fopen(path, "we");
    return t->file ? OUTCOME_DONE : fail(OUTCOME_USAGE, "--profile: cannot write %s: %s", path, strerror(errno));
}

/* A name of a model that is not UTF-8, which JSON must be, keeps what is ASCII. */
static json_t *text(const char *s)
{
    json_t *string = json_string(s);
    char *ascii = string ? NULL : strdup(s);
    for (char *c = ascii; c && *c; c++)
        *c = (unsigned char)*c < 128 ? *c : '?';
    if (ascii)
        string = json_string(ascii);
    free(ascii);
    return string;
}

static json_t *step_arguments(const alt_step_report *s)
{
    const double ns = (double)(s->end_ns - s->begin_ns);
    json_t *a = json_pack("{s:o, s:i, s:o, s:o, s:i, s:f, s:f}", "operator", text(s->operators), "step", s->step,
                          "kernel", text(s->kernel), "shapes", text(s->shapes), "threads", s->threads, "flops",
                          s->flops, "bytes", s->bytes);
    if (a && ns > 0) {
        json_object_set_new(a, "GFLOP/s", json_real(s->flops / ns));
        json_object_set_new(a, "GB/s", json_real(s->bytes / ns));
    }
    return a;
}

static json_t *run_arguments(const struct recorded_run *r)
{
    return json_pack("{s:I, s:I, s:I}", "run", (json_int_t)r->number, "steps", (json_int_t)r->count, "left out",
                     (json_int_t)r->left_out);
}

struct span {
    int64_t begin_ns, end_ns, zero_ns;
};

/* Takes over `name` and `arguments`; NULL: there was no memory. */
static json_t *event(json_t *name, const char *category, struct span at, json_t *arguments)
{
    return json_pack("{s:o, s:s, s:s, s:f, s:f, s:i, s:i, s:o}", "name", name, "cat", category, "ph", "X", "ts",
                     (double)(at.begin_ns - at.zero_ns) / 1e3, "dur", (double)(at.end_ns - at.begin_ns) / 1e3, "pid", 1,
                     "tid", 1, "args", arguments);
}

/* One line, taken over; a comma ends the line before. */
static bool put(FILE *f, json_t *item, const char *before)
{
    const bool good = item && fputs(before, f) >= 0 && json_dumpf(item, f, JSON_REAL_PRECISION(15)) == 0;
    json_decref(item);
    return good;
}

static bool put_run(FILE *f, const struct recorded_run *r, int64_t zero_ns)
{
    const struct span whole = {r->begin_ns, r->end_ns, zero_ns};
    char name[40];
    snprintf(name, sizeof name, "run %llu", (unsigned long long)r->number);
    bool good = put(f, event(json_string(name), "run", whole, run_arguments(r)), ",\n");
    for (size_t i = 0; i < r->count && good; i++) {
        const alt_step_report *s = &r->step[i];
        const struct span at = {s->begin_ns, s->end_ns, zero_ns};
        good = put(f, event(text(s->nodes), s->depth ? "step of a subgraph" : "step", at, step_arguments(s)), ",\n");
    }
    return good;
}

static bool put_all(FILE *f, const struct recording *r, const char *model)
{
    const int64_t zero_ns = recording_count(r) ? recording_run(r, 0)->begin_ns : 0;
    bool good = fputs("{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n", f) >= 0 &&
                put(f,
                    json_pack("{s:s, s:s, s:i, s:{s:o}}", "name", "process_name", "ph", "M", "pid", 1, "args", "name",
                              text(model)),
                    "");
    for (size_t i = 0; i < recording_count(r) && good; i++)
        good = put_run(f, recording_run(r, i), zero_ns);
    return good && fputs("\n]}\n", f) >= 0;
}

bool trace_close(struct trace *t, const char *model)
{
    errno = 0;
    bool good = put_all(t->file, &t->recording, model);
    const int why = errno;
    const bool closed = fclose(t->file) == 0;
    t->file = NULL;
    if (!good || !closed)
        complain("--profile: cannot write %s: %s", t->path, good ? strerror(errno) : why ? strerror(why) : "no memory");
    else if (t->recording.no_memory)
        complain("--profile: steps are missing in %s: no memory to keep them in", t->path);
    return good && closed && !t->recording.no_memory;
}

void trace_free(struct trace *t)
{
    if (t->file)
        fclose(t->file);
    recording_free(&t->recording);
}
