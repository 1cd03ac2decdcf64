/* recurrent_cell.c: activation functions, and one step of one sequence; see recurrent.h. The letters are those of the ONNX
 * operators: i, o, f, c are the gates of LSTM; z, r, h those of GRU. */
#include "runtime/ops/recurrent.h"

#include "runtime/ops/loop.h"
#include "runtime/scalar_math.h"

#include <math.h>
#include <string.h>
#include <strings.h>

/* --- rows --- */

#define ROW(name, T, parameters, statement) \
    static void name(void *y0, parameters, int64_t n) { \
        T *y = y0; ALT_IVDEP for (int64_t i = 0; i < n; i++) { statement; } }
#define ROWS(suffix, T) \
    ROW(add_##suffix, T, const void *x, y[i] += ((const T *)x)[i]) \
    ROW(multiply_##suffix, T, const void *x, y[i] *= ((const T *)x)[i]) \
    ROW(complement_##suffix, T, const void *x, y[i] = 1 - ((const T *)x)[i])
#define ROWS_OF_TWO(suffix, T) \
    static void add_product_##suffix(void *y, const void *a, const void *b, int64_t n) { \
        ALT_IVDEP for (int64_t i = 0; i < n; i++) ((T *)y)[i] += ((const T *)a)[i] * ((const T *)b)[i]; } \
    static void blend_##suffix(void *y0, const void *z0, const void *x, int64_t n) { T *y = y0; const T *z = z0; \
        ALT_IVDEP for (int64_t i = 0; i < n; i++) y[i] = (1 - z[i]) * ((const T *)x)[i] + z[i] * y[i]; }
#define CLIP(suffix, T) \
    static void clip_##suffix(void *y0, int64_t n, double most) { T *y = y0; const T high = (T)most; \
        ALT_IVDEP for (int64_t i = 0; i < n; i++) { const T x = y[i] > high ? high : y[i]; y[i] = x < -high ? -high : x; } }

ROWS(f32, float)
ROWS(f64, double)
ROWS_OF_TWO(f32, float)
ROWS_OF_TWO(f64, double)
CLIP(f32, float)
CLIP(f64, double)

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
    static void name##_##suffix(void *y0, int64_t n, double alpha, double beta) { \
        T *y = y0; const T a = (T)alpha, b = (T)beta; (void)a; (void)b; \
        ALT_IVDEP for (int64_t i = 0; i < n; i++) { const T x = y[i]; y[i] = (expression); } }
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
void alt_cell_rnn(const struct alt_cell *c, const struct alt_cell_row *row)
{
    add_sums(c, row, 0, 1);
    activate(c, 0, row->gate, c->hidden);
    memcpy(row->h, row->gate, (size_t)c->hidden * c->real);
}

void alt_cell_lstm(const struct alt_cell *c, const struct alt_cell_row *row)
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

void alt_cell_gru_gates(const struct alt_cell *c, const struct alt_cell_row *row)
{
    const size_t bytes = (size_t)c->hidden * c->real;
    add_sums(c, row, 0, 2);
    activate(c, 0, row->gate, 2 * c->hidden);
    memcpy(row->part, row->gate + bytes, bytes);
    c->math->multiply(row->part, row->h, c->hidden);
}

/* Ht = (1 - zt) g(ht) + zt Ht-1 with ht = Xt Wh^T + Wbh and either + (rt Ht-1) Rh^T + Rbh, or + rt (Ht-1 Rh^T + Rbh). */
void alt_cell_gru(const struct alt_cell *c, const struct alt_cell_row *row)
{
    const int64_t n = c->hidden;
    const size_t bytes = (size_t)n * c->real;
    char *r = row->gate + bytes, *h = r + bytes;
    if (c->linear_before_reset) {
        memcpy(row->part, row->recurrent + 2 * bytes, bytes);
        c->math->add(row->part, row->reset_bias, n);
        c->math->multiply(row->part, r, n);
        c->math->add(h, row->part, n);
        c->math->add(h, row->bias + 2 * bytes, n);
    } else {
        add_sums(c, row, 2, 1);
    }
    activate(c, 1, h, n);
    c->math->blend(row->h, row->gate, h, n);
}
