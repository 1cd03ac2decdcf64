/* onnx_graph.c: GraphProto: initializers, inputs, nodes, outputs, in this order.
 *
 * Inputs with a default value (an initializer of the same name) stand behind the others in the model's graph. Many exporters
 * list every weight as such an input and nobody ever replaces one, so a graph may be read with fixed defaults: then the
 * input is listed, and its name means a constant.
 */
#include "runtime/onnx_load.h"

#include <limits.h>
#include <string.h>

enum { /* GraphProto */
    GRAPH_NODE = 1,
    GRAPH_NAME = 2,
    GRAPH_INITIALIZER = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    GRAPH_SPARSE_INITIALIZER = 15
};

struct initializer {
    const char *name;
    struct alt_tensor *content; /* arena */
    bool listed;   /* among the inputs too */
    bool is_input; /* its name means the input */
};

/* A graph being read. */
struct reading {
    struct alt_wire body;
    struct alt_onnx_scope *scope;
    struct alt_graph *graph;
    struct alt_onnx_model *model; /* NULL: a subgraph */
    struct initializer *initializer;
    size_t n_initializers;
    struct alt_strmap by_name; /* to struct initializer */
    struct alt_gvalue **late; /* inputs with a default value; scratch */
    int n_late;
};

static alt_status add_initializer(struct alt_onnx_load *ld, struct reading *r, struct alt_wire w, bool sparse)
{
    struct initializer *init = &r->initializer[r->n_initializers++];
    init->content = alt_arena_alloc(ld->arena, sizeof *init->content);
    if (!init->content)
        return alt_onnx_nomem(ld);
    ALT_CHECK(sparse ? alt_onnx_sparse(ld, w, init->content, &init->name)
                     : alt_onnx_tensor(ld, w, init->content, &init->name));
    if (!init->name[0])
        return alt_diag_add(ld->diag, ALT_E_MODEL, "an initializer has no name");
    if (alt_strmap_get(&r->by_name, init->name))
        return alt_diag_add(ld->diag, ALT_E_MODEL, "initializer \"%.200s\" is defined twice", init->name);
    return alt_strmap_set(&r->by_name, init->name, init) ? ALT_OK : alt_onnx_nomem(ld);
}

static alt_status read_initializers(struct alt_onnx_load *ld, struct reading *r)
{
    struct alt_wire_field f;
    struct alt_wire w = r->body, inner;
    size_t n = alt_onnx_count(w, GRAPH_INITIALIZER) + alt_onnx_count(w, GRAPH_SPARSE_INITIALIZER);
    r->initializer = alt_arena_array(ld->scratch, n, sizeof *r->initializer);
    if (!r->initializer)
        return alt_onnx_nomem(ld);
    while (alt_wire_next(&w, &f))
        if ((f.number == GRAPH_INITIALIZER || f.number == GRAPH_SPARSE_INITIALIZER) && alt_wire_message(&w, &f, &inner))
            ALT_CHECK(add_initializer(ld, r, inner, f.number == GRAPH_SPARSE_INITIALIZER));
    return w.fault ? alt_onnx_malformed(ld, &w, "graph") : ALT_OK;
}

/* What an input says of itself must hold for its default value. */
static alt_status check_default(struct alt_onnx_load *ld, const char *name, const struct alt_type *type,
                                const struct alt_tensor *content)
{
    bool fits = type->kind == ALT_TENSOR && (type->dtype == ALT_NONE || type->dtype == content->dtype) &&
                (type->shape.rank < 0 || type->shape.rank == content->rank);
    for (int i = 0; fits && i < type->shape.rank; i++)
        fits = type->shape.dim[i] < 0 || type->shape.dim[i] == content->dim[i];
    if (fits)
        return ALT_OK;
    char declared[200], actual[200];
    struct alt_shape shape = {.rank = content->rank};
    memcpy(shape.dim, content->dim, sizeof content->dim);
    return alt_diag_add(ld->diag, ALT_E_MODEL, "input \"%.200s\" is declared %s%s and its initializer is %s%s", name,
                        alt_dtype_name(type->dtype), alt_shape_print(ld->dims, &type->shape, declared, sizeof declared),
                        alt_dtype_name(content->dtype), alt_shape_print(NULL, &shape, actual, sizeof actual));
}

static alt_status add_input(struct alt_onnx_load *ld, struct reading *r, const char *name, struct alt_type type)
{
    struct initializer *init = alt_strmap_get(&r->by_name, name);
    struct alt_gvalue *v = NULL;
    if (!name[0])
        return alt_diag_add(ld->diag, ALT_E_MODEL, "an input has no name");
    if (init) {
        ALT_CHECK(check_default(ld, name, &type, init->content));
        if (init->listed)
            return alt_diag_add(ld->diag, ALT_E_MODEL, "the name \"%.200s\" is defined twice; every value has one definition",
                                name);
        init->listed = true;
        type.dtype = init->content->dtype;
    }
    if (r->model && type.dtype == ALT_NONE)
        return alt_diag_add(ld->diag, ALT_E_MODEL, "input \"%.200s\" has no type", name);
    if (!r->model)
        type.shape.rank = -1; /* what the node that holds the subgraph passes counts, not what is declared */
    if (init && r->model && ld->fixed_defaults) {
        ALT_CHECK(alt_onnx_add_unbound(ld, r->scope, ALT_GV_INPUT, name, &v));
    } else {
        ALT_CHECK(alt_onnx_define(ld, r->scope, ALT_GV_INPUT, name, NULL, &v));
        if (init)
            init->is_input = true;
    }
    v->type = type;
    v->initial = init ? init->content : NULL;
    if (init && r->model)
        r->late[r->n_late++] = v;
    else
        r->graph->inputs[r->graph->n_inputs++] = v;
    return ALT_OK;
}

