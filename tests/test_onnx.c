/* test_onnx.c: models become graphs: nodes, names, inputs with defaults, captures of subgraphs, and what is refused. */
#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"
#include "tests/onnx_build.h"
#include "tests/onnx_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* x -> Identity -> a; Concat(a, w) -> y; w is an initializer. */
static struct pb small_model(void)
{
    struct pb graph = {0};
    struct pb concat = build_node("Concat", "join", "a,w", "y");
    add_int(&concat, "axis", 0);
    add_node(&graph, GRAPH_NODE, "Identity", "x", "a");
    pb_message(&graph, GRAPH_NODE, &concat);
    pb_text(&graph, 2, "small");
    add_floats(&graph, "w", 5);
    add_port(&graph, GRAPH_INPUT, "x");
    add_port(&graph, GRAPH_OUTPUT, "y");
    return build_model(&graph);
}

static void check_small(const struct onnx_read *read)
{
    const struct alt_graph *g = read->model.graph;
    assert_string_equal(g->name, "small");
    assert_int_equal(g->n_nodes, 2);
    assert_int_equal(g->n_inputs, 1);
    assert_int_equal(g->n_outputs, 1);
    assert_string_equal(read->model.outputs[0].name, "y");
    const struct alt_node *join = find_node(g, "join");
    assert_int_equal(join->op, ALT_OP_CONCAT);
    assert_int_equal(join->opset, 18);
    assert_int_equal(alt_attr_int(join, "axis", 7), 0);
    assert_ptr_equal(join->in[0]->producer, find_node(g, "a"));
    assert_int_equal(join->in[1]->kind, ALT_GV_CONST);
    assert_int_equal(join->in[1]->type.known->bytes, 20);
    assert_true(alt_tensor_float(join->in[1]->type.known, 4) == 4.0);
    assert_int_equal(g->inputs[0]->type.dtype, ALT_FLOAT32);
    assert_int_equal(g->inputs[0]->type.shape.dim[0], 3);
}

static void a_small_model(void **state)
{
    (void)state;
    struct pb model = small_model();
    expect_read(&model, check_small);
}

static void weights_stay_where_they_are(void **state)
{
    (void)state;
    struct pb model = small_model();
    struct onnx_read read;
    assert_int_equal(onnx_read(&read, model.data, model.size, NULL), ALT_OK);
    const uint8_t *data = find_value(read.model.graph, "w")->type.known->data;
    assert_true(data >= model.data && data + 20 <= model.data + model.size);
    onnx_read_free(&read);
    pb_free(&model);
}

/* Reads a copy of exactly that size, so that a sanitizer sees any read past the end. */
static alt_status read_copy(const uint8_t *bytes, size_t size)
{
    struct onnx_read read;
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size)
        memcpy(copy, bytes, size);
    alt_status status = onnx_read(&read, copy, size, NULL);
    onnx_read_free(&read);
    free(copy);
    return status;
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct pb model = small_model();
    for (size_t n = 0; n < model.size; n++)
        if (read_copy(model.data, n) != ALT_E_MALFORMED)
            fail_msg("the first %zu of %zu bytes are not refused as malformed", n, model.size);
    pb_free(&model);
}

/* Any single byte changed: read or refused, and what is read keeps the graph's invariants. */
static void every_changed_byte_is_survived(void **state)
{
    (void)state;
    static const uint8_t masks[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x40, 0x80, 0xff};
    struct pb model = small_model();
    size_t refused = 0;
    for (size_t i = 0; i < model.size * sizeof masks; i++) {
        size_t at = i / sizeof masks;
        model.data[at] ^= masks[i % sizeof masks];
        alt_status status = read_copy(model.data, model.size);
        assert_int_not_equal(status, ALT_E_INTERNAL);
        refused += status != ALT_OK;
        model.data[at] ^= masks[i % sizeof masks];
    }
    assert_true(refused > model.size);
    pb_free(&model);
}

static alt_status read_failing(const alt_allocator *hooks, void *context)
{
    const struct pb *model = context;
    struct onnx_read read;
    alt_status status = onnx_read(&read, model->data, model->size, hooks);
    onnx_read_free(&read);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct pb graph = {0};
    add_port(&graph, GRAPH_INPUT, "x0");
    for (int i = 0; i < 300; i++) {
        char in[16], out[16];
        snprintf(in, sizeof in, "x%d", i);
        snprintf(out, sizeof out, "x%d", i + 1);
        add_node(&graph, GRAPH_NODE, "Identity", in, out);
    }
    struct pb model = build_model(&graph);
    const char *why = "";
    if (fail_alloc_sweep(read_failing, &model, &why) < 10)
        fail_msg("%s", why);
    pb_free(&model);
}

