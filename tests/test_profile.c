/* test_profile.c: what a run that is watched says of its steps, and the trace that alt_run --profile makes of it. */
#include "tools/measure.h"
#include "tools/trace.h"

#include "runtime/model.h"
#include "runtime/region.h"
#include "runtime/session.h"
#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"
#include "tests/flow_model.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MOST = 200 };

struct seen {
    alt_step_report step[LOOK_MOST]; /* texts are gone */
    char shapes[LOOK_MOST][128], nodes[LOOK_MOST][64], operators[LOOK_MOST][64];
    int count;
};

static void look(void *context, const alt_step_report *report)
{
    struct seen *s = context;
    assert_true(s->count < LOOK_MOST && report->size == sizeof *report);
    snprintf(s->shapes[s->count], sizeof s->shapes[0], "%s", report->shapes);
    snprintf(s->nodes[s->count], sizeof s->nodes[0], "%s", report->nodes);
    snprintf(s->operators[s->count], sizeof s->operators[0], "%s", report->operators);
    assert_true(strlen(report->kernel) > 0);
    s->step[s->count++] = *report;
}

static alt_run_options watched(struct seen *s)
{
    memset(s, 0, sizeof *s);
    return (alt_run_options){.size = sizeof(alt_run_options), .on_step = look, .step_context = s};
}

static alt_value *image(int64_t batch)
{
    alt_value *v;
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 4, (const int64_t[]){batch, 3, 16, 16}, &v), ALT_OK);
    memset(alt_value_data(v), 0, alt_value_bytes(v));
    return v;
}

static void open_convnet(struct flow *f)
{
    memset(f, 0, sizeof *f);
    graph_bytes_convnet(&f->bytes);
    /* graph_bytes_convnet has ended the model already */
    assert_int_equal(alt_model_load_memory(f->bytes.model.data, f->bytes.model.size, NULL, &f->model, NULL), ALT_OK);
    assert_int_equal(alt_session_create(f->model, NULL, &f->session, NULL), ALT_OK);
    f->n_in = f->n_out = 1;
    f->in[0] = image(1);
}

/* Steps of the only binding that take time. */
static int steps_bound(const struct flow *f)
{
    const struct alt_binding *b = f->session->plan->bindings.first;
    int n = 0;
    for (int s = b->first; s < b->end; s++)
        n += !b->step[s - b->first].skip;
    return n;
}

static double region_flops(const struct alt_graph *g)
{
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_regions regions;
    double flops = 0;
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    assert_int_equal(alt_regions_find(g, &arena, &regions), ALT_OK);
    for (int i = 0; i < regions.n_base; i++)
        flops += regions.base[i].flops;
    alt_arena_free(&arena);
    return flops;
}

static void every_step_once_one_after_another(void **state)
{
    (void)state;
    struct flow f;
    struct seen s;
    open_convnet(&f);
    const alt_run_options o = watched(&s);
    assert_int_equal(flow_try(&f, &o), ALT_OK);
    assert_int_equal(s.count, steps_bound(&f));
    double flops = 0;
    bool fused = false;
    for (int i = 0; i < s.count; i++) {
        assert_true(s.step[i].begin_ns <= s.step[i].end_ns && s.step[i].bytes > 0);
        assert_true(s.step[i].depth == 0 && s.step[i].attempt == 0 && s.step[i].threads > 0);
        assert_true(!i || (s.step[i].step > s.step[i - 1].step && s.step[i].begin_ns >= s.step[i - 1].end_ns));
        fused |= strstr(s.operators[i], "Conv+") && strchr(s.nodes[i], '+');
        flops += s.step[i].flops;
    }
    assert_true(fused);
    assert_true(flops == region_flops(f.model->graph));
    flow_close(&f);
}

static void a_watched_run_allocates_nothing(void **state)
{
    (void)state;
    struct flow f;
    struct seen s;
    open_convnet(&f);
    for (int i = 0; i < 2; i++)
        flow_run(&f);
    const uint64_t before = flow_allocations(&f);
    const alt_run_options o = watched(&s);
    assert_int_equal(flow_try(&f, &o), ALT_OK);
    assert_int_equal(flow_allocations(&f), before);
    flow_close(&f);
}

static void work_and_shapes_of_a_sum(void **state)
{
    (void)state;
    struct flow f = {0};
    struct seen s;
    graph_bytes_open(&f.bytes, 1);
    graph_bytes_input(&f.bytes, "a", ALT_FLOAT32, "n");
    graph_bytes_input(&f.bytes, "b", ALT_FLOAT32, "1");
    graph_bytes_node(&f.bytes, "Add", "a,b", "c", NULL);
    graph_bytes_output(&f.bytes, "c", ALT_FLOAT32);
    flow_open(&f, NULL);
    f.in[0] = flow_floats(5, (const float[]){1, 2, 3, 4, 5});
    f.in[1] = flow_floats(1, (const float[]){1});
    const alt_run_options o = watched(&s);
    assert_int_equal(flow_try(&f, &o), ALT_OK);
    assert_int_equal(s.count, 1);
    assert_string_equal(s.shapes[0], "float32[5], float32[1] -> float32[5]");
    assert_string_equal(s.operators[0], "Add");
    assert_true(s.step[0].flops == 5 && s.step[0].bytes == 4 * (5 + 1 + 5));
    flow_close(&f);
}

