/* test_fuse.c: steps of a convolution and what follows it give the bits of separate steps, and are made where they should be. */
#include "runtime/fuse.h"
#include "runtime/plan.h"
#include "runtime/session.h"
#include "tests/cmocka_all.h"
#include "tests/graph_bytes.h"

#include <stdlib.h>
#include <string.h>

static int fused_nodes(const struct alt_program *p)
{
    int n = 0;
    for (int s = 0; s < p->n_steps; s++)
        n += p->step[s].kernel == &alt_fused_kernel || p->step[s].kernel == &alt_fused_strided_kernel ? p->step[s].n_region : 0;
    return n;
}

struct image {
    int64_t n, channels, rows, cols;
};

/* The bytes of the session's answer, which the caller frees. */
static void *answer(alt_session *session, const float *data, size_t rank, const int64_t *dims, size_t *bytes)
{
    alt_value *in = NULL, *out = NULL;
    alt_error *error = NULL;
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, rank, dims, &in), ALT_OK);
    memcpy(alt_value_data(in), data, alt_value_bytes(in));
    if (alt_session_run(session, NULL, (const alt_value *const *)&in, 1, &out, 1, &error) != ALT_OK)
        fail_msg("%s", alt_error_text(error));
    *bytes = alt_value_bytes(out);
    void *copy = malloc(*bytes);
    assert_non_null(copy);
    memcpy(copy, alt_value_data(out), *bytes);
    alt_value_release(out);
    alt_value_release(in);
    return copy;
}

static void *run_image(alt_session *session, const struct image *image, size_t *bytes)
{
    const int64_t dims[] = {image->n, image->channels, image->rows, image->cols};
    const size_t count = (size_t)(dims[0] * dims[1] * dims[2] * dims[3]);
    float *data = malloc(count * sizeof *data);
    assert_non_null(data);
    for (size_t k = 0; k < count; k++)
        data[k] = (float)((int)(k * 7919 % 2001) - 1000) / 250.0f;
    void *copy = answer(session, data, 4, dims, bytes);
    free(data);
    return copy;
}

static void publish_plain(alt_session *session)
{
    struct alt_program_spec spec = alt_session_spec(session);
    struct alt_plan *plan;
    spec.policy = ALT_LAYOUT_PLAIN;
    assert_int_equal(alt_plan_create(&spec, NULL, &plan), ALT_OK);
    assert_int_equal(fused_nodes(plan->program), 0);
    assert_int_equal(alt_session_publish(session, plan, NULL), ALT_OK);
}

/* Runs `g` with layouts and without, where nothing is fused; `nodes`: how many are in fused steps. Closes `g`. */
static void check(struct graph_bytes *g, int64_t channels, int nodes)
{
    const struct image images[] = {{1, channels, 5, 7}, {2, channels, 17, 33}, {1, channels, 40, 29}};
    enum { IMAGES = sizeof images / sizeof *images };
    const alt_session_options options = {.size = sizeof options, .threads = 2};
    alt_model *model;
    alt_session *session;
    alt_error *error = NULL;
    void *fused[IMAGES];
    size_t bytes[IMAGES], same;
    graph_bytes_finish(g, 14);
    if (alt_model_load_memory(g->model.data, g->model.size, NULL, &model, &error) != ALT_OK ||
        alt_session_create(model, &options, &session, &error) != ALT_OK)
        fail_msg("%s", alt_error_text(error));
    assert_int_equal(fused_nodes(session->base->program), nodes);
    for (int i = 0; i < IMAGES; i++)
        fused[i] = run_image(session, &images[i], &bytes[i]);
    publish_plain(session);
    for (int i = 0; i < IMAGES; i++) {
        void *plain = run_image(session, &images[i], &same);
        assert_int_equal(same, bytes[i]);
        assert_memory_equal(plain, fused[i], same);
        free(plain);
        free(fused[i]);
    }
    alt_session_free(session);
    alt_model_free(model);
    graph_bytes_close(g);
}

