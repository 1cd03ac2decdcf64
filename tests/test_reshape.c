/* test_reshape.c: Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Expand, Tile, Concat, Split, Slice, Shape, Size. */
#include "tests/node.h"

#include "tests/cmocka_all.h"

static void reshape_keeps_elements(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_RESHAPE, 14);
    node_in(&t, "float32[2,3] ..");
    node_in(&t, "int64[2] 3 -1");
    node_expect(&t, 0, "float32[3,2] ..");
    node_close(&t);

    node_open(&t, ALT_OP_RESHAPE, 14);
    node_in(&t, "int4[2,3] 1 2 3 -4 5 -6");
    node_in(&t, "int64[3] 0 1 -1");
    node_expect(&t, 0, "int4[2,1,3] 1 2 3 -4 5 -6");
    node_close(&t);

    node_open(&t, ALT_OP_RESHAPE, 14);
    node_int(&t, "allowzero", 1);
    node_in(&t, "float32[0,3]");
    node_in(&t, "int64[2] 7 0");
    node_expect(&t, 0, "float32[7,0]");
    node_close(&t);
}

static void reshape_refuses_what_does_not_fit(void **state)
{
    (void)state;
    static const char *const shapes[] = {"int64[2] 4 2", "int64[2] -1 -1", "int64[1] -2", "int64[2] 4 -1",
                                         "int64[3] 2 3 0", "int64[2] 0 0"};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_RESHAPE, 14);
        node_in(&t, i == 5 ? "float32[7] .." : "float32[2,3] ..");
        node_in(&t, shapes[i]);
        assert_int_equal(node_run(&t), ALT_E_SHAPE);
        node_close(&t);
    }
}

static void reshape_solves_symbols(void **state)
{
    (void)state;
    static const struct {
        const char *in, *shape, *want;
    } cases[] = {
        {"float32[batch,12,64]", "int64[3] {batch,-1,8}", "float32[batch,96,8]"},
        {"float32[batch,seq,768]", "int64[4] {batch,seq,12,64}", "float32[batch,seq,12,64]"},
        {"float32[batch,seq,768]", "int64[4] 0 0 12 -1", "float32[batch,seq,12,64]"},
        {"float32[batch,12,seq,64]", "int64[3] {batch,seq,768}", "float32[batch,seq,768]"},
        {"float32[batch,seq,768]", "int64[2] -1 768", "float32[batch*seq,768]"},
        {"float32[...]", "int64[2] 0 5", "float32[?1,5]"},
        {"float32[n]", "int64[m]", "float32[?]"},
        {"float32[n]", "int64[2]", "float32[?1,?2]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_RESHAPE, 14);
        node_in(&t, cases[i].in);
        node_in(&t, cases[i].shape);
        if (i < 5)
            node_expect_type(&t, 0, cases[i].want);
        else
            assert_int_equal(node_infer(&t), ALT_OK);
        if (i >= 5) {
            assert_int_equal(t.node->out[0]->type.shape.rank, i == 6 ? -1 : 2);
            assert_false(i != 6 && alt_dim_known(t.node->out[0]->type.shape.dim[0]));
        }
        node_close(&t);
    }
}

static void squeeze_and_unsqueeze(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_SQUEEZE, 13);
    node_in(&t, "float32[1,3,1,2] ..");
    node_in(&t, "int64[1] -2");
    node_expect(&t, 0, "float32[1,3,2] ..");
    node_close(&t);

    node_open(&t, ALT_OP_SQUEEZE, 11);
    node_in(&t, "float32[1,3,1,2] ..");
    node_expect(&t, 0, "float32[3,2] ..");
    node_close(&t);

    node_open(&t, ALT_OP_UNSQUEEZE, 11);
    node_ints(&t, "axes", 2, (const int64_t[]){0, -1});
    node_in(&t, "float32[3,2] ..");
    node_expect(&t, 0, "float32[1,3,2,1] ..");
    node_close(&t);

    node_open(&t, ALT_OP_UNSQUEEZE, 13);
    node_in(&t, "int64[] {seq}");
    node_in(&t, "int64[1] 0");
    node_expect_type(&t, 0, "int64[1] {seq}");
    node_close(&t);

    node_open(&t, ALT_OP_SQUEEZE, 13);
    node_in(&t, "float32[2,3] ..");
    node_in(&t, "int64[1] 0");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
}

static void flatten(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_FLATTEN, 13);
    node_int(&t, "axis", -1);
    node_in(&t, "float32[2,3,4] ..");
    node_expect(&t, 0, "float32[6,4] ..");
    node_close(&t);
    node_open(&t, ALT_OP_FLATTEN, 13);
    node_in(&t, "float32[n,3,4]");
    node_expect_type(&t, 0, "float32[n,12]");
    node_close(&t);
}

