/* wire_dump.c: prints what alt's reader sees in ONNX files, line by line, for wire_check.py, which prints the same from
 * protobuf's own decoder. Operators do not matter here: the graph is not built. */
#include "runtime/onnx_load.h"

#include "runtime/external.h"
#include "runtime/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint32_t crc32(const void *bytes, size_t size, uint32_t crc)
{
    const uint8_t *p = bytes;
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void print_tensor(const char *what, const char *name, const struct alt_tensor *t)
{
    uint32_t crc = 0;
    if (t->dtype == ALT_STRING)
        for (int64_t i = 0; i < alt_tensor_count(t); i++) {
            const alt_string *s = (const alt_string *)t->data + i;
            crc = crc32(s->data, s->length, crc);
            crc = crc32("", 1, crc);
        }
    else
        crc = crc32(t->data, t->bytes, 0);
    printf("%s %s %d [", what, name, (int)t->dtype);
    for (int i = 0; i < t->rank; i++)
        printf("%s%" PRId64, i ? "," : "", t->dim[i]);
    printf("] %08x\n", crc);
}

static alt_status print_graph(struct alt_onnx_load *ld, struct alt_wire w);

static alt_status print_attr(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, const struct alt_onnx_node *node,
                             const struct alt_onnx_attr *attr)
{
    struct alt_onnx_node one = *node;
    struct alt_onnx_attrs read;
    struct alt_wire_field f;
    struct alt_wire w = attr->body, inner;
    printf("attr %s %" PRId64 "\n", attr->name, attr->type);
    while (alt_wire_next(&w, &f))
        if ((f.number == 6 || f.number == 11) && alt_wire_message(&w, &f, &inner))
            ALT_CHECK(print_graph(ld, inner));
    if (attr->type == ALT_ATTR_GRAPH || attr->type == ALT_ATTR_GRAPHS || attr->ref)
        return ALT_OK;
    one.attr = attr;
    one.n_attr = 1;
    ALT_CHECK(alt_onnx_attrs(ld, scope, &one, &read));
    const struct alt_attr *a = read.attr;
    uint32_t crc = 0;
    for (int64_t i = 0; read.count && i < a->count; i++) {
        if (a->ints)
            crc = crc32(&a->ints[i], sizeof *a->ints, crc);
        if (a->floats)
            crc = crc32(&a->floats[i], sizeof *a->floats, crc);
        if (a->strings)
            crc = crc32(a->strings[i].data, a->strings[i].length + 1, crc);
        if (a->tensors)
            print_tensor("value", attr->name, a->tensors[i]);
    }
    printf("content %d %" PRId64 " %08x\n", read.count ? (int)a->type : 0, read.count ? a->count : 0, crc);
    return ALT_OK;
}

static alt_status print_nodes(struct alt_onnx_load *ld, struct alt_wire w, uint32_t number)
{
    struct alt_onnx_body body;
    struct alt_onnx_build build;
    struct alt_onnx_scope scope;
    ALT_CHECK(alt_onnx_body_read(ld, w, number, &body));
    alt_onnx_build_init(ld, &build, NULL, NULL);
    alt_onnx_scope_init(ld, &scope, NULL, &build);
    for (size_t i = 0; i < body.count; i++) {
        const struct alt_onnx_node *n = &body.node[i];
        printf("node %s|%s|%s|%s|", n->domain, n->op_type, n->overload, n->name);
        for (int k = 0; k < n->n_in; k++)
            printf("%s,", n->in[k]);
        printf("|");
        for (int k = 0; k < n->n_out; k++)
            printf("%s,", n->out[k]);
        printf("\n");
        for (int k = 0; k < n->n_attr; k++)
            ALT_CHECK(print_attr(ld, &scope, n, &n->attr[k]));
    }
    return ALT_OK;
}

/* Inputs (field 11) and outputs (12). Symbols print as their names. */
static alt_status print_ports(struct alt_onnx_load *ld, struct alt_wire w, uint32_t number)
{
    struct alt_wire_field f;
    struct alt_wire inner;
    while (alt_wire_next(&w, &f)) {
        const char *name;
        struct alt_type type;
        if (f.number != number || !alt_wire_message(&w, &f, &inner))
            continue;
        ALT_CHECK(alt_onnx_value_info(ld, inner, &name, &type));
        printf("port %s %d %d %d [", name, (int)type.kind, (int)type.element_kind, (int)type.dtype);
        for (int i = 0; i < type.shape.rank; i++) {
            char text[200];
            alt_dim_print(ld->dims, type.shape.dim[i], text, sizeof text);
            printf("%s%s", i ? "," : "", text[0] == '?' ? "?" : text);
        }
        printf("%s]\n", type.shape.rank < 0 ? "?" : "");
    }
    return ALT_OK;
}

static alt_status print_graph(struct alt_onnx_load *ld, struct alt_wire w)
{
    struct alt_wire_field f;
    struct alt_wire start = w, inner;
    printf("graph\n");
    while (alt_wire_next(&w, &f)) {
        const char *name;
        struct alt_tensor t;
        if (f.number != 5 || !alt_wire_message(&w, &f, &inner))
            continue;
        ALT_CHECK(alt_onnx_tensor(ld, inner, &t, &name));
        print_tensor("initializer", name, &t);
    }
    ALT_CHECK(print_ports(ld, start, 11));
    ALT_CHECK(print_ports(ld, start, 12));
    return print_nodes(ld, start, 1);
}

static alt_status print_model(struct alt_onnx_load *ld, struct alt_wire w)
{
    struct alt_wire_field f;
    struct alt_wire start = w, inner;
    struct alt_onnx_opsets opsets;
    ALT_CHECK(alt_onnx_opsets_read(ld, w, 8, ld->arena, &opsets));
    for (size_t i = 0; i < opsets.count; i++)
        printf("opset %s %" PRId64 "\n", opsets.item[i].domain, opsets.item[i].version);
    while (alt_wire_next(&w, &f))
        if (f.number == 7 && alt_wire_message(&w, &f, &inner))
            ALT_CHECK(print_graph(ld, inner));
    while (alt_wire_next(&start, &f))
        if (f.number == 25 && alt_wire_message(&start, &f, &inner)) {
            printf("function\n");
            ALT_CHECK(print_nodes(ld, inner, 7));
        }
    return ALT_OK;
}

static void print_file(const char *path)
{
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_dimtab dims;
    struct alt_diag diag = {0};
    struct alt_file file = {0};
    struct alt_external external = {0};
    struct alt_wire w;
    char folder[4096];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    alt_dimtab_init(&dims, &arena);
    printf("file %s\n", path);
    struct alt_onnx_load ld = {.arena = &arena, .scratch = &arena, .dims = &dims, .diag = &diag, .external = &external};
    alt_status status = alt_external_init(&external, &mem, folder, false);
    if (status == ALT_OK)
        status = alt_file_open(path, false, &mem, &file, &diag);
    if (status == ALT_OK) {
        alt_wire_init(&w, file.bytes, file.size);
        status = print_model(&ld, w);
    }
    printf("%s %s\n", alt_status_name(status), diag.text ? diag.text : "");
    alt_diag_clear(&diag);
    alt_external_free(&external);
    alt_file_close(&file);
    alt_arena_free(&arena);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        print_file(argv[i]);
    return 0;
}
