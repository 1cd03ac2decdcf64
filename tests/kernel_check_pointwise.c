/* kernel_check_pointwise.c: operators whose element i depends on element i of broadcast inputs. A row names an operator,
 * the formula in doubles, and how far float32 answers may be off (units in the last place: the bounds of scalar_math.h for
 * what it defines, those of the C library's documentation for the rest). Half types are computed in float32 and rounded
 * once, so they are held to half a unit and a little.
 */
#include "tests/kernel_check.h"

#include "runtime/type.h"

#include <math.h>
#include <string.h>

enum { F = ALT_CLASS_FLOAT, I = ALT_CLASS_SIGNED, U = ALT_CLASS_UNSIGNED, B = ALT_CLASS_BOOL };

typedef double formula(const struct alt_node *n, const double *x, int count);

struct row {
    const char *op;
    int64_t opset;
    int inputs;
    unsigned classes;
    formula *f;
    double ulps;
    double low[2], high[2]; /* of floats, first input and the others; both 0: [-3, 3] */
    double slack;           /* more, relative to the largest input: where the formula cancels */
    double whole_low;       /* of the other integer inputs; with whole_high, where zero is not allowed */
    double whole_high;
};

static double attr(const struct alt_node *n, const char *name, double otherwise)
{
    return (double)alt_attr_float(n, name, (float)otherwise);
}

/* NaN stays. */
static double limit(double x, double low, double high)
{
    double y = x < low ? low : x;
    return y > high ? high : y;
}

#define FORMULA(name, expression) \
    static double name(const struct alt_node *n, const double *x, int count) \
    { \
        (void)n, (void)count; \
        return expression; \
    }
FORMULA(f_abs, fabs(x[0]))
FORMULA(f_neg, -x[0])
FORMULA(f_ceil, ceil(x[0]))
FORMULA(f_floor, floor(x[0]))
FORMULA(f_round, rint(x[0]))
FORMULA(f_sign, isnan(x[0]) ? x[0] : (double)((x[0] > 0) - (x[0] < 0)))
FORMULA(f_sqrt, sqrt(x[0]))
FORMULA(f_reciprocal, 1 / x[0])
FORMULA(f_exp, exp(x[0]))
FORMULA(f_log, log(x[0]))
FORMULA(f_erf, erf(x[0]))
FORMULA(f_sin, sin(x[0]))
FORMULA(f_cos, cos(x[0]))
FORMULA(f_tan, tan(x[0]))
FORMULA(f_asin, asin(x[0]))
FORMULA(f_acos, acos(x[0]))
FORMULA(f_atan, atan(x[0]))
FORMULA(f_sinh, sinh(x[0]))
FORMULA(f_cosh, cosh(x[0]))
FORMULA(f_asinh, asinh(x[0]))
FORMULA(f_acosh, acosh(x[0]))
FORMULA(f_atanh, atanh(x[0]))
FORMULA(f_tanh, tanh(x[0]))
FORMULA(f_not, x[0] == 0)
FORMULA(f_isnan, isnan(x[0]))
FORMULA(f_isinf, isinf(x[0]) != 0)
FORMULA(f_relu, x[0] < 0 ? 0 : x[0])
FORMULA(f_sigmoid, 1 / (1 + exp(-x[0])))
FORMULA(f_softplus, x[0] > 0 ? x[0] + log1p(exp(-x[0])) : log1p(exp(x[0])))
FORMULA(f_softsign, x[0] / (1 + fabs(x[0])))
FORMULA(f_elu, x[0] < 0 ? attr(n, "alpha", 1) * expm1(x[0]) : x[0])
FORMULA(f_celu, x[0] < 0 ? attr(n, "alpha", 1) * expm1(x[0] / attr(n, "alpha", 1)) : x[0])
FORMULA(f_selu, attr(n, "gamma", 1.05070102214813232421875) *
                    (x[0] > 0 ? x[0] : attr(n, "alpha", 1.67326319217681884765625) * expm1(x[0])))
