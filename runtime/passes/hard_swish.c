/* hard_swish.c: recognises the hard swish that was written out.
 *
 *   x * HardSigmoid(x) with alpha = 1/6, beta = 1/2   becomes   HardSwish(x)
 *   x * Clip(x + 3, 0, 6) / 6                         becomes   HardSwish(x)
 *
 * with the factors in any order, and Mul by 1/6 as good as Div by 6. What lies between is read by nobody else. */
#include "runtime/pass.h"
#include "runtime/passes/match.h"

static bool is_hard_sigmoid(const struct alt_gvalue *v, const struct alt_gvalue *x)
{
    const struct alt_node *n = alt_match_inner(v, ALT_OP_HARD_SIGMOID);

    return n && n->in[0] == x && alt_match_close((double)alt_attr_float(n, "alpha", 0.2f), 1.0 / 6) &&
           alt_attr_float(n, "beta", 0.5f) == 0.5f;
}

/* A bound of Clip: an input since opset 11, an attribute before. */
static bool has_bound(const struct alt_node *clip, int input, const char *name, double wanted)
{
    double found;

    if (clip->opset < 11)
        return alt_attr_has(clip, name) && (double)alt_attr_float(clip, name, 0) == wanted;
    return clip->n_in > input && alt_match_number(clip->in[input], &found) && found == wanted;
}

/* v = Clip(x + 3, 0, 6) */
static bool is_ramp(const struct alt_gvalue *v, const struct alt_gvalue *x)
{
    const struct alt_node *clip = alt_match_inner(v, ALT_OP_CLIP);

    return clip && has_bound(clip, 1, "min", 0) && has_bound(clip, 2, "max", 6) &&
           alt_match_with_number(alt_match_inner(clip->in[0], ALT_OP_ADD), 3.0, 0.0) == x;
}

static bool matches(struct alt_node *top, const struct alt_gvalue *x)
{
    struct alt_match_product p;

    if (!x || !alt_match_like(x, top->out[0]) || !alt_match_factors(top->out[0], x, &p) || p.power != 1 || !p.other)
        return false;
    return (p.number == 1 && is_hard_sigmoid(p.other, x)) ||
           (alt_match_close(p.number, 1.0 / 6) && is_ramp(p.other, x));
}

/* The x of the pattern that ends in `top`: a factor of it or of the product below it. */
static struct alt_gvalue *match(struct alt_node *top)
{
    for (int i = 0; i < top->n_in; i++) {
        const struct alt_node *inner = alt_match_inner(top->in[i], ALT_OP_MUL);
        if (matches(top, top->in[i]))
            return top->in[i];
        for (int k = 0; inner && k < 2; k++)
            if (matches(top, inner->in[k]))
                return inner->in[k];
    }
    return NULL;
}

alt_status alt_pass_hard_swish(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    (void)diag;
    for (struct alt_node *n = g->first; n; n = n->next) {
        bool product = (n->op == ALT_OP_MUL || n->op == ALT_OP_DIV) && alt_match_read(n);
        struct alt_gvalue *x = product ? match(n) : NULL;
        if (!x)
            continue;
        ALT_CHECK(alt_match_replace(n, ALT_OP_HARD_SWISH, 14, x, NULL));
        *changed = true;
    }
    return ALT_OK;
}
