/* scalar_math.h: exp, expm1, log, log1p, erf, tanh, sigmoid and the normal distribution function of float32, defined once.
 *
 * Default kernels, the loop interpreter and generated code expand these same expressions, so that they agree to the bit.
 * Each is range reduction and a minimax polynomial, written without branches, calls or fused operations and with short chains of dependent
 * ones: a loop over one of them vectorises without -ffast-math (compile with -fno-math-errno -fno-trapping-math -ffp-contract=off). They assume
 * rounding to nearest. Errors, in units in the last place of the exact result, hold over all float32 and are held by
 * tests/test_scalar_math.c; NaN, infinities, zeros and denormal results are those of C's Annex F.
 *
 *   exp 1.0   expm1 2.0 (x <= 0)   log 1.0   log1p 2.0 (x >= 0)   erf 1.5   tanh 2.0   sigmoid 2.5   phi 32 (x >= -3)
 *
 * phi, the normal distribution function, is within 1.5 * 2^-24 everywhere, which is what GELU shows of it.
 */
#ifndef ALT_RUNTIME_SCALAR_MATH_H
#define ALT_RUNTIME_SCALAR_MATH_H

#include "runtime/half.h"

/* Limits of arguments. They are objects of scalar_math.c because GCC, where it sees their values, computes what follows for each limit
 * apart and blends the results; where it does not, limiting is one instruction. */
extern const float alt_exp_low, alt_exp_high, alt_expm1_low, alt_sigmoid_high, alt_erf_high, alt_phi_high, alt_phi_low;

/* NaN passes. */
static inline float alt_at_least(float x, float low) { return x < low ? low : x; }
static inline float alt_at_most(float x, float high) { return x > high ? high : x; }

/* x = n ln 2 + r with |r| <= ln 2 / 2 and r = high - low; ln 2 is subtracted in two parts of which n times the first is exact. Adding
 * 1.5 * 2^23 rounds to an integer, which then stands in the low bits, and the bias with it. */
struct alt_reduced {
    float high, low;
    uint32_t n; /* plus the bias in its low 9 bits */
};

static inline struct alt_reduced alt_exp_reduce(float x, float bias)
{
    const float shift = 12582912.0f + bias;
    const float shifted = x * 1.44269504f + shift;
    const float count = shifted - shift;
    return (struct alt_reduced){x - count * 0.693359375f, count * -2.12194440e-4f, alt_bits_of_f32(shifted)};
}

/* exp(r) - 1 for r = high - low, |r| <= ln 2 / 2. The order of evaluation is Estrin's: a chain of dependent operations half as long as
 * Horner's. */
static inline float alt_expm1_core(float high, float low)
{
    const float r = high - low, s = r * r;
    const float p = 4.999999702e-01f + r * 1.666653305e-01f;
    const float q = (4.166763648e-02f + r * 8.367558941e-03f) + s * 1.385247917e-03f;
    return high + (s * (p + s * q) - low);
}

/* 2^(n - 127) for 1 <= n <= 254, 0 for 0; only the low 9 bits of n count, and the ninth is 0. */
static inline float alt_pow2_biased(uint32_t n) { return alt_f32_of_bits(n << 23); }

static inline float alt_exp_f32(float x)
{
    const struct alt_reduced r = alt_exp_reduce(alt_at_most(alt_at_least(x, alt_exp_low), alt_exp_high), 254.0f);
    const uint32_t half = r.n >> 1;
    return (1.0f + alt_expm1_core(r.high, r.low)) * alt_pow2_biased(half) * alt_pow2_biased(r.n - half);
}

/* exp(x) - 1 for x <= 0 (or NaN). */
static inline float alt_expm1_f32(float x)
{
    const struct alt_reduced r = alt_exp_reduce(alt_at_least(x, alt_expm1_low), 127.0f);
    const float scale = alt_pow2_biased(r.n);
    const float y = alt_expm1_core(r.high, r.low) * scale + (scale - 1.0f);
    return x == 0.0f ? x : y;
}

