/* region.h: connected sets of nodes that are tuned, compiled and remembered as one: the unit of kernels and records.
 *
 * The base partition covers every node exactly once. Alternatives are further regions over the same nodes (a depthwise
 * convolution with the pointwise one that follows, the two products of an attention with their softmax); a cover picks base
 * regions and alternatives so that every node is in one of them.
 */
#ifndef ALT_RUNTIME_REGION_H
#define ALT_RUNTIME_REGION_H

#include "runtime/graph.h"

/* suffix, name, what it is */
#define ALT_REGION_TABLE(X) \
    X(ANCHOR, "anchor")         /* one anchor and the pointwise work that rides on its stores */ \
    X(POINTWISE, "pointwise")   /* a chain of pointwise work alone */ \
    X(SINGLE, "single")         /* any other node */ \
    X(SEPARABLE, "separable")   /* alternative: depthwise convolution, pointwise work, 1x1 convolution */ \
    X(ATTENTION, "attention")   /* alternative: product, pointwise work, softmax, product */

enum alt_region_kind {
#define ALT_REGION_ROW(suffix, name) ALT_REGION_##suffix,
    ALT_REGION_TABLE(ALT_REGION_ROW)
#undef ALT_REGION_ROW
    ALT_REGION_COUNT
};

struct alt_region {
    enum alt_region_kind kind;
    const struct alt_node **node; /* graph order */
    int n_nodes;
    const struct alt_gvalue **in, **out; /* values read from and written to outside; constants among in */
    int n_in, n_out;
    double flops; /* cost.h; a symbolic extent counts as 1 */
    double bytes; /* inputs and outputs, each once */
};

struct alt_regions {
    struct alt_region *base, *alternative;
    int n_base, n_alternatives;
};

const char *alt_region_name(enum alt_region_kind kind);
/* Partitions a graph; everything lies in `arena`. ALT_E_NOMEM. */
alt_status alt_regions_find(const struct alt_graph *g, struct alt_arena *arena, struct alt_regions *out);
void alt_regions_print(const struct alt_graph *g, const struct alt_regions *regions, alt_put_fn put, void *context);

#endif
