/* alt_run.c: runs an ONNX model at a prompt. --help says what it promises; this file is the way through:
 * options, model, session, inputs, tuning, runs, summary. */
#include "tools/about.h"
#include "tools/check.h"
#include "tools/input.h"
#include "tools/interleave.h"
#include "tools/save.h"
#include "tools/stop.h"
#include "tools/text.h"
#include "tools/trace.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Owned by main. */
struct program {
    struct run_options options;
    alt_model *model;
    alt_session *session;
    alt_value **inputs;
    struct measure measure;
    struct check_result check;
    struct trace trace;
};

/* What needs no model; true when that was all. */
static bool answer_about_alt(const struct run_options *o)
{
    if (o->help)
        run_options_help();
    else if (o->version)
        about_version();
    else if (o->list_ops)
        about_operators();
    return o->help || o->version || o->list_ops;
}

static void on_log(void *context, alt_log_level level, const char *text)
{
    (void)context;
    if (level <= ALT_LOG_WARNING)
        complain("%s", text);
}

static enum outcome load(struct program *p)
{
    const struct run_options *o = &p->options;
    const alt_model_options options = {.size = sizeof options, .log = o->quiet ? NULL : on_log};
    alt_error *error = NULL;
    double start = now_ms();
    alt_status status = alt_model_load(o->model, &options, &p->model, &error);
    p->measure.load_ms = now_ms() - start;
    return status == ALT_OK ? OUTCOME_DONE : fail_with(OUTCOME_MODEL, status, &error);
}

static enum outcome open_session(struct program *p)
{
    const struct run_options *o = &p->options;
    bool exact = o->numerics && strcmp(o->numerics, "exact") == 0;
    const alt_session_options options = {.size = sizeof options,
                                         .threads = (int)o->threads,
                                         .log = o->quiet ? NULL : on_log,
                                         .numerics = exact ? ALT_NUMERICS_EXACT : ALT_NUMERICS_FAST};
    alt_error *error = NULL;
    double start = now_ms();
    alt_status status = alt_session_create(p->model, &options, &p->session, &error);
    p->measure.load_ms += now_ms() - start;
    if (status != ALT_OK)
        return fail_with(OUTCOME_MODEL, status, &error);
    p->inputs = calloc(alt_model_input_count(p->model) + 1, sizeof(alt_value *));
    if (!p->inputs || !measure_init(&p->measure, p->model, p->session))
        return fail(OUTCOME_RUN, "no memory");
    p->measure.cancel = stop_install();
    p->measure.progress.quiet = o->quiet;
    p->measure.made_for = o->check ? NULL : o->model;
    if (o->profile)
        p->measure.recording = &p->trace.recording;
    return o->profile ? trace_open(&p->trace, o->profile) : OUTCOME_DONE;
}

/* Runs on inputs from the command line; tuned first, or behind them. */
static enum outcome run_inputs(struct program *p)
{
    const struct run_options *o = &p->options;
    struct measure *m = &p->measure;
    enum outcome outcome = inputs_make(p->model, o, p->inputs);
    if (outcome != OUTCOME_DONE)
        return outcome;
    tuning_start(&m->tuning, p->session, o, p->inputs, false);
    if (m->tuning.mode == ALT_TUNE_NOW)
        outcome = measure_tune_first(m, p->inputs);
    if (outcome == OUTCOME_DONE && !stop_wanted())
        outcome = measure_loop(m, o, p->inputs);
    if (outcome == OUTCOME_DONE)
        interleave(m, p->inputs);
    return outcome;
}

static enum outcome run(struct program *p)
{
    enum outcome outcome =
        p->options.check ? check_folder(&p->measure, p->model, &p->options, &p->check) : run_inputs(p);
    tuning_stop(&p->measure.tuning);
    return outcome;
}

static enum outcome conclude(struct program *p)
{
    alt_stats stats = {.size = sizeof stats};
    if (alt_session_stats(p->session, &stats) != ALT_OK)
        return fail(OUTCOME_RUN, "the session has no statistics");
    struct summary summary = {&p->measure, p->model, p->options.model, p->options.check ? &p->check : NULL,
                              stats.threads};
    const char *folder = p->options.save_outputs;
    bool saved = !folder || p->measure.latency.runs == 0 || outputs_save(folder, p->model, p->measure.outputs);
    if (!p->options.json)
        summary_print(&summary);
    else if (!summary_json(&summary))
        return OUTCOME_RUN;
    bool traced = !p->options.profile || trace_close(&p->trace, p->options.model);
    return saved && traced ? OUTCOME_DONE : OUTCOME_RUN;
}

static enum outcome work(struct program *p)
{
    enum outcome outcome = load(p);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (p->options.inspect)
        return about_model(p->model, p->options.model) ? OUTCOME_DONE : fail(OUTCOME_RUN, "no memory");
    outcome = open_session(p);
    if (outcome == OUTCOME_DONE)
        outcome = run(p);
    if (outcome > OUTCOME_MISMATCH)
        return outcome;
    enum outcome last = conclude(p);
    return last > outcome ? last : outcome;
}

static void release(struct program *p)
{
    for (size_t i = 0; p->inputs && i < alt_model_input_count(p->model); i++)
        alt_value_release(p->inputs[i]);
    free(p->inputs);
    measure_free(&p->measure);
    trace_free(&p->trace);
    alt_session_free(p->session);
    alt_model_free(p->model);
    run_options_free(&p->options);
}

int main(int argc, char **argv)
{
    struct program p = {0};
    signal(SIGPIPE, SIG_IGN); /* a reader that left shows as a failed write below */
    enum outcome outcome = run_options_parse(argc, argv, &p.options);
    if (outcome == OUTCOME_DONE && !answer_about_alt(&p.options))
        outcome = work(&p);
    release(&p);
    if (fflush(stdout) != 0 && outcome == OUTCOME_DONE)
        outcome = fail(OUTCOME_RUN, "cannot write to standard output");
    return (int)outcome;
}
