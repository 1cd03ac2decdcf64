/* test_bind_place.c: which outputs are views of an input and which are made. */
#include "runtime/session.h"
#include "tests/cmocka_all.h"
#include "tests/graph_bytes.h"

#include <alt/alt.h>

#include <stdlib.h>

/* How many steps of x [dims] -> transposed -> Sigmoid are views. */
static int views(int rank, const int64_t *dims, const char *shape, const char *perm)
{
    const alt_session_options options = {.size = sizeof options, .threads = 1};
    struct graph_bytes g;
    alt_model *model;
    alt_session *session;
    alt_value *in, *out = NULL;
    int count = 0;
    graph_bytes_open(&g, 1);
    graph_bytes_input(&g, "x", ALT_FLOAT32, shape);
    graph_bytes_output(&g, "y", ALT_FLOAT32);
    graph_bytes_node(&g, "Transpose", "x", "t", perm);
    graph_bytes_node(&g, "Sigmoid", "t", "y", NULL);
    graph_bytes_finish(&g, 14);
    assert_int_equal(alt_model_load_memory(g.model.data, g.model.size, NULL, &model, NULL), ALT_OK);
    assert_int_equal(alt_session_create(model, &options, &session, NULL), ALT_OK);
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, (size_t)rank, dims, &in), ALT_OK);
    assert_int_equal(alt_session_run(session, NULL, (const alt_value *const *)&in, 1, &out, 1, NULL), ALT_OK);
    const struct alt_binding *b = session->plan->bindings.first;
    for (int s = b->first; s < b->end; s++)
        count += b->step[s - b->first].skip;
    alt_value_release(in);
    alt_value_release(out);
    alt_session_free(session);
    alt_model_free(model);
    graph_bytes_close(&g);
    return count;
}

static void many_short_runs_are_copied(void **state)
{
    (void)state;
    assert_int_equal(views(3, (int64_t[]){2, 3, 200}, "n,3,w", "perm=0,2,1"), 0);        /* 400 runs of 3 */
    assert_int_equal(views(4, (int64_t[]){1, 90, 70, 2}, "n,90,w,2", "perm=0,2,1,3"), 0); /* 6300 of 2, side by side */
    assert_int_equal(views(3, (int64_t[]){2, 3, 20}, "n,3,w", "perm=0,2,1"), 1);         /* 40 */
    assert_int_equal(views(3, (int64_t[]){2, 9, 200}, "n,9,w", "perm=0,2,1"), 1);        /* of 9 */
    assert_int_equal(views(3, (int64_t[]){2, 200, 3}, "n,w,3", "perm=0,2,1"), 1);        /* of 200, apart */
    assert_int_equal(views(4, (int64_t[]){2, 200, 1, 64}, "n,w,1,64", "perm=0,2,1,3"), 1); /* as it lies */
    assert_int_equal(views(3, (int64_t[]){0, 3, 200}, "n,3,w", "perm=0,2,1"), 1);        /* nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_short_runs_are_copied)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
