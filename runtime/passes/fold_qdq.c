/* fold_qdq.c: quantised convolutions and products, as exporters write them, become products of integers.
 *
 *   Q(Conv(DQ(x), DQ(w), DQ(b)))     becomes   QLinearConv(x, w, b)
 *   Q(MatMul(DQ(a), DQ(b)))          becomes   QLinearMatMul(a, b)
 *   Q(Relu(Conv(..)))                becomes   QLinearConv where the zero point is the type's least number, which saturation
 *                                              does as well, and Relu(QLinearConv) where it is 0
 *
 * with Q = QuantizeLinear, DQ = DequantizeLinear, types of 8 bits, constant scales and zero points: one each, or one for each
 * output channel of w and b (column of a matrix). The bias is int32 with the scale that the sums have. Sums must fit int32.
 * The integer sum is exact where the float one was rounded, so a result differs by one quantum at most, where both lie
 * next to a tie. */
#include "runtime/pass.h"
#include "runtime/passes/match.h"
#include "runtime/passes/qdq.h"

#include <math.h>

enum {
    DERIVED = 8,              /* nodes between a parameter and the constants it is made from, while folding is under way */
    LARGEST_PRODUCT = 255 * 255
};
#define CLOSE 1e-5 /* relative, of the bias's scale to that of the sums */

struct match {
    struct alt_node *anchor, *x, *w, *b; /* Conv or MatMul, and the DequantizeLinear of its inputs; b may be NULL */
    struct alt_node *relu, *q;           /* relu may be NULL */
};

static bool is_anchor(const struct alt_node *n) { return n->op == ALT_OP_CONV || n->op == ALT_OP_MATMUL; }

static bool eight_bits(const struct alt_gvalue *v) { return v->type.dtype == ALT_INT8 || v->type.dtype == ALT_UINT8; }

/* The nodes of the pattern, whatever their parameters. */
static bool find(struct alt_node *anchor, struct match *m)
{
    const bool has_bias = anchor->n_in > 2 && anchor->in[2];
    *m = (struct match){.anchor = anchor, .x = alt_match(anchor->in[0], ALT_OP_DEQUANTIZE_LINEAR),
                        .w = alt_match(anchor->in[1], ALT_OP_DEQUANTIZE_LINEAR),
                        .b = has_bias ? alt_match(anchor->in[2], ALT_OP_DEQUANTIZE_LINEAR) : NULL};
    struct alt_gvalue *y = anchor->out[0];
    if (!m->x || !m->w || (has_bias && !m->b) || !y)
        return false;
    m->relu = alt_match_reader(y, ALT_OP_RELU);
    y = m->relu ? m->relu->out[0] : y;
    m->q = y ? alt_match_reader(y, ALT_OP_QUANTIZE_LINEAR) : NULL;
    return m->q && m->q->in[ALT_QDQ_X] == y && m->q->out[0] && eight_bits(m->x->in[ALT_QDQ_X]) && eight_bits(m->w->in[ALT_QDQ_X]) &&
           eight_bits(m->q->out[0]) && (!m->b || m->b->in[ALT_QDQ_X]->type.dtype == ALT_INT32);
}

/* --- parameters --- */

static bool known(const struct alt_gvalue *v) { return !v || v->type.known; }

static bool params_known(const struct alt_node *n)
{
    return known(alt_qdq_param(n, ALT_QDQ_SCALE)) && known(alt_qdq_param(n, ALT_QDQ_ZERO));
}

/* `n` has a scale of float32 and a zero point, one each, or where `channels` says so one for each along `axis`. */
static bool grain_fits(const struct alt_node *n, int64_t channels, int axis)
{
    const struct alt_tensor *s = alt_qdq_param(n, ALT_QDQ_SCALE)->type.known;
    const struct alt_gvalue *zero = alt_qdq_param(n, ALT_QDQ_ZERO);
    const int rank = n->in[ALT_QDQ_X]->type.shape.rank;
    const int64_t count = alt_tensor_count(s), given = alt_attr_int(n, "axis", 1);
    if (s->dtype != ALT_FLOAT32 || alt_attr_int(n, "block_size", 0) || (zero && alt_tensor_count(zero->type.known) != count))
        return false;
    return count == 1 || (s->rank == 1 && count == channels && (given < 0 ? given + rank : given) == axis);
}

