/* pool.c: MaxPool, AveragePool, LpPool and their global forms: types and shapes, choice of kernel, layouts. */
#include "runtime/ops/pool.h"

#include "runtime/infer.h"
#include "runtime/kernels/kern.h"
#include "runtime/layout.h"

/* What there is for one operator. */
struct row {
    const struct alt_kernel *kernel;
    bool global;
};

static struct row row_of(enum alt_op op)
{
    switch (op) {
    case ALT_OP_MAX_POOL:
        return (struct row){&alt_pool_max, false};
    case ALT_OP_AVERAGE_POOL:
        return (struct row){&alt_pool_average, false};
    case ALT_OP_LP_POOL:
        return (struct row){&alt_pool_lp, false};
    case ALT_OP_GLOBAL_MAX_POOL:
        return (struct row){&alt_pool_global_max, true};
    case ALT_OP_GLOBAL_AVERAGE_POOL:
        return (struct row){&alt_pool_global_average, true};
    default:
        return (struct row){&alt_pool_global_lp, true};
    }
}

static bool supported(enum alt_op op, alt_dtype dtype)
{
    return (alt_dtype_class(dtype) & ALT_CLASS_FLOAT) || (op == ALT_OP_MAX_POOL && (dtype == ALT_INT8 || dtype == ALT_UINT8));
}

static alt_status infer_global(struct alt_infer *inf)
{
    struct alt_shape y = inf->in[0]->shape;
    if (y.rank >= 0 && y.rank < 3)
        return alt_infer_fail(inf, ALT_E_SHAPE, "there must be at least one spatial axis");
    for (int i = 2; i < y.rank; i++)
        y.dim[i] = 1;
    alt_infer_set(inf, 0, inf->in[0]->dtype, &y);
    return ALT_OK;
}

static alt_status infer_window(struct alt_infer *inf)
{
    const struct alt_shape *x = &inf->in[0]->shape;
    const int rank = x->rank >= 0 ? x->rank - 2 : alt_op_window_rank(inf->node);
    struct alt_op_window w;
    const char *fault = alt_op_window_read(inf->node, rank, NULL, &w);
    if (fault)
        return alt_infer_fail(inf, ALT_E_MODEL, "%s", fault);
    struct alt_shape y = {.rank = rank + 2};
    for (int i = 0; i < y.rank; i++) {
        if (x->rank < 0)
            y.dim[i] = alt_dim_unknown(inf->dims);
        else
            y.dim[i] = i < 2 ? x->dim[i] : alt_op_window_out(inf->dims, &w, i - 2, x->dim[i]);
        if (y.dim[i] == ALT_DIM_BAD)
            return alt_infer_fail(inf, ALT_E_SHAPE, "the kernel is larger than the padded input along axis %d", i);
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, &y);
    if (inf->n_out > 1)
        alt_infer_set(inf, 1, ALT_INT64, &y);
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT | ALT_CLASS_INT));
    if (!supported(inf->node->op, inf->in[0]->dtype))
        return alt_infer_fail(inf, ALT_E_MODEL, "input 0 may not be %s", alt_dtype_name(inf->in[0]->dtype));
    return row_of(inf->node->op).global ? infer_global(inf) : infer_window(inf);
}

static bool wants_indices(const struct alt_node *n) { return n->n_out > 1 && n->out[1]; }

static alt_status select_kernel(struct alt_select *sel, const struct alt_kernel **out)
{
    const struct alt_layout *x = sel->in[0].layout, *y = sel->out[0].layout;
    const bool blocked = x && alt_layout_block(x, 1) && alt_layout_equal(x, y);
    if (!supported(sel->node->op, sel->in[0].dtype) || ((x || y) && !blocked) ||
        (wants_indices(sel->node) && (x || sel->out[1].layout)))
        return alt_select_unsupported(sel);
    *out = wants_indices(sel->node) ? &alt_pool_max_indices : row_of(sel->node->op).kernel;
    return ALT_OK;
}

static enum alt_blocking layouts(const struct alt_node *n, int block, struct alt_arena *arena, const struct alt_layout **in,
                                 const struct alt_layout **out)
{
    const struct alt_type *x = &n->in[0]->type;
    if (x->dtype != ALT_FLOAT32 || x->shape.rank < 3 || wants_indices(n) ||
        alt_layout_blocked(arena, x->shape.rank, 1, block, &in[0]) != ALT_OK)
        return ALT_BLOCKING_NONE;
    out[0] = in[0];
    return ALT_BLOCKING_FOLLOW;
}

const struct alt_op_impl alt_op_pool = {.infer = infer, .select = select_kernel, .layouts = layouts};
