/* fork.c: hooks around fork(2). The C library's handlers are installed outside of the process lock: it may hold its own lock
 * while it runs ours, which take the process lock, so the other order would be a deadlock. */
#include "runtime/fork.h"

#include <pthread.h>

static pthread_mutex_t process_mutex = PTHREAD_MUTEX_INITIALIZER; /* guards `newest`, and what its other callers say */
static struct alt_fork *newest;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int install_error; /* written once, under `once` */

void alt_process_lock(void)
{
    pthread_mutex_lock(&process_mutex);
}

void alt_process_unlock(void)
{
    pthread_mutex_unlock(&process_mutex);
}

static void before(void)
{
    alt_process_lock();
    for (const struct alt_fork *f = newest; f; f = f->next)
        if (f->hooks->prepare)
            f->hooks->prepare(f->context);
}

static const struct alt_fork *oldest(void)
{
    const struct alt_fork *f = newest;

    while (f && f->next)
        f = f->next;
    return f;
}

static void after_in_parent(void)
{
    for (const struct alt_fork *f = oldest(); f; f = f->prev)
        if (f->hooks->parent)
            f->hooks->parent(f->context);
    alt_process_unlock();
}

static void after_in_child(void)
{
    for (const struct alt_fork *f = oldest(); f; f = f->prev)
        if (f->hooks->child)
            f->hooks->child(f->context);
    alt_process_unlock();
}

static void install(void)
{
    install_error = pthread_atfork(before, after_in_parent, after_in_child);
}

alt_status alt_fork_ready(void)
{
    pthread_once(&once, install);
    return install_error ? ALT_E_NOMEM : ALT_OK;
}

void alt_fork_add(struct alt_fork *fork, const struct alt_fork_hooks *hooks, void *context)
{
    *fork = (struct alt_fork){hooks, context, newest, NULL};
    if (newest)
        newest->prev = fork;
    newest = fork;
}

void alt_fork_remove(struct alt_fork *fork)
{
    if (!fork->hooks)
        return;
    if (fork->next)
        fork->next->prev = fork->prev;
    if (fork->prev)
        fork->prev->next = fork->next;
    else
        newest = fork->next;
    *fork = (struct alt_fork){NULL, NULL, NULL, NULL};
}

alt_status alt_fork_register(struct alt_fork *fork, const struct alt_fork_hooks *hooks, void *context)
{
    if (alt_fork_ready() != ALT_OK)
        return ALT_E_NOMEM;
    alt_process_lock();
    alt_fork_add(fork, hooks, context);
    alt_process_unlock();
    return ALT_OK;
}

void alt_fork_unregister(struct alt_fork *fork)
{
    alt_process_lock();
    alt_fork_remove(fork);
    alt_process_unlock();
}

alt_status alt_fork_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0)
        return ALT_E_SYSTEM;
    const bool made =
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 && pthread_cond_init(condition, &attr) == 0;
    pthread_condattr_destroy(&attr);
    return made ? ALT_OK : ALT_E_SYSTEM;
}
