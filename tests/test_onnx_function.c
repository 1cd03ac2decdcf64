/* test_onnx_function.c: local functions are inlined, and Constant nodes become constants. */
#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"
#include "tests/onnx_build.h"
#include "tests/onnx_read.h"

#include <stdio.h>
#include <string.h>

enum { MODEL_FUNCTION = 25, ATTR_INT = 2, ATTR_GRAPH = 5 };

/* A call of local function `name`. */
static struct pb build_call(const char *name, const char *node, const char *in, const char *out)
{
    struct pb call = build_node(name, node, in, out);
    pb_text(&call, 7, "local");
    return call;
}

static void add_call(struct pb *to, uint32_t field, const char *name, const char *in, const char *out)
{
    struct pb call = build_call(name, NULL, in, out);
    pb_message(to, field, &call);
}

/* f(a, b) = Concat(Identity(a), b), axis from attribute "where". */
static struct pb function_f(void)
{
    struct pb f = build_function("f", "a,b", "out"), join = build_node("Concat", "join", "t,b", "out");
    add_node(&f, FUNCTION_NODE, "Identity", "a", "t");
    add_ref(&join, "axis", ATTR_INT, "where");
    pb_message(&f, FUNCTION_NODE, &join);
    return f;
}

/* Two calls of f, one within the other's reach: names must not meet. */
static struct pb model_with_calls(void)
{
    struct pb graph = {0}, f = function_f();
    struct pb first = build_call("f", "first", "x,x", "t"), second = build_call("f", "second", "t,w", "y");
    add_port(&graph, GRAPH_INPUT, "x");
    add_floats(&graph, "w", 3);
    add_int(&first, "where", 3);
    pb_message(&graph, GRAPH_NODE, &first);
    pb_message(&graph, GRAPH_NODE, &second);
    add_port(&graph, GRAPH_OUTPUT, "y");
    struct pb model = build_model(&graph);
    pb_message(&model, MODEL_FUNCTION, &f);
    return model;
}

static void check_calls(const struct onnx_read *read)
{
    const struct alt_graph *g = read->model.graph;
    assert_int_equal(g->n_nodes, 4);
    const struct alt_node *first = find_node(g, "first/join"), *second = find_node(g, "second/join");
    assert_string_equal(first->out[0]->name, "t");
    assert_string_equal(first->in[0]->name, "first/t");
    assert_ptr_equal(first->in[1], g->inputs[0]);
    assert_ptr_equal(second->in[0]->producer->in[0], first->out[0]);
    assert_string_equal(second->out[0]->name, "y");
    assert_ptr_equal(g->outputs[0], second->out[0]);
    assert_int_equal(alt_attr_int(first, "axis", 7), 3);
    assert_false(alt_attr_has(second, "axis")); /* the call leaves it out, and there is no default */
}

static void calls_are_inlined(void **state)
{
    (void)state;
    struct pb model = model_with_calls();
    expect_read(&model, check_calls);
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
    struct pb model = model_with_calls();
    const char *why = "";
    if (fail_alloc_sweep(read_failing, &model, &why) == 0)
        fail_msg("%s", why);
    pb_free(&model);
}

/* g(a; n = 5) = f(a, a; where = n) */
static void check_defaults(const struct onnx_read *read)
{
    assert_int_equal(alt_attr_int(find_node(read->model.graph, "plain/inner/join"), "axis", 7), 5);
    assert_int_equal(alt_attr_int(find_node(read->model.graph, "given/inner/join"), "axis", 7), 1);
}

static void attributes_with_defaults_pass_through(void **state)
{
    (void)state;
    struct pb graph = {0}, f = function_f(), g = build_function("g", "a", "out"), n = {0};
    struct pb inner = build_call("f", "inner", "a,a", "out");
    add_ref(&inner, "where", ATTR_INT, "n");
    pb_message(&g, FUNCTION_NODE, &inner);
    pb_text(&n, 1, "n");
    pb_int(&n, 3, 5);
    pb_int(&n, 20, ATTR_INT);
    pb_message(&g, 11, &n);
    struct pb plain = build_call("g", "plain", "x", "y"), given = build_call("g", "given", "x", "z");
    add_int(&given, "n", 1);
    add_port(&graph, GRAPH_INPUT, "x");
    pb_message(&graph, GRAPH_NODE, &plain);
    pb_message(&graph, GRAPH_NODE, &given);
    struct pb model = build_model(&graph);
    pb_message(&model, MODEL_FUNCTION, &g);
    pb_message(&model, MODEL_FUNCTION, &f);
    expect_read(&model, check_defaults);
}

