/* vec.c: passes over dense lines; see vec.h. */
#include "runtime/ops/vec.h"

#include "runtime/ops/fold.h"
#include "runtime/ops/lines.h"
#include "runtime/ops/loop.h"
#include "runtime/scalar_math.h"

#include <math.h>
#include <string.h>

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

/* ---- folds ---- */

/* The sum of what is stored: o in the place of an element x, or nowhere. */
#define TAKE_CENTER(l, x, o, a) o = x - a; l += o * o
#define SUM_EXP_F32(l, x, o, a) l += alt_exp_f32(x - a)
#define SUM_EXP_F64(l, x, o, a) l += exp(x - a)
#define ADD(a, x) ((a) + (x))
#define FOLD(name, T, step) \
    ALT_LOOP(name, (T *out, const T *x, int64_t n, T a, T *result), (out, x, n, a, result), { \
        (void)out; ALT_FOLD_LANES(T, step, 0, ADD) })
FOLD(center_f32, float, TAKE_CENTER)
FOLD(center_f64, double, TAKE_CENTER)
FOLD(sum_exp_f32, float, SUM_EXP_F32)
FOLD(sum_exp_f64, double, SUM_EXP_F64)

static double fold(enum alt_fold fold, enum alt_wide wide, const void *x, int64_t n)
{
    _Alignas(8) char result[ALT_WIDE_SIZE];
    alt_fold_line(fold, wide)(x, n, result);
    return alt_vec_get(wide, result, 0);
}

double alt_vec_max(enum alt_wide wide, const void *x, int64_t n) { return fold(ALT_FOLD_MAX, wide, x, n); }
double alt_vec_sum(enum alt_wide wide, const void *x, int64_t n) { return fold(ALT_FOLD_SUM, wide, x, n); }
double alt_vec_sum_abs(enum alt_wide wide, const void *x, int64_t n) { return fold(ALT_FOLD_ABS, wide, x, n); }
double alt_vec_sum_squares(enum alt_wide wide, const void *x, int64_t n) { return fold(ALT_FOLD_SQUARE, wide, x, n); }

#define RETURN_FOLD(inner, wide, out, x, n, a) \
    if (wide == ALT_WIDE_F32) { float result; inner##_f32(out, x, n, (float)(a), &result); return (double)result; } \
    double result; inner##_f64(out, x, n, a, &result); return result
double alt_vec_sum_exp(enum alt_wide wide, const void *x, int64_t n, double shift) { RETURN_FOLD(sum_exp, wide, NULL, x, n, shift); }
double alt_vec_center(enum alt_wide wide, void *out, const void *x, int64_t n, double a) { RETURN_FOLD(center, wide, out, x, n, a); }

/* ---- each element ---- */

#define EXP(name, T, expression) \
    ALT_LOOP(name, (T *restrict out, const T *restrict x, int64_t n, T a), (out, x, n, a), { \
        ALT_LONG for (int64_t i = 0; i < n; i++) out[i] = (expression); })
EXP(exp_f32, float, alt_exp_f32(x[i] - a))
EXP(exp_f64, double, exp(x[i] - a))

double alt_vec_exp(enum alt_wide wide, void *out, const void *x, int64_t n, double shift)
{
    if (wide == ALT_WIDE_F32)
        exp_f32(out, x, n, (float)shift);
    else
        exp_f64(out, x, n, shift);
    return alt_vec_sum(wide, out, n);
}

#define EACH(name, T, expression) \
    ALT_LOOP(name, (T *out, const T *x, int64_t n, T a), (out, x, n, a), { \
        ALT_IVDEP for (int64_t i = 0; i < n; i++) out[i] = (expression); })
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
PASS(alt_vec_subtract, subtract)
PASS(alt_vec_scale, scale)
PASS(alt_vec_divide, divide)

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

#define AFFINE(name, T) \
    ALT_LOOP(name, (T *x, int64_t n, T factor, const T *y, const T *z, int64_t step), (x, n, factor, y, z, step), { \
        if (step) { ALT_IVDEP for (int64_t i = 0; i < n; i++) x[i] = x[i] * factor * y[i] + z[i]; } \
        else { const T a = y[0]; const T b = z[0]; ALT_IVDEP for (int64_t i = 0; i < n; i++) x[i] = x[i] * factor * a + b; } })
AFFINE(affine_f32, float)
AFFINE(affine_f64, double)

void alt_vec_affine(enum alt_wide wide, void *x, int64_t n, double factor, const void *y, const void *z, int64_t step)
{
    if (wide == ALT_WIDE_F32)
        affine_f32(x, n, (float)factor, y, z, step);
    else
        affine_f64(x, n, factor, y, z, step);
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