FORMULA(f_leaky, x[0] < 0 ? attr(n, "alpha", 0.01) * x[0] : x[0])
FORMULA(f_thresholded, x[0] <= attr(n, "alpha", 1) ? 0 : x[0])
FORMULA(f_hard_sigmoid, limit(attr(n, "alpha", 0.2) * x[0] + attr(n, "beta", 0.5), 0, 1))
FORMULA(f_hard_swish, x[0] * limit(x[0] / 6 + 0.5, 0, 1))
FORMULA(f_gelu, 0.5 * x[0] * erfc(-x[0] / sqrt(2)))
FORMULA(f_mish, x[0] * tanh(f_softplus(n, x, 1)))
FORMULA(f_swish, x[0] / (1 + exp(-attr(n, "alpha", 1) * x[0])))
FORMULA(f_add, x[0] + x[1])
FORMULA(f_sub, x[0] - x[1])
FORMULA(f_mul, x[0] * x[1])
FORMULA(f_pow, pow(x[0], x[1]))
FORMULA(f_prelu, x[0] < 0 ? x[0] * x[1] : x[0])
FORMULA(f_equal, x[0] == x[1])
FORMULA(f_less, x[0] < x[1])
FORMULA(f_less_equal, x[0] <= x[1])
FORMULA(f_greater, x[0] > x[1])
FORMULA(f_greater_equal, x[0] >= x[1])
FORMULA(f_and, x[0] != 0 && x[1] != 0)
FORMULA(f_or, x[0] != 0 || x[1] != 0)
FORMULA(f_xor, (x[0] != 0) != (x[1] != 0))
FORMULA(f_bit_and, (double)((int64_t)x[0] & (int64_t)x[1]))
FORMULA(f_bit_or, (double)((int64_t)x[0] | (int64_t)x[1]))
FORMULA(f_bit_xor, (double)((int64_t)x[0] ^ (int64_t)x[1]))
FORMULA(f_where, x[0] != 0 ? x[1] : x[2])
FORMULA(f_clip, limit(x[0], x[1], x[2]))
#undef FORMULA

static bool is_float(const struct alt_node *n) { return alt_dtype_class(n->in[0]->type.dtype) == ALT_CLASS_FLOAT; }

static double f_div(const struct alt_node *n, const double *x, int count)
{
    (void)count;
    return is_float(n) ? x[0] / x[1] : trunc(x[0] / x[1]);
}

/* The sign of the divisor for integers, of the dividend with fmod. */
static double f_mod(const struct alt_node *n, const double *x, int count)
{
    (void)count;
    return alt_attr_int(n, "fmod", 0) ? fmod(x[0], x[1]) : x[0] - x[1] * floor(x[0] / x[1]);
}

static double f_shift(const struct alt_node *n, const double *x, int count)
{
    (void)count;
    bool left = strcmp(alt_attr_text(n, "direction", ""), "LEFT") == 0;
    uint64_t mask = ~(uint64_t)0 >> (64 - alt_dtype_bits(n->in[0]->type.dtype));
    uint64_t v = (uint64_t)x[0], by = (uint64_t)x[1];
    return (double)((left ? v << by : v >> by) & mask);
}

static double f_shrink(const struct alt_node *n, const double *x, int count)
{
    double lambd = attr(n, "lambd", 0.5), bias = attr(n, "bias", 0);
    (void)count;
    if (x[0] < -lambd)
        return x[0] + bias;
    if (x[0] > lambd)
        return x[0] - bias;
    return isnan(x[0]) ? x[0] : 0;
}

static double fold(const double *x, int count, bool max)
{
    double best = x[0];
    for (int i = 1; i < count; i++)
        best = isnan(best) || isnan(x[i]) ? NAN : max ? fmax(best, x[i]) : fmin(best, x[i]);
    return best;
}

static double f_max(const struct alt_node *n, const double *x, int count)
{
    (void)n;
    return fold(x, count, true);
}

static double f_min(const struct alt_node *n, const double *x, int count)
{
    (void)n;
    return fold(x, count, false);
}

static double f_sum(const struct alt_node *n, const double *x, int count)
{
    double sum = x[0];
    (void)n;
    for (int i = 1; i < count; i++)
        sum += x[i];
    return sum;
}

