/* cost.h: how many operations a node asks for: one count for regions, profiles and rooflines. Operations are those that ONNX
 * defines the operator with (a multiply-add is two), whatever a kernel does to get there. */
#ifndef ALT_RUNTIME_COST_H
#define ALT_RUNTIME_COST_H

#include "runtime/graph.h"

/* A shape as whoever asks knows it. */
struct alt_extents {
    int rank;           /* < 0: not known */
    const alt_dim *dim; /* [rank]; one that is no number counts as 1 */
};
/* The shape of a value of the node. */
typedef struct alt_extents alt_extents_fn(const void *user, const struct alt_gvalue *v);

/* Shapes as the graph has them. `user` is not looked at. */
struct alt_extents alt_graph_extents(const void *user, const struct alt_gvalue *v);
/* Elements; 1 where nothing is known. */
double alt_extents_count(struct alt_extents e);
double alt_node_flops(const struct alt_node *n, alt_extents_fn *extents, const void *user);

#endif
