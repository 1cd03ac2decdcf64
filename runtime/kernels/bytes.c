/* bytes.c: 8-bit integers to elements, and sums of their products back to integers: what runtime/ops/q8.h needs. */
#include "runtime/kernels/vec.h"

#define WIDEN(T, name) \
    INLINE void widen_##name(const T *restrict x, int64_t n, const int32_t *restrict zero, bool each, real *restrict out) { \
        const int32_t all = *zero; \
        if (each) for (int64_t i = 0; i < n; i++) out[i] = (real)(x[i] - zero[i]); \
        else for (int64_t i = 0; i < n; i++) out[i] = (real)(x[i] - all); }
WIDEN(int8_t, i8)
WIDEN(uint8_t, u8)

void KERN(widen)(const struct alt_kern_widen *w)
{
    if (w->is_signed)
        widen_i8(w->x, w->n, w->zero, w->each, w->out);
    else
        widen_u8(w->x, w->n, w->zero, w->each, w->out);
}

void KERN(add_sums)(const void *sums, int64_t n, bool first, int32_t *acc)
{
    const real *restrict from = sums;
    uint32_t *restrict to = (uint32_t *)acc;
    if (first)
        for (int64_t i = 0; i < n; i++)
            to[i] = (uint32_t)(int32_t)from[i];
    else
        for (int64_t i = 0; i < n; i++)
            to[i] += (uint32_t)(int32_t)from[i];
}

/* Clamped before it is rounded, so that the rounding constant (1.5 * 2^23) fits. */
INLINE int32_t requantise(int32_t sum, float factor, int32_t zero, float low, float high)
{
    const float x = (float)sum * factor, above = x > low ? x : low, within = above < high ? above : high;
    return (int32_t)((within + 0x1.8p23f) - 0x1.8p23f) + zero;
}

#define NARROW(T, name, least, most) \
    INLINE void narrow_##name(const struct alt_kern_narrow *p, T *restrict out) { \
        const float low = (float)(least - p->zero), high = (float)(most - p->zero), all = *p->factor; \
        const int32_t zero = p->zero, *restrict sum = p->sum; const uint32_t bias = (uint32_t)p->bias; \
        const float *restrict factor = p->factor; \
        if (p->each) for (int64_t i = 0; i < p->n; i++) \
            out[i] = (T)requantise((int32_t)((uint32_t)sum[i] + bias), factor[i], zero, low, high); \
        else for (int64_t i = 0; i < p->n; i++) \
            out[i] = (T)requantise((int32_t)((uint32_t)sum[i] + bias), all, zero, low, high); }
NARROW(int8_t, i8, INT8_MIN, INT8_MAX)
NARROW(uint8_t, u8, 0, UINT8_MAX)

void KERN(narrow)(const struct alt_kern_narrow *p)
{
    if (p->is_signed)
        narrow_i8(p, p->out);
    else
        narrow_u8(p, p->out);
}
