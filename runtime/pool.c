/* pool.c: the thread pool.
 *
 * Ownership of a worker is a bit in `idle`: whoever clears it owns the worker until setting it again, and only the owner
 * writes its mailbox. A caller clears bits for as many workers as it wants, puts the loop (on its own stack) into their mailboxes, does
 * chunks itself until none is left, then takes the mailboxes back: a worker that has not looked yet never hears of the loop,
 * one that has is waited for, which lasts one chunk at most. So a sleeping or descheduled worker delays nobody.
 *
 *   worker: wait for mail (spin, then futex) -> exchange(mail, NULL) -> chunks -> done = FINISHED
 *   owner:  mail = loop -> chunks -> compare-exchange(mail, loop, NULL), or wait for done -> idle bit
 *
 * Sleeping: the worker says `asleep`, then looks at its mailbox again; the owner writes the mailbox, then looks at `asleep`. Both
 * sequentially consistent, so one of them sees the other. */
#include "runtime/pool.h"

#include "runtime/cpu.h"
#include "runtime/flush.h"
#include "runtime/fork.h"

#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SPIN_NS INT64_C(60000)           /* about what a sleep and a wake cost */
#define RETRY_NS INT64_C(1000000000)     /* after a thread could not be started */
#define STACK_BYTES ((size_t)512 * 1024) /* kernels keep their tiles in registers and scratch */
enum { WORDS = (ALT_POOL_MAX_WORKERS + 63) / 64 };
enum { WORKING = 0, FINISHED = 1, AWAITED = 2 }; /* worker.done */

/* A loop under way; on its caller's stack. */
struct loop {
    alt_pool_fn *fn;
    void *arg;
    int64_t range, grain;
    _Atomic int64_t next; /* first tile that nobody has taken; relaxed: order comes from mail and done */
};

struct worker {
    _Alignas(64) _Atomic(struct loop *) mail; /* release by the owner, acquire by the worker */
    _Atomic uint32_t asleep;                  /* futex: 1 while the worker sleeps or is about to */
    _Atomic uint32_t done;                    /* futex: WORKING...; release by the worker, acquire by the owner */
    int participant;                          /* written by the owner before mail */
    struct alt_pool *pool;
    pthread_t thread;
};

struct alt_pool {
    _Atomic uint64_t idle[WORDS]; /* acquire when a bit is taken, release when it is given back */
    _Atomic int started;          /* workers [0, started) exist; grows under `grow` */
    _Atomic int working;          /* threads that compute: callers and the workers they own; a hint */
    _Atomic int spinning;         /* workers that spin; a hint */
    _Atomic int reserved;         /* cores left to others; a hint */
    _Atomic int64_t retry_at;     /* CLOCK_MONOTONIC ns before which no thread is started */
    pthread_mutex_t grow;         /* guards starting threads; never waited for by a run */
    struct alt_pool_setup setup;
    struct alt_fork fork;
    struct worker worker[ALT_POOL_MAX_WORKERS];
};

static struct loop quit; /* its address in a mailbox ends the worker; never read or written */

