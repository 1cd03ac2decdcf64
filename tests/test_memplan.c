/* test_memplan.c: buffers alive at once never overlap, whatever the order; freed space is used again. */
#include "runtime/mem.h"
#include "runtime/memplan.h"
#include "tests/cmocka_all.h"
#include "tests/random.h"

enum { BUFFERS = 40, STEPS = 20000 };

struct buffer {
    size_t offset, bytes;
    bool alive;
};

static void check_apart(const struct buffer *b, int k)
{
    for (int i = 0; i < BUFFERS; i++) {
        if (i == k || !b[i].alive)
            continue;
        assert_true(b[i].offset + b[i].bytes <= b[k].offset || b[k].offset + b[k].bytes <= b[i].offset);
    }
}

static void random_order(void **state)
{
    (void)state;
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_memplan plan;
    struct buffer b[BUFFERS] = {{0}};
    struct rng rng = rng_seed(3);
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    alt_memplan_init(&plan, &arena);
    for (int s = 0; s < STEPS; s++) {
        int k = (int)rng_range(&rng, 0, BUFFERS - 1);
        if (b[k].alive) {
            assert_true(alt_memplan_free(&plan, b[k].offset, b[k].bytes));
            b[k].alive = false;
            continue;
        }
        b[k].bytes = (size_t)rng_range(&rng, 0, 4999);
        assert_true(alt_memplan_alloc(&plan, b[k].bytes, &b[k].offset));
        assert_int_equal(b[k].offset % ALT_ALIGN, 0);
        assert_true(b[k].offset + b[k].bytes <= plan.peak);
        b[k].alive = true;
        check_apart(b, k);
    }
    for (int k = 0; k < BUFFERS; k++)
        if (b[k].alive)
            assert_true(alt_memplan_free(&plan, b[k].offset, b[k].bytes));
    assert_int_equal(plan.top, 0);
    assert_int_equal(plan.n_gaps, 0);
    alt_arena_free(&arena);
}

/* A chain of equal buffers, each freed when the next but one is made, needs two places. */
static void a_chain_needs_two_places(void **state)
{
    (void)state;
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_memplan plan;
    size_t at[10];
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    alt_memplan_init(&plan, &arena);
    for (int i = 0; i < 10; i++) {
        assert_true(alt_memplan_alloc(&plan, 1000, &at[i]));
        if (i)
            assert_true(alt_memplan_free(&plan, at[i - 1], 1000));
    }
    assert_int_equal(plan.peak, 2048);
    size_t none;
    assert_false(alt_memplan_alloc(&plan, SIZE_MAX - 10, &none));
    alt_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_order), cmocka_unit_test(a_chain_needs_two_places)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
