/* test_layout.c: layout primitives: maps both ways on random legal sequences, refusals, text, and the cases that are easy
 * to get wrong (tiles that overrun, steps that lose elements, extents that are not known yet). */
#include "runtime/layout.h"
#include "runtime/mem.h"
#include "tests/cmocka_all.h"
#include "tests/random_layout.h"

#include <string.h>

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

static const struct alt_layout *parse(const char *text)
{
    const struct alt_layout *layout = NULL;
    const alt_status status = alt_layout_parse(&arena, text, &layout);
    if (status != ALT_OK)
        fail_msg("%s: %s", text, alt_status_name(status));
    return layout;
}

static struct alt_layout_map bind(const char *text, int rank, const int64_t *dims)
{
    struct alt_layout_map map;
    assert_int_equal(alt_layout_bind(parse(text), rank, dims, &map), ALT_OK);
    return map;
}

static bool empty(int rank, const int64_t *extent)
{
    for (int i = 0; i < rank; i++)
        if (extent[i] == 0)
            return true;
    return false;
}

/* ---- the maps ---- */

static void expect_inverse_of_forward(const struct alt_layout_map *map)
{
    int64_t at[ALT_MAX_RANK] = {0}, phys[ALT_MAX_PHYSICAL_RANK], back[ALT_MAX_RANK];

    if (empty(map->rank, map->extent))
        return;
    do {
        alt_layout_forward(map, at, phys);
        for (int i = 0; i < map->phys_rank; i++)
            assert_in_range(phys[i], 0, map->phys_extent[i] - 1);
        assert_true(alt_layout_inverse(map, phys, back));
        assert_memory_equal(at, back, (size_t)map->rank * sizeof *at);
    } while (next_index(map->rank, map->extent, at));
}

/* Every physical position is an element or none; the number of positions that are the canonical one of their element is
 * the number of elements, and without unfold each position with an element is canonical. */
static void expect_forward_of_inverse(const struct alt_layout_map *map, bool injective)
{
    int64_t phys[ALT_MAX_PHYSICAL_RANK] = {0}, at[ALT_MAX_RANK] = {0}, again[ALT_MAX_PHYSICAL_RANK];
    int64_t canonical = 0, elements = 1;

    for (int i = 0; i < map->rank; i++)
        elements *= map->extent[i];
    if (!empty(map->phys_rank, map->phys_extent))
        do {
            if (!alt_layout_inverse(map, phys, at))
                continue;
            for (int i = 0; i < map->rank; i++)
                assert_in_range(at[i], 0, map->extent[i] - 1);
            alt_layout_forward(map, at, again);
            const bool same = memcmp(again, phys, (size_t)map->phys_rank * sizeof *phys) == 0;
            assert_true(same || !injective);
            canonical += same;
        } while (next_index(map->phys_rank, map->phys_extent, phys));
    assert_int_equal(canonical, elements);
}

/* A coordinate changes only with the logical axes that it is said to depend on. */
static void expect_depends(const struct alt_layout_map *map, struct rng *r)
{
    unsigned mask[ALT_MAX_PHYSICAL_RANK];
    int64_t at[ALT_MAX_RANK], a[ALT_MAX_PHYSICAL_RANK], b[ALT_MAX_PHYSICAL_RANK];

    alt_layout_depends(map, mask);
    if (map->rank == 0 || empty(map->rank, map->extent))
        return;
    for (int i = 0; i < map->rank; i++)
        at[i] = rng_range(r, 0, map->extent[i] - 1);
    alt_layout_forward(map, at, a);
    const int axis = (int)rng_range(r, 0, map->rank - 1);
    at[axis] = rng_range(r, 0, map->extent[axis] - 1);
    alt_layout_forward(map, at, b);
    for (int i = 0; i < map->phys_rank; i++)
        assert_true(a[i] == b[i] || (mask[i] & 1u << axis));
}

