/* kernel_check_cast.c: Cast from every type to every other: floats are rounded to nearest even, integers truncated towards
 * zero, bools become whether a value differs from zero. Values stay in the range of the smaller type; what lies outside
 * is for the tests of the ONNX package. */
#include "tests/kernel_check.h"

#include "runtime/type.h"

#include <math.h>

static void cast_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                           struct kc_tensor *out)
{
    (void)c;
    alt_dtype to = (alt_dtype)alt_attr_int(node, "to", 0);
    bool truth = to == ALT_BOOL, whole = alt_dtype_class(to) & ALT_CLASS_INT || to == ALT_INT4 || to == ALT_UINT4;
    kc_out(out, in->rank, in->dim, false);
    out->dtype = to;
    for (int64_t i = 0; i < out->count; i++) {
        double v = in->value[i];
        out->value[i] = truth ? v != 0 : whole ? trunc(v) : v;
    }
}

static const alt_dtype dtypes[] = {ALT_FLOAT32, ALT_FLOAT64,      ALT_FLOAT16,    ALT_BFLOAT16, ALT_INT8,   ALT_INT16,
                                   ALT_INT32,   ALT_INT64,        ALT_UINT8,      ALT_UINT16,   ALT_UINT32, ALT_UINT64,
                                   ALT_BOOL,    ALT_FLOAT8E4M3FN, ALT_FLOAT8E5M2, ALT_INT4,     ALT_UINT4};
enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

static bool is_signed(alt_dtype dtype)
{
    unsigned class = alt_dtype_class(dtype);
    return class == ALT_CLASS_FLOAT || class == ALT_CLASS_SIGNED || dtype == ALT_INT4 || dtype == ALT_FLOAT8E4M3FN ||
           dtype == ALT_FLOAT8E5M2;
}

static void cast_case(struct kc_run *run, alt_dtype from, alt_dtype to, int rank, const int64_t *dims,
                      enum kc_fill fill)
{
    struct kc_case c = kc_case("Cast", 21, cast_reference);
    struct kc_input *in = kc_in(&c, from, rank, dims);
    bool narrow = alt_dtype_bits(from) == 4 || alt_dtype_bits(to) == 4;
    in->low = !is_signed(from) || !is_signed(to) ? 0 : narrow ? -8 : -100;
    in->high = from == ALT_BOOL ? 1 : narrow ? 7 : 100;
    if (fill != KC_UNIFORM)
        in->fill = fill;
    kc_attr_int(&c, "to", to);
    kc_check(run, &c);
}

static void cast_cases(struct kc_run *run)
{
    for (int i = 0; i < DTYPES; i++)
        for (int k = 0; k < DTYPES; k++)
            cast_case(run, dtypes[i], dtypes[k], 3, (int64_t[]){3, 17, 5}, KC_UNIFORM);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 4; k++)
            cast_case(run, dtypes[i], dtypes[k], 1, (int64_t[]){301}, KC_SPECIAL);
    cast_case(run, ALT_FLOAT32, ALT_INT64, 0, NULL, KC_UNIFORM);
    cast_case(run, ALT_INT64, ALT_FLOAT32, 2, (int64_t[]){0, 4}, KC_UNIFORM);
}

const struct kc_family kc_cast = {"cast", cast_cases};
