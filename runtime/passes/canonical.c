/* canonical.c: drops operators that change nothing: their readers read the input instead.
 *
 *   Identity(x), Cast(x) to its own type, Reshape(x) to its own shape, Transpose(x) by the identity, Concat(x),
 *   Dropout(x) when not training, Add(x, -0.0), Sub(x, 0.0), Mul(x, 1), Div(x, 1)   become   x
 *
 * Adding a constant counts only where every bit of x survives: x + 0.0 turns -0.0 into 0.0, x + -0.0 does not. (A signaling
 * NaN would come out quiet; IEEE 754 leaves that open to a copy as well.) Shapes are compared symbolically: equal handles are equal
 * extents in every run. */
#include "runtime/pass.h"

#include <math.h>
#include <string.h>

enum { LARGEST_NEUTRAL = 4096 }; /* elements looked at */

/* Each rule says whether output 0 of the node is its input `*from`. */
typedef bool rule_fn(const struct alt_node *n, int *from);

static bool same_dtype(const struct alt_node *n, int i)
{
    const struct alt_type *in = &n->in[i]->type, *out = &n->out[0]->type;

    return in->kind == ALT_TENSOR && out->kind == ALT_TENSOR && in->dtype == out->dtype && in->dtype != ALT_NONE;
}

static bool same_type(const struct alt_node *n, int i)
{
    return same_dtype(n, i) && alt_shape_equal(&n->in[i]->type.shape, &n->out[0]->type.shape);
}

static bool always(const struct alt_node *n, int *from)
{
    (void)n, (void)from;
    return true;
}

static bool keeps_dtype(const struct alt_node *n, int *from)
{
    return same_dtype(n, *from);
}

static bool keeps_shape(const struct alt_node *n, int *from)
{
    return same_type(n, *from);
}

static bool only_input(const struct alt_node *n, int *from)
{
    (void)from;
    return n->n_in == 1;
}

static bool keeps_order(const struct alt_node *n, int *from)
{
    const int rank = n->in[*from]->type.shape.rank;
    const int64_t *perm;
    const int64_t count = alt_attr_ints(n, "perm", &perm);

    if (count == 0) /* reversed by default */
        return rank == 0 || rank == 1;
    for (int64_t i = 0; i < count; i++)
        if (perm[i] != i)
            return false;
    return true;
}

/* Before opset 12 the operator has no training mode; the mask must not be asked for. */
static bool drops_nothing(const struct alt_node *n, int *from)
{
    const struct alt_gvalue *training = n->opset >= 12 && n->n_in > 2 ? n->in[2] : NULL;
    const struct alt_gvalue *mask = n->n_out > 1 ? n->out[1] : NULL;

    (void)from;
    if (mask && (mask->n_uses > 0 || mask->n_outputs > 0))
        return false;
    return !training || (training->type.known && alt_tensor_count(training->type.known) == 1 &&
                         alt_tensor_int(training->type.known, 0) == 0);
}

/* Every element of the constant is `value`, with the sign of `value` when it is a zero of a floating-point type. */
static bool is_all(const struct alt_gvalue *v, double value)
{
    const struct alt_tensor *t = v ? v->type.known : NULL;
    const bool real = t && (alt_dtype_class(t->dtype) & ALT_CLASS_FLOAT);

    if (!t || !(alt_dtype_class(t->dtype) & ALT_CLASS_NUMBER) || alt_tensor_count(t) > LARGEST_NEUTRAL)
        return false;
    for (int64_t i = 0; i < alt_tensor_count(t); i++) {
        const double e = alt_tensor_float(t, i);
        if (e != value || (real && signbit(e) != signbit(value)))
            return false;
    }
    return true;
}

static bool is_float(const struct alt_node *n)
{
    return alt_dtype_class(n->out[0]->type.dtype) & ALT_CLASS_FLOAT;
}

/* Input 1 is neutral. */
static bool right_is(const struct alt_node *n, int *from, double value)
{
    *from = 0;
    return n->in[0] && is_all(n->in[1], value) && same_type(n, 0);
}

static bool either_is(const struct alt_node *n, int *from, double value)
{
    if (right_is(n, from, value))
        return true;
    *from = 1;
    return n->in[1] && is_all(n->in[0], value) && same_type(n, 1);
}

static bool adds_nothing(const struct alt_node *n, int *from) { return either_is(n, from, is_float(n) ? -0.0 : 0.0); }
static bool subtracts_nothing(const struct alt_node *n, int *from) { return right_is(n, from, 0.0); }
static bool multiplies_by_one(const struct alt_node *n, int *from) { return either_is(n, from, 1.0); }
static bool divides_by_one(const struct alt_node *n, int *from) { return right_is(n, from, 1.0); }

static const struct {
    enum alt_op op;
    rule_fn *rule;
} rules[] = {
    {ALT_OP_IDENTITY, always},
    {ALT_OP_CAST, keeps_dtype},
    {ALT_OP_CAST_LIKE, keeps_dtype},
    {ALT_OP_RESHAPE, keeps_shape},
    {ALT_OP_FLATTEN, keeps_shape},
    {ALT_OP_SQUEEZE, keeps_shape},
    {ALT_OP_UNSQUEEZE, keeps_shape},
    {ALT_OP_EXPAND, keeps_shape},
    {ALT_OP_TILE, keeps_shape},
    {ALT_OP_TRANSPOSE, keeps_order},
    {ALT_OP_CONCAT, only_input},
    {ALT_OP_SUM, only_input},
    {ALT_OP_MAX, only_input},
    {ALT_OP_MIN, only_input},
    {ALT_OP_MEAN, only_input},
    {ALT_OP_DROPOUT, drops_nothing},
    {ALT_OP_ADD, adds_nothing},
    {ALT_OP_SUB, subtracts_nothing},
    {ALT_OP_MUL, multiplies_by_one},
    {ALT_OP_DIV, divides_by_one},
};

static rule_fn *find_rule(enum alt_op op)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].op == op)
            return rules[i].rule;
    return NULL;
}

alt_status alt_pass_canonical(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    (void)diag;
    for (struct alt_node *n = g->first, *next; n; n = next) {
        rule_fn *rule = find_rule(n->op);
        int from = 0;
        next = n->next;
        if (!rule || !n->out[0] || n->n_in < 1 || !n->in[0] || !rule(n, &from))
            continue;
        alt_gvalue_replace(g, n->out[0], n->in[from]);
        alt_graph_remove_node(n);
        *changed = true;
    }
    return ALT_OK;
}
