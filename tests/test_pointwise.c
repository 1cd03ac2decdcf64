/* test_pointwise.c: arithmetic, activations, comparisons, choices and casts of broadcast and strided operands. */
#include "tests/node.h"

#include "tests/cmocka_all.h"

#include <stdio.h>

struct example {
    enum alt_op op;
    int64_t opset;
    const char *in[3];
    const char *want;
    const char *attr; /* name of one int attribute, or NULL */
    int64_t value;
};

static void run_examples(const struct example *e, size_t count)
{
    for (; count-- > 0; e++) {
        struct test_node t;
        node_open(&t, e->op, e->opset);
        if (e->attr)
            node_int(&t, e->attr, e->value);
        for (int i = 0; i < 3 && e->in[i]; i++)
            node_in(&t, e->in[i]);
        node_near(&t, 0, 3e-7, e->want);
        node_close(&t);
    }
}
#define RUN(table) run_examples(table, sizeof table / sizeof *table)

static void operands_broadcast(void **state)
{
    (void)state;
    static const struct example table[] = {
        {ALT_OP_ADD, 14, {"float32[2,3] ..", "float32[3] 10 20 30"}, "float32[2,3] 10 21 32 13 24 35", NULL, 0},
        {ALT_OP_ADD, 14, {"float32[2,1] 1 2", "float32[1,3] 10 20 30"}, "float32[2,3] 11 21 31 12 22 32", NULL, 0},
        {ALT_OP_SUB, 14, {"int64[] 7", "int64[2,2] .."}, "int64[2,2] 7 6 5 4", NULL, 0},
        {ALT_OP_SUB, 14, {"int64[2,2] ..", "int64[1] 7"}, "int64[2,2] -7 -6 -5 -4", NULL, 0},
        {ALT_OP_MUL, 14, {"float64[2,0,3]", "float64[3] .."}, "float64[2,0,3]", NULL, 0},
        {ALT_OP_MUL, 7, {"float32[2,1,2] 1 2 3 4", "float32[3,1] 1 10 100"},
         "float32[2,3,2] 1 2 10 20 100 200 3 4 30 40 300 400", NULL, 0},
        {ALT_OP_ADD, 14, {"float16[2,2] 1 2 3 4", "float16[2] 0.5 2048"}, "float16[2,2] 1.5 2050 3.5 2052", NULL, 0},
        {ALT_OP_ADD, 14, {"bfloat16[2] 1 256", "bfloat16[] 1"}, "bfloat16[2] 2 256", NULL, 0},
        {ALT_OP_WHERE, 16, {"bool[2,1] 1 0", "float32[3] 1 2 3", "float32[] 9"}, "float32[2,3] 1 2 3 9 9 9", NULL, 0},
        {ALT_OP_WHERE, 16, {"bool[] 0", "int8[2] 1 2", "int8[2] 3 4"}, "int8[2] 3 4", NULL, 0},
        {ALT_OP_WHERE, 9, {"bool[2] 1 0", "string[] yes", "string[2] no never"}, "string[2] yes never", NULL, 0},
        {ALT_OP_MAX, 13, {"float32[2,1] 1 5", "float32[2] 3 4", "float32[] 2"}, "float32[2,2] 3 4 5 5", NULL, 0},
        {ALT_OP_MEAN, 13, {"float32[2] 1 5", "float32[2] 3 4", "float32[] 2"}, "float32[2] 2 3.66666667", NULL, 0},
        {ALT_OP_SUM, 8, {"float64[2] 1 5"}, "float64[2] 1 5", NULL, 0},
        {ALT_OP_MIN, 13, {"uint8[2] 200 5", "uint8[2] 100 50"}, "uint8[2] 100 5", NULL, 0},
    };
    RUN(table);
}

