/* q8.h: sums of products of 8-bit integers, for convolutions and matrix products.
 *
 * An element less its zero point lies in [-255, 255]; a product of two is at most 65025, and 256 of them stay below 2^24, where
 * float32 holds every integer. So the micro-kernels of runtime/kernels compute blocks of at most ALT_Q8_DEPTH reduction
 * indices exactly, and blocks are added as int32, wrapping around. Integer sums have no order.
 *
 * Requantising: the sum, the bias added to it, is converted to float32, multiplied by the one factor
 * x_scale * w_scale / y_scale, rounded half to even, shifted by the zero point and clamped to the type.
 */
#ifndef ALT_RUNTIME_OPS_Q8_H
#define ALT_RUNTIME_OPS_Q8_H

#include <alt/value.h>

struct alt_kern;
struct alt_kern_narrow;
struct alt_koperand;

enum { ALT_Q8_DEPTH = 256 };

static inline bool alt_q8_type(alt_dtype dtype) { return dtype == ALT_INT8 || dtype == ALT_UINT8; }

/* out[i] = x[index[i]] - zero, 0 where the index is negative. */
void alt_q8_gather(alt_dtype dtype, const void *x, const int64_t *index, int64_t n, int32_t zero, float *out);

/* One block of the reduction: acc[rows][nr] (+)= a[rows][depth] * panel[depth][nr]. */
struct alt_q8_block {
    const struct alt_kern *kern; /* float32 */
    int64_t rows, depth;
    const float *a, *panel;
    int64_t a_row;
    float *sums;                 /* [rows][nr], scratch */
    int32_t *acc;
    bool first;
};
void alt_q8_add(const struct alt_q8_block *b);

/* n finished sums as they are (INT32), or requantised as `how` says (INT8, UINT8; its sum, n, is_signed and out are set here). */
void alt_q8_put(const struct alt_kern *kern, alt_dtype dtype, struct alt_kern_narrow *how, const int32_t *acc, int64_t n,
                void *out);

/* Element i of a zero point operand (NULL or omitted: 0) of int8 or uint8. */
int32_t alt_q8_zero(const struct alt_koperand *op, alt_dtype dtype, int64_t i);
/* Element i of a scale operand of float32, float16 or bfloat16. */
float alt_q8_scale(const struct alt_koperand *op, alt_dtype dtype, int64_t i);

#endif
