/* test_flow.c: subgraphs at run time: captures from several levels up, loops that run not at all, grow, or never end, scans
 * backwards, and what all that costs once it is warm. */
#include "runtime/model.h"
#include "runtime/session.h"
#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"
#include "tests/flow_model.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

/* ---- captures ---- */

/* for i < trips: s = i < limit ? s + x : s * x, collected; s begins as x. The branches read x two levels up. */
static void open_nested(struct flow *f, const alt_session_options *options)
{
    struct graph_bytes body, branch[2];
    memset(f, 0, sizeof *f);
    graph_bytes_open(&f->bytes, 1);
    graph_bytes_input(&f->bytes, "trips", ALT_INT64, "");
    graph_bytes_input(&f->bytes, "limit", ALT_INT64, "");
    graph_bytes_input(&f->bytes, "x", ALT_FLOAT32, "n");
    flow_body(&body);
    graph_bytes_input(&body, "s", ALT_FLOAT32, NULL);
    graph_bytes_node(&body, "Less", "i,limit", "early", NULL);
    for (int b = 0; b < 2; b++) {
        graph_bytes_open(&branch[b], 1);
        graph_bytes_node(&branch[b], b ? "Mul" : "Add", "s,x", "t", NULL);
        graph_bytes_output(&branch[b], "t", ALT_FLOAT32);
    }
    graph_bytes_holder(&body, "If", "early", "t", NULL, 2, flow_branch_names, branch);
    graph_bytes_output(&body, "t", ALT_FLOAT32);
    graph_bytes_output(&body, "t", ALT_FLOAT32);
    graph_bytes_holder(&f->bytes, "Loop", "trips,,x", "last,all", NULL, 1, flow_body_name, &body);
    graph_bytes_output(&f->bytes, "last", ALT_FLOAT32);
    graph_bytes_output(&f->bytes, "all", ALT_FLOAT32);
    flow_open(f, options);
}

static void a_branch_in_a_loop_reads_two_levels_up(void **state)
{
    (void)state;
    struct flow f;
    const float x[3] = {1.5f, -2, 3};
    float s[3], all[5 * 3];
    open_nested(&f, NULL);
    f.in[0] = flow_number(5);
    f.in[1] = flow_number(2);
    f.in[2] = flow_floats(3, x);
    flow_run(&f);
    memcpy(s, x, sizeof s);
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 3; k++)
            all[3 * i + k] = s[k] = i < 2 ? s[k] + x[k] : s[k] * x[k];
    flow_expect(f.out[0], 1, (const int64_t[]){3}, s);
    flow_expect(f.out[1], 2, (const int64_t[]){5, 3}, all);
    flow_close(&f);
}

static void a_loop_of_no_trips_gives_its_initial_state(void **state)
{
    (void)state;
    struct flow f;
    const float x[2] = {4, 5};
    open_nested(&f, NULL);
    f.in[1] = flow_number(0);
    f.in[2] = flow_floats(2, x);
    for (int64_t trips = -1; trips <= 0; trips++) {
        alt_value_release(f.in[0]);
        f.in[0] = flow_number(trips);
        flow_run(&f);
        flow_expect(f.out[0], 1, (const int64_t[]){2}, x);
        flow_expect(f.out[1], 2, (const int64_t[]){0, 0}, NULL); /* n is not known where nothing was computed */
    }
    flow_close(&f);
}

static void a_warm_loop_allocates_nothing(void **state)
{
    (void)state;
    struct flow f;
    const float x[3] = {1, 2, 3};
    open_nested(&f, NULL);
    f.in[0] = flow_number(9);
    f.in[1] = flow_number(4);
    f.in[2] = flow_floats(3, x);
    flow_run(&f);
    flow_run(&f); /* the memory of host steps is joined after the first run */
    const uint64_t before = flow_allocations(&f);
    for (int i = 0; i < 5; i++)
        flow_run(&f);
    assert_int_equal(flow_allocations(&f) - before, 0);
    flow_close(&f);
}