/* Enough elements for several tiles, rows of all lengths around the one from which rows get their own calls. */
static void large_and_odd_extents(void **state)
{
    (void)state;
    static const int64_t rows[] = {1, 3, 31, 32, 33, 511, 513};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        const int64_t n = rows[r], m = 40000 / n;
        char a[64], b[64];
        struct test_node t;
        node_open(&t, ALT_OP_ADD, 14);
        snprintf(a, sizeof a, "int32[%lld,%lld] ..", (long long)m, (long long)n);
        snprintf(b, sizeof b, "int32[%lld] ..", (long long)n);
        node_in(&t, a);
        node_in(&t, b);
        assert_int_equal(node_run(&t), ALT_OK);
        const int32_t *out = t.out[0].data;
        for (int64_t i = 0; i < m * n; i++)
            assert_int_equal(out[i], i + i % n);
        node_close(&t);
    }
}

static void integers_wrap_and_divide(void **state)
{
    (void)state;
    static const struct example table[] = {
        {ALT_OP_ADD, 14, {"int8[2] 127 -128", "int8[2] 1 -1"}, "int8[2] -128 127", NULL, 0},
        {ALT_OP_MUL, 14, {"uint16[1] 65535", "uint16[1] 65535"}, "uint16[1] 1", NULL, 0},
        {ALT_OP_MUL, 14, {"int64[1] 9223372036854775807", "int64[1] 2"}, "int64[1] -2", NULL, 0},
        {ALT_OP_DIV, 14, {"int32[4] 7 -7 7 -7", "int32[4] 2 2 -2 -2"}, "int32[4] 3 -3 -3 3", NULL, 0},
        {ALT_OP_DIV, 14, {"int64[1] -9223372036854775808", "int64[1] -1"}, "int64[1] -9223372036854775808", NULL, 0},
        {ALT_OP_DIV, 14, {"int32[1] -2147483648", "int32[1] -1"}, "int32[1] -2147483648", NULL, 0},
        {ALT_OP_MOD, 13, {"int32[4] 7 -7 7 -7", "int32[4] 3 3 -3 -3"}, "int32[4] 1 2 -2 -1", NULL, 0},
        {ALT_OP_MOD, 13, {"int32[4] 7 -7 7 -7", "int32[4] 3 3 -3 -3"}, "int32[4] 1 -1 1 -1", "fmod", 1},
        {ALT_OP_MOD, 13, {"float32[2] -7.5 7.5", "float32[] 2"}, "float32[2] -1.5 1.5", "fmod", 1},
        {ALT_OP_MOD, 13, {"int64[1] -9223372036854775808", "int64[1] -1"}, "int64[1] 0", NULL, 0},
        {ALT_OP_ABS, 13, {"int8[3] -128 -3 3"}, "int8[3] -128 3 3", NULL, 0},
        {ALT_OP_NEG, 13, {"int64[2] -9223372036854775808 3"}, "int64[2] -9223372036854775808 -3", NULL, 0},
        {ALT_OP_POW, 15, {"int32[4] 2 -2 2 1", "int32[4] 10 3 -1 -5"}, "int32[4] 1024 -8 0 1", NULL, 0},
        {ALT_OP_POW, 15, {"int64[2] 3 4", "float32[2] 2 0.5"}, "int64[2] 9 2", NULL, 0},
        {ALT_OP_POW, 15, {"float32[3] 3 -2 0.5", "int64[] 2"}, "float32[3] 9 4 0.25", NULL, 0},
        {ALT_OP_POW, 7, {"float32[3] 3 -2 0.5", "float32[] 2"}, "float32[3] 9 4 0.25", NULL, 0},
        {ALT_OP_POW, 7, {"float32[2] 4 9", "float32[2] 0.5 1.5"}, "float32[2] 2 27", NULL, 0},
        {ALT_OP_BITWISE_NOT, 18, {"uint8[2] 0 170"}, "uint8[2] 255 85", NULL, 0},
        {ALT_OP_BITWISE_XOR, 18, {"int8[2] 5 -1", "int8[2] 1 1"}, "int8[2] 4 -2", NULL, 0},
        {ALT_OP_PRELU, 16, {"int64[2] -2 3", "int64[2] 5 5"}, "int64[2] -10 3", NULL, 0},
    };
    RUN(table);
}