static double f_mean(const struct alt_node *n, const double *x, int count) { return f_sum(n, x, count) / count; }

static const struct row rows[] = {
    {"Abs", 13, 1, F | I | U, f_abs, 0, {0}, {0}, 0, 0, 0},
    {"Neg", 13, 1, F | I, f_neg, 0, {0}, {0}, 0, 0, 0},
    {"Ceil", 13, 1, F, f_ceil, 0, {0}, {0}, 0, 0, 0},
    {"Floor", 13, 1, F, f_floor, 0, {0}, {0}, 0, 0, 0},
    {"Round", 22, 1, F, f_round, 0, {0}, {0}, 0, 0, 0},
    {"Sign", 13, 1, F | I | U, f_sign, 0, {0}, {0}, 0, 0, 0},
    {"Sqrt", 13, 1, F, f_sqrt, 0.5, {0}, {100}, 0, 0, 0},
    {"Reciprocal", 13, 1, F, f_reciprocal, 0.5, {0}, {0}, 0, 0, 0},
    {"Exp", 13, 1, F, f_exp, 1, {-12}, {12}, 0, 0, 0},
    {"Log", 13, 1, F, f_log, 1, {0}, {100}, 0, 0, 0},
    {"Erf", 13, 1, F, f_erf, 1.5, {-4}, {4}, 0, 0, 0},
    {"Sin", 22, 1, F, f_sin, 1.5, {-20}, {20}, 0, 0, 0},
    {"Cos", 22, 1, F, f_cos, 1.5, {-20}, {20}, 0, 0, 0},
    {"Tan", 22, 1, F, f_tan, 2, {-1.5}, {1.5}, 0, 0, 0},
    {"Asin", 22, 1, F, f_asin, 2, {-1}, {1}, 0, 0, 0},
    {"Acos", 22, 1, F, f_acos, 2, {-1}, {1}, 0, 0, 0},
    {"Atan", 22, 1, F, f_atan, 2, {-20}, {20}, 0, 0, 0},
    {"Sinh", 22, 1, F, f_sinh, 3, {-10}, {10}, 0, 0, 0},
    {"Cosh", 22, 1, F, f_cosh, 3, {-10}, {10}, 0, 0, 0},
    {"Asinh", 22, 1, F, f_asinh, 3, {-50}, {50}, 0, 0, 0},
    {"Acosh", 22, 1, F, f_acosh, 3, {1}, {50}, 0, 0, 0},
    {"Atanh", 22, 1, F, f_atanh, 3, {-1}, {1}, 0, 0, 0},
    {"Tanh", 13, 1, F, f_tanh, 2, {-10}, {10}, 0, 0, 0},
    {"Not", 1, 1, B, f_not, 0, {0}, {0}, 0, 0, 0},
    {"IsNaN", 20, 1, F, f_isnan, 0, {0}, {0}, 0, 0, 0},
    {"IsInf", 20, 1, F, f_isinf, 0, {0}, {0}, 0, 0, 0},
    {"Relu", 14, 1, F | I, f_relu, 0, {0}, {0}, 0, 0, 0},
    {"Sigmoid", 13, 1, F, f_sigmoid, 2.5, {-20}, {20}, 0, 0, 0},
    {"Softplus", 22, 1, F, f_softplus, 3, {-20}, {20}, 0, 0, 0},
    {"Softsign", 22, 1, F, f_softsign, 1.5, {-20}, {20}, 0, 0, 0},
    {"Elu", 22, 1, F, f_elu, 2.5, {-8}, {8}, 0, 0, 0},
    {"Celu", 12, 1, F, f_celu, 4, {-8}, {8}, 0, 0, 0},
    {"Selu", 22, 1, F, f_selu, 4, {-8}, {8}, 0, 0, 0},
    {"LeakyRelu", 16, 1, F, f_leaky, 0.5, {0}, {0}, 0, 0, 0},
    {"ThresholdedRelu", 22, 1, F, f_thresholded, 0, {0}, {0}, 0, 0, 0},
    {"HardSigmoid", 22, 1, F, f_hard_sigmoid, 1, {-5}, {5}, 0x1p-24, 0, 0},
    {"HardSwish", 22, 1, F, f_hard_swish, 3, {-5}, {5}, 0x1p-23, 0, 0},
    {"Gelu", 20, 1, F, f_gelu, 3, {-5}, {5}, 0x1p-23, 0, 0},
    {"Mish", 22, 1, F, f_mish, 6, {-20}, {20}, 0, 0, 0},
    {"Swish", 24, 1, F, f_swish, 4, {-20}, {20}, 0, 0, 0},
    {"Shrink", 9, 1, F, f_shrink, 0.5, {0}, {0}, 0, 0, 0},
    {"Add", 14, 2, F | I | U, f_add, 0.5, {0}, {0}, 0, 0, 9},
    {"Sub", 14, 2, F | I, f_sub, 0.5, {0}, {0}, 0, -9, 9},
    {"Mul", 14, 2, F | I | U, f_mul, 0.5, {0}, {0}, 0, 0, 9},
    {"Div", 14, 2, F | I | U, f_div, 0.5, {0}, {0}, 0, 1, 9},
    {"Pow", 15, 2, F, f_pow, 1.5, {0, -3}, {9, 3}, 0, 0, 2},
    {"Mod", 13, 2, I | U, f_mod, 0, {0}, {0}, 0, 1, 9},
    {"PRelu", 16, 2, F, f_prelu, 0.5, {0}, {0}, 0, 0, 0},
    {"Equal", 19, 2, F | I | U | B, f_equal, 0, {0}, {0}, 0, 0, 9},
    {"Less", 13, 2, F | I | U, f_less, 0, {0}, {0}, 0, 0, 9},
    {"LessOrEqual", 16, 2, F | I | U, f_less_equal, 0, {0}, {0}, 0, 0, 9},
    {"Greater", 13, 2, F | I | U, f_greater, 0, {0}, {0}, 0, 0, 9},
    {"GreaterOrEqual", 16, 2, F | I | U, f_greater_equal, 0, {0}, {0}, 0, 0, 9},
    {"And", 7, 2, B, f_and, 0, {0}, {0}, 0, 0, 1},
    {"Or", 7, 2, B, f_or, 0, {0}, {0}, 0, 0, 1},
    {"Xor", 7, 2, B, f_xor, 0, {0}, {0}, 0, 0, 1},
    {"BitwiseAnd", 18, 2, I | U, f_bit_and, 0, {0}, {0}, 0, 0, 100},
    {"BitwiseOr", 18, 2, I | U, f_bit_or, 0, {0}, {0}, 0, 0, 100},
    {"BitwiseXor", 18, 2, I | U, f_bit_xor, 0, {0}, {0}, 0, 0, 100},
    {"BitShift", 11, 2, U, f_shift, 0, {0}, {0}, 0, 0, 7},
    {"Max", 13, 3, F | I | U, f_max, 0, {0}, {0}, 0, 0, 9},
    {"Min", 13, 3, F | I | U, f_min, 0, {0}, {0}, 0, 0, 9},
    {"Sum", 13, 3, F, f_sum, 1, {0}, {0}, 0x1p-23, 0, 0},
    {"Mean", 13, 3, F, f_mean, 1.5, {0}, {0}, 0x1p-23, 0, 0},
    {"Where", 16, 3, F | I | U | B, f_where, 0, {0}, {0}, 0, 0, 1},
};

