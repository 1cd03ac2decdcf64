/* group.c: values that are not tensors between host steps. Elements are shared, never copied: a sequence is an array of
 * counted references, so inserting costs a pointer an element and one copy of the tensor that goes in. */
#include "runtime/ops/group.h"

void alt_infer_group(struct alt_infer *inf, int i, alt_kind kind, alt_kind element_kind, alt_dtype dtype)
{
    if (i < inf->n_out)
        inf->out[i] = (struct alt_type){.kind = kind, .element_kind = element_kind, .dtype = dtype, .shape.rank = -1};
}

alt_status alt_infer_sequence(struct alt_infer *inf, int i)
{
    if (!alt_infer_has(inf, i) || inf->in[i]->kind != ALT_SEQUENCE || inf->in[i]->element_kind != ALT_TENSOR)
        return alt_infer_fail(inf, ALT_E_MODEL, "input %d must be a sequence of tensors", i);
    return ALT_OK;
}

alt_status alt_group_value(struct alt_eval *eval, const struct alt_tensor *t, alt_value **out)
{
    if (!eval->run->mem)
        return ALT_E_UNSUPPORTED;
    if (t->dtype != ALT_NONE)
        return alt_value_copy_in(eval->run->mem, t, out);
    *out = alt_value_retain((alt_value *)(uintptr_t)t->data); /* the count changes, the value does not */
    return ALT_OK;
}

alt_status alt_group_give(struct alt_eval *eval, int i, size_t count, alt_value *const *element)
{
    alt_value *value = NULL;
    if (!eval->run->mem)
        return ALT_E_UNSUPPORTED;
    ALT_CHECK(alt_value_group_in(eval->run->mem, &eval->node->out[i]->type, count, element, &value));
    return alt_eval_give(eval, i, value);
}

static alt_status wrap(struct alt_eval *eval, const struct alt_type *want, struct alt_tensor *t)
{
    alt_value *held = NULL, *value = NULL;
    ALT_CHECK(alt_group_value(eval, t, &held));
    const alt_status status = alt_value_group_in(eval->run->mem, want, 1, &held, &value);
    alt_value_release(held);
    if (status != ALT_OK)
        return status;
    *t = alt_value_view(value);
    return eval->run->hold(eval->run, value);
}

alt_status alt_group_as(struct alt_eval *eval, const struct alt_type *want, struct alt_tensor *t)
{
    const alt_value *value = t->dtype == ALT_NONE ? t->data : NULL;
    const alt_kind kind = value ? value->kind : ALT_TENSOR;
    if (kind == want->kind)
        return ALT_OK;
    if (want->kind == ALT_OPTIONAL)
        return wrap(eval, want, t);
    if (kind != ALT_OPTIONAL || !value->count)
        return alt_eval_fail(eval, ALT_E_SHAPE, "an optional is empty where a value is needed");
    *t = alt_value_view(value->element[0]);
    return ALT_OK;
}

alt_status alt_group_number(struct alt_eval *eval, int i, int64_t otherwise, int64_t *out)
{
    const struct alt_tensor *t = i < eval->n_in ? eval->in[i] : NULL;
    *out = otherwise;
    if (!t)
        return ALT_OK;
    if (alt_tensor_count(t) != 1)
        return alt_eval_fail(eval, ALT_E_SHAPE, "input %d must hold one number and holds %lld", i,
                             (long long)alt_tensor_count(t));
    *out = alt_tensor_int(t, 0);
    return ALT_OK;
}
