/* test_quantize.c: QuantizeLinear, DequantizeLinear and the integer products: ties, saturation, types, and what is refused. Numbers
 * at large are the business of kernel_check_integer.c and the backend tests. */
#include "tests/node.h"

#include "runtime/type.h"
#include "tests/cmocka_all.h"

struct row {
    const char *x, *scale, *zero, *y;
};

static void ties_and_ends(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"float32[6] 0.5 1.5 2.5 -0.5 -1.5 -2.5", "float32[] 1", "int8[] 0", "int8[6] 0 2 2 0 -2 -2"},
        {"float32[4] 1e30 -1e30 inf -inf", "float32[] 0.1", "int8[] 5", "int8[4] 127 -128 127 -128"},
        {"float32[3] 70000 -1 2.5", "float32[] 1", "uint16[] 1", "uint16[3] 65535 0 3"},
        {"float32[2] 1 300", "float32[] 1", NULL, "uint8[2] 1 255"},
        {"int32[3] 7 -7 1000", "float32[] 2", "uint8[] 10", "uint8[3] 14 6 255"},
        {"float32[2,2] 1 2 3 4", "float32[2] 1 0.5", "int8[2] 0 1", "int8[2,2] 1 5 3 9"},
        {"float32[0]", "float32[] 1", "int8[] 0", "int8[0]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_QUANTIZE_LINEAR, 21);
        node_in(&t, rows[i].x);
        node_in(&t, rows[i].scale);
        node_in(&t, rows[i].zero);
        node_expect(&t, 0, rows[i].y);
        node_close(&t);
    }
}

static void back(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"int32[3] 2147483647 -5 16777217", "float32[] 1", NULL, "float32[3] 2147483647 -5 16777217"},
        {"uint8[2] 0 255", "float32[] 0.5", "uint8[] 128", "float32[2] -64 63.5"},
        {"int8[2,1] 4 4", "float32[2] 1 2", "int8[2] 0 1", "float32[2,1] 4 6"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_DEQUANTIZE_LINEAR, 21);
        node_int(&t, "axis", 0);
        node_in(&t, rows[i].x);
        node_in(&t, rows[i].scale);
        node_in(&t, rows[i].zero);
        node_expect(&t, 0, rows[i].y);
        node_close(&t);
    }
}

/* output_dtype names the type where no zero point does. */
static void output_types(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_QUANTIZE_LINEAR, 21);
    node_int(&t, "output_dtype", ALT_INT16);
    node_in(&t, "float32[n,3]");
    node_in(&t, "float32[]");
    node_expect_type(&t, 0, "int16[n,3]");
    node_close(&t);
    node_open(&t, ALT_OP_DEQUANTIZE_LINEAR, 23);
    node_int(&t, "output_dtype", ALT_FLOAT16);
    node_in(&t, "int8[n,3]");
    node_in(&t, "float32[]");
    node_expect_type(&t, 0, "float16[n,3]");
    node_close(&t);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        struct row row;
        int64_t axis, block, to;
        alt_status want;
    } rows[] = {
        {{"float32[2,3] ..", "float32[3] 1 1 1", NULL, NULL}, 0, 0, 0, ALT_E_SHAPE},
        {{"float32[2,3] ..", "float32[3] 1 1 1", NULL, NULL}, 2, 0, 0, ALT_E_MODEL},
        {{"float32[2,3] ..", "float32[3] 1 1 1", "int8[2] 0 0", NULL}, 1, 0, 0, ALT_E_SHAPE},
        {{"float32[2,3] ..", "float32[2,2] 1 1 1 1", NULL, NULL}, 1, 1, 0, ALT_E_SHAPE},
        {{"float32[2,3] ..", "float32[2,2] 1 1 1 1", NULL, NULL}, 1, -1, 0, ALT_E_MODEL},
        {{"float32[2,3] ..", "float32[] 1", "int8[] 0", NULL}, 1, 0, ALT_UINT8, ALT_E_MODEL},
        {{"float32[2,3] ..", "float32[] 1", NULL, NULL}, 1, 0, 999, ALT_E_MODEL},
        {{"float32[2,3] ..", "float32[] 1", NULL, NULL}, 1, 0, ALT_INT64, ALT_E_UNSUPPORTED},
        {{"float64[2,3] ..", "float32[] 1", NULL, NULL}, 1, 0, 0, ALT_E_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_QUANTIZE_LINEAR, 21);
        node_int(&t, "axis", rows[i].axis);
        node_int(&t, "block_size", rows[i].block);
        node_int(&t, "output_dtype", rows[i].to);
        node_in(&t, rows[i].row.x);
        node_in(&t, rows[i].row.scale);
        node_in(&t, rows[i].row.zero);
        assert_int_equal(node_run(&t), rows[i].want);
        node_close(&t);
    }
}

