/* graph_bytes.h: writes ONNX models in memory, for tests that load whole models. Built on protobuf.h. */
#ifndef ALT_TESTS_GRAPH_BYTES_H
#define ALT_TESTS_GRAPH_BYTES_H

#include <alt/value.h>

#include "tests/protobuf.h"

struct graph_bytes {
    struct pb graph;
    uint64_t seed; /* of the next weights */
    struct pb model; /* after graph_bytes_finish */
};

void graph_bytes_open(struct graph_bytes *g, uint64_t seed);
void graph_bytes_close(struct graph_bytes *g);
/* `shape`: extents and names separated by commas, "batch,3,8,8"; "" is a scalar, NULL: no shape. */
void graph_bytes_input(struct graph_bytes *g, const char *name, alt_dtype dtype, const char *shape);
void graph_bytes_output(struct graph_bytes *g, const char *name, alt_dtype dtype);
/* float32 weights, uniform in [-scale, scale). */
void graph_bytes_weights(struct graph_bytes *g, const char *name, const char *shape, float scale);
void graph_bytes_ints(struct graph_bytes *g, const char *name, int count, const int64_t *values);
/* A node: `in` and `out` are names separated by commas ("" between commas: omitted); `attrs` is "name=1,2,3 other=4": one
 * number is INT, with a point FLOAT, unless the name is that of a list (strides, pads, ..: INTS). */
void graph_bytes_node(struct graph_bytes *g, const char *op, const char *in, const char *out, const char *attrs);
/* A node with subgraphs, one an attribute of that name; `sub` are closed. What a subgraph reads from outside it just names. */
void graph_bytes_holder(struct graph_bytes *g, const char *op, const char *in, const char *out, const char *attrs, int count,
                        const char *const *names, struct graph_bytes *sub);
/* Ends the model; g->model holds its bytes until graph_bytes_close. */
void graph_bytes_finish(struct graph_bytes *g, int64_t opset);

/* The networks that several tests use. `bytes` are valid until graph_bytes_close. */
/* Convolutions, residual addition, pooling, product: 1 input "x" float32[batch,3,16,16], 1 output "y". */
void graph_bytes_convnet(struct graph_bytes *g);

#endif
