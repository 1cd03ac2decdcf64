/* test_tuning.c: a session that is tuned, end to end, with the real helper programs: exploring comes to its end, answers stay what
 * they were, and what is missing is said.
 *
 * Environment: ALT_WORKER, ALT_TRIAL, ALT_TEST_ROOT. */
#include "tests/cmocka_all.h"
#include "tests/processes.h"

#include "tuner/tuner.h"

#include <alt/alt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IMAGES = 3, CLASSES = 10, LIMIT_S = 60 };

struct served {
    alt_model *model;
    alt_session *session;
    alt_value *input;
    float first[IMAGES * CLASSES]; /* the answer before tuning */
};

static void answer(struct served *s, float *out)
{
    const alt_value *inputs[] = {s->input};
    alt_value *outputs[4] = {NULL};
    size_t n = alt_model_output_count(s->model);
    assert_true(n >= 1 && n <= 4);
    assert_int_equal(alt_session_run(s->session, NULL, inputs, 1, outputs, n, NULL), ALT_OK);
    assert_int_equal(alt_value_bytes(outputs[0]), IMAGES * CLASSES * sizeof *out);
    memcpy(out, alt_value_data_const(outputs[0]), IMAGES * CLASSES * sizeof *out);
    for (size_t i = 0; i < n; i++)
        alt_value_release(outputs[i]);
}

static int serve(void **state)
{
    static struct served s;
    const int64_t dims[] = {IMAGES, 1, 8, 8};
    char path[4096];
    *state = &s;
    snprintf(path, sizeof path, "%s/samples/models/digits.onnx", getenv("ALT_TEST_ROOT"));
    if (alt_model_load(path, NULL, &s.model, NULL) != ALT_OK ||
        alt_session_create(s.model, NULL, &s.session, NULL) != ALT_OK ||
        alt_value_tensor(NULL, ALT_FLOAT32, 4, dims, &s.input) != ALT_OK)
        return -1;
    float *image = alt_value_data(s.input);
    for (int i = 0; i < IMAGES * 64; i++)
        image[i] = (float)(i * 7 % 17) / 16;
    answer(&s, s.first);
    return 0;
}

static int end(void **state)
{
    struct served *s = *state;
    double begin = process_now();
    alt_session_free(s->session);
    alt_model_free(s->model);
    alt_value_release(s->input);
    return process_child(getpid(), NULL) != 0 || process_now() - begin > 10;
}

static void check_answer(struct served *s)
{
    float now[IMAGES * CLASSES];
    answer(s, now);
    for (int i = 0; i < IMAGES * CLASSES; i++)
        assert_float_equal(now[i], s->first[i], 1e-4);
}

/* Runs until tuning is done. */
static alt_tuning_report run_on(struct served *s)
{
    alt_tuning_report r = {.size = sizeof r};
    double begin = process_now();
    do {
        check_answer(s);
        process_pause(1);
        assert_int_equal(alt_session_tuning(s->session, &r), ALT_OK);
    } while (r.phase != ALT_TUNING_DONE && process_now() - begin < LIMIT_S);
    assert_int_equal(r.phase, ALT_TUNING_DONE);
    return r;
}

static void tuning_explores_and_answers_stay(void **state)
{
    struct served *s = *state;
    const alt_tuning_options o = {.size = sizeof o, .mode = ALT_TUNE_NOW, .budget_s = 40, .share = 0.5, .cache = ""};
    assert_int_equal(alt_session_tune(s->session, &o, NULL), ALT_OK);
    alt_tuning_report r = run_on(s);
    assert_string_equal(r.note, "");
    assert_true(r.regions >= 1);
    assert_true(r.explored >= 1); /* how many depends on the machine */
    assert_true(r.trials >= 1);
    assert_true(r.counters[0]);
    assert_int_equal(r.worker_restarts, 0);
    check_answer(s);
}

/* The model leaves the batch open: what was tuned for one serves others, with the default plan's bits. */
static void a_tuned_plan_serves_other_batches(void **state)
{
    struct served *s = *state;
    struct alt_plan *plan = NULL;
    int regions = 0;
    const alt_tuning_options o = {.size = sizeof o, .mode = ALT_TUNE_NOW, .budget_s = 40, .cache = ""};
    assert_int_equal(alt_session_tune(s->session, &o, NULL), ALT_OK);
    (void)run_on(s);
    struct alt_tuner *t = s->session->guest.object; /* its thread has ended */
    for (int i = 0; i < t->n_subjects; i++) {
        assert_non_null(strstr(t->subject[i].text, "=*"));
        t->subject[i].candidate = t->subject[i].n_kept ? t->subject[i].kept[0].result.tag : 0;
    }
    assert_int_equal(alt_choose_plan(t, &plan, &regions), ALT_OK);
    print_message("%d regions with generated kernels\n", regions);
    for (int64_t batch = 1; batch < 40; batch = 2 * batch + 1) {
        const int64_t dims[] = {batch, 1, 8, 8};
        alt_value *input = NULL, *got[4] = {NULL}, *want[4] = {NULL};
        assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 4, dims, &input), ALT_OK);
        for (size_t i = 0; i < alt_value_count(input); i++)
            ((float *)alt_value_data(input))[i] = (float)(i * 5 % 23) / 23;
        const alt_value *inputs[] = {input};
        assert_int_equal(alt_session_run_plan(s->session, plan, NULL, inputs, got, NULL), ALT_OK);
        assert_int_equal(alt_session_run_plan(s->session, s->session->base, NULL, inputs, want, NULL), ALT_OK);
        assert_memory_equal(alt_value_data(got[0]), alt_value_data(want[0]), alt_value_bytes(want[0]));
        alt_value_release(got[0]);
        alt_value_release(want[0]);
        alt_value_release(input);
    }
    alt_plan_free(plan);
}

