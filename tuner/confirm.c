/* confirm.c: is a candidate plan right, and is it faster?
 *
 * Right: on the inputs of a real run its answers agree with the default plan's within the numerics class. Faster: pairs of
 * runs, one under each plan in an order that a coin decides, feed the sequential test of evidence.h. Pairs come from real runs
 * ("live"); where there are too few of them the tuner makes its own from the captured inputs ("replay"). A plan that is not
 * adopted is halved: the subjects that changed are split in two and each half is tried, as long as there is more than one. */
#include "tuner/tuner.h"

#include "runtime/model.h"
#include "runtime/value.h"
#include "tuner/machine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIN 1.01           /* least ratio that is worth a swap */
#define ALPHA 1e-4         /* chance of adopting a plan that has no such win */
enum {
    PAIRS = 2000,          /* undecided after so many: not worth it.. */
    FEW_PAIRS = 200,       /* ..or after these.. */
    LONG_S = 20,           /* ..in so much time */
    LIVE_S = 60,           /* as long may real runs take to decide; then inputs are replayed */
    CAPTURE_MS = 2000,
    POLL_MS = 5,
    BATCH = 64,
    CHANGED = 256          /* subjects that one candidate may change */
};

static bool make_inputs(struct alt_tuner *t, const struct alt_binding *b)
{
    const struct alt_program *p = t->session->base->program;
    t->inputs = alt_mem_zalloc(&t->mem, (size_t)(p->n_inputs + 1) * sizeof *t->inputs);
    for (int i = 0; t->inputs && i < p->n_inputs; i++) {
        const struct alt_bvalue *v = &b->value[p->input[i]];
        if (alt_value_tensor(NULL, v->dtype, (size_t)v->rank, v->dim, &t->inputs[i]) != ALT_OK)
            return false;
    }
    return t->inputs != NULL;
}

static void free_inputs(struct alt_tuner *t)
{
    int n = t->session->base->program->n_inputs;
    for (int i = 0; t->inputs && i < n; i++)
        alt_value_release(t->inputs[i]);
    alt_mem_free(&t->mem, t->inputs, (size_t)(n + 1) * sizeof *t->inputs);
    t->inputs = NULL;
}

/* Inputs of a real run of the shape that is tuned. Without runs there is nothing to confirm for. */
static bool capture(struct alt_tuner *t)
{
    struct alt_plan *base = t->session->base;
    if (t->inputs)
        return true;
    pthread_mutex_lock(&base->mutex);
    struct alt_binding *b = base->bindings.first;
    while (b && (b->refused || b->hash != t->shape))
        b = b->older;
    if (b)
        atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&base->mutex);
    bool made = b && make_inputs(t, b);
    alt_binding_release(b);
    if (!made) {
        free_inputs(t);
        return false;
    }
    struct alt_capture c = {.values = t->inputs};
    alt_session_capture(t->session, &c);
    for (int waited = 0; waited < CAPTURE_MS && !alt_tuner_pause(t, POLL_MS); waited += POLL_MS)
        if (!atomic_load_explicit(&t->session->capturing, memory_order_relaxed))
            break;
    if (alt_session_captured(t->session, &c))
        return true;
    free_inputs(t);
    return false;
}

static bool agree_float(const float *want, const float *got, size_t n)
{
    double scale = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(want[i]) && fabs((double)want[i]) > scale)
            scale = fabs((double)want[i]);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(want[i])) {
            if (isfinite(got[i]))
                return false; /* a finite answer where the default has none */
            continue;
        }
        if (!(fabs((double)want[i] - (double)got[i]) <= 1e-4 * scale + 1e-3 * fabs((double)want[i])))
            return false;
    }
    return true;
}

static bool agree(const struct alt_tuner *t, const alt_value *want, const alt_value *got)
{
    if (want->dtype != got->dtype || want->bytes != got->bytes)
        return false;
    if (t->session->options.numerics == ALT_NUMERICS_FAST && want->dtype == ALT_FLOAT32)
        return agree_float(want->data, got->data, want->count);
    return !want->bytes || memcmp(want->data, got->data, want->bytes) == 0;
}

static void release_all(alt_value **values, int n)
{
    for (int i = 0; values && i < n; i++)
        alt_value_release(values[i]);
}

static alt_status run_once(struct alt_tuner *t, struct alt_plan *plan, alt_value **outputs)
{
    /* With NOW the machine is the tuner's: as many threads as the runs that will come have. */
    const alt_run_options options = {.size = sizeof options, .threads = t->options.mode == ALT_TUNE_NOW ? 0 : 1};
    return alt_session_run_plan(t->session, plan, &options, (const alt_value *const *)t->inputs, outputs, NULL);
}

/* Counts a plan that cannot be used and keeps the reason for the report. */
static void count_failure(struct alt_tuner *t, enum alt_cause cause, const char *what, const char *detail)
{
    pthread_mutex_lock(&t->mutex);
    t->report.failed[cause - 1]++;
    snprintf(t->report.failure, sizeof t->report.failure, "%s: %s %s", alt_cause_name(cause), what, detail);
    pthread_mutex_unlock(&t->mutex);
}

