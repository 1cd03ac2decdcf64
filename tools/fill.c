/* fill.c: tensors with made-up content. The generator is splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom
 * number generators", OOPSLA 2014): one addition and a mix a number, any seed will do. */
#include "tools/fill.h"

#include "tools/element.h"

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Bits of a random fraction that the type holds exactly everywhere in [0,1). */
static unsigned fraction_bits(alt_dtype dtype)
{
    switch (dtype) {
    case ALT_FLOAT64:
    case ALT_COMPLEX128:
        return 53;
    case ALT_FLOAT32:
    case ALT_COMPLEX64:
        return 24;
    case ALT_FLOAT16:
        return 11;
    case ALT_BFLOAT16:
        return 8;
    case ALT_FLOAT8E4M3FN:
    case ALT_FLOAT8E4M3FNUZ:
        return 4;
    case ALT_FLOAT8E5M2:
    case ALT_FLOAT8E5M2FNUZ:
        return 3;
    default:
        return 1; /* integers: 0 or 1 */
    }
}

bool fill_random(alt_value *value, uint64_t seed)
{
    alt_dtype dtype = alt_value_dtype(value);
    if (dtype == ALT_STRING)
        return true;
    unsigned bits = fraction_bits(dtype);
    bool whole = element_is_integer(dtype);
    double unit = 1.0 / (double)(UINT64_C(1) << bits);
    for (size_t i = 0; i < alt_value_count(value); i++) {
        double x = (double)(splitmix64(&seed) >> (64 - bits));
        if (!element_set(dtype, alt_value_data(value), i, whole ? x : x * unit))
            return false;
    }
    return true;
}

bool fill_constant(alt_value *value, double x)
{
    if (alt_value_dtype(value) == ALT_STRING)
        return false;
    for (size_t i = 0; i < alt_value_count(value); i++)
        if (!element_set(alt_value_dtype(value), alt_value_data(value), i, x))
            return false;
    return true;
}
