/* vec.c: passes over dense lines; see vec.h. */
#include "runtime/ops/vec.h"

#include "runtime/ops/fold.h"
#include "runtime/ops/lines.h"
#include "runtime/ops/loop.h"
#include "runtime/scalar_math.h"

#include <math.h>

enum { CHUNK = 512 }; /* a multiple of ALT_LANES */

double alt_vec_get(enum alt_wide wide, const void *x, int64_t i)
{
    return wide == ALT_WIDE_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

void alt_vec_set(enum alt_wide wide, void *x, int64_t i, double value)
{
    if (wide == ALT_WIDE_F32)
        ((float *)x)[i] = (float)value;
    else
        ((double *)x)[i] = value;
}

static double join(enum alt_fold fold, enum alt_wide wide, char *acc)
{
    for (int h = ALT_LANES / 2; h > 0; h /= 2)
        alt_fold_join(fold, wide, acc, acc + (size_t)h * alt_wide_size(wide), h);
    return alt_vec_get(wide, acc, 0);
}

static double fold_all(enum alt_fold fold, enum alt_wide wide, const void *x, int64_t n)
{
    _Alignas(64) char acc[ALT_LANES * ALT_WIDE_SIZE];
    alt_fold_identity(fold, wide == ALT_WIDE_F32 ? ALT_FLOAT32 : ALT_FLOAT64, acc, ALT_LANES);
    alt_fold_loop(fold, wide)(acc, ALT_LANES, x, n);
    return join(fold, wide, acc);
}

double alt_vec_max(enum alt_wide wide, const void *x, int64_t n) { return fold_all(ALT_FOLD_MAX, wide, x, n); }
double alt_vec_sum(enum alt_wide wide, const void *x, int64_t n) { return fold_all(ALT_FOLD_SUM, wide, x, n); }
double alt_vec_sum_abs(enum alt_wide wide, const void *x, int64_t n) { return fold_all(ALT_FOLD_ABS, wide, x, n); }
double alt_vec_sum_squares(enum alt_wide wide, const void *x, int64_t n) { return fold_all(ALT_FOLD_SQUARE, wide, x, n); }

#define EACH(name, T, expression) \
    ALT_LOOP(name, (T *restrict out, const T *restrict x, int64_t n, T a), (out, x, n, a), { \
        ALT_LONG for (int64_t i = 0; i < n; i++) out[i] = (expression); })
EACH(exp_f32, float, alt_exp_f32(x[i] - a))
EACH(exp_f64, double, exp(x[i] - a))
EACH(subtract_f32, float, x[i] - a)
EACH(subtract_f64, double, x[i] - a)
EACH(scale_f32, float, x[i] * a)
EACH(scale_f64, double, x[i] * a)
EACH(divide_f32, float, x[i] / a)
EACH(divide_f64, double, x[i] / a)

#define PASS(name, inner) \
    void name(enum alt_wide wide, void *x, int64_t n, double a) { \
        if (wide == ALT_WIDE_F32) inner##_f32(x, x, n, (float)a); \
        else inner##_f64(x, x, n, a); }
PASS(alt_vec_exp, exp)
PASS(alt_vec_subtract, subtract)
PASS(alt_vec_scale, scale)
PASS(alt_vec_divide, divide)

double alt_vec_sum_exp(enum alt_wide wide, const void *x, int64_t n, double shift)
{
    _Alignas(64) char acc[ALT_LANES * ALT_WIDE_SIZE], block[CHUNK * ALT_WIDE_SIZE];
    alt_fold_identity(ALT_FOLD_SUM, wide == ALT_WIDE_F32 ? ALT_FLOAT32 : ALT_FLOAT64, acc, ALT_LANES);
    for (int64_t at = 0; at < n; at += CHUNK) {
        const int64_t m = n - at < CHUNK ? n - at : CHUNK;
        if (wide == ALT_WIDE_F32)
            exp_f32((float *)(void *)block, (const float *)x + at, m, (float)shift);
        else
            exp_f64((double *)(void *)block, (const double *)x + at, m, shift);
        alt_fold_loop(ALT_FOLD_SUM, wide)(acc, ALT_LANES, block, m);
    }
    return join(ALT_FOLD_SUM, wide, acc);
}

#define BOTH(name, T, op) \
    ALT_LOOP(name, (T *x, const T *y, int64_t n, int64_t step), (x, y, n, step), { \
        if (step) { ALT_IVDEP for (int64_t i = 0; i < n; i++) x[i] = x[i] op y[i]; } \
        else { const T a = y[0]; ALT_IVDEP for (int64_t i = 0; i < n; i++) x[i] = x[i] op a; } })
BOTH(multiply_f32, float, *)
BOTH(multiply_f64, double, *)
BOTH(add_f32, float, +)
BOTH(add_f64, double, +)

void alt_vec_multiply_by(enum alt_wide wide, void *x, int64_t n, const void *y, int64_t step)
{
    if (wide == ALT_WIDE_F32)
        multiply_f32(x, y, n, step);
    else
        multiply_f64(x, y, n, step);
}

void alt_vec_add_to(enum alt_wide wide, void *x, int64_t n, const void *y, int64_t step)
{
    if (wide == ALT_WIDE_F32)
        add_f32(x, y, n, step);
    else
        add_f64(x, y, n, step);
}

double alt_scalar_add(enum alt_wide wide, double a, double b)
{
    return wide == ALT_WIDE_F32 ? (double)((float)a + (float)b) : a + b;
}

double alt_scalar_divide(enum alt_wide wide, double a, double b)
{
    return wide == ALT_WIDE_F32 ? (double)((float)a / (float)b) : a / b;
}

double alt_scalar_sqrt(enum alt_wide wide, double a) { return wide == ALT_WIDE_F32 ? (double)sqrtf((float)a) : sqrt(a); }

double alt_scalar_log(enum alt_wide wide, double a)
{
    return wide == ALT_WIDE_F32 ? (double)alt_log_f32((float)a) : log(a);
}
