/* onnx_attr.c: AttributeProto. A scalar is stored as an array of one. Within a function an attribute may be a reference to
 * one of the call's; it is then read where the call stands, so a subgraph that is handed to a function keeps the names of
 * its own surroundings. A sparse tensor becomes a dense one. */
#include "runtime/onnx_load.h"

#include <inttypes.h>
#include <string.h>

enum { /* AttributeProto */
    ATTR_F = 2,
    ATTR_I = 3,
    ATTR_S = 4,
    ATTR_T = 5,
    ATTR_G = 6,
    ATTR_FLOATS = 7,
    ATTR_INTS = 8,
    ATTR_STRINGS = 9,
    ATTR_TENSORS = 10,
    ATTR_GRAPHS = 11,
    ATTR_TP = 14,
    ATTR_SPARSE = 22,
    TYPE_SPARSE = 11 /* AttributeType.SPARSE_TENSOR */
};

/* One attribute being read. */
struct reading {
    struct alt_onnx_scope *scope; /* of the node */
    struct alt_onnx_scope *where; /* where the attribute is written */
    const struct alt_onnx_attr *attr;
    struct alt_onnx_attrs *all;
};

/* The field in which the content of each type stands, whether it is a list, and its type (AttributeType). */
static const struct kind {
    int type;
    uint32_t field;
} kinds[] = {
    {ALT_ATTR_FLOAT, ATTR_F},       {ALT_ATTR_INT, ATTR_I},         {ALT_ATTR_STRING, ATTR_S},
    {ALT_ATTR_TENSOR, ATTR_T},      {ALT_ATTR_GRAPH, ATTR_G},       {ALT_ATTR_FLOATS, ATTR_FLOATS},
    {ALT_ATTR_INTS, ATTR_INTS},     {ALT_ATTR_STRINGS, ATTR_STRINGS}, {ALT_ATTR_TENSORS, ATTR_TENSORS},
    {ALT_ATTR_GRAPHS, ATTR_GRAPHS}, {ALT_ATTR_TYPE, ATTR_TP},       {TYPE_SPARSE, ATTR_SPARSE},
};

/* Row of the attribute's type; where the file does not say it (IR version 1), that of the first field present. */
static const struct kind *find_kind(const struct alt_onnx_attr *attr)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (attr->type ? kinds[i].type == attr->type : alt_onnx_count(attr->body, kinds[i].field) > 0)
            return &kinds[i];
    return NULL;
}

static const struct alt_onnx_attr *find_attr(const struct alt_onnx_attr *attr, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(attr[i].name, name) == 0)
            return &attr[i];
    return NULL;
}

alt_status alt_onnx_attr_resolve(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, const struct alt_onnx_attr *ref,
                                 const struct alt_onnx_attr **out, struct alt_onnx_scope **where)
{
    const struct alt_onnx_attr *attr = ref;
    while (attr && attr->ref) {
        const struct alt_onnx_frame *frame = scope->frame;
        if (!frame)
            return alt_diag_add(ld->diag, ALT_E_MODEL,
                                "attribute \"%.200s\" refers to attribute \"%.200s\" of a function, but stands in none",
                                attr->name, attr->ref);
        const struct alt_onnx_attr *found = find_attr(frame->call->attr, frame->call->n_attr, attr->ref);
        if (found)
            scope = frame->caller;
        else if ((found = find_attr(frame->function->attr, frame->function->n_attr, attr->ref)) && found->ref)
            return alt_diag_add(ld->diag, ALT_E_MODEL, "function \"%.200s\": the default of attribute \"%.200s\" is no value",
                                frame->function->name, attr->ref);
        attr = found;
    }
    if (attr && ref->type && attr->type && attr->type != ref->type)
        return alt_diag_add(ld->diag, ALT_E_MODEL,
                            "attribute \"%.200s\" has type %" PRId64 ", the function reads it as type %" PRId64, attr->name,
                            attr->type, ref->type);
    *out = attr;
    *where = scope;
    return ALT_OK;
}

/* Appends what a finished subgraph captures to the node's list. */
static alt_status add_captures(struct alt_onnx_load *ld, struct alt_onnx_attrs *all, const struct alt_onnx_build *build)
{
    int n = build->graph->n_captures;
    if (n == 0)
        return ALT_OK;
    struct alt_gvalue **list = alt_arena_array(ld->scratch, (size_t)(all->n_captures + n), sizeof *list);
    if (!list)
        return alt_onnx_nomem(ld);
    for (int i = 0; i < all->n_captures; i++)
        list[i] = all->capture[i];
    for (int i = 0; i < n; i++)
        list[all->n_captures + i] = build->outer[i];
    all->capture = list;
    all->n_captures += n;
    return ALT_OK;
}

