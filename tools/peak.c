/* peak.c: see peak.h. Multiply-adds: independent chains in registers, more than latency times throughput asks for, at the widest
 * vectors that the machine has. Bytes: a sum over an array, each thread its part, once or again and again. The best
 * of some rounds each, as the sum of what the threads of the round did, which start together within microseconds. Rounds are a few
 * milliseconds long, so that some are not disturbed on a machine that has other work too. */
#include "tools/peak.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

enum { CHAINS = 12, ROUNDS = 32, PIECES = 16, STEPS = 500000, PASSES = 500 };
#define BYTES ((size_t)512 << 20)

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

typedef float v4 __attribute__((vector_size(16)));
typedef float v8 __attribute__((vector_size(32)));
typedef float v16 __attribute__((vector_size(64)));

/* The empty statement keeps each accumulator in a register and each step where it is. */
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define BEGIN(i) vec a##i = {0};
#define STEP(i) \
    a##i = a##i * x + y; \
    __asm__ volatile("" : "+" REG(a##i));
#define END(i) sum += a##i[0];
#define CHAIN(suffix, type, attribute) \
    attribute static float chains_##suffix(long steps) \
    { \
        typedef type vec; \
        vec x = {0}, y = {0}; \
        float sum = 0; \
        EACH(BEGIN) \
        x += 1.0001f, y += 1e-9f; \
        for (long s = 0; s < steps; s++) { \
            EACH(STEP) \
        } \
        EACH(END) \
        return sum; \
    }

#if defined(__x86_64__)
#define REG "v"
CHAIN(avx512, v16, __attribute__((target("avx512f"))))
#undef REG
#define REG "x"
CHAIN(avx2, v8, __attribute__((target("avx2,fma"))))
CHAIN(base, v4, )
#else
#define REG "w"
CHAIN(base, v4, )
#endif

struct level {
    const char *name;
    float (*chains)(long steps);
    int lanes;
};

static struct level widest(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return (struct level){"avx512", chains_avx512, 16};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (struct level){"avx2", chains_avx2, 8};
    return (struct level){"base", chains_base, 4};
#else
    return (struct level){"neon", chains_base, 4};
#endif
}

/* One round of one thread. */
struct share {
    pthread_t thread;
    const struct level *level;
    uint64_t *data;
    size_t pieces, count, passes; /* each round reads the next piece, of `count` words, so often */
    int round;
    double rate;
};

static void *multiply_add(void *context)
{
    struct share *s = context;
    volatile float sink;
    const double begin = now();
    sink = s->level->chains(STEPS);
    s->rate = 2.0 * CHAINS * s->level->lanes * STEPS / (now() - begin);
    (void)sink;
    return NULL;
}

static void *read_all(void *context)
{
    struct share *s = context;
    volatile uint64_t sink;
    const uint64_t *data = s->data + (size_t)s->round % s->pieces * s->count;
    uint64_t sum[8] = {0};
    const double begin = now();
    for (size_t pass = 0; pass < s->passes; pass++) {
        for (size_t i = 0; i < s->count; i += 8)
            for (size_t k = 0; k < 8; k++)
                sum[k] += data[i + k];
        __asm__ volatile("" : : : "memory"); /* what was read may have changed */
    }
    s->rate = (double)(s->count * sizeof *s->data * s->passes) / (now() - begin);
    sink = sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
    (void)sink;
    return NULL;
}

/* What all threads did together in the best round; 0 when a thread could not be started. */
static double best_round(struct share *share, int threads, void *(*work)(void *))
{
    double best = 0;
    for (int r = 0; r < ROUNDS; r++) {
        double sum = 0;
        int started = 1;
        for (int i = 0; i < threads; i++)
            share[i].round = r;
        while (started < threads && pthread_create(&share[started].thread, NULL, work, &share[started]) == 0)
            started++;
        work(&share[0]);
        for (int i = 1; i < started; i++)
            pthread_join(share[i].thread, NULL);
        for (int i = 0; i < started; i++)
            sum += share[i].rate;
        if (started < threads)
            return 0;
        best = sum > best ? sum : best;
    }
    return best;
}

static double best_reading(struct share *share, int threads, size_t bytes, size_t pieces, size_t passes)
{
    for (int i = 0; i < threads; i++) {
        share[i].pieces = pieces;
        share[i].count = bytes / pieces / 64 * 8;
        share[i].passes = passes;
    }
    return best_round(share, threads, read_all);
}

bool peak_measure(int threads, struct peak *out)
{
    const struct level level = widest();
    const size_t part = BYTES / (size_t)threads / 64 * 64;
    struct share *share = calloc((size_t)threads, sizeof *share);
    uint64_t *data = calloc(BYTES, 1);
    bool good = share && data;
    for (size_t i = 0; good && i < BYTES / sizeof *data; i += 512)
        data[i] = i; /* pages of its own */
    for (int i = 0; good && i < threads; i++)
        share[i] = (struct share){.level = &level, .data = data + (size_t)i * part / sizeof *data};
    if (good)
        *out = (struct peak){level.name, best_round(share, threads, multiply_add),
                             best_reading(share, threads, part, PIECES, 1),
                             best_reading(share, threads, PEAK_CACHED, 1, PASSES)};
    free(data);
    free(share);
    return good && out->flops > 0 && out->memory > 0 && out->cache > 0;
}
