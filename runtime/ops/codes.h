/* codes.h: elements of less than a byte, packed from the low end of each byte on (ONNX, TensorProto). */
#ifndef ALT_RUNTIME_OPS_CODES_H
#define ALT_RUNTIME_OPS_CODES_H

#include <stdint.h>

/* Code i of `bits` (1 to 8, a divisor of 8) bits. */
static inline unsigned alt_code_at(const uint8_t *data, unsigned bits, int64_t i)
{
    const int64_t per_byte = 8 / (int64_t)bits;
    return (unsigned)data[i / per_byte] >> (i % per_byte * (int64_t)bits) & ((1u << bits) - 1);
}

/* Stores code i; the codes of a byte are to be stored one after the other, from the first on. */
static inline void alt_code_put(uint8_t *data, unsigned bits, int64_t i, unsigned code)
{
    const int64_t per_byte = 8 / (int64_t)bits, shift = i % per_byte * (int64_t)bits;
    if (shift == 0)
        data[i / per_byte] = 0;
    data[i / per_byte] = (uint8_t)(data[i / per_byte] | (code & ((1u << bits) - 1)) << shift);
}

#endif
