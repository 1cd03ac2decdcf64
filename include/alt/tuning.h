/* tuning.h: a session gets faster while it serves.
 *
 * Tuning explores kernels in helper processes, puts winners into candidate plans, tries these on real runs beside the current
 * plan, and adopts what a sequential test on pairs of runs shows to be faster. It never compiles in this process, never makes
 * a run wait, and never lets an answer leave the numerics class of the session.
 */
#ifndef ALT_TUNING_H
#define ALT_TUNING_H

#include <alt/session.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum alt_tune {
    ALT_TUNE_REPLAY = 1, /**< the best remembered plan; nothing is explored and no process is started */
    ALT_TUNE_ONLINE = 2, /**< start from what is remembered, explore behind the runs */
    ALT_TUNE_NOW = 3     /**< as ONLINE, but measure at once and without regard for runs */
} alt_tune;

typedef struct alt_tuning_options {
    size_t size;        /**< sizeof(alt_tuning_options) */
    alt_tune mode;      /**< 0: ALT_TUNE_ONLINE */
    double budget_s;    /**< seconds of exploration at most; 0: 120 */
    double share;       /**< chance that a run begins a pair that tries a candidate, in (0,1]; 0: 0.1, a tenth of runs */
    const char *cache;  /**< folder of records and kernels; NULL: the user's cache folder; "": nothing read or written */
    const char *worker; /**< path of alt_worker; NULL: $ALT_WORKER, else found near libalt. Likewise `trial` and $ALT_TRIAL */
    const char *trial;
    /** Values of the shapes that will come, one an input (NULL: its default), borrowed for the call; NULL: the shapes of the
     * model where they are fixed, else of the first run. A remembered plan can serve the first run only where they are known. */
    const alt_value *const *example;
} alt_tuning_options;

/** Starts tuning a session. In mode REPLAY all is done on return; else a thread of the library goes on behind. `options` may be
 * NULL. It ends with alt_session_free, with its budget, or when nothing is left to try. One call a session.
 * ALT_E_ARGUMENT, ALT_E_NOMEM, ALT_E_SYSTEM. A helper program or a cache folder that cannot be used is no error: the session
 * serves on, and alt_tuning_report::note says what is missing. Any thread. `error` as for alt_model_load. */
ALT_API ALT_MUST_USE alt_status alt_session_tune(alt_session *session, const alt_tuning_options *options,
                                                 alt_error **error);

/** One exchange of plans. */
typedef struct alt_swap {
    double at_s;               /**< since alt_session_tune */
    double before_ms, after_ms; /**< median run time of the two plans over the pairs that decided */
    double ratio, ratio_low, ratio_high; /**< before / after with its 95 % confidence interval */
    uint32_t pairs;
    uint32_t regions;          /**< regions with a generated kernel in the new plan */
    char evidence[16];         /**< "live" (pairs of real runs), "replay" (recorded inputs), "record" (from the cache) */
    bool rollback;             /**< the older plan came back */
} alt_swap;

#define ALT_SWAPS 32 /**< swaps that a report holds: the first ones */

typedef enum alt_tuning_phase {
    ALT_TUNING_IDLE = 0,      /**< not started */
    ALT_TUNING_EXPLORING = 1,
    ALT_TUNING_CONFIRMING = 2,
    ALT_TUNING_DONE = 3       /**< plateau or budget: nothing more will change but for a rollback */
} alt_tuning_phase;

/** What tuning did so far. */
typedef struct alt_tuning_report {
    size_t size;              /**< sizeof(alt_tuning_report), set by the caller */
    alt_tuning_phase phase;
    bool warm;                /**< a remembered plan was used from the first run */
    double elapsed_s, plateau_s; /**< since the start; when the last swap came (0: none) */
    uint32_t regions, explored;  /**< kinds of regions that code can be generated for; done with */
    uint32_t trials;          /**< variants checked and timed */
    uint32_t failed[8];       /**< variants that failed, by cause: compile, load, crash, hang, wrong, system, lost */
    uint32_t rollbacks, refused; /**< plans taken back; candidate plans not adopted */
    uint32_t worker_restarts;
    uint32_t n_swaps;         /**< in all */
    alt_swap swaps[ALT_SWAPS];
    double current_ms, base_ms; /**< medians of the last pairs of current and default plan; 0: not measured */
    char counters[16];        /**< "hardware", "software" or "none" */
    char counters_why[128];
    char note[256];           /**< what limits tuning, in words: a missing helper, an unusable cache; "" */
    char failure[768];        /**< the last variant that failed: cause, what was said of it, variant and region; "" */
} alt_tuning_report;

/** Fills `report` up to its `size`. Any thread, also without tuning. ALT_E_ARGUMENT. */
ALT_API ALT_MUST_USE alt_status alt_session_tuning(alt_session *session, alt_tuning_report *report);
/** Names of alt_tuning_report::failed ("compile"); NULL past the end. Static. */
ALT_API const char *alt_tuning_cause(size_t index);

#ifdef __cplusplus
}
#endif
#endif
