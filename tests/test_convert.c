/* test_convert.c: conversions between random layouts, every way and every tiling, against an oracle that asks the index
 * maps position by position; guard bytes around the destination; packed types; the kernel as a plan calls it. */
#include "runtime/layout_convert.h"
#include "runtime/mem.h"
#include "runtime/pool.h"
#include "runtime/step.h"
#include "runtime/type.h"
#include "tests/cmocka_all.h"
#include "tests/random_layout.h"

#include <stdlib.h>
#include <string.h>

enum { GUARD = 64, GUARD_BYTE = 0xa5 };

static struct alt_mem mem;
static struct alt_arena arena;

static int open_arena(void **state)
{
    (void)state;
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    alt_arena_free(&arena);
    return 0;
}

static int64_t count_of(int rank, const int64_t *extent)
{
    int64_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= extent[i];
    return n;
}

static int64_t offset_of(int rank, const int64_t *at, const int64_t *stride)
{
    int64_t offset = 0;
    for (int i = 0; i < rank; i++)
        offset += at[i] * stride[i];
    return offset;
}

/* Elements spanned by strides >= 0. */
static int64_t span_of(int rank, const int64_t *extent, const int64_t *stride)
{
    int64_t span = 1;
    for (int i = 0; i < rank; i++) {
        if (extent[i] == 0)
            return 0;
        span += (extent[i] - 1) * stride[i];
    }
    return span;
}

/* Strides of some physical order with holes between elements. */
static void random_strides(struct rng *r, int rank, const int64_t *extent, int64_t *stride)
{
    int order[ALT_MAX_PHYSICAL_RANK];
    int64_t step = rng_range(r, 1, 2);

    for (int i = 0; i < rank; i++)
        order[i] = i;
    for (int i = rank - 1; i > 0; i--) {
        const int j = (int)rng_range(r, 0, i), old = order[i];
        order[i] = order[j];
        order[j] = old;
    }
    for (int i = 0; i < rank; i++) {
        stride[order[i]] = step;
        step *= (extent[order[i]] > 0 ? extent[order[i]] : 1) + rng_range(r, 0, 1);
    }
}

struct side {
    const struct alt_layout *layout;
    struct alt_layout_map map;
    int64_t stride[ALT_MAX_PHYSICAL_RANK], span; /* elements */
    unsigned char *bytes;                        /* GUARD bytes before and behind */
};

static void open_side(struct side *s, struct rng *r, int rank, const int64_t *dims, bool strided)
{
    assert_int_equal(alt_layout_bind(s->layout, rank, dims, &s->map), ALT_OK);
    if (strided)
        random_strides(r, s->map.phys_rank, s->map.phys_extent, s->stride);
    else
        alt_dense_strides(s->map.phys_rank, s->map.phys_extent, s->stride);
    s->span = span_of(s->map.phys_rank, s->map.phys_extent, s->stride);
}

/* Element `e` of a tensor is these bytes: never zero, so that padding shows. */
static unsigned char byte_of(int64_t e, size_t b)
{
    return (unsigned char)(1 + (e * 37 + (int64_t)b * 101) % 255);
}

static int64_t number_of(const struct alt_layout_map *map, const int64_t *logical)
{
    int64_t n = 0;
    for (int i = 0; i < map->rank; i++)
        n = n * map->extent[i] + logical[i];
    return n;
}

/* Fills a side the slow way; `filler` goes to what no position names. */
static void fill(struct side *s, size_t size, int filler, int hole)
{
    int64_t at[ALT_MAX_PHYSICAL_RANK] = {0}, logical[ALT_MAX_RANK];
    memset(s->bytes, filler, (size_t)s->span * size + 2 * GUARD);
    if (count_of(s->map.phys_rank, s->map.phys_extent) == 0)
        return;
    do {
        unsigned char *to = s->bytes + GUARD + (size_t)offset_of(s->map.phys_rank, at, s->stride) * size;
        const bool there = alt_layout_inverse(&s->map, at, logical);
        for (size_t b = 0; b < size; b++)
            to[b] = there ? byte_of(number_of(&s->map, logical), b) : (unsigned char)hole;
    } while (next_index(s->map.phys_rank, s->map.phys_extent, at));
}

