/* unary.c: one input, one output, no attributes that matter to the value (IsInf excepted): arithmetic, rounding,
 * exponentials, trigonometry, tests.
 *
 * float16 and bfloat16 are computed in float32; integers in 64 bits, where they wrap around. exp, log and erf of float32 come
 * from scalar_math.h, everything else from libm.
 */
#include "runtime/ops/pointwise.h"

#include "runtime/scalar_math.h"

#include <math.h>

#define MAP_AS(how, name, T, R, expression) \
    ALT_LOOP(name##_each, (const T *restrict in, R *restrict out, int64_t n), (in, out, n), { \
        how for (int64_t i = 0; i < n; i++) { const T x = in[i]; out[i] = (R)(expression); } }) \
    static void name(const struct alt_loop *l) { name##_each(l->in[0], l->out, l->n); }
#define MAP(name, T, R, expression) MAP_AS(ALT_IVDEP, name, T, R, expression)
#define MAP_LONG(name, f32, f64) \
    MAP_AS(ALT_LONG, name##_f32, float, float, f32) MAP(name##_f64, double, double, f64)
#define MAP_FLOAT(name, f32, f64) \
    MAP(name##_f32, float, float, f32) MAP(name##_f64, double, double, f64)
#define MAP_SIGNED(name, expression) MAP(name##_i64, int64_t, int64_t, expression)
#define MAP_TEST(name, expression) \
    MAP(name##_f32, float, uint8_t, expression) MAP(name##_f64, double, uint8_t, expression)

/* Half to even at any magnitude, NaN and sign of zero kept: rintf would look at the rounding mode. */
static inline float half_even_f32(float x)
{
    const float magnitude = fabsf(x);
    const float rounded = (magnitude + 0x1p23f) - 0x1p23f;
    return alt_copysign_f32(magnitude < 0x1p23f ? rounded : magnitude, x);
}

static inline double half_even_f64(double x)
{
    const double magnitude = fabs(x);
    const double rounded = (magnitude + 0x1p52) - 0x1p52;
    return copysign(magnitude < 0x1p52 ? rounded : magnitude, x);
}

#define SIGN(x) (x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : x) /* NaN stays */
MAP_FLOAT(abs, fabsf(x), fabs(x))
MAP_SIGNED(abs, x < 0 ? 0 - (uint64_t)x : (uint64_t)x)
MAP(abs_u64, uint64_t, uint64_t, x)
MAP_FLOAT(neg, -x, -x)
MAP_SIGNED(neg, 0 - (uint64_t)x)
MAP_FLOAT(sign, SIGN(x), SIGN(x))
MAP_SIGNED(sign, (x > 0) - (x < 0))
MAP(sign_u64, uint64_t, uint64_t, x > 0)
MAP_FLOAT(floor, floorf(x), floor(x))
MAP_FLOAT(ceil, ceilf(x), ceil(x))
MAP_FLOAT(round, half_even_f32(x), half_even_f64(x))
MAP_FLOAT(sqrt, sqrtf(x), sqrt(x))
MAP_LONG(exp, alt_exp_f32(x), exp(x))
MAP_LONG(log, alt_log_f32(x), log(x))
MAP_FLOAT(reciprocal, 1.0f / x, 1.0 / x)
MAP_FLOAT(sin, sinf(x), sin(x))
MAP_FLOAT(cos, cosf(x), cos(x))
MAP_FLOAT(tan, tanf(x), tan(x))
MAP_FLOAT(asin, asinf(x), asin(x))
MAP_FLOAT(acos, acosf(x), acos(x))
MAP_FLOAT(atan, atanf(x), atan(x))
MAP_FLOAT(sinh, sinhf(x), sinh(x))
MAP_FLOAT(cosh, coshf(x), cosh(x))
MAP_FLOAT(asinh, asinhf(x), asinh(x))
MAP_FLOAT(acosh, acoshf(x), acosh(x))
MAP_FLOAT(atanh, atanhf(x), atanh(x))
MAP_LONG(erf, alt_erf_f32(x), erf(x))
MAP_SIGNED(erf, (x > 0) - (x < 0)) /* erf(1) = 0.84.. rounds to 1; opsets 9 to 12 have Erf of integers */
MAP(erf_u64, uint64_t, uint64_t, x > 0)
MAP(not_u64, uint64_t, uint8_t, x == 0)
MAP_SIGNED(bitwise_not, ~x)
MAP(bitwise_not_u64, uint64_t, uint64_t, ~x)
MAP_TEST(is_nan, x != x)
MAP_TEST(is_inf, x == (float)INFINITY || x == -(float)INFINITY)
MAP_TEST(is_positive_inf, x == (float)INFINITY)
MAP_TEST(is_negative_inf, x == -(float)INFINITY)
MAP_TEST(is_never, x != x && x == 0)

static int bind(struct alt_kernel_bind *b);

#define KERNEL(title) ALT_POINTWISE_KERNEL(title, bind)
#define FLOATS(ID, title, name, cost) {ALT_OP_##ID, KERNEL(title), {name##_f32, name##_f64, NULL, NULL}, cost}
static const struct alt_pointwise_row table[] = {
    {ALT_OP_ABS, KERNEL("abs"), {abs_f32, abs_f64, abs_i64, abs_u64}, 1},
    {ALT_OP_NEG, KERNEL("neg"), {neg_f32, neg_f64, neg_i64, NULL}, 1},
    {ALT_OP_SIGN, KERNEL("sign"), {sign_f32, sign_f64, sign_i64, sign_u64}, 1},
    FLOATS(FLOOR, "floor", floor, 2),
    FLOATS(CEIL, "ceil", ceil, 2),
    FLOATS(ROUND, "round", round, 3),
    FLOATS(SQRT, "sqrt", sqrt, 5),
    FLOATS(EXP, "exp", exp, 20),
    FLOATS(LOG, "log", log, 25),
    FLOATS(RECIPROCAL, "reciprocal", reciprocal, 4),
    FLOATS(SIN, "sin", sin, 40),
    FLOATS(COS, "cos", cos, 40),
    FLOATS(TAN, "tan", tan, 60),
    FLOATS(ASIN, "asin", asin, 40),
    FLOATS(ACOS, "acos", acos, 40),
    FLOATS(ATAN, "atan", atan, 40),
    FLOATS(SINH, "sinh", sinh, 60),
    FLOATS(COSH, "cosh", cosh, 60),
    FLOATS(ASINH, "asinh", asinh, 80),
    FLOATS(ACOSH, "acosh", acosh, 80),
    FLOATS(ATANH, "atanh", atanh, 80),
    {ALT_OP_ERF, KERNEL("erf"), {erf_f32, erf_f64, erf_i64, erf_u64}, 40},
    {ALT_OP_NOT, KERNEL("not"), {NULL, NULL, NULL, not_u64}, 1},
    {ALT_OP_BITWISE_NOT, KERNEL("bitwise_not"), {NULL, NULL, bitwise_not_i64, bitwise_not_u64}, 1},
    FLOATS(IS_NAN, "is_nan", is_nan, 1),
    FLOATS(IS_INF, "is_inf", is_inf, 1),
};

static const struct alt_pointwise_row *row_of(const struct alt_node *n)
{
    return alt_pointwise_row(table, sizeof table / sizeof *table, n->op);
}

static bool is_test(enum alt_op op) { return op == ALT_OP_IS_NAN || op == ALT_OP_IS_INF || op == ALT_OP_NOT; }

/* IsInf looks for both infinities, one, or (with both attributes 0) none. */
static alt_loop_fn *is_inf_loop(const struct alt_node *n, enum alt_wide wide)
{
    static alt_loop_fn *const loops[2][2][2] = {
        {{is_never_f32, is_never_f64}, {is_positive_inf_f32, is_positive_inf_f64}},
        {{is_negative_inf_f32, is_negative_inf_f64}, {is_inf_f32, is_inf_f64}},
    };
    const bool negative = alt_attr_int(n, "detect_negative", 1) != 0;
    const bool positive = alt_attr_int(n, "detect_positive", 1) != 0;
    return loops[negative][positive][wide == ALT_WIDE_F64];
}

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_pointwise_row *row = row_of(b->node);
    const enum alt_wide wide = alt_wide_of(b->in[0].dtype);
    struct alt_pointwise_spec spec = {.loop = row->loop[wide], .cost = row->cost};
    if (is_test(b->node->op))
        spec.raw = ALT_POINTWISE_RAW_OUT;
    if (b->node->op == ALT_OP_IS_INF)
        spec.loop = is_inf_loop(b->node, wide);
    return alt_pointwise_bind(b, &spec);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    return alt_pointwise_select(sel, row_of(sel->node), out);
}

static unsigned classes_of(enum alt_op op)
{
    switch (op) {
    case ALT_OP_NOT: return ALT_CLASS_BOOL;
    case ALT_OP_BITWISE_NOT: return ALT_CLASS_INT;
    case ALT_OP_NEG: return ALT_CLASS_FLOAT | ALT_CLASS_SIGNED;
    case ALT_OP_ABS:
    case ALT_OP_SIGN:
    case ALT_OP_ERF: return ALT_CLASS_NUMBER;
    default: return ALT_CLASS_FLOAT;
    }
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, classes_of(inf->node->op)));
    if (is_test(inf->node->op))
        alt_infer_set(inf, 0, ALT_BOOL, &inf->in[0]->shape);
    else
        alt_infer_like(inf, 0, 0);
    return ALT_OK;
}

const struct alt_op_impl alt_op_unary = {.infer = infer, .select = choose};
