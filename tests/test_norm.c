/* test_norm.c: softmax, normalisations and running sums. The operators' own vectors are in the backend tests; here are
 * layouts of lines, small types, and what must be refused. */
#include "tests/node.h"

#include "tests/cmocka_all.h"

static void softmax_along_any_axis(void **state)
{
    (void)state;
    static const struct {
        enum alt_op op;
        int64_t opset, axis;
        const char *in, *want;
    } table[] = {
        {ALT_OP_SOFTMAX, 13, -1, "float32[2,2] 0 0 1000 0", "float32[2,2] 0.5 0.5 1 0"},
        {ALT_OP_SOFTMAX, 13, 0, "float32[2,2] 0 1 0 1", "float32[2,2] 0.5 0.5 0.5 0.5"},
        {ALT_OP_SOFTMAX, 13, 1, "float16[1,2,2] 0 1 0 1", "float16[1,2,2] 0.5 0.5 0.5 0.5"},
        {ALT_OP_SOFTMAX, 11, 1, "float64[1,2,2] 0 0 0 0", "float64[1,2,2] 0.25 0.25 0.25 0.25"},
        {ALT_OP_SOFTMAX, 11, 2, "float32[1,2] 5 7", "float32[1,2] 1 1"},
        {ALT_OP_SOFTMAX, 13, 0, "float32[] 3", "float32[] 1"},
        {ALT_OP_SOFTMAX, 13, 1, "float32[2,0]", "float32[2,0]"},
        {ALT_OP_SOFTMAX, 13, -1, "float32[2] 1 nan", "float32[2] nan nan"},
        {ALT_OP_LOG_SOFTMAX, 13, -1, "float32[2] 1000 1000", "float32[2] -0.69314718 -0.69314718"},
        {ALT_OP_LOG_SOFTMAX, 13, 0, "bfloat16[2,1] 0 0", "bfloat16[2,1] -0.69314718 -0.69314718"},
        {ALT_OP_HARDMAX, 13, -1, "float32[2,3] 1 3 3 -1 -2 -3", "float32[2,3] 0 1 0 1 0 0"},
        {ALT_OP_HARDMAX, 13, 0, "float32[2,2] 1 3 3 -1", "float32[2,2] 0 1 1 0"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct test_node t;
        node_open(&t, table[i].op, table[i].opset);
        node_int(&t, "axis", table[i].axis);
        node_in(&t, table[i].in);
        node_near(&t, 0, 1e-6, table[i].want);
        node_close(&t);
    }
    struct test_node t;
    node_open(&t, ALT_OP_SOFTMAX, 13);
    node_int(&t, "axis", 2);
    node_in(&t, "float32[2,2] ..");
    assert_int_equal(node_run(&t), ALT_E_MODEL);
    node_close(&t);
}

static void layer_normalization_broadcasts_its_scale(void **state)
{
    (void)state;
    static const char *const scales[] = {"float32[2] 1 2", "float32[1] 2", "float32[2,1] 1 3", "float32[2,2] 1 2 3 4"};
    static const char *const want[] = {"float32[2,2] -1 2 -1 2", "float32[2,2] -2 2 -2 2", "float32[2,2] -1 1 -3 3",
                                       "float32[2,2] -1 2 -3 4"};
    for (int i = 0; i < 4; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_LAYER_NORMALIZATION, 17);
        t.n_out = 3;
        node_float(&t, "epsilon", 0);
        node_in(&t, "float32[2,2] 1 3 10 14");
        node_in(&t, scales[i]);
        node_near(&t, 0, 1e-6, want[i]);
        node_expect(&t, 1, "float32[2,1] 2 12");
        node_expect(&t, 2, "float32[2,1] 1 0.5");
        node_close(&t);
    }
    struct test_node t;
    node_open(&t, ALT_OP_LAYER_NORMALIZATION, 17);
    node_in(&t, "float32[2,2] ..");
    node_in(&t, "float32[3] ..");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
    node_open(&t, ALT_OP_LAYER_NORMALIZATION, 17);
    t.n_out = 2;
    node_in(&t, "float32[2,0]");
    node_in(&t, "float32[0]");
    node_expect(&t, 0, "float32[2,0]");
    node_expect(&t, 1, "float32[2,1] nan nan");
    node_close(&t);
    node_open(&t, ALT_OP_RMS_NORMALIZATION, 23);
    node_float(&t, "epsilon", 0);
    node_in(&t, "float16[2,2] 1 7 -3 -3");
    node_in(&t, "float32[2] 1 2");
    node_near(&t, 0, 1e-6, "float32[2,2] 0.2 2.8 -1 -2");
    node_close(&t);
}

