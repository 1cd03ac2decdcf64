/* q8.c: sums of products of 8-bit integers; see q8.h. */
#include "runtime/ops/q8.h"

#include "runtime/kernel.h"
#include "runtime/kernels/kern.h"
#include "runtime/ops/gather_panel.h"

#define WIDEN(T, name) \
    static void widen_##name(const T *x, int64_t n, const int32_t *zero, int step, float *out) { \
        const int32_t all = *zero; \
        if (step) for (int64_t i = 0; i < n; i++) out[i] = (float)(x[i] - zero[i]); \
        else for (int64_t i = 0; i < n; i++) out[i] = (float)(x[i] - all); }
#define GATHER(T, name) \
    static void gather_##name(const T *x, const int64_t *index, int64_t n, int32_t zero, float *out) { \
        for (int64_t i = 0; i < n; i++) out[i] = index[i] < 0 ? 0 : (float)(x[index[i]] - zero); }
WIDEN(int8_t, i8)
WIDEN(uint8_t, u8)
GATHER(int8_t, i8)
GATHER(uint8_t, u8)

void alt_q8_widen(alt_dtype dtype, const void *x, int64_t n, const int32_t *zero, int zero_step, float *out)
{
    if (dtype == ALT_INT8)
        widen_i8(x, n, zero, zero_step, out);
    else
        widen_u8(x, n, zero, zero_step, out);
}

void alt_q8_gather(alt_dtype dtype, const void *x, const int64_t *index, int64_t n, int32_t zero, float *out)
{
    if (dtype == ALT_INT8)
        gather_i8(x, index, n, zero, out);
    else
        gather_u8(x, index, n, zero, out);
}

void alt_q8_add(const struct alt_q8_block *b)
{
    const int64_t nr = b->kern->nr, n = b->rows * nr;
    uint32_t *acc = (uint32_t *)b->acc;
    b->kern->gemm(&(struct alt_kern_gemm){.m = b->rows, .n = nr, .k = b->depth, .a = b->a, .a_row = b->a_row, .a_col = 1,
                                          .b = b->panel, .b_row = nr, .c = b->sums, .c_row = nr});
    if (b->first)
        for (int64_t i = 0; i < n; i++)
            acc[i] = (uint32_t)(int32_t)b->sums[i];
    else
        for (int64_t i = 0; i < n; i++)
            acc[i] += (uint32_t)(int32_t)b->sums[i];
}

/* Clamped before it is rounded, so that the rounding constant (1.5 * 2^23) fits. */
static inline int32_t requantise(int32_t sum, float scale, int32_t zero, float low, float high)
{
    const float x = (float)sum * scale, above = x > low ? x : low, within = above < high ? above : high;
    return (int32_t)((within + 0x1.8p23f) - 0x1.8p23f) + zero;
}

#define PUT(T, name, least, most) \
    static void put_##name(const struct alt_q8_put *p, const int32_t *acc, int64_t n, T *out) { \
        const float low = (float)(least - p->zero), high = (float)(most - p->zero), all = *p->scale; \
        const int32_t zero = p->zero; const uint32_t bias = (uint32_t)p->bias; const float *scale = p->scale; \
        if (p->scale_step) for (int64_t i = 0; i < n; i++) \
            out[i] = (T)requantise((int32_t)((uint32_t)acc[i] + bias), scale[i], zero, low, high); \
        else for (int64_t i = 0; i < n; i++) \
            out[i] = (T)requantise((int32_t)((uint32_t)acc[i] + bias), all, zero, low, high); }
PUT(int8_t, i8, INT8_MIN, INT8_MAX)
PUT(uint8_t, u8, 0, UINT8_MAX)

void alt_q8_put(const struct alt_q8_put *p, const int32_t *acc, int64_t n, void *out)
{
    if (p->dtype == ALT_INT8)
        put_i8(p, acc, n, out);
    else if (p->dtype == ALT_UINT8)
        put_u8(p, acc, n, out);
    else
        for (int64_t i = 0; i < n; i++)
            ((int32_t *)out)[i] = acc[i];
}

int32_t alt_q8_zero(const struct alt_koperand *op, alt_dtype dtype, int64_t i)
{
    if (!op || !op->data)
        return 0;
    return dtype == ALT_INT8 ? ((const int8_t *)op->data)[i] : ((const uint8_t *)op->data)[i];
}

float alt_q8_scale(const struct alt_koperand *op, alt_dtype dtype, int64_t i)
{
    return dtype == ALT_FLOAT32 ? ((const float *)op->data)[i] : alt_half_get(dtype, op->data, i);
}
