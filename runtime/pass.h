/* pass.h: graph passes (pass.def) and the runner.
 *
 * A pass improves one graph; it sets *changed when it did and leaves it alone otherwise. It finds types as shape inference left
 * them and gives types to the values that it makes; it need not look into subgraphs, remove what it made useless (dce does) or
 * infer anew (the runner does). Passes are deterministic: they depend on the graph and nothing else.
 */
#ifndef ALT_RUNTIME_PASS_H
#define ALT_RUNTIME_PASS_H

#include "runtime/error.h"
#include "runtime/graph.h"

typedef alt_status alt_pass_fn(struct alt_graph *g, struct alt_diag *diag, bool *changed);

#define ALT_PASS(name) alt_pass_fn alt_pass_##name;
#include "runtime/pass.def"
#undef ALT_PASS

enum alt_pass {
#define ALT_PASS(name) ALT_PASS_##name,
#include "runtime/pass.def"
#undef ALT_PASS
    ALT_PASS_COUNT
};

struct alt_pass_info {
    const char *name;
    alt_pass_fn *fn;
};
extern const struct alt_pass_info alt_pass_table[ALT_PASS_COUNT];

/* Infers the types of a graph's values from those of its inputs and captures, node by node. Subgraphs are the business of the
 * operator that holds them: it alone knows the types of their inputs. Its inference calls alt_node_bind_captures and then this. */
alt_status alt_graph_infer(struct alt_graph *g, struct alt_diag *diag);
/* Gives the captures of the node's subgraphs the types (and known contents) of the values they stand for. */
void alt_node_bind_captures(struct alt_node *n);

/* Infers, then runs the passes in order, again while they change something (a bounded number of rounds); then the same on
 * subgraphs. Verifies after every pass that changed the graph. `stop_after` names a pass after whose first run to stop ("infer": before
 * all), for tests and tools; NULL: run all. ALT_E_ARGUMENT for another name, ALT_E_NOMEM, what inference finds (ALT_E_MODEL,
 * ALT_E_SHAPE, ALT_E_UNSUPPORTED), ALT_E_INTERNAL. */
alt_status alt_passes_run(struct alt_graph *g, const char *stop_after, struct alt_diag *diag);

#endif
