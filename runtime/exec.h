/* exec.h: runs a program once. */
#ifndef ALT_RUNTIME_EXEC_H
#define ALT_RUNTIME_EXEC_H

#include <alt/session.h>

#include "runtime/context.h"
#include "runtime/outputs.h"

struct alt_pool;

struct alt_cancel {
    _Atomic int triggered; /* relaxed: the run only has to notice some time */
};

/* One run. */
struct alt_exec {
    const struct alt_program *program;
    struct alt_bindings *bindings;
    struct alt_bindings *nested; /* of subprograms, by their id - 1 */
    struct alt_context *context;
    struct alt_pool *pool;
    int threads;
    const struct alt_tensor *inputs; /* [program->n_inputs] */
    const struct alt_exec_outputs *outputs;
    const alt_cancel *cancel; /* or NULL */
    int64_t deadline_ns;      /* 0: none */
    alt_step_fn on_step;      /* or NULL */
    void *step_context;
    int attempt;              /* as alt_step_report has it */
    int depth;                /* steps with subgraphs that this run is within */
    struct alt_diag *diag;
    /* results */
    int made;  /* bindings that were not found */
    bool warm; /* the context had run this shape before */
    uint64_t shape; /* hash of the shapes that came in */
};

/* A step that runs subgraphs, while it runs: what flow.h works on. */
struct alt_flow {
    struct alt_exec *exec; /* the run that the step belongs to */
    const struct alt_step *step;
    struct alt_inner *inner;
};

/* ALT_OK while the run may go on, else ALT_E_CANCELLED or ALT_E_DEADLINE. */
alt_status alt_exec_interrupted(const struct alt_exec *x);

/* On return the context is finished. */
alt_status alt_exec_run(struct alt_exec *x);

/* The parts of a run, for whoever times steps: begin runs all segments and leaves the context as the last step left it (also
 * on failure; end it with alt_context_finish), alt_exec_again repeats one step of the last segment. */
alt_status alt_exec_begin(struct alt_exec *x);
alt_status alt_exec_again(struct alt_exec *x, int step);

#endif
