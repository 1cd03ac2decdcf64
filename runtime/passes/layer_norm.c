/* layer_norm.c: recognises a layer normalisation that was written out.
 *
 *   c = Sub(x, ReduceMean(x)); v = ReduceMean(Pow(c, 2)); y = Div(c, Sqrt(Add(v, epsilon))); Add(Mul(y, scale), bias)
 *   becomes   LayerNormalization(x, scale, bias)
 *
 * over the same trailing axes; Mul(c, c) counts as the square, and the bias may be missing. What lies between is read by
 * nobody else. Scale and bias have no more axes than are normalised, as ONNX wants it. */
#include "runtime/pass.h"
#include "runtime/passes/match.h"


struct layer_norm {
    struct alt_gvalue *x, *scale, *bias; /* bias may be NULL */
    struct alt_node *last;               /* its output is the result */
    int axes;                            /* how many, from the end */
    double epsilon;
};

/* `v` is the square of `c`, which then has *uses readers here. */
static bool is_square(const struct alt_gvalue *v, const struct alt_gvalue *c, int *uses)
{
    const struct alt_node *pow = alt_match_inner(v, ALT_OP_POW), *mul = alt_match_inner(v, ALT_OP_MUL);
    double exponent;

    *uses = mul ? 2 : 1;
    if (pow)
        return pow->in[0] == c && alt_match_number(pow->in[1], &exponent) && exponent == 2.0;
    return mul && mul->in[0] == c && mul->in[1] == c;
}

/* y = Div(c, Sqrt(Add(ReduceMean(square of c), epsilon))) with c = Sub(x, ReduceMean(x)). */
static bool match_core(const struct alt_node *div, struct layer_norm *ln)
{
    const struct alt_gvalue *c = div->in[0];
    const struct alt_node *sub = alt_match(c, ALT_OP_SUB), *root = alt_match_inner(div->in[1], ALT_OP_SQRT);
    const struct alt_node *sum = root ? alt_match_inner(root->in[0], ALT_OP_ADD) : NULL;
    int uses;

    if (!sub || !sum)
        return false;
    const int at = alt_match_number(sum->in[1], &ln->epsilon) ? 0 : 1;
    const struct alt_node *var = alt_match_inner(sum->in[at], ALT_OP_REDUCE_MEAN);
    const struct alt_node *mean = alt_match_inner(sub->in[1], ALT_OP_REDUCE_MEAN);
    if (!alt_match_number(sum->in[1 - at], &ln->epsilon) || !var || !mean || mean->in[0] != sub->in[0])
        return false;
    if (!is_square(var->in[0], c, &uses) || c->n_uses != uses + 1 || c->n_outputs)
        return false;
    ln->x = sub->in[0];
    ln->axes = alt_match_trailing_axes(mean);
    return ln->axes > 0 && alt_match_trailing_axes(var) == ln->axes && ln->epsilon >= 0 &&
           (alt_dtype_class(ln->x->type.dtype) & ALT_CLASS_FLOAT);
}

/* `v` belongs to the normalised axes: combining it with x leaves the shape of x. */
static bool fits(const struct layer_norm *ln, const struct alt_gvalue *v, const struct alt_gvalue *result)
{
    return v && v->type.shape.rank >= 0 && v->type.shape.rank <= ln->axes && v->type.dtype == ln->x->type.dtype &&
           alt_shape_equal(&result->type.shape, &ln->x->type.shape);
}

static bool match(struct alt_node *mul, struct layer_norm *ln)
{
    *ln = (struct layer_norm){.last = mul};
    if (mul->op != ALT_OP_MUL || !mul->out[0])
        return false;
    const int at = alt_match_inner(mul->in[0], ALT_OP_DIV) ? 0 : 1;
    const struct alt_node *div = alt_match_inner(mul->in[at], ALT_OP_DIV);
    ln->scale = mul->in[1 - at];
    if (!div || !match_core(div, ln) || !fits(ln, ln->scale, mul->out[0]))
        return false;
    struct alt_node *add = alt_match_reader(mul->out[0], ALT_OP_ADD);
    struct alt_gvalue *bias = add ? add->in[add->in[0] == mul->out[0]] : NULL;
    if (add && add->out[0] && fits(ln, bias, add->out[0])) {
        ln->bias = bias;
        ln->last = add;
    }
    return true;
}

static const struct alt_attr *make_attrs(struct alt_graph *g, const struct layer_norm *ln)
{
    struct alt_attr *attr = alt_arena_array(g->arena, 2, sizeof *attr);
    int64_t *axis = alt_arena_alloc(g->arena, sizeof *axis);
    float *epsilon = alt_arena_alloc(g->arena, sizeof *epsilon);

    if (!attr || !axis || !epsilon)
        return NULL;
    *axis = -ln->axes;
    *epsilon = (float)ln->epsilon;
    attr[0] = (struct alt_attr){.name = "axis", .type = ALT_ATTR_INT, .count = 1, .ints = axis};
    attr[1] = (struct alt_attr){.name = "epsilon", .type = ALT_ATTR_FLOAT, .count = 1, .floats = epsilon};
    return attr;
}

static alt_status replace(struct alt_graph *g, const struct layer_norm *ln)
{
    struct alt_gvalue *in[3] = {ln->x, ln->scale, ln->bias}, *old = ln->last->out[0];
    const struct alt_attr *attr = make_attrs(g, ln);
    const int n_in = ln->bias ? 3 : 2;
    struct alt_node *n = attr ? alt_graph_add_node(g, ln->last, ALT_OP_LAYER_NORMALIZATION, 17, n_in, in, 1, NULL) : NULL;

    if (!n)
        return ALT_E_NOMEM;
    alt_node_set_attrs(n, attr, 2);
    n->name = ln->last->name;
    n->out[0]->type = old->type;
    alt_gvalue_replace(g, old, n->out[0]);
    return ALT_OK;
}

alt_status alt_pass_layer_norm(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    struct layer_norm ln;

    (void)diag;
    for (struct alt_node *n = g->first; n; n = n->next) {
        if (!n->out[0] || (n->out[0]->n_uses == 0 && !n->out[0]->n_outputs) || !match(n, &ln))
            continue;
        ALT_CHECK(replace(g, &ln));
        *changed = true;
    }
    return ALT_OK;
}
