/* pool.h: what the kernels of pooling share.
 *
 * An operand is seen as (n, channel blocks, spatial.., block) with the block innermost and dense; a plain layout has blocks
 * of one channel. Elements that the kernels cannot take as they are (half types, 8-bit integers; |x|^p of LpPool) are
 * converted row by row to `real`, float or double. Channels that only fill up a block are computed like the others
 * and mean nothing.
 */
#ifndef ALT_RUNTIME_OPS_POOL_H
#define ALT_RUNTIME_OPS_POOL_H

#include "runtime/ops/window.h"
#include "runtime/step.h"

struct alt_kern;

enum alt_pool_kind { ALT_POOL_MAX, ALT_POOL_AVERAGE, ALT_POOL_LP };

struct alt_pool {
    enum alt_pool_kind kind;
    const struct alt_kern *kern;
    alt_dtype dtype;
    bool convert;            /* rows go through scratch on the way in */
    bool narrow;             /* and on the way out */
    int64_t p;               /* LpPool */
    bool count_padding;      /* AveragePool's count_include_pad */
    int64_t size, real;      /* bytes of an element in memory, in the kernels */
    struct alt_op_window w;
    int64_t n, channels;     /* blocks of channels */
    int64_t block;
    int64_t x_n, x_c, x_axis[ALT_WINDOW_RANK]; /* strides */
    int64_t rows, row_tiles; /* window: output rows a tile takes, tiles a channel; a row is the last spatial axis */
    int64_t at_in;           /* bytes in scratch where converted rows lie; results are first */
    int64_t kept, at_kept;   /* window, MaxPool: lines that are kept (pool_window.c), and where in scratch; 0: none */
};

/* Fills everything but w and what concerns tiles and scratch from the operands. */
void alt_pool_read(const struct alt_kernel_bind *bind, enum alt_pool_kind kind, struct alt_pool *p);
/* `count` elements `step` blocks apart to real, |x|^p taken for LpPool. */
void alt_pool_widen(const struct alt_pool *p, const void *x, int64_t count, int64_t step, void *out);
/* `count` reals to elements side by side. */
void alt_pool_narrow(const struct alt_pool *p, const void *x, int64_t count, void *out);
/* Sets `count` reals to what the reduction begins with. */
void alt_pool_clear(const struct alt_pool *p, void *out, int64_t count);
/* y[i] = y[i] reduced with x[i * step], blocks of the operand's size, `count` of them. */
void alt_pool_reduce(const struct alt_pool *p, void *y, const void *x, int64_t count, int64_t step);
/* Ends the reduction of `count` blocks side by side, block i over divisor[i] (AveragePool) elements. */
void alt_pool_finish(const struct alt_pool *p, void *y, int64_t count, const int64_t *divisor);

extern const struct alt_kernel alt_pool_max, alt_pool_average, alt_pool_lp;                   /* pool_window.c */
extern const struct alt_kernel alt_pool_global_max, alt_pool_global_average, alt_pool_global_lp; /* pool_global.c */
extern const struct alt_kernel alt_pool_max_indices;                                          /* pool_indices.c */

#endif