static void open_image(struct graph_bytes *g, uint64_t seed, const char *shape)
{
    graph_bytes_open(g, seed);
    graph_bytes_input(g, "x", ALT_FLOAT32, shape);
    graph_bytes_output(g, "y", ALT_FLOAT32);
}

/* More channels than a tile takes, a constant bound, an activation with attributes. */
static void activations_follow(void **state)
{
    (void)state;
    struct graph_bytes g;
    open_image(&g, 1, "n,24,h,w");
    graph_bytes_weights(&g, "w1", "200,24,3,3", 0.1f);
    graph_bytes_weights(&g, "b1", "200", 1);
    graph_bytes_weights(&g, "w2", "17,200,1,1", 0.1f);
    graph_bytes_weights(&g, "low", "", 0.5f);
    graph_bytes_weights(&g, "factor", "1,1,1,1", 2);
    graph_bytes_node(&g, "Conv", "x,w1,b1", "a", "pads=1,1,1,1");
    graph_bytes_node(&g, "Clip", "a,low", "b", NULL);
    graph_bytes_node(&g, "Mul", "factor,b", "c", NULL);
    graph_bytes_node(&g, "Conv", "c,w2", "d", "strides=2,2");
    graph_bytes_node(&g, "HardSwish", "d", "y", NULL);
    check(&g, 24, 5);
}

static void residual_addition_follows_the_later_convolution(void **state)
{
    (void)state;
    struct graph_bytes g;
    open_image(&g, 2, "n,16,h,w");
    graph_bytes_weights(&g, "w1", "16,16,3,3", 0.2f);
    graph_bytes_weights(&g, "w2", "16,16,3,3", 0.2f);
    graph_bytes_weights(&g, "w3", "16,16,1,1", 0.2f);
    graph_bytes_node(&g, "Conv", "x,w1", "a", "pads=1,1,1,1");
    graph_bytes_node(&g, "Relu", "a", "b", NULL);
    graph_bytes_node(&g, "Conv", "x,w3", "c", NULL);
    graph_bytes_node(&g, "Conv", "b,w2", "d", "pads=1,1,1,1");
    graph_bytes_node(&g, "Add", "c,d", "e", NULL);
    graph_bytes_node(&g, "Relu", "e", "y", NULL);
    check(&g, 16, 5);
}

static void depthwise_is_followed(void **state)
{
    (void)state;
    struct graph_bytes g;
    open_image(&g, 3, "n,40,h,w");
    graph_bytes_weights(&g, "w1", "40,40,1,1", 0.2f);
    graph_bytes_weights(&g, "w2", "40,1,3,3", 0.5f);
    graph_bytes_weights(&g, "b2", "40", 1);
    graph_bytes_node(&g, "Conv", "x,w1", "a", NULL);
    graph_bytes_node(&g, "Conv", "a,w2,b2", "b", "group=40 pads=1,1,1,1");
    graph_bytes_node(&g, "Sigmoid", "b", "c", NULL);
    graph_bytes_node(&g, "Sub", "a,c", "y", NULL); /* a is read twice, so the first convolution stands alone */
    check(&g, 40, 3);
}

/* Both kinds of kernels keep results within bounds themselves: one, the other, both, and none. */
static void limits_ride_on_the_store(void **state)
{
    (void)state;
    struct graph_bytes g;
    open_image(&g, 6, "n,20,h,w");
    graph_bytes_weights(&g, "w1", "40,20,1,1", 0.5f);
    graph_bytes_weights(&g, "w2", "40,1,3,3", 0.5f);
    graph_bytes_weights(&g, "w3", "9,40,3,3", 0.2f);
    graph_bytes_weights(&g, "low", "", 0.5f);
    graph_bytes_weights(&g, "high", "1", 0.5f);
    graph_bytes_node(&g, "Conv", "x,w1", "a", NULL);
    graph_bytes_node(&g, "Clip", "a,low,high", "b", NULL);
    graph_bytes_node(&g, "Conv", "b,w2", "c", "group=40 pads=1,1,1,1");
    graph_bytes_node(&g, "Relu", "c", "d", NULL);
    graph_bytes_node(&g, "Conv", "d,w2", "e", "group=40 strides=2,2");
    graph_bytes_node(&g, "Clip", "e,,high", "f", NULL);
    graph_bytes_node(&g, "Conv", "f,w3", "h", "pads=1,1,1,1");
    graph_bytes_node(&g, "Clip", "h", "y", NULL);
    check(&g, 20, 8);
}

