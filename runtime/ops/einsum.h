/* einsum.h: the equation of Einsum, read once for shapes and once for the kernel.
 *
 * Labels are numbered: first those of the output in its order, then the summed ones in the order in which they appear. The
 * axes that an ellipsis stands for are labels of their own, aligned at their ends like numpy's broadcasting. */
#ifndef ALT_RUNTIME_OPS_EINSUM_H
#define ALT_RUNTIME_OPS_EINSUM_H

#include "runtime/step.h"

enum { ALT_EINSUM_INPUTS = 16, ALT_EINSUM_LABELS = 32 };

struct alt_einsum {
    int inputs, labels, outputs; /* outputs: labels of the output */
    int rank[ALT_EINSUM_INPUTS];
    int label[ALT_EINSUM_INPUTS][ALT_MAX_RANK]; /* of every axis */
};

/* Reads `equation` for inputs of these ranks. NULL, or what is wrong with it. */
const char *alt_einsum_read(const char *equation, int inputs, const int *rank, struct alt_einsum *e);

extern const struct alt_kernel alt_einsum_kernel;

#endif
