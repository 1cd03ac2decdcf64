/* subgraph.c: types in and out of subgraphs.
 *
 * What a loop hands from iteration to iteration may change its shape, so the type of such a value is a fixed point: first the
 * body is typed with the shapes of the initial values; extents that come out otherwise become unknown, then ranks, and after
 * three rounds everything that still changes is unknown. Deep nesting multiplies the rounds, so inner loops deeper than
 * a few levels begin with the last one.
 */
#include "runtime/ops/subgraph.h"

#include <string.h>

enum { ROUNDS = 3, PATIENT_DEPTH = 4 };

const struct alt_type *alt_subgraph_in(const struct alt_infer *inf, int i)
{
    return i < inf->node->n_in_explicit ? inf->in[i] : NULL;
}

alt_status alt_subgraph_open(struct alt_infer *inf, const char *name, int n_in, int n_out, struct alt_graph **out)
{
    const int at = alt_node_subgraph_find(inf->node, name);
    if (at < 0)
        return alt_infer_fail(inf, ALT_E_MODEL, "the graph \"%s\" is missing", name);
    struct alt_graph *g = alt_node_subgraph(inf->node, at);
    if ((n_in >= 0 && g->n_inputs != n_in) || (n_out >= 0 && g->n_outputs != n_out))
        return alt_infer_fail(inf, ALT_E_MODEL,
                              "the graph \"%s\" has %d inputs and %d outputs; %d and %d are needed (-1: any "
                              "number)",
                              name, g->n_inputs, g->n_outputs, n_in, n_out);
    alt_node_bind_captures((struct alt_node *)(uintptr_t)inf->node); /* the subgraphs change, the node does not */
    *out = g;
    return ALT_OK;
}

alt_status alt_subgraph_infer(struct alt_infer *inf, struct alt_graph *g)
{
    const alt_status status = alt_graph_infer(g, inf->diag);
    if (status == ALT_OK || status == ALT_E_NOMEM)
        return status;
    int at = 0;
    while (alt_node_subgraph(inf->node, at) != g)
        at++;
    return alt_node_blame(inf->node, at, status, inf->diag);
}

bool alt_type_flag(const struct alt_type *t, bool *out)
{
    int64_t number;
    if (t->known && alt_tensor_count(t->known) == 1)
        *out = alt_tensor_int(t->known, 0) != 0;
    else if (t->content && t->content_count == 1 && alt_dim_number(t->content[0], &number))
        *out = number != 0;
    else
        return false;
    return true;
}

bool alt_type_unwraps(const struct alt_type *a, const struct alt_type *b)
{
    const struct alt_type *optional = a->kind == ALT_OPTIONAL ? a : b, *held = optional == a ? b : a;
    return optional->kind == ALT_OPTIONAL && held->kind == optional->element_kind && held->dtype == optional->dtype;
}

bool alt_type_meet(struct alt_dimtab *dims, struct alt_type *to, const struct alt_type *other)
{
    if (to->kind != other->kind || to->dtype != other->dtype ||
        (to->kind != ALT_TENSOR && to->element_kind != other->element_kind))
        return false;
    to->known = NULL;
    to->content = NULL;
    if (to->shape.rank != other->shape.rank)
        to->shape.rank = -1;
    for (int d = 0; d < to->shape.rank; d++)
        if (to->shape.dim[d] != other->shape.dim[d])
            to->shape.dim[d] = alt_dim_unknown(dims);
    return true;
}

static bool is_outside(const struct alt_infer *inf, alt_dim dim)
{
    for (int i = 0; i < inf->n_in; i++)
        for (int d = 0; inf->in[i] && d < inf->in[i]->shape.rank; d++)
            if (inf->in[i]->shape.dim[d] == dim)
                return true;
    return alt_dim_known(dim);
}

struct alt_type alt_type_outside(struct alt_infer *inf, const struct alt_type *inner)
{
    struct alt_type t = *inner;
    t.known = NULL;
    t.content = NULL;
    for (int d = 0; d < t.shape.rank; d++)
        if (!is_outside(inf, t.shape.dim[d]))
            t.shape.dim[d] = alt_dim_unknown(inf->dims);
    return t;
}

static bool same_shape(const struct alt_shape *a, const struct alt_shape *b)
{
    return a->rank < 0 || alt_shape_equal(a, b);
}

/* Loosens the type of one input of the body by what came out; *changed when it had to. `round` says how far. */
static alt_status loosen(struct alt_infer *inf, const struct alt_carried *c, int i, int round, bool *changed)
{
    struct alt_type *in = &c->body->inputs[c->in + i]->type;
    const struct alt_type *out = &c->body->outputs[c->out + i]->type;
    if (alt_type_unwraps(in, out)) /* the initial type alone counts for the body's input then */
        return ALT_OK;
    struct alt_type met = *in;
    if (!alt_type_meet(inf->dims, &met, out))
        return alt_infer_fail(inf, ALT_E_MODEL, "loop state %d begins as %s and is %s after an iteration", i,
                              alt_dtype_name(in->dtype), alt_dtype_name(out->dtype));
    if (in->kind != ALT_TENSOR || same_shape(&in->shape, &out->shape))
        return ALT_OK;
    *changed = true;
    if (round + 2 >= ROUNDS)
        met.shape.rank = -1;
    *in = met;
    return ALT_OK;
}

static void set_inputs(const struct alt_carried *c, bool patient)
{
    for (int i = 0; i < c->n; i++) {
        struct alt_type *t = &c->body->inputs[c->in + i]->type;
        *t = c->initial[i];
        t->known = NULL;
        t->content = NULL;
        if (!patient || t->kind != ALT_TENSOR)
            t->shape.rank = -1;
    }
}

static void set_outputs(struct alt_infer *inf, const struct alt_carried *c)
{
    for (int i = 0; i < c->n && i < inf->n_out; i++) {
        struct alt_type t = c->body->outputs[c->out + i]->type;
        (void)alt_type_meet(inf->dims, &t,
                            &c->body->inputs[c->in + i]->type); /* without an iteration it is the initial one */
        inf->out[i] = alt_type_outside(inf, &t);
    }
}

alt_status alt_subgraph_carry(struct alt_infer *inf, const struct alt_carried *c)
{
    bool changed = true;
    set_inputs(c, c->body->depth <= PATIENT_DEPTH);
    for (int round = 0; changed && round < ROUNDS; round++) {
        changed = false;
        ALT_CHECK(alt_subgraph_infer(inf, c->body));
        for (int i = 0; i < c->n; i++)
            ALT_CHECK(loosen(inf, c, i, round, &changed));
    }
    if (changed) { /* one hangs on another, and that on a third: nothing is known then */
        set_inputs(c, false);
        ALT_CHECK(alt_subgraph_infer(inf, c->body));
    }
    set_outputs(inf, c);
    return ALT_OK;
}
