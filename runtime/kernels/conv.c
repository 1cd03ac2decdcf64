/* conv.c: register tiles of a direct convolution into a layout whose innermost axis is a block of output channels: MR
 * output pixels by one or two vectors of channels; and of a depthwise one, MR pixels by one block.
 *
 * Where a window's elements lie is given by two offsets, of the output pixel and of the reduction step, so that any
 * rank, stride, dilation and input layout comes down to the same loop. */
#include "runtime/kernels/vec.h"

#include <stddef.h>

enum {
    PART_BYTES = 16384, /* of weights */
    FEW = 2             /* tiles: too few to fetch for on the way */
};

/* Channels of a block; vectors in it. */
#define BLOCK (LANES < 8 ? 8 : LANES)
#define PARTS (BLOCK / LANES)

/* Pixels that a register tile holds when their windows lie one block apart, so that one address serves all of them: by one vector, by
 * two. */
#define SIDE_MR 14
#define SIDE_MR_2 (ALT_KERN_VECTOR == 64 ? 14 : MR)

/* Pixels [p0, p0 + m) of v vectors; side: their windows lie one block apart. */
INLINE void conv_tile(const struct alt_kern_conv *c, int64_t p0, const int m, const int v, const bool side)
{
    const real *x[SIDE_MR], *w[2] = {c->w[0], c->w[1]};
    vec acc[SIDE_MR][2];
#pragma GCC unroll 14
    for (int i = 0; i < m; i++) {
        x[i] = (const real *)c->x + (side ? c->pixel[p0] + i * BLOCK : c->pixel[p0 + i]);
        acc[i][0] = acc[i][1] = (vec){0};
    }
    if (c->accumulate) {
#pragma GCC unroll 2
        for (int j = 0; j < v; j++)
#pragma GCC unroll 14
            for (int i = 0; i < m; i++)
                acc[i][j] = load((const real *)c->y[j] + (p0 + i) * c->y_pixel);
    }
    int64_t block_at = 0, w_at = 0;
    for (int64_t b = 0; b < c->blocks; b++, block_at += c->x_block) {
        const int64_t steps = b + 1 < c->blocks ? c->steps : c->last_steps;
        for (int64_t s = 0; s < steps; s++, w_at += c->w_step) {
            const int64_t at = block_at + c->step[s];
            const real *x0 = x[0] + at; /* side: the others follow at offsets known to the compiler */
            vec row[2];
#pragma GCC unroll 2
            for (int j = 0; j < v; j++)
                row[j] = load(w[j] + w_at);
#pragma GCC unroll 14
            for (int i = 0; i < m; i++)
#pragma GCC unroll 2
                for (int j = 0; j < v; j++)
                    acc[i][j] += (side ? x0[i * BLOCK] : x[i][at]) * row[j];
        }
    }
#pragma GCC unroll 2
    for (int j = 0; j < v; j++)
#pragma GCC unroll 14
        for (int i = 0; i < m; i++)
            acc[i][j] = c->bias[j] ? acc[i][j] + load(c->bias[j]) : acc[i][j];
    if (c->add[0]) {
#pragma GCC unroll 2
        for (int j = 0; j < v; j++)
#pragma GCC unroll 14
            for (int i = 0; i < m; i++)
                acc[i][j] += load((const real *)c->add[j] + (p0 + i) * c->y_pixel);
    }
    if (c->limited) {
#pragma GCC unroll 2
        for (int j = 0; j < v; j++)
#pragma GCC unroll 14
            for (int i = 0; i < m; i++)
                acc[i][j] = limit(acc[i][j], (real)c->low, (real)c->high);
    }
#pragma GCC unroll 2
    for (int j = 0; j < v; j++)
#pragma GCC unroll 14
        for (int i = 0; i < m; i++)
            store((real *)c->y[j] + (p0 + i) * c->y_pixel, acc[i][j]);
}

typedef void conv_fn(const struct alt_kern_conv *c, int64_t p0);

