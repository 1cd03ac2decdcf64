/* q8.h: sums of products of 8-bit integers, for convolutions and matrix products.
 *
 * An element less its zero point lies in [-255, 255]: an int16. Products over a panel (conv_integer.c, matmul_integer.c) add pairs
 * of them as int32, wrapping around (alt_kern_dot); depthwise convolution adds up to ALT_Q8_DEPTH products as float32, where
 * every integer below 2^24 is exact, and then as int32. Integer sums have no order.
 *
 * Requantising: the sum, the bias added to it, is converted to float32, multiplied by the one factor
 * x_scale * w_scale / y_scale, rounded half to even, shifted by the zero point and clamped to the type.
 */
#ifndef ALT_RUNTIME_OPS_Q8_H
#define ALT_RUNTIME_OPS_Q8_H

#include <alt/value.h>

struct alt_kern_int;
struct alt_kern_narrow;
struct alt_koperand;

enum { ALT_Q8_DEPTH = 256 };

static inline bool alt_q8_type(alt_dtype dtype) { return dtype == ALT_INT8 || dtype == ALT_UINT8; }

/* n finished sums as they are (INT32), or requantised as `how` says (INT8, UINT8; its sum, n, is_signed and out are set here). */
void alt_q8_put(const struct alt_kern_int *kern, alt_dtype dtype, struct alt_kern_narrow *how, const int32_t *acc, int64_t n,
                void *out);

/* Element i of a zero point operand (NULL or omitted: 0) of int8 or uint8. */
int32_t alt_q8_zero(const struct alt_koperand *op, alt_dtype dtype, int64_t i);
/* Element i of a scale operand of float32, float16 or bfloat16. */
float alt_q8_scale(const struct alt_koperand *op, alt_dtype dtype, int64_t i);

#endif
