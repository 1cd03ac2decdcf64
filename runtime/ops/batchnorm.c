/* batchnorm.c: BatchNormalization with given statistics (inference); batchnorm_train.c has training_mode.
 *
 * y = (x - mean) * (scale / sqrt(variance + epsilon)) + bias, each channel with its own four numbers, computed in float32
 * (float64 for float64) and rounded once. A line is the pixels of one channel; without pixels it is all channels.
 */
#include "runtime/ops/linemap.h"

#include "runtime/mem.h"
#include "runtime/ops/batchnorm_train.h"
#include "runtime/ops/loop.h"
#include "runtime/ops/vec.h"

enum { SCALE = 1, BIAS, MEAN, VARIANCE, PARTS = 4 };

struct batchnorm {
    struct alt_linemap map; /* its param is this struct */
    double epsilon;
    bool channels; /* a line runs over the channels */
    struct part {
        alt_load_fn *load;
        alt_store_fn *convert; /* to the line's type, or NULL */
        size_t size;
        int64_t stride;
    } part[PARTS + 1]; /* by input */
};

/* out[i] = (x[i] - mean) * factor + bias; step 0 or 1 for all three. */
#define APPLY(name, T) \
    static void name(T *x, int64_t n, const T *mean, const T *factor, const T *bias, int64_t step) { \
        if (step) { ALT_IVDEP for (int64_t i = 0; i < n; i++) x[i] = (x[i] - mean[i]) * factor[i] + bias[i]; } \
        else { const T m = *mean, f = *factor, b = *bias; \
            ALT_IVDEP for (int64_t i = 0; i < n; i++) x[i] = (x[i] - m) * f + b; } }
APPLY(apply_f32, float)
APPLY(apply_f64, double)

/* `n` elements of input i from channel c on, in the line's type. */
static void load_part(const struct batchnorm *p, const struct alt_kargs *args, int i, int64_t c, int64_t n, char *to)
{
    const struct part *part = &p->part[i];
    const char *data = args->operand[i].data;
    for (int64_t k = 0; k < n; k++) {
        _Alignas(8) char one[ALT_WIDE_SIZE];
        char *element = to + (size_t)k * p->map.wide_size;
        part->load(part->convert ? one : element, data + (c + k) * part->stride * (int64_t)part->size, 1, 1);
        if (part->convert)
            part->convert(element, 1, one, 1);
    }
}

/* Mean, factor and bias of n channels from c on, `pitch` bytes apart. */
static void prepare(const struct batchnorm *p, const struct alt_kargs *args, int64_t c, int64_t n, char *to, size_t pitch)
{
    const enum alt_wide wide = p->map.wide;
    _Alignas(8) char variance[ALT_WIDE_SIZE];
    load_part(p, args, MEAN, c, n, to);
    load_part(p, args, SCALE, c, n, to + pitch);
    load_part(p, args, BIAS, c, n, to + 2 * pitch);
    for (int64_t k = 0; k < n; k++) {
        load_part(p, args, VARIANCE, c + k, 1, variance);
        const double root = alt_scalar_sqrt(wide, alt_scalar_add(wide, alt_vec_get(wide, variance, 0), p->epsilon));
        alt_vec_set(wide, to + pitch, k, alt_scalar_divide(wide, alt_vec_get(wide, to + pitch, k), root));
    }
}

static void batchnorm_line(const struct alt_linemap *map, struct alt_line *line)
{
    const struct batchnorm *p = map->param;
    _Alignas(8) char one[3 * ALT_WIDE_SIZE];
    char *numbers = p->channels ? line->spare : one;
    const size_t pitch = p->channels ? (size_t)line->n * map->wide_size : ALT_WIDE_SIZE;
    const int64_t channel = alt_axes_offset(&map->lines.kept, ALT_LINE_MORE, line->index);
    if (!p->channels)
        prepare(p, line->args, channel, 1, numbers, pitch);
    else if (line->first)
        prepare(p, line->args, 0, line->n, numbers, pitch);
    const void *mean = numbers, *factor = numbers + pitch, *bias = numbers + 2 * pitch;
    if (map->wide == ALT_WIDE_F32)
        apply_f32(line->x, line->n, mean, factor, bias, p->channels);
    else
        apply_f64(line->x, line->n, mean, factor, bias, p->channels);
}

