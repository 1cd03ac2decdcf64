/* window.h: the sliding windows of convolution and pooling: attributes, output extents, concrete padding.
 *
 * kernel_shape, strides, dilations, pads, auto_pad and ceil_mode as the ONNX operators define them, for any number of
 * spatial axes. Along one axis, output position o reads input positions o * stride - begin + k * dilation for k in
 * [0, kernel); those outside [0, in) are padding.
 */
#ifndef ALT_RUNTIME_OPS_WINDOW_H
#define ALT_RUNTIME_OPS_WINDOW_H

#include "runtime/dim.h"

#include <alt/value.h>

struct alt_node;

#define ALT_WINDOW_RANK (ALT_MAX_RANK - 2) /* spatial axes */
#define ALT_WINDOW_MOST (INT64_C(1) << 48)

enum alt_auto_pad { ALT_PAD_NOTSET, ALT_PAD_SAME_UPPER, ALT_PAD_SAME_LOWER, ALT_PAD_VALID };

struct alt_op_window {
    int rank;
    int64_t kernel[ALT_WINDOW_RANK]; /* -1: not known (while inferring) */
    int64_t stride[ALT_WINDOW_RANK], dilation[ALT_WINDOW_RANK];
    int64_t begin[ALT_WINDOW_RANK], end[ALT_WINDOW_RANK]; /* padding; auto_pad's after alt_op_window_fix */
    enum alt_auto_pad auto_pad;
    bool ceil;                                            /* ceil_mode */
    int64_t in[ALT_WINDOW_RANK], out[ALT_WINDOW_RANK];    /* after alt_op_window_fix */
};

/* Reads the attributes of `n` for `rank` spatial axes. `kernel`: the extents that the weights give (-1: not known), or
 * NULL when kernel_shape is required. Returns NULL, or what is wrong. */
const char *alt_op_window_read(const struct alt_node *n, int rank, const int64_t *kernel, struct alt_op_window *w);
/* Number of spatial axes according to the attributes alone; -1 when they do not say. */
int alt_op_window_rank(const struct alt_node *n);
/* Extent of the window along an axis, dilation included. The kernel is known. */
int64_t alt_op_window_span(const struct alt_op_window *w, int axis);
/* Output extent for input extent `in`; ALT_DIM_BAD when the window does not fit into the padded input. */
alt_dim alt_op_window_out(struct alt_dimtab *tab, const struct alt_op_window *w, int axis, alt_dim in);
/* Resolves auto_pad and sets in[] and out[] for concrete extents; false when a window does not fit, or when an extent is beyond
 * ALT_WINDOW_MOST: only an empty tensor can have such a one. */
bool alt_op_window_fix(struct alt_op_window *w, const int64_t *in, const int64_t *out);
/* Product of the kernel's extents; -1 on overflow. */
int64_t alt_op_window_taps(const struct alt_op_window *w);
/* True when some window reaches beyond the input. */
bool alt_op_window_padded(const struct alt_op_window *w);

#endif
