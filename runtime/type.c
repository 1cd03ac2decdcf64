/* type.c: dtypes, shapes and constant tensors.
 *
 * Small floating-point types are decoded by one function from a table of their formats (exponent bits, fraction bits,
 * bias, what the highest exponent means). Widening to double is exact for all of them.
 */
#include "runtime/type.h"

#include "runtime/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *alt_dtype_name(alt_dtype dtype)
{
    switch (dtype) {
#define ROW(suffix, number, name, bits) \
    case ALT_##suffix: \
        return name;
        ALT_DTYPE_TABLE(ROW)
#undef ROW
    }
    return "unknown";
}

unsigned alt_dtype_bits(alt_dtype dtype)
{
    switch (dtype) {
#define ROW(suffix, number, name, bits) \
    case ALT_##suffix: \
        return bits;
        ALT_DTYPE_TABLE(ROW)
#undef ROW
    }
    return 0;
}

unsigned alt_dtype_class(alt_dtype dtype)
{
    switch (dtype) {
    case ALT_FLOAT16:
    case ALT_BFLOAT16:
    case ALT_FLOAT32:
    case ALT_FLOAT64:
        return ALT_CLASS_FLOAT;
    case ALT_INT8:
    case ALT_INT16:
    case ALT_INT32:
    case ALT_INT64:
        return ALT_CLASS_SIGNED;
    case ALT_UINT8:
    case ALT_UINT16:
    case ALT_UINT32:
    case ALT_UINT64:
        return ALT_CLASS_UNSIGNED;
    case ALT_BOOL:
        return ALT_CLASS_BOOL;
    case ALT_STRING:
        return ALT_CLASS_STRING;
    case ALT_COMPLEX64:
    case ALT_COMPLEX128:
        return ALT_CLASS_COMPLEX;
    default:
        return alt_dtype_bits(dtype) ? ALT_CLASS_SMALL : 0;
    }
}

size_t alt_dtype_size(alt_dtype dtype) { return alt_dtype_bits(dtype) / 8; }

size_t alt_dtype_bytes(alt_dtype dtype, int64_t count)
{
    size_t bits;
    if (count < 0)
        return SIZE_MAX;
    size_t size = alt_dtype_size(dtype);
    if (size)
        return __builtin_mul_overflow((size_t)count, size, &bits) ? SIZE_MAX : bits;
    if (__builtin_mul_overflow((size_t)count, (size_t)alt_dtype_bits(dtype), &bits))
        return SIZE_MAX;
    return bits / 8 + (bits % 8 != 0);
}

int64_t alt_dims_count(int rank, const int64_t *dims)
{
    int64_t count = 1;
    bool zero = false, overflow = false;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return -1;
        zero |= dims[i] == 0;
        overflow |= __builtin_mul_overflow(count, dims[i], &count);
    }
    if (zero)
        return 0;
    return overflow ? -1 : count;
}

bool alt_shape_known(const struct alt_shape *shape)
{
    for (int i = 0; i < shape->rank; i++)
        if (!alt_dim_known(shape->dim[i]))
            return false;
    return shape->rank >= 0;
}

bool alt_shape_equal(const struct alt_shape *a, const struct alt_shape *b)
{
    if (a->rank != b->rank || a->rank < 0)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i] || a->dim[i] == ALT_DIM_BAD)
            return false;
    return true;
}

char *alt_shape_print(const struct alt_dimtab *tab, const struct alt_shape *shape, char *out, size_t size)
{
    if (size == 0)
        return out;
    if (shape->rank < 0) {
        snprintf(out, size, "[?]");
        return out;
    }
    size_t length = 0;
    for (int i = 0; i < shape->rank; i++) {
        char dim[128];
        alt_dim_print(tab, shape->dim[i], dim, sizeof dim);
        int n = snprintf(out + length, size - length, "%c%s", i ? ',' : '[', dim);
        length += (size_t)n < size - length ? (size_t)n : size - length - 1;
    }
    snprintf(out + length, size - length, "%s", shape->rank ? "]" : "[]");
    return out;
}

int64_t alt_tensor_count(const struct alt_tensor *t) { return alt_dims_count(t->rank, t->dim); }

const void *alt_tensor_aligned(const struct alt_tensor *t, struct alt_arena *arena)
{
    size_t align = alt_dtype_size(t->dtype);
    if (align > sizeof(int64_t))
        align = sizeof(int64_t);
    if (align <= 1 || (t->data && (uintptr_t)t->data % align == 0))
        return t->data;
    void *copy = alt_arena_raw(arena, t->bytes);
    if (copy && t->bytes)
        memcpy(copy, t->data, t->bytes);
    return copy;
}

