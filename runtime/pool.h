/* pool.h: the thread pool of the process.
 *
 * A run of a parallel loop is the caller's own work: it takes part, takes idle workers only, and never waits for a busy one.
 * Workers are threads started when a run first wants them, spin for a bounded time when they run out of work and then
 * sleep, so an idle pool uses no CPU. No more workers join than there are cores left: many callers at once each compute
 * alone rather than crowd each other out. Nor do more than cores exist to run on, however many are asked for: a thread without
 * a core keeps its tiles, and so the whole loop, waiting for a time slice. One pool a process (the documented exception to "no mutable globals": cores are
 * the process' too), shared by reference; the last release joins the threads.
 */
#ifndef ALT_RUNTIME_POOL_H
#define ALT_RUNTIME_POOL_H

#include <alt/base.h>

#include <pthread.h>

#define ALT_POOL_MAX_WORKERS 255

struct alt_pool;

/* Who takes part in a piece of work: up to `threads` threads of `pool`, the caller one of them; zero: the caller alone. */
struct alt_crew {
    struct alt_pool *pool; /* borrowed */
    int threads;
};

/* Does tiles [begin, end). `participant`: dense number of the thread within this loop, below `threads`; the caller's is 0. */
typedef void alt_pool_fn(void *arg, int participant, int64_t begin, int64_t end);

/* The pool of the process, one reference. No thread is started. ALT_E_NOMEM. */
alt_status alt_pool_acquire(struct alt_pool **out) ALT_MUST_USE;
/* NULL is ignored. No loop of this user may be running. */
void alt_pool_release(struct alt_pool *pool);

/* Runs `fn` over tiles [0, range), at most `threads` threads taking `grain` tiles at a time (both at least 1; the caller is one
 * of the threads); every tile is done, and visible to the caller, on return. Any thread, any number at once, from inside a loop
 * too. Cannot fail: without workers the caller does it all. `pool` NULL: the caller alone. */
void alt_pool_run(struct alt_pool *pool, int threads, int64_t range, int64_t grain, alt_pool_fn *fn, void *arg);

/* Leaves `cores` more of the cores to others (negative: fewer again): so many fewer workers join a loop from now on. Nobody is
 * waited for. */
void alt_pool_reserve(struct alt_pool *pool, int cores);

/* Threads alive, for statistics and tests. */
int alt_pool_workers(const struct alt_pool *pool);

/* A pool of its own, for tests. Not known to fork. */
struct alt_pool_setup {
    int cores; /* that loops share: a loop may have more threads when its caller asks for them... */
    int most;  /* ...but not more than these: the cores that threads can run on */
    /* pthread_create */
    int (*start)(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *context);
};
struct alt_pool *alt_pool_create(const struct alt_pool_setup *setup);
void alt_pool_destroy(struct alt_pool *pool);

#endif
