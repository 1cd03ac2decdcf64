/* assign.h: which layout every value of a graph has, by rule (the tuner will assign by measurement). */
#ifndef ALT_RUNTIME_ASSIGN_H
#define ALT_RUNTIME_ASSIGN_H

#include "runtime/program.h"

struct alt_choice;
struct alt_choices;

/* Results by graph value id and by position of the node in the graph's list. NULL layouts: plain. */
struct alt_assignment {
    const struct alt_layout **value; /* of each value as its producer writes it */
    const struct alt_layout ***need; /* [n_nodes][n_in]: as the node reads it */
    const struct alt_choice **choice; /* [n_nodes]: that computes the node, or NULL */
};

/* True for pointwise nodes that may run over positions without an element, whatever these hold. */
bool alt_assign_any_layout(const struct alt_node *n);

/* Fills `out` in `arena`. Values that a choice (may be NULL) writes have its layouts; inner values and needs of its nodes are
 * left alone. ALT_E_NOMEM. */
alt_status alt_assign_layouts(const struct alt_graph *g, enum alt_layout_policy policy, int block,
                              const struct alt_choices *choices, struct alt_arena *arena, struct alt_assignment *out);

#endif
