/* test_onnx_tensor.c: TensorProto in all its encodings, and TensorProtos that contradict themselves. */
#include "runtime/error.h"
#include "runtime/onnx.h"
#include "runtime/type.h"

#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"
#include "tests/onnx_build.h"

#include <stdlib.h>
#include <string.h>

enum { FLOAT_DATA = 4, INT32_DATA = 5, STRING_DATA = 6, INT64_DATA = 7, RAW = 9, DOUBLE_DATA = 10, UINT64_DATA = 11 };

/* Parses `tensor` from a buffer of exactly its size and frees its bytes; fails the test when it is refused. */
static alt_value *parse(struct pb *tensor)
{
    alt_value *value = NULL;
    alt_error *error = NULL;
    uint8_t *copy = malloc(tensor->size);
    assert_non_null(copy);
    memcpy(copy, tensor->data, tensor->size);
    if (alt_value_parse(NULL, copy, tensor->size, &value, &error) != ALT_OK)
        fail_msg("refused: %s", alt_error_text(error));
    free(copy);
    pb_free(tensor);
    return value;
}

/* Fails the test unless the tensor is refused with that status and its text holds `word`. */
static void refuse(struct pb *tensor, alt_status status, const char *word)
{
    alt_value *value = NULL;
    alt_error *error = NULL;
    alt_status got = alt_value_parse(NULL, tensor->data, tensor->size, &value, &error);
    if (got != status || !strstr(alt_error_text(error), word))
        fail_msg("status %s and \"%s\", expected %s and \"%s\"", alt_status_name(got), alt_error_text(error),
                 alt_status_name(status), word);
    assert_null(value);
    alt_error_free(error);
    pb_free(tensor);
}

/* Six elements in raw_data: what comes out is what went in, for every type with bytes of its own. */
static void raw_data_of_every_type(void **state)
{
    (void)state;
    for (int dtype = 1; dtype <= ALT_INT2; dtype++) {
        if (dtype == ALT_STRING)
            continue;
        uint8_t data[96];
        size_t bytes = alt_dtype_bytes((alt_dtype)dtype, 6);
        for (size_t i = 0; i < bytes; i++)
            data[i] = dtype == ALT_BOOL ? i & 1 : (uint8_t)(i * 37 + 11);
        struct pb tensor = build_tensor("t", dtype, 2, (const int64_t[]){2, 3});
        pb_bytes(&tensor, RAW, data, bytes);
        alt_value *value = parse(&tensor);
        assert_int_equal(alt_value_dtype(value), dtype);
        assert_int_equal(alt_value_rank(value), 2);
        assert_int_equal(alt_value_dims(value)[1], 3);
        assert_int_equal(alt_value_bytes(value), bytes);
        assert_memory_equal(alt_value_data(value), data, bytes);
        alt_value_release(value);
    }
}

