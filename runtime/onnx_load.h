/* onnx_load.h: what the files of the ONNX reader (onnx*.c) share; nobody else includes it.
 *
 * A load keeps two arenas: `arena` for what the graph is made of, `scratch` for names, maps and parsed messages, which go
 * when the load ends. Protobuf strings come out as C strings; one that holds a zero byte is refused.
 *
 * Names: a scope maps the names of one graph or function body to values. A subgraph's scope continues in that of its
 * node; a function body sees only its parameters. A value belongs to the build (the graph being made) it was defined in;
 * a scope that reads a value of an outer build gets a capture for every level between.
 */
#ifndef ALT_RUNTIME_ONNX_LOAD_H
#define ALT_RUNTIME_ONNX_LOAD_H

#include "runtime/error.h"
#include "runtime/graph.h"
#include "runtime/onnx.h"
#include "runtime/strmap.h"
#include "runtime/wire.h"

#define ALT_ONNX_NEST 64                           /* subgraphs and function calls within one another */
#define ALT_ONNX_INLINED 300000                    /* nodes that calls of functions become */
#define ALT_ONNX_INLINED_BYTES ((size_t)256 << 20) /* and the bytes of those nodes */
#define ALT_ONNX_REFUSALS 100                      /* lines about nodes that cannot run */

struct alt_onnx_refusals {
    const char *line[ALT_ONNX_REFUSALS];
    size_t count; /* of all, also those that got no line */
};

struct alt_onnx_load {
    struct alt_arena *arena, *scratch;
    struct alt_dimtab *dims;
    struct alt_external *external; /* NULL: refused */
    struct alt_diag *diag;
    bool fixed_defaults;
    struct alt_strmap functions; /* "domain:name:overload" to struct alt_onnx_function */
    struct alt_onnx_refusals refusals;
    size_t inlined, inlined_bytes; /* so far */
    int nest;
};

struct alt_onnx_opsets {
    struct alt_onnx_opset *item;
    size_t count;
};

/* An AttributeProto that is not evaluated yet. */
struct alt_onnx_attr {
    const char *name;
    const char *ref; /* ref_attr_name, or NULL */
    int64_t type;    /* 0: not said */
    struct alt_wire body;
};

/* A NodeProto. Omitted inputs and outputs are "". */
struct alt_onnx_node {
    const char *name, *op_type, *domain, *overload;
    const char *const *in, *const *out;
    int n_in, n_out;
    const struct alt_onnx_attr *attr;
    int n_attr;
    size_t bytes;
};

struct alt_onnx_body {
    struct alt_onnx_node *node;
    size_t count;
};

struct alt_onnx_function {
    const char *name, *domain, *overload;
    const char *const *in, *const *out;
    int n_in, n_out;
    const struct alt_onnx_attr *attr; /* attribute_proto: those with a default value */
    int n_attr;
    struct alt_onnx_opsets opsets;
    struct alt_onnx_body body;
};

/* A call of a function that is being inlined. */
struct alt_onnx_frame {
    const struct alt_onnx_function *function;
    const struct alt_onnx_node *call;
    const char *path; /* prefix of names made inside, for messages too */
    struct alt_onnx_scope *caller;
};

/* A graph being made. */
struct alt_onnx_build {
    struct alt_graph *graph;
    struct alt_onnx_build *parent; /* NULL: the model's graph */
    struct alt_strmap taken;       /* names of its values */
    struct alt_strmap captured;    /* name of a value of the parent's graph to what stands for it here */
    struct alt_gvalue **outer;     /* values of the parent's graph, parallel to graph->captures; scratch */
    int captures_capacity;
};

/* What a name means. */
struct alt_onnx_binding {
    struct alt_gvalue *value; /* NULL: a parameter that the call leaves out */
    struct alt_onnx_build *home;
};

