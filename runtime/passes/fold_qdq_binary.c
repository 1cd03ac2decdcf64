/* fold_qdq_binary.c: sums and products of quantised tensors stay quantised.
 *
 *   Q(Add(DQ(a), DQ(b)))   becomes   QLinearAdd(a, b)
 *   Q(Mul(DQ(a), DQ(b)))   becomes   QLinearMul(a, b)
 *
 * with Q = QuantizeLinear, DQ = DequantizeLinear, all of one type of 8 bits, constant scales and zero points of one number each.
 * The answers keep their bits (runtime/ops/qlinear_binary.c). */
#include "runtime/pass.h"
#include "runtime/passes/match.h"
#include "runtime/passes/qdq.h"

/* `n` has one constant scale of float32 and one constant zero point, or none. */
static bool one_param(const struct alt_node *n)
{
    const struct alt_gvalue *s = alt_qdq_param(n, ALT_QDQ_SCALE), *z = alt_qdq_param(n, ALT_QDQ_ZERO);
    double ignored;
    return s && s->type.dtype == ALT_FLOAT32 && alt_match_number(s, &ignored) && (!z || alt_match_number(z, &ignored)) &&
           !alt_attr_int(n, "block_size", 0);
}

/* The DequantizeLinear that makes operand i, of that type. */
static struct alt_node *operand(const struct alt_node *n, int i, alt_dtype dtype)
{
    struct alt_node *dq = alt_match(n->in[i], ALT_OP_DEQUANTIZE_LINEAR);
    return dq && dq->in[ALT_QDQ_X]->type.dtype == dtype && one_param(dq) ? dq : NULL;
}

static alt_status visit(struct alt_graph *g, struct alt_node *q, bool *changed)
{
    struct alt_gvalue *sum = q->in[ALT_QDQ_X], *y = q->out[0];
    struct alt_node *n = alt_match_inner(sum, ALT_OP_ADD);
    n = n ? n : alt_match_inner(sum, ALT_OP_MUL);
    if (!n || !one_param(q) || (y->type.dtype != ALT_INT8 && y->type.dtype != ALT_UINT8))
        return ALT_OK;
    const struct alt_node *a = operand(n, 0, y->type.dtype), *b = operand(n, 1, y->type.dtype);
    if (!a || !b)
        return ALT_OK;
    struct alt_gvalue *in[8] = {a->in[ALT_QDQ_X], a->in[ALT_QDQ_SCALE], alt_qdq_param(a, ALT_QDQ_ZERO),
                                b->in[ALT_QDQ_X], b->in[ALT_QDQ_SCALE], alt_qdq_param(b, ALT_QDQ_ZERO),
                                q->in[ALT_QDQ_SCALE], alt_qdq_param(q, ALT_QDQ_ZERO)};
    struct alt_node *made =
        alt_graph_add_node(g, q, n->op == ALT_OP_ADD ? ALT_OP_QLINEAR_ADD : ALT_OP_QLINEAR_MUL, 1, 8, in, 1, NULL);
    if (!made)
        return ALT_E_NOMEM;
    made->name = n->name;
    made->out[0]->type = y->type;
    alt_gvalue_replace(g, y, made->out[0]);
    *changed = true;
    return ALT_OK;
}

alt_status alt_pass_fold_qdq_binary(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    (void)diag;
    for (struct alt_node *q = g->first; q; q = q->next)
        if (q->op == ALT_OP_QUANTIZE_LINEAR && q->in[ALT_QDQ_X] && q->out[0] && (q->out[0]->n_uses || q->out[0]->n_outputs))
            ALT_CHECK(visit(g, q, changed));
    return ALT_OK;
}