static const struct row *row_of(const char *op)
{
    static const struct row clip = {"Clip", 13, 3, F | I | U, f_clip, 0, {0}, {0}, 0, 0, 0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].op, op) == 0)
            return &rows[i];
    return &clip;
}

static void reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                      struct kc_tensor *out)
{
    const struct row *r = row_of(c->op);
    kc_out_broadcast(out, c->n_in, in, r->slack > 0);
    for (int64_t i = 0; i < out->count; i++) {
        double x[KC_INPUTS], most = 0;
        for (int k = 0; k < c->n_in; k++) {
            x[k] = in[k].value[kc_broadcast_index(&in[k], out, i)];
            most = fmax(most, fabs(x[k]));
        }
        out->value[i] = r->f(node, x, c->n_in);
        if (r->slack > 0)
            out->weight[i] = isfinite(out->value[i]) ? most : 0;
    }
}

struct shapes {
    int rank[3];
    int64_t dim[3][4];
};

static const struct shapes shapes[] = {
    {{1, 1, 1}, {{1}, {1}, {1}}},
    {{1, 1, 1}, {{257}, {257}, {257}}},
    {{2, 0, 2}, {{13, 31}, {0}, {13, 31}}},
    {{2, 1, 1}, {{13, 31}, {31}, {1}}},
    {{2, 2, 2}, {{13, 31}, {13, 1}, {13, 31}}},
    {{4, 4, 4}, {{2, 17, 5, 3}, {2, 17, 5, 3}, {2, 17, 5, 3}}},
    {{4, 3, 1}, {{2, 9, 4, 7}, {9, 1, 1}, {1}}},
    {{4, 4, 0}, {{2, 3, 0, 5}, {2, 3, 1, 5}, {0}}},
    {{0, 0, 0}, {{0}, {0}, {0}}},
};
/* Shapes where the first input does not have the shape of the output. */
static const struct shapes mutual[] = {
    {{0, 2, 1}, {{0}, {7, 9}, {9}}},
    {{2, 2, 2}, {{5, 1}, {1, 8}, {5, 8}}},
    {{1, 3, 3}, {{6}, {4, 5, 6}, {1, 5, 1}}},
    {{4, 4, 2}, {{1, 3, 1, 16}, {2, 1, 5, 16}, {5, 1}}},
};

