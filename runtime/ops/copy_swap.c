/* copy_swap.c: transposes a block; see copy_inner.h.
 *
 * In registers of 16 bytes. Elements of `size` bytes lie at (register, place); zipping registers r and r + half to registers 2r and
 * 2r + 1 turns the bits of that address to the left by one. Registers are loaded with pieces of 16 bytes of as many lines (bytes: pieces of 8
 * bytes of 16 lines), which puts element e of line l at address (l, e); as many turns as l has bits make that (e, l).
 */
#include "runtime/ops/copy_inner.h"

#include "runtime/ops/loop.h"

#include <stdbool.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum { VECTOR = ALT_COPY_VECTOR };

typedef uint8_t bytes __attribute__((vector_size(VECTOR)));
typedef uint16_t halves __attribute__((vector_size(VECTOR)));
typedef uint32_t words __attribute__((vector_size(VECTOR)));
typedef uint64_t longs __attribute__((vector_size(VECTOR)));

INLINE int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

INLINE uint64_t load_8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

typedef uint64_t pair __attribute__((vector_size(16)));

/* What register r of a unit, or its lower half, is loaded with. */
INLINE pair load_16(size_t size, const char *src, int64_t src_n, int r)
{
    pair v;
    if (size == 1)
        return (pair){load_8(src + 2 * r * src_n), load_8(src + (2 * r + 1) * src_n)};
    memcpy(&v, src + r * src_n, 16);
    return v;
}

/* Register r of a unit (of 32 bytes: the lower half from the first half of the lines, the upper one from the second), and lists for
 * zipping the low and the high halves of two registers. */
#if ALT_COPY_VECTOR == 16
INLINE bytes load(size_t size, const char *src, int64_t src_n, int r)
{
    return (bytes)load_16(size, src, src_n, r);
}
#define LOW_1 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_1 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define LOW_2 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_2 4, 12, 5, 13, 6, 14, 7, 15
#define LOW_4 0, 4, 1, 5
#define HIGH_4 2, 6, 3, 7
#define LOW_8 0, 2
#define HIGH_8 1, 3
#else
INLINE bytes load(size_t size, const char *src, int64_t src_n, int r)
{
    const int lines = 16 / (int)size;
    return (bytes)__builtin_shufflevector(load_16(size, src, src_n, r), load_16(size, src + lines * src_n, src_n, r), 0, 1, 2, 3);
}
#define LOW_1 0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55
#define HIGH_1 8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47, 24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63
#define LOW_2 0, 16, 1, 17, 2, 18, 3, 19, 8, 24, 9, 25, 10, 26, 11, 27
#define HIGH_2 4, 20, 5, 21, 6, 22, 7, 23, 12, 28, 13, 29, 14, 30, 15, 31
#define LOW_4 0, 8, 1, 9, 4, 12, 5, 13
#define HIGH_4 2, 10, 3, 11, 6, 14, 7, 15
#define LOW_8 0, 4, 2, 6
#define HIGH_8 1, 5, 3, 7
#endif

INLINE bytes zip_low(size_t size, bytes a, bytes b)
{
    switch (size) {
    case 1: return __builtin_shufflevector(a, b, LOW_1);
    case 2: return (bytes)__builtin_shufflevector((halves)a, (halves)b, LOW_2);
    case 4: return (bytes)__builtin_shufflevector((words)a, (words)b, LOW_4);
    default: return (bytes)__builtin_shufflevector((longs)a, (longs)b, LOW_8);
    }
}

INLINE bytes zip_high(size_t size, bytes a, bytes b)
{
    switch (size) {
    case 1: return __builtin_shufflevector(a, b, HIGH_1);
    case 2: return (bytes)__builtin_shufflevector((halves)a, (halves)b, HIGH_2);
    case 4: return (bytes)__builtin_shufflevector((words)a, (words)b, HIGH_4);
    default: return (bytes)__builtin_shufflevector((longs)a, (longs)b, HIGH_8);
    }
}

INLINE void zip_all(size_t size, bytes *a, int registers, int rounds)
{
    bytes b[8];
#pragma GCC unroll 4
    for (int round = 0; round < rounds; round++) {
#pragma GCC unroll 4
        for (int r = 0; r < registers / 2; r++) {
            b[2 * r] = zip_low(size, a[r], a[r + registers / 2]);
            b[2 * r + 1] = zip_high(size, a[r], a[r + registers / 2]);
        }
#pragma GCC unroll 8
        for (int r = 0; r < registers; r++)
            a[r] = b[r];
    }
}

/* What a unit takes: elements of a line, and lines. */
INLINE int unit_m(size_t size) { return size == 1 ? 8 : 16 / (int)size; }
INLINE int unit_n(size_t size) { return VECTOR / (int)size; }
INLINE int log_2(int x) { return x == 16 ? 4 : x == 8 ? 3 : x == 4 ? 2 : 1; }

INLINE void swap_unit(size_t size, const struct alt_copy_block b, int64_t i, int64_t j)
{
    const char *src = b.src + i * (int64_t)size + j * b.src_n;
    char *dst = b.dst + i * b.dst_m + j * (int64_t)size;
    bytes a[8];
#pragma GCC unroll 8
    for (int r = 0; r < unit_m(size); r++)
        a[r] = load(size, src, b.src_n, r);
    zip_all(size, a, unit_m(size), log_2(16 / (int)size));
#pragma GCC unroll 8
    for (int r = 0; r < unit_m(size); r++)
        memcpy(dst + r * b.dst_m, &a[r], VECTOR);
}

