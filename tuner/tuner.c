/* tuner.c: the tuner's public face and its thread: find out what there is to tune, start from what is remembered, explore
 * the heaviest kinds of regions first, confirm winners in a few candidate plans, and stop at the plateau or with the budget. */
#include "tuner/tuner.h"

#include "runtime/model.h"
#include "runtime/options.h"
#include "tuner/machine.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_BUDGET_S 120
#define DEFAULT_SHARE 0.1
#define BUNDLE_S 4.0 /* winners are collected for so long before a plan with them is tried */
#define WATCH_S 10.0 /* the plan that was replaced goes on taking a few runs for so long */
enum { WAIT_MS = 20 };

double alt_tuner_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool alt_tuner_stopping(struct alt_tuner *t)
{
    pthread_mutex_lock(&t->mutex);
    bool stop = t->stop;
    pthread_mutex_unlock(&t->mutex);
    return stop;
}

bool alt_tuner_over(struct alt_tuner *t)
{
    return alt_tuner_now() - t->started_s > t->options.budget_s || alt_tuner_stopping(t);
}

bool alt_tuner_pause(struct alt_tuner *t, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&t->mutex);
    while (!t->stop && pthread_cond_timedwait(&t->wake, &t->mutex, &until) == 0)
        ;
    bool stop = t->stop;
    pthread_mutex_unlock(&t->mutex);
    return stop;
}

void alt_tuner_note(struct alt_tuner *t, const char *format, ...)
{
    va_list args;
    pthread_mutex_lock(&t->mutex);
    va_start(args, format);
    vsnprintf(t->report.note, sizeof t->report.note, format, args);
    va_end(args);
    pthread_mutex_unlock(&t->mutex);
}

static void set_phase(struct alt_tuner *t, alt_tuning_phase phase)
{
    pthread_mutex_lock(&t->mutex);
    t->report.phase = phase;
    t->report.elapsed_s = alt_tuner_now() - t->started_s;
    pthread_mutex_unlock(&t->mutex);
}

/* Remembered winners, without a test of their own: they won on this machine before, and probation follows. */
static bool start_warm(struct alt_tuner *t)
{
    struct alt_plan *plan = NULL;
    int regions = 0;
    if (!alt_choose_remembered(t) || alt_choose_plan(t, &plan, &regions) != ALT_OK || !regions) {
        alt_plan_free(plan);
        return false;
    }
    if (alt_session_publish(t->session, plan, NULL) != ALT_OK)
        return false;
    for (int i = 0; i < t->n_subjects; i++)
        t->subject[i].chosen = t->subject[i].candidate;
    alt_swap swap = {.at_s = alt_tuner_now() - t->started_s, .regions = (uint32_t)regions, .evidence = "record"};
    pthread_mutex_lock(&t->mutex);
    t->report.swaps[t->report.n_swaps++] = swap;
    pthread_mutex_unlock(&t->mutex);
    return true;
}

static void find_subjects(struct alt_tuner *t, const alt_value *const *example)
{
    if (t->n_subjects || !alt_subjects_find(t, example))
        return;
    bool first = atomic_load_explicit(&t->session->runs, memory_order_relaxed) == 0;
    bool warm = start_warm(t);
    pthread_mutex_lock(&t->mutex);
    t->report.regions = (uint32_t)t->n_subjects;
    t->report.warm = warm && first;
    pthread_mutex_unlock(&t->mutex);
}

/* A subject that the cache knows need not be explored again. */
static bool known(const struct alt_subject *s)
{
    return s->chosen != 0;
}

static void confirm(struct alt_tuner *t)
{
    if (!alt_choose_best(t))
        return;
    set_phase(t, ALT_TUNING_CONFIRMING);
    if (alt_confirm(t))
        alt_confirm_watch(t, WATCH_S);
    set_phase(t, ALT_TUNING_EXPLORING);
}

static void explore_all(struct alt_tuner *t)
{
    double last = alt_tuner_now();
    for (int i = 0; i < t->n_subjects && !alt_explore_over(t); i++) {
        struct alt_subject *s = &t->subject[i];
        bool alive = known(s) || alt_explore(t, s);
        s->explored = true;
        pthread_mutex_lock(&t->mutex);
        t->report.explored++;
        pthread_mutex_unlock(&t->mutex);
        if (!alive)
            break;
        if (alt_tuner_now() - last > BUNDLE_S) {
            confirm(t);
            last = alt_tuner_now();
        }
    }
    alt_explore_end(t);
    if (!alt_tuner_stopping(t))
        confirm(t);
}

static void *work(void *context)
{
    struct alt_tuner *t = context;
    set_phase(t, ALT_TUNING_EXPLORING);
    while (!t->n_subjects && !alt_tuner_over(t)) {
        if (atomic_load_explicit(&t->session->runs, memory_order_relaxed))
            find_subjects(t, NULL);
        if (!t->n_subjects) {
            if (t->regions.n_base)
                break; /* found, and nothing that code can be generated for */
            alt_tuner_pause(t, WAIT_MS);
        }
    }
    explore_all(t);
    set_phase(t, ALT_TUNING_DONE);
    return NULL;
}

static void stop(void *object)
{
    struct alt_tuner *t = object;
    pthread_mutex_lock(&t->mutex);
    t->stop = true;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->mutex);
    if (t->running)
        pthread_join(t->thread, NULL);
    t->running = false;
    alt_session_withdraw(t->session);
}

/* Around fork (fork.h): tuning stays with the process that began it. The child's session serves on with the plan it has; what
 * the vanished thread held (records, helpers, the page of slots) is the parent's and not touched. */
static void before_fork(void *object) { pthread_mutex_lock(&((struct alt_tuner *)object)->mutex); }
static void after_fork_parent(void *object) { pthread_mutex_unlock(&((struct alt_tuner *)object)->mutex); }