static void bit_cast(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_BITCAST, 26);
    node_int(&t, "to", ALT_INT32);
    node_in(&t, "float32[2] 1 -2");
    node_expect(&t, 0, "int32[2] 1065353216 -1073741824");
    node_close(&t);

    node_open(&t, ALT_OP_BITCAST, 26);
    node_int(&t, "to", ALT_INT64);
    node_in(&t, "float32[2] 1 -2");
    assert_int_equal(node_run(&t), ALT_E_MODEL);
    node_close(&t);
}

static void transpose(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_TRANSPOSE, 13);
    node_in(&t, "int8[2,3] ..");
    node_expect(&t, 0, "int8[3,2] 0 3 1 4 2 5");
    node_close(&t);

    node_open(&t, ALT_OP_TRANSPOSE, 13);
    node_ints(&t, "perm", 3, (const int64_t[]){1, 2, 0});
    node_in(&t, "string[2,2,1] a b c d");
    node_expect(&t, 0, "string[2,1,2] a c b d");
    node_close(&t);

    node_open(&t, ALT_OP_TRANSPOSE, 21);
    node_in(&t, "uint4[2,3] ..");
    node_expect(&t, 0, "uint4[3,2] 0 3 1 4 2 5");
    node_close(&t);

    node_open(&t, ALT_OP_TRANSPOSE, 13);
    node_ints(&t, "perm", 2, (const int64_t[]){0, 0});
    node_in(&t, "int8[2,3] ..");
    assert_int_equal(node_run(&t), ALT_E_MODEL);
    node_close(&t);
}

static void expand_and_tile(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_EXPAND, 13);
    node_in(&t, "float32[2,1] ..");
    node_in(&t, "int64[3] 2 1 3");
    node_expect(&t, 0, "float32[2,2,3] 0 0 0 1 1 1 0 0 0 1 1 1");
    node_close(&t);

    node_open(&t, ALT_OP_EXPAND, 13);
    node_in(&t, "float32[1,n,1]");
    node_in(&t, "int64[3] {batch,1,seq}");
    node_expect_type(&t, 0, "float32[batch,n,seq]");
    node_close(&t);

    node_open(&t, ALT_OP_TILE, 13);
    node_in(&t, "int16[2,2] ..");
    node_in(&t, "int64[2] 2 3");
    node_expect(&t, 0, "int16[4,6] 0 1 0 1 0 1 2 3 2 3 2 3 0 1 0 1 0 1 2 3 2 3 2 3");
    node_close(&t);
}

static void concat(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_CONCAT, 13);
    node_int(&t, "axis", -1);
    node_in(&t, "float32[2,2] ..");
    node_in(&t, "float32[2,0]");
    node_in(&t, "float32[2,1] 8 9");
    node_expect(&t, 0, "float32[2,3] 0 1 8 2 3 9");
    node_close(&t);

    node_open(&t, ALT_OP_CONCAT, 13);
    node_int(&t, "axis", 0);
    node_in(&t, "int64[1] {batch}");
    node_in(&t, "int64[2] -1 64");
    node_in(&t, "int64[1]");
    node_expect_type(&t, 0, "int64[4] {batch,-1,64,?}");
    node_close(&t);

    node_open(&t, ALT_OP_CONCAT, 13);
    node_int(&t, "axis", 2);
    node_in(&t, "float32[b,8,past,64]");
    node_in(&t, "float32[b,8,seq,64]");
    node_expect_type(&t, 0, "float32[b,8,past+seq,64]");
    node_close(&t);

    node_open(&t, ALT_OP_CONCAT, 13);
    node_int(&t, "axis", 0);
    node_in(&t, "float32[2,2] ..");
    node_in(&t, "float32[2,3] ..");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
}

static void split(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_SPLIT, 18);
    t.n_out = 3;
    node_int(&t, "axis", 1);
    node_int(&t, "num_outputs", 3);
    node_in(&t, "float32[2,5] ..");
    node_expect(&t, 0, "float32[2,2] 0 1 5 6");
    node_expect(&t, 1, "float32[2,2] 2 3 7 8");
    node_expect(&t, 2, "float32[2,1] 4 9");
    node_close(&t);

    node_open(&t, ALT_OP_SPLIT, 13);
    t.n_out = 2;
    node_in(&t, "float32[3] ..");
    node_in(&t, "int64[2] 1 2");
    node_expect(&t, 0, "float32[1] 0");
    node_expect(&t, 1, "float32[2] 1 2");
    node_close(&t);

    node_open(&t, ALT_OP_SPLIT, 11);
    t.n_out = 3;
    node_int(&t, "axis", -1);
    node_in(&t, "float32[b,s,2304]");
    node_expect_type(&t, 2, "float32[b,s,768]");
    node_close(&t);

    node_open(&t, ALT_OP_SPLIT, 13);
    t.n_out = 2;
    node_in(&t, "float32[3] ..");
    node_in(&t, "int64[2] 1 1");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
}