/* Integers as they stand in int32_data and uint64_data, and the bytes they mean. */
static void typed_integers(void **state)
{
    (void)state;
    static const struct {
        int dtype;
        uint32_t field;
        int64_t values[2];
        const char *bytes;
    } cases[] = {
        {ALT_INT32, INT32_DATA, {-2, 7}, "\xfe\xff\xff\xff\x07\x00\x00\x00"},
        {ALT_INT16, INT32_DATA, {-2, 7}, "\xfe\xff\x07\x00"},
        {ALT_UINT16, INT32_DATA, {65535, 7}, "\xff\xff\x07\x00"},
        {ALT_INT8, INT32_DATA, {-128, 127}, "\x80\x7f"},
        {ALT_UINT8, INT32_DATA, {255, 1}, "\xff\x01"},
        {ALT_BOOL, INT32_DATA, {2, 0}, "\x01\x00"},
        {ALT_FLOAT16, INT32_DATA, {0x3c00, 0xc000}, "\x00\x3c\x00\xc0"},
        {ALT_BFLOAT16, INT32_DATA, {0x3f80, 0xbf80}, "\x80\x3f\x80\xbf"},
        {ALT_FLOAT8E4M3FN, INT32_DATA, {0x38, 0xb8}, "\x38\xb8"},
        {ALT_INT64, INT64_DATA, {-1, INT64_MAX}, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"},
        {ALT_UINT32, UINT64_DATA, {UINT32_MAX, 1}, "\xff\xff\xff\xff\x01\x00\x00\x00"},
        {ALT_UINT64, UINT64_DATA, {-1, 1}, "\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\x00"},
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        size_t c = i / 2;
        struct pb tensor = build_tensor("t", cases[c].dtype, 1, (const int64_t[]){2});
        if (i % 2)
            pb_packed(&tensor, cases[c].field, 2, cases[c].values);
        else
            for (int k = 0; k < 2; k++)
                pb_int(&tensor, cases[c].field, cases[c].values[k]);
        alt_value *value = parse(&tensor);
        assert_memory_equal(alt_value_data(value), cases[c].bytes, alt_value_bytes(value));
        alt_value_release(value);
    }
}

static void typed_elements_below_a_byte(void **state)
{
    (void)state;
    struct pb tensor = build_tensor("t", ALT_INT4, 1, (const int64_t[]){3});
    pb_packed(&tensor, INT32_DATA, 2, (const int64_t[]){0xf1, 0x07}); /* 1, -1, 7 */
    alt_value *value = parse(&tensor);
    assert_int_equal(alt_value_bytes(value), 2);
    assert_memory_equal(alt_value_data(value), "\xf1\x07", 2);
    alt_value_release(value);
    tensor = build_tensor("t", ALT_UINT2, 1, (const int64_t[]){5});
    pb_packed(&tensor, INT32_DATA, 2, (const int64_t[]){0xe4, 0x01});
    value = parse(&tensor);
    assert_memory_equal(alt_value_data(value), "\xe4\x01", 2);
    alt_value_release(value);
}

static void typed_floats(void **state)
{
    (void)state;
    const float floats[] = {1.5f, -2.5f, 3.5f, 0.25f};
    const double doubles[] = {1e300, -2.5};
    struct pb tensor = build_tensor("t", ALT_FLOAT32, 1, (const int64_t[]){4});
    pb_bytes(&tensor, FLOAT_DATA, floats, sizeof floats);
    alt_value *value = parse(&tensor);
    assert_memory_equal(alt_value_data(value), floats, sizeof floats);
    alt_value_release(value);

    tensor = build_tensor("t", ALT_FLOAT32, 1, (const int64_t[]){4});
    for (int i = 0; i < 4; i++)
        pb_float(&tensor, FLOAT_DATA, floats[i]);
    value = parse(&tensor);
    assert_memory_equal(alt_value_data(value), floats, sizeof floats);
    alt_value_release(value);

    tensor = build_tensor("t", ALT_COMPLEX64, 1, (const int64_t[]){2});
    pb_bytes(&tensor, FLOAT_DATA, floats, sizeof floats);
    value = parse(&tensor);
    assert_memory_equal(alt_value_data(value), floats, sizeof floats);
    alt_value_release(value);

    tensor = build_tensor("t", ALT_FLOAT64, 0, NULL);
    pb_bytes(&tensor, DOUBLE_DATA, doubles, 8);
    value = parse(&tensor);
    assert_memory_equal(alt_value_data(value), doubles, 8);
    alt_value_release(value);
}

static void strings(void **state)
{
    (void)state;
    struct pb tensor = build_tensor("t", ALT_STRING, 1, (const int64_t[]){3});
    pb_text(&tensor, STRING_DATA, "one");
    pb_text(&tensor, STRING_DATA, "");
    pb_bytes(&tensor, STRING_DATA, "a\0b", 3);
    alt_value *value = parse(&tensor);
    const alt_string *s = alt_value_data(value);
    assert_int_equal(s[0].length, 3);
    assert_memory_equal(s[0].data, "one", 3);
    assert_int_equal(s[1].length, 0);
    assert_memory_equal(s[2].data, "a\0b", 3);
    alt_value_release(value);
}

static void empty_tensors(void **state)
{
    (void)state;
    static const int dtypes[] = {ALT_FLOAT32, ALT_INT64, ALT_STRING, ALT_INT4};
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        struct pb tensor = build_tensor("t", dtypes[i], 3, (const int64_t[]){2, 0, INT64_MAX});
        alt_value *value = parse(&tensor);
        assert_int_equal(alt_value_count(value), 0);
        alt_value_release(value);
    }
}

/* Whatever byte a file has for a bool, kernels see 0 or 1. */
static void bools_are_0_or_1(void **state)
{
    (void)state;
    struct pb tensor = build_tensor("t", ALT_BOOL, 1, (const int64_t[]){4});
    pb_bytes(&tensor, RAW, "\x00\x01\xff\x02", 4);
    alt_value *value = parse(&tensor);
    assert_memory_equal(alt_value_data(value), "\x00\x01\x01\x01", 4);
    alt_value_release(value);
}