struct alt_onnx_scope {
    struct alt_strmap names; /* to struct alt_onnx_binding */
    struct alt_onnx_scope *parent;
    struct alt_onnx_build *build;
    const struct alt_onnx_frame *frame; /* NULL outside functions */
    const struct alt_onnx_opsets *opsets;
    const struct alt_onnx_body *body; /* being built */
    size_t at;                        /* its current node */
};

/* onnx.c */
alt_status alt_onnx_nomem(struct alt_onnx_load *ld);
/* The fault of a reader, as ALT_E_MALFORMED, naming what was read ("tensor \"w\""). */
alt_status alt_onnx_malformed(struct alt_onnx_load *ld, const struct alt_wire *w, const char *what);
/* A terminated copy in `arena`; ALT_E_MALFORMED when it holds a zero byte. */
alt_status alt_onnx_text(struct alt_onnx_load *ld, struct alt_arena *arena, alt_string text, const char **out);
/* OperatorSetIdProtos that are field `number` of the message. */
alt_status alt_onnx_opsets_read(struct alt_onnx_load *ld, struct alt_wire w, uint32_t number, struct alt_arena *arena,
                                struct alt_onnx_opsets *out);
/* Version that is imported for a domain; 0 when it is not. */
int64_t alt_onnx_opset_find(const struct alt_onnx_opsets *opsets, const char *domain);
/* Number of fields `number` in the message. */
size_t alt_onnx_count(struct alt_wire w, uint32_t number);

/* onnx_proto.c: node messages as names and spans, in scratch. */
alt_status alt_onnx_body_read(struct alt_onnx_load *ld, struct alt_wire w, uint32_t number, struct alt_onnx_body *out);
alt_status alt_onnx_names_read(struct alt_onnx_load *ld, struct alt_wire w, uint32_t number, const char *const **out,
                               int *count);
alt_status alt_onnx_attrs_read(struct alt_onnx_load *ld, struct alt_wire w, uint32_t number,
                               const struct alt_onnx_attr **out, int *count);

/* onnx_tensor.c: `name` receives the tensor's name (scratch; "" when it has none) unless NULL. */
alt_status alt_onnx_tensor(struct alt_onnx_load *ld, struct alt_wire w, struct alt_tensor *out, const char **name);
/* onnx_sparse.c */
alt_status alt_onnx_sparse(struct alt_onnx_load *ld, struct alt_wire w, struct alt_tensor *out, const char **name);

/* onnx_type.c: the element type of that number; ALT_NONE when alt knows none. */
alt_dtype alt_onnx_dtype(int64_t number);
/* A TypeProto; `what` names its owner in messages. An absent shape has rank -1. */
alt_status alt_onnx_type(struct alt_onnx_load *ld, struct alt_wire w, const char *what, struct alt_type *out);
/* A ValueInfoProto; the type stays as alt_onnx_type_none() makes it when there is none. */
alt_status alt_onnx_value_info(struct alt_onnx_load *ld, struct alt_wire w, const char **name, struct alt_type *type);
struct alt_type alt_onnx_type_none(void);

/* onnx_attr.c: the attributes of a node, evaluated in its scope; subgraphs are built. */
struct alt_onnx_attrs {
    struct alt_attr *attr;
    int count;
    struct alt_gvalue **capture; /* values that all subgraphs together capture, in order; scratch */
    int n_captures;
    const char *unsupported; /* NULL, or an attribute of a kind that alt does not read */
};
alt_status alt_onnx_attrs(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, const struct alt_onnx_node *node,
                          struct alt_onnx_attrs *out);
/* What a node is about to become. */
struct alt_onnx_making {
    const struct alt_onnx_node *node;
    enum alt_op op;
    int64_t opset;
    int n_in, n_out;        /* without those left out at the end */
    struct alt_gvalue **in; /* explicit inputs; scratch */
    struct alt_onnx_attrs attrs;
};
/* The attribute that a reference within a function means, and the scope it is evaluated in; *out NULL: none, omitted. */
alt_status alt_onnx_attr_resolve(struct alt_onnx_load *ld, struct alt_onnx_scope *scope,
                                 const struct alt_onnx_attr *ref, const struct alt_onnx_attr **out,
                                 struct alt_onnx_scope **where);

