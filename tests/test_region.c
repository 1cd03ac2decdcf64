/* test_region.c: which nodes go together, on graphs of whole models. */
#include "runtime/model.h"
#include "runtime/region.h"
#include "tests/cmocka_all.h"
#include "tests/graph_bytes.h"

#include <alt/alt.h>

#include <stdio.h>
#include <string.h>

struct fixture {
    struct graph_bytes bytes;
    alt_model *model;
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_regions regions;
    char text[4096];
};

static void collect(void *context, const char *text)
{
    struct fixture *f = context;
    strncat(f->text, text, sizeof f->text - strlen(f->text) - 1);
}

static void find(struct fixture *f)
{
    alt_error *error = NULL;
    graph_bytes_finish(&f->bytes, 13);
    if (alt_model_load_memory(f->bytes.model.data, f->bytes.model.size, NULL, &f->model, &error) != ALT_OK)
        fail_msg("%s", alt_error_text(error));
    alt_mem_init(&f->mem, NULL, 0);
    alt_arena_init(&f->arena, &f->mem);
    assert_int_equal(alt_regions_find(f->model->graph, &f->arena, &f->regions), ALT_OK);
    alt_regions_print(f->model->graph, &f->regions, collect, f);
}

static void close_all(struct fixture *f)
{
    alt_arena_free(&f->arena);
    alt_model_free(f->model);
    graph_bytes_close(&f->bytes);
}

/* Every node in exactly one base region. */
static void check_partition(const struct fixture *f)
{
    int seen = 0;
    for (int i = 0; i < f->regions.n_base; i++)
        seen += f->regions.base[i].n_nodes;
    assert_int_equal(seen, f->model->graph->n_nodes);
}

static void expect(const struct fixture *f, const char *line)
{
    if (!strstr(f->text, line))
        fail_msg("no \"%s\" in\n%s", line, f->text);
}

static void residual_addition_rides_on_the_later_convolution(void **state)
{
    (void)state;
    struct fixture f = {0};
    graph_bytes_open(&f.bytes, 1);
    graph_bytes_input(&f.bytes, "x", ALT_FLOAT32, "1,8,6,6");
    graph_bytes_weights(&f.bytes, "w1", "8,8,3,3", 1);
    graph_bytes_weights(&f.bytes, "w2", "8,8,3,3", 1);
    graph_bytes_node(&f.bytes, "Conv", "x,w1", "a", "kernel_shape=3,3 pads=1,1,1,1");
    graph_bytes_node(&f.bytes, "Conv", "x,w2", "b", "kernel_shape=3,3 pads=1,1,1,1");
    graph_bytes_node(&f.bytes, "Add", "a,b", "s", NULL);
    graph_bytes_node(&f.bytes, "Relu", "s", "y", NULL);
    graph_bytes_output(&f.bytes, "y", ALT_FLOAT32);
    find(&f);
    check_partition(&f);
    assert_int_equal(f.regions.n_base, 2);
    expect(&f, "region 1 anchor: Conv+Add+Relu -> float32[1,8,6,6]");
    /* 2 * 8*36 outputs * 72 products, and one each for the addition and the activation. */
    assert_true(f.regions.base[1].flops == 2.0 * 288 * 72 + 2 * 288);
    assert_int_equal(f.regions.base[1].n_in, 3);
    close_all(&f);
}

static void a_value_that_is_read_twice_ends_its_region(void **state)
{
    (void)state;
    struct fixture f = {0};
    graph_bytes_open(&f.bytes, 1);
    graph_bytes_input(&f.bytes, "x", ALT_FLOAT32, "4,4");
    graph_bytes_node(&f.bytes, "Relu", "x", "a", NULL);
    graph_bytes_node(&f.bytes, "Tanh", "a", "b", NULL);
    graph_bytes_node(&f.bytes, "Mul", "a,b", "y", NULL);
    graph_bytes_output(&f.bytes, "y", ALT_FLOAT32);
    find(&f);
    check_partition(&f);
    assert_int_equal(f.regions.n_base, 2);
    expect(&f, "region 1 pointwise: Tanh+Mul");
    close_all(&f);
}

static void alternatives_are_found(void **state)
{
    (void)state;
    struct fixture f = {0};
    graph_bytes_open(&f.bytes, 1);
    graph_bytes_input(&f.bytes, "x", ALT_FLOAT32, "1,8,6,6");
    graph_bytes_input(&f.bytes, "q", ALT_FLOAT32, "2,5,4");
    graph_bytes_input(&f.bytes, "k", ALT_FLOAT32, "1,4,5"); /* broadcast, so that it does not become the operator */
    graph_bytes_input(&f.bytes, "v", ALT_FLOAT32, "2,5,4");
    graph_bytes_weights(&f.bytes, "w1", "8,1,3,3", 1);
    graph_bytes_weights(&f.bytes, "w2", "16,8,1,1", 1);
    graph_bytes_weights(&f.bytes, "mask", "5", 1);
    graph_bytes_node(&f.bytes, "Conv", "x,w1", "a", "kernel_shape=3,3 pads=1,1,1,1 group=8");
    graph_bytes_node(&f.bytes, "Relu", "a", "b", NULL);
    graph_bytes_node(&f.bytes, "Conv", "b,w2", "y", "kernel_shape=1,1");
    graph_bytes_node(&f.bytes, "MatMul", "q,k", "s", NULL);
    graph_bytes_node(&f.bytes, "Add", "s,mask", "m", NULL);
    graph_bytes_node(&f.bytes, "Softmax", "m", "p", "axis=-1");
    graph_bytes_node(&f.bytes, "MatMul", "p,v", "z", NULL);
    graph_bytes_output(&f.bytes, "y", ALT_FLOAT32);
    graph_bytes_output(&f.bytes, "z", ALT_FLOAT32);
    find(&f);
    check_partition(&f);
    assert_int_equal(f.regions.n_alternatives, 2);
    expect(&f, "alternative 0 separable: Conv+Relu+Conv");
    expect(&f, "alternative 1 attention: MatMul+Add+Softmax+MatMul");
    close_all(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(residual_addition_rides_on_the_later_convolution),
        cmocka_unit_test(a_value_that_is_read_twice_ends_its_region),
        cmocka_unit_test(alternatives_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
