/* test_onnx_upgrade.c: nodes of opsets 1 to 6 become those of opset 7, or are refused with a reason. */
#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"
#include "tests/onnx_build.h"
#include "tests/onnx_read.h"

#include <string.h>

/* A model of one node over inputs x and w (float32 [3]) that makes y. */
static struct pb old_model(int64_t opset, struct pb *node)
{
    struct pb graph = {0}, model = {0};
    pb_int(&model, 1, 3);
    add_opset(&model, 8, "", opset);
    add_port(&graph, GRAPH_INPUT, "x");
    add_port(&graph, GRAPH_INPUT, "w");
    pb_message(&graph, GRAPH_NODE, node);
    add_port(&graph, GRAPH_OUTPUT, "y");
    pb_message(&model, 7, &graph);
    return model;
}

static void add_text(struct pb *node, const char *name, const char *text)
{
    struct pb attr = {0};
    pb_text(&attr, 1, name);
    pb_text(&attr, 4, text);
    pb_int(&attr, 20, 3);
    pb_message(node, 5, &attr);
}

static void add_float(struct pb *node, const char *name, float value)
{
    struct pb attr = {0};
    pb_text(&attr, 1, name);
    pb_float(&attr, 2, value);
    pb_int(&attr, 20, 1);
    pb_message(node, 5, &attr);
}

static void add_list(struct pb *node, const char *name, size_t count, const int64_t *ints)
{
    struct pb attr = {0};
    pb_text(&attr, 1, name);
    pb_packed(&attr, 8, count, ints);
    pb_int(&attr, 20, 7);
    pb_message(node, 5, &attr);
}

static const struct alt_node *last_node(const struct onnx_read *read) { return read->model.graph->last; }

static void check_aligned(const struct onnx_read *read)
{
    const struct alt_node *n = last_node(read);
    assert_int_equal(n->op, ALT_OP_ADD);
    assert_ptr_equal(n->in[0], read->model.graph->inputs[0]);
    assert_int_equal(n->in[1]->producer->op, ALT_OP_RESHAPE);
    assert_ptr_equal(n->in[1]->producer->in[0], read->model.graph->inputs[1]);
}

static void check_alone(const struct onnx_read *read)
{
    assert_int_equal(read->model.graph->n_nodes, 1);
    assert_ptr_equal(last_node(read)->in[1], read->model.graph->inputs[1]);
}

static void broadcasting(void **state)
{
    (void)state;
    struct pb node = build_node("Add", NULL, "x,w", "y");
    add_int(&node, "broadcast", 1);
    add_int(&node, "axis", 0);
    struct pb model = old_model(6, &node);
    expect_read(&model, check_aligned);
    node = build_node("Add", NULL, "x,w", "y");
    add_int(&node, "broadcast", 1); /* at the end, as today */
    model = old_model(6, &node);
    expect_read(&model, check_alone);
    node = build_node("Add", NULL, "x,w", "y");
    add_int(&node, "broadcast", 1);
    add_int(&node, "axis", INT64_MIN);
    model = old_model(1, &node);
    expect_refused(&model, ALT_E_UNSUPPORTED, "axis is out of range");
}

static void check_reshape(const struct onnx_read *read)
{
    const struct alt_node *n = last_node(read);
    assert_int_equal(n->n_in, 2);
    assert_int_equal(n->in[1]->kind, ALT_GV_CONST);
    assert_int_equal(alt_tensor_int(n->in[1]->type.known, 1), -1);
}

static void check_cast(const struct onnx_read *read)
{
    assert_int_equal(alt_attr_int(last_node(read), "to", 0), ALT_INT32);
}

static void check_norm(const struct onnx_read *read) { assert_int_equal(alt_attr_int(last_node(read), "p", 0), 3); }

static void check_axis(const struct onnx_read *read) { assert_int_equal(alt_attr_int(last_node(read), "axis", 0), 1); }

static void check_pads(const struct onnx_read *read)
{
    const int64_t *ints;
    assert_int_equal(alt_attr_ints(last_node(read), "pads", &ints), 2);
}

static void attributes(void **state)
{
    (void)state;
    struct pb node = build_node("Reshape", NULL, "x", "y");
    add_list(&node, "shape", 2, (int64_t[]){3, -1});
    struct pb model = old_model(1, &node);
    expect_read(&model, check_reshape);
    node = build_node("Cast", NULL, "x", "y");
    add_text(&node, "to", "INT32");
    model = old_model(1, &node);
    expect_read(&model, check_cast);
    node = build_node("GlobalLpPool", NULL, "x", "y");
    add_float(&node, "p", 3);
    model = old_model(1, &node);
    expect_read(&model, check_norm);
    node = build_node("Concat", NULL, "x,w", "y");
    model = old_model(1, &node);
    expect_read(&model, check_axis);
    node = build_node("Pad", NULL, "x", "y");
    add_list(&node, "paddings", 2, (int64_t[]){1, 1});
    model = old_model(1, &node);
    expect_read(&model, check_pads);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *op, *in, *words;
        int64_t opset;
    } table[] = {
        {"BatchNormalization", "x,w,w,w,w", "alt does not train", 6},
        {"Dropout", "x", "is_test", 6},
        {"Reshape", "x", "attribute shape", 4},
        {"Upsample", "x", "height_scale", 1},
        {"Tile", "x,w,w", "opsets 6 to", 1},
        {"Split", "x", "opsets 2 to", 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct pb node = build_node(table[i].op, NULL, table[i].in, "y"), model = old_model(table[i].opset, &node);
        expect_refused(&model, ALT_E_UNSUPPORTED, table[i].words);
    }
    struct pb node = build_node("Cast", NULL, "x", "y");
    add_text(&node, "to", "NUMBER");
    struct pb model = old_model(3, &node);
    expect_refused(&model, ALT_E_UNSUPPORTED, "names no type");
}

static alt_status read_failing(const alt_allocator *hooks, void *context)
{
    struct onnx_read read;
    const struct pb *model = context;
    alt_status status = onnx_read(&read, model->data, model->size, hooks);
    onnx_read_free(&read);
    return status;
}

static void no_memory(void **state)
{
    (void)state;
    const char *why = NULL;
    struct pb node = build_node("Add", NULL, "x,w", "y");
    add_int(&node, "broadcast", 1);
    add_int(&node, "axis", -2);
    struct pb model = old_model(6, &node);
    if (fail_alloc_sweep(read_failing, &model, &why) == 0)
        fail_msg("%s", why);
    pb_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broadcasting),
        cmocka_unit_test(attributes),
        cmocka_unit_test(refusals),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