static void after_fork_child(void *object)
{
    struct alt_tuner *t = object;
    if (t->running) {
        t->running = false;
        t->records = NULL;
        alt_child_forget(&t->worker);
        alt_slots_forget(&t->slots);
        (void)!alt_fork_condition(&t->wake);
        t->report.phase = ALT_TUNING_DONE;
        snprintf(t->report.note, sizeof t->report.note, "tuning goes on in the process that began it");
    }
    pthread_mutex_unlock(&t->mutex);
    alt_session_withdraw(t->session);
}

static const struct alt_fork_hooks fork_hooks = {before_fork, after_fork_parent, after_fork_child};

static void end(void *object)
{
    struct alt_tuner *t = object;
    alt_fork_unregister(&t->fork);
    int n = t->session->model->graph->n_inputs;
    for (int i = 0; t->inputs && i < n; i++)
        alt_value_release(t->inputs[i]);
    alt_mem_free(&t->mem, t->inputs, (size_t)(n + 1) * sizeof *t->inputs);
    alt_subjects_free(t);
    alt_records_close(t->records);
    alt_arena_free(&t->arena);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}

/* The host's signals are the host's: none is delivered to the tuner's thread. */
static alt_status start_thread(struct alt_tuner *t)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int e = pthread_create(&t->thread, NULL, work, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    t->running = e == 0;
    return e == 0 ? ALT_OK : ALT_E_SYSTEM;
}

static alt_status make(alt_session *session, const alt_tuning_options *given, struct alt_tuner **out,
                       struct alt_diag *diag)
{
    alt_tuning_options o = {.size = sizeof o};
    if (!alt_options_copy(&o, sizeof o, given))
        return alt_diag_add(diag, ALT_E_ARGUMENT, "options: set size to sizeof(alt_tuning_options)");
    o.mode = o.mode ? o.mode : ALT_TUNE_ONLINE;
    o.budget_s = o.budget_s > 0 ? o.budget_s : DEFAULT_BUDGET_S;
    o.share = o.share > 0 ? o.share : DEFAULT_SHARE;
    if (o.mode > ALT_TUNE_NOW || o.share > 1)
        return alt_diag_add(diag, ALT_E_ARGUMENT, "mode must be one of alt_tune, share at most 1");
    struct alt_tuner *t = calloc(1, sizeof *t);
    if (!t)
        return ALT_E_NOMEM;
    if (alt_fork_condition(&t->wake) != ALT_OK) {
        free(t);
        return ALT_E_SYSTEM;
    }
    pthread_mutex_init(&t->mutex, NULL);
    t->session = session;
    t->options = o;
    t->slots.fd = t->worker.socket = t->worker.errors = -1;
    t->started_s = alt_tuner_now();
    alt_mem_init(&t->mem, &session->mem.hooks, 0);
    alt_arena_init(&t->arena, &t->mem);
    *out = t;
    return ALT_OK;
}

static void open_records(struct alt_tuner *t)
{
    char why[256] = "";
    if (t->options.cache && !*t->options.cache)
        return;
    if (alt_records_open(t->options.cache, &t->records, why, sizeof why) != ALT_OK)
        alt_tuner_note(t, "nothing is remembered: %s", why);
}

static bool attach(alt_session *session, struct alt_tuner *t)
{
    pthread_mutex_lock(&session->mutex);
    bool free_place = !session->guest.object;
    if (free_place)
        session->guest = (struct alt_session_guest){stop, end, t};
    pthread_mutex_unlock(&session->mutex);
    return free_place;
}

static alt_status start(alt_session *session, const alt_tuning_options *options, struct alt_diag *diag)
{
    struct alt_tuner *t = NULL;
    if (!session)
        return alt_diag_add(diag, ALT_E_ARGUMENT, "session may not be NULL");
    ALT_CHECK(make(session, options, &t, diag));
    if (!attach(session, t)) {
        end(t);
        return alt_diag_add(diag, ALT_E_ARGUMENT, "this session is being tuned already");
    }
    open_records(t);
    find_subjects(t, t->options.example);
    t->options.example = NULL; /* borrowed for this call */
    ALT_CHECK(alt_fork_register(&t->fork, &fork_hooks, t));
    if (t->options.mode == ALT_TUNE_REPLAY) {
        alt_records_close(t->records);
        t->records = NULL;
        set_phase(t, ALT_TUNING_DONE);
        return ALT_OK;
    }
    return start_thread(t);
}

alt_status alt_session_tune(alt_session *session, const alt_tuning_options *options, alt_error **error)
{
    struct alt_diag diag = {0};
    return alt_diag_finish(&diag, start(session, options, &diag), error);
}

alt_status alt_session_tuning(alt_session *session, alt_tuning_report *report)
{
    if (!session || !report || report->size < sizeof report->size)
        return ALT_E_ARGUMENT;
    alt_tuning_report full = {.phase = ALT_TUNING_IDLE};
    pthread_mutex_lock(&session->mutex);
    struct alt_tuner *t = session->guest.object;
    pthread_mutex_unlock(&session->mutex);
    if (t) {
        pthread_mutex_lock(&t->mutex);
        full = t->report;
        pthread_mutex_unlock(&t->mutex);
        if (full.phase != ALT_TUNING_DONE)
            full.elapsed_s = alt_tuner_now() - t->started_s;
    }
    full.size = report->size;
    memcpy(report, &full, full.size < sizeof full ? full.size : sizeof full);
    return ALT_OK;
}

const char *alt_tuning_cause(size_t index)
{
    return index + 1 < ALT_CAUSE_COUNT ? alt_cause_name((enum alt_cause)(index + 1)) : NULL;
}
