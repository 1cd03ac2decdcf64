/* conv_rows.c: convolution with few output channels a group, float32 and float64, all plain: a product would gather every window for
 * next to nothing. Vectors lie along the output's last axis instead: each output channel takes the region under a tile (region.h),
 * once for each weight, from where that weight's windows begin.
 *
 * With strides of 1 along the last two axes the rows of a tile are one line: what lies between them is computed and left. */
#include "runtime/kernels/kern.h"
#include "runtime/ops/conv.h"
#include "runtime/ops/data.h"
#include "runtime/ops/region.h"

#include <string.h>

enum {
    PIXELS = 512,          /* of a tile */
    NEAR = 1 << 13,        /* elements of one channel's region: the first-level cache */
    REGION = 1 << 16       /* of those of all channels of a group: the second */
};

struct rows {
    struct alt_conv c;
    const struct alt_kern *kern;
    struct alt_region region;
    int64_t size, pitch;          /* pitch: from a tile's row to the next in the region */
    bool joint;                   /* a tile's rows are one line */
    int64_t x_n, x_c, w_o, b_o;
    const int64_t *tap, *weight;  /* [ic * taps]: in the region; from the output channel's first weight */
    bool dense;                   /* weights lie as they are wanted */
    int64_t at_w, at_y;           /* in scratch, bytes; the region comes first */
};

static void copy_element(int64_t size, char *to, const char *from)
{
    if (size == 4)
        memcpy(to, from, 4);
    else
        memcpy(to, from, 8);
}

/* Weights of one output channel, side by side. */
static const void *weights(const struct rows *p, const struct alt_kargs *args, int64_t o)
{
    const char *w = (const char *)args->operand[1].data + o * p->w_o * p->size;
    char *packed = (char *)args->scratch + p->at_w;
    if (p->dense)
        return w;
    for (int64_t i = 0; i < p->c.ic * p->c.taps; i++)
        copy_element(p->size, packed + i * p->size, w + p->weight[i] * p->size);
    return packed;
}

static double bias_of(const struct rows *p, const struct alt_kargs *args, int64_t o)
{
    const void *b = (const char *)args->operand[2].data + o * p->b_o * p->size;
    return p->size == 8 ? *(const double *)b : (double)*(const float *)b;
}

/* n sums, with the bias, to y. */
static void put(const struct rows *p, const struct alt_kargs *args, int64_t o, const char *sums, int64_t n, char *y)
{
    const double bias = p->c.bias ? bias_of(p, args, o) : 0;
    if (!p->c.bias)
        memcpy(y, sums, (size_t)(n * p->size));
    else if (p->size == 8)
        for (int64_t j = 0; j < n; j++)
            ((double *)(void *)y)[j] = ((const double *)(const void *)sums)[j] + bias;
    else
        for (int64_t j = 0; j < n; j++)
            ((float *)(void *)y)[j] = ((const float *)(const void *)sums)[j] + (float)bias;
}

/* One output channel of a tile whose region is in scratch. */
static void run_channel(const struct rows *p, const struct alt_kargs *args, const struct alt_region_tile *t, int64_t n, int64_t o)
{
    const int last = p->c.w.rank - 1;
    const bool joint = p->joint;
    char *sums = (char *)args->scratch + p->at_y;
    char *y = (char *)args->operand[args->operand_count - 1].data + ((n * p->c.o + o) * p->c.pixels + t->pixel) * p->size;
    struct alt_kern_taps k = {.x = args->scratch, .w = weights(p, args, o), .tap = p->tap, .taps = p->c.ic * p->c.taps,
                              .step = p->c.w.stride[last], .n = joint ? (t->rows - 1) * p->pitch + t->cols : t->cols, .y = sums};
    for (int64_t row = 0; row < t->rows; row++) {
        k.x = (const char *)args->scratch + row * p->pitch * p->size;
        if (row == 0 || !joint)
            p->kern->row_taps(&k);
        put(p, args, o, sums + (joint ? row * p->pitch * p->size : 0), t->cols, y + row * p->c.w.out[last] * p->size);
    }
}