static void shapes_that_cannot_be(void **state)
{
    (void)state;
    struct pb tensor = build_tensor("bad", ALT_FLOAT32, 2, (const int64_t[]){2, -3});
    refuse(&tensor, ALT_E_MODEL, "tensor \"bad\": extent 1 is negative (-3)");
    tensor = build_tensor("bad", ALT_FLOAT32, 9, (const int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1});
    refuse(&tensor, ALT_E_UNSUPPORTED, "tensor \"bad\": rank 9; alt reads up to rank 8");
    tensor = build_tensor("bad", ALT_FLOAT32, 3, (const int64_t[]){INT64_MAX, INT64_MAX, 4});
    refuse(&tensor, ALT_E_MODEL, "tensor \"bad\": its extents multiply to more");
    tensor = build_tensor("bad", ALT_FLOAT64, 1, (const int64_t[]){INT64_MAX / 4});
    refuse(&tensor, ALT_E_MODEL, "tensor \"bad\": its extents multiply to more");
    tensor = build_tensor("bad", 99, 0, NULL);
    refuse(&tensor, ALT_E_UNSUPPORTED, "tensor \"bad\": element type 99");
    tensor = build_tensor("bad", (int64_t)1 << 32 | 1, 0, NULL);
    refuse(&tensor, ALT_E_UNSUPPORTED, "element type 4294967297");
    tensor = build_tensor("bad", 0, 0, NULL);
    refuse(&tensor, ALT_E_MODEL, "tensor \"bad\": it has no element type");
}

static void data_that_do_not_fit(void **state)
{
    (void)state;
    struct pb tensor = build_tensor("bad", ALT_FLOAT32, 1, (const int64_t[]){2});
    pb_bytes(&tensor, RAW, "1234567", 7);
    refuse(&tensor, ALT_E_MODEL, "tensor \"bad\" (float32[2]): it has 7 bytes of data, its type and shape ask for 8");
    tensor = build_tensor("bad", ALT_FLOAT32, 1, (const int64_t[]){2});
    refuse(&tensor, ALT_E_MODEL, "it has 0 stored numbers");
    tensor = build_tensor("bad", ALT_INT64, 1, (const int64_t[]){1000000000});
    pb_packed(&tensor, INT64_DATA, 2, (const int64_t[]){1, 2});
    refuse(&tensor, ALT_E_MODEL, "it has 2 stored numbers");
    tensor = build_tensor("bad", ALT_STRING, 1, (const int64_t[]){1000000000});
    refuse(&tensor, ALT_E_MODEL, "it has 0 stored numbers or strings");
    tensor = build_tensor("bad", ALT_FLOAT32, 0, NULL);
    pb_packed(&tensor, INT64_DATA, 1, (const int64_t[]){1});
    refuse(&tensor, ALT_E_MODEL, "a field that is not for its element type");
    tensor = build_tensor("bad", ALT_STRING, 0, NULL);
    pb_bytes(&tensor, RAW, "a", 1);
    refuse(&tensor, ALT_E_MODEL, "strings must stand in string_data");
    tensor = build_tensor("bad", ALT_INT8, 0, NULL);
    pb_text(&tensor, STRING_DATA, "a");
    refuse(&tensor, ALT_E_MODEL, "its elements are no strings");
    tensor = build_tensor("bad", ALT_INT8, 0, NULL);
    pb_packed(&tensor, INT32_DATA, 1, (const int64_t[]){300});
    refuse(&tensor, ALT_E_MODEL, "does not fit its type, int8");
    tensor = build_tensor("bad", ALT_UINT32, 0, NULL);
    pb_packed(&tensor, UINT64_DATA, 1, (const int64_t[]){(int64_t)1 << 32});
    refuse(&tensor, ALT_E_MODEL, "does not fit its type, uint32");
    tensor = build_tensor("bad", ALT_INT8, 0, NULL);
    pb_bytes(&tensor, RAW, "a", 1);
    pb_packed(&tensor, INT32_DATA, 1, (const int64_t[]){3});
    refuse(&tensor, ALT_E_MODEL, "more than one place");
    tensor = build_tensor("bad", ALT_INT8, 0, NULL);
    pb_int(&tensor, 14, 1);
    refuse(&tensor, ALT_E_MODEL, "no location");
}

