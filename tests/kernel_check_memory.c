/* kernel_check_memory.c: guarded memory, elements of every type, and what inputs are filled with.
 *
 * Encoding to small floating-point types is written here on its own, by scaling and rint(), so that it shares no mistake
 * with the library's conversions.
 */
#include "tests/kernel_check_memory.h"

#include "runtime/type.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATTERN 0xa5

struct kc_block kc_block_make(size_t bytes, size_t align, bool flush, unsigned char fill)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inner = (bytes + page) / page * page; /* never empty, and room behind data that begins a page */
    struct kc_block b = {.map_size = inner + 2 * page, .bytes = bytes};
    b.map = mmap(NULL, b.map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b.map == MAP_FAILED || mprotect(b.map + page, inner, PROT_READ | PROT_WRITE) != 0) {
        fprintf(stderr, "kernel_check: no memory for %zu bytes\n", bytes);
        exit(2);
    }
    memset(b.map + page, PATTERN, inner);
    size_t offset = flush ? (inner - bytes) & ~(align - 1) : 0;
    b.data = (unsigned char *)b.map + page + offset;
    memset(b.data, fill, bytes);
    return b;
}

bool kc_block_sound(const struct kc_block *b)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const unsigned char *p = (unsigned char *)b->map + page, *end = (unsigned char *)b->map + b->map_size - page;
    for (; p < end; p++)
        if ((p < b->data || p >= b->data + b->bytes) && *p != PATTERN)
            return false;
    return true;
}

void kc_block_free(struct kc_block *b)
{
    if (b->map)
        munmap(b->map, b->map_size);
    *b = (struct kc_block){0};
}

/* --- elements --- */

struct format {
    alt_dtype dtype;
    int digits;  /* of the significand, the hidden one included */
    int min_exp; /* of the smallest normal number: 2^min_exp */
    double max;  /* largest finite */
    bool infinity;
};

static const struct format formats[] = {
    {ALT_FLOAT16, 11, -14, 65504, true},    {ALT_BFLOAT16, 8, -126, 0x1.fep127, true},
    {ALT_FLOAT32, 24, -126, FLT_MAX, true}, {ALT_FLOAT64, 53, -1022, DBL_MAX, true},
    {ALT_FLOAT8E4M3FN, 4, -6, 448, false},  {ALT_FLOAT8E5M2, 3, -14, 57344, true},
};

static const struct format *format(alt_dtype dtype)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (formats[i].dtype == dtype)
            return &formats[i];
    return NULL;
}

double kc_spacing(alt_dtype dtype, double value)
{
    const struct format *f = format(dtype);
    if (!f)
        return 0;
    if (!isfinite(value) || fabs(value) > f->max)
        value = f->max;
    int exponent = value == 0 ? f->min_exp : ilogb(value);
    if (exponent < f->min_exp)
        exponent = f->min_exp;
    return ldexp(1, exponent - f->digits + 1);
}

double kc_roundoff(alt_dtype dtype) { return dtype == ALT_FLOAT64 ? DBL_EPSILON / 2 : (double)FLT_EPSILON / 2; }

static double round_float(const struct format *f, double value)
{
    if (!isfinite(value))
        return value;
    double spacing = kc_spacing(f->dtype, value);
    double rounded = f->dtype == ALT_FLOAT64 ? value : rint(value / spacing) * spacing;
    if (fabs(rounded) > f->max)
        return copysign(f->infinity ? INFINITY : f->max, value);
    return rounded;
}

static bool integer_range(alt_dtype dtype, double *low, double *high)
{
    unsigned class = alt_dtype_class(dtype);
    int bits = (int)alt_dtype_bits(dtype);
    bool is_signed = class == ALT_CLASS_SIGNED || dtype == ALT_INT4 || dtype == ALT_INT2;
    if (class == ALT_CLASS_FLOAT || format(dtype))
        return false;
    *low = is_signed ? -ldexp(1, bits - 1) : 0;
    *high = dtype == ALT_BOOL ? 1 : ldexp(1, is_signed ? bits - 1 : bits) - (bits > 53 ? 4096 : 1);
    return true;
}

