/* fold.h: the inner loops of reductions: accumulators lie side by side, a row of elements is folded into them. */
#ifndef ALT_RUNTIME_OPS_FOLD_H
#define ALT_RUNTIME_OPS_FOLD_H

#include "runtime/ops/wide.h"

enum alt_fold { ALT_FOLD_SUM, ALT_FOLD_ABS, ALT_FOLD_SQUARE, ALT_FOLD_PROD, ALT_FOLD_MAX, ALT_FOLD_MIN, ALT_FOLD_COUNT };

/* acc[i mod width] takes in x[i], for i in [0, n). NaN wins MAX and MIN; integers wrap around. */
typedef void alt_fold_fn(void *acc, int64_t width, const void *x, int64_t n);

alt_fold_fn *alt_fold_loop(enum alt_fold fold, enum alt_wide wide);
/* n accumulators that hold the fold of nothing; MAX and MIN give the least and largest value of `dtype`. */
void alt_fold_identity(enum alt_fold fold, alt_dtype dtype, void *acc, int64_t n);
/* acc[i] takes in other[i], another accumulator (sums of squares are added, not squared). */
void alt_fold_join(enum alt_fold fold, enum alt_wide wide, void *acc, const void *other, int64_t n);

#endif
