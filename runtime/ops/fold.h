/* fold.h: the inner loops of reductions: accumulators lie side by side, a row of elements is folded into them. */
#ifndef ALT_RUNTIME_OPS_FOLD_H
#define ALT_RUNTIME_OPS_FOLD_H

#include "runtime/ops/lines.h"
#include "runtime/ops/loop.h"
#include "runtime/ops/wide.h"

#include <string.h>

enum alt_fold { ALT_FOLD_SUM, ALT_FOLD_ABS, ALT_FOLD_SQUARE, ALT_FOLD_PROD, ALT_FOLD_MAX, ALT_FOLD_MIN, ALT_FOLD_COUNT };

/* acc[i mod width] takes in x[i], for i in [0, n). NaN wins MAX and MIN; integers wrap around. */
typedef void alt_fold_fn(void *acc, int64_t width, const void *x, int64_t n);

alt_fold_fn *alt_fold_loop(enum alt_fold fold, enum alt_wide wide);

/* *result is the fold of n elements in ALT_LANES lanes and of their tree (lines.h); of nothing: that of the wide type. */
typedef void alt_fold_line_fn(const void *x, int64_t n, void *result);
alt_fold_line_fn *alt_fold_line(enum alt_fold fold, enum alt_wide wide);

/* The body of such a loop over x, n and result, for a file that makes more of them: step(lane, x, out, a) takes an element into a lane
 * that starts as `empty`, and may set out[i]; join(a, b) joins lanes. Whole rows of lanes stay in registers. x and out may
 * be the same memory. */
#define ALT_FOLD_LANES(T, step, empty, join) \
    T lane[ALT_LANES], row[ALT_LANES]; int64_t i = 0; \
    for (int j = 0; j < ALT_LANES; j++) lane[j] = empty; \
    memcpy(row, lane, sizeof row); \
    for (; i + ALT_LANES <= n; i += ALT_LANES) { \
        ALT_IVDEP for (int j = 0; j < ALT_LANES; j++) { step(row[j], x[i + j], out[i + j], a); } } \
    memcpy(lane, row, sizeof lane); \
    for (int j = 0; i + j < n; j++) { step(lane[j], x[i + j], out[i + j], a); } \
    for (int h = ALT_LANES / 2; h > 0; h /= 2) for (int j = 0; j < h; j++) lane[j] = join(lane[j], lane[j + h]); \
    *result = lane[0];
/* n accumulators that hold the fold of nothing; MAX and MIN give the least and largest value of `dtype`. */
void alt_fold_identity(enum alt_fold fold, alt_dtype dtype, void *acc, int64_t n);
/* acc[i] takes in other[i], another accumulator (sums of squares are added, not squared). */
void alt_fold_join(enum alt_fold fold, enum alt_wide wide, void *acc, const void *other, int64_t n);

#endif