static void shifts(void **state)
{
    (void)state;
    static const char *const want[] = {"uint8[4] 2 128 0 0", "uint8[4] 0 64 0 255"};
    for (int right = 0; right < 2; right++) {
        struct test_node t;
        node_open(&t, ALT_OP_BIT_SHIFT, 11);
        node_text(&t, "direction", right ? "RIGHT" : "LEFT");
        node_in(&t, right ? "uint8[4] 1 128 255 255" : "uint8[4] 1 64 1 128");
        node_in(&t, right ? "uint8[4] 1 1 64 0" : "uint8[4] 1 1 200 1");
        node_expect(&t, 0, want[right]);
        node_close(&t);
    }
    struct test_node t;
    node_open(&t, ALT_OP_BIT_SHIFT, 11);
    node_in(&t, "uint8[1] 1");
    node_in(&t, "uint8[1] 1");
    assert_int_equal(node_run(&t), ALT_E_MODEL);
    node_close(&t);
}

static void division_by_zero_is_a_fault(void **state)
{
    (void)state;
    static const enum alt_op ops[] = {ALT_OP_DIV, ALT_OP_MOD};
    for (int i = 0; i < 2; i++) {
        struct test_node t;
        node_open(&t, ops[i], 14);
        node_in(&t, "int32[3] 1 2 3");
        node_in(&t, "int32[3] 1 0 3");
        assert_int_not_equal(node_run(&t), ALT_OK);
        node_close(&t);
    }
}

static void functions(void **state)
{
    (void)state;
    static const struct example table[] = {
        {ALT_OP_ROUND, 11, {"float32[7] 0.5 1.5 2.5 -0.5 -1.5 -2.5 2.6"}, "float32[7] 0 2 2 -0 -2 -2 3", NULL, 0},
        {ALT_OP_ROUND, 22, {"float64[3] 4503599627370497.5 nan -inf"}, "float64[3] 4503599627370498 nan -inf", NULL, 0},
        {ALT_OP_FLOOR, 13, {"float16[2] 1.5 -1.5"}, "float16[2] 1 -2", NULL, 0},
        {ALT_OP_CEIL, 13, {"bfloat16[2] 1.5 -1.5"}, "bfloat16[2] 2 -1", NULL, 0},
        {ALT_OP_SIGN, 13, {"float32[4] -2 0 3 nan"}, "float32[4] -1 0 1 nan", NULL, 0},
        {ALT_OP_SIGN, 13, {"uint8[2] 0 200"}, "uint8[2] 0 1", NULL, 0},
        {ALT_OP_SQRT, 13, {"float32[3] 4 2 -1"}, "float32[3] 2 1.41421356 nan", NULL, 0},
        {ALT_OP_EXP, 13, {"float32[3] 0 1 -inf"}, "float32[3] 1 2.71828183 0", NULL, 0},
        {ALT_OP_LOG, 13, {"float32[3] 1 10 0"}, "float32[3] 0 2.30258509 -inf", NULL, 0},
        {ALT_OP_ERF, 13, {"float32[3] 0.5 -2 0"}, "float32[3] 0.520499878 -0.995322265 0", NULL, 0},
        {ALT_OP_NOT, 1, {"bool[2] 0 1"}, "bool[2] 1 0", NULL, 0},
        {ALT_OP_IS_NAN, 13, {"float16[3] nan 1 inf"}, "bool[3] 1 0 0", NULL, 0},
        {ALT_OP_IS_INF, 10, {"float32[3] nan -inf inf"}, "bool[3] 0 1 1", NULL, 0},
        {ALT_OP_IS_INF, 10, {"float32[3] nan -inf inf"}, "bool[3] 0 0 1", "detect_negative", 0},
        {ALT_OP_IS_INF, 20, {"float64[3] nan -inf inf"}, "bool[3] 0 1 0", "detect_positive", 0},
        {ALT_OP_ASIN, 7, {"float32[2] 0.5 2"}, "float32[2] 0.523598776 nan", NULL, 0},
        {ALT_OP_ATANH, 9, {"float64[1] 0.5"}, "float64[1] 0.549306144334054845697622618461", NULL, 0},
        {ALT_OP_RECIPROCAL, 13, {"float32[2] 4 0"}, "float32[2] 0.25 inf", NULL, 0},
        {ALT_OP_LESS, 9, {"float32[3] 1 2 nan", "float32[] 2"}, "bool[3] 1 0 0", NULL, 0},
        {ALT_OP_GREATER_OR_EQUAL, 16, {"uint64[2] 18446744073709551615 0", "uint64[1] 5"}, "bool[2] 1 0", NULL, 0},
        {ALT_OP_EQUAL, 13, {"bool[2] 1 0", "bool[2] 1 1"}, "bool[2] 1 0", NULL, 0},
        {ALT_OP_EQUAL, 19, {"string[2] ab abc", "string[1] ab"}, "bool[2] 1 0", NULL, 0},
        {ALT_OP_XOR, 7, {"bool[2,1] 1 0", "bool[2] 0 1"}, "bool[2,2] 1 0 0 1", NULL, 0},
    };
    RUN(table);
}

