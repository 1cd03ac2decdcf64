/* test_thread_pool.c: the thread pool: every tile once, dense participants, many callers, busy and late workers waited for by nobody,
 * threads that cannot be started, signals, sleep. Runs under the thread sanitizer too: the per-participant counters are
 * plain memory on purpose. */
#include "runtime/cpu.h"
#include "runtime/pool.h"
#include "tests/cmocka_all.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { TILES = 5000, MAX_THREADS = 16 };

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

static struct alt_pool *pool_on(int cores, int most)
{
    const struct alt_pool_setup setup = {cores, most, pthread_create};
    struct alt_pool *pool = alt_pool_create(&setup);
    assert_non_null(pool);
    return pool;
}

/* More threads than cores may be asked for: so there are more to get in each other's way. */
static struct alt_pool *pool_of(int cores)
{
    return pool_on(cores, MAX_THREADS);
}

/* ---- a loop that counts ---- */

struct counting {
    unsigned char seen[TILES];                   /* each tile is one thread's */
    struct {
        int64_t tiles;
        char pad[56];
    } own[MAX_THREADS];                          /* each participant's own */
    int64_t range, grain;
    int threads;
    _Atomic int faults; /* cmocka's asserts are the main thread's */
};

static void count_tiles(void *arg, int participant, int64_t begin, int64_t end)
{
    struct counting *c = arg;
    if (participant < 0 || participant >= c->threads || begin < 0 || end > c->range || begin >= end) {
        c->faults++;
        return;
    }
    c->own[participant].tiles += end - begin;
    for (int64_t i = begin; i < end; i++)
        c->seen[i]++;
}

static bool count_once(struct alt_pool *pool, struct counting *c)
{
    memset(c->seen, 0, sizeof c->seen);
    memset(c->own, 0, sizeof c->own);
    alt_pool_run(pool, c->threads, c->range, c->grain, count_tiles, c);
    int64_t tiles = 0;
    for (int i = 0; i < MAX_THREADS; i++)
        tiles += c->own[i].tiles;
    bool good = c->faults == 0 && tiles == c->range;
    for (int64_t i = 0; i < TILES; i++)
        good = good && c->seen[i] == (i < c->range);
    return good;
}

static void test_every_tile_once(void **state)
{
    (void)state;
    static struct counting c;
    static const int64_t ranges[] = {0, 1, 2, 3, 17, 100, TILES}, grains[] = {1, 2, 7, 64, TILES, INT64_MAX / 4};
    struct alt_pool *pool = pool_of(4);
    for (int threads = 1; threads <= 8; threads++)
        for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++)
            for (size_t g = 0; g < sizeof grains / sizeof *grains; g++) {
                c.threads = threads;
                c.range = ranges[r];
                c.grain = grains[g];
                assert_true(count_once(pool, &c));
                assert_true(count_once(NULL, &c));
            }
    assert_true(alt_pool_workers(pool) <= 7);
    alt_pool_destroy(pool);
}

static void never(void *arg, int participant, int64_t begin, int64_t end)
{
    (void)participant, (void)begin, (void)end;
    *(bool *)arg = true;
}

static void test_empty_range(void **state)
{
    (void)state;
    bool called = false;
    struct alt_pool *pool = pool_of(2);
    alt_pool_run(pool, 4, 0, 1, never, &called);
    alt_pool_run(pool, 4, -1, 1, never, &called);
    assert_false(called);
    assert_int_equal(alt_pool_workers(pool), 0);
    alt_pool_destroy(pool);
}

/* ---- tiles that meet ---- */

/* Each tile waits until as many are under way: it ends only when that many threads are in the loop at once. */
struct meeting {
    _Atomic int arrived;
    int expected;
    _Atomic unsigned participants; /* bit set */
};

static void meet(void *arg, int participant, int64_t begin, int64_t end)
{
    struct meeting *m = arg;
    atomic_fetch_or(&m->participants, 1u << participant);
    atomic_fetch_add(&m->arrived, (int)(end - begin));
    while (atomic_load(&m->arrived) < m->expected)
        sched_yield();
}

