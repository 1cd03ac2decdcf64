/* conv_blocked.c: float32 convolution of group 1 into channel blocks: y [n][o/block][pixels][block], weights packed as
 * [o/block][c][taps][block], x plain or in blocks of the same size.
 *
 * A tile is some rows of output pixels by a share of the output channels. Its windows are read by offsets from the region under
 * it (region.h): one table for the pixels, one for the reduction steps of a block of input channels. Input channels that only fill up
 * the last block are never read. */
#include "runtime/kernels/kern.h"
#include "runtime/layout.h"
#include "runtime/ops/conv.h"
#include "runtime/ops/region.h"

enum {
    PIXELS = 96,       /* of a tile: enough to repay reading the weights */
    REGION = 1 << 18,  /* elements that all regions of a tile may take: 1 MiB */
    TILES = 32,        /* wanted at least, so that the threads have equal shares */
    CHANNELS = 64      /* fewer output channels a tile do not repay a copied region */
};

struct blocked {
    struct alt_conv c;
    const struct alt_kern *kern;
    struct alt_region region;
    int64_t block;
    int64_t in_blocks, out_blocks;
    int64_t x_n, x_c;             /* strides of the input: image; channel (plain) or block of channels */
    int64_t channels;             /* regions to copy: channels or blocks of them */
    int64_t units, share, shares; /* pairs of vectors of output channels; how many a tile takes */
    int64_t steps, last_steps, x_block;
    const int64_t *pixel, *step;
    const int32_t *run;
    struct alt_kernel_epilogue epilogue;
};

/* Two vectors of output channels for all pixels of a tile. */
static void run_unit(const struct blocked *b, const struct alt_kargs *args, const char *x, const struct alt_region_tile *t,
                     int64_t n, int64_t unit)
{
    const int64_t lanes = b->kern->lanes, block = b->block;
    const struct alt_kernel_epilogue *e = &b->epilogue;
    float bias[2][16] = {{0}};
    struct alt_kern_conv k = {.x = x, .pixel = b->pixel, .run = b->run, .pixels = t->rows * t->cols, .step = b->step, .steps = b->steps,
                              .blocks = b->in_blocks, .x_block = b->x_block, .last_steps = b->last_steps, .w_step = block,
                              .y_pixel = block, .limited = (e->parts & ALT_EPILOGUE_LIMIT) != 0, .low = (double)e->low,
                              .high = (double)e->high};
    for (int v = 0; v < 2; v++) {
        const int64_t o = (unit * 2 + v) * lanes, ob = o / block;
        if (ob >= b->out_blocks)
            break;
        k.w[v] = (const float *)args->operand[1].data + ob * b->c.ic * b->c.taps * block + o % block;
        const int64_t at = ((n * b->out_blocks + ob) * b->c.pixels + t->pixel) * block + o % block;
        k.y[v] = (float *)args->operand[args->operand_count - 1].data + at;
        if (e->parts & ALT_EPILOGUE_ADD)
            k.add[v] = (const float *)args->operand[e->add].data + at;
        if (ob + 2 * lanes / block < b->out_blocks)
            k.next[v] = (const float *)k.w[v] + 2 * lanes / block * b->c.ic * b->c.taps * block;
        if (!b->c.bias)
            continue;
        for (int64_t j = 0; j < lanes && o + j < b->c.o; j++)
            bias[v][j] = ((const float *)args->operand[2].data)[o + j];
        k.bias[v] = bias[v];
    }
    b->kern->conv(&k);
}

static void run(const struct alt_kargs *args)
{
    const struct blocked *b = args->params;
    const struct alt_region *r = &b->region;
    const int64_t tiles = alt_region_tiles(r);
    int64_t have = -1;
    for (int64_t i = args->begin; i < args->end; i++) {
        const int64_t place = i / b->shares, n = place / tiles, first = i % b->shares * b->share;
        struct alt_region_tile t;
        alt_region_tile_at(r, place % tiles, &t);
        const char *x = (const char *)args->operand[0].data + n * b->x_n * 4;
        if (!r->copied)
            x += alt_region_offset(r, &t) * 4;
        for (int64_t c = 0; r->copied && have != place && c < b->channels; c++)
            alt_region_copy(r, &t, x + c * b->x_c * 4, (char *)args->scratch + c * r->elements * 4);
        have = place;
        for (int64_t u = first; u < b->units && u < first + b->share; u++)
            run_unit(b, args, r->copied ? args->scratch : x, &t, n, u);
    }
}