static void wrong_wire_types(void **state)
{
    (void)state;
    struct pb tensor = build_tensor("bad", ALT_INT8, 0, NULL);
    pb_int(&tensor, RAW, 3);
    refuse(&tensor, ALT_E_MALFORMED, "another wire type");
    tensor = build_tensor("bad", ALT_FLOAT32, 0, NULL);
    pb_bytes(&tensor, FLOAT_DATA, "12345", 5);
    refuse(&tensor, ALT_E_MALFORMED, "ends within an element");
    tensor = build_tensor("bad", ALT_INT8, 0, NULL);
    pb_bytes(&tensor, INT32_DATA, "\x01\x80", 2);
    refuse(&tensor, ALT_E_MALFORMED, "ends within an element");
    tensor = build_tensor(NULL, ALT_INT8, 0, NULL);
    pb_bytes(&tensor, 8, "a\0b", 3);
    refuse(&tensor, ALT_E_MALFORMED, "zero byte");
}

static struct pb one_number(int64_t number)
{
    struct pb tensor = build_tensor(NULL, ALT_INT64, 0, NULL);
    pb_int(&tensor, INT64_DATA, number);
    return tensor;
}

/* SequenceProto and OptionalProto: field 2 says the kind, 3 holds tensors, 5 sequences, 7 optionals. */
static void sequences_and_optionals(void **state)
{
    (void)state;
    struct pb sequence = {0}, optional = {0}, empty = {0};
    struct alt_diag diag = {0};
    alt_value *value = NULL;
    pb_text(&sequence, 1, "s");
    pb_int(&sequence, 2, 1);
    for (int i = 0; i < 3; i++) {
        struct pb tensor = one_number(i + 10);
        pb_message(&sequence, 3, &tensor);
    }
    pb_int(&optional, 2, 3);
    pb_message(&optional, 5, &sequence);
    assert_int_equal(alt_onnx_value(NULL, ALT_OPTIONAL, optional.data, optional.size, &value, &diag), ALT_OK);
    assert_int_equal(alt_value_kind(value), ALT_OPTIONAL);
    const alt_value *inner = alt_value_element(value, 0);
    assert_int_equal(alt_value_kind(inner), ALT_SEQUENCE);
    assert_int_equal(alt_value_count(inner), 3);
    assert_int_equal(*(const int64_t *)alt_value_data_const(alt_value_element(inner, 2)), 12);
    alt_value_release(value);

    assert_int_equal(alt_onnx_value(NULL, ALT_SEQUENCE, empty.data, 0, &value, &diag), ALT_OK);
    assert_int_equal(alt_value_count(value), 0);
    alt_value_release(value);
    assert_int_equal(alt_onnx_value(NULL, ALT_OPTIONAL, empty.data, 0, &value, &diag), ALT_OK);
    assert_int_equal(alt_value_count(value), 0);
    alt_value_release(value);

    for (size_t n = 3; n < optional.size; n++) { /* the first two bytes alone are an optional without a value */
        value = NULL;
        assert_int_not_equal(alt_onnx_value(NULL, ALT_OPTIONAL, optional.data, n, &value, &diag), ALT_OK);
        assert_null(value);
        alt_diag_clear(&diag);
    }
    pb_free(&optional);
}

static alt_status parse_failing(const alt_allocator *hooks, void *context)
{
    const struct pb *sequence = context;
    alt_value *value = NULL;
    struct alt_diag diag = {0};
    alt_status status = alt_onnx_value(hooks, ALT_SEQUENCE, sequence->data, sequence->size, &value, &diag);
    alt_value_release(value);
    alt_diag_clear(&diag);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct pb sequence = {0};
    for (int i = 0; i < 3; i++) {
        struct pb tensor = build_tensor("strings", ALT_STRING, 1, (const int64_t[]){2});
        pb_text(&tensor, STRING_DATA, "one");
        pb_text(&tensor, STRING_DATA, "two");
        pb_message(&sequence, 3, &tensor);
    }
    const char *why = "";
    if (fail_alloc_sweep(parse_failing, &sequence, &why) < 10)
        fail_msg("%s", why);
    pb_free(&sequence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_data_of_every_type),
        cmocka_unit_test(typed_integers),
        cmocka_unit_test(typed_elements_below_a_byte),
        cmocka_unit_test(typed_floats),
        cmocka_unit_test(strings),
        cmocka_unit_test(empty_tensors),
        cmocka_unit_test(bools_are_0_or_1),
        cmocka_unit_test(shapes_that_cannot_be),
        cmocka_unit_test(data_that_do_not_fit),
        cmocka_unit_test(wrong_wire_types),
        cmocka_unit_test(sequences_and_optionals),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