static void expect_text_round_trip(const struct alt_layout *layout)
{
    char text[2048], again[2048];
    const struct alt_layout *back = NULL;

    const size_t length = alt_layout_print(layout, text, sizeof text);
    assert_true(length < sizeof text && strlen(text) == length);
    assert_int_equal(alt_layout_parse(&arena, text, &back), ALT_OK);
    assert_true(alt_layout_equal(layout, back));
    assert_true(alt_layout_hash(layout) == alt_layout_hash(back));
    alt_layout_print(back, again, sizeof again);
    assert_string_equal(text, again);
}

static void test_random_sequences(void **state)
{
    (void)state;
    const struct random_layout_limits limits = {4000, 12, true};
    int used[ALT_LAYOUT_OP_COUNT] = {0};

    for (uint64_t seed = 1; seed <= 1500; seed++) {
        struct rng r = rng_seed(seed);
        int64_t dims[ALT_MAX_RANK];
        struct alt_layout_map map;
        const int rank = (int)rng_range(&r, 0, 5);
        random_shape(&r, rank, dims);
        const struct alt_layout *layout = random_layout(&r, &arena, rank, dims, &limits);
        assert_int_equal(alt_layout_bind(layout, rank, dims, &map), ALT_OK);
        assert_int_equal(map.phys_rank, alt_layout_phys_rank(layout, rank));
        for (int i = 0; layout && i < layout->count; i++)
            used[layout->prim[i].op]++;
        expect_inverse_of_forward(&map);
        expect_forward_of_inverse(&map, alt_layout_injective(layout));
        expect_depends(&map, &r);
        expect_text_round_trip(layout);
    }
    for (int i = 0; i < ALT_LAYOUT_OP_COUNT; i++)
        assert_true(used[i] > 100); /* the generator reaches every primitive */
}

/* Symbolic and concrete appending agree: what is legal for the shape is legal before it is known. */
static void test_symbolic_extents(void **state)
{
    (void)state;
    const struct random_layout_limits limits = {4000, 8, true};
    struct alt_extents unknown = {0};

    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct rng r = rng_seed(seed);
        int64_t dims[ALT_MAX_RANK];
        unknown.rank = (int)rng_range(&r, 1, 4);
        random_shape(&r, unknown.rank, dims);
        const struct alt_layout *layout = random_layout(&r, &arena, unknown.rank, dims, &limits), *same = NULL;
        for (int i = 0; i < unknown.rank; i++)
            unknown.extent[i] = -1 - i;
        for (int i = 0; layout && i < layout->count; i++)
            assert_int_equal(alt_layout_append(&arena, same, &unknown, &layout->prim[i], &same), ALT_OK);
        assert_true(alt_layout_equal(layout, same));
    }
}

static void test_bind_decides_late(void **state)
{
    (void)state;
    struct alt_layout_map map;
    const struct alt_layout *split = parse("1: split(0,[-1,4])"), *unfold = parse("1: unfold(0,6,4)");
    assert_int_equal(alt_layout_bind(split, 1, (int64_t[]){8}, &map), ALT_OK);
    assert_int_equal(map.phys_extent[0], 2);
    assert_int_equal(alt_layout_bind(split, 1, (int64_t[]){9}, &map), ALT_E_ILLEGAL);
    assert_int_equal(alt_layout_bind(split, 1, (int64_t[]){0}, &map), ALT_OK);
    assert_int_equal(map.phys_extent[0], 0);
    assert_int_equal(alt_layout_bind(unfold, 1, (int64_t[]){5}, &map), ALT_E_ILLEGAL);
    assert_int_equal(alt_layout_bind(unfold, 1, (int64_t[]){6}, &map), ALT_OK);
    assert_int_equal(alt_layout_bind(unfold, 1, (int64_t[]){-1}, &map), ALT_E_ILLEGAL);
    assert_int_equal(alt_layout_bind(unfold, 2, (int64_t[]){6, 6}, &map), ALT_E_ILLEGAL);
    assert_int_equal(alt_layout_bind(parse("1: split(0,[2,4])"), 1, (int64_t[]){12}, &map), ALT_E_ILLEGAL);
    assert_int_equal(alt_layout_bind(parse("1: pad(0,0,1)"), 1, (int64_t[]){INT64_MAX}, &map), ALT_E_ILLEGAL);
}

