/* conv.c: Conv: types and shapes, choice of kernel, layouts. */
#include "runtime/ops/conv.h"

#include "runtime/infer.h"
#include "runtime/kernels/kern.h"
#include "runtime/layout.h"

enum { FEW = 4 }; /* output channels a group */

/* Spatial axes from whatever says how many there are; -1: nothing does. */
static int spatial_rank(const struct alt_infer *inf, int w_index)
{
    const int x = alt_infer_rank(inf, 0), w = alt_infer_rank(inf, w_index);
    return x >= 0 ? x - 2 : w >= 0 ? w - 2 : alt_op_window_rank(inf->node);
}

static alt_status read_window(struct alt_infer *inf, const struct alt_shape *weights, int rank, struct alt_op_window *w)
{
    int64_t kernel[ALT_WINDOW_RANK];
    if (weights->rank >= 0 && weights->rank != rank + 2)
        return alt_infer_fail(inf, ALT_E_SHAPE, "X and W must have the same number of axes");
    for (int i = 0; i < rank && i < ALT_WINDOW_RANK; i++)
        kernel[i] = weights->rank >= 0 && alt_dim_known(weights->dim[2 + i]) ? weights->dim[2 + i] : -1;
    const char *fault = alt_op_window_read(inf->node, rank, kernel, w);
    return fault ? alt_infer_fail(inf, ALT_E_MODEL, "%s", fault) : ALT_OK;
}

static alt_status check_channels(struct alt_infer *inf, const struct alt_shape *x, const struct alt_shape *w)
{
    const int64_t group = alt_attr_int(inf->node, "group", 1);
    if (group < 1 || group > INT32_MAX)
        return alt_infer_fail(inf, ALT_E_MODEL, "group must be positive");
    if (w->rank < 0)
        return ALT_OK;
    if (alt_dim_known(w->dim[0]) && w->dim[0] % group)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the output channels cannot be divided into %lld groups", (long long)group);
    if (x->rank >= 0 && alt_dim_known(x->dim[1]) && alt_dim_known(w->dim[1]) &&
        (x->dim[1] % group || x->dim[1] / group != w->dim[1]))
        return alt_infer_fail(inf, ALT_E_SHAPE, "X has not as many channels as W wants for %lld groups", (long long)group);
    return ALT_OK;
}

static alt_status check_bias(struct alt_infer *inf, const struct alt_shape *w, int index)
{
    if (index < 0 || !alt_infer_has(inf, index))
        return ALT_OK;
    const struct alt_shape *b = &inf->in[index]->shape;
    if (b->rank >= 0 && (b->rank != 1 || (w->rank >= 0 && alt_dim_known(w->dim[0]) && alt_dim_known(b->dim[0]) &&
                                          b->dim[0] != w->dim[0])))
        return alt_infer_fail(inf, ALT_E_SHAPE, "B must have one element for each output channel");
    return ALT_OK;
}

alt_status alt_conv_infer(struct alt_infer *inf, int w_index, int b_index, struct alt_shape *y)
{
    const struct alt_shape *x = &inf->in[0]->shape, *w = &inf->in[w_index]->shape;
    const int rank = spatial_rank(inf, w_index);
    *y = (struct alt_shape){.rank = -1};
    ALT_CHECK(check_bias(inf, w, b_index));
    if (rank == -1 && x->rank < 0)
        return ALT_OK;
    struct alt_op_window win;
    ALT_CHECK(read_window(inf, w, rank, &win));
    ALT_CHECK(check_channels(inf, x, w));
    y->rank = rank + 2;
    y->dim[0] = x->rank >= 0 ? x->dim[0] : alt_dim_unknown(inf->dims);
    y->dim[1] = w->rank >= 0 ? w->dim[0] : alt_dim_unknown(inf->dims);
    for (int i = 0; i < rank; i++) {
        y->dim[2 + i] = x->rank >= 0 ? alt_op_window_out(inf->dims, &win, i, x->dim[2 + i]) : alt_dim_unknown(inf->dims);
        if (y->dim[2 + i] == ALT_DIM_BAD)
            return alt_infer_fail(inf, ALT_E_SHAPE, "the kernel is larger than the padded input along spatial axis %d", i);
    }
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    struct alt_shape y;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT));
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_FLOAT));
    ALT_CHECK(alt_infer_same_dtype(inf, 0, 1));
    if (alt_infer_has(inf, 2))
        ALT_CHECK(alt_infer_same_dtype(inf, 0, 2));
    ALT_CHECK(alt_conv_infer(inf, 1, 2, &y));
    alt_infer_set(inf, 0, inf->in[0]->dtype, &y);
    return ALT_OK;
}

