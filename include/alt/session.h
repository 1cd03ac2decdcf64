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
    size_t memory_limit;            /**< bytes the session may allocate; 0: no ceiling. Weights count for the model (see there) */
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

/** A session over `model`; `options` may be NULL. Weights that no session of the model has laid out yet are laid
 * out by the session's threads; nothing is compiled by this call. Any thread.
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

/** One step of a run, as it was executed: a kernel that computed one node or several fused ones, or a node on the host. What needs
 * no time is no step: views, and shape arithmetic done when the shape was bound. */
typedef struct alt_step_report {
    size_t size;               /**< sizeof(alt_step_report) of the library */
    int64_t begin_ns, end_ns;  /**< CLOCK_MONOTONIC nanoseconds */
    int step;                  /**< number in the run's plan (alt_dump --plan shows the default one); in a subgraph in that of the subgraph */
    /** 0: a step of the model's graph. Else it ran in a subgraph, within that many steps (If, Loop, Scan, SequenceMap). Such a
     * step is reported after those within it, and its time contains theirs. */
    int depth;
    int attempt;               /**< from 0; above: the run began anew, as memory was short or a tuned plan does not take the shapes */
    int threads;               /**< it could use at most; busy ones did not help */
    const char *nodes;         /**< names, of a fused step all: "conv1+relu1"; as in all lists, "..." stands for what is too long */
    const char *operators;     /**< likewise: "Conv+Relu"; "(layout)": converts a layout */
    const char *kernel;        /**< name of the kernel or generated variant; "(host)", "(subgraphs)" */
    const char *shapes;        /**< logical, inputs and outputs: "float32[1,3,8,8], float32[16,3,3,3] -> float32[1,16,8,8]" */
    double flops;              /**< operations that the nodes ask for, a multiply-add being two; 0: moves elements, or runs subgraphs */
    double bytes;              /**< of all inputs, constants among them, and outputs, each once, as they lie in memory */
} alt_step_report;

/** Receives a step that ended. `report` and its texts are borrowed for the call. Called on the run's thread, between two steps,
 * with subnormal numbers counting as zero; it may not use the session. Runs under way at once call it at once. */
typedef void (*alt_step_fn)(void *context, const alt_step_report *report);

typedef struct alt_run_options {
    size_t size;              /**< sizeof(alt_run_options) */
    int threads;              /**< compute threads of this run; 0: the session's; never more than the session's */
    const alt_cancel *cancel; /**< NULL: cannot be cancelled; borrowed for the run */
    /** Point in CLOCK_MONOTONIC nanoseconds after which the run stops with ALT_E_DEADLINE; 0: none. */
    int64_t deadline_ns;
    /** NULL: nobody watches. Else it receives every step of the run in the order they end, up to one that fails. Watching costs some
     * microseconds a step, most of them between the times reported, and takes one step at a time, where others run some together. */
    alt_step_fn on_step;
    void *step_context; /**< handed to `on_step`; borrowed for the run */
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
    size_t bytes;              /**< allocated by the session now; weights are the model's */
    size_t peak_bytes;         /**< the most it was */
    int threads;               /**< compute threads of a run */
} alt_stats;

/** Fills `stats` up to its `size`. Any thread. ALT_E_ARGUMENT. */
ALT_API ALT_MUST_USE alt_status alt_session_stats(const alt_session *session, alt_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
