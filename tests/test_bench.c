/* test_bench.c: a region set up to be timed: what repeats do to memory does not change what candidates are held against. */
#include "tests/cmocka_all.h"

#include "runtime/value.h"
#include "tuner/trial/bench.h"

#include <string.h>

/* The default kernels add in place: each repeat adds once more to what the first run left. */
static void repeats_leave_the_answer(void **state)
{
    (void)state;
    static const char text[] = "conv f32 n=1 c=16 i=9x9 o=16 k=3x3 s=1x1 p=1,1,1,1 d=1x1 +bias +add +relu";
    struct alt_mem mem;
    struct bench b;
    bool exact = false;
    alt_mem_init(&mem, NULL, 0);
    assert_int_equal(bench_open(&b, text, 3, 1, &mem), ALT_OK);
    assert_int_equal(bench_side_again(&b.base, 3), ALT_OK);
    assert_int_not_equal(memcmp(b.base.output->data, b.answer->data, b.answer->bytes), 0); /* or there is nothing to show */
    assert_int_equal(bench_side_run(&b.base), ALT_OK);
    assert_true(bench_difference(&b, &b.base, &exact) == 0 && exact);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(repeats_leave_the_answer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
