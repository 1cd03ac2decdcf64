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
