/* step.h: how an operator becomes a step of a plan: choosing a kernel, binding it to a shape, viewing, running on the host. */
#ifndef ALT_RUNTIME_STEP_H
#define ALT_RUNTIME_STEP_H

#include "runtime/error.h"
#include "runtime/graph.h"
#include "runtime/kernel.h"

struct alt_flow;
struct alt_layout;

/* An operand as a kernel chooser and binder sees it. */
struct alt_operand {
    alt_dtype dtype;                 /* ALT_NONE: omitted */
    int rank;                        /* logical; -1 (while selecting) when unknown */
    int64_t dim[ALT_MAX_RANK];       /* logical; -1 (while selecting) when not fixed */
    const struct alt_layout *layout; /* NULL: plain row-major */
    int phys_rank;                   /* from here on: binding only */
    int64_t extent[ALT_MAX_PHYSICAL_RANK];
    int64_t stride[ALT_MAX_PHYSICAL_RANK]; /* elements */
    const void *known;               /* content while binding, dense in physical order, aligned; or NULL */
};

/* Choosing a kernel: types, layouts, attributes are known, extents perhaps. */
struct alt_select {
    const struct alt_node *node;
    struct alt_diag *diag;
    int n_in, n_out;
    const struct alt_operand *in, *out;
};
/* Reports a type that has no kernel: ALT_E_UNSUPPORTED naming node, operator and types. */
alt_status alt_select_unsupported(struct alt_select *sel);

/* Binding a kernel to concrete extents. The kernel's operands are in[0..n_in), then out[0..n_out). */
struct alt_kernel_bind {
    const struct alt_kernel *kernel; /* that is being bound */
    const struct alt_node *node;
    const struct alt_node *const *region; /* the nodes that it computes, when it is more than `node` */
    int n_region;
    struct alt_kernel_epilogue epilogue; /* the wanted ones of the kernel's parts */
    struct alt_diag *diag;
    struct alt_arena *arena; /* params live here, as long as the binding */
    int n_in, n_out;
    const struct alt_operand *in, *out;
    /* results */
    const void *params;
    const int64_t *extent; /* generated kernels: symbolic extents, as long as the binding; default NULL */
    int64_t range;   /* tiles of the parallel loop; default 1; 0: nothing to do */
    double flops;    /* about how many operations all tiles do: decides how many threads are worth it; default 0 (one thread) */
    size_t scratch;  /* bytes a thread */
};
alt_status alt_bind_fail(struct alt_kernel_bind *bind, alt_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Asks an operator to describe its outputs as views of input 0: offset and strides of out[i] in elements of in[0], whose
 * strides are given. Logical shapes are known; layouts are plain. */
struct alt_view {
    const struct alt_node *node;
    int n_in, n_out;
    const struct alt_operand *in, *out; /* in[k].known for k > 0 as in binding */
    int64_t (*stride)[ALT_MAX_RANK];    /* to fill, [n_out] */
    int64_t *offset;                    /* to fill, [n_out] */
};

/* Running on the host. Inputs are dense row-major tensors (strings: alt_string), or values that are not tensors: these pass
 * from step to step as an alt_tensor of dtype ALT_NONE and rank 0 whose `data` is the alt_value, read only and alive until
 * the end of the run. */
struct alt_eval {
    const struct alt_node *node;
    struct alt_diag *diag;
    int n_in, n_out;
    const struct alt_tensor *const *in; /* NULL: omitted; captures of subgraphs follow the explicit inputs */
    struct alt_eval_run *run;           /* for the functions below */
};

/* Where the outputs and scratch of a host step come from: a run's context or an evaluation's arena. */
struct alt_eval_run {
    void *(*alloc)(struct alt_eval_run *run, size_t bytes); /* ALT_ALIGN aligned, lives until the end of the run */
    struct alt_tensor *out; /* [n_out], filled by alt_eval_output and alt_eval_give; an output may be an input's memory */
    struct alt_mem *mem;    /* for values; NULL: an evaluation, which takes tensors only */
    /* Keeps a value until the end of the run; takes over one reference, also on failure. */
    alt_status (*hold)(struct alt_eval_run *run, alt_value *value);
    const struct alt_flow *flow; /* for flow.h; NULL: the node has no subgraphs, or this is an evaluation */
};
/* Memory for output i with this type and shape; NULL when there is none. It lives until the end of the run. */
void *alt_eval_output(struct alt_eval *eval, int i, alt_dtype dtype, int rank, const int64_t *dims);
/* Output i is this value (a tensor too: then its elements, in place); takes over one reference, also on failure. NULL stands
 * for one that could not be made: ALT_E_NOMEM. ALT_E_UNSUPPORTED in an evaluation. */
alt_status alt_eval_give(struct alt_eval *eval, int i, alt_value *value);
/* Input i when it is there and not a tensor, else NULL. */
const alt_value *alt_eval_value(const struct alt_eval *eval, int i);
/* Scratch or string bytes that live until the end of the run. */
void *alt_eval_alloc(struct alt_eval *eval, size_t bytes);
alt_status alt_eval_fail(struct alt_eval *eval, alt_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Fills an operand over a plain dense tensor of known shape. ALT_E_SHAPE on overflow. */
alt_status alt_operand_dense(struct alt_operand *op, alt_dtype dtype, int rank, const int64_t *dims);
/* Row-major strides of dense extents. */
void alt_dense_strides(int rank, const int64_t *extent, int64_t *stride);
/* The error of a kernel's fault, naming the node. ALT_OK for ALT_FAULT_NONE. */
alt_status alt_fault_report(int32_t fault, const struct alt_node *n, struct alt_diag *diag);

/* Runs one node on known tensors, on this thread: infer, choose, bind, run. Constant folding, shape arithmetic while
 * binding and the kernel checks of the test suite use it. Outputs (dense, in `arena`) are written to out[0..n_out).
 * ALT_E_UNSUPPORTED when the node has subgraphs or non-tensor values. */
alt_status alt_node_evaluate(const struct alt_node *n, const struct alt_tensor *const *in, struct alt_arena *arena,
                             struct alt_tensor *out, struct alt_diag *diag);

#endif