/* What is read elsewhere, or spread along channels only, stays a step of its own. */
static void others_stand_alone(void **state)
{
    (void)state;
    struct graph_bytes g;
    open_image(&g, 4, "n,16,h,w");
    graph_bytes_weights(&g, "w1", "16,16,3,3", 0.2f);
    graph_bytes_weights(&g, "slope", "16,1,1", 1);
    graph_bytes_node(&g, "Conv", "x,w1", "a", NULL);
    graph_bytes_node(&g, "Mul", "a,slope", "b", NULL);
    graph_bytes_node(&g, "Conv", "b,w1", "c", NULL);
    graph_bytes_node(&g, "Relu", "c", "d", NULL);
    graph_bytes_node(&g, "Mul", "c,d", "y", NULL);
    check(&g, 16, 0);
}

/* A vector of columns, from a strided operand and from wide, odd and narrow products; more than a vector stands alone. */
static void products_add_rows(void **state)
{
    (void)state;
    struct graph_bytes g;
    open_image(&g, 5, "n,24,h,w");
    graph_bytes_weights(&g, "w1", "24,300", 0.2f);
    graph_bytes_weights(&g, "b1", "300", 1);
    graph_bytes_weights(&g, "w2", "300,37", 0.1f);
    graph_bytes_weights(&g, "b2", "1,1,37", 1);
    graph_bytes_weights(&g, "w3", "37,3", 0.2f);
    graph_bytes_weights(&g, "b3", "3", 1);
    graph_bytes_weights(&g, "w4", "3,3", 0.2f);
    graph_bytes_weights(&g, "b4", "1", 1);
    graph_bytes_node(&g, "Transpose", "x", "t", "perm=0,2,3,1");
    graph_bytes_node(&g, "MatMul", "t,w1", "a", NULL);
    graph_bytes_node(&g, "Add", "b1,a", "b", NULL);
    graph_bytes_node(&g, "MatMul", "b,w2", "c", NULL);
    graph_bytes_node(&g, "Add", "c,b2", "d", NULL);
    graph_bytes_node(&g, "MatMul", "d,w3", "e", NULL);
    graph_bytes_node(&g, "Add", "e,b3", "f", NULL);
    graph_bytes_node(&g, "MatMul", "f,w4", "h", NULL);
    graph_bytes_node(&g, "Add", "h,b4", "y", NULL);
    check(&g, 24, 6);
}

/* Residuals and limits on the store of products, in this order behind a vector: a view, a narrow product that is computed the other way
 * round, one with a factor; what comes in another order, or twice, stands alone. */
