/* session.c: making and freeing a session, publication of plans, statistics, fork. Runs are in session_run.c. */
#include "runtime/session.h"

#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/exec.h"
#include "runtime/model.h"
#include "runtime/options.h"
#include "runtime/pool.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DEFAULT_CONTEXTS = 64, ANY_NUMBER = INT_MAX };

static void for_each_plan(alt_session *s, void (*f)(struct alt_plan *))
{
    if (s->plan)
        f(s->plan);
    if (s->base && s->base != s->plan)
        f(s->base);
    if (s->exposure.candidate && s->exposure.candidate != s->base)
        f(s->exposure.candidate);
    if (s->open.plan)
        f(s->open.plan);
    for (struct alt_plan *p = s->retired; p; p = p->next)
        f(p);
}

static void lock_plan(struct alt_plan *p) { pthread_mutex_lock(&p->mutex); }
static void unlock_plan(struct alt_plan *p) { pthread_mutex_unlock(&p->mutex); }

/* Around fork: the child has this thread only, so every lock must be free and nothing may be waited for that another thread
 * would have done. Contexts and plans held by vanished threads are lost to the child, not to its bookkeeping. */
static void before_fork(void *context)
{
    alt_session *s = context;
    pthread_mutex_lock(&s->open.mutex);
    pthread_mutex_lock(&s->mutex);
    for_each_plan(s, lock_plan);
}

static void unlock_all(alt_session *s)
{
    for_each_plan(s, unlock_plan);
    pthread_mutex_unlock(&s->mutex);
    pthread_mutex_unlock(&s->open.mutex);
}

static void after_fork_parent(void *context)
{
    unlock_all(context);
}

static void forget_runs(struct alt_plan *p)
{
    p->n_contexts -= p->n_runs;
    p->n_runs = 0;
}

static void after_fork_child(void *context)
{
    alt_session *s = context;
    for_each_plan(s, forget_runs);
    s->under_way = 0;
    alt_turns_init(&s->turns, s->turns.limit);
    s->capture = NULL; /* whoever asked is gone */
    atomic_store_explicit(&s->capturing, false, memory_order_relaxed);
    (void)!alt_fork_condition(&s->returned);
    unlock_all(s);
}

static const struct alt_fork_hooks fork_hooks = {before_fork, after_fork_parent, after_fork_child};

struct alt_program_spec alt_session_spec(alt_session *session)
{
    return (struct alt_program_spec){.graph = session->model->graph, .policy = ALT_LAYOUT_BLOCKED, .mem = &session->mem,
                                     .weights = &session->model->weights,
                                     .crew = {session->pool, session->options.threads}};
}

static alt_status make_plan(alt_session *s, struct alt_diag *diag)
{
    const struct alt_program_spec spec = alt_session_spec(s);
    ALT_CHECK(alt_plan_create(&spec, diag, &s->base));
    s->plan = s->base;
    return ALT_OK;
}

static alt_status check_options(const alt_session_options *o, struct alt_diag *diag)
{
    if (o->custom_ops)
        return alt_diag_add(diag, ALT_E_ARGUMENT, "custom_ops is reserved and must be NULL");
    if (o->threads < 0 || o->max_contexts < 0)
        return alt_diag_add(diag, ALT_E_ARGUMENT, "threads and max_contexts must be 0 (default) or more");
    if (o->numerics != ALT_NUMERICS_FAST && o->numerics != ALT_NUMERICS_EXACT)
        return alt_diag_add(diag, ALT_E_ARGUMENT, "numerics must be ALT_NUMERICS_FAST or ALT_NUMERICS_EXACT");
    return ALT_OK;
}

/* A session with nothing but memory and locks. */
static alt_status allocate(const alt_session_options *options, alt_session **out)
{
    struct alt_mem first;
    alt_mem_init(&first, options->allocator, options->memory_limit);
    alt_session *s = alt_mem_alloc(&first, sizeof *s, ALT_ALIGN);
    if (!s)
        return ALT_E_NOMEM;
    memset(s, 0, sizeof *s);
    atomic_init(&s->refs, 1);
    s->options = *options;
    alt_mem_init_from(&s->mem, &first);
    if (alt_fork_condition(&s->returned) != ALT_OK || pthread_mutex_init(&s->mutex, NULL) != 0 ||
        pthread_mutex_init(&s->open.mutex, NULL) != 0) {
        first.hooks.free(first.hooks.context, s, sizeof *s);
        return ALT_E_SYSTEM;
    }
    *out = s;
    return ALT_OK;
}

