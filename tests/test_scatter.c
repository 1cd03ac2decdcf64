/* test_scatter.c: ScatterElements, ScatterND, TopK, Unique, Range, OneHot, EyeLike. */
#include "tests/node.h"

#include "tests/cmocka_all.h"

static void scatter_elements(void **state)
{
    (void)state;
    static const struct {
        const char *reduction, *want;
    } cases[] = {
        {"none", "int8[2,3] 0 20 2 30 4 5"}, {"add", "int8[2,3] 0 31 2 33 4 5"},  {"mul", "int8[2,3] 0 -56 2 90 4 5"},
        {"min", "int8[2,3] 0 1 2 3 4 5"},    {"max", "int8[2,3] 0 20 2 30 4 5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_SCATTER_ELEMENTS, 18);
        node_int(&t, "axis", 1);
        node_text(&t, "reduction", cases[i].reduction);
        node_in(&t, "int8[2,3] ..");
        node_in(&t, "int64[1,2] 1 -2");
        node_in(&t, "int8[1,2] 10 20");
        if (i == 0) { /* the later of two updates of one element stays */
            node_expect(&t, 0, "int8[2,3] 0 20 2 3 4 5");
        } else {
            t.n_in = 0;
            node_in(&t, "int8[2,3] ..");
            node_in(&t, "int64[2,2] 1 -2 0 0");
            node_in(&t, i == 1 ? "int8[2,2] 10 20 0 30" : i == 2 ? "int8[2,2] 10 20 1 30" : "int8[2,2] 10 20 30 30");
            node_expect(&t, 0, cases[i].want);
        }
        node_close(&t);
    }
}

static void scatter_nd(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_SCATTER_ND, 18);
    node_text(&t, "reduction", "add");
    node_in(&t, "float32[2,3] ..");
    node_in(&t, "int64[3,1] 1 -1 0");
    node_in(&t, "float32[3,3] 1 1 1 2 2 2 0 0 1");
    node_expect(&t, 0, "float32[2,3] 0 1 3 6 7 8");
    node_close(&t);

    node_open(&t, ALT_OP_SCATTER_ND, 13);
    node_in(&t, "string[3] a b c");
    node_in(&t, "int64[2,1] 2 0");
    node_in(&t, "string[2] x y");
    node_expect(&t, 0, "string[3] y b x");
    node_close(&t);

    node_open(&t, ALT_OP_SCATTER_ND, 13);
    node_in(&t, "float32[3] ..");
    node_in(&t, "int64[1,1] 3");
    node_in(&t, "float32[1] 9");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);

    node_open(&t, ALT_OP_SCATTER_ND, 13); /* updates too short: nothing may be read behind them */
    node_in(&t, "float32[3,2] ..");
    node_in(&t, "int64[2,1] 0 1");
    node_in(&t, "float32[1,2] 9 9");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
}

static void tensor_scatter(void **state)
{
    (void)state;
    static const struct {
        const char *mode, *at, *want; /* NULL: refused */
    } cases[] = {
        {"linear", NULL, "int8[2,3,1] 7 8 0 9 10 0"},       {"linear", "int64[2] 1 0", "int8[2,3,1] 0 7 8 9 10 0"},
        {"circular", "int64[2] 2 -1", "int8[2,3,1] 8 0 7 10 0 9"}, {"linear", "int64[2] 2 0", NULL},
        {"linear", "int64[2] -1 0", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_TENSOR_SCATTER, 24);
        node_text(&t, "mode", cases[i].mode);
        node_in(&t, "int8[2,3,1] 0 0 0 0 0 0");
        node_in(&t, "int8[2,2,1] 7 8 9 10");
        if (cases[i].at)
            node_in(&t, cases[i].at);
        if (cases[i].want)
            node_expect(&t, 0, cases[i].want);
        else
            assert_int_equal(node_run(&t), ALT_E_SHAPE);
        node_close(&t);
    }
}

