/* depth_space.c: DepthToSpace (DCR and CRD) and SpaceToDepth: one strided copy over the block's axes pulled apart. */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    struct alt_shape out = inf->in[0]->shape;
    int64_t block = alt_attr_int(inf->node, "blocksize", 0);
    if (block < 1 || block > INT32_MAX)
        return alt_infer_fail(inf, ALT_E_MODEL, "blocksize must be positive");
    if (out.rank < 0) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, 4);
        return ALT_OK;
    }
    if (out.rank != 4)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the input must have 4 axes");
    bool to_space = inf->node->op == ALT_OP_DEPTH_TO_SPACE;
    alt_dim area = block * block;
    for (int d = 1; d < 4; d++) {
        bool shrinks = to_space == (d == 1);
        alt_dim by = d == 1 ? area : block;
        if (shrinks && alt_dim_known(out.dim[d]) && out.dim[d] % by != 0)
            return alt_infer_fail(inf, ALT_E_SHAPE, "axis %d is not a multiple of %lld", d, (long long)by);
        out.dim[d] = shrinks ? alt_dim_div(inf->dims, out.dim[d], by) : alt_dim_mul(inf->dims, out.dim[d], by);
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return ALT_OK;
}

/* Output axes N, C, H, block, W, block. */
static void box_to_space(struct alt_copy_box *box, const struct alt_kernel_bind *b, int64_t block)
{
    const int64_t *s = b->in[0].stride, *dim = b->out[0].dim;
    bool column_row = strcmp(alt_attr_text(b->node, "mode", "DCR"), "CRD") == 0;
    int64_t step_c = column_row ? block * block * s[1] : s[1], step_b = column_row ? s[1] : dim[1] * s[1];
    *box = (struct alt_copy_box){.rank = 6,
                                 .extent = {dim[0], dim[1], dim[2] / block, block, dim[3] / block, block},
                                 .src = {s[0], step_c, s[2], block * step_b, s[3], step_b}};
}

/* Output axes N, block, block, C, H, W. */
static void box_to_depth(struct alt_copy_box *box, const struct alt_kernel_bind *b, int64_t block)
{
    const int64_t *s = b->in[0].stride, *dim = b->out[0].dim;
    *box = (struct alt_copy_box){.rank = 6,
                                 .extent = {dim[0], block, block, b->in[0].dim[1], dim[2], dim[3]},
                                 .src = {s[0], s[2], s[3], s[1], block * s[2], block * s[3]}};
}

static int bind(struct alt_kernel_bind *b)
{
    struct alt_copy_box box;
    int64_t block = alt_attr_int(b->node, "blocksize", 1);
    if (b->node->op == ALT_OP_DEPTH_TO_SPACE)
        box_to_space(&box, b, block);
    else
        box_to_depth(&box, b, block);
    alt_dense_strides(box.rank, box.extent, box.dst);
    return alt_copy_bind_one(b, &box);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "depth_space", .fn = alt_copy_one, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_bits(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_depth_space = {.infer = infer, .select = choose};