/* y: x with 1 added `trips` times. */
static void open_loop(struct flow *f, int64_t trips)
{
    struct graph_bytes body;
    memset(f, 0, sizeof *f);
    graph_bytes_open(&f->bytes, 1);
    graph_bytes_input(&f->bytes, "trips", ALT_INT64, "");
    graph_bytes_input(&f->bytes, "x", ALT_FLOAT32, "n");
    graph_bytes_weights(&f->bytes, "one", "1", 1);
    flow_body(&body);
    graph_bytes_input(&body, "v", ALT_FLOAT32, NULL);
    graph_bytes_node(&body, "Add", "v,one", "v_out", NULL);
    graph_bytes_output(&body, "v_out", ALT_FLOAT32);
    graph_bytes_holder(&f->bytes, "Loop", "trips,,x", "y", NULL, 1, flow_body_name, &body);
    graph_bytes_output(&f->bytes, "y", ALT_FLOAT32);
    flow_open(f, NULL);
    f->in[0] = flow_number(trips);
    f->in[1] = flow_floats(3, (const float[]){1, 2, 3});
}

static void steps_of_a_loop_lie_within_it(void **state)
{
    (void)state;
    struct flow f;
    struct seen s;
    int inner = 0;
    open_loop(&f, 7);
    const alt_run_options o = watched(&s);
    assert_int_equal(flow_try(&f, &o), ALT_OK);
    int loop = 0;
    while (loop < s.count && s.step[loop].depth)
        loop++;
    assert_true(loop < s.count);
    assert_string_equal(s.operators[loop], "Loop");
    assert_true(s.step[loop].flops == 0 && s.step[loop].bytes >= 24);
    for (int i = 0; i < loop; i++) {
        assert_int_equal(s.step[i].depth, 1);
        assert_true(s.step[i].begin_ns >= s.step[loop].begin_ns && s.step[i].end_ns <= s.step[loop].end_ns);
        inner += strcmp(s.operators[i], "Add") == 0;
    }
    assert_int_equal(inner, 7);
    flow_close(&f);
}

/* ---- memory ---- */

/* Steps of the last attempt go up, and attempts do. */
static alt_status run_watched(const alt_allocator *hooks, void *context)
{
    const struct flow *f = context;
    alt_session *session = NULL;
    alt_value *out = NULL;
    struct seen s;
    const alt_session_options so = {.size = sizeof so, .threads = 1, .allocator = hooks};
    const alt_run_options o = watched(&s);
    alt_status status = alt_session_create(f->model, &so, &session, NULL);
    if (status == ALT_OK)
        status = alt_session_run(session, &o, (const alt_value *const *)f->in, 1, &out, 1, NULL);
    for (int i = 1; i < s.count; i++)
        if (s.step[i].attempt == s.step[i - 1].attempt ? s.step[i].step <= s.step[i - 1].step
                                                       : s.step[i].attempt < s.step[i - 1].attempt)
            fail_msg("steps out of order");
    alt_value_release(out);
    alt_session_free(session);
    return status;
}

static void any_request_for_memory_may_fail(void **state)
{
    (void)state;
    struct flow f;
    const char *why = NULL;
    open_convnet(&f);
    if (!fail_alloc_sweep(run_watched, &f, &why))
        fail_msg("%s", why);
    flow_close(&f);
}

/* ---- recording and trace ---- */

static void record_runs(struct flow *f, struct recording *r, int runs)
{
    struct measure m = {.progress.quiet = true, .recording = r};
    assert_true(measure_init(&m, f->model, f->session));
    for (int i = 0; i < runs; i++)
        assert_int_equal(measure_run(&m, f->in), OUTCOME_DONE);
    measure_free(&m);
}

static void the_last_runs_are_kept(void **state)
{
    (void)state;
    struct flow f;
    struct recording r;
    open_convnet(&f);
    assert_true(recording_init(&r, 3));
    assert_int_equal(recording_count(&r), 0);
    record_runs(&f, &r, 5);
    assert_int_equal(recording_count(&r), 3);
    for (size_t i = 0; i < 3; i++) {
        const struct recorded_run *run = recording_run(&r, i);
        assert_int_equal(run->number, 3 + i);
        assert_int_equal(run->count, steps_bound(&f));
    }
    recording_free(&r);
    flow_close(&f);
}

static const alt_step_report made_up = {.nodes = "n", .operators = "Add", .kernel = "k", .shapes = "", .end_ns = 5};