static void check_parameters(const struct onnx_read *read)
{
    const struct alt_graph *g = read->model.graph;
    const struct alt_node *slice = find_node(g, "call/slice");
    assert_int_equal(slice->n_in, 3);
    assert_ptr_equal(g->outputs[0], g->inputs[0]); /* a function may hand a parameter on */
    assert_string_equal(read->model.outputs[0].name, "same");
}

static void parameters_left_out_and_handed_on(void **state)
{
    (void)state;
    struct pb graph = {0}, f = build_function("f", "a,b,c", "out,a"), call = build_call("f", "call", "x,,", "y,same");
    struct pb slice = build_node("Slice", "slice", "a,a,a,b,c", "out");
    pb_message(&f, FUNCTION_NODE, &slice);
    add_port(&graph, GRAPH_INPUT, "x");
    pb_message(&graph, GRAPH_NODE, &call);
    add_port(&graph, GRAPH_OUTPUT, "same");
    struct pb model = build_model(&graph);
    pb_message(&model, MODEL_FUNCTION, &f);
    expect_read(&model, check_parameters);
}

/* A subgraph that is handed to a function as an attribute keeps the names of where it is written. */
static void check_handed_graph(const struct onnx_read *read)
{
    const struct alt_node *holder = find_node(read->model.graph, "call/holder");
    const struct alt_graph *body = alt_attr_find(holder, "body")->graphs[0];
    assert_int_equal(holder->n_in - holder->n_in_explicit, 1);
    assert_string_equal(holder->in[1]->name, "a"); /* the caller's, not the function's parameter of that name */
    assert_ptr_equal(body->outputs[0]->producer->in[0], body->captures[0]);
}

static void subgraphs_as_attributes(void **state)
{
    (void)state;
    struct pb graph = {0}, body = {0}, f = build_function("f", "a", "out");
    struct pb holder = build_node("Identity", "holder", "a", "out"), call = build_call("f", "call", "x", "y");
    add_ref(&holder, "body", ATTR_GRAPH, "branch");
    pb_message(&f, FUNCTION_NODE, &holder);
    add_node(&body, GRAPH_NODE, "Identity", "a", "b");
    add_port(&body, GRAPH_OUTPUT, "b");
    add_graph_attr(&call, "branch", &body);
    add_port(&graph, GRAPH_INPUT, "x");
    add_node(&graph, GRAPH_NODE, "Identity", "x", "a");
    pb_message(&graph, GRAPH_NODE, &call);
    struct pb model = build_model(&graph);
    pb_message(&model, MODEL_FUNCTION, &f);
    expect_read(&model, check_handed_graph);
}

static void check_opsets(const struct onnx_read *read)
{
    assert_int_equal(find_node(read->model.graph, "y")->opset, 18);
    assert_int_equal(read->model.graph->last->opset, 13);
}

static void a_function_has_its_own_imports(void **state)
{
    (void)state;
    struct pb graph = {0}, f = {0};
    pb_text(&f, 1, "f");
    pb_text(&f, 4, "a");
    pb_text(&f, 5, "b");
    pb_text(&f, 10, "local");
    add_opset(&f, 9, "", 13);
    add_node(&f, FUNCTION_NODE, "Identity", "a", "b");
    add_port(&graph, GRAPH_INPUT, "x");
    add_node(&graph, GRAPH_NODE, "Identity", "x", "y");
    add_call(&graph, GRAPH_NODE, "f", "y", "z");
    struct pb model = build_model(&graph);
    pb_message(&model, MODEL_FUNCTION, &f);
    expect_read(&model, check_opsets);
}