/* The bits of element i of a type of at most 64 bits, in the low end. */
static uint64_t element_bits(const struct alt_tensor *t, int64_t i)
{
    const unsigned char *bytes = t->data;
    size_t size = alt_dtype_size(t->dtype);
    if (size == 0) {
        unsigned bits = alt_dtype_bits(t->dtype);
        uint64_t at = (uint64_t)i * bits;
        return (uint64_t)(bytes[at / 8] >> (at % 8)) & ((1u << bits) - 1);
    }
    bytes += (size_t)i * size;
    switch (size) {
    case 1:
        return *bytes;
    case 2: {
        uint16_t v;
        memcpy(&v, bytes, sizeof v);
        return v;
    }
    case 4: {
        uint32_t v;
        memcpy(&v, bytes, sizeof v);
        return v;
    }
    default: {
        uint64_t v;
        memcpy(&v, bytes, sizeof v);
        return v;
    }
    }
}

/* The low `width` bits of `bits` as a two's complement number. */
static int64_t sign_extend(uint64_t bits, unsigned width)
{
    uint64_t sign = (uint64_t)1 << (width - 1);
    return (int64_t)((bits ^ sign) - sign);
}

int64_t alt_tensor_int(const struct alt_tensor *t, int64_t i)
{
    switch (t->dtype) {
    case ALT_INT8:
    case ALT_INT16:
    case ALT_INT32:
    case ALT_INT64:
    case ALT_INT4:
    case ALT_INT2:
        return sign_extend(element_bits(t, i), alt_dtype_bits(t->dtype));
    case ALT_UINT8:
    case ALT_UINT16:
    case ALT_UINT32:
    case ALT_UINT64:
    case ALT_UINT4:
    case ALT_UINT2:
    case ALT_BOOL:
        return (int64_t)element_bits(t, i);
    default:
        return 0;
    }
}

/* What the largest exponent stands for. */
enum special {
    IEEE,
    /* infinities and NaNs */ FN,
    /* all ones: NaN; the rest are numbers */ UZ,
    /* numbers; NaN is -0 */ NONE
};

struct small_float {
    alt_dtype dtype;
    unsigned exponent, fraction; /* bits */
    int bias;
    enum special special;
};

static const struct small_float small_floats[] = {
    {ALT_FLOAT16, 5, 10, 15, IEEE},    {ALT_BFLOAT16, 8, 7, 127, IEEE},  {ALT_FLOAT8E4M3FN, 4, 3, 7, FN},
    {ALT_FLOAT8E4M3FNUZ, 4, 3, 8, UZ}, {ALT_FLOAT8E5M2, 5, 2, 15, IEEE}, {ALT_FLOAT8E5M2FNUZ, 5, 2, 16, UZ},
    {ALT_FLOAT4E2M1, 2, 1, 1, NONE},
};

static double decode(const struct small_float *f, uint64_t bits)
{
    uint64_t fraction = bits & (((uint64_t)1 << f->fraction) - 1);
    uint64_t top = ((uint64_t)1 << f->exponent) - 1;
    uint64_t exponent = (bits >> f->fraction) & top;
    bool negative = (bits >> (f->fraction + f->exponent)) & 1;
    if (f->special == UZ && negative && exponent == 0 && fraction == 0)
        return NAN;
    if (f->special == FN && exponent == top && fraction == ((uint64_t)1 << f->fraction) - 1)
        return NAN;
    if (f->special == IEEE && exponent == top && fraction != 0)
        return NAN;
    double magnitude;
    if (f->special == IEEE && exponent == top)
        magnitude = INFINITY;
    else if (exponent == 0)
        magnitude = ldexp((double)fraction, 1 - f->bias - (int)f->fraction);
    else
        magnitude = ldexp((double)(fraction | (uint64_t)1 << f->fraction), (int)exponent - f->bias - (int)f->fraction);
    return negative ? -magnitude : magnitude;
}

double alt_tensor_float(const struct alt_tensor *t, int64_t i)
{
    float single;
    double wide;
    switch (t->dtype) {
    case ALT_FLOAT32:
        memcpy(&single, (const char *)t->data + (size_t)i * sizeof single, sizeof single);
        return (double)single;
    case ALT_COMPLEX64: /* the real part */
        memcpy(&single, (const char *)t->data + (size_t)i * 2 * sizeof single, sizeof single);
        return (double)single;
    case ALT_FLOAT64:
        memcpy(&wide, (const char *)t->data + (size_t)i * sizeof wide, sizeof wide);
        return wide;
    case ALT_COMPLEX128:
        memcpy(&wide, (const char *)t->data + (size_t)i * 2 * sizeof wide, sizeof wide);
        return wide;
    case ALT_UINT64:
        return (double)element_bits(t, i);
    case ALT_FLOAT8E8M0: /* a power of two, no sign; all ones: NaN */
        return element_bits(t, i) == 255 ? NAN : ldexp(1.0, (int)element_bits(t, i) - 127);
    default:
        break;
    }
    for (size_t f = 0; f < sizeof small_floats / sizeof small_floats[0]; f++)
        if (small_floats[f].dtype == t->dtype)
            return decode(&small_floats[f], element_bits(t, i));
    return (double)alt_tensor_int(t, i);
}
