/* session.h: the inside of a session, for the composition root, the tuner and tests. */
#ifndef ALT_RUNTIME_SESSION_H
#define ALT_RUNTIME_SESSION_H

#include <alt/session.h>

#include "runtime/exposure.h"
#include "runtime/fork.h"
#include "runtime/plan.h"
#include "runtime/slot.h"
#include "runtime/turn.h"

#include <pthread.h>

#define ALT_POOLED_VALUES 64 /* output values kept for reuse */

struct alt_model;
struct alt_pool;

/* Something that works for a session behind its runs (the tuner). */
struct alt_session_guest {
    void (*stop)(void *object); /* before plans go: nothing of it touches the session afterwards */
    void (*free)(void *object); /* after plans are gone */
    void *object;
};

/* What runs need that give a value for an input with a default one, which the plans know as a constant: made when the first
 * such run comes. `mutex` guards the making and is taken before the session's; once `plan` is there nothing changes. */
struct alt_open {
    pthread_mutex_t mutex;
    struct alt_arena arena; /* graph and aligned defaults */
    struct alt_dimtab dims;
    struct alt_tensor *initial; /* [n_inputs] default values, aligned; arena */
    struct alt_plan *plan;      /* owned; NULL: not made */
};

/* Everything marked [m] is guarded by `mutex`, which is held for list operations only: a run takes it twice, to borrow a
 * context with its plan and to give it back; publication takes it for the exchange of a pointer. Counters are relaxed
 * atomics: they order nothing. */
struct alt_session {
    _Atomic int refs; /* the owner, and one for each value that it handed out */
    struct alt_mem mem;
    struct alt_model *model; /* one reference */
    alt_session_options options; /* threads and max_contexts resolved */
    struct alt_pool *pool;       /* one reference */
    struct alt_open open;
    struct alt_fork fork;
    struct alt_session_guest guest; /* [m] set once; object NULL: none */
    pthread_mutex_t mutex;
    pthread_cond_t returned;     /* [m] a run ended: for those that wait for memory or a capture */
    struct alt_turns turns;      /* [m] */
    struct alt_plan *plan;       /* [m] the current one; owned */
    struct alt_plan *base;       /* the default plan, which takes every shape; owned, never retired; often == plan */
    struct alt_exposure exposure; /* [m] its candidate is owned */
    struct alt_capture *capture; /* [m] inputs that the next fitting run copies for the publisher, or NULL; borrowed */
    struct alt_plan *retired;    /* [m] list: plans that runs may still be in */
    uint64_t ended;              /* [m] runs that gave their context back */
    int under_way;               /* [m] runs that hold one */
    struct alt_slot_page *slots; /* [m] what a run that arrives closes, or NULL; borrowed from the guest */
    alt_value *pooled[ALT_POOLED_VALUES]; /* [m] owned */
    int n_pooled;                /* [m] */
    bool closed;                 /* [m] values that come back are freed */
    _Atomic bool capturing;      /* capture is set; read without the mutex */
    _Atomic uint64_t runs, runs_failed, swaps, bindings, run_allocations;
};

/* A place for the inputs of one real run. The publisher makes the values (one an input, of the shape it wants; NULL: left out);
 * the first run with just these shapes copies its inputs into them. */
enum alt_capture_state { ALT_CAPTURE_WANTED, ALT_CAPTURE_COPYING, ALT_CAPTURE_DONE };
struct alt_capture {
    alt_value **values;           /* [n_inputs] */
    enum alt_capture_state state; /* guarded by the session's mutex */
};

/* What plans of the session are built from: the model's graph in blocked layouts, constants laid out by the session's threads. */
struct alt_program_spec alt_session_spec(alt_session *session);
/* Makes `plan` the one that new runs take; takes it over in every case. The shapes bound so far are bound in it and as many
 * contexts as were in use are made ready before. Runs under way end with the plan they began with; that one is freed
 * by a later alt_session_publish, alt_session_collect or alt_session_free. One publisher at a time. */
alt_status alt_session_publish(alt_session *session, struct alt_plan *plan, struct alt_diag *diag);
/* Exposes `plan` (taken over in every case) to runs (`share`: the chance that one begins a pair) beside the current one, made ready as for publication.
 * One candidate at a time: ALT_E_ARGUMENT while there is one. */
alt_status alt_session_expose(alt_session *session, struct alt_plan *plan, double share, struct alt_diag *diag);
/* Moves up to `max` finished pairs to `out`. */
int alt_session_pairs(alt_session *session, struct alt_pair *out, int max);
/* The candidate becomes the current plan and the current one the candidate, exposed to `share` of the runs: adoption, and
 * by the same call rollback. */
void alt_session_exchange(alt_session *session, double share);
/* Retires the candidate. */
void alt_session_withdraw(alt_session *session);
/* Asks for the inputs of a run. */
void alt_session_capture(alt_session *session, struct alt_capture *capture);
/* Ends the asking, after a copy under way; true when the inputs are there. */
bool alt_session_captured(alt_session *session, struct alt_capture *capture);
/* Runs `plan` (current, base or candidate), and never another in its place, on inputs of the publisher's, one an input of the
 * model; answers and options as those of alt_session_run. ALT_E_ILLEGAL: a kernel of the plan does not take these shapes. */
alt_status alt_session_run_plan(alt_session *session, struct alt_plan *plan, const alt_run_options *options,
                                const alt_value *const *inputs, alt_value **outputs, struct alt_diag *diag);
/* Frees retired plans that no run is in. Returns how many are left. */
int alt_session_collect(alt_session *session);

/* session_open.c: the plan for a run with these inputs when they replace a default value, made if need be; else *out NULL. */
alt_status alt_session_open(alt_session *session, const alt_value *const *inputs, size_t n_inputs, struct alt_diag *diag,
                            struct alt_plan **out);

/* session_output.c: memory for answers. */
/* A tensor of the session that comes back to it when it is released; *made: it had to be allocated. */
alt_status alt_session_value(alt_session *session, alt_dtype dtype, int rank, const int64_t *dims, alt_value **out,
                             bool *made);
/* A copy of `value` for the caller: its tensors come from the session as above, or are strings of their own. Counts what had to
 * be allocated. */
alt_status alt_session_answer(alt_session *session, const alt_value *value, alt_value **out, uint64_t *made);
/* Ends the reuse of values: those at hand are freed, those outstanding will be. */
void alt_session_close_values(alt_session *session);
/* One owner less of the session's memory; the last frees it. */
void alt_session_unref(alt_session *session);

#endif