/* ---- known cases ---- */

/* {1,2,3,4,5} in tiles of 3 that start 2 apart: {1,2,3},{3,4,5}. */
static void test_unfold_example(void **state)
{
    (void)state;
    const struct alt_layout_map map = bind("1: unfold(0,3,2)", 1, (int64_t[]){5});
    int64_t at;
    assert_int_equal(map.phys_extent[0], 2);
    assert_int_equal(map.phys_extent[1], 3);
    for (int64_t t = 0; t < 2; t++)
        for (int64_t b = 0; b < 3; b++) {
            assert_true(alt_layout_inverse(&map, (int64_t[]){t, b}, &at));
            assert_int_equal(at, 2 * t + b);
        }
}

/* N=10, B=3, S=2: the last of 5 tiles would read element 10, which does not exist. */
static void test_unfold_overrun(void **state)
{
    (void)state;
    const struct alt_layout_map map = bind("1: unfold(0,3,2)", 1, (int64_t[]){10});
    int64_t at, phys[2];
    assert_int_equal(map.phys_extent[0], 5);
    assert_true(alt_layout_inverse(&map, (int64_t[]){4, 1}, &at));
    assert_int_equal(at, 9);
    assert_false(alt_layout_inverse(&map, (int64_t[]){4, 2}, &at));
    alt_layout_forward(&map, (int64_t[]){8}, phys); /* element 8 is in tiles 3 and 4; the later one is canonical */
    assert_int_equal(phys[0], 4);
    assert_int_equal(phys[1], 0);
}

/* A tile that is longer than two steps: the last tile takes what is left, so floor(e / S) alone would be out of range. */
static void test_unfold_last_tile(void **state)
{
    (void)state;
    const struct alt_layout_map map = bind("1: unfold(0,5,2)", 1, (int64_t[]){9});
    int64_t phys[2];
    assert_int_equal(map.phys_extent[0], 3);
    alt_layout_forward(&map, (int64_t[]){8}, phys);
    assert_int_equal(phys[0], 2);
    assert_int_equal(phys[1], 4);
}

static void test_blocked_channels(void **state)
{
    (void)state;
    const struct alt_layout *layout = NULL;
    struct alt_layout_map map;
    char text[100];
    int64_t phys[5];

    assert_int_equal(alt_layout_blocked(&arena, 4, 1, 8, &layout), ALT_OK);
    alt_layout_print(layout, text, sizeof text);
    assert_string_equal(text, "4: pad_to(1,8) split(1,[-1,8]) reorder([0,1,3,4,2])");
    assert_int_equal(alt_layout_bind(layout, 4, (int64_t[]){2, 19, 5, 7}, &map), ALT_OK);
    static const int64_t want[5] = {2, 3, 5, 7, 8};
    assert_int_equal(map.phys_rank, 5);
    assert_memory_equal(map.phys_extent, want, sizeof want);
    alt_layout_forward(&map, (int64_t[]){1, 18, 4, 6}, phys);
    static const int64_t where[5] = {1, 2, 4, 6, 2};
    assert_memory_equal(phys, where, sizeof where);
    assert_int_equal(alt_layout_blocked(&arena, 4, 4, 8, &layout), ALT_E_ILLEGAL);
    assert_int_equal(alt_layout_blocked(&arena, 4, 1, 0, &layout), ALT_E_ILLEGAL);
    assert_int_equal(alt_layout_blocked(&arena, 0, 0, 8, &layout), ALT_E_ILLEGAL);
    assert_int_equal(alt_layout_blocked(&arena, ALT_MAX_RANK + 1, 0, 8, &layout), ALT_E_ILLEGAL);
}

