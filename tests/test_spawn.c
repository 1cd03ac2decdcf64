/* test_spawn.c: helper processes that behave well, badly, or not at all. The program is its own helper: started with a word
 * it plays that part. */
#include "tests/cmocka_all.h"
#include "tuner/message.h"
#include "tuner/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- the helper's parts ---- */

static void await_end(void)
{
    struct pollfd p = {.fd = ALT_SPAWN_SOCKET};
    while (poll(&p, 1, -1) < 0 || !(p.revents & POLLHUP))
        ;
}

/* What it was given: descriptors, process group, signals. Answers with a HELLO whose text says what is wrong. */
static int report(void)
{
    struct alt_msg_hello hello = {.kernel_abi = 1};
    sigset_t blocked;
    struct sigaction action;
    for (int fd = 0; fd < 256; fd++)
        if ((fcntl(fd, F_GETFD) >= 0) != (fd <= ALT_SPAWN_SOCKET))
            snprintf(hello.counters_why, sizeof hello.counters_why, "descriptor %d", fd);
    if (getpgrp() != getpid())
        snprintf(hello.counters_why, sizeof hello.counters_why, "process group");
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    sigaction(SIGPIPE, NULL, &action);
    if (sigismember(&blocked, SIGUSR1) || action.sa_handler != SIG_DFL)
        snprintf(hello.counters_why, sizeof hello.counters_why, "signals");
    if (getenv("SECRET_OF_THE_HOST") || !getenv("ALT_TEST_WORD"))
        snprintf(hello.counters_why, sizeof hello.counters_why, "environment");
    if (alt_msg_send(ALT_SPAWN_SOCKET, ALT_MSG_HELLO, 0, &hello, sizeof hello, -1, 1000) != ALT_OK)
        return 1;
    await_end();
    return 0;
}

static int flood(void)
{
    for (int i = 0; i < 20000; i++)
        fprintf(stderr, "line %d of far too many\n", i);
    fprintf(stderr, "last words");
    return 0;
}

/* Hangs, and so does a child of its own in the same group; its number goes to the parent. */
static int hang(void)
{
    struct alt_msg_hello hello = {.kernel_abi = 1};
    pid_t child = fork();
    if (child > 0) {
        hello.nest_format = (uint32_t)child;
        if (alt_msg_send(ALT_SPAWN_SOCKET, ALT_MSG_HELLO, 0, &hello, sizeof hello, -1, 1000) != ALT_OK)
            return 1;
    }
    for (;;)
        pause();
}

static int play(const char *part)
{
    if (strcmp(part, "report") == 0)
        return report();
    if (strcmp(part, "flood") == 0)
        return flood();
    if (strcmp(part, "hang") == 0)
        return hang();
    if (strcmp(part, "crash") == 0)
        return raise(SIGKILL);
    if (strcmp(part, "exit") == 0)
        return 7;
    await_end();
    return 0;
}

/* ---- the tests ---- */

static char self[4096];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int count_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 512; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void start(struct alt_child *child, const char *part)
{
    const char *args[] = {part, NULL};
    assert_int_equal(alt_child_start(child, self, args), ALT_OK);
    assert_true(child->pid > 0);
}

/* 0 when the process is gone; waits a little, since whoever inherits an orphan reaps it. */
static bool gone(pid_t pid)
{
    const struct timespec moment = {0, 2000000};
    for (int i = 0; i < 1000; i++) {
        char path[64], state = 'X';
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        FILE *f = fopen(path, "re");
        if (!f)
            return true;
        int n = fscanf(f, "%*d %*s %c", &state);
        fclose(f);
        if (n != 1 || state == 'Z' || state == 'X')
            return true;
        nanosleep(&moment, NULL);
    }
    return false;
}

