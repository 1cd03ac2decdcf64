/* onnx_function.c: FunctionProto, inlined at load. A local function is what its body says, also where alt has an operator
 * of that name: the model's author meant the body. */
#include "runtime/onnx_load.h"

#include <string.h>

enum { /* FunctionProto */
    FUNCTION_NAME = 1,
    FUNCTION_INPUT = 4,
    FUNCTION_OUTPUT = 5,
    FUNCTION_NODE = 7,
    FUNCTION_OPSET_IMPORT = 9,
    FUNCTION_DOMAIN = 10,
    FUNCTION_ATTRIBUTE_PROTO = 11,
    FUNCTION_OVERLOAD = 13
};

/* The key of ld->functions. No name holds a zero byte, but any may hold a colon, so lengths come first. */
static const char *make_key(struct alt_arena *arena, const char *domain, const char *name, const char *overload)
{
    return alt_arena_printf(arena, "%zu:%zu:%s%s%s", strlen(domain), strlen(name), domain, name, overload);
}

static alt_status check_names(struct alt_onnx_load *ld, const struct alt_onnx_function *fn, const char *const *names,
                              int count, const char *what)
{
    struct alt_strmap seen;
    alt_strmap_init(&seen, ld->scratch);
    for (int i = 0; i < count; i++) {
        if (!names[i][0] || alt_strmap_get(&seen, names[i]))
            return alt_diag_add(ld->diag, ALT_E_MODEL, "function \"%.200s\": %s \"%.200s\" has no name or comes twice",
                                fn->name, what, names[i]);
        if (!alt_strmap_set(&seen, names[i], &seen))
            return alt_onnx_nomem(ld);
    }
    return ALT_OK;
}

static alt_status read_header(struct alt_onnx_load *ld, struct alt_wire w, struct alt_onnx_function *fn)
{
    struct alt_wire_field f;
    alt_string name = {0}, domain = {0}, overload = {0};
    while (alt_wire_next(&w, &f)) {
        switch (f.number) {
        case FUNCTION_NAME: alt_wire_bytes(&w, &f, &name); break;
        case FUNCTION_DOMAIN: alt_wire_bytes(&w, &f, &domain); break;
        case FUNCTION_OVERLOAD: alt_wire_bytes(&w, &f, &overload); break;
        default: break;
        }
    }
    if (w.fault)
        return alt_onnx_malformed(ld, &w, "function");
    ALT_CHECK(alt_onnx_text(ld, ld->scratch, name, &fn->name));
    ALT_CHECK(alt_onnx_text(ld, ld->scratch, domain, &fn->domain));
    ALT_CHECK(alt_onnx_text(ld, ld->scratch, overload, &fn->overload));
    if (strcmp(fn->domain, "ai.onnx") == 0)
        fn->domain = "";
    return ALT_OK;
}

alt_status alt_onnx_function_read(struct alt_onnx_load *ld, struct alt_wire w)
{
    struct alt_onnx_function *fn = alt_arena_alloc(ld->scratch, sizeof *fn);
    if (!fn)
        return alt_onnx_nomem(ld);
    ALT_CHECK(read_header(ld, w, fn));
    ALT_CHECK(alt_onnx_names_read(ld, w, FUNCTION_INPUT, &fn->in, &fn->n_in));
    ALT_CHECK(alt_onnx_names_read(ld, w, FUNCTION_OUTPUT, &fn->out, &fn->n_out));
    ALT_CHECK(check_names(ld, fn, fn->in, fn->n_in, "input"));
    ALT_CHECK(check_names(ld, fn, fn->out, fn->n_out, "output"));
    ALT_CHECK(alt_onnx_attrs_read(ld, w, FUNCTION_ATTRIBUTE_PROTO, &fn->attr, &fn->n_attr));
    ALT_CHECK(alt_onnx_opsets_read(ld, w, FUNCTION_OPSET_IMPORT, ld->scratch, &fn->opsets));
    ALT_CHECK(alt_onnx_body_read(ld, w, FUNCTION_NODE, &fn->body));
    ALT_CHECK(alt_onnx_body_sort(ld, &fn->body));
    const char *key = make_key(ld->scratch, fn->domain, fn->name, fn->overload);
    if (!key)
        return alt_onnx_nomem(ld);
    if (alt_strmap_get(&ld->functions, key))
        return alt_diag_add(ld->diag, ALT_E_MODEL, "function \"%.200s\" of domain \"%.200s\" is defined twice", fn->name,
                            fn->domain);
    return alt_strmap_set(&ld->functions, key, fn) ? ALT_OK : alt_onnx_nomem(ld);
}

