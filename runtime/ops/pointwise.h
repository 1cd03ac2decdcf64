/* pointwise.h: operators whose output element i depends on the elements i of their broadcast inputs.
 *
 * A family supplies inner loops over dense elements of a few types; this file brings any operands to that form. While
 * binding, the *physical* axes of the operands are aligned to the right, extents of 1 repeat, and neighbouring axes that
 * are jointly contiguous in every operand become one. The tiles of the parallel loop are runs of ALT_POINTWISE_TILE
 * elements in the output's order; inside a tile, an operand that is dense and of the loop's own type is passed as it is,
 * one that repeats along a row as a scalar, and everything else goes through a block on the stack (wide.h).
 * As all operands of a layout other than row-major share its physical extents, layouts need no further thought.
 */
#ifndef ALT_RUNTIME_OPS_POINTWISE_H
#define ALT_RUNTIME_OPS_POINTWISE_H

#include "runtime/infer.h"
#include "runtime/ops/loop.h"
#include "runtime/ops/wide.h"
#include "runtime/step.h"

#define ALT_POINTWISE_TILE 4096
#define ALT_POINTWISE_BLOCK 512

/* What an inner loop works on. The output may be the same memory as a dense input. */
struct alt_loop {
    int64_t n;          /* at least 1 */
    const void *in[3];
    int64_t step[3];    /* 1: dense; 0: one element for all */
    void *out;          /* dense */
    const void *param;
    int32_t *fault;
};
typedef void alt_loop_fn(const struct alt_loop *loop);

#define ALT_POINTWISE_RAW_OUT 0x80000000u

/* What a family asks for. */
struct alt_pointwise_spec {
    alt_loop_fn *loop;
    const void *param;   /* for the loop; lives as long as the binding */
    unsigned raw;        /* bit k: input k (RAW_OUT: the output) is passed in its own dtype, not in its wide one */
    unsigned scalars;    /* bit k: input k may come with step 0; the loop trusts the others to be dense */
    int most_scalars;    /* how many of them at once */
    double cost;         /* operations an element */
};

/* One operand, bound. */
struct alt_pointwise_operand {
    int arg;                               /* index among the kernel's operands */
    int64_t stride[ALT_MAX_PHYSICAL_RANK]; /* elements; of the collapsed axes; 0 where it repeats */
    size_t size, loop_size;                /* bytes of an element in memory and as the loop sees it */
    alt_load_fn *load;
    alt_store_fn *store;
    bool periodic;                         /* every row of the last axis has the same elements */
    enum { ALT_POINTWISE_DIRECT, ALT_POINTWISE_SCALAR, ALT_POINTWISE_STAGED } mode;
};

struct alt_pointwise {
    int rank;
    int64_t extent[ALT_MAX_PHYSICAL_RANK];
    int64_t total, chunk; /* elements; longest run of one loop call */
    bool rows;            /* a run stays within one row of the last axis */
    alt_loop_fn *loop;
    const void *param;
    int n_in;
    struct alt_pointwise_operand operand[]; /* inputs, then the output */
};

/* Binds all inputs and output 0 of a node; the body of a family's bind function. */
int alt_pointwise_bind(struct alt_kernel_bind *bind, const struct alt_pointwise_spec *spec);
/* The same for some of the kernel's operands: arg[0..n_in) are the inputs, arg[n_in] the output. */
int alt_pointwise_bind_some(struct alt_kernel_bind *bind, const struct alt_pointwise_spec *spec, int n_in, const int *arg);
/* The kernel function for up to three inputs. */
void alt_pointwise_run(const struct alt_kargs *args);

/* Elements [begin, end) of the output, in its order. */
void alt_pointwise_run_part(const struct alt_pointwise *p, const struct alt_kargs *args, int64_t begin, int64_t end);

/* Where a walk over the output's elements is. */
struct alt_pointwise_cursor {
    int64_t at;
    int64_t index[ALT_MAX_PHYSICAL_RANK];
};
void alt_pointwise_seek(const struct alt_pointwise *p, int64_t at, struct alt_pointwise_cursor *c);
/* Elements that one loop call may take from here, at most up to `end`. */
int64_t alt_pointwise_span(const struct alt_pointwise *p, const struct alt_pointwise_cursor *c, int64_t end);
void alt_pointwise_advance(const struct alt_pointwise *p, struct alt_pointwise_cursor *c, int64_t n);
/* The n elements of operand k at the cursor, as the loop wants them; `block` holds ALT_POINTWISE_BLOCK of them and is used
 * when needed. `step` as in struct alt_loop. */
const void *alt_pointwise_fetch(const struct alt_pointwise *p, int k, const struct alt_kargs *args,
                                const struct alt_pointwise_cursor *c, int64_t n, void *block, int64_t *step);
/* Stores n loop elements from `block` to the output. */
void alt_pointwise_put(const struct alt_pointwise *p, const struct alt_kargs *args, const struct alt_pointwise_cursor *c,
                       int64_t n, const void *block);

/* Output 0 has the broadcast shape of inputs [0, n_in) and this dtype. */
alt_status alt_pointwise_infer(struct alt_infer *inf, alt_dtype dtype);

/* A row of a family's table: the kernel of one operator and its loops by wide type (NULL: no such kernel). */
struct alt_pointwise_row {
    enum alt_op op;
    struct alt_kernel kernel;
    alt_loop_fn *loop[ALT_WIDE_COUNT];
    double cost;
};
/* The node's row, or NULL. */
const struct alt_pointwise_row *alt_pointwise_row(const struct alt_pointwise_row *table, size_t count, enum alt_op op);
/* The row's kernel when it has a loop for the dtype of input 0. */
alt_status alt_pointwise_select(struct alt_select *sel, const struct alt_pointwise_row *row, const struct alt_kernel **out);

/* Fields of struct alt_kernel that are the same for all pointwise kernels. */
#define ALT_POINTWISE_KERNEL(title, binder) \
    {.name = title, .fn = alt_pointwise_run, .bind = binder, .flags = ALT_KERNEL_STRIDED | ALT_KERNEL_INPLACE}

#endif