static alt_status describe_parts(struct alt_kernel_bind *b, struct batchnorm *p, int64_t channels)
{
    const enum alt_wide wide = alt_wide_of(b->in[0].dtype);
    for (int i = SCALE; i <= VARIANCE; i++) {
        const struct alt_operand *o = &b->in[i];
        if (o->phys_rank != 1 || o->extent[0] != channels)
            return alt_bind_fail(b, ALT_E_SHAPE, "input %d must have %lld elements", i, (long long)channels);
        p->part[i] = (struct part){.load = alt_wide_load(o->dtype), .size = alt_dtype_size(o->dtype), .stride = o->stride[0]};
        if (alt_wide_of(o->dtype) != wide)
            p->part[i].convert = alt_wide_store(alt_wide_of(o->dtype), wide == ALT_WIDE_F32 ? ALT_FLOAT32 : ALT_FLOAT64);
    }
    return ALT_OK;
}

static int bind(struct alt_kernel_bind *b)
{
    struct batchnorm *p = alt_arena_alloc(b->arena, sizeof *p);
    struct alt_line_box box;
    if (!p)
        return ALT_E_NOMEM;
    alt_line_box_set(&box, &b->in[0], &b->out[0]);
    const int channel_axis = box.rank > 1 ? 1 : 0;
    if (box.rank < 2) { /* one channel */
        box.rank = 1;
        box.extent[0] = b->in[0].phys_rank ? box.extent[0] : 1;
    }
    ALT_CHECK(describe_parts(b, p, channel_axis ? box.extent[1] : 1));
    box.stride[ALT_LINE_MORE][channel_axis] = channel_axis;
    p->channels = box.rank == 2;
    p->epsilon = (double)alt_attr_float(b->node, "epsilon", 1e-5f);
    p->map.fn = batchnorm_line;
    p->map.param = p;
    p->map.spare_lines = p->channels ? 3 : 0;
    const unsigned pixels = ((1u << box.rank) - 1) & ~3u;
    return alt_linemap_bind(b, &p->map, &box, p->channels ? 2 : box.rank == 1 ? 1 : pixels, 3);
}

/* Training before opset 14 (more outputs), and statistics a pixel before opset 9: refused as unsupported. */
static bool outdated(const struct alt_node *n)
{
    for (int i = 1; i < n->n_out; i++)
        if (n->out[i] && n->opset < 14)
            return true;
    return n->opset < 9 && alt_attr_int(n, "spatial", 1) == 0;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "batch_norm", .fn = alt_linemap_run, .bind = bind, .flags = ALT_KERNEL_STRIDED};
    const enum alt_wide wide = alt_wide_of(sel->in[0].dtype);
    if ((wide != ALT_WIDE_F32 && wide != ALT_WIDE_F64) || outdated(sel->node))
        return alt_select_unsupported(sel);
    *out = sel->node->opset >= 14 && alt_attr_int(sel->node, "training_mode", 0) ? &alt_batchnorm_train_kernel : &kernel;
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    for (int i = 0; i <= VARIANCE; i++)
        ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_FLOAT));
    alt_infer_like(inf, 0, 0);
    for (int i = 1; i < inf->n_out; i++) {
        if (inf->node->out[i] && inf->node->opset >= 14 && !alt_attr_int(inf->node, "training_mode", 0))
            return alt_infer_fail(inf, ALT_E_MODEL, "output %d exists with training_mode 1 only", i);
        alt_infer_like(inf, i, i % 2 ? MEAN : VARIANCE);
    }
    return ALT_OK;
}

const struct alt_op_impl alt_op_batchnorm = {.infer = infer, .select = choose};
