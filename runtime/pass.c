/* pass.c: the runner of the passes. */
#include "runtime/pass.h"

#include "runtime/infer.h"

#include <string.h>

enum { ROUNDS = 6 }; /* two or three are usual; a bound keeps a pair of quarrelling passes from running for ever */

const struct alt_pass_info alt_pass_table[ALT_PASS_COUNT] = {
#define ALT_PASS(name) {#name, alt_pass_##name},
#include "runtime/pass.def"
#undef ALT_PASS
};

alt_status alt_graph_infer(struct alt_graph *g, struct alt_diag *diag)
{
    for (struct alt_node *n = g->first; n; n = n->next)
        ALT_CHECK(alt_infer_node(n, diag));
    return ALT_OK;
}

void alt_node_bind_captures(struct alt_node *n)
{
    int in = n->n_in_explicit;
    struct alt_graph *g;

    for (int at = 0; (g = alt_node_subgraph(n, at)); at++)
        for (int i = 0; i < g->n_captures; i++, in++)
            if (in < n->n_in && n->in[in])
                g->captures[i]->type = n->in[in]->type;
}

/* The place of the named pass; -1 is before all, ALT_PASS_COUNT no such pass. */
static int find_pass(const char *name)
{
    int i = 0;

    if (strcmp(name, "infer") == 0)
        return -1;
    while (i < ALT_PASS_COUNT && strcmp(alt_pass_table[i].name, name) != 0)
        i++;
    return i;
}

/* One round; the types are right before and after. */
static alt_status run_round(struct alt_graph *g, int last, struct alt_diag *diag, bool *changed)
{
    for (int i = 0; i <= last; i++) {
        bool here = false;
        ALT_CHECK(alt_pass_table[i].fn(g, diag, &here));
        if (!here)
            continue;
        ALT_CHECK(alt_graph_verify(g, diag));
        *changed = true;
    }
    return *changed ? alt_graph_infer(g, diag) : ALT_OK;
}

static alt_status run_on(struct alt_graph *g, int stop, struct alt_diag *diag)
{
    const bool all = stop == ALT_PASS_COUNT;
    bool changed = true, nested = false;
    struct alt_graph *sub;

    ALT_CHECK(alt_graph_verify(g, diag));
    for (int round = 0; changed && round < (all ? ROUNDS : 1); round++) {
        changed = false;
        ALT_CHECK(run_round(g, all ? ALT_PASS_COUNT - 1 : stop, diag, &changed));
    }
    for (struct alt_node *n = g->first; n; n = n->next)
        for (int at = 0; (sub = alt_node_subgraph(n, at)); at++) {
            const alt_status status = sub->fault ? ALT_OK : run_on(sub, stop, diag);
            if (status != ALT_OK)
                return status == ALT_E_NOMEM ? status : alt_node_blame(n, at, status, diag);
            nested = true;
        }
    return nested ? alt_graph_infer(g, diag) : ALT_OK; /* outputs of subgraphs may be known better now */
}

alt_status alt_passes_run(struct alt_graph *g, const char *stop_after, struct alt_diag *diag)
{
    const int stop = stop_after ? find_pass(stop_after) : ALT_PASS_COUNT;

    if (stop_after && stop == ALT_PASS_COUNT)
        return alt_diag_add(diag, ALT_E_ARGUMENT, "there is no pass \"%.100s\"", stop_after);
    ALT_CHECK(alt_graph_infer(g, diag));
    return run_on(g, stop, diag);
}
