/* Shape inference of products, convolutions and pooling on a graph: symbolic extents, unknown extents, unknown ranks. */
#include "tests/op_check.h"

#include "runtime/infer.h"
#include "tests/cmocka_all.h"

#include <string.h>

enum { NO_RANK = -1 };

/* Makes input i a value of rank `rank` whose extents are digits, names of symbols, or "?", a fresh unknown. */
static void make_symbolic(struct op_check *c, int i, int rank, const char *const *dims)
{
    struct alt_type *t = &c->node->in[i]->type;
    t->known = NULL;
    t->content = NULL;
    t->shape.rank = rank;
    for (int a = 0; a < rank; a++) {
        if (dims[a][0] == '?')
            t->shape.dim[a] = alt_dim_unknown(&c->dims);
        else if (dims[a][0] >= '0' && dims[a][0] <= '9')
            t->shape.dim[a] = dims[a][0] - '0';
        else
            t->shape.dim[a] = alt_dim_symbol(&c->dims, dims[a]);
    }
}

/* The inferred shape of output 0 as text. */
static void expect_shape(struct op_check *c, const char *want)
{
    char text[200];
    assert_int_equal(alt_infer_node(c->node, &c->diag), ALT_OK);
    alt_shape_print(&c->dims, &c->node->out[0]->type.shape, text, sizeof text);
    assert_string_equal(text, want);
}

/* The extent of axis a of output 0 where the first two symbols have these values. */
static void expect_extent(struct op_check *c, int a, int64_t first, int64_t second, int64_t want)
{
    const int64_t values[] = {first, second, 0, 0, 0, 0, 0, 0};
    assert_int_equal(alt_dim_eval(&c->dims, c->node->out[0]->type.shape.dim[a], values), want);
}

static void begin_conv(struct op_check *c, const char *type, int64_t stride)
{
    op_begin(c, type, 11);
    op_in(c, ALT_FLOAT32, true, 4, (int64_t[]){1, 4, 9, 9});
    op_in(c, ALT_FLOAT32, true, 4, (int64_t[]){4, 4, 3, 3});
    op_ints(c, "strides", 2, (int64_t[]){stride, stride});
    op_ints(c, "pads", 4, (int64_t[]){1, 1, 1, 1});
    op_make(c);
}

static void conv_symbols(void **state)
{
    (void)state;
    struct op_check c;
    begin_conv(&c, "Conv", 1);
    make_symbolic(&c, 0, 4, (const char *const[]){"h", "4", "n", "?"});
    assert_int_equal(alt_infer_node(c.node, &c.diag), ALT_OK);
    expect_extent(&c, 0, 7, 5, 7);
    assert_int_equal(c.node->out[0]->type.shape.dim[1], 4);
    expect_extent(&c, 2, 7, 5, 5);
    op_end(&c);
    begin_conv(&c, "Conv", 2);
    make_symbolic(&c, 0, 4, (const char *const[]){"1", "4", "h", "w"});
    assert_int_equal(alt_infer_node(c.node, &c.diag), ALT_OK);
    expect_extent(&c, 2, 224, 7, 112);
    expect_extent(&c, 3, 224, 7, 4);
    op_end(&c);
    begin_conv(&c, "Conv", 2);
    make_symbolic(&c, 0, NO_RANK, NULL);
    assert_int_equal(alt_infer_node(c.node, &c.diag), ALT_OK);
    assert_int_equal(c.node->out[0]->type.shape.rank, 4);
    assert_int_equal(c.node->out[0]->type.shape.dim[1], 4);
    op_end(&c);
    begin_conv(&c, "Conv", 2);
    make_symbolic(&c, 0, NO_RANK, NULL);
    make_symbolic(&c, 1, NO_RANK, NULL);
    expect_shape(&c, "[?]");
    op_end(&c);
    begin_conv(&c, "Conv", 2);
    make_symbolic(&c, 1, 4, (const char *const[]){"m", "c", "3", "k"});
    assert_int_equal(alt_infer_node(c.node, &c.diag), ALT_OK);
    assert_int_equal(c.node->out[0]->type.shape.dim[2], 5);
    expect_extent(&c, 1, 6, 3, 6);
    assert_true(c.node->out[0]->type.shape.dim[3] < 0);
    op_end(&c);
}

