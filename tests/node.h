/* node.h: runs one operator on tensors written as text, for unit tests of operator families.
 *
 * A tensor is "int64[2,3] 0 1 2 3 4 5", or "float32[2,3] .." for 0, 1, 2 and so on; strings are words. Where only types are
 * inferred, extents may be names ("float32[batch,3]"), and a content may be given in braces ("int64[3] {batch,-1,?}").
 */
#ifndef ALT_TESTS_NODE_H
#define ALT_TESTS_NODE_H

#include "runtime/error.h"
#include "runtime/graph.h"

enum { NODE_MAX = 9 };

struct test_node {
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_dimtab dims;
    struct alt_graph *graph;
    struct alt_diag diag;
    enum alt_op op;
    int64_t opset;
    struct alt_attr attr[NODE_MAX];
    int n_attr;
    struct alt_type type[NODE_MAX]; /* of inputs; known set where data was given */
    bool present[NODE_MAX];
    int n_in, n_out;
    struct alt_node *node; /* made by run and infer */
    struct alt_tensor out[NODE_MAX];
};

/* A node of that operator with one output. */
void node_open(struct test_node *t, enum alt_op op, int64_t opset);
void node_close(struct test_node *t);
void node_int(struct test_node *t, const char *name, int64_t value);
void node_ints(struct test_node *t, const char *name, int count, const int64_t *values);
void node_float(struct test_node *t, const char *name, float value);
void node_text(struct test_node *t, const char *name, const char *value);
void node_tensor(struct test_node *t, const char *name, const char *text);
/* The next input; NULL: omitted. */
void node_in(struct test_node *t, const char *text);
/* Evaluates. Where the operator has a view, what it describes must be the same; where its kernel takes strides, it must
 * give the same from spread-out and reversed inputs. */
alt_status node_run(struct test_node *t);
/* node_run must succeed, and output i must be the tensor (NaN equals NaN). */
void node_expect(struct test_node *t, int i, const char *text);
/* The same for numbers that may differ by `tolerance` times the expected one. */
void node_near(struct test_node *t, int i, double tolerance, const char *text);
/* Infers with what is known of the inputs and compares the type of output i, "float32[batch,12]", with content if
 * known, "int64[2] {batch,-1}". */
void node_expect_type(struct test_node *t, int i, const char *text);
alt_status node_infer(struct test_node *t);

#endif
