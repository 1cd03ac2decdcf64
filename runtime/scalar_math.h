/* scalar_math.h: exp, expm1, log, log1p, erf, tanh and sigmoid of float32, defined once.
 *
 * Default kernels, the loop interpreter and generated code expand these same expressions, so that they agree to the bit.
 * Each is range reduction and a minimax polynomial, written without branches, calls or fused operations: a loop over one
 * of them vectorises without -ffast-math (compile with -fno-math-errno -fno-trapping-math -ffp-contract=off). They assume
 * rounding to nearest. Errors, in units in the last place of the exact result, hold over all float32 and are held by
 * tests/test_scalar_math.c; NaN, infinities, zeros and denormal results are those of C's Annex F.
 *
 *   exp 1.0   expm1 2.0 (x <= 0)   log 1.0   log1p 2.0 (x >= 0)   erf 1.5   tanh 2.0   sigmoid 2.5
 */
#ifndef ALT_RUNTIME_SCALAR_MATH_H
#define ALT_RUNTIME_SCALAR_MATH_H

#include "runtime/half.h"

/* Adding this rounds |x| < 2^22 to an integer, which then stands in the low bits. */
#define ALT_ROUNDING_SHIFT 12582912.0f

/* x = n ln 2 + r with |r| <= ln 2 / 2; ln 2 is subtracted in two parts of which n times the first is exact. */
static inline float alt_exp_reduce(float x, uint32_t *n)
{
    const float shifted = x * 1.44269504f + ALT_ROUNDING_SHIFT;
    const float count = shifted - ALT_ROUNDING_SHIFT;
    *n = alt_bits_of_f32(shifted) - 0x4b400000u; /* two's complement */
    return (x - count * 0.693359375f) - count * -2.12194440e-4f;
}

/* exp(r) - 1 for |r| <= ln 2 / 2. */
static inline float alt_expm1_core(float r)
{
    float p = 1.978926593e-04f;
    p = p * r + 1.394575345e-03f;
    p = p * r + 8.333504200e-03f;
    p = p * r + 4.166628048e-02f;
    p = p * r + 1.666666567e-01f;
    p = p * r + 5.000000000e-01f;
    return r + r * r * p;
}

/* 2^n for -126 <= n <= 127. */
static inline float alt_pow2(uint32_t n) { return alt_f32_of_bits((n + 127u) << 23); }

static inline float alt_exp_f32(float x)
{
    const float low = x < -104.0f ? -104.0f : x; /* beyond, the result is zero or infinite anyway; NaN passes */
    const float clamped = low > 89.0f ? 89.0f : low;
    uint32_t n;
    const float r = alt_exp_reduce(clamped, &n);
    const uint32_t half = (n + ((n & 0x80000000u) >> 31)) >> 1 | (n & 0x80000000u); /* about n / 2 */
    return (1.0f + alt_expm1_core(r)) * alt_pow2(half) * alt_pow2(n - half);
}

/* exp(x) - 1 for x <= 0 (or NaN). */
static inline float alt_expm1_f32(float x)
{
    const float clamped = x < -20.0f ? -20.0f : x;
    uint32_t n;
    const float r = alt_exp_reduce(clamped, &n);
    const float scale = alt_pow2(n);
    const float y = alt_expm1_core(r) * scale + (scale - 1.0f);
    return x == 0.0f ? x : y;
}

/* log(m) with m = 1 + f in [sqrt 1/2, sqrt 2], plus e ln 2. */
static inline float alt_log_core(float f, float e)
{
    float p = 6.746601313e-02f;
    p = p * f + -1.167564094e-01f;
    p = p * f + 1.188817471e-01f;
    p = p * f + -1.240559146e-01f;
    p = p * f + 1.421955079e-01f;
    p = p * f + -1.666799635e-01f;
    p = p * f + 2.000211924e-01f;
    p = p * f + -2.500000894e-01f;
    p = p * f + 3.333331347e-01f;
    const float square = f * f;
    const float tail = (square * f * p + e * -2.12194440e-4f) - 0.5f * square;
    return (f + tail) + e * 0.693359375f;
}