static alt_status nested_run(const alt_allocator *hooks, void *context)
{
    const struct flow *f = context;
    alt_session *session = NULL;
    alt_value *out[2] = {NULL};
    const alt_session_options options = {.size = sizeof options, .threads = 1, .allocator = hooks};
    alt_status status = alt_session_create(f->model, &options, &session, NULL);
    for (int i = 0; i < 2 && status == ALT_OK; i++) {
        status = alt_session_run(session, NULL, (const alt_value *const *)f->in, f->n_in, out, 2, NULL);
        alt_value_release(out[0]);
        alt_value_release(out[1]);
        out[0] = out[1] = NULL;
    }
    alt_session_free(session);
    return status;
}

static void every_allocation_of_nested_runs_may_fail(void **state)
{
    (void)state;
    struct flow f;
    const char *why = NULL;
    const float x[3] = {1, 2, 3};
    open_nested(&f, NULL);
    f.in[0] = flow_number(3);
    f.in[1] = flow_number(1);
    f.in[2] = flow_floats(3, x);
    if (fail_alloc_sweep(nested_run, &f, &why) == 0)
        fail_msg("%s", why ? why : "nothing was allocated");
    flow_close(&f);
}

struct caller {
    pthread_t thread;
    const struct flow *f;
    int64_t trips;
    int wrong;
};

static void *call_often(void *argument)
{
    struct caller *c = argument;
    const float x[3] = {1, 2, 3};
    alt_value *in[3] = {flow_number(c->trips), flow_number(2), flow_floats(3, x)}, *out[2] = {NULL};
    for (int i = 0; i < 200; i++) {
        if (alt_session_run(c->f->session, NULL, (const alt_value *const *)in, 3, out, 2, NULL) != ALT_OK) {
            c->wrong++;
            continue;
        }
        /* i < 2: x + x, 2x + x; then times x each turn */
        float want = 3;
        for (int64_t k = 2; k < c->trips; k++)
            want *= x[0];
        c->wrong += *(const float *)alt_value_data_const(out[0]) != want || alt_value_dims(out[1])[0] != c->trips;
        alt_value_release(out[0]);
        alt_value_release(out[1]);
        out[0] = out[1] = NULL;
    }
    for (int i = 0; i < 3; i++)
        alt_value_release(in[i]);
    return NULL;
}

