/* onnx.h: ONNX messages become alt's graphs, tensors and values.
 *
 * The reader takes the bytes of a ModelProto (onnx.proto, IR version 13 and older) and makes an alt_graph: nodes of the
 * table op.def, weights as tensors that point into the bytes wherever their encoding allows it, local functions inlined,
 * subgraphs with their outer names turned into captures, Constant nodes into constants. What the file contradicts itself
 * about is ALT_E_MODEL; what alt has no operator for is ALT_E_UNSUPPORTED with a line for each node. Files of the reader:
 *
 *     onnx.c           ModelProto                     onnx_tensor.c   TensorProto
 *     onnx_graph.c     GraphProto                     onnx_sparse.c   SparseTensorProto, made dense
 *     onnx_order.c     nodes in topological order      onnx_type.c     TypeProto, ValueInfoProto
 *     onnx_scope.c     names to values, captures      onnx_attr.c     AttributeProto
 *     onnx_node.c      NodeProto                      onnx_value.c    tensors, sequences, optionals as alt_value
 *     onnx_function.c  FunctionProto, inlined         onnx_refuse.c   the list of nodes that cannot run
 *     onnx_proto.c     NodeProto as names and spans
 */
#ifndef ALT_RUNTIME_ONNX_H
#define ALT_RUNTIME_ONNX_H

#include "runtime/type.h"

struct alt_arena;
struct alt_diag;
struct alt_dimtab;
struct alt_external;
struct alt_graph;

struct alt_onnx_opset {
    const char *domain; /* "" is ai.onnx */
    int64_t version;
};

struct alt_onnx_pair {
    const char *key, *value;
};

/* What a file says of an output: its name, and a type that nothing relies on. */
struct alt_onnx_output {
    const char *name;
    struct alt_type type; /* dtype NONE, rank -1 where the file says nothing */
};

/* Where a model comes from. All borrowed; `bytes` and `external` must outlive the graph. */
struct alt_onnx_source {
    const void *bytes;
    size_t size;
    struct alt_external *external; /* NULL: external tensor data is refused */
    /* Nodes read an input's default value as a constant, whatever a run is given for it: right for all runs that leave such
     * inputs out, and then every pass and packing applies. Otherwise they read the input. */
    bool fixed_defaults;
};

/* What was read; everything lies in the arena. */
struct alt_onnx_model {
    int64_t ir_version;
    struct alt_onnx_opset *opsets;
    size_t n_opsets;
    struct alt_onnx_pair *metadata; /* metadata_props and the well-known keys of alt_model_metadata */
    size_t n_metadata;
    struct alt_graph *graph;         /* inputs without a default value first, then those with one */
    bool has_defaults;               /* an input has one */
    struct alt_onnx_output *outputs; /* parallel to graph->outputs */
    int n_symbols;                   /* the dimtab's first symbols: those of the inputs */
};

/* Reads a model into `arena` and `dims`. ALT_E_MALFORMED, ALT_E_MODEL, ALT_E_UNSUPPORTED, ALT_E_IO (external data),
 * ALT_E_NOMEM; `diag` says where. */
alt_status alt_onnx_read(const struct alt_onnx_source *source, struct alt_arena *arena, struct alt_dimtab *dims,
                         struct alt_onnx_model *out, struct alt_diag *diag);

/* A value from the bytes of a TensorProto, or of a SequenceProto or OptionalProto (onnx-data.proto), as `kind` says. Copied. */
alt_status alt_onnx_value(const alt_allocator *allocator, alt_kind kind, const void *bytes, size_t size, alt_value **out,
                          struct alt_diag *diag);

#endif