/* The padding of a convolution is the zero point. */
static void padding_is_the_zero_point(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_CONV_INTEGER, 10);
    node_ints(&t, "pads", 2, (int64_t[]){1, 1});
    node_in(&t, "uint8[1,1,2] 7 9");
    node_in(&t, "int8[1,1,3] 1 1 1");
    node_in(&t, "uint8[] 5");
    node_expect(&t, 0, "int32[1,1,2] 6 6");
    node_close(&t);
}

static void products_refuse_what_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *a_zero, *b_zero;
        alt_status want;
    } rows[] = {
        {"uint8[2,3] ..", "int8[3,2] ..", "uint8[2] 1 2", "int8[2] 0 1", ALT_OK},
        {"uint8[2,3] ..", "int8[3,2] ..", "uint8[2,1] 1 2", "int8[1,2] 0 1", ALT_OK},
        {"uint8[2,3] ..", "int8[3,2] ..", "uint8[3] 1 2 3", NULL, ALT_E_SHAPE},
        {"uint8[2,3] ..", "int8[3,2] ..", "int8[] 1", NULL, ALT_E_MODEL},
        {"uint8[2,3] ..", "int8[2,2] ..", NULL, NULL, ALT_E_SHAPE},
        {"int32[2,3] ..", "int8[3,2] ..", NULL, NULL, ALT_E_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_MATMUL_INTEGER, 10);
        node_in(&t, rows[i].a);
        node_in(&t, rows[i].b);
        node_in(&t, rows[i].a_zero);
        node_in(&t, rows[i].b_zero);
        assert_int_equal(node_run(&t), rows[i].want);
        node_close(&t);
    }
}

