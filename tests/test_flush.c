/* test_flush.c: subnormal results are zero on every thread of a run, and the caller's arithmetic is as before, whatever became of it. */
#include <alt/alt.h>

#include "tests/cmocka_all.h"
#include "tests/graph_bytes.h"

#include <stdlib.h>

enum { COUNT = 200000 }; /* enough for several threads */

/* 1e-40 where subnormal numbers are numbers. */
static float tiny(void)
{
    volatile float a = 1e-30f, b = 1e-10f;
    return a * b;
}

static void open_session(struct graph_bytes *g, alt_model **model, alt_session **session)
{
    const alt_session_options options = {.size = sizeof options, .threads = 4};
    graph_bytes_open(g, 1);
    graph_bytes_input(g, "x", ALT_FLOAT32, "n");
    graph_bytes_input(g, "y", ALT_FLOAT32, "n");
    graph_bytes_node(g, "Mul", "x,y", "z", NULL);
    graph_bytes_output(g, "z", ALT_FLOAT32);
    graph_bytes_finish(g, 14);
    assert_int_equal(alt_model_load_memory(g->model.data, g->model.size, NULL, model, NULL), ALT_OK);
    assert_int_equal(alt_session_create(*model, &options, session, NULL), ALT_OK);
}

static alt_value *filled(int64_t count, float x)
{
    alt_value *v;
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 1, &count, &v), ALT_OK);
    for (int64_t i = 0; i < count; i++)
        ((float *)alt_value_data(v))[i] = x;
    return v;
}

static void results_are_zero_and_the_mode_is_restored(void **state)
{
    (void)state;
#if !defined(__x86_64__) && !defined(__aarch64__)
    skip();
#endif
    struct graph_bytes g;
    alt_model *model;
    alt_session *session;
    open_session(&g, &model, &session);
    alt_value *in[] = {filled(COUNT, 1e-30f), filled(COUNT, 1e-10f), filled(3, 1)}, *out = NULL;
    const alt_value *good[] = {in[0], in[1]}, *bad[] = {in[0], in[2]};
    for (int i = 0; i < 20; i++) {
        assert_int_equal(alt_session_run(session, NULL, good, 2, &out, 1, NULL), ALT_OK);
        for (int k = 0; k < COUNT; k++)
            if (((const float *)alt_value_data(out))[k] != 0)
                fail_msg("element %d of run %d is not zero", k, i);
        alt_value_release(out);
        out = NULL;
        assert_true(tiny() != 0);
        assert_int_equal(alt_session_run(session, NULL, bad, 2, &out, 1, NULL), ALT_E_SHAPE);
        assert_true(tiny() != 0);
    }
    for (int i = 0; i < 3; i++)
        alt_value_release(in[i]);
    alt_session_free(session);
    alt_model_free(model);
    graph_bytes_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(results_are_zero_and_the_mode_is_restored)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
