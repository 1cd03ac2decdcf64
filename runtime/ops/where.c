/* where.c: Where: elements of X where the condition holds, else of Y, all three broadcast; any element type. */
#include "runtime/ops/pointwise.h"

#include "runtime/ops/content.h"

struct wide16 {
    uint64_t part[2];
};

#define PICK(name, T) \
    ALT_LOOP(name, (const struct alt_loop *l), (l), { \
        const uint8_t *c = l->in[0]; const T *x = l->in[1], *y = l->in[2]; T *out = l->out; \
        const int64_t cs = l->step[0], xs = l->step[1], ys = l->step[2], n = l->n; \
        if (cs && xs && ys) { ALT_IVDEP for (int64_t i = 0; i < n; i++) out[i] = c[i] ? x[i] : y[i]; } \
        else { ALT_IVDEP for (int64_t i = 0; i < n; i++) out[i] = c[i * cs] ? x[i * xs] : y[i * ys]; } })

PICK(pick_1, uint8_t)
PICK(pick_2, uint16_t)
PICK(pick_4, uint32_t)
PICK(pick_8, uint64_t)
PICK(pick_16, struct wide16)

static alt_loop_fn *loop_of(alt_dtype dtype)
{
    switch (alt_dtype_size(dtype)) {
    case 1: return pick_1;
    case 2: return pick_2;
    case 4: return pick_4;
    case 8: return pick_8;
    case 16: return pick_16;
    default: return NULL;
    }
}

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_pointwise_spec spec = {.loop = loop_of(b->in[1].dtype), .raw = 7 | ALT_POINTWISE_RAW_OUT, .scalars = 7,
                                            .most_scalars = 3, .cost = 1};
    return alt_pointwise_bind(b, &spec);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = ALT_POINTWISE_KERNEL("where", bind);
    if (!loop_of(sel->in[1].dtype))
        return alt_select_unsupported(sel);
    *out = &kernel;
    return ALT_OK;
}

static alt_status set_content(struct alt_infer *inf)
{
    alt_dim c[ALT_CONTENT_MAX], x[ALT_CONTENT_MAX], y[ALT_CONTENT_MAX];
    const int count = alt_content_count(inf);
    if (count < 0 || !alt_content_get(inf, 0, count, c))
        return ALT_OK;
    const bool have_x = alt_content_get(inf, 1, count, x), have_y = alt_content_get(inf, 2, count, y);
    for (int k = 0; k < count; k++) {
        const alt_dim chosen = c[k] == 0 ? (have_y ? y[k] : ALT_DIM_BAD) : have_x ? x[k] : ALT_DIM_BAD;
        c[k] = c[k] == 0 || c[k] == 1 ? chosen : ALT_DIM_BAD;
    }
    return alt_infer_set_content(inf, 0, c, count);
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_BOOL));
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_expect(inf, 2, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_same_dtype(inf, 1, 2));
    ALT_CHECK(alt_pointwise_infer(inf, inf->in[1]->dtype));
    return set_content(inf);
}

const struct alt_op_impl alt_op_where = {.infer = infer, .select = choose};