#define TILE(m, v) \
    static void conv_##m##_##v(const struct alt_kern_conv *c, int64_t p0) { conv_tile(c, p0, m <= MR ? m : MR, v, false); }
#define SIDE(m, v) \
    static void side_##m##_##v(const struct alt_kern_conv *c, int64_t p0) \
    { conv_tile(c, p0, v == 1 || m <= SIDE_MR_2 ? m : SIDE_MR_2, v, true); }
#define EACH_TILE(X, v) X(1, v) X(2, v) X(3, v) X(4, v) X(5, v) X(6, v) X(7, v) X(8, v)
#define EACH_SIDE(X, v) EACH_TILE(X, v) X(9, v) X(10, v) X(11, v) X(12, v) X(13, v) X(14, v)
EACH_TILE(TILE, 1) EACH_TILE(TILE, 2) EACH_SIDE(SIDE, 1) EACH_SIDE(SIDE, 2)

#define NAME_TILE(m, v) conv_##m##_##v,
#define NAME_SIDE(m, v) side_##m##_##v,
static conv_fn *const tiles[2][9] = {{0, EACH_TILE(NAME_TILE, 1)}, {0, EACH_TILE(NAME_TILE, 2)}};
static conv_fn *const sides[2][15] = {{0, EACH_SIDE(NAME_SIDE, 1)}, {0, EACH_SIDE(NAME_SIDE, 2)}};

/* The first of the tiles of at most `most` pixels into which `count` go most evenly. */
INLINE int64_t even_tile(int64_t count, int64_t most)
{
    const int64_t parts = (count + most - 1) / most;
    return (count + parts - 1) / parts;
}

/* `fetched` bytes of what comes next are fetched for each vector, a share by each tile. Two vectors by MR pixels: tiles that go on in the next row waste less of a short one than even tiles within it. */
static void all_pixels(const struct alt_kern_conv *c, int64_t fetched)
{
    const int v = c->w[1] ? 1 : 0, most = v ? SIDE_MR_2 : SIDE_MR, least = v && SIDE_MR_2 == MR ? 4 * MR + 1 : 2;
    const int64_t share = fetched ? (fetched * most / c->pixels + CACHE_LINE) / CACHE_LINE * CACHE_LINE : 0;
    int64_t at = 0;
    for (int64_t p = 0, n; p < c->pixels; p += n, at += share) {
        const int64_t left = c->pixels - p, run = c->run[p] < left ? c->run[p] : left;
        for (int j = 0; share && j <= v; j++)
            fetch_part(c->next[j], fetched, at, share);
        if (run >= least && c->pixel[p + 1] - c->pixel[p] == BLOCK) {
            n = even_tile(run, most);
            sides[v][n](c, p);
            continue;
        }
        n = left < MR ? left : MR;
        tiles[v][n](c, p);
    }
}

/* Blocks of input channels are taken in parts whose weights stay in the first-level cache while all pixels pass; between parts
 * the accumulators rest in y. */
void KERN(conv)(const struct alt_kern_conv *c)
{
    struct alt_kern_conv part = *c;
    const int64_t block_size = c->steps * c->w_step, block_bytes = block_size * (int64_t)sizeof(real) * (c->w[1] ? 2 : 1);
    const int64_t most = c->pixels <= SIDE_MR || block_bytes * c->blocks <= PART_BYTES ? c->blocks : PART_BYTES / (block_bytes + 1) + 1;
    int64_t b = 0;
    do { /* once without any channels, too: the bias remains */
        const bool last = c->blocks - b <= most;
        part.blocks = last ? c->blocks - b : most;
        part.last_steps = last ? c->last_steps : c->steps;
        part.x = (const real *)c->x + b * c->x_block;
        for (int j = 0; j < 2; j++) {
            const real *w = c->w[j] ? (const real *)c->w[j] + b * block_size : NULL;
            part.w[j] = w;
            part.next[j] = last ? c->next[j] : w ? w + most * block_size : NULL;
            part.bias[j] = last ? c->bias[j] : NULL;
            part.add[j] = last ? c->add[j] : NULL;
        }
        part.limited = last && c->limited;
        part.accumulate = b > 0;
        const bool fetches = part.next[0] && part.next[1] && c->pixels > FEW * SIDE_MR;
        all_pixels(&part, fetches ? most * block_size * (int64_t)sizeof(real) : 0);
        b += most;
    } while (b < c->blocks);
}