static void groups_split_the_channels(void **state)
{
    (void)state;
    static const struct {
        int64_t opset;
        const char *scale, *bias, *want;
    } table[] = {
        {18, "float32[2] 1 2", "float32[2] 0 1", "float32[1,4,1] -1 1 -1 3"},
        {21, "float32[4] 1 2 3 4", "float32[4] 0 0 0 1", "float32[1,4,1] -1 2 -3 5"},
    };
    for (int i = 0; i < 2; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_GROUP_NORMALIZATION, table[i].opset);
        node_int(&t, "num_groups", 2);
        node_float(&t, "epsilon", 0);
        node_in(&t, "float32[1,4,1] 1 3 10 14");
        node_in(&t, table[i].scale);
        node_in(&t, table[i].bias);
        node_near(&t, 0, 1e-6, table[i].want);
        node_close(&t);
    }
    struct test_node t;
    node_open(&t, ALT_OP_GROUP_NORMALIZATION, 21);
    node_int(&t, "num_groups", 3);
    node_in(&t, "float32[1,4,1] ..");
    node_in(&t, "float32[4] ..");
    node_in(&t, "float32[4] ..");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
}

/* Channels along lines (no pixels), and pixels along lines; statistics of another type. */
static void batch_normalization(void **state)
{
    (void)state;
    static const struct {
        const char *in, *want;
    } table[] = {
        {"float32[2,2] 1 2 3 4", "float32[2,2] 10 22 12 26"},
        {"float32[1,2,2] 1 2 3 4", "float32[1,2,2] 10 11 24 26"},
        {"float16[1,2,1,2] 1 2 3 4", "float16[1,2,1,2] 10 11 24 26"},
        {"float32[0,2,3]", "float32[0,2,3]"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_BATCH_NORMALIZATION, 15);
        node_float(&t, "epsilon", 0);
        node_in(&t, table[i].in);
        node_in(&t, "float32[2] 2 4");
        node_in(&t, "float32[2] 10 20");
        node_in(&t, "float64[2] 1 1");
        node_in(&t, "float64[2] 4 4");
        node_near(&t, 0, 1e-6, table[i].want);
        node_close(&t);
    }
    struct test_node t;
    node_open(&t, ALT_OP_BATCH_NORMALIZATION, 15);
    node_in(&t, "float32[2,2] 1 2 3 4");
    for (int i = 0; i < 4; i++)
        node_in(&t, "float32[3] 1 1 1");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
}

static void batch_normalization_in_training(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_BATCH_NORMALIZATION, 15);
    t.n_out = 3;
    node_int(&t, "training_mode", 1);
    node_float(&t, "epsilon", 0);
    node_float(&t, "momentum", 0.5f);
    node_in(&t, "float32[2,2,1] 1 10 3 14");
    node_in(&t, "float32[2] 1 2");
    node_in(&t, "float32[2] 0 1");
    node_in(&t, "float32[2] 4 0");
    node_in(&t, "float32[2] 3 0");
    node_near(&t, 0, 1e-6, "float32[2,2,1] -1 -1 1 3");
    node_expect(&t, 1, "float32[2] 3 6");
    node_expect(&t, 2, "float32[2] 2 2");
    node_close(&t);
    node_open(&t, ALT_OP_BATCH_NORMALIZATION, 15);
    t.n_out = 2;
    node_in(&t, "float32[2,2] 1 2 3 4");
    for (int i = 0; i < 4; i++)
        node_in(&t, "float32[2] 1 1");
    assert_int_equal(node_run(&t), ALT_E_MODEL);
    node_close(&t);
}

