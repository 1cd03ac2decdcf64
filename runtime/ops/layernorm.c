/* layernorm.c: LayerNormalization and RMSNormalization: over all axes from `axis` on; norm.h says how.
 *
 * Both stages are computed in the type that norm.h says, at least as precise as what stash_type asks for.
 */
#include "runtime/ops/norm.h"

#include "runtime/mem.h"

static bool centered(const struct alt_node *n) { return n->op == ALT_OP_LAYER_NORMALIZATION; }

static unsigned mask_from_axis(const struct alt_node *n, int rank)
{
    const int64_t given = alt_attr_int(n, "axis", -1), axis = given < 0 ? given + rank : given;
    return ((1u << rank) - 1) & ~((1u << axis) - 1);
}

/* Where the outputs Mean and InvStdDev are, if wanted. */
static void find_stats(struct alt_norm *norm, const struct alt_kernel_bind *b)
{
    for (int i = 1; i < b->n_out; i++) {
        if (b->out[i].dtype == ALT_NONE)
            continue;
        *(i == 1 ? &norm->mean_out : &norm->factor_out) = b->n_in + i;
        norm->stat_store = alt_wide_store(alt_wide_of(b->in[0].dtype), b->out[i].dtype);
        norm->stat_size = alt_dtype_size(b->out[i].dtype);
    }
}

static int bind(struct alt_kernel_bind *b)
{
    struct alt_norm *norm = alt_arena_alloc(b->arena, sizeof *norm);
    struct alt_line_box box;
    if (!norm)
        return ALT_E_NOMEM;
    const unsigned mask = mask_from_axis(b->node, b->in[0].phys_rank);
    alt_line_box_set(&box, &b->in[0], &b->out[0]);
    for (int i = 1; i < b->n_in; i++) {
        if (b->in[i].dtype == ALT_NONE)
            continue;
        if (!alt_line_box_add(&box, ALT_LINE_MORE + i - 1, &b->in[i]))
            return alt_bind_fail(b, ALT_E_SHAPE, "input %d cannot be broadcast to input 0", i);
        if (!alt_norm_part_set(i == 1 ? &norm->scale : &norm->bias, b, i, &box, ALT_LINE_MORE + i - 1, mask))
            return alt_bind_fail(b, ALT_E_UNSUPPORTED, "input %d is more or less precise than input 0", i);
    }
    norm->center = centered(b->node);
    norm->epsilon = (double)alt_attr_float(b->node, "epsilon", 1e-5f);
    find_stats(norm, b);
    norm->map.fn = alt_norm_line;
    norm->map.apart = true;
    norm->map.param = norm;
    norm->map.spare_lines = 2;
    return alt_linemap_bind(b, &norm->map, &box, mask, 6);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel layer = {
        .name = "layer_norm", .fn = alt_linemap_run, .bind = bind, .flags = ALT_KERNEL_STRIDED};
    static const struct alt_kernel rms = {.name = "rms_norm", .fn = alt_linemap_run, .bind = bind, .flags = ALT_KERNEL_STRIDED};
    const enum alt_wide wide = alt_wide_of(sel->in[0].dtype);
    if (wide != ALT_WIDE_F32 && wide != ALT_WIDE_F64)
        return alt_select_unsupported(sel);
    *out = centered(sel->node) ? &layer : &rms;
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    const bool layer = centered(inf->node);
    int axis;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT));
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_FLOAT));
    if (layer) {
        ALT_CHECK(alt_infer_same_dtype(inf, 0, 1));
        ALT_CHECK(alt_infer_same_dtype(inf, 0, 2));
    }
    struct alt_shape shape = inf->in[0]->shape;
    alt_infer_set(inf, 0, layer ? inf->in[0]->dtype : inf->in[1]->dtype, &shape);
    const alt_dtype stash = alt_attr_int(inf->node, "stash_type", ALT_FLOAT32) == ALT_BFLOAT16 ? ALT_BFLOAT16 : ALT_FLOAT32;
    if (shape.rank >= 0) {
        ALT_CHECK(alt_infer_axis(inf, alt_attr_int(inf->node, "axis", -1), shape.rank, &axis));
        for (int d = axis; d < shape.rank; d++)
            shape.dim[d] = 1;
    }
    for (int i = 1; i < inf->n_out; i++)
        alt_infer_set(inf, i, stash, &shape);
    return ALT_OK;
}

const struct alt_op_impl alt_op_layernorm = {.infer = infer, .select = choose};
