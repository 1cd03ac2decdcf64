/* onnx_scope.c: what names mean. See onnx_load.h for scopes and builds. */
#include "runtime/onnx_load.h"

#include <string.h>

void alt_onnx_scope_init(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, struct alt_onnx_scope *parent,
                         struct alt_onnx_build *build)
{
    *scope = (struct alt_onnx_scope){.parent = parent, .build = build};
    if (parent) {
        scope->frame = parent->frame;
        scope->opsets = parent->opsets;
    }
    alt_strmap_init(&scope->names, ld->scratch);
}

void alt_onnx_build_init(struct alt_onnx_load *ld, struct alt_onnx_build *build, struct alt_onnx_build *parent,
                         struct alt_graph *graph)
{
    *build = (struct alt_onnx_build){.graph = graph, .parent = parent};
    alt_strmap_init(&build->taken, ld->scratch);
    alt_strmap_init(&build->captured, ld->scratch);
}

static alt_status bind(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, const char *name,
                       struct alt_onnx_binding what)
{
    struct alt_onnx_binding *binding = alt_arena_alloc(ld->scratch, sizeof *binding);
    if (!binding || !alt_strmap_set(&scope->names, name, binding))
        return alt_onnx_nomem(ld);
    *binding = what;
    return ALT_OK;
}

alt_status alt_onnx_bind(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, const char *name, struct alt_gvalue *value,
                         struct alt_onnx_build *home)
{
    if (alt_strmap_get(&scope->names, name))
        return alt_diag_add(ld->diag, ALT_E_MODEL, "the name \"%.200s\" is defined twice; every value has one definition",
                            name);
    return bind(ld, scope, name, (struct alt_onnx_binding){value, home});
}

/* The graph's name for what the scope calls `name`. A function's values get the call's path before theirs, but its
 * outputs are what the caller calls them. */
static const char *graph_name(struct alt_onnx_load *ld, const struct alt_onnx_scope *scope, const char *name)
{
    while (scope->frame && !scope->parent) {
        const struct alt_onnx_frame *frame = scope->frame;
        int i = 0;
        while (i < frame->call->n_out && (!frame->call->out[i][0] || strcmp(frame->function->out[i], name) != 0))
            i++;
        if (i == frame->call->n_out)
            return alt_arena_printf(ld->arena, "%s/%s", frame->path, name);
        name = frame->call->out[i];
        scope = frame->caller;
    }
    return alt_arena_text(ld->arena, name, strlen(name));
}

/* A name that no value of the graph has: `name`, or that with a number behind it. NULL: no memory. */
static const char *take_name(struct alt_onnx_load *ld, struct alt_onnx_build *build, const char *name)
{
    const char *unique = name;
    if (unique && alt_strmap_get(&build->taken, unique))
        do
            unique = alt_arena_printf(ld->arena, "%s#%d", name, build->graph->next_name++);
        while (unique && alt_strmap_get(&build->taken, unique));
    return unique && alt_strmap_set(&build->taken, unique, build) ? unique : NULL;
}

alt_status alt_onnx_define(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, enum alt_gvalue_kind kind,
                           const char *name, const struct alt_tensor *content, struct alt_gvalue **out)
{
    struct alt_onnx_build *build = scope->build;
    const char *unique = take_name(ld, build, graph_name(ld, scope, name));
    if (!unique)
        return alt_onnx_nomem(ld);
    struct alt_gvalue *v = content ? alt_graph_add_const(build->graph, unique, content)
                                   : alt_graph_add_value(build->graph, kind, unique);
    if (!v)
        return alt_onnx_nomem(ld);
    ALT_CHECK(alt_onnx_bind(ld, scope, name, v, build));
    *out = v;
    return ALT_OK;
}

alt_status alt_onnx_add_unbound(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, enum alt_gvalue_kind kind,
                                const char *name, struct alt_gvalue **out)
{
    const char *unique = take_name(ld, scope->build, graph_name(ld, scope, name));
    struct alt_gvalue *v = unique ? alt_graph_add_value(scope->build->graph, kind, unique) : NULL;
    if (!v)
        return alt_onnx_nomem(ld);
    *out = v;
    return ALT_OK;
}

/* Room for one more capture. */
static bool reserve_capture(struct alt_onnx_load *ld, struct alt_onnx_build *build)
{
    struct alt_graph *g = build->graph;
    if (g->n_captures < build->captures_capacity)
        return true;
    int capacity = build->captures_capacity ? 2 * build->captures_capacity : 8;
    struct alt_gvalue **captures = alt_arena_array(ld->arena, (size_t)capacity, sizeof *captures);
    struct alt_gvalue **outer = alt_arena_array(ld->scratch, (size_t)capacity, sizeof *outer);
    if (!captures || !outer)
        return false;
    for (int i = 0; i < g->n_captures; i++) {
        captures[i] = g->captures[i];
        outer[i] = build->outer[i];
    }
    g->captures = captures;
    build->outer = outer;
    build->captures_capacity = capacity;
    return true;
}

/* What stands in `build` for `value` of its parent's graph: a capture, or for a constant one over the same bytes. */
static alt_status capture(struct alt_onnx_load *ld, struct alt_onnx_build *build, struct alt_gvalue *value,
                          struct alt_gvalue **out)
{
    struct alt_gvalue *v = alt_strmap_get(&build->captured, value->name);
    if (v) {
        *out = v;
        return ALT_OK;
    }
    const char *name = take_name(ld, build, value->name);
    if (!name)
        return alt_onnx_nomem(ld);
    if (value->kind == ALT_GV_CONST) {
        v = alt_graph_add_const(build->graph, name, value->type.known);
    } else if (reserve_capture(ld, build)) {
        v = alt_graph_add_value(build->graph, ALT_GV_CAPTURE, name);
        if (v) {
            v->type = value->type;
            build->outer[build->graph->n_captures] = value;
            build->graph->captures[build->graph->n_captures++] = v;
        }
    }
    if (!v || !alt_strmap_set(&build->captured, value->name, v))
        return alt_onnx_nomem(ld);
    *out = v;
    return ALT_OK;
}

alt_status alt_onnx_import(struct alt_onnx_load *ld, struct alt_onnx_build *build, struct alt_onnx_build *home,
                           struct alt_gvalue *value, struct alt_gvalue **out)
{
    struct alt_onnx_build *path[ALT_ONNX_NEST + 1];
    int n = 0;
    for (struct alt_onnx_build *b = build; b != home; b = b->parent)
        path[n++] = b;
    while (n > 0)
        ALT_CHECK(capture(ld, path[--n], value, &value));
    *out = value;
    return ALT_OK;
}

alt_status alt_onnx_lookup(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, const char *name,
                           struct alt_gvalue **out)
{
    struct alt_onnx_scope *where = scope;
    struct alt_onnx_binding *binding = alt_strmap_get(&where->names, name);
    while (!binding && where->parent) {
        where = where->parent;
        binding = alt_strmap_get(&where->names, name);
    }
    if (!binding)
        return alt_onnx_undefined(ld, scope, name);
    *out = NULL;
    if (binding->value)
        ALT_CHECK(alt_onnx_import(ld, scope->build, binding->home, binding->value, out));
    return where == scope ? ALT_OK : bind(ld, scope, name, (struct alt_onnx_binding){*out, scope->build});
}
