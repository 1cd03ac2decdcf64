/* recurrent_cell.c: activation functions, and one step of one sequence; see recurrent.h. The letters are those of the ONNX
 * operators: i, o, f, c are the gates of LSTM; z, r, h those of GRU. */
#include "runtime/ops/recurrent.h"

#include "runtime/ops/loop.h"
#include "runtime/scalar_math.h"

#include <math.h>
#include <string.h>
#include <strings.h>

/* --- rows --- */

#define ROW(name, type, parameters, arguments, ...) \
    ALT_LOOP(name, parameters, arguments, { \
        typedef type T; T *y = y0; ALT_IVDEP for (int64_t i = 0; i < n; i++) { __VA_ARGS__; } })
#define ROWS(name, parameters, arguments, ...) \
    ROW(name##_f32, float, parameters, arguments, __VA_ARGS__) ROW(name##_f64, double, parameters, arguments, __VA_ARGS__)

ROWS(add, (void *y0, const void *x, int64_t n), (y0, x, n), y[i] += ((const T *)x)[i])
ROWS(multiply, (void *y0, const void *x, int64_t n), (y0, x, n), y[i] *= ((const T *)x)[i])
ROWS(complement, (void *y0, const void *x, int64_t n), (y0, x, n), y[i] = 1 - ((const T *)x)[i])
ROWS(add_product, (void *y0, const void *a, const void *b, int64_t n), (y0, a, b, n), y[i] += ((const T *)a)[i] * ((const T *)b)[i])
ROWS(blend, (void *y0, const void *z, const void *x, int64_t n), (y0, z, x, n),
     y[i] = (1 - ((const T *)z)[i]) * ((const T *)x)[i] + ((const T *)z)[i] * y[i])
ROWS(clip, (void *y0, int64_t n, double most), (y0, n, most),
     const T high = (T)most, x = y[i] > high ? high : y[i]; y[i] = x < -high ? -high : x)

const struct alt_row_math *alt_row_math(enum alt_wide wide)
{
    static const struct alt_row_math f32 = {add_f32, multiply_f32, add_product_f32, complement_f32, blend_f32, clip_f32};
    static const struct alt_row_math f64 = {add_f64, multiply_f64, add_product_f64, complement_f64, blend_f64, clip_f64};
    return wide == ALT_WIDE_F64 ? &f64 : &f32;
}

/* --- activation functions --- */

static inline double logistic_f64(double x)
{
    const double e = exp(-fabs(x));
    return (x < 0 ? e : 1) / (1 + e);
}

static inline float above0_f32(float x) { return x < 0 ? 0 : x; }
static inline double above0_f64(double x) { return x < 0 ? 0 : x; }
static inline float below0_f32(float x) { return x > 0 ? 0 : x; }

#define ACTIVATE(name, suffix, T, expression) \
    ALT_LOOP(name##_##suffix, (void *y0, int64_t n, double alpha, double beta), (y0, n, alpha, beta), { \
        T *y = y0; const T a = (T)alpha, b = (T)beta; (void)a; (void)b; \
        ALT_IVDEP for (int64_t i = 0; i < n; i++) { const T x = y[i]; y[i] = (expression); } })
#define BOTH(name, single, wide) ACTIVATE(name, f32, float, single) ACTIVATE(name, f64, double, wide)

BOTH(affine, a * x + b, a * x + b)
BOTH(elu, x < 0 ? a * alt_expm1_f32(below0_f32(x)) : x, x < 0 ? a * expm1(x) : x)
BOTH(hard_sigmoid, above0_f32(a * x + b > 1 ? 1 : a * x + b), above0_f64(a * x + b > 1 ? 1 : a * x + b))
BOTH(leaky_relu, x < 0 ? a * x : x, x < 0 ? a * x : x)
BOTH(relu, above0_f32(x), above0_f64(x))
BOTH(scaled_tanh, a * alt_tanh_f32(b * x), a * tanh(b * x))
BOTH(sigmoid, alt_sigmoid_f32(x), logistic_f64(x))
BOTH(softplus, above0_f32(x) + alt_log1p_f32(alt_exp_f32(-fabsf(x))), above0_f64(x) + log1p(exp(-fabs(x))))
BOTH(softsign, x / (1 + fabsf(x)), x / (1 + fabs(x)))
BOTH(tanh, alt_tanh_f32(x), tanh(x))
BOTH(thresholded_relu, x < a ? 0 : x, x < a ? 0 : x)