static void unknown_fields_are_ignored(void **state)
{
    (void)state;
    struct pb model = small_model();
    pb_text(&model, 200, "of a later version");
    pb_int(&model, 201, 7);
    pb_tag(&model, 202, 3);
    pb_int(&model, 1, 1);
    pb_tag(&model, 202, 4);
    expect_read(&model, check_small);
}

static void versions_of_the_operator_set(void **state)
{
    (void)state;
    static const int64_t refused[] = {28, 100, 1000000};
    static const int64_t read[] = {1, 27};
    for (size_t i = 0; i < 5; i++) {
        struct pb model = {0}, graph = {0};
        pb_int(&model, 1, 8);
        add_opset(&model, 8, "ai.onnx", i < 3 ? refused[i] : read[i - 3]);
        add_port(&graph, GRAPH_INPUT, "x");
        add_node(&graph, GRAPH_NODE, "Identity", "x", "y");
        add_port(&graph, GRAPH_OUTPUT, "y");
        pb_message(&model, 7, &graph);
        if (i < 3)
            expect_refused(&model, ALT_E_UNSUPPORTED, "opset|alt reads opsets 1 to 27");
        else
            expect_read(&model, NULL);
    }
    struct pb model = small_model();
    add_opset(&model, 8, "ai.onnx", 17);
    expect_refused(&model, ALT_E_MODEL, "twice");
}

static void what_cannot_run_is_named(void **state)
{
    (void)state;
    struct pb graph = {0}, body = {0};
    struct pb foreign = build_node("Mystery", "one", "x", "a"), holder = build_node("Identity", "hold", "a", "b");
    pb_text(&foreign, 7, "com.example");
    pb_message(&graph, GRAPH_NODE, &foreign);
    add_node(&body, GRAPH_NODE, "Riddle", "a", "inner");
    add_port(&body, GRAPH_OUTPUT, "inner");
    pb_text(&body, 2, "inside");
    add_graph_attr(&holder, "body", &body);
    pb_message(&graph, GRAPH_NODE, &holder);
    add_node(&graph, GRAPH_NODE, "Identity", "a,b", "c");
    add_node(&graph, GRAPH_NODE, "Identity", "c", "d,e");
    add_port(&graph, GRAPH_INPUT, "x");
    add_port(&graph, GRAPH_OUTPUT, "e");
    struct pb model = build_model(&graph);
    expect_refused(&model, ALT_E_UNSUPPORTED,
                   "4 of the model's nodes|\"one\" (Mystery, domain com.example, which is not imported)|\"inner\" (Riddle, domain ai.onnx, "
                   "opset 18): alt has no such operator, in subgraph inside|\"c\" (Identity|2 inputs|\"d\" (Identity|2 outputs");
}

static void the_list_of_refused_nodes_is_bounded(void **state)
{
    (void)state;
    struct pb graph = {0};
    add_port(&graph, GRAPH_INPUT, "x");
    for (int i = 0; i < 250; i++) {
        char out[16];
        snprintf(out, sizeof out, "y%d", i);
        add_node(&graph, GRAPH_NODE, "Mystery", "x", out);
    }
    struct pb model = build_model(&graph);
    expect_refused(&model, ALT_E_UNSUPPORTED, "250 of the model's nodes|\"y0\"|\"y99\"|and 150 more");
}

static void names_without_a_definition(void **state)
{
    (void)state;
    struct pb graph = {0}, model;
    add_node(&graph, GRAPH_NODE, "Identity", "nowhere", "y");
    model = build_model(&graph);
    expect_refused(&model, ALT_E_MODEL, "\"y\" (Identity)|nothing defines its input \"nowhere\"");

    add_port(&graph, GRAPH_OUTPUT, "nowhere");
    model = build_model(&graph);
    expect_refused(&model, ALT_E_MODEL, "nothing defines its output \"nowhere\"");
}

static void check_order(const struct onnx_read *read)
{
    static const char *const order[] = {"b", "a", "hold", "c"};
    const struct alt_node *n = read->model.graph->first;
    for (size_t i = 0; i < 4; i++, n = n->next)
        assert_string_equal(n->name, order[i]);
    assert_null(n);
}

