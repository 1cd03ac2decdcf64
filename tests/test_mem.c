/* test_mem.c: counting, ceilings, and arenas under failing allocators. */
#include "runtime/mem.h"
#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"

#include <string.h>

static bool all_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static void counts_what_is_alive(void **state)
{
    (void)state;
    struct alt_mem mem;
    alt_mem_init(&mem, NULL, 0);
    void *a = alt_mem_alloc(&mem, 100, 64), *b = alt_mem_zalloc(&mem, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal((uintptr_t)a % 64, 0);
    assert_int_equal(mem.used, 101);
    alt_mem_free(&mem, a, 100);
    alt_mem_free(&mem, b, 0);
    alt_mem_free(&mem, NULL, 5);
    assert_int_equal(mem.used, 0);
    assert_int_equal(mem.peak, 101);
    assert_int_equal(mem.allocations, 2);
}

static void keeps_its_ceiling(void **state)
{
    (void)state;
    struct alt_mem mem;
    alt_mem_init(&mem, NULL, 100);
    void *a = alt_mem_alloc(&mem, 60, 16);
    assert_non_null(a);
    assert_null(alt_mem_alloc(&mem, 41, 16));
    assert_null(alt_mem_alloc(&mem, SIZE_MAX, 16));
    void *b = alt_mem_alloc(&mem, 40, 16);
    assert_non_null(b);
    assert_null(alt_mem_alloc(&mem, 1, 16));
    alt_mem_free(&mem, a, 60);
    alt_mem_free(&mem, b, 40);
    assert_int_equal(mem.used, 0);
}

static void a_refused_request_is_not_counted(void **state)
{
    (void)state;
    struct fail_alloc fail;
    fail_alloc_init(&fail, 1, false);
    struct alt_mem mem;
    alt_mem_init(&mem, &fail.hooks, 0);
    assert_null(alt_mem_alloc(&mem, 10, 8));
    assert_int_equal(mem.used, 0);
    assert_int_equal(mem.allocations, 0);
}

static void arena_memory_is_aligned_zero_and_apart(void **state)
{
    (void)state;
    struct fail_alloc fail; /* its memory is not zero by itself */
    fail_alloc_init(&fail, 0, false);
    struct alt_mem mem;
    struct alt_arena arena;
    alt_mem_init(&mem, &fail.hooks, 0);
    alt_arena_init(&arena, &mem);
    enum { N = 400 };
    unsigned char *piece[N];
    size_t size[N];
    for (int i = 0; i < N; i++) {
        size[i] = i % 50 == 49 ? 70000 : (size_t)(i * 7 % 300);
        piece[i] = i % 2 ? alt_arena_data(&arena, size[i]) : alt_arena_alloc(&arena, size[i]);
        assert_non_null(piece[i]);
        assert_int_equal((uintptr_t)piece[i] % (i % 2 ? ALT_ALIGN : 16), 0);
        assert_true(all_zero(piece[i], size[i]));
        memset(piece[i], i % 251 + 1, size[i]);
    }
    for (int i = 0; i < N; i++)
        for (size_t k = 0; k < size[i]; k++)
            assert_int_equal(piece[i][k], i % 251 + 1);
    alt_arena_free(&arena);
    assert_int_equal(mem.used, 0);
    assert_int_equal(fail.blocks, 0);
    assert_int_equal(fail.faults, 0);
}

static void arena_blocks_double(void **state)
{
    (void)state;
    struct fail_alloc fail;
    fail_alloc_init(&fail, 0, false);
    struct alt_mem mem;
    struct alt_arena arena;
    alt_mem_init(&mem, &fail.hooks, 0);
    alt_arena_init(&arena, &mem);
    for (int i = 0; i < 100000; i++)
        assert_non_null(alt_arena_alloc(&arena, 16));
    assert_in_range(fail.calls, 2, 20);
    alt_arena_free(&arena);
}

static void arena_refuses_what_overflows(void **state)
{
    (void)state;
    struct alt_mem mem;
    struct alt_arena arena;
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    assert_null(alt_arena_array(&arena, SIZE_MAX / 2, 3));
    assert_null(alt_arena_alloc(&arena, SIZE_MAX));
    assert_null(alt_arena_alloc(&arena, SIZE_MAX - 100));
    assert_null(alt_arena_text(&arena, "", SIZE_MAX));
    assert_string_equal(alt_arena_text(&arena, "abcdef", 3), "abc");
    assert_string_equal(alt_arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
    alt_arena_free(&arena);
    assert_int_equal(mem.used, 0);
}

static alt_status fill_arena(const alt_allocator *hooks, void *context)
{
    (void)context;
    struct alt_mem mem;
    struct alt_arena arena;
    alt_mem_init(&mem, hooks, 0);
    alt_arena_init(&arena, &mem);
    alt_status status = ALT_OK;
    for (size_t i = 0; status == ALT_OK && i < 200; i++)
        if (!alt_arena_alloc(&arena, i * 100) || !alt_arena_printf(&arena, "%zu", i))
            status = ALT_E_NOMEM;
    alt_arena_free(&arena);
    return status;
}

static void arena_survives_each_failure(void **state)
{
    (void)state;
    const char *why = NULL;
    uint64_t requests = fail_alloc_sweep(fill_arena, NULL, &why);
    assert_null(why);
    assert_true(requests > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_is_alive),
        cmocka_unit_test(keeps_its_ceiling),
        cmocka_unit_test(a_refused_request_is_not_counted),
        cmocka_unit_test(arena_memory_is_aligned_zero_and_apart),
        cmocka_unit_test(arena_blocks_double),
        cmocka_unit_test(arena_refuses_what_overflows),
        cmocka_unit_test(arena_survives_each_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
