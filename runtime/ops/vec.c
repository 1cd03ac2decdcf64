/* vec.c: passes over dense lines; see vec.h. */
#include "runtime/ops/vec.h"

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

/* `step` takes an element x into its lane l; some also store o in the place of x, made with a. */
#define LARGER(a, x) (((a) > (x)) | ((a) != (a)) ? (a) : (x))
#define ADD(a, x) ((a) + (x))
#define TAKE_MAX(l, x, o, a) l = LARGER(l, x)
#define TAKE(l, x, o, a) l += x
#define TAKE_ABS_F32(l, x, o, a) l += fabsf(x)
#define TAKE_ABS_F64(l, x, o, a) l += fabs(x)
#define TAKE_SQUARE(l, x, o, a) l += (x) * (x)
#define TAKE_CENTER(l, x, o, a) o = x - a; l += o * o
#define TAKE_EXP_F32(l, x, o, a) o = alt_exp_f32(x - a); l += o
#define TAKE_EXP_F64(l, x, o, a) o = exp(x - a); l += o
#define SUM_EXP_F32(l, x, o, a) l += alt_exp_f32(x - a)
#define SUM_EXP_F64(l, x, o, a) l += exp(x - a)

/* Whole rows of lanes stay in registers, the rest is taken one by one. */
#define FOLD(name, T, step, empty, join) \
    static inline __attribute__((always_inline)) int64_t name##_rows(T *acc, T *out, const T *x, int64_t n, T a) { \
        T lane[ALT_LANES]; int64_t i = 0; (void)out; (void)a; memcpy(lane, acc, sizeof lane); \
        for (; i + ALT_LANES <= n; i += ALT_LANES) { \
            ALT_IVDEP for (int j = 0; j < ALT_LANES; j++) { step(lane[j], x[i + j], out[i + j], a); } } \
        memcpy(acc, lane, sizeof lane); return i; } \
    ALT_LOOP(name, (T *out, const T *x, int64_t n, T a, T *result), (out, x, n, a, result), { \
        T lane[ALT_LANES]; \
        for (int j = 0; j < ALT_LANES; j++) lane[j] = empty; \
        const int64_t i = name##_rows(lane, out, x, n, a); \
        for (int64_t j = 0; i + j < n; j++) { step(lane[j], x[i + j], out[i + j], a); } \
        for (int h = ALT_LANES / 2; h > 0; h /= 2) for (int j = 0; j < h; j++) lane[j] = join(lane[j], lane[j + h]); \
        *result = lane[0]; })
FOLD(max_f32, float, TAKE_MAX, -__builtin_inff(), LARGER)
FOLD(max_f64, double, TAKE_MAX, -__builtin_inf(), LARGER)
FOLD(sum_f32, float, TAKE, 0, ADD)
FOLD(sum_f64, double, TAKE, 0, ADD)
FOLD(sum_abs_f32, float, TAKE_ABS_F32, 0, ADD)
FOLD(sum_abs_f64, double, TAKE_ABS_F64, 0, ADD)
FOLD(sum_squares_f32, float, TAKE_SQUARE, 0, ADD)
FOLD(sum_squares_f64, double, TAKE_SQUARE, 0, ADD)
FOLD(center_f32, float, TAKE_CENTER, 0, ADD)
FOLD(center_f64, double, TAKE_CENTER, 0, ADD)
FOLD(exp_f32, float, TAKE_EXP_F32, 0, ADD)
FOLD(exp_f64, double, TAKE_EXP_F64, 0, ADD)
FOLD(sum_exp_f32, float, SUM_EXP_F32, 0, ADD)
FOLD(sum_exp_f64, double, SUM_EXP_F64, 0, ADD)

#define RETURN_FOLD(inner, wide, out, x, n, a) \
    if (wide == ALT_WIDE_F32) { float result; inner##_f32(out, x, n, (float)(a), &result); return (double)result; } \
    double result; inner##_f64(out, x, n, a, &result); return result
double alt_vec_max(enum alt_wide wide, const void *x, int64_t n) { RETURN_FOLD(max, wide, NULL, x, n, 0); }
double alt_vec_sum(enum alt_wide wide, const void *x, int64_t n) { RETURN_FOLD(sum, wide, NULL, x, n, 0); }
double alt_vec_sum_abs(enum alt_wide wide, const void *x, int64_t n) { RETURN_FOLD(sum_abs, wide, NULL, x, n, 0); }
double alt_vec_sum_squares(enum alt_wide wide, const void *x, int64_t n) { RETURN_FOLD(sum_squares, wide, NULL, x, n, 0); }
double alt_vec_sum_exp(enum alt_wide wide, const void *x, int64_t n, double shift) { RETURN_FOLD(sum_exp, wide, NULL, x, n, shift); }
double alt_vec_exp(enum alt_wide wide, void *out, const void *x, int64_t n, double shift) { RETURN_FOLD(exp, wide, out, x, n, shift); }
double alt_vec_center(enum alt_wide wide, void *out, const void *x, int64_t n, double a) { RETURN_FOLD(center, wide, out, x, n, a); }

/* ---- each element ---- */

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
    ALT_LOOP(name, (T *x, int64_t n, T factor, const T *y, const T *z), (x, n, factor, y, z), { \
        ALT_IVDEP for (int64_t i = 0; i < n; i++) x[i] = x[i] * factor * y[i] + z[i]; })
AFFINE(affine_f32, float)
AFFINE(affine_f64, double)

void alt_vec_affine(enum alt_wide wide, void *x, int64_t n, double factor, const void *y, const void *z)
{
    if (wide == ALT_WIDE_F32)
        affine_f32(x, n, (float)factor, y, z);
    else
        affine_f64(x, n, factor, y, z);
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
