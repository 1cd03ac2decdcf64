/* subgraph.h: shape inference of operators with subgraphs. */
#ifndef ALT_RUNTIME_OPS_SUBGRAPH_H
#define ALT_RUNTIME_OPS_SUBGRAPH_H

#include "runtime/infer.h"
#include "runtime/pass.h"

/* Explicit input i of the node, NULL when it is omitted: behind them inf->in has the captures. */
const struct alt_type *alt_subgraph_in(const struct alt_infer *inf, int i);
/* The subgraph that is attribute `name`, its captures typed. ALT_E_MODEL when there is none, or when it does not have `n_in`
 * inputs and `n_out` outputs (-1: any number). */
alt_status alt_subgraph_open(struct alt_infer *inf, const char *name, int n_in, int n_out, struct alt_graph **out);
/* Types everything in the subgraph from its inputs and captures; findings name it. */
alt_status alt_subgraph_infer(struct alt_infer *inf, struct alt_graph *g);

/* True when the one element of a bool tensor is known. */
bool alt_type_flag(const struct alt_type *t, bool *out);
/* One is an optional of what the other is. */
bool alt_type_unwraps(const struct alt_type *a, const struct alt_type *b);
/* `to` made to say only what holds for both. False when kind or element type differ. Contents are forgotten. */
bool alt_type_meet(struct alt_dimtab *dims, struct alt_type *to, const struct alt_type *other);
/* The type without its content; with a fresh unknown for every extent that is not a number and that no input of the node has: one
 * that the subgraph made differs from call to call. */
struct alt_type alt_type_outside(struct alt_infer *inf, const struct alt_type *inner);

/* State that an iteration hands to the next: inputs [in, in + n) and outputs [out, out + n) of the body. */
struct alt_carried {
    struct alt_graph *body;
    int in, out, n;
    const struct alt_type *initial; /* [n] */
};
/* Types the body so that they hold for every iteration, and the node's outputs [0, n). An optional may become what it holds. */
alt_status alt_subgraph_carry(struct alt_infer *inf, const struct alt_carried *c);

#endif
