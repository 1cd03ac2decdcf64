/* test_npy.c: .npy files: every type comes back as it was written, NumPy's own forms are read, broken files are refused. */
#include "tools/npy.h"

#include "tests/cmocka_all.h"
#include "tools/file.h"
#include "tools/fill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/alt-test-npy-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_bytes(const void *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

/* A version-1 file with this dictionary and these elements. */
static void write_npy(const char *dictionary, const void *elements, size_t size)
{
    char bytes[1024] = "\x93NUMPY\x01";
    size_t length = strlen(dictionary);
    bytes[8] = (char)length;
    bytes[9] = (char)(length >> 8);
    memcpy(bytes + 10, dictionary, length);
    memcpy(bytes + 10 + length, elements, size);
    write_bytes(bytes, 10 + length + size);
}

static void every_type_comes_back(void **state)
{
    (void)state;
#define DTYPE(suffix, number, name, bits) ALT_##suffix,
    static const alt_dtype dtypes[] = {ALT_DTYPE_TABLE(DTYPE)};
#undef DTYPE
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        if (dtypes[i] == ALT_NONE || dtypes[i] == ALT_STRING)
            continue;
        alt_value *v = NULL, *back = NULL;
        assert_int_equal(alt_value_tensor(NULL, dtypes[i], 3, (int64_t[]){3, 1, 5}, &v), ALT_OK);
        assert_true(fill_random(v, 7));
        assert_true(npy_write(path, v));
        assert_true(npy_read(path, dtypes[i], &back));
        assert_int_equal(alt_value_dtype(back), dtypes[i]);
        assert_int_equal(alt_value_rank(back), 3);
        assert_memory_equal(alt_value_dims(back), alt_value_dims(v), 3 * sizeof(int64_t));
        assert_memory_equal(alt_value_data(back), alt_value_data(v), alt_value_bytes(v));
        alt_value_release(v);
        alt_value_release(back);
    }
}

static void negative_numbers_below_8_bits_come_back(void **state)
{
    (void)state;
    alt_value *v = NULL, *back = NULL;
    assert_int_equal(alt_value_tensor(NULL, ALT_INT4, 1, (int64_t[]){3}, &v), ALT_OK);
    memcpy(alt_value_data(v), "\x8f\x07", 2); /* -1, -8, 7 */
    assert_true(npy_write(path, v));
    struct bytes file;
    assert_true(file_read(path, &file));
    assert_memory_equal(file.data + file.size - 3, "\xff\xf8\x07", 3);
    free(file.data);
    assert_true(npy_read(path, ALT_INT4, &back));
    assert_memory_equal(alt_value_data(back), alt_value_data(v), 2);
    alt_value_release(v);
    alt_value_release(back);
}

static void scalars_and_empty_tensors(void **state)
{
    (void)state;
    static const int64_t dims[2] = {0, 4};
    for (size_t rank = 0; rank <= 2; rank += 2) {
        alt_value *v = NULL, *back = NULL;
        assert_int_equal(alt_value_tensor(NULL, ALT_INT64, rank, dims, &v), ALT_OK);
        assert_true(npy_write(path, v));
        assert_true(npy_read(path, ALT_INT64, &back));
        assert_int_equal(alt_value_rank(back), rank);
        assert_int_equal(alt_value_count(back), rank == 0);
        alt_value_release(v);
        alt_value_release(back);
    }
}

static void strings_come_back(void **state)
{
    (void)state;
    static const alt_string words[] = {{"alpha", 5}, {"", 0}, {"\xc3\xa9t\xc3\xa9", 5}};
    alt_value *v = NULL, *back = NULL;
    assert_int_equal(alt_value_strings(NULL, 1, (int64_t[]){3}, words, &v), ALT_OK);
    assert_true(npy_write(path, v));
    assert_true(npy_read(path, ALT_STRING, &back));
    const alt_string *read = alt_value_data(back);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(read[i].length, words[i].length);
        if (words[i].length)
            assert_memory_equal(read[i].data, words[i].data, words[i].length);
    }
    alt_value_release(v);
    alt_value_release(back);
}

static void utf32_becomes_utf8(void **state)
{
    (void)state;
    static const uint32_t points[2][3] = {{0x1f600, 'a', 0}, {0xe9, 0x20ac, 0xd800}};
    alt_value *v = NULL;
    write_npy("{'descr': '<U3', 'fortran_order': False, 'shape': (2,), }\n", points, sizeof points);
    assert_true(npy_read(path, ALT_STRING, &v));
    const alt_string *read = alt_value_data(v);
    assert_int_equal(read[0].length, 5);
    assert_memory_equal(read[0].data,
                        "\xf0\x9f\x98\x80"
                        "a",
                        5);
    assert_int_equal(read[1].length, 8); /* a lone surrogate is no character: U+FFFD */
    assert_memory_equal(read[1].data, "\xc3\xa9\xe2\x82\xac\xef\xbf\xbd", 8);
    alt_value_release(v);
}

static void fortran_order_is_turned(void **state)
{
    (void)state;
    static const int16_t columns[6] = {1, 4, 2, 5, 3, 6};
    alt_value *v = NULL;
    write_npy("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }\n", columns, sizeof columns);
    assert_true(npy_read(path, ALT_INT16, &v));
    for (int i = 0; i < 6; i++)
        assert_int_equal(((int16_t *)alt_value_data(v))[i], i + 1);
    alt_value_release(v);
}

static void broken_files_are_refused(void **state)
{
    (void)state;
    static const char *const dictionaries[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", /* six elements, four follow */
        "{'descr': '>f4', 'fortran_order': False, 'shape': (4,), }\n",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-4,), }\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4, }\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,4), }\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }\n",
        "{'descr': '<f4', 'shape': (4,), }\n",
        "{}",
        "",
    };
    static const float elements[4] = {1, 2, 3, 4};
    alt_value *v = NULL;
    for (size_t i = 0; i < sizeof dictionaries / sizeof dictionaries[0]; i++) {
        write_npy(dictionaries[i], elements, sizeof elements);
        assert_false(npy_read(path, ALT_FLOAT32, &v));
        assert_null(v);
    }
    write_bytes("\x93NUMPY\x01\x00\xff\xff{}", 12);
    assert_false(npy_read(path, ALT_FLOAT32, &v));
    write_bytes("\x93NUMPY", 6);
    assert_false(npy_read(path, ALT_FLOAT32, &v));
    assert_false(npy_read("/nonexistent/file.npy", ALT_FLOAT32, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_comes_back),     cmocka_unit_test(negative_numbers_below_8_bits_come_back),
        cmocka_unit_test(scalars_and_empty_tensors), cmocka_unit_test(strings_come_back),
        cmocka_unit_test(utf32_becomes_utf8),        cmocka_unit_test(fortran_order_is_turned),
        cmocka_unit_test(broken_files_are_refused),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
