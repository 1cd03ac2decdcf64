/* infer.h: what a shape-inference function sees.
 *
 * The same function is called twice: on the graph, where dims may be symbolic and contents unknown, and while a shape is
 * bound, where every dim is a number. Compute with the functions of dim.h and it serves both. Set every present output
 * with the functions below. When the shape depends on the *content* of an input that is not known yet, return
 * alt_infer_defer(): on the graph the outputs get unknown shapes, while binding the step waits until the content is there.
 */
#ifndef ALT_RUNTIME_INFER_H
#define ALT_RUNTIME_INFER_H

#include "runtime/error.h"
#include "runtime/graph.h"

struct alt_infer {
    const struct alt_node *node;
    struct alt_dimtab *dims;
    struct alt_arena *arena; /* for contents and fresh arrays */
    struct alt_diag *diag;
    int n_in, n_out;
    const struct alt_type *const *in; /* NULL: omitted */
    struct alt_type *out;             /* to be filled; kind is TENSOR, dtype NONE, rank -1 on entry */
    int deferred;                     /* input whose content is needed, or -1; set by alt_infer_defer */
    bool concrete;                    /* all dims of all inputs are numbers (binding) */
};

/* True when input i is present. */
static inline bool alt_infer_has(const struct alt_infer *inf, int i) { return i < inf->n_in && inf->in[i]; }
/* Reports a fault of this node: text gets node name, operator and input shapes added. Returns `status`. */
alt_status alt_infer_fail(struct alt_infer *inf, alt_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Outputs depend on the content of input i, which is not known: sets unknown dims (rank as set, if set) and returns ALT_OK. */
alt_status alt_infer_defer(struct alt_infer *inf, int i);
/* Fails unless input i is present, a tensor, and of one of `classes` (enum alt_dtype_class). */
alt_status alt_infer_expect(struct alt_infer *inf, int i, unsigned classes);
/* Fails unless inputs i and j (where both are present) have one dtype. */
alt_status alt_infer_same_dtype(struct alt_infer *inf, int i, int j);
/* Rank of input i, -1 when unknown. */
int alt_infer_rank(const struct alt_infer *inf, int i);
/* Content of the integer tensor at input i (rank 0 or 1, at most `max` elements) as dims, or false when it is not known.
 * An entry may be a number, negative ones included (alt_dim_number), an expression, or ALT_DIM_BAD: that one is not known. */
bool alt_infer_content(const struct alt_infer *inf, int i, int max, alt_dim *out, int *count);
/* Content of an integer tensor as numbers; false when not known as numbers (or longer than max). */
bool alt_infer_ints(const struct alt_infer *inf, int i, int max, int64_t *out, int *count);
/* Sets output i. */
void alt_infer_set(struct alt_infer *inf, int i, alt_dtype dtype, const struct alt_shape *shape);
/* Output i has the dtype and shape of input j. */
void alt_infer_like(struct alt_infer *inf, int i, int j);
/* Output i holds `count` small numbers (rank 0 or 1 as its shape says), possibly symbolic or negative (alt_dim_from_int), or
 * ALT_DIM_BAD where nothing is known. */
alt_status alt_infer_set_content(struct alt_infer *inf, int i, const alt_dim *content, int count);
/* Multidirectional broadcast of two shapes (ONNX Broadcasting.md); ALT_E_SHAPE through alt_infer_fail. */
alt_status alt_infer_broadcast(struct alt_infer *inf, const struct alt_shape *a, const struct alt_shape *b,
                               struct alt_shape *out);
/* `axis` in [-rank, rank) made non-negative; fails otherwise. */
alt_status alt_infer_axis(struct alt_infer *inf, int64_t axis, int rank, int *out);

/* Runs the node's infer function over inf->in into inf->out (prepared here) and checks what it said. */
alt_status alt_infer_run(struct alt_infer *inf);
/* Runs a node's infer over its graph types and stores the results in its outputs. */
alt_status alt_infer_node(struct alt_node *n, struct alt_diag *diag);

#endif