static void functions_that_call_themselves(void **state)
{
    (void)state;
    struct pb graph = {0}, f = build_function("f", "a", "b"), g = build_function("g", "a", "b");
    add_call(&f, FUNCTION_NODE, "g", "a", "b");
    add_call(&g, FUNCTION_NODE, "f", "a", "b");
    add_port(&graph, GRAPH_INPUT, "x");
    add_call(&graph, GRAPH_NODE, "f", "x", "y");
    struct pb model = build_model(&graph);
    pb_message(&model, MODEL_FUNCTION, &f);
    pb_message(&model, MODEL_FUNCTION, &g);
    expect_refused(&model, ALT_E_MODEL, "function \"f\" calls itself");
}

/* f0 calls f1 four times, which calls f2 four times, ...: 4^40 nodes from four kilobytes. */
static void calls_that_explode(void **state)
{
    (void)state;
    struct pb graph = {0}, model;
    add_port(&graph, GRAPH_INPUT, "x");
    add_call(&graph, GRAPH_NODE, "f0", "x", "y");
    model = build_model(&graph);
    for (int i = 0; i < 40; i++) {
        char name[16], next[16];
        snprintf(name, sizeof name, "f%d", i);
        snprintf(next, sizeof next, "f%d", i + 1);
        struct pb f = build_function(name, "a", "e");
        add_call(&f, FUNCTION_NODE, next, "a", "b");
        add_call(&f, FUNCTION_NODE, next, "b", "c");
        add_call(&f, FUNCTION_NODE, next, "c", "d");
        add_call(&f, FUNCTION_NODE, next, "d", "e");
        pb_message(&model, MODEL_FUNCTION, &f);
    }
    struct pb last = build_function("f40", "a", "b");
    add_node(&last, FUNCTION_NODE, "Identity", "a", "b");
    pb_message(&model, MODEL_FUNCTION, &last);
    expect_refused(&model, ALT_E_UNSUPPORTED, "more than 300000 nodes");
}

static void calls_nested_too_deeply(void **state)
{
    (void)state;
    struct pb graph = {0}, model;
    add_port(&graph, GRAPH_INPUT, "x");
    add_call(&graph, GRAPH_NODE, "f0", "x", "y");
    model = build_model(&graph);
    for (int i = 0; i < 1000; i++) {
        char name[16], next[16];
        snprintf(name, sizeof name, "f%d", i);
        snprintf(next, sizeof next, "f%d", i + 1);
        struct pb f = build_function(name, "a", "b");
        add_call(&f, FUNCTION_NODE, next, "a", "b");
        pb_message(&model, MODEL_FUNCTION, &f);
    }
    expect_refused(&model, ALT_E_UNSUPPORTED, "nested more than 64 deep");
}

static void calls_that_do_not_fit(void **state)
{
    (void)state;
    struct pb graph = {0}, model, f = function_f();
    add_port(&graph, GRAPH_INPUT, "x");
    add_call(&graph, GRAPH_NODE, "f", "x,x,x", "y");
    model = build_model(&graph);
    pb_message(&model, MODEL_FUNCTION, &f);
    expect_refused(&model, ALT_E_MODEL, "calls function \"f\" with 3 inputs and 1 outputs; it has 2 and 1");

    add_port(&graph, GRAPH_INPUT, "x");
    add_call(&graph, GRAPH_NODE, "f", "x", "y");
    model = build_model(&graph);
    f = build_function("f", "a", "b");
    add_node(&f, FUNCTION_NODE, "Identity", "a", "c");
    pb_message(&model, MODEL_FUNCTION, &f);
    expect_refused(&model, ALT_E_MODEL, "function \"f\", called by node \"y\": nothing defines its output \"b\"");

    add_port(&graph, GRAPH_INPUT, "x");
    model = build_model(&graph);
    for (int i = 0; i < 2; i++) {
        f = function_f();
        pb_message(&model, MODEL_FUNCTION, &f);
    }
    expect_refused(&model, ALT_E_MODEL, "function \"f\" of domain \"local\" is defined twice");

    struct pb call = build_call("f", NULL, "x,x", "y"), text = {0};
    pb_text(&text, 1, "where");
    pb_text(&text, 4, "not a number");
    pb_int(&text, 20, 3);
    pb_message(&call, 5, &text);
    add_port(&graph, GRAPH_INPUT, "x");
    pb_message(&graph, GRAPH_NODE, &call);
    model = build_model(&graph);
    f = function_f();
    pb_message(&model, MODEL_FUNCTION, &f);
    expect_refused(&model, ALT_E_MODEL, "attribute \"where\" has type 3, the function reads it as type 2");
}