static void activations(void **state)
{
    (void)state;
    static const struct example table[] = {
        {ALT_OP_RELU, 14, {"float32[4] -1 0 2 nan"}, "float32[4] 0 0 2 nan", NULL, 0},
        {ALT_OP_RELU, 14, {"int8[3] -1 0 2"}, "int8[3] 0 0 2", NULL, 0},
        {ALT_OP_LEAKY_RELU, 16, {"float32[2] -1 2"}, "float32[2] -0.01 2", NULL, 0},
        {ALT_OP_ELU, 7, {"float32[2] -1 2"}, "float32[2] -0.632120559 2", NULL, 0},
        {ALT_OP_SELU, 7, {"float32[2] -1 2"}, "float32[2] -1.11133076 2.10140204", NULL, 0},
        {ALT_OP_CELU, 12, {"float32[2] -1 2"}, "float32[2] -0.632120559 2", NULL, 0},
        {ALT_OP_SIGMOID, 13, {"float32[3] -1 0 1"}, "float32[3] 0.268941421 0.5 0.731058579", NULL, 0},
        {ALT_OP_HARD_SIGMOID, 7, {"float32[3] -4 1 9"}, "float32[3] 0 0.7 1", NULL, 0},
        {ALT_OP_HARD_SWISH, 14, {"float32[3] -4 1 9"}, "float32[3] -0 0.666666667 9", NULL, 0},
        {ALT_OP_SOFTPLUS, 7, {"float32[3] -100 0 100"}, "float32[3] 3.72007598e-44 0.693147181 100", NULL, 0},
        {ALT_OP_SOFTSIGN, 7, {"float32[2] -1 3"}, "float32[2] -0.5 0.75", NULL, 0},
        {ALT_OP_THRESHOLDED_RELU, 10, {"float32[3] 0.5 1 1.5"}, "float32[3] 0 0 1.5", NULL, 0},
        {ALT_OP_TANH, 13, {"float32[3] -1 0.01 50"}, "float32[3] -0.761594156 0.00999966668 1", NULL, 0},
        {ALT_OP_MISH, 18, {"float32[3] -1 1 100"}, "float32[3] -0.303401461 0.86509838 100", NULL, 0},
        {ALT_OP_GELU, 20, {"float32[2] -1 2"}, "float32[2] -0.158655254 1.95449974", NULL, 0},
        {ALT_OP_SWISH, 24, {"float32[2] -1 2"}, "float32[2] -0.268941421 1.76159416", NULL, 0},
        {ALT_OP_SHRINK, 9, {"float32[4] -1 0.5 0.25 2"}, "float32[4] -1 0 0 2", NULL, 0},
        {ALT_OP_SHRINK, 9, {"int32[3] -2 0 2"}, "int32[3] -2 0 2", NULL, 0},
        {ALT_OP_PRELU, 16, {"float32[2,2] -1 -2 3 -4", "float32[2] 0.5 2"}, "float32[2,2] -0.5 -4 3 -8", NULL, 0},
    };
    RUN(table);
    struct test_node t;
    node_open(&t, ALT_OP_GELU, 20);
    node_text(&t, "approximate", "tanh");
    node_in(&t, "float32[2] -1 2");
    node_near(&t, 0, 1e-6, "float32[2] -0.158808009 1.95459769");
    node_close(&t);
}