static int wait_end(struct alt_child *child)
{
    const struct timespec moment = {0, 1000000};
    int status = -1;
    for (int i = 0; i < 10000 && !alt_child_ended(child, &status); i++)
        nanosleep(&moment, NULL);
    assert_int_equal(child->pid, 0);
    return status;
}

static void a_helper_gets_what_it_needs_and_no_more(void **state)
{
    (void)state;
    struct alt_child child;
    struct alt_msg_header header;
    _Alignas(16) char body[ALT_MSG_BODY];
    const struct alt_msg_hello *hello = (const void *)body;
    sigset_t block;
    int fd, secret = open("/dev/null", O_RDONLY); /* not close-on-exec: must not get through either */
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    sigprocmask(SIG_BLOCK, &block, NULL);
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    start(&child, "report");
    assert_int_equal(alt_msg_receive(child.socket, &header, body, &fd, 10000), ALT_OK);
    assert_string_equal(hello->counters_why, "");
    alt_child_stop(&child, 5000);
    signal(SIGPIPE, before);
    sigprocmask(SIG_UNBLOCK, &block, NULL);
    close(secret);
}

static void low_descriptors_of_the_host_may_be_closed(void **state)
{
    (void)state;
    struct alt_child child;
    struct alt_msg_header header;
    _Alignas(16) char body[ALT_MSG_BODY];
    int fd, kept = dup(0);
    close(0); /* socket and pipe may now get the numbers that the helper is to have */
    start(&child, "report");
    assert_int_equal(alt_msg_receive(child.socket, &header, body, &fd, 10000), ALT_OK);
    assert_string_equal(((const struct alt_msg_hello *)(const void *)body)->counters_why, "");
    alt_child_stop(&child, 5000);
    dup2(kept, 0);
    close(kept);
}

static void ends_are_told_apart(void **state)
{
    (void)state;
    struct alt_child child;
    start(&child, "exit");
    int status = wait_end(&child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    alt_child_stop(&child, 0);
    start(&child, "crash");
    status = wait_end(&child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    alt_child_stop(&child, 0);
}

static void the_end_of_the_socket_is_the_end(void **state)
{
    (void)state;
    struct alt_child child;
    start(&child, "wait");
    pid_t pid = child.pid;
    double begin = now();
    alt_child_stop(&child, 20000);
    assert_true(now() - begin < 10); /* it went by itself: nobody waited for the grace to pass */
    assert_true(gone(pid));
    assert_int_equal(child.socket, -1);
    assert_int_equal(child.errors, -1);
    alt_child_stop(&child, 1000); /* once more does nothing */
}

static void a_helper_that_hangs_is_killed_with_its_children(void **state)
{
    (void)state;
    struct alt_child child;
    struct alt_msg_header header;
    _Alignas(16) char body[ALT_MSG_BODY];
    int fd;
    start(&child, "hang");
    pid_t pid = child.pid;
    assert_int_equal(alt_msg_receive(child.socket, &header, body, &fd, 10000), ALT_OK);
    pid_t grandchild = (pid_t)((const struct alt_msg_hello *)(const void *)body)->nest_format;
    alt_child_stop(&child, 30);
    assert_true(gone(pid));
    assert_true(gone(grandchild));
}

static void of_a_flood_the_tail_is_kept(void **state)
{
    (void)state;
    const struct timespec moment = {0, 1000000};
    struct alt_child child;
    char text[64] = "";
    int status;
    start(&child, "flood");
    /* The helper must not be stopped by a full pipe while its host listens now and then. */
    for (int i = 0; i < 20000 && !alt_child_ended(&child, &status); i++) {
        alt_child_errors(&child, text, sizeof text);
        nanosleep(&moment, NULL);
    }
    alt_child_errors(&child, text, sizeof text);
    assert_int_equal(child.pid, 0);
    assert_int_equal(strlen(text), sizeof text - 1);
    assert_string_equal(text + strlen(text) - strlen("\nlast words"), "\nlast words");
    alt_child_stop(&child, 0);
}

static void what_cannot_run_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    struct alt_child child;
    int before = count_descriptors();
    assert_int_equal(alt_child_start(&child, "/nonexistent/helper", NULL), ALT_E_IO);
    assert_int_equal(child.pid, 0);
    assert_int_equal(child.socket, -1);
    assert_int_equal(alt_child_start(&child, "/etc/passwd", NULL), ALT_E_IO);
    alt_child_stop(&child, 0);
    assert_int_equal(count_descriptors(), before);
}

static void a_host_that_reaps_all_children_takes_only_the_status(void **state)
{
    (void)state;
    struct alt_child child;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGCHLD, &ignore, &before);
    start(&child, "exit");
    assert_int_equal(wait_end(&child), -1);
    start(&child, "hang");
    pid_t pid = child.pid;
    alt_child_stop(&child, 0);
    assert_true(gone(pid));
    sigaction(SIGCHLD, &before, NULL);
}

