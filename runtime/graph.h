/* graph.h: a model's graph: nodes in topological order, values with their uses.
 *
 * Invariants (alt_graph_verify checks them): nodes form a doubly linked list in topological order; every value has
 * exactly one definition (an input, a constant, a capture or one node output); use lists hold every node input and
 * nothing else; every node input is defined before the node; graph outputs are defined.
 * A subgraph (attribute of If, Loop, Scan) is a graph of its own whose free names are `captures`: value i of `captures`
 * stands for explicit input number node->n_in_explicit + i of the node that holds the subgraph (the captures of a node's several
 * subgraphs follow one another). Memory: everything lies in the arena of the outermost graph. Single-threaded while it is
 * changed, immutable once its model is loaded.
 */
#ifndef ALT_RUNTIME_GRAPH_H
#define ALT_RUNTIME_GRAPH_H

#include "runtime/attr.h"
#include "runtime/mem.h"
#include "runtime/op.h"
#include "runtime/type.h"

struct alt_diag;
struct alt_node;
struct alt_graph;

/* One place where a value is read. */
struct alt_use {
    struct alt_node *node;
    int index;               /* of node->in */
    struct alt_use *next, *prev;
};

enum alt_gvalue_kind { ALT_GV_TEMP, ALT_GV_INPUT, ALT_GV_CONST, ALT_GV_CAPTURE };

/* A value of the graph (ONNX: "value"). */
struct alt_gvalue {
    const char *name; /* unique within the graph; never "" */
    int id;           /* index in graph->values */
    enum alt_gvalue_kind kind;
    struct alt_type type;     /* const: type.known is the content */
    struct alt_node *producer; /* temp only */
    int out_index;
    struct alt_use *uses; /* list head, arena */
    int n_uses;
    int n_outputs; /* times the value is a graph output */
    const struct alt_tensor *initial; /* input with a default value */
};

struct alt_node {
    enum alt_op op;
    int64_t opset; /* version of the operator's domain that the model imports */
    const char *name; /* from the model, or made from the first output; for messages */
    struct alt_gvalue **in; /* NULL: omitted */
    struct alt_use *use;    /* parallel to in */
    int n_in, n_in_explicit; /* n_in counts captures too */
    struct alt_gvalue **out; /* NULL: omitted */
    int n_out;
    const struct alt_attr *attr;
    int n_attr;
    struct alt_node *next, *prev;
    struct alt_graph *graph;
    int mark; /* for passes; no meaning between them */
};

struct alt_graph {
    struct alt_arena *arena;   /* borrowed from the model */
    struct alt_dimtab *dims;   /* borrowed from the model */
    const char *name;
    struct alt_node *first, *last;
    int n_nodes;
    struct alt_gvalue **values; /* all, by id; entries of removed values are NULL */
    int n_values, values_capacity;
    struct alt_gvalue **inputs; /* model order */
    int n_inputs;
    struct alt_gvalue **outputs;
    int n_outputs;
    struct alt_gvalue **captures;
    int n_captures;
    int next_name; /* for fresh names */
    int depth;     /* graphs and function calls that it lies in; 0: the model's graph */
    const char *fault; /* a subgraph that cannot run with what its node takes, and why; NULL: it can. Passes leave it alone, running
                          it is an error */
};

/* All return NULL when there is no memory. `name` NULL: a fresh one. Names and arrays are borrowed (arena). */
struct alt_graph *alt_graph_create(struct alt_arena *arena, struct alt_dimtab *dims, const char *name);
struct alt_gvalue *alt_graph_add_value(struct alt_graph *g, enum alt_gvalue_kind kind, const char *name);
/* A constant of the graph over `t` (copied shallowly; its data is borrowed and must outlive the graph). */
struct alt_gvalue *alt_graph_add_const(struct alt_graph *g, const char *name, const struct alt_tensor *t);
/* A node before `before` (NULL: at the end) with fresh temp outputs where `out` is NULL, else the given ones. */
struct alt_node *alt_graph_add_node(struct alt_graph *g, struct alt_node *before, enum alt_op op, int64_t opset, int n_in,
                                    struct alt_gvalue *const *in, int n_out, struct alt_gvalue *const *out);
/* Unlinks a node whose outputs have no uses and are no graph outputs; its output values go too. */
void alt_graph_remove_node(struct alt_node *n);
/* Replaces input i (value may be NULL). */
void alt_node_set_input(struct alt_node *n, int i, struct alt_gvalue *v);
/* Every use of `from`, graph outputs included, becomes `to`. A graph output keeps its name: names are swapped. */
void alt_gvalue_replace(struct alt_graph *g, struct alt_gvalue *from, struct alt_gvalue *to);
/* Sets the attribute list of a node (arena). */
void alt_node_set_attrs(struct alt_node *n, const struct alt_attr *attr, int n_attr);

/* Subgraph number `at` of a node, in the order of its attributes; NULL behind the last. */
struct alt_graph *alt_node_subgraph(const struct alt_node *n, int at);
/* The number of the subgraph that is attribute `name`; -1 when there is none. */
int alt_node_subgraph_find(const struct alt_node *n, const char *name);
/* Adds to a finding which subgraph of which node it is about; returns `status`. */
alt_status alt_node_blame(const struct alt_node *n, int at, alt_status status, struct alt_diag *diag);

/* Checks the invariants above; ALT_E_INTERNAL with the finding. */
alt_status alt_graph_verify(const struct alt_graph *g, struct alt_diag *diag);

/* Prints the graph as text through `put` (docs/design.md, "Graph text"). */
typedef void (*alt_put_fn)(void *context, const char *text);
void alt_graph_print(const struct alt_graph *g, alt_put_fn put, void *context);

#endif
