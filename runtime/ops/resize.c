/* resize.c: Resize and Upsample: arguments and shapes. Scales are floats (input 2, in opset 10 input 1; of Upsample an
 * attribute in opset 7), sizes are extents (input 3). Coordinates and weights: resize_table.c; kernels: resize_run.c.
 */
#include "runtime/ops/resize.h"

#include "runtime/ops/data.h"

#include <math.h>
#include <string.h>

static bool is_old(const struct alt_node *n) { return n->op == ALT_OP_UPSAMPLE || n->opset < 11; }
static int scales_input(const struct alt_node *n) { return is_old(n) ? 1 : 2; }

/* Axes that scales, sizes and roi speak of: attribute axes, by default all. False when it names others or one twice. */
static bool read_axes(const struct alt_node *n, int rank, int *axes, int *count)
{
    const int64_t *list;
    int64_t length = alt_attr_ints(n, "axes", &list);
    bool all = !alt_attr_has(n, "axes"), seen[ALT_MAX_RANK] = {false};
    *count = all ? rank : (int)length;
    for (int i = 0; i < *count && (all || length <= rank); i++) {
        int64_t axis = all ? i : list[i] < 0 ? list[i] + rank : list[i];
        if (axis < 0 || axis >= rank || seen[axis])
            return false;
        seen[axis] = true;
        axes[i] = (int)axis;
    }
    return all || length <= rank;
}

/* Scales as floats; ALT_ARG_ABSENT also for an empty list. */
static enum alt_arg read_scales(const struct alt_infer *inf, int *count, float *scale)
{
    const float *list;
    int i = scales_input(inf->node);
    *count = (int)alt_attr_floats(inf->node, "scales", &list);
    if (*count > 0 && *count <= ALT_MAX_RANK) {
        memcpy(scale, list, (size_t)*count * sizeof *scale);
        return ALT_ARG_KNOWN;
    }
    if (!alt_infer_has(inf, i) || alt_infer_length(inf, i) == 0)
        return ALT_ARG_ABSENT;
    const struct alt_tensor *known = inf->in[i]->known;
    if (!known || alt_tensor_count(known) > ALT_MAX_RANK)
        return ALT_ARG_UNKNOWN;
    *count = (int)alt_tensor_count(known);
    for (int k = 0; k < *count; k++)
        scale[k] = (float)alt_tensor_float(known, k);
    return ALT_ARG_KNOWN;
}

/* floor(extent * scale) in float32, as ONNX's reference has it; a symbolic extent by a whole factor or divisor. */
static alt_dim scaled(struct alt_infer *inf, alt_dim extent, float scale)
{
    if (alt_dim_known(extent)) {
        float out = floorf((float)extent * scale);
        return out < 0x1p62f ? (alt_dim)out : ALT_DIM_BAD;
    }
    if (scale == floorf(scale) && scale < 0x1p31f)
        return alt_dim_mul(inf->dims, extent, (alt_dim)scale);
    float divisor = 1 / scale;
    if (divisor == floorf(divisor) && divisor < 0x1p31f && divisor * scale == 1)
        return alt_dim_div(inf->dims, extent, (alt_dim)divisor);
    return alt_dim_unknown(inf->dims);
}

/* How keep_aspect_ratio_policy chooses one scale for all axes: -1 the least, 1 the greatest, 0 each its own. */
static int aspect_policy(const struct alt_node *n)
{
    const char *policy = alt_attr_text(n, "keep_aspect_ratio_policy", "stretch");
    return strcmp(policy, "not_larger") == 0 ? -1 : strcmp(policy, "not_smaller") == 0 ? 1 : 0;
}

static double common_scale(int policy, int count, const int64_t *size, const int64_t *dim, const int *axes)
{
    double best = 0;
    for (int i = 0; i < count; i++) {
        double scale = dim[axes[i]] ? (double)size[i] / (double)dim[axes[i]] : 1;
        if (i == 0 || (policy < 0 ? scale < best : scale > best))
            best = scale;
    }
    return best;
}

