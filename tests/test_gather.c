/* test_gather.c: Gather, GatherElements, GatherND, NonZero, Compress. */
#include "tests/node.h"

#include "tests/cmocka_all.h"

#include <string.h>

static void gather(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_GATHER, 13);
    node_in(&t, "float32[3,2] ..");
    node_in(&t, "int64[2,2] 0 -1 1 0");
    node_expect(&t, 0, "float32[2,2,2] 0 1 4 5 2 3 0 1");
    node_close(&t);

    node_open(&t, ALT_OP_GATHER, 13);
    node_int(&t, "axis", -1);
    node_in(&t, "int8[2,3] ..");
    node_in(&t, "int32[2] 2 0");
    node_expect(&t, 0, "int8[2,2] 2 0 5 3");
    node_close(&t);

    node_open(&t, ALT_OP_GATHER, 13); /* one index: also a view */
    node_int(&t, "axis", 1);
    node_in(&t, "string[2,2,2] a b c d e f g h");
    node_in(&t, "int64[] -1");
    node_expect(&t, 0, "string[2,2] c d g h");
    node_close(&t);

    node_open(&t, ALT_OP_GATHER, 13);
    node_in(&t, "float32[0,2]");
    node_in(&t, "int64[0]");
    node_expect(&t, 0, "float32[0,2]");
    node_close(&t);
}

/* An index out of range is an error, and nothing outside the data is read (the address sanitizer would tell). */
static void refuses_bad_indices(void **state)
{
    (void)state;
    static const struct {
        enum alt_op op;
        const char *data, *indices;
    } cases[] = {
        {ALT_OP_GATHER, "float32[3,2] ..", "int64[2] 0 3"},
        {ALT_OP_GATHER, "float32[3,2] ..", "int64[1] -4"},
        {ALT_OP_GATHER, "float32[0,2]", "int64[1] 0"},
        {ALT_OP_GATHER, "float32[3,2] ..", "int64[] 9223372036854775807"},
        {ALT_OP_GATHER_ELEMENTS, "float32[3,2] ..", "int64[1,2] 0 -9223372036854775808"},
        {ALT_OP_GATHER_ND, "float32[3,2] ..", "int64[1,2] 0 2"},
        {ALT_OP_GATHER_ND, "float32[3,2] ..", "int64[1,1] 70000000000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_node t;
        node_open(&t, cases[i].op, 13);
        node_in(&t, cases[i].data);
        node_in(&t, cases[i].indices);
        assert_int_equal(node_run(&t), ALT_E_SHAPE);
        assert_non_null(strstr(t.diag.text, "index"));
        node_close(&t);
    }
}

static void gather_of_shapes(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_GATHER, 13);
    node_in(&t, "int64[3] {batch,seq,768}");
    node_in(&t, "int64[] -2");
    node_expect_type(&t, 0, "int64[] {seq}");
    node_close(&t);

    node_open(&t, ALT_OP_GATHER, 13);
    node_int(&t, "axis", 1);
    node_in(&t, "float32[v,e,2]");
    node_in(&t, "int64[b,s]");
    node_expect_type(&t, 0, "float32[v,b,s,2]");
    node_close(&t);

    node_open(&t, ALT_OP_GATHER, 13);
    node_in(&t, "int64[2] {b,s}");
    node_in(&t, "int64[] 2");
    assert_int_equal(node_infer(&t), ALT_E_SHAPE);
    node_close(&t);
}

static void gather_elements(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_GATHER_ELEMENTS, 13);
    node_int(&t, "axis", 1);
    node_in(&t, "float32[2,3] ..");
    node_in(&t, "int64[2,2] 0 -1 1 1");
    node_expect(&t, 0, "float32[2,2] 0 2 4 4");
    node_close(&t);

    node_open(&t, ALT_OP_GATHER_ELEMENTS, 13);
    node_in(&t, "int16[3,3] ..");
    node_in(&t, "int32[2,3] 1 2 0 2 0 0");
    node_expect(&t, 0, "int16[2,3] 3 7 2 6 1 2");
    node_close(&t);
}

static void gather_nd(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_GATHER_ND, 13);
    node_in(&t, "float32[2,2,2] ..");
    node_in(&t, "int64[2,2] 0 1 1 -2");
    node_expect(&t, 0, "float32[2,2] 2 3 4 5");
    node_close(&t);

    node_open(&t, ALT_OP_GATHER_ND, 13);
    node_int(&t, "batch_dims", 1);
    node_in(&t, "float32[2,2,2] ..");
    node_in(&t, "int64[2,1] 1 0");
    node_expect(&t, 0, "float32[2,2] 2 3 4 5");
    node_close(&t);
}

static void nonzero_and_compress(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_NONZERO, 13);
    node_in(&t, "float32[2,3] 0 1 -0.0 2 0 3");
    node_expect(&t, 0, "int64[2,3] 0 1 1 1 0 2");
    node_close(&t);

    node_open(&t, ALT_OP_NONZERO, 13);
    node_in(&t, "float32[a,b,3]");
    assert_int_equal(node_infer(&t), ALT_OK);
    assert_int_equal(t.node->out[0]->type.shape.dim[0], 3);
    node_close(&t);

    node_open(&t, ALT_OP_COMPRESS, 11);
    node_int(&t, "axis", 1);
    node_in(&t, "float32[2,3] ..");
    node_in(&t, "bool[2] 0 1");
    node_expect(&t, 0, "float32[2,1] 1 4");
    node_close(&t);

    node_open(&t, ALT_OP_COMPRESS, 11);
    node_in(&t, "string[2,2] a b c d");
    node_in(&t, "bool[5] 0 1 1 0 1");
    node_expect(&t, 0, "string[2] b c");
    node_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gather),          cmocka_unit_test(refuses_bad_indices), cmocka_unit_test(gather_of_shapes),
        cmocka_unit_test(gather_elements), cmocka_unit_test(gather_nd),           cmocka_unit_test(nonzero_and_compress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
