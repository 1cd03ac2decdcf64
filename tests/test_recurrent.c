/* test_recurrent.c: RNN, GRU and LSTM: types, shapes, activations with numbers of their own, what is refused, and that both forms
 * of a cell give the same bits. Other numbers are the business of kernel_check_recurrent.c and the backend tests. */
#include "tests/node.h"

#include "runtime/ops/recurrent.h"
#include "runtime/type.h"
#include "tests/cmocka_all.h"
#include "tests/random.h"

#include <string.h>

static void texts(struct test_node *t, const char *name, int count, const char *const *values)
{
    alt_string *s = alt_arena_array(&t->arena, (size_t)count, sizeof *s);
    for (int i = 0; i < count; i++)
        s[i] = (alt_string){values[i], strlen(values[i])};
    node_text(t, name, "");
    t->attr[t->n_attr - 1].type = ALT_ATTR_STRINGS;
    t->attr[t->n_attr - 1].count = count;
    t->attr[t->n_attr - 1].strings = s;
}

static void numbers(struct test_node *t, const char *name, int count, const float *values)
{
    node_float(t, name, 0);
    t->attr[t->n_attr - 1].type = ALT_ATTR_FLOATS;
    t->attr[t->n_attr - 1].count = count;
    t->attr[t->n_attr - 1].floats = values;
}

static void symbolic_shapes(void **state)
{
    (void)state;
    static const struct {
        int64_t layout;
        const char *y, *state;
    } cases[] = {{0, "float32[seq,2,batch,4]", "float32[2,batch,4]"}, {1, "float32[seq,batch,2,4]", "float32[seq,2,4]"}};
    for (int i = 0; i < 2; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_LSTM, 14);
        t.n_out = 3;
        node_int(&t, "hidden_size", 4);
        node_int(&t, "layout", cases[i].layout);
        node_text(&t, "direction", "bidirectional");
        node_in(&t, "float32[seq,batch,3]");
        node_in(&t, "float32[2,16,3]");
        node_in(&t, "float32[2,16,4]");
        node_expect_type(&t, 0, cases[i].y);
        node_expect_type(&t, 1, cases[i].state);
        node_expect_type(&t, 2, cases[i].state);
        node_close(&t);
    }
}

/* Both directions have functions of their own; only those that take an alpha or beta use one up. */
static void activations_of_each_direction(void **state)
{
    (void)state;
    static const char *const names[] = {"Relu", "affine"};
    static const float alpha[] = {3}, beta[] = {0.5f};
    struct test_node t;
    node_open(&t, ALT_OP_RNN, 14);
    node_text(&t, "direction", "bidirectional");
    texts(&t, "activations", 2, names);
    numbers(&t, "activation_alpha", 1, alpha);
    numbers(&t, "activation_beta", 1, beta);
    node_in(&t, "float32[2,1,1] -1 2");
    node_in(&t, "float32[2,1,1] 1 1");
    node_in(&t, "float32[2,1,1] 1 1");
    node_expect(&t, 0, "float32[2,2,1,1] 0 17 2 6.5"); /* backwards: 3 * 2 + 0.5, then 3 * (6.5 - 1) + 0.5 */
    node_close(&t);
}

static void short_sequences(void **state)
{
    (void)state;
    static const char *const relu[] = {"Relu"};
    static const char *const direction[] = {"forward", "reverse"};
    static const char *const y[] = {"float32[3,1,2,1] 1 10 3 0 6 0", "float32[3,1,2,1] 6 10 5 0 3 0"};
    static const char *const h[] = {"float32[1,2,1] 6 10", "float32[1,2,1] 6 10"};
    for (int i = 0; i < 2; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_RNN, 7);
        t.n_out = 2;
        texts(&t, "activations", 1, relu);
        node_text(&t, "direction", direction[i]);
        node_in(&t, "float32[3,2,1] 1 10 2 20 3 30");
        node_in(&t, "float32[1,1,1] 1");
        node_in(&t, "float32[1,1,1] 1");
        node_in(&t, NULL);
        node_in(&t, "int32[2] 3 1");
        node_expect(&t, 0, y[i]);
        node_expect(&t, 1, h[i]);
        node_close(&t);
    }
}

