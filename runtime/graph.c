/* graph.c: building and changing a graph while keeping its invariants. Everything is allocated in the graph's arena and
 * never given back one by one: a removed node costs its bytes until the model goes. */
#include "runtime/graph.h"

#include "runtime/error.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct alt_graph *alt_graph_create(struct alt_arena *arena, struct alt_dimtab *dims, const char *name)
{
    struct alt_graph *g = alt_arena_alloc(arena, sizeof *g);
    if (!g)
        return NULL;
    g->arena = arena;
    g->dims = dims;
    g->name = name ? name : "";
    return g;
}

static bool grow_values(struct alt_graph *g)
{
    if (g->n_values < g->values_capacity)
        return true;
    int capacity = g->values_capacity ? g->values_capacity * 2 : 64;
    struct alt_gvalue **values = alt_arena_array(g->arena, (size_t)capacity, sizeof *values);
    if (!values)
        return false;
    if (g->n_values)
        memcpy(values, g->values, (size_t)g->n_values * sizeof *values);
    g->values = values;
    g->values_capacity = capacity;
    return true;
}

struct alt_gvalue *alt_graph_add_value(struct alt_graph *g, enum alt_gvalue_kind kind, const char *name)
{
    if (!name)
        name = alt_arena_printf(g->arena, "%%%d", g->next_name++);
    struct alt_gvalue *v = alt_arena_alloc(g->arena, sizeof *v);
    if (!v || !name || !grow_values(g))
        return NULL;
    v->name = name;
    v->kind = kind;
    v->type.shape.rank = -1;
    v->id = g->n_values;
    g->values[g->n_values++] = v;
    return v;
}

struct alt_gvalue *alt_graph_add_const(struct alt_graph *g, const char *name, const struct alt_tensor *t)
{
    struct alt_tensor *copy = alt_arena_alloc(g->arena, sizeof *copy);
    struct alt_gvalue *v = alt_graph_add_value(g, ALT_GV_CONST, name);
    if (!copy || !v)
        return NULL;
    *copy = *t;
    v->type.kind = ALT_TENSOR;
    v->type.dtype = t->dtype;
    v->type.shape.rank = t->rank;
    memcpy(v->type.shape.dim, t->dim, sizeof t->dim);
    v->type.known = copy;
    return v;
}

static void link_use(struct alt_node *n, int i, struct alt_gvalue *v)
{
    struct alt_use *u = &n->use[i];
    n->in[i] = v;
    u->node = n;
    u->index = i;
    u->prev = NULL;
    u->next = v ? v->uses : NULL;
    if (!v)
        return;
    if (v->uses)
        v->uses->prev = u;
    v->uses = u;
    v->n_uses++;
}

static void unlink_use(struct alt_node *n, int i)
{
    struct alt_gvalue *v = n->in[i];
    struct alt_use *u = &n->use[i];
    if (!v)
        return;
    if (u->prev)
        u->prev->next = u->next;
    else
        v->uses = u->next;
    if (u->next)
        u->next->prev = u->prev;
    v->n_uses--;
    n->in[i] = NULL;
}

void alt_node_set_input(struct alt_node *n, int i, struct alt_gvalue *v)
{
    assert(i >= 0 && i < n->n_in);
    unlink_use(n, i);
    link_use(n, i, v);
}

static void link_node(struct alt_graph *g, struct alt_node *n, struct alt_node *before)
{
    n->next = before;
    n->prev = before ? before->prev : g->last;
    if (n->prev)
        n->prev->next = n;
    else
        g->first = n;
    if (before)
        before->prev = n;
    else
        g->last = n;
    g->n_nodes++;
}

