/* captures.c: what a subgraph reads from outside becomes its own where it is a constant, so that it folds and is laid out there;
 * what it does not read any more is no longer an input of the node, so that what computed it may go.
 *
 *   c = const; y = If(p; c) then={capture c; t = Exp(c)}   becomes   y = If(p; _) then={const c; t = Exp(c)}
 *
 * A capture that goes keeps its place in the list (graph.h): nobody reads it, and the node's input is omitted. */
#include "runtime/pass.h"

static alt_status settle(struct alt_graph *g, struct alt_node *n, struct alt_gvalue *capture, int in, bool *changed)
{
    const struct alt_tensor *known = n->in[in]->type.known;
    if (known && n->in[in]->kind == ALT_GV_CONST && (capture->n_uses || capture->n_outputs)) {
        struct alt_gvalue *c = alt_graph_add_const(g, NULL, known);
        if (!c)
            return ALT_E_NOMEM;
        alt_gvalue_replace(g, capture, c);
    }
    if (capture->n_uses || capture->n_outputs)
        return ALT_OK;
    alt_node_set_input(n, in, NULL);
    *changed = true;
    return ALT_OK;
}

alt_status alt_pass_captures(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    (void)diag;
    for (struct alt_node *n = g->first; n; n = n->next) {
        struct alt_graph *sub;
        int in = n->n_in_explicit;
        for (int at = 0; (sub = alt_node_subgraph(n, at)); at++)
            for (int i = 0; i < sub->n_captures; i++, in++)
                if (n->in[in])
                    ALT_CHECK(settle(sub, n, sub->captures[i], in, changed));
    }
    return ALT_OK;
}