alt_status alt_onnx_function_find(struct alt_onnx_load *ld, const struct alt_onnx_node *node,
                                  const struct alt_onnx_function **out)
{
    *out = NULL;
    if (!ld->functions.head)
        return ALT_OK;
    const char *key = make_key(ld->scratch, node->domain, node->op_type, node->overload);
    if (!key)
        return alt_onnx_nomem(ld);
    *out = alt_strmap_get(&ld->functions, key);
    return ALT_OK;
}

static alt_status check_call(struct alt_onnx_load *ld, const struct alt_onnx_scope *scope, const struct alt_onnx_node *node,
                             const struct alt_onnx_function *fn)
{
    for (const struct alt_onnx_frame *f = scope->frame; f; f = f->caller->frame)
        if (f->function == fn)
            return alt_diag_add(ld->diag, ALT_E_MODEL, "function \"%.200s\" calls itself, through node \"%.200s\"",
                                fn->name, alt_onnx_node_name(node));
    if (ld->nest >= ALT_ONNX_NEST)
        return alt_diag_add(ld->diag, ALT_E_UNSUPPORTED, "subgraphs and function calls are nested more than %d deep",
                            ALT_ONNX_NEST);
    if (node->n_in > fn->n_in || node->n_out > fn->n_out)
        return alt_diag_add(ld->diag, ALT_E_MODEL,
                            "node \"%.200s\" calls function \"%.200s\" with %d inputs and %d outputs; it has %d and %d",
                            alt_onnx_node_name(node), fn->name, node->n_in, node->n_out, fn->n_in, fn->n_out);
    return ALT_OK;
}

/* Parameters mean the caller's values; those that the call leaves out mean nothing. */
static alt_status bind_inputs(struct alt_onnx_load *ld, struct alt_onnx_scope *body, struct alt_onnx_scope *scope,
                              const struct alt_onnx_node *node, const struct alt_onnx_function *fn)
{
    for (int i = 0; i < fn->n_in; i++) {
        struct alt_gvalue *value = NULL;
        if (i < node->n_in && node->in[i][0])
            ALT_CHECK(alt_onnx_lookup(ld, scope, node->in[i], &value));
        ALT_CHECK(alt_onnx_bind(ld, body, fn->in[i], value, scope->build));
    }
    return ALT_OK;
}

static alt_status bind_outputs(struct alt_onnx_load *ld, struct alt_onnx_scope *body, struct alt_onnx_scope *scope,
                               const struct alt_onnx_node *node, const struct alt_onnx_function *fn)
{
    for (int i = 0; i < node->n_out; i++) {
        const struct alt_onnx_binding *made = alt_strmap_get(&body->names, fn->out[i]);
        if (!node->out[i][0])
            continue;
        if (!made || !made->value)
            return alt_diag_add(ld->diag, ALT_E_MODEL, "function \"%.200s\", called by node \"%.200s\": nothing defines "
                                "its output \"%.200s\"", fn->name, alt_onnx_node_name(node), fn->out[i]);
        ALT_CHECK(alt_onnx_bind(ld, scope, node->out[i], made->value, scope->build));
    }
    return ALT_OK;
}

alt_status alt_onnx_inline(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, const struct alt_onnx_node *node,
                           const struct alt_onnx_function *function)
{
    struct alt_onnx_scope body;
    const char *name = alt_onnx_node_name(node);
    ALT_CHECK(check_call(ld, scope, node, function));
    struct alt_onnx_frame frame = {.function = function, .call = node, .caller = scope};
    frame.path = scope->frame ? alt_arena_printf(ld->scratch, "%s/%s", scope->frame->path, name) : name;
    if (!frame.path)
        return alt_onnx_nomem(ld);
    alt_onnx_scope_init(ld, &body, NULL, scope->build);
    body.frame = &frame;
    body.opsets = &function->opsets;
    body.body = &function->body;
    ALT_CHECK(bind_inputs(ld, &body, scope, node, function));
    ld->nest++;
    alt_status status = alt_onnx_nodes(ld, &body);
    ld->nest--;
    return status == ALT_OK ? bind_outputs(ld, &body, scope, node, function) : status;
}
