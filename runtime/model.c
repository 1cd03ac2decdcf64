/* model.c: loading a model, who owns it, and what can be asked about it. */
#include "runtime/model.h"

#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/graph.h"
#include "runtime/options.h"
#include "runtime/pass.h"

#include <string.h>

/* What whoever loads a model should know of this machine. */
static void warn(const alt_model *m)
{
    char text[160];
    if (m->log && alt_cpu_refusal(text, sizeof text))
        m->log(m->log_context, ALT_LOG_WARNING, text);
}

/* A model with nothing in it. */
static alt_status create(const alt_model_options *options, const char *name, alt_model **out)
{
    struct alt_mem boot;
    alt_mem_init(&boot, options->allocator, options->memory_limit);
    alt_model *m = alt_mem_zalloc(&boot, sizeof *m);
    if (!m)
        return ALT_E_NOMEM;
    alt_status status = alt_weights_init(&m->weights, &m->mem, m);
    if (status != ALT_OK) {
        boot.hooks.free(boot.hooks.context, m, sizeof *m);
        return status;
    }
    atomic_init(&m->owners, 1);
    alt_mem_init_from(&m->mem, &boot);
    alt_arena_init(&m->arena, &m->mem);
    alt_dimtab_init(&m->dims, &m->arena);
    m->log = options->log;
    m->log_context = options->log_context;
    m->name = alt_arena_text(&m->arena, name, strlen(name));
    *out = m;
    warn(m);
    if (m->name)
        return ALT_OK;
    alt_model_free(m);
    *out = NULL;
    return ALT_E_NOMEM;
}

alt_model *alt_model_retain(alt_model *model)
{
    atomic_fetch_add_explicit(&model->owners, 1, memory_order_relaxed);
    return model;
}

void alt_model_rest(const alt_model *model)
{
    alt_file_rest(&model->file);
    alt_external_rest(&model->external);
}

void alt_model_free(alt_model *model)
{
    if (!model || atomic_fetch_sub_explicit(&model->owners, 1, memory_order_acq_rel) != 1)
        return;
    alt_allocator hooks = model->mem.hooks;
    alt_weights_free(&model->weights);
    alt_arena_free(&model->arena);
    if (model->external.folder)
        alt_external_free(&model->external);
    alt_file_close(&model->file);
    /* Its own counter goes with it. */
    hooks.free(hooks.context, model, sizeof *model);
}

/* What is known about a value, for a caller. */
static alt_status fill_port(alt_model *m, const char *name, const struct alt_type *type, alt_port *out)
{
    *out = (alt_port){.name = name, .kind = type->kind, .dtype = type->dtype, .rank = type->shape.rank};
    for (int i = 0; i < out->rank; i++) {
        alt_dim dim = type->shape.dim[i];
        char text[128];
        out->dims[i] = alt_dim_known(dim) ? dim : -1;
        if (alt_dim_known(dim))
            continue;
        alt_dim_print(&m->dims, dim, text, sizeof text);
        if (strchr(text, '?')) /* nothing that a caller could set */
            continue;
        out->dim_names[i] = alt_arena_text(&m->arena, text, strlen(text));
        if (!out->dim_names[i])
            return ALT_E_NOMEM;
    }
    return ALT_OK;
}

/* The type of an output: inferred, and where inference does not know, as the file says. */
static alt_status output_type(const alt_model *m, int i, struct alt_diag *diag, struct alt_type *out)
{
    const struct alt_onnx_output *declared = &m->onnx.outputs[i];
    *out = m->graph->outputs[i]->type;
    if (out->dtype == ALT_NONE) {
        *out = declared->type;
        return ALT_OK;
    }
    if (declared->type.dtype != ALT_NONE && (declared->type.dtype != out->dtype || declared->type.kind != out->kind))
        return alt_diag_add(diag, ALT_E_MODEL, "output \"%.200s\" is declared %s, and its node makes %s", declared->name,
                            alt_dtype_name(declared->type.dtype), alt_dtype_name(out->dtype));
    if (out->shape.rank < 0)
        out->shape = declared->type.shape;
    return ALT_OK;
}

