/* fold_batch_norm.c: BatchNormalization for inference goes into the weights and bias of the node before it.
 *
 *   y = BatchNormalization(Conv(x, W, b), scale, B, mean, var)   becomes   y = Conv(x, W', b')
 *   W'[c] = W[c] * f[c],  b'[c] = (b[c] - mean[c]) * f[c] + B[c],  f[c] = scale[c] / sqrt(var[c] + epsilon)
 *
 * for Conv, ConvTranspose and Gemm (there b is beta * C) whose output nobody else reads, with constant float32 or float64
 * weights. Computed in float64 and rounded once. Left alone when something would not be finite: the network as written may still
 * have an answer. Half precision is left alone too: the scaled weights would lose more than the separate step does. */
#include "runtime/pass.h"

#include <math.h>
#include <string.h>

/* Weights as [outer][channels][inner]; `outer / groups` of the outer positions belong to a group of `channels` channels. */
struct weights {
    const struct alt_tensor *tensor;
    int64_t outer, channels, inner, groups;
};

struct fold {
    struct alt_graph *g;
    struct alt_node *bn, *source;
    struct weights w;
    int64_t channels; /* of the output */
    double *factor, *bias; /* [channels]; arena */
};

static const struct alt_tensor *constant(const struct alt_node *n, int i)
{
    return i < n->n_in && n->in[i] ? n->in[i]->type.known : NULL;
}

static bool is_read(const struct alt_gvalue *v)
{
    return v && (v->n_uses > 0 || v->n_outputs > 0);
}

/* Inference, over the channel axis, and with the normalised tensor as the only output read. */
static bool is_plain_norm(const struct alt_node *n)
{
    for (int i = 1; i < n->n_out; i++)
        if (is_read(n->out[i]))
            return false;
    for (int i = 1; i < 5; i++)
        if (!constant(n, i))
            return false;
    return n->out[0] && !alt_attr_int(n, "training_mode", 0) && (n->opset >= 9 || alt_attr_int(n, "spatial", 1));
}

/* How the weights of `n` lie around its output channels; false for another operator. */
static bool view_weights(const struct alt_node *n, struct weights *w)
{
    const struct alt_tensor *t = constant(n, 1);
    int64_t groups;

    if (!t || t->rank < 2 || (t->dtype != ALT_FLOAT32 && t->dtype != ALT_FLOAT64) || alt_tensor_count(t) <= 0)
        return false;
    const int64_t rest = alt_tensor_count(t) / t->dim[0];
    switch (n->op) {
    case ALT_OP_CONV: /* [M, C/group, kernel] */
        *w = (struct weights){t, 1, t->dim[0], rest, 1};
        return true;
    case ALT_OP_CONV_TRANSPOSE: /* [C, M/group, kernel] */
        groups = alt_attr_int(n, "group", 1);
        *w = (struct weights){t, t->dim[0], t->dim[1], rest / t->dim[1], groups};
        return groups >= 1 && t->dim[0] % groups == 0;
    case ALT_OP_GEMM: /* [K, N] or [N, K] */
        if (alt_attr_int(n, "transB", 0))
            *w = (struct weights){t, 1, t->dim[0], rest, 1};
        else
            *w = (struct weights){t, t->dim[0], t->dim[1], 1, 1};
        return true;
    default:
        return false;
    }
}

/* The bias is absent, one number a channel, or one number for all. */
static bool bias_fits(const struct fold *f)
{
    const struct alt_tensor *b = constant(f->source, 2);
    const bool given = f->source->n_in > 2 && f->source->in[2];

    if (!given)
        return true;
    if (!b || b->dtype != f->w.tensor->dtype)
        return false;
    const int64_t count = alt_tensor_count(b);
    return count == 1 || (count == f->channels && b->dim[b->rank - 1] == count);
}

static bool params_fit(const struct fold *f)
{
    for (int i = 1; i < 5; i++) {
        const struct alt_tensor *t = constant(f->bn, i);
        if (alt_tensor_count(t) != f->channels || !(alt_dtype_class(t->dtype) & ALT_CLASS_FLOAT))
            return false;
    }
    return true;
}

/* False when a channel has no finite factor or bias. */
static bool compute_factors(struct fold *f)
{
    const double epsilon = (double)alt_attr_float(f->bn, "epsilon", 1e-5f);
    const double beta = f->source->op == ALT_OP_GEMM ? (double)alt_attr_float(f->source, "beta", 1.0f) : 1.0;
    const struct alt_tensor *b = constant(f->source, 2);

    for (int64_t c = 0; c < f->channels; c++) {
        const double old = b ? beta * alt_tensor_float(b, alt_tensor_count(b) == 1 ? 0 : c) : 0.0;
        f->factor[c] = alt_tensor_float(constant(f->bn, 1), c) / sqrt(alt_tensor_float(constant(f->bn, 4), c) + epsilon);
        f->bias[c] = (old - alt_tensor_float(constant(f->bn, 3), c)) * f->factor[c] + alt_tensor_float(constant(f->bn, 2), c);
        if (!isfinite(f->factor[c]) || !isfinite(f->bias[c]))
            return false;
    }
    return true;
}

/* Multiplies `n` elements, rounding once; false when one is not finite. */
static bool scale_f32(float *data, int64_t n, double factor)
{
    bool finite = true;

    for (int64_t i = 0; i < n; i++) {
        data[i] = (float)((double)data[i] * factor);
        finite &= isfinite(data[i]) != 0;
    }
    return finite;
}

