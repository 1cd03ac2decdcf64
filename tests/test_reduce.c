/* test_reduce.c: reductions, ArgMax and ArgMin. */
#include "tests/node.h"

#include "tests/cmocka_all.h"

#include <math.h>
#include <stdio.h>

struct example {
    enum alt_op op;
    int64_t opset;
    const char *in, *axes; /* axes as an input, or NULL */
    int64_t keep;
    const char *want;
};

static void open_example(struct test_node *t, const struct example *e)
{
    node_open(t, e->op, e->opset);
    node_int(t, "keepdims", e->keep);
    node_in(t, e->in);
    if (e->axes)
        node_in(t, e->axes);
}

static void reductions(void **state)
{
    (void)state;
    static const struct example table[] = {
        {ALT_OP_REDUCE_SUM, 13, "float32[2,3] ..", "int64[1] 1", 0, "float32[2] 3 12"},
        {ALT_OP_REDUCE_SUM, 13, "float32[2,3] ..", "int64[1] 0", 1, "float32[1,3] 3 5 7"},
        {ALT_OP_REDUCE_SUM, 13, "float32[2,3,2] ..", "int64[2] -1 0", 0, "float32[3] 14 22 30"},
        {ALT_OP_REDUCE_SUM, 13, "float32[2,3,2] ..", "int64[1] 1", 0, "float32[2,2] 6 9 24 27"},
        {ALT_OP_REDUCE_SUM, 13, "int64[2,3] ..", NULL, 0, "int64[] 15"},
        {ALT_OP_REDUCE_SUM, 13, "int64[2,3] ..", "int64[0]", 1, "int64[1,1] 15"},
        {ALT_OP_REDUCE_SUM, 13, "float32[] 4", NULL, 1, "float32[] 4"},
        {ALT_OP_REDUCE_SUM, 13, "float32[2,0]", "int64[1] 1", 0, "float32[2] 0 0"},
        {ALT_OP_REDUCE_SUM, 13, "float32[2,0]", "int64[1] 0", 1, "float32[1,0]"},
        {ALT_OP_REDUCE_MEAN, 18, "float16[2,2] 1 2 3 4", "int64[1] 0", 0, "float16[2] 2 3"},
        {ALT_OP_REDUCE_MEAN, 18, "int32[4] 1 2 3 -8", NULL, 0, "int32[] 0"},
        {ALT_OP_REDUCE_MEAN, 18, "float32[0]", NULL, 0, "float32[] nan"},
        {ALT_OP_REDUCE_PROD, 18, "int32[3] 65536 65536 3", NULL, 0, "int32[] 0"},
        {ALT_OP_REDUCE_PROD, 18, "float64[0]", NULL, 0, "float64[] 1"},
        {ALT_OP_REDUCE_MAX, 20, "float32[2,3] 1 nan 3 4 5 6", "int64[1] 1", 0, "float32[2] nan 6"},
        {ALT_OP_REDUCE_MAX, 20, "int8[0]", NULL, 0, "int8[] -128"},
        {ALT_OP_REDUCE_MIN, 20, "uint8[2,2] 200 100 7 9", "int64[1] 0", 0, "uint8[2] 7 9"},
        {ALT_OP_REDUCE_MIN, 20, "uint8[0]", NULL, 0, "uint8[] 255"},
        {ALT_OP_REDUCE_MIN, 20, "float32[0]", NULL, 0, "float32[] inf"},
        {ALT_OP_REDUCE_MAX, 20, "bool[2,2] 0 1 0 0", "int64[1] 1", 0, "bool[2] 1 0"},
        {ALT_OP_REDUCE_MIN, 20, "bool[2,2] 1 1 0 1", "int64[1] 1", 0, "bool[2] 1 0"},
        {ALT_OP_REDUCE_L1, 18, "float32[2,2] 1 -2 -3 4", "int64[1] 1", 0, "float32[2] 3 7"},
        {ALT_OP_REDUCE_L1, 18, "int32[2] 1 -2", NULL, 0, "int32[] 3"},
        {ALT_OP_REDUCE_L2, 18, "float32[2,2] 3 -4 6 8", "int64[1] 1", 0, "float32[2] 5 10"},
        {ALT_OP_REDUCE_L2, 18, "int32[2,2] 3 -4 1 1", "int64[1] 1", 0, "int32[2] 5 1"},
        {ALT_OP_REDUCE_SUM_SQUARE, 18, "int64[2] 3 -4", NULL, 0, "int64[] 25"},
        {ALT_OP_REDUCE_LOG_SUM, 18, "float32[2] 1 1.71828183", NULL, 0, "float32[] 1"},
        {ALT_OP_REDUCE_LOG_SUM, 18, "float32[0]", NULL, 0, "float32[] -inf"},
        {ALT_OP_REDUCE_LOG_SUM_EXP, 18, "float32[2] 1000 1000", NULL, 0, "float32[] 1000.69315"},
        {ALT_OP_REDUCE_LOG_SUM_EXP, 18, "float64[2,2] 0 -inf 1 -inf", "int64[1] 0", 0, "float64[2] 1.3132616875182228 -inf"},
        {ALT_OP_REDUCE_LOG_SUM_EXP, 18, "float32[2] 1 inf", NULL, 0, "float32[] inf"},
    };
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        struct test_node t;
        open_example(&t, &table[k]);
        node_near(&t, 0, 2e-7, table[k].want);
        node_close(&t);
    }
}

