/* nonzero.c: NonZero and Compress, whose output shapes depend on their input's content: they run on the host. */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    const struct alt_shape *in = &inf->in[0]->shape;
    struct alt_shape out = *in;
    int axis;
    if (inf->node->op == ALT_OP_NONZERO) {
        out = (struct alt_shape){.rank = 2, .dim = {in->rank < 0 ? alt_dim_unknown(inf->dims) : in->rank}};
        out.dim[1] = alt_dim_unknown(inf->dims);
        alt_infer_set(inf, 0, ALT_INT64, &out);
        return ALT_OK;
    }
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_BOOL));
    if (!alt_attr_has(inf->node, "axis")) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, 1);
        return ALT_OK;
    }
    if (in->rank >= 0) {
        ALT_CHECK(alt_infer_axis(inf, alt_attr_int(inf->node, "axis", 0), in->rank, &axis));
        out.dim[axis] = alt_dim_unknown(inf->dims);
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return ALT_OK;
}

/* An element that is not zero; minus zero is. */
static bool is_set(const struct alt_tensor *t, int64_t i)
{
    if (alt_dtype_class(t->dtype) & ALT_CLASS_FLOAT)
        return alt_tensor_float(t, i) != 0.0;
    const unsigned char *p = (const unsigned char *)t->data;
    size_t size = alt_dtype_size(t->dtype);
    for (size_t k = 0; k < size; k++)
        if (p[(size_t)i * size + k])
            return true;
    return false;
}

static alt_status nonzero(struct alt_eval *e)
{
    const struct alt_tensor *in = e->in[0];
    int64_t count = alt_tensor_count(in), found = 0, index[ALT_MAX_RANK] = {0};
    if (alt_dtype_size(in->dtype) == 0 || in->dtype == ALT_STRING)
        return alt_eval_fail(e, ALT_E_UNSUPPORTED, "no kernel for %s", alt_dtype_name(in->dtype));
    for (int64_t i = 0; i < count; i++)
        found += is_set(in, i);
    int64_t *out = alt_eval_output(e, 0, ALT_INT64, 2, (const int64_t[]){in->rank, found});
    if (!out)
        return ALT_E_NOMEM;
    for (int64_t i = 0, k = 0; i < count; i++) {
        if (is_set(in, i)) {
            for (int d = 0; d < in->rank; d++)
                out[d * found + k] = index[d];
            k++;
        }
        for (int d = in->rank - 1; d >= 0 && ++index[d] == in->dim[d]; d--)
            index[d] = 0;
    }
    return ALT_OK;
}

static alt_status compress(struct alt_eval *e)
{
    const struct alt_tensor *in = e->in[0], *condition = e->in[1];
    const unsigned char *keep = condition->data;
    int64_t size = (int64_t)alt_dtype_size(in->dtype), dims[ALT_MAX_RANK], kept = 0;
    bool flat = !alt_attr_has(e->node, "axis");
    int axis = flat ? 0 : alt_axis_of(alt_attr_int(e->node, "axis", 0), in->rank), rank = flat ? 1 : in->rank;
    if (size == 0)
        return alt_eval_fail(e, ALT_E_UNSUPPORTED, "no kernel for %s", alt_dtype_name(in->dtype));
    memcpy(dims, in->dim, sizeof dims);
    int64_t extent = flat ? alt_tensor_count(in) : in->dim[axis], n = alt_tensor_count(condition);
    n = n < extent ? n : extent;
    for (int64_t i = 0; i < n; i++)
        kept += keep[i] != 0;
    dims[axis] = kept;
    char *out = alt_eval_output(e, 0, in->dtype, rank, dims);
    if (!out)
        return ALT_E_NOMEM;
    int64_t outer = flat ? 1 : alt_dims_count(axis, in->dim);
    int64_t bytes = (flat ? 1 : alt_dims_count(in->rank - axis - 1, in->dim + axis + 1)) * size;
    const char *src = in->data;
    for (int64_t o = 0; o < outer && bytes > 0; o++, src += extent * bytes)
        for (int64_t i = 0; i < n; i++)
            if (keep[i]) {
                memcpy(out, src + i * bytes, (size_t)bytes);
                out += bytes;
            }
    return ALT_OK;
}

static alt_status eval(struct alt_eval *e) { return e->node->op == ALT_OP_NONZERO ? nonzero(e) : compress(e); }

const struct alt_op_impl alt_op_nonzero = {.infer = infer, .eval = eval};