#if defined(__x86_64__) || defined(__i386__)
static inline void relax(void)
{
    __builtin_ia32_pause();
}
#elif defined(__aarch64__)
static inline void relax(void)
{
    __asm__ volatile("yield");
}
#else
static inline void relax(void)
{
}
#endif

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void sleep_on(_Atomic uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* More threads want to run than there are cores: who spins takes one from a thread that has work. */
static bool crowded(const struct alt_pool *pool)
{
    return atomic_load_explicit(&pool->working, memory_order_relaxed) +
               atomic_load_explicit(&pool->spinning, memory_order_relaxed) >
           pool->setup.cores;
}

/* ---- workers ---- */

static void do_chunks(struct loop *loop, int participant)
{
    for (;;) {
        const int64_t begin = atomic_fetch_add_explicit(&loop->next, loop->grain, memory_order_relaxed);
        if (begin >= loop->range)
            return;
        const int64_t end = loop->grain < loop->range - begin ? begin + loop->grain : loop->range;
        loop->fn(loop->arg, participant, begin, end);
    }
}

static void spin_for_mail(struct worker *w)
{
    const int64_t deadline = now_ns() + SPIN_NS;
    bool waiting = true;

    atomic_fetch_add_explicit(&w->pool->spinning, 1, memory_order_relaxed);
    while (waiting && !crowded(w->pool)) {
        for (int i = 0; i < 64 && waiting; i++) {
            relax();
            waiting = !atomic_load_explicit(&w->mail, memory_order_relaxed);
        }
        waiting = waiting && now_ns() < deadline;
    }
    atomic_fetch_sub_explicit(&w->pool->spinning, 1, memory_order_relaxed);
}

static struct loop *await_mail(struct worker *w)
{
    for (;;) {
        struct loop *loop = atomic_exchange_explicit(&w->mail, NULL, memory_order_acquire);
        if (loop)
            return loop;
        spin_for_mail(w);
        if (atomic_load_explicit(&w->mail, memory_order_relaxed))
            continue;
        atomic_store(&w->asleep, 1);
        while (!atomic_load(&w->mail) && atomic_load(&w->asleep) == 1)
            sleep_on(&w->asleep, 1);
        atomic_store(&w->asleep, 0);
    }
}

static void *worker_main(void *context)
{
    struct worker *w = context;

    (void)alt_flush_begin(); /* for life: it runs nothing but kernels */
    for (;;) {
        struct loop *loop = await_mail(w);
        if (loop == &quit)
            return NULL;
        do_chunks(loop, w->participant);
        /* Not counted twice, as working and as spinning, until the owner notices: it would find the machine crowded and sleep. */
        atomic_fetch_sub_explicit(&w->pool->working, 1, memory_order_relaxed);
        /* from here on the loop may be gone */
        if (atomic_exchange_explicit(&w->done, FINISHED, memory_order_acq_rel) == AWAITED)
            wake(&w->done);
    }
}

static void send(struct worker *w, struct loop *loop)
{
    atomic_store_explicit(&w->done, WORKING, memory_order_relaxed);
    atomic_store(&w->mail, loop);
    if (atomic_load(&w->asleep) && atomic_exchange(&w->asleep, 0))
        wake(&w->asleep);
}

/* A worker takes none of the host's signals, except those that its own instructions raise: the host may handle them. */
static void signals_to_block(sigset_t *set)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

    sigfillset(set);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        sigdelset(set, own[i]);
}

