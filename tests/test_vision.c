/* test_vision.c: operators of detectors and segmenters, and others on large enough tensors that there are several tiles: against
 * simpler ways to the same numbers, and the same bits whatever the order of the tiles. */
#include "tests/node.h"
#include "tests/op_check.h"

#include "tests/cmocka_all.h"

#include <math.h>
#include <string.h>

/* Tiles one by one, the last first, give the same bits. */
static void check_tiles(struct op_check *c)
{
    const struct alt_layout *plain[OP_CHECK_MAX] = {NULL};
    struct alt_tensor again[OP_CHECK_MAX];
    assert_int_equal(op_run_layouts(c, plain, plain, false, again), ALT_OK);
    for (int i = 0; i < c->n_out; i++)
        op_expect_same(&c->out[i], &again[i]);
}

static struct alt_tensor *zeros(struct op_check *c, alt_dtype dtype, int rank, const int64_t *dims)
{
    struct alt_tensor *t = op_in(c, dtype, false, rank, dims);
    memset((void *)(uintptr_t)t->data, 0, t->bytes);
    return t;
}

/* Without offsets a deformable convolution is one. */
static void check_deform(alt_dtype dtype, int64_t group, int64_t moved, const int64_t *pads)
{
    struct op_check deform, conv;
    op_begin(&deform, "DeformConv", 19);
    const int64_t x_dims[] = {2, 4, 13, 11}, w_dims[] = {6, 4 / group, 3, 2};
    const int64_t rows = (13 + pads[0] + pads[2] - 3) / 2 + 1, cols = 11 + pads[1] + pads[3] - 3 + 1;
    const struct alt_tensor *x = op_in(&deform, dtype, false, 4, x_dims), *w = op_in(&deform, dtype, false, 4, w_dims);
    zeros(&deform, dtype, 4, (int64_t[]){2, moved * 12, rows, cols});
    const struct alt_tensor *bias = op_in(&deform, dtype, false, 1, (int64_t[]){6});
    op_begin(&conv, "Conv", 11);
    op_in_data(&conv, dtype, 4, x_dims, x->data);
    op_in_data(&conv, dtype, 4, w_dims, w->data);
    op_in_data(&conv, dtype, 1, (int64_t[]){6}, bias->data);
    struct op_check *both[] = {&deform, &conv};
    for (int i = 0; i < 2; i++) {
        op_int(both[i], "group", group);
        op_ints(both[i], "pads", 4, pads);
        op_ints(both[i], "strides", 2, (int64_t[]){2, 1});
        op_ints(both[i], "dilations", 2, (int64_t[]){1, 2});
    }
    op_int(&deform, "offset_group", moved);
    assert_int_equal(op_run(&deform), ALT_OK);
    assert_int_equal(op_run(&conv), ALT_OK);
    assert_int_equal(alt_tensor_count(&deform.out[0]), alt_tensor_count(&conv.out[0]));
    for (int64_t i = 0; i < alt_tensor_count(&conv.out[0]); i++)
        op_expect(op_get(&deform.out[0], i), op_get(&conv.out[0], i), op_tolerance(dtype, 24), i);
    check_tiles(&deform);
    op_end(&deform);
    op_end(&conv);
}

static void deformable(void **state)
{
    (void)state;
    static const alt_dtype types[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16};
    static const int64_t pads[][4] = {{0, 0, 0, 0}, {1, 2, 0, 1}};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (int p = 0; p < 2; p++) {
            check_deform(types[t], 1, 1, pads[p]);
            check_deform(types[t], 2, 4, pads[p]);
        }
}

/* Each pixel gets as many ones as there are blocks over it. */
static void columns(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_COL2IM, 18);
    node_in(&t, "float32[1,4,6] 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1");
    node_in(&t, "int64[2] 3 4");
    node_in(&t, "int64[2] 2 2");
    node_expect(&t, 0, "float32[1,1,3,4] 1 2 2 1 2 4 4 2 1 2 2 1");
    node_close(&t);
    node_open(&t, ALT_OP_COL2IM, 18);
    node_in(&t, "float32[1,4,5] ..");
    node_in(&t, "int64[2] 3 4");
    node_in(&t, "int64[2] 2 2");
    assert_int_equal(node_run(&t), ALT_E_SHAPE); /* 6 blocks */
    node_close(&t);
}

static void determinants(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_DET, 22);
    node_in(&t, "float64[4,2,2] 0 1 1 0 1 2 2 4 3 1 4 2 nan 1 1 1");
    node_expect(&t, 0, "float64[4] -1 0 2 nan");
    node_close(&t);
    node_open(&t, ALT_OP_DET, 22);
    node_in(&t, "float32[2,0,0]");
    node_expect(&t, 0, "float32[2] 1 1");
    node_close(&t);
}

