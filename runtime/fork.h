/* fork.h: a process that forks after load works in the child.
 *
 * One process-wide mutex is held across fork(2), and objects register hooks that run around it: a lock held by another
 * thread at the moment of the fork would stay locked in the child for ever, and threads do not follow. `prepare` takes the
 * object's locks, `parent` and `child` give them back; `child` also forgets the threads that are gone. Hooks run newest first
 * before the fork and oldest first after it. Library state is otherwise per object; this and the thread pool it guards are
 * the process' (threads and forks are the process' too). posix_spawn and vfork run no hooks and need none.
 */
#ifndef ALT_RUNTIME_FORK_H
#define ALT_RUNTIME_FORK_H

#include <alt/base.h>

#include <pthread.h>

/* Each function may be NULL. */
struct alt_fork_hooks {
    void (*prepare)(void *context);
    void (*parent)(void *context);
    void (*child)(void *context);
};

/* Lies in the object that registers; zero: not registered. */
struct alt_fork {
    const struct alt_fork_hooks *hooks; /* borrowed */
    void *context;
    struct alt_fork *next, *prev; /* guarded by the process lock */
};

/* Hooks run from now on. No lock that a hook takes may be held. The first call installs the handlers in the C library,
 * which drops them when libalt is unloaded (pthread_atfork ties them to the object that calls it). ALT_E_NOMEM. */
alt_status alt_fork_register(struct alt_fork *fork, const struct alt_fork_hooks *hooks, void *context) ALT_MUST_USE;
/* Nothing happens when `fork` is not registered. No lock that a hook takes may be held. */
void alt_fork_unregister(struct alt_fork *fork);

/* A condition on CLOCK_MONOTONIC. Made once more in the child: what vanished threads wait for can never be destroyed. ALT_E_SYSTEM. */
alt_status alt_fork_condition(pthread_cond_t *condition) ALT_MUST_USE;

/* The process-wide mutex, for the few things that are the process' own (the pool). Order: before every lock that a hook takes.
 * Rarely held, never during a run. alt_fork_ready once, without the lock, before adding with it held. */
void alt_process_lock(void);
void alt_process_unlock(void);
alt_status alt_fork_ready(void) ALT_MUST_USE;
void alt_fork_add(struct alt_fork *fork, const struct alt_fork_hooks *hooks, void *context);
void alt_fork_remove(struct alt_fork *fork);

#endif