/* A tile writes its pixels of each of its blocks of channels. */
static bool piece(const void *params, int64_t tile, int i, int64_t *begin, int64_t *end)
{
    const struct blocked *b = params;
    const int64_t tiles = alt_region_tiles(&b->region), place = tile / b->shares, n = place / tiles;
    const int64_t first = tile % b->shares * b->share, last = first + b->share < b->units ? first + b->share : b->units;
    const int64_t ob = first * 2 * b->kern->lanes / b->block + i;
    struct alt_region_tile t;
    if (ob >= b->out_blocks || ob >= last * 2 * b->kern->lanes / b->block)
        return false;
    alt_region_tile_at(&b->region, place % tiles, &t);
    *begin = ((n * b->out_blocks + ob) * b->c.pixels + t.pixel) * b->block;
    *end = *begin + t.rows * t.cols * b->block;
    return true;
}

/* Offsets of the reduction steps of one block of input channels: channel by channel, taps ascending. */
static alt_status make_tables(struct blocked *b, struct alt_arena *arena, bool plain_x)
{
    const int64_t channel = !plain_x ? 1 : b->region.copied ? b->region.elements : b->x_c;
    int64_t *pixel = alt_arena_array(arena, (size_t)(b->region.rows * b->region.cols), sizeof *pixel);
    int32_t *run = alt_arena_array(arena, (size_t)(b->region.rows * b->region.cols), sizeof *run);
    int64_t *step = alt_arena_array(arena, (size_t)b->steps, sizeof *step);
    if (!pixel || !run || !step)
        return ALT_E_NOMEM;
    alt_region_pixels(&b->region, pixel, run);
    alt_region_taps(&b->region, step);
    for (int64_t s = b->c.taps; s < b->steps; s++)
        step[s] = step[s - b->c.taps] + channel;
    b->pixel = pixel;
    b->run = run;
    b->step = step;
    b->x_block = plain_x ? b->block * channel : b->region.copied ? b->region.elements : b->x_c;
    return ALT_OK;
}

static void share_units(struct blocked *b)
{
    const int64_t per_unit = 2 * b->kern->lanes, places = alt_region_tiles(&b->region) * b->c.n;
    b->units = (b->out_blocks * b->block + per_unit - 1) / per_unit;
    b->shares = (TILES + places - 1) / places;
    const int64_t most = b->region.copied ? (b->units * per_unit + CHANNELS - 1) / CHANNELS : b->units;
    b->shares = b->shares < most ? b->shares : most;
    b->share = (b->units + b->shares - 1) / b->shares;
    b->shares = (b->units + b->share - 1) / b->share;
}

static int bind(struct alt_kernel_bind *bind)
{
    const struct alt_operand *x = &bind->in[0];
    struct blocked *b = alt_arena_alloc(bind->arena, sizeof *b);
    if (!b)
        return ALT_E_NOMEM;
    ALT_CHECK(alt_conv_read(bind, 1, 2, &b->c));
    b->epilogue = bind->epilogue;
    bind->params = b;
    if (b->c.n == 0 || b->c.o == 0 || b->c.pixels == 0) {
        bind->range = 0;
        return ALT_OK;
    }
    const bool plain_x = !x->layout;
    b->kern = alt_kern_f32();
    b->block = b->kern->block;
    b->in_blocks = (b->c.ic + b->block - 1) / b->block;
    b->out_blocks = (b->c.o + b->block - 1) / b->block;
    b->x_n = x->stride[0];
    b->x_c = x->stride[1];
    b->channels = plain_x ? b->c.ic : b->in_blocks;
    b->steps = b->block * b->c.taps;
    b->last_steps = (b->c.ic - (b->in_blocks - 1) * b->block) * b->c.taps;
    struct alt_region *r = &b->region;
    *r = (struct alt_region){.w = &b->c.w, .copied = alt_op_window_padded(&b->c.w), .size = 4,
                             .block = plain_x ? 1 : b->block};
    for (int a = 0; a < b->c.w.rank; a++)
        r->x_axis[a] = x->stride[2 + a];
    if (!alt_region_cut(r, PIXELS, b->channels ? b->channels : 1, REGION))
        return alt_bind_fail(bind, ALT_E_UNSUPPORTED, "the kernel reaches too far");
    share_units(b);
    ALT_CHECK(make_tables(b, bind->arena, plain_x));
    bind->range = b->c.n * alt_region_tiles(r) * b->shares;
    bind->flops = 2.0 * (double)b->c.n * (double)b->c.o * (double)b->c.pixels * (double)b->c.ic * (double)b->c.taps;
    bind->scratch = (size_t)(r->elements * b->channels * 4);
    return ALT_OK;
}

const struct alt_kernel alt_conv_blocked = {
    .name = "conv_blocked", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT, .piece = piece,
    .epilogue = ALT_EPILOGUE_ADD | ALT_EPILOGUE_LIMIT};