static void clip_takes_attributes_or_inputs(void **state)
{
    (void)state;
    static const struct example table[] = {
        {ALT_OP_CLIP, 13, {"float32[4] -5 1 7 nan", "float32[] 0", "float32[] 6"}, "float32[4] 0 1 6 nan", NULL, 0},
        {ALT_OP_CLIP, 12, {"int8[3] -5 1 7", "int8[] 0"}, "int8[3] 0 1 7", NULL, 0},
        {ALT_OP_CLIP, 11, {"float32[3] -5 1 7", "float32[] 5", "float32[] 3"}, "float32[3] 3 3 3", NULL, 0},
        {ALT_OP_CLIP, 13, {"float16[3] -5 1 7"}, "float16[3] -5 1 7", NULL, 0},
    };
    RUN(table);
    struct test_node t;
    node_open(&t, ALT_OP_CLIP, 13);
    node_in(&t, "uint8[3] 5 1 7");
    node_in(&t, NULL);
    node_in(&t, "uint8[] 4");
    node_expect(&t, 0, "uint8[3] 4 1 4");
    node_close(&t);
    node_open(&t, ALT_OP_CLIP, 6);
    node_float(&t, "max", 6);
    node_in(&t, "float32[3] -5 1 7");
    node_expect(&t, 0, "float32[3] -5 1 6");
    node_close(&t);
}

static void casts(void **state)
{
    (void)state;
    static const struct example table[] = {
        {ALT_OP_CAST, 13, {"float32[5] 1.9 -1.9 300 -inf nan"}, "int8[5] 1 -1 44 0 0", "to", ALT_INT8},
        {ALT_OP_CAST, 13, {"float32[3] 1.9 -1.9 3e9"}, "int64[3] 1 -1 3000000000", "to", ALT_INT64},
        {ALT_OP_CAST, 13, {"float64[2] 1e300 -1e300"}, "int64[2] 9223372036854775807 -9223372036854775808", "to", ALT_INT64},
        {ALT_OP_CAST, 13, {"int64[3] 300 -1 65536"}, "uint8[3] 44 255 0", "to", ALT_UINT8},
        {ALT_OP_CAST, 13, {"int64[3] 0 -1 256"}, "bool[3] 0 1 1", "to", ALT_BOOL},
        {ALT_OP_CAST, 13, {"float32[3] 0.5 0 nan"}, "bool[3] 1 0 1", "to", ALT_BOOL},
        {ALT_OP_CAST, 13, {"bool[2] 0 1"}, "float16[2] 0 1", "to", ALT_FLOAT16},
        {ALT_OP_CAST, 13, {"float64[2] 1.00048828125 1.00048828126"}, "float16[2] 1 1.0009765625", "to", ALT_FLOAT16},
        {ALT_OP_CAST, 13, {"int32[2] 257 -259"}, "bfloat16[2] 256 -260", "to", ALT_BFLOAT16},
        {ALT_OP_CAST, 13, {"int64[2] 9223372036854775807 -70000"}, "float16[2] inf -inf", "to", ALT_FLOAT16},
        {ALT_OP_CAST, 13, {"float16[2] 1.5 -2"}, "float64[2] 1.5 -2", "to", ALT_FLOAT64},
        {ALT_OP_CAST, 13, {"uint64[1] 18446744073709551615"}, "float32[1] 18446744073709551616", "to", ALT_FLOAT32},
        {ALT_OP_CAST, 13, {"float32[2] 1 2"}, "float32[2] 1 2", "to", ALT_FLOAT32},
        {ALT_OP_CAST_LIKE, 15, {"float32[2] 1.5 2", "int32[0]"}, "int32[2] 1 2", NULL, 0},
    };
    RUN(table);
    struct test_node t;
    node_open(&t, ALT_OP_CAST, 13);
    node_int(&t, "to", 99);
    node_in(&t, "float32[1] 1");
    assert_int_equal(node_run(&t), ALT_E_MODEL);
    node_close(&t);
}

