/* cast.c: Cast and CastLike between the dtypes that have a wide type (wide.h says how values convert); cast_small.c has
 * float8, float4 and the integers below a byte. */
#include "runtime/ops/pointwise.h"

#include "runtime/mem.h"
#include "runtime/ops/cast_small.h"
#include "runtime/ops/content.h"

#include <string.h>

/* n elements, both sides of their own dtypes. */
typedef void direct_fn(float *out, const void *x, int64_t n);

#define DIRECT(name, T, get) \
    ALT_LOOP(name, (float *out, const void *x, int64_t n), (out, x, n), { \
        const T *from = x; ALT_IVDEP for (int64_t i = 0; i < n; i++) out[i] = (float)(get); })
DIRECT(f32_of_i8, int8_t, from[i])
DIRECT(f32_of_i16, int16_t, from[i])
DIRECT(f32_of_i32, int32_t, from[i])
DIRECT(f32_of_u8, uint8_t, from[i])
DIRECT(f32_of_u16, uint16_t, from[i])
DIRECT(f32_of_bool, uint8_t, from[i] != 0)

/* To float32 without the detour over 64 bits: masks and images. */
static direct_fn *const direct[ALT_BFLOAT16 + 1] = {
    [ALT_INT8] = f32_of_i8, [ALT_INT16] = f32_of_i16, [ALT_INT32] = f32_of_i32, [ALT_UINT8] = f32_of_u8,
    [ALT_UINT16] = f32_of_u16, [ALT_BOOL] = f32_of_bool,
};

struct cast {
    direct_fn *direct;   /* or NULL */
    alt_store_fn *store; /* from the input's wide type; NULL: the input has the output's dtype and size */
    size_t size;
};

/* Inputs come in their wide type (in their own where that is not needed), the output is of its own dtype. */
static void convert(const struct alt_loop *l)
{
    const struct cast *c = l->param;
    if (c->direct)
        c->direct(l->out, l->in[0], l->n);
    else if (c->store)
        c->store(l->out, 1, l->in[0], l->n);
    else if (l->out != l->in[0])
        memcpy(l->out, l->in[0], (size_t)l->n * c->size);
}

static int bind(struct alt_kernel_bind *b)
{
    const alt_dtype from = b->in[0].dtype, to = b->out[0].dtype;
    struct cast *c = alt_arena_alloc(b->arena, sizeof *c);
    if (!c)
        return ALT_E_NOMEM;
    c->size = alt_dtype_size(to);
    c->store = from == to ? NULL : alt_wide_store(alt_wide_of(from), to);
    struct alt_pointwise_spec spec = {.loop = convert, .param = c, .raw = ALT_POINTWISE_RAW_OUT, .cost = 2};
    c->direct = to == ALT_FLOAT32 && from <= ALT_BFLOAT16 ? direct[from] : NULL;
    if (from == to || c->direct)
        spec.raw |= 1;
    const int arg[2] = {0, b->n_in};
    return alt_pointwise_bind_some(b, &spec, 1, arg);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = ALT_POINTWISE_KERNEL("cast", bind);
    const alt_dtype from = sel->in[0].dtype, to = sel->out[0].dtype;
    const bool plain = alt_wide_of(from) != ALT_WIDE_NONE && alt_wide_of(to) != ALT_WIDE_NONE;
    if (!plain && !(from == to && alt_raw_load(alt_dtype_size(to))))
        return alt_cast_small_select(sel, out);
    *out = &kernel;
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    const bool like = inf->node->op == ALT_OP_CAST_LIKE;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    if (like)
        ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_ANY));
    const int64_t to = like ? (int64_t)inf->in[1]->dtype : alt_attr_int(inf->node, "to", 0);
    if (to <= 0 || to > INT32_MAX || alt_dtype_bits((alt_dtype)to) == 0)
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute to (%lld) names no element type", (long long)to);
    alt_infer_set(inf, 0, (alt_dtype)to, &inf->in[0]->shape);
    return alt_content_same(inf);
}

const struct alt_op_impl alt_op_cast = {.infer = infer, .select = choose};
