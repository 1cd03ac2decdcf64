/* test_dim.c: symbolic extents: normal form, bad values, and agreement with plain numbers on random expressions. */
#include "runtime/dim.h"
#include "runtime/mem.h"
#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"

#include <stdio.h>
#include <stdlib.h>

struct fixture {
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_dimtab tab;
    alt_dim h, s, w;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f)
        return -1;
    alt_mem_init(&f->mem, NULL, 0);
    alt_arena_init(&f->arena, &f->mem);
    alt_dimtab_init(&f->tab, &f->arena);
    f->h = alt_dim_symbol(&f->tab, "h");
    f->s = alt_dim_symbol(&f->tab, "s");
    f->w = alt_dim_symbol(&f->tab, "w");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    alt_arena_free(&f->arena);
    int alive = f->mem.used != 0;
    free(f);
    return alive;
}

static void is(struct fixture *f, alt_dim d, const char *text)
{
    char out[256];
    assert_string_equal(alt_dim_print(&f->tab, d, out, sizeof out), text);
}

static void sums_have_one_form(void **state)
{
    struct fixture *f = *state;
    struct alt_dimtab *t = &f->tab;
    assert_true(alt_dim_symbol(t, "h") == f->h);
    assert_true(alt_dim_add(t, f->h, f->s) == alt_dim_add(t, f->s, f->h));
    assert_true(alt_dim_add(t, alt_dim_add(t, f->h, 3), 4) == alt_dim_add(t, f->h, 7));
    assert_true(alt_dim_sub(t, alt_dim_add(t, f->h, f->s), f->h) == f->s);
    assert_int_equal(alt_dim_sub(t, f->h, f->h), 0);
    assert_true(alt_dim_add(t, f->h, 0) == f->h);
    assert_true(alt_dim_sub(t, f->h, 0) == f->h);
    assert_true(alt_dim_add(t, f->h, f->h) == alt_dim_mul(t, f->h, 2));
    is(f, alt_dim_sub(t, alt_dim_add(t, f->h, 2), 3), "h-1");
}

static void products_and_quotients_cancel(void **state)
{
    struct fixture *f = *state;
    struct alt_dimtab *t = &f->tab;
    assert_int_equal(alt_dim_mul(t, f->h, 0), 0);
    assert_true(alt_dim_mul(t, f->h, 1) == f->h);
    assert_true(alt_dim_div(t, alt_dim_mul(t, f->h, 12), 12) == f->h);
    assert_true(alt_dim_div(t, alt_dim_mul(t, f->h, f->s), f->h) == f->s);
    alt_dim count = alt_dim_mul(t, alt_dim_mul(t, f->h, f->s), 768);
    assert_true(alt_dim_div(t, count, alt_dim_mul(t, f->h, 768)) == f->s);
    assert_true(alt_dim_mul(t, alt_dim_mul(t, f->s, 768), f->h) == count);
    assert_true(alt_dim_mul(t, alt_dim_add(t, f->h, 1), 2) == alt_dim_add(t, alt_dim_mul(t, f->h, 2), 2));
    alt_dim odd = alt_dim_mul(t, alt_dim_add(t, alt_dim_mul(t, f->h, 2), 2), f->s);
    assert_true(odd == alt_dim_mul(t, alt_dim_add(t, f->h, 1), alt_dim_mul(t, f->s, 2)));
    is(f, alt_dim_div(t, alt_dim_mul(t, f->h, 6), 4), "h*3/2");
    is(f, alt_dim_div(t, alt_dim_add(t, alt_dim_mul(t, f->h, 4), 3), 4), "h");
}

/* Five convolutions of kernel 3, stride 2, padding 1. */
static void strided_convolutions_join(void **state)
{
    struct fixture *f = *state;
    struct alt_dimtab *t = &f->tab;
    static const char *const expected[] = {"(h+1)/2", "(h+3)/4", "(h+7)/8", "(h+15)/16", "(h+31)/32"};
    alt_dim d = f->h;
    for (int i = 0; i < 5; i++) {
        d = alt_dim_add(t, alt_dim_div(t, alt_dim_sub(t, alt_dim_add(t, d, 2), 3), 2), 1);
        is(f, d, expected[i]);
    }
}

