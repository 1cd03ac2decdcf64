/* test_tuner.c: the whole loop on a small network: helper programs, candidates, exchange, records. What must hold whatever the
 * machine's mood: answers stay the default plan's within tolerance, every run is answered, a second session starts from
 * what the first one remembered, and nothing is left behind. Whether anything got faster is for benchmarks to say. */
#include "tests/cmocka_all.h"
#include "tests/graph_bytes.h"

#include <alt/alt.h>

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 8, ANSWERS = BATCH * 10, SKIP = 77 };

struct fixture {
    struct graph_bytes bytes;
    alt_model *model;
    alt_session *session;
    alt_value *input;
    float expected[ANSWERS];
    char cache[64];
    int descriptors;
};

static int open_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static bool agrees(const float *want, const alt_value *got)
{
    const float *y = alt_value_data_const(got);
    double scale = 0;
    for (int i = 0; i < ANSWERS; i++)
        scale = fmax(scale, fabs((double)want[i]));
    for (int i = 0; i < ANSWERS; i++)
        if (!(fabs((double)want[i] - (double)y[i]) <= 1e-4 * scale + 1e-3 * fabs((double)want[i])))
            return false;
    return true;
}

static void run(struct fixture *f)
{
    const alt_value *x = f->input;
    alt_value *y = NULL;
    assert_int_equal(alt_session_run(f->session, NULL, &x, 1, &y, 1, NULL), ALT_OK);
    assert_true(agrees(f->expected, y));
    alt_value_release(y);
}

static void open_session(struct fixture *f)
{
    const alt_session_options o = {.size = sizeof o, .threads = 1};
    assert_int_equal(alt_session_create(f->model, &o, &f->session, NULL), ALT_OK);
}

static int open_all(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->descriptors = open_descriptors();
    strcpy(f->cache, "/tmp/alt-tuner-XXXXXX");
    assert_non_null(mkdtemp(f->cache));
    graph_bytes_convnet(&f->bytes);
    assert_int_equal(alt_model_load_memory(f->bytes.model.data, f->bytes.model.size, NULL, &f->model, NULL), ALT_OK);
    open_session(f);
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 4, (const int64_t[]){BATCH, 3, 16, 16}, &f->input), ALT_OK);
    float *data = alt_value_data(f->input);
    for (size_t i = 0; i < alt_value_count(f->input); i++)
        data[i] = (float)(i % 23) / 11.0f - 1.0f;
    const alt_value *x = f->input;
    alt_value *y = NULL;
    assert_int_equal(alt_session_run(f->session, NULL, &x, 1, &y, 1, NULL), ALT_OK);
    memcpy(f->expected, alt_value_data(y), sizeof f->expected);
    alt_value_release(y);
    *state = f;
    return 0;
}

static int close_all(void **state)
{
    struct fixture *f = *state;
    char command[128];
    alt_session_free(f->session);
    alt_model_free(f->model);
    alt_value_release(f->input);
    graph_bytes_close(&f->bytes);
    assert_int_equal(open_descriptors(), f->descriptors);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left.. */
    assert_int_equal(errno, ECHILD);
    snprintf(command, sizeof command, "rm -rf '%s'", f->cache);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static alt_tuning_report report_of(alt_session *s)
{
    alt_tuning_report r = {.size = sizeof r};
    assert_int_equal(alt_session_tuning(s, &r), ALT_OK);
    return r;
}

/* Runs until tuning has ended, or `seconds` are over. */
static alt_tuning_report serve(struct fixture *f, double seconds)
{
    const struct timespec moment = {0, 500000};
    time_t end = time(NULL) + (time_t)seconds;
    alt_tuning_report r = report_of(f->session);
    while (r.phase != ALT_TUNING_DONE && time(NULL) < end) {
        run(f);
        nanosleep(&moment, NULL);
        r = report_of(f->session);
    }
    return r;
}

static void tune(struct fixture *f, alt_tune mode, double budget)
{
    const alt_tuning_options o = {.size = sizeof o, .mode = mode, .budget_s = budget, .share = 0.5, .cache = f->cache};
    alt_error *error = NULL;
    if (alt_session_tune(f->session, &o, &error) != ALT_OK)
        fail_msg("%s", alt_error_text(error));
    assert_int_equal(alt_session_tune(f->session, &o, NULL), ALT_E_ARGUMENT); /* one call a session */
}

static void a_session_is_tuned_while_it_serves(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(report_of(f->session).phase, ALT_TUNING_IDLE);
    tune(f, ALT_TUNE_NOW, 20);
    alt_tuning_report r = serve(f, 60);
    print_message("%u kinds of regions, %u explored, %u trials, %u swaps, %u refused; %s\n", r.regions, r.explored, r.trials,
                  r.n_swaps, r.refused, r.note);
    assert_int_equal(r.phase, ALT_TUNING_DONE);
    assert_true(r.regions >= 2);
    assert_true(r.trials >= 1);
    for (int i = 0; i < 20; i++)
        run(f);
    for (uint32_t i = 0; i < r.n_swaps && i < ALT_SWAPS; i++)
        assert_true(r.swaps[i].pairs > 0 && r.swaps[i].ratio_low <= r.swaps[i].ratio);
    bool adopted = r.n_swaps > 0 && r.rollbacks == 0;
    alt_session_free(f->session);
    open_session(f);
    const alt_value *example = f->input;
    const alt_tuning_options o = {.size = sizeof o, .mode = ALT_TUNE_REPLAY, .cache = f->cache, .example = &example};
    assert_int_equal(alt_session_tune(f->session, &o, NULL), ALT_OK);
    r = report_of(f->session);
    assert_int_equal(r.phase, ALT_TUNING_DONE);
    assert_int_equal(r.warm, adopted); /* what won is there from the first run; what did not is not */
    run(f);
}

static void ending_a_session_ends_its_tuning_at_once(void **state)
{
    struct fixture *f = *state;
    struct timespec begin, end;
    tune(f, ALT_TUNE_ONLINE, 60);
    for (int i = 0; i < 200; i++)
        run(f);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    alt_session_free(f->session);
    clock_gettime(CLOCK_MONOTONIC, &end);
    f->session = NULL;
    assert_true(end.tv_sec - begin.tv_sec < 20); /* it is no race: only not to hang is promised */
}

static void a_missing_helper_is_said_and_runs_go_on(void **state)
{
    struct fixture *f = *state;
    const alt_tuning_options o = {.size = sizeof o, .worker = "/nonexistent/alt_worker", .cache = ""};
    assert_int_equal(alt_session_tune(f->session, &o, NULL), ALT_OK);
    alt_tuning_report r = serve(f, 20);
    assert_int_equal(r.phase, ALT_TUNING_DONE);
    assert_non_null(strstr(r.note, "/nonexistent/alt_worker"));
    assert_int_equal(r.trials, 0);
    run(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_missing_helper_is_said_and_runs_go_on, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_session_is_tuned_while_it_serves, open_all, close_all),
        cmocka_unit_test_setup_teardown(ending_a_session_ends_its_tuning_at_once, open_all, close_all),
    };
    if (!getenv("ALT_WORKER") || access(getenv("ALT_WORKER"), X_OK) != 0)
        return SKIP;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
