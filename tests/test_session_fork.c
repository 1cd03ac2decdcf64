/* test_session_fork.c: a preloading server: the model is loaded and has answered, then the process forks; parent and child
 * both go on answering, also when other threads were in the middle of a run. */
#include "tests/cmocka_all.h"
#include "tests/graph_bytes.h"

#include <alt/alt.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FORKS = 20, CALLERS = 3, BATCH = 4 };

struct server {
    struct graph_bytes bytes;
    alt_model *model;
    alt_session *session;
    alt_value *input;
    float expected[BATCH * 10];
    _Atomic bool stop;
};

static bool answers(struct server *s)
{
    const alt_value *x = s->input;
    alt_value *y = NULL;
    bool right = alt_session_run(s->session, NULL, &x, 1, &y, 1, NULL) == ALT_OK && alt_value_bytes(y) == sizeof s->expected &&
                 memcmp(alt_value_data(y), s->expected, sizeof s->expected) == 0;
    alt_value_release(y);
    return right;
}

static void open_server(struct server *s)
{
    memset(s, 0, sizeof *s);
    graph_bytes_convnet(&s->bytes);
    const alt_session_options o = {.size = sizeof o, .threads = 2, .max_contexts = CALLERS + 1};
    assert_int_equal(alt_model_load_memory(s->bytes.model.data, s->bytes.model.size, NULL, &s->model, NULL), ALT_OK);
    assert_int_equal(alt_session_create(s->model, &o, &s->session, NULL), ALT_OK);
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 4, (const int64_t[]){BATCH, 3, 16, 16}, &s->input), ALT_OK);
    float *data = alt_value_data(s->input);
    for (size_t i = 0; i < alt_value_count(s->input); i++)
        data[i] = (float)(i % 13) - 6.0f;
    const alt_value *x = s->input;
    alt_value *y = NULL;
    assert_int_equal(alt_session_run(s->session, NULL, &x, 1, &y, 1, NULL), ALT_OK);
    memcpy(s->expected, alt_value_data(y), sizeof s->expected);
    alt_value_release(y);
}

static void close_server(struct server *s)
{
    alt_session_free(s->session);
    alt_model_free(s->model);
    alt_value_release(s->input);
    graph_bytes_close(&s->bytes);
}

static void *call(void *context)
{
    struct server *s = context;
    while (!atomic_load(&s->stop))
        if (!answers(s))
            abort();
    return NULL;
}

/* In the child: as many callers at once as the session has contexts, so none may be lost to the vanished threads. */
static int child_serves(struct server *s)
{
    pthread_t caller[CALLERS];
    alarm(60); /* a deadlock ends the child with a signal, and the test with a failure */
    atomic_store(&s->stop, false);
    for (int i = 0; i < CALLERS; i++)
        if (pthread_create(&caller[i], NULL, call, s) != 0)
            return 2;
    bool right = true;
    for (int i = 0; i < 20; i++)
        right &= answers(s);
    atomic_store(&s->stop, true);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(caller[i], NULL);
    return right ? 0 : 1;
}

static void both_sides_of_a_fork_answer(void **state)
{
    (void)state;
    struct server s;
    pthread_t caller[CALLERS];
    open_server(&s);
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&caller[i], NULL, call, &s), 0);
    for (int i = 0; i < FORKS; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            _exit(child_serves(&s));
        int status = -1;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("fork %d: the child ended with status 0x%x", i, (unsigned)status);
        assert_true(answers(&s));
    }
    atomic_store(&s.stop, true);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(caller[i], NULL);
    close_server(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_sides_of_a_fork_answer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
