/* test_bind_like.c: bindings made from one for other extents answer to the bit as bindings made from the beginning. */
#include "runtime/session.h"
#include "tests/cmocka_all.h"
#include "tests/graph_bytes.h"

#include <alt/alt.h>

#include <stdlib.h>
#include <string.h>

static const int64_t extents[] = {3, 4, 1, 5, 2, 9, 40, 41, 3, 400, 7, 6};
enum { EXTENTS = sizeof extents / sizeof *extents, MOST_OUTPUTS = 4 };

struct subject {
    const struct graph_bytes *bytes;
    alt_model *model;
    enum alt_layout_policy policy;
};

/* Every input: symbolic dimensions are n, floats depend on their index; about a third of them 0. */
static alt_value *make_input(const alt_port *port, int64_t n)
{
    int64_t dims[ALT_MAX_RANK];
    alt_value *v;
    for (int d = 0; d < port->rank; d++)
        dims[d] = port->dims[d] >= 0 ? port->dims[d] : n;
    assert_int_equal(alt_value_tensor(NULL, port->dtype, (size_t)port->rank, dims, &v), ALT_OK);
    if (port->dtype == ALT_INT64)
        for (size_t i = 0; i < alt_value_count(v); i++)
            ((int64_t *)alt_value_data(v))[i] = 2;
    else
        for (size_t i = 0; i < alt_value_count(v); i++)
            ((float *)alt_value_data(v))[i] = (float)(i * 7 % 15 % 11) / 8 - (i % 3 ? 0 : (float)(i * 7 % 15 % 11) / 8);
    return v;
}

static alt_session *open(const struct subject *s)
{
    const alt_session_options so = {.size = sizeof so, .threads = 1};
    alt_session *session;
    assert_int_equal(alt_session_create(s->model, &so, &session, NULL), ALT_OK);
    if (s->policy == ALT_LAYOUT_PLAIN) {
        struct alt_program_spec spec = alt_session_spec(session);
        struct alt_plan *plan;
        spec.policy = s->policy;
        assert_int_equal(alt_plan_create(&spec, NULL, &plan), ALT_OK);
        assert_int_equal(alt_session_publish(session, plan, NULL), ALT_OK);
    }
    return session;
}

static void run(const struct subject *s, alt_session *session, int64_t n, alt_value **out)
{
    alt_value *in[MOST_OUTPUTS];
    alt_error *error = NULL;
    size_t n_in = alt_model_input_count(s->model), n_out = alt_model_output_count(s->model);
    for (size_t i = 0; i < n_in; i++)
        in[i] = make_input(alt_model_input(s->model, i), n);
    memset(out, 0, MOST_OUTPUTS * sizeof *out);
    if (alt_session_run(session, NULL, (const alt_value *const *)in, n_in, out, n_out, &error) != ALT_OK)
        fail_msg("n=%lld: %s", (long long)n, alt_error_text(error));
    for (size_t i = 0; i < n_in; i++)
        alt_value_release(in[i]);
}

static void compare(const struct subject *s, alt_session *long_lived, int64_t n)
{
    alt_session *fresh = open(s);
    alt_value *a[MOST_OUTPUTS], *b[MOST_OUTPUTS];
    run(s, long_lived, n, a);
    run(s, fresh, n, b);
    for (size_t i = 0; i < alt_model_output_count(s->model); i++) {
        assert_int_equal(alt_value_rank(a[i]), alt_value_rank(b[i]));
        if (alt_value_rank(a[i]))
            assert_memory_equal(alt_value_dims(a[i]), alt_value_dims(b[i]), alt_value_rank(a[i]) * sizeof(int64_t));
        if (alt_value_bytes(a[i]))
            assert_memory_equal(alt_value_data(a[i]), alt_value_data(b[i]), alt_value_bytes(a[i]));
        alt_value_release(a[i]);
        alt_value_release(b[i]);
    }
    alt_session_free(fresh);
}

/* Every extent twice, so that every context and binding is met again; `least`: bindings that must have had a model. */
static void check(const struct graph_bytes *bytes, int least)
{
    struct subject s = {.bytes = bytes};
    alt_error *error = NULL;
    if (alt_model_load_memory(bytes->model.data, bytes->model.size, NULL, &s.model, &error) != ALT_OK)
        fail_msg("%s", alt_error_text(error));
    for (int policy = 0; policy < 2; policy++) {
        int made_like = 0;
        s.policy = (enum alt_layout_policy)policy;
        alt_session *session = open(&s);
        for (int i = 0; i < 2 * EXTENTS; i++)
            compare(&s, session, extents[i % EXTENTS]);
        for (const struct alt_binding *b = session->plan->bindings.first; b; b = b->older)
            made_like += b->like != NULL;
        print_message("%d of %d bindings made like another\n", made_like, session->plan->bindings.count);
        assert_true(made_like >= least);
        alt_session_free(session);
    }
    alt_model_free(s.model);
}

static void convolutions(void **state)
{
    (void)state;
    struct graph_bytes g;
    graph_bytes_convnet(&g);
    check(&g, 6);
    graph_bytes_close(&g);
}

/* A cache that grows, views of it, shape arithmetic, contents that depend on the extent, work in place, and steps beside that
 * no extent touches. */