static alt_status read_graph(struct alt_onnx_load *ld, const struct reading *r, struct alt_wire w, struct alt_graph **out)
{
    struct alt_onnx_build build;
    struct alt_onnx_scope scope;
    if (ld->nest >= ALT_ONNX_NEST)
        return alt_diag_add(ld->diag, ALT_E_UNSUPPORTED, "subgraphs and function calls are nested more than %d deep",
                            ALT_ONNX_NEST);
    struct alt_graph *g = alt_graph_create(ld->arena, ld->dims, r->attr->name);
    if (!g)
        return alt_onnx_nomem(ld);
    alt_onnx_build_init(ld, &build, r->scope->build, g);
    alt_onnx_scope_init(ld, &scope, r->where, &build);
    g->depth = ++ld->nest;
    alt_status status = alt_onnx_graph(ld, w, &scope, NULL);
    ld->nest--;
    if (status != ALT_OK)
        return status;
    *out = g;
    return add_captures(ld, r->all, &build);
}

static alt_status read_floats(struct alt_onnx_load *ld, const struct kind *kind, struct alt_wire w, struct alt_attr *out)
{
    struct alt_wire_field f;
    struct alt_wire start = w;
    struct alt_wire_numbers numbers = {0};
    while (alt_wire_next(&w, &f))
        if (f.number == kind->field)
            alt_wire_gather(&w, &f, ALT_WIRE_I32, &numbers);
    if (w.fault)
        return alt_onnx_malformed(ld, &w, out->name);
    float *floats = alt_arena_array(ld->arena, numbers.count + 1, sizeof *floats);
    if (!floats)
        return alt_onnx_nomem(ld);
    if (!alt_wire_fixed(&start, kind->field, floats, numbers.count * sizeof *floats))
        return alt_onnx_malformed(ld, &start, out->name);
    out->floats = floats;
    out->count = (int64_t)numbers.count;
    return ALT_OK;
}

static alt_status read_ints(struct alt_onnx_load *ld, const struct kind *kind, struct alt_wire w, struct alt_attr *out)
{
    struct alt_wire_field f;
    struct alt_wire start = w;
    struct alt_wire_numbers numbers = {0};
    while (alt_wire_next(&w, &f))
        if (f.number == kind->field)
            alt_wire_gather(&w, &f, ALT_WIRE_VARINT, &numbers);
    if (w.fault)
        return alt_onnx_malformed(ld, &w, out->name);
    int64_t *ints = alt_arena_array(ld->arena, numbers.count + 1, sizeof *ints);
    if (!ints)
        return alt_onnx_nomem(ld);
    if (!alt_wire_ints(&start, kind->field, ints, numbers.count))
        return alt_onnx_malformed(ld, &start, out->name);
    out->ints = ints;
    out->count = (int64_t)numbers.count;
    return ALT_OK;
}

static alt_status read_strings(struct alt_onnx_load *ld, const struct kind *kind, struct alt_wire w, struct alt_attr *out)
{
    struct alt_wire_field f;
    alt_string *strings = alt_arena_array(ld->arena, alt_onnx_count(w, kind->field) + 1, sizeof *strings);
    if (!strings)
        return alt_onnx_nomem(ld);
    strings[0].data = "";
    while (alt_wire_next(&w, &f)) {
        alt_string s = {0};
        if (f.number != kind->field)
            continue;
        alt_wire_bytes(&w, &f, &s);
        const char *text = alt_arena_text(ld->arena, s.data, s.length);
        if (!text)
            return alt_onnx_nomem(ld);
        strings[out->count++] = (alt_string){text, s.length};
    }
    out->strings = strings;
    return w.fault ? alt_onnx_malformed(ld, &w, out->name) : ALT_OK;
}

static alt_status read_tensors(struct alt_onnx_load *ld, const struct kind *kind, struct alt_wire w, struct alt_attr *out)
{
    struct alt_wire_field f;
    struct alt_wire inner;
    const struct alt_tensor **list = alt_arena_array(ld->arena, alt_onnx_count(w, kind->field), sizeof *list);
    if (!list)
        return alt_onnx_nomem(ld);
    while (alt_wire_next(&w, &f)) {
        if (f.number != kind->field || !alt_wire_message(&w, &f, &inner))
            continue;
        struct alt_tensor *t = alt_arena_alloc(ld->arena, sizeof *t);
        if (!t)
            return alt_onnx_nomem(ld);
        ALT_CHECK(kind->type == TYPE_SPARSE ? alt_onnx_sparse(ld, inner, t, NULL) : alt_onnx_tensor(ld, inner, t, NULL));
        list[out->count++] = t;
    }
    out->tensors = list;
    return w.fault ? alt_onnx_malformed(ld, &w, out->name) : ALT_OK;
}