static void refuses_lengths_beyond_the_sequence(void **state)
{
    (void)state;
    static const char *const lengths[] = {"int32[2] 3 -1", "int32[2] 4 1"};
    for (int i = 0; i < 2; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_GRU, 14);
        node_in(&t, "float32[3,2,1] ..");
        node_in(&t, "float32[1,3,1] ..");
        node_in(&t, "float32[1,3,1] ..");
        node_in(&t, NULL);
        node_in(&t, lengths[i]);
        assert_int_equal(node_run(&t), ALT_E_SHAPE);
        node_close(&t);
    }
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *x, *w, *r, *bias, *lengths, *direction;
        int64_t hidden;
        alt_status want;
    } rows[] = {
        {"float32[3,2,5]", "float32[1,8,5]", "float32[1,8,2]", "float32[1,16]", "int32[2]", "forward", 2, ALT_OK},
        {"float32[3,2,5]", "float32[1,8,4]", "float32[1,8,2]", NULL, NULL, "forward", 2, ALT_E_SHAPE},
        {"float32[3,2,5]", "float32[1,8,5]", "float32[1,8,3]", NULL, NULL, "forward", 2, ALT_E_SHAPE},
        {"float32[3,2,5]", "float32[1,8,5]", "float32[1,8,2]", NULL, NULL, "bidirectional", 2, ALT_E_SHAPE},
        {"float32[3,2,5]", "float32[1,8,5]", "float32[1,8,2]", NULL, NULL, "sideways", 2, ALT_E_MODEL},
        {"float32[3,2,5]", "float32[1,8,5]", "float32[1,8,2]", "float32[1,8]", NULL, "forward", 2, ALT_E_SHAPE},
        {"float32[3,2,5]", "float32[1,8,5]", "float32[1,8,2]", NULL, "int32[3]", "forward", 2, ALT_E_SHAPE},
        {"float32[3,2,5]", "float32[1,8,5]", "float32[1,8,2]", NULL, "int64[2]", "forward", 2, ALT_E_MODEL},
        {"float32[3,2,5]", "float64[1,8,5]", "float32[1,8,2]", NULL, NULL, "forward", 2, ALT_E_MODEL},
        {"float32[3,2,5]", "float32[1,8,5]", "float32[1,8,2]", NULL, NULL, "forward", 0, ALT_E_MODEL},
        {"float32[3,2,5]", "float32[1,0,5]", "float32[1,0,0]", NULL, NULL, "forward", -1, ALT_E_SHAPE},
        {"float32[3,2]", "float32[1,8,5]", "float32[1,8,2]", NULL, NULL, "forward", 2, ALT_E_SHAPE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct test_node t;
        node_open(&t, ALT_OP_LSTM, 14);
        if (rows[i].hidden >= 0)
            node_int(&t, "hidden_size", rows[i].hidden);
        node_text(&t, "direction", rows[i].direction);
        node_in(&t, rows[i].x);
        node_in(&t, rows[i].w);
        node_in(&t, rows[i].r);
        node_in(&t, rows[i].bias);
        node_in(&t, rows[i].lengths);
        assert_int_equal(node_infer(&t), rows[i].want);
        node_close(&t);
    }
}

static void refuses_unknown_functions(void **state)
{
    (void)state;
    static const char *const names[] = {"Sigmoid", "Tanh", "Sine", "Tanh"};
    for (int count = 2; count <= 4; count++) { /* too few, one that does not exist, too many */
        struct test_node t;
        node_open(&t, ALT_OP_LSTM, 14);
        texts(&t, "activations", count, names);
        node_in(&t, "float32[3,2,5]");
        node_in(&t, "float32[1,8,5]");
        node_in(&t, "float32[1,8,2]");
        assert_int_equal(node_infer(&t), ALT_E_MODEL);
        node_close(&t);
    }
}

enum { MOST = 67 };

/* One sequence at one step. */
struct rows {
    float gate[4 * MOST], recurrent[4 * MOST], bias[4 * MOST], reset_bias[MOST], h[MOST], c[MOST], part[MOST];
};

/* Mostly small numbers, and some that saturate every function. */
static void fill(struct rows *r, uint64_t seed)
{
    struct rng rng = rng_seed(seed);
    float x[sizeof *r / sizeof(float)];
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (float)rng_range(&rng, -40000, 40000) / (rng_range(&rng, 0, 9) ? 10000 : 100);
    memcpy(r, x, sizeof x);
}

/* A step of the usual cell, or of one that differs by a clip that no number reaches. */
static alt_cell_fn *run_cell(enum alt_op op, bool linear, bool clipped, int64_t hidden, struct rows *r)
{
    const struct alt_node node = {.op = op};
    struct alt_cell cell = {.math = alt_row_math(ALT_WIDE_F32), .wide = ALT_WIDE_F32, .hidden = hidden, .real = sizeof(float),
                            .linear_before_reset = linear, .clipped = clipped, .clip = 1e30};
    const struct alt_cell_row row = {.gate = (char *)r->gate, .recurrent = (char *)r->recurrent, .bias = (char *)r->bias,
                                     .reset_bias = (char *)r->reset_bias, .h = (char *)r->h, .c = (char *)r->c,
                                     .part = (char *)r->part};
    struct alt_activation activation[1][3];
    assert_null(alt_activations_read(&node, ALT_WIDE_F32, 1, op == ALT_OP_LSTM ? 3 : 2, activation));
    memcpy(cell.activation, activation, sizeof activation);
    alt_cell_choose(&cell, op, false);
    if (cell.reset)
        cell.reset(&cell, &row);
    cell.step(&cell, &row);
    return cell.step;
}

static void fused_cells_give_the_same_bits(void **state)
{
    (void)state;
    static const int64_t extents[] = {1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 31, 32, 64, MOST};
    static const struct {
        enum alt_op op;
        bool linear;
    } cells[] = {{ALT_OP_LSTM, false}, {ALT_OP_GRU, false}, {ALT_OP_GRU, true}};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        for (size_t j = 0; j < 20 * sizeof extents / sizeof *extents; j++) {
            const int64_t hidden = extents[j / 20];
            struct rows usual, other;
            fill(&usual, j);
            fill(&other, j);
            assert_ptr_not_equal(run_cell(cells[i].op, cells[i].linear, false, hidden, &usual),
                                 run_cell(cells[i].op, cells[i].linear, true, hidden, &other));
            assert_memory_equal(usual.h, other.h, sizeof usual.h);
            assert_memory_equal(usual.c, other.c, sizeof usual.c);
            if (cells[i].op == ALT_OP_GRU && !cells[i].linear)
                assert_memory_equal(usual.part, other.part, sizeof usual.part);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbolic_shapes),
        cmocka_unit_test(activations_of_each_direction),
        cmocka_unit_test(short_sequences),
        cmocka_unit_test(refuses_lengths_beyond_the_sequence),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(refuses_unknown_functions),
        cmocka_unit_test(fused_cells_give_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
