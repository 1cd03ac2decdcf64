/* test_small_float.c: each float8 and float4 code is met again from its value, and ties round to even. */
#include "runtime/small_float.h"

#include "runtime/type.h"
#include "tests/cmocka_all.h"

#include <math.h>

static const alt_dtype dtypes[] = {ALT_FLOAT8E4M3FN, ALT_FLOAT8E4M3FNUZ, ALT_FLOAT8E5M2, ALT_FLOAT8E5M2FNUZ, ALT_FLOAT4E2M1};

static float value_of(alt_dtype dtype, int code)
{
    const uint8_t byte = (uint8_t)code;
    const struct alt_tensor one = {.dtype = dtype, .data = &byte, .bytes = 1};
    return (float)alt_tensor_float(&one, 0);
}

static void codes_come_back(void **state)
{
    (void)state;
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
        const struct alt_small_float *f = alt_small_float(dtypes[d]);
        assert_non_null(f);
        for (int code = 0; code < 2 * f->sign; code++) {
            const float x = value_of(dtypes[d], code);
            if (isnan(x))
                assert_true(isnan(value_of(dtypes[d], alt_small_of_f32(f, x, true))));
            else
                assert_int_equal(alt_small_of_f32(f, x, false), code);
        }
    }
}

static void neighbours_share_their_middle(void **state)
{
    (void)state;
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
        const struct alt_small_float *f = alt_small_float(dtypes[d]);
        for (int code = 0; code < f->largest; code++) {
            const float low = value_of(dtypes[d], code), high = value_of(dtypes[d], code + 1), middle = (low + high) / 2;
            assert_int_equal(alt_small_of_f32(f, middle, true), code + (code & 1));
            assert_int_equal(alt_small_of_f32(f, nextafterf(middle, high), true), code + 1);
            assert_int_equal(alt_small_of_f32(f, nextafterf(middle, low), true), code);
        }
    }
}

static void what_is_too_large(void **state)
{
    (void)state;
    static const struct {
        alt_dtype dtype;
        uint8_t saturated, infinite, nan;
    } table[] = {
        {ALT_FLOAT8E4M3FN, 0xfe, 0xff, 0x7f},
        {ALT_FLOAT8E4M3FNUZ, 0xff, 0x80, 0x80},
        {ALT_FLOAT8E5M2, 0xfb, 0xfc, 0x7e},
        {ALT_FLOAT8E5M2FNUZ, 0xff, 0x80, 0x80},
        {ALT_FLOAT4E2M1, 0xf, 0xf, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct alt_small_float *f = alt_small_float(table[i].dtype);
        assert_int_equal(alt_small_of_f32(f, -1e30f, true), table[i].saturated);
        assert_int_equal(alt_small_of_f32(f, -INFINITY, true), table[i].saturated);
        assert_int_equal(alt_small_of_f32(f, -1e30f, false), table[i].infinite);
        assert_int_equal(alt_small_of_f32(f, -INFINITY, false), table[i].infinite);
        assert_int_equal(alt_small_of_f32(f, NAN, true), table[i].nan);
        assert_int_equal(alt_small_of_f32(f, -1e-30f, true), f->no_minus_zero ? 0 : f->sign);
    }
    assert_int_equal(alt_small_of_f32(alt_small_float(ALT_FLOAT8E4M3FN), 464, false), 0x7e);
    assert_int_equal(alt_small_of_f32(alt_small_float(ALT_FLOAT8E4M3FN), 465, false), 0x7f);
    assert_null(alt_small_float(ALT_FLOAT16));
}

static void powers_of_two(void **state)
{
    (void)state;
    for (int code = 0; code < 255; code++)
        for (int r = ALT_ROUND_UP; r <= ALT_ROUND_NEAREST; r++)
            assert_int_equal(alt_e8m0_of_f32(value_of(ALT_FLOAT8E8M0, code), (enum alt_round)r, true), code);
    assert_int_equal(alt_e8m0_of_f32(1.25f, ALT_ROUND_UP, true), 128);
    assert_int_equal(alt_e8m0_of_f32(1.75f, ALT_ROUND_DOWN, true), 127);
    assert_int_equal(alt_e8m0_of_f32(1.5f, ALT_ROUND_NEAREST, true), 128);
    assert_int_equal(alt_e8m0_of_f32(1.25f, ALT_ROUND_NEAREST, true), 127);
    assert_int_equal(alt_e8m0_of_f32(3e38f, ALT_ROUND_UP, true), 254);
    assert_int_equal(alt_e8m0_of_f32(3e38f, ALT_ROUND_UP, false), 255);
    assert_int_equal(alt_e8m0_of_f32(INFINITY, ALT_ROUND_UP, true), 254);
    assert_int_equal(alt_e8m0_of_f32(NAN, ALT_ROUND_UP, true), 255);
    assert_int_equal(alt_e8m0_of_f32(0, ALT_ROUND_UP, true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_come_back),
        cmocka_unit_test(neighbours_share_their_middle),
        cmocka_unit_test(what_is_too_large),
        cmocka_unit_test(powers_of_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