static void many_callers_run_one_loop(void **state)
{
    (void)state;
    struct flow f;
    struct caller caller[4];
    open_nested(&f, NULL);
    for (int i = 0; i < 4; i++) {
        caller[i] = (struct caller){.f = &f, .trips = 2 + i % 2};
        assert_int_equal(pthread_create(&caller[i].thread, NULL, call_often, &caller[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(caller[i].thread, NULL);
        assert_int_equal(caller[i].wrong, 0);
    }
    flow_close(&f);
}

static void a_published_plan_runs_its_own_subgraphs(void **state)
{
    (void)state;
    struct flow f;
    struct alt_plan *plan;
    const float x[3] = {1.5f, -2, 3};
    open_nested(&f, NULL);
    f.in[0] = flow_number(5);
    f.in[1] = flow_number(2);
    f.in[2] = flow_floats(3, x);
    flow_run(&f);
    alt_value *before = alt_value_retain(f.out[1]);
    struct alt_program_spec spec = alt_session_spec(f.session);
    spec.policy = ALT_LAYOUT_PLAIN;
    assert_int_equal(alt_plan_create(&spec, NULL, &plan), ALT_OK);
    assert_int_equal(alt_session_publish(f.session, plan, NULL), ALT_OK);
    flow_run(&f);
    assert_memory_equal(alt_value_data(before), alt_value_data(f.out[1]), alt_value_bytes(before));
    alt_value_release(before);
    flow_close(&f);
}

/* c = Exp(const) is folded outside and read in both branches: it becomes theirs, and the node reads nothing but p. */
static void captured_constants_become_the_branch_s_own(void **state)
{
    (void)state;
    struct flow f = {0};
    struct graph_bytes branch[2];
    graph_bytes_open(&f.bytes, 1);
    graph_bytes_input(&f.bytes, "p", ALT_BOOL, "");
    graph_bytes_weights(&f.bytes, "w", "4", 1);
    graph_bytes_node(&f.bytes, "Exp", "w", "c", NULL);
    for (int b = 0; b < 2; b++) {
        graph_bytes_open(&branch[b], 1);
        graph_bytes_node(&branch[b], b ? "Neg" : "Sqrt", "c", "t", NULL);
        graph_bytes_output(&branch[b], "t", ALT_FLOAT32);
    }
    graph_bytes_holder(&f.bytes, "If", "p", "y", NULL, 2, flow_branch_names, branch);
    graph_bytes_output(&f.bytes, "y", ALT_FLOAT32);
    flow_open(&f, NULL);
    const struct alt_node *n = f.model->graph->first;
    assert_int_equal(f.model->graph->n_nodes, 1);
    for (int i = n->n_in_explicit; i < n->n_in; i++)
        assert_null(n->in[i]);
    for (int b = 0; b < 2; b++)
        assert_int_equal(alt_node_subgraph(n, b)->n_nodes, 0); /* folded there too */
    f.in[0] = flow_flag(true);
    flow_run(&f);
    assert_int_equal(alt_value_dims(f.out[0])[0], 4);
    flow_close(&f);
}

/* ---- state that changes its shape ---- */

static void open_growing(struct flow *f, const alt_session_options *options)
{
    struct graph_bytes body;
    memset(f, 0, sizeof *f);
    graph_bytes_open(&f->bytes, 1);
    graph_bytes_input(&f->bytes, "trips", ALT_INT64, "");
    graph_bytes_input(&f->bytes, "x", ALT_FLOAT32, "2");
    flow_body(&body);
    graph_bytes_input(&body, "cache", ALT_FLOAT32, "2"); /* says less than it should, as exporters do */
    graph_bytes_node(&body, "Concat", "cache,x", "longer", "axis=0");
    graph_bytes_node(&body, "ReduceSum", "longer", "sum", "keepdims=0");
    graph_bytes_output(&body, "longer", ALT_FLOAT32);
    graph_bytes_output(&body, "sum", ALT_FLOAT32);
    graph_bytes_holder(&f->bytes, "Loop", "trips,,x", "cache_out,sums", NULL, 1, flow_body_name, &body);
    graph_bytes_output(&f->bytes, "cache_out", ALT_FLOAT32);
    graph_bytes_output(&f->bytes, "sums", ALT_FLOAT32);
    flow_open(f, options);
}

static void state_may_grow_with_each_turn(void **state)
{
    (void)state;
    struct flow f;
    const float x[2] = {1, 2};
    float cache[2 * 31], sums[30];
    open_growing(&f, NULL);
    f.in[0] = flow_number(30);
    f.in[1] = flow_floats(2, x);
    for (int i = 0; i < 62; i++)
        cache[i] = x[i % 2];
    for (int i = 0; i < 30; i++)
        sums[i] = 3.0f * (float)(i + 2);
    for (int i = 0; i < 3; i++) {
        flow_run(&f);
        flow_expect(f.out[0], 1, (const int64_t[]){62}, cache);
        flow_expect(f.out[1], 1, (const int64_t[]){30}, sums);
    }
    const uint64_t before = flow_allocations(&f);
    flow_run(&f);
    assert_int_equal(flow_allocations(&f) - before, 0); /* all thirty shapes are remembered */
    flow_close(&f);
}

/* ---- loops without end ---- */

/* `Loop("", "", x)`: with `work` something is computed and, with `collect`, collected. */
static void open_endless(struct flow *f, const alt_session_options *options, bool work, bool collect)
{
    struct graph_bytes body;
    memset(f, 0, sizeof *f);
    graph_bytes_open(&f->bytes, 1);
    graph_bytes_input(&f->bytes, "trips", ALT_INT64, "");
    graph_bytes_input(&f->bytes, "x", ALT_FLOAT32, "n");
    flow_body(&body);
    graph_bytes_input(&body, "s", ALT_FLOAT32, NULL);
    if (work)
        graph_bytes_node(&body, "Add", "s,x", "t", NULL);
    graph_bytes_output(&body, work ? "t" : "s", ALT_FLOAT32);
    if (collect)
        graph_bytes_output(&body, work ? "t" : "s", ALT_FLOAT32);
    graph_bytes_holder(&f->bytes, "Loop", collect ? "trips,,x" : ",,x", collect ? "y,all" : "y", NULL, 1,
                       flow_body_name, &body);
    graph_bytes_output(&f->bytes, "y", ALT_FLOAT32);
    if (collect)
        graph_bytes_output(&f->bytes, "all", ALT_FLOAT32);
    flow_open(f, options);
}

static void *trigger_soon(void *cancel)
{
    const struct timespec soon = {.tv_nsec = 30 * 1000 * 1000};
    nanosleep(&soon, NULL);
    alt_cancel_trigger(cancel);
    return NULL;
}

static void the_cancel_switch_ends_a_loop_without_end(void **state)
{
    (void)state;
    const float x[2] = {1, 2};
    for (int work = 0; work < 2; work++) {
        struct flow f;
        alt_cancel *cancel;
        pthread_t thread;
        open_endless(&f, NULL, work, false);
        f.in[0] = flow_number(0);
        f.in[1] = flow_floats(2, x);
        assert_int_equal(alt_cancel_create(&cancel), ALT_OK);
        const alt_run_options options = {.size = sizeof options, .cancel = cancel};
        assert_int_equal(pthread_create(&thread, NULL, trigger_soon, cancel), 0);
        assert_int_equal(flow_try(&f, &options), ALT_E_CANCELLED);
        pthread_join(thread, NULL);
        assert_null(f.out[0]);
        alt_cancel_free(cancel);
        flow_close(&f);
    }
}

static void the_deadline_ends_a_loop_without_end(void **state)
{
    (void)state;
    const float x[2] = {1, 2};
    for (int work = 0; work < 2; work++) {
        struct flow f;
        struct timespec now;
        open_endless(&f, NULL, work, false);
        f.in[0] = flow_number(0);
        f.in[1] = flow_floats(2, x);
        clock_gettime(CLOCK_MONOTONIC, &now);
        const alt_run_options options = {.size = sizeof options,
                                         .deadline_ns = now.tv_sec * 1000000000 + now.tv_nsec + 30 * 1000 * 1000};
        assert_int_equal(flow_try(&f, &options), ALT_E_DEADLINE);
        flow_close(&f);
    }
}

static void results_without_end_meet_the_ceiling(void **state)
{
    (void)state;
    struct flow f;
    float x[256] = {1};
    const alt_session_options options = {.size = sizeof options, .memory_limit = 8 << 20};
    open_endless(&f, &options, true, true);
    f.in[0] = flow_number(INT64_MAX);
    f.in[1] = flow_floats(256, x);
    assert_int_equal(flow_try(&f, NULL), ALT_E_NOMEM);
    assert_null(f.out[0]);
    alt_stats stats = {.size = sizeof stats};
    assert_int_equal(alt_session_stats(f.session, &stats), ALT_OK);
    assert_true(stats.peak_bytes <= (size_t)8 << 20);
    alt_value_release(f.in[0]);
    f.in[0] = flow_number(3);
    flow_run(&f); /* the session goes on */
    assert_int_equal(alt_value_dims(f.out[1])[0], 3);
    flow_close(&f);
}

/* ---- Scan ---- */

static void a_scan_runs_backwards_along_any_axis(void **state)
{
    (void)state;
    struct flow f = {0};
    struct graph_bytes body;
    alt_value *x;
    graph_bytes_open(&f.bytes, 1);
    graph_bytes_input(&f.bytes, "s", ALT_FLOAT32, "2");
    graph_bytes_input(&f.bytes, "x", ALT_FLOAT32, "2,n");
    graph_bytes_open(&body, 1);
    graph_bytes_input(&body, "s_in", ALT_FLOAT32, NULL);
    graph_bytes_input(&body, "slice", ALT_FLOAT32, NULL);
    graph_bytes_node(&body, "Add", "s_in,slice", "s_out", NULL);
    graph_bytes_output(&body, "s_out", ALT_FLOAT32);
    graph_bytes_output(&body, "s_out", ALT_FLOAT32);
    graph_bytes_holder(&f.bytes, "Scan", "s,x", "last,all",
                       "num_scan_inputs=1 scan_input_axes=1 scan_input_directions=1 scan_output_axes=-1 "
                       "scan_output_directions=1",
                       1, flow_body_name, &body);
    graph_bytes_output(&f.bytes, "last", ALT_FLOAT32);
    graph_bytes_output(&f.bytes, "all", ALT_FLOAT32);
    flow_open(&f, NULL);
    const float data[6] = {1, 2, 3, 10, 20, 30};
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 2, (const int64_t[]){2, 3}, &x), ALT_OK);
    memcpy(alt_value_data(x), data, sizeof data);
    f.in[0] = flow_floats(2, (const float[]){0, 100});
    f.in[1] = x;
    flow_run(&f);
    flow_expect(f.out[0], 1, (const int64_t[]){2}, (const float[]){6, 160});
    /* The last result, from the first slice, stands first. */
    flow_expect(f.out[1], 2, (const int64_t[]){2, 3}, (const float[]){6, 5, 3, 160, 150, 130});
    flow_close(&f);
}

/* ---- conditions that are known, branches that cannot be ---- */

/* y = If(c) then Squeeze(x, axis 0) else Identity(x), where x is float32[3]. */
static void open_impossible(struct flow *f)
{
    struct graph_bytes branch[2];
    const int64_t axis = 0;
    memset(f, 0, sizeof *f);
    graph_bytes_open(&f->bytes, 1);
    graph_bytes_input(&f->bytes, "c", ALT_BOOL, "");
    graph_bytes_input(&f->bytes, "x", ALT_FLOAT32, "3");
    graph_bytes_ints(&f->bytes, "axis", 1, &axis);
    for (int b = 0; b < 2; b++) {
        graph_bytes_open(&branch[b], 1);
        graph_bytes_node(&branch[b], b ? "Identity" : "Squeeze", b ? "x" : "x,axis", "t", NULL);
        graph_bytes_output(&branch[b], "t", ALT_FLOAT32);
    }
    graph_bytes_holder(&f->bytes, "If", "c", "y", NULL, 2, flow_branch_names, branch);
    graph_bytes_output(&f->bytes, "y", ALT_FLOAT32);
    flow_open(f, NULL);
}

static void a_branch_that_cannot_run_is_an_error_when_it_is_taken(void **state)
{
    (void)state;
    struct flow f;
    const float x[3] = {1, 2, 3};
    open_impossible(&f);
    f.in[0] = flow_flag(false);
    f.in[1] = flow_floats(3, x);
    flow_run(&f);
    flow_expect(f.out[0], 1, (const int64_t[]){3}, x);
    alt_value_release(f.in[0]);
    f.in[0] = flow_flag(true);
    assert_int_equal(flow_try(&f, NULL), ALT_E_SHAPE);
    assert_non_null(strstr(f.text, "Squeeze"));
    flow_close(&f);
}

/* If(Shape(x)[0] == 1) of float32[3] is decided when the model is loaded. */
static void a_condition_that_is_known_leaves_no_branch(void **state)
{
    (void)state;
    struct flow f = {0};
    struct graph_bytes branch[2];
    const int64_t zero = 0, one = 1;
    const float x[3] = {1, 2, 3};
    graph_bytes_open(&f.bytes, 1);
    graph_bytes_input(&f.bytes, "x", ALT_FLOAT32, "3");
    graph_bytes_ints(&f.bytes, "zero", 1, &zero);
    graph_bytes_ints(&f.bytes, "one", 1, &one);
    graph_bytes_node(&f.bytes, "Shape", "x", "shape", NULL);
    graph_bytes_node(&f.bytes, "Gather", "shape,zero", "extent", NULL);
    graph_bytes_node(&f.bytes, "Equal", "extent,one", "c", NULL);
    for (int b = 0; b < 2; b++) {
        graph_bytes_open(&branch[b], 1);
        graph_bytes_node(&branch[b], b ? "Add" : "Squeeze", b ? "x,x" : "x,zero", "t", NULL);
        graph_bytes_output(&branch[b], "t", ALT_FLOAT32);
    }
    graph_bytes_holder(&f.bytes, "If", "c", "y", NULL, 2, flow_branch_names, branch);
    graph_bytes_output(&f.bytes, "y", ALT_FLOAT32);
    flow_open(&f, NULL);
    assert_int_equal(f.model->graph->n_nodes, 1);
    assert_int_equal(f.model->graph->first->op, ALT_OP_ADD);
    f.in[0] = flow_floats(3, x);
    flow_run(&f);
    flow_expect(f.out[0], 1, (const int64_t[]){3}, (const float[]){2, 4, 6});
    flow_close(&f);
}

/* ---- findings ---- */

static void findings_in_a_body_name_it(void **state)
{
    (void)state;
    struct flow f = {0};
    struct graph_bytes body;
    const float x[3] = {1, 2, 3};
    graph_bytes_open(&f.bytes, 1);
    graph_bytes_input(&f.bytes, "trips", ALT_INT64, "");
    graph_bytes_input(&f.bytes, "x", ALT_FLOAT32, "3");
    flow_body(&body);
    graph_bytes_node(&body, "Gather", "x,i", "element", NULL);
    graph_bytes_output(&body, "element", ALT_FLOAT32);
    graph_bytes_holder(&f.bytes, "Loop", "trips,", "all", NULL, 1, flow_body_name, &body);
    graph_bytes_output(&f.bytes, "all", ALT_FLOAT32);
    flow_open(&f, NULL);
    f.in[0] = flow_number(3);
    f.in[1] = flow_floats(3, x);
    flow_run(&f);
    flow_expect(f.out[0], 1, (const int64_t[]){3}, x);
    alt_value_release(f.in[0]);
    f.in[0] = flow_number(4); /* element 3 of 3 */
    assert_int_equal(flow_try(&f, NULL), ALT_E_SHAPE);
    assert_non_null(strstr(f.text, "node \"element\" (Gather)"));
    assert_non_null(strstr(f.text, "in subgraph body"));
    assert_non_null(strstr(f.text, "\"all\" (Loop)"));
    flow_close(&f);
}

static void state_of_another_type_is_refused(void **state)
{
    (void)state;
    struct flow f = {0};
    struct graph_bytes body;
    graph_bytes_open(&f.bytes, 1);
    graph_bytes_input(&f.bytes, "x", ALT_FLOAT32, "3");
    flow_body(&body);
    graph_bytes_input(&body, "s", ALT_FLOAT32, NULL);
    graph_bytes_node(&body, "Cast", "s", "t", "to=7");
    graph_bytes_output(&body, "t", ALT_INT64);
    graph_bytes_holder(&f.bytes, "Loop", ",,x", "y", NULL, 1, flow_body_name, &body);
    graph_bytes_output(&f.bytes, "y", ALT_FLOAT32);
    assert_int_equal(flow_load(&f, NULL), ALT_E_MODEL);
    assert_non_null(strstr(f.text, "loop state 0"));
    flow_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_branch_in_a_loop_reads_two_levels_up),
        cmocka_unit_test(a_loop_of_no_trips_gives_its_initial_state),
        cmocka_unit_test(a_warm_loop_allocates_nothing),
        cmocka_unit_test(every_allocation_of_nested_runs_may_fail),
        cmocka_unit_test(many_callers_run_one_loop),
        cmocka_unit_test(a_published_plan_runs_its_own_subgraphs),
        cmocka_unit_test(captured_constants_become_the_branch_s_own),
        cmocka_unit_test(state_may_grow_with_each_turn),
        cmocka_unit_test(the_cancel_switch_ends_a_loop_without_end),
        cmocka_unit_test(the_deadline_ends_a_loop_without_end),
        cmocka_unit_test(results_without_end_meet_the_ceiling),
        cmocka_unit_test(a_scan_runs_backwards_along_any_axis),
        cmocka_unit_test(a_branch_that_cannot_run_is_an_error_when_it_is_taken),
        cmocka_unit_test(a_condition_that_is_known_leaves_no_branch),
        cmocka_unit_test(findings_in_a_body_name_it),
        cmocka_unit_test(state_of_another_type_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