static alt_status create(alt_model *model, const alt_session_options *given, alt_session **out, struct alt_diag *diag)
{
    alt_session_options options = {.size = sizeof options};
    alt_session *s = NULL;
    alt_status status;
    if (!model || !out)
        return alt_diag_add(diag, ALT_E_ARGUMENT, "model and out may not be NULL");
    if (!alt_options_copy(&options, sizeof options, given))
        return alt_diag_add(diag, ALT_E_ARGUMENT, "options: set size to sizeof(alt_session_options)");
    ALT_CHECK(check_options(&options, diag));
    ALT_CHECK(allocate(&options, &s));
    s->options.threads = options.threads ? options.threads : alt_cpu_cores();
    s->options.max_contexts = options.max_contexts ? options.max_contexts : DEFAULT_CONTEXTS;
    alt_turns_init(&s->turns, options.max_contexts || options.fail_when_busy ? ANY_NUMBER : alt_turns_limit(alt_cpu_cores()));
    s->model = alt_model_retain(model);
    ALT_TRY(alt_pool_acquire(&s->pool));
    ALT_TRY(make_plan(s, diag));
    alt_model_rest(model);
    ALT_TRY(alt_fork_register(&s->fork, &fork_hooks, s));
    *out = s;
    s = NULL;
done:
    alt_session_free(s);
    return status;
}

alt_status alt_session_create(alt_model *model, const alt_session_options *options, alt_session **out, alt_error **error)
{
    struct alt_diag diag = {0};
    return alt_diag_finish(&diag, create(model, options, out, &diag), error);
}

void alt_session_free(alt_session *session)
{
    if (!session)
        return;
    if (session->guest.object)
        session->guest.stop(session->guest.object);
    alt_fork_unregister(&session->fork);
    alt_session_withdraw(session);
    if (session->plan != session->base)
        alt_plan_free(session->plan);
    alt_plan_free(session->base);
    alt_session_collect(session);
    if (session->guest.object)
        session->guest.free(session->guest.object);
    alt_pool_release(session->pool);
    if (session->open.plan) {
        alt_plan_free(session->open.plan);
        alt_arena_free(&session->open.arena);
    }
    alt_model_free(session->model);
    alt_session_close_values(session);
    alt_session_unref(session);
}

/* Contexts that the current plan has: what the next one is given before it takes runs. */
static int contexts_in_use(alt_session *s)
{
    pthread_mutex_lock(&s->mutex);
    int n = s->plan->n_contexts;
    pthread_mutex_unlock(&s->mutex);
    return n;
}

/* Takes over `plan`; on failure it is freed. */
static alt_status make_ready(alt_session *s, struct alt_plan *plan, struct alt_diag *diag)
{
    alt_status status = alt_plan_warm(plan, s->plan, contexts_in_use(s), s->options.threads, diag);
    if (status != ALT_OK)
        alt_plan_free(plan);
    return status;
}

/* With the mutex held. The default plan stays: it takes the shapes that others do not. */
static void retire(alt_session *s, struct alt_plan *plan)
{
    if (!plan || plan == s->base)
        return;
    plan->retired = true;
    plan->next = s->retired;
    s->retired = plan;
}

alt_status alt_session_publish(alt_session *session, struct alt_plan *plan, struct alt_diag *diag)
{
    ALT_CHECK(make_ready(session, plan, diag));
    pthread_mutex_lock(&session->mutex);
    retire(session, session->plan);
    session->plan = plan;
    alt_turns_call(&session->turns);
    pthread_mutex_unlock(&session->mutex);
    atomic_fetch_add_explicit(&session->swaps, 1, memory_order_relaxed);
    alt_session_collect(session);
    return ALT_OK;
}

alt_status alt_session_expose(alt_session *session, struct alt_plan *plan, double share, struct alt_diag *diag)
{
    struct timespec now;
    if (session->exposure.candidate) {
        alt_plan_free(plan);
        return alt_diag_add(diag, ALT_E_ARGUMENT, "another candidate plan is being tried");
    }
    ALT_CHECK(make_ready(session, plan, diag));
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&session->mutex);
    alt_exposure_start(&session->exposure, plan, share, (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u);
    pthread_mutex_unlock(&session->mutex);
    return ALT_OK;
}