static void casts_of_small_types(void **state)
{
    (void)state;
    static const struct example table[] = {
        {ALT_OP_CAST, 21, {"float32[5] 1.9 -1.9 9 -9 nan"}, "int4[5] 1 -1 -7 7 0", "to", ALT_INT4},
        {ALT_OP_CAST, 21, {"int4[2,3] 1 -8 7 -1 0 2"}, "int8[2,3] 1 -8 7 -1 0 2", "to", ALT_INT8},
        {ALT_OP_CAST, 21, {"uint4[3] 1 15 7"}, "float16[3] 1 15 7", "to", ALT_FLOAT16},
        {ALT_OP_CAST, 25, {"int2[5] 1 -2 -1 0 1"}, "int4[5] 1 -2 -1 0 1", "to", ALT_INT4},
        {ALT_OP_CAST, 25, {"int64[5] 1 2 3 4 -1"}, "uint2[5] 1 2 3 0 3", "to", ALT_UINT2},
    };
    RUN(table);
}

static void shapes_are_refused_or_inferred(void **state)
{
    (void)state;
    static const struct example table[] = {
        {ALT_OP_ADD, 14, {"float32[batch,3]", "float32[3]"}, "float32[batch,3]", NULL, 0},
        {ALT_OP_ADD, 14, {"float32[...]", "float32[3]"}, "float32[?]", NULL, 0},
        {ALT_OP_LESS, 9, {"float32[batch,1]", "float32[1,seq]"}, "bool[batch,seq]", NULL, 0},
        {ALT_OP_ADD, 14, {"int64[2] {batch,3}", "int64[1] {1}"}, "int64[2] {batch+1,4}", NULL, 0},
        {ALT_OP_SUB, 14, {"int64[2] {batch,3}", "int64[2] 1 5"}, "int64[2] {batch-1,-2}", NULL, 0},
        {ALT_OP_MUL, 14, {"int64[] {batch}", "int64[] 4"}, "int64[] {batch*4}", NULL, 0},
        {ALT_OP_DIV, 14, {"int64[2] {batch,-7}", "int64[] 2"}, "int64[2] {batch/2,-3}", NULL, 0},
        {ALT_OP_CAST, 13, {"int32[2] {batch,-1}"}, "int64[2] {batch,-1}", "to", ALT_INT64},
        {ALT_OP_MAX, 13, {"int64[2] {batch,3}", "int64[2] {-1,5}"}, "int64[2] {batch,5}", NULL, 0},
        {ALT_OP_EQUAL, 13, {"int64[3] {batch,-1,seq}", "int64[] -1"}, "bool[3] {0,1,0}", NULL, 0},
        {ALT_OP_WHERE, 16, {"bool[3] 0 1 0", "int64[3] 7 7 7", "int64[3] {batch,4,?}"}, "int64[3] {batch,7,?}", NULL, 0},
    };
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        struct test_node t;
        node_open(&t, table[k].op, table[k].opset);
        if (table[k].attr)
            node_int(&t, table[k].attr, table[k].value);
        for (int i = 0; i < 3 && table[k].in[i]; i++)
            node_in(&t, table[k].in[i]);
        node_expect_type(&t, 0, table[k].want);
        node_close(&t);
    }
    struct test_node t;
    node_open(&t, ALT_OP_ADD, 14);
    node_in(&t, "float32[2,3] ..");
    node_in(&t, "float32[2] ..");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
    node_open(&t, ALT_OP_ADD, 14);
    node_in(&t, "float32[2] ..");
    node_in(&t, "int32[2] ..");
    assert_int_equal(node_run(&t), ALT_E_MODEL);
    node_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands_broadcast),
        cmocka_unit_test(large_and_odd_extents),
        cmocka_unit_test(integers_wrap_and_divide),
        cmocka_unit_test(shifts),
        cmocka_unit_test(division_by_zero_is_a_fault),
        cmocka_unit_test(functions),
        cmocka_unit_test(activations),
        cmocka_unit_test(clip_takes_attributes_or_inputs),
        cmocka_unit_test(casts),
        cmocka_unit_test(casts_of_small_types),
        cmocka_unit_test(shapes_are_refused_or_inferred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