/* The window access reads the element it should, through the unfold made for it; tiles line up with output tiles. */
static void test_window(void **state)
{
    (void)state;
    int64_t cases = 0;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        struct rng r = rng_seed(seed);
        const struct alt_window w = {rng_range(&r, 1, 4), rng_range(&r, 1, 3), rng_range(&r, 1, 5), rng_range(&r, 1, 6)};
        const int64_t reach = w.dilation * (w.taps - 1) + 1, extent = reach + rng_range(&r, 0, 30);
        const int64_t outputs = (extent - reach) / w.stride + 1;
        int64_t tile, step, t, b, at;
        struct alt_layout_map map;
        assert_int_equal(alt_window_unfold(&w, &tile, &step), ALT_OK);
        if (tile > extent)
            continue;
        const struct alt_extents shape = {1, {extent}};
        const struct alt_layout_prim p = {ALT_LAYOUT_UNFOLD, 0, 2, {tile, step}};
        const struct alt_layout *layout = NULL;
        assert_int_equal(alt_layout_append(&arena, NULL, &shape, &p, &layout), ALT_OK);
        assert_int_equal(alt_layout_bind(layout, 1, &extent, &map), ALT_OK);
        assert_true(map.phys_extent[0] >= (outputs + w.outputs - 1) / w.outputs);
        for (int64_t i = 0; i < outputs; i++)
            for (int64_t m = 0; m < w.taps; m++) {
                alt_window_access(&w, i, m, &t, &b);
                assert_true(t < map.phys_extent[0] && b < map.phys_extent[1]);
                assert_true(alt_layout_inverse(&map, (int64_t[]){t, b}, &at));
                assert_int_equal(at, w.stride * i + w.dilation * m);
            }
        cases++;
    }
    assert_true(cases > 5000);
    int64_t tile, step;
    assert_int_equal(alt_window_unfold(&(struct alt_window){0, 1, 1, 1}, &tile, &step), ALT_E_ILLEGAL);
    assert_int_equal(alt_window_unfold(&(struct alt_window){1, INT64_MAX, 3, 1}, &tile, &step), ALT_E_ILLEGAL);
    assert_int_equal(alt_window_unfold(&(struct alt_window){INT64_MAX, 1, 1, 2}, &tile, &step), ALT_E_ILLEGAL);
}

/* ---- refusals ---- */

