/* row.c: rows of elements combined with others. Pooling and plain depthwise convolution are such combinations, one
 * for each kernel position. Blocks of one element (plain layout), of 8 and of 16 have loops of their own. */
#include "runtime/kernels/vec.h"

#include <string.h>

INLINE real larger(real y, real x) { return x > y || x != x ? x : y; }

INLINE void multiply(const struct alt_kern_row *r, real w, const int64_t block, const int64_t step)
{
    const real *restrict x = r->x;
    real *restrict y = r->y;
    for (int64_t i = 0; i < r->blocks; i++)
        for (int64_t j = 0; j < block; j++)
            y[i * block + j] += x[i * step + j] * w;
}

void KERN(row_multiply)(const struct alt_kern_row *r, double w)
{
    if (r->block == 1 && r->x_step == 1)
        multiply(r, (real)w, 1, 1);
    else if (r->block == 1 && r->x_step == 2)
        multiply(r, (real)w, 1, 2);
    else
        multiply(r, (real)w, r->block, r->x_step);
}

INLINE void max(const struct alt_kern_row *r, const int64_t block, const int64_t step)
{
    const real *restrict x = r->x;
    real *restrict y = r->y;
    for (int64_t i = 0; i < r->blocks; i++)
        for (int64_t j = 0; j < block; j++)
            y[i * block + j] = larger(y[i * block + j], x[i * step + j]);
}

void KERN(row_max)(const struct alt_kern_row *r)
{
    if (r->block == 1 && r->x_step == 1)
        max(r, 1, 1);
    else if (r->block == 1 && r->x_step == 2)
        max(r, 1, 2);
    else if (r->block == 1)
        max(r, 1, r->x_step);
    else if (r->block == 8)
        max(r, 8, r->x_step);
    else if (r->block == 16)
        max(r, 16, r->x_step);
    else
        max(r, r->block, r->x_step);
}

INLINE void add(const struct alt_kern_row *r, const int64_t block, const int64_t step)
{
    const real *restrict x = r->x;
    real *restrict y = r->y;
    for (int64_t i = 0; i < r->blocks; i++)
        for (int64_t j = 0; j < block; j++)
            y[i * block + j] += x[i * step + j];
}

void KERN(row_add)(const struct alt_kern_row *r)
{
    if (r->block == 1 && r->x_step == 1)
        add(r, 1, 1);
    else if (r->block == 1)
        add(r, 1, r->x_step);
    else if (r->block == 8)
        add(r, 8, r->x_step);
    else if (r->block == 16)
        add(r, 16, r->x_step);
    else
        add(r, r->block, r->x_step);
}

/* `v` vectors of a row, their accumulators in registers over all taps. */
INLINE void add_taps(const struct alt_kern_taps *t, int64_t j, const int v)
{
    const real *x = (const real *)t->x + j, *w = t->w;
    vec acc[8] = {{0}};
    for (int64_t k = 0; k < t->taps; k++)
#pragma GCC unroll 8
        for (int i = 0; i < v; i++)
            acc[i] += load(x + t->tap[k] + i * LANES) * w[k];
#pragma GCC unroll 8
    for (int i = 0; i < v; i++)
        store((real *)t->y + j + i * LANES, acc[i]);
}

typedef void taps_fn(const struct alt_kern_taps *t, int64_t j);
#define TAPS(v) static void taps_##v(const struct alt_kern_taps *t, int64_t j) { add_taps(t, j, v); }
TAPS(1) TAPS(2) TAPS(3) TAPS(4) TAPS(5) TAPS(6) TAPS(7) TAPS(8)
static taps_fn *const taps[] = {NULL, taps_1, taps_2, taps_3, taps_4, taps_5, taps_6, taps_7, taps_8};

void KERN(row_taps)(const struct alt_kern_taps *t)
{
    if (t->step == 1) { /* as many vectors as hide the latency of a multiply-add, in about equal tiles */
        const int64_t vectors = (t->n + LANES - 1) / LANES, tiles = (vectors + 7) / 8;
        for (int64_t i = 0, j = 0, v; i < tiles; i++, j += v * LANES) {
            v = (vectors - j / LANES + tiles - i - 1) / (tiles - i);
            taps[v](t, j);
        }
        return;
    }
    real *y = t->y;
    const real *w = t->w;
    memset(y, 0, (size_t)t->n * sizeof *y);
    for (int64_t k = 0; k < t->taps; k++)
        KERN(row_multiply)(&(struct alt_kern_row){.blocks = t->n, .block = 1, .x_step = t->step,
                                                  .x = (const real *)t->x + t->tap[k], .y = y}, (double)w[k]);
}