static alt_status read_inputs(struct alt_onnx_load *ld, struct reading *r)
{
    struct alt_wire_field f;
    struct alt_wire w = r->body, inner;
    struct alt_graph *g = r->graph;
    size_t n = alt_onnx_count(w, GRAPH_INPUT);
    g->inputs = n <= INT_MAX ? alt_arena_array(ld->arena, n, sizeof(struct alt_gvalue *)) : NULL;
    r->late = alt_arena_array(ld->scratch, n, sizeof(struct alt_gvalue *));
    if (!g->inputs || !r->late)
        return alt_onnx_nomem(ld);
    while (alt_wire_next(&w, &f)) {
        const char *name;
        struct alt_type type;
        if (f.number != GRAPH_INPUT || !alt_wire_message(&w, &f, &inner))
            continue;
        ALT_CHECK(alt_onnx_value_info(ld, inner, &name, &type));
        ALT_CHECK(add_input(ld, r, name, type));
    }
    for (int i = 0; i < r->n_late; i++)
        g->inputs[g->n_inputs++] = r->late[i];
    if (r->model) {
        r->model->n_symbols = alt_dimtab_symbols(ld->dims);
        r->model->has_defaults = r->n_late > 0;
    }
    return w.fault ? alt_onnx_malformed(ld, &w, "graph") : ALT_OK;
}

static alt_status define_constants(struct alt_onnx_load *ld, struct reading *r)
{
    for (size_t i = 0; i < r->n_initializers; i++) {
        struct alt_gvalue *v;
        if (!r->initializer[i].is_input)
            ALT_CHECK(alt_onnx_define(ld, r->scope, ALT_GV_CONST, r->initializer[i].name, r->initializer[i].content, &v));
    }
    return ALT_OK;
}

static alt_status add_output(struct alt_onnx_load *ld, struct reading *r, const char *name, const struct alt_type *type)
{
    struct alt_graph *g = r->graph;
    struct alt_gvalue *v = NULL;
    if (!name[0])
        return alt_diag_add(ld->diag, ALT_E_MODEL, "an output has no name");
    ALT_CHECK(alt_onnx_lookup(ld, r->scope, name, &v));
    if (!v)
        return alt_diag_add(ld->diag, ALT_E_MODEL, "output \"%.200s\" of a subgraph is a parameter that the call of its "
                            "function leaves out", name);
    v->n_outputs++;
    if (r->model)
        r->model->outputs[g->n_outputs] = (struct alt_onnx_output){name, *type};
    g->outputs[g->n_outputs++] = v;
    return ALT_OK;
}

static alt_status read_outputs(struct alt_onnx_load *ld, struct reading *r)
{
    struct alt_wire_field f;
    struct alt_wire w = r->body, inner;
    struct alt_graph *g = r->graph;
    size_t n = alt_onnx_count(w, GRAPH_OUTPUT);
    g->outputs = n <= INT_MAX ? alt_arena_array(ld->arena, n, sizeof(struct alt_gvalue *)) : NULL;
    if (r->model)
        r->model->outputs = alt_arena_array(ld->arena, n, sizeof *r->model->outputs);
    if (!g->outputs || (r->model && !r->model->outputs))
        return alt_onnx_nomem(ld);
    while (alt_wire_next(&w, &f)) {
        const char *name;
        struct alt_type type;
        if (f.number != GRAPH_OUTPUT || !alt_wire_message(&w, &f, &inner))
            continue;
        ALT_CHECK(alt_onnx_value_info(ld, inner, &name, &type));
        ALT_CHECK(add_output(ld, r, name, &type));
    }
    return w.fault ? alt_onnx_malformed(ld, &w, "graph") : ALT_OK;
}

static alt_status read_name(struct alt_onnx_load *ld, struct reading *r)
{
    struct alt_wire_field f;
    struct alt_wire w = r->body;
    alt_string name = {0};
    while (alt_wire_next(&w, &f))
        if (f.number == GRAPH_NAME)
            alt_wire_bytes(&w, &f, &name);
    if (w.fault)
        return alt_onnx_malformed(ld, &w, "graph");
    return alt_onnx_text(ld, ld->arena, name, &r->graph->name);
}

alt_status alt_onnx_graph(struct alt_onnx_load *ld, struct alt_wire w, struct alt_onnx_scope *scope,
                          struct alt_onnx_model *model)
{
    struct reading r = {.body = w, .scope = scope, .graph = scope->build->graph, .model = model};
    struct alt_onnx_body body;
    alt_strmap_init(&r.by_name, ld->scratch);
    ALT_CHECK(read_name(ld, &r));
    ALT_CHECK(read_initializers(ld, &r));
    ALT_CHECK(read_inputs(ld, &r));
    ALT_CHECK(define_constants(ld, &r));
    ALT_CHECK(alt_onnx_body_read(ld, w, GRAPH_NODE, &body));
    ALT_CHECK(alt_onnx_body_sort(ld, &body));
    scope->body = &body;
    ALT_CHECK(alt_onnx_nodes(ld, scope));
    return read_outputs(ld, &r);
}