static void nodes_within_functions_are_named(void **state)
{
    (void)state;
    struct pb graph = {0}, f = build_function("f", "a", "b");
    add_node(&f, FUNCTION_NODE, "Mystery", "a", "b");
    struct pb call = build_call("f", "call", "x", "y");
    add_port(&graph, GRAPH_INPUT, "x");
    pb_message(&graph, GRAPH_NODE, &call);
    struct pb model = build_model(&graph);
    pb_message(&model, MODEL_FUNCTION, &f);
    expect_refused(&model, ALT_E_UNSUPPORTED, "\"b\" (Mystery|in function call call");
}

/* A Constant with one attribute of type `type` and field `field`. */
static void add_constant(struct pb *graph, const char *name, const char *attr_name, int64_t type, const char *out,
                         void (*fill)(struct pb *attr))
{
    struct pb node = build_node("Constant", name, "", out), attr = {0};
    pb_text(&attr, 1, attr_name);
    fill(&attr);
    pb_int(&attr, 20, type);
    pb_message(&node, 5, &attr);
    pb_message(graph, GRAPH_NODE, &node);
}

static void fill_float(struct pb *attr) { pb_float(attr, 2, 1.5f); }
static void fill_int(struct pb *attr) { pb_int(attr, 3, -4); }
static void fill_string(struct pb *attr) { pb_text(attr, 4, "text"); }
static void fill_floats(struct pb *attr)
{
    pb_float(attr, 7, 1);
    pb_float(attr, 7, 2);
}
static void fill_ints(struct pb *attr) { pb_packed(attr, 8, 3, (const int64_t[]){4, 5, 6}); }
static void fill_strings(struct pb *attr)
{
    pb_text(attr, 9, "a");
    pb_text(attr, 9, "bc");
}
static void fill_none(struct pb *attr) { (void)attr; }
static void fill_tensor(struct pb *attr)
{
    struct pb tensor = build_tensor(NULL, ALT_INT64, 1, (const int64_t[]){2});
    pb_packed(&tensor, 7, 2, (const int64_t[]){7, 8});
    pb_message(attr, 5, &tensor);
}

/* Values 7 and 8 at (0,1) and (1,2) of a 2x3 matrix. */
static void fill_sparse(struct pb *attr)
{
    struct pb sparse = {0}, values = build_tensor("v", ALT_INT64, 1, (const int64_t[]){2});
    struct pb indices = build_tensor(NULL, ALT_INT64, 2, (const int64_t[]){2, 2});
    pb_packed(&values, 7, 2, (const int64_t[]){7, 8});
    pb_packed(&indices, 7, 4, (const int64_t[]){0, 1, 1, 2});
    pb_message(&sparse, 1, &values);
    pb_message(&sparse, 2, &indices);
    pb_packed(&sparse, 3, 2, (const int64_t[]){2, 3});
    pb_message(attr, 22, &sparse);
}

static const struct alt_tensor *content(const struct onnx_read *read, const char *name, alt_dtype dtype, int rank)
{
    const struct alt_gvalue *v = find_value(read->model.graph, name);
    assert_int_equal(v->kind, ALT_GV_CONST);
    assert_int_equal(v->type.dtype, dtype);
    assert_int_equal(v->type.known->rank, rank);
    return v->type.known;
}

