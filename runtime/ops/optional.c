/* optional.c: Optional, OptionalHasElement, OptionalGetElement. The latter two take also what is no optional (opset 18): it has
 * its element, which is itself. */
#include "runtime/ops/group.h"

static alt_status infer_optional(struct alt_infer *inf)
{
    const struct alt_attr *type = alt_attr_find(inf->node, "type");
    if (alt_infer_has(inf, 0) && inf->in[0]->kind != ALT_OPTIONAL)
        alt_infer_group(inf, 0, ALT_OPTIONAL, inf->in[0]->kind, inf->in[0]->dtype);
    else if (!alt_infer_has(inf, 0) && type && type->tensor_type && type->tensor_type->kind != ALT_OPTIONAL)
        alt_infer_group(inf, 0, ALT_OPTIONAL, type->tensor_type->kind, type->tensor_type->dtype);
    else
        return alt_infer_fail(inf, ALT_E_MODEL,
                              "it needs an input that is a tensor or sequence, or a type that is one");
    return ALT_OK;
}

static alt_status infer_get(struct alt_infer *inf)
{
    const struct alt_type *in = inf->in[0];
    if (!in)
        return alt_infer_fail(inf, ALT_E_MODEL, "input 0 is missing");
    const alt_kind kind = in->kind == ALT_OPTIONAL ? in->element_kind : in->kind;
    const struct alt_shape any = {.rank = -1};
    if (kind == ALT_TENSOR)
        alt_infer_set(inf, 0, in->dtype, in->kind == ALT_TENSOR ? &in->shape : &any);
    else
        alt_infer_group(inf, 0, kind, ALT_TENSOR, in->dtype);
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    const struct alt_shape scalar = {.rank = 0};
    if (inf->node->op == ALT_OP_OPTIONAL)
        return infer_optional(inf);
    if (inf->node->op == ALT_OP_OPTIONAL_GET_ELEMENT)
        return infer_get(inf);
    alt_infer_set(inf, 0, ALT_BOOL, &scalar);
    return ALT_OK;
}

static alt_status make(struct alt_eval *e)
{
    alt_value *held = NULL;
    if (e->n_in == 0 || !e->in[0])
        return alt_group_give(e, 0, 0, NULL);
    ALT_CHECK(alt_group_value(e, e->in[0], &held));
    const alt_status status = alt_group_give(e, 0, 1, &held);
    alt_value_release(held);
    return status;
}

static alt_status has_element(struct alt_eval *e)
{
    const alt_value *value = alt_eval_value(e, 0);
    uint8_t *out = alt_eval_output(e, 0, ALT_BOOL, 0, NULL);
    if (!out)
        return ALT_E_NOMEM;
    *out = e->n_in > 0 && e->in[0] && !(value && value->kind == ALT_OPTIONAL && value->count == 0);
    return ALT_OK;
}

static alt_status get_element(struct alt_eval *e)
{
    const alt_value *value = alt_eval_value(e, 0);
    if (!value || value->kind != ALT_OPTIONAL)
        e->run->out[0] = *e->in[0];
    else if (value->count)
        e->run->out[0] = alt_value_view(value->element[0]);
    else
        return alt_eval_fail(e, ALT_E_SHAPE, "the optional is empty");
    return ALT_OK;
}

static alt_status eval(struct alt_eval *e)
{
    switch (e->node->op) {
    case ALT_OP_OPTIONAL:
        return make(e);
    case ALT_OP_OPTIONAL_HAS_ELEMENT:
        return has_element(e);
    default:
        return get_element(e);
    }
}

const struct alt_op_impl alt_op_optional = {.infer = infer, .eval = eval};
