/* test_turn.c: runs that wait: the queue, how many contexts and threads many callers lead to, and how a run that waits ends early.
 *
 * usage: test_turn [EXTENT of the products that callers ask for; default 800] */
#include "runtime/cpu.h"
#include "runtime/model.h"
#include "runtime/pool.h"
#include "runtime/session.h"
#include "tests/cmocka_all.h"
#include "tests/graph_bytes.h"

#include <alt/alt.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CALLERS = 16, RUNS = 2, ENDLESS = 4000 };
#define MS INT64_C(1000000)

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t long_extent; /* of a product that takes some ms on any core */

/* ---- the queue ---- */

static void long_runs_take_turns(void **state)
{
    (void)state;
    struct alt_turns turns;
    alt_turns_init(&turns, 2);
    assert_true(alt_turns_room(&turns, 1));
    assert_false(alt_turns_room(&turns, 2));
    alt_turns_note(&turns, 50 * MS); /* and it stays so */
    assert_false(alt_turns_room(&turns, 2));
    alt_turns_note(&turns, MS / 10);
    assert_true(alt_turns_room(&turns, 2)); /* short ones do not */
    assert_true(alt_turns_room(&turns, 100));
    alt_turns_note(&turns, 50 * MS); /* one long run may have lost its core */
    assert_true(alt_turns_room(&turns, 2));
    for (int i = 0; i < 100; i++)
        alt_turns_note(&turns, 50 * MS);
    assert_false(alt_turns_room(&turns, 2));
    for (int i = 0; i < 100000; i++)
        alt_turns_note(&turns, INT64_MAX); /* does not overflow */
    assert_false(alt_turns_room(&turns, 2));
}

static void the_queue_is_in_order(void **state)
{
    (void)state;
    struct alt_turns turns;
    struct alt_turn a, b, c;
    alt_turns_init(&turns, 1);
    alt_turns_call(&turns); /* nobody: nothing */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(alt_turn_join(&turns, &a), ALT_OK);
        assert_int_equal(alt_turn_join(&turns, &b), ALT_OK);
        assert_int_equal(alt_turn_join(&turns, &c), ALT_OK);
        assert_ptr_equal(turns.first, &a);
        alt_turn_leave(&turns, &b);
        alt_turn_leave(&turns, &a);
        assert_ptr_equal(turns.first, &c);
        assert_int_equal(alt_turn_join(&turns, &a), ALT_OK);
        alt_turn_leave(&turns, &a);
        alt_turn_leave(&turns, &c);
        assert_null(turns.first);
    }
}

/* ---- sessions ---- */

struct fixture {
    struct graph_bytes bytes;
    alt_model *model;
    alt_session *session;
    alt_value *x;
    alt_value *expected;
    _Atomic int failed;
    alt_cancel *cancel;
};

/* y = x x, with x of `extent` by `extent`. */
static void open_product(struct fixture *f, int64_t extent, const alt_session_options *options)
{
    char dims[64];
    memset(f, 0, sizeof *f);
    snprintf(dims, sizeof dims, "%d,%d", (int)extent, (int)extent);
    graph_bytes_open(&f->bytes, 1);
    graph_bytes_input(&f->bytes, "x", ALT_FLOAT32, dims);
    graph_bytes_node(&f->bytes, "MatMul", "x,x", "y", NULL);
    graph_bytes_output(&f->bytes, "y", ALT_FLOAT32);
    graph_bytes_finish(&f->bytes, 13);
    alt_error *error = NULL;
    if (alt_model_load_memory(f->bytes.model.data, f->bytes.model.size, NULL, &f->model, &error) != ALT_OK ||
        alt_session_create(f->model, options, &f->session, &error) != ALT_OK)
        fail_msg("%s", alt_error_text(error));
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 2, (const int64_t[]){extent, extent}, &f->x), ALT_OK);
    float *x = alt_value_data(f->x);
    for (size_t i = 0; i < alt_value_count(f->x); i++)
        x[i] = (float)((i * 2654435761u) % 1000) / 500.0f - 1.0f;
    assert_int_equal(alt_cancel_create(&f->cancel), ALT_OK);
}

static void close_product(struct fixture *f)
{
    alt_value_release(f->expected);
    alt_value_release(f->x);
    alt_session_free(f->session);
    alt_model_free(f->model);
    alt_cancel_free(f->cancel);
    graph_bytes_close(&f->bytes);
}

