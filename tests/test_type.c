/* test_type.c: dtypes, shapes, and elements of constant tensors, small formats included. */
#include "runtime/mem.h"
#include "runtime/type.h"
#include "tests/cmocka_all.h"

#include <math.h>
#include <string.h>

static void dtypes_follow_the_table(void **state)
{
    (void)state;
    assert_string_equal(alt_dtype_name(ALT_BFLOAT16), "bfloat16");
    assert_string_equal(alt_dtype_name((alt_dtype)77), "unknown");
    assert_int_equal(alt_dtype_bits(ALT_INT2), 2);
    assert_int_equal(alt_dtype_bits((alt_dtype)77), 0);
    assert_int_equal(alt_dtype_size(ALT_COMPLEX128), 16);
    assert_int_equal(alt_dtype_size(ALT_UINT4), 0);
    assert_int_equal(alt_dtype_class(ALT_NONE), 0);
    for (int d = 1; d <= ALT_INT2; d++) {
        unsigned class = alt_dtype_class((alt_dtype)d);
        assert_true(class != 0 && (class & (class - 1)) == 0);
    }
}

static void bytes_are_packed_and_checked(void **state)
{
    (void)state;
    assert_int_equal(alt_dtype_bytes(ALT_FLOAT32, 3), 12);
    assert_int_equal(alt_dtype_bytes(ALT_INT4, 3), 2);
    assert_int_equal(alt_dtype_bytes(ALT_UINT2, 5), 2);
    assert_int_equal(alt_dtype_bytes(ALT_INT4, 0), 0);
    assert_true(alt_dtype_bytes(ALT_FLOAT32, -1) == SIZE_MAX);
    assert_true(alt_dtype_bytes(ALT_FLOAT64, INT64_MAX) == SIZE_MAX);
}

static void counts_are_checked(void **state)
{
    (void)state;
    assert_int_equal(alt_dims_count(0, NULL), 1);
    assert_int_equal(alt_dims_count(3, (int64_t[]){2, 3, 4}), 24);
    assert_int_equal(alt_dims_count(2, (int64_t[]){2, -1}), -1);
    assert_int_equal(alt_dims_count(2, (int64_t[]){INT64_MAX, 2}), -1);
    assert_int_equal(alt_dims_count(3, (int64_t[]){INT64_MAX, 2, 0}), 0);
    assert_int_equal(alt_dims_count(2, (int64_t[]){0, -1}), -1);
}

static void shapes_compare_and_print(void **state)
{
    (void)state;
    char text[64];
    struct alt_shape a = {3, {1, 2, 3}}, b = a, scalar = {0, {0}}, unknown = {-1, {0}};
    assert_true(alt_shape_equal(&a, &b));
    b.dim[1] = 9;
    assert_false(alt_shape_equal(&a, &b));
    assert_false(alt_shape_equal(&unknown, &unknown));
    assert_true(alt_shape_known(&scalar));
    assert_false(alt_shape_known(&unknown));
    assert_string_equal(alt_shape_print(NULL, &a, text, sizeof text), "[1,2,3]");
    assert_string_equal(alt_shape_print(NULL, &scalar, text, sizeof text), "[]");
    assert_string_equal(alt_shape_print(NULL, &unknown, text, sizeof text), "[?]");
    assert_string_equal(alt_shape_print(NULL, &a, text, 4), "[1,");
}

static double element(alt_dtype dtype, const void *data, int64_t i)
{
    return alt_tensor_float(&(struct alt_tensor){.dtype = dtype, .rank = 1, .dim = {i + 1}, .data = data}, i);
}

static void small_floats_decode(void **state)
{
    (void)state;
    static const struct {
        alt_dtype dtype;
        uint16_t bits;
        double value; /* NAN: not a number */
    } row[] = {
        {ALT_FLOAT16, 0x3c00, 1},         {ALT_FLOAT16, 0x0001, 0x1p-24},    {ALT_FLOAT16, 0xfc00, -INFINITY},
        {ALT_FLOAT16, 0x7e00, NAN},       {ALT_FLOAT16, 0x7bff, 65504},      {ALT_BFLOAT16, 0xc040, -3},
        {ALT_BFLOAT16, 0x7f80, INFINITY}, {ALT_BFLOAT16, 0x0001, 0x1p-133},  {ALT_FLOAT8E4M3FN, 0x7e, 448},
        {ALT_FLOAT8E4M3FN, 0x7f, NAN},    {ALT_FLOAT8E4M3FN, 0x01, 0x1p-9},  {ALT_FLOAT8E4M3FNUZ, 0x7f, 240},
        {ALT_FLOAT8E4M3FNUZ, 0x80, NAN},  {ALT_FLOAT8E5M2, 0x7b, 57344},     {ALT_FLOAT8E5M2, 0x7c, INFINITY},
        {ALT_FLOAT8E5M2, 0xff, NAN},      {ALT_FLOAT8E5M2FNUZ, 0x7f, 57344}, {ALT_FLOAT8E5M2FNUZ, 0x80, NAN},
        {ALT_FLOAT4E2M1, 0x7, 6},         {ALT_FLOAT4E2M1, 0x9, -0.5},       {ALT_FLOAT8E8M0, 0, 0x1p-127},
        {ALT_FLOAT8E8M0, 128, 2},         {ALT_FLOAT8E8M0, 255, NAN},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        double got = element(row[i].dtype, &row[i].bits, 0);
        if (!(got == row[i].value || (isnan(got) && isnan(row[i].value))))
            fail_msg("%s 0x%x gave %g, not %g", alt_dtype_name(row[i].dtype), row[i].bits, got, row[i].value);
    }
}