/* Pixels [p0, p0 + m) of one block. apart: their windows are so many elements apart; 0: anywhere. */
INLINE void depthwise_tile(const struct alt_kern_depthwise *d, int64_t p0, const int m, const int apart)
{
    const real *x[SIDE_MR], *w = d->w, *bias = d->bias;
    vec acc[SIDE_MR][PARTS];
#pragma GCC unroll 14
    for (int i = 0; i < m; i++) {
        x[i] = (const real *)d->x + (apart ? d->pixel[p0] + i * apart : d->pixel[p0 + i]);
#pragma GCC unroll 4
        for (int j = 0; j < PARTS; j++)
            acc[i][j] = (vec){0};
    }
    for (int64_t s = 0; s < d->steps; s++, w += BLOCK) {
        const int64_t at = d->step[s];
        const real *x0 = x[0] + at;
#pragma GCC unroll 14
        for (int i = 0; i < m; i++)
#pragma GCC unroll 4
            for (int j = 0; j < PARTS; j++)
                acc[i][j] += load((apart ? x0 + i * apart : x[i] + at) + j * LANES) * load(w + j * LANES);
    }
#pragma GCC unroll 14
    for (int i = 0; i < m; i++)
#pragma GCC unroll 4
        for (int j = 0; j < PARTS; j++)
            acc[i][j] = bias ? acc[i][j] + load(bias + j * LANES) : acc[i][j];
    if (d->limited) {
#pragma GCC unroll 14
        for (int i = 0; i < m; i++)
#pragma GCC unroll 4
            for (int j = 0; j < PARTS; j++)
                acc[i][j] = limit(acc[i][j], (real)d->low, (real)d->high);
    }
#pragma GCC unroll 14
    for (int i = 0; i < m; i++)
#pragma GCC unroll 4
        for (int j = 0; j < PARTS; j++)
            store((real *)d->y + (p0 + i) * BLOCK + j * LANES, acc[i][j]);
}

typedef void depthwise_fn(const struct alt_kern_depthwise *d, int64_t p0);

/* Registers for the accumulators and the weights. */
#define DEPTHWISE_MR (PARTS == 1 ? 12 : MR)
#define DEPTHWISE(m, v) \
    static void depthwise_##m##_##v(const struct alt_kern_depthwise *d, int64_t p0) \
    { depthwise_tile(d, p0, m <= DEPTHWISE_MR ? m : DEPTHWISE_MR, v * BLOCK); }
#define NAME_DEPTHWISE(m, v) depthwise_##m##_##v,
EACH_SIDE(DEPTHWISE, 1) EACH_SIDE(DEPTHWISE, 2)
static depthwise_fn *const depthwise_sides[2][15] = {{0, EACH_SIDE(NAME_DEPTHWISE, 1)}, {0, EACH_SIDE(NAME_DEPTHWISE, 2)}};

/* Runs of pixels with windows one or two blocks apart; others one at a time. */
void KERN(depthwise)(const struct alt_kern_depthwise *d)
{
    for (int64_t p = 0, n; p < d->pixels; p += n) {
        const int64_t left = d->pixels - p, run = d->run[p] < left ? d->run[p] : left;
        const int64_t apart = run > 1 ? d->pixel[p + 1] - d->pixel[p] : 0;
        n = apart == BLOCK || apart == 2 * BLOCK ? even_tile(run, DEPTHWISE_MR) : 1;
        depthwise_sides[apart == 2 * BLOCK][n](d, p);
    }
}
