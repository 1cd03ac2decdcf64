/* qdq.h: what the passes over quantised models share. */
#ifndef ALT_RUNTIME_PASSES_QDQ_H
#define ALT_RUNTIME_PASSES_QDQ_H

#include "runtime/graph.h"

enum { ALT_QDQ_X, ALT_QDQ_SCALE, ALT_QDQ_ZERO };

/* A scale or zero point of a QuantizeLinear or DequantizeLinear node; NULL when it is omitted. */
static inline struct alt_gvalue *alt_qdq_param(const struct alt_node *n, int i) { return i < n->n_in ? n->in[i] : NULL; }

/* True for a DequantizeLinear of constants that fold_qdq may still make part of an integer product: it is not to be folded to a
 * constant of float32 before that is decided. */
bool alt_qdq_holds(const struct alt_node *n);

#endif