/* Workers come, again and again, whether they spin or sleep; participants are 0..n-1. */
static void test_workers_come(void **state)
{
    (void)state;
    struct alt_pool *pool = pool_of(4);
    for (int round = 0; round < 40; round++)
        for (int n = 2; n <= 4; n++) {
            struct meeting m = {0, n, 0};
            alt_pool_run(pool, n, n, 1, meet, &m);
            assert_int_equal(m.participants, (1u << n) - 1);
            if (round % 8 == 0)
                pause_ms(2);
        }
    assert_int_equal(alt_pool_workers(pool), 3);
    alt_pool_destroy(pool);
}

static void nested(void *arg, int participant, int64_t begin, int64_t end)
{
    (void)participant;
    struct alt_pool *pool = arg;
    for (int64_t i = begin; i < end; i++) {
        struct counting *c = calloc(1, sizeof *c);
        if (!c)
            abort();
        *c = (struct counting){.threads = 4, .range = 300, .grain = 3};
        if (!count_once(pool, c))
            abort();
        free(c);
    }
}

static void test_loop_within_loop(void **state)
{
    (void)state;
    struct alt_pool *pool = pool_of(4);
    alt_pool_run(pool, 4, 40, 1, nested, pool);
    alt_pool_destroy(pool);
}

/* ---- many callers ---- */

struct caller {
    struct alt_pool *pool;
    int seed;
    bool good;
};

static void *call_often(void *arg)
{
    struct caller *me = arg;
    struct counting *c = calloc(1, sizeof *c);
    me->good = c != NULL;
    for (int i = 0; me->good && i < 150; i++) {
        c->threads = 1 + (me->seed + i) % 6;
        c->range = 1 + (me->seed * 131 + i * 37) % 900;
        c->grain = 1 + i % 5;
        me->good = count_once(me->pool, c);
    }
    free(c);
    return NULL;
}