static void run_in_pieces(const struct alt_convert *c, struct rng *r, const void *src, void *dst)
{
    int64_t cut[4] = {0, rng_range(r, 0, c->tiles), rng_range(r, 0, c->tiles), c->tiles};
    if (cut[1] > cut[2]) {
        const int64_t old = cut[1];
        cut[1] = cut[2];
        cut[2] = old;
    }
    for (int i = 2; i >= 0; i--) /* any order */
        alt_convert_run(c, src, dst, cut[i], cut[i + 1]);
}

static void test_random_layouts(void **state)
{
    (void)state;
    static const alt_dtype types[] = {ALT_UINT8, ALT_FLOAT16, ALT_FLOAT32, ALT_INT64, ALT_COMPLEX128};
    const struct random_layout_limits from = {6000, 6, true}, to = {6000, 6, true};
    int ways[3] = {0}, runs = 0;

    for (uint64_t seed = 1; seed <= 2500; seed++) {
        struct rng r = rng_seed(seed);
        int64_t dims[ALT_MAX_RANK];
        const int rank = (int)rng_range(&r, 0, 4);
        const alt_dtype dtype = types[seed % 5];
        const size_t size = alt_dtype_size(dtype);
        struct side a = {0}, b = {0};
        random_shape(&r, rank, dims);
        a.layout = rng_range(&r, 0, 2) ? random_layout(&r, &arena, rank, dims, &from) : NULL;
        b.layout = rng_range(&r, 0, 2) ? random_layout(&r, &arena, rank, dims, &to) : a.layout;
        open_side(&a, &r, rank, dims, rng_range(&r, 0, 1));
        open_side(&b, &r, rank, dims, rng_range(&r, 0, 2) == 0);
        a.bytes = malloc((size_t)a.span * size + 2 * GUARD);
        b.bytes = malloc((size_t)b.span * size + 2 * GUARD);
        unsigned char *want = malloc((size_t)b.span * size + 2 * GUARD);
        assert_true(a.bytes && b.bytes && want);
        fill(&b, size, GUARD_BYTE, 0);
        memcpy(want, b.bytes, (size_t)b.span * size + 2 * GUARD);
        fill(&a, size, 0xee, 0xdd); /* what lies in the source's padding must not come through */
        const struct alt_convert_spec spec = {dtype, rank, dims, a.layout, b.layout, a.stride, b.stride};
        for (int tables = 0; tables < 2; tables++) {
            struct alt_convert c;
            memset(b.bytes, GUARD_BYTE, (size_t)b.span * size + 2 * GUARD);
            assert_int_equal(alt_convert_prepare(&c, tables ? &arena : NULL, &spec), ALT_OK);
            run_in_pieces(&c, &r, a.bytes + GUARD, b.bytes + GUARD);
            ways[c.way]++;
            runs += c.run != NULL;
            if (memcmp(b.bytes, want, (size_t)b.span * size + 2 * GUARD) != 0) {
                char text[2][1024];
                alt_layout_print(a.layout, text[0], sizeof text[0]);
                alt_layout_print(b.layout, text[1], sizeof text[1]);
                fail_msg("seed %d, way %d: %s to %s", (int)seed, (int)c.way, text[0], text[1]);
            }
        }
        free(a.bytes);
        free(b.bytes);
        free(want);
    }
    assert_true(ways[ALT_CONVERT_COPY] > 100 && ways[ALT_CONVERT_TABLE] > 500 && ways[ALT_CONVERT_MAP] > 500 && runs > 100);
}