static void a_missing_helper_is_said_and_the_session_serves_on(void **state)
{
    struct served *s = *state;
    const alt_tuning_options o = {
        .size = sizeof o, .mode = ALT_TUNE_NOW, .budget_s = 20, .cache = "", .worker = "/nonexistent/worker"};
    assert_int_equal(alt_session_tune(s->session, &o, NULL), ALT_OK);
    alt_tuning_report r = run_on(s);
    assert_non_null(strstr(r.note, "/nonexistent/worker"));
    assert_int_equal(r.n_swaps, 0);
}

static void a_session_may_go_in_the_middle(void **state)
{
    struct served *s = *state;
    const alt_tuning_options o = {.size = sizeof o, .mode = ALT_TUNE_NOW, .budget_s = 20, .cache = ""};
    assert_int_equal(alt_session_tune(s->session, &o, NULL), ALT_OK);
    for (int i = 0; i < 1000 && !process_child(getpid(), NULL); i++)
        process_pause(1);
    assert_true(process_child(getpid(), NULL) > 0); /* end() sees that nothing of it is left */
}

/* In the child: answers go on, and freeing the session waits for nobody and ends nothing of the parent's. */
static int child_serves(struct served *s)
{
    alt_tuning_report r = {.size = sizeof r};
    float now[IMAGES * CLASSES];
    alarm(60);
    for (int i = 0; i < 50; i++) {
        answer(s, now);
        for (int k = 0; k < IMAGES * CLASSES; k++)
            if (!(now[k] - s->first[k] < 1e-4f && s->first[k] - now[k] < 1e-4f))
                return 1;
    }
    if (alt_session_tuning(s->session, &r) != ALT_OK || r.phase != ALT_TUNING_DONE || !strstr(r.note, "process"))
        return 2;
    alt_session_free(s->session);
    alt_model_free(s->model);
    alt_value_release(s->input);
    return 0;
}

static void a_process_forks_while_it_is_tuned(void **state)
{
    struct served *s = *state;
    const alt_tuning_options o = {.size = sizeof o, .share = 1, .budget_s = 20, .cache = ""};
    assert_int_equal(alt_session_tune(s->session, &o, NULL), ALT_OK);
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 50; k++)
            check_answer(s);
        process_pause(50);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            _exit(child_serves(s));
        int status = -1;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("fork %d: the child ended with status 0x%x", i, (unsigned)status);
    }
    alt_tuning_report r = {.size = sizeof r};
    assert_int_equal(alt_session_tuning(s->session, &r), ALT_OK);
    assert_int_equal(r.worker_restarts, 0);
    check_answer(s);
}

/* Runs of another shape came before; what is to come is what counts. */
static void the_shapes_of_the_example_come_first(void **state)
{
    struct served *s = *state;
    const int64_t dims[] = {IMAGES + 2, 1, 8, 8};
    alt_session *fresh = NULL;
    alt_value *wide = NULL;
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 4, dims, &wide), ALT_OK);
    assert_int_equal(alt_session_create(s->model, NULL, &fresh, NULL), ALT_OK);
    const alt_value *example[] = {wide};
    const alt_tuning_options o = {.size = sizeof o, .mode = ALT_TUNE_REPLAY, .cache = "", .example = example};
    assert_int_equal(alt_session_tune(s->session, &o, NULL), ALT_OK);
    assert_int_equal(alt_session_tune(fresh, &o, NULL), ALT_OK);
    const struct alt_tuner *after_runs = s->session->guest.object, *before_runs = fresh->guest.object;
    assert_true(before_runs->n_subjects > 0);
    assert_int_equal(after_runs->n_subjects, before_runs->n_subjects);
    for (int i = 0; i < before_runs->n_subjects; i++)
        assert_string_equal(after_runs->subject[i].text, before_runs->subject[i].text);
    alt_session_free(fresh);
    alt_value_release(wide);
}

int main(void)
{
    if (!getenv("ALT_TRIAL") || !getenv("ALT_WORKER") || !getenv("ALT_TEST_ROOT"))
        return 77;
    if (!process_visible())
        return 77;
#define TEST(f) cmocka_unit_test_setup_teardown(f, serve, end)
    const struct CMUnitTest tests[] = {
        TEST(tuning_explores_and_answers_stay),
        TEST(a_tuned_plan_serves_other_batches),
        TEST(a_missing_helper_is_said_and_the_session_serves_on),
        TEST(a_session_may_go_in_the_middle),
        TEST(a_process_forks_while_it_is_tuned),
        TEST(the_shapes_of_the_example_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
