/* graph_verify.c: checks the invariants that graph.h states. A finding is a defect of a pass or of the reader, never of
 * the model, hence ALT_E_INTERNAL. Linear in nodes and uses. */
#include "runtime/error.h"
#include "runtime/graph.h"

static alt_status finding(struct alt_diag *diag, const struct alt_graph *g, const char *what, const char *name)
{
    return alt_diag_add(diag, ALT_E_INTERNAL, "graph \"%s\" is broken: %s: %s", g->name, what, name);
}

static bool owns(const struct alt_graph *g, const struct alt_gvalue *v)
{
    return v->id >= 0 && v->id < g->n_values && g->values[v->id] == v;
}

static alt_status verify_uses(const struct alt_graph *g, const struct alt_gvalue *v, struct alt_diag *diag)
{
    int n = 0;
    for (const struct alt_use *u = v->uses; u; u = u->next, n++) {
        if (u->index < 0 || u->index >= u->node->n_in || u->node->in[u->index] != v)
            return finding(diag, g, "a use names a node that does not read the value", v->name);
        if (n > v->n_uses)
            break;
    }
    return n == v->n_uses ? ALT_OK : finding(diag, g, "the use count is wrong", v->name);
}

/* Nodes are numbered in list order through `mark`; a value must come from an earlier node. */
static alt_status verify_node(const struct alt_graph *g, const struct alt_node *n, struct alt_diag *diag)
{
    if (n->graph != g || n->op < 0 || n->op >= ALT_OP_COUNT)
        return finding(diag, g, "a node of another graph or without operator", n->name);
    for (int i = 0; i < n->n_in; i++) {
        const struct alt_gvalue *v = n->in[i];
        if (!v)
            continue;
        if (!owns(g, v))
            return finding(diag, g, "an input is no value of the graph", n->name);
        if (v->producer && v->producer->mark >= n->mark)
            return finding(diag, g, "an input is defined after its reader", n->name);
    }
    for (int i = 0; i < n->n_out; i++) {
        const struct alt_gvalue *v = n->out[i];
        if (v && (!owns(g, v) || v->producer != n || v->out_index != i || v->kind != ALT_GV_TEMP))
            return finding(diag, g, "an output is not defined by its node", n->name);
    }
    return ALT_OK;
}

alt_status alt_graph_verify(const struct alt_graph *g, struct alt_diag *diag)
{
    int count = 0;
    for (struct alt_node *n = g->first; n; n = n->next) {
        if ((n->prev ? n->prev->next : g->first) != n || count > g->n_nodes)
            return finding(diag, g, "the node list is broken", n->name);
        n->mark = count++;
    }
    if (count != g->n_nodes)
        return finding(diag, g, "the node count is wrong", g->name);
    for (struct alt_node *n = g->first; n; n = n->next)
        ALT_CHECK(verify_node(g, n, diag));
    for (int i = 0; i < g->n_values; i++) {
        const struct alt_gvalue *v = g->values[i];
        if (!v)
            continue;
        if (v->id != i || (v->kind == ALT_GV_TEMP) != (v->producer != NULL))
            return finding(diag, g, "a value has no definition or two", v->name);
        if (v->kind == ALT_GV_CONST && !v->type.known)
            return finding(diag, g, "a constant without content", v->name);
        ALT_CHECK(verify_uses(g, v, diag));
    }
    for (int i = 0; i < g->n_outputs; i++)
        if (!g->outputs[i] || !owns(g, g->outputs[i]) || !g->outputs[i]->n_outputs)
            return finding(diag, g, "a graph output is not defined", g->name);
    return ALT_OK;
}
