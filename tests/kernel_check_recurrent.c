/* kernel_check_recurrent.c: RNN, GRU and LSTM over both directions and layouts, with and without their optional inputs, next to
 * a reference that walks one sequence after the other. */
#include "tests/kernel_check.h"

#include "runtime/type.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { X, W, R, B, LENGTHS, H0, C0, P };

/* A layer as its node and inputs say. */
struct layer {
    const struct kc_tensor *in;
    int n_in, gates;
    bool flip, before_reset, coupled;
    double clip;
    int64_t directions, steps, batch, inputs, hidden;
};

static const double *part(const struct layer *l, int i, int64_t at)
{
    return i < l->n_in && l->in[i].rank >= 0 ? l->in[i].value + at : NULL;
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double clipped(const struct layer *l, double x)
{
    return l->clip > 0 && fabs(x) > l->clip ? copysign(l->clip, x) : x;
}

/* Row `row` of W (or R) of direction d times a vector. */
static double product(const struct layer *l, int which, int64_t d, int64_t row, const double *v)
{
    int64_t n = which == W ? l->inputs : l->hidden;
    const double *w = part(l, which, (d * l->gates * l->hidden + row) * n);
    double sum = 0;
    for (int64_t k = 0; k < n; k++)
        sum += w[k] * v[k];
    return sum;
}

static double bias(const struct layer *l, int64_t d, int64_t row, bool recurrent)
{
    int64_t columns = l->gates * l->hidden;
    const double *b = part(l, B, d * 2 * columns + recurrent * columns + row);
    return b ? *b : 0;
}

/* What goes into gate `row` of one unit, peepholes aside. */
static double input_of(const struct layer *l, int64_t d, int64_t row, const double *x, const double *h)
{
    return product(l, W, d, row, x) + product(l, R, d, row, h) + bias(l, d, row, false) + bias(l, d, row, true);
}

static void step_lstm(const struct layer *l, int64_t d, const double *x, const double *old, double *h, double *c)
{
    int64_t n = l->hidden;
    const double *p = part(l, P, d * 3 * n);
    for (int64_t k = 0; k < n; k++) {
        double i = sigmoid(clipped(l, input_of(l, d, k, x, old) + (p ? p[k] * c[k] : 0)));
        double f = sigmoid(clipped(l, input_of(l, d, 2 * n + k, x, old) + (p ? p[2 * n + k] * c[k] : 0)));
        double g = tanh(clipped(l, input_of(l, d, 3 * n + k, x, old)));
        c[k] = (l->coupled ? 1 - i : f) * c[k] + i * g;
        h[k] = tanh(c[k]) * sigmoid(clipped(l, input_of(l, d, n + k, x, old) + (p ? p[n + k] * c[k] : 0)));
    }
}

static void step_gru(const struct layer *l, int64_t d, const double *x, const double *old, double *h)
{
    int64_t n = l->hidden;
    double *reset = calloc((size_t)n + 1, sizeof *reset);
    for (int64_t k = 0; k < n; k++)
        reset[k] = sigmoid(clipped(l, input_of(l, d, n + k, x, old))) * (l->before_reset ? 1 : old[k]);
    for (int64_t k = 0; k < n; k++) {
        double z = sigmoid(clipped(l, input_of(l, d, k, x, old)));
        double recurrent = product(l, R, d, 2 * n + k, l->before_reset ? old : reset) + bias(l, d, 2 * n + k, true);
        double g = product(l, W, d, 2 * n + k, x) + bias(l, d, 2 * n + k, false);
        g = tanh(clipped(l, g + (l->before_reset ? reset[k] : 1) * recurrent));
        h[k] = (1 - z) * g + z * old[k];
    }
    free(reset);
}

static void step(const struct layer *l, int64_t d, const double *x, const double *old, double *h, double *c)
{
    if (l->gates == 4)
        step_lstm(l, d, x, old, h, c);
    else if (l->gates == 3)
        step_gru(l, d, x, old, h);
    else
        for (int64_t k = 0; k < l->hidden; k++)
            h[k] = tanh(clipped(l, input_of(l, d, k, x, old)));
}

/* Element of a state or of one step of Y. */
static int64_t state_at(const struct layer *l, int64_t d, int64_t b)
{
    return (l->flip ? b * l->directions + d : d * l->batch + b) * l->hidden;
}

static int64_t y_at(const struct layer *l, int64_t t, int64_t d, int64_t b)
{
    return l->flip ? ((b * l->steps + t) * l->directions + d) * l->hidden
                   : ((t * l->directions + d) * l->batch + b) * l->hidden;
}

static void sequence(const struct layer *l, bool reverse, int64_t d, int64_t b, struct kc_tensor *out)
{
    int64_t n = l->hidden, length = l->steps;
    size_t bytes = (size_t)n * sizeof(double);
    double *state = calloc(3 * (size_t)n + 1, sizeof *state), *old = state + n, *c = old + n;
    const double *h0 = part(l, H0, state_at(l, d, b)), *c0 = part(l, C0, state_at(l, d, b));
    if (h0)
        memcpy(state, h0, bytes);
    if (c0)
        memcpy(c, c0, bytes);
    if (part(l, LENGTHS, b))
        length = (int64_t)*part(l, LENGTHS, b);
    for (int64_t s = 0; s < length; s++) {
        int64_t t = reverse ? length - 1 - s : s;
        memcpy(old, state, bytes);
        step(l, d, part(l, X, (l->flip ? b * l->steps + t : t * l->batch + b) * l->inputs), old, state, c);
        memcpy(out[0].value + y_at(l, t, d, b), state, bytes);
    }
    memcpy(out[1].value + state_at(l, d, b), state, bytes);
    if (l->gates == 4)
        memcpy(out[2].value + state_at(l, d, b), c, bytes);
    free(state);
}

static void recurrent_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                                struct kc_tensor *out)
{
    struct layer l = {.in = in, .n_in = c->n_in, .flip = alt_attr_int(node, "layout", 0),
                      .before_reset = alt_attr_int(node, "linear_before_reset", 0),
                      .coupled = alt_attr_int(node, "input_forget", 0), .clip = (double)alt_attr_float(node, "clip", 0)};
    const char *direction = alt_attr_text(node, "direction", "forward");
    l.directions = in[R].dim[0];
    l.steps = in[X].dim[l.flip];
    l.batch = in[X].dim[!l.flip];
    l.inputs = in[X].dim[2];
    l.hidden = in[R].dim[2];
    l.gates = (int)(in[R].dim[1] / l.hidden);
    int64_t y[4] = {l.steps, l.directions, l.batch, l.hidden}, state[3] = {l.directions, l.batch, l.hidden};
    if (l.flip) {
        memcpy(y, (int64_t[]){l.batch, l.steps, l.directions, l.hidden}, sizeof y);
        memcpy(state, (int64_t[]){l.batch, l.directions, l.hidden}, sizeof state);
    }
    for (int o = 0; o < c->n_out; o++) {
        kc_out(&out[o], o ? 3 : 4, o ? state : y, true);
        for (int64_t i = 0; i < out[o].count; i++)
            out[o].weight[i] = 1; /* states are about one */
    }
    for (int64_t d = 0; d < l.directions; d++)
        for (int64_t b = 0; b < l.batch; b++)
            sequence(&l, d == 1 || strcmp(direction, "reverse") == 0, d, b, out);
}

