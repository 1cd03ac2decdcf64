/* slice.c: Slice (ONNX: attributes before opset 10, inputs since). A view with offset and scaled strides, negative ones
 * too, where the reader takes strides, else a copy.
 *
 * Extents are computed symbolically: with start and end clamped to the axis, s' and e', a positive step gives
 * ceil((max(e', s') - s') / step).
 */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"

#include <string.h>

/* One slice a sliced axis, in the order given; -1 for what is not known. */
struct slices {
    int count; /* -1: not even the number is known */
    alt_dim start[ALT_MAX_RANK], end[ALT_MAX_RANK];
    int64_t axis[ALT_MAX_RANK], step[ALT_MAX_RANK];
    bool axes_known, steps_known;
};

static int input_of(const struct alt_infer *inf, int i) { return inf->node->opset < 10 ? -1 : i; }
static const char *attr_of(const struct alt_infer *inf, const char *name) { return inf->node->opset < 10 ? name : NULL; }

/* Number `end` or `start` so large that it means "to the end" whatever the extent; exporters write INT32_MAX or INT64_MAX. */
static bool is_far(alt_dim d) { return alt_dim_known(d) && d >= INT32_MAX; }

/* `position` clamped to [0, extent] as for a positive step. */
static alt_dim clamp_up(struct alt_dimtab *dims, alt_dim position, alt_dim extent)
{
    int64_t number;
    if (position == ALT_DIM_BAD || is_far(position))
        return position == ALT_DIM_BAD ? ALT_DIM_BAD : extent;
    if (alt_dim_number(position, &number) && number < 0)
        return alt_dim_sub(dims, alt_dim_max(dims, extent, -number), -number);
    return alt_dim_min(dims, position, extent);
}

/* First index and number of indices of a slice of an axis, all numbers. */
static void resolve(int64_t start, int64_t end, int64_t step, int64_t extent, int64_t *first, int64_t *count)
{
    start = start < -extent ? -extent - 1 : start;
    end = end < -extent ? -extent - 1 : end;
    start += start < 0 ? extent : 0;
    end += end < 0 ? extent : 0;
    *count = 0;
    if (step > 0) {
        start = alt_clamp(start, 0, extent);
        end = alt_clamp(end, 0, extent);
        if (end > start)
            *count = (end - start - 1) / step + 1;
    } else {
        start = alt_clamp(start, -1, extent - 1);
        end = alt_clamp(end, -1, extent - 1);
        if (start > end)
            *count = (start - end - 1) / -(step < -INT64_MAX ? -INT64_MAX : step) + 1;
    }
    *first = *count ? start : 0;
}

static alt_dim extent_of(struct alt_infer *inf, const struct slices *s, int i, alt_dim extent)
{
    int64_t start = 0, end = 0, first, count, step = s->step[i];
    bool numbers = alt_dim_number(s->start[i], &start) && alt_dim_number(s->end[i], &end);
    if (!s->steps_known || s->start[i] == ALT_DIM_BAD || s->end[i] == ALT_DIM_BAD)
        return alt_dim_unknown(inf->dims);
    if (numbers && alt_dim_known(extent)) {
        resolve(start, end, step, extent, &first, &count);
        return count;
    }
    if (step > 0) {
        alt_dim from = clamp_up(inf->dims, s->start[i], extent), to = clamp_up(inf->dims, s->end[i], extent);
        return alt_dim_ceildiv(inf->dims, alt_dim_sub(inf->dims, alt_dim_max(inf->dims, to, from), from), step);
    }
    if (numbers && (start == -1 || start >= INT32_MAX) && end <= INT32_MIN)
        return alt_dim_ceildiv(inf->dims, extent, step < -INT64_MAX ? INT64_MAX : -step);
    return alt_dim_unknown(inf->dims);
}

