/* onnx_build.h: writes ONNX messages for tests of the reader; field numbers are those of onnx.proto. Names in one string are
 * separated by commas; an empty one stands for an omitted input or output. */
#ifndef ALT_TESTS_ONNX_BUILD_H
#define ALT_TESTS_ONNX_BUILD_H

#include "tests/protobuf.h"

#include <alt/value.h>

enum build_field { GRAPH_NODE = 1, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12, FUNCTION_NODE = 7 };

/* A NodeProto, for more fields to be added. `name` may be NULL. */
struct pb build_node(const char *op, const char *name, const char *in, const char *out);
/* Adds a node without attributes to a graph (field GRAPH_NODE) or function (FUNCTION_NODE). */
void add_node(struct pb *to, uint32_t field, const char *op, const char *in, const char *out);
/* AttributeProtos added to a node. */
void add_int(struct pb *node, const char *name, int64_t value);
void add_graph_attr(struct pb *node, const char *name, struct pb *graph);
/* An attribute of a node in a function that stands for the call's attribute `ref`. */
void add_ref(struct pb *node, const char *name, int64_t type, const char *ref);

/* A TensorProto without data. */
struct pb build_tensor(const char *name, int64_t dtype, size_t rank, const int64_t *dims);
/* Adds a float32 initializer of `count` elements 0, 1, ... to a graph. */
void add_floats(struct pb *graph, const char *name, size_t count);
/* Adds a float32 input or output of shape [3] to a graph. */
void add_port(struct pb *graph, uint32_t field, const char *name);
/* A ValueInfoProto of a tensor; an extent < 0 has a name ("n1" for -1, "n2" for -2). */
struct pb build_port(const char *name, int64_t dtype, size_t rank, const int64_t *dims);

/* A FunctionProto of domain "local" with opset 18 of ai.onnx imported; nodes are added with FUNCTION_NODE. */
struct pb build_function(const char *name, const char *in, const char *out);
/* Adds an import to a model (field 8) or function (field 9). */
void add_opset(struct pb *to, uint32_t field, const char *domain, int64_t version);
/* A ModelProto, IR version 8, opset 18 of ai.onnx and 1 of "local"; the graph is put in and freed. */
struct pb build_model(struct pb *graph);

#endif
