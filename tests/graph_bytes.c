/* graph_bytes.c: field numbers are those of onnx.proto. */
#include "tests/graph_bytes.h"

#include <stdlib.h>
#include <string.h>

void graph_bytes_open(struct graph_bytes *g, uint64_t seed)
{
    *g = (struct graph_bytes){.seed = seed};
}

void graph_bytes_close(struct graph_bytes *g)
{
    pb_free(&g->graph);
    pb_free(&g->model);
}

/* The next item of a comma list into `item`; false at the end. */
static bool next_item(const char **list, char *item, size_t size)
{
    if (!*list)
        return false;
    size_t n = strcspn(*list, ",");
    size_t copied = n < size ? n : size - 1;
    memcpy(item, *list, copied);
    item[copied] = 0;
    *list = (*list)[n] ? *list + n + 1 : NULL;
    return true;
}

static void value_info(struct pb *out, const char *name, alt_dtype dtype, const char *shape)
{
    struct pb type = {0}, tensor = {0}, dims = {0};
    char item[64];
    pb_int(&tensor, 1, (int64_t)dtype);
    for (const char *list = shape && *shape ? shape : NULL; next_item(&list, item, sizeof item);) {
        struct pb dim = {0};
        if (item[0] >= '0' && item[0] <= '9')
            pb_int(&dim, 1, strtoll(item, NULL, 10));
        else
            pb_text(&dim, 2, item);
        pb_message(&dims, 1, &dim);
    }
    if (shape)
        pb_message(&tensor, 2, &dims);
    pb_message(&type, 1, &tensor);
    pb_text(out, 1, name);
    pb_message(out, 2, &type);
}

void graph_bytes_input(struct graph_bytes *g, const char *name, alt_dtype dtype, const char *shape)
{
    struct pb info = {0};
    value_info(&info, name, dtype, shape);
    pb_message(&g->graph, 11, &info);
}

