/* test_fork.c: a process that forks: the pool works in the child, also when other threads were in the middle of loops; hooks
 * run in order; unloading the library leaves no handler behind. A child that hangs is killed by its alarm. */
#include "runtime/cpu.h"
#include "runtime/fork.h"
#include "runtime/pool.h"
#include "tests/cmocka_all.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_SECONDS = 60 };

/* Runs `work` in a child; true when it said true. */
static bool in_child(bool (*work)(void *), void *arg)
{
    const pid_t child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS);
        _exit(work(arg) ? 0 : 1);
    }
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct meeting {
    _Atomic int arrived;
    int expected;
};

static void meet(void *arg, int participant, int64_t begin, int64_t end)
{
    struct meeting *m = arg;
    (void)participant;
    atomic_fetch_add(&m->arrived, (int)(end - begin));
    while (atomic_load(&m->arrived) < m->expected)
        sched_yield();
}

/* Ends only when a worker takes part, where there is a core for one. */
static bool pool_works(void *arg)
{
    const int threads = alt_cpu_affinity() < 2 ? 1 : 2;
    struct meeting m = {0, threads};
    alt_pool_run(arg, threads, threads, 1, meet, &m);
    return alt_pool_workers(arg) >= threads - 1;
}

static bool child_starts_anew(void *arg)
{
    if (alt_pool_workers(arg) != 0)
        return false;
    return pool_works(arg) && in_child(pool_works, arg) && pool_works(arg);
}

static bool child_releases(void *arg)
{
    struct alt_pool *again = NULL;
    alt_pool_release(arg);
    if (alt_pool_acquire(&again) != ALT_OK || !pool_works(again))
        return false;
    alt_pool_release(again);
    return true;
}

static void test_pool_in_child(void **state)
{
    (void)state;
    struct alt_pool *pool = NULL;
    assert_int_equal(alt_pool_acquire(&pool), ALT_OK);
    assert_true(pool_works(pool));
    assert_true(in_child(child_starts_anew, pool));
    assert_true(in_child(child_releases, pool));
    assert_true(pool_works(pool)); /* and the parent goes on */
    alt_pool_release(pool);
}

/* ---- fork while others run ---- */

struct busy {
    struct alt_pool *pool;
    _Atomic bool stop;
};

static void burn(void *arg, int participant, int64_t begin, int64_t end)
{
    (void)participant;
    atomic_fetch_add((_Atomic int64_t *)arg, end - begin);
}

static void *run_loops(void *arg)
{
    struct busy *b = arg;
    while (!atomic_load(&b->stop)) {
        struct alt_pool *again = NULL;
        _Atomic int64_t sum = 0;
        alt_pool_run(b->pool, 3, 64, 1, burn, &sum);
        if (atomic_load(&sum) != 64 || alt_pool_acquire(&again) != ALT_OK)
            abort();
        alt_pool_release(again);
    }
    return NULL;
}

static bool acquire_and_work(void *arg)
{
    struct alt_pool *pool = NULL;
    (void)arg;
    if (alt_pool_acquire(&pool) != ALT_OK || !pool_works(pool))
        return false;
    alt_pool_release(pool);
    return true;
}

static void test_fork_while_others_run(void **state)
{
    (void)state;
    struct busy b = {NULL, false};
    pthread_t thread[3];
    assert_int_equal(alt_pool_acquire(&b.pool), ALT_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, run_loops, &b), 0);
    for (int i = 0; i < 25; i++)
        assert_true(in_child(acquire_and_work, NULL));
    atomic_store(&b.stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    assert_true(pool_works(b.pool));
    alt_pool_release(b.pool);
}

/* ---- hooks ---- */

static char order[16];

static void note(void *context)
{
    const size_t n = strlen(order);
    order[n] = *(const char *)context;
    order[n + 1] = '\0';
}

static bool order_is(void *arg)
{
    return strcmp(order, arg) == 0;
}

static void test_hooks(void **state)
{
    (void)state;
    static char a[] = "a", b[] = "b", c[] = "c";
    static const struct alt_fork_hooks all = {note, note, note}, none = {NULL, NULL, NULL};
    struct alt_fork first = {0}, second = {0}, third = {0}, silent = {0};
    assert_int_equal(alt_fork_register(&first, &all, a), ALT_OK);
    assert_int_equal(alt_fork_register(&second, &all, b), ALT_OK);
    assert_int_equal(alt_fork_register(&silent, &none, NULL), ALT_OK);
    assert_int_equal(alt_fork_register(&third, &all, c), ALT_OK);
    assert_true(in_child(order_is, "cbaabc")); /* newest first, then oldest first */
    assert_string_equal(order, "cbaabc");
    alt_fork_unregister(&second);
    alt_fork_unregister(&second); /* not registered: nothing */
    order[0] = '\0';
    assert_true(in_child(order_is, "caac"));
    alt_fork_unregister(&third);
    alt_fork_unregister(&first);
    alt_fork_unregister(&silent);
    order[0] = '\0';
    assert_true(in_child(order_is, ""));
}

/* A fork waits for the process lock, so that no child inherits it locked. */
static _Atomic bool holding;

static void *hold_process_lock(void *arg)
{
    (void)arg;
    alt_process_lock();
    atomic_store(&holding, true);
    usleep(20000);
    alt_process_unlock();
    return NULL;
}

static bool lock_is_free(void *arg)
{
    (void)arg;
    alt_process_lock();
    alt_process_unlock();
    return true;
}

static void test_process_lock_across_fork(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(alt_fork_ready(), ALT_OK);
    assert_int_equal(pthread_create(&thread, NULL, hold_process_lock, NULL), 0);
    while (!atomic_load(&holding))
        sched_yield();
    assert_true(in_child(lock_is_free, NULL));
    pthread_join(thread, NULL);
}

/* ---- unloading ---- */

static bool yes(void *arg)
{
    (void)arg;
    return true;
}

/* fork_module is runtime/fork.c as a library of its own: a handler left behind would call unmapped code. */
static void test_unloaded_library(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        void *module = dlopen(getenv("ALT_TEST_FORK_MODULE"), RTLD_NOW | RTLD_LOCAL);
        if (!module)
            fail_msg("%s", dlerror());
        alt_status (*ready)(void) = NULL;
        *(void **)&ready = dlsym(module, "alt_fork_ready");
        assert_non_null(ready);
        assert_true(ready != alt_fork_ready); /* the module's own */
        assert_int_equal(ready(), ALT_OK);
        assert_true(in_child(yes, NULL));
        assert_int_equal(dlclose(module), 0);
        assert_true(in_child(yes, NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_in_child), cmocka_unit_test(test_fork_while_others_run),
        cmocka_unit_test(test_hooks), cmocka_unit_test(test_process_lock_across_fork),
        cmocka_unit_test(test_unloaded_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