struct alt_node *alt_graph_add_node(struct alt_graph *g, struct alt_node *before, enum alt_op op, int64_t opset, int n_in,
                                    struct alt_gvalue *const *in, int n_out, struct alt_gvalue *const *out)
{
    struct alt_node *n = alt_arena_alloc(g->arena, sizeof *n);
    if (!n)
        return NULL;
    n->op = op;
    n->opset = opset;
    n->graph = g;
    n->n_in = n->n_in_explicit = n_in;
    n->n_out = n_out;
    n->in = alt_arena_array(g->arena, (size_t)n_in, sizeof *n->in);
    n->use = alt_arena_array(g->arena, (size_t)n_in, sizeof *n->use);
    n->out = alt_arena_array(g->arena, (size_t)n_out, sizeof *n->out);
    if (!n->in || !n->use || !n->out)
        return NULL;
    for (int i = 0; i < n_out; i++) {
        n->out[i] = out ? out[i] : alt_graph_add_value(g, ALT_GV_TEMP, NULL);
        if (!out && !n->out[i])
            return NULL;
        if (n->out[i]) {
            n->out[i]->producer = n;
            n->out[i]->out_index = i;
        }
    }
    n->name = n_out && n->out[0] ? n->out[0]->name : "";
    for (int i = 0; i < n_in; i++)
        link_use(n, i, in[i]);
    link_node(g, n, before);
    return n;
}

void alt_graph_remove_node(struct alt_node *n)
{
    struct alt_graph *g = n->graph;
    for (int i = 0; i < n->n_in; i++)
        unlink_use(n, i);
    for (int i = 0; i < n->n_out; i++) {
        struct alt_gvalue *v = n->out[i];
        if (!v || v->producer != n)
            continue;
        assert(v->n_uses == 0 && v->n_outputs == 0);
        g->values[v->id] = NULL;
    }
    if (n->prev)
        n->prev->next = n->next;
    else
        g->first = n->next;
    if (n->next)
        n->next->prev = n->prev;
    else
        g->last = n->prev;
    g->n_nodes--;
}

static void replace_outputs(struct alt_graph *g, struct alt_gvalue *from, struct alt_gvalue *to)
{
    if (!from->n_outputs)
        return;
    /* Only a temp may take over the name of a graph output: inputs and constants keep their own. */
    if (to->kind == ALT_GV_TEMP && !to->n_outputs) {
        const char *name = from->name;
        from->name = to->name;
        to->name = name;
    }
    for (int i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == from)
            g->outputs[i] = to;
    to->n_outputs += from->n_outputs;
    from->n_outputs = 0;
}

void alt_gvalue_replace(struct alt_graph *g, struct alt_gvalue *from, struct alt_gvalue *to)
{
    assert(from != to);
    while (from->uses)
        alt_node_set_input(from->uses->node, from->uses->index, to);
    replace_outputs(g, from, to);
}

void alt_node_set_attrs(struct alt_node *n, const struct alt_attr *attr, int n_attr)
{
    n->attr = attr;
    n->n_attr = n_attr;
}

/* The attribute that holds subgraph `at`, and that subgraph. */
static const struct alt_attr *find_subgraph(const struct alt_node *n, int at, struct alt_graph **out)
{
    for (int i = 0; i < n->n_attr; i++) {
        if (!n->attr[i].graphs)
            continue;
        if (at < n->attr[i].count) {
            *out = n->attr[i].graphs[at];
            return &n->attr[i];
        }
        at -= (int)n->attr[i].count;
    }
    *out = NULL;
    return NULL;
}

struct alt_graph *alt_node_subgraph(const struct alt_node *n, int at)
{
    struct alt_graph *g;
    find_subgraph(n, at, &g);
    return g;
}

int alt_node_subgraph_find(const struct alt_node *n, const char *name)
{
    struct alt_graph *g;
    const struct alt_attr *attr;
    for (int at = 0; (attr = find_subgraph(n, at, &g)); at++)
        if (strcmp(attr->name, name) == 0)
            return at;
    return -1;
}

alt_status alt_node_blame(const struct alt_node *n, int at, alt_status status, struct alt_diag *diag)
{
    struct alt_graph *g;
    const struct alt_attr *attr = find_subgraph(n, at, &g);
    return alt_diag_add(diag, status, "in subgraph %s \"%s\" of node \"%s\" (%s)", attr->name, g->name, n->name,
                        alt_op_table[n->op].name);
}
