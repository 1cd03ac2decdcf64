/* session_run.c: one run from the caller's side: check what came in, borrow a context, execute, give answers.
 *
 * Memory ceiling: a run that cannot get memory while others are under way gives its context up and waits for one of theirs;
 * when it is alone it drops the idle contexts and tries once more. So a ceiling costs concurrency first and answers last. */
#include "runtime/error.h"
#include "runtime/exec.h"
#include "runtime/model.h"
#include "runtime/options.h"
#include "runtime/session.h"
#include "runtime/value.h"

#include <string.h>
#include <time.h>

enum { WAIT_NS = 10 * 1000 * 1000 }; /* how long a waiting run may overlook its cancel switch */

struct run {
    alt_session *session;
    alt_run_options options;
    const alt_value *const *inputs;
    size_t n_inputs;
    alt_value **outputs;
    struct alt_plan *plan;
    struct alt_context *context;
    struct alt_diag *diag;
    struct alt_plan *only; /* run this plan and no other; NULL: the one whose turn it is */
    bool open;             /* `only` is the session's plan for runs that replace a default value */
    uint64_t pair;         /* of the exposure this run belongs to; 0: none */
    bool candidate;
    uint64_t shape;        /* tells shapes apart */
    int64_t ns;            /* what the execution took; 0: does not count */
    uint64_t ended;        /* session->ended when the context was borrowed */
    uint64_t value_allocations;
    int attempt;           /* times it began anew */
};

static alt_status check_interrupt(const struct run *r, const struct timespec *now)
{
    if (r->options.cancel && atomic_load_explicit(&r->options.cancel->triggered, memory_order_relaxed))
        return alt_diag_add(r->diag, ALT_E_CANCELLED, "the run was cancelled while it waited for a context");
    if (r->options.deadline_ns && (int64_t)now->tv_sec * 1000000000 + now->tv_nsec > r->options.deadline_ns)
        return alt_diag_add(r->diag, ALT_E_DEADLINE, "the deadline passed while the run waited for a context");
    return ALT_OK;
}

/* With the mutex held: waits for `condition`, not beyond the deadline; for a moment only when that is asked for or the run can be
 * cancelled. */
static alt_status wait_for(struct run *r, pthread_cond_t *condition, bool briefly)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    ALT_CHECK(check_interrupt(r, &now));
    if (r->session->options.fail_when_busy)
        return alt_diag_add(r->diag, ALT_E_BUSY, "all %d contexts are in use, or the memory ceiling leaves no room for "
                            "another", r->session->plan->n_contexts);
    int64_t until = r->options.deadline_ns ? r->options.deadline_ns : INT64_MAX;
    const int64_t soon = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + WAIT_NS;
    if ((briefly || r->options.cancel) && soon < until)
        until = soon;
    if (until == INT64_MAX)
        pthread_cond_wait(condition, &r->session->mutex);
    else
        pthread_cond_timedwait(condition, &r->session->mutex, &(struct timespec){until / 1000000000, until % 1000000000});
    return ALT_OK;
}

/* With the mutex held. A candidate may have been withdrawn while the run waited. */
static struct alt_plan *next_plan(const struct run *r)
{
    if (r->only)
        return r->only;
    return r->candidate && r->session->exposure.candidate ? r->session->exposure.candidate : r->session->plan;
}

/* With the mutex held: a context of the plan, and nobody in the way. */
static bool has_room(const alt_session *s, const struct alt_plan *p)
{
    return (p->free || p->n_contexts < s->options.max_contexts) && alt_turns_room(&s->turns, s->under_way);
}

/* With the mutex held: in the order of arrival. */
static alt_status await_turn(struct run *r)
{
    alt_session *s = r->session;
    struct alt_turn turn;
    alt_status status = ALT_OK;
    if (!s->turns.first && has_room(s, next_plan(r)))
        return ALT_OK;
    ALT_CHECK(alt_turn_join(&s->turns, &turn));
    while (status == ALT_OK && (s->turns.first != &turn || !has_room(s, next_plan(r))))
        status = wait_for(r, &turn.called, false);
    alt_turn_leave(&s->turns, &turn);
    if (status != ALT_OK)
        alt_turns_call(&s->turns); /* the call may have been for this one */
    return status;
}

