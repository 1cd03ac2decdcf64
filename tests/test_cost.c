/* test_cost.c: how many operations nodes ask for, against counts by hand. */
#include "runtime/cost.h"
#include "runtime/model.h"
#include "tests/cmocka_all.h"
#include "tests/graph_bytes.h"

#include <alt/alt.h>

#include <string.h>

struct input {
    const char *name, *shape;
    alt_dtype dtype; /* 0: float32 */
};

static const struct cost_case {
    const char *op, *in, *out, *attrs;
    struct input input[8];
    double flops;
} cases[] = {
    /* 3x3 from 4 to 6 channels in 2 groups on 5x5 */
    {"Conv",
     "x,w",
     "y",
     "kernel_shape=3,3 pads=1,1,1,1 group=2",
     {{"x", "1,4,5,5", 0}, {"w", "6,2,3,3", 0}},
     2.0 * 6 * 25 * 18},
    {"ConvTranspose", "x,w", "y", "kernel_shape=3,3", {{"x", "1,2,4,4", 0}, {"w", "2,3,3,3", 0}}, 2.0 * 2 * 16 * 27},
    {"QLinearConv",
     "x,s,z,w,s,z,s,z",
     "y",
     "kernel_shape=3,3",
     {{"x", "1,2,5,5", ALT_UINT8}, {"w", "3,2,3,3", ALT_UINT8}, {"s", "", 0}, {"z", "", ALT_UINT8}},
     2.0 * 3 * 9 * 18},
    {"MatMul", "a,b", "y", NULL, {{"a", "2,3,4", 0}, {"b", "4,5", 0}}, 2.0 * 2 * 3 * 4 * 5},
    {"MatMulInteger", "a,b", "y", NULL, {{"a", "3,4", ALT_UINT8}, {"b", "4,5", ALT_UINT8}}, 2.0 * 3 * 4 * 5},
    {"Gemm", "a,b", "y", "transA=1", {{"a", "7,3", 0}, {"b", "7,5", 0}}, 2.0 * 3 * 7 * 5},
    {"LSTM",
     "x,w,r",
     "y",
     "hidden_size=4",
     {{"x", "5,2,3", 0}, {"w", "1,16,3", 0}, {"r", "1,16,4", 0}},
     2.0 * 5 * 2 * 16 * (3 + 4)},
    /* 6 queries, 10 keys, 2 heads of 8 */
    {"Attention",
     "q,k,v",
     "y",
     NULL,
     {{"q", "1,2,6,8", 0}, {"k", "1,2,10,8", 0}, {"v", "1,2,10,8", 0}},
     2 * 2.0 * 2 * 6 * 10 * 8},
    {"MaxPool", "x", "y", "kernel_shape=3,3", {{"x", "1,2,5,5", 0}}, 2 * 9 * 9},
    {"ReduceSum", "x", "y", "keepdims=0", {{"x", "3,4", 0}}, 12},
    {"Add", "a,b", "y", NULL, {{"a", "3,1", 0}, {"b", "1,4", 0}}, 12},
    {"Transpose", "x", "y", NULL, {{"x", "3,4", 0}}, 0},
    {"Concat", "a,b", "y", "axis=0", {{"a", "3", 0}, {"b", "4", 0}}, 0},
    {"Relu", "x", "y", NULL, {{"x", "n,4", 0}}, 4}, /* a symbol counts as 1 */
};

static double flops_of(const struct cost_case *c)
{
    struct graph_bytes g;
    alt_model *model = NULL;
    alt_error *error = NULL;
    double flops = 0;
    graph_bytes_open(&g, 1);
    for (const struct input *i = c->input; i->name; i++)
        graph_bytes_input(&g, i->name, i->dtype ? i->dtype : ALT_FLOAT32, i->shape);
    graph_bytes_node(&g, c->op, c->in, c->out, c->attrs);
    graph_bytes_output(&g, "y",
                       strstr(c->op, "Integer")   ? ALT_INT32
                       : strstr(c->op, "QLinear") ? ALT_UINT8
                                                  : ALT_FLOAT32);
    graph_bytes_finish(&g, 23);
    if (alt_model_load_memory(g.model.data, g.model.size, NULL, &model, &error) != ALT_OK)
        fail_msg("%s", alt_error_text(error));
    for (const struct alt_node *n = model->graph->first; n; n = n->next)
        flops += alt_node_flops(n, alt_graph_extents, NULL);
    alt_model_free(model);
    graph_bytes_close(&g);
    return flops;
}

static void operations_by_operator(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double flops = flops_of(&cases[i]);
        if (flops != cases[i].flops)
            fail_msg("%s: %g operations, not %g", cases[i].op, flops, cases[i].flops);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(operations_by_operator)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
