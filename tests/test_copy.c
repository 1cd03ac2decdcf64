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

/* An n x m x run box whose first two axes the copy exchanges; lines of both sides are followed by gaps, and both begin at odd addresses in
 * blocks without a byte to spare. */
struct exchange {
    alt_dtype dtype;
    int64_t n, m, run, src_gap, dst_gap;
};

static void exchange_like_the_naive_loop(const struct exchange *e)
{
    const int64_t src_line = e->m * e->run + e->src_gap, dst_line = e->n * e->run + e->dst_gap;
    const size_t size = alt_dtype_size(e->dtype);
    const size_t src_bytes = (size_t)(src_line * e->n - e->src_gap) * size + 1, dst_bytes = (size_t)(dst_line * e->m - e->dst_gap) * size + 1;
    char *src = malloc(src_bytes), *dst = malloc(dst_bytes), *want = malloc(dst_bytes);
    for (size_t k = 0; k < src_bytes; k++)
        src[k] = (char)pick(256);
    memset(dst, 0x5a, dst_bytes);
    memset(want, 0x5a, dst_bytes);
    for (int64_t i = 0; i < e->m; i++)
        for (int64_t j = 0; j < e->n; j++)
            memcpy(want + 1 + (size_t)(i * dst_line + j * e->run) * size, src + 1 + (size_t)(j * src_line + i * e->run) * size,
                   (size_t)e->run * size);
    struct alt_copy_box box = {.rank = 3, .extent = {e->m, e->n, e->run}, .src = {e->run, src_line, 1}, .dst = {dst_line, e->run, 1}};
    struct alt_copy c;
    alt_copy_prepare(&c, e->dtype, &box);
    alt_copy_run(&c, src + 1, dst + 1, 0, c.tiles);
    assert_memory_equal(dst, want, dst_bytes);
    free(src);
    free(dst);
    free(want);
}

static void transposes_every_shape(void **state)
{
    (void)state;
    static const alt_dtype types[] = {ALT_UINT8, ALT_FLOAT16, ALT_FLOAT32, ALT_INT64, ALT_COMPLEX128};
    static const int64_t extents[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 61, 64, 67, 128, 131};
    enum { TYPES = sizeof types / sizeof types[0], EXTENTS = sizeof extents / sizeof extents[0] };
    for (int t = 0; t < TYPES; t++)
        for (int a = 0; a < EXTENTS; a++)
            for (int b = 0; b < EXTENTS; b++)
                for (int gaps = 0; gaps < 4; gaps++)
                    exchange_like_the_naive_loop(&(struct exchange){types[t], extents[a], extents[b], 1, gaps & 1 ? 3 : 0, gaps & 2 ? 5 : 0});
}

/* Lines whose distance is a power of two, and tiles one after the other. */
static void transposes_large_blocks(void **state)
{
    (void)state;
    static const struct exchange cases[] = {
        {ALT_FLOAT32, 512, 512, 1, 0, 0},  {ALT_FLOAT32, 70, 1024, 1, 0, 0}, {ALT_FLOAT32, 1024, 49, 1, 0, 0}, {ALT_UINT8, 512, 1024, 1, 0, 0},
        {ALT_FLOAT16, 1024, 259, 1, 0, 0}, {ALT_INT64, 512, 128, 1, 0, 0},   {ALT_UINT8, 3, 5003, 1, 0, 0},    {ALT_UINT8, 5003, 3, 1, 0, 0},
        {ALT_FLOAT16, 3, 5003, 1, 0, 0},   {ALT_INT64, 5003, 3, 1, 0, 0},    {ALT_UINT8, 5, 5003, 1, 0, 0},    {ALT_FLOAT32, 2, 5003, 1, 0, 0},
        {ALT_INT64, 768, 1021, 1, 0, 0},   {ALT_INT64, 1021, 771, 1, 1, 1},  {ALT_COMPLEX128, 512, 520, 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        exchange_like_the_naive_loop(&cases[i]);
}

static void exchanges_runs_of_every_length(void **state)
{
    (void)state;
    for (int64_t run = 2; run < 300; run++)
        exchange_like_the_naive_loop(&(struct exchange){ALT_UINT8, 1 + pick(40), 1 + pick(40), run, pick(3), pick(3)});
    for (int64_t run = 1023; run < 1026; run++) /* of four bytes: around the longest that is not left to memcpy */
        exchange_like_the_naive_loop(&(struct exchange){ALT_FLOAT32, 7, 5, run, 1, 1});
}

static void repeats_runs_of_every_length(void **state)
{
    (void)state;
    for (int64_t run = 1; run < 80; run++) {
        struct alt_copy_box box = {.rank = 2, .extent = {5, run}, .src = {0, 1}, .dst = {run, 1}};
        struct alt_copy c;
        unsigned char *src = malloc((size_t)run), *dst = malloc((size_t)run * 5);
        for (int64_t k = 0; k < run; k++)
            src[k] = (unsigned char)pick(256);
        alt_copy_prepare(&c, ALT_UINT8, &box);
        alt_copy_run(&c, src, dst, 0, c.tiles);
        for (int64_t k = 0; k < 5; k++)
            assert_memory_equal(dst + k * run, src, (size_t)run);
        free(src);
        free(dst);
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
        cmocka_unit_test(transposes_every_shape),
        cmocka_unit_test(transposes_large_blocks),
        cmocka_unit_test(exchanges_runs_of_every_length),
        cmocka_unit_test(repeats_runs_of_every_length),
        cmocka_unit_test(copies_packed_elements),
        cmocka_unit_test(joins_what_is_dense),
        cmocka_unit_test(knows_dense_strides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