/* Answers of both plans on the captured inputs. */
static bool verify(struct alt_tuner *t, struct alt_plan *plan)
{
    int n = plan->program->n_outputs;
    size_t bytes = (size_t)(n + 1) * sizeof(alt_value *);
    alt_value **want = alt_mem_zalloc(&t->mem, bytes), **got = alt_mem_zalloc(&t->mem, bytes);
    alt_status status = want && got ? run_once(t, t->session->base, want) : ALT_E_NOMEM;
    if (status == ALT_OK)
        status = run_once(t, plan, got);
    bool right = status == ALT_OK;
    if (!right)
        count_failure(t, ALT_CAUSE_SYSTEM, "a candidate plan could not be run:", alt_status_text(status));
    for (int i = 0; i < n && right; i++) {
        right = agree(t, want[i], got[i]);
        if (!right)
            count_failure(t, ALT_CAUSE_WRONG, "a candidate plan differs from the default plan at output",
                          t->session->model->graph->outputs[i]->name);
    }
    release_all(want, n);
    release_all(got, n);
    alt_mem_free(&t->mem, want, bytes);
    alt_mem_free(&t->mem, got, bytes);
    return right;
}

/* What the pairs of one test say beside its verdict. */
struct tally {
    struct alt_evidence evidence;
    double current[BATCH], candidate[BATCH]; /* ms of the last pairs */
    uint32_t n;
    bool replayed;
};