static void boxes(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_NON_MAX_SUPPRESSION, 11);
    node_in(&t, "float32[1,4,4] 0 0 1 1 0 0 1 1 0 5 1 6 0 9 1 10");
    node_in(&t, "float32[1,1,4] 2 2 nan 1"); /* of equal ones the first; NaN is worst */
    node_in(&t, "int64[1] 9");
    node_in(&t, "float32[1] 0.5");
    node_expect(&t, 0, "int64[3,3] 0 0 0 0 0 3 0 0 2");
    node_close(&t);
    node_open(&t, ALT_OP_NON_MAX_SUPPRESSION, 11);
    node_in(&t, "float32[1,1,4] 0 0 1 1");
    node_in(&t, "float32[1,1,1] 2");
    node_expect(&t, 0, "int64[0,3]"); /* none are wanted */
    node_close(&t);
}

/* Indices that models and data give. */
static void bad_indices(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_ROI_ALIGN, 16);
    node_in(&t, "float32[1,1,2,2] ..");
    node_in(&t, "float32[1,4] 0 0 1 1");
    node_in(&t, "int64[1] 1");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
    node_open(&t, ALT_OP_ROI_ALIGN, 16);
    node_in(&t, "float32[1,1,2,2] ..");
    node_in(&t, "float32[1,4] 0 0 inf 1e30"); /* more samples than make sense */
    node_in(&t, "int64[1] 0");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
    node_open(&t, ALT_OP_MAX_UNPOOL, 11);
    node_ints(&t, "kernel_shape", 2, (int64_t[]){2, 2});
    node_in(&t, "float32[1,1,1,1] 5");
    node_in(&t, "int64[1,1,1,1] 4");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
    node_open(&t, ALT_OP_NEGATIVE_LOG_LIKELIHOOD_LOSS, 13);
    node_in(&t, "float32[1,2] 1 2");
    node_in(&t, "int64[1] 2");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
    node_open(&t, ALT_OP_ROTARY_EMBEDDING, 23);
    node_in(&t, "float32[1,1,1,2] 1 2");
    node_in(&t, "float32[3,1] ..");
    node_in(&t, "float32[3,1] ..");
    node_in(&t, "int64[1,1] 3");
    assert_int_equal(node_run(&t), ALT_E_SHAPE);
    node_close(&t);
}

/* Kernels whose vectors are too small for a second tile. */
static void tiles(void **state)
{
    (void)state;
    struct op_check c;
    op_begin(&c, "RotaryEmbedding", 23);
    op_in(&c, ALT_FLOAT32, false, 4, (int64_t[]){2, 3, 70, 64});
    op_in(&c, ALT_FLOAT32, false, 3, (int64_t[]){2, 70, 32});
    op_in(&c, ALT_FLOAT32, false, 3, (int64_t[]){2, 70, 32});
    assert_int_equal(op_run(&c), ALT_OK);
    check_tiles(&c);
    op_end(&c);
    op_begin(&c, "SoftmaxCrossEntropyLoss", 13);
    op_in(&c, ALT_FLOAT32, false, 3, (int64_t[]){3, 50, 400});
    zeros(&c, ALT_INT64, 2, (int64_t[]){3, 400});
    op_text(&c, "reduction", "none");
    c.n_out = 2;
    assert_int_equal(op_run(&c), ALT_OK);
    check_tiles(&c);
    op_end(&c);
    op_begin(&c, "LinearAttention", 27);
    op_in(&c, ALT_FLOAT32, false, 3, (int64_t[]){2, 9, 4 * 8});
    op_in(&c, ALT_FLOAT32, false, 3, (int64_t[]){2, 9, 2 * 8});
    op_in(&c, ALT_FLOAT32, false, 3, (int64_t[]){2, 9, 2 * 70});
    op_text(&c, "update_rule", "linear");
    op_int(&c, "q_num_heads", 4);
    op_int(&c, "kv_num_heads", 2);
    c.n_out = 2;
    assert_int_equal(op_run(&c), ALT_OK);
    check_tiles(&c);
    op_end(&c);
    op_begin(&c, "DFT", 20);
    op_in(&c, ALT_FLOAT32, false, 4, (int64_t[]){5, 12, 7, 2});
    assert_int_equal(op_run(&c), ALT_OK);
    check_tiles(&c);
    op_end(&c);
    op_begin(&c, "RandomNormal", 1);
    op_ints(&c, "shape", 2, (int64_t[]){100, 100});
    op_float(&c, "mean", 3);
    assert_int_equal(op_run(&c), ALT_OK);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < 10000; i++) {
        sum += op_get(&c.out[0], i);
        squares += pow(op_get(&c.out[0], i) - 3, 2);
    }
    assert_true(fabs(sum / 10000 - 3) < 0.05 && fabs(squares / 10000 - 1) < 0.05);
    check_tiles(&c);
    op_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deformable), cmocka_unit_test(columns),     cmocka_unit_test(determinants),
        cmocka_unit_test(boxes),      cmocka_unit_test(bad_indices), cmocka_unit_test(tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
