/* swish.c: recognises the sigmoid linear unit that was written out.
 *
 *   x * Sigmoid(x)           becomes   Swish(x)
 *   x * Sigmoid(alpha * x)   becomes   Swish(x) with that alpha, a constant
 *
 * What lies between is read by nobody else. */
#include "runtime/pass.h"
#include "runtime/passes/match.h"

/* The x of the pattern that ends in `mul`, and its alpha. */
static struct alt_gvalue *match(const struct alt_node *mul, double *alpha)
{
    for (int i = 0; i < 2; i++) {
        struct alt_gvalue *x = mul->in[i];
        const struct alt_node *sigmoid = alt_match_inner(mul->in[1 - i], ALT_OP_SIGMOID);
        const struct alt_node *scaled = sigmoid ? alt_match_inner(sigmoid->in[0], ALT_OP_MUL) : NULL;
        if (!sigmoid || !alt_match_like(x, mul->out[0]))
            continue;
        *alpha = 1;
        if (sigmoid->in[0] == x)
            return x;
        for (int k = 0; scaled && k < 2; k++)
            if (scaled->in[k] == x && alt_match_number(scaled->in[1 - k], alpha))
                return x;
    }
    return NULL;
}

alt_status alt_pass_swish(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    double alpha;

    (void)diag;
    for (struct alt_node *n = g->first; n; n = n->next) {
        struct alt_gvalue *x = n->op == ALT_OP_MUL && alt_match_read(n) ? match(n, &alpha) : NULL;
        if (!x)
            continue;
        const struct alt_attr *attr = alpha != 1 ? alt_match_float_attr(g, "alpha", (float)alpha) : NULL;
        if (alpha != 1 && !attr)
            return ALT_E_NOMEM;
        ALT_CHECK(alt_match_replace(n, ALT_OP_SWISH, 24, x, attr));
        *changed = true;
    }
    return ALT_OK;
}
