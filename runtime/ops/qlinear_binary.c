/* qlinear_binary.c: QLinearAdd and QLinearMul of onnxruntime's domain: c = Q(DQ(a) + DQ(b)), Q(DQ(a) * DQ(b)) for int8 and uint8, one
 * scale and zero point for each tensor, all constants. Every element has the bits that DequantizeLinear, Add or Mul, and
 * QuantizeLinear give one after the other.
 */
#include "runtime/ops/pointwise.h"

#include "runtime/mem.h"
#include "runtime/ops/data.h"
#include "runtime/ops/loop.h"
#include "runtime/ops/q8.h"

enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, C_SCALE, C_ZERO };

struct params {
    alt_dtype dtype;
    float a_scale, b_scale, c_scale;
    int32_t a_zero, b_zero, c_zero;
};

/* y[i] = (x[i * step] - zero) * scale, step 0 or 1. */
#define WIDEN(name, T) \
    ALT_LOOP(name, (const T *x, int64_t step, int64_t n, int32_t zero, float scale, float *y), (x, step, n, zero, scale, y), { \
        if (step == 0) for (int64_t i = 0; i < n; i++) y[i] = (float)(*x - zero) * scale; \
        else for (int64_t i = 0; i < n; i++) y[i] = (float)(x[i] - zero) * scale; })
WIDEN(widen_i8, int8_t)
WIDEN(widen_u8, uint8_t)

static void widen(alt_dtype dtype, const void *x, int64_t at, int64_t step, int64_t n, int32_t zero, float scale, float *y)
{
    if (dtype == ALT_INT8)
        widen_i8((const int8_t *)x + at * step, step, n, zero, scale, y);
    else
        widen_u8((const uint8_t *)x + at * step, step, n, zero, scale, y);
}

/* y = x / scale, rounded half to even, + zero, saturated; int8 has the same low bits as uint8. */
ALT_LOOP(narrow, (const float *x, int64_t n, float scale, int32_t zero, float low, float high, uint8_t *y),
         (x, n, scale, zero, low, high, y), {
    for (int64_t i = 0; i < n; i++) {
        const float q = x[i] / scale, above = q > low ? q : low, within = above < high ? above : high;
        y[i] = (uint8_t)((int32_t)((within + 0x1.8p23f) - 0x1.8p23f) + zero);
    }
})

static void run(const struct alt_loop *l, bool product)
{
    const struct params *p = l->param;
    const bool is_signed = p->dtype == ALT_INT8;
    const float low = (float)((is_signed ? INT8_MIN : 0) - p->c_zero), high = (float)((is_signed ? INT8_MAX : UINT8_MAX) - p->c_zero);
    float a[ALT_POINTWISE_BLOCK], b[ALT_POINTWISE_BLOCK];
    for (int64_t at = 0, n; at < l->n; at += n) {
        n = l->n - at < ALT_POINTWISE_BLOCK ? l->n - at : ALT_POINTWISE_BLOCK;
        widen(p->dtype, l->in[0], at, l->step[0], n, p->a_zero, p->a_scale, a);
        widen(p->dtype, l->in[1], at, l->step[1], n, p->b_zero, p->b_scale, b);
        if (product)
            for (int64_t i = 0; i < n; i++)
                a[i] *= b[i];
        else
            for (int64_t i = 0; i < n; i++)
                a[i] += b[i];
        narrow(a, n, p->c_scale, p->c_zero, low, high, (uint8_t *)l->out + at);
    }
}

static void add(const struct alt_loop *l) { run(l, false); }
static void multiply(const struct alt_loop *l) { run(l, true); }

/* The scale at input i and the zero point behind it. */
static bool read_pair(const struct alt_kernel_bind *b, int i, float *scale, int32_t *zero)
{
    const struct alt_operand *s = &b->in[i], *z = alt_operand_at(b->in, b->n_in, i + 1);
    *zero = 0;
    if (!s->known || alt_operand_count(s) != 1 || (z && (!z->known || alt_operand_count(z) != 1)))
        return false;
    *scale = *(const float *)s->known;
    if (z)
        *zero = z->dtype == ALT_INT8 ? *(const int8_t *)z->known : *(const uint8_t *)z->known;
    return true;
}

static int bind(struct alt_kernel_bind *b)
{
    struct params *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    p->dtype = b->in[A].dtype;
    if (!read_pair(b, A_SCALE, &p->a_scale, &p->a_zero) || !read_pair(b, B_SCALE, &p->b_scale, &p->b_zero) ||
        !read_pair(b, C_SCALE, &p->c_scale, &p->c_zero))
        return alt_bind_fail(b, ALT_E_UNSUPPORTED, "scales and zero points must be constants of one number");
    const struct alt_pointwise_spec spec = {.loop = b->node->op == ALT_OP_QLINEAR_ADD ? add : multiply, .param = p,
                                            .raw = 3 | ALT_POINTWISE_RAW_OUT, .scalars = 3, .most_scalars = 1, .cost = 8};
    const int arg[3] = {A, B, b->n_in};
    return alt_pointwise_bind_some(b, &spec, 2, arg);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernels[] = {
        {.name = "qlinear_add", .fn = alt_pointwise_run, .bind = bind, .flags = ALT_KERNEL_STRIDED},
        {.name = "qlinear_mul", .fn = alt_pointwise_run, .bind = bind, .flags = ALT_KERNEL_STRIDED},
    };
    bool plain = !sel->out[0].layout;
    for (int i = 0; i < sel->n_in; i++)
        plain &= !sel->in[i].layout;
    if (!plain || !alt_q8_type(sel->in[A].dtype))
        return alt_select_unsupported(sel);
    *out = &kernels[sel->node->op == ALT_OP_QLINEAR_MUL];
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    static const int scales[] = {A_SCALE, B_SCALE, C_SCALE}, others[] = {B, A_ZERO, B_ZERO, C_ZERO};
    struct alt_shape shape;
    ALT_CHECK(alt_infer_expect(inf, A, ALT_CLASS_INT));
    ALT_CHECK(alt_infer_expect(inf, B, ALT_CLASS_INT));
    if (!alt_q8_type(inf->in[A]->dtype))
        return alt_infer_fail(inf, ALT_E_MODEL, "the inputs must be int8 or uint8");
    for (int i = 0; i < 4; i++)
        if (alt_infer_has(inf, others[i]))
            ALT_CHECK(alt_infer_same_dtype(inf, A, others[i]));
    for (int i = 0; i < 3; i++) {
        ALT_CHECK(alt_infer_expect(inf, scales[i], ALT_CLASS_FLOAT));
        if (inf->in[scales[i]]->dtype != ALT_FLOAT32)
            return alt_infer_fail(inf, ALT_E_MODEL, "input %d must be float32", scales[i]);
    }
    ALT_CHECK(alt_infer_broadcast(inf, &inf->in[A]->shape, &inf->in[B]->shape, &shape));
    alt_infer_set(inf, 0, inf->in[A]->dtype, &shape);
    return ALT_OK;
}

const struct alt_op_impl alt_op_qlinear_binary = {.infer = infer, .select = choose};