static alt_status apply_sizes(struct alt_infer *inf, struct alt_shape *out, const alt_dim *size, int count, const int *axes)
{
    int policy = aspect_policy(inf->node);
    bool numbers = true;
    for (int i = 0; i < count; i++) {
        if (alt_dim_negative(size[i]))
            return alt_infer_fail(inf, ALT_E_SHAPE, "size %d is negative", i);
        numbers = numbers && alt_dim_known(size[i]) && alt_dim_known(out->dim[axes[i]]);
    }
    double scale = policy && numbers ? common_scale(policy, count, size, out->dim, axes) : 1;
    for (int i = 0; i < count; i++) {
        alt_dim *d = &out->dim[axes[i]];
        if (size[i] == ALT_DIM_BAD || (policy && !numbers))
            *d = alt_dim_unknown(inf->dims);
        else if (policy)
            *d = scale * (double)*d < 0x1p62 ? (alt_dim)floor(scale * (double)*d + 0.5) : ALT_DIM_BAD;
        else
            *d = size[i];
    }
    return ALT_OK;
}

static alt_status infer_sizes(struct alt_infer *inf, struct alt_shape *out, int n_axes, const int *axes)
{
    alt_dim size[ALT_MAX_RANK];
    int count;
    ALT_CHECK(alt_infer_list(inf, 3, ALT_MAX_RANK));
    enum alt_arg arg = is_old(inf->node) ? ALT_ARG_ABSENT : alt_infer_arg(inf, NULL, 3, ALT_MAX_RANK, size, &count);
    if (arg == ALT_ARG_ABSENT)
        return alt_infer_fail(inf, ALT_E_MODEL, "neither scales nor sizes are given");
    if (arg == ALT_ARG_KNOWN && count != n_axes)
        return alt_infer_fail(inf, ALT_E_MODEL, "%d sizes for %d axes", count, n_axes);
    if (arg == ALT_ARG_KNOWN) {
        ALT_CHECK(apply_sizes(inf, out, size, count, axes));
    } else {
        for (int i = 0; i < n_axes; i++)
            out->dim[axes[i]] = alt_dim_unknown(inf->dims);
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, out);
    return arg == ALT_ARG_KNOWN ? ALT_OK : alt_infer_wait(inf, 3);
}

static alt_status infer_scales(struct alt_infer *inf, struct alt_shape *out, const float *scale, int count, const int *axes)
{
    for (int i = 0; i < count; i++) {
        if (!(scale[i] > 0))
            return alt_infer_fail(inf, ALT_E_MODEL, "scale %d is not positive", i);
        out->dim[axes[i]] = scaled(inf, out->dim[axes[i]], scale[i]);
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, out);
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    struct alt_shape out = inf->in[0]->shape;
    struct alt_resize_style style;
    float scale[ALT_MAX_RANK];
    int axes[ALT_MAX_RANK], n_axes, count;
    if (out.rank < 0) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, -1);
        return ALT_OK;
    }
    if (!read_axes(inf->node, out.rank, axes, &n_axes))
        return alt_infer_fail(inf, ALT_E_MODEL, "axes must name different axes of the input");
    enum alt_arg arg = read_scales(inf, &count, scale);
    if (arg == ALT_ARG_KNOWN && count != n_axes)
        return alt_infer_fail(inf, ALT_E_MODEL, "%d scales for %d axes", count, n_axes);
    ALT_CHECK(arg == ALT_ARG_ABSENT  ? infer_sizes(inf, &out, n_axes, axes)
              : arg == ALT_ARG_KNOWN ? infer_scales(inf, &out, scale, count, axes)
                                     : ALT_OK);
    if (arg == ALT_ARG_UNKNOWN) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, out.rank);
        return alt_infer_wait(inf, scales_input(inf->node));
    }
    /* The crop box decides the tables of the kernel. */
    bool crops = alt_resize_read_style(inf->node, &style) && style.place == ALT_PLACE_TF_CROP_AND_RESIZE;
    bool missing = crops && inf->concrete && (!alt_infer_has(inf, 1) || !inf->in[1]->known);
    if (missing && !alt_infer_has(inf, 1))
        return alt_infer_fail(inf, ALT_E_MODEL, "tf_crop_and_resize needs a roi");
    return missing ? alt_infer_wait(inf, 1) : ALT_OK;
}

