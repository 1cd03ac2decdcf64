/* kernel_check.h: the table-driven check of every kernel against plain C references.
 *
 * A family (kernel_check_<family>.c, listed in kernel_check.def) makes cases: an operator, its attributes, its inputs, and
 * a reference that computes the outputs in double precision from the very values the kernel gets. The harness runs each
 * case in a child process, in several variants of the same inputs:
 *
 *   dense     plain operands, extents known while selecting
 *   unsized   the kernel is selected with unknown extents, then bound to these
 *   strided   kernels that take strides: permuted, reversed, padded inputs
 *   repeated  the same: one axis of each input has stride 0
 *   inplace   kernels that allow it: the output lies on an input
 *   blocked8, blocked16   operators with blocked layouts: channels in blocks, anything behind the last one
 *   view      operators that describe their output as a view of the input
 *
 * and each variant twice: the whole range at once, memory aligned, a page that cannot be touched in front of it; then tile
 * by tile in another order, memory flush against such a page behind it. Both must give the same bits, leave the inputs and
 * everything around the outputs and the scratch as it was, and agree with the reference.
 */
#ifndef ALT_TESTS_KERNEL_CHECK_H
#define ALT_TESTS_KERNEL_CHECK_H

#include "runtime/graph.h"

enum { KC_INPUTS = 9, KC_OUTPUTS = 4, KC_ATTRS = 12, KC_ATTR_NUMBERS = 96 };

enum kc_fill {
    KC_UNIFORM,   /* in [low, high) */
    KC_WHOLE,     /* whole numbers in [low, high] */
    KC_GIVEN,     /* `given` */
    KC_SPECIAL,   /* uniform, and now and then NaN, infinities, denormals, zeros of both signs, huge numbers */
    KC_NONFINITE, /* the same without huge numbers, whose sums overflow in one order and not in another */
};

struct kc_input {
    alt_dtype dtype; /* ALT_NONE: omitted */
    int rank;
    int64_t dim[ALT_MAX_RANK];
    enum kc_fill fill;
    double low, high;
    const double *given; /* static: row-major */
    bool known;          /* a constant of the model: its content is there while inferring and binding */
};

/* What references read and write: a dense row-major tensor of doubles. */
struct kc_tensor {
    alt_dtype dtype;
    int rank; /* -1: omitted, or not yet made */
    int64_t dim[ALT_MAX_RANK];
    int64_t count;
    double *value;
    double *weight; /* outputs: sum of the magnitudes that went into a sum; NULL: no sum */
};

struct kc_case;
typedef void kc_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                          struct kc_tensor *out);

struct kc_case {
    const char *op;
    int64_t opset;
    const char *note; /* adds to the name; may be NULL */
    struct kc_input in[KC_INPUTS];
    int n_in, n_out;
    struct alt_attr attr[KC_ATTRS];
    int n_attr;
    kc_reference *reference;
    /* |got - expected| <= ulps * spacing of the output type there + reduction * unit roundoff of the accumulator * weight.
     * 0.5 ulps: correctly rounded. */
    double ulps;
    int64_t reduction; /* terms of the longest sum */
    /* what attr points to */
    int64_t ints[KC_ATTR_NUMBERS];
    float floats[KC_ATTR_NUMBERS];
    alt_string strings[KC_ATTRS];
    int n_ints, n_floats, n_strings;
};

struct kc_run; /* a program run: options, counts, random numbers */

/* A case of that operator with no inputs, one output, ulps 0.5. */
struct kc_case kc_case(const char *op, int64_t opset, kc_reference *reference);
/* Adds an input: uniform in [-2, 2), integers in [-9, 9] (unsigned: [0, 9]). Returns it for changes. */
struct kc_input *kc_in(struct kc_case *c, alt_dtype dtype, int rank, const int64_t *dims);
/* Adds an input with a given content (borrowed), known while binding. */
struct kc_input *kc_in_known(struct kc_case *c, alt_dtype dtype, int rank, const int64_t *dims, const double *values);
struct kc_input *kc_in_omitted(struct kc_case *c);
void kc_attr_int(struct kc_case *c, const char *name, int64_t value);
void kc_attr_ints(struct kc_case *c, const char *name, int count, const int64_t *values);
void kc_attr_float(struct kc_case *c, const char *name, double value);
void kc_attr_text(struct kc_case *c, const char *name, const char *value);

/* Runs the case (attributes and inputs are copied). */
void kc_check(struct kc_run *run, const struct kc_case *c);
/* A random number in [low, high], from the run's seed. */
int64_t kc_random(struct kc_run *run, int64_t low, int64_t high);
/* A random shape with about `most` elements at most; extents may be 1, zero now and then when `zero`. */
void kc_random_shape(struct kc_run *run, int rank, int64_t most, bool zero, int64_t *dims);

/* References: makes an output. Weights are made on request and zero. */
void kc_out(struct kc_tensor *t, int rank, const int64_t *dims, bool weights);
/* Makes out[0] with the broadcast shape of n tensors. */
void kc_out_broadcast(struct kc_tensor *out, int n, const struct kc_tensor *in, bool weights);
/* Number of the element of `t` that broadcasts to element `index` of `out`. */
int64_t kc_broadcast_index(const struct kc_tensor *t, const struct kc_tensor *out, int64_t index);
/* Splits a row-major element number into coordinates and back. */
void kc_coordinates(int rank, const int64_t *dims, int64_t index, int64_t *at);
int64_t kc_index(int rank, const int64_t *dims, const int64_t *at);

struct kc_family {
    const char *name;
    void (*cases)(struct kc_run *run);
};

#endif
