/* onnx_proto.c: node messages as names and spans. A function's nodes are read once and built at every call, and an
 * undefined name is explained by looking over a graph's other nodes, so nodes are kept in this form beside the graph. */
#include "runtime/onnx_load.h"

#include <limits.h>
#include <string.h>

enum { /* NodeProto */
    NODE_INPUT = 1,
    NODE_OUTPUT = 2,
    NODE_NAME = 3,
    NODE_OP_TYPE = 4,
    NODE_ATTRIBUTE = 5,
    NODE_DOMAIN = 7,
    NODE_OVERLOAD = 8
};
enum { ATTR_NAME = 1, ATTR_TYPE = 20, ATTR_REF = 21 };

alt_status alt_onnx_names_read(struct alt_onnx_load *ld, struct alt_wire w, uint32_t number, const char *const **out,
                               int *count)
{
    struct alt_wire_field f;
    size_t n = alt_onnx_count(w, number), i = 0;
    const char **names = n <= INT_MAX ? alt_arena_array(ld->scratch, n, sizeof *names) : NULL;
    if (!names)
        return alt_onnx_nomem(ld);
    while (alt_wire_next(&w, &f)) {
        alt_string name = {0};
        if (f.number != number)
            continue;
        alt_wire_bytes(&w, &f, &name);
        ALT_CHECK(alt_onnx_text(ld, ld->scratch, name, &names[i++]));
    }
    if (w.fault)
        return alt_onnx_malformed(ld, &w, "a list of names");
    *out = names;
    *count = (int)n;
    return ALT_OK;
}

static alt_status attr_read(struct alt_onnx_load *ld, struct alt_wire w, struct alt_onnx_attr *out)
{
    struct alt_wire_field f;
    alt_string name = {0}, ref = {0};
    out->body = w;
    while (alt_wire_next(&w, &f)) {
        switch (f.number) {
        case ATTR_NAME: alt_wire_bytes(&w, &f, &name); break;
        case ATTR_REF: alt_wire_bytes(&w, &f, &ref); break;
        case ATTR_TYPE: alt_wire_int(&w, &f, &out->type); break;
        default: break;
        }
    }
    if (w.fault)
        return alt_onnx_malformed(ld, &w, "attribute");
    ALT_CHECK(alt_onnx_text(ld, ld->arena, name, &out->name));
    if (ref.length)
        ALT_CHECK(alt_onnx_text(ld, ld->scratch, ref, &out->ref));
    if (!out->name[0])
        return alt_diag_add(ld->diag, ALT_E_MODEL, "an attribute has no name");
    return ALT_OK;
}

alt_status alt_onnx_attrs_read(struct alt_onnx_load *ld, struct alt_wire w, uint32_t number,
                               const struct alt_onnx_attr **out, int *count)
{
    struct alt_wire_field f;
    size_t n = alt_onnx_count(w, number);
    int i = 0;
    struct alt_onnx_attr *attr = n <= INT_MAX ? alt_arena_array(ld->scratch, n, sizeof *attr) : NULL;
    if (!attr)
        return alt_onnx_nomem(ld);
    while (alt_wire_next(&w, &f)) {
        struct alt_wire inner;
        if (f.number == number && alt_wire_message(&w, &f, &inner))
            ALT_CHECK(attr_read(ld, inner, &attr[i++]));
    }
    if (w.fault)
        return alt_onnx_malformed(ld, &w, "attribute");
    *out = attr;
    *count = i;
    return ALT_OK;
}

static alt_status node_read(struct alt_onnx_load *ld, struct alt_wire w, struct alt_onnx_node *out)
{
    struct alt_wire_field f;
    struct alt_wire start = w;
    alt_string name = {0}, op_type = {0}, domain = {0}, overload = {0};
    while (alt_wire_next(&w, &f)) {
        switch (f.number) {
        case NODE_NAME: alt_wire_bytes(&w, &f, &name); break;
        case NODE_OP_TYPE: alt_wire_bytes(&w, &f, &op_type); break;
        case NODE_DOMAIN: alt_wire_bytes(&w, &f, &domain); break;
        case NODE_OVERLOAD: alt_wire_bytes(&w, &f, &overload); break;
        default: break;
        }
    }
    if (w.fault)
        return alt_onnx_malformed(ld, &w, "node");
    ALT_CHECK(alt_onnx_text(ld, ld->arena, name, &out->name));
    ALT_CHECK(alt_onnx_text(ld, ld->scratch, op_type, &out->op_type));
    ALT_CHECK(alt_onnx_text(ld, ld->scratch, domain, &out->domain));
    ALT_CHECK(alt_onnx_text(ld, ld->scratch, overload, &out->overload));
    if (strcmp(out->domain, "ai.onnx") == 0)
        out->domain = "";
    out->bytes = (size_t)(start.end - start.at);
    ALT_CHECK(alt_onnx_names_read(ld, start, NODE_INPUT, &out->in, &out->n_in));
    ALT_CHECK(alt_onnx_names_read(ld, start, NODE_OUTPUT, &out->out, &out->n_out));
    return alt_onnx_attrs_read(ld, start, NODE_ATTRIBUTE, &out->attr, &out->n_attr);
}

alt_status alt_onnx_body_read(struct alt_onnx_load *ld, struct alt_wire w, uint32_t number, struct alt_onnx_body *out)
{
    struct alt_wire_field f;
    struct alt_onnx_node *node = alt_arena_array(ld->scratch, alt_onnx_count(w, number), sizeof *node);
    size_t count = 0;
    if (!node)
        return alt_onnx_nomem(ld);
    while (alt_wire_next(&w, &f)) {
        struct alt_wire inner;
        if (f.number == number && alt_wire_message(&w, &f, &inner))
            ALT_CHECK(node_read(ld, inner, &node[count++]));
    }
    if (w.fault)
        return alt_onnx_malformed(ld, &w, "node");
    *out = (struct alt_onnx_body){node, count};
    return ALT_OK;
}