/* Large enough for several tiles, chunked rows and refused tables. */
static void check_large(const char *from, const char *to, int rank, const int64_t *dims, enum alt_convert_way way)
{
    struct rng r = rng_seed(1);
    struct side a = {0}, b = {0};
    struct alt_convert c;
    assert_int_equal(alt_layout_parse(&arena, from, &a.layout), ALT_OK);
    assert_int_equal(alt_layout_parse(&arena, to, &b.layout), ALT_OK);
    open_side(&a, &r, rank, dims, false);
    open_side(&b, &r, rank, dims, false);
    a.bytes = malloc((size_t)a.span * 4 + 2 * GUARD);
    b.bytes = malloc((size_t)b.span * 4 + 2 * GUARD);
    unsigned char *want = malloc((size_t)b.span * 4 + 2 * GUARD);
    assert_true(a.bytes && b.bytes && want);
    fill(&a, 4, 0xee, 0xdd);
    fill(&b, 4, GUARD_BYTE, 0);
    memcpy(want, b.bytes, (size_t)b.span * 4 + 2 * GUARD);
    memset(b.bytes, GUARD_BYTE, (size_t)b.span * 4 + 2 * GUARD);
    const struct alt_convert_spec spec = {ALT_FLOAT32, rank, dims, a.layout, b.layout, NULL, NULL};
    assert_int_equal(alt_convert_prepare(&c, &arena, &spec), ALT_OK);
    assert_int_equal(c.way, way);
    assert_true(c.tiles > 1);
    for (int64_t t = c.tiles - 1; t >= 0; t--)
        alt_convert_run(&c, a.bytes + GUARD, b.bytes + GUARD, t, t + 1);
    assert_memory_equal(b.bytes, want, (size_t)b.span * 4 + 2 * GUARD);
    free(a.bytes);
    free(b.bytes);
    free(want);
}

static void test_large(void **state)
{
    (void)state;
    const int64_t image[4] = {2, 19, 33, 41}, line[1] = {100000}, matrix[2] = {40001, 5};
    const int64_t full[] = {2, 24, 21, 37}; /* channels fill their blocks */
    check_large("plain", "4: pad_to(1,8) split(1,[-1,8]) reorder([0,1,3,4,2])", 4, image, ALT_CONVERT_TABLE);
    check_large("4: pad_to(1,8) split(1,[-1,8]) reorder([0,1,3,4,2])", "plain", 4, image, ALT_CONVERT_TABLE);
    check_large("plain", "4: pad_to(1,8) split(1,[-1,8]) reorder([0,1,3,4,2])", 4, full, ALT_CONVERT_COPY);
    check_large("4: pad_to(1,8) split(1,[-1,8]) reorder([0,1,3,4,2])", "plain", 4, full, ALT_CONVERT_COPY);
    check_large("4: pad_to(1,8) split(1,[-1,8]) reorder([0,1,3,4,2])", "4: reorder([2,3,0,1]) unfold(1,7,3)", 4, image,
                ALT_CONVERT_TABLE);
    check_large("plain", "1: pad(0,3,5)", 1, line, ALT_CONVERT_MAP);
    check_large("plain", "2: reorder([1,0]) pad(1,0,9)", 2, matrix, ALT_CONVERT_TABLE);
    check_large("2: fuse(0,2) split(0,[-1,5])", "2: fuse(0,2)", 2, matrix, ALT_CONVERT_MAP);
}

/* ---- packed types ---- */

static unsigned get_bits(const unsigned char *bytes, int64_t i, unsigned bits)
{
    return (unsigned)(bytes[i * (int64_t)bits / 8] >> (i * (int64_t)bits % 8)) & ((1u << bits) - 1);
}

