/* bind.h: what the files of binding share; nobody else includes it.
 *
 *   bind.c        the walk over the steps
 *   bind_value.c  shapes and buffers of values; contents that decide shapes
 *   bind_infer.c  types of a step's outputs; shape arithmetic done at once
 *   bind_like.c   a binding from one for other extents
 *   bind_place.c  where outputs live: views, in place, answers, arena
 */
#ifndef ALT_RUNTIME_BIND_H
#define ALT_RUNTIME_BIND_H

#include "runtime/binding.h"
#include "runtime/dim.h"
#include "runtime/memplan.h"

#define ALT_EVALUATE_LIMIT 4096 /* elements: shape arithmetic is small; larger results are worth the threads */

/* One binding in the making. */
struct binder {
    struct alt_binding *b;
    const struct alt_bind_source *source;
    const struct alt_program *p;
    struct alt_diag *diag;
    struct alt_memplan plan;
    struct alt_dimtab dims;
    struct alt_arena work; /* for one step */
    int parent_roots;            /* buffers that exist already */
    /* for one step, [max_operands] */
    struct alt_type *type;
    const struct alt_type **in;
    struct alt_operand *operand;
    const struct alt_tensor **known;
    int64_t (*view_stride)[ALT_MAX_RANK];
    int64_t *view_offset;
};

/* bind.c */
/* Begins a binding k->b over k->source; `scratch` is for what goes with the binder. */
void alt_binding_begin(struct binder *k, struct alt_arena *scratch);
alt_status alt_bind_tables(struct binder *k, struct alt_arena *scratch);
/* Shapes of the step's outputs from k->type; they have no buffers yet. */
alt_status alt_bind_outputs(struct binder *k, const struct alt_step *step);
alt_status alt_bind_kernel(struct binder *k, const struct alt_step *step, struct alt_bstep *bs);
alt_status alt_bind_operands(struct binder *k, const struct alt_step *step, struct alt_bstep *bs);

/* bind_value.c */
/* The buffer of a value whose content is known: a new one, or, in a binding like another, the one it has there. */
alt_status alt_bind_known_root(struct binder *k, int v, const struct alt_tensor *t);
alt_status alt_bind_root(struct binder *k, struct alt_root root, int *out);
/* A copy of numbers that lives as long as the binding; NULL when there is no memory. */
const int64_t *alt_bind_keep(struct binder *k, int n, const int64_t *numbers);
/* Shape, physical extents and dense strides of value `v`; it has no buffer yet. */
alt_status alt_bind_shape(struct binder *k, int v, alt_dtype dtype, int rank, const int64_t *dims);
/* True when the value's elements exist already, so that they may decide shapes. */
bool alt_bind_readable(const struct binder *k, const struct alt_bvalue *bv);
/* Makes a content known by reading it, and part of the key. */
alt_status alt_bind_look(struct binder *k, int v);

/* bind_infer.c */
/* Types of the step's outputs in k->type[n_in..]; *deferred: the input whose content is missing, or -1. */
alt_status alt_bind_infer(struct binder *k, const struct alt_step *step, int *deferred);
/* Computes the step now when that is possible and sensible. */
alt_status alt_bind_evaluate(struct binder *k, const struct alt_step *step, bool *done);

/* bind_place.c */
/* The step's operands in k->operand. */
void alt_bind_fill(struct binder *k, const struct alt_step *step);
/* Outputs share the buffer of input 0 when the operator can say how and every reader can follow. */
alt_status alt_bind_view(struct binder *k, const struct alt_step *step, bool *done);
/* Buffers for the outputs of step `s`. */
alt_status alt_bind_place(struct binder *k, const struct alt_step *step, int s, const struct alt_kernel *kernel);
/* Gives back the buffers of values whose last reader is step `s`. */
alt_status alt_bind_drop(struct binder *k, const struct alt_step *step, int s);

#endif
