/* test_strmap.c: the map from names to pointers. */
#include "runtime/mem.h"
#include "runtime/strmap.h"
#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"

#include <stdio.h>

enum { NAMES = 3000 };

/* Every name is found with its own value, before and after replacing it. */
static alt_status fill_and_look_up(const alt_allocator *hooks, void *context)
{
    static char name[NAMES][24];
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_strmap map;
    alt_mem_init(&mem, hooks, 0);
    alt_arena_init(&arena, &mem);
    alt_strmap_init(&map, &arena);
    int n = *(int *)context, set = 0;
    for (int i = 0; i < n; i++) {
        snprintf(name[i], sizeof name[i], "value_%d", i);
        if (!alt_strmap_set(&map, name[i], name[i]))
            break;
        set++;
    }
    for (int i = 0; i < set; i++) {
        char copy[24];
        snprintf(copy, sizeof copy, "value_%d", i);
        assert_ptr_equal(alt_strmap_get(&map, copy), name[i]);
        assert_true(alt_strmap_set(&map, copy, &map));
        assert_ptr_equal(alt_strmap_get(&map, name[i]), &map);
    }
    assert_null(alt_strmap_get(&map, "value_"));
    assert_null(alt_strmap_get(&map, ""));
    alt_arena_free(&arena);
    return set == n ? ALT_OK : ALT_E_NOMEM;
}

static void finds_every_name(void **state)
{
    (void)state;
    int n = NAMES;
    assert_int_equal(fill_and_look_up(NULL, &n), ALT_OK);
    n = 0;
    assert_int_equal(fill_and_look_up(NULL, &n), ALT_OK);
}

static void survives_each_failure(void **state)
{
    (void)state;
    const char *why = NULL;
    int n = NAMES;
    uint64_t requests = fail_alloc_sweep(fill_and_look_up, &n, &why);
    assert_null(why);
    assert_true(requests > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_name),
        cmocka_unit_test(survives_each_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