static void products_add_residuals(void **state)
{
    (void)state;
    struct graph_bytes g;
    open_image(&g, 7, "n,24,h,w");
    graph_bytes_weights(&g, "w1", "24,24", 0.2f);
    graph_bytes_weights(&g, "b1", "24", 1);
    graph_bytes_weights(&g, "w2", "24,3", 0.2f);
    graph_bytes_weights(&g, "w3", "24,3", 0.2f);
    graph_bytes_weights(&g, "w4", "3,37", 0.2f);
    graph_bytes_weights(&g, "w5", "3,37", 0.2f);
    graph_bytes_weights(&g, "b5", "37", 1);
    graph_bytes_weights(&g, "low", "", -0.5f);
    graph_bytes_weights(&g, "high", "1", 0.75f);
    graph_bytes_node(&g, "Transpose", "x", "t", "perm=0,2,3,1");
    graph_bytes_node(&g, "MatMul", "t,w1", "a", NULL);
    graph_bytes_node(&g, "Add", "a,b1", "b", NULL);
    graph_bytes_node(&g, "Add", "t,b", "c", NULL);
    graph_bytes_node(&g, "Relu", "c", "d", NULL);
    graph_bytes_node(&g, "MatMul", "d,w2", "e", NULL);
    graph_bytes_node(&g, "MatMul", "d,w3", "f", NULL);
    graph_bytes_node(&g, "Add", "f,e", "g", NULL);
    graph_bytes_node(&g, "Clip", "g,low,high", "i", NULL);
    graph_bytes_node(&g, "MatMul", "i,w4", "j", NULL);
    graph_bytes_node(&g, "MatMul", "i,w5", "k", NULL);
    graph_bytes_node(&g, "Clip", "k,,high", "l", NULL);
    graph_bytes_node(&g, "Add", "l,b5", "m", NULL);
    graph_bytes_node(&g, "Add", "m,j", "y", NULL);
    check(&g, 24, 4 + 3 + 2);
}

/* Gemm takes a residual and limits behind its own vector, scaled or not. */
static void general_products_add_residuals(void **state)
{
    (void)state;
    struct graph_bytes g;
    open_image(&g, 8, "n,24,h,w");
    graph_bytes_weights(&g, "w1", "24,24", 0.2f);
    graph_bytes_weights(&g, "b1", "24", 1);
    graph_bytes_node(&g, "GlobalAveragePool", "x", "p", NULL);
    graph_bytes_node(&g, "Flatten", "p", "t", NULL);
    graph_bytes_node(&g, "Gemm", "t,w1,b1", "a", NULL);
    graph_bytes_node(&g, "Add", "a,t", "b", NULL);
    graph_bytes_node(&g, "Relu", "b", "c", NULL);
    graph_bytes_node(&g, "Gemm", "c,w1,b1", "d", "transB=1 alpha=0.5 beta=2.0");
    graph_bytes_node(&g, "Add", "c,d", "e", NULL);
    graph_bytes_node(&g, "Clip", "e", "y", NULL);
    check(&g, 24, 6);
}

/* A vector on the right: the last axis of the result is that of the rows. */
static void products_with_vectors_add_along_the_rows(void **state)
{
    (void)state;
    struct graph_bytes g;
    open_image(&g, 9, "n,24,h,w");
    graph_bytes_weights(&g, "w", "40,24", 0.2f);
    graph_bytes_weights(&g, "w3", "2,40,24", 0.2f);
    graph_bytes_weights(&g, "b", "40", 1);
    graph_bytes_node(&g, "ReduceMean", "x", "v", "axes=0,2,3 keepdims=0");
    graph_bytes_node(&g, "MatMul", "w,v", "p", NULL);
    graph_bytes_node(&g, "Add", "p,b", "q", NULL);
    graph_bytes_node(&g, "Relu", "q", "r", NULL);
    graph_bytes_node(&g, "MatMul", "w3,v", "s", NULL);
    graph_bytes_node(&g, "Add", "s,b", "t", NULL);
    graph_bytes_node(&g, "Add", "t,r", "y", NULL);
    check(&g, 24, 3 + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activations_follow),
        cmocka_unit_test(residual_addition_follows_the_later_convolution),
        cmocka_unit_test(depthwise_is_followed),
        cmocka_unit_test(limits_ride_on_the_store),
        cmocka_unit_test(others_stand_alone),
        cmocka_unit_test(products_add_rows),
        cmocka_unit_test(products_add_residuals),
        cmocka_unit_test(general_products_add_residuals),
        cmocka_unit_test(products_with_vectors_add_along_the_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
