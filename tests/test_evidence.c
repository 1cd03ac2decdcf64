/* test_evidence.c: how often the sequential test adopts what is not faster, and how soon what is. */
#include "tests/cmocka_all.h"
#include "tests/random.h"
#include "tuner/evidence.h"

#include <math.h>

/* A run time: `base` with multiplicative noise that both plans share in part (load) and an outlier now and then. */
static double run_time(struct rng *rng, double base, double load)
{
    double own = (double)rng_range(rng, 0, 1000000) / 1e6;
    return base * load * (1 + 0.05 * own) * (rng_range(rng, 0, 50) ? 1 : 5);
}

static enum alt_verdict one_test(struct rng *rng, double candidate, uint32_t limit, uint32_t *pairs)
{
    struct alt_evidence e;
    enum alt_verdict v = ALT_UNDECIDED;
    alt_evidence_start(&e, 1.01, 0.01, limit);
    while (v == ALT_UNDECIDED) {
        double load = 1 + (double)rng_range(rng, 0, 1000) / 1000;
        v = alt_evidence_add(&e, run_time(rng, 100, load), run_time(rng, candidate, load));
    }
    *pairs = e.pairs;
    return v;
}

static int adoptions(uint64_t seed, double candidate, int tests, uint32_t *worst)
{
    struct rng rng = rng_seed(seed);
    int adopted = 0;
    *worst = 0;
    for (int i = 0; i < tests; i++) {
        uint32_t pairs;
        adopted += one_test(&rng, candidate, 1000, &pairs) == ALT_ADOPT;
        if (pairs > *worst)
            *worst = pairs;
    }
    return adopted;
}

static void equal_plans_are_hardly_ever_adopted(void **state)
{
    (void)state;
    uint32_t worst;
    /* alpha 0.01 bounds the expectation at 10 of 1000 even for a win of just the margin. */
    assert_true(adoptions(1, 100, 1000, &worst) <= 10);
    assert_true(adoptions(2, 100 / 1.01, 1000, &worst) <= 20);
}

static void slower_plans_are_never_adopted(void **state)
{
    (void)state;
    uint32_t worst;
    assert_int_equal(adoptions(3, 105, 500, &worst), 0);
    assert_true(worst < 200);
}

static void faster_plans_are_adopted_soon(void **state)
{
    (void)state;
    uint32_t worst;
    assert_int_equal(adoptions(4, 90, 500, &worst), 500);
    assert_true(worst < 100);
}

static void the_ratio_is_the_median(void **state)
{
    (void)state;
    struct alt_evidence e;
    double low, high;
    alt_evidence_start(&e, 1.01, 1e-9, 1000);
    assert_true(alt_evidence_ratio(&e, &low, &high) == 1);
    for (int i = 1; i <= 99; i++)
        alt_evidence_add(&e, 100 + i, 100);
    assert_true(fabs(alt_evidence_ratio(&e, &low, &high) - 1.5) < 1e-9 || e.pairs < 99);
    assert_true(low < 1.5 && high > 1.0);
    assert_int_equal(alt_evidence_add(&e, 0, 1), ALT_ADOPT); /* the first decision stands, whatever comes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_plans_are_hardly_ever_adopted),
        cmocka_unit_test(slower_plans_are_never_adopted),
        cmocka_unit_test(faster_plans_are_adopted_soon),
        cmocka_unit_test(the_ratio_is_the_median),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
