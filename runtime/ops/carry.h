/* carry.h: what the loops (Loop, Scan) do with the values that go into and come out of an iteration.
 *
 * State: each value has two blocks of the step. An iteration reads one and writes the other; blocks only grow, so a state that
 * gets longer with each iteration moves between two buffers and a state of fixed shape costs no allocation. The initial
 * value is read where it lies. Results that are collected: one block each, written in place by the body's own kernels.
 */
#ifndef ALT_RUNTIME_OPS_CARRY_H
#define ALT_RUNTIME_OPS_CARRY_H

#include "runtime/flow.h"

struct alt_carry {
    struct alt_eval *eval;
    int n;
    int first;               /* explicit input of the node that value 0 begins with; says which blocks are its own */
    struct alt_tensor *now;  /* [n] read by the iteration */
    struct alt_tensor *next; /* [n] written by it; dtype and data as step.h says for other values */
    alt_value **held[2];     /* [n] owners of `now` and `next` where they are no tensors, else NULL */
    unsigned char *turn;     /* [n] which block `next` lies in */
    bool *placed;            /* [n] `next` lies in that block */
};

/* `now` is borrowed and holds the initial values. ALT_E_NOMEM. */
alt_status alt_carry_begin(struct alt_carry *c, struct alt_eval *eval, int first, int n, struct alt_tensor *now);
/* For outputs.h: value i of the next iteration. */
alt_status alt_carry_place(struct alt_carry *c, int i, alt_dtype dtype, int rank, const int64_t *dims, void **data);
alt_status alt_carry_give(struct alt_carry *c, int i, const struct alt_tensor *value);
/* What was written is read from now on, made an optional or what it holds where the body's input asks for it. */
alt_status alt_carry_advance(struct alt_carry *c, struct alt_gvalue *const *inputs);
/* Other values (not tensors) among `now` live until the end of the run; also after a failure. */
alt_status alt_carry_end(struct alt_carry *c);

/* Results of one output of the body, one behind the other. */
struct alt_collect {
    struct alt_eval *eval;
    int block;
    int64_t room; /* how many there will be; -1: as many as come */
    bool begun;
    bool cleared;              /* places that nothing is written to are zero */
    struct alt_tensor element; /* after the first: type and shape of each; data: the first one's place */
};

/* For outputs.h: result number `at`. All must have one shape: ALT_E_SHAPE. */
alt_status alt_collect_place(struct alt_collect *c, int64_t at, alt_dtype dtype, int rank, const int64_t *dims,
                             void **data);
alt_status alt_collect_give(struct alt_collect *c, int64_t at, const struct alt_tensor *value);
/* All results as one tensor with the extents `lead` before those of each; without any, of the shape that is known from `type`,
 * unknown extents being 0. */
alt_status alt_collect_end(struct alt_collect *c, const struct alt_type *type, int n_lead, const int64_t *lead,
                           struct alt_tensor *out);

#endif
