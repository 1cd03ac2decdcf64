/* conv_depthwise.c: convolution where every group has one input channel. Nothing is shared between channels, so there is no
 * matrix product in it; what a tile reads is its region (region.h).
 *
 * Plain (float32, float64): one row of output at a time, one multiplication by a weight for each kernel position.
 * Blocked (float32, as many output channels as groups; x, w and y in channel blocks): register tiles of pixels. */
#include "runtime/kernels/kern.h"
#include "runtime/layout.h"
#include "runtime/ops/conv.h"
#include "runtime/ops/region.h"

enum {
    PIXELS = 512,     /* of a tile */
    REGION = 1 << 13  /* elements of its region: the first-level cache */
};

struct depthwise {
    struct alt_conv c;
    const struct alt_kern *kern;
    struct alt_region region;
    int64_t size, block, channels; /* channels: of the output, or blocks of them */
    int64_t x_n, x_c;
    int64_t w_o, w_axis[ALT_WINDOW_RANK], b_o;
    const int64_t *pixel, *step;   /* blocked; plain: step only */
    const int32_t *run;            /* blocked */
    struct alt_kernel_epilogue epilogue;  /* blocked */
    const int64_t *weight;         /* plain: offset of each weight from its channel's first */
};

static double weight_at(const struct depthwise *d, const char *w, int64_t at)
{
    return d->size == 8 ? ((const double *)(const void *)w)[at] : (double)((const float *)(const void *)w)[at];
}

/* One output row of one channel, from the copied region at x. */
static void run_row(const struct depthwise *d, const char *x, const char *w, const char *b, char *y, int64_t cols)
{
    const int last = d->c.w.rank - 1;
    for (int64_t j = 0; j < cols; j++) {
        if (d->size == 8)
            ((double *)(void *)y)[j] = 0;
        else
            ((float *)(void *)y)[j] = 0;
    }
    struct alt_kern_row row = {.blocks = cols, .block = 1, .x_step = d->c.w.stride[last], .y = y};
    for (int64_t t = 0; t < d->c.taps; t++) {
        row.x = x + d->step[t] * d->size;
        d->kern->row_multiply(&row, weight_at(d, w, d->weight[t]));
    }
    for (int64_t j = 0; b && j < cols; j++) {
        if (d->size == 8)
            ((double *)(void *)y)[j] += *(const double *)(const void *)b;
        else
            ((float *)(void *)y)[j] += *(const float *)(const void *)b;
    }
}

static void run_plain(const struct alt_kargs *args)
{
    const struct depthwise *d = args->params;
    const struct alt_region *r = &d->region;
    const int64_t tiles = alt_region_tiles(r);
    const int last = d->c.w.rank - 1;
    const int64_t down = last > 0 ? d->c.w.stride[last - 1] * r->axis[last - 1] * d->size : 0;
    for (int64_t i = args->begin; i < args->end; i++) {
        const int64_t o = i / tiles % d->c.o, n = i / tiles / d->c.o;
        const char *x = (const char *)args->operand[0].data + (n * d->x_n + o / d->c.oc * d->x_c) * d->size;
        const char *w = (const char *)args->operand[1].data + o * d->w_o * d->size;
        const char *b = d->c.bias ? (const char *)args->operand[2].data + o * d->b_o * d->size : NULL;
        char *y = (char *)args->operand[args->operand_count - 1].data + (n * d->c.o + o) * d->c.pixels * d->size;
        struct alt_region_tile t;
        alt_region_tile_at(r, i % tiles, &t);
        alt_region_copy(r, &t, x, args->scratch);
        for (int64_t row = 0; row < t.rows; row++)
            run_row(d, (const char *)args->scratch + row * down, w, b, y + (t.pixel + row * d->c.w.out[last]) * d->size,
                    t.cols);
    }
}

static void run_blocked(const struct alt_kargs *args)
{
    const struct depthwise *d = args->params;
    const struct alt_region *r = &d->region;
    const int64_t tiles = alt_region_tiles(r), block = d->block;
    for (int64_t i = args->begin; i < args->end; i++) {
        const int64_t c = i / tiles % d->channels, n = i / tiles / d->channels;
        const char *x = (const char *)args->operand[0].data + (n * d->x_n + c * d->x_c) * 4;
        float bias[16] = {0};
        struct alt_region_tile t;
        alt_region_tile_at(r, i % tiles, &t);
        if (r->copied)
            alt_region_copy(r, &t, x, args->scratch);
        else
            x += alt_region_offset(r, &t) * 4;
        for (int64_t j = 0; d->c.bias && j < block && c * block + j < d->c.o; j++)
            bias[j] = ((const float *)args->operand[2].data)[c * block + j];
        d->kern->depthwise(&(struct alt_kern_depthwise){
            .x = r->copied ? args->scratch : x, .pixel = d->pixel, .run = d->run, .pixels = t.rows * t.cols, .step = d->step,
            .steps = d->c.taps, .w = (const float *)args->operand[1].data + c * d->c.taps * block,
            .bias = d->c.bias ? bias : NULL,
            .y = (float *)args->operand[args->operand_count - 1].data +
                 ((n * d->channels + c) * d->c.pixels + t.pixel) * block,
            .limited = (d->epilogue.parts & ALT_EPILOGUE_LIMIT) != 0, .low = (double)d->epilogue.low, .high = (double)d->epilogue.high});
    }
}

