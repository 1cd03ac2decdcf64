/* test_remap.c: Pad, CenterCropPad, DepthToSpace, SpaceToDepth, Trilu, ReverseSequence, Dropout, ConstantOfShape, Constant. */
#include "tests/node.h"

#include "tests/cmocka_all.h"

static void pad_modes(void **state)
{
    (void)state;
    static const struct {
        const char *mode, *pads, *want;
    } cases[] = {
        {"constant", "int64[2] 1 2", "float32[6] 9 0 1 2 9 9"},
        {"constant", "int64[2] -1 2", "float32[4] 1 2 9 9"},
        {"reflect", "int64[2] 4 1", "float32[8] 0 1 2 1 0 1 2 1"},
        {"edge", "int64[2] 2 1", "float32[6] 0 0 0 1 2 2"},
        {"wrap", "int64[2] 4 1", "float32[8] 2 0 1 2 0 1 2 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_PAD, 19);
        node_text(&t, "mode", cases[i].mode);
        node_in(&t, "float32[3] ..");
        node_in(&t, cases[i].pads);
        node_in(&t, "float32[] 9");
        node_expect(&t, 0, cases[i].want);
        node_close(&t);
    }
}

static void pad_axes(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_PAD, 18);
    node_in(&t, "int64[2,2,2] ..");
    node_in(&t, "int64[2] 1 1");
    node_in(&t, NULL);
    node_in(&t, "int64[1] -2");
    node_expect(&t, 0, "int64[2,4,2] 0 0 0 1 2 3 0 0 0 0 4 5 6 7 0 0");
    node_close(&t);

    node_open(&t, ALT_OP_PAD, 2);
    node_ints(&t, "pads", 4, (const int64_t[]){0, 1, 1, 0});
    node_float(&t, "value", 1.5f);
    node_in(&t, "float32[1,2] ..");
    node_expect(&t, 0, "float32[2,3] 1.5 0 1 1.5 1.5 1.5");
    node_close(&t);

    node_open(&t, ALT_OP_PAD, 13);
    node_in(&t, "float32[n,c]");
    node_in(&t, "int64[4] {0,1,p,1}");
    node_expect_type(&t, 0, "float32[n+p,c+2]");
    node_close(&t);
}

static void center_crop_pad(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_CENTER_CROP_PAD, 18);
    node_in(&t, "float32[4,1] ..");
    node_in(&t, "int64[2] 2 3");
    node_expect(&t, 0, "float32[2,3] 0 1 0 0 2 0");
    node_close(&t);
}

static void depth_and_space(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_DEPTH_TO_SPACE, 13);
    node_int(&t, "blocksize", 2);
    node_in(&t, "float32[1,8,1,1] ..");
    node_expect(&t, 0, "float32[1,2,2,2] 0 2 4 6 1 3 5 7");
    node_close(&t);

    node_open(&t, ALT_OP_DEPTH_TO_SPACE, 13);
    node_int(&t, "blocksize", 2);
    node_text(&t, "mode", "CRD");
    node_in(&t, "float32[1,8,1,1] ..");
    node_expect(&t, 0, "float32[1,2,2,2] ..");
    node_close(&t);

    node_open(&t, ALT_OP_SPACE_TO_DEPTH, 13);
    node_int(&t, "blocksize", 2);
    node_in(&t, "float32[1,2,2,2] ..");
    node_expect(&t, 0, "float32[1,8,1,1] 0 4 1 5 2 6 3 7");
    node_close(&t);
}

static void triangles(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_TRILU, 14);
    node_in(&t, "float32[2,2,3] 1 2 3 4 5 6 1 2 3 4 5 6");
    node_expect(&t, 0, "float32[2,2,3] 1 2 3 0 5 6 1 2 3 0 5 6");
    node_close(&t);

    node_open(&t, ALT_OP_TRILU, 14);
    node_int(&t, "upper", 0);
    node_in(&t, "bool[2,3] 1 1 1 1 1 1");
    node_in(&t, "int64[] -1");
    node_expect(&t, 0, "bool[2,3] 0 0 0 1 0 0");
    node_close(&t);
}

static void reverse_sequence(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_REVERSE_SEQUENCE, 10);
    node_int(&t, "time_axis", 1);
    node_int(&t, "batch_axis", 0);
    node_in(&t, "float32[2,3] ..");
    node_in(&t, "int64[2] 2 3");
    node_expect(&t, 0, "float32[2,3] 1 0 2 5 4 3");
    node_close(&t);

    node_open(&t, ALT_OP_REVERSE_SEQUENCE, 10);
    node_in(&t, "float32[2,2] ..");
    node_in(&t, "int64[2] 3 0");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
}

static void dropout(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_DROPOUT, 13);
    t.n_out = 2;
    node_in(&t, "float32[2] ..");
    node_expect(&t, 0, "float32[2] ..");
    node_expect(&t, 1, "bool[2] 1 1");
    node_close(&t);

    for (int training = 0; training < 2; training++) {
        node_open(&t, ALT_OP_DROPOUT, 13);
        node_in(&t, "float32[2] ..");
        node_in(&t, "float32[] 0.5");
        node_in(&t, training ? "bool[] 1" : "bool[] 0");
        assert_int_equal(node_run(&t), training ? ALT_E_SHAPE : ALT_OK);
        node_close(&t);
    }
}

static void constants(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_CONSTANT_OF_SHAPE, 9);
    node_tensor(&t, "value", "int64[1] -7");
    node_in(&t, "int64[2] 2 2");
    node_expect(&t, 0, "int64[2,2] -7 -7 -7 -7");
    node_close(&t);

    node_open(&t, ALT_OP_CONSTANT_OF_SHAPE, 9);
    node_in(&t, "int64[2] {batch,4}");
    node_expect_type(&t, 0, "float32[batch,4]");
    node_close(&t);

    node_open(&t, ALT_OP_CONSTANT_OF_SHAPE, 9);
    node_tensor(&t, "value", "int64[1] -1");
    node_in(&t, "int64[1] 2");
    node_expect_type(&t, 0, "int64[2] {-1,-1}");
    node_close(&t);

    node_open(&t, ALT_OP_CONSTANT, 13);
    node_ints(&t, "value_ints", 3, (const int64_t[]){4, 5, 6});
    node_expect(&t, 0, "int64[3] 4 5 6");
    node_close(&t);

    node_open(&t, ALT_OP_CONSTANT, 13);
    node_float(&t, "value_float", 2.5f);
    node_expect(&t, 0, "float32[] 2.5");
    node_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pad_modes), cmocka_unit_test(pad_axes),         cmocka_unit_test(center_crop_pad), cmocka_unit_test(depth_and_space),
        cmocka_unit_test(triangles), cmocka_unit_test(reverse_sequence), cmocka_unit_test(dropout),         cmocka_unit_test(constants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