/* A far negative start or end is all the same to any axis. */
static void soften(struct alt_infer *inf, const char *attr, int input, struct slices *s, alt_dim *list)
{
    int64_t ints[ALT_MAX_RANK];
    int count;
    if (alt_infer_arg_ints(inf, attr_of(inf, attr), input, ALT_MAX_RANK, ints, &count) != ALT_ARG_KNOWN)
        return;
    for (int i = 0; i < count && i < s->count; i++)
        list[i] = alt_dim_from_int(ints[i] < -ALT_DIM_MINUS_MOST ? -ALT_DIM_MINUS_MOST : ints[i]);
}

/* Reads starts or ends; *waits receives the input whose content is missing. */
static alt_status read_positions(struct alt_infer *inf, const char *attr, int i, struct slices *s, alt_dim *list, int *waits)
{
    int count;
    enum alt_arg arg = alt_infer_arg(inf, attr_of(inf, attr), input_of(inf, i), ALT_MAX_RANK, list, &count);
    if (arg == ALT_ARG_ABSENT)
        return alt_infer_fail(inf, ALT_E_MODEL, "%s are missing", attr);
    if (arg == ALT_ARG_UNKNOWN) {
        *waits = i;
        int64_t length = alt_infer_length(inf, i);
        for (int k = 0; k < ALT_MAX_RANK; k++)
            list[k] = ALT_DIM_BAD;
        count = length >= 0 ? (int)length : s->count;
    }
    if (s->count >= 0 && count != s->count)
        return alt_infer_fail(inf, ALT_E_MODEL, "starts and ends differ in length");
    s->count = count;
    soften(inf, attr, input_of(inf, i), s, list);
    return ALT_OK;
}

static alt_status read_slices(struct alt_infer *inf, struct slices *s, int *waits)
{
    int count;
    s->count = -1;
    s->axes_known = s->steps_known = true;
    ALT_CHECK(read_positions(inf, "starts", 1, s, s->start, waits));
    ALT_CHECK(read_positions(inf, "ends", 2, s, s->end, waits));
    enum alt_arg arg = alt_infer_arg_ints(inf, attr_of(inf, "axes"), input_of(inf, 3), ALT_MAX_RANK,
                                          s->axis, &count);
    if (arg == ALT_ARG_UNKNOWN) {
        *waits = 3;
        s->axes_known = false;
    } else if (arg == ALT_ARG_KNOWN && s->count >= 0 && count != s->count) {
        return alt_infer_fail(inf, ALT_E_MODEL, "axes and starts differ in length");
    } else if (arg == ALT_ARG_KNOWN) {
        s->count = count;
    }
    for (int i = 0; i < s->count && arg == ALT_ARG_ABSENT; i++)
        s->axis[i] = i;
    arg = alt_infer_arg_ints(inf, NULL, input_of(inf, 4), ALT_MAX_RANK, s->step, &count);
    if (arg == ALT_ARG_UNKNOWN) {
        *waits = 4;
        s->steps_known = false;
    }
    if (arg == ALT_ARG_KNOWN && s->count >= 0 && count != s->count)
        return alt_infer_fail(inf, ALT_E_MODEL, "steps and starts differ in length");
    for (int i = 0; i < s->count; i++) {
        if (arg == ALT_ARG_KNOWN && s->step[i] == 0)
            return alt_infer_fail(inf, ALT_E_MODEL, "a step is 0");
        s->step[i] = arg == ALT_ARG_KNOWN ? s->step[i] : 1;
    }
    return ALT_OK;
}