static void pointwise_case(struct kc_run *run, const struct row *r, alt_dtype dtype, const struct shapes *s,
                           enum kc_fill fill)
{
    struct kc_case c = kc_case(r->op, r->opset, reference);
    bool where = strcmp(r->op, "Where") == 0, floats = alt_dtype_class(dtype) == ALT_CLASS_FLOAT;
    for (int k = 0; k < r->inputs; k++) {
        struct kc_input *in = kc_in(&c, where && k == 0 ? ALT_BOOL : dtype, s->rank[k], s->dim[k]);
        bool given = r->low[k > 0] != 0 || r->high[k > 0] != 0;
        if (floats && !(where && k == 0)) {
            in->fill = fill;
            in->low = given ? r->low[k > 0] : -3;
            in->high = given ? r->high[k > 0] : 3;
        } else if (k > 0 && in->dtype != ALT_BOOL) {
            in->low = r->whole_low;
            in->high = r->whole_high;
        }
    }
    if (strcmp(r->op, "BitShift") == 0)
        kc_attr_text(&c, "direction", s->rank[0] % 2 ? "LEFT" : "RIGHT");
    bool half = dtype == ALT_FLOAT16 || dtype == ALT_BFLOAT16;
    c.ulps = half && r->ulps >= 0.5 ? 0.505 : r->ulps;
    c.reduction = r->slack > 0 ? (int64_t)(r->slack * 0x1p25) : 0;
    kc_check(run, &c);
}

static void row_cases(struct kc_run *run, const struct row *r)
{
    static const alt_dtype dtypes[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16, ALT_INT8,
                                       ALT_INT16,   ALT_INT32,   ALT_INT64,   ALT_UINT8,    ALT_UINT16,
                                       ALT_UINT32,  ALT_UINT64,  ALT_BOOL};
    size_t n = sizeof shapes / sizeof shapes[0], m = sizeof mutual / sizeof mutual[0];
    bool first = true;
    for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++) {
        if (!(alt_dtype_class(dtypes[d]) & r->classes))
            continue;
        for (size_t i = first ? 0 : 3; i < (first ? n : 6); i++)
            pointwise_case(run, r, dtypes[d], &shapes[i], KC_UNIFORM);
        for (size_t i = 0; i < m && r->inputs > 1 && first && strcmp(r->op, "PRelu") != 0; i++)
            pointwise_case(run, r, dtypes[d], &mutual[i], KC_UNIFORM);
        bool sums = r->f == f_sum || r->f == f_mean;
        if (alt_dtype_class(dtypes[d]) == ALT_CLASS_FLOAT)
            pointwise_case(run, r, dtypes[d], &shapes[1], sums ? KC_NONFINITE : KC_SPECIAL);
        first = false;
    }
}

