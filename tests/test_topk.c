/* test_topk.c: TopK: order, ties, NaN, all types, strided lines, shapes. */
#include "tests/node.h"

#include "tests/cmocka_all.h"

#include <stdio.h>

struct example {
    int64_t axis, largest;
    const char *in, *k, *values, *indices;
};

static void best_first(void **state)
{
    (void)state;
    static const struct example table[] = {
        {-1, 1, "float32[2,4] 1 4 2 4 -1 -4 -2 -4", "int64[1] 3", "float32[2,3] 4 4 2 -1 -2 -4", "int64[2,3] 1 3 2 0 2 1"},
        {0, 1, "int32[3,2] 1 9 5 7 3 8", "int64[1] 2", "int32[2,2] 5 9 3 8", "int64[2,2] 1 0 2 2"},
        {-1, 0, "int8[4] -128 127 0 -128", "int64[1] 3", "int8[3] -128 -128 0", "int64[3] 0 3 2"},
        {0, 1, "uint64[3] 1 18446744073709551615 0", "int64[1] 3", "uint64[3] 18446744073709551615 1 0", "int64[3] 1 0 2"},
        {0, 1, "float16[3] 1 nan 2", "int64[1] 2", "float16[2] nan 2", "int64[2] 1 2"},
        {0, 0, "float64[3] 1 nan -inf", "int64[1] 3", "float64[3] -inf 1 nan", "int64[3] 2 0 1"},
        {0, 1, "float32[3] -0 0 -0", "int64[1] 2", "float32[2] 0 0", "int64[2] 0 1"},
        {0, 1, "float32[3] 1 2 3", "int64[1] 0", "float32[0]", "int64[0]"},
        {1, 1, "float32[2,1] 1 2", "int64[1] 1", "float32[2,1] 1 2", "int64[2,1] 0 0"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_TOPK, 24);
        t.n_out = 2;
        node_int(&t, "axis", table[i].axis);
        node_int(&t, "largest", table[i].largest);
        node_in(&t, table[i].in);
        node_in(&t, table[i].k);
        node_expect(&t, 0, table[i].values);
        node_expect(&t, 1, table[i].indices);
        node_close(&t);
    }
}

/* A line of many equal elements in no order: values fall, equal ones keep the order of their indices. */
static void long_lines(void **state)
{
    (void)state;
    static const int k[] = {1, 2, 7, 100, 1999, 2000};
    for (size_t i = 0; i < sizeof k / sizeof *k; i++) {
        char text[32];
        struct test_node t;
        node_open(&t, ALT_OP_TOPK, 11);
        t.n_out = 2;
        node_in(&t, "int32[2000] ..");
        snprintf(text, sizeof text, "int64[1] %d", k[i]);
        node_in(&t, text);
        int32_t *in = (int32_t *)(uintptr_t)t.type[0].known->data;
        for (int n = 0; n < 2000; n++)
            in[n] = n * 7919 % 613;
        assert_int_equal(node_run(&t), ALT_OK);
        const int32_t *value = t.out[0].data;
        const int64_t *index = t.out[1].data;
        int better = 0;
        for (int n = 0; n < k[i]; n++) {
            assert_int_equal(in[index[n]], value[n]);
            assert_true(n == 0 || value[n - 1] > value[n] || (value[n - 1] == value[n] && index[n - 1] < index[n]));
        }
        for (int n = 0; n < 2000; n++)
            better += in[n] > value[k[i] - 1];
        assert_true(better < k[i]);
        node_close(&t);
    }
}

static void k_gives_the_shape(void **state)
{
    (void)state;
    static const char *const k[] = {"int64[1] 2", "int64[1] {batch}", "int64[1]"};
    static const char *const want[] = {"float32[seq,2]", "float32[seq,batch]"};
    for (int i = 0; i < 3; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_TOPK, 11);
        t.n_out = 2;
        node_in(&t, "float32[seq,9]");
        node_in(&t, k[i]);
        if (i < 2)
            node_expect_type(&t, 0, want[i]);
        else
            assert_int_equal(node_infer(&t), ALT_OK);
        node_close(&t);
    }
    static const char *const bad[] = {"int64[1] 10", "int64[1] -1"};
    for (int i = 0; i < 2; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_TOPK, 11);
        t.n_out = 2;
        node_in(&t, "float32[9] ..");
        node_in(&t, bad[i]);
        assert_int_equal(node_run(&t), ALT_E_SHAPE);
        node_close(&t);
    }
    struct test_node t;
    node_open(&t, ALT_OP_TOPK, 9);
    t.n_out = 2;
    node_int(&t, "k", 2);
    node_in(&t, "float32[3] ..");
    node_expect(&t, 1, "int64[2] 2 1");
    node_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(best_first),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(k_gives_the_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
