/* real.h: single elements of the floating-point types, as double: for operators that pick them here and there. */
#ifndef ALT_RUNTIME_OPS_REAL_H
#define ALT_RUNTIME_OPS_REAL_H

#include "runtime/half.h"

#include <alt/value.h>

static inline double alt_real_get(alt_dtype dtype, const void *data, int64_t at)
{
    switch (dtype) {
    case ALT_FLOAT16: return (double)alt_f16_to_f32(((const uint16_t *)data)[at]);
    case ALT_BFLOAT16: return (double)alt_bf16_to_f32(((const uint16_t *)data)[at]);
    case ALT_FLOAT32: return (double)((const float *)data)[at];
    default: return ((const double *)data)[at];
    }
}

static inline void alt_real_put(alt_dtype dtype, void *data, int64_t at, double value)
{
    switch (dtype) {
    case ALT_FLOAT16: ((uint16_t *)data)[at] = alt_f64_to_f16(value); break;
    case ALT_BFLOAT16: ((uint16_t *)data)[at] = alt_f64_to_bf16(value); break;
    case ALT_FLOAT32: ((float *)data)[at] = (float)value; break;
    default: ((double *)data)[at] = value; break;
    }
}

#endif