static void minima_and_maxima_are_decided_where_they_can_be(void **state)
{
    struct fixture *f = *state;
    struct alt_dimtab *t = &f->tab;
    assert_true(alt_dim_min(t, f->h, alt_dim_add(t, f->h, 2)) == f->h);
    assert_true(alt_dim_max(t, f->h, 0) == f->h);
    assert_int_equal(alt_dim_min(t, 0, f->h), 0);
    assert_true(alt_dim_min(t, f->h, f->s) == alt_dim_min(t, f->s, f->h));
    is(f, alt_dim_max(t, alt_dim_sub(t, f->h, 3), 0), "max(h-3,0)");
    is(f, alt_dim_min(t, 5, f->h), "min(h,5)");
}

static void bad_spreads(void **state)
{
    struct fixture *f = *state;
    struct alt_dimtab *t = &f->tab;
    assert_true(alt_dim_sub(t, 2, 3) == ALT_DIM_BAD);
    assert_true(alt_dim_div(t, 2, 0) == ALT_DIM_BAD);
    assert_true(alt_dim_div(t, f->h, 0) == ALT_DIM_BAD);
    assert_true(alt_dim_ceildiv(t, 1, 0) == ALT_DIM_BAD);
    assert_true(alt_dim_mul(t, INT64_MAX, 2) == ALT_DIM_BAD);
    assert_true(alt_dim_add(t, INT64_MAX, 1) == ALT_DIM_BAD);
    assert_true(alt_dim_mul(t, alt_dim_mul(t, f->h, INT64_MAX), 2) == ALT_DIM_BAD);
    assert_true(alt_dim_add(t, ALT_DIM_BAD, 1) == ALT_DIM_BAD);
    assert_true(alt_dim_add(t, ALT_DIM_BAD, f->h) == ALT_DIM_BAD);
    assert_true(alt_dim_mul(t, ALT_DIM_BAD, 0) == ALT_DIM_BAD);
    assert_true(alt_dim_min(t, ALT_DIM_BAD, f->h) == ALT_DIM_BAD);
    assert_int_equal(alt_dim_eval(t, ALT_DIM_BAD, (int64_t[]){1, 1, 1}), -1);
    is(f, ALT_DIM_BAD, "bad");
}

/* Contents of shape tensors. */
static void negative_numbers_add_and_multiply(void **state)
{
    struct fixture *f = *state;
    struct alt_dimtab *t = &f->tab;
    alt_dim m1 = alt_dim_from_int(-1), m5 = alt_dim_from_int(-5);
    assert_int_equal(alt_dim_add(t, m1, 3), 2);
    assert_true(alt_dim_add(t, m1, m5) == alt_dim_from_int(-6));
    assert_true(alt_dim_sub(t, 2, m5) == 7);
    assert_true(alt_dim_sub(t, m5, 2) == alt_dim_from_int(-7));
    assert_true(alt_dim_mul(t, m5, 3) == alt_dim_from_int(-15));
    assert_true(alt_dim_mul(t, m5, m1) == 5);
    assert_int_equal(alt_dim_mul(t, m5, 0), 0);
    assert_true(alt_dim_add(t, f->h, m1) == alt_dim_sub(t, f->h, 1));
    assert_true(alt_dim_add(t, alt_dim_mul(t, f->h, m1), f->h) == 0);
    assert_true(alt_dim_mul(t, alt_dim_from_int(-ALT_DIM_MINUS_MOST), 2) == ALT_DIM_BAD);
    assert_true(alt_dim_div(t, m5, 2) == ALT_DIM_BAD);
    assert_true(alt_dim_ceildiv(t, f->h, m5) == ALT_DIM_BAD);
    assert_true(alt_dim_min(t, f->h, m5) == ALT_DIM_BAD);
    assert_int_equal(alt_dim_eval(t, m1, (int64_t[]){1, 1, 1}), -1);
    is(f, m5, "-5");
}

static void unknowns_equal_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct alt_dimtab *t = &f->tab;
    alt_dim a = alt_dim_unknown(t), b = alt_dim_unknown(t);
    assert_true(a != b);
    assert_int_equal(alt_dim_sub(t, a, a), 0);
    assert_true(alt_dim_sub(t, a, b) < 0);
    assert_int_equal(alt_dim_eval(t, a, (int64_t[]){1, 1, 1}), -1);
    assert_int_equal(alt_dim_eval(t, f->s, (int64_t[]){1, -1, 1}), -1);
    assert_int_equal(alt_dimtab_symbols(t), 3);
    assert_string_equal(alt_dimtab_symbol(t, 2), "w");
    assert_null(alt_dimtab_symbol(t, 3));
}

