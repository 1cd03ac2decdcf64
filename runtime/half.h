/* half.h: float16 and bfloat16 to and from float32 and float64, rounding to nearest, ties to even.
 *
 * Written with selects instead of branches so that loops over them vectorise, and without denormal operands so that the
 * results do not depend on the flush-to-zero mode of the calling thread. NaN stays NaN (quiet); what is too large becomes
 * infinity (IEEE 754, roundTiesToEven).
 */
#ifndef ALT_RUNTIME_HALF_H
#define ALT_RUNTIME_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t alt_bits_of_f32(float x)
{
    uint32_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static inline float alt_f32_of_bits(uint32_t b)
{
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}

static inline float alt_f16_to_f32(uint16_t h)
{
    const uint32_t magnitude = (uint32_t)(h & 0x7fffu) << 13; /* exponent and fraction where float32 has them */
    const uint32_t normal = magnitude + 0x38000000u;          /* exponent bias 15 becomes 127 */
    const uint32_t tiny = alt_bits_of_f32(alt_f32_of_bits(magnitude + 0x38800000u) - 0x1p-14f);
    const uint32_t special = magnitude | 0x7f800000u;
    const uint32_t small = magnitude < 0x00800000u ? tiny : normal;
    const uint32_t bits = magnitude >= 0x0f800000u ? special : small;
    return alt_f32_of_bits(bits | (uint32_t)(h & 0x8000u) << 16);
}

static inline uint16_t alt_f32_to_f16(float x)
{
    const uint32_t bits = alt_bits_of_f32(x), magnitude = bits & 0x7fffffffu;
    const uint32_t rebiased = magnitude - 0x38000000u;
    const uint32_t normal = (rebiased + 0xfffu + ((rebiased >> 13) & 1u)) >> 13;
    /* 0.5 has the unit 2^-24 of float16's denormals: the addition rounds. */
    const float shifted = alt_f32_of_bits(magnitude < 0x38800000u ? magnitude : 0) + 0.5f;
    const uint32_t tiny = alt_bits_of_f32(shifted) - 0x3f000000u;
    const uint32_t nan = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
    const uint32_t large = magnitude > 0x7f800000u ? nan : 0x7c00u;
    const uint32_t finite = magnitude < 0x38800000u ? tiny : normal;
    const uint32_t h = magnitude >= 0x47800000u ? large : finite;
    return (uint16_t)(h | ((bits >> 16) & 0x8000u));
}

static inline float alt_bf16_to_f32(uint16_t h) { return alt_f32_of_bits((uint32_t)h << 16); }

static inline uint16_t alt_f32_to_bf16(float x)
{
    const uint32_t bits = alt_bits_of_f32(x);
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const uint32_t nan = (bits >> 16) | 0x40u;
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

/* Rounded to odd: inexact results get an odd last bit, so that rounding once more to a format at least two bits shorter
 * gives what rounding the float64 at once would (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums"). */
static inline float alt_f64_to_f32_odd(double x)
{
    const float nearest = (float)x;
    const uint32_t bits = alt_bits_of_f32(nearest);
    const double back = (double)nearest;
    const double magnitude = x < 0 ? -x : x, back_magnitude = back < 0 ? -back : back;
    const uint32_t truncated = back_magnitude > magnitude ? bits - 1u : bits;
    const uint32_t odd = back != x ? truncated | 1u : bits;
    return x != x ? nearest : alt_f32_of_bits(odd);
}

static inline uint16_t alt_f64_to_f16(double x) { return alt_f32_to_f16(alt_f64_to_f32_odd(x)); }
static inline uint16_t alt_f64_to_bf16(double x) { return alt_f32_to_bf16(alt_f64_to_f32_odd(x)); }

#endif