static void topk(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_TOPK, 11);
    t.n_out = 2;
    node_in(&t, "float32[2,4] 1 3 3 -2 0 -0.0 5 -1");
    node_in(&t, "int64[1] 3");
    node_expect(&t, 0, "float32[2,3] 3 3 1 5 0 0");
    node_expect(&t, 1, "int64[2,3] 1 2 0 2 0 1");
    node_close(&t);

    node_open(&t, ALT_OP_TOPK, 11);
    t.n_out = 2;
    node_int(&t, "axis", 0);
    node_int(&t, "largest", 0);
    node_in(&t, "int8[3,2] 5 -1 -7 0 2 127");
    node_in(&t, "int64[1] 2");
    node_expect(&t, 0, "int8[2,2] -7 -1 2 0");
    node_expect(&t, 1, "int64[2,2] 1 0 2 1");
    node_close(&t);

    node_open(&t, ALT_OP_TOPK, 11);
    t.n_out = 2;
    node_in(&t, "float32[3] ..");
    node_in(&t, "int64[1] 4");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
}

static void unique(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_UNIQUE, 11);
    t.n_out = 4;
    node_in(&t, "float32[6] 2 1 1 3 4 3");
    node_expect(&t, 0, "float32[4] 1 2 3 4");
    node_expect(&t, 1, "int64[4] 1 0 3 4");
    node_expect(&t, 2, "int64[6] 1 0 0 2 3 2");
    node_expect(&t, 3, "int64[4] 2 1 2 1");
    node_close(&t);

    node_open(&t, ALT_OP_UNIQUE, 11);
    t.n_out = 4;
    node_int(&t, "sorted", 0);
    node_in(&t, "string[5] b a b c a");
    node_expect(&t, 0, "string[3] b a c");
    node_expect(&t, 1, "int64[3] 0 1 3");
    node_expect(&t, 2, "int64[5] 0 1 0 2 1");
    node_expect(&t, 3, "int64[3] 2 2 1");
    node_close(&t);

    node_open(&t, ALT_OP_UNIQUE, 11);
    t.n_out = 4;
    node_int(&t, "axis", 1);
    node_in(&t, "int32[2,3] 1 0 1 2 2 2");
    node_expect(&t, 0, "int32[2,2] 0 1 2 2");
    node_expect(&t, 3, "int64[2] 1 2");
    node_close(&t);
}

static void ranges(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_RANGE, 11);
    node_in(&t, "int32[] 10");
    node_in(&t, "int32[] 3");
    node_in(&t, "int32[] -3");
    node_expect(&t, 0, "int32[3] 10 7 4");
    node_close(&t);

    node_open(&t, ALT_OP_RANGE, 11);
    node_in(&t, "float32[] 1");
    node_in(&t, "float32[] 2");
    node_in(&t, "float32[] 0.25");
    node_expect(&t, 0, "float32[4] 1 1.25 1.5 1.75");
    node_close(&t);

    node_open(&t, ALT_OP_RANGE, 11);
    node_in(&t, "int64[] 0");
    node_in(&t, "int64[] {seq}");
    node_in(&t, "int64[] 1");
    node_expect_type(&t, 0, "int64[seq]");
    node_close(&t);

    node_open(&t, ALT_OP_RANGE, 11);
    node_in(&t, "int64[] 0");
    node_in(&t, "int64[] 5");
    node_in(&t, "int64[] 0");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
}

static void one_hot_and_eye(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_ONEHOT, 11);
    node_in(&t, "int64[3] 1 -1 7");
    node_in(&t, "int64[] 3");
    node_in(&t, "int32[2] 5 9");
    node_expect(&t, 0, "int32[3,3] 5 9 5 5 5 9 5 5 5");
    node_close(&t);

    node_open(&t, ALT_OP_ONEHOT, 11);
    node_int(&t, "axis", 0);
    node_in(&t, "float32[n]");
    node_in(&t, "int64[1] {d}");
    node_in(&t, "float32[2] 0 1");
    node_expect_type(&t, 0, "float32[d,n]");
    node_close(&t);

    node_open(&t, ALT_OP_EYE_LIKE, 9);
    node_int(&t, "k", 1);
    node_int(&t, "dtype", ALT_FLOAT64);
    node_in(&t, "int32[2,3] ..");
    node_expect(&t, 0, "float64[2,3] 0 1 0 0 0 1");
    node_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scatter_elements), cmocka_unit_test(scatter_nd), cmocka_unit_test(tensor_scatter), cmocka_unit_test(topk),
        cmocka_unit_test(unique),           cmocka_unit_test(ranges),     cmocka_unit_test(one_hot_and_eye),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
