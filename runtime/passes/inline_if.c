/* inline_if.c: an If whose condition is known gives way to the branch that it takes.
 *
 *   y = If(true; a) then={capture a; t = Exp(a); output t} else={..}   becomes   y = Exp(a)
 *
 * The branch's nodes move before the If, its captures become what they stand for, its constants constants of the graph over the
 * same bytes. Nodes within the branch that hold subgraphs keep them: those know the outside by the node's inputs alone. */
#include "runtime/ops/subgraph.h"
#include "runtime/pass.h"

/* A branch on its way into the graph around it. */
struct moving {
    struct alt_graph *to;
    struct alt_node *before; /* the If */
    const struct alt_graph *from;
    struct alt_gvalue **value; /* what stands for each value of `from`, by id */
    struct alt_arena scratch;
};

static struct alt_gvalue *moved(const struct moving *m, const struct alt_gvalue *v)
{
    return v ? m->value[v->id] : NULL;
}

static const char *fresh_name(struct alt_graph *g, const char *name)
{
    return alt_arena_printf(g->arena, "%s#%d", name, g->next_name++);
}

static void move_captures(struct moving *m, int first)
{
    for (int i = 0; i < m->from->n_captures; i++)
        m->value[m->from->captures[i]->id] = m->before->in[first + i];
}

static alt_status move_constants(struct moving *m)
{
    for (int i = 0; i < m->from->n_values; i++) {
        const struct alt_gvalue *v = m->from->values[i];
        if (!v || v->kind != ALT_GV_CONST)
            continue;
        const char *name = fresh_name(m->to, v->name);
        m->value[i] = name ? alt_graph_add_const(m->to, name, v->type.known) : NULL;
        if (!m->value[i])
            return ALT_E_NOMEM;
    }
    return ALT_OK;
}

static alt_status move_node(struct moving *m, const struct alt_node *n)
{
    struct alt_gvalue **in = alt_arena_array(&m->scratch, (size_t)n->n_in + 1, sizeof *in);
    struct alt_gvalue **out = alt_arena_array(&m->scratch, (size_t)n->n_out + 1, sizeof *out);
    if (!in || !out)
        return ALT_E_NOMEM;
    for (int i = 0; i < n->n_in; i++)
        in[i] = moved(m, n->in[i]);
    for (int i = 0; i < n->n_out; i++) {
        if (!n->out[i])
            continue;
        const char *name = fresh_name(m->to, n->out[i]->name);
        out[i] = name ? alt_graph_add_value(m->to, ALT_GV_TEMP, name) : NULL;
        if (!out[i])
            return ALT_E_NOMEM;
        out[i]->type = n->out[i]->type;
        m->value[n->out[i]->id] = out[i];
    }
    struct alt_node *copy = alt_graph_add_node(m->to, m->before, n->op, n->opset, n->n_in, in, n->n_out, out);
    if (!copy)
        return ALT_E_NOMEM;
    copy->n_in_explicit = n->n_in_explicit;
    copy->name = n->name;
    alt_node_set_attrs(copy, n->attr, n->n_attr);
    return ALT_OK;
}

static alt_status move_branch(struct moving *m, int first_capture)
{
    m->value = alt_arena_array(&m->scratch, (size_t)m->from->n_values + 1, sizeof *m->value);
    if (!m->value)
        return ALT_E_NOMEM;
    move_captures(m, first_capture);
    ALT_CHECK(move_constants(m));
    for (const struct alt_node *n = m->from->first; n; n = n->next)
        ALT_CHECK(move_node(m, n));
    for (int i = 0; i < m->before->n_out; i++)
        if (m->before->out[i])
            alt_gvalue_replace(m->to, m->before->out[i], moved(m, m->from->outputs[i]));
    alt_graph_remove_node(m->before);
    return ALT_OK;
}

/* The branch that the node takes, and the input of the node that its first capture is; NULL when that is not known. */
static const struct alt_graph *taken(const struct alt_node *n, int *first_capture)
{
    bool condition;
    if (n->op != ALT_OP_IF || !n->in[0] || !alt_type_flag(&n->in[0]->type, &condition))
        return NULL;
    const int at = alt_node_subgraph_find(n, condition ? "then_branch" : "else_branch");
    *first_capture = n->n_in_explicit;
    for (int i = 0; i < at; i++)
        *first_capture += alt_node_subgraph(n, i)->n_captures;
    return alt_node_subgraph(n, at);
}

alt_status alt_pass_inline_if(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    (void)diag;
    for (struct alt_node *n = g->first, *next; n; n = next) {
        int first_capture;
        next = n->next;
        struct moving m = {.to = g, .before = n, .from = taken(n, &first_capture)};
        if (!m.from)
            continue;
        alt_arena_init(&m.scratch, g->arena->mem);
        const alt_status status = move_branch(&m, first_capture);
        alt_arena_free(&m.scratch);
        ALT_CHECK(status);
        *changed = true;
    }
    return ALT_OK;
}
