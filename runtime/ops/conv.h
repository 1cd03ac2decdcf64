/* conv.h: what the kernels of convolution share.
 *
 * y[n, o, p] = sum over c in the group of o, then over the kernel's positions t, of x[n, c, window(p, t)] * w[o, c, t],
 * then + b[o]; the order is the canonical one of runtime/kernels/kern.h.
 *
 *   conv_plain.c      any type, rank, group and stride; plain output. A matrix product over gathered windows.
 *   conv_blocked.c    float32, group 1; output in channel blocks, weights packed; input plain or in blocks.
 *   conv_rows.c       float32 and float64, few output channels a group; all plain.
 *   conv_depthwise.c  float32, one input and one output channel a group; all in channel blocks.
 */
#ifndef ALT_RUNTIME_OPS_CONV_H
#define ALT_RUNTIME_OPS_CONV_H

#include "runtime/ops/gather_panel.h"
#include "runtime/step.h"

struct alt_infer;

/* A convolution in numbers. */
struct alt_conv {
    struct alt_op_window w;
    int64_t n, group;
    int64_t c, o;            /* channels in all */
    int64_t ic, oc;          /* channels a group */
    int64_t taps, pixels;    /* kernel positions; output positions of one channel */
    bool bias;
};

/* The shape of y from those of X (input 0), W (input `w`) and B (input `b`, which may be absent; -1: there is none), whose types
 * are right. */
alt_status alt_conv_infer(struct alt_infer *inf, int w, int b, struct alt_shape *y);
/* Fills `c` from a binding's logical extents. Reports what does not fit. */
alt_status alt_conv_read(struct alt_kernel_bind *bind, int w, int b, struct alt_conv *c);

/* The panels of `width` pixels over x, plain, that a product reads; ALT_E_NOMEM. */
alt_status alt_conv_panel(const struct alt_op_window *w, const struct alt_operand *x, int width, struct alt_arena *arena,
                          struct alt_panel *panel);

extern const struct alt_kernel alt_conv_plain;
extern const struct alt_kernel alt_conv_blocked;
extern const struct alt_kernel alt_conv_rows;
extern const struct alt_kernel alt_conv_depthwise;

#endif
