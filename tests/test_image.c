/* test_image.c: the experimental ImageScaler, Crop and Affine. */
#include "tests/node.h"

#include "tests/cmocka_all.h"

/* bias as a list of floats. */
static void scaler(struct test_node *t, float scale, int biases)
{
    static const float bias[] = {-1, 10, 100};
    node_open(t, ALT_OP_IMAGE_SCALER, 7);
    node_float(t, "scale", scale);
    node_float(t, "bias", 0);
    t->attr[t->n_attr - 1].type = ALT_ATTR_FLOATS;
    t->attr[t->n_attr - 1].count = biases;
    t->attr[t->n_attr - 1].floats = bias;
}

static void scales_images(void **state)
{
    (void)state;
    struct test_node t;
    scaler(&t, 2, 2);
    node_in(&t, "float32[2,2,1,2] ..");
    node_expect(&t, 0, "float32[2,2,1,2] -1 1 14 16 7 9 22 24");
    node_close(&t);
    scaler(&t, 0.5f, 3);
    node_in(&t, "float64[1,3,1,1] 1 2 3");
    node_expect(&t, 0, "float64[1,3,1,1] -0.5 11 101.5");
    node_close(&t);
    scaler(&t, 1, 3);
    node_in(&t, "float32[1,2,1,1] ..");
    assert_int_equal(node_run(&t), ALT_E_SHAPE); /* one bias too many */
    node_close(&t);
}

static void crops_images(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_CROP, 7);
    node_ints(&t, "border", 4, (int64_t[]){1, 0, 2, 1}); /* left, top, right, bottom */
    node_in(&t, "float32[1,2,2,4] ..");
    node_expect(&t, 0, "float32[1,2,1,1] 1 9");
    node_close(&t);
    node_open(&t, ALT_OP_CROP, 7);
    node_ints(&t, "border", 4, (int64_t[]){1, 1, 0, 0});
    node_ints(&t, "scale", 2, (int64_t[]){1, 2}); /* height, width */
    node_in(&t, "float32[1,1,3,4] ..");
    node_expect(&t, 0, "float32[1,1,1,2] 5 6");
    node_close(&t);
    node_open(&t, ALT_OP_CROP, 7);
    node_ints(&t, "border", 4, (int64_t[]){1, 1, 1, 1});
    node_in(&t, "float32[batch,3,h,9]");
    node_expect_type(&t, 0, "float32[batch,3,h-2,7]");
    node_close(&t);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        int64_t border[4], size[2];
        int sizes;
        alt_status want;
    } rows[] = {
        {{2, 0, 3, 0}, {0}, 0, ALT_E_SHAPE},          {{-1, 0, 0, 0}, {0}, 0, ALT_E_MODEL},
        {{0, 0, 0, 0}, {3, 1}, 2, ALT_E_SHAPE},       {{0, 0, 0, 0}, {1, -1}, 2, ALT_E_MODEL},
        {{INT64_MAX, 0, 0, 0}, {0}, 0, ALT_E_MODEL},  {{0, 0, 0, 0}, {1}, 1, ALT_E_MODEL},
        {{1, 0, 0, 0}, {2, INT64_MAX}, 2, ALT_E_SHAPE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_CROP, 7);
        node_ints(&t, "border", 4, rows[i].border);
        node_ints(&t, "scale", rows[i].sizes, rows[i].size);
        node_in(&t, "float32[1,1,2,4] ..");
        assert_int_equal(node_run(&t), rows[i].want);
        node_close(&t);
    }
}

static void affine_is_a_line(void **state)
{
    (void)state;
    struct test_node t;
    node_open(&t, ALT_OP_AFFINE, 7);
    node_float(&t, "alpha", 3);
    node_float(&t, "beta", -1);
    node_in(&t, "float32[3] ..");
    node_expect(&t, 0, "float32[3] -1 2 5");
    node_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scales_images),
        cmocka_unit_test(crops_images),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(affine_is_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
