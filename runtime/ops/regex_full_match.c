/* regex_full_match.c: RegexFullMatch: which strings match a pattern from beginning to end; regex.h says what patterns may hold. */
#include "runtime/ops/data.h"
#include "runtime/ops/regex.h"

static alt_status infer(struct alt_infer *inf)
{
    const struct alt_attr *a = alt_attr_find(inf->node, "pattern");
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_STRING));
    if (!a || a->type != ALT_ATTR_STRING)
        return alt_infer_fail(inf, ALT_E_MODEL, "it needs the attribute pattern");
    alt_infer_set(inf, 0, ALT_BOOL, &inf->in[0]->shape);
    return ALT_OK;
}

static void *allocate(void *context, size_t bytes) { return alt_eval_alloc(context, bytes); }

static alt_status eval(struct alt_eval *e)
{
    const struct alt_tensor *in = e->in[0];
    const alt_string *pattern = alt_attr_find(e->node, "pattern")->strings;
    const int64_t count = alt_tensor_count(in);
    struct alt_regex regex;
    if (!alt_regex_compile(&regex, pattern, allocate, e))
        return ALT_E_NOMEM;
    if (regex.fault)
        return alt_eval_fail(e, ALT_E_UNSUPPORTED, "the pattern \"%.100s\": %s", pattern->data, regex.fault);
    bool *out = alt_eval_output(e, 0, ALT_BOOL, in->rank, in->dim);
    void *memory = alt_eval_alloc(e, alt_regex_memory(&regex));
    if (!out || !memory)
        return ALT_E_NOMEM;
    for (int64_t i = 0; i < count; i++)
        out[i] = alt_regex_match(&regex, (const alt_string *)in->data + i, memory);
    return ALT_OK;
}

const struct alt_op_impl alt_op_regex_full_match = {.infer = infer, .eval = eval};
