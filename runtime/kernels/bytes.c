/* bytes.c: 8-bit integers to elements, and sums of their products back to integers: what depthwise convolution needs. */
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
