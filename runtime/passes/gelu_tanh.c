/* gelu_tanh.c: recognises the Gaussian error linear unit's approximation by tanh that was written out.
 *
 *   x * (Tanh(sqrt(2/pi) * (x + 0.044715 * x^3)) + 1) * 0.5   becomes   Gelu(x) with approximate = "tanh"
 *
 * with factors in any order, numbers multiplied or divided by, x^3 as Pow or as products, and x * (1 + 0.044715 * x^2) as good.
 * What lies between is read by nobody else. */
#include "runtime/pass.h"
#include "runtime/passes/match.h"

#define ROOT 0.79788456080286535588 /* sqrt(2/pi) */
#define CUBIC 0.044715

/* v = x + 0.044715 * x^3 */
static bool is_cubic(const struct alt_gvalue *v, const struct alt_gvalue *x)
{
    const struct alt_node *add = alt_match_inner(v, ALT_OP_ADD);
    struct alt_match_product p;

    for (int i = 0; add && i < 2; i++)
        if (add->in[i] == x && alt_match_factors(add->in[1 - i], x, &p) && !p.other && p.power == 3 &&
            add->in[1 - i]->n_uses == 1 && !add->in[1 - i]->n_outputs && alt_match_close(p.number, CUBIC))
            return true;
    return false;
}

/* v = 1 + 0.044715 * x^2 */
static bool is_square(const struct alt_gvalue *v, const struct alt_gvalue *x)
{
    struct alt_gvalue *rest = alt_match_with_number(alt_match_inner(v, ALT_OP_ADD), 1.0, 0.0);
    struct alt_match_product p;

    return rest && rest->n_uses == 1 && !rest->n_outputs && alt_match_factors(rest, x, &p) && !p.other &&
           p.power == 2 && alt_match_close(p.number, CUBIC);
}

/* The value v = Tanh(sqrt(2/pi) * (x + ..)) + 1 for this x. */
static bool is_gate(const struct alt_gvalue *v, const struct alt_gvalue *x)
{
    const struct alt_node *tanh =
        alt_match_inner(alt_match_with_number(alt_match_inner(v, ALT_OP_ADD), 1.0, 0.0), ALT_OP_TANH);
    struct alt_match_product p;

    if (!tanh || tanh->in[0]->n_uses != 1 || tanh->in[0]->n_outputs || !alt_match_factors(tanh->in[0], x, &p) ||
        !p.other || !alt_match_close(p.number, ROOT))
        return false;
    return p.power == 0 ? is_cubic(p.other, x) : p.power == 1 && is_square(p.other, x);
}

/* The x of the pattern that ends in `top`, looked for among the factors of `mul`, which is `top` or the product below it. */
static struct alt_gvalue *match_mul(const struct alt_node *mul, int depth, const struct alt_node *top)
{
    struct alt_match_product p;

    for (int i = 0; i < 2; i++) {
        struct alt_gvalue *x = mul->in[i];
        const struct alt_node *inner = alt_match_inner(x, ALT_OP_MUL);
        if (x && x->n_uses > 1 && alt_match_like(x, top->out[0]) && alt_match_factors(top->out[0], x, &p) &&
            p.power == 1 && p.other && p.number == 0.5 && is_gate(p.other, x))
            return x;
        if (inner && depth == 0) {
            x = match_mul(inner, 1, top);
            if (x)
                return x;
        }
    }
    return NULL;
}

static const struct alt_attr *make_attr(struct alt_graph *g)
{
    static const alt_string tanh = {"tanh", 4};
    struct alt_attr *attr = alt_arena_alloc(g->arena, sizeof *attr);

    if (attr)
        *attr = (struct alt_attr){.name = "approximate", .type = ALT_ATTR_STRING, .count = 1, .strings = &tanh};
    return attr;
}

alt_status alt_pass_gelu_tanh(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    (void)diag;
    for (struct alt_node *n = g->first; n; n = n->next) {
        struct alt_gvalue *x = n->op == ALT_OP_MUL && alt_match_read(n) ? match_mul(n, 0, n) : NULL;
        if (!x)
            continue;
        const struct alt_attr *attr = make_attr(g);
        if (!attr)
            return ALT_E_NOMEM;
        ALT_CHECK(alt_match_replace(n, ALT_OP_GELU, 20, x, attr));
        *changed = true;
    }
    return ALT_OK;
}
