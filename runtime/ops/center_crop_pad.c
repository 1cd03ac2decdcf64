/* center_crop_pad.c: CenterCropPad: crops or pads with zeros about the middle to given extents. */
#include "runtime/ops/data.h"
#include "runtime/ops/remap.h"

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_SIGNED));
    ALT_CHECK(alt_infer_list(inf, 1, ALT_MAX_RANK));
    struct alt_shape out = inf->in[0]->shape;
    int64_t axes[ALT_MAX_RANK];
    alt_dim target[ALT_MAX_RANK];
    int n_axes, n_target;
    if (out.rank < 0) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, -1);
        return ALT_OK;
    }
    if (alt_infer_arg_ints(inf, "axes", -1, ALT_MAX_RANK, axes, &n_axes) != ALT_ARG_KNOWN)
        for (n_axes = 0; n_axes < out.rank; n_axes++)
            axes[n_axes] = n_axes;
    ALT_CHECK(alt_infer_axes(inf, axes, n_axes, out.rank));
    bool known = alt_infer_arg(inf, NULL, 1, ALT_MAX_RANK, target, &n_target) == ALT_ARG_KNOWN;
    if (known && n_target != n_axes)
        return alt_infer_fail(inf, ALT_E_MODEL, "%d extents for %d axes", n_target, n_axes);
    for (int i = 0; i < n_axes; i++) {
        if (known && alt_dim_negative(target[i]))
            return alt_infer_fail(inf, ALT_E_SHAPE, "extent %d is negative", i);
        out.dim[axes[i]] = known && target[i] != ALT_DIM_BAD ? target[i] : alt_dim_unknown(inf->dims);
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return known ? ALT_OK : alt_infer_wait(inf, 1);
}

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *in = &b->in[0], *out = &b->out[0];
    int64_t *table[ALT_MAX_RANK];
    struct alt_remap *remap;
    for (int d = 0; d < in->rank; d++) {
        int64_t have = in->dim[d], want = out->dim[d];
        table[d] = alt_arena_array(b->arena, (size_t)want + 1, sizeof **table);
        if (!table[d])
            return ALT_E_NOMEM;
        int64_t shift = want > have ? -((want - have) / 2) : (have - want) / 2;
        for (int64_t i = 0; i < want; i++)
            table[d][i] = i + shift >= 0 && i + shift < have ? i + shift : ALT_REMAP_OUTSIDE;
    }
    ALT_CHECK(alt_remap_create(b->arena, in, out, table, &remap));
    b->params = remap;
    b->range = remap->tiles;
    b->flops = (double)alt_operand_count(out);
    return ALT_OK;
}

static void center(const struct alt_kargs *args)
{
    alt_remap_run(args->params, args->operand[0].data, args->operand[2].data, NULL, args->begin, args->end);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "center_crop_pad", .fn = center, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_size(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_center_crop_pad = {.infer = infer, .select = choose};
