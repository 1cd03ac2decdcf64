/* q8.c: sums of products of 8-bit integers; see q8.h. */
#include "runtime/ops/q8.h"

#include "runtime/kernel.h"
#include "runtime/kernels/kern.h"
#include "runtime/ops/gather_panel.h"

#include <string.h>

void alt_q8_put(const struct alt_kern_int *kern, alt_dtype dtype, struct alt_kern_narrow *how, const int32_t *acc, int64_t n,
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
