/* session.h: runs a model. One session serves any number of threads at once. */
#ifndef ALT_SESSION_H
#define ALT_SESSION_H

#include <alt/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct alt_session alt_session;

/** How far answers may differ from the default plan's (see docs/design.md, "Numerics class"). */
typedef enum alt_numerics {
    ALT_NUMERICS_FAST = 0, /**< reassociation and algorithms with a stated error bound are allowed */
    ALT_NUMERICS_EXACT = 1 /**< the default plan's bits on this machine */
} alt_numerics;

typedef struct alt_custom_ops alt_custom_ops; /**< reserved: custom operators are not offered yet */

typedef struct alt_session_options {
    size_t size;                    /**< sizeof(alt_session_options) */
    /** Compute threads of a run; 0: the cores this process may use (affinity, cgroup quota). More than the affinity mask had when the
     * first session was made do not take part. */
    int threads;
    size_t memory_limit;            /**< bytes the session may allocate; 0: no ceiling */
    const alt_allocator *allocator; /**< NULL: malloc */
    alt_log_fn log;                 /**< NULL: nothing is logged */
    void *log_context;              /**< handed to `log`; borrowed */
    alt_numerics numerics;
    /** Runs at once, at most (each needs an arena of its own). 0: 64, and of runs that take more than about a millisecond no
     * more than there are cores unless `fail_when_busy`: others wait in order of arrival. */
    int max_contexts;
    /** What a run does when `max_contexts` are in use or the memory ceiling leaves no room for one more: false waits for
     * one to come back, true returns ALT_E_BUSY at once. */
    bool fail_when_busy;
    const alt_custom_ops *custom_ops; /**< reserved, must be NULL */
} alt_session_options;

/** A session over `model`; `options` may be NULL. Nothing is compiled and no thread is started by this call. Any thread.
 * ALT_E_ARGUMENT, ALT_E_NOMEM, ALT_E_UNSUPPORTED. `error` as for alt_model_load. */
ALT_API ALT_MUST_USE alt_status alt_session_create(alt_model *model, const alt_session_options *options, alt_session **out,
                                                   alt_error **error);
/** Frees the session. No run may be under way. Values that it handed out stay valid until released. */
ALT_API void alt_session_free(alt_session *session);

/** A switch that stops runs from another thread. */
typedef struct alt_cancel alt_cancel;
ALT_API ALT_MUST_USE alt_status alt_cancel_create(alt_cancel **out);
/** Stops every run that was given this switch, within one step or loop iteration. Any thread; safe in a signal handler. */
ALT_API void alt_cancel_trigger(alt_cancel *cancel);
/** Makes the switch usable again. */
ALT_API void alt_cancel_reset(alt_cancel *cancel);
/** No run may be using it. */
ALT_API void alt_cancel_free(alt_cancel *cancel);

typedef struct alt_run_options {
    size_t size;              /**< sizeof(alt_run_options) */
    int threads;              /**< compute threads of this run; 0: the session's; never more than the session's */
    const alt_cancel *cancel; /**< NULL: cannot be cancelled; borrowed for the run */
    /** Point in CLOCK_MONOTONIC nanoseconds after which the run stops with ALT_E_DEADLINE; 0: none. */
    int64_t deadline_ns;
} alt_run_options;

/** Answers one request. `inputs`: `input_count` values in model order, each borrowed for the call and read without a
 * copy; NULL, or left off at the end, for an input with a default value. `outputs`: `output_count` (the model's) places. Where a place holds a value on
 * entry, the answer is written into that tensor (its type and shape must be the answer's, its memory no input's); where
 * it holds NULL (as it must for an output that is no tensor), it receives a value that the caller releases with alt_value_release (releasing before the next run lets
 * that run reuse the memory). On failure places that held NULL hold NULL. `options` may be NULL.
 * Any number of threads at once. ALT_E_ARGUMENT, ALT_E_SHAPE, ALT_E_NOMEM, ALT_E_BUSY, ALT_E_CANCELLED, ALT_E_DEADLINE. */
ALT_API ALT_MUST_USE alt_status alt_session_run(alt_session *session, const alt_run_options *options,
                                                const alt_value *const *inputs, size_t input_count, alt_value **outputs,
                                                size_t output_count, alt_error **error);

/** What a session did so far. */
typedef struct alt_stats {
    size_t size;               /**< sizeof(alt_stats), set by the caller */
    uint64_t runs;             /**< answered */
    uint64_t runs_failed;      /**< ended with an error */
    uint64_t swaps;            /**< plans published after the first */
    uint64_t bindings;         /**< shapes that were bound (and not found bound) */
    uint64_t run_allocations;  /**< allocations by runs that found their shape bound and their context warm: 0 unless a step's shape depends on data or a value is no tensor */
    size_t contexts;           /**< contexts alive */
    size_t bytes;              /**< allocated by the session now */
    size_t peak_bytes;         /**< the most it was */
    int threads;               /**< compute threads of a run */
} alt_stats;

/** Fills `stats` up to its `size`. Any thread. ALT_E_ARGUMENT. */
ALT_API ALT_MUST_USE alt_status alt_session_stats(const alt_session *session, alt_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
