/* concat_from_sequence.c: ConcatFromSequence: joins the tensors of a sequence along an axis they have, or along a new one. */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"
#include "runtime/ops/group.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    const struct alt_shape any = {.rank = -1};
    ALT_CHECK(alt_infer_sequence(inf, 0));
    if (!alt_attr_has(inf->node, "axis"))
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute \"axis\" is missing");
    alt_infer_set(inf, 0, inf->in[0]->dtype, &any);
    return ALT_OK;
}

/* The element with the new axis, of extent 1, where there is one. */
static struct alt_tensor widened(const alt_value *element, bool fresh, int axis)
{
    struct alt_tensor t = alt_value_view(element);
    if (!fresh)
        return t;
    for (int d = t.rank; d > axis; d--)
        t.dim[d] = t.dim[d - 1];
    t.dim[axis] = 1;
    t.rank++;
    return t;
}

/* Rank and extents of the result. */
static alt_status join_shapes(struct alt_eval *e, const alt_value *sequence, bool fresh, int axis,
                              struct alt_tensor *out)
{
    for (size_t i = 0; i < sequence->count; i++) {
        if (sequence->element[i]->rank + fresh != out->rank)
            return alt_eval_fail(e, ALT_E_SHAPE, "element %zu has rank %d, element 0 has %d", i,
                                 sequence->element[i]->rank, out->rank - fresh);
        const struct alt_tensor t = widened(sequence->element[i], fresh, axis);
        for (int d = 0; d < t.rank; d++) {
            if (i == 0)
                out->dim[d] = t.dim[d];
            else if (d == axis && __builtin_add_overflow(out->dim[d], t.dim[d], &out->dim[d]))
                return alt_eval_fail(e, ALT_E_SHAPE, "the result is too large");
            else if (d != axis && out->dim[d] != t.dim[d])
                return alt_eval_fail(e, ALT_E_SHAPE, "elements 0 and %zu differ along another axis than %d", i, axis);
        }
    }
    return ALT_OK;
}

static void copy_elements(const alt_value *sequence, bool fresh, int axis, const struct alt_tensor *out, void *data)
{
    int64_t stride[ALT_MAX_RANK], at = 0;
    alt_dense_strides(out->rank, out->dim, stride);
    for (size_t i = 0; i < sequence->count; i++) {
        const struct alt_tensor t = widened(sequence->element[i], fresh, axis);
        struct alt_copy_box box = {.rank = t.rank, .dst_at = at * stride[axis]};
        struct alt_copy copy;
        memcpy(box.extent, t.dim, (size_t)t.rank * sizeof *t.dim);
        memcpy(box.dst, stride, (size_t)t.rank * sizeof *stride);
        alt_dense_strides(t.rank, t.dim, box.src);
        alt_copy_prepare(&copy, t.dtype, &box);
        alt_copy_run(&copy, t.data, data, 0, copy.tiles);
        at += t.dim[axis];
    }
}

static alt_status eval(struct alt_eval *e)
{
    const alt_value *sequence = alt_eval_value(e, 0);
    const bool fresh = alt_attr_int(e->node, "new_axis", 0) != 0;
    const int64_t axis = alt_attr_int(e->node, "axis", 0);
    if (!sequence->count)
        return alt_eval_fail(e, ALT_E_SHAPE, "the sequence is empty: there is nothing to join");
    struct alt_tensor out = {.dtype = sequence->dtype, .rank = sequence->element[0]->rank + fresh};
    if (out.rank > ALT_MAX_RANK)
        return alt_eval_fail(e, ALT_E_UNSUPPORTED, "the result has more than %d axes", ALT_MAX_RANK);
    if (axis < -out.rank || axis >= out.rank)
        return alt_eval_fail(e, ALT_E_SHAPE, "axis %lld is outside [%d, %d)", (long long)axis, -out.rank, out.rank);
    const int at = alt_axis_of(axis, out.rank);
    ALT_CHECK(join_shapes(e, sequence, fresh, at, &out));
    void *data = alt_eval_output(e, 0, out.dtype, out.rank, out.dim);
    if (!data)
        return ALT_E_NOMEM;
    copy_elements(sequence, fresh, at, &out, data);
    return ALT_OK;
}

const struct alt_op_impl alt_op_concat_from_sequence = {.infer = infer, .eval = eval};
