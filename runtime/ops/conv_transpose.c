/* conv_transpose.c: ConvTranspose: attributes, types and shapes. */
#include "runtime/ops/conv_transpose.h"

#include "runtime/infer.h"

/* Reads `rank` ints that may not be negative; those absent become `otherwise`. */
static bool read_ints(const struct alt_node *n, const char *name, int rank, int64_t otherwise, int64_t *out)
{
    const int64_t *ints;
    int64_t count = alt_attr_ints(n, name, &ints);
    for (int i = 0; i < rank; i++)
        out[i] = otherwise;
    if (count == 0)
        return true;
    /* Some exporters write output_shape with batch and channels. */
    if (count == rank + 2 && otherwise < 0) {
        ints += 2;
        count = rank;
    }
    for (int i = 0; i < rank && count == rank; i++) {
        if (ints[i] < 0 || ints[i] > INT32_MAX)
            return false;
        out[i] = ints[i];
    }
    return count == rank;
}

const char *alt_transpose_read(const struct alt_node *n, int rank, const int64_t *kernel, struct alt_transpose_window *t)
{
    const char *fault = alt_op_window_read(n, rank, kernel, &t->w);
    if (fault)
        return fault;
    if (!read_ints(n, "output_padding", rank, 0, t->more))
        return "output_padding must have one entry for each spatial axis, none negative";
    if (!read_ints(n, "output_shape", rank, -1, t->output_shape))
        return "output_shape must have one entry for each spatial axis, none negative";
    return NULL;
}

static bool same(const struct alt_op_window *w)
{
    return w->auto_pad == ALT_PAD_SAME_UPPER || w->auto_pad == ALT_PAD_SAME_LOWER;
}

alt_dim alt_transpose_out(struct alt_dimtab *tab, const struct alt_transpose_window *t, int axis, alt_dim in)
{
    const struct alt_op_window *w = &t->w;
    if (t->output_shape[axis] >= 0)
        return t->output_shape[axis];
    const alt_dim scaled = alt_dim_mul(tab, in, w->stride[axis]);
    if (same(w))
        return scaled;
    if (w->kernel[axis] < 0)
        return alt_dim_unknown(tab);
    const int64_t more = t->more[axis] + alt_op_window_span(w, axis) - w->stride[axis] - w->begin[axis] - w->end[axis];
    return more >= 0 ? alt_dim_add(tab, scaled, more) : alt_dim_sub(tab, scaled, -more);
}

bool alt_transpose_fix(struct alt_transpose_window *t, const int64_t *in, const int64_t *out)
{
    struct alt_op_window *w = &t->w;
    for (int i = 0; i < w->rank; i++) {
        if (in[i] > ALT_WINDOW_MOST / w->stride[i] || out[i] > ALT_WINDOW_MOST)
            return false;
        w->in[i] = in[i];
        w->out[i] = out[i];
        if (t->output_shape[i] < 0 && !same(w))
            continue;
        /* Padding is what the wanted output leaves over; an odd one is larger in front unless SAME_UPPER. */
        const int64_t total = (in[i] - 1) * w->stride[i] + t->more[i] + alt_op_window_span(w, i) - out[i];
        const int64_t less = total > 0 ? total / 2 : 0, rest = total > 0 ? total - less : 0;
        w->begin[i] = w->auto_pad == ALT_PAD_SAME_UPPER ? less : rest;
        w->end[i] = w->auto_pad == ALT_PAD_SAME_UPPER ? rest : less;
    }
    return true;
}

static int spatial_rank(const struct alt_infer *inf)
{
    const int x = alt_infer_rank(inf, 0), w = alt_infer_rank(inf, 1);
    return x >= 0 ? x - 2 : w >= 0 ? w - 2 : alt_op_window_rank(inf->node);
}

static alt_status check_inputs(struct alt_infer *inf, int rank, int64_t group)
{
    const struct alt_shape *x = &inf->in[0]->shape, *w = &inf->in[1]->shape;
    if (group < 1 || group > INT32_MAX)
        return alt_infer_fail(inf, ALT_E_MODEL, "group must be positive");
    if (w->rank >= 0 && w->rank != rank + 2)
        return alt_infer_fail(inf, ALT_E_SHAPE, "X and W must have the same number of axes");
    if (w->rank >= 0 && alt_dim_known(w->dim[0]) &&
        (w->dim[0] % group || (x->rank >= 0 && alt_dim_known(x->dim[1]) && x->dim[1] != w->dim[0])))
        return alt_infer_fail(inf, ALT_E_SHAPE, "X and W must have the same number of channels, a multiple of group");
    if (!alt_infer_has(inf, 2))
        return ALT_OK;
    ALT_CHECK(alt_infer_same_dtype(inf, 0, 2));
    const struct alt_shape *b = &inf->in[2]->shape;
    if (b->rank >= 0 && (b->rank != 1 || (w->rank >= 0 && alt_dim_known(b->dim[0]) && alt_dim_known(w->dim[1]) &&
                                          (b->dim[0] % group || b->dim[0] / group != w->dim[1]))))
        return alt_infer_fail(inf, ALT_E_SHAPE, "B must have one element for each output channel");
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT));
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_FLOAT));
    ALT_CHECK(alt_infer_same_dtype(inf, 0, 1));
    const struct alt_shape *x = &inf->in[0]->shape, *w = &inf->in[1]->shape;
    const int rank = spatial_rank(inf);
    const int64_t group = alt_attr_int(inf->node, "group", 1);
    struct alt_shape y = {.rank = -1};
    if (rank == -1 && x->rank < 0) {
        alt_infer_set(inf, 0, inf->in[0]->dtype, &y);
        return ALT_OK;
    }
    ALT_CHECK(check_inputs(inf, rank, group));
    int64_t kernel[ALT_WINDOW_RANK];
    for (int i = 0; i < rank && i < ALT_WINDOW_RANK; i++)
        kernel[i] = w->rank >= 0 && alt_dim_known(w->dim[2 + i]) ? w->dim[2 + i] : -1;
    struct alt_transpose_window t;
    const char *fault = alt_transpose_read(inf->node, rank, kernel, &t);
    if (fault)
        return alt_infer_fail(inf, ALT_E_MODEL, "%s", fault);
    y.rank = rank + 2;
    y.dim[0] = x->rank >= 0 ? x->dim[0] : alt_dim_unknown(inf->dims);
    y.dim[1] = w->rank >= 0 ? alt_dim_mul(inf->dims, w->dim[1], group) : alt_dim_unknown(inf->dims);
    for (int i = 0; i < rank; i++) {
        const alt_dim in = x->rank >= 0 ? x->dim[2 + i] : alt_dim_unknown(inf->dims);
        y.dim[2 + i] = alt_transpose_out(inf->dims, &t, i, in);
        if (y.dim[2 + i] == ALT_DIM_BAD)
            return alt_infer_fail(inf, ALT_E_SHAPE, "the padding leaves no output along spatial axis %d", i);
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, &y);
    return ALT_OK;
}

static alt_status select_kernel(struct alt_select *sel, const struct alt_kernel **out)
{
    bool plain = !sel->out[0].layout && (alt_dtype_class(sel->in[0].dtype) & ALT_CLASS_FLOAT);
    for (int i = 0; i < sel->n_in; i++)
        plain &= !sel->in[i].layout;
    if (!plain)
        return alt_select_unsupported(sel);
    *out = &alt_conv_transpose;
    return ALT_OK;
}

const struct alt_op_impl alt_op_conv_transpose = {.infer = infer, .select = select_kernel};
