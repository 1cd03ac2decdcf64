/* element.c: writes single elements of any type. */
#include "tools/element.h"

#include "runtime/half.h"

#include <limits.h>
#include <math.h>

struct alt_tensor element_view(const alt_value *value)
{
    struct alt_tensor t = {.dtype = alt_value_dtype(value), .rank = (int)alt_value_rank(value)};
    for (int i = 0; i < t.rank; i++)
        t.dim[i] = alt_value_dims(value)[i];
    t.data = alt_value_data_const(value);
    t.bytes = alt_value_bytes(value);
    return t;
}

bool element_is_integer(alt_dtype dtype)
{
    if (dtype == ALT_UINT4 || dtype == ALT_INT4 || dtype == ALT_UINT2 || dtype == ALT_INT2)
        return true;
    return (alt_dtype_class(dtype) & (ALT_CLASS_INT | ALT_CLASS_BOOL)) != 0;
}

/* The small floats of ONNX ("Float stored in 8 bits", "Float stored in 4 bits"): bits of the fraction, exponent bias,
 * largest finite value, code of NaN (-1: none). Sign, exponent and fraction stand in this order from the top. */
static const struct small_float {
    alt_dtype dtype;
    int bits, fraction, bias;
    double largest;
    int nan;
} small_floats[] = {
    {ALT_FLOAT8E4M3FN, 8, 3, 7, 448.0, 0x7f},  {ALT_FLOAT8E4M3FNUZ, 8, 3, 8, 240.0, 0x80},
    {ALT_FLOAT8E5M2, 8, 2, 15, 57344.0, 0x7f}, {ALT_FLOAT8E5M2FNUZ, 8, 2, 16, 57344.0, 0x80},
    {ALT_FLOAT4E2M1, 4, 1, 1, 6.0, -1},
};

/* Saturating, as ONNX's Cast is by default. */
static unsigned small_float_code(const struct small_float *f, double x)
{
    if (isnan(x))
        return f->nan < 0 ? 0 : (unsigned)f->nan;
    double magnitude = fmin(fabs(x), f->largest);
    int exponent = INT_MIN; /* of zero: with the denormals */
    if (magnitude > 0)
        frexp(magnitude, &exponent);
    /* Unit of the last place; below the smallest normal number it stays that of the denormals. */
    int unit = (exponent > 2 - f->bias ? exponent : 2 - f->bias) - 1 - f->fraction;
    double steps = nearbyint(ldexp(magnitude, -unit)); /* fraction with its hidden bit; rounding up may carry */
    unsigned code = (unsigned)steps + (unsigned)((unit + f->fraction - 1 + f->bias) << f->fraction);
    bool unsigned_zero = code == 0 && f->nan == 0x80; /* the code of -0 is NaN there */
    return signbit(x) && !unsigned_zero ? code | 1u << (f->bits - 1) : code;
}

static void set_packed(void *data, size_t i, unsigned bits, unsigned code)
{
    uint8_t *byte = (uint8_t *)data + i * bits / 8;
    unsigned shift = (unsigned)(i * bits % 8), mask = ((1u << bits) - 1u) << shift;
    *byte = (uint8_t)((*byte & ~mask) | (code << shift & mask));
}

/* The low bits of a number that is truncated first; what int64 cannot hold becomes its nearest end. */
static int64_t to_integer(double x)
{
    if (isnan(x))
        return 0;
    return x >= 0x1p63 ? INT64_MAX : x < -0x1p63 ? INT64_MIN : (int64_t)x;
}

static bool set_integer(alt_dtype dtype, void *data, size_t i, int64_t x)
{
    switch (alt_dtype_bits(dtype)) {
    case 8:
        ((uint8_t *)data)[i] = (uint8_t)x;
        return true;
    case 16:
        ((uint16_t *)data)[i] = (uint16_t)x;
        return true;
    case 32:
        ((uint32_t *)data)[i] = (uint32_t)x;
        return true;
    case 64:
        ((uint64_t *)data)[i] = (uint64_t)x;
        return true;
    default:
        set_packed(data, i, alt_dtype_bits(dtype), (unsigned)x & 0xffu);
        return true;
    }
}

static bool set_small(alt_dtype dtype, void *data, size_t i, double x)
{
    if (dtype == ALT_FLOAT8E8M0) { /* 2^(code-127): the nearest power of two, in the logarithm */
        int exponent = x > 0 && isfinite(x) ? (int)nearbyint(log2(x)) : x == 0 ? -127 : 128;
        ((uint8_t *)data)[i] = (uint8_t)(fmin(fmax(exponent, -127), 128) + 127);
        return true;
    }
    for (size_t k = 0; k < sizeof small_floats / sizeof small_floats[0]; k++)
        if (small_floats[k].dtype == dtype) {
            set_packed(data, i, (unsigned)small_floats[k].bits, small_float_code(&small_floats[k], x));
            return true;
        }
    return false;
}

bool element_set(alt_dtype dtype, void *data, size_t i, double x)
{
    switch (dtype) {
    case ALT_FLOAT32:
        ((float *)data)[i] = (float)x;
        return true;
    case ALT_FLOAT64:
        ((double *)data)[i] = x;
        return true;
    case ALT_FLOAT16:
        ((uint16_t *)data)[i] = alt_f64_to_f16(x);
        return true;
    case ALT_BFLOAT16:
        ((uint16_t *)data)[i] = alt_f64_to_bf16(x);
        return true;
    case ALT_COMPLEX64:
        ((float *)data)[2 * i] = ((float *)data)[2 * i + 1] = (float)x;
        return true;
    case ALT_COMPLEX128:
        ((double *)data)[2 * i] = ((double *)data)[2 * i + 1] = x;
        return true;
    case ALT_BOOL:
        ((uint8_t *)data)[i] = x != 0;
        return true;
    default:
        return element_is_integer(dtype) ? set_integer(dtype, data, i, to_integer(x)) : set_small(dtype, data, i, x);
    }
}
