/* conv_integer.h: ConvInteger and QLinearConv: convolution of 8-bit integers with zero points.
 *
 *   conv_integer.c            types and shapes, choice of kernel, and the general kernel: a product over gathered windows
 *   conv_integer_depthwise.c  one input channel a group: rows of a widened channel
 *
 * Elements of the padding are the zero point. How sums are made and requantised: q8.h.
 */
#ifndef ALT_RUNTIME_OPS_CONV_INTEGER_H
#define ALT_RUNTIME_OPS_CONV_INTEGER_H

#include "runtime/kernels/kern.h"
#include "runtime/ops/conv.h"
#include "runtime/ops/q8.h"

/* Which input is what; -1: the operator has no such input. */
struct alt_conv_roles {
    int x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias;
};

struct alt_conv_integer {
    struct alt_conv c;
    const struct alt_kern_int *kern;
    const struct alt_conv_roles *roles;
    alt_dtype x, w, y;
    bool zero_each, scale_each; /* one for each output channel */
    const float *factor;        /* [c.o] when the scales are known while binding; else NULL */
    int64_t plane;              /* elements of an input channel */
    int n_in;
};
/* Reads what all kernels need. */
alt_status alt_conv_integer_read(struct alt_kernel_bind *bind, struct alt_conv_integer *p);
int32_t alt_conv_integer_x_zero(const struct alt_conv_integer *p, const struct alt_kargs *args);
int32_t alt_conv_integer_w_zero(const struct alt_conv_integer *p, const struct alt_kargs *args, int64_t channel);
/* How the sums of an output channel are requantised; `factor` is a place for the factor. */
struct alt_kern_narrow alt_conv_integer_narrow(const struct alt_conv_integer *p, const struct alt_kargs *args,
                                               int64_t channel, float *factor);

extern const struct alt_kernel alt_conv_integer_depthwise;

#endif
