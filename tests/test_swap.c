/* test_swap.c: plans are exchanged while callers run: every answer is one plan's, no run waits or allocates for it, nothing
 * is left behind. Meant for the thread sanitizer above all. */
#include "runtime/session.h"
#include "tests/fail_alloc.h"
#include "tests/graph_bytes.h"

#include <alt/alt.h>

#include "tests/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

enum { CALLERS = 8, SWAPS = 1000, SHAPES = 2, CLASSES = 10 };

struct swap_test {
    struct fail_alloc memory;
    struct graph_bytes bytes;
    alt_model *model;
    alt_session *session;
    alt_value *input[SHAPES];
    float expected[2][SHAPES][4 * CLASSES]; /* by policy */
    _Atomic bool stop;
    _Atomic uint64_t answers, wrong, failed;
};

static const int64_t batch_of[SHAPES] = {1, 4};

static alt_value *make_input(int64_t batch)
{
    alt_value *v;
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 4, (const int64_t[]){batch, 3, 16, 16}, &v), ALT_OK);
    float *x = alt_value_data(v);
    for (size_t i = 0; i < alt_value_count(v); i++)
        x[i] = (float)((i * 2654435761u) % 1000) / 500.0f - 1.0f;
    return v;
}

static void publish(struct swap_test *t, enum alt_layout_policy policy)
{
    struct alt_program_spec spec = alt_session_spec(t->session);
    struct alt_plan *plan;
    spec.policy = policy;
    assert_int_equal(alt_plan_create(&spec, NULL, &plan), ALT_OK);
    assert_int_equal(alt_session_publish(t->session, plan, NULL), ALT_OK);
}

static void setup(struct swap_test *t)
{
    memset(t, 0, sizeof *t);
    fail_alloc_init(&t->memory, 0, false);
    graph_bytes_convnet(&t->bytes);
    alt_error *error = NULL;
    const alt_model_options mo = {.size = sizeof mo, .allocator = &t->memory.hooks};
    if (alt_model_load_memory(t->bytes.model.data, t->bytes.model.size, &mo, &t->model, &error) != ALT_OK)
        fail_msg("%s", alt_error_text(error));
    const alt_session_options so = {.size = sizeof so, .allocator = &t->memory.hooks, .threads = 2};
    if (alt_session_create(t->model, &so, &t->session, &error) != ALT_OK)
        fail_msg("%s", alt_error_text(error));
    for (int s = 0; s < SHAPES; s++)
        t->input[s] = make_input(batch_of[s]);
    for (int policy = 0; policy < 2; policy++) {
        publish(t, (enum alt_layout_policy)policy);
        for (int s = 0; s < SHAPES; s++) {
            alt_value *y = NULL;
            const alt_value *x = t->input[s];
            assert_int_equal(alt_session_run(t->session, NULL, &x, 1, &y, 1, NULL), ALT_OK);
            assert_int_equal(alt_value_count(y), batch_of[s] * CLASSES);
            memcpy(t->expected[policy][s], alt_value_data(y), alt_value_bytes(y));
            alt_value_release(y);
        }
    }
}

static void teardown(struct swap_test *t)
{
    alt_session_free(t->session);
    alt_model_free(t->model);
    for (int s = 0; s < SHAPES; s++)
        alt_value_release(t->input[s]);
    graph_bytes_close(&t->bytes);
    assert_int_equal(t->memory.blocks, 0);
    assert_int_equal(t->memory.faults, 0);
}

static void check_answer(struct swap_test *t, int s, const alt_value *y)
{
    size_t bytes = alt_value_bytes(y);
    const void *data = alt_value_data_const(y);
    if (memcmp(data, t->expected[0][s], bytes) != 0 && memcmp(data, t->expected[1][s], bytes) != 0)
        atomic_fetch_add(&t->wrong, 1);
    atomic_fetch_add(&t->answers, 1);
}

/* Half of the callers bring their own answers' memory, half take the session's. */
static void *call(void *context)
{
    struct swap_test *t = context;
    alt_value *own[SHAPES] = {NULL};
    bool bring = atomic_fetch_add(&t->answers, 1) % 2;
    for (int s = 0; s < SHAPES && bring; s++)
        if (alt_value_tensor(NULL, ALT_FLOAT32, 2, (const int64_t[]){batch_of[s], CLASSES}, &own[s]) != ALT_OK)
            atomic_fetch_add(&t->failed, 1);
    for (int i = 0; !atomic_load(&t->stop); i++) {
        int s = i % SHAPES;
        alt_value *y = own[s];
        const alt_value *x = t->input[s];
        if (alt_session_run(t->session, NULL, &x, 1, &y, 1, NULL) != ALT_OK) {
            atomic_fetch_add(&t->failed, 1);
            continue;
        }
        check_answer(t, s, y);
        if (!own[s])
            alt_value_release(y);
    }
    for (int s = 0; s < SHAPES; s++)
        alt_value_release(own[s]);
    return NULL;
}

/* The session keeps as many answers as callers can hold at once. */
static void fill_answers(struct swap_test *t)
{
    alt_value *held[CALLERS][SHAPES];
    for (int c = 0; c < CALLERS; c++)
        for (int s = 0; s < SHAPES; s++) {
            const alt_value *x = t->input[s];
            held[c][s] = NULL;
            assert_int_equal(alt_session_run(t->session, NULL, &x, 1, &held[c][s], 1, NULL), ALT_OK);
        }
    for (int c = 0; c < CALLERS; c++)
        for (int s = 0; s < SHAPES; s++)
            alt_value_release(held[c][s]);
}

static uint64_t run_allocations(const alt_session *session)
{
    alt_stats stats = {.size = sizeof stats};
    assert_int_equal(alt_session_stats(session, &stats), ALT_OK);
    return stats.run_allocations;
}

static void test_swap_while_running(void **state)
{
    (void)state;
    struct swap_test t;
    pthread_t caller[CALLERS];
    setup(&t);
    fill_answers(&t);
    uint64_t before = run_allocations(t.session);
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&caller[i], NULL, call, &t), 0);
    for (int i = 0; i < SWAPS; i++)
        publish(&t, i % 2 ? ALT_LAYOUT_PLAIN : ALT_LAYOUT_BLOCKED);
    atomic_store(&t.stop, true);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(caller[i], NULL);
    alt_stats stats = {.size = sizeof stats};
    assert_int_equal(alt_session_stats(t.session, &stats), ALT_OK);
    print_message("%llu answers across %llu swaps\n", (unsigned long long)t.answers, (unsigned long long)stats.swaps);
    assert_int_equal(t.wrong, 0);
    assert_int_equal(t.failed, 0);
    assert_true(t.answers > CALLERS);
    assert_int_equal(stats.swaps, SWAPS + 2);
    assert_int_equal(stats.run_allocations - before, 0);
    assert_int_equal(alt_session_collect(t.session), 0);
    teardown(&t);
}

/* The two plans differ in layouts: otherwise the test above would prove little. */
static void test_plans_differ(void **state)
{
    (void)state;
    struct swap_test t;
    setup(&t);
    publish(&t, ALT_LAYOUT_PLAIN);
    int blocked = 0;
    for (int i = 0; i < t.session->plan->program->n_values; i++)
        assert_null(t.session->plan->program->value[i].layout);
    publish(&t, ALT_LAYOUT_BLOCKED);
    for (int i = 0; i < t.session->plan->program->n_values; i++)
        blocked += t.session->plan->program->value[i].layout != NULL;
    assert_true(blocked > 4);
    teardown(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plans_differ), cmocka_unit_test(test_swap_while_running)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
