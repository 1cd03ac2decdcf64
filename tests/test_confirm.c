/* test_confirm.c: confirmation on live runs where there is nothing to win: the candidate is the default plan built once more.
 * At most one in a hundred may be adopted; and each one ends.
 *
 * usage: test_confirm TIMES. Environment: ALT_TEST_ROOT. */
#include "tests/cmocka_all.h"
#include "tests/processes.h"

#include "tuner/tuner.h"

#include <alt/alt.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLERS = 2, IMAGES = 16, UNKNOWN = 1 };

static int confirmations = 1000; /* a few are adopted: memory that lies better is a win, too */

struct served {
    alt_model *model;
    alt_session *session;
    alt_value *input;
    _Atomic bool stop;
    _Atomic uint64_t failed;
};

static void *call(void *context)
{
    struct served *s = context;
    const alt_value *inputs[] = {s->input};
    while (!atomic_load(&s->stop)) {
        alt_value *outputs[4] = {NULL};
        const size_t n = alt_model_output_count(s->model);
        if (alt_session_run(s->session, NULL, inputs, 1, outputs, n, NULL) != ALT_OK)
            atomic_fetch_add(&s->failed, 1);
        for (size_t i = 0; i < n; i++)
            alt_value_release(outputs[i]);
    }
    return NULL;
}

static void open_served(struct served *s)
{
    const int64_t dims[] = {IMAGES, 1, 8, 8};
    char path[4096];
    memset(s, 0, sizeof *s);
    snprintf(path, sizeof path, "%s/samples/models/digits.onnx", getenv("ALT_TEST_ROOT"));
    assert_int_equal(alt_model_load(path, NULL, &s->model, NULL), ALT_OK);
    assert_int_equal(alt_session_create(s->model, NULL, &s->session, NULL), ALT_OK);
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 4, dims, &s->input), ALT_OK);
    float *image = alt_value_data(s->input);
    for (int i = 0; i < IMAGES * 64; i++)
        image[i] = (float)(i * 7 % 17) / 16;
}

/* A tuner without a thread of its own: the test is its thread. */
static struct alt_tuner *open_tuner(struct served *s)
{
    const alt_value *example[] = {s->input};
    const alt_tuning_options o = {
        .size = sizeof o, .mode = ALT_TUNE_REPLAY, .budget_s = 1e6, .share = 1, .cache = "", .example = example};
    assert_int_equal(alt_session_tune(s->session, &o, NULL), ALT_OK);
    struct alt_tuner *t = s->session->guest.object;
    assert_true(t->n_subjects > 0);
    return t;
}

static void equal_plans_are_not_adopted(void **state)
{
    (void)state;
    struct served s;
    pthread_t caller[CALLERS];
    int adopted = 0;
    open_served(&s);
    struct alt_tuner *t = open_tuner(&s);
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&caller[i], NULL, call, &s), 0);
    for (int i = 0; i < confirmations; i++) {
        t->subject[0].candidate = UNKNOWN; /* no kernel has this tag: the default ones are taken */
        if (alt_confirm(t)) {
            adopted++;
            alt_session_withdraw(s.session);
        }
    }
    atomic_store(&s.stop, true);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(caller[i], NULL);
    const alt_tuning_report r = t->report;
    print_message("%d of %d adopted\n", adopted, confirmations);
    assert_int_equal(r.failure[0], '\0');
    assert_int_equal(r.refused + (uint32_t)adopted, confirmations);
    assert_true(adopted <= (confirmations < 200 ? 2 : confirmations / 100));
    assert_int_equal(atomic_load(&s.failed), 0);
    alt_session_free(s.session);
    alt_model_free(s.model);
    alt_value_release(s.input);
}

int main(int argc, char **argv)
{
    if (!getenv("ALT_TEST_ROOT"))
        return 77;
    if (argc > 1)
        confirmations = atoi(argv[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(equal_plans_are_not_adopted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
