/* test_wave.c: which steps run without a barrier between them, and that they answer as steps one after another do. */
#include "runtime/session.h"
#include "runtime/wave.h"
#include "tests/cmocka_all.h"
#include "tests/graph_bytes.h"

#include <alt/alt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 61, COLUMNS = 48 };

static void open_rows(struct graph_bytes *g)
{
    graph_bytes_open(g, 1);
    graph_bytes_input(g, "x", ALT_FLOAT32, "n,48");
    graph_bytes_output(g, "y", ALT_FLOAT32);
    for (int i = 1; i <= 4; i++) {
        char name[] = {'w', (char)('0' + i), 0};
        graph_bytes_weights(g, name, "48,48", 0.2f);
    }
}

/* The answer's bytes, which the caller frees. Whoever watches gets one step at a time. */
static void *answer(alt_session *session, alt_step_fn on_step, size_t *bytes)
{
    const alt_run_options options = {.size = sizeof options, .on_step = on_step};
    alt_value *in, *out = NULL;
    alt_error *error = NULL;
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 2, (int64_t[]){ROWS, COLUMNS}, &in), ALT_OK);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        ((float *)alt_value_data(in))[i] = (float)(i * 7919 % 2001 - 1000) / 250;
    if (alt_session_run(session, &options, (const alt_value *const *)&in, 1, &out, 1, &error) != ALT_OK)
        fail_msg("%s", alt_error_text(error));
    *bytes = alt_value_bytes(out);
    void *copy = malloc(*bytes);
    assert_non_null(copy);
    memcpy(copy, alt_value_data(out), *bytes);
    alt_value_release(in);
    alt_value_release(out);
    return copy;
}

static void ignore_step(void *context, const alt_step_report *report) { (void)context, (void)report; }

/* Steps of the graph's waves, those without anything to run left out: `wanted` ends with 0. Closes `g`. */
static void check(struct graph_bytes *g, const int *wanted)
{
    const alt_session_options options = {.size = sizeof options, .threads = 2};
    alt_model *model;
    alt_session *session;
    alt_error *error = NULL;
    size_t bytes, same;
    graph_bytes_finish(g, 14);
    if (alt_model_load_memory(g->model.data, g->model.size, NULL, &model, &error) != ALT_OK ||
        alt_session_create(model, &options, &session, &error) != ALT_OK)
        fail_msg("%s", alt_error_text(error));
    void *alone = answer(session, ignore_step, &bytes);
    for (int run = 0; run < 20; run++) {
        void *together = answer(session, NULL, &same);
        assert_int_equal(same, bytes);
        assert_memory_equal(together, alone, bytes);
        free(together);
    }
    free(alone);
    for (const struct alt_binding *b = session->plan->bindings.first; b; b = b->next.first)
        for (int s = b->first; s < b->end; s += b->step[s - b->first].wave) {
            int steps = 0;
            assert_true(b->step[s - b->first].wave > 0);
            for (int k = 0; k < b->step[s - b->first].wave; k++)
                steps += !b->step[s + k - b->first].skip;
            if (steps)
                assert_int_equal(steps, *wanted++);
        }
    assert_int_equal(*wanted, 0);
    alt_session_free(session);
    alt_model_free(model);
    graph_bytes_close(g);
}

/* Three readers of one value, one through a view; what reads them waits. */
static void readers_of_one_value(void **state)
{
    (void)state;
    struct graph_bytes g;
    open_rows(&g);
    graph_bytes_node(&g, "MatMul", "x,w1", "a", NULL);
    graph_bytes_node(&g, "Transpose", "x", "t", NULL);
    graph_bytes_node(&g, "MatMul", "w2,t", "b", NULL);
    graph_bytes_node(&g, "MatMul", "x,w3", "c", NULL);
    graph_bytes_node(&g, "Mul", "a,c", "d", NULL);
    graph_bytes_node(&g, "MatMul", "d,b", "y", NULL);
    check(&g, (int[]){3, 1, 1, 0});
}

/* c would only have to wait for x, but lies where a did, which b reads. */
static void memory_that_is_used_again(void **state)
{
    (void)state;
    struct graph_bytes g;
    open_rows(&g);
    graph_bytes_node(&g, "MatMul", "x,w1", "a", NULL);
    graph_bytes_node(&g, "MatMul", "a,w2", "b", NULL);
    graph_bytes_node(&g, "MatMul", "x,w3", "c", NULL);
    graph_bytes_node(&g, "MatMul", "c,w4", "d", NULL);
    graph_bytes_node(&g, "Mul", "b,d", "y", NULL);
    check(&g, (int[]){1, 1, 1, 1, 1, 0});
}

/* c overwrites a in place, which b reads. */
static void writing_in_place(void **state)
{
    (void)state;
    struct graph_bytes g;
    open_rows(&g);
    graph_bytes_node(&g, "Sigmoid", "x", "a", NULL);
    graph_bytes_node(&g, "MatMul", "a,w1", "b", NULL);
    graph_bytes_node(&g, "Tanh", "a", "c", NULL);
    graph_bytes_node(&g, "Mul", "b,c", "y", NULL);
    check(&g, (int[]){1, 1, 1, 1, 0});
}

/* No more than a wave holds. */
static void many_steps(void **state)
{
    (void)state;
    struct graph_bytes g;
    char names[ALT_WAVE_STEPS + 2][16], all[512] = "";
    open_rows(&g);
    for (int i = 0; i < ALT_WAVE_STEPS + 2; i++) {
        snprintf(names[i], sizeof names[i], "v%d", i);
        strcat(strcat(all, i ? "," : ""), names[i]);
        char weights[16], in[32];
        snprintf(weights, sizeof weights, "u%d", i);
        snprintf(in, sizeof in, "x,%s", weights);
        graph_bytes_weights(&g, weights, "48,48", 0.2f);
        graph_bytes_node(&g, "MatMul", in, names[i], NULL);
    }
    graph_bytes_node(&g, "Max", all, "y", NULL);
    check(&g, (int[]){ALT_WAVE_STEPS, 2, 1, 0});
}

/* A step on the host is a wave of its own. */
static void steps_on_the_host(void **state)
{
    (void)state;
    struct graph_bytes g;
    open_rows(&g);
    graph_bytes_node(&g, "MatMul", "x,w1", "a", NULL);
    graph_bytes_node(&g, "NonZero", "x", "i", NULL);
    graph_bytes_node(&g, "MatMul", "x,w2", "b", NULL);
    graph_bytes_node(&g, "Cast", "i", "f", "to=1");
    graph_bytes_node(&g, "ReduceMax", "f", "m", "keepdims=0");
    graph_bytes_node(&g, "Mul", "a,m", "c", NULL);
    graph_bytes_node(&g, "Add", "b,c", "y", NULL);
    check(&g, (int[]){1, 1, 2, 1, 1, 1, 0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_of_one_value), cmocka_unit_test(memory_that_is_used_again), cmocka_unit_test(writing_in_place),
        cmocka_unit_test(many_steps), cmocka_unit_test(steps_on_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
