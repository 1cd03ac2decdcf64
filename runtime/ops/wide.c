/* wide.c: conversion loops between dtypes and wide types; see wide.h. One macro makes a loop, tables find it. */
#include "runtime/ops/wide.h"

#include "runtime/half.h"
#include "runtime/ops/loop.h"

/* A dense loop, which vectorises, and a strided one. */
#define LOAD(name, S, W, get) \
    ALT_LOOP(load_##name, (void *dst, const void *src, int64_t stride, int64_t n), (dst, src, stride, n), { \
        W *d = dst; const S *s = src; \
        if (stride == 1) { ALT_IVDEP for (int64_t i = 0; i < n; i++) d[i] = (W)get(s[i]); } \
        else for (int64_t i = 0; i < n; i++) d[i] = (W)get(s[i * stride]); })
#define STORE(name, W, D, put) \
    ALT_LOOP(store_##name, (void *dst, int64_t stride, const void *src, int64_t n), (dst, stride, src, n), { \
        D *d = dst; const W *s = src; \
        if (stride == 1) { ALT_IVDEP for (int64_t i = 0; i < n; i++) d[i] = (D)put(s[i]); } \
        else for (int64_t i = 0; i < n; i++) d[i * stride] = (D)put(s[i]); })

#define SAME(x) (x)
#define TRUTH(x) ((x) != 0)

/* Integers wrap around in unsigned arithmetic; the casts in STORE then only drop bits. */
#define WRAP(x) ((uint64_t)(x))

/* Float to integer. The bounds are exact in double, and so is every float32; the clamped value is in range. NaN is 0. */
static inline double clamp(double x, double low, double high)
{
    const double a = x > low ? x : low, b = a < high ? a : high;
    return x == x ? b : 0;
}
#define TO_I32(x) ((int32_t)clamp((double)(x), -2147483648.0, 2147483647.0))
#define TO_U32(x) ((int64_t)clamp((double)(x), 0.0, 4294967295.0))

static inline int64_t to_i64(double x)
{
    if (!(x < 0x1p63))
        return x == x ? INT64_MAX : 0;
    return x < -0x1p63 ? INT64_MIN : (int64_t)x;
}

static inline uint64_t to_u64(double x)
{
    if (!(x < 0x1p64))
        return x == x ? UINT64_MAX : 0;
    return x > 0 ? (uint64_t)x : 0;
}

/* Exact, or rounded to odd where 64 bits do not fit float64, so that rounding once more is right. */
static inline double u64_odd(uint64_t x)
{
    return (double)(x >> 53 ? (x & ~UINT64_C(0xfff)) | (x & 0xfff ? 0x800 : 0) : x);
}
static inline double i64_odd(int64_t x) { return x < 0 ? -u64_odd(0 - (uint64_t)x) : u64_odd((uint64_t)x); }
#define I64_F16(x) alt_f64_to_f16(i64_odd(x))
#define U64_F16(x) alt_f64_to_f16(u64_odd(x))
#define I64_BF16(x) alt_f64_to_bf16(i64_odd(x))
#define U64_BF16(x) alt_f64_to_bf16(u64_odd(x))

LOAD(f32, float, float, SAME)
LOAD(f64, double, double, SAME)
LOAD(f16, uint16_t, float, alt_f16_to_f32)
LOAD(bf16, uint16_t, float, alt_bf16_to_f32)
LOAD(i8, int8_t, int64_t, SAME)
LOAD(i16, int16_t, int64_t, SAME)
LOAD(i32, int32_t, int64_t, SAME)
LOAD(i64, int64_t, int64_t, SAME)
LOAD(u8, uint8_t, uint64_t, SAME)
LOAD(u16, uint16_t, uint64_t, SAME)
LOAD(u32, uint32_t, uint64_t, SAME)
LOAD(u64, uint64_t, uint64_t, SAME)
LOAD(bool, uint8_t, uint64_t, TRUTH)