/* With the mutex held. */
static void take(struct run *r, struct alt_plan *p)
{
    alt_session *s = r->session;
    r->plan = p;
    r->context = p->free;
    if (p->free)
        p->free = p->free->next;
    else
        p->n_contexts++;
    p->n_runs++;
    s->under_way++;
    if (has_room(s, p))
        alt_turns_call(&s->turns);
}

/* Takes the plan whose turn it is and a context of it; a new one is made outside the lock. */
static alt_status borrow(struct run *r)
{
    alt_session *s = r->session;
    pthread_mutex_lock(&s->mutex);
    if (s->slots)
        alt_slot_arrive(s->slots);
    if (!r->only)
        r->candidate = alt_exposure_draw(&s->exposure, &r->pair);
    alt_status status = await_turn(r);
    if (status == ALT_OK)
        take(r, next_plan(r));
    r->ended = s->ended;
    pthread_mutex_unlock(&s->mutex);
    if (status == ALT_OK && !r->context)
        status = alt_context_create(r->plan->program, &s->mem, &r->context);
    return status;
}

/* Gives plan and context back; a context that is not wanted any more is freed. */
static void give_back(struct run *r, bool keep)
{
    alt_session *s = r->session;
    struct alt_context *gone = r->context;
    if (!r->plan)
        return;
    pthread_mutex_lock(&s->mutex);
    if (keep && r->context && !r->plan->retired) {
        r->context->next = r->plan->free;
        r->plan->free = r->context;
        gone = NULL;
    } else {
        r->plan->n_contexts--;
    }
    r->plan->n_runs--;
    s->under_way--;
    s->ended++;
    if (r->pair)
        alt_exposure_note(&s->exposure, r->pair, r->plan == s->exposure.candidate, r->shape, r->ns);
    r->pair = 0;
    if (r->ns)
        alt_turns_note(&s->turns, r->ns);
    alt_turns_call(&s->turns);
    pthread_cond_broadcast(&s->returned);
    pthread_mutex_unlock(&s->mutex);
    alt_context_free(gone);
    r->plan = NULL;
    r->context = NULL;
}

/* After a run was refused memory: true when it is worth trying again. */
static bool make_room(struct run *r, alt_status *status)
{
    alt_session *s = r->session;
    struct alt_context *idle = NULL;
    bool again = false;
    pthread_mutex_lock(&s->mutex);
    if (s->plan->free) {
        idle = s->plan->free;
        s->plan->free = NULL;
        for (struct alt_context *c = idle; c; c = c->next)
            s->plan->n_contexts--;
        again = true;
    } else if (s->plan->n_runs || s->ended != r->ended + 1) {
        alt_status waited = wait_for(r, &s->returned, true);
        again = waited == ALT_OK;
        if (!again)
            *status = waited;
    }
    pthread_mutex_unlock(&s->mutex);
    while (idle) {
        struct alt_context *next = idle->next;
        alt_context_free(idle);
        idle = next;
    }
    return again;
}

static const char *const kind_name[] = {"tensor", "sequence", "optional"};

/* Elements of a sequence or optional; an empty one has none that could be wrong. */
static alt_status check_group(struct run *r, const struct alt_gvalue *g, const alt_value *v)
{
    const bool fits = !v->count || (v->element_kind == g->type.element_kind && v->dtype == g->type.dtype);
    const bool deep = v->count && v->element_kind != ALT_TENSOR;
    if (fits && (!deep || !v->element[0]->count || v->element[0]->element_kind == ALT_TENSOR))
        return ALT_OK;
    return alt_diag_add(r->diag, ALT_E_ARGUMENT, "input \"%s\" holds %ss of %s, the model takes %ss of %s", g->name,
                        kind_name[v->element_kind], alt_dtype_name(v->dtype), kind_name[g->type.element_kind],
                        alt_dtype_name(g->type.dtype));
}

