/* match.c: what passes that recognise patterns ask about values. */
#include "runtime/passes/match.h"

#include <math.h>

struct alt_node *alt_match(const struct alt_gvalue *v, enum alt_op op)
{
    return v && v->producer && v->producer->op == op && v->out_index == 0 ? v->producer : NULL;
}

struct alt_node *alt_match_inner(const struct alt_gvalue *v, enum alt_op op)
{
    return v && v->n_uses == 1 && !v->n_outputs ? alt_match(v, op) : NULL;
}

bool alt_match_number(const struct alt_gvalue *v, double *out)
{
    const struct alt_tensor *t = v ? v->type.known : NULL;

    if (!t || !(alt_dtype_class(t->dtype) & ALT_CLASS_NUMBER) || alt_tensor_count(t) != 1)
        return false;
    *out = alt_tensor_float(t, 0);
    return true;
}

struct alt_gvalue *alt_match_with_number(const struct alt_node *n, double number, double distance)
{
    double found;

    for (int i = 0; n && n->n_in == 2 && i < 2; i++)
        if (alt_match_number(n->in[i], &found) && fabs(found - number) <= distance * fabs(number))
            return n->in[1 - i];
    return NULL;
}

struct alt_node *alt_match_reader(const struct alt_gvalue *v, enum alt_op op)
{
    return v->n_uses == 1 && !v->n_outputs && v->uses->node->op == op ? v->uses->node : NULL;
}

int alt_match_trailing_axes(const struct alt_node *n)
{
    const int rank = n->in[0] ? n->in[0]->type.shape.rank : -1;
    const struct alt_tensor *given = n->n_in > 1 && n->in[1] ? n->in[1]->type.known : NULL;
    const int64_t *list;
    int64_t count = alt_attr_ints(n, "axes", &list);
    unsigned mask = 0;

    if (given)
        count = alt_tensor_count(given);
    if (rank < 1 || count < 1 || count > rank || !alt_attr_int(n, "keepdims", 1) || (!given && n->n_in > 1 && n->in[1]))
        return 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t axis = given ? alt_tensor_int(given, i) : list[i];
        if (axis < -rank || axis >= rank)
            return 0;
        mask |= 1u << (axis < 0 ? axis + rank : axis);
    }
    return mask == ((1u << rank) - 1) - ((1u << (rank - count)) - 1) ? (int)count : 0;
}

bool alt_match_close(double a, double b) { return fabs(a - b) <= 1e-6 * fabs(b); }

static bool collect(struct alt_gvalue *v, const struct alt_gvalue *x, bool top, int depth, struct alt_match_product *out)
{
    enum { DEEPEST = 8 };
    const struct alt_node *mul = top ? alt_match(v, ALT_OP_MUL) : alt_match_inner(v, ALT_OP_MUL);
    const struct alt_node *div = top ? alt_match(v, ALT_OP_DIV) : alt_match_inner(v, ALT_OP_DIV);
    const struct alt_node *pow = top ? alt_match(v, ALT_OP_POW) : alt_match_inner(v, ALT_OP_POW);
    double number;

    if (v == x) {
        out->power++;
    } else if (alt_match_number(v, &number)) {
        out->number *= number;
    } else if (mul && depth < DEEPEST) {
        return collect(mul->in[0], x, false, depth + 1, out) && collect(mul->in[1], x, false, depth + 1, out);
    } else if (div && depth < DEEPEST && alt_match_number(div->in[1], &number) && number != 0) {
        out->number /= number;
        return collect(div->in[0], x, false, depth + 1, out);
    } else if (pow && x && pow->in[0] == x && alt_match_number(pow->in[1], &number) && (number == 2 || number == 3)) {
        out->power += (int)number;
    } else {
        if (out->other)
            return false;
        out->other = v;
    }
    return true;
}

bool alt_match_factors(struct alt_gvalue *v, const struct alt_gvalue *x, struct alt_match_product *out)
{
    *out = (struct alt_match_product){.number = 1};
    return collect(v, x, true, 0, out);
}

bool alt_match_read(const struct alt_node *n)
{
    return n->n_out > 0 && n->out[0] && (n->out[0]->n_uses > 0 || n->out[0]->n_outputs > 0);
}

bool alt_match_like(const struct alt_gvalue *x, const struct alt_gvalue *y)
{
    return alt_shape_equal(&x->type.shape, &y->type.shape) && x->type.dtype == y->type.dtype &&
           (alt_dtype_class(x->type.dtype) & ALT_CLASS_FLOAT);
}

const struct alt_attr *alt_match_float_attr(struct alt_graph *g, const char *name, float value)
{
    struct alt_attr *attr = alt_arena_alloc(g->arena, sizeof *attr);
    float *number = alt_arena_alloc(g->arena, sizeof *number);

    if (!attr || !number)
        return NULL;
    *number = value;
    *attr = (struct alt_attr){.name = name, .type = ALT_ATTR_FLOAT, .count = 1, .floats = number};
    return attr;
}

alt_status alt_match_replace(struct alt_node *n, enum alt_op op, int64_t opset, struct alt_gvalue *x, const struct alt_attr *attr)
{
    struct alt_node *made = alt_graph_add_node(n->graph, n, op, opset, 1, &x, 1, NULL);

    if (!made)
        return ALT_E_NOMEM;
    if (attr)
        alt_node_set_attrs(made, attr, 1);
    made->name = n->name;
    made->out[0]->type = n->out[0]->type;
    alt_gvalue_replace(n->graph, n->out[0], made->out[0]);
    return ALT_OK;
}