static void a_run_that_fails_or_begins_anew_leaves_nothing(void **state)
{
    (void)state;
    struct recording r;
    alt_step_report again = made_up;
    again.attempt = 1;
    assert_true(recording_init(&r, 2));
    recording_begin(&r);
    recording_step(&r, &made_up);
    recording_end(&r, false);
    assert_int_equal(recording_count(&r), 0);
    recording_begin(&r);
    recording_step(&r, &made_up);
    recording_step(&r, &again);
    recording_end(&r, true);
    assert_int_equal(recording_count(&r), 1);
    assert_int_equal(recording_run(&r, 0)->count, 1);
    assert_int_equal(recording_run(&r, 0)->step[0].attempt, 1);
    recording_free(&r);
}

static void loops_of_any_length_are_bounded(void **state)
{
    (void)state;
    struct recording r;
    alt_step_report inner = made_up;
    inner.depth = 1;
    assert_true(recording_init(&r, 1));
    recording_begin(&r);
    for (int i = 0; i < RECORDED_STEPS + 5; i++)
        recording_step(&r, &inner);
    recording_step(&r, &made_up);
    recording_end(&r, true);
    assert_int_equal(recording_run(&r, 0)->count, RECORDED_STEPS + 1);
    assert_int_equal(recording_run(&r, 0)->left_out, 5);
    recording_free(&r);
}

static double number(const json_t *event, const char *key)
{
    const json_t *n = json_object_get(event, key);
    assert_true(json_is_number(n));
    return json_number_value(n);
}

/* Every event of a run lies within it; the number of its steps. */
static int check_run(const json_t *events, size_t run)
{
    const json_t *whole = json_array_get(events, run);
    const double begin = number(whole, "ts"), end = begin + number(whole, "dur"), grain = 1e-4;
    int steps = 0;
    for (size_t i = run + 1; i < json_array_size(events); i++) {
        const json_t *e = json_array_get(events, i), *args = json_object_get(e, "args");
        if (strcmp(json_string_value(json_object_get(e, "cat")), "run") == 0)
            break;
        assert_string_equal(json_string_value(json_object_get(e, "ph")), "X");
        assert_true(number(e, "ts") >= begin - grain && number(e, "ts") + number(e, "dur") <= end + grain);
        assert_true(json_is_string(json_object_get(args, "operator")) &&
                    json_is_string(json_object_get(args, "kernel")));
        assert_true(number(args, "bytes") > 0 && number(args, "threads") >= 1 && number(args, "flops") >= 0);
        steps++;
    }
    return steps;
}

static void the_trace_holds_every_step_once_a_run(void **state)
{
    (void)state;
    struct flow f;
    struct trace t = {0};
    char path[] = "/tmp/alt-profile-XXXXXX";
    const int fd = mkstemp(path);
    int runs = 0;
    assert_true(fd >= 0);
    close(fd);
    open_convnet(&f);
    assert_int_equal(trace_open(&t, path), OUTCOME_DONE);
    record_runs(&f, &t.recording, TRACED_RUNS + 2);
    recording_begin(&t.recording);
    alt_step_report strange = made_up;
    strange.nodes = "no \xff UTF-8 \"";
    strange.bytes = 4;
    recording_step(&t.recording, &strange);
    recording_end(&t.recording, false); /* and a run that failed */
    assert_true(trace_close(&t, "model \xff"));
    json_t *root = json_load_file(path, 0, NULL);
    const json_t *events = json_object_get(root, "traceEvents");
    assert_true(json_is_array(events));
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *category = json_object_get(json_array_get(events, i), "cat");
        if (!category || strcmp(json_string_value(category), "run") != 0)
            continue;
        assert_int_equal(check_run(events, i), steps_bound(&f));
        runs++;
    }
    assert_int_equal(runs, TRACED_RUNS);
    json_decref(root);
    trace_free(&t);
    unlink(path);
    flow_close(&f);
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
    (void)state;
    struct trace t = {0};
    assert_int_equal(trace_open(&t, "/nonexistent/trace.json"), OUTCOME_USAGE);
    trace_free(&t);
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_int_equal(trace_open(&t, "/dev/full"), OUTCOME_DONE);
    assert_false(trace_close(&t, "model"));
    trace_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_once_one_after_another),
        cmocka_unit_test(a_watched_run_allocates_nothing),
        cmocka_unit_test(work_and_shapes_of_a_sum),
        cmocka_unit_test(steps_of_a_loop_lie_within_it),
        cmocka_unit_test(any_request_for_memory_may_fail),
        cmocka_unit_test(the_last_runs_are_kept),
        cmocka_unit_test(a_run_that_fails_or_begins_anew_leaves_nothing),
        cmocka_unit_test(loops_of_any_length_are_bounded),
        cmocka_unit_test(the_trace_holds_every_step_once_a_run),
        cmocka_unit_test(a_file_that_cannot_be_written_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