/* c = Q(DQ(a) op DQ(b)) with broadcasting, ties and saturation. */
static void sums_and_products(void **state)
{
    (void)state;
    static const struct {
        enum alt_op op;
        const char *a, *a_zero, *b, *b_zero, *c_zero, *c;
    } rows[] = {
        /* (0.5 (a - 1) + 0.25 b) / 0.5 + 10 */
        {ALT_OP_QLINEAR_ADD, "uint8[2,3] 1 2 3 4 5 255", "uint8[] 1", "uint8[3] 0 1 2", NULL, "uint8[] 10",
         "uint8[2,3] 10 12 13 13 14 255"},
        {ALT_OP_QLINEAR_ADD, "int8[3] -128 127 3", "int8[] 0", "int8[1] -128", "int8[] 0", NULL, "int8[3] -128 63 -61"},
        /* 0.5 a * 0.25 (b - 2) / 0.5 */
        {ALT_OP_QLINEAR_MUL, "int8[4] 4 -4 100 -100", NULL, "int8[4] 10 3 127 127", "int8[] 2", NULL, "int8[4] 8 -1 127 -128"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct test_node t;
        node_open(&t, rows[i].op, 1);
        node_in(&t, rows[i].a);
        node_in(&t, "float32[] 0.5");
        node_in(&t, rows[i].a_zero);
        node_in(&t, rows[i].b);
        node_in(&t, "float32[] 0.25");
        node_in(&t, rows[i].b_zero);
        node_in(&t, "float32[] 0.5");
        node_in(&t, rows[i].c_zero);
        node_expect(&t, 0, rows[i].c);
        node_close(&t);
    }
    struct test_node t;
    node_open(&t, ALT_OP_QLINEAR_ADD, 1);
    static const char *const in[] = {"uint8[3] ..", "float32[3] 1 1 1", NULL, "uint8[3] ..", "float32[] 1", NULL, "float32[] 1"};
    for (int i = 0; i < 7; i++)
        node_in(&t, in[i]);
    assert_int_equal(node_run(&t), ALT_E_UNSUPPORTED);
    node_close(&t);
}

/* alpha * 0.5 * ((A' - 1) B' + C), with a scale of y or without. */
static void gemm(void **state)
{
    (void)state;
    static const struct {
        int64_t trans_a, trans_b;
        float alpha;
        const char *c, *y_scale, *y_zero, *y;
    } rows[] = {
        {0, 0, 1, "int32[2] 10 20", NULL, NULL, "float32[2,2] 6.5 12 10.5 18"},
        {1, 0, 1, "int32[2] 10 20", NULL, NULL, "float32[2,2] 8 14 10 17"},
        {0, 1, 1, "int32[2,1] 10 20", NULL, NULL, "float32[2,2] 6 7 14 19"},
        {0, 1, 1, "int32[2] 10 20", "float32[] 2", "uint8[] 3", "uint8[2,2] 6 9 7 13"},
        {0, 1, 2, "int32[2] 10 20", "float32[] 2", "uint8[] 3", "uint8[2,2] 9 15 12 22"},
        {0, 0, 1, NULL, "float32[] 1", "int8[] -1", "int8[2,2] 1 1 5 7"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_QGEMM, 1);
        node_int(&t, "transA", rows[i].trans_a);
        node_int(&t, "transB", rows[i].trans_b);
        node_float(&t, "alpha", rows[i].alpha);
        const char *const in[] = {"uint8[2,2] 1 2 3 4", "float32[] 0.5", "uint8[] 1", "int8[2,2] 1 2 3 4", "float32[] 1", "int8[] 0",
                                  rows[i].c, rows[i].y_scale, rows[i].y_zero};
        for (int k = 0; k < 9; k++)
            node_in(&t, in[k]);
        node_expect(&t, 0, rows[i].y);
        node_close(&t);
    }
    static const char *const bad[][2] = {{"int8[3,2] ..", NULL}, {"int8[2,2] ..", "int32[3] .."}, {"int8[2,2] ..", "int8[2] .."}};
    for (int i = 0; i < 3; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_QGEMM, 1);
        const char *const in[] = {"uint8[2,2] ..", "float32[] 0.5", "uint8[] 1", bad[i][0], "float32[] 1", "int8[] 0", bad[i][1]};
        for (int k = 0; k < 7; k++)
            node_in(&t, in[k]);
        assert_int_equal(node_run(&t), ALT_E_SHAPE);
        node_close(&t);
    }
}

static void means(void **state)
{
    (void)state;
    static const char *const y[] = {"uint8[1,2,1] 4 9", "uint8[1,1,2] 5 8"};
    for (int last = 0; last < 2; last++) {
        struct test_node t;
        node_open(&t, ALT_OP_QLINEAR_GLOBAL_AVERAGE_POOL, 1);
        node_int(&t, "channels_last", last);
        static const char *const in[] = {"uint8[1,2,2] 1 2 3 5", "float32[] 1", "uint8[] 0", "float32[] 0.5", "uint8[] 1"};
        for (int k = 0; k < 5; k++)
            node_in(&t, in[k]);
        node_expect(&t, 0, y[last]);
        node_close(&t);
    }
    struct test_node t;
    node_open(&t, ALT_OP_QLINEAR_GLOBAL_AVERAGE_POOL, 1);
    static const char *const empty[] = {"int8[1,2,0]", "float32[] 1", "int8[] 0", "float32[] 0.5", "int8[] 1"};
    for (int k = 0; k < 5; k++)
        node_in(&t, empty[k]);
    assert_int_equal(node_run(&t), ALT_E_UNSUPPORTED);
    node_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ties_and_ends),
        cmocka_unit_test(back),
        cmocka_unit_test(output_types),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(padding_is_the_zero_point),
        cmocka_unit_test(products_refuse_what_does_not_fit),
        cmocka_unit_test(sums_and_products),
        cmocka_unit_test(gemm),
        cmocka_unit_test(means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