/* Files break ONNX's rule about the order; the subgraph of "hold" reads "a", and defines a "c" of its own. */
static void nodes_out_of_order(void **state)
{
    (void)state;
    struct pb graph = {0}, body = {0}, hold = build_node("Identity", "hold", "b", "h");
    add_port(&graph, GRAPH_INPUT, "x");
    add_node(&body, GRAPH_NODE, "Concat", "c,a", "d");
    add_node(&body, GRAPH_NODE, "Identity", "b", "c");
    add_port(&body, GRAPH_OUTPUT, "d");
    add_graph_attr(&hold, "body", &body);
    pb_message(&graph, GRAPH_NODE, &hold);
    add_node(&graph, GRAPH_NODE, "Identity", "h", "c");
    add_node(&graph, GRAPH_NODE, "Identity", "b", "a");
    add_node(&graph, GRAPH_NODE, "Identity", "x", "b");
    struct pb model = build_model(&graph);
    expect_read(&model, check_order);
}

static void cycles(void **state)
{
    (void)state;
    struct pb graph = {0}, model;
    add_port(&graph, GRAPH_INPUT, "x");
    add_node(&graph, GRAPH_NODE, "Concat", "x,c", "a");
    add_node(&graph, GRAPH_NODE, "Identity", "a", "b");
    add_node(&graph, GRAPH_NODE, "Identity", "b", "c");
    model = build_model(&graph);
    expect_refused(&model, ALT_E_MODEL, "cycle|\"b\" (Identity), \"c\" (Identity), \"a\" (Concat)");

    add_node(&graph, GRAPH_NODE, "Identity", "self", "self");
    model = build_model(&graph);
    expect_refused(&model, ALT_E_MODEL, "cycle|\"self\"");

    struct pb body = {0}, hold = build_node("Identity", "hold", "x", "h");
    add_port(&graph, GRAPH_INPUT, "x");
    add_port(&body, GRAPH_OUTPUT, "after");
    add_graph_attr(&hold, "body", &body);
    pb_message(&graph, GRAPH_NODE, &hold);
    add_node(&graph, GRAPH_NODE, "Identity", "h", "after");
    model = build_model(&graph);
    expect_refused(&model, ALT_E_MODEL, "cycle|\"hold\" (Identity)|\"after\" (Identity)");
}

static void names_defined_twice(void **state)
{
    (void)state;
    struct pb graph = {0}, model;
    add_port(&graph, GRAPH_INPUT, "x");
    add_node(&graph, GRAPH_NODE, "Identity", "x", "y");
    add_node(&graph, GRAPH_NODE, "Identity", "x", "y");
    model = build_model(&graph);
    expect_refused(&model, ALT_E_MODEL, "\"y\" is defined twice");

    add_port(&graph, GRAPH_INPUT, "x");
    add_port(&graph, GRAPH_INPUT, "x");
    model = build_model(&graph);
    expect_refused(&model, ALT_E_MODEL, "\"x\" is defined twice");

    add_floats(&graph, "w", 1);
    add_floats(&graph, "w", 1);
    model = build_model(&graph);
    expect_refused(&model, ALT_E_MODEL, "\"w\" is defined twice");

    add_floats(&graph, "w", 1);
    add_floats(&graph, "v", 1);
    add_node(&graph, GRAPH_NODE, "Identity", "w", "v");
    model = build_model(&graph);
    expect_refused(&model, ALT_E_MODEL, "\"v\" is defined twice");

    struct pb node = build_node("Concat", "join", "w,w", "y");
    add_floats(&graph, "w", 1);
    add_int(&node, "axis", 0);
    add_int(&node, "axis", 0);
    pb_message(&graph, GRAPH_NODE, &node);
    model = build_model(&graph);
    expect_refused(&model, ALT_E_MODEL, "\"join\" (Concat) has attribute \"axis\" twice");
}

static void check_defaults(const struct onnx_read *read)
{
    const struct alt_graph *g = read->model.graph;
    assert_int_equal(g->n_inputs, 3);
    assert_string_equal(g->inputs[0]->name, "x");
    assert_string_equal(g->inputs[1]->name, "z");
    assert_string_equal(g->inputs[2]->name, "w");
    assert_null(g->inputs[1]->initial);
    assert_non_null(g->inputs[2]->initial);
    assert_int_equal(g->inputs[2]->initial->dim[0], 3);
    assert_null(g->inputs[2]->type.known);
}

