/* matmul.h: what the products of batches of matrices share: shapes. */
#ifndef ALT_RUNTIME_OPS_MATMUL_H
#define ALT_RUNTIME_OPS_MATMUL_H

#include "runtime/step.h"

struct alt_infer;

/* The shape of the product of inputs a and b; fails where they do not fit. */
alt_status alt_matmul_infer(struct alt_infer *inf, int a, int b, struct alt_shape *y);
/* Stride of axis i of the broadcast batch (`rank` axes) in an operand. */
int64_t alt_matmul_stride(const struct alt_operand *op, int rank, int i);

#endif
