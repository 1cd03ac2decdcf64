/* outputs.h: where the outputs of a program go: the answers of a run, or what a subgraph hands to the node that holds it. */
#ifndef ALT_RUNTIME_OUTPUTS_H
#define ALT_RUNTIME_OUTPUTS_H

#include <alt/value.h>

struct alt_diag;
struct alt_tensor;

/* Called on the thread that runs. */
struct alt_exec_outputs {
    /* Address for output `index` of this type and shape, which steps then write to. */
    alt_status (*place)(void *user, int index, alt_dtype dtype, int rank, const int64_t *dims, struct alt_diag *diag,
                        void **data);
    /* Takes an output that no step can write in place, when all steps have run; borrowed for the call: strings, a value that
     * is not a tensor (step.h), and from a subgraph also one of its inputs, passed through. */
    alt_status (*give)(void *user, int index, const struct alt_tensor *value, struct alt_diag *diag);
    void *user;
};

#endif
