/* test_exposure.c: how runs are drawn and paired. */
#include "runtime/exposure.h"
#include "tests/cmocka_all.h"
#include "tests/random.h"

#include <string.h>

static struct alt_plan *const candidate = (struct alt_plan *)(uintptr_t)64; /* never looked into */

static void share_and_order(void **state)
{
    (void)state;
    struct alt_exposure e = {0};
    int in_pairs = 0, candidates = 0, candidate_first = 0, firsts = 0;
    uint64_t last = 0;
    alt_exposure_start(&e, candidate, 0.2, 1);
    for (int i = 0; i < 100000; i++) {
        uint64_t pair;
        bool c = alt_exposure_draw(&e, &pair);
        candidates += c;
        if (!pair)
            continue;
        in_pairs++;
        if (pair != last) {
            firsts++;
            candidate_first += c;
        }
        last = pair;
        alt_exposure_note(&e, pair, c, 7, 100 + c);
    }
    /* A pair begins with probability 0.2 at every run that is not a second half: 2 runs of 6 are in pairs. */
    assert_in_range(in_pairs, 32000, 35000);
    assert_in_range(candidates, in_pairs / 2 - 2, in_pairs / 2 + 2);
    assert_in_range(candidate_first, firsts * 48 / 100, firsts * 52 / 100);
    struct alt_pair pairs[300];
    assert_int_equal(alt_exposure_take(&e, pairs, 300), ALT_EXPOSURE_PAIRS);
    for (int i = 0; i < ALT_EXPOSURE_PAIRS; i++) {
        assert_int_equal(pairs[i].current_ns, 100);
        assert_int_equal(pairs[i].candidate_ns, 101);
    }
    assert_int_equal(alt_exposure_take(&e, pairs, 300), 0);
}

/* Halves may end in any order, fail, or be of different shapes. */
static void only_fitting_halves_make_a_pair(void **state)
{
    (void)state;
    struct alt_exposure e = {0};
    struct alt_pair p;
    uint64_t a, b;
    alt_exposure_start(&e, candidate, 1, 9);
    bool first = alt_exposure_draw(&e, &a), second = alt_exposure_draw(&e, &b);
    assert_true(first != second);
    assert_int_equal(a, b);
    alt_exposure_note(&e, b, second, 1, 20);
    alt_exposure_note(&e, a, first, 1, 10);
    assert_int_equal(alt_exposure_take(&e, &p, 1), 1);
    assert_int_equal(first ? p.candidate_ns : p.current_ns, 10);

    first = alt_exposure_draw(&e, &a), second = alt_exposure_draw(&e, &b);
    alt_exposure_note(&e, a, first, 1, 10);
    alt_exposure_note(&e, b, second, 2, 10); /* another shape */
    first = alt_exposure_draw(&e, &a), second = alt_exposure_draw(&e, &b);
    alt_exposure_note(&e, a, first, 1, 0); /* failed */
    alt_exposure_note(&e, b, second, 1, 10);
    assert_int_equal(alt_exposure_take(&e, &p, 1), 0);

    alt_exposure_stop(&e);
    assert_false(alt_exposure_draw(&e, &a));
    assert_int_equal(a, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(share_and_order), cmocka_unit_test(only_fitting_halves_make_a_pair)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
