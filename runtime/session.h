/* session.h: the inside of a session, for the composition root, the tuner and tests. */
#ifndef ALT_RUNTIME_SESSION_H
#define ALT_RUNTIME_SESSION_H

#include <alt/session.h>

#include "runtime/fork.h"
#include "runtime/plan.h"

#include <pthread.h>

#define ALT_POOLED_VALUES 64 /* output values kept for reuse */

struct alt_model;
struct alt_pool;

/* Everything marked [m] is guarded by `mutex`, which is held for list operations only: a run takes it twice, to borrow a
 * context with its plan and to give it back; publication takes it for the exchange of a pointer. Counters are relaxed
 * atomics: they order nothing. */
struct alt_session {
    _Atomic int refs; /* the owner, and one for each value that it handed out */
    struct alt_mem mem;
    struct alt_model *model; /* one reference */
    alt_session_options options; /* threads and max_contexts resolved */
    struct alt_pool *pool;       /* one reference */
    struct alt_arena arena;      /* of `initial` */
    struct alt_tensor *initial;  /* [n_inputs] default values, aligned; data NULL: none */
    struct alt_fork fork;
    pthread_mutex_t mutex;
    pthread_cond_t returned;     /* [m] a run ended */
    struct alt_plan *plan;       /* [m] the current one; owned */
    struct alt_plan *retired;    /* [m] list: plans that runs may still be in */
    uint64_t ended;              /* [m] runs that gave their context back */
    alt_value *pooled[ALT_POOLED_VALUES]; /* [m] owned */
    int n_pooled;                /* [m] */
    bool closed;                 /* [m] values that come back are freed */
    _Atomic uint64_t runs, runs_failed, swaps, bindings, run_allocations;
};

/* Makes `plan` the one that new runs take; takes it over in every case. The shapes bound so far are bound in it and as many
 * contexts as were in use are made ready before. Runs under way end with the plan they began with; that one is freed
 * by a later alt_session_publish, alt_session_collect or alt_session_free. One publisher at a time. */
alt_status alt_session_publish(alt_session *session, struct alt_plan *plan, struct alt_diag *diag);
/* Frees retired plans that no run is in. Returns how many are left. */
int alt_session_collect(alt_session *session);

/* session_output.c: memory for answers. */
/* A tensor of the session that comes back to it when it is released; *made: it had to be allocated. */
alt_status alt_session_value(alt_session *session, alt_dtype dtype, int rank, const int64_t *dims, alt_value **out,
                             bool *made);
/* Ends the reuse of values: those at hand are freed, those outstanding will be. */
void alt_session_close_values(alt_session *session);
/* One owner less of the session's memory; the last frees it. */
void alt_session_unref(alt_session *session);

#endif
