/* test_copy.c: the strided copy engine against an element-by-element copy, on random boxes with every way of copying. */
#include "runtime/ops/copy.h"
#include "runtime/type.h"
#include "tests/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

enum { CASES = 3000 };

static uint32_t random_state = 12345;
static int64_t pick(int64_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (int64_t)(random_state >> 8) % n;
}

/* A dense destination; a source with permuted axes, some repeated, some reversed, some with gaps. Returns the source's
 * elements from its lowest to its highest. */
static int64_t random_box(struct alt_copy_box *box)
{
    int order[6];
    int64_t step = 1;
    memset(box, 0, sizeof *box);
    box->rank = (int)pick(6);
    bool big = pick(3) == 0;
    for (int i = 0; i < box->rank; i++) {
        box->extent[i] = pick(20) == 0 ? 0 : 1 + pick(i < 2 && big ? 40 : 5);
        order[i] = i;
    }
    for (int i = box->rank - 1; i > 0 && pick(2); i--) {
        int j = (int)pick(i + 1), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
    alt_dense_strides(box->rank, box->extent, box->dst);
    for (int i = box->rank - 1; i >= 0; i--) {
        int a = order[i];
        if (pick(6) == 0)
            continue;
        bool reversed = pick(6) == 0;
        box->src[a] = reversed ? -step : step;
        if (reversed && box->extent[a] > 0)
            box->src_at += step * (box->extent[a] - 1);
        step *= (box->extent[a] > 0 ? box->extent[a] : 1) + (pick(6) == 0);
    }
    return step;
}

static void copies_like_the_naive_loop(void **state)
{
    (void)state;
    static const alt_dtype types[] = {ALT_UINT8, ALT_FLOAT16, ALT_FLOAT32, ALT_INT64, ALT_COMPLEX128};
    for (int i = 0; i < CASES; i++) {
        struct alt_copy_box box;
        struct alt_copy c;
        int64_t span = random_box(&box), count = alt_dims_count(box.rank, box.extent);
        alt_dtype dtype = types[pick(5)];
        size_t size = alt_dtype_size(dtype);
        char *src = malloc((size_t)span * size), *dst = calloc((size_t)count + 2, size), *want = calloc((size_t)count + 2, size);
        for (size_t k = 0; k < (size_t)span * size; k++)
            src[k] = (char)pick(256);
        for (int64_t k = 0; k < count; k++)
            memcpy(want + (size_t)(k + 1) * size,
                   src + (box.src_at + alt_strided_offset(box.rank, box.extent, box.src, k)) * (int64_t)size, size);
        box.dst_at = 1;
        alt_copy_prepare(&c, dtype, &box);
        assert_int_equal(c.count, count);
        for (int64_t t = c.tiles; t > 0;) { /* uneven pieces, last first */
            int64_t n = 1 + pick(t);
            alt_copy_run(&c, src, dst, t - n, t);
            t -= n;
        }
        assert_memory_equal(dst, want, ((size_t)count + 2) * size);
        free(src);
        free(dst);
        free(want);
    }
}

static void copies_packed_elements(void **state)
{
    (void)state;
    const unsigned char src[] = {0x21, 0x43, 0x65}; /* 1 2 3 4 5 6 */
    unsigned char dst[3] = {0};
    struct alt_copy_box box = {.rank = 2, .extent = {3, 2}, .src = {1, 3}, .dst = {2, 1}};
    struct alt_copy c;
    alt_copy_prepare(&c, ALT_UINT4, &box);
    alt_copy_run(&c, src, dst, 0, c.tiles);
    assert_int_equal(dst[0], 0x41); /* 1 4 2 5 3 6 */
    assert_int_equal(dst[1], 0x52);
    assert_int_equal(dst[2], 0x63);
}

static void joins_what_is_dense(void **state)
{
    (void)state;
    struct alt_copy_box box = {.rank = 4, .extent = {2, 3, 1, 5}, .src = {15, 5, 99, 1}, .dst = {15, 5, 5, 1}};
    struct alt_copy c;
    alt_copy_prepare(&c, ALT_FLOAT32, &box);
    assert_int_equal(c.way, ALT_COPY_RUN);
    assert_int_equal(c.rank, 0);
    assert_int_equal(c.n, 30);
    struct alt_copy_box swap = {.rank = 3, .extent = {8, 100, 2}, .src = {2, 16, 1}, .dst = {200, 2, 1}};
    alt_copy_prepare(&c, ALT_FLOAT32, &swap);
    assert_int_equal(c.way, ALT_COPY_SWAP);
    assert_int_equal(c.size, 8);
}

static void knows_dense_strides(void **state)
{
    (void)state;
    assert_true(alt_is_dense(3, (const int64_t[]){2, 1, 3}, (const int64_t[]){3, 77, 1}));
    assert_true(alt_is_dense(2, (const int64_t[]){0, 3}, (const int64_t[]){9, 9}));
    assert_false(alt_is_dense(2, (const int64_t[]){2, 3}, (const int64_t[]){1, 2}));
    assert_false(alt_is_dense(1, (const int64_t[]){2}, (const int64_t[]){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_like_the_naive_loop),
        cmocka_unit_test(copies_packed_elements),
        cmocka_unit_test(joins_what_is_dense),
        cmocka_unit_test(knows_dense_strides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
