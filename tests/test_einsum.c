/* test_einsum.c: Einsum: products, traces, ellipses, broadcasting, refusals. */
#include "tests/node.h"

#include "tests/cmocka_all.h"

static void products(void **state)
{
    (void)state;
    static const struct {
        const char *equation, *a, *b, *want;
    } cases[] = {
        {"ij,jk->ik", "float32[2,2] ..", "float32[2,2] ..", "float32[2,2] 2 3 6 11"},
        {"ij, jk", "int32[2,2] ..", "int32[2,2] ..", "int32[2,2] 2 3 6 11"},
        {"bid,bjd->bij", "float64[1,2,2] ..", "float64[1,3,2] ..", "float64[1,2,3] 1 3 5 3 13 23"},
        {"ii->i", "float32[2,2] ..", NULL, "float32[2] 0 3"},
        {"ii", "float32[3,3] ..", NULL, "float32[] 12"},
        {"i->", "uint8[3] 200 50 10", NULL, "uint8[] 4"},
        {"ba", "float32[2,3] ..", NULL, "float32[3,2] 0 3 1 4 2 5"},
        {"...i,...i->...", "float32[2,2] ..", "float32[2] 1 2", "float32[2] 2 8"},
        {"i...->...", "float32[2,2] ..", NULL, "float32[2] 2 4"},
        {"i,j->ij", "float32[2] ..", "float32[0]", "float32[2,0]"},
        {"i,i->", "float32[0]", "float32[0]", "float32[] 0"},
        {"aB,B->Ba", "float32[1,2] 3 4", "float32[2] 1 2", "float32[2,1] 3 8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_EINSUM, 12);
        node_text(&t, "equation", cases[i].equation);
        node_in(&t, cases[i].a);
        if (cases[i].b)
            node_in(&t, cases[i].b);
        node_expect(&t, 0, cases[i].want);
        node_close(&t);
    }
}

static void shapes_follow_symbols(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_EINSUM, 12);
    node_text(&t, "equation", "bhid,bhjd->bhij");
    node_in(&t, "float32[b,8,s,64]");
    node_in(&t, "float32[b,8,p,64]");
    node_expect_type(&t, 0, "float32[b,8,s,p]");
    node_close(&t);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    static const char *const equations[] = {"ij,jk->il", "ij", "ij,jk->iik", "i,jk", "ij,jk-", "i1,jk", "ij,jk->ik,", "....ij,jk",
                                            "", "ij,jk,k", "abcdefghijkl,jk"};
    for (size_t i = 0; i < sizeof equations / sizeof *equations; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_EINSUM, 12);
        node_text(&t, "equation", equations[i]);
        node_in(&t, "float32[2,2] ..");
        node_in(&t, "float32[2,2] ..");
        assert_int_equal(node_run(&t), ALT_E_MODEL);
        node_close(&t);
    }
    struct test_node t;
    node_open(&t, ALT_OP_EINSUM, 12);
    node_text(&t, "equation", "ij,jk");
    node_in(&t, "float32[2,2] ..");
    node_in(&t, "float32[3,2] ..");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products),
        cmocka_unit_test(shapes_follow_symbols),
        cmocka_unit_test(refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
