/* fold.c: inner loops of reductions; see fold.h. */
#include "runtime/ops/fold.h"

#include "runtime/type.h"

#include <math.h>

/* A loop of either kind. Whole rows of ALT_LANES elements: the accumulators stay in registers. Returns how many elements it took. */
#define LANES(name, T, f) \
    static inline __attribute__((always_inline)) int64_t name##_lanes(T *acc, const T *x, int64_t n) { \
        T lane[ALT_LANES]; int64_t i = 0; memcpy(lane, acc, sizeof lane); \
        for (; i + ALT_LANES <= n; i += ALT_LANES) for (int j = 0; j < ALT_LANES; j++) lane[j] = (T)f(lane[j], x[i + j]); \
        memcpy(acc, lane, sizeof lane); return i; }
#define FOLD(name, T, f, empty, join) LOOP(name, T, f) LINE(name, T, f, empty, join)
#define LINE(name, T, f, empty, join) \
    ALT_LOOP(name##_line, (const void *x_, int64_t n, void *result_), (x_, n, result_), { \
        const T *x = x_; T *result = result_; ALT_FOLD_LANES(T, TAKE_##f, empty, join) })
#define LOOP(name, T, f) \
    LANES(name, T, f) ALT_LOOP(name, (void *acc_, int64_t width, const void *x, int64_t n), (acc_, width, x, n), { \
        T *acc = acc_; int64_t i = width == ALT_LANES ? name##_lanes(acc, x, n) : 0; \
        for (int64_t m; i < n; i += m) { const T *row = (const T *)x + i; m = n - i < width ? n - i : width; \
            ALT_IVDEP for (int64_t j = 0; j < m; j++) acc[j] = (T)f(acc[j], row[j]); } })
/* Signed integers wrap around as unsigned ones do, so that one loop serves both. */
#define FOLD_ALL(name, f, empty, join) \
    FOLD(name##_f32, float, f, empty, join) FOLD(name##_f64, double, f, empty, join) FOLD(name##_u64, uint64_t, f, empty, join)

#define ADD(a, x) ((a) + (x))
#define ADD_SQUARE(a, x) ((a) + (x) * (x))
#define MULTIPLY(a, x) ((a) * (x))
#define LARGER(a, x) (((a) > (x)) | ((a) != (a)) ? (a) : (x))
#define SMALLER(a, x) (((a) < (x)) | ((a) != (a)) ? (a) : (x))
#define ADD_ABS_F32(a, x) ((a) + fabsf(x))
#define ADD_ABS_F64(a, x) ((a) + fabs(x))
#define ADD_ABS_I64(a, x) ((uint64_t)(a) + ((x) < 0 ? 0 - (uint64_t)(x) : (uint64_t)(x)))

#define TAKE_ADD(l, x, o, a) l = ADD(l, x)
#define TAKE_ADD_SQUARE(l, x, o, a) l = ADD_SQUARE(l, x)
#define TAKE_MULTIPLY(l, x, o, a) l = MULTIPLY(l, x)
#define TAKE_LARGER(l, x, o, a) l = LARGER(l, x)
#define TAKE_SMALLER(l, x, o, a) l = SMALLER(l, x)
#define TAKE_ADD_ABS_F32(l, x, o, a) l = ADD_ABS_F32(l, x)
#define TAKE_ADD_ABS_F64(l, x, o, a) l = ADD_ABS_F64(l, x)
#define TAKE_ADD_ABS_I64(l, x, o, a) l = (int64_t)ADD_ABS_I64(l, x)

FOLD_ALL(sum, ADD, 0, ADD)
FOLD_ALL(square, ADD_SQUARE, 0, ADD)
FOLD_ALL(prod, MULTIPLY, 1, MULTIPLY)
/* The larger (or smaller) of floats by masks: the compiler makes no vectors of these itself. M: integers of the size of T. */
#define SELECT(name, T, M, f, op, empty) \
    LOOP(name, T, f) ALT_LOOP(name##_line, (const void *x_, int64_t n, void *result_), (x_, n, result_), { \
        typedef T vec __attribute__((vector_size(16))); typedef M mask __attribute__((vector_size(16))); \
        enum { PARTS = ALT_LANES * sizeof(T) / 16, STEP = 16 / sizeof(T) }; \
        const T *x = x_; T lane[ALT_LANES]; vec acc[PARTS]; int64_t i = 0; \
        _Pragma("GCC unroll 8") for (int j = 0; j < PARTS; j++) acc[j] = (vec){0} + (T)(empty); \
        for (; i + ALT_LANES <= n; i += ALT_LANES) { \
            _Pragma("GCC unroll 8") for (int j = 0; j < PARTS; j++) { \
                vec v; memcpy(&v, x + i + j * STEP, sizeof v); TAKE(acc[j], v, op) } } \
        if (i < n) { \
            memcpy(lane, acc, sizeof lane); \
            for (int j = 0; i + j < n; j++) lane[j] = f(lane[j], x[i + j]); \
            memcpy(acc, lane, sizeof lane); } \
        _Pragma("GCC unroll 8") for (int h = PARTS / 2; h > 0; h /= 2) \
            _Pragma("GCC unroll 8") for (int j = 0; j < h; j++) { TAKE(acc[j], acc[j + h], op) } \
        memcpy(lane, acc, sizeof acc[0]); \
        for (int h = STEP / 2; h > 0; h /= 2) for (int j = 0; j < h; j++) lane[j] = f(lane[j], lane[j + h]); \
        *(T *)result_ = lane[0]; })
#define TAKE(a, v, op) \
    { const mask keep = (a op v) | (a != a); a = (vec)(((mask)a & keep) | ((mask)v & ~keep)); }
SELECT(max_f32, float, int32_t, LARGER, >, -__builtin_inff())
SELECT(max_f64, double, int64_t, LARGER, >, -__builtin_inf())
SELECT(min_f32, float, int32_t, SMALLER, <, __builtin_inff())
SELECT(min_f64, double, int64_t, SMALLER, <, __builtin_inf())
FOLD(max_i64, int64_t, LARGER, INT64_MIN, LARGER)
FOLD(max_u64, uint64_t, LARGER, 0, LARGER)
FOLD(min_i64, int64_t, SMALLER, INT64_MAX, SMALLER)
FOLD(min_u64, uint64_t, SMALLER, UINT64_MAX, SMALLER)
FOLD(abs_f32, float, ADD_ABS_F32, 0, ADD)
FOLD(abs_f64, double, ADD_ABS_F64, 0, ADD)
FOLD(abs_i64, int64_t, ADD_ABS_I64, 0, ADD)

#define LOOPS(name) {name, name##_line}
static const struct {
    alt_fold_fn *loop;
    alt_fold_line_fn *line;
} table[ALT_FOLD_COUNT][ALT_WIDE_COUNT] = {
    [ALT_FOLD_SUM] = {LOOPS(sum_f32), LOOPS(sum_f64), LOOPS(sum_u64), LOOPS(sum_u64)},
    [ALT_FOLD_ABS] = {LOOPS(abs_f32), LOOPS(abs_f64), LOOPS(abs_i64), LOOPS(sum_u64)},
    [ALT_FOLD_SQUARE] = {LOOPS(square_f32), LOOPS(square_f64), LOOPS(square_u64), LOOPS(square_u64)},
    [ALT_FOLD_PROD] = {LOOPS(prod_f32), LOOPS(prod_f64), LOOPS(prod_u64), LOOPS(prod_u64)},
    [ALT_FOLD_MAX] = {LOOPS(max_f32), LOOPS(max_f64), LOOPS(max_i64), LOOPS(max_u64)},
    [ALT_FOLD_MIN] = {LOOPS(min_f32), LOOPS(min_f64), LOOPS(min_i64), LOOPS(min_u64)},
};

alt_fold_fn *alt_fold_loop(enum alt_fold fold, enum alt_wide wide) { return wide < ALT_WIDE_COUNT ? table[fold][wide].loop : NULL; }
alt_fold_line_fn *alt_fold_line(enum alt_fold fold, enum alt_wide wide) { return wide < ALT_WIDE_COUNT ? table[fold][wide].line : NULL; }

static void fill_float(enum alt_wide wide, double value, void *acc, int64_t n)
{
    float *f = acc;
    double *d = acc;
    for (int64_t i = 0; i < n; i++) {
        if (wide == ALT_WIDE_F32)
            f[i] = (float)value;
        else
            d[i] = value;
    }
}

static void fill_int(uint64_t value, void *acc, int64_t n)
{
    uint64_t *u = acc;
    for (int64_t i = 0; i < n; i++)
        u[i] = value;
}

void alt_fold_identity(enum alt_fold fold, alt_dtype dtype, void *acc, int64_t n)
{
    const enum alt_wide wide = alt_wide_of(dtype);
    const unsigned bits = dtype == ALT_BOOL ? 1 : alt_dtype_bits(dtype);
    const bool extreme = fold == ALT_FOLD_MAX || fold == ALT_FOLD_MIN;
    const uint64_t largest = UINT64_MAX >> (wide == ALT_WIDE_I64 ? 65 - bits : 64 - bits);
    const uint64_t least = wide == ALT_WIDE_I64 ? ~largest : 0;
    const uint64_t neutral = fold == ALT_FOLD_PROD;
    if (wide == ALT_WIDE_F32 || wide == ALT_WIDE_F64)
        fill_float(wide, !extreme ? (double)neutral : fold == ALT_FOLD_MAX ? -HUGE_VAL : HUGE_VAL, acc, n);
    else
        fill_int(!extreme ? neutral : fold == ALT_FOLD_MAX ? least : largest, acc, n);
}

void alt_fold_join(enum alt_fold fold, enum alt_wide wide, void *acc, const void *other, int64_t n)
{
    const bool adds = fold == ALT_FOLD_ABS || fold == ALT_FOLD_SQUARE;
    alt_fold_loop(adds ? ALT_FOLD_SUM : fold, wide)(acc, n, other, n);
}