static void call_all_at_once(struct alt_pool *pool)
{
    enum { CALLERS = 16 };
    pthread_t thread[CALLERS];
    struct caller caller[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        caller[i] = (struct caller){pool, i, false};
        assert_int_equal(pthread_create(&thread[i], NULL, call_often, &caller[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(thread[i], NULL);
        assert_true(caller[i].good);
    }
}

static void test_many_callers(void **state)
{
    (void)state;
    struct alt_pool *pool = pool_of(3);
    call_all_at_once(pool);
    assert_true(alt_pool_workers(pool) <= 5); /* what one caller asked for at most, not their sum */
    alt_pool_destroy(pool);
}

/* Callers ask for up to 6 threads where 2 can run. */
static void test_no_more_threads_than_can_run(void **state)
{
    (void)state;
    struct alt_pool *pool = pool_on(2, 2);
    call_all_at_once(pool);
    assert_true(alt_pool_workers(pool) <= 1);
    alt_pool_destroy(pool);
    pool = pool_on(1, 1);
    call_all_at_once(pool);
    assert_int_equal(alt_pool_workers(pool), 0);
    alt_pool_destroy(pool);
}

/* A quota of less than two cores is no reason not to give the two threads that are asked for. */
static void test_a_quota_leaves_the_choice(void **state)
{
    (void)state;
    struct alt_pool *pool = pool_on(1, 2);
    struct meeting m = {0, 2, 0};
    alt_pool_run(pool, 2, 2, 1, meet, &m);
    assert_int_equal(alt_pool_workers(pool), 1);
    alt_pool_destroy(pool);
}

/* A loop whose tiles end when told. */
struct held {
    struct alt_pool *pool;
    int threads;
    _Atomic int inside;
    _Atomic bool go;
};

static void hold(void *arg, int participant, int64_t begin, int64_t end)
{
    (void)participant;
    struct held *h = arg;
    atomic_fetch_add(&h->inside, (int)(end - begin));
    while (!atomic_load(&h->go))
        pause_ms(1);
}

static void *run_held(void *arg)
{
    struct held *h = arg;
    alt_pool_run(h->pool, h->threads, h->threads, 1, hold, h);
    return NULL;
}

/* While another caller's loop keeps its worker, this one does its work alone and ends. */
static void test_busy_workers_are_not_waited_for(void **state)
{
    (void)state;
    static struct counting c;
    struct held h = {pool_of(2), 2, 0, false};
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, run_held, &h), 0);
    while (atomic_load(&h.inside) < 2)
        pause_ms(1);
    c.threads = 2;
    c.range = 500;
    c.grain = 1;
    for (int i = 0; i < 20; i++) {
        assert_true(count_once(h.pool, &c));
        assert_int_equal(c.own[0].tiles, 500);
    }
    assert_int_equal(alt_pool_workers(h.pool), 1);
    atomic_store(&h.go, true);
    pthread_join(other, NULL);
    alt_pool_destroy(h.pool);
}

/* ---- threads that start late or not at all ---- */

static _Atomic bool gate;
static _Atomic int starts, starts_allowed;

struct trampoline {
    void *(*fn)(void *);
    void *context;
};

static void *behind_gate(void *arg)
{
    const struct trampoline t = *(struct trampoline *)arg;
    free(arg);
    while (!atomic_load(&gate))
        pause_ms(1);
    return t.fn(t.context);
}

static int start_behind_gate(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *context)
{
    struct trampoline *t = malloc(sizeof *t);
    if (!t)
        return EAGAIN;
    *t = (struct trampoline){fn, context};
    return pthread_create(thread, attr, behind_gate, t);
}

static int start_some(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *context)
{
    return atomic_fetch_add(&starts, 1) < atomic_load(&starts_allowed) ? pthread_create(thread, attr, fn, context) : EAGAIN;
}

/* A worker that does not get to run (here: held back before its first instruction) delays no loop. */
static void test_late_workers_are_not_waited_for(void **state)
{
    (void)state;
    static struct counting c;
    const struct alt_pool_setup setup = {4, 4, start_behind_gate};
    struct alt_pool *pool = alt_pool_create(&setup);
    assert_non_null(pool);
    atomic_store(&gate, false);
    c.threads = 4;
    c.range = 1000;
    c.grain = 1;
    for (int i = 0; i < 5; i++) {
        assert_true(count_once(pool, &c));
        assert_int_equal(c.own[0].tiles, 1000);
    }
    assert_int_equal(alt_pool_workers(pool), 3);
    atomic_store(&gate, true);
    struct meeting m = {0, 4, 0}; /* now they come */
    alt_pool_run(pool, 4, 4, 1, meet, &m);
    alt_pool_destroy(pool);
}

static void test_threads_cannot_be_started(void **state)
{
    (void)state;
    static struct counting c;
    const struct alt_pool_setup setup = {8, 8, start_some};
    c.threads = 8;
    c.range = 1000;
    c.grain = 1;
    for (int allowed = 0; allowed <= 3; allowed++) {
        struct alt_pool *pool = alt_pool_create(&setup);
        assert_non_null(pool);
        atomic_store(&starts, 0);
        atomic_store(&starts_allowed, allowed);
        for (int i = 0; i < 50; i++)
            assert_true(count_once(pool, &c));
        assert_int_equal(alt_pool_workers(pool), allowed);
        assert_int_equal(starts, allowed + 1); /* and is not tried again at every loop */
        alt_pool_destroy(pool);
    }
}

/* ---- what workers are like ---- */

struct masks {
    struct meeting meeting;
    sigset_t mask[2];
};

static void read_mask(void *arg, int participant, int64_t begin, int64_t end)
{
    struct masks *m = arg;
    pthread_sigmask(SIG_BLOCK, NULL, &m->mask[participant]);
    meet(&m->meeting, participant, begin, end);
}

static void test_signals(void **state)
{
    (void)state;
    struct alt_pool *pool = pool_of(2);
    struct masks m = {.meeting = {0, 2, 0}};
    sigset_t before, after;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    alt_pool_run(pool, 2, 2, 1, read_mask, &m);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    static const int host[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR1, SIGUSR2, SIGALRM, SIGPIPE, SIGPROF};
    for (size_t i = 0; i < sizeof host / sizeof *host; i++) {
        assert_int_equal(sigismember(&m.mask[1], host[i]), 1);
        assert_int_equal(sigismember(&before, host[i]), sigismember(&after, host[i]));
    }
    assert_int_equal(sigismember(&m.mask[1], SIGSEGV), 0);
    assert_int_equal(sigismember(&m.mask[1], SIGBUS), 0);
    alt_pool_destroy(pool);
}

static int64_t cpu_us(void)
{
    struct rusage r;
    assert_int_equal(getrusage(RUSAGE_SELF, &r), 0);
    return (int64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 + r.ru_utime.tv_usec + r.ru_stime.tv_usec;
}

/* Three idle workers over 0.3 s could burn 900 ms of CPU time; they may use 20. */
static void test_idle_uses_no_cpu(void **state)
{
    (void)state;
    struct alt_pool *pool = pool_of(4);
    struct meeting m = {0, 4, 0};
    alt_pool_run(pool, 4, 4, 1, meet, &m);
    pause_ms(50); /* the spin is bounded by 60 us of wall time, give or take the scheduler */
    const int64_t start = cpu_us();
    pause_ms(300);
    assert_true(cpu_us() - start < 20000);
    alt_pool_destroy(pool);
}

/* ---- the process' pool ---- */

/* Threads of this process; 0 without /proc. */
static int count_threads(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/task");
    for (const struct dirent *e; dir && (e = readdir(dir));)
        n += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return n;
}

static void test_shared_by_reference(void **state)
{
    (void)state;
    struct alt_pool *a = NULL, *b = NULL;
    const int threads = count_threads(), two = alt_cpu_affinity() < 2 ? 1 : 2;
    assert_int_equal(alt_pool_acquire(&a), ALT_OK);
    assert_int_equal(alt_pool_acquire(&b), ALT_OK);
    assert_ptr_equal(a, b);
    assert_int_equal(alt_pool_workers(a), 0);
    assert_int_equal(count_threads(), threads);
    struct meeting m = {0, two, 0};
    alt_pool_run(a, 2, two, 1, meet, &m);
    alt_pool_release(a);
    assert_int_equal(alt_pool_workers(b), two - 1);
    m = (struct meeting){0, two, 0};
    alt_pool_run(b, 2, two, 1, meet, &m);
    alt_pool_release(b);
    for (int i = 0; i < 100 && count_threads() > threads; i++)
        pause_ms(10); /* a joined thread may linger in /proc for a moment */
    assert_int_equal(count_threads(), threads);
    alt_pool_release(NULL);
}

static void *acquire_often(void *arg)
{
    bool *good = arg;
    for (int i = 0; *good && i < 60; i++) {
        struct alt_pool *pool = NULL;
        struct meeting m = {0, 1, 0};
        *good = alt_pool_acquire(&pool) == ALT_OK;
        if (*good)
            alt_pool_run(pool, 3, 6, 1, meet, &m);
        alt_pool_release(pool);
    }
    return NULL;
}

static void test_acquired_by_many(void **state)
{
    (void)state;
    pthread_t thread[4];
    bool good[4];
    for (int i = 0; i < 4; i++) {
        good[i] = true;
        assert_int_equal(pthread_create(&thread[i], NULL, acquire_often, &good[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        assert_true(good[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_tile_once),
        cmocka_unit_test(test_empty_range),
        cmocka_unit_test(test_workers_come),
        cmocka_unit_test(test_loop_within_loop),
        cmocka_unit_test(test_many_callers),
        cmocka_unit_test(test_no_more_threads_than_can_run),
        cmocka_unit_test(test_a_quota_leaves_the_choice),
        cmocka_unit_test(test_busy_workers_are_not_waited_for),
        cmocka_unit_test(test_late_workers_are_not_waited_for),
        cmocka_unit_test(test_threads_cannot_be_started),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_idle_uses_no_cpu),
        cmocka_unit_test(test_shared_by_reference),
        cmocka_unit_test(test_acquired_by_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
