/* move_qdq.c: operators that only move elements, or choose among them, work on the quantised ones.
 *
 *   Q(MaxPool(DQ(x)))    becomes   MaxPool(x)      the same for Flatten, Reshape, Squeeze, Transpose, Unsqueeze
 *   Q(Concat(DQ(x)..))   becomes   Concat(x..)
 *   Q(DQ(x))             becomes   x
 *
 * where all DQ (DequantizeLinear) and Q (QuantizeLinear) have one and the same constant scale and zero point of a type of 8
 * bits. Dequantising such elements and quantising them again gives them back. */
#include "runtime/pass.h"
#include "runtime/passes/match.h"
#include "runtime/passes/qdq.h"

#include <math.h>

enum { CONCAT_MOST = 64 };

static bool moves(const struct alt_node *n)
{
    static const enum alt_op ops[] = {ALT_OP_CONCAT,  ALT_OP_FLATTEN,   ALT_OP_MAX_POOL, ALT_OP_RESHAPE,
                                      ALT_OP_SQUEEZE, ALT_OP_TRANSPOSE, ALT_OP_UNSQUEEZE};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (ops[i] == n->op)
            return n->n_out == 1;
    return false;
}

/* Scale and zero point of a node; false unless both are one constant number (the zero point may be omitted). */
static bool read_params(const struct alt_node *n, double *scale, double *zero)
{
    const struct alt_gvalue *z = alt_qdq_param(n, ALT_QDQ_ZERO);
    *zero = 0;
    if (!alt_match_number(alt_qdq_param(n, ALT_QDQ_SCALE), scale) || alt_attr_int(n, "block_size", 0) ||
        n->in[ALT_QDQ_SCALE]->type.dtype != ALT_FLOAT32)
        return false;
    return !z || alt_match_number(z, zero);
}

/* What `dq` dequantises, when `q` would give it back. */
static struct alt_gvalue *undone(const struct alt_node *dq, const struct alt_node *q)
{
    double scale, zero, q_scale, q_zero;
    if (!dq || !dq->in[ALT_QDQ_X] || !q->out[0])
        return NULL;
    const alt_dtype dtype = dq->in[ALT_QDQ_X]->type.dtype;
    if ((dtype != ALT_INT8 && dtype != ALT_UINT8) || q->out[0]->type.dtype != dtype || !read_params(dq, &scale, &zero) ||
        !read_params(q, &q_scale, &q_zero))
        return NULL;
    return scale == q_scale && zero == q_zero && scale > 1e-30 && scale < 1e30 ? dq->in[ALT_QDQ_X] : NULL;
}

/* Inputs of `n` that hold elements; the others are shapes and axes. */
static int moved_inputs(const struct alt_node *n) { return n->op == ALT_OP_CONCAT ? n->n_in : 1; }

/* The node over the quantised inputs, in the place of `q`. */
static alt_status move(struct alt_graph *g, struct alt_node *n, struct alt_node *q, bool *changed)
{
    struct alt_gvalue *in[CONCAT_MOST];
    if (n->n_in > CONCAT_MOST || n->n_in < 1)
        return ALT_OK;
    for (int i = 0; i < n->n_in; i++) {
        in[i] = i < moved_inputs(n) ? undone(alt_match(n->in[i], ALT_OP_DEQUANTIZE_LINEAR), q) : n->in[i];
        if (!in[i] && i < moved_inputs(n))
            return ALT_OK;
    }
    struct alt_node *moved = alt_graph_add_node(g, q, n->op, n->opset, n->n_in, in, 1, NULL);
    if (!moved)
        return ALT_E_NOMEM;
    moved->name = n->name;
    alt_node_set_attrs(moved, n->attr, n->n_attr);
    moved->out[0]->type = q->out[0]->type;
    alt_gvalue_replace(g, q->out[0], moved->out[0]);
    *changed = true;
    return ALT_OK;
}

static bool is_read(const struct alt_gvalue *v) { return v && (v->n_uses > 0 || v->n_outputs > 0); }

alt_status alt_pass_move_qdq(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    (void)diag;
    for (struct alt_node *q = g->first; q; q = q->next) {
        if (q->op != ALT_OP_QUANTIZE_LINEAR || !is_read(q->out[0]) || !q->in[ALT_QDQ_X])
            continue;
        struct alt_gvalue *x = undone(alt_match(q->in[ALT_QDQ_X], ALT_OP_DEQUANTIZE_LINEAR), q);
        struct alt_node *n = q->in[ALT_QDQ_X]->producer;
        if (x) {
            alt_gvalue_replace(g, q->out[0], x);
            *changed = true;
        } else if (n && moves(n) && n->n_in == n->n_in_explicit) {
            ALT_CHECK(move(g, n, q, changed));
        }
    }
    return ALT_OK;
}
