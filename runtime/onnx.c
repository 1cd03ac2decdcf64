/* onnx.c: ModelProto: versions, imports, metadata, and the order in which the rest is read; and the small services of the
 * other onnx_*.c. Fields may come in any order in a message, so a walk first notes where things are. */
#include "runtime/onnx.h"

#include "runtime/onnx_load.h"

#include <inttypes.h>
#include <string.h>

enum { /* ModelProto */
    MODEL_IR_VERSION = 1,
    MODEL_PRODUCER_NAME = 2,
    MODEL_PRODUCER_VERSION = 3,
    MODEL_DOMAIN = 4,
    MODEL_DOC_STRING = 6,
    MODEL_GRAPH = 7,
    MODEL_OPSET_IMPORT = 8,
    MODEL_METADATA_PROPS = 14,
    MODEL_FUNCTIONS = 25,
    GRAPH_NAME = 2
};

alt_status alt_onnx_nomem(struct alt_onnx_load *ld)
{
    return alt_diag_add(ld->diag, ALT_E_NOMEM, "no memory to read the model");
}

alt_status alt_onnx_malformed(struct alt_onnx_load *ld, const struct alt_wire *w, const char *what)
{
    return alt_diag_add(ld->diag, ALT_E_MALFORMED, "%.200s: not an ONNX message: %s (byte %zu)", what, w->fault,
                        w->fault_at);
}

alt_status alt_onnx_text(struct alt_onnx_load *ld, struct alt_arena *arena, alt_string text, const char **out)
{
    if (text.length == 0) {
        *out = "";
        return ALT_OK;
    }
    if (memchr(text.data, 0, text.length))
        return alt_diag_add(ld->diag, ALT_E_MALFORMED, "the name \"%.*s...\" holds a zero byte",
                            (int)strnlen(text.data, 100), text.data);
    char *copy = alt_arena_text(arena, text.data, text.length);
    if (!copy)
        return alt_onnx_nomem(ld);
    *out = copy;
    return ALT_OK;
}

size_t alt_onnx_count(struct alt_wire w, uint32_t number)
{
    struct alt_wire_field f;
    size_t count = 0;
    while (alt_wire_next(&w, &f))
        count += f.number == number;
    return count;
}

static alt_status opset_read(struct alt_onnx_load *ld, struct alt_wire w, struct alt_arena *arena,
                             struct alt_onnx_opset *out)
{
    struct alt_wire_field f;
    alt_string domain = {0};
    while (alt_wire_next(&w, &f)) {
        if (f.number == 1)
            alt_wire_bytes(&w, &f, &domain);
        else if (f.number == 2)
            alt_wire_int(&w, &f, &out->version);
    }
    if (w.fault)
        return alt_onnx_malformed(ld, &w, "opset_import");
    ALT_CHECK(alt_onnx_text(ld, arena, domain, &out->domain));
    if (strcmp(out->domain, "ai.onnx") == 0)
        out->domain = "";
    if (out->version < 1)
        return alt_diag_add(ld->diag, ALT_E_MODEL, "opset_import: version %" PRId64 " of domain \"%.200s\" cannot be",
                            out->version, out->domain);
    return ALT_OK;
}

alt_status alt_onnx_opsets_read(struct alt_onnx_load *ld, struct alt_wire w, uint32_t number, struct alt_arena *arena,
                                struct alt_onnx_opsets *out)
{
    struct alt_wire_field f;
    struct alt_onnx_opset *item = alt_arena_array(arena, alt_onnx_count(w, number), sizeof *item);
    size_t count = 0;
    if (!item)
        return alt_onnx_nomem(ld);
    while (alt_wire_next(&w, &f)) {
        struct alt_wire inner;
        if (f.number != number || !alt_wire_message(&w, &f, &inner))
            continue;
        ALT_CHECK(opset_read(ld, inner, arena, &item[count]));
        for (size_t i = 0; i < count; i++)
            if (strcmp(item[i].domain, item[count].domain) == 0)
                return alt_diag_add(ld->diag, ALT_E_MODEL, "opset_import names domain \"%.200s\" twice", item[i].domain);
        count++;
    }
    if (w.fault)
        return alt_onnx_malformed(ld, &w, "opset_import");
    *out = (struct alt_onnx_opsets){item, count};
    return ALT_OK;
}

