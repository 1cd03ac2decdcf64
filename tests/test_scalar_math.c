/* test_scalar_math.c: the float32 functions against libm's float64 ones over samples of all float32, with the bounds that
 * scalar_math.h states; float16 and bfloat16 conversions over all codes and at the midpoints between them. */
#include "runtime/scalar_math.h"

#include "tests/cmocka_all.h"

#include <math.h>

#define STEP 9973 /* prime: every exponent and all kinds of fractions are met */

/* Error in units in the last place of the exact result; huge when a special value is missed. */
static double error_ulp(float have, double exact)
{
    if (isnan(exact) || isnan(have))
        return isnan(exact) && isnan(have) ? 0 : HUGE_VAL;
    if (fabs(exact) > 0x1.ffffffp127)
        return isinf(have) && (have > 0) == (exact > 0) ? 0 : HUGE_VAL;
    if (exact == 0)
        return have == 0 && !signbit(have) == !signbit(exact) ? 0 : HUGE_VAL;
    int exponent;
    frexp(exact, &exponent);
    return fabs(have - exact) / ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static void functions_keep_their_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        float (*have)(float);
        double (*exact)(double);
        double bound;
        int domain; /* -1: x <= 0, 1: x >= 0, 0: all */
    } cases[] = {
        {"exp", alt_exp_f32, exp, 1.0, 0},       {"expm1", alt_expm1_f32, expm1, 2.0, -1},
        {"log", alt_log_f32, log, 1.0, 0},       {"log1p", alt_log1p_f32, log1p, 2.0, 1},
        {"erf", alt_erf_f32, erf, 1.5, 0},       {"tanh", alt_tanh_f32, tanh, 2.0, 0},
        {"sigmoid", alt_sigmoid_f32, sigmoid, 2.5, 0},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += STEP) {
            const float x = alt_f32_of_bits((uint32_t)bits);
            if (x * (float)cases[c].domain < 0)
                continue;
            const double e = error_ulp(cases[c].have(x), cases[c].exact(x));
            if (!(e <= cases[c].bound))
                fail_msg("%s(%a) is %a: %g ulp off", cases[c].name, (double)x, (double)cases[c].have(x), e);
        }
    }
}

/* What GELU multiplies by x. */
static void the_normal_distribution_keeps_its_bounds(void **state)
{
    (void)state;
    for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += STEP) {
        const float x = alt_f32_of_bits((uint32_t)bits), have = alt_phi_f32(x);
        const double exact = 0.5 * erfc(-x / sqrt(2));
        if (isnan(x) ? !isnan(have) : !(fabs(have - exact) <= 0x1.8p-24) || (x >= -3 && !(error_ulp(have, exact) <= 32)))
            fail_msg("phi(%a) is %a", (double)x, (double)have);
    }
    assert_true(alt_phi_f32(INFINITY) == 1.0f);
    assert_true(alt_phi_f32(-INFINITY) == 0.0f);
}

static void special_values_are_those_of_annex_f(void **state)
{
    (void)state;
    static const float values[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 0x1p-149f, -0x1p-149f, 0x1p-126f, 1.0f};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const float x = values[i];
        assert_true(error_ulp(alt_exp_f32(x), exp(x)) <= 1);
        assert_true(error_ulp(alt_log_f32(x), log(x)) <= 1);
        assert_true(error_ulp(alt_erf_f32(x), erf(x)) <= 1.5);
        assert_true(error_ulp(alt_tanh_f32(x), tanh(x)) <= 2);
        assert_true(error_ulp(alt_sigmoid_f32(x), sigmoid(x)) <= 2.5);
        if (!(x > 0))
            assert_true(error_ulp(alt_expm1_f32(x), expm1(x)) <= 2);
    }
    assert_true(alt_exp_f32(1000.0f) == INFINITY);
    assert_true(alt_exp_f32(-1000.0f) == 0.0f);
}

/* A float16 or bfloat16 code as the number it stands for, by definition. */
static double value_of(uint32_t code, int fraction_bits, int bias)
{
    const int exponent = (int)((code & 0x7fff) >> fraction_bits);
    const double fraction = (double)(code & ((1u << fraction_bits) - 1)) * ldexp(1, -fraction_bits);
    const double magnitude = exponent ? ldexp(1 + fraction, exponent - bias) : ldexp(fraction, 1 - bias);
    return code & 0x8000 ? -magnitude : magnitude;
}

static void half_formats_round_to_nearest_even(void **state)
{
    (void)state;
    for (uint32_t code = 0; code + 1 < 0x7c00; code++) {
        const double low = value_of(code, 10, 15), high = code + 1 == 0x7c00 ? 65536 : value_of(code + 1, 10, 15);
        const double middle = (low + high) / 2;
        const uint32_t even = code & 1 ? code + 1 : code;
        assert_true((double)alt_f16_to_f32((uint16_t)code) == low);
        assert_true((double)alt_f16_to_f32((uint16_t)(code | 0x8000)) == -low);
        assert_int_equal(alt_f32_to_f16((float)low), code);
        assert_int_equal(alt_f32_to_f16((float)middle), even);
        assert_int_equal(alt_f32_to_f16(-(float)middle), even | 0x8000);
        assert_int_equal(alt_f64_to_f16(nextafter(middle, high)), code + 1);
        assert_int_equal(alt_f64_to_f16(nextafter(middle, low)), code);
    }
    for (uint32_t code = 0; code + 1 < 0x7f80; code++) {
        const double low = value_of(code, 7, 127), high = value_of(code + 1, 7, 127), middle = (low + high) / 2;
        assert_true((double)alt_bf16_to_f32((uint16_t)code) == low);
        assert_int_equal(alt_f32_to_bf16((float)low), code);
        assert_int_equal(alt_f32_to_bf16((float)middle), code & 1 ? code + 1 : code);
        assert_int_equal(alt_f64_to_bf16(nextafter(middle, high)), code + 1);
        assert_int_equal(alt_f64_to_bf16(nextafter(middle, low)), code);
    }
}

static void half_formats_keep_special_values(void **state)
{
    (void)state;
    assert_int_equal(alt_f32_to_f16(65519.0f), 0x7bff);
    assert_int_equal(alt_f32_to_f16(65520.0f), 0x7c00);
    assert_int_equal(alt_f64_to_f16(-1e300), 0xfc00);
    assert_int_equal(alt_f32_to_f16(INFINITY), 0x7c00);
    assert_true(isnan(alt_f16_to_f32(alt_f32_to_f16(NAN))));
    assert_true(isinf(alt_f16_to_f32(0x7c00)));
    assert_true(isnan(alt_f16_to_f32(0x7c01)));
    assert_int_equal(alt_f64_to_bf16(1e300), 0x7f80);
    assert_true(isnan(alt_bf16_to_f32(alt_f32_to_bf16(NAN))));
    assert_true(isnan(alt_bf16_to_f32(alt_f32_to_bf16(alt_f32_of_bits(0x7f800001)))));
    assert_int_equal(alt_f64_to_f16(1e-300), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_keep_their_bounds),
        cmocka_unit_test(the_normal_distribution_keeps_its_bounds),
        cmocka_unit_test(special_values_are_those_of_annex_f),
        cmocka_unit_test(half_formats_round_to_nearest_even),
        cmocka_unit_test(half_formats_keep_special_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
