/* bytes.c: 8-bit integers to elements, and sums of their products back to integers: what depthwise convolution needs. */
#include "runtime/kernels/vec.h"

#include <string.h>

INLINE real less_zero(uint8_t byte, bool is_signed, int32_t zero) { return (real)((is_signed ? (int8_t)byte : byte) - zero); }

INLINE void side_by_side(const uint8_t *restrict x, int64_t n, bool is_signed, int32_t zero, real *restrict out)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            out[i + j] = less_zero(x[i + j], is_signed, zero);
    for (; i < n; i++)
        out[i] = less_zero(x[i], is_signed, zero);
}

/* Two bytes an element: the low halves of 16-bit words. A vector's last word lies in x only while another element follows. */
INLINE void every_other(const uint8_t *restrict x, int64_t n, bool is_signed, int32_t zero, real *restrict out)
{
    int64_t i = 0;
    for (; i + LANES < n; i += LANES) {
        uint16_t words[LANES];
        memcpy(words, x + 2 * i, sizeof words);
        for (int j = 0; j < LANES; j++)
            out[i + j] = (real)((is_signed ? (int16_t)(words[j] << 8) >> 8 : words[j] & 255) - zero);
    }
    for (; i < n; i++)
        out[i] = less_zero(x[2 * i], is_signed, zero);
}

INLINE void widen_lines(const struct alt_kern_widen *w, bool is_signed, const int step)
{
    const uint8_t *x = w->x;
    for (int64_t i = 0; i < w->lines; i++, x += w->x_line) {
        real *out = (real *)w->out + w->line[i];
        if (step == 1)
            side_by_side(x, w->n, is_signed, w->zero, out);
        else if (step == 2)
            every_other(x, w->n, is_signed, w->zero, out);
        else
            for (int64_t j = 0; j < w->n; j++)
                out[j] = less_zero(x[j * w->step], is_signed, w->zero);
    }
}

void KERN(widen)(const struct alt_kern_widen *w)
{
    if (w->step == 1)
        w->is_signed ? widen_lines(w, true, 1) : widen_lines(w, false, 1);
    else if (w->step == 2)
        w->is_signed ? widen_lines(w, true, 2) : widen_lines(w, false, 2);
    else
        widen_lines(w, w->is_signed, 0);
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
