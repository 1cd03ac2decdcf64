/* gemm.c: Gemm: y = alpha * A' B' + beta * C with C broadcast in one direction to y. */
#include "runtime/infer.h"
#include "runtime/layout.h"
#include "runtime/ops/product.h"
#include "runtime/ops/product_int.h"
#include "runtime/step.h"

enum { ALL = ALT_CLASS_FLOAT | ALT_CLASS_INT };

static bool conflict(alt_dim a, alt_dim b) { return alt_dim_known(a) && alt_dim_known(b) && a != b; }

/* Extent `axis` (0 or 1) of a matrix input after its transposition; unknown when the rank is. */
static alt_dim extent(const struct alt_infer *inf, int i, const char *transpose, int axis)
{
    const struct alt_shape *s = &inf->in[i]->shape;
    const bool swap = alt_attr_int(inf->node, transpose, 0) != 0;
    return s->rank < 0 ? alt_dim_unknown(inf->dims) : s->dim[swap ? 1 - axis : axis];
}

static alt_status check_bias(struct alt_infer *inf, const struct alt_shape *y)
{
    if (!alt_infer_has(inf, 2))
        return ALT_OK;
    ALT_CHECK(alt_infer_expect(inf, 2, ALL));
    ALT_CHECK(alt_infer_same_dtype(inf, 0, 2));
    const struct alt_shape *c = &inf->in[2]->shape;
    if (c->rank > 2)
        return alt_infer_fail(inf, ALT_E_SHAPE, "C has more than two axes");
    for (int i = 0; i < c->rank; i++)
        if (c->dim[i] != 1 && conflict(c->dim[i], y->dim[2 - c->rank + i]))
            return alt_infer_fail(inf, ALT_E_SHAPE, "C does not broadcast to the product");
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    for (int i = 0; i < 2; i++) {
        ALT_CHECK(alt_infer_expect(inf, i, ALL));
        if (alt_infer_rank(inf, i) >= 0 && alt_infer_rank(inf, i) != 2)
            return alt_infer_fail(inf, ALT_E_SHAPE, "A and B must have two axes");
    }
    ALT_CHECK(alt_infer_same_dtype(inf, 0, 1));
    if (conflict(extent(inf, 0, "transA", 1), extent(inf, 1, "transB", 0)))
        return alt_infer_fail(inf, ALT_E_SHAPE, "the inner extents of A and B differ");
    const struct alt_shape y = {2, {extent(inf, 0, "transA", 0), extent(inf, 1, "transB", 1)}};
    ALT_CHECK(check_bias(inf, &y));
    alt_infer_set(inf, 0, inf->in[0]->dtype, &y);
    return ALT_OK;
}

struct gemm {
    struct alt_product product;
    int add; /* operand of the epilogue */
};

static void run(const struct alt_kargs *args)
{
    const struct gemm *g = args->params;
    const struct alt_koperand *op = args->operand;
    const struct alt_product_data data = {.a = op[0].data, .b = op[1].data, .c = g->product.has_c ? op[2].data : NULL,
                                          .add = g->product.has_add ? op[g->add].data : NULL,
                                          .y = op[args->operand_count - 1].data};
    for (int64_t tile = args->begin; tile < args->end; tile++)
        alt_product_tile(&g->product, &data, tile, args->scratch);
}

static struct alt_matrix strides(const struct alt_operand *op, bool transposed)
{
    return transposed ? (struct alt_matrix){op->stride[1], op->stride[0]} : (struct alt_matrix){op->stride[0], op->stride[1]};
}

/* Stride of C along axis `axis` of y: 0 where C repeats. */
static int64_t bias_stride(const struct alt_operand *c, int axis)
{
    const int own = axis - 2 + c->rank;
    return own < 0 || c->dim[own] == 1 ? 0 : c->stride[own];
}

static int bind(struct alt_kernel_bind *bind)
{
    const struct alt_operand *a = &bind->in[0], *b = &bind->in[1];
    const struct alt_operand *c = bind->n_in > 2 && bind->in[2].dtype != ALT_NONE ? &bind->in[2] : NULL;
    const struct alt_kernel_epilogue *e = &bind->epilogue;
    struct gemm *g = alt_arena_alloc(bind->arena, sizeof *g);
    if (!g)
        return ALT_E_NOMEM;
    struct alt_product *p = &g->product;
    const bool trans_a = alt_attr_int(bind->node, "transA", 0) != 0, trans_b = alt_attr_int(bind->node, "transB", 0) != 0;
    p->dtype = a->dtype;
    p->alpha = alt_attr_float(bind->node, "alpha", 1);
    p->beta = alt_attr_float(bind->node, "beta", 1);
    p->has_c = c && p->beta != 0;
    p->m = a->dim[trans_a ? 1 : 0];
    p->n = b->dim[trans_b ? 0 : 1];
    p->k = a->dim[trans_a ? 0 : 1];
    if (p->k != b->dim[trans_b ? 1 : 0])
        return alt_bind_fail(bind, ALT_E_SHAPE, "the inner extents of A and B differ");
    p->a = strides(a, trans_a);
    p->panels = b->layout != NULL;
    if (!p->panels)
        p->b = strides(b, trans_b);
    p->y = (struct alt_matrix){p->n, 1};
    if (c)
        p->c = (struct alt_matrix){bias_stride(c, 0), bias_stride(c, 1)};
    if (e->parts & ALT_EPILOGUE_ADD) {
        g->add = e->add;
        p->has_add = true;
        p->add = strides(&bind->in[e->add], false);
    }
    p->limited = (e->parts & ALT_EPILOGUE_LIMIT) != 0;
    p->low = e->low;
    p->high = e->high;
    alt_product_prepare(p);
    bind->params = g;
    bind->range = p->tiles;
    bind->flops = 2.0 * (double)p->m * (double)p->n * (double)p->k;
    bind->scratch = p->scratch;
    return ALT_OK;
}

static const struct alt_kernel kernel = {
    .name = "gemm", .fn = run, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT,
    .epilogue = ALT_EPILOGUE_ADD | ALT_EPILOGUE_LIMIT};

static alt_status select_kernel(struct alt_select *sel, const struct alt_kernel **out)
{
    const int columns = alt_attr_int(sel->node, "transB", 0) != 0 ? 0 : 1;
    const struct alt_operand *b = &sel->in[1];
    for (int i = 0; i < sel->n_in; i++)
        if (sel->in[i].layout && (i != 1 || !alt_product_laid_out(b, columns)))
            return alt_select_unsupported(sel);
    const bool integer = (alt_dtype_class(sel->in[0].dtype) & ALT_CLASS_INT) != 0;
    const double alpha = alt_attr_float(sel->node, "alpha", 1), beta = alt_attr_float(sel->node, "beta", 1);
    if (!alt_product_supports(sel->in[0].dtype) || sel->out[0].layout ||
        (integer && !(alt_product_int_factor(alpha) && alt_product_int_factor(beta))))
        return alt_select_unsupported(sel);
    *out = &kernel;
    return ALT_OK;
}

/* A matrix that is constant is laid out once. */
static enum alt_blocking layouts(const struct alt_node *n, int block, struct alt_arena *arena, const struct alt_layout **in,
                                 const struct alt_layout **out)
{
    (void)block, (void)out;
    const int columns = alt_attr_int(n, "transB", 0) != 0 ? 0 : 1;
    return alt_product_lay_out(n->in[1], columns, arena, &in[1]) ? ALT_BLOCKING_LEAD : ALT_BLOCKING_NONE;
}

const struct alt_op_impl alt_op_gemm = {.infer = infer, .select = select_kernel, .layouts = layouts};