/* Refused on shape (6, 4, 3), and the layout so far is left as it was. */
static void test_refusals(void **state)
{
    (void)state;
    static const struct alt_layout_prim bad[] = {
        {ALT_LAYOUT_SPLIT, 0, 2, {2, 4}},          /* product is 8 */
        {ALT_LAYOUT_SPLIT, 0, 2, {-1, 4}},         /* does not divide */
        {ALT_LAYOUT_SPLIT, 0, 2, {-1, -1}},        /* two unknowns */
        {ALT_LAYOUT_SPLIT, 0, 2, {6, 0}},          /* no factor 0 */
        {ALT_LAYOUT_SPLIT, 0, 2, {-2, -3}},        /* product right, signs not */
        {ALT_LAYOUT_SPLIT, 0, 1, {6}},             /* nothing is split */
        {ALT_LAYOUT_SPLIT, 3, 2, {1, 1}},          /* no such axis */
        {ALT_LAYOUT_SPLIT, -1, 2, {2, 3}},
        {ALT_LAYOUT_SPLIT, 0, 3, {INT64_MAX, 2, 3}}, /* overflow */
        {ALT_LAYOUT_SPLIT, 0, 15, {6, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}, /* rank 17 */
        {ALT_LAYOUT_REORDER, 0, 3, {0, 1, 1}},     /* not a permutation */
        {ALT_LAYOUT_REORDER, 0, 3, {0, 1, 3}},
        {ALT_LAYOUT_REORDER, 0, 3, {0, -1, 1}},
        {ALT_LAYOUT_REORDER, 0, 2, {1, 0}},        /* not all axes */
        {ALT_LAYOUT_REORDER, 0, 4, {0, 1, 2, 3}},
        {ALT_LAYOUT_FUSE, 0, 1, {1}},
        {ALT_LAYOUT_FUSE, 2, 1, {2}},              /* past the last axis */
        {ALT_LAYOUT_FUSE, 0, 1, {4}},
        {ALT_LAYOUT_FUSE, 0, 1, {INT64_MAX}},
        {ALT_LAYOUT_PAD, 0, 2, {-1, 1}},
        {ALT_LAYOUT_PAD, 0, 2, {1, -1}},
        {ALT_LAYOUT_PAD, 0, 2, {INT64_MAX, 1}},
        {ALT_LAYOUT_PAD, 0, 2, {INT64_MAX - 3, 0}}, /* overflows with the extent */
        {ALT_LAYOUT_PAD, 0, 2, {INT64_MAX / 8, 0}}, /* overflows with the other extents */
        {ALT_LAYOUT_PAD_TO, 0, 1, {0}},
        {ALT_LAYOUT_PAD_TO, 0, 1, {-4}},
        {ALT_LAYOUT_PAD_TO, 0, 1, {INT64_MAX}},    /* overflows with the other extents */
        {ALT_LAYOUT_UNFOLD, 0, 2, {3, 5}},         /* step above tile: loses elements */
        {ALT_LAYOUT_UNFOLD, 0, 2, {7, 1}},         /* tile above extent */
        {ALT_LAYOUT_UNFOLD, 0, 2, {3, 0}},
        {ALT_LAYOUT_UNFOLD, 0, 2, {0, 0}},
        {ALT_LAYOUT_UNFOLD, 0, 1, {3}},
        {ALT_LAYOUT_OP_COUNT, 0, 1, {1}},          /* no such primitive */
        {ALT_LAYOUT_PAD_TO, 0, 17, {1}},
        {ALT_LAYOUT_PAD_TO, 0, 0, {1}},
    };
    const struct alt_extents shape = {3, {6, 4, 3}};
    const struct alt_layout_prim first = {ALT_LAYOUT_PAD, 1, 2, {0, 0}};
    const struct alt_layout *base = NULL;

    assert_int_equal(alt_layout_append(&arena, NULL, &shape, &first, &base), ALT_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct alt_layout *out = base;
        if (alt_layout_append(&arena, base, &shape, &bad[i], &out) != ALT_E_ILLEGAL)
            fail_msg("primitive %zu was not refused", i);
        assert_ptr_equal(out, base);
        assert_int_equal(base->count, 1);
    }
}

static void test_refuses_wrong_rank_and_length(void **state)
{
    (void)state;
    const struct alt_layout_prim p = {ALT_LAYOUT_PAD, 0, 2, {0, 0}};
    const struct alt_layout *layout = NULL, *out = NULL;
    const struct alt_extents one = {1, {4}}, two = {2, {4, 4}}, nine = {9, {1, 1, 1, 1, 1, 1, 1, 1, 1}};

    assert_int_equal(alt_layout_append(&arena, NULL, &nine, &p, &out), ALT_E_ILLEGAL);
    for (int i = 0; i < ALT_LAYOUT_MAX_PRIMS; i++)
        assert_int_equal(alt_layout_append(&arena, layout, &one, &p, &layout), ALT_OK);
    assert_int_equal(alt_layout_append(&arena, layout, &one, &p, &out), ALT_E_ILLEGAL);
    assert_int_equal(alt_layout_append(&arena, layout, &two, &p, &out), ALT_E_ILLEGAL);
    assert_null(out);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct alt_mem small;
    struct alt_arena tight;
    const struct alt_layout *out = NULL;

    alt_mem_init(&small, NULL, 1);
    alt_arena_init(&tight, &small);
    assert_int_equal(alt_layout_blocked(&tight, 4, 1, 8, &out), ALT_E_NOMEM);
    assert_null(out);
    alt_arena_free(&tight);
}

/* ---- text, equality ---- */

static void test_malformed_text(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "", " ", "4", "4:", "x: pad_to(0,1)", "9: pad_to(0,1)", "-1: pad_to(0,1)", "plain x", "plainx", "1: pad_to", "1: pad_to(",
        "1: pad_to(0", "1: pad_to(0,", "1: pad_to(0,1", "1: pad_to(0,1,2)", "1: pad_to(0,1))", "1: pad(0,1)", "1: fold(0,1)",
        "1: split(0,2,2)", "1: split(0,[])", "1: split(0,[2,])", "1: split(0,[2,2)", "1: reorder(0,[0])", "1: reorder(0)",
        "1: pad_to(0,99999999999999999999)", "1: pad_to(99,1)", "1: pad_to(-1,1)", "1: pad_to(0,+1)", "1: pad_to(0,0x8)",
        "2: split(0,[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1])", "1: Pad_to(0,1)", "1: pad_to(0,1) 2: pad_to(0,1)",
    };
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        const struct alt_layout *out = NULL;
        if (alt_layout_parse(&arena, malformed[i], &out) != ALT_E_MALFORMED)
            fail_msg("'%s' was not malformed", malformed[i]);
        assert_null(out);
    }
    const struct alt_layout *out = NULL;
    assert_int_equal(alt_layout_parse(&arena, "1: unfold(0,2,3)", &out), ALT_E_ILLEGAL);
    assert_int_equal(alt_layout_parse(&arena, "0: pad_to(0,1)", &out), ALT_E_ILLEGAL);
    assert_true(alt_layout_equal(parse(" 2 :pad_to( 0 , 4 )split(0,[ -1,4 ])\n"), parse("2: pad_to(0,4) split(0,[-1,4])")));
    assert_null(parse(" plain "));
}