/* Elements of a source line to go along before the next lines. All, to read long stretches of few lines at a time; but crowded lines of the
 * destination are finished at once, and those of the source, if crowded too, are used up once read. Where the source comes from memory that
 * pays only for lines of one set. */
INLINE int64_t strip(size_t size, const struct alt_copy_block b, int64_t unit)
{
    if (b.next ? !alt_copy_one_set(b.dst_m) : !alt_copy_crowded(b.dst_m))
        return b.m;
    return alt_copy_crowded(b.src_n) ? 64 / (int64_t)size : unit;
}

/* What of the next block is prefetched: each source line from its beginning to its end, as the memory likes it. */
struct ahead {
    const char *line, *at;
    int64_t src_n, length;
};

INLINE void go_ahead(struct ahead *a, int64_t length)
{
    for (int64_t k = 0; k < length; k += 64) {
        __builtin_prefetch(a->at);
        a->at += 64;
        if (a->at - a->line >= a->length)
            a->at = a->line += a->src_n;
    }
}

/* Whole units, one or two of them side by side in the source; the last ones along m and n end where the block ends and so may take some
 * elements again. */
INLINE void swap_units(size_t size, int units, bool prefetch, const struct alt_copy_block b)
{
    const int64_t um = unit_m(size) * units, un = unit_n(size), step = strip(size, b, um);
    struct ahead ahead = {b.next, b.next, b.src_n, b.m * (int64_t)size};
    for (int64_t i0 = 0; i0 < b.m; i0 += step)
        for (int64_t j = 0; j < b.n; j += un)
            for (int64_t i = i0; i < min64(i0 + step, b.m); i += um) {
                if (prefetch)
                    go_ahead(&ahead, um * un * (int64_t)size);
#pragma GCC unroll 2
                for (int u = 0; u < units; u++)
                    swap_unit(size, b, min64(i, b.m - um) + u * unit_m(size), min64(j, b.n - un));
            }
}

/* A few source lines become one dense one: a loop that the compiler knows how to shuffle, for a constant n. */
INLINE void swap_few_n(size_t size, int64_t n, const struct alt_copy_block b)
{
    char *restrict dst = b.dst;
    const char *restrict src = b.src;
    ALT_IVDEP
    for (int64_t i = 0; i < b.m; i++)
#pragma GCC unroll 4
        for (int64_t j = 0; j < n; j++)
            memcpy(dst + (i * n + j) * (int64_t)size, src + i * (int64_t)size + j * b.src_n, size);
}

/* A dense source becomes a few lines. */
INLINE void swap_few_m(size_t size, int64_t m, const struct alt_copy_block b)
{
    char *restrict dst = b.dst;
    const char *restrict src = b.src;
    ALT_IVDEP
    for (int64_t j = 0; j < b.n; j++)
#pragma GCC unroll 4
        for (int64_t i = 0; i < m; i++)
            memcpy(dst + i * b.dst_m + j * (int64_t)size, src + (j * m + i) * (int64_t)size, size);
}

/* Element by element, along the longer axis. */
INLINE void swap_each(size_t size, const struct alt_copy_block b)
{
    const int64_t step = (int64_t)size;
    if (b.m > b.n)
        for (int64_t j = 0; j < b.n; j++)
            for (int64_t i = 0; i < b.m; i++)
                memcpy(b.dst + i * b.dst_m + j * step, b.src + i * step + j * b.src_n, size);
    else
        for (int64_t i = 0; i < b.m; i++)
            for (int64_t j = 0; j < b.n; j++)
                memcpy(b.dst + i * b.dst_m + j * step, b.src + i * step + j * b.src_n, size);
}

INLINE bool swap_few(size_t size, const struct alt_copy_block b)
{
    const bool to_dense = b.dst_m == b.n * (int64_t)size;
    const bool from_dense = b.src_n == b.m * (int64_t)size && b.m < unit_m(size);
    switch (to_dense ? b.n : 0) {
    case 2: swap_few_n(size, 2, b); return true;
    case 3: swap_few_n(size, 3, b); return true;
    case 4: swap_few_n(size, 4, b); return true;
    }
    switch (from_dense ? b.m : 0) {
    case 2: swap_few_m(size, 2, b); return true;
    case 3: swap_few_m(size, 3, b); return true;
    case 4: swap_few_m(size, 4, b); return true;
    }
    return false;
}

INLINE void swap_sized(size_t size, const struct alt_copy_block b)
{
    if (swap_few(size, b))
        return;
    if (b.m >= 2 * unit_m(size) && b.n >= unit_n(size) && b.next)
        swap_units(size, 2, true, b);
    else if (b.m >= 2 * unit_m(size) && b.n >= unit_n(size))
        swap_units(size, 2, false, b);
    else if (b.m >= unit_m(size) && b.n >= unit_n(size))
        swap_units(size, 1, false, b);
    else if (VECTOR > 16) /* units of half as many lines */
        alt_copy_swap_base(size, &(const struct alt_copy_block){b.dst, b.src, b.dst_m, b.src_n, b.m, b.n, NULL});
    else
        swap_each(size, b);
}

void ALT_COPY_NAME(alt_copy_swap)(size_t size, const struct alt_copy_block *b)
{
    switch (size) {
    case 1: swap_sized(1, *b); break;
    case 2: swap_sized(2, *b); break;
    case 4: swap_sized(4, *b); break;
    case 8: swap_sized(8, *b); break;
    default: swap_each(16, *b); break;
    }
}