static bool scale_f64(double *data, int64_t n, double factor)
{
    bool finite = true;

    for (int64_t i = 0; i < n; i++) {
        data[i] *= factor;
        finite &= isfinite(data[i]) != 0;
    }
    return finite;
}

static bool scale_weights(const struct fold *f, void *data)
{
    const struct weights *w = &f->w;
    const bool single = w->tensor->dtype == ALT_FLOAT32;
    bool finite = true;

    for (int64_t o = 0; o < w->outer && finite; o++) {
        const int64_t first = o / (w->outer / w->groups) * w->channels;
        for (int64_t c = 0; c < w->channels && finite; c++) {
            const int64_t at = (o * w->channels + c) * w->inner;
            const double factor = f->factor[first + c];
            finite = single ? scale_f32((float *)data + at, w->inner, factor) : scale_f64((double *)data + at, w->inner, factor);
        }
    }
    return finite;
}

static bool store_bias(const struct fold *f, void *data)
{
    for (int64_t c = 0; c < f->channels; c++) {
        const float single = (float)f->bias[c];
        if (f->w.tensor->dtype == ALT_FLOAT32)
            ((float *)data)[c] = single;
        else
            ((double *)data)[c] = f->bias[c];
        if (!isfinite(single) && f->w.tensor->dtype == ALT_FLOAT32)
            return false;
    }
    return true;
}

/* The attributes with beta, which the new bias holds already, set to 1. */
static const struct alt_attr *without_beta(struct alt_graph *g, const struct alt_node *n)
{
    struct alt_attr *attr = alt_arena_array(g->arena, (size_t)n->n_attr + 1, sizeof *attr);
    float *one = alt_arena_alloc(g->arena, sizeof *one);

    if (!attr || !one)
        return NULL;
    *one = 1.0f;
    for (int i = 0; i < n->n_attr; i++) {
        attr[i] = n->attr[i];
        if (n->op == ALT_OP_GEMM && strcmp(attr[i].name, "beta") == 0)
            attr[i].floats = one;
    }
    return attr;
}

/* Puts the new node in the place of the norm; the old source has no readers then. */
static alt_status replace(const struct fold *f, const struct alt_tensor *w, const struct alt_tensor *b)
{
    const struct alt_node *old = f->source;
    struct alt_gvalue *in[3] = {old->in[0], alt_graph_add_const(f->g, NULL, w), alt_graph_add_const(f->g, NULL, b)};
    const struct alt_attr *attr = without_beta(f->g, old);

    if (!in[1] || !in[2] || !attr)
        return ALT_E_NOMEM;
    struct alt_node *n = alt_graph_add_node(f->g, f->bn, old->op, old->opset, 3, in, 1, NULL);
    if (!n)
        return ALT_E_NOMEM;
    n->name = old->name;
    alt_node_set_attrs(n, attr, old->n_attr);
    n->out[0]->type = f->bn->out[0]->type;
    alt_gvalue_replace(f->g, f->bn->out[0], n->out[0]);
    alt_graph_remove_node(f->bn);
    alt_graph_remove_node(f->source);
    return ALT_OK;
}

/* New weights and bias, and the new node; nothing when a number is not finite. */
static alt_status apply(const struct fold *f, bool *changed)
{
    struct alt_tensor w = *f->w.tensor, b = {.dtype = w.dtype, .rank = 1, .dim = {f->channels}};
    b.bytes = (size_t)f->channels * alt_dtype_size(b.dtype);
    void *weights = alt_arena_data(f->g->arena, w.bytes), *bias = alt_arena_data(f->g->arena, b.bytes);

    if (!weights || !bias)
        return ALT_E_NOMEM;
    memcpy(weights, w.data, w.bytes);
    w.data = weights;
    b.data = bias;
    if (!scale_weights(f, weights) || !store_bias(f, bias))
        return ALT_OK;
    ALT_CHECK(replace(f, &w, &b));
    *changed = true;
    return ALT_OK;
}

static alt_status visit(struct alt_graph *g, struct alt_node *bn, bool *changed)
{
    struct alt_gvalue *x = bn->op == ALT_OP_BATCH_NORMALIZATION && bn->n_in >= 5 ? bn->in[0] : NULL;
    struct fold f = {.g = g, .bn = bn, .source = x ? x->producer : NULL};

    if (!f.source || x->n_uses != 1 || x->n_outputs || !is_plain_norm(bn) || !view_weights(f.source, &f.w) ||
        bn->out[0]->type.dtype != f.w.tensor->dtype)
        return ALT_OK;
    f.channels = f.w.channels * f.w.groups;
    if (!params_fit(&f) || !bias_fits(&f))
        return ALT_OK;
    struct alt_arena scratch;
    alt_status status = ALT_E_NOMEM;
    alt_arena_init(&scratch, g->arena->mem);
    f.factor = alt_arena_array(&scratch, (size_t)f.channels, sizeof *f.factor);
    f.bias = alt_arena_array(&scratch, (size_t)f.channels, sizeof *f.bias);
    if (f.factor && f.bias)
        status = compute_factors(&f) ? apply(&f, changed) : ALT_OK;
    alt_arena_free(&scratch);
    return status;
}

alt_status alt_pass_fold_batch_norm(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    (void)diag;
    for (struct alt_node *n = g->first, *next; n; n = next) {
        next = n->next;
        ALT_CHECK(visit(g, n, changed));
    }
    return ALT_OK;
}
