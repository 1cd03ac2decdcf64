/* clip.c: Clip: elements limited to [min, max]; the bounds are attributes before opset 11 and scalar inputs since.
 *
 * The order is min first, then max, as ONNX says: with min above max everything becomes max. NaN stays; a NaN bound limits
 * nothing. Integers compare in 64 bits.
 */
#include "runtime/ops/pointwise.h"

#include "runtime/mem.h"

#include <float.h>

enum { BOUND_MIN = 1, BOUND_MAX = 2 };

/* Bounds from attributes, as both types. */
struct bounds {
    float low32, high32;
    double low, high;
};

#define LIMIT(name, T) \
    ALT_LOOP(name, (const T *in, T *out, int64_t n, T low, T high), (in, out, n, low, high), { \
        ALT_IVDEP for (int64_t i = 0; i < n; i++) { \
            const T x = in[i] < low ? low : in[i]; out[i] = x > high ? high : x; } })
/* in[1] and in[2] hold one element each; low and high bounds may be one or the other or both (`which`). */
#define CLIP(name, T, limit, LOW, HIGH) \
    static void name(const struct alt_loop *l) { \
        const int which = *(const int *)l->param; const T *first = l->in[1], *second = l->in[which == 3 ? 2 : 1]; \
        limit(l->in[0], l->out, l->n, which & BOUND_MIN ? *first : LOW, which & BOUND_MAX ? *second : HIGH); }

LIMIT(limit_f32, float)
LIMIT(limit_f64, double)
LIMIT(limit_i64, int64_t)
LIMIT(limit_u64, uint64_t)
CLIP(clip_f32, float, limit_f32, -__builtin_inff(), __builtin_inff())
CLIP(clip_f64, double, limit_f64, -__builtin_inf(), __builtin_inf())
CLIP(clip_i64, int64_t, limit_i64, INT64_MIN, INT64_MAX)
CLIP(clip_u64, uint64_t, limit_u64, 0, UINT64_MAX)

static void clip_attr_f32(const struct alt_loop *l)
{
    const struct bounds *b = l->param;
    limit_f32(l->in[0], l->out, l->n, b->low32, b->high32);
}

static void clip_attr_f64(const struct alt_loop *l)
{
    const struct bounds *b = l->param;
    limit_f64(l->in[0], l->out, l->n, b->low, b->high);
}

static int bind_attributes(struct alt_kernel_bind *b)
{
    struct bounds *bounds = alt_arena_alloc(b->arena, sizeof *bounds);
    if (!bounds)
        return ALT_E_NOMEM;
    bounds->low = bounds->low32 = alt_attr_float(b->node, "min", -FLT_MAX);
    bounds->high = bounds->high32 = alt_attr_float(b->node, "max", FLT_MAX);
    const bool wide = b->in[0].dtype == ALT_FLOAT64;
    const struct alt_pointwise_spec spec = {.loop = wide ? clip_attr_f64 : clip_attr_f32, .param = bounds, .cost = 2};
    return alt_pointwise_bind(b, &spec);
}

/* A bound is one element, whatever its rank. */
static alt_status check_bound(struct alt_kernel_bind *b, int i)
{
    for (int d = 0; d < b->in[i].phys_rank; d++)
        if (b->in[i].extent[d] != 1)
            return alt_bind_fail(b, ALT_E_SHAPE, "input %d must be a scalar", i);
    return ALT_OK;
}

static int bind(struct alt_kernel_bind *b)
{
    static alt_loop_fn *const loops[ALT_WIDE_COUNT] = {clip_f32, clip_f64, clip_i64, clip_u64};
    static const int which[4] = {0, 1, 2, 3};
    if (b->node->opset < 11)
        return bind_attributes(b);
    int arg[4] = {0}, n = 1, present = 0;
    for (int i = 1; i < b->n_in; i++) {
        if (b->in[i].dtype == ALT_NONE)
            continue;
        ALT_CHECK(check_bound(b, i));
        arg[n++] = i;
        present |= i;
    }
    arg[n] = b->n_in;
    const struct alt_pointwise_spec spec = {.loop = loops[alt_wide_of(b->in[0].dtype)], .param = &which[present],
                                            .scalars = 6, .most_scalars = 2, .cost = 2};
    return alt_pointwise_bind_some(b, &spec, n, arg);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = ALT_POINTWISE_KERNEL("clip", bind);
    if (alt_wide_of(sel->in[0].dtype) == ALT_WIDE_NONE)
        return alt_select_unsupported(sel);
    *out = &kernel;
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, inf->node->opset < 12 ? ALT_CLASS_FLOAT : ALT_CLASS_NUMBER));
    ALT_CHECK(alt_infer_same_dtype(inf, 0, 1));
    ALT_CHECK(alt_infer_same_dtype(inf, 0, 2));
    alt_infer_like(inf, 0, 0);
    return ALT_OK;
}

const struct alt_op_impl alt_op_clip = {.infer = infer, .select = choose};
