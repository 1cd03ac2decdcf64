/* expand.c: Expand. A view with stride 0 along repeated axes where the reader takes strides, else a filling copy. */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_SIGNED));
    ALT_CHECK(alt_infer_list(inf, 1, ALT_MAX_RANK));
    const struct alt_shape *in = &inf->in[0]->shape;
    struct alt_shape target, out;
    if (alt_infer_arg(inf, NULL, 1, ALT_MAX_RANK, target.dim, &target.rank) != ALT_ARG_KNOWN) {
        int64_t length = alt_infer_length(inf, 1);
        bool rank_known = in->rank >= 0 && length >= 0;
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, !rank_known ? -1 : length > in->rank ? (int)length : in->rank);
        return alt_infer_wait(inf, 1);
    }
    for (int d = 0; d < target.rank; d++) {
        if (alt_dim_negative(target.dim[d]))
            return alt_infer_fail(inf, ALT_E_SHAPE, "entry %d of the shape is negative", d);
        if (target.dim[d] == ALT_DIM_BAD)
            target.dim[d] = alt_dim_unknown(inf->dims);
    }
    ALT_CHECK(alt_infer_broadcast(inf, in, &target, &out));
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    if (in->rank == out.rank && (in->rank == 0 || (in->rank == 1 && in->dim[0] == out.dim[0])))
        return alt_infer_pass_content(inf, 0, 0);
    return ALT_OK;
}

/* Strides of the output over the input's elements. */
static void spread(const struct alt_operand *in, const struct alt_operand *out, int64_t *stride)
{
    int lead = out->rank - in->rank;
    for (int d = 0; d < out->rank; d++)
        stride[d] = d < lead || in->dim[d - lead] == 1 ? 0 : in->stride[d - lead];
}

static bool view(struct alt_view *v)
{
    if (v->in[0].layout || alt_dtype_size(v->in[0].dtype) == 0)
        return false;
    v->offset[0] = 0;
    spread(&v->in[0], &v->out[0], v->stride[0]);
    return true;
}

static int bind(struct alt_kernel_bind *b)
{
    struct alt_copy_box box = {.rank = b->out[0].phys_rank};
    spread(&b->in[0], &b->out[0], box.src);
    for (int d = 0; d < box.rank; d++) {
        box.extent[d] = b->out[0].extent[d];
        box.dst[d] = b->out[0].stride[d];
    }
    return alt_copy_bind_one(b, &box);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "expand", .fn = alt_copy_one, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_bits(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_expand = {.infer = infer, .select = choose, .view = view};
