/* onnx_read.c: see onnx_read.h. */
#include "tests/onnx_read.h"

#include "tests/cmocka_all.h"
#include "tests/protobuf.h"

#include <stdio.h>
#include <string.h>

static alt_status read_as(struct onnx_read *read, const void *bytes, size_t size, bool fixed, const alt_allocator *hooks)
{
    struct alt_onnx_source source = {bytes, size, NULL, .fixed_defaults = fixed};
    *read = (struct onnx_read){0};
    alt_mem_init(&read->mem, hooks, 0);
    alt_arena_init(&read->arena, &read->mem);
    alt_dimtab_init(&read->dims, &read->arena);
    read->status = alt_onnx_read(&source, &read->arena, &read->dims, &read->model, &read->diag);
    if (read->status == ALT_OK)
        read->status = alt_graph_verify(read->model.graph, &read->diag);
    return read->status;
}

alt_status onnx_read(struct onnx_read *read, const void *bytes, size_t size, const alt_allocator *hooks)
{
    return read_as(read, bytes, size, false, hooks);
}

alt_status onnx_read_fixed(struct onnx_read *read, const void *bytes, size_t size)
{
    return read_as(read, bytes, size, true, NULL);
}

void onnx_read_free(struct onnx_read *read)
{
    alt_arena_free(&read->arena);
    alt_diag_clear(&read->diag);
}

void expect_read(struct pb *model, void (*check)(const struct onnx_read *read))
{
    struct onnx_read read;
    if (onnx_read(&read, model->data, model->size, NULL) != ALT_OK)
        fail_msg("the model is refused: %s", read.diag.text);
    if (check)
        check(&read);
    onnx_read_free(&read);
    pb_free(model);
}

void expect_refused(struct pb *model, alt_status status, const char *words)
{
    struct onnx_read read;
    if (onnx_read(&read, model->data, model->size, NULL) != status)
        fail_msg("status %s, expected %s: %s", alt_status_name(read.status), alt_status_name(status),
                 read.diag.text ? read.diag.text : "");
    while (*words) {
        char word[200];
        size_t n = strcspn(words, "|");
        snprintf(word, sizeof word, "%.*s", (int)n, words);
        if (!read.diag.text || !strstr(read.diag.text, word))
            fail_msg("\"%s\" is not in the text: %s", word, read.diag.text ? read.diag.text : "");
        words += n + (words[n] == '|');
    }
    onnx_read_free(&read);
    pb_free(model);
}

struct alt_node *find_node(const struct alt_graph *g, const char *name)
{
    for (struct alt_node *n = g->first; n; n = n->next)
        if (strcmp(n->name, name) == 0)
            return n;
    fail_msg("no node \"%s\"", name);
    return NULL;
}

struct alt_gvalue *find_value(const struct alt_graph *g, const char *name)
{
    for (int i = 0; i < g->n_values; i++)
        if (g->values[i] && strcmp(g->values[i]->name, name) == 0)
            return g->values[i];
    fail_msg("no value \"%s\"", name);
    return NULL;
}
