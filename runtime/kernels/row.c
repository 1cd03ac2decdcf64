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
    vec acc[4] = {{0}};
    for (int64_t k = 0; k < t->taps; k++)
#pragma GCC unroll 4
        for (int i = 0; i < v; i++)
            acc[i] += load(x + t->tap[k] + i * LANES) * w[k];
#pragma GCC unroll 4
    for (int i = 0; i < v; i++)
        store((real *)t->y + j + i * LANES, acc[i]);
}

void KERN(row_taps)(const struct alt_kern_taps *t)
{
    int64_t j = 0;
    if (t->step == 1) {
        for (; j + 4 * LANES <= t->n; j += 4 * LANES)
            add_taps(t, j, 4);
        for (; j < t->n; j += LANES)
            add_taps(t, j, 1);
        return;
    }
    real *y = t->y;
    const real *w = t->w;
    memset(y, 0, (size_t)t->n * sizeof *y);
    for (int64_t k = 0; k < t->taps; k++)
        KERN(row_multiply)(&(struct alt_kern_row){.blocks = t->n, .block = 1, .x_step = t->step,
                                                  .x = (const real *)t->x + t->tap[k], .y = y}, (double)w[k]);
}
