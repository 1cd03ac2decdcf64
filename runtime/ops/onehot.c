/* onehot.c: OneHot: a new axis that holds the on-value where its position is the index, the off-value elsewhere. */
#include "runtime/ops/data.h"
#include "runtime/ops/wide.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_NUMBER));
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_NUMBER));
    ALT_CHECK(alt_infer_expect(inf, 2, ALT_CLASS_ANY));
    const struct alt_type *depth = inf->in[1];
    const struct alt_shape *in = &inf->in[0]->shape, *values = &inf->in[2]->shape;
    int axis, count;
    if (values->rank >= 0 && (values->rank != 1 || (alt_dim_known(values->dim[0]) && values->dim[0] != 2)))
        return alt_infer_fail(inf, ALT_E_SHAPE, "values must be two, off and on");
    if (in->rank < 0 || in->rank == ALT_MAX_RANK) {
        alt_infer_set_rank(inf, 0, inf->in[2]->dtype, -1);
        return in->rank < 0 ? ALT_OK : alt_infer_fail(inf, ALT_E_UNSUPPORTED, "the result has more than %d axes", ALT_MAX_RANK);
    }
    struct alt_shape out = {.rank = in->rank + 1};
    ALT_CHECK(alt_infer_axis(inf, alt_attr_int(inf->node, "axis", -1), out.rank, &axis));
    for (int d = 0; d < out.rank; d++)
        out.dim[d] = d == axis ? alt_dim_unknown(inf->dims) : in->dim[d < axis ? d : d - 1];
    bool known = depth->known && alt_tensor_count(depth->known) == 1;
    alt_dim entry;
    if (known && (alt_dtype_class(depth->dtype) & ALT_CLASS_FLOAT)) {
        double d = alt_tensor_float(depth->known, 0);
        out.dim[axis] = d >= 0 && d < 0x1p53 ? (alt_dim)d : ALT_DIM_BAD;
    } else if (alt_infer_content(inf, 1, 1, &entry, &count) && count == 1 && entry != ALT_DIM_BAD) {
        known = true;
        out.dim[axis] = alt_dim_negative(entry) ? ALT_DIM_BAD : entry;
    }
    alt_infer_set(inf, 0, inf->in[2]->dtype, &out);
    return known ? ALT_OK : alt_infer_wait(inf, 1);
}

struct plan {
    int64_t depth, inner; /* extent of the new axis, elements after it */
    size_t size;
    enum alt_wide wide;
    alt_load_fn *load;
    size_t index_size;
};

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *out = &b->out[0];
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    int axis = alt_axis_of(alt_attr_int(b->node, "axis", -1), out->rank);
    p->depth = out->dim[axis];
    p->inner = alt_dims_count(out->rank - axis - 1, out->dim + axis + 1);
    p->size = alt_dtype_size(out->dtype);
    p->wide = alt_wide_of(b->in[0].dtype);
    p->load = alt_wide_load(b->in[0].dtype);
    p->index_size = alt_dtype_size(b->in[0].dtype);
    b->params = p;
    b->range = p->depth * p->inner > 0 ? alt_dims_count(axis, out->dim) : 0;
    b->flops = (double)alt_operand_count(out);
    return ALT_OK;
}

/* Index i as an integer in [-depth, depth), else -depth - 1. */
static int64_t read_index(const struct plan *p, const void *indices, int64_t i)
{
    union {
        float f32;
        double f64;
        int64_t i64;
        uint64_t u64;
    } v;
    p->load(&v, (const char *)indices + i * (int64_t)p->index_size, 1, 1);
    double d = p->wide == ALT_WIDE_F32 ? (double)v.f32 : p->wide == ALT_WIDE_F64 ? v.f64 : 0;
    if (p->wide == ALT_WIDE_U64)
        return v.u64 < (uint64_t)p->depth ? (int64_t)v.u64 : -p->depth - 1;
    if (p->wide != ALT_WIDE_I64)
        v.i64 = d > -0x1p62 && d < 0x1p62 ? (int64_t)d : INT64_MAX;
    return v.i64 >= -p->depth && v.i64 < p->depth ? v.i64 : -p->depth - 1;
}

static void onehot(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    const char *off = args->operand[2].data, *on = off + p->size;
    int64_t size = (int64_t)p->size, block = p->depth * p->inner * size;
    for (int64_t o = args->begin; o < args->end; o++) {
        char *out = (char *)args->operand[3].data + o * block;
        for (int64_t i = 0; i < block; i += size)
            memcpy(out + i, off, p->size);
        for (int64_t k = 0; k < p->inner; k++) {
            int64_t index = read_index(p, args->operand[0].data, o * p->inner + k);
            index += index < 0 ? p->depth : 0;
            if (index >= 0)
                memcpy(out + (index * p->inner + k) * size, on, p->size);
        }
    }
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "onehot", .fn = onehot, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    bool fits = alt_wide_load(sel->in[0].dtype) && alt_dtype_size(sel->in[2].dtype);
    return fits ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_onehot = {.infer = infer, .select = choose};