/* log(m) with m = 1 + f in [sqrt 1/2, sqrt 2], plus e ln 2. */
static inline float alt_log_core(float f, float e)
{
    const float square = f * f, fourth = square * square;
    const float p0 = (3.333331347e-01f + f * -2.500000894e-01f) + square * (2.000211924e-01f + f * -1.666799635e-01f);
    const float p4 = (1.421955079e-01f + f * -1.240559146e-01f) + square * (1.188817471e-01f + f * -1.167564094e-01f);
    const float p = p0 + fourth * (p4 + fourth * 6.746601313e-02f);
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

static inline float alt_abs_f32(float x) { return alt_f32_of_bits(alt_bits_of_f32(x) & 0x7fffffffu); }

static inline float alt_erf_f32(float x)
{
    const float s = x * x, s2 = s * s;
    const float p = (1.283791661e-01f + s * -3.761263192e-01f) + s2 * (1.128367931e-01f + s * -2.685849741e-02f);
    const float p4 = (5.198829807e-03f + s * -8.118074620e-04f) + s2 * 8.267458907e-05f;
    const float small = x + x * (p + s2 * s2 * p4);
    const float t = alt_at_most(alt_abs_f32(x), alt_erf_high), t2 = t * t;
    const float q = (1.128653169e+00f + t * 6.351324320e-01f) + t2 * (1.062680557e-01f + t * -2.378888614e-02f);
    const float q4 = (3.655127482e-03f + t * -3.259163641e-04f) + t2 * 1.154197435e-05f;
    const struct alt_reduced r = alt_exp_reduce(-t * (q + t2 * t2 * q4), 127.0f);
    const float large = 1.0f - (1.0f + alt_expm1_core(r.high, r.low)) * alt_pow2_biased(r.n);
    return t < 0.9375f ? small : alt_copysign_f32(large, x);
}

/* tanh(t) = (1 - e) / (1 + e) with e = exp(-2t). */
static inline float alt_tanh_f32(float x)
{
    const struct alt_reduced r = alt_exp_reduce(alt_at_least(-2.0f * alt_abs_f32(x), alt_expm1_low), 127.0f);
    const float scale = alt_pow2_biased(r.n), part = alt_expm1_core(r.high, r.low) * scale; /* e is their sum */
    return alt_copysign_f32((part + (scale - 1.0f)) / (part + (scale + 1.0f)), x);
}

/* e / (1 + e) with e = exp(x), all times 2^64: so e has no need of subnormal numbers. */
static inline float alt_sigmoid_f32(float x)
{
    const struct alt_reduced r = alt_exp_reduce(alt_at_most(alt_at_least(x, alt_exp_low), alt_sigmoid_high), 127.0f + 64.0f);
    const float e = (1.0f + alt_expm1_core(r.high - r.low, 0.0f)) * alt_pow2_biased(r.n);
    return e / (0x1p64f + e);
}

/* The normal distribution function: c or 1 - c with c = exp(-t q(t)) / 2 and a polynomial q up to t = 6, beyond which it
 * is constant. */
static inline float alt_phi_f32(float x)
{
    const float t = alt_abs_f32(x), u = alt_at_most(t, alt_phi_high), u2 = u * u, u4 = u2 * u2;
    const float a = (-7.978849411e-01f + u * -3.183052242e-01f) + u2 * (-3.635454178e-02f + u * 4.817736801e-03f);
    const float b = (3.076209168e-06f + u * -1.982788381e-04f) + u2 * (5.524914013e-05f + u * -8.168929526e-06f);
    const float q = a + u4 * (b + u4 * (6.659734595e-07f + u * -2.346440020e-08f));
    const struct alt_reduced r = alt_exp_reduce(alt_at_least(t * q, alt_phi_low), 126.0f);
    const float c = (1.0f + alt_expm1_core(r.high, r.low)) * alt_pow2_biased(r.n);
    return x < 0.0f ? c : 1.0f - c;
}

#endif
