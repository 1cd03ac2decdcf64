/* activation.c: the activation functions of neural networks: one input, bounds and slopes from attributes.
 *
 * float16 and bfloat16 are computed in float32, float64 through libm. The float32 loops use scalar_math.h and have no
 * branches, so that they vectorise. NaN stays NaN everywhere. Clip has a file of its own.
 */
#include "runtime/ops/pointwise.h"

#include "runtime/mem.h"
#include "runtime/scalar_math.h"

#include <math.h>
#include <string.h>

/* The attributes, as both types so that loops need no conversion. */
struct slopes {
    float a32, b32;
    double a, b;
};

#define MAP(name, T, suffix, expression) \
    ALT_LOOP(name##_each, (const T *restrict in, T *restrict out, int64_t n, T a, T b), (in, out, n, a, b), { \
        (void)a; (void)b; ALT_LONG for (int64_t i = 0; i < n; i++) { const T x = in[i]; out[i] = (T)(expression); } }) \
    static void name(const struct alt_loop *l) { const struct slopes *s = l->param; \
        name##_each(l->in[0], l->out, l->n, s->a##suffix, s->b##suffix); }
#define MAP_FLOAT(name, f32, f64) MAP(name##_f32_loop, float, 32, f32) MAP(name##_f64_loop, double, , f64)
#define MAP_SAME(name, expression) MAP_FLOAT(name, expression, expression)

/* Comparisons are written so that NaN takes the branch that returns or computes with x. */
static inline float above0_f32(float x) { return x < 0.0f ? 0.0f : x; }
static inline double above0_f64(double x) { return x < 0.0 ? 0.0 : x; }
static inline float unit_f32(float x) { return above0_f32(x > 1.0f ? 1.0f : x); }
static inline double unit_f64(double x) { return above0_f64(x > 1.0 ? 1.0 : x); }
static inline float below0_f32(float x) { return x > 0.0f ? 0.0f : x; }
static inline double sigmoid_f64(double x)
{
    const double e = exp(-fabs(x));
    return (x < 0 ? e : 1) / (1 + e);
}

static inline float softplus_f32(float x) { return above0_f32(x) + alt_log1p_f32(alt_exp_f32(-fabsf(x))); }
static inline double softplus_f64(double x) { return above0_f64(x) + log1p(exp(-fabs(x))); }

/* x tanh(softplus(x)) with e = exp(x): tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2), which is 1 in float32 from 20 on. */
static inline float mish_f32(float x)
{
    const float e = alt_exp_f32(x > 20.0f ? 20.0f : x);
    const float t = e * (e + 2.0f);
    const float y = t / (t + 2.0f);
    return x > 20.0f ? x : x * y;
}

#define SQRT_HALF 0.70710678118654752
#define SQRT_2_PI 0.79788456080286536 /* sqrt(2 / pi) */
static inline float gelu_f32(float x) { return x * alt_phi_f32(x); }
static inline double gelu_f64(double x) { return 0.5 * x * erfc(-x * SQRT_HALF); }
/* (1 + tanh(t)) / 2 = sigmoid(2t) */
static inline float gelu_tanh_f32(float x) { return x * alt_sigmoid_f32((float)(2 * SQRT_2_PI) * (x + 0.044715f * x * x * x)); }
static inline double gelu_tanh_f64(double x) { return 0.5 * x * (1 + tanh(SQRT_2_PI * (x + 0.044715 * x * x * x))); }

MAP_FLOAT(relu, above0_f32(x), above0_f64(x))
MAP_SAME(affine, a * x + b)
MAP_SAME(leaky_relu, x < 0 ? a * x : x)
MAP_FLOAT(elu, x < 0 ? a * alt_expm1_f32(below0_f32(x)) : x, x < 0 ? a * expm1(x) : x)
MAP_FLOAT(selu, b * (x < 0 ? a * alt_expm1_f32(below0_f32(x)) : x), b * (x < 0 ? a * expm1(x) : x))
MAP_FLOAT(celu, x < 0 ? a * alt_expm1_f32(below0_f32(x / a)) : x, x < 0 ? a * expm1(x / a) : x)
MAP_FLOAT(sigmoid, alt_sigmoid_f32(x), sigmoid_f64(x))
MAP_FLOAT(hard_sigmoid, unit_f32(a * x + b), unit_f64(a * x + b))
MAP_FLOAT(hard_swish, x * unit_f32(x * (1.0f / 6.0f) + 0.5f), x * unit_f64(x * (1.0 / 6.0) + 0.5))
MAP_FLOAT(softplus, softplus_f32(x), softplus_f64(x))
MAP_FLOAT(softsign, x / (1.0f + fabsf(x)), x / (1.0 + fabs(x)))
MAP_SAME(thresholded_relu, x <= a ? 0 : x)
MAP_FLOAT(tanh, alt_tanh_f32(x), tanh(x))
MAP_FLOAT(mish, mish_f32(x), x * tanh(softplus_f64(x)))
MAP_FLOAT(gelu, gelu_f32(x), gelu_f64(x))
MAP_FLOAT(gelu_tanh, gelu_tanh_f32(x), gelu_tanh_f64(x))
MAP_FLOAT(swish, x * alt_sigmoid_f32(a * x), x * sigmoid_f64(a * x))
MAP_SAME(shrink, x < -a ? x + b : x > a ? x - b : (x != x ? x : 0)) /* a is lambd, b is bias */

/* Integers: only Relu and Shrink. Shrink's attributes are floats, so it computes in double and truncates as a cast does. */
static void relu_i64(const struct alt_loop *l)
{
    const int64_t *in = l->in[0];
    int64_t *out = l->out;
    for (int64_t i = 0; i < l->n; i++)
        out[i] = in[i] < 0 ? 0 : in[i];
}

static void shrink_int(const struct alt_loop *l, enum alt_wide wide, alt_dtype dtype)
{
    double block[ALT_POINTWISE_BLOCK];
    struct alt_loop part = {.in = {block}, .step = {1}, .out = block, .param = l->param};
    for (int64_t at = 0; at < l->n; at += part.n) {
        part.n = l->n - at < ALT_POINTWISE_BLOCK ? l->n - at : ALT_POINTWISE_BLOCK;
        alt_wide_store(wide, ALT_FLOAT64)(block, 1, (const int64_t *)l->in[0] + at, part.n);
        shrink_f64_loop(&part);
        alt_wide_store(ALT_WIDE_F64, dtype)((int64_t *)l->out + at, 1, block, part.n);
    }
}
static void shrink_i64(const struct alt_loop *l) { shrink_int(l, ALT_WIDE_I64, ALT_INT64); }
static void shrink_u64(const struct alt_loop *l) { shrink_int(l, ALT_WIDE_U64, ALT_UINT64); }

static int bind(struct alt_kernel_bind *b);

/* The attributes of an operator and what they are by default; NULL: none. */
static const struct attributes {
    enum alt_op op;
    const char *a, *b;
    float a_default, b_default;
} attributes[] = {
    {ALT_OP_AFFINE, "alpha", "beta", 1, 0},
    {ALT_OP_LEAKY_RELU, "alpha", NULL, 0.01f, 0},
    {ALT_OP_ELU, "alpha", NULL, 1, 0},
    {ALT_OP_SELU, "alpha", "gamma", 1.67326319217681884765625f, 1.05070102214813232421875f},
    {ALT_OP_CELU, "alpha", NULL, 1, 0},
    {ALT_OP_HARD_SIGMOID, "alpha", "beta", 0.2f, 0.5f},
    {ALT_OP_THRESHOLDED_RELU, "alpha", NULL, 1, 0},
    {ALT_OP_SWISH, "alpha", NULL, 1, 0},
    {ALT_OP_SHRINK, "lambd", "bias", 0.5f, 0},
};

#define KERNEL(title) ALT_POINTWISE_KERNEL(title, bind)
#define FLOATS(ID, title, name, cost) {ALT_OP_##ID, KERNEL(title), {name##_f32_loop, name##_f64_loop, NULL, NULL}, cost}
static const struct alt_pointwise_row table[] = {
    {ALT_OP_RELU, KERNEL("relu"), {relu_f32_loop, relu_f64_loop, relu_i64, NULL}, 1},
    FLOATS(AFFINE, "affine", affine, 2),
    FLOATS(LEAKY_RELU, "leaky_relu", leaky_relu, 2),
    FLOATS(ELU, "elu", elu, 20),
    FLOATS(SELU, "selu", selu, 20),
    FLOATS(CELU, "celu", celu, 25),
    FLOATS(SIGMOID, "sigmoid", sigmoid, 25),
    FLOATS(HARD_SIGMOID, "hard_sigmoid", hard_sigmoid, 3),
    FLOATS(HARD_SWISH, "hard_swish", hard_swish, 4),
    FLOATS(SOFTPLUS, "softplus", softplus, 50),
    FLOATS(SOFTSIGN, "softsign", softsign, 5),
    FLOATS(THRESHOLDED_RELU, "thresholded_relu", thresholded_relu, 1),
    FLOATS(TANH, "tanh", tanh, 30),
    FLOATS(MISH, "mish", mish, 30),
    FLOATS(GELU, "gelu", gelu, 45),
    FLOATS(SWISH, "swish", swish, 27),
    {ALT_OP_SHRINK, KERNEL("shrink"), {shrink_f32_loop, shrink_f64_loop, shrink_i64, shrink_u64}, 2},
};

static const struct alt_pointwise_row *row_of(const struct alt_node *n)
{
    return alt_pointwise_row(table, sizeof table / sizeof *table, n->op);
}

static const struct slopes *read_slopes(const struct alt_node *n, struct alt_arena *arena)
{
    struct slopes *s = alt_arena_alloc(arena, sizeof *s);
    for (size_t i = 0; s && i < sizeof attributes / sizeof *attributes; i++) {
        const struct attributes *r = &attributes[i];
        if (r->op != n->op)
            continue;
        s->a = s->a32 = alt_attr_float(n, r->a, r->a_default);
        s->b = s->b32 = r->b ? alt_attr_float(n, r->b, r->b_default) : 0;
    }
    return s;
}

static bool tanh_form(const struct alt_node *n)
{
    return n->op == ALT_OP_GELU && strcmp(alt_attr_text(n, "approximate", "none"), "tanh") == 0;
}

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_pointwise_row *row = row_of(b->node);
    const enum alt_wide wide = alt_wide_of(b->in[0].dtype);
    struct alt_pointwise_spec spec = {.loop = row->loop[wide], .cost = row->cost};
    spec.param = read_slopes(b->node, b->arena);
    if (!spec.param)
        return ALT_E_NOMEM;
    if (tanh_form(b->node))
        spec.loop = wide == ALT_WIDE_F32 ? gelu_tanh_f32_loop : gelu_tanh_f64_loop;
    return alt_pointwise_bind(b, &spec);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    return alt_pointwise_select(sel, row_of(sel->node), out);
}

static alt_status infer(struct alt_infer *inf)
{
    const unsigned more = inf->node->op == ALT_OP_RELU ? ALT_CLASS_SIGNED : inf->node->op == ALT_OP_SHRINK ? ALT_CLASS_INT : 0;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT | more));
    if (inf->node->op == ALT_OP_CELU && alt_attr_float(inf->node, "alpha", 1) == 0)
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute alpha is 0");
    alt_infer_like(inf, 0, 0);
    return ALT_OK;
}

const struct alt_op_impl alt_op_activation = {.infer = infer, .select = choose};