int64_t alt_onnx_opset_find(const struct alt_onnx_opsets *opsets, const char *domain)
{
    for (size_t i = 0; i < opsets->count; i++)
        if (strcmp(opsets->item[i].domain, domain) == 0)
            return opsets->item[i].version;
    return 0;
}

/* Where the parts of a ModelProto are. */
struct parts {
    struct alt_wire graph;
    size_t graphs;
    alt_string producer_name, producer_version, domain, doc_string;
};

static alt_status find_parts(struct alt_onnx_load *ld, struct alt_wire w, int64_t *ir_version, struct parts *parts)
{
    struct alt_wire_field f;
    while (alt_wire_next(&w, &f)) {
        switch (f.number) {
        case MODEL_IR_VERSION: alt_wire_int(&w, &f, ir_version); break;
        case MODEL_PRODUCER_NAME: alt_wire_bytes(&w, &f, &parts->producer_name); break;
        case MODEL_PRODUCER_VERSION: alt_wire_bytes(&w, &f, &parts->producer_version); break;
        case MODEL_DOMAIN: alt_wire_bytes(&w, &f, &parts->domain); break;
        case MODEL_DOC_STRING: alt_wire_bytes(&w, &f, &parts->doc_string); break;
        case MODEL_GRAPH: parts->graphs += alt_wire_message(&w, &f, &parts->graph); break;
        default: break;
        }
    }
    if (w.fault)
        return alt_onnx_malformed(ld, &w, "model");
    if (parts->graphs != 1)
        return alt_diag_add(ld->diag, ALT_E_MALFORMED, "the bytes hold %s graph: this is no ONNX model, or a part of one",
                            parts->graphs ? "more than one" : "no");
    return ALT_OK;
}

/* One StringStringEntryProto. */
static alt_status pair_read(struct alt_onnx_load *ld, struct alt_wire w, struct alt_onnx_pair *out)
{
    struct alt_wire_field f;
    alt_string key = {0}, value = {0};
    while (alt_wire_next(&w, &f)) {
        if (f.number == 1)
            alt_wire_bytes(&w, &f, &key);
        else if (f.number == 2)
            alt_wire_bytes(&w, &f, &value);
    }
    if (w.fault)
        return alt_onnx_malformed(ld, &w, "metadata_props");
    /* Free text: one with a zero byte in it ends there for whoever reads it. */
    out->key = alt_arena_text(ld->arena, key.data, key.length);
    out->value = alt_arena_text(ld->arena, value.data, value.length);
    return out->key && out->value ? ALT_OK : alt_onnx_nomem(ld);
}

static alt_status metadata_read(struct alt_onnx_load *ld, struct alt_wire w, const struct parts *parts,
                                struct alt_onnx_model *out)
{
    struct alt_wire_field f;
    struct alt_wire graph = parts->graph;
    alt_string graph_name = {0};
    while (alt_wire_next(&graph, &f))
        if (f.number == GRAPH_NAME)
            alt_wire_bytes(&graph, &f, &graph_name);
    if (graph.fault)
        return alt_onnx_malformed(ld, &graph, "graph");
    const struct {
        const char *key;
        alt_string value;
    } known[] = {
        {"producer_name", parts->producer_name}, {"producer_version", parts->producer_version},
        {"domain", parts->domain},               {"doc_string", parts->doc_string},
        {"graph_name", graph_name},
    };
    size_t n_known = sizeof known / sizeof known[0];
    out->metadata = alt_arena_array(ld->arena, n_known + alt_onnx_count(w, MODEL_METADATA_PROPS), sizeof *out->metadata);
    if (!out->metadata)
        return alt_onnx_nomem(ld);
    for (size_t i = 0; i < n_known; i++) {
        if (known[i].value.length == 0)
            continue;
        struct alt_onnx_pair *pair = &out->metadata[out->n_metadata++];
        pair->key = known[i].key;
        pair->value = alt_arena_text(ld->arena, known[i].value.data, known[i].value.length);
        if (!pair->value)
            return alt_onnx_nomem(ld);
    }
    while (alt_wire_next(&w, &f)) {
        struct alt_wire inner;
        if (f.number == MODEL_METADATA_PROPS && alt_wire_message(&w, &f, &inner))
            ALT_CHECK(pair_read(ld, inner, &out->metadata[out->n_metadata++]));
    }
    return w.fault ? alt_onnx_malformed(ld, &w, "metadata_props") : ALT_OK;
}

