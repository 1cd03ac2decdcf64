/* onnx_order.c: puts the nodes of a graph or function body in topological order.
 *
 * ONNX demands that order of a file, but exporters break it and other runtimes put up with that, so alt sorts: depth
 * first, in the file's order, each node behind those that make what it reads. A file in order stays as it is. A node that holds
 * subgraphs also reads the names that these leave free. What cannot be sorted is a cycle, and the walk's stack names it.
 *
 * Of several Constant nodes that define one name the last counts, as it does elsewhere: tools that change a constant of a
 * model append a new one and leave the old.
 */
#include "runtime/onnx_load.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { /* AttributeProto, GraphProto, and the names in ValueInfoProto and TensorProto */
    ATTR_G = 6,
    ATTR_GRAPHS = 11,
    GRAPH_NODE = 1,
    GRAPH_INITIALIZER = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    INFO_NAME = 1,
    TENSOR_NAME = 8
};

/* Names that a node's subgraphs leave free, and may find in the body. */
struct free_names {
    const char **name;
    size_t count, capacity;
};

/* A node on the walk's stack; `next` of its inputs, then of its free names, is looked at next. */
struct step {
    size_t node, next;
};

struct order {
    struct alt_onnx_load *ld;
    const struct alt_onnx_body *body;
    struct alt_strmap maker;  /* name to the node of the body that puts it out */
    struct free_names *names; /* by node */
    struct step *stack;
    size_t depth;
    char *state; /* by node: 0 not reached, 1 on the stack, 2 done */
    struct alt_onnx_node *sorted;
    size_t n_sorted;
};

/* Names that a subgraph, or one around it, defines. */
struct defined {
    struct alt_strmap names;
    const struct defined *outer;
};

static bool is_defined(const struct defined *d, const char *name)
{
    while (d && !alt_strmap_get(&d->names, name))
        d = d->outer;
    return d != NULL;
}

static alt_status add_free(struct order *o, struct free_names *names, const struct defined *d, const char *name)
{
    if (!name[0] || !alt_strmap_get(&o->maker, name) || is_defined(d, name))
        return ALT_OK;
    if (names->count == names->capacity) {
        size_t capacity = names->capacity ? 2 * names->capacity : 8;
        const char **grown = alt_arena_array(o->ld->scratch, capacity, sizeof *grown);
        if (!grown)
            return alt_onnx_nomem(o->ld);
        for (size_t i = 0; i < names->count; i++)
            grown[i] = names->name[i];
        names->name = grown;
        names->capacity = capacity;
    }
    names->name[names->count++] = name;
    return ALT_OK;
}

/* Notes the names that are field `name_field` of the messages in field `number` of `w`. */
static alt_status define_all(struct order *o, struct alt_wire w, uint32_t number, uint32_t name_field, struct defined *d)
{
    struct alt_wire_field f;
    struct alt_wire inner;
    while (alt_wire_next(&w, &f)) {
        alt_string raw = {0};
        const char *name;
        if (f.number != number || !alt_wire_message(&w, &f, &inner))
            continue;
        while (alt_wire_next(&inner, &f))
            if (f.number == name_field)
                alt_wire_bytes(&inner, &f, &raw);
        if (inner.fault)
            return alt_onnx_malformed(o->ld, &inner, "graph");
        ALT_CHECK(alt_onnx_text(o->ld, o->ld->scratch, raw, &name));
        if (!alt_strmap_set(&d->names, name, d))
            return alt_onnx_nomem(o->ld);
    }
    return w.fault ? alt_onnx_malformed(o->ld, &w, "graph") : ALT_OK;
}

static alt_status subgraph_names(struct order *o, struct alt_wire w, const struct defined *outer, struct free_names *names);

/* The free names of the subgraphs in a node's attributes. Nesting is bounded by the wire reader. */
static alt_status attr_names(struct order *o, const struct alt_onnx_node *node, const struct defined *outer,
                             struct free_names *names)
{
    struct alt_wire_field f;
    struct alt_wire inner;
    for (int i = 0; i < node->n_attr; i++) {
        struct alt_wire w = node->attr[i].body;
        while (alt_wire_next(&w, &f))
            if ((f.number == ATTR_G || f.number == ATTR_GRAPHS) && alt_wire_message(&w, &f, &inner))
                ALT_CHECK(subgraph_names(o, inner, outer, names));
        if (w.fault)
            return alt_onnx_malformed(o->ld, &w, node->attr[i].name);
    }
    return ALT_OK;
}

static alt_status subgraph_names(struct order *o, struct alt_wire w, const struct defined *outer, struct free_names *names)
{
    struct alt_onnx_body body;
    struct defined d = {.outer = outer};
    struct alt_wire_field f;
    struct alt_wire inner;
    alt_strmap_init(&d.names, o->ld->scratch);
    ALT_CHECK(define_all(o, w, GRAPH_INITIALIZER, TENSOR_NAME, &d));
    ALT_CHECK(define_all(o, w, GRAPH_INPUT, INFO_NAME, &d));
    ALT_CHECK(alt_onnx_body_read(o->ld, w, GRAPH_NODE, &body));
    for (size_t i = 0; i < body.count; i++)
        for (int k = 0; k < body.node[i].n_out; k++)
            if (!alt_strmap_set(&d.names, body.node[i].out[k], &d))
                return alt_onnx_nomem(o->ld);
    for (size_t i = 0; i < body.count; i++) {
        for (int k = 0; k < body.node[i].n_in; k++)
            ALT_CHECK(add_free(o, names, &d, body.node[i].in[k]));
        ALT_CHECK(attr_names(o, &body.node[i], &d, names));
    }
    while (alt_wire_next(&w, &f)) {
        const char *name;
        struct alt_type type;
        if (f.number != GRAPH_OUTPUT || !alt_wire_message(&w, &f, &inner))
            continue;
        ALT_CHECK(alt_onnx_value_info(o->ld, inner, &name, &type));
        ALT_CHECK(add_free(o, names, &d, name));
    }
    return w.fault ? alt_onnx_malformed(o->ld, &w, "graph") : ALT_OK;
}