static alt_status make_ports(alt_model *m, struct alt_diag *diag)
{
    const struct alt_graph *g = m->graph;
    m->inputs = alt_arena_array(&m->arena, (size_t)g->n_inputs, sizeof *m->inputs);
    m->outputs = alt_arena_array(&m->arena, (size_t)g->n_outputs, sizeof *m->outputs);
    if (!m->inputs || !m->outputs)
        return ALT_E_NOMEM;
    for (int i = 0; i < g->n_inputs; i++)
        ALT_CHECK(fill_port(m, g->inputs[i]->name, &g->inputs[i]->type, &m->inputs[i]));
    for (int i = 0; i < g->n_outputs; i++) {
        struct alt_type type;
        ALT_CHECK(output_type(m, i, diag, &type));
        ALT_CHECK(fill_port(m, m->onnx.outputs[i].name, &type, &m->outputs[i]));
    }
    m->n_inputs = (size_t)g->n_inputs;
    m->n_outputs = (size_t)g->n_outputs;
    return ALT_OK;
}

/* Reads the bytes of a model into `m`. */
static alt_status read_model(alt_model *m, const void *bytes, size_t size, const char *stop_after, struct alt_diag *diag)
{
    struct alt_onnx_source source = {bytes, size, m->external.folder ? &m->external : NULL, .fixed_defaults = true};
    m->bytes = bytes;
    m->size = size;
    ALT_CHECK(alt_onnx_read(&source, &m->arena, &m->dims, &m->onnx, diag));
    m->graph = m->onnx.graph;
    ALT_CHECK(alt_passes_run(m->graph, stop_after, diag));
    return make_ports(m, diag);
}

alt_status alt_model_open_graph(alt_model *model, struct alt_arena *arena, struct alt_dimtab *dims, struct alt_diag *diag,
                                struct alt_graph **out)
{
    /* The files of external data are all open since the load: looking one up changes nothing. */
    struct alt_onnx_source source = {model->bytes, model->size, model->external.folder ? &model->external : NULL,
                                     .fixed_defaults = false};
    struct alt_onnx_model onnx;
    ALT_CHECK(alt_onnx_read(&source, arena, dims, &onnx, diag));
    ALT_CHECK(alt_passes_run(onnx.graph, NULL, diag));
    *out = onnx.graph;
    return ALT_OK;
}

/* Ends a load: hands the model over, or drops it and says why. */
static alt_status finish(alt_model *m, const char *name, alt_status status, struct alt_diag *diag, alt_model **out,
                         alt_error **error)
{
    if (status == ALT_OK) {
        *out = m;
        return alt_diag_finish(diag, ALT_OK, error);
    }
    alt_model_free(m);
    struct alt_diag named = {0};
    alt_diag_add(&named, status, "model \"%.1000s\": %s", name, diag->text ? diag->text : alt_status_text(status));
    alt_diag_clear(diag);
    return alt_diag_finish(&named, status, error);
}

/* The folder part of a path: what stands before the last slash; arena. NULL: no memory. */
static const char *folder_of(struct alt_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return ".";
    return alt_arena_text(arena, path, slash == path ? 1 : (size_t)(slash - path));
}

static alt_status read_options(const alt_model_options *given, alt_model_options *out)
{
    *out = (alt_model_options){.size = sizeof *out};
    return alt_options_copy(out, sizeof *out, given) ? ALT_OK : ALT_E_ARGUMENT;
}

