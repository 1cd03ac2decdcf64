/* exec.c: a run is a chain of segments (binding.h): find or make the binding, make room, resolve addresses, run the steps;
 * until all steps are done. Waves of steps (wave.h) run in program order on the caller's thread; one that is worth it lends its tiles
 * to idle workers of the pool. */
#include "runtime/exec.h"

#include "runtime/flush.h"
#include "runtime/pool.h"
#include "runtime/profile.h"
#include "runtime/wave.h"

#include <string.h>
#include <time.h>

/* Every thread that takes part in a step gets at least about this many operations: waking a worker costs about 5 us, some 10^4
 * operations. So small steps stay on the caller. */
#define THREAD_FLOPS 5e4
/* Tiles are handed out in about this many pieces a thread, so that one slow core does not hold up the others. */
enum { PIECES = 4 };
/* A run that can be stopped looks up after about this many operations of a long step, some 10 ms of them. */
#define STOP_FLOPS 5e7

static char *address(const struct alt_exec *x, const struct alt_bvalue *v)
{
    char *base = ((char **)x->context->base.data)[v->root];
    return base ? base + v->offset : NULL;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Why the run should stop, or ALT_OK. Any of its threads. */
static alt_status stop_reason(const struct alt_exec *x)
{
    if (x->cancel && atomic_load_explicit(&x->cancel->triggered, memory_order_relaxed))
        return ALT_E_CANCELLED;
    return !x->deadline_ns || now_ns() <= x->deadline_ns ? ALT_OK : ALT_E_DEADLINE;
}

static alt_status report_stop(const struct alt_exec *x, alt_status reason)
{
    if (reason == ALT_OK)
        return ALT_OK;
    return alt_diag_add(x->diag, reason, "%s",
                        reason == ALT_E_CANCELLED ? "the run was cancelled"
                                                  : "the run did not end before its deadline");
}

alt_status alt_exec_interrupted(const struct alt_exec *x)
{
    return report_stop(x, stop_reason(x));
}

/* A wave under way; most are one step. */
struct wave {
    const struct alt_exec *x;
    char *scratch;
    size_t scratch_bytes; /* a participant */
    _Atomic int stopped;  /* the reason (alt_status); relaxed: threads only have to notice some time, and the loop's end
                             publishes it to the caller */
    int n_steps;
    struct wave_step {
        int step;      /* of the program */
        const struct alt_bstep *bound;
        struct alt_kargs args;
        int64_t look;  /* tiles between two looks at the clock; 0: none is taken */
        int64_t first; /* the number of its first piece */
        int64_t pieces, grain; /* pieces of so many tiles */
        int32_t fault;
    } at[ALT_WAVE_STEPS];
};

/* Tiles between two looks at cancel switch and deadline. */
static int64_t look_of(const struct alt_exec *x, const struct alt_bstep *bs)
{
    if ((!x->cancel && !x->deadline_ns) || bs->flops <= STOP_FLOPS)
        return 0;
    double tiles = (double)bs->range * STOP_FLOPS / bs->flops;
    return tiles >= 1 ? (int64_t)tiles : 1;
}

static bool goes_on(struct wave *w)
{
    if (atomic_load_explicit(&w->stopped, memory_order_relaxed) != ALT_OK)
        return false;
    alt_status reason = stop_reason(w->x);
    if (reason != ALT_OK)
        atomic_store_explicit(&w->stopped, (int)reason, memory_order_relaxed);
    return reason == ALT_OK;
}

static void run_tiles(struct wave *w, const struct wave_step *at, int participant, int64_t begin, int64_t end)
{
    struct alt_kargs args = at->args;
    args.scratch = w->scratch ? w->scratch + (size_t)participant * w->scratch_bytes : NULL;
    for (args.begin = begin; args.begin < end; args.begin = args.end) {
        args.end = at->look && end - args.begin > at->look ? args.begin + at->look : end;
        if (at->look && !goes_on(w))
            return;
        at->bound->kernel->fn(&args);
    }
}

static void run_pieces(void *arg, int participant, int64_t begin, int64_t end)
{
    struct wave *w = arg;
    for (int i = 0; i < w->n_steps; i++) {
        const struct wave_step *at = &w->at[i];
        const int64_t from = begin > at->first ? begin - at->first : 0, to = end - at->first < at->pieces ? end - at->first : at->pieces;
        if (from < to)
            run_tiles(w, at, participant, from * at->grain, to < at->pieces ? to * at->grain : at->bound->range);
    }
}

static void resolve(const struct alt_exec *x, const struct alt_binding *b, const struct alt_step *step,
                    const struct alt_bstep *bs, struct alt_koperand *operand)
{
    int n = step->n_in + step->n_out;
    memcpy(operand, bs->operand, (size_t)n * sizeof *operand);
    for (int i = 0; i < n; i++) {
        int v = i < step->n_in ? step->in[i] : step->out[i - step->n_in];
        if (v >= 0)
            operand[i].data = address(x, &b->value[v]);
    }
}

/* At most so many take part in kernel steps of so many tiles and operations. */
static int threads_of(const struct alt_exec *x, int64_t tiles, double flops)
{
    const double most = (double)tiles < flops / THREAD_FLOPS ? (double)tiles : flops / THREAD_FLOPS;
    return most < 2 ? 1 : most < x->threads ? (int)most : x->threads;
}

/* The kernel steps of [s, end) that have something to do. */
static void gather_wave(const struct alt_exec *x, const struct alt_binding *b, int s, int end, struct wave *w)
{
    struct alt_koperand *operand = x->context->operand.data;
    for (; s < end; s++) {
        const struct alt_step *step = &x->program->step[s];
        const struct alt_bstep *bs = &b->step[s - b->first];
        if (bs->skip || bs->range <= 0)
            continue;
        struct wave_step *at = &w->at[w->n_steps++];
        const int n = step->n_in + step->n_out;
        resolve(x, b, step, bs, operand);
        at->step = s;
        at->bound = bs;
        at->look = look_of(x, bs);
        at->fault = ALT_FAULT_NONE;
        at->args = (struct alt_kargs){.abi = ALT_KERNEL_ABI, .operand_count = (uint32_t)n, .operand = operand, .extent = bs->extent,
                                      .params = bs->params, .fault = &at->fault};
        operand += n;
    }
}

/* Pieces of about equal work, `wanted` of them or some more. */
static int64_t cut_wave(struct wave *w, double flops, double wanted)
{
    int64_t pieces = 0;
    for (int i = 0; i < w->n_steps; i++) {
        struct wave_step *at = &w->at[i];
        const int64_t range = at->bound->range;
        const double share = wanted * at->bound->flops / flops;
        at->first = pieces;
        at->grain = share < 1 ? range : share < (double)range ? (int64_t)((double)range / share) : 1;
        at->pieces = (range + at->grain - 1) / at->grain;
        pieces += at->pieces;
    }
    return pieces;
}

/* Steps [s, end) of one wave, none of which runs on the host. */
static alt_status run_wave(struct alt_exec *x, const struct alt_binding *b, int s, int end)
{
    struct wave w;
    double flops = 0;
    int64_t tiles = 0;
    w.x = x;
    w.scratch = x->context->scratch.data;
    w.scratch_bytes = b->scratch;
    w.n_steps = 0;
    atomic_init(&w.stopped, ALT_OK);
    gather_wave(x, b, s, end, &w);
    for (int i = 0; i < w.n_steps; i++) {
        flops += w.at[i].bound->flops;
        tiles += w.at[i].bound->range;
    }
    const int threads = threads_of(x, tiles, flops);
    if (threads > 1)
        alt_pool_run(x->pool, threads, cut_wave(&w, flops, (double)threads * PIECES), 1, run_pieces, &w);
    else
        for (int i = 0; i < w.n_steps; i++)
            run_tiles(&w, &w.at[i], 0, 0, w.at[i].bound->range);
    ALT_CHECK(report_stop(x, (alt_status)atomic_load_explicit(&w.stopped, memory_order_relaxed)));
    for (int i = 0; i < w.n_steps; i++)
        ALT_CHECK(alt_fault_report(__atomic_load_n(&w.at[i].fault, __ATOMIC_RELAXED), x->program->step[w.at[i].step].node, x->diag));
    return ALT_OK;
}

struct host_run {
    struct alt_eval_run base;
    struct alt_context *context;
};

static void *host_alloc(struct alt_eval_run *run, size_t bytes)
{
    return alt_context_host(((struct host_run *)run)->context, bytes);
}

static alt_status host_hold(struct alt_eval_run *run, alt_value *value)
{
    return alt_context_hold(((struct host_run *)run)->context, value);
}

/* A view of a value that is bound; not a tensor: the value itself (step.h). */
static struct alt_tensor view_of(const struct alt_exec *x, const struct alt_bvalue *v)
{
    struct alt_tensor t = {.dtype = v->dtype, .rank = v->rank, .data = address(x, v), .bytes = v->bytes};
    memcpy(t.dim, v->dim, (size_t)v->rank * sizeof *v->dim);
    return t;
}

static void host_inputs(const struct alt_exec *x, const struct alt_binding *b, const struct alt_step *step)
{
    struct alt_context *c = x->context;
    for (int i = 0; i < step->n_in; i++) {
        c->host_in[i] = NULL;
        if (step->in[i] < 0)
            continue;
        c->host_view[i] = view_of(x, &b->value[step->in[i]]);
        c->host_in[i] = &c->host_view[i];
    }
}

static alt_status run_host(struct alt_exec *x, const struct alt_binding *b, const struct alt_step *step)
{
    struct alt_context *c = x->context;
    struct host_run run = {{.alloc = host_alloc, .out = c->host, .mem = c->mem, .hold = host_hold}, c};
    struct alt_flow flow = {.exec = x, .step = step};
    if (step->n_sub) {
        flow.inner = &c->inner[step->flow];
        run.base.flow = &flow;
    }
    host_inputs(x, b, step);
    memset(c->host, 0, (size_t)step->n_out * sizeof *c->host);
    struct alt_eval eval = {.node = step->node, .diag = x->diag, .n_in = step->n_in, .n_out = step->n_out,
                            .in = c->host_in, .run = &run.base};
    ALT_CHECK(alt_op_table[step->node->op].impl->eval(&eval));
    for (int i = 0; i < step->n_out; i++)
        if (step->out[i] >= 0 && !c->host[i].data)
            return alt_diag_add(x->diag, ALT_E_INTERNAL, "node \"%s\" (%s) made no output %d", step->node->name,
                                alt_op_table[step->node->op].name, i);
    return ALT_OK;
}

static alt_status run_step(struct alt_exec *x, const struct alt_binding *b, int s)
{
    const struct alt_step *step = &x->program->step[s];
    return step->kind == ALT_STEP_HOST ? run_host(x, b, step) : run_wave(x, b, s, s + 1);
}

static alt_status run_watched(struct alt_exec *x, const struct alt_binding *b, int s)
{
    struct alt_profile_step done = {.binding = b, .step = s, .threads = 1, .begin_ns = now_ns()};
    ALT_CHECK(run_step(x, b, s));
    done.end_ns = now_ns();
    const struct alt_bstep *bs = &b->step[s - b->first];
    if (x->program->step[s].kind != ALT_STEP_HOST)
        done.threads = threads_of(x, bs->range, bs->flops);
    alt_profile_report(x, &done);
    return ALT_OK;
}

/* Whoever watches gets one step at a time. */
static alt_status run_steps(struct alt_exec *x, const struct alt_binding *b)
{
    for (int s = b->first, n; s < b->end; s += n) {
        const struct alt_bstep *bs = &b->step[s - b->first];
        n = x->on_step ? 1 : bs->wave;
        if (n == 1 && bs->skip)
            continue;
        ALT_CHECK(alt_exec_interrupted(x));
        ALT_CHECK(x->on_step ? run_watched(x, b, s) : n == 1 ? run_step(x, b, s) : run_wave(x, b, s, s + n));
    }
    return ALT_OK;
}

static alt_status output_address(struct alt_exec *x, const struct alt_binding *b, int index, void **data)
{
    const struct alt_bvalue *v = &b->value[x->program->output[index]];
    return x->outputs->place(x->outputs->user, index, v->dtype, v->rank, v->dim, x->diag, data);
}

/* Addresses of the buffers that this segment adds. */
static alt_status place_roots(struct alt_exec *x, const struct alt_binding *b, const struct alt_tensor *incoming)
{
    void **base = x->context->base.data;
    const struct alt_step *last = b->parent ? &x->program->step[b->first - 1] : NULL;
    for (int r = b->parent ? b->parent->n_roots : 0; r < b->n_roots; r++) {
        const struct alt_root *root = &b->root[r];
        switch (root->kind) {
        case ALT_ROOT_ARENA:
            base[r] = (char *)x->context->arena[b->depth].data + root->offset;
            break;
        case ALT_ROOT_CONST:
            base[r] = (void *)(uintptr_t)root->data; /* read only; the ABI has one pointer for both ways */
            break;
        case ALT_ROOT_INPUT:
            base[r] = (void *)(uintptr_t)incoming[root->index].data;
            break;
        case ALT_ROOT_OUTPUT:
            ALT_CHECK(output_address(x, b, root->index, &base[r]));
            break;
        case ALT_ROOT_HOST:
            for (int i = 0; i < last->n_out; i++)
                if (last->out[i] == root->index)
                    base[r] = (void *)(uintptr_t)incoming[i].data;
            break;
        }
    }
    return ALT_OK;
}

static alt_status run_segment(struct alt_exec *x, struct alt_binding *parent, const struct alt_tensor *incoming,
                              int n_incoming)
{
    struct alt_context *c = x->context;
    struct alt_binding *b;
    bool made;
    if (c->depth == ALT_MAX_SEGMENTS)
        return alt_diag_add(x->diag, ALT_E_UNSUPPORTED, "more than %d steps of the model have shapes that depend on data",
                            ALT_MAX_SEGMENTS);
    struct alt_bind_source source = {.program = x->program, .mem = c->mem, .mutex = x->bindings->mutex,
                                     .incoming = incoming, .n_incoming = n_incoming,
                                     .base = parent ? c->base.data : NULL};
    ALT_CHECK(alt_binding_get(parent ? &parent->next : x->bindings, parent, &source, x->diag, &b, &made));
    c->chain[c->depth++] = b;
    x->made += made;
    if (!parent) {
        x->warm = alt_context_seen(c, b);
        x->shape = b->hash;
    }
    ALT_CHECK(alt_context_fit(c, b, x->threads));
    ALT_CHECK(place_roots(x, b, incoming));
    return run_steps(x, b);
}

/* Outputs that no step wrote in place. */
static alt_status give_rest(struct alt_exec *x, const struct alt_binding *b)
{
    for (int i = 0; i < x->program->n_outputs; i++) {
        const int value = x->program->output[i];
        const struct alt_tensor t = view_of(x, &b->value[value]);
        if (t.dtype == ALT_STRING || x->program->value[value].output < 0)
            ALT_CHECK(x->outputs->give(x->outputs->user, i, &t, x->diag));
    }
    return ALT_OK;
}

/* After a host step there is a segment more, be it without steps: it binds what that step made. */
static bool has_more(const struct alt_exec *x, const struct alt_binding *b)
{
    return b->end < x->program->n_steps || (b->first < b->end && x->program->step[b->end - 1].kind == ALT_STEP_HOST);
}

static alt_status run_segments(struct alt_exec *x)
{
    struct alt_context *c = x->context;
    ALT_CHECK(run_segment(x, NULL, x->inputs, x->program->n_inputs));
    struct alt_binding *b = c->chain[c->depth - 1];
    while (has_more(x, b)) {
        const struct alt_step *last = &x->program->step[b->end - 1];
        int n = last->kind == ALT_STEP_HOST ? last->n_out : 0;
        ALT_CHECK(run_segment(x, b, c->host, n));
        b = c->chain[c->depth - 1];
    }
    return give_rest(x, b);
}

alt_status alt_exec_begin(struct alt_exec *x)
{
    const uint64_t mode = alt_flush_begin();
    alt_status status = run_segments(x);
    alt_flush_end(mode);
    return status;
}

alt_status alt_exec_again(struct alt_exec *x, int step)
{
    const uint64_t mode = alt_flush_begin();
    alt_status status = run_step(x, x->context->chain[x->context->depth - 1], step);
    alt_flush_end(mode);
    return status;
}

alt_status alt_exec_run(struct alt_exec *x)
{
    alt_status status = alt_exec_begin(x);
    alt_context_finish(x->context);
    return status;
}