static alt_status cycle(struct order *o, size_t node)
{
    char text[1024] = "";
    size_t from = o->depth, used = 0;
    while (from > 0 && o->stack[from - 1].node != node)
        from--;
    /* The stack goes from readers to what they read; told the other way round it follows the data. */
    for (size_t i = o->depth; i >= from && used + 1 < sizeof text; i--) {
        const struct alt_onnx_node *n = &o->body->node[o->stack[i - 1].node];
        int length = snprintf(text + used, sizeof text - used, "%s\"%.100s\" (%.40s)", used ? ", " : "",
                              alt_onnx_node_name(n), n->op_type);
        used += length > 0 ? (size_t)length : 0;
    }
    return alt_diag_add(o->ld->diag, ALT_E_MODEL, "nodes form a cycle, each reading what the one before it makes: %s", text);
}

/* Puts `start` and all that it reads behind what is sorted already. */
static alt_status visit(struct order *o, size_t start)
{
    o->stack[0] = (struct step){start, 0};
    o->depth = 1;
    o->state[start] = 1;
    while (o->depth > 0) {
        struct step *top = &o->stack[o->depth - 1];
        const struct alt_onnx_node *node = &o->body->node[top->node];
        const struct free_names *more = &o->names[top->node];
        size_t n_in = (size_t)node->n_in;
        if (top->next == n_in + more->count) {
            o->sorted[o->n_sorted++] = *node;
            o->state[top->node] = 2;
            o->depth--;
            continue;
        }
        const char *name = top->next < n_in ? node->in[top->next] : more->name[top->next - n_in];
        const struct alt_onnx_node *maker = alt_strmap_get(&o->maker, name);
        size_t at = maker ? (size_t)(maker - o->body->node) : 0;
        top->next++;
        if (!maker || o->state[at] == 2)
            continue;
        if (o->state[at] == 1)
            return cycle(o, at);
        o->state[at] = 1;
        o->stack[o->depth++] = (struct step){at, 0};
    }
    return ALT_OK;
}

static bool is_constant(const struct alt_onnx_node *node)
{
    return strcmp(node->op_type, "Constant") == 0 && !node->domain[0];
}

/* Notes which node makes which name. */
static alt_status note_makers(struct order *o)
{
    for (size_t i = 0; i < o->body->count; i++) {
        struct alt_onnx_node *node = &o->body->node[i];
        for (int k = 0; k < node->n_out; k++) {
            const struct alt_onnx_node *old = alt_strmap_get(&o->maker, node->out[k]);
            if (!node->out[k][0])
                continue;
            if (old && is_constant(old) && is_constant(node))
                o->state[old - o->body->node] = 2;
            if (!alt_strmap_set(&o->maker, node->out[k], node))
                return alt_onnx_nomem(o->ld);
        }
    }
    return ALT_OK;
}

static alt_status prepare(struct order *o)
{
    size_t n = o->body->count;
    struct alt_arena *scratch = o->ld->scratch;
    alt_strmap_init(&o->maker, scratch);
    o->names = alt_arena_array(scratch, n, sizeof *o->names);
    o->stack = alt_arena_array(scratch, n + 1, sizeof *o->stack);
    o->state = alt_arena_array(scratch, n, 1);
    o->sorted = alt_arena_array(scratch, n, sizeof *o->sorted);
    if (!o->names || !o->stack || !o->state || !o->sorted)
        return alt_onnx_nomem(o->ld);
    ALT_CHECK(note_makers(o));
    for (size_t i = 0; i < n; i++)
        ALT_CHECK(attr_names(o, &o->body->node[i], NULL, &o->names[i]));
    return ALT_OK;
}

alt_status alt_onnx_body_sort(struct alt_onnx_load *ld, struct alt_onnx_body *body)
{
    struct order o = {.ld = ld, .body = body};
    ALT_CHECK(prepare(&o));
    for (size_t i = 0; i < body->count; i++)
        if (!o.state[i])
            ALT_CHECK(visit(&o, i));
    *body = (struct alt_onnx_body){o.sorted, o.n_sorted};
    return ALT_OK;
}

alt_status alt_onnx_undefined(struct alt_onnx_load *ld, const struct alt_onnx_scope *scope, const char *name)
{
    bool reads = scope->body && scope->at < scope->body->count;
    const struct alt_onnx_node *node = reads ? &scope->body->node[scope->at] : NULL;
    if (!node)
        return alt_diag_add(ld->diag, ALT_E_MODEL, "graph \"%.200s\": nothing defines its output \"%.200s\"",
                            scope->build->graph->name, name);
    return alt_diag_add(ld->diag, ALT_E_MODEL, "node \"%.200s\" (%.60s): nothing defines its input \"%.200s\"",
                        alt_onnx_node_name(node), node->op_type, name);
}