/* The stores of one wide type, named after both. Integers of 8 to 32 bits differ by the source only. */
#define STORE_INTS(w, W, p8, q8, p16, q16, p32, q32) \
    STORE(w##_i8, W, int8_t, p8) STORE(w##_u8, W, uint8_t, q8) STORE(w##_i16, W, int16_t, p16) \
    STORE(w##_u16, W, uint16_t, q16) STORE(w##_i32, W, int32_t, p32) STORE(w##_u32, W, uint32_t, q32) \
    STORE(w##_bool, W, uint8_t, TRUTH)

STORE_INTS(f32, float, TO_I32, TO_I32, TO_I32, TO_I32, TO_I32, TO_U32)
STORE_INTS(f64, double, TO_I32, TO_I32, TO_I32, TO_I32, TO_I32, TO_U32)
STORE_INTS(i64, int64_t, WRAP, WRAP, WRAP, WRAP, WRAP, WRAP)
STORE_INTS(u64, uint64_t, WRAP, WRAP, WRAP, WRAP, WRAP, WRAP)

#define STORE_LARGE(w, W, p, q, h, b) \
    STORE(w##_i64, W, int64_t, p) STORE(w##_u64, W, uint64_t, q) STORE(w##_f32, W, float, SAME) \
    STORE(w##_f64, W, double, SAME) STORE(w##_f16, W, uint16_t, h) STORE(w##_bf16, W, uint16_t, b)

STORE_LARGE(f32, float, to_i64, to_u64, alt_f32_to_f16, alt_f32_to_bf16)
STORE_LARGE(f64, double, to_i64, to_u64, alt_f64_to_f16, alt_f64_to_bf16)
STORE_LARGE(i64, int64_t, SAME, WRAP, I64_F16, I64_BF16)
STORE_LARGE(u64, uint64_t, WRAP, SAME, U64_F16, U64_BF16)

struct raw16 {
    uint64_t part[2];
};
LOAD(raw8, uint8_t, uint8_t, SAME)
LOAD(raw16, uint16_t, uint16_t, SAME)
LOAD(raw32, uint32_t, uint32_t, SAME)
LOAD(raw64, uint64_t, uint64_t, SAME)
STORE(raw8, uint8_t, uint8_t, SAME)
STORE(raw16, uint16_t, uint16_t, SAME)
STORE(raw32, uint32_t, uint32_t, SAME)
STORE(raw64, uint64_t, uint64_t, SAME)

static void load_raw128(void *dst, const void *src, int64_t stride, int64_t n)
{
    struct raw16 *d = dst;
    const struct raw16 *s = src;
    for (int64_t i = 0; i < n; i++)
        d[i] = s[i * stride];
}

static void store_raw128(void *dst, int64_t stride, const void *src, int64_t n)
{
    struct raw16 *d = dst;
    const struct raw16 *s = src;
    for (int64_t i = 0; i < n; i++)
        d[i * stride] = s[i];
}

struct row {
    bool present;
    enum alt_wide wide;
    alt_load_fn *load;
    alt_store_fn *store[ALT_WIDE_COUNT]; /* by the wide type it comes from */
};

#define ROW(wide, t) {true, ALT_WIDE_##wide, load_##t, {store_f32_##t, store_f64_##t, store_i64_##t, store_u64_##t}}
enum { ROWS = ALT_BFLOAT16 + 1 };
static const struct row table[ROWS] = {
    [ALT_FLOAT32] = ROW(F32, f32), [ALT_FLOAT64] = ROW(F64, f64), [ALT_FLOAT16] = ROW(F32, f16),
    [ALT_BFLOAT16] = ROW(F32, bf16), [ALT_INT8] = ROW(I64, i8), [ALT_INT16] = ROW(I64, i16),
    [ALT_INT32] = ROW(I64, i32), [ALT_INT64] = ROW(I64, i64), [ALT_UINT8] = ROW(U64, u8),
    [ALT_UINT16] = ROW(U64, u16), [ALT_UINT32] = ROW(U64, u32), [ALT_UINT64] = ROW(U64, u64),
    [ALT_BOOL] = ROW(U64, bool),
};

static const struct row *row_of(alt_dtype dtype)
{
    return (unsigned)dtype < ROWS && table[dtype].present ? &table[dtype] : NULL;
}

enum alt_wide alt_wide_of(alt_dtype dtype)
{
    const struct row *row = row_of(dtype);
    return row ? row->wide : ALT_WIDE_NONE;
}

size_t alt_wide_size(enum alt_wide wide) { return wide == ALT_WIDE_F32 ? 4 : 8; }

alt_load_fn *alt_wide_load(alt_dtype dtype)
{
    const struct row *row = row_of(dtype);
    return row ? row->load : NULL;
}

alt_store_fn *alt_wide_store(enum alt_wide wide, alt_dtype dtype)
{
    const struct row *row = row_of(dtype);
    return row && wide < ALT_WIDE_COUNT ? row->store[wide] : NULL;
}

alt_load_fn *alt_raw_load(size_t size)
{
    switch (size) {
    case 1: return load_raw8;
    case 2: return load_raw16;
    case 4: return load_raw32;
    case 8: return load_raw64;
    case 16: return load_raw128;
    default: return NULL;
    }
}

alt_store_fn *alt_raw_store(size_t size)
{
    switch (size) {
    case 1: return store_raw8;
    case 2: return store_raw16;
    case 4: return store_raw32;
    case 8: return store_raw64;
    case 16: return store_raw128;
    default: return NULL;
    }
}
