/* onnx_build.c: see onnx_build.h. */
#include "tests/onnx_build.h"

#include <stdio.h>
#include <string.h>

static void add_names(struct pb *to, uint32_t field, const char *names)
{
    while (*names) {
        size_t n = strcspn(names, ",");
        pb_bytes(to, field, names, n);
        names += n + (names[n] == ',');
    }
}

struct pb build_node(const char *op, const char *name, const char *in, const char *out)
{
    struct pb node = {0};
    add_names(&node, 1, in);
    add_names(&node, 2, out);
    if (name)
        pb_text(&node, 3, name);
    pb_text(&node, 4, op);
    return node;
}

void add_node(struct pb *to, uint32_t field, const char *op, const char *in, const char *out)
{
    struct pb node = build_node(op, NULL, in, out);
    pb_message(to, field, &node);
}

void add_int(struct pb *node, const char *name, int64_t value)
{
    struct pb attr = {0};
    pb_text(&attr, 1, name);
    pb_int(&attr, 3, value);
    pb_int(&attr, 20, 2);
    pb_message(node, 5, &attr);
}

void add_graph_attr(struct pb *node, const char *name, struct pb *graph)
{
    struct pb attr = {0};
    pb_text(&attr, 1, name);
    pb_message(&attr, 6, graph);
    pb_int(&attr, 20, 5);
    pb_message(node, 5, &attr);
}

void add_ref(struct pb *node, const char *name, int64_t type, const char *ref)
{
    struct pb attr = {0};
    pb_text(&attr, 1, name);
    pb_int(&attr, 20, type);
    pb_text(&attr, 21, ref);
    pb_message(node, 5, &attr);
}

struct pb build_tensor(const char *name, int64_t dtype, size_t rank, const int64_t *dims)
{
    struct pb tensor = {0};
    for (size_t i = 0; i < rank; i++)
        pb_int(&tensor, 1, dims[i]);
    pb_int(&tensor, 2, dtype);
    if (name)
        pb_text(&tensor, 8, name);
    return tensor;
}

void add_floats(struct pb *graph, const char *name, size_t count)
{
    int64_t dims[] = {(int64_t)count};
    struct pb tensor = build_tensor(name, ALT_FLOAT32, 1, dims), data = {0};
    for (size_t i = 0; i < count; i++) {
        float value = (float)i;
        pb_raw(&data, &value, sizeof value);
    }
    pb_message(&tensor, 9, &data);
    pb_message(graph, GRAPH_INITIALIZER, &tensor);
}

struct pb build_port(const char *name, int64_t dtype, size_t rank, const int64_t *dims)
{
    struct pb info = {0}, type = {0}, tensor = {0}, shape = {0};
    for (size_t i = 0; i < rank; i++) {
        struct pb dim = {0};
        char symbol[32];
        snprintf(symbol, sizeof symbol, "n%d", (int)-dims[i]);
        if (dims[i] >= 0)
            pb_int(&dim, 1, dims[i]);
        else
            pb_text(&dim, 2, symbol);
        pb_message(&shape, 1, &dim);
    }
    pb_int(&tensor, 1, dtype);
    pb_message(&tensor, 2, &shape);
    pb_message(&type, 1, &tensor);
    pb_text(&info, 1, name);
    pb_message(&info, 2, &type);
    return info;
}

void add_port(struct pb *graph, uint32_t field, const char *name)
{
    const int64_t dims[] = {3};
    struct pb info = build_port(name, ALT_FLOAT32, 1, dims);
    pb_message(graph, field, &info);
}

void add_opset(struct pb *to, uint32_t field, const char *domain, int64_t version)
{
    struct pb opset = {0};
    pb_text(&opset, 1, domain);
    pb_int(&opset, 2, version);
    pb_message(to, field, &opset);
}

struct pb build_function(const char *name, const char *in, const char *out)
{
    struct pb function = {0};
    pb_text(&function, 1, name);
    add_names(&function, 4, in);
    add_names(&function, 5, out);
    add_opset(&function, 9, "", 18);
    add_opset(&function, 9, "local", 1);
    pb_text(&function, 10, "local");
    return function;
}

struct pb build_model(struct pb *graph)
{
    struct pb model = {0};
    pb_int(&model, 1, 8);
    add_opset(&model, 8, "", 18);
    add_opset(&model, 8, "local", 1);
    pb_message(&model, 7, graph);
    return model;
}
