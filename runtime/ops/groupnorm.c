/* groupnorm.c: InstanceNormalization and GroupNormalization: over the pixels of each channel, or of each group of channels.
 *
 * norm.h says how a line is normalised. GroupNormalization has a scale a group in opset 18 and a scale a channel since 21.
 */
#include "runtime/ops/norm.h"

#include "runtime/mem.h"

/* Axis 1 split into groups and channels of a group. */
static void split_channels(struct alt_line_box *box, int64_t groups)
{
    for (int d = box->rank; d > 1; d--) {
        box->extent[d] = box->extent[d - 1];
        for (int k = 0; k < ALT_LINE_OPERANDS; k++)
            box->stride[k][d] = box->stride[k][d - 1];
    }
    box->rank++;
    box->extent[2] /= groups;
    box->extent[1] = groups;
    for (int k = 0; k < ALT_LINE_OPERANDS; k++)
        box->stride[k][1] = box->stride[k][2] * box->extent[2];
}

static bool grouped(const struct alt_node *n) { return n->op == ALT_OP_GROUP_NORMALIZATION; }
static bool scale_per_group(const struct alt_node *n) { return grouped(n) && n->opset < 21; }

/* Scale and bias have one element for each channel, or for each group. */
static alt_status add_part(struct alt_kernel_bind *b, struct alt_line_box *box, int i, struct alt_norm_part *part,
                           unsigned mask)
{
    const struct alt_operand *o = &b->in[i];
    const bool split = grouped(b->node) && !scale_per_group(b->node);
    const int64_t channels = split ? box->extent[1] * box->extent[2] : box->extent[1];
    if (o->phys_rank != 1 || o->extent[0] != channels)
        return alt_bind_fail(b, ALT_E_SHAPE, "input %d must have %lld elements", i, (long long)channels);
    int64_t *stride = box->stride[ALT_LINE_MORE + i - 1];
    stride[1] = split ? o->stride[0] * box->extent[2] : o->stride[0];
    if (split)
        stride[2] = o->stride[0];
    if (!alt_norm_part_set(part, b, i, box, ALT_LINE_MORE + i - 1, mask))
        return alt_bind_fail(b, ALT_E_UNSUPPORTED, "input %d is more or less precise than input 0", i);
    return ALT_OK;
}

static int bind(struct alt_kernel_bind *b)
{
    struct alt_norm *norm = alt_arena_alloc(b->arena, sizeof *norm);
    struct alt_line_box box;
    if (!norm)
        return ALT_E_NOMEM;
    alt_line_box_set(&box, &b->in[0], &b->out[0]);
    const int64_t groups = alt_attr_int(b->node, "num_groups", 1);
    if (grouped(b->node)) {
        if (groups < 1 || box.extent[1] % groups != 0)
            return alt_bind_fail(b, ALT_E_SHAPE, "channels do not divide into num_groups");
        split_channels(&box, groups);
    }
    const unsigned mask = ((1u << box.rank) - 1) & ~3u; /* everything but batch and channel or group */
    ALT_CHECK(add_part(b, &box, 1, &norm->scale, mask));
    ALT_CHECK(add_part(b, &box, 2, &norm->bias, mask));
    norm->center = true;
    norm->epsilon = (double)alt_attr_float(b->node, "epsilon", 1e-5f);
    norm->map.fn = alt_norm_line;
    norm->map.apart = true;
    norm->map.param = norm;
    norm->map.spare_lines = norm->scale.varies || norm->bias.varies ? 2 : 0;
    return alt_linemap_bind(b, &norm->map, &box, mask, 6);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel group = {
        .name = "group_norm", .fn = alt_linemap_run, .bind = bind, .flags = ALT_KERNEL_STRIDED};
    static const struct alt_kernel instance = {
        .name = "instance_norm", .fn = alt_linemap_run, .bind = bind, .flags = ALT_KERNEL_STRIDED};
    const enum alt_wide wide = alt_wide_of(sel->in[0].dtype);
    if (wide != ALT_WIDE_F32 && wide != ALT_WIDE_F64)
        return alt_select_unsupported(sel);
    *out = grouped(sel->node) ? &group : &instance;
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    for (int i = 0; i < 3; i++) {
        ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_FLOAT));
        ALT_CHECK(alt_infer_same_dtype(inf, 0, i));
    }
    const int rank = alt_infer_rank(inf, 0);
    if (rank >= 0 && rank < 2)
        return alt_infer_fail(inf, ALT_E_SHAPE, "input 0 must have a batch and a channel axis");
    if (grouped(inf->node) && !alt_attr_has(inf->node, "num_groups"))
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute num_groups is missing");
    alt_infer_like(inf, 0, 0);
    return ALT_OK;
}

const struct alt_op_impl alt_op_groupnorm = {.infer = infer, .select = choose};
