/* flow.h: what operators with subgraphs (If, Loop, Scan, SequenceMap) use to run them.
 *
 * A subgraph is a program of its own (program.h). It runs on the thread, pool, deadline and cancel switch of the run that its
 * node belongs to, in a context that stays with that of the outer program from run to run: once warm, a call of a shape that
 * is known allocates nothing. What a call computes lies in that context and is gone with the next call; what has to
 * live longer is placed in blocks, which last until the step runs again.
 */
#ifndef ALT_RUNTIME_FLOW_H
#define ALT_RUNTIME_FLOW_H

#include "runtime/outputs.h"
#include "runtime/step.h"

/* Runs subgraph `at` (alt_node_subgraph) once on these explicit inputs; captures are read where they lie. Findings name the
 * subgraph. ALT_E_UNSUPPORTED in an evaluation; what a run may fail with. */
alt_status alt_flow_call(struct alt_eval *eval, int at, const struct alt_tensor *in,
                         const struct alt_exec_outputs *outputs);
/* Block `i` of the step (alt_flow_block_in, alt_flow_block_out), at least `bytes` long, the first `keep` of them as they were; NULL when there is no memory. */
void *alt_flow_block(struct alt_eval *eval, int i, size_t bytes, size_t keep);
/* The first of two blocks for explicit input i of the node, and of two for output o of its subgraphs. */
static inline int alt_flow_block_in(int i) { return 2 * i; }
static inline int alt_flow_block_out(const struct alt_node *n, int o) { return 2 * (n->n_in_explicit + o); }
/* Output `o` of a subgraph in a block of its own, for `place` of outputs.h: as tensor, data NULL when there is no memory. */
struct alt_tensor alt_flow_tensor(struct alt_eval *eval, int block, alt_dtype dtype, int rank, const int64_t *dims);
/* Copies the elements of `from` to `to`; the bytes of strings until the end of the run. */
alt_status alt_flow_copy(struct alt_eval *eval, const struct alt_tensor *from, void *to);
/* ALT_OK while the run may go on: for each iteration of a loop. */
alt_status alt_flow_interrupted(const struct alt_eval *eval);

#endif
