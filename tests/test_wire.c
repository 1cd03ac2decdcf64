/* test_wire.c: the wire reader accepts what protobuf writes and refuses everything else without reading past its end. */
#include "runtime/wire.h"

#include "tests/cmocka_all.h"
#include "tests/protobuf.h"

#include <stdlib.h>
#include <string.h>

/* Walks the whole message and everything that looks like a message in it; returns the first fault. */
static const char *walk(struct alt_wire *w)
{
    struct alt_wire_field f;
    while (alt_wire_next(w, &f)) {
        struct alt_wire inner;
        if (f.type == ALT_WIRE_LEN && alt_wire_message(w, &f, &inner))
            (void)walk(&inner);
    }
    return w->fault;
}

/* The bytes in a buffer of exactly their size, so that a sanitizer sees any read past the end. */
static const char *walk_exact(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size)
        memcpy(copy, bytes, size);
    struct alt_wire w;
    alt_wire_init(&w, copy, size);
    const char *fault = walk(&w);
    free(copy);
    return fault;
}

static void every_kind_of_field(void **state)
{
    (void)state;
    struct pb pb = {0}, inner = {0};
    pb_int(&pb, 1, -2);
    pb_float(&pb, 2, 0.5f);
    pb_text(&pb, 3, "text");
    pb_int(&inner, 9, INT64_MAX);
    pb_message(&pb, 4, &inner);
    pb_tag(&pb, 5, 1);
    pb_raw(&pb, "12345678", 8);

    struct alt_wire w, sub;
    struct alt_wire_field f;
    int64_t i = 0;
    float x = 0;
    alt_string s = {0};
    alt_wire_init(&w, pb.data, pb.size);
    assert_true(alt_wire_next(&w, &f));
    alt_wire_int(&w, &f, &i);
    assert_int_equal(i, -2);
    assert_true(alt_wire_next(&w, &f));
    alt_wire_float(&w, &f, &x);
    assert_true(x == 0.5f);
    assert_true(alt_wire_next(&w, &f));
    alt_wire_bytes(&w, &f, &s);
    assert_int_equal(s.length, 4);
    assert_memory_equal(s.data, "text", 4);
    assert_true(alt_wire_next(&w, &f));
    assert_true(alt_wire_message(&w, &f, &sub));
    assert_true(alt_wire_next(&w, &f));
    assert_int_equal(f.number, 5);
    assert_memory_equal(f.bytes.data, "12345678", 8);
    assert_false(alt_wire_next(&w, &f));
    assert_null(w.fault);
    assert_true(alt_wire_next(&sub, &f));
    alt_wire_int(&sub, &f, &i);
    assert_true(i == INT64_MAX);
    pb_free(&pb);
}

static void wrong_wire_type_is_a_fault(void **state)
{
    (void)state;
    struct pb pb = {0};
    pb_text(&pb, 1, "four");
    pb_int(&pb, 2, 1);
    struct alt_wire w;
    struct alt_wire_field f;
    int64_t i = 7;
    alt_wire_init(&w, pb.data, pb.size);
    assert_true(alt_wire_next(&w, &f));
    alt_wire_int(&w, &f, &i);
    assert_int_equal(i, 7);
    assert_non_null(w.fault);
    assert_false(alt_wire_next(&w, &f));

    struct alt_wire sub;
    alt_wire_init(&w, pb.data, pb.size);
    assert_true(alt_wire_next(&w, &f));
    assert_true(alt_wire_next(&w, &f));
    assert_false(alt_wire_message(&w, &f, &sub));
    assert_non_null(w.fault);
    pb_free(&pb);
}

static void repeated_numbers_packed_and_not(void **state)
{
    (void)state;
    const int64_t values[] = {1, -1, 300};
    int64_t out[4] = {0};
    struct pb pb = {0};
    pb_packed(&pb, 1, 3, values);
    pb_text(&pb, 2, "between");
    pb_int(&pb, 1, 9);
    struct alt_wire w, start;
    struct alt_wire_field f;
    struct alt_wire_numbers numbers = {0};
    alt_wire_init(&start, pb.data, pb.size);
    w = start;
    while (alt_wire_next(&w, &f))
        if (f.number == 1)
            alt_wire_gather(&w, &f, ALT_WIRE_VARINT, &numbers);
    assert_null(w.fault);
    assert_int_equal(numbers.count, 4);
    assert_int_equal(numbers.pieces, 2);
    w = start;
    assert_true(alt_wire_ints(&w, 1, out, 4));
    assert_true(out[0] == 1 && out[1] == -1 && out[2] == 300 && out[3] == 9);
    w = start;
    assert_false(alt_wire_ints(&w, 1, out, 3));
    pb_free(&pb);
}

