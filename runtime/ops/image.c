/* image.c: ImageScaler and Crop, which ONNX had as experiments before opset 10 and exporters of that time used.
 *
 * ImageScaler: y[n, c, h, w] = scale * x[n, c, h, w] + bias[c]. Crop cuts `border` (left, top, right, bottom) off an image or,
 * with `scale` (height, width), that much out of it from left and top on; a view where the reader takes strides.
 */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"
#include "runtime/ops/linemap.h"

#include "runtime/mem.h"

struct scaler {
    struct alt_linemap map; /* its param is this struct */
    int64_t channels;
    float scale;
    const float *bias; /* [channels], of the node */
};

#define SCALE(name, T) \
    static void name(T *x, int64_t n, T scale, T bias) { for (int64_t i = 0; i < n; i++) x[i] = x[i] * scale + bias; }
SCALE(scale_f32, float)
SCALE(scale_f64, double)

static void scale_line(const struct alt_linemap *map, struct alt_line *line)
{
    const struct scaler *s = map->param;
    const float bias = s->bias[line->index % s->channels];
    if (map->wide == ALT_WIDE_F32)
        scale_f32(line->x, line->n, s->scale, bias);
    else
        scale_f64(line->x, line->n, (double)s->scale, (double)bias);
}

static int bind_scaler(struct alt_kernel_bind *b)
{
    struct scaler *s = alt_arena_alloc(b->arena, sizeof *s);
    struct alt_line_box box;
    if (!s)
        return ALT_E_NOMEM;
    s->channels = b->in[0].dim[1];
    s->scale = alt_attr_float(b->node, "scale", 1);
    if (alt_attr_floats(b->node, "bias", &s->bias) != s->channels)
        return alt_bind_fail(b, ALT_E_SHAPE, "bias must have one number for each channel");
    s->map.fn = scale_line;
    s->map.param = s;
    alt_line_box_set(&box, &b->in[0], &b->out[0]);
    return alt_linemap_bind(b, &s->map, &box, 1u << 2 | 1u << 3, 2);
}

static bool crops(const struct alt_node *n) { return n->op == ALT_OP_CROP; }

/* Where the part of input 0 lies that is kept. */
static bool window(const struct alt_node *n, const struct alt_operand *in, int64_t *offset, int64_t *stride)
{
    const int64_t *border;
    if (alt_attr_ints(n, "border", &border) != 4 || in->rank != 4)
        return false;
    for (int d = 0; d < 4; d++)
        stride[d] = in->stride[d];
    *offset = border[1] * in->stride[2] + border[0] * in->stride[3];
    return true;
}

static bool view(struct alt_view *v)
{
    return crops(v->node) && !v->in[0].layout && alt_dtype_size(v->in[0].dtype) > 0 &&
           window(v->node, v->in, &v->offset[0], v->stride[0]);
}

static int bind_crop(struct alt_kernel_bind *b)
{
    struct alt_copy_box box = {.rank = 4};
    if (!window(b->node, b->in, &box.src_at, box.src))
        return alt_bind_fail(b, ALT_E_MODEL, "border must have four numbers, the input four axes");
    for (int d = 0; d < 4; d++) {
        box.extent[d] = b->out[0].extent[d];
        box.dst[d] = b->out[0].stride[d];
    }
    return alt_copy_bind_one(b, &box);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel scaler = {
        .name = "image_scaler", .fn = alt_linemap_run, .bind = bind_scaler, .flags = ALT_KERNEL_STRIDED};
    static const struct alt_kernel crop = {.name = "crop", .fn = alt_copy_one, .bind = bind_crop, .flags = ALT_KERNEL_STRIDED};
    const enum alt_wide wide = alt_wide_of(sel->in[0].dtype);
    if (wide != ALT_WIDE_F32 && wide != ALT_WIDE_F64)
        return alt_select_unsupported(sel);
    *out = crops(sel->node) ? &crop : &scaler;
    return ALT_OK;
}

/* The extents that Crop leaves of the axes 2 and 3. */
static alt_status crop_shape(struct alt_infer *inf, struct alt_shape *shape)
{
    const int64_t *border, *size;
    const int64_t count = alt_attr_ints(inf->node, "border", &border), sizes = alt_attr_ints(inf->node, "scale", &size);
    if (count != 4 || (sizes != 0 && sizes != 2))
        return alt_infer_fail(inf, ALT_E_MODEL, "border must have four numbers, scale two or none");
    for (int d = 0; d < 2; d++) {
        const int64_t before = border[1 - d], behind = border[3 - d];
        if (before < 0 || behind < 0 || before > INT32_MAX || behind > INT32_MAX || (sizes && size[d] < 0))
            return alt_infer_fail(inf, ALT_E_MODEL, "border and scale must not be negative, nor borders above %d", INT32_MAX);
        const alt_dim in = shape->dim[2 + d], cut = alt_dim_sub(inf->dims, in, before + behind);
        shape->dim[2 + d] = sizes ? size[d] : cut;
        if (cut == ALT_DIM_BAD || (sizes && alt_dim_known(in) && (before > in || size[d] > in - before)))
            return alt_infer_fail(inf, ALT_E_SHAPE, "more is cut off spatial axis %d than there is", d);
    }
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT));
    struct alt_shape shape = inf->in[0]->shape;
    if (shape.rank >= 0 && shape.rank != 4)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the input must have four axes");
    if (shape.rank == 4 && crops(inf->node))
        ALT_CHECK(crop_shape(inf, &shape));
    alt_infer_set(inf, 0, inf->in[0]->dtype, &shape);
    return ALT_OK;
}

const struct alt_op_impl alt_op_image = {.infer = infer, .select = choose, .view = view};
