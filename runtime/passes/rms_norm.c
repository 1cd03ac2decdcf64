/* rms_norm.c: recognises a normalisation by the root of the mean square that was written out.
 *
 *   r = Sqrt(Add(ReduceMean(Pow(x, 2)), epsilon)); Mul(Div(x, r), scale)   becomes   RMSNormalization(x, scale)
 *
 * over trailing axes; Mul(x, x) counts as the square, and Mul(x, Reciprocal(r)), Mul(x, Div(1, r)) or Mul(x, Pow(.., -1/2)) as
 * the quotient. What lies between is read by nobody else. The scale has no more axes than are normalised, as ONNX wants it. */
#include "runtime/pass.h"
#include "runtime/passes/match.h"

struct rms_norm {
    struct alt_gvalue *x, *scale;
    int axes; /* how many, from the end */
    double epsilon;
};

/* v = ReduceMean(x^2) + epsilon */
static bool is_mean_square(const struct alt_gvalue *v, struct rms_norm *rn)
{
    const struct alt_node *add = alt_match_inner(v, ALT_OP_ADD);
    const int at = add && alt_match_number(add->in[1], &rn->epsilon) ? 0 : 1;
    const struct alt_node *mean = add ? alt_match_inner(add->in[at], ALT_OP_REDUCE_MEAN) : NULL;
    struct alt_match_product p;

    if (!mean || !alt_match_number(add->in[1 - at], &rn->epsilon) || rn->epsilon < 0)
        return false;
    struct alt_gvalue *square = mean->in[0];
    if (square->n_uses != 1 || square->n_outputs || !alt_match_factors(square, rn->x, &p) || p.other || p.power != 2 ||
        p.number != 1)
        return false;
    rn->axes = alt_match_trailing_axes(mean);
    return rn->axes > 0;
}

/* v = the root of that. */
static bool is_root(const struct alt_gvalue *v, struct rms_norm *rn)
{
    const struct alt_node *root = alt_match_inner(v, ALT_OP_SQRT);

    return root && is_mean_square(root->in[0], rn);
}

/* v = 1 / the root. */
static bool is_inverse_root(const struct alt_gvalue *v, struct rms_norm *rn)
{
    const struct alt_node *reciprocal = alt_match_inner(v, ALT_OP_RECIPROCAL), *div = alt_match_inner(v, ALT_OP_DIV);
    const struct alt_node *pow = alt_match_inner(v, ALT_OP_POW);
    double number;

    if (reciprocal)
        return is_root(reciprocal->in[0], rn);
    if (div)
        return alt_match_number(div->in[0], &number) && number == 1 && is_root(div->in[1], rn);
    return pow && alt_match_number(pow->in[1], &number) && number == -0.5 && is_mean_square(pow->in[0], rn);
}

/* v = x divided by the root. */
static bool is_normal(const struct alt_gvalue *v, struct rms_norm *rn)
{
    const struct alt_node *div = alt_match_inner(v, ALT_OP_DIV), *mul = alt_match_inner(v, ALT_OP_MUL);

    if (div) {
        rn->x = div->in[0];
        return is_root(div->in[1], rn);
    }
    for (int i = 0; mul && i < 2; i++) {
        rn->x = mul->in[i];
        if (is_inverse_root(mul->in[1 - i], rn))
            return true;
    }
    return false;
}

static bool match(const struct alt_node *mul, struct rms_norm *rn)
{
    for (int i = 0; i < 2; i++) {
        *rn = (struct rms_norm){.scale = mul->in[1 - i]};
        if (is_normal(mul->in[i], rn) && alt_match_like(rn->x, mul->out[0]) && rn->scale->type.shape.rank >= 0 &&
            rn->scale->type.shape.rank <= rn->axes && rn->scale->type.dtype == rn->x->type.dtype)
            return true;
    }
    return false;
}

static alt_status replace(struct alt_graph *g, struct alt_node *mul, const struct rms_norm *rn)
{
    struct alt_gvalue *in[2] = {rn->x, rn->scale}, *old = mul->out[0];
    struct alt_attr *attr = alt_arena_array(g->arena, 2, sizeof *attr);
    int64_t *axis = alt_arena_alloc(g->arena, sizeof *axis);
    const struct alt_attr *epsilon = alt_match_float_attr(g, "epsilon", (float)rn->epsilon);
    struct alt_node *n =
        attr && axis && epsilon ? alt_graph_add_node(g, mul, ALT_OP_RMS_NORMALIZATION, 23, 2, in, 1, NULL) : NULL;

    if (!n)
        return ALT_E_NOMEM;
    *axis = -rn->axes;
    attr[0] = (struct alt_attr){.name = "axis", .type = ALT_ATTR_INT, .count = 1, .ints = axis};
    attr[1] = *epsilon;
    alt_node_set_attrs(n, attr, 2);
    n->name = mul->name;
    n->out[0]->type = old->type;
    alt_gvalue_replace(g, old, n->out[0]);
    return ALT_OK;
}

alt_status alt_pass_rms_norm(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    struct rms_norm rn;

    (void)diag;
    for (struct alt_node *n = g->first; n; n = n->next) {
        if (n->op != ALT_OP_MUL || !alt_match_read(n) || !match(n, &rn))
            continue;
        ALT_CHECK(replace(g, n, &rn));
        *changed = true;
    }
    return ALT_OK;
}
