/* split_to_sequence.c: SplitToSequence: a tensor cut along an axis into tensors of their own. Sizes come from input 1: a list,
 * or one number for all parts (the last may be shorter); without it every part has extent 1, and the axis goes unless
 * "keepdims" is set. */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"
#include "runtime/ops/group.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    int axis;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_list(inf, 1, INT32_MAX));
    if (inf->in[0]->shape.rank >= 0)
        ALT_CHECK(alt_infer_axis(inf, alt_attr_int(inf->node, "axis", 0), inf->in[0]->shape.rank, &axis));
    alt_infer_group(inf, 0, ALT_SEQUENCE, ALT_TENSOR, inf->in[0]->dtype);
    return ALT_OK;
}

/* How the axis is cut. */
struct cut {
    const struct alt_tensor *in, *sizes; /* sizes NULL: one number for all */
    int axis;
    int64_t size, parts;
    bool drop; /* the axis goes */
};

static int64_t part_size(const struct cut *c, int64_t i)
{
    const int64_t rest = c->in->dim[c->axis] - i * c->size;
    if (c->sizes)
        return alt_tensor_int(c->sizes, i);
    return rest < c->size ? rest : c->size;
}

static alt_status read_cut(struct alt_eval *e, struct cut *c)
{
    const struct alt_tensor *split = e->n_in > 1 ? e->in[1] : NULL;
    const int64_t axis = alt_attr_int(e->node, "axis", 0);
    c->in = e->in[0];
    if (axis < -c->in->rank || axis >= c->in->rank)
        return alt_eval_fail(e, ALT_E_SHAPE, "axis %lld is outside [%d, %d)", (long long)axis, -c->in->rank,
                             c->in->rank);
    c->axis = alt_axis_of(axis, c->in->rank);
    const int64_t extent = c->in->dim[c->axis];
    c->drop = !split && !alt_attr_int(e->node, "keepdims", 1);
    if (split && split->rank > 0) {
        int64_t sum = 0;
        c->sizes = split;
        c->parts = alt_tensor_count(split);
        for (int64_t i = 0; i < c->parts; i++)
            if (alt_tensor_int(split, i) < 0 || __builtin_add_overflow(sum, alt_tensor_int(split, i), &sum) ||
                sum > extent)
                return alt_eval_fail(e, ALT_E_SHAPE, "size %lld of part %lld does not fit an axis of extent %lld",
                                     (long long)alt_tensor_int(split, i), (long long)i, (long long)extent);
        return sum == extent ? ALT_OK
                             : alt_eval_fail(e, ALT_E_SHAPE, "the sizes add up to %lld, the axis has %lld",
                                             (long long)sum, (long long)extent);
    }
    ALT_CHECK(alt_group_number(e, 1, 1, &c->size));
    if (c->size <= 0)
        return alt_eval_fail(e, ALT_E_SHAPE, "the size of a part is %lld; it must be positive", (long long)c->size);
    c->parts = extent / c->size + (extent % c->size != 0);
    return ALT_OK;
}

/* One part, beginning at `at`, as a value. */
static alt_status make_part(struct alt_eval *e, const struct cut *c, int64_t at, int64_t size, alt_value **out)
{
    struct alt_tensor part = {.dtype = c->in->dtype, .rank = c->drop ? c->in->rank - 1 : c->in->rank};
    struct alt_copy_box box = {.rank = c->in->rank};
    int64_t stride[ALT_MAX_RANK], dense[ALT_MAX_RANK];
    struct alt_copy copy;
    alt_value *value;
    memcpy(box.extent, c->in->dim, (size_t)box.rank * sizeof *box.extent);
    box.extent[c->axis] = size;
    for (int d = 0, to = 0; d < box.rank; d++)
        if (!c->drop || d != c->axis)
            part.dim[to++] = box.extent[d];
    part.bytes = alt_dtype_bytes(part.dtype, alt_tensor_count(&part));
    if (!e->run->mem)
        return ALT_E_UNSUPPORTED;
    alt_dense_strides(box.rank, c->in->dim, stride);
    alt_dense_strides(box.rank, box.extent, dense);
    memcpy(box.src, stride, (size_t)box.rank * sizeof *stride);
    memcpy(box.dst, dense, (size_t)box.rank * sizeof *dense);
    box.src_at = at * stride[c->axis];
    alt_copy_prepare(&copy, part.dtype, &box);
    if (part.dtype == ALT_STRING) { /* cut first: values own the bytes of their strings */
        void *strings = alt_eval_alloc(e, part.bytes);
        if (!strings)
            return ALT_E_NOMEM;
        alt_copy_run(&copy, c->in->data, strings, 0, copy.tiles);
        part.data = strings;
        return alt_value_copy_in(e->run->mem, &part, out);
    }
    ALT_CHECK(alt_value_tensor_in(e->run->mem, part.dtype, part.rank, part.dim, 0, &value));
    alt_copy_run(&copy, c->in->data, value->data, 0, copy.tiles);
    *out = value;
    return ALT_OK;
}

static alt_status eval(struct alt_eval *e)
{
    struct cut c = {0};
    ALT_CHECK(read_cut(e, &c));
    if ((uint64_t)c.parts > SIZE_MAX / 16)
        return ALT_E_NOMEM;
    alt_value **part = alt_eval_alloc(e, (size_t)c.parts * sizeof *part);
    alt_status status = part ? ALT_OK : ALT_E_NOMEM;
    int64_t made = 0, at = 0;
    while (made < c.parts && status == ALT_OK) {
        const int64_t size = part_size(&c, made);
        status = make_part(e, &c, at, size, &part[made]);
        made += status == ALT_OK;
        at += size;
    }
    if (status == ALT_OK)
        status = alt_group_give(e, 0, (size_t)made, part);
    while (made > 0)
        alt_value_release(part[--made]);
    return status;
}

const struct alt_op_impl alt_op_split_to_sequence = {.infer = infer, .eval = eval};