/* Attributes other than the default. */
static void attribute_cases(struct kc_run *run)
{
    static const struct {
        const char *op, *name[2];
        double value[2];
        double more; /* ulps: alpha * x is rounded, and exp turns that into |alpha * x| / 2 units */
    } table[] = {
        {"Elu", {"alpha"}, {1.5}, 1},
        {"Celu", {"alpha"}, {2}, 1},
        {"Selu", {"alpha", "gamma"}, {2, 3}, 1},
        {"LeakyRelu", {"alpha"}, {0.125}, 0},
        {"ThresholdedRelu", {"alpha"}, {-0.5}, 0},
        {"HardSigmoid", {"alpha", "beta"}, {0.25, 0.375}, 1},
        {"Shrink", {"lambd", "bias"}, {1, 0.5}, 0},
        {"Swish", {"alpha"}, {1.75}, 6},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct row *r = row_of(table[i].op);
        struct kc_case c = kc_case(r->op, r->opset, reference);
        struct kc_input *in = kc_in(&c, ALT_FLOAT32, 2, (int64_t[]){7, 37});
        in->low = -6;
        in->high = 6;
        for (int k = 0; k < 2 && table[i].name[k]; k++)
            kc_attr_float(&c, table[i].name[k], table[i].value[k]);
        c.ulps = r->ulps + table[i].more;
        c.reduction = r->slack > 0 ? 4 : 0;
        kc_check(run, &c);
    }
    struct kc_case c = kc_case("Mod", 13, reference);
    kc_in(&c, ALT_FLOAT32, 1, (int64_t[]){99})->high = 40;
    kc_in(&c, ALT_FLOAT32, 1, (int64_t[]){99})->low = 0.5;
    kc_attr_int(&c, "fmod", 1);
    kc_check(run, &c);
}

static void clip_cases(struct kc_run *run)
{
    static const alt_dtype dtypes[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_INT8, ALT_UINT8, ALT_INT64};
    static const double low[] = {1}, high[] = {2};
    for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++) {
        struct kc_case c = kc_case("Clip", 13, reference);
        kc_in(&c, dtypes[d], 4, (int64_t[]){2, 9, 5, 3});
        kc_in_known(&c, dtypes[d], 0, NULL, low);
        kc_in_known(&c, dtypes[d], 0, NULL, high);
        kc_check(run, &c);
        c.in[1].known = c.in[2].known = false; /* bounds that come with the run */
        c.note = "run-time bounds";
        kc_check(run, &c);
    }
}

static void random_cases(struct kc_run *run)
{
    static const char *const ops[] = {"Add", "Mul", "Sub", "Div", "Max", "Where", "Less"};
    for (int i = 0; i < 60; i++) {
        struct shapes s;
        memset(&s, 0, sizeof s);
        int rank = (int)kc_random(run, 0, 4);
        int64_t full[4];
        kc_random_shape(run, rank, 3000, true, full);
        for (int k = 0; k < 3; k++) {
            s.rank[k] = (int)kc_random(run, 0, rank);
            for (int d = 0; d < s.rank[k]; d++)
                s.dim[k][d] = kc_random(run, 0, 2) ? full[d + rank - s.rank[k]] : 1;
        }
        pointwise_case(run, row_of(ops[kc_random(run, 0, 6)]), ALT_FLOAT32, &s, KC_UNIFORM);
    }
}

static void pointwise_cases(struct kc_run *run)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        row_cases(run, &rows[i]);
    attribute_cases(run);
    clip_cases(run);
    random_cases(run);
}

const struct kc_family kc_pointwise = {"pointwise", pointwise_cases};
