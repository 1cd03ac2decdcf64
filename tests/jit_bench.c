/* jit_bench.c: GFLOP/s of every listed variant of a region on this core, beside the core's peak of fused multiply-adds,
 * measured in turns with it. For use by hand.
 *
 * usage: jit_bench [DESCRIPTOR...]
 */
#include "jit/gcc.h"
#include "jit/nest.h"
#include "tests/cmocka_all.h"
#include "tests/jit_built.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 12 };

static const char *const defaults[] = {
    "conv f32 n=1 c=64 i=56x56 o=64 k=3x3 s=1x1 p=1,1,1,1 d=1x1 +bias +relu",
    "product f32 batch=1 m=128 k=768 n=3072 b=kn,const +bias",
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* others may be at work on this machine */
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A small product whose operands stay in the first-level cache: nothing but register tiles at work. */
static const char peak_shape[] = "product f32 batch=1 m=14 k=256 n=32 b=kn,const";

struct timed {
    struct jit_case c;
    struct jit_built b;
    struct jit_memory m[ALT_VARIANT_MOST];
    struct jit_call call[ALT_VARIANT_MOST];
    double best[ALT_VARIANT_MOST];
};

static void timed_open(struct timed *t, const char *shape, enum alt_isa isa)
{
    memset(t, 0, sizeof *t);
    jit_case_open(&t->c, shape, 1, true);
    for (int i = 0; i < t->c.n; i++)
        for (int64_t e = 0; e < t->c.operand[i].count; e++)
            t->c.operand[i].value[e] = (float)(e % 13) / 16.0f;
    jit_built_open(&t->b, &t->c, isa);
    for (int i = 0; i < t->b.n; i++) {
        jit_memory_open(&t->m[i], &t->c, &t->b.spec[i].variant);
        assert_int_equal(jit_call_open(&t->call[i], &t->m[i], t->b.code[i]), ALT_OK);
    }
}

static void timed_close(struct timed *t)
{
    for (int i = 0; i < t->b.n; i++) {
        jit_call_close(&t->call[i]);
        jit_memory_close(&t->m[i]);
    }
    jit_built_close(&t->b);
    jit_case_close(&t->c);
}

/* At least two milliseconds of variant i. */
static void timed_round(struct timed *t, int i)
{
    const double start = now();
    double spent;
    int runs = 0;

    do {
        jit_call_run(&t->call[i], t->b.code[i], 0, t->call[i].bind.range);
        runs++;
    } while ((spent = now() - start) < 2e-3);
    const double rate = alt_desc_flops(&t->c.desc) * runs / spent * 1e-9;
    if (rate > t->best[i])
        t->best[i] = rate;
}

static void bench(const char *shape, enum alt_isa isa)
{
    struct timed *t = malloc(sizeof *t), *peak = malloc(sizeof *peak);
    double top = 0;

    assert_true(t && peak);
    timed_open(t, shape, isa);
    timed_open(peak, peak_shape, isa);
    for (int r = 0; r < ROUNDS; r++) {
        for (int i = 0; i < peak->b.n; i++)
            timed_round(peak, i);
        for (int i = 0; i < t->b.n; i++)
            timed_round(t, i);
    }
    for (int i = 0; i < peak->b.n; i++)
        top = peak->best[i] > top ? peak->best[i] : top;
    printf("%s, %s: register tiles alone %.1f GFLOP/s\n", shape, alt_isa_name(isa), top);
    for (int i = 0; i < t->b.n; i++) {
        char text[256];
        alt_variant_print(&t->b.spec[i].variant, text, sizeof text);
        printf("  %6.1f GFLOP/s  %3.0f %%  %s\n", t->best[i], 100 * t->best[i] / top, text);
    }
    timed_close(peak);
    timed_close(t);
    free(peak);
    free(t);
}

int main(int argc, char **argv)
{
    const int n = argc > 1 ? argc - 1 : (int)(sizeof defaults / sizeof *defaults);
    for (int i = 0; i < n; i++)
        bench(argc > 1 ? argv[1 + i] : defaults[i], alt_cpu_isa());
    return 0;
}
