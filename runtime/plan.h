/* plan.h: what a session publishes: a program, the shapes bound so far, and contexts to run it in. */
#ifndef ALT_RUNTIME_PLAN_H
#define ALT_RUNTIME_PLAN_H

#include "runtime/context.h"

/* The program is immutable. `mutex` guards all caches of bindings. The rest is guarded by the mutex of the session, which
 * is taken first where both are needed (only around fork). */
struct alt_plan {
    struct alt_program *program; /* owned */
    struct alt_mem *mem;         /* borrowed: the session's */
    pthread_mutex_t mutex;
    struct alt_bindings bindings;
    struct alt_bindings *nested; /* [program->n_programs - 1]: those of subprograms, by id - 1 */
    struct alt_context *free;    /* contexts that no run holds, last used first */
    int n_contexts;              /* alive */
    int n_runs;                  /* under way: contexts held by runs */
    bool retired;                /* another plan is current */
    struct alt_plan *next;       /* list of retired plans */
};

/* A plan over the program that `spec` describes; what alt_program_build returns, and ALT_E_SYSTEM. */
alt_status alt_plan_create(const struct alt_program_spec *spec, struct alt_diag *diag, struct alt_plan **out);
/* No run may be under way. */
void alt_plan_free(struct alt_plan *plan);
/* Before `plan` is published in place of `old`: binds the shapes that `old` has bound, makes `contexts` contexts and touches
 * their memory, so that no run pays for the swap. Shapes that depend on contents are left to the runs. */
alt_status alt_plan_warm(struct alt_plan *plan, struct alt_plan *old, int contexts, int threads, struct alt_diag *diag);

#endif
