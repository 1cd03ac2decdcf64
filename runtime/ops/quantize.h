/* quantize.h: QuantizeLinear and DequantizeLinear: y = saturate(round(x / scale) + zero), y = (x - zero) * scale.
 *
 *   quantize.c      types, shapes, attributes, binding
 *   quantize_run.c  the kernels
 *
 * Integers are rounded half to even. The quotient has the precision that the operator asks for (that of the scale, or the
 * attribute); products are rounded once, to the output's type.
 */
#ifndef ALT_RUNTIME_OPS_QUANTIZE_H
#define ALT_RUNTIME_OPS_QUANTIZE_H

#include "runtime/ops/wide.h"
#include "runtime/step.h"

struct alt_small_float;

/* Which elements share a scale and a zero point: x is [outer][extent][inner]. */
enum alt_grain { ALT_GRAIN_TENSOR, ALT_GRAIN_AXIS, ALT_GRAIN_BLOCK };

/* A type of quantised elements. */
struct alt_quantised {
    alt_dtype dtype;
    unsigned bits;
    bool is_int;
    int32_t low, high;                   /* integers */
    const struct alt_small_float *small; /* floats */
};
/* False when alt does not quantise to that type. */
bool alt_quantised_read(alt_dtype dtype, struct alt_quantised *out);

struct alt_quantize {
    struct alt_quantised type;     /* of the quantised side */
    alt_dtype real, scale, zero;   /* dtype of the other side, of scales, of zero points (NONE: there are none) */
    alt_dtype precision;           /* quantising: of the quotient: FLOAT32, FLOAT16 or BFLOAT16 */
    bool saturate;                 /* quantising: small floats */
    alt_load_fn *load, *load_scale;
    alt_store_fn *store;
    size_t real_size, scale_size;
    enum alt_grain grain;
    int64_t extent, inner, block, blocks; /* elements of the axis that share; how many such there are along it */
    int64_t count;
    float value[256];              /* dequantising: of the codes of a small float */
};
/* The kernel functions. */
void alt_quantize_run(const struct alt_kargs *args);
void alt_dequantize_run(const struct alt_kargs *args);

enum { ALT_QUANTIZE_TILE = 16384 }; /* elements; a multiple of 8: a tile starts at a byte */

#endif