static void axes_are_attributes_before_they_are_inputs(void **state)
{
    (void)state;
    static const int64_t axes[] = {1};
    struct test_node t;
    node_open(&t, ALT_OP_REDUCE_MAX, 11);
    node_ints(&t, "axes", 1, axes);
    node_in(&t, "float32[2,3] ..");
    node_expect(&t, 0, "float32[2,1] 2 5");
    node_close(&t);
}

static void no_axes_may_mean_none(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_REDUCE_SUM_SQUARE, 18);
    node_int(&t, "noop_with_empty_axes", 1);
    node_in(&t, "float32[2,2] ..");
    node_expect(&t, 0, "float32[2,2] 0 1 4 9");
    node_close(&t);
}

/* The same bits whichever way the input lies: along its rows or across its columns. */
static void order_does_not_depend_on_the_layout(void **state)
{
    (void)state;
    static const int64_t lengths[] = {1, 2, 5, 15, 16, 17, 100, 1023, 1025, 5000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const int64_t n = lengths[i], lines = 3;
        char text[64];
        struct test_node rows, columns;
        node_open(&rows, ALT_OP_REDUCE_SUM, 13);
        node_open(&columns, ALT_OP_REDUCE_SUM, 13);
        snprintf(text, sizeof text, "float32[%lld,%lld] ..", (long long)lines, (long long)n);
        node_in(&rows, text);
        node_in(&rows, "int64[1] 1");
        snprintf(text, sizeof text, "float32[%lld,%lld] ..", (long long)n, (long long)lines);
        node_in(&columns, text);
        node_in(&columns, "int64[1] 0");
        float *a = (float *)(uintptr_t)rows.type[0].known->data, *b = (float *)(uintptr_t)columns.type[0].known->data;
        double exact[3] = {0};
        for (int64_t k = 0; k < n * lines; k++) {
            const float x = 1.0f / (float)(1 + k * 7 % 1001);
            a[k] = b[k % n * lines + k / n] = x;
            exact[k / n] += (double)x;
        }
        assert_int_equal(node_run(&rows), ALT_OK);
        assert_int_equal(node_run(&columns), ALT_OK);
        assert_memory_equal(rows.out[0].data, columns.out[0].data, 3 * sizeof(float));
        for (int k = 0; k < 3; k++)
            assert_true(fabs((double)((const float *)rows.out[0].data)[k] - exact[k]) <= 1e-6 * exact[k]);
        node_close(&rows);
        node_close(&columns);
    }
}