static void test_packed(void **state)
{
    (void)state;
    const struct random_layout_limits limits = {2000, 5, true};

    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct rng r = rng_seed(seed);
        int64_t dims[ALT_MAX_RANK], at[ALT_MAX_PHYSICAL_RANK] = {0}, logical[ALT_MAX_RANK];
        struct alt_layout_map map;
        const int rank = (int)rng_range(&r, 1, 3);
        random_shape(&r, rank, dims);
        const struct alt_layout *layout = random_layout(&r, &arena, rank, dims, &limits);
        assert_int_equal(alt_layout_bind(layout, rank, dims, &map), ALT_OK);
        struct alt_tensor t = {.dtype = seed % 2 ? ALT_UINT4 : ALT_INT2, .rank = rank};
        const unsigned bits = alt_dtype_bits(t.dtype);
        memcpy(t.dim, dims, sizeof t.dim);
        t.bytes = alt_dtype_bytes(t.dtype, count_of(rank, dims));
        unsigned char *data = alt_arena_data(&arena, t.bytes);
        for (size_t i = 0; i < t.bytes; i++)
            data[i] = (unsigned char)rng_next(&r);
        t.data = data;
        size_t bytes;
        assert_int_equal(alt_layout_bytes(layout, &t, &bytes), ALT_OK);
        assert_int_equal(bytes, (count_of(map.phys_rank, map.phys_extent) * bits + 7) / 8);
        unsigned char *out = malloc(bytes + 1);
        assert_non_null(out);
        memset(out, 0xff, bytes + 1);
        assert_int_equal(alt_layout_pack(&(struct alt_pack){layout, &t, out}, 1, NULL), ALT_OK);
        assert_int_equal(out[bytes], 0xff);
        if (count_of(map.phys_rank, map.phys_extent) > 0)
            do {
                int64_t position = 0;
                for (int k = 0; k < map.phys_rank; k++)
                    position = position * map.phys_extent[k] + at[k];
                const bool there = alt_layout_inverse(&map, at, logical);
                assert_int_equal(get_bits(out, position, bits), there ? get_bits(data, number_of(&map, logical), bits) : 0);
            } while (next_index(map.phys_rank, map.phys_extent, at));
        free(out);
    }
}

/* Whoever takes part, a constant is laid out the same: several at once, in shares that end within
 * one and span two, with padding and without. */
static void test_pack_by_a_crew(void **state)
{
    (void)state;
    const struct alt_pool_setup setup = {4, 4, pthread_create};
    const struct alt_crew crew = {alt_pool_create(&setup), 4};
    assert_non_null(crew.pool);
    const struct alt_layout *blocked, *panels, *layouts[3];
    assert_int_equal(alt_layout_blocked(&arena, 2, 0, 16, &blocked), ALT_OK);
    assert_int_equal(alt_layout_panels(&arena, 1, 24, &panels), ALT_OK);
    layouts[0] = NULL;
    layouts[1] = blocked;
    layouts[2] = panels;
    struct alt_tensor t[3];
    struct alt_pack together[3], alone[3];
    size_t bytes[3];
    for (int i = 0; i < 3; i++) {
        struct rng r = rng_seed((uint64_t)i + 1);
        t[i] = (struct alt_tensor){.dtype = ALT_FLOAT32, .rank = 2, .dim = {1031, 203 + i}};
        t[i].bytes = (size_t)(t[i].dim[0] * t[i].dim[1]) * sizeof(float);
        unsigned char *data = alt_arena_data(&arena, t[i].bytes + 1);
        data++; /* as a file has it: aligned to nothing */
        for (size_t k = 0; k < t[i].bytes; k++)
            data[k] = (unsigned char)rng_next(&r);
        t[i].data = data;
        assert_int_equal(alt_layout_bytes(layouts[i], &t[i], &bytes[i]), ALT_OK);
        together[i] = (struct alt_pack){layouts[i], &t[i], alt_arena_data(&arena, bytes[i])};
        alone[i] = (struct alt_pack){layouts[i], &t[i], alt_arena_data(&arena, bytes[i])};
        memset(together[i].data, 0x55, bytes[i]);
        assert_int_equal(alt_layout_pack(&alone[i], 1, NULL), ALT_OK);
    }
    assert_int_equal(alt_layout_pack(together, 3, &crew), ALT_OK);
    for (int i = 0; i < 3; i++)
        assert_memory_equal(together[i].data, alone[i].data, bytes[i]);
    assert_memory_equal(together[0].data, t[0].data, bytes[0]);
    assert_true(alt_pool_workers(crew.pool) > 0);
    alt_pool_destroy(crew.pool);
}

static void test_packed_needs_dense(void **state)
{
    (void)state;
    struct alt_convert c;
    const int64_t dims[2] = {4, 4}, stride[2] = {8, 1};
    const struct alt_convert_spec spec = {ALT_UINT4, 2, dims, NULL, NULL, stride, NULL};
    assert_int_equal(alt_convert_prepare(&c, &arena, &spec), ALT_E_SHAPE);
}

/* ---- failures, and the kernel ---- */

