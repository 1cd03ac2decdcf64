/* tuner.h: the inside of the host's tuner: one thread a session that is tuned.
 *
 *   tuner.c     the public face, the thread, the report
 *   subject.c   what there is to tune: kinds of regions, found once the first run has shown the shapes
 *   explore.c   the conversation with the worker: one region at a time, variants and failures come back
 *   slots.c     when the trial may time
 *   choose.c    winners into a candidate program
 *   confirm.c   is the candidate right, and is it faster? then exchange; later: is it still?
 */
#ifndef ALT_TUNER_TUNER_H
#define ALT_TUNER_TUNER_H

#include <alt/tuning.h>

#include "runtime/session.h"
#include "tuner/evidence.h"
#include "tuner/express.h"
#include "tuner/message.h"
#include "tuner/record.h"
#include "tuner/slots.h"
#include "tuner/spawn.h"

#include <pthread.h>

#define ALT_KEPT_VARIANTS 8 /* measured variants remembered for a kind of region, best first */

struct alt_code;

/* A measured kernel. */
struct alt_variant_result {
    struct alt_msg_result result;
    struct alt_code *code; /* one reference, loaded when it is first chosen; NULL: not yet */
    bool banned;           /* failed in this process */
};

/* A kind of region: all regions of the graph with one descriptor share kernels. */
struct alt_subject {
    char text[1024];               /* descriptor */
    struct alt_desc desc;
    struct alt_expressed *member;  /* regions of this kind */
    const struct alt_region **region; /* parallel */
    int n_members;
    double weight;                 /* flops of all members: what is explored first */
    bool explored;
    struct alt_variant_result kept[ALT_KEPT_VARIANTS];
    int n_kept;
    uint64_t chosen;               /* tag of the variant in the current plan; 0: default kernels */
    uint64_t candidate;            /* in the plan being tried; 0 */
    uint64_t previous;             /* before the last exchange, for rollback */
};

/* Everything below is the tuner thread's own, but for what `mutex` guards. */
struct alt_tuner {
    alt_session *session;
    alt_tuning_options options;
    char cache[4096], worker_path[4096], trial_path[4096];
    struct alt_mem mem;
    struct alt_arena arena;   /* subjects; layouts of plans that were made here, so it outlives the session's plans */
    struct alt_regions regions;
    struct alt_subject *subject;
    int n_subjects;
    uint64_t shape;              /* hash of the shapes that the subjects were found for (binding.h) */
    struct alt_records *records; /* NULL: none */
    struct alt_child worker;
    struct alt_slots slots;
    alt_value **inputs;          /* of a real run, [n_inputs]; NULL: not captured yet */
    double started_s;
    uint32_t restarts;
    pthread_t thread;
    bool running;
    struct alt_fork fork;
    pthread_mutex_t mutex;       /* guards stop and report; order: never with the session's mutex */
    pthread_cond_t wake;         /* stop was set */
    bool stop;
    alt_tuning_report report;
};

double alt_tuner_now(void); /* CLOCK_MONOTONIC seconds */
/* Time is up, or the session is going. */
bool alt_tuner_over(struct alt_tuner *t);
bool alt_tuner_stopping(struct alt_tuner *t);
/* Sleeps, or until stop; true: stop. */
bool alt_tuner_pause(struct alt_tuner *t, int ms);
/* Changes the report under the mutex. */
void alt_tuner_note(struct alt_tuner *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* subject.c. `example` (may be NULL): values of the shapes to tune for, where no run has shown them. False: shapes are not
 * known yet, or no memory. */
bool alt_subjects_find(struct alt_tuner *t, const alt_value *const *example);
/* Adds a measured variant to the kept ones, best first. */
void alt_subject_keep(struct alt_subject *s, const struct alt_msg_result *result);
/* The kept variant with that tag, or NULL. */
struct alt_variant_result *alt_subject_find(struct alt_subject *s, uint64_t tag);
void alt_subjects_free(struct alt_tuner *t);

/* explore.c. Explores one kind of region; false: the worker is gone for good. */
bool alt_explore(struct alt_tuner *t, struct alt_subject *s);
void alt_explore_end(struct alt_tuner *t);
/* The part of the budget that exploring may take is spent, or the session is going. */
bool alt_explore_over(struct alt_tuner *t);

/* choose.c. A plan in which each subject has the kernel that `candidate` says. ALT_E_NOMEM, ALT_E_UNSUPPORTED, ALT_E_IO. */
alt_status alt_choose_plan(struct alt_tuner *t, struct alt_plan **out, int *n_regions);
/* Loads a variant's kernel unless it is; one that cannot be loaded is banned. Any status of alt_object_load. */
alt_status alt_choose_load(struct alt_tuner *t, struct alt_subject *s, struct alt_variant_result *v);
/* Sets `candidate` of every subject to its best kept variant, or -1; true when that differs from the current plan. */
bool alt_choose_best(struct alt_tuner *t);

/* The remembered winners as candidates; true when there is one. */
bool alt_choose_remembered(struct alt_tuner *t);

/* confirm.c. Tries the plan that the subjects' `candidate` fields mean; true: it is the current one now. */
bool alt_confirm(struct alt_tuner *t);
/* After an exchange: watches the pairs for a while and takes the old plan back when it is faster. */
void alt_confirm_watch(struct alt_tuner *t, double seconds);

#endif
