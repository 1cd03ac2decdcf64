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

/* A network that takes as long to open as to lay its weights out. */
static void write_wide(struct graph_bytes *g)
{
    graph_bytes_open(g, 5);
    graph_bytes_input(g, "x", ALT_FLOAT32, "batch,3,16,16");
    graph_bytes_weights(g, "w1", "768,2000", 0.1f);
    graph_bytes_weights(g, "w2", "2000,10", 0.1f);
    graph_bytes_node(g, "Flatten", "x", "f", NULL);
    graph_bytes_node(g, "MatMul", "f,w1", "h", NULL);
    graph_bytes_node(g, "MatMul", "h,w2", "y", NULL);
    graph_bytes_output(g, "y", ALT_FLOAT32);
    graph_bytes_finish(g, 13);
}

static void open_server(struct server *s, void (*write)(struct graph_bytes *))
{
    memset(s, 0, sizeof *s);
    write(&s->bytes);
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
    open_server(&s, graph_bytes_convnet);
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

static bool new_session_answers(struct server *s)
{
    const alt_session_options o = {.size = sizeof o, .threads = 2};
    struct server other = *s;
    if (alt_session_create(s->model, &o, &other.session, NULL) != ALT_OK)
        return false;
    const bool right = answers(&other);
    alt_session_free(other.session);
    return right;
}

static void *open_sessions(void *context)
{
    struct server *s = context;
    while (!atomic_load(&s->stop))
        if (!new_session_answers(s))
            abort();
    return NULL;
}

/* The fork comes while sessions are made and freed: the child makes some of the same model, and frees the model, too. */
static void child_opens_sessions(void **state)
{
    (void)state;
    struct server s;
    pthread_t thread;
    open_server(&s, write_wide);
    alt_session_free(s.session);
    s.session = NULL;
    assert_int_equal(pthread_create(&thread, NULL, open_sessions, &s), 0);
    for (int i = 0; i < FORKS; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            alarm(60);
            bool right = new_session_answers(&s) && new_session_answers(&s);
            alt_model_free(s.model);
            _exit(right ? 0 : 1);
        }
        int status = -1;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("fork %d: the child ended with status 0x%x", i, (unsigned)status);
    }
    atomic_store(&s.stop, true);
    pthread_join(thread, NULL);
    close_server(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_sides_of_a_fork_answer), cmocka_unit_test(child_opens_sessions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
