/* context.h: what one run needs for itself: arena blocks, addresses, scratch, host memory. Borrowed from a plan by one run
 * at a time. It grows to the largest shape it has met and then allocates nothing. */
#ifndef ALT_RUNTIME_CONTEXT_H
#define ALT_RUNTIME_CONTEXT_H

#include "runtime/binding.h"

#define ALT_MAX_SEGMENTS 256 /* of one run: host steps and computed shapes */

/* A buffer that only grows. */
struct alt_block {
    void *data;
    size_t bytes;
};

/* Memory for host steps: a list of blocks, joined into one of their sum when the run is over. */
struct alt_hostmem {
    struct alt_mem *mem;
    struct alt_hostblock *first;
    size_t total; /* bytes asked for in this run */
};

/* What a step with subgraphs keeps from run to run, made when it first runs. */
struct alt_inner {
    struct alt_context **context; /* [n_contexts], by subgraph; NULL: never run */
    int n_contexts;
    struct alt_block *block;      /* [n_blocks]: results that outlive a call of the subgraph; see flow.h */
    int n_blocks;
};

struct alt_context {
    struct alt_mem *mem;                           /* borrowed */
    struct alt_context *next;                      /* free list of the plan; guarded by the session's mutex */
    struct alt_block arena[ALT_MAX_SEGMENTS];      /* by depth of the segment */
    struct alt_binding *chain[ALT_MAX_SEGMENTS];   /* segments of the run under way, one reference each */
    int depth;                                     /* of chain */
    struct alt_block base;                         /* void *: address of each buffer */
    struct alt_block scratch;                      /* participants x bytes a thread */
    struct alt_block operand;                      /* struct alt_koperand, for the largest wave */
    struct alt_tensor *host;                       /* outputs of the last host step, [max_operands] */
    const struct alt_tensor **host_in;             /* [max_operands] */
    struct alt_tensor *host_view;                  /* [max_operands] */
    int max_operands;
    struct alt_hostmem hostmem;
    struct alt_inner *inner;                         /* [program->n_flows] */
    int n_inners;
    struct alt_block held;                         /* alt_value *: values kept until the run is over, one reference each */
    size_t n_held;
    struct alt_tensor *input;                      /* [program->n_inputs] of the run under way */
    bool *given;                                   /* [program->n_outputs]: the caller gave the value */
    int n_inputs, n_outputs;
    uint64_t allocations;                          /* by this context, ever */
    uint64_t seen[ALT_BINDINGS];                   /* serials of the first segments it has run, a ring */
    int n_seen;
};

alt_status alt_context_create(const struct alt_program *program, struct alt_mem *mem, struct alt_context **out);
void alt_context_free(struct alt_context *context);
/* Gives the arena blocks back but keeps the context. */
void alt_context_shrink(struct alt_context *context);
/* Makes room for a segment; contents of scratch and arena are undefined afterwards, addresses of earlier segments stay. */
alt_status alt_context_fit(struct alt_context *context, const struct alt_binding *binding, int threads);
/* True when the context has run this first segment before; from now on it has. */
bool alt_context_seen(struct alt_context *context, const struct alt_binding *binding);
/* Memory until alt_context_finish; NULL when there is none. */
void *alt_context_host(struct alt_context *context, size_t bytes);
/* Keeps a value until alt_context_finish; takes over one reference, also on failure. */
alt_status alt_context_hold(struct alt_context *context, alt_value *value);
/* Makes block `i` of a step at least `bytes` long with the first `keep` bytes kept; when it grows, by half, so that a result
 * that gets longer with each iteration is not copied each time. NULL when there is no memory: what was to be kept is then still there. */
void *alt_context_block(struct alt_context *context, struct alt_inner *inner, int i, size_t bytes, size_t keep);
/* The context of subgraph `i` of a step, made for `program` when there is none. */
alt_status alt_context_nested(struct alt_context *context, struct alt_inner *inner, int i, const struct alt_program *program,
                              struct alt_context **out);
/* The run is over: releases the chain and the host memory (kept for the next run), drops the values held. */
void alt_context_finish(struct alt_context *context);

#endif