static double scale_of(const struct alt_node *n, int64_t i)
{
    const struct alt_tensor *s = alt_qdq_param(n, ALT_QDQ_SCALE)->type.known;
    return alt_tensor_float(s, alt_tensor_count(s) == 1 ? 0 : i);
}

static int64_t zero_of(const struct alt_node *n, int64_t i)
{
    const struct alt_gvalue *v = alt_qdq_param(n, ALT_QDQ_ZERO);
    return v ? alt_tensor_int(v->type.known, alt_tensor_count(v->type.known) == 1 ? 0 : i) : 0;
}

/* The bias has the scale of the sums, and no sum leaves int32: each of `terms` products and the bias itself count. */
static bool sums_fit(const struct match *m, int64_t channels, int64_t terms)
{
    if (terms > INT32_MAX / LARGEST_PRODUCT)
        return false;
    const int64_t room = INT32_MAX - terms * LARGEST_PRODUCT;
    const struct alt_tensor *b = m->b ? m->b->in[ALT_QDQ_X]->type.known : NULL;
    if (m->b && (!b || b->rank != 1 || b->dim[0] != channels || !grain_fits(m->b, channels, 0)))
        return false;
    for (int64_t i = 0; i < channels; i++) {
        const double sums = scale_of(m->x, 0) * scale_of(m->w, i), factor = sums / scale_of(m->q, 0);
        if (!isfinite((float)factor) || factor <= 0)
            return false;
        if (b && (fabs(scale_of(m->b, i) - sums) > CLOSE * sums || zero_of(m->b, i) != 0 || alt_tensor_int(b, i) > room ||
                  alt_tensor_int(b, i) < -room))
            return false;
    }
    return true;
}

/* Relu is what saturation does, or can follow on the integers. */
static bool relu_fits(const struct match *m)
{
    const bool is_signed = m->q->out[0]->type.dtype == ALT_INT8;
    const int64_t zero = zero_of(m->q, 0);
    return !m->relu || zero == (is_signed ? INT8_MIN : 0) || (is_signed && zero == 0);
}

/* Whether the pattern, whose parameters are all known, may be replaced. */
static bool fits(const struct match *m)
{
    const struct alt_tensor *w = m->w->in[ALT_QDQ_X]->type.known;
    const bool conv = m->anchor->op == ALT_OP_CONV;
    const int axis = conv ? 0 : 1;
    if (!w || w->rank < 2 || (!conv && w->rank != 2) || alt_tensor_count(w) <= 0)
        return false;
    const int64_t channels = w->dim[axis], terms = alt_tensor_count(w) / channels;
    return grain_fits(m->x, -1, 0) && grain_fits(m->q, -1, 0) && grain_fits(m->w, channels, axis) && relu_fits(m) &&
           sums_fit(m, channels, terms);
}

static bool all_known(const struct match *m)
{
    return params_known(m->x) && params_known(m->w) && params_known(m->q) && (!m->b || params_known(m->b));
}

/* --- what folding asks --- */

/* `v` is a constant, or will be one when folding has gone over the graph. */
static bool will_be_known(const struct alt_gvalue *v, int depth)
{
    if (known(v))
        return true;
    if (!v->producer || depth == 0)
        return false;
    for (int i = 0; i < v->producer->n_in; i++)
        if (!will_be_known(v->producer->in[i], depth - 1))
            return false;
    return v->producer->n_in > 0;
}

static bool params_will_be_known(const struct alt_node *n)
{
    return will_be_known(alt_qdq_param(n, ALT_QDQ_SCALE), DERIVED) && will_be_known(alt_qdq_param(n, ALT_QDQ_ZERO), DERIVED);
}