static void slice(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_SLICE, 13);
    node_in(&t, "float32[2,5] ..");
    node_in(&t, "int64[2] -1 4");
    node_in(&t, "int64[2] -9223372036854775808 0");
    node_in(&t, "int64[2] 0 1");
    node_in(&t, "int64[2] -1 -2");
    node_expect(&t, 0, "float32[2,2] 9 7 4 2");
    node_close(&t);

    node_open(&t, ALT_OP_SLICE, 9);
    node_ints(&t, "starts", 1, (const int64_t[]){1});
    node_ints(&t, "ends", 1, (const int64_t[]){INT64_MAX});
    node_in(&t, "float32[3,2] ..");
    node_expect(&t, 0, "float32[2,2] 2 3 4 5");
    node_close(&t);

    node_open(&t, ALT_OP_SLICE, 13);
    node_in(&t, "float32[3,2] ..");
    node_in(&t, "int32[1] 5");
    node_in(&t, "int32[1] 9");
    node_expect(&t, 0, "float32[0,2]");
    node_close(&t);
}

static void slice_of_symbols(void **state)
{
    (void)state;
    static const struct {
        const char *in, *start, *end, *step, *want;
    } cases[] = {
        {"float32[b,s]", "int64[1] 0", "int64[1] 9223372036854775807", "int64[1] 1", "float32[b,s]"},
        {"float32[b,s]", "int64[1] 0", "int64[1] {n}", "int64[1] 1", "float32[b,min(s,n)]"},
        {"float32[b,s]", "int64[1] 0", "int64[1] {s}", "int64[1] 1", "float32[b,s]"},
        {"float32[b,s]", "int64[1] 0", "int64[1] 9223372036854775807", "int64[1] 2", "float32[b,(s+1)/2]"},
        {"float32[b,s]", "int64[1] -1", "int64[1] -9223372036854775807", "int64[1] -1", "float32[b,s]"},
        {"float32[b,8]", "int64[1] -3", "int64[1] -1", "int64[1] 1", "float32[b,2]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_SLICE, 13);
        node_in(&t, cases[i].in);
        node_in(&t, cases[i].start);
        node_in(&t, cases[i].end);
        node_in(&t, "int64[1] 1");
        node_in(&t, cases[i].step);
        node_expect_type(&t, 0, cases[i].want);
        node_close(&t);
    }
    struct test_node t;
    node_open(&t, ALT_OP_SLICE, 13);
    node_in(&t, "int64[4] {b,c,h,w}");
    node_in(&t, "int64[1] -1");
    node_in(&t, "int64[1] 0");
    node_in(&t, "int64[1] 0");
    node_in(&t, "int64[1] -2");
    node_expect_type(&t, 0, "int64[2] {w,c}");
    node_close(&t);
}

static void shape_and_size(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_SHAPE_OF, 15);
    node_int(&t, "start", -2);
    node_in(&t, "float32[b,3,h,w]");
    node_expect_type(&t, 0, "int64[2] {h,w}");
    node_close(&t);
    node_open(&t, ALT_OP_SHAPE_OF, 13);
    node_in(&t, "float32[2,0,3]");
    node_expect(&t, 0, "int64[3] 2 0 3");
    node_close(&t);
    node_open(&t, ALT_OP_SIZE, 13);
    node_in(&t, "float32[2,3] ..");
    node_expect(&t, 0, "int64[] 6");
    node_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reshape_keeps_elements), cmocka_unit_test(reshape_refuses_what_does_not_fit),
        cmocka_unit_test(reshape_solves_symbols), cmocka_unit_test(squeeze_and_unsqueeze),
        cmocka_unit_test(flatten),                cmocka_unit_test(transpose),
        cmocka_unit_test(expand_and_tile),        cmocka_unit_test(concat),
        cmocka_unit_test(split),                  cmocka_unit_test(slice),
        cmocka_unit_test(bit_cast),               cmocka_unit_test(slice_of_symbols),       cmocka_unit_test(shape_and_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
