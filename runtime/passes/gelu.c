/* gelu.c: recognises the Gaussian error linear unit that was written out.
 *
 *   x * (Erf(x / sqrt(2)) + 1) * 0.5   becomes   Gelu(x)
 *
 * with the three factors multiplied in any order, and Mul by 1/sqrt(2) as good as Div. What lies between is read by nobody
 * else. */
#include "runtime/pass.h"
#include "runtime/passes/match.h"

#include <math.h>

#define CLOSE 1e-6 /* relative; float32 constants are within 6e-8 */
enum { FACTORS = 3 };

/* The factors of a tree of two products; false when there are not three. */
static bool factors(const struct alt_node *mul, struct alt_gvalue **out)
{
    if (mul->op != ALT_OP_MUL || !mul->out[0])
        return false;
    for (int i = 0; i < 2; i++) {
        const struct alt_node *inner = alt_match_inner(mul->in[i], ALT_OP_MUL);
        if (!inner)
            continue;
        out[0] = inner->in[0];
        out[1] = inner->in[1];
        out[2] = mul->in[1 - i];
        return true;
    }
    return false;
}

/* The x of Erf(x / sqrt(2)) + 1; NULL when `v` is something else. */
static struct alt_gvalue *inside(const struct alt_gvalue *v)
{
    const struct alt_gvalue *one_less = alt_match_with_number(alt_match_inner(v, ALT_OP_ADD), 1.0, 0.0);
    const struct alt_node *erf = alt_match_inner(one_less, ALT_OP_ERF);
    const struct alt_node *div = erf ? alt_match_inner(erf->in[0], ALT_OP_DIV) : NULL;
    const struct alt_node *mul = erf ? alt_match_inner(erf->in[0], ALT_OP_MUL) : NULL;
    double by;

    if (mul)
        return alt_match_with_number(mul, sqrt(0.5), CLOSE);
    return div && alt_match_number(div->in[1], &by) && fabs(by - sqrt(2.0)) <= CLOSE * sqrt(2.0) ? div->in[0] : NULL;
}

/* The x of the pattern that ends in `mul`. */
static struct alt_gvalue *match(const struct alt_node *mul)
{
    struct alt_gvalue *f[FACTORS];
    double half;

    if (!factors(mul, f))
        return NULL;
    for (int i = 0; i < FACTORS; i++) {
        struct alt_gvalue *x = inside(f[i]), *a = f[(i + 1) % FACTORS], *b = f[(i + 2) % FACTORS];
        if (!x)
            continue;
        const bool first = a == x && alt_match_number(b, &half) && half == 0.5;
        const bool second = b == x && alt_match_number(a, &half) && half == 0.5;
        return (first || second) && alt_shape_equal(&x->type.shape, &mul->out[0]->type.shape) &&
                       (alt_dtype_class(x->type.dtype) & ALT_CLASS_FLOAT)
                   ? x
                   : NULL;
    }
    return NULL;
}

alt_status alt_pass_gelu(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    (void)diag;
    for (struct alt_node *n = g->first; n; n = n->next) {
        struct alt_gvalue *x = n->out[0] && (n->out[0]->n_uses || n->out[0]->n_outputs) ? match(n) : NULL;
        if (!x)
            continue;
        struct alt_node *gelu = alt_graph_add_node(g, n, ALT_OP_GELU, 20, 1, &x, 1, NULL);
        if (!gelu)
            return ALT_E_NOMEM;
        gelu->name = n->name;
        gelu->out[0]->type = n->out[0]->type;
        alt_gvalue_replace(g, n->out[0], gelu->out[0]);
        *changed = true;
    }
    return ALT_OK;
}
