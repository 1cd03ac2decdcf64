/* qlinear_pool.c: QLinearGlobalAveragePool of onnxruntime's domain: the mean of each channel of int8 or uint8, requantised (q8.h).
 * Sums are exact; the factor is x_scale / (y_scale * positions). A tile is a block of channels of one image. */
#include "runtime/infer.h"
#include "runtime/kernels/kern.h"
#include "runtime/ops/data.h"
#include "runtime/ops/q8.h"
#include "runtime/step.h"

enum { X, X_SCALE, X_ZERO, Y_SCALE, Y_ZERO, INPUTS };
enum { CHANNELS = 64 /* of a tile */, MOST = INT32_MAX / 255 /* positions whose sum fits int32 */ };

struct pool {
    const struct alt_kern_int *kern;
    alt_dtype dtype;
    int64_t n, channels, positions, blocks;
    bool last; /* channels are the last axis */
};

#define SUM(T, name) \
    static void sum_##name(const struct pool *p, const T *x, int64_t count, int32_t zero, int32_t *sum) { \
        for (int64_t c = 0; c < count; c++) sum[c] = -zero * (int32_t)p->positions; \
        if (p->last) { for (int64_t i = 0; i < p->positions; i++) \
            for (int64_t c = 0; c < count; c++) sum[c] += x[i * p->channels + c]; } \
        else for (int64_t c = 0; c < count; c++) \
            for (int64_t i = 0; i < p->positions; i++) sum[c] += x[c * p->positions + i]; }
SUM(int8_t, i8)
SUM(uint8_t, u8)

static void run(const struct alt_kargs *args)
{
    const struct pool *p = args->params;
    const struct alt_koperand *op = args->operand;
    const float factor = alt_q8_scale(&op[X_SCALE], ALT_FLOAT32, 0) /
                         (alt_q8_scale(&op[Y_SCALE], ALT_FLOAT32, 0) * (float)p->positions);
    const int32_t zero = alt_q8_zero(&op[X_ZERO], p->dtype, 0), y_zero = alt_q8_zero(&op[Y_ZERO], p->dtype, 0);
    for (int64_t t = args->begin; t < args->end; t++) {
        int32_t sum[CHANNELS];
        struct alt_kern_narrow how = {.factor = &factor, .zero = y_zero};
        const int64_t first = t % p->blocks * CHANNELS, image = t / p->blocks;
        const int64_t count = p->channels - first < CHANNELS ? p->channels - first : CHANNELS;
        const uint8_t *x = (const uint8_t *)op[X].data + image * p->channels * p->positions + first * (p->last ? 1 : p->positions);
        if (p->dtype == ALT_INT8)
            sum_i8(p, (const int8_t *)x, count, zero, sum);
        else
            sum_u8(p, x, count, zero, sum);
        alt_q8_put(p->kern, p->dtype, &how, sum, count, (uint8_t *)op[INPUTS].data + image * p->channels + first);
    }
}

static bool channels_last(const struct alt_node *n) { return alt_attr_int(n, "channels_last", 0) != 0; }

static int bind(struct alt_kernel_bind *b)
{
    struct pool *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[X];
    if (!p)
        return ALT_E_NOMEM;
    p->kern = alt_kern_i8();
    p->dtype = x->dtype;
    p->last = channels_last(b->node);
    p->n = x->dim[0];
    p->channels = x->dim[p->last ? x->rank - 1 : 1];
    p->positions = alt_dims_count(x->rank - 2, x->dim + (p->last ? 1 : 2));
    p->blocks = (p->channels + CHANNELS - 1) / CHANNELS;
    for (int i = X_SCALE; i < INPUTS; i++)
        if (alt_operand_count(&b->in[i]) != 1)
            return alt_bind_fail(b, ALT_E_SHAPE, "scales and zero points must be one number each");
    if (p->positions < 1 || p->positions > MOST)
        return alt_bind_fail(b, ALT_E_UNSUPPORTED, "a channel must have 1 to %d positions", MOST);
    b->params = p;
    b->range = p->n * p->blocks;
    b->flops = (double)p->n * (double)p->channels * (double)p->positions;
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "qlinear_global_average_pool", .fn = run, .bind = bind};
    bool fits = alt_q8_type(sel->in[X].dtype) && !sel->out[0].layout;
    for (int i = 0; i < sel->n_in; i++)
        fits &= !sel->in[i].layout;
    if (!fits)
        return alt_select_unsupported(sel);
    *out = &kernel;
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, X, ALT_CLASS_INT));
    for (int i = X_ZERO; i <= Y_ZERO; i += Y_ZERO - X_ZERO) {
        ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_INT));
        ALT_CHECK(alt_infer_same_dtype(inf, X, i));
    }
    for (int i = X_SCALE; i <= Y_SCALE; i += Y_SCALE - X_SCALE) {
        ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_FLOAT));
        if (inf->in[i]->dtype != ALT_FLOAT32)
            return alt_infer_fail(inf, ALT_E_MODEL, "input %d must be float32", i);
    }
    struct alt_shape y = inf->in[X]->shape;
    if (y.rank >= 0 && y.rank < 3)
        return alt_infer_fail(inf, ALT_E_SHAPE, "there must be at least one spatial axis");
    for (int d = 0; d < y.rank - 2; d++)
        y.dim[d + (channels_last(inf->node) ? 1 : 2)] = 1;
    alt_infer_set(inf, 0, inf->in[X]->dtype, &y);
    return ALT_OK;
}

const struct alt_op_impl alt_op_qlinear_pool = {.infer = infer, .select = choose};
