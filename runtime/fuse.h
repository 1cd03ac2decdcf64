/* fuse.h: default kernels with what follows them: a step that computes an anchor (a convolution or a product) and pointwise nodes.
 *
 * The first of these ride on its stores where its kernel can take them as parts of an epilogue (kernel.h): a vector or a residual
 * that is added, limits. More can follow when the kernel says which pieces of the output a tile writes (alt_kernel.piece):
 * the loops of the pointwise families then run over these, in place, while they lie in the cache. Every element goes through the very
 * operations of separate steps: the bits are the same.
 */
#ifndef ALT_RUNTIME_FUSE_H
#define ALT_RUNTIME_FUSE_H

#include "runtime/assign.h"

/* Nodes that become one step, the anchor first; the step stands where the last one does. */
struct alt_fusion {
    const struct alt_kernel *kernel;
    int n_nodes;
    const struct alt_node **node;
    int *position; /* in the graph's list, parallel */
};

/* Sets fusion[k] for the node at position k; NULL: it is a step of its own. In `scratch`. ALT_E_NOMEM. */
alt_status alt_fuse_find(const struct alt_graph *g, const struct alt_assignment *a, struct alt_arena *scratch,
                         const struct alt_fusion **fusion);

/* Its operands are the anchor's inputs, then those of each further node that no earlier one makes, in order, then the output. Binds
 * the nodes of bind->region. */
extern const struct alt_kernel alt_fused_kernel, alt_fused_strided_kernel; /* the latter: of an anchor that takes any strides */

#endif
