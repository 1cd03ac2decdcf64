/* lines.h: operators that work along some axes of a tensor: reductions, softmax, normalisation, running sums.
 *
 * A *line* is the elements along the chosen axes for one index of the others, in row-major order; the *kept* axes number
 * the lines, row-major too. While binding, neighbouring axes of a kind that are jointly contiguous become one. Logical axes
 * are meant, so layouts are plain.
 */
#ifndef ALT_RUNTIME_OPS_LINES_H
#define ALT_RUNTIME_OPS_LINES_H

#include "runtime/infer.h"
#include "runtime/ops/wide.h"
#include "runtime/step.h"

/* Lanes of a long sum: element i of a line is added to lane i mod ALT_LANES, lanes are added as a fixed tree. */
#define ALT_LANES 16

/* The input, the output (of the same extents, or reduced), and others that are broadcast to the input. */
enum alt_line_operand { ALT_LINE_IN, ALT_LINE_OUT, ALT_LINE_MORE, ALT_LINE_OPERANDS = 4 };

struct alt_axes {
    int rank;
    int64_t extent[ALT_MAX_PHYSICAL_RANK];
    int64_t stride[ALT_LINE_OPERANDS][ALT_MAX_PHYSICAL_RANK]; /* elements; 0 where an operand repeats */
};

struct alt_lines {
    struct alt_axes kept, line;
    int64_t count, length; /* lines, elements of one */
};

/* The axes of a tensor before they are split. Unused operands have strides 0. */
struct alt_line_box {
    int rank;
    int64_t extent[ALT_MAX_PHYSICAL_RANK];
    int64_t stride[ALT_LINE_OPERANDS][ALT_MAX_PHYSICAL_RANK];
};
/* Extents and strides of `in`, and the strides of `out` when it has the same extents (NULL: none). */
void alt_line_box_set(struct alt_line_box *box, const struct alt_operand *in, const struct alt_operand *out);
/* Strides of an operand that is broadcast to the box, aligned to its right end. False when it cannot be. */
bool alt_line_box_add(struct alt_line_box *box, int k, const struct alt_operand *o);
/* The axes of the box that are in `mask` make the lines. False when a count overflows. */
bool alt_lines_prepare(struct alt_lines *l, const struct alt_line_box *box, unsigned mask);
/* Offset of index i of the axes in operand k, elements. */
int64_t alt_axes_offset(const struct alt_axes *a, int k, int64_t i);
/* Elements [at, at + n) of the line of operand k that starts at `data`, to dense wide ones. */
void alt_lines_gather(const struct alt_lines *l, int k, alt_load_fn *load, size_t size, const void *data, int64_t at,
                      int64_t n, void *dst, size_t wide_size);
/* n dense wide elements to the start of the line of the output. */
void alt_lines_scatter(const struct alt_lines *l, alt_store_fn *store, size_t size, void *data, int64_t n, const void *src,
                       size_t wide_size);
/* Whether the lines of operand k are dense. */
bool alt_lines_dense(const struct alt_lines *l, int k);

/* A list of axes as a mask. An empty list means all axes, or none when `empty_is_none`. False when one is out of range. */
bool alt_axes_mask(const int64_t *axes, int64_t count, int rank, bool empty_is_none, unsigned *mask);

#endif
