/* match.h: what passes that recognise patterns ask about values. */
#ifndef ALT_RUNTIME_PASSES_MATCH_H
#define ALT_RUNTIME_PASSES_MATCH_H

#include "runtime/graph.h"

/* The node that makes `v`, when it is of that operator and `v` its first output; else NULL. `v` may be NULL. */
struct alt_node *alt_match(const struct alt_gvalue *v, enum alt_op op);
/* The same, and nobody but one node input reads `v`. */
struct alt_node *alt_match_inner(const struct alt_gvalue *v, enum alt_op op);
/* `v` is a constant of one element; *out is its value. */
bool alt_match_number(const struct alt_gvalue *v, double *out);
/* The other operand of a node of two when one of them is the number, within that relative distance; else NULL. */
struct alt_gvalue *alt_match_with_number(const struct alt_node *n, double number, double distance);
/* The one node that reads `v`, when it is of that operator and `v` is no graph output; else NULL. */
struct alt_node *alt_match_reader(const struct alt_gvalue *v, enum alt_op op);

#endif
