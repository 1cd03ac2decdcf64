/* attention.c: recognises scaled dot-product attention that was written out.
 *
 *   MatMul(Softmax(Add(number * MatMul(q, Transpose(k)), mask)), v)   becomes   Attention(q, k, v, mask)
 *
 * The number is made by Mul and Div, of the scores, of q, of k, or of several; number and mask may be missing. Three axes are one
 * head a batch, four are batch and heads; q, k and v agree in them, and the mask reaches over all keys. Scores and weights are
 * read by nobody else. A row whose keys are all masked by minus infinity gives zeros, as the operator has it, where Softmax alone
 * gives NaN. */
#include "runtime/pass.h"
#include "runtime/passes/match.h"

enum { Q, K, V, MASK, INPUTS };

struct attention {
    struct alt_gvalue *in[INPUTS]; /* K: as the product takes it, its last two axes exchanged; MASK may be NULL */
    double scale;
};

/* `v` without the numbers that multiply it, which go into *scale; `v` itself when that would change its shape. */
static struct alt_gvalue *strip(struct alt_gvalue *v, double *scale)
{
    struct alt_match_product p;
    if (!alt_match_factors(v, NULL, &p) || !p.other || !alt_match_like(p.other, v))
        return v;
    *scale *= p.number;
    return p.other;
}

/* The product of q and k behind the scores, its operands without their numbers. */
static bool match_scores(struct alt_gvalue *scores, struct attention *a)
{
    struct alt_gvalue *product = strip(scores, &a->scale);
    const struct alt_node *mul = alt_match_inner(product, ALT_OP_MATMUL);
    if (!mul || scores->n_uses != 1 || scores->n_outputs)
        return false;
    a->in[Q] = strip(mul->in[0], &a->scale);
    a->in[K] = strip(mul->in[1], &a->scale);
    return true;
}

/* The last axis of all; before opset 13 everything from `axis` on is one line, which is the same there. */
static bool over_last_axis(const struct alt_node *softmax)
{
    const int rank = softmax->in[0]->type.shape.rank;
    const int64_t axis = alt_attr_int(softmax, "axis", softmax->opset < 13 ? 1 : -1);
    return rank > 0 && (axis == -1 || axis == rank - 1);
}

/* The mask is added without making the scores any larger, and covers every key: a shorter one would hide the rest. */
static bool mask_fits(const struct attention *a, const struct alt_gvalue *scores, const struct alt_gvalue *sum)
{
    const struct alt_shape *m = &a->in[MASK]->type.shape, *s = &scores->type.shape;
    return m->rank > 0 && m->rank <= s->rank && (s->rank == 4 || m->rank <= 2) && m->dim[m->rank - 1] == s->dim[s->rank - 1] &&
           alt_match_like(scores, sum);
}

/* Axes in front of the matrices are the same, and so are keys and sizes: nothing is broadcast. */
static bool heads_fit(const struct attention *a)
{
    const struct alt_shape *q = &a->in[Q]->type.shape, *k = &a->in[K]->type.shape, *v = &a->in[V]->type.shape;
    const int n = q->rank;
    if ((n != 3 && n != 4) || k->rank != n || v->rank != n || !(alt_dtype_class(a->in[Q]->type.dtype) & ALT_CLASS_FLOAT))
        return false;
    for (int d = 0; d < n - 2; d++)
        if (q->dim[d] != k->dim[d] || q->dim[d] != v->dim[d])
            return false;
    return q->dim[n - 1] == k->dim[n - 2] && k->dim[n - 1] == v->dim[n - 2];
}

static bool match(const struct alt_node *last, struct attention *a)
{
    const struct alt_node *softmax = last->op == ALT_OP_MATMUL ? alt_match_inner(last->in[0], ALT_OP_SOFTMAX) : NULL;
    if (!softmax || !alt_match_read(last) || !over_last_axis(softmax))
        return false;
    const struct alt_node *add = alt_match_inner(softmax->in[0], ALT_OP_ADD);
    for (int i = 0; i < (add ? 2 : 1); i++) {
        struct alt_gvalue *scores = add ? add->in[i] : softmax->in[0];
        *a = (struct attention){.in = {[V] = last->in[1], [MASK] = add ? add->in[1 - i] : NULL}, .scale = 1};
        if (match_scores(scores, a) && heads_fit(a) && (!add || mask_fits(a, scores, add->out[0])))
            return true;
    }
    return false;
}

