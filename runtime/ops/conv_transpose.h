/* conv_transpose.h: shapes of ConvTranspose.
 *
 * y[n, o, p] = sum over c in the group, then over the kernel's positions t, of x[n, c, q] * w[c, o, t] where
 * p = q * stride + t * dilation - begin along every axis; then + b[o]. Kernel positions for which no q exists take no part.
 */
#ifndef ALT_RUNTIME_OPS_CONV_TRANSPOSE_H
#define ALT_RUNTIME_OPS_CONV_TRANSPOSE_H

#include "runtime/ops/window.h"
#include "runtime/step.h"

/* Attributes that ConvTranspose has beside those of a window. */
struct alt_transpose_window {
    struct alt_op_window w; /* in[]: of x; out[]: of y */
    int64_t more[ALT_WINDOW_RANK];         /* output_padding */
    int64_t output_shape[ALT_WINDOW_RANK]; /* -1: not given */
};

/* As alt_op_window_read. */
const char *alt_transpose_read(const struct alt_node *n, int rank, const int64_t *kernel, struct alt_transpose_window *t);
/* Output extent; ALT_DIM_BAD when it would be negative. */
alt_dim alt_transpose_out(struct alt_dimtab *tab, const struct alt_transpose_window *t, int axis, alt_dim in);
/* Sets in[], out[] and the padding for concrete extents; false when they are beyond ALT_WINDOW_MOST. */
bool alt_transpose_fix(struct alt_transpose_window *t, const int64_t *in, const int64_t *out);

extern const struct alt_kernel alt_conv_transpose;

#endif
