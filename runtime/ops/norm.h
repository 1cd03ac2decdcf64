/* norm.h: what the normalisations share: moments of a line, and scale and bias operands of any broadcast shape.
 *
 * A line is normalised in float32 (float64 for float64): the mean is the sum divided by the length, the variance the sum of
 * squared differences from it divided by the length; sums have the order of vec.h. Then x becomes
 * (x - mean) * (1 / sqrt(variance + epsilon)), is multiplied by the scale and added to the bias, and rounded once.
 */
#ifndef ALT_RUNTIME_OPS_NORM_H
#define ALT_RUNTIME_OPS_NORM_H

#include "runtime/ops/linemap.h"

/* A scale or bias. */
struct alt_norm_part {
    int arg;        /* operand of the kernel; 0: there is none */
    alt_load_fn *load;
    size_t size;
    bool varies;    /* along a line */
    bool shared;    /* by all lines */
};

struct alt_norm {
    struct alt_linemap map; /* its param is this struct */
    bool center;            /* false: mean taken as 0 (root mean square) */
    double epsilon;
    struct alt_norm_part scale, bias;
    int mean_out, factor_out; /* outputs of the kernel; 0: not wanted */
    alt_store_fn *stat_store;
    size_t stat_size;
};

/* Describes operand `arg` of the kernel, the box's operand k being its strides; false when its type does not fit. */
bool alt_norm_part_set(struct alt_norm_part *part, const struct alt_kernel_bind *bind, int arg,
                       const struct alt_line_box *box, int k, unsigned mask);
/* The line function. */
void alt_norm_line(const struct alt_linemap *map, struct alt_line *line);

/* Its two halves, for a family that does something in between: x less the mean, and the moments; the rest. */
struct alt_moments {
    double mean, variance;
    double factor; /* 1 / sqrt(variance + epsilon) */
};
void alt_norm_moments(const struct alt_norm *norm, struct alt_line *line, struct alt_moments *m);
void alt_norm_affine(const struct alt_norm *norm, struct alt_line *line, double factor);

#endif