static void run(const struct alt_kargs *args)
{
    const struct rows *p = args->params;
    const struct alt_region *r = &p->region;
    const int64_t tiles = alt_region_tiles(r);
    for (int64_t i = args->begin; i < args->end; i++) {
        const int64_t g = i / tiles % p->c.group, n = i / tiles / p->c.group;
        const char *x = (const char *)args->operand[0].data + (n * p->x_n + g * p->c.ic * p->x_c) * p->size;
        struct alt_region_tile t;
        alt_region_tile_at(r, i % tiles, &t);
        for (int64_t c = 0; c < p->c.ic; c++)
            alt_region_copy(r, &t, x + c * p->x_c * p->size, (char *)args->scratch + c * r->elements * p->size);
        for (int64_t o = g * p->c.oc; o < (g + 1) * p->c.oc; o++)
            run_channel(p, args, &t, n, o);
    }
}

/* Offsets by input channel and tap, ascending. */
static alt_status make_tables(struct rows *p, const struct alt_operand *w, struct alt_arena *arena)
{
    const struct alt_op_window *window = &p->c.w;
    const int64_t taps = p->c.taps, all = p->c.ic * taps;
    int64_t *tap = alt_arena_array(arena, (size_t)all + 1, sizeof *tap), *weight = alt_arena_array(arena, (size_t)all + 1, sizeof *weight);
    if (!tap || !weight)
        return ALT_E_NOMEM;
    alt_region_taps(&p->region, tap);
    p->dense = true;
    for (int64_t i = 0; i < all; i++) {
        int64_t rest = i % taps;
        tap[i] = i < taps ? tap[i] : tap[i - taps] + p->region.elements;
        weight[i] = i / taps * w->stride[1];
        for (int a = window->rank - 1; a >= 0; a--) {
            weight[i] += rest % window->kernel[a] * w->stride[2 + a];
            rest /= window->kernel[a];
        }
        p->dense = p->dense && weight[i] == i;
    }
    p->tap = tap;
    p->weight = weight;
    return ALT_OK;
}

/* Places in scratch. row_taps reads and writes up to a vector behind the ends. */
static size_t lay_scratch(struct rows *p)
{
    const int64_t slack = p->kern->nr, line = (p->joint ? (p->region.rows - 1) * p->pitch : 0) + p->region.cols;
    p->at_w = alt_ceil_div((p->region.elements * p->c.ic + slack) * p->size, ALT_ALIGN) * ALT_ALIGN;
    p->at_y = p->at_w + (p->dense ? 0 : alt_ceil_div(p->c.ic * p->c.taps * p->size, ALT_ALIGN) * ALT_ALIGN);
    return (size_t)(p->at_y + (line + slack) * p->size);
}

static int bind(struct alt_kernel_bind *bind)
{
    const struct alt_operand *x = &bind->in[0], *w = &bind->in[1];
    struct rows *p = alt_arena_alloc(bind->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    ALT_CHECK(alt_conv_read(bind, 1, 2, &p->c));
    bind->params = p;
    if (p->c.n == 0 || p->c.o == 0 || p->c.pixels == 0) {
        bind->range = 0;
        return ALT_OK;
    }
    const int last = p->c.w.rank - 1;
    p->kern = x->dtype == ALT_FLOAT64 ? alt_kern_f64() : alt_kern_f32();
    p->size = (int64_t)alt_dtype_size(x->dtype);
    p->x_n = x->stride[0];
    p->x_c = x->stride[1];
    p->w_o = w->stride[0];
    p->b_o = p->c.bias ? bind->in[2].stride[0] : 0;
    struct alt_region *r = &p->region;
    *r = (struct alt_region){.w = &p->c.w, .copied = true, .size = p->size, .block = 1};
    for (int a = 0; a <= last; a++)
        r->x_axis[a] = x->stride[2 + a];
    const int64_t channels = p->c.ic > 0 ? p->c.ic : 1;
    if (!alt_region_cut(r, PIXELS, channels, channels > REGION / NEAR ? REGION : NEAR * channels))
        return alt_bind_fail(bind, ALT_E_UNSUPPORTED, "the kernel reaches too far");
    p->pitch = last > 0 ? p->c.w.stride[last - 1] * r->axis[last - 1] : 0;
    p->joint = p->c.w.stride[last] == 1 && (last == 0 || p->c.w.stride[last - 1] == 1);
    ALT_CHECK(make_tables(p, w, bind->arena));
    bind->range = p->c.n * p->c.group * alt_region_tiles(r);
    bind->flops = 2.0 * (double)p->c.n * (double)p->c.o * (double)p->c.pixels * (double)p->c.ic * (double)p->c.taps;
    bind->scratch = lay_scratch(p);
    return ALT_OK;
}

const struct alt_kernel alt_conv_rows = {
    .name = "conv_rows", .fn = run, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
