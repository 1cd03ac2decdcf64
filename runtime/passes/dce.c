/* dce.c: removes nodes none of whose outputs is read, and constants that nobody reads. Operators have no other effect, so a
 * random one may go too. Backwards, so that a chain goes in one walk. */
#include "runtime/pass.h"

static bool is_used(const struct alt_gvalue *v)
{
    return v && (v->n_uses > 0 || v->n_outputs > 0);
}

static bool is_dead(const struct alt_node *n)
{
    for (int i = 0; i < n->n_out; i++)
        if (is_used(n->out[i]))
            return false;
    return true;
}

alt_status alt_pass_dce(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    (void)diag;
    for (struct alt_node *n = g->last, *before; n; n = before) {
        before = n->prev;
        if (!is_dead(n))
            continue;
        alt_graph_remove_node(n);
        *changed = true;
    }
    for (int i = 0; i < g->n_values; i++) {
        if (!g->values[i] || g->values[i]->kind != ALT_GV_CONST || is_used(g->values[i]))
            continue;
        g->values[i] = NULL;
        *changed = true;
    }
    return ALT_OK;
}
