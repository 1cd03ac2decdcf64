/* tile.c: Tile. Each axis is read as two, the repetition (stride 0) and the axis itself, and copied. */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_SIGNED));
    ALT_CHECK(alt_infer_list(inf, 1, ALT_MAX_RANK));
    const struct alt_shape *in = &inf->in[0]->shape;
    struct alt_shape out;
    if (alt_infer_arg(inf, NULL, 1, ALT_MAX_RANK, out.dim, &out.rank) != ALT_ARG_KNOWN) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, in->rank >= 0 ? in->rank : (int)alt_infer_length(inf, 1));
        return alt_infer_wait(inf, 1);
    }
    if (in->rank >= 0 && out.rank != in->rank)
        return alt_infer_fail(inf, ALT_E_SHAPE, "%d repeats for %d axes", out.rank, in->rank);
    for (int d = 0; d < out.rank; d++) {
        if (alt_dim_negative(out.dim[d]))
            return alt_infer_fail(inf, ALT_E_SHAPE, "the repeat of axis %d is negative", d);
        bool vague = out.dim[d] == ALT_DIM_BAD || in->rank < 0;
        out.dim[d] = vague ? alt_dim_unknown(inf->dims) : alt_dim_mul(inf->dims, in->dim[d], out.dim[d]);
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return ALT_OK;
}

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *in = &b->in[0], *out = &b->out[0];
    struct alt_copy_box box = {.rank = 2 * in->rank};
    for (int d = 0; d < in->rank; d++) {
        box.extent[2 * d] = in->dim[d] ? out->dim[d] / in->dim[d] : 0;
        box.dst[2 * d] = out->stride[d] * in->dim[d];
        box.extent[2 * d + 1] = in->dim[d];
        box.src[2 * d + 1] = in->stride[d];
        box.dst[2 * d + 1] = out->stride[d];
    }
    return alt_copy_bind_one(b, &box);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "tile", .fn = alt_copy_one, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_bits(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_tile = {.infer = infer, .select = choose};
