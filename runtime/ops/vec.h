/* vec.h: passes over a dense line of float32 or float64 (`wide` says which), for operators that keep a line in memory:
 * softmax and normalisation. Scalars travel as double and are rounded to the line's type, in which everything is computed.
 *
 * Sums: element i goes to lane i mod 16 (ALT_LANES), then lane j takes lane j + h for h = 8, 4, 2, 1.
 */
#ifndef ALT_RUNTIME_OPS_VEC_H
#define ALT_RUNTIME_OPS_VEC_H

#include "runtime/ops/wide.h"

double alt_vec_max(enum alt_wide wide, const void *x, int64_t n); /* NaN when there is one */
double alt_vec_sum(enum alt_wide wide, const void *x, int64_t n);
double alt_vec_sum_abs(enum alt_wide wide, const void *x, int64_t n);
double alt_vec_sum_squares(enum alt_wide wide, const void *x, int64_t n);
/* Of exp(x - shift), which is not stored. */
double alt_vec_sum_exp(enum alt_wide wide, const void *x, int64_t n, double shift);
/* out = exp(x - shift), which may be the same memory; returns the sum of out. */
double alt_vec_exp(enum alt_wide wide, void *out, const void *x, int64_t n, double shift);
/* out = x - a, likewise; returns the sum of the squares of out. */
double alt_vec_center(enum alt_wide wide, void *out, const void *x, int64_t n, double a);
/* x = x - a. */
void alt_vec_subtract(enum alt_wide wide, void *x, int64_t n, double a);
/* x = x * a. */
void alt_vec_scale(enum alt_wide wide, void *x, int64_t n, double a);
/* x = x / a. */
void alt_vec_divide(enum alt_wide wide, void *x, int64_t n, double a);
/* x[i] = x[i] * y[i * step], x[i] + y[i * step]; step 0 or 1. */
void alt_vec_multiply_by(enum alt_wide wide, void *x, int64_t n, const void *y, int64_t step);
void alt_vec_add_to(enum alt_wide wide, void *x, int64_t n, const void *y, int64_t step);
/* x[i] = x[i] * factor * y[i * step] + z[i * step]; step 0 or 1. */
void alt_vec_affine(enum alt_wide wide, void *x, int64_t n, double factor, const void *y, const void *z, int64_t step);
/* a + b, a / b, sqrt(a), log(a), computed in the line's type. */
double alt_scalar_add(enum alt_wide wide, double a, double b);
double alt_scalar_divide(enum alt_wide wide, double a, double b);
double alt_scalar_sqrt(enum alt_wide wide, double a);
double alt_scalar_log(enum alt_wide wide, double a);
/* Element i, and the place of it. */
double alt_vec_get(enum alt_wide wide, const void *x, int64_t i);
void alt_vec_set(enum alt_wide wide, void *x, int64_t i, double value);

#endif
