/* assign.c: default layouts by rule. Walks the nodes in order: a node that leads (convolution) has its operands in the
 * blocked layouts of its kernel whatever its input has; one that follows (pooling) only when its first input is blocked; a
 * pointwise node keeps a blocked layout that all its operands of full size share (scalars and other one-element operands
 * fit any). Everything else reads and writes plain. The program builder puts a conversion wherever a reader needs another
 * layout than the value has, once for all readers that need the same. */
#include "runtime/assign.h"

#include "runtime/choice.h"
#include "runtime/error.h"
#include "runtime/layout.h"

#include <string.h>

static bool one_element(const struct alt_gvalue *v)
{
    const struct alt_shape *s = &v->type.shape;
    for (int d = 0; d < s->rank; d++)
        if (s->dim[d] != 1)
            return false;
    return s->rank >= 0 && v->kind == ALT_GV_CONST;
}

/* The layout that a pointwise node may keep; NULL: plain. */
static const struct alt_layout *shared_layout(const struct alt_node *n, const struct alt_assignment *a)
{
    const struct alt_layout *found = NULL;
    for (int i = 0; i < n->n_in; i++) {
        const struct alt_gvalue *v = n->in[i];
        if (!v || one_element(v))
            continue;
        const struct alt_layout *l = a->value[v->id];
        if (!l || (found && !alt_layout_equal(found, l)))
            return NULL;
        if (!alt_shape_equal(&v->type.shape, &n->out[0]->type.shape) || v->type.shape.rank < 1)
            return NULL;
        found = l;
    }
    return found;
}

/* An integer division reports a zero divisor, and a position without an element may hold one. */
bool alt_assign_any_layout(const struct alt_node *n)
{
    bool divides = n->op == ALT_OP_DIV || n->op == ALT_OP_MOD;
    return (alt_op_table[n->op].flags & ALT_OP_POINTWISE) &&
           !(divides && n->in[0] && alt_dtype_class(n->in[0]->type.dtype) & ALT_CLASS_INT);
}

static void assign_pointwise(const struct alt_node *n, struct alt_assignment *a, const struct alt_layout **need)
{
    const struct alt_layout *l = n->n_out == 1 && n->out[0] ? shared_layout(n, a) : NULL;
    if (!l)
        return;
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i] && !one_element(n->in[i]))
            need[i] = l;
    a->value[n->out[0]->id] = l;
}

static void assign_anchor(const struct alt_node *n, enum alt_blocking blocking, struct alt_assignment *a,
                          const struct alt_layout **in, const struct alt_layout *const *out)
{
    bool fed = n->n_in && n->in[0] && a->value[n->in[0]->id] && in[0] && alt_layout_equal(a->value[n->in[0]->id], in[0]);
    if (blocking == ALT_BLOCKING_NONE || (blocking == ALT_BLOCKING_FOLLOW && !fed)) {
        for (int i = 0; i < n->n_in; i++)
            in[i] = NULL;
        return;
    }
    for (int i = 0; i < n->n_out; i++)
        if (n->out[i])
            a->value[n->out[i]->id] = out[i];
}

static alt_status allocate(const struct alt_graph *g, struct alt_arena *arena, struct alt_assignment *a, int *max_out)
{
    int k = 0;
    a->value = alt_arena_array(arena, (size_t)g->n_values + 1, sizeof *a->value);
    a->need = alt_arena_array(arena, (size_t)g->n_nodes + 1, sizeof *a->need);
    a->choice = alt_arena_array(arena, (size_t)g->n_nodes + 1, sizeof *a->choice);
    if (!a->value || !a->need || !a->choice)
        return ALT_E_NOMEM;
    *max_out = 0;
    for (const struct alt_node *n = g->first; n; n = n->next, k++) {
        a->need[k] = alt_arena_array(arena, (size_t)n->n_in + 1, sizeof **a->need);
        if (!a->need[k])
            return ALT_E_NOMEM;
        if (n->n_out > *max_out)
            *max_out = n->n_out;
    }
    return ALT_OK;
}

static const struct alt_choice *find_choice(const struct alt_choices *choices, const struct alt_node *n)
{
    for (int c = 0; choices && c < choices->count; c++)
        for (int i = 0; i < choices->item[c].n_nodes; i++)
            if (choices->item[c].node[i] == n)
                return &choices->item[c];
    return NULL;
}

static void assign_choice(const struct alt_choice *c, struct alt_assignment *a)
{
    for (int i = 0; i < c->n_out; i++)
        a->value[c->out[i]->id] = c->out_layout[i];
}

alt_status alt_assign_layouts(const struct alt_graph *g, enum alt_layout_policy policy, int block,
                              const struct alt_choices *choices, struct alt_arena *arena, struct alt_assignment *out)
{
    int max_out;
    ALT_CHECK(allocate(g, arena, out, &max_out));
    const struct alt_layout **produced = alt_arena_array(arena, (size_t)max_out + 1, sizeof *produced);
    if (!produced)
        return ALT_E_NOMEM;
    int k = 0;
    for (const struct alt_node *n = g->first; n; n = n->next, k++) {
        const struct alt_op_info *info = &alt_op_table[n->op];
        const struct alt_layout **need = out->need[k];
        memset(produced, 0, (size_t)(max_out + 1) * sizeof *produced);
        out->choice[k] = find_choice(choices, n);
        if (out->choice[k])
            assign_choice(out->choice[k], out);
        else if (info->impl->layouts && policy == ALT_LAYOUT_BLOCKED)
            assign_anchor(n, info->impl->layouts(n, block, arena, need, produced), out, need, produced);
        else if (alt_assign_any_layout(n))
            assign_pointwise(n, out, need);
    }
    return ALT_OK;
}