static void packed_field_that_ends_within_an_element(void **state)
{
    (void)state;
    struct alt_wire w;
    struct alt_wire_field f;
    struct alt_wire_numbers numbers = {0};
    struct pb pb = {0};
    pb_bytes(&pb, 1, "12345", 5);
    alt_wire_init(&w, pb.data, pb.size);
    assert_true(alt_wire_next(&w, &f));
    alt_wire_gather(&w, &f, ALT_WIRE_I32, &numbers);
    assert_non_null(w.fault);
    pb_free(&pb);

    int64_t out[2];
    pb_bytes(&pb, 1, "\x01\x80", 2);
    alt_wire_init(&w, pb.data, pb.size);
    assert_false(alt_wire_ints(&w, 1, out, 1));
    assert_non_null(w.fault);
    pb_free(&pb);
}

static void hostile_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        {"\x00\x01", 2},                                             /* field number 0 */
        {"\x0e", 1},                                                 /* wire type 6 */
        {"\x08", 1},                                                 /* no value */
        {"\x08\x80", 2},                                             /* unfinished varint */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},         /* 65 bits */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12},     /* 11 bytes */
        {"\x0a\x05" "1234", 6},                                      /* one byte short */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},         /* length 2^64-1 */
        {"\x09" "1234567", 8},                                       /* 64 bits, one byte short */
        {"\x0d" "123", 4},                                           /* 32 bits, one byte short */
        {"\x0b\x08\x01", 3},                                         /* group without an end */
        {"\x0b\x14", 2},                                             /* group ended by another number */
        {"\x0c", 1},                                                 /* end without a group */
        {"\xf8\xff\xff\xff\xff\x01\x01", 7},                         /* field number over 29 bits */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (!walk_exact((const uint8_t *)bad[i].bytes, bad[i].size))
            fail_msg("hostile case %zu was accepted", i);
}

static void groups_are_skipped(void **state)
{
    (void)state;
    struct alt_wire w;
    struct alt_wire_field f;
    /* field 1 group { 2: varint 5; group 3 { 1: "a" } }, then field 4: varint 1 */
    static const char bytes[] = "\x0b\x10\x05\x1b\x0a\x01" "a" "\x1c\x0c\x20\x01";
    alt_wire_init(&w, bytes, sizeof bytes - 1);
    assert_true(alt_wire_next(&w, &f));
    assert_int_equal(f.number, 4);
    assert_false(alt_wire_next(&w, &f));
    assert_null(w.fault);
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    struct pb pb = {0};
    pb_int(&pb, 1, 1);
    for (int i = 0; i < 10000; i++) {
        struct pb outer = {0};
        pb_message(&outer, 1, &pb);
        pb = outer;
    }
    struct alt_wire w, inner;
    struct alt_wire_field f;
    int depth = 0;
    alt_wire_init(&w, pb.data, pb.size);
    while (alt_wire_next(&w, &f) && alt_wire_message(&w, &f, &inner)) {
        w = inner;
        depth++;
    }
    assert_non_null(w.fault);
    assert_int_equal(depth, ALT_WIRE_DEPTH - 1);
    pb_free(&pb);

    for (int i = 0; i < 10000; i++)
        pb_tag(&pb, 1, 3);
    for (int i = 0; i < 10000; i++)
        pb_tag(&pb, 1, 4);
    assert_non_null(walk_exact(pb.data, pb.size));
    pb_free(&pb);
}

static void every_truncation_ends_cleanly(void **state)
{
    (void)state;
    struct pb pb = {0}, inner = {0};
    pb_text(&inner, 1, "inner");
    pb_int(&inner, 2, 1 << 20);
    pb_message(&pb, 3, &inner);
    pb_float(&pb, 4, 1);
    assert_null(walk_exact(pb.data, pb.size));
    size_t refused = 0;
    for (size_t n = 0; n < pb.size; n++)
        refused += walk_exact(pb.data, n) != NULL;
    assert_int_equal(refused, pb.size - 2); /* all but the empty message and the one that ends between the two fields */
    pb_free(&pb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_field),
        cmocka_unit_test(wrong_wire_type_is_a_fault),
        cmocka_unit_test(repeated_numbers_packed_and_not),
        cmocka_unit_test(packed_field_that_ends_within_an_element),
        cmocka_unit_test(hostile_bytes),
        cmocka_unit_test(groups_are_skipped),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(every_truncation_ends_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