/* --- cases --- */

enum { FLIP = 1, BIAS = 2, SHORT = 4, STATES = 8, PEEP = 16, KNOWN = 32, CLIP = 64, OTHER = 128 };

static struct kc_input *weights(struct kc_case *c, alt_dtype dtype, int rank, const int64_t *dims)
{
    struct kc_input *in = kc_in(c, dtype, rank, dims);
    in->low = -0.5;
    in->high = 0.5;
    return in;
}

static void optional(struct kc_case *c, bool wanted, alt_dtype dtype, int rank, const int64_t *dims)
{
    if (wanted)
        weights(c, dtype, rank, dims);
    else
        kc_in_omitted(c);
}

/* size: steps, sequences, inputs, hidden units. */
static void recurrent_case(struct kc_run *run, const char *op, const char *direction, const int64_t *size, int flags,
                           alt_dtype dtype)
{
    int gates = strcmp(op, "LSTM") == 0 ? 4 : strcmp(op, "GRU") == 0 ? 3 : 1;
    int64_t d = strcmp(direction, "bidirectional") == 0 ? 2 : 1, t = size[0], b = size[1], i = size[2], h = size[3];
    bool flip = flags & FLIP;
    int64_t state[3] = {flip ? b : d, flip ? d : b, h};
    struct kc_case c = kc_case(op, 14, recurrent_reference);
    weights(&c, dtype, 3, (int64_t[]){flip ? b : t, flip ? t : b, i});
    weights(&c, dtype, 3, (int64_t[]){d, gates * h, i})->known = flags & KNOWN;
    struct kc_input *r = weights(&c, dtype, 3, (int64_t[]){d, gates * h, h});
    r->known = flags & KNOWN;
    r->high = 1 / sqrt((double)h); /* larger ones make long sequences chaotic */
    r->low = -r->high;
    optional(&c, flags & BIAS, dtype, 2, (int64_t[]){d, 2 * gates * h});
    struct kc_input *lengths = flags & SHORT ? kc_in(&c, ALT_INT32, 1, &b) : kc_in_omitted(&c);
    lengths->low = 0;
    lengths->high = (double)t;
    optional(&c, flags & STATES, dtype, 3, state);
    if (gates == 4) {
        optional(&c, flags & STATES, dtype, 3, state);
        optional(&c, flags & PEEP, dtype, 2, (int64_t[]){d, 3 * h});
        kc_attr_int(&c, "input_forget", (flags & OTHER) != 0);
    }
    if (gates == 3)
        kc_attr_int(&c, "linear_before_reset", (flags & OTHER) != 0);
    kc_attr_text(&c, "direction", direction);
    kc_attr_int(&c, "hidden_size", h);
    kc_attr_int(&c, "layout", flip);
    if (flags & CLIP)
        kc_attr_float(&c, "clip", 0.25);
    c.n_out = gates == 4 ? 3 : 2;
    c.note = flags & KNOWN ? "packed" : NULL;
    c.ulps = 4;
    c.reduction = 4 * (i + h + 8);
    kc_check(run, &c);
}