static void running_sums(void **state)
{
    (void)state;
    static const struct {
        enum alt_op op;
        const char *in, *axis;
        int64_t exclusive, reverse;
        const char *want;
    } table[] = {
        {ALT_OP_CUM_SUM, "float32[4] 1 2 3 4", "int32[] 0", 0, 0, "float32[4] 1 3 6 10"},
        {ALT_OP_CUM_SUM, "int32[2,2] 1 2 3 4", "int64[] -2", 0, 0, "int32[2,2] 1 2 4 6"},
        {ALT_OP_CUM_SUM, "uint32[3] 4294967295 1 2", "int64[1] 0", 1, 0, "uint32[3] 0 4294967295 0"},
        {ALT_OP_CUM_SUM, "int64[4] 1 2 3 4", "int64[] 0", 0, 1, "int64[4] 10 9 7 4"},
        {ALT_OP_CUM_SUM, "float64[4] 1 2 3 4", "int64[] 0", 1, 1, "float64[4] 9 7 4 0"},
        {ALT_OP_CUM_SUM, "float16[2,0]", "int64[] 1", 1, 1, "float16[2,0]"},
        {ALT_OP_CUM_PROD, "float16[2,2] 1 2 3 4", "int64[] 1", 0, 0, "float16[2,2] 1 2 3 12"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct test_node t;
        node_open(&t, table[i].op, 26);
        node_int(&t, "exclusive", table[i].exclusive);
        node_int(&t, "reverse", table[i].reverse);
        node_in(&t, table[i].in);
        node_in(&t, table[i].axis);
        node_expect(&t, 0, table[i].want);
        node_close(&t);
    }
    struct test_node t;
    node_open(&t, ALT_OP_CUM_SUM, 14);
    node_in(&t, "float32[4] ..");
    node_in(&t, "int64[] 1");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
}

static void norms_of_lines(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_LP_NORMALIZATION, 22);
    node_in(&t, "float32[2,2] 3 -4 0 0");
    node_near(&t, 0, 1e-6, "float32[2,2] 0.6 -0.8 0 0");
    node_close(&t);
    node_open(&t, ALT_OP_LP_NORMALIZATION, 22);
    node_int(&t, "p", 1);
    node_int(&t, "axis", 0);
    node_in(&t, "float64[2,2] 3 1 -1 1");
    node_expect(&t, 0, "float64[2,2] 0.75 0.5 -0.25 0.5");
    node_close(&t);
    node_open(&t, ALT_OP_MEAN_VARIANCE_NORMALIZATION, 13);
    node_in(&t, "float32[2,1,1,1] 1 3");
    node_near(&t, 0, 1e-6, "float32[2,1,1,1] -1 1");
    node_close(&t);
    node_open(&t, ALT_OP_LRN, 13);
    node_int(&t, "size", 2);
    node_float(&t, "alpha", 2);
    node_float(&t, "beta", 1);
    node_in(&t, "float32[1,3] 1 2 3");
    node_near(&t, 0, 1e-6, "float32[1,3] 0.16666667 0.14285714 0.3");
    node_close(&t);
    node_open(&t, ALT_OP_LRN, 13);
    node_in(&t, "float32[1,3] 1 2 3");
    assert_int_equal(node_run(&t), ALT_E_MODEL);
    node_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_along_any_axis),
        cmocka_unit_test(layer_normalization_broadcasts_its_scale),
        cmocka_unit_test(groups_split_the_channels),
        cmocka_unit_test(batch_normalization),
        cmocka_unit_test(batch_normalization_in_training),
        cmocka_unit_test(running_sums),
        cmocka_unit_test(norms_of_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
