/* test_element.c: single elements of every type, and fillings made of them. */
#include "tools/element.h"

#include "tests/cmocka_all.h"
#include "tools/fill.h"

#include <math.h>
#include <string.h>

static unsigned code_of(alt_dtype dtype, double x)
{
    uint8_t byte = 0;
    assert_true(element_set(dtype, &byte, 0, x));
    return byte;
}

/* Codes from the ONNX documentation of the small floats, and ties to even. */
static void small_floats(void **state)
{
    (void)state;
    static const struct {
        alt_dtype dtype;
        double x;
        unsigned code;
    } rows[] = {
        {ALT_FLOAT8E4M3FN, 0, 0x00},      {ALT_FLOAT8E4M3FN, 1, 0x38},      {ALT_FLOAT8E4M3FN, -1, 0xb8},
        {ALT_FLOAT8E4M3FN, 448, 0x7e},    {ALT_FLOAT8E4M3FN, 1e9, 0x7e},    {ALT_FLOAT8E4M3FN, 0x1p-9, 0x01},
        {ALT_FLOAT8E4M3FN, 0x1p-6, 0x08}, {ALT_FLOAT8E4M3FN, 1.0625, 0x38}, {ALT_FLOAT8E4M3FN, 1.1875, 0x3a},
        {ALT_FLOAT8E4M3FNUZ, 1, 0x40},    {ALT_FLOAT8E4M3FNUZ, -0.0, 0x00}, {ALT_FLOAT8E4M3FNUZ, 240, 0x7f},
        {ALT_FLOAT8E5M2, 1, 0x3c},        {ALT_FLOAT8E5M2, 57344, 0x7b},    {ALT_FLOAT8E5M2, 0x1p-16, 0x01},
        {ALT_FLOAT8E5M2FNUZ, 1, 0x40},    {ALT_FLOAT8E5M2FNUZ, NAN, 0x80},  {ALT_FLOAT8E8M0, 1, 127},
        {ALT_FLOAT8E8M0, 0.5, 126},       {ALT_FLOAT8E8M0, 0, 0},           {ALT_FLOAT4E2M1, 0.5, 0x1},
        {ALT_FLOAT4E2M1, 1, 0x2},         {ALT_FLOAT4E2M1, 6, 0x7},         {ALT_FLOAT4E2M1, -1.5, 0xb},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(code_of(rows[i].dtype, rows[i].x), rows[i].code);
}

static void packed_elements_leave_their_neighbours(void **state)
{
    (void)state;
    uint8_t bytes[2] = {0xff, 0xff};
    assert_true(element_set(ALT_UINT4, bytes, 1, 2));
    assert_true(element_set(ALT_UINT4, bytes, 2, 3));
    assert_int_equal(bytes[0], 0x2f);
    assert_int_equal(bytes[1], 0xf3);
    assert_true(element_set(ALT_INT2, bytes, 3, -1));
    assert_int_equal(bytes[0], 0xef);
    assert_false(element_set(ALT_STRING, bytes, 0, 1));
}

static void integers_saturate_nowhere_undefined(void **state)
{
    (void)state;
    int64_t x = 0;
    assert_true(element_set(ALT_INT64, &x, 0, 1e300));
    assert_true(x == INT64_MAX);
    assert_true(element_set(ALT_INT64, &x, 0, -1e300));
    assert_true(x == INT64_MIN);
    assert_true(element_set(ALT_INT64, &x, 0, NAN));
    assert_true(x == 0);
    assert_int_equal(code_of(ALT_INT8, -3), 0xfd);
    assert_int_equal(code_of(ALT_BOOL, 0.25), 1);
}

/* Every type: in [0,1), both halves hit, the same for the same seed and different for another; integers 0 and 1 alone. */
static void random_fillings(void **state)
{
    (void)state;
    static const alt_dtype dtypes[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16,
                                       ALT_INT64,   ALT_UINT8,   ALT_BOOL,    ALT_INT4};
    for (size_t k = 0; k < sizeof dtypes / sizeof dtypes[0]; k++) {
        alt_value *a = NULL, *b = NULL;
        double least = 1, most = 0;
        assert_int_equal(alt_value_tensor(NULL, dtypes[k], 1, (int64_t[]){1000}, &a), ALT_OK);
        assert_int_equal(alt_value_tensor(NULL, dtypes[k], 1, (int64_t[]){1000}, &b), ALT_OK);
        assert_true(fill_random(a, 5) && fill_random(b, 5));
        assert_memory_equal(alt_value_data(a), alt_value_data(b), alt_value_bytes(a));
        assert_true(fill_random(b, 6));
        assert_memory_not_equal(alt_value_data(a), alt_value_data(b), alt_value_bytes(a));
        struct alt_tensor t = element_view(a);
        for (int i = 0; i < 1000; i++) {
            double x = alt_tensor_float(&t, i);
            least = fmin(least, x);
            most = fmax(most, x);
            if (element_is_integer(dtypes[k]))
                assert_true(x == 0 || x == 1);
        }
        assert_true(least >= 0 && least < 0.1);
        assert_true(element_is_integer(dtypes[k]) ? most == 1 : most > 0.9 && most < 1);
        alt_value_release(a);
        alt_value_release(b);
    }
}

/* The first numbers of splitmix64 from seed 0 are published: the content is the same in every language. */
static void random_is_splitmix64(void **state)
{
    (void)state;
    alt_value *v = NULL;
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT64, 1, (int64_t[]){2}, &v), ALT_OK);
    assert_true(fill_random(v, 0));
    const double *x = alt_value_data(v);
    assert_true(x[0] == (double)(UINT64_C(0xe220a8397b1dcdaf) >> 11) * 0x1p-53);
    assert_true(x[1] == (double)(UINT64_C(0x6e789e6aa1b965f4) >> 11) * 0x1p-53);
    alt_value_release(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_floats),
        cmocka_unit_test(packed_elements_leave_their_neighbours),
        cmocka_unit_test(integers_saturate_nowhere_undefined),
        cmocka_unit_test(random_fillings),
        cmocka_unit_test(random_is_splitmix64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