alt_status alt_model_load_until(const char *path, const alt_model_options *options, const char *stop_after, alt_model **out,
                                alt_error **error)
{
    struct alt_diag diag = {0};
    alt_model *m = NULL;
    alt_model_options opt;
    alt_status status = ALT_E_ARGUMENT;
    if (!path || !out)
        return alt_diag_finish(&diag, alt_diag_add(&diag, status, "alt_model_load needs a path and a place for the model"),
                               error);
    ALT_TRY(read_options(options, &opt));
    ALT_TRY(create(&opt, path, &m));
    const char *folder = folder_of(&m->arena, path);
    ALT_TRY(folder ? alt_external_init(&m->external, &m->mem, folder, opt.copy_file) : ALT_E_NOMEM);
    ALT_TRY(alt_file_open(path, opt.copy_file, &m->mem, &m->file, &diag));
    ALT_TRY(read_model(m, m->file.bytes, m->file.size, stop_after, &diag));
done:
    return finish(m, path, status, &diag, out, error);
}

alt_status alt_model_load(const char *path, const alt_model_options *options, alt_model **out, alt_error **error)
{
    return alt_model_load_until(path, options, NULL, out, error);
}

alt_status alt_model_load_memory(const void *bytes, size_t size, const alt_model_options *options, alt_model **out,
                                 alt_error **error)
{
    static const char name[] = "from memory";
    struct alt_diag diag = {0};
    alt_model *m = NULL;
    alt_model_options opt;
    alt_status status = ALT_E_ARGUMENT;
    if (!bytes || !out)
        return alt_diag_finish(&diag, alt_diag_add(&diag, status, "alt_model_load_memory needs bytes and a place for the model"),
                               error);
    ALT_TRY(read_options(options, &opt));
    ALT_TRY(create(&opt, name, &m));
    if (opt.folder)
        ALT_TRY(alt_external_init(&m->external, &m->mem, opt.folder, opt.copy_file));
    if (opt.copy_file) {
        void *copy = alt_mem_alloc(&m->mem, size, ALT_ALIGN);
        ALT_TRY(copy ? ALT_OK : ALT_E_NOMEM);
        bytes = size ? memcpy(copy, bytes, size) : copy;
        m->file = (struct alt_file){.bytes = copy, .size = size, .mem = &m->mem};
    }
    ALT_TRY(read_model(m, bytes, size, NULL, &diag));
done:
    return finish(m, name, status, &diag, out, error);
}

size_t alt_model_input_count(const alt_model *model) { return model->n_inputs; }

const alt_port *alt_model_input(const alt_model *model, size_t index)
{
    return index < model->n_inputs ? &model->inputs[index] : NULL;
}

bool alt_model_input_optional(const alt_model *model, size_t index)
{
    return index < model->n_inputs && model->graph->inputs[index]->initial != NULL;
}

size_t alt_model_output_count(const alt_model *model) { return model->n_outputs; }

const alt_port *alt_model_output(const alt_model *model, size_t index)
{
    return index < model->n_outputs ? &model->outputs[index] : NULL;
}

static int find_port(const alt_port *ports, size_t count, const char *name)
{
    for (size_t i = 0; name && i < count; i++)
        if (strcmp(ports[i].name, name) == 0)
            return (int)i;
    return -1;
}

int alt_model_find_input(const alt_model *model, const char *name)
{
    return find_port(model->inputs, model->n_inputs, name);
}

int alt_model_find_output(const alt_model *model, const char *name)
{
    return find_port(model->outputs, model->n_outputs, name);
}

const char *alt_model_symbol(const alt_model *model, size_t index)
{
    return index < (size_t)model->onnx.n_symbols ? alt_dimtab_symbol(&model->dims, (int)index) : NULL;
}

bool alt_model_opset(const alt_model *model, size_t index, const char **domain, int64_t *version)
{
    if (index >= model->onnx.n_opsets)
        return false;
    *domain = model->onnx.opsets[index].domain;
    *version = model->onnx.opsets[index].version;
    return true;
}

bool alt_model_metadata(const alt_model *model, size_t index, const char **key, const char **value)
{
    if (index >= model->onnx.n_metadata)
        return false;
    *key = model->onnx.metadata[index].key;
    *value = model->onnx.metadata[index].value;
    return true;
}