static const struct alt_attr *int_attr(struct alt_graph *g, struct alt_attr *attr, const char *name, int count, const int64_t *list)
{
    int64_t *ints = alt_arena_array(g->arena, (size_t)count, sizeof *ints);
    if (!ints)
        return NULL;
    for (int i = 0; i < count; i++)
        ints[i] = list[i];
    *attr = (struct alt_attr){.name = name, .type = count > 1 ? ALT_ATTR_INTS : ALT_ATTR_INT, .count = count, .ints = ints};
    return attr;
}

/* k with its last two axes exchanged, before `at`: what it was, if a Transpose did no more than that; else one Transpose of what it
 * came from. NULL: no memory. */
static struct alt_gvalue *turn(struct alt_graph *g, struct alt_node *at, struct alt_gvalue *k)
{
    const struct alt_node *turned = alt_match(k, ALT_OP_TRANSPOSE);
    const int rank = k->type.shape.rank;
    struct alt_gvalue *from = turned ? turned->in[0] : k;
    const int64_t *given = NULL;
    int64_t perm[ALT_MAX_RANK];
    bool same = true;
    const int64_t count = turned ? alt_attr_ints(turned, "perm", &given) : 0;
    for (int i = 0; i < rank; i++) {
        const int axis = i < rank - 2 ? i : 2 * rank - 3 - i;
        perm[i] = !turned ? axis : count == rank ? given[axis] : rank - 1 - axis;
        same &= perm[i] == i;
    }
    if (same)
        return from;
    struct alt_attr *attr = alt_arena_alloc(g->arena, sizeof *attr);
    struct alt_node *n = attr && int_attr(g, attr, "perm", rank, perm)
                             ? alt_graph_add_node(g, at, ALT_OP_TRANSPOSE, 13, 1, &from, 1, NULL)
                             : NULL;
    if (!n)
        return NULL;
    alt_node_set_attrs(n, attr, 1);
    n->name = at->name;
    n->out[0]->type.dtype = k->type.dtype;
    n->out[0]->type.shape = k->type.shape;
    n->out[0]->type.shape.dim[rank - 2] = k->type.shape.dim[rank - 1];
    n->out[0]->type.shape.dim[rank - 1] = k->type.shape.dim[rank - 2];
    return n->out[0];
}

static alt_status replace(struct alt_graph *g, struct alt_node *last, struct attention *a)
{
    static const int64_t one = 1;
    const bool flat = a->in[Q]->type.shape.rank == 3;
    const struct alt_attr *scale = alt_match_float_attr(g, "scale", (float)a->scale);
    struct alt_attr *attr = alt_arena_array(g->arena, 3, sizeof *attr);
    if (!attr || !scale || !(a->in[K] = turn(g, last, a->in[K])))
        return ALT_E_NOMEM;
    if (flat && (!int_attr(g, &attr[0], "kv_num_heads", 1, &one) || !int_attr(g, &attr[1], "q_num_heads", 1, &one)))
        return ALT_E_NOMEM;
    attr[flat ? 2 : 0] = *scale;
    struct alt_node *n = alt_graph_add_node(g, last, ALT_OP_ATTENTION, 23, a->in[MASK] ? INPUTS : MASK, a->in, 1, NULL);
    if (!n)
        return ALT_E_NOMEM;
    alt_node_set_attrs(n, attr, flat ? 3 : 1);
    n->name = last->name;
    n->out[0]->type = last->out[0]->type;
    alt_gvalue_replace(g, last->out[0], n->out[0]);
    return ALT_OK;
}

alt_status alt_pass_attention(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    struct attention a;

    (void)diag;
    for (struct alt_node *n = g->first; n; n = n->next) {
        if (!match(n, &a))
            continue;
        ALT_CHECK(replace(g, n, &a));
        *changed = true;
    }
    return ALT_OK;
}
