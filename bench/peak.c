/* peak.c: what one core of this machine can do at most: float32 multiply-adds and bytes from memory a second.
 *
 * Multiply-adds: independent chains in registers, more than latency times throughput asks for, at the widest vectors that the
 * machine has. Bytes: a sum over an array far larger than any cache. The best of some rounds each; one line:
 * "ISA GFLOP/s GB/s". */
#include "runtime/cpu.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CHAINS = 12, ROUNDS = 8, STEPS = 4000000 };
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
#define STEP(i) a##i = a##i * x + y; __asm__ volatile("" : "+" REG(a##i));
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
#endif
    return (struct level){ALT_ISA_BASE_NAME, chains_base, 4};
}

static double flops(const struct level *l, volatile float *sink)
{
    double best = 0;
    for (int r = 0; r < ROUNDS; r++) {
        double begin = now();
        *sink = l->chains(STEPS);
        double rate = 2.0 * CHAINS * l->lanes * STEPS / (now() - begin);
        best = rate > best ? rate : best;
    }
    return best;
}

static double bandwidth(volatile uint64_t *sink)
{
    uint64_t *data = calloc(BYTES, 1);
    double best = 0;
    for (size_t i = 0; data && i < BYTES / sizeof *data; i += 512)
        data[i] = i; /* pages of its own */
    for (int r = 0; data && r < ROUNDS; r++) {
        uint64_t sum[8] = {0};
        double begin = now();
        for (size_t i = 0; i < BYTES / sizeof *data; i += 8)
            for (int k = 0; k < 8; k++)
                sum[k] += data[i + (size_t)k];
        double rate = (double)BYTES / (now() - begin);
        *sink = sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
        best = rate > best ? rate : best;
    }
    free(data);
    return best;
}

int main(void)
{
    volatile float f = 0;
    volatile uint64_t u = 0;
    struct level l = widest();
    printf("%s %.1f %.1f\n", l.name, flops(&l, &f) / 1e9, bandwidth(&u) / 1e9);
    return 0;
}
