/* einsum.c: Einsum: types and shapes, choice of kernel. */
#include "runtime/ops/einsum.h"

#include "runtime/infer.h"

enum { ALL = ALT_CLASS_FLOAT | ALT_CLASS_INT };

/* What two axes of one label come to: equal extents, or one of them 1. */
static alt_dim merge(alt_dim a, alt_dim b)
{
    if (a == b || b == 1)
        return a;
    if (a == 1)
        return b;
    if (alt_dim_known(a) && alt_dim_known(b))
        return ALT_DIM_BAD;
    return alt_dim_known(a) ? a : b;
}

static alt_status infer(struct alt_infer *inf)
{
    int rank[ALT_EINSUM_INPUTS];
    struct alt_shape y = {.rank = -1};
    bool known = true;
    for (int i = 0; i < inf->n_in; i++) {
        ALT_CHECK(alt_infer_expect(inf, i, ALL));
        ALT_CHECK(alt_infer_same_dtype(inf, 0, i));
        known &= alt_infer_rank(inf, i) >= 0;
        if (i < ALT_EINSUM_INPUTS)
            rank[i] = alt_infer_rank(inf, i);
    }
    if (!known) {
        alt_infer_set(inf, 0, inf->in[0]->dtype, &y);
        return ALT_OK;
    }
    struct alt_einsum e;
    alt_dim dim[ALT_EINSUM_LABELS];
    const char *fault = alt_einsum_read(alt_attr_text(inf->node, "equation", ""), inf->n_in, rank, &e);
    if (fault)
        return alt_infer_fail(inf, ALT_E_MODEL, "%s", fault);
    for (int l = 0; l < e.labels; l++)
        dim[l] = 1;
    for (int i = 0; i < e.inputs; i++)
        for (int a = 0; a < e.rank[i]; a++) {
            alt_dim *d = &dim[e.label[i][a]];
            *d = merge(*d, inf->in[i]->shape.dim[a]);
            if (*d == ALT_DIM_BAD)
                return alt_infer_fail(inf, ALT_E_SHAPE, "axis %d of input %d has not the extent of its label", a, i);
        }
    y.rank = e.outputs;
    for (int l = 0; l < e.outputs; l++)
        y.dim[l] = dim[l];
    alt_infer_set(inf, 0, inf->in[0]->dtype, &y);
    return ALT_OK;
}

static alt_status select_kernel(struct alt_select *sel, const struct alt_kernel **out)
{
    bool plain = !sel->out[0].layout && (alt_dtype_class(sel->in[0].dtype) & ALL);
    for (int i = 0; i < sel->n_in; i++)
        plain &= !sel->in[i].layout;
    if (!plain)
        return alt_select_unsupported(sel);
    *out = &alt_einsum_kernel;
    return ALT_OK;
}

const struct alt_op_impl alt_op_einsum = {.infer = infer, .select = select_kernel};
