/* op_check.h: makes one node with its inputs, evaluates it and compares with numbers computed another way.
 *
 * Usage: op_begin; op_in.. for every input in order; op_int.. for attributes; op_run; look at op->out; op_end. Everything
 * lies in one arena. Asserts with cmocka. */
#ifndef ALT_TESTS_OP_CHECK_H
#define ALT_TESTS_OP_CHECK_H

#include "runtime/step.h"

enum { OP_CHECK_MAX = 16 };

struct alt_layout;

struct op_check {
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_dimtab dims;
    struct alt_diag diag;
    enum alt_op op;
    int64_t opset;
    int n_in, n_out, n_attr;
    const struct alt_tensor *in[OP_CHECK_MAX];
    struct alt_attr attr[OP_CHECK_MAX];
    struct alt_tensor out[OP_CHECK_MAX];
    struct alt_node *node; /* after op_make */
};

void op_begin(struct op_check *c, const char *type, int64_t opset);
void op_end(struct op_check *c);
/* Adds an input of small pseudo-random numbers (integers in -4..4 for integer types; multiples of 1/8 in -2..2 for the
 * floating-point ones when `exact`, else any in -1..1) and returns it. */
struct alt_tensor *op_in(struct op_check *c, alt_dtype dtype, bool exact, int rank, const int64_t *dims);
/* An input over given data. */
struct alt_tensor *op_in_data(struct op_check *c, alt_dtype dtype, int rank, const int64_t *dims, const void *data);
void op_omit(struct op_check *c);
void op_ints(struct op_check *c, const char *name, int count, const int64_t *ints);
void op_int(struct op_check *c, const char *name, int64_t value);
void op_float(struct op_check *c, const char *name, float value);
void op_text(struct op_check *c, const char *name, const char *value);
/* Makes the node in a graph of its own, inputs as constants; returns it. */
struct alt_node *op_make(struct op_check *c);
/* Makes and evaluates; returns the status, texts in c->diag. */
alt_status op_run(struct op_check *c);
/* After op_run: runs the node once more with these layouts (NULL: plain) of inputs and outputs and gives the outputs as plain
 * tensors. Positions without an element hold NaN (floating-point types) on entry. With `strided`, the axes of the plain inputs lie
 * in memory in reverse order, with gaps. Tiles are run one by one, last first. ALT_E_UNSUPPORTED when there is no kernel. */
alt_status op_run_layouts(struct op_check *c, const struct alt_layout *const *in, const struct alt_layout *const *out,
                          bool strided, struct alt_tensor *result);
/* Both hold the same bits. */
void op_expect_same(const struct alt_tensor *a, const struct alt_tensor *b);
/* Element i of an input or output. */
double op_get(const struct alt_tensor *t, int64_t i);
/* |got - want| <= tolerance * (1 + |want|), or both are NaN; prints both when not. */
void op_expect(double got, double want, double tolerance, int64_t index);
/* Tolerance for a sum of k products in a type. */
double op_tolerance(alt_dtype dtype, int64_t k);

#endif