/* A tile writes its pixels of one block of channels. */
static bool piece(const void *params, int64_t tile, int i, int64_t *begin, int64_t *end)
{
    const struct depthwise *d = params;
    const int64_t tiles = alt_region_tiles(&d->region);
    struct alt_region_tile t;
    if (i > 0)
        return false;
    alt_region_tile_at(&d->region, tile % tiles, &t);
    *begin = (tile / tiles * d->c.pixels + t.pixel) * d->block;
    *end = *begin + t.rows * t.cols * d->block;
    return true;
}

/* Offsets of a channel's weights, taps ascending. */
static void weight_offsets(const struct depthwise *d, int64_t *out)
{
    const struct alt_op_window *w = &d->c.w;
    for (int64_t t = 0; t < d->c.taps; t++) {
        int64_t rest = t;
        for (int a = w->rank - 1; a >= 0; a--) {
            out[t] += rest % w->kernel[a] * d->w_axis[a];
            rest /= w->kernel[a];
        }
    }
}

static alt_status make_tables(struct depthwise *d, struct alt_arena *arena)
{
    int64_t *pixel = alt_arena_array(arena, (size_t)(d->region.rows * d->region.cols), sizeof *pixel);
    int32_t *run = alt_arena_array(arena, (size_t)(d->region.rows * d->region.cols), sizeof *run);
    int64_t *step = alt_arena_array(arena, (size_t)d->c.taps, sizeof *step);
    int64_t *weight = alt_arena_array(arena, (size_t)d->c.taps, sizeof *weight);
    if (!pixel || !run || !step || !weight)
        return ALT_E_NOMEM;
    alt_region_pixels(&d->region, pixel, run);
    alt_region_taps(&d->region, step);
    weight_offsets(d, weight);
    d->pixel = pixel;
    d->run = run;
    d->step = step;
    d->weight = weight;
    return ALT_OK;
}

/* `blocked`: all in channel blocks. */
static int bind(struct alt_kernel_bind *bind, bool blocked)
{
    const struct alt_operand *x = &bind->in[0], *w = &bind->in[1];
    struct depthwise *d = alt_arena_alloc(bind->arena, sizeof *d);
    if (!d)
        return ALT_E_NOMEM;
    ALT_CHECK(alt_conv_read(bind, 1, 2, &d->c));
    d->epilogue = bind->epilogue;
    bind->params = d;
    if (d->c.n == 0 || d->c.o == 0 || d->c.pixels == 0) {
        bind->range = 0;
        return ALT_OK;
    }
    d->kern = x->dtype == ALT_FLOAT64 ? alt_kern_f64() : alt_kern_f32();
    d->size = (int64_t)alt_dtype_size(x->dtype);
    d->block = blocked ? d->kern->block : 1;
    d->channels = (d->c.o + d->block - 1) / d->block;
    d->x_n = x->stride[0];
    d->x_c = x->stride[1];
    d->w_o = w->stride[0];
    d->b_o = d->c.bias ? bind->in[2].stride[0] : 0;
    struct alt_region *r = &d->region;
    *r = (struct alt_region){.w = &d->c.w, .copied = !blocked || alt_op_window_padded(&d->c.w), .size = d->size,
                             .block = d->block};
    for (int a = 0; a < d->c.w.rank; a++) {
        r->x_axis[a] = x->stride[2 + a];
        d->w_axis[a] = w->stride[2 + a];
    }
    if (!alt_region_cut(r, PIXELS, 1, REGION))
        return alt_bind_fail(bind, ALT_E_UNSUPPORTED, "the kernel reaches too far");
    ALT_CHECK(make_tables(d, bind->arena));
    bind->range = d->c.n * d->channels * alt_region_tiles(r);
    bind->flops = 2.0 * (double)d->c.n * (double)d->c.o * (double)d->c.pixels * (double)d->c.taps;
    bind->scratch = (size_t)(r->elements * d->size);
    return ALT_OK;
}

static int bind_plain(struct alt_kernel_bind *b) { return bind(b, false); }
static int bind_blocked(struct alt_kernel_bind *b) { return bind(b, true); }

const struct alt_kernel alt_conv_depthwise = {
    .name = "conv_depthwise", .fn = run_plain, .bind = bind_plain, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
const struct alt_kernel alt_conv_depthwise_blocked = {
    .name = "conv_depthwise_blocked", .fn = run_blocked, .bind = bind_blocked, .numerics = ALT_KERNEL_EXACT, .piece = piece,
    .epilogue = ALT_EPILOGUE_LIMIT};