static alt_status read_graphs(struct alt_onnx_load *ld, const struct reading *r, const struct kind *kind,
                              struct alt_attr *out)
{
    struct alt_wire_field f;
    struct alt_wire w = r->attr->body, inner;
    struct alt_graph **list = alt_arena_array(ld->arena, alt_onnx_count(w, kind->field), sizeof *list);
    if (!list)
        return alt_onnx_nomem(ld);
    while (alt_wire_next(&w, &f))
        if (f.number == kind->field && alt_wire_message(&w, &f, &inner))
            ALT_CHECK(read_graph(ld, r, inner, &list[out->count++]));
    out->graphs = list;
    return w.fault ? alt_onnx_malformed(ld, &w, out->name) : ALT_OK;
}

static alt_status read_type(struct alt_onnx_load *ld, const struct kind *kind, struct alt_wire w, struct alt_attr *out)
{
    struct alt_wire_field f;
    struct alt_wire inner;
    struct alt_type *type = alt_arena_alloc(ld->arena, sizeof *type);
    if (!type)
        return alt_onnx_nomem(ld);
    while (alt_wire_next(&w, &f)) {
        if (f.number != kind->field || !alt_wire_message(&w, &f, &inner))
            continue;
        ALT_CHECK(alt_onnx_type(ld, inner, out->name, type));
        out->count++;
    }
    out->tensor_type = type;
    return w.fault ? alt_onnx_malformed(ld, &w, out->name) : ALT_OK;
}

static alt_status read_content(struct alt_onnx_load *ld, const struct reading *r, const struct kind *kind,
                               struct alt_attr *out)
{
    switch (kind->field) {
    case ATTR_F:
    case ATTR_FLOATS: return read_floats(ld, kind, r->attr->body, out);
    case ATTR_I:
    case ATTR_INTS: return read_ints(ld, kind, r->attr->body, out);
    case ATTR_S:
    case ATTR_STRINGS: return read_strings(ld, kind, r->attr->body, out);
    case ATTR_G:
    case ATTR_GRAPHS: return read_graphs(ld, r, kind, out);
    case ATTR_TP: return read_type(ld, kind, r->attr->body, out);
    default: return read_tensors(ld, kind, r->attr->body, out);
    }
}

/* A scalar has exactly one element. Numbers and strings that are not there are 0 and "", as everywhere in protobuf. */
static alt_status settle_scalar(struct alt_onnx_load *ld, const struct kind *kind, struct alt_attr *out)
{
    bool list = kind->field >= ATTR_FLOATS && kind->field <= ATTR_GRAPHS;
    bool plain = kind->field <= ATTR_S;
    if (list || out->count == 1)
        return ALT_OK;
    if (!plain || out->count > 1)
        return alt_diag_add(ld->diag, ALT_E_MODEL, "attribute \"%.200s\" must hold one value and holds %" PRId64, out->name,
                            out->count);
    out->count = 1; /* the arrays have room for one, zeroed */
    return ALT_OK;
}

static alt_status read_attr(struct alt_onnx_load *ld, const struct reading *r, struct alt_attr *out)
{
    const struct kind *kind = find_kind(r->attr);
    if (!kind) {
        r->all->unsupported = out->name;
        return ALT_OK;
    }
    out->type = kind->type == TYPE_SPARSE ? ALT_ATTR_TENSOR : (enum alt_attr_type)kind->type;
    ALT_CHECK(read_content(ld, r, kind, out));
    ALT_CHECK(settle_scalar(ld, kind, out));
    r->all->count++;
    return ALT_OK;
}

static alt_status check_unique(struct alt_onnx_load *ld, const struct alt_onnx_node *node)
{
    struct alt_strmap seen;
    alt_strmap_init(&seen, ld->scratch);
    for (int i = 0; i < node->n_attr; i++) {
        if (find_attr(node->attr, i < 16 ? i : 16, node->attr[i].name) || alt_strmap_get(&seen, node->attr[i].name))
            return alt_diag_add(ld->diag, ALT_E_MODEL, "node \"%.200s\" (%.60s) has attribute \"%.200s\" twice",
                                alt_onnx_node_name(node), node->op_type, node->attr[i].name);
        if (i >= 16 && !alt_strmap_set(&seen, node->attr[i].name, (void *)(uintptr_t)node))
            return alt_onnx_nomem(ld);
    }
    return ALT_OK;
}

alt_status alt_onnx_attrs(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, const struct alt_onnx_node *node,
                          struct alt_onnx_attrs *out)
{
    *out = (struct alt_onnx_attrs){0};
    out->attr = alt_arena_array(ld->arena, (size_t)node->n_attr, sizeof *out->attr);
    if (!out->attr)
        return alt_onnx_nomem(ld);
    ALT_CHECK(check_unique(ld, node));
    for (int i = 0; i < node->n_attr; i++) {
        struct reading r = {.scope = scope, .all = out};
        ALT_CHECK(alt_onnx_attr_resolve(ld, scope, &node->attr[i], &r.attr, &r.where));
        if (!r.attr)
            continue;
        struct alt_attr *attr = &out->attr[out->count];
        attr->name = node->attr[i].name;
        ALT_CHECK(read_attr(ld, &r, attr));
    }
    return ALT_OK;
}
