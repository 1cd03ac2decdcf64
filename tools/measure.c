/* measure.c: runs a session and times it. Only alt_session_run lies between the two readings of the clock; outputs are
 * given back before the next run, as a server would. */
#include "tools/measure.h"

#include "tools/stop.h"

#include <stdlib.h>
#include <time.h>

/* Without --runs and --seconds. */
enum { DEFAULT_MS = 2000, DEFAULT_LEAST = 3 };
/* Between two looks at the tuner. */
enum { POLL_MS = 20 };

double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

bool measure_init(struct measure *m, const alt_model *model, alt_session *session)
{
    m->session = session;
    m->input_count = alt_model_input_count(model);
    m->output_count = alt_model_output_count(model);
    m->outputs = calloc(m->output_count + 1, sizeof *m->outputs);
    return m->outputs != NULL;
}

static void release_outputs(struct measure *m)
{
    for (size_t i = 0; m->outputs && i < m->output_count; i++) {
        alt_value_release(m->outputs[i]);
        m->outputs[i] = NULL;
    }
}

void measure_free(struct measure *m)
{
    release_outputs(m);
    free(m->outputs);
    latency_free(&m->latency);
    latency_free(&m->since);
    latency_free(&m->base_plan);
    latency_free(&m->current_plan);
}

static bool add(struct measure *m)
{
    if (m->latency.runs == 0)
        m->first_ms = m->last_ms;
    if (m->swaps != m->tuning.report.n_swaps)
        latency_free(&m->since);
    m->swaps = m->tuning.report.n_swaps;
    progress_run(&m->progress, m->last_ms);
    return latency_add(&m->latency, m->last_ms) && latency_add(&m->since, m->last_ms);
}

enum outcome measure_run(struct measure *m, alt_value *const *inputs)
{
    const alt_run_options options = {.size = sizeof options,
                                     .cancel = m->cancel,
                                     .on_step = m->recording ? recording_step : NULL,
                                     .step_context = m->recording};
    alt_error *error = NULL;
    release_outputs(m);
    recording_begin(m->recording);
    double start = now_ms();
    alt_status status = alt_session_run(m->session, &options, (const alt_value *const *)inputs, m->input_count,
                                        m->outputs, m->output_count, &error);
    m->last_ms = now_ms() - start;
    recording_end(m->recording, status == ALT_OK);
    if (status == ALT_E_CANCELLED && stop_wanted()) {
        alt_error_free(error);
        return OUTCOME_DONE;
    }
    if (status != ALT_OK) {
        fail_with(OUTCOME_RUN, status, &error);
        if (status == ALT_E_SHAPE && m->made_for)
            complain(
                "other extents can be given with --shape NAME=AxBxC or --dim NAME=N (alt_run %s --inspect lists them)",
                m->made_for);
        return OUTCOME_RUN;
    }
    return add(m) ? OUTCOME_DONE : fail(OUTCOME_RUN, "no memory to keep latencies in");
}

bool measure_wanted(const struct run_options *o, uint64_t runs, double ms)
{
    bool in_time = o->seconds < 0 || ms < o->seconds * 1e3;
    bool in_number = !o->runs || runs < (uint64_t)o->runs;
    if (!o->runs && o->seconds < 0)
        return runs < DEFAULT_LEAST || ms < DEFAULT_MS;
    return runs == 0 || (in_time && in_number);
}

static void look(struct measure *m)
{
    tuning_poll(&m->tuning);
    progress_tick(&m->progress, m, now_ms());
}

enum outcome measure_tune_first(struct measure *m, alt_value *const *inputs)
{
    const struct timespec nap = {.tv_nsec = POLL_MS * 1000000};
    enum outcome outcome = measure_run(m, inputs);
    while (outcome == OUTCOME_DONE && !stop_wanted()) {
        look(m);
        if (tuning_settled(&m->tuning))
            break;
        if (tuning_wants_run(&m->tuning))
            outcome = measure_run(m, inputs);
        else
            nanosleep(&nap, NULL);
    }
    progress_end(&m->progress);
    return outcome;
}

enum outcome measure_loop(struct measure *m, const struct run_options *options, alt_value *const *inputs)
{
    const uint64_t before = m->latency.runs;
    const bool bounded = options->runs || options->seconds >= 0;
    double start = now_ms(), now = start, next = start;
    enum outcome outcome = OUTCOME_DONE;
    while (
        outcome == OUTCOME_DONE && !stop_wanted() &&
        (measure_wanted(options, m->latency.runs - before, now - start) || (!bounded && !tuning_settled(&m->tuning)))) {
        outcome = measure_run(m, inputs);
        now = now_ms();
        if (now >= next) {
            look(m);
            next = now + POLL_MS;
        }
    }
    progress_end(&m->progress);
    return outcome;
}
