/* interleave.c: default plan against current plan. Runs of the two alternate, so that what else the machine does meets both
 * alike; live runs cannot show that: the default plan's came first, and a candidate's are among them. */
#include "tools/interleave.h"

#include "runtime/session.h"
#include "tools/stop.h"

#include <stdlib.h>

enum {
    PAIRS = 1000,    /* at most */
    LIMIT_MS = 2000, /* no pair begins later, once there are LEAST */
    LEAST = 3,
    STOPPED_MS = 200 /* after Ctrl-C in all */
};

struct pairs {
    struct measure *m;
    const alt_value *const *inputs;
    const alt_cancel *cancel;
    alt_value **outputs; /* owned; the last live answers stay where they are */
    double ratio[PAIRS];
    size_t n;
};

/* One run of `plan` in ms; 0 when it did not answer. */
static double timed(struct pairs *p, struct alt_plan *plan)
{
    const alt_run_options options = {.size = sizeof options, .cancel = p->cancel};
    double start = now_ms();
    alt_status status = alt_session_run_plan(p->m->session, plan, &options, p->inputs, p->outputs, NULL);
    double ms = now_ms() - start;
    for (size_t i = 0; i < p->m->output_count; i++) {
        alt_value_release(p->outputs[i]);
        p->outputs[i] = NULL;
    }
    return status == ALT_OK ? ms : 0;
}

static bool add_pair(struct pairs *p, bool current_first)
{
    struct alt_session *s = p->m->session;
    double one = timed(p, current_first ? s->plan : s->base), two = timed(p, current_first ? s->base : s->plan);
    double base = current_first ? two : one, current = current_first ? one : two;
    if (base <= 0 || current <= 0 || !latency_add(&p->m->base_plan, base) || !latency_add(&p->m->current_plan, current))
        return false;
    p->ratio[p->n++] = base / current;
    return true;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A run that replaces a default value of the model has a plan of its own, which is not tuned. */
static bool comparable(const struct measure *m)
{
    return m->tuning.session && m->latency.runs && !m->session->open.plan &&
           (!stop_wanted() || m->last_ms * 4 < STOPPED_MS);
}

static void run_pairs(struct pairs *p)
{
    struct measure *m = p->m;
    bool stopped = stop_wanted();
    size_t wanted = m->latency.runs < PAIRS ? (size_t)m->latency.runs : PAIRS;
    double end = now_ms() + (stopped ? STOPPED_MS : LIMIT_MS);
    uint64_t random = m->latency.runs;
    p->cancel = stopped ? NULL : m->cancel;
    bool going = timed(p, m->session->base) > 0 && timed(p, m->session->plan) > 0; /* shapes bound, caches warm */
    while (going && p->n < wanted && (now_ms() < end || (!stopped && p->n < LEAST)) && stopped == stop_wanted()) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        going = add_pair(p, random >> 63);
    }
    qsort(p->ratio, p->n, sizeof *p->ratio, ascending);
    m->paired_ratio = p->n ? p->ratio[p->n / 2] : 0;
}

void interleave(struct measure *m, alt_value *const *inputs)
{
    tuning_stop(&m->tuning);
    if (!comparable(m))
        return;
    struct pairs *p = calloc(1, sizeof *p);
    if (!p)
        return;
    *p = (struct pairs){.m = m, .inputs = (const alt_value *const *)inputs};
    p->outputs = calloc(m->output_count + 1, sizeof *p->outputs);
    if (p->outputs)
        run_pairs(p);
    free(p->outputs);
    free(p);
}