static struct pb model_with_defaults(int64_t ir_version, size_t elements)
{
    struct pb graph = {0};
    add_port(&graph, GRAPH_INPUT, "x");
    add_port(&graph, GRAPH_INPUT, "w");
    add_port(&graph, GRAPH_INPUT, "z");
    add_floats(&graph, "w", elements);
    add_node(&graph, GRAPH_NODE, "Identity", "w", "y");
    add_port(&graph, GRAPH_OUTPUT, "y");
    struct pb model = build_model(&graph);
    pb_int(&model, 1, ir_version);
    return model;
}

static void inputs_with_a_default(void **state)
{
    (void)state;
    struct pb model = model_with_defaults(4, 3);
    expect_read(&model, check_defaults);
    model = model_with_defaults(3, 3);
    expect_read(&model, check_defaults);
    model = model_with_defaults(8, 4);
    expect_refused(&model, ALT_E_MODEL, "input \"w\"|float32[3]|float32[4]");
}

/* Listed as an input, and read as a constant. */
static void fixed_defaults(void **state)
{
    (void)state;
    struct onnx_read read;
    struct pb model = model_with_defaults(8, 3);
    assert_int_equal(onnx_read_fixed(&read, model.data, model.size), ALT_OK);
    assert_true(read.model.has_defaults);
    check_defaults(&read);
    const struct alt_graph *g = read.model.graph;
    const struct alt_gvalue *in = g->first->in[0];
    assert_int_equal(in->kind, ALT_GV_CONST);
    assert_int_equal(g->inputs[2]->n_uses, 0);
    assert_ptr_equal(in->type.known->data, g->inputs[2]->initial->data);
    onnx_read_free(&read);
    pb_free(&model);
}

static void check_symbols(const struct onnx_read *read)
{
    const struct alt_graph *g = read->model.graph;
    assert_int_equal(read->model.n_symbols, 2);
    assert_string_equal(alt_dimtab_symbol(&read->dims, 1), "n2");
    assert_true(g->inputs[0]->type.shape.dim[0] == g->inputs[1]->type.shape.dim[1]);
    assert_true(g->inputs[0]->type.shape.dim[0] != g->inputs[1]->type.shape.dim[0]);
}

static void symbolic_extents(void **state)
{
    (void)state;
    struct pb graph = {0}, info = build_port("x", ALT_FLOAT32, 2, (const int64_t[]){-1, 4});
    pb_message(&graph, GRAPH_INPUT, &info);
    info = build_port("z", ALT_FLOAT32, 2, (const int64_t[]){-2, -1});
    pb_message(&graph, GRAPH_INPUT, &info);
    info = build_port("x", ALT_FLOAT32, 1, (const int64_t[]){-3});
    pb_message(&graph, GRAPH_OUTPUT, &info);
    struct pb model = build_model(&graph);
    expect_read(&model, check_symbols);
}

/* hold(x) { body1: outer weights and values; body2 { reads x two levels up } } */
static struct pb model_with_captures(void)
{
    struct pb graph = {0}, body = {0}, deep = {0};
    struct pb node = build_node("Identity", "outer", "x", "y"), inner = build_node("Identity", "inner", "b", "c");
    add_port(&graph, GRAPH_INPUT, "x");
    add_port(&graph, GRAPH_INPUT, "z");
    add_floats(&graph, "w", 3);
    add_node(&graph, GRAPH_NODE, "Identity", "x", "a");

    add_node(&deep, GRAPH_NODE, "Concat", "z,a,b,z", "d");
    add_port(&deep, GRAPH_OUTPUT, "d");
    add_graph_attr(&inner, "body", &deep);
    add_node(&body, GRAPH_NODE, "Concat", "w,a", "b");
    pb_message(&body, GRAPH_NODE, &inner);
    add_port(&body, GRAPH_OUTPUT, "c");
    add_graph_attr(&node, "body", &body);
    pb_message(&graph, GRAPH_NODE, &node);
    add_port(&graph, GRAPH_OUTPUT, "y");
    return build_model(&graph);
}

