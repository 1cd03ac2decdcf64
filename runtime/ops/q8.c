/* q8.c: sums of products of 8-bit integers; see q8.h. */
#include "runtime/ops/q8.h"

#include "runtime/kernel.h"
#include "runtime/kernels/kern.h"
#include "runtime/ops/gather_panel.h"

#include <string.h>

#define GATHER(T, name) \
    static void gather_##name(const T *x, const int64_t *index, int64_t n, int32_t zero, float *out) { \
        for (int64_t i = 0; i < n; i++) out[i] = index[i] < 0 ? 0 : (float)(x[index[i]] - zero); }
GATHER(int8_t, i8)
GATHER(uint8_t, u8)

void alt_q8_gather(alt_dtype dtype, const void *x, const int64_t *index, int64_t n, int32_t zero, float *out)
{
    if (dtype == ALT_INT8)
        gather_i8(x, index, n, zero, out);
    else
        gather_u8(x, index, n, zero, out);
}

void alt_q8_add(const struct alt_q8_block *b)
{
    const int64_t nr = b->kern->nr;
    b->kern->gemm(&(struct alt_kern_gemm){.m = b->rows, .n = nr, .k = b->depth, .a = b->a, .a_row = b->a_row, .a_col = 1,
                                          .b = b->panel, .b_row = nr, .c = b->sums, .c_row = nr});
    b->kern->add_sums(b->sums, b->rows * nr, b->first, b->acc);
}

void alt_q8_put(const struct alt_kern *kern, alt_dtype dtype, struct alt_kern_narrow *how, const int32_t *acc, int64_t n,
                void *out)
{
    if (dtype == ALT_INT32) {
        memcpy(out, acc, (size_t)n * sizeof *acc);
        return;
    }
    how->sum = acc;
    how->n = n;
    how->is_signed = dtype == ALT_INT8;
    how->out = out;
    kern->narrow(how);
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
