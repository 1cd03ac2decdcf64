/* conv.c: register tiles of a direct convolution into a layout whose innermost axis is a block of output channels: MR
 * output pixels by one or two vectors of channels; and of a depthwise one, MR pixels by one block.
 *
 * Where a window's elements lie is given by two offsets, of the output pixel and of the reduction step, so that any
 * rank, stride, dilation and input layout comes down to the same loop. */
#include "runtime/kernels/vec.h"

/* Channels of a block; vectors in it. */
#define BLOCK (LANES < 8 ? 8 : LANES)
#define PARTS (BLOCK / LANES)

/* Pixels [p0, p0 + m) of v vectors. */
INLINE void conv_tile(const struct alt_kern_conv *c, int64_t p0, const int m, const int v)
{
    const real *x[MR], *w[2] = {c->w[0], c->w[1]};
    vec acc[MR][2];
#pragma GCC unroll 8
    for (int i = 0; i < m; i++) {
        x[i] = (const real *)c->x + c->pixel[p0 + i];
        acc[i][0] = acc[i][1] = (vec){0};
    }
    int64_t block_at = 0, w_at = 0;
    for (int64_t b = 0; b < c->blocks; b++, block_at += c->x_block) {
        const int64_t steps = b + 1 < c->blocks ? c->steps : c->last_steps;
        for (int64_t s = 0; s < steps; s++, w_at += c->w_step) {
            const int64_t at = block_at + c->step[s];
            vec row[2];
#pragma GCC unroll 2
            for (int j = 0; j < v; j++)
                row[j] = load(w[j] + w_at);
#pragma GCC unroll 8
            for (int i = 0; i < m; i++)
#pragma GCC unroll 2
                for (int j = 0; j < v; j++)
                    acc[i][j] += x[i][at] * row[j];
        }
    }
#pragma GCC unroll 2
    for (int j = 0; j < v; j++)
#pragma GCC unroll 8
        for (int i = 0; i < m; i++)
            store((real *)c->y[j] + (p0 + i) * c->y_pixel, c->bias[j] ? acc[i][j] + load(c->bias[j]) : acc[i][j]);
}

typedef void conv_fn(const struct alt_kern_conv *c, int64_t p0);

#define TILE(m, v) static void conv_##m##_##v(const struct alt_kern_conv *c, int64_t p0) \
    { conv_tile(c, p0, m <= MR ? m : MR, v); }
TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1) TILE(7, 1) TILE(8, 1)
TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2) TILE(7, 2) TILE(8, 2)

static conv_fn *const tiles[2][9] = {
    {0, conv_1_1, conv_2_1, conv_3_1, conv_4_1, conv_5_1, conv_6_1, conv_7_1, conv_8_1},
    {0, conv_1_2, conv_2_2, conv_3_2, conv_4_2, conv_5_2, conv_6_2, conv_7_2, conv_8_2},
};

void KERN(conv)(const struct alt_kern_conv *c)
{
    conv_fn *const *fn = tiles[c->w[1] ? 1 : 0];
    for (int64_t p = 0; p < c->pixels; p += MR)
        fn[c->pixels - p < MR ? c->pixels - p : MR](c, p);
}

/* Pixels [p0, p0 + m) of one block. */
INLINE void depthwise_tile(const struct alt_kern_depthwise *d, int64_t p0, const int m)
{
    const real *x[MR], *w = d->w, *bias = d->bias;
    vec acc[MR][PARTS];
#pragma GCC unroll 8
    for (int i = 0; i < m; i++) {
        x[i] = (const real *)d->x + d->pixel[p0 + i];
#pragma GCC unroll 4
        for (int j = 0; j < PARTS; j++)
            acc[i][j] = (vec){0};
    }
    for (int64_t s = 0; s < d->steps; s++, w += BLOCK) {
        const int64_t at = d->step[s];
#pragma GCC unroll 8
        for (int i = 0; i < m; i++)
#pragma GCC unroll 4
            for (int j = 0; j < PARTS; j++)
                acc[i][j] += load(x[i] + at + j * LANES) * load(w + j * LANES);
    }
#pragma GCC unroll 8
    for (int i = 0; i < m; i++)
#pragma GCC unroll 4
        for (int j = 0; j < PARTS; j++)
            store((real *)d->y + (p0 + i) * BLOCK + j * LANES,
                  bias ? acc[i][j] + load(bias + j * LANES) : acc[i][j]);
}

void KERN(depthwise)(const struct alt_kern_depthwise *d)
{
    int64_t p = 0;
    for (; p + MR <= d->pixels; p += MR)
        depthwise_tile(d, p, MR);
    for (; p < d->pixels; p++)
        depthwise_tile(d, p, 1);
}