static alt_status run_once(struct fixture *f, const alt_run_options *options, alt_value **y)
{
    return alt_session_run(f->session, options, (const alt_value *const *)&f->x, 1, y, 1, NULL);
}

static void *call(void *context)
{
    struct fixture *f = context;
    for (int i = 0; i < RUNS; i++) {
        alt_value *y = NULL;
        if (run_once(f, NULL, &y) != ALT_OK ||
            memcmp(alt_value_data(y), alt_value_data(f->expected), alt_value_bytes(y)) != 0)
            atomic_fetch_add(&f->failed, 1);
        alt_value_release(y);
    }
    return NULL;
}

/* Contexts that the session has after all callers have made their runs. */
static int contexts_after_calls(const alt_session_options *options)
{
    struct fixture f;
    pthread_t caller[CALLERS];
    alt_stats stats = {.size = sizeof stats};
    struct alt_pool *pool = NULL;
    open_product(&f, long_extent, options);
    assert_int_equal(run_once(&f, NULL, &f.expected), ALT_OK);
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&caller[i], NULL, call, &f), 0);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(caller[i], NULL);
    assert_int_equal(f.failed, 0);
    assert_int_equal(alt_session_stats(f.session, &stats), ALT_OK);
    assert_int_equal(stats.runs, CALLERS * RUNS + 1);
    assert_int_equal(alt_pool_acquire(&pool), ALT_OK);
    assert_true(alt_pool_workers(pool) < alt_cpu_affinity());
    alt_pool_release(pool);
    close_product(&f);
    return (int)stats.contexts;
}

/* A context, that is an arena, a core and one, and no thread that has no core, whatever is asked for. */
static void many_callers_share_contexts(void **state)
{
    (void)state;
    const alt_session_options few = {.size = sizeof few, .threads = 1}, many = {.size = sizeof many, .threads = 8};
    assert_in_range(contexts_after_calls(&few), 1, alt_turns_limit(alt_cpu_cores()));
    assert_in_range(contexts_after_calls(&many), 1, alt_turns_limit(alt_cpu_cores()));
}

static void one_context_serves_all(void **state)
{
    (void)state;
    const alt_session_options options = {.size = sizeof options, .threads = 1, .max_contexts = 1};
    assert_int_equal(contexts_after_calls(&options), 1);
}

static int under_way(struct fixture *f)
{
    pthread_mutex_lock(&f->session->mutex);
    const int n = f->session->under_way;
    pthread_mutex_unlock(&f->session->mutex);
    return n;
}

static void *run_until_cancelled(void *context)
{
    struct fixture *f = context;
    const alt_run_options options = {.size = sizeof options, .cancel = f->cancel};
    alt_value *y = NULL;
    atomic_fetch_add(&f->failed, run_once(f, &options, &y) != ALT_E_CANCELLED);
    return NULL;
}

/* While one run has the only context, others wait, each as it asked to. */
static void a_run_that_waits_can_be_stopped(void **state)
{
    (void)state;
    for (int impatient = 0; impatient < 2; impatient++) {
        struct fixture f;
        const alt_session_options options = {
            .size = sizeof options, .threads = 1, .max_contexts = 1, .fail_when_busy = impatient};
        pthread_t first, second;
        alt_value *y = NULL;
        open_product(&f, ENDLESS, &options);
        assert_int_equal(pthread_create(&first, NULL, run_until_cancelled, &f), 0);
        while (under_way(&f) == 0)
            sched_yield();
        const alt_run_options soon = {.size = sizeof soon, .deadline_ns = now_ns() + 20 * MS};
        assert_int_equal(run_once(&f, &soon, &y), impatient ? ALT_E_BUSY : ALT_E_DEADLINE);
        assert_int_equal(under_way(&f), 1);
        if (!impatient)
            assert_int_equal(pthread_create(&second, NULL, run_until_cancelled, &f), 0);
        alt_cancel_trigger(f.cancel); /* the one under way and the one that waits */
        pthread_join(first, NULL);
        if (!impatient)
            pthread_join(second, NULL);
        assert_int_equal(f.failed, 0);
        assert_null(f.session->turns.first);
        close_product(&f);
    }
}

int main(int argc, char **argv)
{
    long_extent = argc > 1 ? atoi(argv[1]) : 800;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_runs_take_turns),
        cmocka_unit_test(the_queue_is_in_order),
        cmocka_unit_test(many_callers_share_contexts),
        cmocka_unit_test(one_context_serves_all),
        cmocka_unit_test(a_run_that_waits_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