static bool start_worker(struct alt_pool *pool, struct worker *w)
{
    pthread_attr_t attr;
    sigset_t block, old;

    if (pthread_attr_init(&attr) != 0)
        return false;
    const long least = sysconf(_SC_THREAD_STACK_MIN);
    const size_t stack = STACK_BYTES + (least > 0 ? (size_t)least : 0);
    pthread_attr_setstacksize(&attr, stack); /* refused: the default serves */
    signals_to_block(&block);
    pthread_sigmask(SIG_SETMASK, &block, &old);
    const int error = pool->setup.start(&w->thread, &attr, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return error == 0;
}

/* ---- callers ---- */

/* The workers that a caller owns. */
struct team {
    uint64_t member[WORDS];
    int count;
};

static void join_team(struct team *team, int i)
{
    team->member[i / 64] |= UINT64_C(1) << i % 64;
    team->count++;
}

static void take_idle(struct alt_pool *pool, int want, struct team *team)
{
    for (int i = 0; i < WORDS; i++) {
        uint64_t left = atomic_load_explicit(&pool->idle[i], memory_order_relaxed);
        while (left && team->count < want) {
            const uint64_t bit = left & -left;
            const uint64_t old = atomic_fetch_and_explicit(&pool->idle[i], ~bit, memory_order_acquire);
            if (old & bit)
                join_team(team, i * 64 + __builtin_ctzll(bit));
            left = old & ~bit;
        }
    }
}

static void give_back(struct alt_pool *pool, int i)
{
    atomic_fetch_or_explicit(&pool->idle[i / 64], UINT64_C(1) << i % 64, memory_order_release);
}

/* Starts workers until the team has `want` or the pool `limit`; they are born owned, with an empty mailbox. */
static void start_more(struct alt_pool *pool, int want, int limit, struct team *team)
{
    if (now_ns() < atomic_load_explicit(&pool->retry_at, memory_order_relaxed))
        return;
    if (pthread_mutex_trylock(&pool->grow) != 0)
        return;
    int started = atomic_load_explicit(&pool->started, memory_order_relaxed);
    while (team->count < want && started < limit) {
        struct worker *w = &pool->worker[started];
        w->pool = pool;
        if (!start_worker(pool, w)) {
            atomic_store_explicit(&pool->retry_at, now_ns() + RETRY_NS, memory_order_relaxed);
            break;
        }
        join_team(team, started);
        atomic_store_explicit(&pool->started, ++started, memory_order_relaxed);
    }
    pthread_mutex_unlock(&pool->grow);
}

/* Numbers the members and gives each the loop. */
static void call_team(struct alt_pool *pool, const struct team *team, struct loop *loop)
{
    int participant = 1;

    for (int k = 0; k < WORDS; k++)
        for (uint64_t left = team->member[k]; left; left &= left - 1) {
            struct worker *w = &pool->worker[k * 64 + __builtin_ctzll(left)];
            w->participant = participant++;
            send(w, loop);
        }
}

/* Takes back the mail of those who have not read it; the others stay in the team. */
static void dismiss_late(struct alt_pool *pool, struct team *team, struct loop *loop)
{
    for (int k = 0; k < WORDS; k++)
        for (uint64_t left = team->member[k]; left; left &= left - 1) {
            const int i = k * 64 + __builtin_ctzll(left);
            struct loop *expected = loop;
            if (!atomic_compare_exchange_strong_explicit(&pool->worker[i].mail, &expected, NULL, memory_order_relaxed,
                                                         memory_order_relaxed))
                continue;
            team->member[k] &= ~(UINT64_C(1) << i % 64);
            atomic_fetch_sub_explicit(&pool->working, 1, memory_order_relaxed);
            give_back(pool, i);
        }
}

static void await_done(struct alt_pool *pool, struct worker *w)
{
    const int64_t deadline = now_ns() + SPIN_NS;
    uint32_t state;

    while ((state = atomic_load_explicit(&w->done, memory_order_acquire)) == WORKING) {
        relax();
        if (crowded(pool) || now_ns() >= deadline)
            break;
    }
    if (state == WORKING)
        atomic_compare_exchange_strong_explicit(&w->done, &state, AWAITED, memory_order_acquire, memory_order_acquire);
    while (atomic_load_explicit(&w->done, memory_order_acquire) != FINISHED)
        sleep_on(&w->done, AWAITED);
}

static void await_team(struct alt_pool *pool, const struct team *team)
{
    for (int k = 0; k < WORDS; k++)
        for (uint64_t left = team->member[k]; left; left &= left - 1) {
            const int i = k * 64 + __builtin_ctzll(left);
            await_done(pool, &pool->worker[i]);
            give_back(pool, i);
        }
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

/* The caller and at most `want` workers. `threads`: what the caller's session may use. */
static void run_with_team(struct alt_pool *pool, int threads, int want, struct loop *loop)
{
    struct team team = {{0}, 0};
    const int limit = smaller(larger(threads, pool->setup.cores), pool->setup.most);
    const int room = limit - 1 - atomic_load_explicit(&pool->reserved, memory_order_relaxed) -
                     atomic_fetch_add_explicit(&pool->working, 1, memory_order_relaxed);

    want = smaller(want, room);
    take_idle(pool, want, &team);
    const int workers = smaller(limit - 1, ALT_POOL_MAX_WORKERS);
    if (team.count < want && atomic_load_explicit(&pool->started, memory_order_relaxed) < workers)
        start_more(pool, want, workers, &team);
    atomic_fetch_add_explicit(&pool->working, team.count, memory_order_relaxed);
    call_team(pool, &team, loop);
    do_chunks(loop, 0);
    dismiss_late(pool, &team, loop);
    await_team(pool, &team);
    atomic_fetch_sub_explicit(&pool->working, 1, memory_order_relaxed);
}

void alt_pool_run(struct alt_pool *pool, int threads, int64_t range, int64_t grain, alt_pool_fn *fn, void *arg)
{
    if (range <= 0)
        return;
    const int64_t helpers = (range - 1) / grain;
    const int want = helpers < threads - 1 ? (int)helpers : threads - 1;
    if (!pool || want <= 0) {
        fn(arg, 0, 0, range);
        return;
    }
    struct loop loop = {fn, arg, range, grain, 0};
    run_with_team(pool, threads, want, &loop);
}

void alt_pool_reserve(struct alt_pool *pool, int cores)
{
    atomic_fetch_add_explicit(&pool->reserved, cores, memory_order_relaxed);
}

int alt_pool_workers(const struct alt_pool *pool)
{
    return atomic_load_explicit(&pool->started, memory_order_relaxed);
}

/* ---- life ---- */

struct alt_pool *alt_pool_create(const struct alt_pool_setup *setup)
{
    struct alt_pool *pool = aligned_alloc(_Alignof(struct alt_pool), sizeof *pool);

    if (!pool)
        return NULL;
    memset(pool, 0, sizeof *pool);
    pool->setup = *setup;
    if (pthread_mutex_init(&pool->grow, NULL) != 0) {
        free(pool);
        return NULL;
    }
    return pool;
}

void alt_pool_destroy(struct alt_pool *pool)
{
    if (!pool)
        return;
    const int started = atomic_load_explicit(&pool->started, memory_order_relaxed);
    for (int i = 0; i < started; i++)
        send(&pool->worker[i], &quit);
    for (int i = 0; i < started; i++)
        pthread_join(pool->worker[i].thread, NULL);
    pthread_mutex_destroy(&pool->grow);
    free(pool);
}

static void before_fork(void *context)
{
    pthread_mutex_lock(&((struct alt_pool *)context)->grow);
}

static void after_fork(void *context)
{
    pthread_mutex_unlock(&((struct alt_pool *)context)->grow);
}

/* No worker came along, nor any other caller: the pool is as new. */
static void forget_workers(void *context)
{
    struct alt_pool *pool = context;

    memset(pool->worker, 0, sizeof pool->worker);
    for (int i = 0; i < WORDS; i++)
        atomic_store(&pool->idle[i], 0);
    atomic_store(&pool->started, 0);
    atomic_store(&pool->working, 0);
    atomic_store(&pool->spinning, 0);
    atomic_store(&pool->reserved, 0);
    atomic_store(&pool->retry_at, 0);
    after_fork(pool);
}

static const struct alt_fork_hooks fork_hooks = {before_fork, after_fork, forget_workers};

static struct {
    struct alt_pool *pool;
    size_t users;
} shared; /* guarded by the process lock */

alt_status alt_pool_acquire(struct alt_pool **out)
{
    const struct alt_pool_setup setup = {.cores = alt_cpu_cores(), .most = alt_cpu_affinity(), .start = pthread_create};

    if (alt_fork_ready() != ALT_OK)
        return ALT_E_NOMEM;
    alt_process_lock();
    if (!shared.pool && (shared.pool = alt_pool_create(&setup)))
        alt_fork_add(&shared.pool->fork, &fork_hooks, shared.pool);
    struct alt_pool *pool = shared.pool;
    shared.users += pool != NULL;
    alt_process_unlock();
    if (!pool)
        return ALT_E_NOMEM;
    *out = pool;
    return ALT_OK;
}

void alt_pool_release(struct alt_pool *pool)
{
    if (!pool)
        return;
    alt_process_lock();
    const bool last = --shared.users == 0;
    if (last) {
        alt_fork_remove(&pool->fork);
        shared.pool = NULL;
    }
    alt_process_unlock();
    if (last)
        alt_pool_destroy(pool);
}
