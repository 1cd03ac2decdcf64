/* test_resize.c: Resize, Upsample, GridSample, AffineGrid: shapes, and what ONNX's own vectors leave out (integers, old opsets, strange crops). */
#include "tests/node.h"

#include "tests/cmocka_all.h"

static void shapes_follow_symbols(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_RESIZE, 13);
    node_in(&t, "float32[n,c,h,w]");
    node_in(&t, NULL);
    node_in(&t, "float32[4] 1 1 2 0.5");
    node_expect_type(&t, 0, "float32[n,c,h*2,w/2]");
    node_close(&t);

    node_open(&t, ALT_OP_RESIZE, 13);
    node_in(&t, "float32[n,3,h,w]");
    node_in(&t, NULL);
    node_in(&t, "float32[0]"); /* as exporters write "no scales" */
    node_in(&t, "int64[4] {n,3,h2,w2}");
    node_expect_type(&t, 0, "float32[n,3,h2,w2]");
    node_close(&t);

    node_open(&t, ALT_OP_RESIZE, 18);
    node_ints(&t, "axes", 2, (const int64_t[]){-1, -2});
    node_in(&t, "float32[n,3,4,6]");
    node_in(&t, NULL);
    node_in(&t, NULL);
    node_in(&t, "int64[2] 3 8");
    node_expect_type(&t, 0, "float32[n,3,8,3]");
    node_close(&t);
}

static void resizes_integers(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_RESIZE, 13);
    node_text(&t, "mode", "linear");
    node_in(&t, "int32[1,2] -16777217 16777219"); /* not exact in float32 */
    node_in(&t, NULL);
    node_in(&t, NULL);
    node_in(&t, "int64[2] 2 3");
    node_expect(&t, 0, "int32[2,3] -16777217 1 16777219 -16777217 1 16777219");
    node_close(&t);

    node_open(&t, ALT_OP_RESIZE, 13);
    node_in(&t, "string[1,2] a b");
    node_in(&t, NULL);
    node_in(&t, "float32[2] 2 1.5");
    node_expect(&t, 0, "string[2,3] a a b a a b");
    node_close(&t);
}

/* Rows that repeat elements and each other, of 4-byte elements and of others. */
static void whole_factors(void **state)
{
    (void)state;
    static const struct {
        const char *in, *scales, *want;
    } cases[] = {
        {"float32[2,3] ..", "float32[2] 2 2", "float32[4,6] 0 0 1 1 2 2 0 0 1 1 2 2 3 3 4 4 5 5 3 3 4 4 5 5"},
        {"int32[1,2] ..", "float32[2] 3 3", "int32[3,6] 0 0 0 1 1 1 0 0 0 1 1 1 0 0 0 1 1 1"},
        {"uint8[1,2] ..", "float32[2] 2 2", "uint8[2,4] 0 0 1 1 0 0 1 1"},
        {"uint8[1,1,2,4] ..", "float32[4] 1 1 2 1", "uint8[1,1,4,4] 0 1 2 3 0 1 2 3 4 5 6 7 4 5 6 7"},
        {"float32[1,1] ..", "float32[2] 1 5", "float32[1,5] 0 0 0 0 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_RESIZE, 13);
        node_text(&t, "coordinate_transformation_mode", "asymmetric");
        node_text(&t, "nearest_mode", "floor");
        node_in(&t, cases[i].in);
        node_in(&t, NULL);
        node_in(&t, cases[i].scales);
        node_expect(&t, 0, cases[i].want);
        node_close(&t);
    }
}

static void old_versions(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_RESIZE, 10);
    node_in(&t, "float32[1,4] ..");
    node_in(&t, "float32[2] 1 1.5");
    node_expect(&t, 0, "float32[1,6] 0 0 1 2 2 3");
    node_close(&t);

    node_open(&t, ALT_OP_UPSAMPLE, 9);
    node_text(&t, "mode", "linear");
    node_in(&t, "float32[1,2] ..");
    node_in(&t, "float32[2] 2 2");
    node_expect(&t, 0, "float32[2,4] 0 0.5 1 1 0 0.5 1 1");
    node_close(&t);
}

static void crops_and_bad_arguments(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_RESIZE, 13);
    node_text(&t, "mode", "linear");
    node_text(&t, "coordinate_transformation_mode", "tf_crop_and_resize");
    node_float(&t, "extrapolation_value", 9);
    node_in(&t, "float32[3] ..");
    node_in(&t, "float32[2] -1 1");
    node_in(&t, NULL);
    node_in(&t, "int64[1] 5");
    node_expect(&t, 0, "float32[5] 9 9 0 1 2");
    node_close(&t);

    static const char *const scales[] = {"float32[2] 1 0", "float32[2] 1 -1", "float32[3] 1 1 1", "float32[2] 1 NaN"};
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        node_open(&t, ALT_OP_RESIZE, 13);
        node_in(&t, "float32[1,4] ..");
        node_in(&t, NULL);
        node_in(&t, scales[i]);
        assert_int_equal(node_run(&t), ALT_E_MODEL);
        node_close(&t);
    }
}

/* Points that are far outside or no numbers read nothing outside the input. */
static void samples_strange_points(void **state)
{
    (void)state;
    static const struct {
        const char *padding, *want;
    } cases[] = {{"zeros", "float32[1,1,1,4] 3 0 0 0"}, {"border", "float32[1,1,1,4] 3 0 3 0"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_GRID_SAMPLE, 20);
        node_int(&t, "align_corners", 1);
        node_text(&t, "padding_mode", cases[i].padding);
        node_in(&t, "float32[1,1,2,2] ..");
        node_in(&t, "float32[1,1,4,2] 1 1 -1e30 -1e30 1e30 1e30 NaN NaN");
        node_expect(&t, 0, cases[i].want);
        node_close(&t);
    }
}

static void affine_grids(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_AFFINE_GRID, 20);
    node_int(&t, "align_corners", 1);
    node_in(&t, "float32[1,2,3] 1 0 10 0 2 0");
    node_in(&t, "int64[4] 1 7 2 3");
    node_expect(&t, 0, "float32[1,2,3,2] 9 -2 10 -2 11 -2 9 2 10 2 11 2");
    node_close(&t);

    node_open(&t, ALT_OP_AFFINE_GRID, 20);
    node_in(&t, "float32[n,2,3]");
    node_in(&t, "int64[4] {n,3,h,w}");
    node_expect_type(&t, 0, "float32[n,h,w,2]");
    node_close(&t);

    node_open(&t, ALT_OP_AFFINE_GRID, 20); /* a matrix for two axes, a size for three */
    node_in(&t, "float32[1,2,3] ..");
    node_in(&t, "int64[5] 1 1 2 2 2");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_follow_symbols),
        cmocka_unit_test(resizes_integers),
        cmocka_unit_test(whole_factors), cmocka_unit_test(old_versions),
        cmocka_unit_test(crops_and_bad_arguments),
        cmocka_unit_test(samples_strange_points),
        cmocka_unit_test(affine_grids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