static void packed_integers_decode(void **state)
{
    (void)state;
    const unsigned char nibbles[] = {0x8f, 0x71};
    static const int64_t signed4[] = {-1, -8, 1, 7}, unsigned4[] = {15, 8, 1, 7};
    const unsigned char pairs[] = {0xe4};
    static const int64_t signed2[] = {0, 1, -2, -1};
    struct alt_tensor t = {.dtype = ALT_INT4, .rank = 1, .dim = {4}, .data = nibbles, .bytes = 2};
    for (int i = 0; i < 4; i++) {
        t.dtype = ALT_INT4;
        t.data = nibbles;
        assert_int_equal(alt_tensor_int(&t, i), signed4[i]);
        t.dtype = ALT_UINT4;
        assert_int_equal(alt_tensor_int(&t, i), unsigned4[i]);
        t.dtype = ALT_INT2;
        t.data = pairs;
        assert_int_equal(alt_tensor_int(&t, i), signed2[i]);
        t.dtype = ALT_UINT2;
        assert_int_equal(alt_tensor_int(&t, i), i);
    }
}

/* Data in a mapped file may lie anywhere. */
static void unaligned_data_is_read_and_copied(void **state)
{
    (void)state;
    struct alt_mem mem;
    struct alt_arena arena;
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    _Alignas(8) char bytes[1 + 3 * sizeof(int64_t)];
    const int64_t value[] = {-5, INT64_MIN, 1};
    memcpy(bytes + 1, value, sizeof value);
    struct alt_tensor t = {.dtype = ALT_INT64, .rank = 1, .dim = {3}, .data = bytes + 1, .bytes = sizeof value};
    assert_int_equal(alt_tensor_int(&t, 0), -5);
    assert_true(alt_tensor_float(&t, 1) == -0x1p63);
    const int64_t *copy = alt_tensor_aligned(&t, &arena);
    assert_non_null(copy);
    assert_ptr_not_equal(copy, t.data);
    assert_memory_equal(copy, value, sizeof value);
    t.data = value;
    assert_ptr_equal(alt_tensor_aligned(&t, &arena), value);
    t.dtype = ALT_UINT64;
    assert_true(alt_tensor_float(&t, 1) == 0x1p63);
    assert_int_equal(alt_tensor_count(&t), 3);
    alt_arena_free(&arena);
}

static void other_types_widen(void **state)
{
    (void)state;
    assert_true(element(ALT_FLOAT32, (float[]){1.5f, -2.5f}, 1) == -2.5);
    assert_true(element(ALT_FLOAT64, (double[]){1e300}, 0) == 1e300);
    assert_true(element(ALT_COMPLEX64, (float[]){1, 2, 3, 4}, 1) == 3);
    assert_true(element(ALT_COMPLEX128, (double[]){1, 2, 3, 4}, 1) == 3);
    assert_true(element(ALT_INT8, (int8_t[]){-128}, 0) == -128);
    assert_true(element(ALT_UINT16, (uint16_t[]){65535}, 0) == 65535);
    assert_true(element(ALT_INT32, (int32_t[]){INT32_MIN}, 0) == -0x1p31);
    assert_true(element(ALT_BOOL, (bool[]){true}, 0) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dtypes_follow_the_table),
        cmocka_unit_test(bytes_are_packed_and_checked),
        cmocka_unit_test(counts_are_checked),
        cmocka_unit_test(shapes_compare_and_print),
        cmocka_unit_test(small_floats_decode),
        cmocka_unit_test(packed_integers_decode),
        cmocka_unit_test(unaligned_data_is_read_and_copied),
        cmocka_unit_test(other_types_widen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