static void wide_outputs_come_in_strips(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_REDUCE_SUM, 13);
    node_int(&t, "keepdims", 0);
    node_in(&t, "int32[7,3,333] ..");
    node_in(&t, "int64[1] 1");
    assert_int_equal(node_run(&t), ALT_OK);
    const int32_t *out = t.out[0].data;
    for (int i = 0; i < 7 * 333; i++)
        assert_int_equal(out[i], 3 * (i / 333 * 999 + i % 333 + 333));
    node_close(&t);
}

static void extreme_indices(void **state)
{
    (void)state;
    static const struct {
        enum alt_op op;
        const char *in;
        int64_t axis, keep, last;
        const char *want;
    } table[] = {
        {ALT_OP_ARG_MAX, "float32[2,3] 1 3 3 4 2 4", 1, 1, 0, "int64[2,1] 1 0"},
        {ALT_OP_ARG_MAX, "float32[2,3] 1 3 3 4 2 4", -1, 0, 1, "int64[2] 2 2"},
        {ALT_OP_ARG_MIN, "int8[2,3] 1 -3 3 -4 2 4", 0, 0, 0, "int64[3] 1 0 0"},
        {ALT_OP_ARG_MAX, "float32[4] 1 nan 9 nan", 0, 0, 0, "int64[] 1"},
        {ALT_OP_ARG_MIN, "float16[3] -inf -inf -inf", 0, 0, 1, "int64[] 2"},
        {ALT_OP_ARG_MAX, "uint64[2] 18446744073709551615 1", 0, 0, 0, "int64[] 0"},
        {ALT_OP_ARG_MAX, "float32[0,2]", 1, 0, 0, "int64[0]"},
    };
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        struct test_node t;
        node_open(&t, table[k].op, 13);
        node_int(&t, "axis", table[k].axis);
        node_int(&t, "keepdims", table[k].keep);
        node_int(&t, "select_last_index", table[k].last);
        node_in(&t, table[k].in);
        node_expect(&t, 0, table[k].want);
        node_close(&t);
    }
    struct test_node t;
    node_open(&t, ALT_OP_ARG_MAX, 13);
    node_in(&t, "float32[0,2]");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
}

static void shapes_are_inferred(void **state)
{
    (void)state;
    static const struct example table[] = {
        {ALT_OP_REDUCE_SUM, 13, "float32[batch,seq,64]", "int64[1] -1", 1, "float32[batch,seq,1]"},
        {ALT_OP_REDUCE_SUM, 13, "float32[batch,seq,64]", "int64[2] 0 2", 0, "float32[seq]"},
        {ALT_OP_REDUCE_SUM, 13, "float32[batch,seq]", "int64[n]", 1, "float32[?3,?4]"},
        {ALT_OP_REDUCE_SUM, 13, "float32[batch,seq]", "int64[n]", 0, "float32[?]"},
        {ALT_OP_REDUCE_SUM, 13, "float32[...]", "int64[1] 0", 1, "float32[?]"},
        {ALT_OP_ARG_MAX, 13, "float32[batch,seq]", NULL, 0, "int64[seq]"},
    };
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        struct test_node t;
        open_example(&t, &table[k]);
        node_expect_type(&t, 0, table[k].want);
        node_close(&t);
    }
    struct test_node t;
    node_open(&t, ALT_OP_REDUCE_SUM, 13);
    node_in(&t, "float32[2,3] ..");
    node_in(&t, "int64[1] 2");
    assert_int_equal(node_run(&t), ALT_E_MODEL);
    node_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reductions),
        cmocka_unit_test(axes_are_attributes_before_they_are_inputs),
        cmocka_unit_test(no_axes_may_mean_none),
        cmocka_unit_test(order_does_not_depend_on_the_layout),
        cmocka_unit_test(wide_outputs_come_in_strips),
        cmocka_unit_test(extreme_indices),
        cmocka_unit_test(shapes_are_inferred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