static void no_descriptor_leaks(void **state)
{
    (void)state;
    static const char *const parts[] = {"exit", "wait", "crash", "flood"};
    int before = count_descriptors();
    for (int i = 0; i < 12; i++) {
        struct alt_child child;
        start(&child, parts[i % 4]);
        alt_child_stop(&child, i % 2 ? 50 : 0);
        assert_int_equal(count_descriptors(), before);
    }
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void helpers_are_found_by_option_then_variable_then_place(void **state)
{
    (void)state;
    char path[4096], why[256] = "", small[8];
    assert_int_equal(alt_helper_find("none", "/bin/sh", "ALT_TEST_HELPER", path, sizeof path, why, sizeof why), ALT_OK);
    assert_string_equal(path, "/bin/sh");
    setenv("ALT_TEST_HELPER", "/bin/cat", 1);
    assert_int_equal(alt_helper_find("none", NULL, "ALT_TEST_HELPER", path, sizeof path, why, sizeof why), ALT_OK);
    assert_string_equal(path, "/bin/cat");
    setenv("ALT_TEST_HELPER", "/nonexistent", 1);
    assert_int_equal(alt_helper_find("none", NULL, "ALT_TEST_HELPER", path, sizeof path, why, sizeof why), ALT_E_IO);
    assert_non_null(strstr(why, "/nonexistent"));
    unsetenv("ALT_TEST_HELPER");
    assert_int_equal(alt_helper_find("test_spawn", NULL, "ALT_TEST_HELPER", path, sizeof path, why, sizeof why),
                     ALT_OK);
    assert_non_null(strstr(path, "/test_spawn"));
    assert_int_equal(alt_helper_find("no such", NULL, "ALT_TEST_HELPER", path, sizeof path, why, sizeof why), ALT_E_IO);
    assert_non_null(strstr(why, "ALT_TEST_HELPER"));
    assert_int_equal(alt_helper_find("x", "/bin/sh/../sh", "Y", small, sizeof small, why, sizeof why), ALT_E_IO);
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return play(argv[1]);
    if (!realpath("/proc/self/exe", self))
        return 77;
    setenv("SECRET_OF_THE_HOST", "1", 1);
    setenv("ALT_TEST_WORD", "1", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_helper_gets_what_it_needs_and_no_more),
        cmocka_unit_test(low_descriptors_of_the_host_may_be_closed),
        cmocka_unit_test(ends_are_told_apart),
        cmocka_unit_test(the_end_of_the_socket_is_the_end),
        cmocka_unit_test(a_helper_that_hangs_is_killed_with_its_children),
        cmocka_unit_test(of_a_flood_the_tail_is_kept),
        cmocka_unit_test(what_cannot_run_is_refused_and_leaves_nothing),
        cmocka_unit_test(a_host_that_reaps_all_children_takes_only_the_status),
        cmocka_unit_test(no_descriptor_leaks),
        cmocka_unit_test(helpers_are_found_by_option_then_variable_then_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
