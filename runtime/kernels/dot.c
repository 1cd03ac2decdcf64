/* dot.c: register tiles of products of 16-bit integers, and what prepares their operands; built once for each ISA level.
 *
 * Reduction indices go in pairs: a 32-bit lane holds two elements of a column, the multiplier adds two products to one int32. */
#include "runtime/kernels/vec.h"

#include <string.h>

typedef int32_t veci __attribute__((vector_size(ALT_KERN_VECTOR)));
typedef uint32_t vecn __attribute__((vector_size(ALT_KERN_VECTOR)));
typedef veci veciu __attribute__((aligned(2), may_alias));
typedef uint32_t pair __attribute__((aligned(2), may_alias));

#define WORDS ((int)(ALT_KERN_VECTOR / sizeof(int32_t)))
#define COLUMNS (2 * WORDS)

/* Each lane: the sum of the products of two pairs of 16-bit integers. */
INLINE vecn pairs(veci a, veci b)
{
#if ALT_KERN_X86 && ALT_KERN_VECTOR == 64
    return (vecn)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif ALT_KERN_X86 && ALT_KERN_VECTOR == 32
    return (vecn)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif ALT_KERN_X86
    return (vecn)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
    return (vecn)((a >> 16) * (b >> 16)) + (vecn)(((veci)((vecn)a << 16) >> 16) * ((veci)((vecn)b << 16) >> 16));
#endif
}

INLINE void tile(const struct alt_kern_dot *d, int64_t i0, const int m)
{
    const int16_t *a[MR], *b = d->b;
    int32_t *c = d->c + i0 * d->c_row;
    vecn acc[MR][2];
#pragma GCC unroll 8
    for (int i = 0; i < m; i++) {
        a[i] = d->a + (i0 + i) * d->a_row;
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++)
            acc[i][j] = d->accumulate ? (vecn)*(const veciu *)(c + i * d->c_row + j * WORDS) : (vecn){0};
    }
    for (int64_t k = 0; k < d->k; k += 2, b += 2 * COLUMNS) {
        const veci left = *(const veciu *)b, right = *(const veciu *)(b + 2 * WORDS);
#pragma GCC unroll 8
        for (int i = 0; i < m; i++) {
            const veci both = (veci)((vecn){0} + *(const pair *)(a[i] + k));
            acc[i][0] += pairs(both, left);
            acc[i][1] += pairs(both, right);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < m; i++)
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++)
            *(veciu *)(c + i * d->c_row + j * WORDS) = (veci)acc[i][j];
}

typedef void tile_fn(const struct alt_kern_dot *d, int64_t i0);

#define TILE(m) static void tile_##m(const struct alt_kern_dot *d, int64_t i0) { tile(d, i0, m <= MR ? m : MR); }
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6) TILE(7) TILE(8)

static void dot(const struct alt_kern_dot *d)
{
    static tile_fn *const tiles[9] = {NULL, tile_1, tile_2, tile_3, tile_4, tile_5, tile_6, tile_7, tile_8};
    for (int64_t i = 0; i < d->m; i += MR)
        tiles[d->m - i < MR ? d->m - i : MR](d, i);
}

#define WIDEN(T, name) \
    INLINE void widen_##name(const T *restrict x, int64_t n, int32_t zero, int16_t *restrict out) { \
        for (int64_t i = 0; i < n; i++) out[i] = (int16_t)(x[i] - (int16_t)zero); } \
    INLINE void weave_##name(const T *restrict x, const T *restrict y, int64_t n, int32_t zero, int16_t *restrict out) { \
        for (int64_t i = 0; i < n; i++) { \
            out[2 * i] = (int16_t)(x[i] - (int16_t)zero); out[2 * i + 1] = (int16_t)(y[i] - (int16_t)zero); } }
WIDEN(int8_t, i8)
WIDEN(uint8_t, u8)

static void widen(const struct alt_kern_short *s)
{
    if (s->is_signed)
        widen_i8(s->x, s->n, s->zero, s->out);
    else
        widen_u8(s->x, s->n, s->zero, s->out);
}

/* A whole panel's width is a constant, so that it takes a few vectors. */
static void weave(const struct alt_kern_short *s)
{
    if (s->is_signed && s->n == COLUMNS)
        weave_i8(s->x, s->y, COLUMNS, s->zero, s->out);
    else if (s->is_signed)
        weave_i8(s->x, s->y, s->n, s->zero, s->out);
    else if (s->n == COLUMNS)
        weave_u8(s->x, s->y, COLUMNS, s->zero, s->out);
    else
        weave_u8(s->x, s->y, s->n, s->zero, s->out);
}

/* Clamped before it is rounded, so that the rounding constant (1.5 * 2^23) fits: the sum's lowest bits are then the whole number. */
INLINE uint32_t requantise(int32_t sum, float factor, uint32_t zero, float low, float high)
{
    const float x = (float)sum * factor, above = x > low ? x : low, within = (above < high ? above : high) + 0x1.8p23f;
    uint32_t bits;
    memcpy(&bits, &within, sizeof bits);
    return bits + zero;
}

#define NARROW(T, name, least, most) \
    INLINE void narrow_##name(const struct alt_kern_narrow *p, T *restrict out) { \
        const float low = (float)(least - p->zero), high = (float)(most - p->zero), all = *p->factor; \
        const int32_t *restrict sum = p->sum; const uint32_t bias = (uint32_t)p->bias, zero = (uint32_t)p->zero; \
        const float *restrict factor = p->factor; \
        if (p->each) for (int64_t i = 0; i < p->n; i++) \
            out[i] = (T)requantise((int32_t)((uint32_t)sum[i] + bias), factor[i], zero, low, high); \
        else for (int64_t i = 0; i < p->n; i++) \
            out[i] = (T)requantise((int32_t)((uint32_t)sum[i] + bias), all, zero, low, high); }
NARROW(int8_t, i8, INT8_MIN, INT8_MAX)
NARROW(uint8_t, u8, 0, UINT8_MAX)

static void narrow(const struct alt_kern_narrow *p)
{
    if (p->is_signed)
        narrow_i8(p, p->out);
    else
        narrow_u8(p, p->out);
}

extern const struct alt_kern_int KERN(table);

const struct alt_kern_int KERN(table) = {.nr = COLUMNS, .mr = MR, .dot = dot, .widen = widen, .weave = weave, .narrow = narrow};