static void test_cut_off_text(void **state)
{
    (void)state;
    const struct alt_layout *layout = parse("2: pad_to(0,4) split(0,[-1,4])");
    char whole[64], part[64];
    const size_t length = alt_layout_print(layout, whole, sizeof whole);
    for (size_t size = 0; size <= length + 1; size++) {
        memset(part, '#', sizeof part);
        assert_int_equal(alt_layout_print(layout, size ? part : NULL, size), length);
        if (size > 0) {
            assert_int_equal(strlen(part), size - 1 < length ? size - 1 : length);
            assert_memory_equal(part, whole, strlen(part));
            assert_int_equal(part[size], '#');
        }
    }
}

static void test_equality(void **state)
{
    (void)state;
    static const char *const distinct[] = {"plain", "2: pad_to(0,4)", "2: pad_to(1,4)", "2: pad_to(0,8)", "3: pad_to(0,4)",
                                           "2: pad(0,0,4)", "2: pad_to(0,4) pad_to(0,4)", "2: reorder([1,0])"};
    const int n = sizeof distinct / sizeof *distinct;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            const struct alt_layout *a = parse(distinct[i]), *b = parse(distinct[j]);
            assert_int_equal(alt_layout_equal(a, b), i == j);
            assert_int_equal(alt_layout_hash(a) == alt_layout_hash(b), i == j);
        }
    assert_true(alt_layout_compact(NULL) && alt_layout_injective(NULL));
    assert_false(alt_layout_compact(parse("2: pad_to(0,4)")));
    assert_true(alt_layout_injective(parse("2: pad_to(0,4)")));
    assert_false(alt_layout_injective(parse("2: unfold(0,2,1)")));
    assert_true(alt_layout_compact(parse("2: fuse(0,2) split(0,[-1,2])")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_sequences), cmocka_unit_test(test_symbolic_extents),
        cmocka_unit_test(test_bind_decides_late), cmocka_unit_test(test_unfold_example),
        cmocka_unit_test(test_unfold_overrun), cmocka_unit_test(test_unfold_last_tile),
        cmocka_unit_test(test_blocked_channels), cmocka_unit_test(test_window),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_refuses_wrong_rank_and_length),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_malformed_text),
        cmocka_unit_test(test_cut_off_text), cmocka_unit_test(test_equality),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