int alt_session_pairs(alt_session *session, struct alt_pair *out, int max)
{
    pthread_mutex_lock(&session->mutex);
    int n = alt_exposure_take(&session->exposure, out, max);
    pthread_mutex_unlock(&session->mutex);
    return n;
}

void alt_session_exchange(alt_session *session, double share)
{
    pthread_mutex_lock(&session->mutex);
    struct alt_plan *adopted = session->exposure.candidate;
    uint64_t seed = session->exposure.random;
    if (adopted) {
        alt_exposure_start(&session->exposure, session->plan, share, seed);
        session->plan = adopted;
    }
    alt_turns_call(&session->turns);
    pthread_mutex_unlock(&session->mutex);
    atomic_fetch_add_explicit(&session->swaps, adopted != NULL, memory_order_relaxed);
}

void alt_session_withdraw(alt_session *session)
{
    pthread_mutex_lock(&session->mutex);
    retire(session, session->exposure.candidate);
    alt_exposure_stop(&session->exposure);
    pthread_mutex_unlock(&session->mutex);
    alt_session_collect(session);
}

void alt_session_capture(alt_session *session, struct alt_capture *capture)
{
    pthread_mutex_lock(&session->mutex);
    capture->state = ALT_CAPTURE_WANTED;
    session->capture = capture;
    atomic_store_explicit(&session->capturing, true, memory_order_relaxed);
    pthread_mutex_unlock(&session->mutex);
}

bool alt_session_captured(alt_session *session, struct alt_capture *capture)
{
    pthread_mutex_lock(&session->mutex);
    while (capture->state == ALT_CAPTURE_COPYING)
        pthread_cond_wait(&session->returned, &session->mutex);
    bool done = capture->state == ALT_CAPTURE_DONE;
    session->capture = NULL;
    atomic_store_explicit(&session->capturing, false, memory_order_relaxed);
    pthread_mutex_unlock(&session->mutex);
    return done;
}

int alt_session_collect(alt_session *session)
{
    struct alt_plan *dead = NULL, *next;
    int left = 0;
    pthread_mutex_lock(&session->mutex);
    for (struct alt_plan **link = &session->retired; *link;) {
        struct alt_plan *p = *link;
        if (p->n_runs) {
            left++;
            link = &p->next;
            continue;
        }
        *link = p->next;
        p->next = dead;
        dead = p;
    }
    pthread_mutex_unlock(&session->mutex);
    for (; dead; dead = next) {
        next = dead->next;
        alt_plan_free(dead);
    }
    return left;
}

static size_t count_contexts(const alt_session *s)
{
    const struct alt_plan *candidate = s->exposure.candidate;
    int n = s->plan->n_contexts + (s->base != s->plan ? s->base->n_contexts : 0) +
            (s->open.plan ? s->open.plan->n_contexts : 0);
    if (candidate && candidate != s->base)
        n += candidate->n_contexts;
    for (const struct alt_plan *p = s->retired; p; p = p->next)
        n += p->n_contexts;
    return (size_t)n;
}

alt_status alt_session_stats(const alt_session *session, alt_stats *stats)
{
    if (!session || !stats || stats->size < sizeof stats->size)
        return ALT_E_ARGUMENT;
    alt_session *s = (alt_session *)(uintptr_t)session; /* the mutex changes, the session does not */
    alt_stats full = {.size = stats->size, .threads = s->options.threads};
    full.runs = atomic_load_explicit(&s->runs, memory_order_relaxed);
    full.runs_failed = atomic_load_explicit(&s->runs_failed, memory_order_relaxed);
    full.swaps = atomic_load_explicit(&s->swaps, memory_order_relaxed);
    full.bindings = atomic_load_explicit(&s->bindings, memory_order_relaxed);
    full.run_allocations = atomic_load_explicit(&s->run_allocations, memory_order_relaxed);
    full.bytes = atomic_load_explicit(&s->mem.used, memory_order_relaxed);
    full.peak_bytes = atomic_load_explicit(&s->mem.peak, memory_order_relaxed);
    pthread_mutex_lock(&s->mutex);
    full.contexts = count_contexts(s);
    pthread_mutex_unlock(&s->mutex);
    memcpy(stats, &full, stats->size < sizeof full ? stats->size : sizeof full);
    return ALT_OK;
}
