/* optimizer.c: Adagrad, Adam, Momentum: one step of gradient descent. Inputs are the rate, the count of steps so far, and groups
 * of as many tensors each: values, gradients, and the state of one or two kinds; outputs are values and state anew. Element by
 * element in float64, rounded once. */
#include "runtime/ops/data.h"
#include "runtime/ops/real.h"

#include <math.h>
#include <string.h>

enum { TILE = 4096, RATE = 0, COUNT = 1, FIRST = 2, MOST_STATE = 2 };

/* Kinds of state that the operator keeps. */
static int states_of(const struct alt_node *n) { return n->op == ALT_OP_ADAM ? 2 : 1; }

static alt_status infer(struct alt_infer *inf)
{
    const int groups = 2 + states_of(inf->node), tensors = (inf->n_in - FIRST) / groups;
    ALT_CHECK(alt_infer_expect(inf, RATE, ALT_CLASS_FLOAT));
    ALT_CHECK(alt_infer_indices(inf, COUNT));
    if (tensors < 1 || inf->n_in != FIRST + tensors * groups || inf->n_out != tensors * (groups - 1))
        return alt_infer_fail(inf, ALT_E_MODEL, "it needs %d tensors for each that is trained, and puts out %d", groups,
                              groups - 1);
    for (int i = FIRST; i < inf->n_in; i++) {
        const int value = FIRST + (i - FIRST) % tensors;
        ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_FLOAT));
        ALT_CHECK(alt_infer_same_dtype(inf, value, i));
        const struct alt_shape *a = &inf->in[value]->shape, *b = &inf->in[i]->shape;
        if (alt_shape_known(a) && alt_shape_known(b) && !alt_shape_equal(a, b))
            return alt_infer_fail(inf, ALT_E_SHAPE, "input %d has another shape than the tensor it belongs to", i);
    }
    for (int o = 0; o < inf->n_out; o++)
        alt_infer_like(inf, o, o < tensors ? FIRST + o : FIRST + tensors + o);
    return ALT_OK;
}

struct plan {
    enum alt_op op;
    bool nesterov, wide;
    int tensors, states, n_in;
    double alpha, beta, epsilon, decay, norm, norm_after;
    alt_dtype rate;
    int64_t *tiles; /* [tensors + 1]: the first tile of each */
    const alt_dtype *dtype;
    const int64_t *count;
};

struct step {
    double rate, x, g, state[MOST_STATE];
    int64_t count;
};

static void adagrad(const struct plan *p, struct step *s)
{
    const double g = p->norm * s->x + s->g, rate = s->rate / (1 + (double)s->count * p->decay);
    s->state[0] += g * g;
    s->x -= rate * g / (sqrt(s->state[0]) + p->epsilon);
}

static void adam(const struct plan *p, struct step *s)
{
    const double g = p->norm * s->x + s->g, t = (double)s->count;
    s->state[0] = p->alpha * s->state[0] + (1 - p->alpha) * g;
    s->state[1] = p->beta * s->state[1] + (1 - p->beta) * g * g;
    const double rate = s->count > 0 ? s->rate * sqrt(1 - pow(p->beta, t)) / (1 - pow(p->alpha, t)) : s->rate;
    s->x = (1 - p->norm_after) * (s->x - rate * s->state[0] / (sqrt(s->state[1]) + p->epsilon));
}

static void momentum(const struct plan *p, struct step *s)
{
    const double g = p->norm * s->x + s->g;
    s->state[0] = p->alpha * s->state[0] + (s->count > 0 ? p->beta : 1) * g;
    s->x -= s->rate * (p->nesterov ? g + p->alpha * s->state[0] : s->state[0]);
}

static void update(const struct plan *p, const struct alt_kargs *args, int t, int64_t i, struct step s)
{
    const struct alt_koperand *in = args->operand + FIRST + t, *out = args->operand + p->n_in + t;
    const alt_dtype dtype = p->dtype[t];
    s.x = alt_real_get(dtype, in[0].data, i);
    s.g = alt_real_get(dtype, in[p->tensors].data, i);
    for (int k = 0; k < p->states; k++)
        s.state[k] = alt_real_get(dtype, in[(2 + k) * p->tensors].data, i);
    if (p->op == ALT_OP_ADAGRAD)
        adagrad(p, &s);
    else if (p->op == ALT_OP_ADAM)
        adam(p, &s);
    else
        momentum(p, &s);
    if (out[0].data)
        alt_real_put(dtype, out[0].data, i, s.x);
    for (int k = 0; k < p->states; k++)
        if (out[(1 + k) * p->tensors].data)
            alt_real_put(dtype, out[(1 + k) * p->tensors].data, i, s.state[k]);
}

static void run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    const void *count = args->operand[COUNT].data;
    const struct step start = {.rate = alt_real_get(p->rate, args->operand[RATE].data, 0),
                               .count = p->wide ? *(const int64_t *)count : *(const int32_t *)count};
    for (int64_t tile = args->begin; tile < args->end; tile++) {
        int t = 0;
        while (tile >= p->tiles[t + 1])
            t++;
        const int64_t first = (tile - p->tiles[t]) * TILE,
                      end = first + TILE < p->count[t] ? first + TILE : p->count[t];
        for (int64_t i = first; i < end; i++)
            update(p, args, t, i, start);
    }
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    *p = (struct plan){.op = b->node->op, .states = states_of(b->node), .n_in = b->n_in, .rate = b->in[RATE].dtype};
    p->tensors = (b->n_in - FIRST) / (2 + p->states);
    p->nesterov = strcmp(alt_attr_text(b->node, "mode", "standard"), "nesterov") == 0;
    p->wide = b->in[COUNT].dtype == ALT_INT64;
    p->alpha = (double)alt_attr_float(b->node, "alpha", 0.9f);
    p->beta = (double)alt_attr_float(b->node, "beta", 0.999f);
    p->epsilon = (double)alt_attr_float(b->node, "epsilon", 1e-6f);
    p->decay = (double)alt_attr_float(b->node, "decay_factor", 0);
    p->norm = (double)alt_attr_float(b->node, "norm_coefficient", 0);
    p->norm_after = (double)alt_attr_float(b->node, "norm_coefficient_post", 0);
    int64_t *count = alt_arena_array(b->arena, (size_t)p->tensors, sizeof *count);
    alt_dtype *dtype = alt_arena_array(b->arena, (size_t)p->tensors, sizeof *dtype);
    p->tiles = alt_arena_array(b->arena, (size_t)p->tensors + 1, sizeof *p->tiles);
    if (!count || !dtype || !p->tiles)
        return ALT_E_NOMEM;
    if (alt_operand_count(&b->in[RATE]) != 1 || alt_operand_count(&b->in[COUNT]) != 1)
        return alt_bind_fail(b, ALT_E_SHAPE, "inputs 0 and 1 must hold one element");
    for (int t = 0; t < p->tensors; t++) {
        count[t] = alt_operand_count(&b->in[FIRST + t]);
        dtype[t] = b->in[FIRST + t].dtype;
        p->tiles[t + 1] = p->tiles[t] + (count[t] + TILE - 1) / TILE;
        b->flops += 20 * (double)count[t];
    }
    p->count = count;
    p->dtype = dtype;
    b->params = p;
    b->range = p->tiles[p->tensors];
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "optimizer", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_class(sel->in[FIRST].dtype) & ALT_CLASS_FLOAT ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_optimizer = {.infer = infer, .select = choose};