void graph_bytes_output(struct graph_bytes *g, const char *name, alt_dtype dtype)
{
    struct pb info = {0};
    value_info(&info, name, dtype, NULL);
    pb_message(&g->graph, 12, &info);
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void graph_bytes_weights(struct graph_bytes *g, const char *name, const char *shape, float scale)
{
    struct pb tensor = {0}, raw = {0};
    char item[32];
    int64_t count = 1;
    for (const char *list = *shape ? shape : NULL; next_item(&list, item, sizeof item);) {
        pb_int(&tensor, 1, strtoll(item, NULL, 10));
        count *= strtoll(item, NULL, 10);
    }
    pb_int(&tensor, 2, ALT_FLOAT32);
    pb_text(&tensor, 8, name);
    for (int64_t i = 0; i < count; i++) {
        float v = scale * ((float)(next_random(&g->seed) >> 40) / 8388608.0f - 1.0f);
        pb_raw(&raw, &v, sizeof v);
    }
    pb_message(&tensor, 9, &raw);
    pb_message(&g->graph, 5, &tensor);
}

void graph_bytes_ints(struct graph_bytes *g, const char *name, int count, const int64_t *values)
{
    struct pb tensor = {0};
    pb_int(&tensor, 1, count);
    pb_int(&tensor, 2, ALT_INT64);
    pb_text(&tensor, 8, name);
    pb_bytes(&tensor, 9, values, (size_t)count * sizeof *values);
    pb_message(&g->graph, 5, &tensor);
}

/* Lists end in "s", but for a few names of one number. */
static bool is_list(const char *name)
{
    static const char *const single[] = {"axis", "keepdims", "num_scan_inputs"};
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        if (strcmp(name, single[i]) == 0)
            return false;
    return name[strlen(name) - 1] == 's' || strcmp(name, "kernel_shape") == 0 || strcmp(name, "perm") == 0;
}

static void attribute(struct pb *node, const char *text, size_t length)
{
    char copy[128], item[32];
    struct pb attr = {0};
    size_t n = length < sizeof copy ? length : sizeof copy - 1;
    memcpy(copy, text, n);
    copy[n] = 0;
    char *equals = strchr(copy, '=');
    if (!equals || equals == copy)
        return;
    *equals = 0;
    const char *list = equals + 1;
    bool many = is_list(copy) || strchr(list, ',');
    pb_text(&attr, 1, copy);
    if (strchr(list, '.')) {
        pb_float(&attr, 2, strtof(list, NULL));
        pb_int(&attr, 20, 1);
        pb_message(node, 5, &attr);
        return;
    }
    while (next_item(&list, item, sizeof item))
        pb_int(&attr, many ? 8 : 3, strtoll(item, NULL, 10));
    pb_int(&attr, 20, many ? 7 : 2);
    pb_message(node, 5, &attr);
}

static struct pb begin_node(const char *op, const char *in, const char *out, const char *attrs)
{
    struct pb node = {0};
    char item[64];
    for (const char *list = in; next_item(&list, item, sizeof item);)
        pb_text(&node, 1, item);
    for (const char *list = out; next_item(&list, item, sizeof item);)
        pb_text(&node, 2, item);
    pb_text(&node, 4, op);
    for (const char *a = attrs; a && *a;) {
        size_t n = strcspn(a, " ");
        attribute(&node, a, n);
        a += n + strspn(a + n, " ");
    }
    return node;
}

void graph_bytes_node(struct graph_bytes *g, const char *op, const char *in, const char *out, const char *attrs)
{
    struct pb node = begin_node(op, in, out, attrs);
    pb_message(&g->graph, 1, &node);
}

void graph_bytes_holder(struct graph_bytes *g, const char *op, const char *in, const char *out, const char *attrs, int count,
                        const char *const *names, struct graph_bytes *sub)
{
    struct pb node = begin_node(op, in, out, attrs);
    for (int i = 0; i < count; i++) {
        struct pb attr = {0};
        pb_text(&attr, 1, names[i]);
        pb_text(&sub[i].graph, 2, names[i]);
        pb_message(&attr, 6, &sub[i].graph);
        pb_int(&attr, 20, 5);
        pb_message(&node, 5, &attr);
        graph_bytes_close(&sub[i]);
    }
    pb_message(&g->graph, 1, &node);
}

void graph_bytes_finish(struct graph_bytes *g, int64_t opset)
{
    struct pb import = {0};
    pb_text(&g->graph, 2, "test");
    pb_int(&g->model, 1, 8);
    pb_int(&import, 2, opset);
    pb_message(&g->model, 8, &import);
    pb_message(&g->model, 7, &g->graph);
}

void graph_bytes_convnet(struct graph_bytes *g)
{
    graph_bytes_open(g, 7);
    graph_bytes_input(g, "x", ALT_FLOAT32, "batch,3,16,16");
    graph_bytes_weights(g, "w1", "20,3,3,3", 0.4f);
    graph_bytes_weights(g, "b1", "20", 0.1f);
    graph_bytes_weights(g, "w2", "20,20,3,3", 0.1f);
    graph_bytes_weights(g, "w3", "20,1,3,3", 0.4f);
    graph_bytes_weights(g, "w4", "10,20", 0.3f);
    graph_bytes_node(g, "Conv", "x,w1,b1", "c1", "kernel_shape=3,3 pads=1,1,1,1");
    graph_bytes_node(g, "Relu", "c1", "r1", NULL);
    graph_bytes_node(g, "MaxPool", "r1", "p1", "kernel_shape=2,2 strides=2,2");
    graph_bytes_node(g, "Conv", "p1,w2", "c2", "kernel_shape=3,3 pads=1,1,1,1");
    graph_bytes_node(g, "Add", "c2,p1", "a2", NULL);
    graph_bytes_node(g, "Relu", "a2", "r2", NULL);
    graph_bytes_node(g, "Conv", "r2,w3", "c3", "kernel_shape=3,3 pads=1,1,1,1 group=20");
    graph_bytes_node(g, "GlobalAveragePool", "c3", "g3", NULL);
    graph_bytes_node(g, "Flatten", "g3", "f3", NULL);
    graph_bytes_node(g, "Gemm", "f3,w4", "y", "transB=1");
    graph_bytes_output(g, "y", ALT_FLOAT32);
    graph_bytes_finish(g, 13);
}