static alt_status check_input(struct run *r, int i, const alt_value *v)
{
    const struct alt_gvalue *g = r->session->model->graph->inputs[i];
    char want[160];
    if (v->kind != g->type.kind)
        return alt_diag_add(r->diag, ALT_E_ARGUMENT, "input \"%s\" is a %s, the model takes a %s", g->name,
                            kind_name[v->kind], kind_name[g->type.kind]);
    if (v->kind != ALT_TENSOR)
        return check_group(r, g, v);
    if (v->dtype != g->type.dtype)
        return alt_diag_add(r->diag, ALT_E_ARGUMENT, "input \"%s\" has type %s, the model takes %s", g->name,
                            alt_dtype_name(v->dtype), alt_dtype_name(g->type.dtype));
    const struct alt_shape *s = &g->type.shape;
    bool fits = s->rank < 0 || s->rank == v->rank;
    for (int d = 0; fits && d < s->rank; d++)
        fits = !alt_dim_known(s->dim[d]) || s->dim[d] == v->dims[d];
    if (fits)
        return ALT_OK;
    struct alt_shape got = {.rank = v->rank};
    char have[160];
    memcpy(got.dim, v->dims, (size_t)v->rank * sizeof *v->dims);
    return alt_diag_add(r->diag, ALT_E_SHAPE, "input \"%s\" has shape %s, the model takes %s", g->name,
                        alt_shape_print(NULL, &got, have, sizeof have),
                        alt_shape_print(r->session->model->graph->dims, s, want, sizeof want));
}

static alt_status take_inputs(struct run *r)
{
    const struct alt_graph *g = r->session->model->graph;
    for (int i = 0; i < g->n_inputs; i++) {
        const alt_value *v = (size_t)i < r->n_inputs ? r->inputs[i] : NULL;
        struct alt_tensor *t = &r->context->input[i];
        if (!v && !g->inputs[i]->initial)
            return alt_diag_add(r->diag, ALT_E_ARGUMENT, "input \"%s\" is missing", g->inputs[i]->name);
        if (!v) {
            /* Where the plan has the default as a constant nobody looks at the input. */
            *t = r->open ? r->session->open.initial[i] : *g->inputs[i]->initial;
            continue;
        }
        ALT_CHECK(check_input(r, i, v));
        *t = alt_value_view(v);
    }
    return ALT_OK;
}

static alt_status check_output(const struct run *r, int i, alt_dtype dtype, int rank, const int64_t *dims)
{
    const alt_value *v = r->outputs[i];
    const char *name = r->session->model->graph->outputs[i]->name;
    if (v->kind != ALT_TENSOR || v->dtype != dtype)
        return alt_diag_add(r->diag, ALT_E_ARGUMENT, "output \"%s\" is a tensor of %s, the value given has type %s", name,
                            alt_dtype_name(dtype), alt_dtype_name(v->dtype));
    if (v->rank == rank && (!rank || memcmp(v->dims, dims, (size_t)rank * sizeof *dims) == 0))
        return ALT_OK;
    struct alt_shape have = {.rank = v->rank}, want = {.rank = rank};
    char a[160], b[160];
    memcpy(have.dim, v->dims, (size_t)v->rank * sizeof *dims);
    memcpy(want.dim, dims, (size_t)rank * sizeof *dims);
    return alt_diag_add(r->diag, ALT_E_SHAPE, "output \"%s\" has shape %s, the value given has %s", name,
                        alt_shape_print(NULL, &want, a, sizeof a), alt_shape_print(NULL, &have, b, sizeof b));
}

static alt_status own_output(struct run *r, int i, alt_dtype dtype, int rank, const int64_t *dims)
{
    bool made = false;
    alt_status status = alt_session_value(r->session, dtype, rank, dims, &r->outputs[i], &made);
    r->value_allocations += made;
    return status;
}

static alt_status place_output(void *user, int i, alt_dtype dtype, int rank, const int64_t *dims, struct alt_diag *diag,
                               void **data)
{
    struct run *r = user;
    (void)diag;
    if (r->context->given[i])
        ALT_CHECK(check_output(r, i, dtype, rank, dims));
    else
        ALT_CHECK(own_output(r, i, dtype, rank, dims));
    *data = r->outputs[i]->data;
    return ALT_OK;
}