/* Slices the known content of a rank-1 input. */
static alt_status slice_content(struct alt_infer *inf, const struct slices *s)
{
    alt_dim content[ALT_CONTENT_MAX], part[ALT_CONTENT_MAX];
    int64_t start, end, first, count;
    int length;
    bool numbers = s->count == 1 && s->steps_known && alt_dim_number(s->start[0], &start) &&
                   alt_dim_number(s->end[0], &end);
    if (!numbers || alt_infer_rank(inf, 0) != 1 || !alt_infer_content(inf, 0, ALT_CONTENT_MAX, content, &length))
        return ALT_OK;
    resolve(start, end, s->step[0], length, &first, &count);
    for (int64_t i = 0; i < count; i++)
        part[i] = content[first + i * s->step[0]];
    return alt_infer_set_content(inf, 0, part, (int)count);
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    for (int i = 1; i < inf->n_in && i < 5; i++)
        ALT_CHECK(alt_infer_list(inf, i, ALT_MAX_RANK));
    struct slices s;
    int waits = -1;
    ALT_CHECK(read_slices(inf, &s, &waits));
    struct alt_shape out = inf->in[0]->shape;
    bool vague = !s.axes_known || s.count < 0 || (waits >= 0 && inf->concrete);
    if (out.rank < 0 || vague) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, out.rank);
        return waits >= 0 ? alt_infer_wait(inf, waits) : ALT_OK;
    }
    ALT_CHECK(alt_infer_axes(inf, s.axis, s.count, out.rank));
    for (int i = 0; i < s.count; i++)
        out.dim[s.axis[i]] = extent_of(inf, &s, i, out.dim[s.axis[i]]);
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return slice_content(inf, &s);
}

/* Offset and strides of the slices over the input's elements; false when a content is missing. */
static bool window(const struct alt_node *n, const struct alt_operand *in, int n_in, int64_t *offset, int64_t *stride)
{
    int64_t start[ALT_MAX_RANK], end[ALT_MAX_RANK], axis[ALT_MAX_RANK], step[ALT_MAX_RANK], first, indices;
    int count, n_end, n_axis, n_step;
    bool old = n->opset < 10;
    const struct alt_operand *arg[5];
    for (int i = 0; i < 5; i++)
        arg[i] = old ? NULL : alt_operand_at(in, n_in, i);
    if (!alt_bound_ints(n, old ? "starts" : NULL, arg[1], ALT_MAX_RANK, start, &count) ||
        !alt_bound_ints(n, old ? "ends" : NULL, arg[2], ALT_MAX_RANK, end, &n_end))
        return false;
    bool axes = alt_bound_ints(n, old ? "axes" : NULL, arg[3], ALT_MAX_RANK, axis, &n_axis);
    bool steps = alt_bound_ints(n, NULL, arg[4], ALT_MAX_RANK, step, &n_step);
    if ((arg[3] && !axes) || (arg[4] && !steps))
        return false;
    memcpy(stride, in->stride, ALT_MAX_RANK * sizeof *stride);
    *offset = 0;
    for (int i = 0; i < count; i++) {
        int a = alt_axis_of(axes ? axis[i] : i, in->rank);
        int64_t by = steps ? step[i] : 1;
        resolve(start[i], end[i], by, in->dim[a], &first, &indices);
        *offset += first * in->stride[a];
        stride[a] = indices > 1 ? in->stride[a] * by : in->stride[a];
    }
    return true;
}

static bool view(struct alt_view *v)
{
    if (v->in[0].layout || alt_dtype_size(v->in[0].dtype) == 0)
        return false;
    return window(v->node, v->in, v->n_in, &v->offset[0], v->stride[0]);
}

static int bind(struct alt_kernel_bind *b)
{
    struct alt_copy_box box = {.rank = b->out[0].phys_rank};
    if (!window(b->node, b->in, b->n_in, &box.src_at, box.src))
        return alt_bind_fail(b, ALT_E_INTERNAL, "starts, ends, axes and steps are not known while binding");
    for (int d = 0; d < box.rank; d++) {
        box.extent[d] = b->out[0].extent[d];
        box.dst[d] = b->out[0].stride[d];
    }
    return alt_copy_bind_one(b, &box);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "slice", .fn = alt_copy_one, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_bits(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_slice = {.infer = infer, .select = choose, .view = view};