bool alt_qdq_holds(const struct alt_node *n)
{
    if (n->op != ALT_OP_DEQUANTIZE_LINEAR || !n->out[0])
        return false;
    for (const struct alt_use *use = n->out[0]->uses; use; use = use->next) {
        struct match m;
        if (!is_anchor(use->node) || !find(use->node, &m))
            continue;
        if (all_known(&m) ? fits(&m)
                          : params_will_be_known(m.x) && params_will_be_known(m.w) && params_will_be_known(m.q) &&
                                (!m.b || params_will_be_known(m.b)))
            return true;
    }
    return false;
}

/* --- replacing --- */

/* The zero point of `n`, made where it is omitted. `like`: its type. */
static struct alt_gvalue *zero_value(struct alt_graph *g, const struct alt_node *n, const struct alt_gvalue *like)
{
    struct alt_gvalue *given = alt_qdq_param(n, ALT_QDQ_ZERO);
    if (given)
        return given;
    const struct alt_tensor *s = alt_qdq_param(n, ALT_QDQ_SCALE)->type.known;
    struct alt_tensor t = {.dtype = like->type.dtype, .rank = s->rank, .bytes = (size_t)alt_tensor_count(s)};
    for (int d = 0; d < s->rank; d++)
        t.dim[d] = s->dim[d];
    t.data = alt_arena_data(g->arena, t.bytes);
    return t.data ? alt_graph_add_const(g, NULL, &t) : NULL;
}

static struct alt_node *add_product(struct alt_graph *g, const struct match *m)
{
    struct alt_gvalue *x = m->x->in[ALT_QDQ_X], *w = m->w->in[ALT_QDQ_X], *y = m->q->out[0];
    struct alt_gvalue *in[9] = {x, alt_qdq_param(m->x, ALT_QDQ_SCALE), zero_value(g, m->x, x),
                                w, alt_qdq_param(m->w, ALT_QDQ_SCALE), zero_value(g, m->w, w),
                                alt_qdq_param(m->q, ALT_QDQ_SCALE), zero_value(g, m->q, y),
                                m->b ? m->b->in[ALT_QDQ_X] : NULL};
    const bool conv = m->anchor->op == ALT_OP_CONV;
    if (!in[2] || !in[5] || !in[7])
        return NULL;
    struct alt_node *n = alt_graph_add_node(g, m->q, conv ? ALT_OP_QLINEAR_CONV : ALT_OP_QLINEAR_MATMUL, m->anchor->opset,
                                            m->b ? 9 : 8, in, 1, NULL);
    if (!n)
        return NULL;
    n->name = m->anchor->name;
    alt_node_set_attrs(n, m->anchor->attr, m->anchor->n_attr);
    n->out[0]->type = y->type;
    return n;
}

static alt_status replace(struct alt_graph *g, const struct match *m)
{
    struct alt_node *n = add_product(g, m);
    if (!n)
        return ALT_E_NOMEM;
    struct alt_gvalue *y = n->out[0];
    if (m->relu && y->type.dtype == ALT_INT8 && zero_of(m->q, 0) == 0) {
        struct alt_node *relu = alt_graph_add_node(g, m->q, ALT_OP_RELU, m->relu->opset, 1, &y, 1, NULL);
        if (!relu)
            return ALT_E_NOMEM;
        relu->name = m->relu->name;
        relu->out[0]->type = y->type;
        y = relu->out[0];
    }
    alt_gvalue_replace(g, m->q->out[0], y);
    alt_graph_remove_node(m->q);
    if (m->relu)
        alt_graph_remove_node(m->relu);
    alt_graph_remove_node(m->anchor);
    return ALT_OK;
}

alt_status alt_pass_fold_qdq(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    struct match m;
    (void)diag;
    for (struct alt_node *n = g->first, *next; n; n = next) {
        next = n->next;
        if (!is_anchor(n) || !find(n, &m) || !all_known(&m) || !fits(&m))
            continue;
        /* The nodes behind the anchor go too: the walk goes on behind them or, where the next is not among them, there. */
        while (next && (next == m.relu || next == m.q))
            next = next->next;
        ALT_CHECK(replace(g, &m));
        *changed = true;
    }
    return ALT_OK;
}
