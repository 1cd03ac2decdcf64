/* test_compare.c: what --check lets pass, and what not. */
#include "tools/compare.h"

#include "tests/cmocka_all.h"

#include <math.h>
#include <string.h>

static const struct tolerance usual = {1e-3, 1e-5};

static alt_value *tensor(alt_dtype dtype, int64_t count, const void *data)
{
    alt_value *v = NULL;
    assert_int_equal(alt_value_tensor(NULL, dtype, 1, &count, &v), ALT_OK);
    memcpy(alt_value_data(v), data, alt_value_bytes(v));
    return v;
}

/* Compares one element and releases both. */
static bool agree(alt_dtype dtype, const void *expected, const void *actual, struct tolerance allowed)
{
    alt_value *e = tensor(dtype, 1, expected), *a = tensor(dtype, 1, actual);
    bool same = values_agree("x", e, a, &allowed);
    alt_value_release(e);
    alt_value_release(a);
    return same;
}

static bool floats_agree(float expected, float actual) { return agree(ALT_FLOAT32, &expected, &actual, usual); }

static void floats(void **state)
{
    (void)state;
    assert_true(floats_agree(1, 1.0009f));
    assert_false(floats_agree(1, 1.0012f));
    assert_false(floats_agree(1, -1));
    assert_true(floats_agree(0, 9e-6f));
    assert_false(floats_agree(0, 2e-5f));
    assert_true(floats_agree(NAN, NAN));
    assert_false(floats_agree(NAN, 1));
    assert_false(floats_agree(1, NAN));
    assert_true(floats_agree(INFINITY, INFINITY));
    assert_false(floats_agree(INFINITY, -INFINITY));
    assert_false(floats_agree(INFINITY, 3e38f));
    assert_false(floats_agree(3e38f, INFINITY));
    double e = 1, a = 1 + 2e-9;
    assert_false(agree(ALT_FLOAT64, &e, &a, (struct tolerance){1e-9, 0}));
    assert_true(agree(ALT_FLOAT64, &e, &a, (struct tolerance){3e-9, 0}));
}

static void integers_are_exact_unless_told(void **state)
{
    (void)state;
    int64_t big = INT64_MAX, less = INT64_MAX - 1, least = INT64_MIN;
    uint8_t one = 1, two = 2;
    assert_true(agree(ALT_INT64, &big, &big, usual));
    assert_false(agree(ALT_INT64, &big, &less, usual));
    assert_false(agree(ALT_INT64, &big, &least, usual));
    assert_false(agree(ALT_UINT64, &big, &least, usual));
    assert_false(agree(ALT_UINT8, &one, &two, usual));
    assert_true(agree(ALT_UINT8, &one, &two, (struct tolerance){0, 1}));
    uint8_t no = 0;
    assert_false(agree(ALT_BOOL, &one, &no, (struct tolerance){0, 5}));
}

static void complex_numbers(void **state)
{
    (void)state;
    static const float e[2] = {1, 2}, a[2] = {1, 2.1f};
    assert_true(agree(ALT_COMPLEX64, e, e, usual));
    assert_false(agree(ALT_COMPLEX64, e, a, usual));
}

static void types_and_shapes_must_be_the_same(void **state)
{
    (void)state;
    static const float data[4] = {0};
    alt_value *a = tensor(ALT_FLOAT32, 2, data), *b = tensor(ALT_FLOAT32, 3, data), *c = tensor(ALT_INT32, 2, data);
    alt_value *d = NULL, *sequence = NULL, *none = NULL, *other = NULL;
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 2, (int64_t[]){1, 2}, &d), ALT_OK);
    assert_int_equal(alt_value_sequence(NULL, 2, (alt_value *[]){a, a}, &sequence), ALT_OK);
    assert_int_equal(alt_value_sequence(NULL, 2, (alt_value *[]){a, b}, &other), ALT_OK);
    assert_int_equal(alt_value_optional(NULL, NULL, &none), ALT_OK);
    assert_false(values_agree("x", a, b, &usual));
    assert_false(values_agree("x", a, c, &usual));
    assert_false(values_agree("x", a, d, &usual));
    assert_false(values_agree("x", a, sequence, &usual));
    assert_true(values_agree("x", sequence, sequence, &usual));
    assert_false(values_agree("x", sequence, other, &usual));
    assert_true(values_agree("x", none, none, &usual));
    alt_value *all[] = {a, b, c, d, sequence, none, other};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        alt_value_release(all[i]);
}

static void strings(void **state)
{
    (void)state;
    alt_value *a = NULL, *b = NULL;
    assert_int_equal(alt_value_strings(NULL, 1, (int64_t[]){1}, &(alt_string){"ab", 2}, &a), ALT_OK);
    assert_int_equal(alt_value_strings(NULL, 1, (int64_t[]){1}, &(alt_string){"ac", 2}, &b), ALT_OK);
    assert_true(values_agree("x", a, a, &usual));
    assert_false(values_agree("x", a, b, &usual));
    alt_value_release(a);
    alt_value_release(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats),          cmocka_unit_test(integers_are_exact_unless_told),
        cmocka_unit_test(complex_numbers), cmocka_unit_test(types_and_shapes_must_be_the_same),
        cmocka_unit_test(strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