static void recurrent_cases(struct kc_run *run)
{
    static const char *const ops[] = {"RNN", "GRU", "LSTM"}, *const directions[] = {"forward", "reverse", "bidirectional"};
    static const int64_t sizes[][4] = {{1, 1, 1, 1}, {5, 3, 7, 11}, {3, 17, 13, 5}, {2, 1, 31, 33}, {7, 2, 16, 16}};
    for (int o = 0; o < 3; o++)
        for (int d = 0; d < 3; d++)
            for (int s = 0; s < 5; s++) {
                int flags = (int)kc_random(run, 0, 255);
                recurrent_case(run, ops[o], directions[d], sizes[s], flags, ALT_FLOAT32);
                recurrent_case(run, ops[o], directions[d], sizes[s], flags ^ 255, ALT_FLOAT32);
            }
    for (int o = 0; o < 3; o++) {
        for (int s = 0; s < 3; s++) {
            recurrent_case(run, ops[o], "forward", sizes[s], BIAS | STATES | KNOWN, ALT_FLOAT64);
            recurrent_case(run, ops[o], "bidirectional", sizes[s], FLIP | SHORT | OTHER, ALT_FLOAT64);
            recurrent_case(run, ops[o], "reverse", sizes[s], BIAS | OTHER | KNOWN, ALT_FLOAT16);
            recurrent_case(run, ops[o], "forward", sizes[s], STATES | SHORT | PEEP, ALT_BFLOAT16);
        }
        recurrent_case(run, ops[o], "forward", (int64_t[]){0, 2, 3, 4}, STATES, ALT_FLOAT32);
        recurrent_case(run, ops[o], "reverse", (int64_t[]){3, 0, 3, 4}, 0, ALT_FLOAT32);
        recurrent_case(run, ops[o], "forward", (int64_t[]){3, 2, 0, 4}, BIAS, ALT_FLOAT32);
        /* the usual cells: no clip, no peephole, gates not coupled; both forms of GRU */
        for (int s = 0; s < 5; s++) {
            recurrent_case(run, ops[o], "forward", sizes[s], BIAS | STATES | KNOWN, ALT_FLOAT32);
            recurrent_case(run, ops[o], "bidirectional", sizes[s], SHORT | (o == 1 ? OTHER : 0), ALT_FLOAT32);
        }
        /* one to four sequences by several panels and a narrow one */
        for (int b = 1; b <= 4; b++)
            recurrent_case(run, ops[o], "forward", (int64_t[]){2, b, 5, 37}, BIAS | KNOWN, ALT_FLOAT32);
        recurrent_case(run, ops[o], "reverse", (int64_t[]){2, 1, 3, 151}, BIAS | KNOWN, ALT_FLOAT32);
        recurrent_case(run, ops[o], "reverse", (int64_t[]){2, 2, 3, 41}, BIAS | KNOWN, ALT_FLOAT64);
        /* layers as models have them */
        recurrent_case(run, ops[o], "forward", (int64_t[]){50, 1, 128, 128}, BIAS | KNOWN | (o == 1 ? OTHER : 0), ALT_FLOAT32);
        recurrent_case(run, ops[o], "forward", (int64_t[]){50, 16, 64, 64}, BIAS | KNOWN | (o == 1 ? OTHER : 0), ALT_FLOAT32);
        /* more than one chunk of steps, and a last one that is shorter */
        recurrent_case(run, ops[o], "bidirectional", (int64_t[]){130, 16, 5, 67}, BIAS | SHORT, ALT_FLOAT32);
    }
}

const struct kc_family kc_recurrent = {"recurrent", recurrent_cases};
