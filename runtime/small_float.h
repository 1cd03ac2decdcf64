/* small_float.h: float32 to the float8 and float4 formats.
 *
 * One description a format serves all: how many fraction bits, the exponent's bias, and what stands for infinity and NaN
 * (ONNX, "Float stored in 8 bits" and "4 bit floating point"; OCP Microscaling Formats). Rounding is to nearest, ties to
 * even. What is too large after rounding becomes the largest finite value when saturating, else infinity, or NaN where the
 * format has none. The way back is alt_tensor_float.
 */
#ifndef ALT_RUNTIME_SMALL_FLOAT_H
#define ALT_RUNTIME_SMALL_FLOAT_H

#include <alt/value.h>

struct alt_small_float {
    alt_dtype dtype;
    int fraction_bits, bias;
    uint8_t sign;     /* the sign bit */
    uint8_t largest;  /* code of the largest finite value */
    uint8_t infinity; /* 0: there is none */
    uint8_t nan;      /* 0: there is none */
    bool no_minus_zero;
};

/* NULL when the dtype is not float8e4m3fn, e4m3fnuz, e5m2, e5m2fnuz or float4e2m1. */
const struct alt_small_float *alt_small_float(alt_dtype dtype);
uint8_t alt_small_of_f32(const struct alt_small_float *f, float x, bool saturate);

/* float8e8m0 holds the powers of two from 2^-127 (also for what is smaller) to 2^127, and NaN (255); the sign is dropped. */
enum alt_round { ALT_ROUND_UP, ALT_ROUND_DOWN, ALT_ROUND_NEAREST /* ties up */ };
uint8_t alt_e8m0_of_f32(float x, enum alt_round round, bool saturate);

#endif
