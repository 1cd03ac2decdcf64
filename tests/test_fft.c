/* test_fft.c: transforms of every small length and some long ones against their definition, and back. */
#include "runtime/mem.h"
#include "runtime/ops/fft.h"
#include "tests/cmocka_all.h"

#include <math.h>
#include <string.h>

enum { MOST = 1500 };

static void fill(double *x, int64_t n)
{
    uint64_t state = 1;
    for (int64_t i = 0; i < 2 * n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = (double)(state >> 40) / (1 << 24) - 0.5;
    }
}

/* Element k by the definition. */
static void transform_at(const double *x, int64_t n, int64_t k, double *out)
{
    out[0] = out[1] = 0;
    for (int64_t j = 0; j < n; j++) {
        const double angle = -2 * 3.14159265358979323846 * (double)(j * k % n) / (double)n;
        out[0] += x[2 * j] * cos(angle) - x[2 * j + 1] * sin(angle);
        out[1] += x[2 * j] * sin(angle) + x[2 * j + 1] * cos(angle);
    }
}

static void check_length(int64_t n)
{
    static double x[2 * MOST], y[2 * MOST], scratch[16 * MOST];
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_fft fft;
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    assert_true(alt_fft_init(&fft, &arena, n));
    assert_true(alt_fft_scratch(&fft) <= 16 * MOST);
    fill(x, n);
    memcpy(y, x, (size_t)n * 2 * sizeof *x);
    alt_fft_run(&fft, false, y, scratch);
    for (int64_t k = 0; k < n; k++) {
        double want[2];
        transform_at(x, n, k, want);
        assert_true(fabs(y[2 * k] - want[0]) < 1e-12 * (double)n && fabs(y[2 * k + 1] - want[1]) < 1e-12 * (double)n);
    }
    alt_fft_run(&fft, true, y, scratch);
    for (int64_t i = 0; i < 2 * n; i++)
        assert_true(fabs(y[i] - x[i]) < 1e-12 * (double)n);
    alt_arena_free(&arena);
}

static void lengths(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 70; n++)
        check_length(n);
    check_length(97);
    check_length(1000);
    check_length(1024);
    check_length(1499);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lengths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