/* onnx_scope.c */
void alt_onnx_scope_init(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, struct alt_onnx_scope *parent,
                         struct alt_onnx_build *build);
void alt_onnx_build_init(struct alt_onnx_load *ld, struct alt_onnx_build *build, struct alt_onnx_build *parent,
                         struct alt_graph *graph);
/* Binds a name that the scope does not know yet; ALT_E_MODEL when it does. */
alt_status alt_onnx_bind(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, const char *name,
                         struct alt_gvalue *value, struct alt_onnx_build *home);
/* A new value (or a constant over `content`) of the scope's graph, bound to `name`. */
alt_status alt_onnx_define(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, enum alt_gvalue_kind kind,
                           const char *name, const struct alt_tensor *content, struct alt_gvalue **out);
/* A new value of the scope's graph that no name means. */
alt_status alt_onnx_add_unbound(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, enum alt_gvalue_kind kind,
                                const char *name, struct alt_gvalue **out);
/* The value that `name` means, as one of the graph `build`; *out NULL: a left-out parameter. ALT_E_MODEL when nobody
 * defines it. */
alt_status alt_onnx_lookup(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, const char *name,
                           struct alt_gvalue **out);
/* A value of `home`, as one of `build`, through captures. */
alt_status alt_onnx_import(struct alt_onnx_load *ld, struct alt_onnx_build *build, struct alt_onnx_build *home,
                           struct alt_gvalue *value, struct alt_gvalue **out);

/* onnx_order.c: puts nodes behind those whose outputs they read; ALT_E_MODEL naming the nodes of a cycle. */
alt_status alt_onnx_body_sort(struct alt_onnx_load *ld, struct alt_onnx_body *body);
/* Reports that nothing defines `name`, which the current node of `scope` reads, or its graph puts out. Returns ALT_E_MODEL. */
alt_status alt_onnx_undefined(struct alt_onnx_load *ld, const struct alt_onnx_scope *scope, const char *name);

/* onnx_node.c: builds the nodes of scope->body. */
alt_status alt_onnx_nodes(struct alt_onnx_load *ld, struct alt_onnx_scope *scope);
/* A node's name in messages: its own, else its first output's. */
const char *alt_onnx_node_name(const struct alt_onnx_node *node);

/* onnx_upgrade.c: puts a node of opsets 1 to 6 as opset 7 has it; *fault: why that cannot be, else NULL. The numbers of its
 * inputs are those of its row already. */
alt_status alt_onnx_upgrade(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, struct alt_onnx_making *m,
                            const char **fault);

/* onnx_graph.c: a GraphProto into the graph of scope->build. `model` receives what its own graph alone has; NULL for a
 * subgraph. */
alt_status alt_onnx_graph(struct alt_onnx_load *ld, struct alt_wire w, struct alt_onnx_scope *scope,
                          struct alt_onnx_model *model);

/* onnx_function.c */
alt_status alt_onnx_function_read(struct alt_onnx_load *ld, struct alt_wire w);
/* The local function that a node calls; *out NULL: none. */
alt_status alt_onnx_function_find(struct alt_onnx_load *ld, const struct alt_onnx_node *node,
                                  const struct alt_onnx_function **out);
alt_status alt_onnx_inline(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, const struct alt_onnx_node *node,
                           const struct alt_onnx_function *function);

/* onnx_refuse.c */
/* Notes that a node cannot run, and why. */
alt_status alt_onnx_refuse(struct alt_onnx_load *ld, const struct alt_onnx_scope *scope,
                           const struct alt_onnx_node *node, int64_t opset, const char *reason);
/* ALT_OK when every node can run; else ALT_E_UNSUPPORTED with all lines. */
alt_status alt_onnx_refusals_report(struct alt_onnx_load *ld);

#endif