/* Element i of a known float operand. */
static double known_float(const struct alt_operand *op, int64_t i)
{
    struct alt_tensor t = {.dtype = op->dtype, .rank = op->rank, .data = op->known};
    memcpy(t.dim, op->dim, sizeof t.dim);
    return alt_tensor_float(&t, i);
}

/* Scale and length of each axis that is spoken of. */
static bool set_scales(const struct alt_kernel_bind *b, int count, const int *axes, struct alt_resize_axis *axis)
{
    const float *list;
    int64_t size[ALT_MAX_RANK];
    int n_sizes;
    const struct alt_operand *scales = alt_operand_at(b->in, b->n_in, scales_input(b->node));
    bool by_attr = alt_attr_floats(b->node, "scales", &list) == count && list;
    bool by_scale = by_attr || (scales && alt_operand_count(scales) > 0);
    if (by_scale && !by_attr && (!scales->known || alt_operand_count(scales) != count))
        return false;
    double common = 0;
    if (!by_scale && aspect_policy(b->node)) {
        if (!alt_bound_ints(b->node, NULL, alt_operand_at(b->in, b->n_in, 3), ALT_MAX_RANK, size, &n_sizes) || n_sizes != count)
            return false;
        common = common_scale(aspect_policy(b->node), count, size, b->in[0].dim, axes);
    }
    for (int i = 0; i < count; i++) {
        struct alt_resize_axis *a = &axis[axes[i]];
        if (by_scale)
            a->scale = by_attr ? (double)list[i] : known_float(scales, i);
        else
            a->scale = common > 0 ? common : a->in ? (double)a->out / (double)a->in : 1;
        a->length = by_scale || common > 0 ? a->scale * (double)a->in : (double)a->out;
    }
    return true;
}

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *in = &b->in[0], *out = &b->out[0];
    struct alt_resize_axis axis[ALT_MAX_RANK];
    struct alt_resize_style style;
    int axes[ALT_MAX_RANK], count;
    if (!alt_resize_read_style(b->node, &style) || !read_axes(b->node, in->rank, axes, &count))
        return ALT_E_INTERNAL;
    for (int d = 0; d < in->rank; d++)
        axis[d] = (struct alt_resize_axis){in->dim[d], out->dim[d], 1, (double)out->dim[d], 0, 1};
    if (!set_scales(b, count, axes, axis))
        return alt_bind_fail(b, ALT_E_INTERNAL, "scales or sizes are not known while binding");
    if (style.place == ALT_PLACE_TF_CROP_AND_RESIZE) {
        const struct alt_operand *roi = alt_operand_at(b->in, b->n_in, 1);
        if (!roi || !roi->known || alt_operand_count(roi) != 2 * count)
            return alt_bind_fail(b, ALT_E_SHAPE, "roi must hold a start and an end for each axis");
        for (int i = 0; i < count; i++) {
            axis[axes[i]].roi_start = known_float(roi, i);
            axis[axes[i]].roi_end = known_float(roi, i + count);
        }
    }
    for (int d = 0; d < in->rank; d++)
        if (in->dim[d] == 0 && out->dim[d] > 0)
            return alt_bind_fail(b, ALT_E_SHAPE, "axis %d is empty and cannot grow", d);
    return alt_resize_bind(b, &style, axis);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "resize", .fn = alt_resize_run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    struct alt_resize_style style;
    *out = &kernel;
    if (!alt_resize_read_style(sel->node, &style))
        return alt_diag_add(sel->diag, ALT_E_UNSUPPORTED,
                            "node \"%s\" (%s): mode \"%s\", coordinate_transformation_mode \"%s\", nearest_mode \"%s\"",
                            sel->node->name, alt_op_table[sel->node->op].name, alt_attr_text(sel->node, "mode", "nearest"),
                            alt_attr_text(sel->node, "coordinate_transformation_mode", "half_pixel"),
                            alt_attr_text(sel->node, "nearest_mode", "round_prefer_floor"));
    return alt_resize_can(style.mode, sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_resize = {.infer = infer, .select = choose};