/* alt knows the default domain's operators as of certain opsets only. */
static alt_status check_opsets(struct alt_onnx_load *ld, const struct alt_onnx_opsets *opsets)
{
    int64_t version = alt_onnx_opset_find(opsets, "");
    if (version == 0 || (version >= ALT_OPSET_OLDEST && version <= ALT_OPSET_NEWEST))
        return ALT_OK;
    return alt_diag_add(ld->diag, ALT_E_UNSUPPORTED,
                        "the model imports opset %" PRId64 " of ai.onnx; alt reads opsets %d to %d (the onnx package's "
                        "version_converter converts between opsets)",
                        version, ALT_OPSET_OLDEST, ALT_OPSET_NEWEST);
}

static alt_status functions_read(struct alt_onnx_load *ld, struct alt_wire w)
{
    struct alt_wire_field f;
    while (alt_wire_next(&w, &f)) {
        struct alt_wire inner;
        if (f.number == MODEL_FUNCTIONS && alt_wire_message(&w, &f, &inner))
            ALT_CHECK(alt_onnx_function_read(ld, inner));
    }
    return w.fault ? alt_onnx_malformed(ld, &w, "functions") : ALT_OK;
}

static alt_status model_read(struct alt_onnx_load *ld, struct alt_wire w, struct alt_onnx_model *out)
{
    struct parts parts = {0};
    struct alt_onnx_opsets opsets;
    struct alt_onnx_build build;
    struct alt_onnx_scope scope;
    ALT_CHECK(find_parts(ld, w, &out->ir_version, &parts));
    ALT_CHECK(alt_onnx_opsets_read(ld, w, MODEL_OPSET_IMPORT, ld->arena, &opsets));
    out->opsets = opsets.item;
    out->n_opsets = opsets.count;
    ALT_CHECK(check_opsets(ld, &opsets));
    ALT_CHECK(metadata_read(ld, w, &parts, out));
    ALT_CHECK(functions_read(ld, w));
    out->graph = alt_graph_create(ld->arena, ld->dims, "");
    if (!out->graph)
        return alt_onnx_nomem(ld);
    alt_onnx_build_init(ld, &build, NULL, out->graph);
    alt_onnx_scope_init(ld, &scope, NULL, &build);
    scope.opsets = &opsets;
    ALT_CHECK(alt_onnx_graph(ld, parts.graph, &scope, out));
    return alt_onnx_refusals_report(ld);
}

alt_status alt_onnx_read(const struct alt_onnx_source *source, struct alt_arena *arena, struct alt_dimtab *dims,
                         struct alt_onnx_model *out, struct alt_diag *diag)
{
    struct alt_arena scratch;
    struct alt_wire w;
    alt_arena_init(&scratch, arena->mem);
    struct alt_onnx_load ld = {
        .arena = arena, .scratch = &scratch, .dims = dims, .external = source->external, .diag = diag,
        .fixed_defaults = source->fixed_defaults};
    alt_strmap_init(&ld.functions, &scratch);
    alt_wire_init(&w, source->bytes, source->size);
    *out = (struct alt_onnx_model){0};
    alt_status status = model_read(&ld, w, out);
    alt_arena_free(&scratch);
    return status;
}
