/* conv_depthwise.c: float32 convolution with one input and one output channel a group; x, w and y in channel blocks. Nothing is
 * shared between channels, so there is no matrix product in it: register tiles of pixels over a tile's region (region.h). */
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
    int64_t block, channels; /* channels: blocks of them */
    int64_t x_n, x_c;
    const int64_t *pixel, *step;
    const int32_t *run;
    struct alt_kernel_epilogue epilogue;
};

static void run(const struct alt_kargs *args)
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

static alt_status make_tables(struct depthwise *d, struct alt_arena *arena)
{
    int64_t *pixel = alt_arena_array(arena, (size_t)(d->region.rows * d->region.cols), sizeof *pixel);
    int32_t *run = alt_arena_array(arena, (size_t)(d->region.rows * d->region.cols), sizeof *run);
    int64_t *step = alt_arena_array(arena, (size_t)d->c.taps, sizeof *step);
    if (!pixel || !run || !step)
        return ALT_E_NOMEM;
    alt_region_pixels(&d->region, pixel, run);
    alt_region_taps(&d->region, step);
    d->pixel = pixel;
    d->run = run;
    d->step = step;
    return ALT_OK;
}

static int bind(struct alt_kernel_bind *bind)
{
    const struct alt_operand *x = &bind->in[0];
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
    d->kern = alt_kern_f32();
    d->block = d->kern->block;
    d->channels = (d->c.o + d->block - 1) / d->block;
    d->x_n = x->stride[0];
    d->x_c = x->stride[1];
    struct alt_region *r = &d->region;
    *r = (struct alt_region){.w = &d->c.w, .copied = alt_op_window_padded(&d->c.w), .size = 4, .block = d->block};
    for (int a = 0; a < d->c.w.rank; a++)
        r->x_axis[a] = x->stride[2 + a];
    if (!alt_region_cut(r, PIXELS, 1, REGION))
        return alt_bind_fail(bind, ALT_E_UNSUPPORTED, "the kernel reaches too far");
    ALT_CHECK(make_tables(d, bind->arena));
    bind->range = d->c.n * d->channels * alt_region_tiles(r);
    bind->flops = 2.0 * (double)d->c.n * (double)d->c.o * (double)d->c.pixels * (double)d->c.taps;
    bind->scratch = (size_t)(r->elements * 4);
    return ALT_OK;
}

const struct alt_kernel alt_conv_depthwise = {
    .name = "conv_depthwise", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT, .piece = piece, .epilogue = ALT_EPILOGUE_LIMIT};