static alt_status give_strings(struct run *r, int i, const struct alt_tensor *t)
{
    const alt_string *strings = t->data;
    if (r->context->given[i])
        ALT_CHECK(check_output(r, i, ALT_STRING, t->rank, t->dim));
    else
        return alt_value_strings(&r->session->mem.hooks, (size_t)t->rank, t->dim, strings, &r->outputs[i]);
    for (size_t k = 0; k < r->outputs[i]->count; k++)
        ALT_CHECK(alt_value_set_string(r->outputs[i], k, strings[k]));
    return ALT_OK;
}

/* What no step could write in place: strings, and values that are not tensors. */
static alt_status give_output(void *user, int i, const struct alt_tensor *t, struct alt_diag *diag)
{
    struct run *r = user;
    (void)diag;
    if (t->dtype == ALT_STRING)
        return give_strings(r, i, t);
    const alt_value *v = t->data;
    if (r->context->given[i])
        return alt_diag_add(r->diag, ALT_E_ARGUMENT, "output \"%s\" is a %s, which cannot be written into a given value: "
                            "leave its place NULL", r->session->model->graph->outputs[i]->name, kind_name[v->kind]);
    return alt_session_answer(r->session, v, &r->outputs[i], &r->value_allocations);
}

/* Answers of a run that failed, or that will be tried again, go back. */
static void drop_outputs(struct run *r)
{
    for (int i = 0; i < r->context->n_outputs; i++) {
        if (r->context->given[i])
            continue;
        alt_value_release(r->outputs[i]);
        r->outputs[i] = NULL;
    }
}

static bool fits_capture(const struct run *r, const struct alt_capture *c)
{
    for (int i = 0; i < r->context->n_inputs; i++) {
        const struct alt_tensor *t = &r->context->input[i];
        const alt_value *v = c->values[i];
        if (v && (v->bytes != t->bytes || v->rank != t->rank || v->dtype == ALT_STRING ||
                  (t->rank && memcmp(v->dims, t->dim, (size_t)t->rank * sizeof *t->dim) != 0)))
            return false;
    }
    return true;
}

/* Copies this run's inputs when the publisher has asked for some. The flag is read without the lock on the way that all runs
 * take; a stale answer costs a lock operation or one more run until the copy. */
static void serve_capture(struct run *r)
{
    alt_session *s = r->session;
    if (!atomic_load_explicit(&s->capturing, memory_order_relaxed) || r->only)
        return;
    pthread_mutex_lock(&s->mutex);
    struct alt_capture *c = s->capture && fits_capture(r, s->capture) ? s->capture : NULL;
    if (c) {
        s->capture = NULL;
        atomic_store_explicit(&s->capturing, false, memory_order_relaxed);
        c->state = ALT_CAPTURE_COPYING;
    }
    pthread_mutex_unlock(&s->mutex);
    if (!c)
        return;
    for (int i = 0; i < r->context->n_inputs; i++)
        if (c->values[i] && c->values[i]->bytes)
            memcpy(c->values[i]->data, r->context->input[i].data, c->values[i]->bytes);
    pthread_mutex_lock(&s->mutex);
    c->state = ALT_CAPTURE_DONE;
    pthread_cond_broadcast(&s->returned);
    pthread_mutex_unlock(&s->mutex);
}

static alt_status execute(struct run *r)
{
    alt_session *s = r->session;
    const struct alt_exec_outputs outputs = {place_output, give_output, r};
    int threads = r->options.threads > 0 && r->options.threads < s->options.threads ? r->options.threads
                                                                                    : s->options.threads;
    uint64_t before = r->context->allocations;
    for (int i = 0; i < r->context->n_outputs; i++)
        r->context->given[i] = r->outputs[i] != NULL;
    ALT_CHECK(take_inputs(r));
    serve_capture(r);
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    struct alt_exec x = {.program = r->plan->program, .bindings = &r->plan->bindings, .nested = r->plan->nested, .context = r->context,
                         .pool = s->pool, .threads = threads, .inputs = r->context->input, .outputs = &outputs,
                         .cancel = r->options.cancel, .deadline_ns = r->options.deadline_ns, .on_step = r->options.on_step,
                         .step_context = r->options.step_context, .attempt = r->attempt, .diag = r->diag};
    alt_status status = alt_exec_run(&x);
    clock_gettime(CLOCK_MONOTONIC, &end);
    r->shape = x.shape;
    r->ns = x.warm && status == ALT_OK ? (end.tv_sec - begin.tv_sec) * 1000000000 + (end.tv_nsec - begin.tv_nsec) : 0;
    if (status != ALT_OK)
        drop_outputs(r);
    atomic_fetch_add_explicit(&s->bindings, (uint64_t)x.made, memory_order_relaxed);
    if (x.warm)
        atomic_fetch_add_explicit(&s->run_allocations,
                                  r->context->allocations - before + r->value_allocations + (uint64_t)x.made,
                                  memory_order_relaxed);
    return status;
}

