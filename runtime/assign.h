/* assign.h: which layout every value of a graph has, by rule (the tuner will assign by measurement). */
#ifndef ALT_RUNTIME_ASSIGN_H
#define ALT_RUNTIME_ASSIGN_H

#include "runtime/program.h"

/* Results by graph value id and by position of the node in the graph's list. NULL layouts: plain. */
struct alt_assignment {
    const struct alt_layout **value; /* of each value as its producer writes it */
    const struct alt_layout ***need; /* [n_nodes][n_in]: as the node reads it */
};

/* True for pointwise nodes that may run over positions without an element, whatever these hold. */
bool alt_assign_any_layout(const struct alt_node *n);

/* Fills `out` in `arena`. ALT_E_NOMEM. */
alt_status alt_assign_layouts(const struct alt_graph *g, enum alt_layout_policy policy, int block,
                              struct alt_arena *arena, struct alt_assignment *out);

#endif