static void transpose_symbols(void **state)
{
    (void)state;
    struct op_check c;
    begin_conv(&c, "ConvTranspose", 2);
    make_symbolic(&c, 0, 4, (const char *const[]){"1", "4", "h", "w"});
    assert_int_equal(alt_infer_node(c.node, &c.diag), ALT_OK);
    expect_extent(&c, 2, 10, 3, 19);
    expect_extent(&c, 3, 10, 3, 5);
    op_end(&c);
}

static void pool_symbols(void **state)
{
    (void)state;
    for (int ceil = 0; ceil < 2; ceil++) {
        struct op_check c;
        op_begin(&c, "MaxPool", 11);
        op_in(&c, ALT_FLOAT32, true, 4, (int64_t[]){1, 4, 9, 9});
        op_ints(&c, "kernel_shape", 2, (int64_t[]){3, 2});
        op_ints(&c, "strides", 2, (int64_t[]){2, 2});
        op_int(&c, "ceil_mode", ceil);
        op_make(&c);
        make_symbolic(&c, 0, 4, (const char *const[]){"h", "4", "w", "?"});
        assert_int_equal(alt_infer_node(c.node, &c.diag), ALT_OK);
        expect_extent(&c, 0, 8, 10, 8);
        expect_extent(&c, 2, 8, 10, ceil ? 5 : 4);
        make_symbolic(&c, 0, NO_RANK, NULL);
        assert_int_equal(alt_infer_node(c.node, &c.diag), ALT_OK);
        assert_int_equal(c.node->out[0]->type.shape.rank, 4);
        op_end(&c);
    }
}

static void product_symbols(void **state)
{
    (void)state;
    struct op_check c;
    op_begin(&c, "MatMul", 13);
    op_in(&c, ALT_FLOAT32, true, 2, (int64_t[]){4, 4});
    op_in(&c, ALT_FLOAT32, true, 2, (int64_t[]){4, 4});
    op_make(&c);
    make_symbolic(&c, 0, 3, (const char *const[]){"n", "s", "4"});
    expect_shape(&c, "[n,s,4]");
    make_symbolic(&c, 1, 3, (const char *const[]){"n", "k", "t"});
    expect_shape(&c, "[n,s,t]");
    make_symbolic(&c, 1, 1, (const char *const[]){"k"});
    expect_shape(&c, "[n,s]");
    make_symbolic(&c, 1, NO_RANK, NULL);
    expect_shape(&c, "[?]");
    make_symbolic(&c, 1, 2, (const char *const[]){"5", "t"});
    assert_int_equal(alt_infer_node(c.node, &c.diag), ALT_E_SHAPE);
    op_end(&c);
}

static void gemm_symbols(void **state)
{
    (void)state;
    struct op_check c;
    op_begin(&c, "Gemm", 13);
    op_in(&c, ALT_FLOAT32, true, 2, (int64_t[]){4, 4});
    op_in(&c, ALT_FLOAT32, true, 2, (int64_t[]){4, 4});
    op_int(&c, "transA", 1);
    op_make(&c);
    make_symbolic(&c, 0, 2, (const char *const[]){"k", "n"});
    expect_shape(&c, "[n,4]");
    make_symbolic(&c, 0, NO_RANK, NULL);
    assert_int_equal(alt_infer_node(c.node, &c.diag), ALT_OK);
    assert_int_equal(c.node->out[0]->type.shape.rank, 2);
    op_end(&c);
}

static void einsum_symbols(void **state)
{
    (void)state;
    struct op_check c;
    op_begin(&c, "Einsum", 12);
    op_in(&c, ALT_FLOAT32, true, 2, (int64_t[]){4, 4});
    op_in(&c, ALT_FLOAT32, true, 2, (int64_t[]){4, 4});
    op_text(&c, "equation", "ij,jk->ki");
    op_make(&c);
    make_symbolic(&c, 0, 2, (const char *const[]){"n", "m"});
    expect_shape(&c, "[4,n]");
    make_symbolic(&c, 0, NO_RANK, NULL);
    expect_shape(&c, "[?]");
    op_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_symbols),    cmocka_unit_test(transpose_symbols), cmocka_unit_test(pool_symbols),
        cmocka_unit_test(product_symbols), cmocka_unit_test(gemm_symbols),      cmocka_unit_test(einsum_symbols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