static void check_constants(const struct onnx_read *read)
{
    assert_int_equal(read->model.graph->n_nodes, 0);
    assert_true(alt_tensor_float(content(read, "f", ALT_FLOAT32, 0), 0) == 1.5);
    assert_int_equal(alt_tensor_int(content(read, "i", ALT_INT64, 0), 0), -4);
    assert_true(alt_tensor_float(content(read, "fs", ALT_FLOAT32, 1), 1) == 2);
    assert_int_equal(alt_tensor_int(content(read, "is", ALT_INT64, 1), 2), 6);
    assert_int_equal(content(read, "none", ALT_INT64, 1)->dim[0], 0);
    assert_int_equal(((const alt_string *)content(read, "s", ALT_STRING, 0)->data)->length, 4);
    assert_int_equal(((const alt_string *)content(read, "ss", ALT_STRING, 1)->data)[1].length, 2);
    assert_int_equal(alt_tensor_int(content(read, "t", ALT_INT64, 1), 1), 8);
    const struct alt_tensor *sparse = content(read, "sparse", ALT_INT64, 2);
    static const int64_t dense[] = {0, 7, 0, 0, 0, 8};
    for (int i = 0; i < 6; i++)
        assert_int_equal(alt_tensor_int(sparse, i), dense[i]);
}

static void constants(void **state)
{
    (void)state;
    struct pb graph = {0};
    add_constant(&graph, "", "value_float", 1, "f", fill_float);
    add_constant(&graph, "", "value_int", 2, "i", fill_int);
    add_constant(&graph, "", "value_string", 3, "s", fill_string);
    add_constant(&graph, "", "value_floats", 6, "fs", fill_floats);
    add_constant(&graph, "", "value_ints", 7, "is", fill_ints);
    add_constant(&graph, "", "value_ints", 7, "none", fill_none);
    add_constant(&graph, "", "value_strings", 8, "ss", fill_strings);
    add_constant(&graph, "", "value", 4, "t", fill_tensor);
    add_constant(&graph, "", "sparse_value", 11, "sparse", fill_sparse);
    struct pb model = build_model(&graph);
    expect_read(&model, check_constants);
}

static void fill_other_int(struct pb *attr) { pb_int(attr, 3, 99); }

static void check_last_constant(const struct onnx_read *read)
{
    const struct alt_node *n = find_node(read->model.graph, "y");
    assert_int_equal(alt_tensor_int(n->in[0]->type.known, 0), 99);
}

static void a_constant_that_is_replaced(void **state)
{
    (void)state;
    struct pb graph = {0};
    add_constant(&graph, "", "value_int", 2, "c", fill_int);
    add_node(&graph, GRAPH_NODE, "Identity", "c", "y");
    add_constant(&graph, "", "value_int", 2, "c", fill_other_int);
    struct pb model = build_model(&graph);
    expect_read(&model, check_last_constant);
}

static void constants_without_sense(void **state)
{
    (void)state;
    struct pb graph = {0}, model;
    add_constant(&graph, "c", "value_float", 2, "y", fill_int);
    model = build_model(&graph);
    expect_refused(&model, ALT_E_MODEL, "\"c\" (Constant)");
    add_constant(&graph, "c", "value", 4, "y", fill_none);
    model = build_model(&graph);
    expect_refused(&model, ALT_E_MODEL, "attribute \"value\" must hold one value");
    add_node(&graph, GRAPH_NODE, "Constant", "", "y");
    model = build_model(&graph);
    expect_refused(&model, ALT_E_MODEL, "\"y\" (Constant)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_inlined),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(attributes_with_defaults_pass_through),
        cmocka_unit_test(parameters_left_out_and_handed_on),
        cmocka_unit_test(subgraphs_as_attributes),
        cmocka_unit_test(a_function_has_its_own_imports),
        cmocka_unit_test(functions_that_call_themselves),
        cmocka_unit_test(calls_that_explode),
        cmocka_unit_test(calls_nested_too_deeply),
        cmocka_unit_test(calls_that_do_not_fit),
        cmocka_unit_test(nodes_within_functions_are_named),
        cmocka_unit_test(constants),
        cmocka_unit_test(a_constant_that_is_replaced),
        cmocka_unit_test(constants_without_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
