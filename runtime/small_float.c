/* small_float.c: rounding float32 to float8 and float4; see small_float.h. */
#include "runtime/small_float.h"

#include "runtime/half.h"

#include <math.h>

static const struct alt_small_float formats[] = {
    {ALT_FLOAT8E4M3FN, 3, 7, 0x80, 0x7e, 0, 0x7f, false},
    {ALT_FLOAT8E4M3FNUZ, 3, 8, 0x80, 0x7f, 0, 0x80, true},
    {ALT_FLOAT8E5M2, 2, 15, 0x80, 0x7b, 0x7c, 0x7e, false},
    {ALT_FLOAT8E5M2FNUZ, 2, 16, 0x80, 0x7f, 0, 0x80, true},
    {ALT_FLOAT4E2M1, 1, 1, 0x8, 0x7, 0, 0, false},
};

const struct alt_small_float *alt_small_float(alt_dtype dtype)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].dtype == dtype)
            return &formats[i];
    return NULL;
}

/* Code of a finite magnitude, which may turn out larger than f->largest. x is q units of the last place of its binade (of
 * the denormals' at least); as q counts the hidden bit too, a carry raises the exponent by itself. */
static int32_t round_magnitude(const struct alt_small_float *f, float x)
{
    int exponent;
    if (x == 0)
        return 0;
    frexpf(x, &exponent); /* x in [2^(exponent - 1), 2^exponent) */
    const int least = 1 - f->bias, binade = exponent - 1 > least ? exponent - 1 : least;
    const float unit = ldexpf(x, f->fraction_bits - binade);
    const int32_t q = (int32_t)((unit + 0x1p23f) - 0x1p23f); /* half to even */
    return (binade - least) * (1 << f->fraction_bits) + q;
}

uint8_t alt_small_of_f32(const struct alt_small_float *f, float x, bool saturate)
{
    const uint8_t sign = alt_bits_of_f32(x) >> 31 ? f->sign : 0;
    if (x != x)
        return f->no_minus_zero ? f->nan : (uint8_t)(f->nan | sign);
    const float magnitude = fabsf(x);
    const int32_t code = isinf(magnitude) ? 256 : round_magnitude(f, magnitude);
    if (code == 0 && f->no_minus_zero)
        return 0;
    if (code <= f->largest)
        return (uint8_t)(code | sign);
    if (saturate || (!f->infinity && !f->nan))
        return (uint8_t)(f->largest | sign);
    return f->infinity ? (uint8_t)(f->infinity | sign) : f->no_minus_zero ? f->nan : (uint8_t)(f->nan | sign);
}

uint8_t alt_e8m0_of_f32(float x, enum alt_round round, bool saturate)
{
    const float magnitude = fabsf(x);
    int exponent;
    if (x != x)
        return 255;
    if (isinf(magnitude))
        return saturate ? 254 : 255;
    if (magnitude <= 0x1p-127f)
        return 0;
    const float fraction = frexpf(magnitude, &exponent); /* in [0.5, 1): 0.5 is a power of two */
    int code = exponent - 1 + 127;
    if ((round == ALT_ROUND_UP && fraction > 0.5f) || (round == ALT_ROUND_NEAREST && fraction >= 0.75f))
        code++;
    return (uint8_t)(code > 254 ? (saturate ? 254 : 255) : code);
}