static alt_status check_call(struct run *r, const alt_run_options *options, size_t n_outputs)
{
    if (!r->session || (r->n_inputs && !r->inputs) || (n_outputs && !r->outputs))
        return alt_diag_add(r->diag, ALT_E_ARGUMENT, "session, inputs and outputs may not be NULL");
    const struct alt_graph *g = r->session->model->graph;
    if (!alt_options_copy(&r->options, sizeof r->options, options))
        return alt_diag_add(r->diag, ALT_E_ARGUMENT, "options: set size to sizeof(alt_run_options)");
    if (r->n_inputs > (size_t)g->n_inputs)
        return alt_diag_add(r->diag, ALT_E_ARGUMENT, "%zu inputs given, the model has %d", r->n_inputs, g->n_inputs);
    if (n_outputs != (size_t)g->n_outputs)
        return alt_diag_add(r->diag, ALT_E_ARGUMENT, "%zu places for outputs given, the model has %d", n_outputs,
                            g->n_outputs);
    return ALT_OK;
}

static alt_status run(struct run *r)
{
    alt_status status;
    bool again;
    do {
        again = false;
        r->value_allocations = 0;
        status = borrow(r);
        if (status == ALT_OK)
            status = execute(r);
        give_back(r, status != ALT_E_NOMEM);
        if (status == ALT_E_ILLEGAL && !r->only) {
            r->only = r->session->base; /* a kernel of the plan does not take this shape: the default plan does */
            again = true;
        }
        if (status == ALT_E_NOMEM)
            again = make_room(r, &status);
        if (again) {
            alt_diag_clear(r->diag);
            r->attempt++;
        }
    } while (again);
    if (status == ALT_E_NOMEM)
        alt_diag_add(r->diag, status, "no memory for the run: the session holds %zu bytes, its ceiling is %zu (0: none)",
                     atomic_load_explicit(&r->session->mem.used, memory_order_relaxed), r->session->mem.limit);
    atomic_fetch_add_explicit(status == ALT_OK ? &r->session->runs : &r->session->runs_failed, 1, memory_order_relaxed);
    return status;
}

alt_status alt_session_run_plan(alt_session *session, struct alt_plan *plan, const alt_run_options *options,
                                const alt_value *const *inputs, alt_value **outputs, struct alt_diag *diag)
{
    struct run r = {.session = session, .options = {.size = sizeof r.options}, .inputs = inputs,
                    .n_inputs = (size_t)session->model->graph->n_inputs, .outputs = outputs, .diag = diag, .only = plan};
    ALT_CHECK(check_call(&r, options, (size_t)session->model->graph->n_outputs));
    return run(&r);
}

alt_status alt_session_run(alt_session *session, const alt_run_options *options, const alt_value *const *inputs,
                           size_t input_count, alt_value **outputs, size_t output_count, alt_error **error)
{
    struct alt_diag diag = {0};
    struct run r = {.session = session, .options = {.size = sizeof r.options}, .inputs = inputs, .n_inputs = input_count,
                    .outputs = outputs, .diag = &diag};
    alt_status status = check_call(&r, options, output_count);
    if (status == ALT_OK)
        status = alt_session_open(session, inputs, input_count, &diag, &r.only);
    r.open = r.only != NULL;
    if (status == ALT_OK)
        status = run(&r);
    return alt_diag_finish(&diag, status, error);
}
