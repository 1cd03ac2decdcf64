/* data.c: helpers of the operators that move data; see data.h. */
#include "runtime/ops/data.h"

#include "runtime/ops/copy.h"

#include <string.h>

enum alt_arg alt_infer_arg(const struct alt_infer *inf, const char *attr, int i, int max, alt_dim *out, int *count)
{
    const int64_t *ints;
    *count = 0;
    if (attr && alt_attr_has(inf->node, attr)) {
        int64_t n = alt_attr_ints(inf->node, attr, &ints);
        if (n > max)
            return ALT_ARG_UNKNOWN;
        for (int64_t k = 0; k < n; k++)
            out[k] = alt_dim_from_int(ints[k]);
        *count = (int)n;
        return ALT_ARG_KNOWN;
    }
    if (i < 0 || !alt_infer_has(inf, i))
        return ALT_ARG_ABSENT;
    if (!alt_infer_content(inf, i, max, out, count))
        return ALT_ARG_UNKNOWN;
    int64_t number;
    for (int k = 0; k < *count && inf->concrete; k++)
        if (!alt_dim_number(out[k], &number) && !inf->in[i]->known)
            return ALT_ARG_UNKNOWN;
    return ALT_ARG_KNOWN;
}

enum alt_arg alt_infer_arg_ints(const struct alt_infer *inf, const char *attr, int i, int max, int64_t *out, int *count)
{
    const int64_t *ints;
    *count = 0;
    if (attr && alt_attr_has(inf->node, attr)) {
        int64_t n = alt_attr_ints(inf->node, attr, &ints);
        if (n > max)
            return ALT_ARG_UNKNOWN;
        if (n > 0)
            memcpy(out, ints, (size_t)n * sizeof *out);
        *count = (int)n;
        return ALT_ARG_KNOWN;
    }
    if (i < 0 || !alt_infer_has(inf, i))
        return ALT_ARG_ABSENT;
    return alt_infer_ints(inf, i, max, out, count) ? ALT_ARG_KNOWN : ALT_ARG_UNKNOWN;
}

int64_t alt_infer_length(const struct alt_infer *inf, int i)
{
    if (alt_infer_rank(inf, i) != 1 || !alt_dim_known(inf->in[i]->shape.dim[0]))
        return -1;
    return inf->in[i]->shape.dim[0];
}

alt_status alt_infer_indices(struct alt_infer *inf, int i)
{
    ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_SIGNED));
    if (inf->in[i]->dtype != ALT_INT64 && inf->in[i]->dtype != ALT_INT32)
        return alt_infer_fail(inf, ALT_E_MODEL, "input %d must be int32 or int64", i);
    return ALT_OK;
}

alt_status alt_infer_list(struct alt_infer *inf, int i, int max)
{
    if (!alt_infer_has(inf, i))
        return ALT_OK;
    ALT_CHECK(alt_infer_indices(inf, i));
    if (alt_infer_rank(inf, i) > 1)
        return alt_infer_fail(inf, ALT_E_SHAPE, "input %d must have one axis", i);
    int64_t length = alt_infer_length(inf, i);
    if (length > max)
        return alt_infer_fail(inf, ALT_E_UNSUPPORTED, "input %d holds %lld elements, at most %d are supported", i,
                              (long long)length, max);
    return ALT_OK;
}

void alt_infer_set_rank(struct alt_infer *inf, int o, alt_dtype dtype, int rank)
{
    struct alt_shape shape = {.rank = rank};
    for (int d = 0; d < rank; d++)
        shape.dim[d] = alt_dim_unknown(inf->dims);
    alt_infer_set(inf, o, dtype, &shape);
}

alt_status alt_infer_wait(struct alt_infer *inf, int i)
{
    return inf->concrete ? alt_infer_defer(inf, i) : ALT_OK;
}

alt_status alt_infer_pass_content(struct alt_infer *inf, int o, int i)
{
    alt_dim content[ALT_CONTENT_MAX];
    int count;
    int rank = inf->out[o].shape.rank;
    if (rank < 0 || rank > 1 || alt_infer_rank(inf, i) > 1 || !alt_infer_content(inf, i, ALT_CONTENT_MAX, content, &count))
        return ALT_OK;
    return alt_infer_set_content(inf, o, content, count);
}

alt_status alt_infer_axes(struct alt_infer *inf, int64_t *axes, int count, int rank)
{
    for (int i = 0; i < count; i++) {
        int axis;
        ALT_CHECK(alt_infer_axis(inf, axes[i], rank, &axis));
        axes[i] = axis;
        for (int j = 0; j < i; j++)
            if (axes[j] == axis)
                return alt_infer_fail(inf, ALT_E_MODEL, "axis %d is named twice", axis);
    }
    return ALT_OK;
}

int64_t alt_known_int(const struct alt_operand *op, int64_t i)
{
    return op->dtype == ALT_INT32 ? ((const int32_t *)op->known)[i] : ((const int64_t *)op->known)[i];
}

int64_t alt_operand_count(const struct alt_operand *op) { return alt_dims_count(op->rank, op->dim); }

bool alt_bound_ints(const struct alt_node *n, const char *attr, const struct alt_operand *op, int max, int64_t *out,
                    int *count)
{
    const int64_t *ints;
    *count = 0;
    int64_t length = attr ? alt_attr_ints(n, attr, &ints) : 0;
    if (length > 0 && length <= max) {
        memcpy(out, ints, (size_t)length * sizeof *out);
        *count = (int)length;
        return true;
    }
    if (!op || !op->known || (op->dtype != ALT_INT32 && op->dtype != ALT_INT64) || alt_operand_count(op) > max)
        return false;
    *count = (int)alt_operand_count(op);
    for (int i = 0; i < *count; i++)
        out[i] = alt_known_int(op, i);
    return true;
}

struct alt_indices alt_indices_of(const struct alt_koperand *op, bool wide)
{
    return (struct alt_indices){op->data, wide, alt_is_dense(op->rank, op->extent, op->stride), op->rank, op->extent,
                                op->stride};
}

int64_t alt_index_at(const struct alt_indices *indices, int64_t i)
{
    int64_t at = indices->dense ? i : alt_strided_offset(indices->rank, indices->extent, indices->stride, i);
    return indices->wide ? ((const int64_t *)indices->data)[at] : ((const int32_t *)indices->data)[at];
}

int64_t alt_index_checked(const struct alt_kargs *args, const struct alt_indices *indices, int64_t i, int64_t extent)
{
    int64_t index = alt_index_at(indices, i);
    if (index >= -extent && index < extent)
        return index < 0 ? index + extent : index;
    alt_fault(args, ALT_FAULT_INDEX);
    return -1;
}
