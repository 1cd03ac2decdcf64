/* sequence.c: SequenceConstruct, SequenceEmpty, SequenceAt, SequenceInsert, SequenceErase, SequenceLength. */
#include "runtime/ops/group.h"

#include <string.h>

static alt_status infer_construct(struct alt_infer *inf)
{
    for (int i = 0; i < inf->n_in; i++) {
        ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_ANY));
        ALT_CHECK(alt_infer_same_dtype(inf, 0, i));
    }
    alt_infer_group(inf, 0, ALT_SEQUENCE, ALT_TENSOR, inf->in[0]->dtype);
    return ALT_OK;
}

static alt_status infer_empty(struct alt_infer *inf)
{
    const int64_t dtype = alt_attr_int(inf->node, "dtype", ALT_FLOAT32);
    if (dtype <= 0 || dtype > INT16_MAX || !alt_dtype_bits((alt_dtype)dtype))
        return alt_infer_fail(inf, ALT_E_MODEL, "element type %lld is not known", (long long)dtype);
    alt_infer_group(inf, 0, ALT_SEQUENCE, ALT_TENSOR, (alt_dtype)dtype);
    return ALT_OK;
}

static alt_status infer_position(struct alt_infer *inf, int i)
{
    if (!alt_infer_has(inf, i))
        return ALT_OK;
    ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_SIGNED));
    if (inf->in[i]->dtype != ALT_INT32 && inf->in[i]->dtype != ALT_INT64)
        return alt_infer_fail(inf, ALT_E_MODEL, "the position must be int32 or int64");
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    if (inf->node->op == ALT_OP_SEQUENCE_CONSTRUCT)
        return infer_construct(inf);
    if (inf->node->op == ALT_OP_SEQUENCE_EMPTY)
        return infer_empty(inf);
    ALT_CHECK(alt_infer_sequence(inf, 0));
    const alt_dtype dtype = inf->in[0]->dtype;
    const struct alt_shape any = {.rank = -1}, scalar = {.rank = 0};
    switch (inf->node->op) {
    case ALT_OP_SEQUENCE_LENGTH:
        alt_infer_set(inf, 0, ALT_INT64, &scalar);
        return ALT_OK;
    case ALT_OP_SEQUENCE_AT:
        alt_infer_set(inf, 0, dtype, &any);
        return infer_position(inf, 1);
    case ALT_OP_SEQUENCE_INSERT:
        ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_ANY));
        ALT_CHECK(alt_infer_same_dtype(inf, 0, 1));
        alt_infer_group(inf, 0, ALT_SEQUENCE, ALT_TENSOR, dtype);
        return infer_position(inf, 2);
    default:
        alt_infer_group(inf, 0, ALT_SEQUENCE, ALT_TENSOR, dtype);
        return infer_position(inf, 1);
    }
}

/* Position in [0, limit), counted from the end when negative. */
static alt_status position(struct alt_eval *e, int i, int64_t count, int64_t limit, int64_t otherwise, size_t *out)
{
    int64_t at;
    ALT_CHECK(alt_group_number(e, i, otherwise, &at));
    if (at < -count || at >= limit)
        return alt_eval_fail(e, ALT_E_SHAPE, "position %lld is outside [%lld, %lld)", (long long)at, (long long)-count,
                             (long long)limit);
    *out = (size_t)(at < 0 ? at + count : at);
    return ALT_OK;
}

static alt_status construct(struct alt_eval *e)
{
    alt_value **element = alt_eval_alloc(e, (size_t)e->n_in * sizeof *element);
    int made = 0;
    alt_status status = element ? ALT_OK : ALT_E_NOMEM;
    while (made < e->n_in && status == ALT_OK) {
        status = alt_group_value(e, e->in[made], &element[made]);
        made += status == ALT_OK;
    }
    if (status == ALT_OK)
        status = alt_group_give(e, 0, (size_t)made, element);
    while (made > 0)
        alt_value_release(element[--made]);
    return status;
}

static alt_status at(struct alt_eval *e, const alt_value *sequence)
{
    size_t k = 0;
    const int64_t n = (int64_t)sequence->count;
    ALT_CHECK(position(e, 1, n, n, 0, &k));
    e->run->out[0] = alt_value_view(sequence->element[k]); /* in place: the sequence lives as long */
    return ALT_OK;
}

static alt_status insert(struct alt_eval *e, const alt_value *sequence)
{
    alt_value *added = NULL;
    const int64_t n = (int64_t)sequence->count;
    size_t k = 0;
    ALT_CHECK(position(e, 2, n, n + 1, n, &k));
    alt_value **element = alt_eval_alloc(e, (sequence->count + 1) * sizeof *element);
    if (!element)
        return ALT_E_NOMEM;
    ALT_CHECK(alt_group_value(e, e->in[1], &added));
    if (k)
        memcpy(element, sequence->element, k * sizeof *element);
    if (sequence->count > k)
        memcpy(element + k + 1, sequence->element + k, (sequence->count - k) * sizeof *element);
    element[k] = added;
    const alt_status status = alt_group_give(e, 0, sequence->count + 1, element);
    alt_value_release(added);
    return status;
}

static alt_status erase(struct alt_eval *e, const alt_value *sequence)
{
    const int64_t n = (int64_t)sequence->count;
    size_t k = 0;
    ALT_CHECK(position(e, 1, n, n, n - 1, &k));
    alt_value **element = alt_eval_alloc(e, sequence->count * sizeof *element);
    if (!element)
        return ALT_E_NOMEM;
    if (k)
        memcpy(element, sequence->element, k * sizeof *element);
    if (sequence->count - 1 > k)
        memcpy(element + k, sequence->element + k + 1, (sequence->count - 1 - k) * sizeof *element);
    return alt_group_give(e, 0, sequence->count - 1, element);
}

static alt_status length(struct alt_eval *e, const alt_value *sequence)
{
    int64_t *out = alt_eval_output(e, 0, ALT_INT64, 0, NULL);
    if (!out)
        return ALT_E_NOMEM;
    *out = (int64_t)sequence->count;
    return ALT_OK;
}

static alt_status eval(struct alt_eval *e)
{
    switch (e->node->op) {
    case ALT_OP_SEQUENCE_CONSTRUCT:
        return construct(e);
    case ALT_OP_SEQUENCE_EMPTY:
        return alt_group_give(e, 0, 0, NULL);
    case ALT_OP_SEQUENCE_AT:
        return at(e, alt_eval_value(e, 0));
    case ALT_OP_SEQUENCE_INSERT:
        return insert(e, alt_eval_value(e, 0));
    case ALT_OP_SEQUENCE_ERASE:
        return erase(e, alt_eval_value(e, 0));
    default:
        return length(e, alt_eval_value(e, 0));
    }
}

const struct alt_op_impl alt_op_sequence = {.infer = infer, .eval = eval};