alt_status alt_conv_read(struct alt_kernel_bind *bind, int w_index, int b_index, struct alt_conv *c)
{
    const struct alt_operand *x = &bind->in[0], *w = &bind->in[w_index], *y = &bind->out[0];
    const char *fault = alt_op_window_read(bind->node, x->rank - 2, w->dim + 2, &c->w);
    if (fault)
        return alt_bind_fail(bind, ALT_E_MODEL, "%s", fault);
    c->n = x->dim[0];
    c->c = x->dim[1];
    c->o = w->dim[0];
    c->group = alt_attr_int(bind->node, "group", 1);
    c->ic = w->dim[1];
    c->oc = c->o / c->group;
    c->bias = b_index >= 0 && bind->n_in > b_index && bind->in[b_index].dtype != ALT_NONE;
    if (w->rank != x->rank || c->ic * c->group != c->c || c->oc * c->group != c->o)
        return alt_bind_fail(bind, ALT_E_SHAPE, "the channels of X, W and group do not fit together");
    if (c->bias && (bind->in[b_index].rank != 1 || bind->in[b_index].dim[0] != c->o))
        return alt_bind_fail(bind, ALT_E_SHAPE, "B must have one element for each output channel");
    c->taps = alt_op_window_taps(&c->w);
    c->pixels = alt_dims_count(y->rank - 2, y->dim + 2);
    if (!alt_op_window_fix(&c->w, x->dim + 2, y->dim + 2))
        return alt_bind_fail(bind, ALT_E_SHAPE, "the kernel is larger than the padded input");
    if (c->taps < 0 || c->taps > INT32_MAX)
        return alt_bind_fail(bind, ALT_E_UNSUPPORTED, "the kernel has too many positions");
    return ALT_OK;
}

/* Along each axis, kernel position k reads k * dilation - begin past where the stride leads. */
alt_status alt_conv_panel(const struct alt_op_window *w, const struct alt_operand *x, int width, struct alt_arena *arena,
                          struct alt_panel *panel)
{
    panel->rank = w->rank;
    panel->width = width;
    for (int a = 0; a < w->rank; a++) {
        int64_t *base = alt_arena_array(arena, (size_t)w->kernel[a], sizeof *base);
        if (!base)
            return ALT_E_NOMEM;
        for (int64_t k = 0; k < w->kernel[a]; k++)
            base[k] = k * w->dilation[a] - w->begin[a];
        panel->axis[a] = (struct alt_panel_axis){w->kernel[a], w->stride[a], w->in[a], x->stride[2 + a], w->out[a], base};
    }
    return ALT_OK;
}

/* Channels a group that X and W say; -1: not known. */
static int64_t group_channels(const struct alt_operand *w) { return w->rank > 1 ? w->dim[1] : -1; }

/* The kernel for blocked layouts, or NULL. Weights in blocks of output channels, output in blocks; a depthwise one wants its
 * input in blocks too. */
static const struct alt_kernel *blocked_kernel(const struct alt_select *sel)
{
    const int block = alt_kern_f32()->block;
    const struct alt_operand *x = &sel->in[0], *w = &sel->in[1];
    const int64_t group = alt_attr_int(sel->node, "group", 1), x_block = alt_layout_block(x->layout, 1);
    if (x->dtype != ALT_FLOAT32 || alt_layout_block(w->layout, 0) != block ||
        alt_layout_block(sel->out[0].layout, 1) != block || (x->layout && x_block != block))
        return NULL;
    if (sel->n_in > 2 && sel->in[2].layout)
        return NULL;
    if (group == 1)
        return &alt_conv_blocked;
    const bool depthwise = group_channels(w) == 1 && w->dim[0] == group;
    return depthwise && x->layout ? &alt_conv_depthwise : NULL;
}

static alt_status select_kernel(struct alt_select *sel, const struct alt_kernel **out)
{
    const alt_dtype dtype = sel->in[0].dtype;
    bool plain = !sel->out[0].layout;
    for (int i = 0; i < sel->n_in; i++)
        plain &= !sel->in[i].layout;
    if (!(alt_dtype_class(dtype) & ALT_CLASS_FLOAT))
        return alt_select_unsupported(sel);
    /* With more output channels a group, a product shares the gathered windows between them. */
    const struct alt_operand *w = &sel->in[1];
    const bool few = w->rank > 2 && w->dim[0] >= 0 && w->dim[0] <= FEW * alt_attr_int(sel->node, "group", 1) &&
                     (dtype == ALT_FLOAT32 || dtype == ALT_FLOAT64);
    const struct alt_kernel *kernel = !plain ? blocked_kernel(sel) : few ? &alt_conv_rows : &alt_conv_plain;
    if (!kernel)
        return alt_select_unsupported(sel);
    *out = kernel;
    return ALT_OK;
}

/* Channels that fill at least half a block are worth blocking; fewer input channels (an image's three) are read plain, fewer
 * output channels leave all plain. */
static enum alt_blocking layouts(const struct alt_node *n, int block, struct alt_arena *arena, const struct alt_layout **in,
                                 const struct alt_layout **out)
{
    const struct alt_type *x = &n->in[0]->type, *w = &n->in[1]->type;
    const int64_t group = alt_attr_int(n, "group", 1);
    const int rank = w->shape.rank;
    if (x->dtype != ALT_FLOAT32 || rank < 3 || !w->known || block != alt_kern_f32()->block)
        return ALT_BLOCKING_NONE;
    if (group != 1 && (w->shape.dim[1] != 1 || w->shape.dim[0] != group))
        return ALT_BLOCKING_NONE;
    if (w->shape.dim[0] < block / 2)
        return ALT_BLOCKING_NONE;
    const bool blocked_x = group != 1 || w->shape.dim[1] >= block / 2;
    if (alt_layout_blocked(arena, rank, 0, block, &in[1]) != ALT_OK ||
        alt_layout_blocked(arena, rank, 1, block, &out[0]) != ALT_OK)
        return ALT_BLOCKING_NONE;
    in[0] = blocked_x ? out[0] : NULL;
    return ALT_BLOCKING_LEAD;
}

const struct alt_op_impl alt_op_conv = {.infer = infer, .select = select_kernel, .layouts = layouts};