static enum alt_verdict add_pair(struct tally *tally, const struct alt_pair *p)
{
    tally->current[tally->n % BATCH] = (double)p->current_ns / 1e6;
    tally->candidate[tally->n % BATCH] = (double)p->candidate_ns / 1e6;
    tally->n++;
    return alt_evidence_add(&tally->evidence, (double)p->current_ns, (double)p->candidate_ns);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, uint32_t n)
{
    double sorted[BATCH];
    n = n < BATCH ? n : BATCH;
    if (!n)
        return 0;
    memcpy(sorted, values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_value);
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

static enum alt_verdict take_live(struct alt_tuner *t, struct tally *tally)
{
    struct alt_pair pairs[BATCH];
    enum alt_verdict v = ALT_UNDECIDED;
    for (int n = BATCH; n == BATCH && v == ALT_UNDECIDED;) {
        n = alt_session_pairs(t->session, pairs, BATCH);
        for (int i = 0; i < n && v == ALT_UNDECIDED; i++)
            v = add_pair(tally, &pairs[i]);
    }
    return v;
}

static int64_t timed_run(struct alt_tuner *t, struct alt_plan *plan)
{
    alt_value *outputs[64] = {NULL};
    int n = plan->program->n_outputs;
    if (n > 64)
        return 0;
    double begin = alt_tuner_now();
    bool ran = run_once(t, plan, outputs) == ALT_OK;
    double end = alt_tuner_now();
    release_all(outputs, n);
    return ran ? (int64_t)((end - begin) * 1e9) : 0;
}

/* One pair of the tuner's own. */
static enum alt_verdict replay(struct alt_tuner *t, struct tally *tally, uint64_t *random)
{
    struct alt_plan *current = t->session->plan, *candidate = t->session->exposure.candidate;
    struct alt_pair p;
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    if (*random >> 63) {
        p.current_ns = timed_run(t, current);
        p.candidate_ns = timed_run(t, candidate);
    } else {
        p.candidate_ns = timed_run(t, candidate);
        p.current_ns = timed_run(t, current);
    }
    tally->replayed = true;
    return p.current_ns > 0 && p.candidate_ns > 0 ? add_pair(tally, &p) : ALT_DROP;
}

/* Undecided for so long that what there is to win is not worth more; or the budget is spent. */
static bool tired(struct alt_tuner *t, const struct tally *tally, double begin)
{
    return alt_tuner_over(t) || (tally->n >= FEW_PAIRS && alt_tuner_now() - begin > LONG_S);
}

/* Pairs until there is a verdict. `t->options.mode` NOW does not wait for runs. */
static enum alt_verdict weigh(struct alt_tuner *t, struct tally *tally)
{
    double begin = alt_tuner_now();
    uint64_t random = (uint64_t)(begin * 1e9);
    enum alt_verdict v = ALT_UNDECIDED;
    while (v == ALT_UNDECIDED && !tired(t, tally, begin)) {
        bool live = t->options.mode != ALT_TUNE_NOW && alt_tuner_now() - begin < LIVE_S;
        v = live ? take_live(t, tally) : replay(t, tally, &random);
        if (live && v == ALT_UNDECIDED)
            alt_tuner_pause(t, POLL_MS);
    }
    return v;
}

static void report_swap(struct alt_tuner *t, const struct tally *tally, int regions, bool rollback)
{
    alt_swap swap = {.at_s = alt_tuner_now() - t->started_s, .before_ms = median(tally->current, tally->n),
                     .after_ms = median(tally->candidate, tally->n), .pairs = tally->n, .regions = (uint32_t)regions,
                     .rollback = rollback};
    swap.ratio = alt_evidence_ratio(&tally->evidence, &swap.ratio_low, &swap.ratio_high);
    strcpy(swap.evidence, tally->replayed ? "replay" : "live");
    pthread_mutex_lock(&t->mutex);
    if (t->report.n_swaps < ALT_SWAPS)
        t->report.swaps[t->report.n_swaps] = swap;
    t->report.n_swaps++;
    t->report.rollbacks += rollback;
    t->report.plateau_s = swap.at_s;
    t->report.current_ms = swap.after_ms;
    pthread_mutex_unlock(&t->mutex);
}

static void adopt(struct alt_tuner *t)
{
    struct alt_record_key key;
    for (int i = 0; i < t->n_subjects; i++) {
        struct alt_subject *s = &t->subject[i];
        s->previous = s->chosen;
        s->chosen = s->candidate;
        struct alt_variant_result *v = alt_subject_find(s, s->chosen);
        if (!t->records)
            continue;
        alt_machine_key(s->text, t->session->options.threads, &key);
        if (alt_records_adopt(t->records, &key, v ? v->result.variant : NULL) != ALT_OK)
            alt_tuner_note(t, "the winning plan could not be remembered");
    }
}

/* One candidate: build, verify, expose, weigh. */
static bool try_plan(struct alt_tuner *t)
{
    struct alt_plan *plan = NULL;
    struct tally tally = {.n = 0};
    int regions = 0;
    if (alt_choose_plan(t, &plan, &regions) != ALT_OK)
        return false;
    if (!verify(t, plan)) {
        alt_plan_free(plan);
        return false;
    }
    if (alt_session_expose(t->session, plan, t->options.share, NULL) != ALT_OK)
        return false;
    alt_evidence_start(&tally.evidence, WIN, ALPHA, PAIRS);
    if (weigh(t, &tally) != ALT_ADOPT) {
        alt_session_withdraw(t->session);
        return false;
    }
    alt_session_exchange(t->session, t->options.share / 8);
    report_swap(t, &tally, regions, false);
    adopt(t);
    return true;
}

/* Tries the change of the subjects first..last-1 of `changed`; on refusal each half of them. */
static bool try_range(struct alt_tuner *t, struct alt_subject **changed, const uint64_t *wanted, int first, int last)
{
    for (int i = 0; i < t->n_subjects; i++)
        t->subject[i].candidate = t->subject[i].chosen;
    for (int i = first; i < last; i++)
        changed[i]->candidate = wanted[i];
    if (alt_tuner_over(t))
        return false;
    if (try_plan(t))
        return true;
    pthread_mutex_lock(&t->mutex);
    t->report.refused++;
    pthread_mutex_unlock(&t->mutex);
    if (last - first < 2)
        return false;
    int middle = first + (last - first) / 2;
    bool one = try_range(t, changed, wanted, first, middle);
    if (one)
        alt_confirm_watch(t, 0);
    return try_range(t, changed, wanted, middle, last) || one;
}

bool alt_confirm(struct alt_tuner *t)
{
    struct alt_subject *changed[CHANGED];
    uint64_t wanted[CHANGED];
    int n = 0;
    if (!capture(t))
        return false;
    for (int i = 0; i < t->n_subjects && n < CHANGED; i++)
        if (t->subject[i].candidate != t->subject[i].chosen) {
            wanted[n] = t->subject[i].candidate;
            changed[n++] = &t->subject[i];
        }
    return n && try_range(t, changed, wanted, 0, n);
}

/* What the last exchange brought is not tried again. */
static void go_back(struct alt_tuner *t)
{
    for (int i = 0; i < t->n_subjects; i++) {
        struct alt_subject *s = &t->subject[i];
        struct alt_variant_result *v = s->chosen != s->previous ? alt_subject_find(s, s->chosen) : NULL;
        if (v)
            v->banned = true;
        s->candidate = s->previous;
    }
    adopt(t);
}

/* The roles are turned round: the plan that was replaced is the candidate now. */
void alt_confirm_watch(struct alt_tuner *t, double seconds)
{
    struct tally tally = {.n = 0};
    double end = alt_tuner_now() + seconds;
    enum alt_verdict v = ALT_UNDECIDED;
    if (!t->session->exposure.candidate)
        return;
    alt_evidence_start(&tally.evidence, WIN, ALPHA, PAIRS);
    const bool live = t->options.mode != ALT_TUNE_NOW; /* else there may be no runs to wait for */
    uint64_t random = (uint64_t)(end * 1e9);
    while (v == ALT_UNDECIDED && alt_tuner_now() < end && !alt_tuner_pause(t, live ? POLL_MS : 0))
        v = live ? take_live(t, &tally) : replay(t, &tally, &random);
    if (v == ALT_ADOPT) {
        alt_session_exchange(t->session, 0);
        report_swap(t, &tally, 0, true);
        go_back(t);
    }
    alt_session_withdraw(t->session);
}
