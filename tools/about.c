/* about.c: what alt_run says without running anything. */
#include "tools/about.h"

#include "runtime/cpu.h"
#include "runtime/model.h"
#include "runtime/op.h"
#include "runtime/region.h"
#include "tools/text.h"
#include "tuner/spawn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    const struct alt_op_info *x = *(const struct alt_op_info *const *)a, *y = *(const struct alt_op_info *const *)b;
    int domain = strcmp(x->domain, y->domain);
    return domain ? domain : strcmp(x->name, y->name);
}

void about_operators(void)
{
    const struct alt_op_info *sorted[ALT_OP_COUNT];
    for (int i = 0; i < ALT_OP_COUNT; i++)
        sorted[i] = &alt_op_table[i];
    qsort(sorted, ALT_OP_COUNT, sizeof sorted[0], by_name);
    for (int i = 0; i < ALT_OP_COUNT; i++) {
        const struct alt_op_info *op = sorted[i];
        bool own = !*op->domain;
        printf("%-16s %-28s ", own ? "ai.onnx" : op->domain, op->name);
        if (own)
            printf("opset %d to %d\n", op->first, op->last ? op->last : ALT_OPSET_NEWEST);
        else if (op->last)
            printf("version %d to %d\n", op->first, op->last);
        else
            printf("version %d and newer\n", op->first);
    }
}

/* A program that tuning starts. */
static void print_helper(const char *name, const char *variable)
{
    char path[4096], why[512] = "";
    bool found = alt_helper_find(name, NULL, variable, path, sizeof path, why, sizeof why) == ALT_OK;
    printf("%s: %s%s%s\n", name, found ? path : "not found, so nothing is explored (", found ? "" : why,
           found ? "" : ")");
}

void about_version(void)
{
    char refusal[160];
    printf("alt %s\n", alt_version());
    printf("ONNX opsets: %d to %d, %d operators (alt_run --list-ops)\n", ALT_OPSET_OLDEST, ALT_OPSET_NEWEST,
           ALT_OP_COUNT);
    printf("isa: %s\n", alt_isa_name(alt_cpu_isa()));
    if (alt_cpu_refusal(refusal, sizeof refusal))
        printf("isa refused: %s\n", refusal);
    printf("cores: %d\n", alt_cpu_cores());
    printf("counters: found when tuning starts\n");
    print_helper("alt_worker", "ALT_WORKER");
    print_helper("alt_trial", "ALT_TRIAL");
}

static void print_port(const char *what, const alt_port *port, bool optional)
{
    char type[VALUE_TEXT];
    printf("%s %s: %s%s\n", what, port->name, port_type_text(port, type), optional ? " (has a default value)" : "");
}

/* How many nodes and regions the model came to after the passes. */
static bool print_counts(const alt_model *model)
{
    int count[ALT_REGION_COUNT] = {0};
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_regions regions;
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    bool found = alt_regions_find(model->graph, &arena, &regions) == ALT_OK;
    if (found) {
        for (int i = 0; i < regions.n_base; i++)
            count[regions.base[i].kind]++;
        printf("nodes %d, regions %d", model->graph->n_nodes, regions.n_base);
        for (int k = 0; k < ALT_REGION_COUNT; k++)
            if (count[k])
                printf(", %s %d", alt_region_name((enum alt_region_kind)k), count[k]);
        printf(", alternatives %d (alt_dump --regions lists them)\n", regions.n_alternatives);
    }
    alt_arena_free(&arena);
    return found;
}

bool about_model(const alt_model *model, const char *path)
{
    const alt_port *port;
    const char *name, *key, *value;
    int64_t version;
    printf("model %s\n", path);
    for (size_t i = 0; alt_model_opset(model, i, &name, &version); i++)
        printf("opset %s %" PRId64 "\n", *name ? name : "ai.onnx", version);
    for (size_t i = 0; (port = alt_model_input(model, i)); i++)
        print_port("input", port, alt_model_input_optional(model, i));
    for (size_t i = 0; (port = alt_model_output(model, i)); i++)
        print_port("output", port, false);
    for (size_t i = 0; (name = alt_model_symbol(model, i)); i++)
        printf("dimension %s (--dim %s=N)\n", name, name);
    for (size_t i = 0; alt_model_metadata(model, i, &key, &value); i++)
        printf("metadata %s: %s\n", key, value);
    return print_counts(model);
}