double kc_round(alt_dtype dtype, double value)
{
    double low, high;
    if (!integer_range(dtype, &low, &high))
        return round_float(format(dtype), value);
    if (dtype == ALT_BOOL)
        return value != 0;
    return isnan(value) ? 0 : fmin(fmax(rint(value), low), high);
}

/* Bits of a value that the format can hold. */
static uint64_t float_bits(const struct format *f, double value)
{
    int fraction = f->digits - 1;
    int width = (int)alt_dtype_bits(f->dtype);
    uint64_t sign = signbit(value) ? (uint64_t)1 << (width - 1) : 0;
    uint64_t top = (((uint64_t)1 << (width - 1)) - 1) & ~(((uint64_t)1 << fraction) - 1);
    if (isnan(value))
        return f->infinity ? top | (uint64_t)1 << (fraction - 1) : top | (((uint64_t)1 << fraction) - 1);
    if (isinf(value))
        return sign | top;
    double magnitude = fabs(value);
    if (magnitude < ldexp(1, f->min_exp))
        return sign | (uint64_t)ldexp(magnitude, fraction - f->min_exp);
    int exponent = ilogb(magnitude);
    uint64_t digits = (uint64_t)ldexp(magnitude, fraction - exponent);
    return sign | ((uint64_t)(exponent - f->min_exp + 1) << fraction) | (digits & (((uint64_t)1 << fraction) - 1));
}

void kc_store(alt_dtype dtype, void *data, int64_t i, double value)
{
    const struct format *f = format(dtype);
    unsigned bits = alt_dtype_bits(dtype);
    value = kc_round(dtype, value);
    uint64_t raw = f ? float_bits(f, value) : value < 0 ? (uint64_t)(int64_t)value : (uint64_t)value;
    if (bits < 8) {
        unsigned char *byte = (unsigned char *)data + (uint64_t)i * bits / 8;
        unsigned shift = (unsigned)((uint64_t)i * bits % 8), mask = (1u << bits) - 1;
        *byte = (unsigned char)((*byte & ~(mask << shift)) | ((unsigned)raw & mask) << shift);
        return;
    }
    /* little-endian, as ONNX and every machine alt runs on */
    memcpy((char *)data + (size_t)i * (bits / 8), &raw, bits / 8);
}

double kc_load(alt_dtype dtype, const void *data, int64_t i)
{
    return alt_tensor_float(&(struct alt_tensor){.dtype = dtype, .data = data}, i);
}

/* --- contents --- */

uint64_t kc_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double unit(uint64_t *state) { return (double)(kc_next(state) >> 11) * 0x1p-53; }

static double special(const struct format *f, bool huge, uint64_t *state)
{
    double tiny = ldexp(1, f->min_exp - f->digits + 1);
    switch (kc_next(state) % (huge ? 10 : 8)) {
    case 0:
        return NAN;
    case 1:
        return INFINITY;
    case 2:
        return -INFINITY;
    case 3:
        return -0.0;
    case 4:
        return tiny;
    case 5:
        return -ldexp(1, f->min_exp) + tiny;
    case 6:
        return 1;
    case 7:
        return 0;
    case 8:
        return f->max;
    default:
        return -f->max;
    }
}

void kc_fill(struct kc_tensor *t, const struct kc_input *in, uint64_t *state)
{
    const struct format *f = format(t->dtype);
    for (int64_t i = 0; i < t->count; i++) {
        double v = in->low + (in->high - in->low) * unit(state);
        if (in->fill == KC_GIVEN)
            v = in->given[i];
        else if (in->fill == KC_WHOLE || !f)
            v = floor(in->low + (in->high - in->low + 1) * unit(state));
        else if (in->fill >= KC_SPECIAL && kc_next(state) % 4 == 0)
            v = special(f, in->fill == KC_SPECIAL, state);
        t->value[i] = kc_round(t->dtype, v);
    }
}