static void a_growing_cache(void **state)
{
    (void)state;
    struct graph_bytes g;
    const int64_t two = 2, one = 1, zero = 0, minus_one = -1;
    graph_bytes_open(&g, 3);
    graph_bytes_input(&g, "x", ALT_FLOAT32, "2,1,6");
    graph_bytes_input(&g, "past", ALT_FLOAT32, "2,past,6");
    graph_bytes_weights(&g, "w", "6,6", 1);
    graph_bytes_weights(&g, "table", "500,6", 1);
    graph_bytes_ints(&g, "two", 1, &two);
    graph_bytes_ints(&g, "one", 1, &one);
    graph_bytes_ints(&g, "zero", 1, &zero);
    graph_bytes_ints(&g, "flat", 1, &minus_one);
    graph_bytes_node(&g, "MatMul", "x,w", "q0", NULL);
    graph_bytes_node(&g, "Tanh", "q0", "q", NULL);
    graph_bytes_node(&g, "Concat", "past,q", "cache", "axis=1");
    graph_bytes_node(&g, "Shape", "cache", "shape", NULL);
    graph_bytes_node(&g, "Slice", "shape,one,two", "total", NULL);
    graph_bytes_node(&g, "Slice", "table,zero,total,zero", "positions", NULL);
    graph_bytes_node(&g, "Add", "cache,positions", "keys0", NULL);
    graph_bytes_node(&g, "Relu", "keys0", "keys", NULL);
    graph_bytes_node(&g, "Transpose", "keys", "turned", "perm=0,2,1");
    graph_bytes_node(&g, "MatMul", "q,turned", "scores0", NULL);
    graph_bytes_node(&g, "Softmax", "scores0", "scores", "axis=2");
    graph_bytes_node(&g, "MatMul", "scores,cache", "mixed", NULL);
    graph_bytes_node(&g, "Add", "mixed,q", "y0", NULL);
    graph_bytes_node(&g, "MatMul", "y0,w", "y1", NULL);
    graph_bytes_node(&g, "Sigmoid", "y1", "y", NULL);
    graph_bytes_node(&g, "Concat", "total,flat", "target", "axis=0");
    graph_bytes_node(&g, "Reshape", "keys,target", "rows", NULL);
    graph_bytes_output(&g, "y", ALT_FLOAT32);
    graph_bytes_output(&g, "cache", ALT_FLOAT32);
    graph_bytes_output(&g, "rows", ALT_FLOAT32);
    graph_bytes_finish(&g, 13);
    check(&g, 6);
    graph_bytes_close(&g);
}

/* A step on the host ends the segment; what comes after it is a continuation of either kind of binding. */
static void steps_on_the_host(void **state)
{
    (void)state;
    struct graph_bytes g;
    const int64_t minus_one = -1;
    graph_bytes_open(&g, 4);
    graph_bytes_input(&g, "x", ALT_FLOAT32, "n,3");
    graph_bytes_ints(&g, "flat", 1, &minus_one);
    graph_bytes_node(&g, "Reshape", "x,flat", "line", NULL);
    graph_bytes_node(&g, "Exp", "line", "e", NULL);
    graph_bytes_node(&g, "NonZero", "line", "i", NULL);
    graph_bytes_node(&g, "Reshape", "i,flat", "j", NULL);
    graph_bytes_node(&g, "Gather", "e,j", "found", "axis=0");
    graph_bytes_node(&g, "Add", "found,found", "y", NULL);
    graph_bytes_output(&g, "y", ALT_FLOAT32);
    graph_bytes_output(&g, "e", ALT_FLOAT32);
    graph_bytes_finish(&g, 13);
    check(&g, 6);
    graph_bytes_close(&g);
}

/* Extents at which the structure changes (a slice that is empty, then whole; k of an input that decides a shape) bind from the
 * beginning and answer all the same. */
static void structure_that_changes(void **state)
{
    (void)state;
    struct graph_bytes g;
    const int64_t five = 5, zero = 0, last = INT64_MAX;
    graph_bytes_open(&g, 5);
    graph_bytes_input(&g, "x", ALT_FLOAT32, "n,4");
    graph_bytes_input(&g, "k", ALT_INT64, "1");
    graph_bytes_ints(&g, "five", 1, &five);
    graph_bytes_ints(&g, "zero", 1, &zero);
    graph_bytes_ints(&g, "last", 1, &last);
    graph_bytes_weights(&g, "w", "4,3", 1);
    graph_bytes_node(&g, "Slice", "x,five,last,zero", "tail", NULL);
    graph_bytes_node(&g, "MatMul", "tail,w", "y", NULL);
    graph_bytes_node(&g, "Concat", "x,tail", "both0", "axis=0");
    graph_bytes_node(&g, "Neg", "both0", "both", NULL);
    graph_bytes_node(&g, "TopK", "x,k", "best,where", "axis=1");
    graph_bytes_output(&g, "y", ALT_FLOAT32);
    graph_bytes_output(&g, "both", ALT_FLOAT32);
    graph_bytes_output(&g, "best", ALT_FLOAT32);
    graph_bytes_finish(&g, 13);
    check(&g, 0);
    graph_bytes_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),
        cmocka_unit_test(a_growing_cache),
        cmocka_unit_test(steps_on_the_host),
        cmocka_unit_test(structure_that_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
