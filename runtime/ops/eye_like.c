/* eye_like.c: EyeLike: ones on a diagonal, zeros elsewhere. */
#include "runtime/ops/data.h"
#include "runtime/ops/wide.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    if (alt_infer_rank(inf, 0) >= 0 && alt_infer_rank(inf, 0) != 2)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the input must have 2 axes");
    int64_t dtype = alt_attr_int(inf->node, "dtype", inf->in[0]->dtype);
    if (dtype < 0 || dtype > INT32_MAX || alt_dtype_bits((alt_dtype)dtype) == 0)
        return alt_infer_fail(inf, ALT_E_MODEL, "there is no type %lld", (long long)dtype);
    alt_infer_set(inf, 0, (alt_dtype)dtype, &inf->in[0]->shape);
    return ALT_OK;
}

struct plan {
    int64_t rows, columns, k;
    size_t size;
    unsigned char one[8];
};

static int bind(struct alt_kernel_bind *b)
{
    static const uint64_t one = 1;
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    p->rows = b->out[0].dim[0];
    p->columns = b->out[0].dim[1];
    p->k = alt_clamp(alt_attr_int(b->node, "k", 0), -p->rows, p->columns);
    p->size = alt_dtype_size(b->out[0].dtype);
    alt_wide_store(ALT_WIDE_U64, b->out[0].dtype)(p->one, 1, &one, 1);
    b->params = p;
    b->range = p->rows && p->columns ? 1 : 0;
    return ALT_OK;
}

static void eye(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    char *out = args->operand[1].data;
    memset(out, 0, (size_t)(p->rows * p->columns) * p->size);
    for (int64_t r = 0; r < p->rows; r++)
        if (r + p->k >= 0 && r + p->k < p->columns)
            memcpy(out + (size_t)(r * p->columns + r + p->k) * p->size, p->one, p->size);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "eye_like", .fn = eye, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_wide_store(ALT_WIDE_U64, sel->out[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_eye_like = {.infer = infer, .select = choose};