static void text_is_cut_not_overrun(void **state)
{
    struct fixture *f = *state;
    char out[4] = "xyz";
    alt_dim_print(&f->tab, alt_dim_add(&f->tab, f->h, 100), out, sizeof out);
    assert_string_equal(out, "h+1");
    alt_dim_print(&f->tab, f->h, out, 1);
    assert_string_equal(out, "");
}

/* Floor and exactness hold for what an expression was built from: compare with the same built from numbers. */
static void random_expressions_evaluate_as_numbers_do(void **state)
{
    struct fixture *f = *state;
    struct alt_dimtab *t = &f->tab;
    unsigned seed = 20240607;
    static const int64_t values[][3] = {{1, 1, 1}, {7, 5, 3}, {64, 9, 100}, {1000, 37, 12}, {2, 128, 31}};
    enum { VALUES = sizeof values / sizeof values[0], POOL = 12 };
    int compared = 0;
    for (int round = 0; round < 3000; round++) {
        alt_dim sym[POOL] = {f->h, f->s, f->w, 1, 2, 3};
        alt_dim num[VALUES][POOL];
        for (int v = 0; v < VALUES; v++)
            for (int i = 0; i < 6; i++)
                num[v][i] = i < 3 ? values[v][i] : i - 2;
        for (int i = 6; i < POOL; i++) {
            int a = rand_r(&seed) % i, b = rand_r(&seed) % i, op = rand_r(&seed) % 7;
            static alt_dim (*const apply[])(struct alt_dimtab *, alt_dim, alt_dim) = {
                alt_dim_add, alt_dim_sub, alt_dim_mul, alt_dim_div, alt_dim_min, alt_dim_max, alt_dim_ceildiv};
            sym[i] = apply[op](t, sym[a], sym[b]);
            for (int v = 0; v < VALUES; v++) {
                num[v][i] = apply[op](t, num[v][a], num[v][b]);
                /* What is bad as numbers (negative on the way) may be decided otherwise as a whole. */
                if (num[v][i] == ALT_DIM_BAD)
                    continue;
                int64_t got = alt_dim_eval(t, sym[i], values[v]);
                assert_true(sym[i] != ALT_DIM_BAD);
                if (got != num[v][i]) {
                    char text[512];
                    fail_msg("round %d: %s is %lld, not %lld", round, alt_dim_print(t, sym[i], text, sizeof text),
                             (long long)got, (long long)num[v][i]);
                }
                compared++;
            }
        }
    }
    assert_true(compared > 20000);
}

/* A hostile model builds ever larger expressions: they stay cheap, at worst unknown. */
static void growth_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct alt_dimtab *t = &f->tab;
    alt_dim d = f->h, e = f->h;
    for (int i = 0; i < 20000; i++) {
        d = alt_dim_max(t, alt_dim_div(t, alt_dim_mul(t, d, alt_dim_add(t, d, f->s)), 3), f->w);
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        e = alt_dim_add(t, e, alt_dim_symbol(t, name));
    }
    assert_true(d < 0 && e < 0);
    assert_true(d == ALT_DIM_BAD || alt_dim_sub(t, d, d) == 0);
}

static alt_status build_expressions(const alt_allocator *hooks, void *context)
{
    (void)context;
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_dimtab tab;
    alt_mem_init(&mem, hooks, 0);
    alt_arena_init(&arena, &mem);
    alt_dimtab_init(&tab, &arena);
    alt_dim d = alt_dim_symbol(&tab, "h");
    for (int i = 0; i < 300; i++)
        d = alt_dim_max(&tab, alt_dim_mul(&tab, d, alt_dim_unknown(&tab)), i);
    alt_arena_free(&arena);
    return d == ALT_DIM_BAD ? ALT_E_NOMEM : ALT_OK;
}

static void each_failure_gives_bad(void **state)
{
    (void)state;
    const char *why = NULL;
    uint64_t requests = fail_alloc_sweep(build_expressions, NULL, &why);
    assert_null(why);
    assert_true(requests > 3);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH(sums_have_one_form),
        WITH(products_and_quotients_cancel),
        WITH(strided_convolutions_join),
        WITH(minima_and_maxima_are_decided_where_they_can_be),
        WITH(bad_spreads),
        WITH(negative_numbers_add_and_multiply),
        WITH(unknowns_equal_nothing_else),
        WITH(text_is_cut_not_overrun),
        WITH(random_expressions_evaluate_as_numbers_do),
        WITH(growth_is_bounded),
        cmocka_unit_test(each_failure_gives_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