static void check_captures(const struct onnx_read *read)
{
    const struct alt_node *outer = find_node(read->model.graph, "outer");
    const struct alt_graph *body = alt_attr_find(outer, "body")->graphs[0];
    assert_int_equal(outer->n_in_explicit, 1);
    assert_int_equal(outer->n_in, 3);
    assert_int_equal(body->n_captures, 2);
    assert_string_equal(outer->in[1]->name, "a");
    assert_string_equal(outer->in[2]->name, "z");
    assert_int_equal(body->captures[0]->kind, ALT_GV_CAPTURE);
    assert_int_equal(find_value(body, "w")->kind, ALT_GV_CONST);
    assert_ptr_equal(find_value(body, "w")->type.known->data, find_value(read->model.graph, "w")->type.known->data);
    assert_int_equal(alt_graph_verify(body, NULL), ALT_OK);

    const struct alt_node *inner = find_node(body, "inner");
    const struct alt_graph *deep = alt_attr_find(inner, "body")->graphs[0];
    assert_int_equal(inner->n_in - inner->n_in_explicit, 3);
    assert_int_equal(deep->n_captures, 3);
    assert_ptr_equal(inner->in[1], body->captures[1]); /* z, captured through both levels */
    assert_ptr_equal(inner->in[2], body->captures[0]);
    assert_string_equal(inner->in[3]->name, "b");
    assert_ptr_equal(deep->first->in[0], deep->captures[0]);
    assert_ptr_equal(deep->first->in[0], deep->first->in[3]);
    assert_int_equal(alt_graph_verify(deep, NULL), ALT_OK);
}

static void captured_values(void **state)
{
    (void)state;
    struct pb model = model_with_captures();
    expect_read(&model, check_captures);
}

static void check_own_names(const struct onnx_read *read)
{
    const struct alt_graph *body = alt_attr_find(find_node(read->model.graph, "outer"), "body")->graphs[0];
    assert_int_equal(body->n_captures, 1);
    assert_string_equal(body->captures[0]->name, "z");
    assert_ptr_equal(find_node(body, "b")->in[0], find_node(body, "x")->out[0]);
}

/* A subgraph's own "x" is what "x" means within it. */
static void a_subgraph_with_a_name_of_its_own(void **state)
{
    (void)state;
    struct pb graph = {0}, body = {0};
    struct pb node = build_node("Identity", "outer", "x", "y");
    add_port(&graph, GRAPH_INPUT, "x");
    add_port(&graph, GRAPH_INPUT, "z");
    add_node(&body, GRAPH_NODE, "Identity", "x", "b");
    add_node(&body, GRAPH_NODE, "Identity", "z", "x");
    add_port(&body, GRAPH_OUTPUT, "b");
    add_graph_attr(&node, "body", &body);
    pb_message(&graph, GRAPH_NODE, &node);
    struct pb model = build_model(&graph);
    expect_read(&model, check_own_names);
}

static void deep_subgraphs_are_refused(void **state)
{
    (void)state;
    struct pb body = {0};
    add_port(&body, GRAPH_OUTPUT, "x");
    for (int i = 0; i < 10000; i++) {
        struct pb node = build_node("Identity", NULL, "x", "y"), graph = {0};
        add_graph_attr(&node, "body", &body);
        pb_message(&graph, GRAPH_NODE, &node);
        body = graph;
    }
    add_port(&body, GRAPH_INPUT, "x");
    struct pb model = build_model(&body);
    expect_refused(&model, ALT_E_MALFORMED, "nested too deeply");
}

static void check_omitted(const struct onnx_read *read)
{
    const struct alt_node *slice = find_node(read->model.graph, "slice");
    assert_int_equal(slice->n_in, 5);
    assert_null(slice->in[3]);
    assert_non_null(slice->in[4]);
    assert_int_equal(find_node(read->model.graph, "short")->n_in, 3);
}

static void omitted_inputs(void **state)
{
    (void)state;
    struct pb graph = {0};
    add_port(&graph, GRAPH_INPUT, "x");
    struct pb node = build_node("Slice", "slice", "x,x,x,,x", "y");
    pb_message(&graph, GRAPH_NODE, &node);
    node = build_node("Slice", "short", "x,x,x,,,,", "z");
    pb_message(&graph, GRAPH_NODE, &node);
    struct pb model = build_model(&graph);
    expect_read(&model, check_omitted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_model),
        cmocka_unit_test(weights_stay_where_they_are),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_changed_byte_is_survived),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(unknown_fields_are_ignored),
        cmocka_unit_test(versions_of_the_operator_set),
        cmocka_unit_test(what_cannot_run_is_named),
        cmocka_unit_test(the_list_of_refused_nodes_is_bounded),
        cmocka_unit_test(names_without_a_definition),
        cmocka_unit_test(nodes_out_of_order),
        cmocka_unit_test(cycles),
        cmocka_unit_test(names_defined_twice),
        cmocka_unit_test(inputs_with_a_default),
        cmocka_unit_test(fixed_defaults),
        cmocka_unit_test(symbolic_extents),
        cmocka_unit_test(captured_values),
        cmocka_unit_test(a_subgraph_with_a_name_of_its_own),
        cmocka_unit_test(deep_subgraphs_are_refused),
        cmocka_unit_test(omitted_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
