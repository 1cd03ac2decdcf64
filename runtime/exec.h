/* exec.h: runs a program once. */
#ifndef ALT_RUNTIME_EXEC_H
#define ALT_RUNTIME_EXEC_H

#include <alt/session.h>

#include "runtime/context.h"

struct alt_pool;

struct alt_cancel {
    _Atomic int triggered; /* relaxed: the run only has to notice some time */
};

/* Where answers go. Called on the caller's thread. */
struct alt_exec_outputs {
    /* Address for output `index` of this type and shape. */
    alt_status (*place)(void *user, int index, alt_dtype dtype, int rank, const int64_t *dims, struct alt_diag *diag,
                        void **data);
    /* Takes a string output; `strings` is borrowed for the call. */
    alt_status (*strings)(void *user, int index, int rank, const int64_t *dims, const alt_string *strings,
                          struct alt_diag *diag);
    void *user;
};

/* One run. */
struct alt_exec {
    const struct alt_program *program;
    struct alt_bindings *bindings;
    struct alt_context *context;
    struct alt_pool *pool;
    int threads;
    const struct alt_tensor *inputs; /* [program->n_inputs] */
    const struct alt_exec_outputs *outputs;
    const alt_cancel *cancel; /* or NULL */
    int64_t deadline_ns;      /* 0: none */
    struct alt_diag *diag;
    /* results */
    int made;  /* bindings that were not found */
    bool warm; /* the context had run this shape before */
    uint64_t shape; /* hash of the shapes that came in */
};

/* On return the context is finished. */
alt_status alt_exec_run(struct alt_exec *x);

/* The parts of a run, for whoever times steps: begin runs all segments and leaves the context as the last step left it (also
 * on failure; end it with alt_context_finish), alt_exec_again repeats one step of the last segment. */
alt_status alt_exec_begin(struct alt_exec *x);
alt_status alt_exec_again(struct alt_exec *x, int step);

#endif