static void test_refusals(void **state)
{
    (void)state;
    const struct alt_layout *layout = NULL;
    size_t bytes = 77;
    assert_int_equal(alt_layout_parse(&arena, "1: split(0,[-1,4])", &layout), ALT_OK);
    struct alt_tensor t = {.dtype = ALT_FLOAT32, .rank = 1, .dim = {6}};
    assert_int_equal(alt_layout_bytes(layout, &t, &bytes), ALT_E_ILLEGAL);
    assert_int_equal(alt_layout_pack(&(struct alt_pack){layout, &t, NULL}, 1, NULL), ALT_E_ILLEGAL);
    assert_int_equal(alt_layout_parse(&arena, "1: pad(0,4611686018427387904,0)", &layout), ALT_OK);
    assert_int_equal(alt_layout_bytes(layout, &t, &bytes), ALT_E_SHAPE);
    assert_int_equal(bytes, 77);
}

/* Without memory for tables the answer is the same. */
static void test_no_memory_for_tables(void **state)
{
    (void)state;
    struct alt_mem small;
    struct alt_arena tight;
    struct alt_convert c;
    const struct alt_layout *layout = NULL;
    const int64_t dims[2] = {3, 5};
    float in[15], out[24];

    for (int i = 0; i < 15; i++)
        in[i] = (float)(i + 1);
    alt_mem_init(&small, NULL, 1);
    alt_arena_init(&tight, &small);
    assert_int_equal(alt_layout_blocked(&arena, 2, 1, 8, &layout), ALT_OK);
    const struct alt_convert_spec spec = {ALT_FLOAT32, 2, dims, NULL, layout, NULL, NULL};
    assert_int_equal(alt_convert_prepare(&c, &tight, &spec), ALT_OK);
    assert_int_equal(c.way, ALT_CONVERT_MAP);
    alt_convert_run(&c, in, out, 0, c.tiles);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 8; j++)
            assert_true(out[i * 8 + j] == (j < 5 ? in[i * 5 + j] : 0.0f));
    alt_arena_free(&tight);
}

static void test_kernel(void **state)
{
    (void)state;
    const struct alt_layout *layout = NULL;
    struct alt_layout_map map;
    const int64_t dims[4] = {1, 5, 2, 3};
    float in[30], out[48];
    struct alt_operand op[2];

    for (int i = 0; i < 30; i++)
        in[i] = (float)(i + 1);
    assert_int_equal(alt_layout_blocked(&arena, 4, 1, 8, &layout), ALT_OK);
    assert_int_equal(alt_layout_bind(layout, 4, dims, &map), ALT_OK);
    assert_int_equal(alt_operand_dense(&op[0], ALT_FLOAT32, 4, dims), ALT_OK);
    op[1] = op[0];
    op[1].layout = layout;
    op[1].phys_rank = map.phys_rank;
    memcpy(op[1].extent, map.phys_extent, sizeof map.phys_extent);
    alt_dense_strides(map.phys_rank, map.phys_extent, op[1].stride);

    const struct alt_kernel *kernel = alt_convert_kernel(ALT_FLOAT32);
    struct alt_kernel_bind bind = {.kernel = kernel, .arena = &arena, .n_in = 1, .n_out = 1, .in = &op[0],
                                   .out = &op[1], .range = 1};
    assert_non_null(kernel);
    assert_null(alt_convert_kernel(ALT_NONE));
    assert_int_equal(kernel->bind(&bind), ALT_OK);
    const struct alt_koperand operand[2] = {{in, 4, op[0].extent, op[0].stride}, {out, 5, op[1].extent, op[1].stride}};
    const struct alt_kargs args = {.abi = ALT_KERNEL_ABI, .operand_count = 2, .operand = operand, .end = bind.range,
                                   .params = bind.params};
    kernel->fn(&args);
    for (int at = 0; at < 6; at++)
        for (int ch = 0; ch < 8; ch++)
            assert_true(out[at * 8 + ch] == (ch < 5 ? in[ch * 6 + at] : 0.0f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_layouts), cmocka_unit_test(test_large),  cmocka_unit_test(test_packed),
        cmocka_unit_test(test_packed_needs_dense), cmocka_unit_test(test_pack_by_a_crew), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_memory_for_tables), cmocka_unit_test(test_kernel),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
