/* order.c: order-preserving keys; see order.h. Signed integers get their sign bit flipped; of floats, which are sign and
 * magnitude, the negative ones are complemented. */
#include "runtime/ops/order.h"

#include "runtime/type.h"

#include <string.h>

/* Bits of infinity in each floating-point format: greater magnitudes are NaN. */
static uint64_t infinity_of(alt_dtype dtype)
{
    switch (dtype) {
    case ALT_FLOAT16: return 0x7c00;
    case ALT_BFLOAT16: return 0x7f80;
    case ALT_FLOAT32: return 0x7f800000;
    case ALT_FLOAT64: return UINT64_C(0x7ff0000000000000);
    default: return 0;
    }
}

bool alt_order_has(alt_dtype dtype) { return (alt_dtype_class(dtype) & (ALT_CLASS_NUMBER | ALT_CLASS_BOOL)) != 0; }

static uint64_t load_bits(const char *p, size_t size)
{
    uint8_t b1;
    uint16_t b2;
    uint32_t b4;
    uint64_t b8;
    switch (size) {
    case 1: memcpy(&b1, p, 1); return b1;
    case 2: memcpy(&b2, p, 2); return b2;
    case 4: memcpy(&b4, p, 4); return b4;
    default: memcpy(&b8, p, 8); return b8;
    }
}

void alt_order_keys(alt_dtype dtype, const void *src, int64_t stride, int64_t n, uint64_t *keys)
{
    size_t size = alt_dtype_size(dtype);
    uint64_t infinity = infinity_of(dtype), sign = UINT64_C(1) << (8 * size - 1);
    uint64_t flip = alt_dtype_class(dtype) & ALT_CLASS_SIGNED ? sign : 0;
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits = load_bits((const char *)src + i * stride * (int64_t)size, size), magnitude = bits & (sign - 1);
        if (!infinity)
            keys[i] = bits ^ flip;
        else if (magnitude > infinity)
            keys[i] = UINT64_MAX;
        else
            keys[i] = bits & sign ? sign - magnitude : sign + magnitude;
    }
}