/* Which of alpha and beta a function has, and what they are when the model does not say. */
static const struct function {
    const char *name;
    alt_activate_fn *f32, *f64;
    bool has_alpha, has_beta;
    float alpha, beta;
} functions[] = {
    {"Affine", affine_f32, affine_f64, true, true, 1, 0},
    {"Elu", elu_f32, elu_f64, true, false, 1, 0},
    {"HardSigmoid", hard_sigmoid_f32, hard_sigmoid_f64, true, true, 0.2f, 0.5f},
    {"LeakyRelu", leaky_relu_f32, leaky_relu_f64, true, false, 0.01f, 0},
    {"Relu", relu_f32, relu_f64, false, false, 0, 0},
    {"ScaledTanh", scaled_tanh_f32, scaled_tanh_f64, true, true, 1, 1},
    {"Sigmoid", sigmoid_f32, sigmoid_f64, false, false, 0, 0},
    {"Softplus", softplus_f32, softplus_f64, false, false, 0, 0},
    {"Softsign", softsign_f32, softsign_f64, false, false, 0, 0},
    {"Tanh", tanh_f32, tanh_f64, false, false, 0, 0},
    {"ThresholdedRelu", thresholded_relu_f32, thresholded_relu_f64, true, false, 1, 0},
};

/* Exporters differ in upper and lower case. */
static const struct function *find_function(const char *name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcasecmp(functions[i].name, name) == 0)
            return &functions[i];
    return NULL;
}

/* The next value of a list for a function that takes one. */
static double next_value(bool takes, const float *list, int64_t count, int64_t *used, float otherwise)
{
    return (double)(takes && *used < count ? list[(*used)++] : otherwise);
}

const char *alt_activations_read(const struct alt_node *n, enum alt_wide wide, int directions, int count,
                                 struct alt_activation (*out)[3])
{
    static const char *const standard[] = {"Sigmoid", "Tanh", "Tanh"};
    const struct alt_attr *names = alt_attr_find(n, "activations");
    const float *alpha, *beta;
    const int64_t alphas = alt_attr_floats(n, "activation_alpha", &alpha);
    const int64_t betas = alt_attr_floats(n, "activation_beta", &beta);
    int64_t used_alpha = 0, used_beta = 0;
    if (names && names->count == 0)
        names = NULL;
    if (names && (!names->strings || names->count != (int64_t)directions * count))
        return "activations must name as many functions as the cell has, for each direction";
    for (int i = 0; i < directions * count; i++) {
        const struct function *f = find_function(names ? names->strings[i].data : standard[count == 1 ? 1 : i % count]);
        if (!f)
            return "activations may be Affine, Elu, HardSigmoid, LeakyRelu, Relu, ScaledTanh, Sigmoid, Softplus, Softsign, "
                   "Tanh, ThresholdedRelu";
        struct alt_activation *a = &out[i / count][i % count];
        a->fn = wide == ALT_WIDE_F64 ? f->f64 : f->f32;
        a->alpha = next_value(f->has_alpha, alpha, alphas, &used_alpha, f->alpha);
        a->beta = next_value(f->has_beta, beta, betas, &used_beta, f->beta);
    }
    return NULL;
}

/* --- cells --- */

/* f(clip(y)) for n elements. */
static void activate(const struct alt_cell *c, int which, char *y, int64_t n)
{
    const struct alt_activation *a = &c->activation[which];
    if (c->clipped)
        c->math->clip(y, n, c->clip);
    a->fn(y, n, a->alpha, a->beta);
}

/* Adds the recurrent sums and the biases of `count` gates from gate `first` on. */
static void add_sums(const struct alt_cell *c, const struct alt_cell_row *row, int first, int count)
{
    const size_t at = (size_t)first * (size_t)c->hidden * c->real;
    c->math->add(row->gate + at, row->recurrent + at, count * c->hidden);
    c->math->add(row->gate + at, row->bias + at, count * c->hidden);
}

/* Ht = f(Xt W^T + Ht-1 R^T + Wb + Rb) */
static void rnn(const struct alt_cell *c, const struct alt_cell_row *row)
{
    add_sums(c, row, 0, 1);
    activate(c, 0, row->gate, c->hidden);
    memcpy(row->h, row->gate, (size_t)c->hidden * c->real);
}

