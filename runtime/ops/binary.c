/* binary.c: arithmetic of two broadcast inputs: Add, Sub, Mul, Div, Mod, Pow, PRelu.
 *
 * float16 and bfloat16 are computed in float32 and rounded once; integers in 64 bits, wrapping around in their own width.
 * Integer division truncates toward zero; by zero it is a fault (the element becomes 0), and the least integer divided by
 * -1 is itself. Symbolic contents go through Add, Sub, Mul and Div, since exporters compute shapes with them.
 */
#include "runtime/ops/pointwise.h"

#include "runtime/ops/content.h"

#include <math.h>

/* Three loops: first input one element, second one element, both dense. */
#define ZIP(name, T, U, R, f) \
    ALT_LOOP(name, (const struct alt_loop *l), (l), { \
        const T *a = l->in[0]; const U *b = l->in[1]; R *out = l->out; const int64_t n = l->n; \
        if (!l->step[0]) { const T x = a[0]; ALT_IVDEP for (int64_t i = 0; i < n; i++) out[i] = (R)f(x, b[i]); } \
        else if (!l->step[1]) { const U y = b[0]; ALT_IVDEP for (int64_t i = 0; i < n; i++) out[i] = (R)f(a[i], y); } \
        else { ALT_IVDEP for (int64_t i = 0; i < n; i++) out[i] = (R)f(a[i], b[i]); } })
#define ZIP_FLOAT(name, f) ZIP(name##_f32, float, float, float, f) ZIP(name##_f64, double, double, double, f)
/* Signed integers wrap around as unsigned ones. */
#define ZIP_INT(name, f) ZIP(name##_u64, uint64_t, uint64_t, uint64_t, f)
/* The same with zero divisors reported: `nonzero` sees every divisor. */
#define ZIP_FAULT(name, T, f) \
    static void name(const struct alt_loop *l) { \
        const T *a = l->in[0], *b = l->in[1]; T *out = l->out; bool nonzero = true; \
        for (int64_t i = 0; i < l->n; i++) { \
            const T x = a[i * l->step[0]], y = b[i * l->step[1]]; nonzero &= y != 0; out[i] = y != 0 ? f(x, y) : 0; } \
        if (!nonzero) __atomic_store_n(l->fault, ALT_FAULT_DIVIDE, __ATOMIC_RELAXED); }

