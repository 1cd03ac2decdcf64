/* constant.h: the tensor that a Constant node stands for. */
#ifndef ALT_RUNTIME_OPS_CONSTANT_H
#define ALT_RUNTIME_OPS_CONSTANT_H

#include "runtime/graph.h"

struct alt_diag;

/* Reads value, value_float(s), value_int(s), value_string(s) of node `n`. The data is the attribute's own (so it lives as
 * long as the graph). ALT_E_MODEL when there is none, ALT_E_UNSUPPORTED for sparse tensors. */
alt_status alt_constant_tensor(const struct alt_node *n, struct alt_tensor *out, struct alt_diag *diag);

#endif