static inline float alt_log_f32(float x)
{
    const float scaled = x < 0x1p-126f ? x * 0x1p23f : x;
    const float bias = x < 0x1p-126f ? -23.0f : 0.0f;
    /* Subtracting the bits of sqrt(1/2) makes the exponent field count from there. */
    const uint32_t shifted = alt_bits_of_f32(scaled) - 0x3f3504f3u;
    const int32_t exponent = (int32_t)(shifted >> 23) - (int32_t)((shifted >> 31) << 8) * 2;
    const float mantissa = alt_f32_of_bits((shifted & 0x007fffffu) + 0x3f3504f3u);
    const float y = alt_log_core(mantissa - 1.0f, (float)exponent + bias);
    const float inf = alt_f32_of_bits(0x7f800000u);
    const float positive = x < inf ? y : x; /* infinity and NaN */
    const float other = x == 0.0f ? -inf : alt_f32_of_bits(0x7fc00000u);
    return x <= 0.0f ? other : (x < 0.0f ? other : positive);
}

/* log(1 + x) for x >= 0 (or NaN): what 1 + x loses by rounding is put back, which for tiny x is all of it. */
static inline float alt_log1p_f32(float x)
{
    const float u = 1.0f + x;
    const float lost = x - (u - 1.0f);
    const float finite_lost = x < alt_f32_of_bits(0x7f800000u) ? lost : 0.0f; /* not infinity minus infinity */
    return alt_log_f32(u) + finite_lost / u;
}

static inline float alt_copysign_f32(float magnitude, float sign)
{
    return alt_f32_of_bits((alt_bits_of_f32(magnitude) & 0x7fffffffu) | (alt_bits_of_f32(sign) & 0x80000000u));
}

static inline float alt_erf_f32(float x)
{
    const float t = alt_f32_of_bits(alt_bits_of_f32(x) & 0x7fffffffu);
    const float s = x * x;
    float p = 8.267458907e-05f;
    p = p * s + -8.118074620e-04f;
    p = p * s + 5.198829807e-03f;
    p = p * s + -2.685849741e-02f;
    p = p * s + 1.128367931e-01f;
    p = p * s + -3.761263192e-01f;
    p = p * s + 1.283791661e-01f;
    const float small = x + x * p;
    const float far = t > 4.0f ? 4.0f : t; /* erf(4) rounds to 1; NaN passes */
    float q = 1.154197435e-05f;
    q = q * far + -3.259163641e-04f;
    q = q * far + 3.655127482e-03f;
    q = q * far + -2.378888614e-02f;
    q = q * far + 1.062680557e-01f;
    q = q * far + 6.351324320e-01f;
    q = q * far + 1.128653169e+00f;
    const float large = 1.0f - alt_exp_f32(-far * q);
    return t < 0.9375f ? small : alt_copysign_f32(large, x);
}

static inline float alt_tanh_f32(float x)
{
    const float t = alt_f32_of_bits(alt_bits_of_f32(x) & 0x7fffffffu);
    const float s = x * x;
    float p = 2.142958809e-03f;
    p = p * s + -8.177394979e-03f;
    p = p * s + 2.170070074e-02f;
    p = p * s + -5.394676328e-02f;
    p = p * s + 1.333320588e-01f;
    p = p * s + -3.333333135e-01f;
    const float small = t + t * (s * p);
    const float large = 1.0f - 2.0f / (alt_exp_f32(2.0f * t) + 1.0f);
    return alt_copysign_f32(t < 0.625f ? small : large, x);
}

static inline float alt_sigmoid_f32(float x)
{
    const float t = alt_f32_of_bits(alt_bits_of_f32(x) & 0x7fffffffu);
    const float e = alt_exp_f32(-t);
    const float y = 1.0f / (1.0f + e);
    return x < 0.0f ? e * y : y;
}

#endif