static void lstm(const struct alt_cell *c, const struct alt_cell_row *row)
{
    const int64_t n = c->hidden;
    const size_t bytes = (size_t)n * c->real;
    const struct alt_row_math *m = c->math;
    char *i = row->gate, *o = i + bytes, *f = o + bytes, *g = f + bytes;
    add_sums(c, row, 0, 4);
    if (row->peephole) {
        m->add_product(i, row->peephole, row->c, n);
        m->add_product(f, row->peephole + 2 * bytes, row->c, n);
    }
    activate(c, 0, i, n);
    if (c->input_forget)
        m->complement(f, i, n);
    else
        activate(c, 0, f, n);
    activate(c, 1, g, n);
    m->multiply(row->c, f, n); /* Ct = ft Ct-1 + it ct */
    m->add_product(row->c, i, g, n);
    if (row->peephole)
        m->add_product(o, row->peephole + bytes, row->c, n);
    activate(c, 0, o, n);
    memcpy(row->h, row->c, bytes); /* Ht = ot h(Ct) */
    c->activation[2].fn(row->h, n, c->activation[2].alpha, c->activation[2].beta);
    m->multiply(row->h, o, n);
}

/* Gates z and r, and what the hidden gate's recurrent sum is to be made of. */
static void gru_reset(const struct alt_cell *c, const struct alt_cell_row *row)
{
    const size_t bytes = (size_t)c->hidden * c->real;
    add_sums(c, row, 0, 2);
    activate(c, 0, row->gate, 2 * c->hidden);
    memcpy(row->part, row->gate + bytes, bytes);
    c->math->multiply(row->part, row->h, c->hidden);
}

/* Ht = (1 - zt) g(ht) + zt Ht-1 with ht = Xt Wh^T + Wbh + (rt Ht-1) Rh^T + Rbh. */
static void gru(const struct alt_cell *c, const struct alt_cell_row *row)
{
    char *h = row->gate + 2 * (size_t)c->hidden * c->real;
    add_sums(c, row, 2, 1);
    activate(c, 1, h, c->hidden);
    c->math->blend(row->h, row->gate, h, c->hidden);
}

/* The same with ht = Xt Wh^T + Wbh + rt (Ht-1 Rh^T + Rbh). */
static void gru_linear(const struct alt_cell *c, const struct alt_cell_row *row)
{
    const int64_t n = c->hidden;
    const size_t bytes = (size_t)n * c->real;
    char *r = row->gate + bytes, *h = r + bytes;
    add_sums(c, row, 0, 2);
    activate(c, 0, row->gate, 2 * n);
    memcpy(row->part, row->recurrent + 2 * bytes, bytes);
    c->math->add(row->part, row->reset_bias, n);
    c->math->multiply(row->part, r, n);
    c->math->add(h, row->part, n);
    c->math->add(h, row->bias + 2 * bytes, n);
    activate(c, 1, h, n);
    c->math->blend(row->h, row->gate, h, n);
}

/* --- choice --- */

static const struct form {
    enum alt_op op;
    bool linear, usual;
    alt_cell_fn *reset, *step;
} forms[] = {
    {ALT_OP_RNN, false, false, NULL, rnn},
    {ALT_OP_GRU, false, false, gru_reset, gru},
    {ALT_OP_GRU, false, true, alt_cell_gru_reset_fused, alt_cell_gru_fused},
    {ALT_OP_GRU, true, false, NULL, gru_linear},
    {ALT_OP_GRU, true, true, NULL, alt_cell_gru_linear_fused},
    {ALT_OP_LSTM, false, false, NULL, lstm},
    {ALT_OP_LSTM, false, true, NULL, alt_cell_lstm_fused},
};

/* What recurrent_fused.c takes. */
static bool is_usual(const struct alt_cell *c, enum alt_op op, bool peephole)
{
    static alt_activate_fn *const usually[] = {sigmoid_f32, tanh_f32, tanh_f32};
    const int count = op == ALT_OP_LSTM ? 3 : 2;
    bool usual = op != ALT_OP_RNN && !peephole && !c->clipped && !c->input_forget;
    for (int i = 0; usual && i < count; i++)
        usual = c->activation[i].fn == usually[i];
    return usual;
}

void alt_cell_choose(struct alt_cell *c, enum alt_op op, bool peephole)
{
    const bool linear = op == ALT_OP_GRU && c->linear_before_reset, usual = is_usual(c, op, peephole);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (forms[i].op == op && forms[i].linear == linear && forms[i].usual == usual) {
            c->reset = forms[i].reset;
            c->step = forms[i].step;
        }
}