#define ADD(x, y) ((x) + (y))
#define SUB(x, y) ((x) - (y))
#define MUL(x, y) ((x) * (y))
#define DIV(x, y) ((x) / (y))
#define REMAINDER(x, y) ((x) % (y))
#define PRELU(x, y) ((x) < 0 ? (x) * (y) : (x))
static inline int64_t div_signed(int64_t x, int64_t y) { return y == -1 ? (int64_t)(0 - (uint64_t)x) : x / y; }
static inline int64_t rem_signed(int64_t x, int64_t y) { return y == -1 ? 0 : x % y; } /* sign of the dividend, as C */
static inline int64_t mod_signed(int64_t x, int64_t y) /* sign of the divisor, as Python */
{
    const int64_t r = rem_signed(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
static inline double mod_float(double x, double y)
{
    const double r = fmod(x, y);
    if (r == 0)
        return copysign(0.0, y);
    return (r < 0) != (y < 0) ? r + y : r;
}
static inline int64_t prelu_signed(int64_t x, int64_t y)
{
    return x < 0 ? (int64_t)((uint64_t)x * (uint64_t)y) : x;
}

static inline uint64_t prelu_unsigned(uint64_t x, uint64_t y)
{
    (void)y; /* no element is negative */
    return x;
}

ZIP_FLOAT(add, ADD)
ZIP_FLOAT(sub, SUB)
ZIP_FLOAT(mul, MUL)
ZIP_FLOAT(div, DIV)
ZIP_FLOAT(prelu, PRELU)
ZIP(prelu_i64, int64_t, int64_t, int64_t, prelu_signed)
ZIP_INT(add, ADD)
ZIP_INT(sub, SUB)
ZIP_INT(mul, MUL)
ZIP(prelu_u64, uint64_t, uint64_t, uint64_t, prelu_unsigned)
ZIP_FAULT(div_i64, int64_t, div_signed)
ZIP_FAULT(div_u64, uint64_t, DIV)
ZIP_FAULT(mod_i64, int64_t, mod_signed)
ZIP_FAULT(rem_i64, int64_t, rem_signed)
ZIP_FAULT(rem_u64, uint64_t, REMAINDER)
ZIP(rem_f32, float, float, float, fmodf)
ZIP(rem_f64, double, double, double, fmod)
ZIP(mod_f32, float, float, float, mod_float)
ZIP(mod_f64, double, double, double, mod_float)

/* x^y of integers, wrapping around; negative powers are what truncating the quotient gives. */
static inline uint64_t power_natural(uint64_t x, uint64_t y)
{
    uint64_t result = 1;
    for (; y; y >>= 1, x *= x)
        if (y & 1)
            result *= x;
    return result;
}
static inline int64_t power_signed(int64_t x, int64_t y)
{
    if (y >= 0)
        return (int64_t)power_natural((uint64_t)x, (uint64_t)y);
    return x == 1 ? 1 : x == -1 ? (y & 1 ? -1 : 1) : 0;
}
static inline int64_t power_unsigned(int64_t x, uint64_t y) { return (int64_t)power_natural((uint64_t)x, y); }

/* An integer to a power with a fraction: the nearest representable integer of the truncated result. */
static inline int64_t power_real(int64_t x, double y)
{
    const double r = pow((double)x, y);
    if (!(r < 0x1p63))
        return r == r ? INT64_MAX : 0;
    return r < -0x1p63 ? INT64_MIN : (int64_t)r;
}
#define POW_F32(x, y) (float)pow((double)(x), (double)(y))
#define POW_F64(x, y) pow((x), (double)(y))

ZIP(pow_f32_f32, float, float, float, powf)
ZIP(pow_f32_f64, float, double, float, POW_F32)
ZIP(pow_f32_i64, float, int64_t, float, POW_F32)
ZIP(pow_f32_u64, float, uint64_t, float, POW_F32)
ZIP(pow_f64_f32, double, float, double, POW_F64)
ZIP(pow_f64_f64, double, double, double, pow)
ZIP(pow_f64_i64, double, int64_t, double, POW_F64)
ZIP(pow_f64_u64, double, uint64_t, double, POW_F64)
ZIP(pow_i64_f32, int64_t, float, int64_t, power_real)
ZIP(pow_i64_f64, int64_t, double, int64_t, power_real)
ZIP(pow_i64_i64, int64_t, int64_t, int64_t, power_signed)
ZIP(pow_i64_u64, int64_t, uint64_t, int64_t, power_unsigned)

/* One exponent for all of them is nearly always 2: x * x is the correctly rounded square. */
static void pow_square(const struct alt_loop *l)
{
    const struct alt_loop twice = {l->n, {l->in[0], l->in[0]}, {l->step[0], l->step[0]}, l->out, NULL, l->fault};
    if (l->step[0] == 1 && !l->step[1] && *(const float *)l->in[1] == 2.0f)
        mul_f32(&twice);
    else
        pow_f32_f32(l);
}

static int bind(struct alt_kernel_bind *b);

#define KERNEL(title) ALT_POINTWISE_KERNEL(title, bind)
static const struct alt_pointwise_row table[] = {
    {ALT_OP_ADD, KERNEL("add"), {add_f32, add_f64, add_u64, add_u64}, 1},
    {ALT_OP_SUB, KERNEL("sub"), {sub_f32, sub_f64, sub_u64, sub_u64}, 1},
    {ALT_OP_MUL, KERNEL("mul"), {mul_f32, mul_f64, mul_u64, mul_u64}, 1},
    {ALT_OP_DIV, KERNEL("div"), {div_f32, div_f64, div_i64, div_u64}, 4},
    {ALT_OP_MOD, KERNEL("mod"), {mod_f32, mod_f64, mod_i64, rem_u64}, 20},
    {ALT_OP_POW, KERNEL("pow"), {pow_square, pow_f64_f64, pow_i64_i64, NULL}, 60},
    {ALT_OP_PRELU, KERNEL("prelu"), {prelu_f32, prelu_f64, prelu_i64, prelu_u64}, 2},
};

static const struct alt_pointwise_row *row_of(const struct alt_node *n)
{
    return alt_pointwise_row(table, sizeof table / sizeof *table, n->op);
}

/* Pow's exponent has a type of its own. NULL: not supported. */
static alt_loop_fn *pow_loop(enum alt_wide base, enum alt_wide exponent)
{
    static alt_loop_fn *const loops[ALT_WIDE_U64][ALT_WIDE_COUNT] = {
        {pow_square, pow_f32_f64, pow_f32_i64, pow_f32_u64},
        {pow_f64_f32, pow_f64_f64, pow_f64_i64, pow_f64_u64},
        {pow_i64_f32, pow_i64_f64, pow_i64_i64, pow_i64_u64},
    };
    return base < ALT_WIDE_U64 && exponent < ALT_WIDE_COUNT ? loops[base][exponent] : NULL;
}

static alt_loop_fn *loop_of(const struct alt_node *n, const struct alt_operand *in)
{
    static alt_loop_fn *const remainder[ALT_WIDE_COUNT] = {rem_f32, rem_f64, rem_i64, rem_u64};
    const enum alt_wide wide = alt_wide_of(in[0].dtype);
    if (wide == ALT_WIDE_NONE)
        return NULL;
    if (n->op == ALT_OP_POW)
        return pow_loop(wide, alt_wide_of(in[1].dtype));
    if (n->op == ALT_OP_MOD && alt_attr_int(n, "fmod", 0) != 0)
        return remainder[wide];
    return row_of(n)->loop[wide];
}

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_pointwise_spec spec = {.loop = loop_of(b->node, b->in), .scalars = 3, .most_scalars = 1, .cost = row_of(b->node)->cost};
    return alt_pointwise_bind(b, &spec);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    if (!loop_of(sel->node, sel->in))
        return alt_select_unsupported(sel);
    *out = &row_of(sel->node)->kernel;
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    const enum alt_op op = inf->node->op;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_NUMBER));
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_NUMBER));
    if (op != ALT_OP_POW)
        ALT_CHECK(alt_infer_same_dtype(inf, 0, 1));
    if (op == ALT_OP_MOD && (alt_dtype_class(inf->in[0]->dtype) & ALT_CLASS_FLOAT) && !alt_attr_int(inf->node, "fmod", 0))
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute fmod must be 1 for floating-point inputs");
    ALT_CHECK(alt_pointwise_infer(inf, inf->in[0]->dtype));
    switch (op) {
    case ALT_OP_ADD: return alt_content_zip(inf, alt_content_add);
    case ALT_OP_SUB: return alt_content_zip(inf, alt_content_sub);
    case ALT_OP_MUL: return alt_content_zip(inf, alt_content_mul);
    case ALT_OP_DIV: return alt_content_zip(inf, alt_content_div);
    default: return ALT_OK;
    }
}

const struct alt_op_impl alt_op_binary = {.infer = infer, .select = choose};
