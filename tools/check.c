/* check.c: alt_run --check. */
#include "tools/check.h"

#include "tools/compare.h"
#include "tools/stop.h"
#include "tools/testdata.h"

/* Every input that has no default value must be in the folder. */
static bool complete(const struct testdata *data, const alt_model *model, const char *folder)
{
    size_t outputs = 0;
    for (size_t i = 0; i < data->input_count; i++)
        if (!data->input[i] && !alt_model_input_optional(model, i)) {
            complain("%s has no file for input %s (input_%zu.pb)", folder, alt_model_input(model, i)->name, i);
            return false;
        }
    for (size_t i = 0; i < data->output_count; i++)
        outputs += data->output[i] != NULL;
    if (outputs == 0)
        complain("%s has no output_*.pb: there is nothing to compare with", folder);
    return outputs > 0;
}

/* Compares the answers of one run. */
static enum outcome compare(const struct measure *m, const alt_model *model, const struct testdata *data,
                            const struct tolerance *allowed, struct check_result *result)
{
    enum outcome outcome = OUTCOME_DONE;
    for (size_t i = 0; i < data->output_count; i++) {
        if (!data->output[i])
            continue;
        result->outputs++;
        if (values_agree(alt_model_output(model, i)->name, data->output[i], m->outputs[i], allowed))
            continue;
        result->mismatches++;
        outcome = OUTCOME_MISMATCH;
    }
    return outcome;
}

static bool once(const struct run_options *options) { return !options->runs && options->seconds < 0; }

/* Tuning begins with the first data set, whose shapes it is for. */
static enum outcome tune(struct measure *m, const struct testdata *data, const struct run_options *options)
{
    if (m->tuning.session)
        return OUTCOME_DONE;
    tuning_start(&m->tuning, m->session, options, data->input, once(options));
    return m->tuning.mode == ALT_TUNE_NOW ? measure_tune_first(m, data->input) : OUTCOME_DONE;
}

static enum outcome run_and_compare(struct measure *m, const alt_model *model, const struct testdata *data,
                                    const struct run_options *options, struct check_result *result)
{
    const struct tolerance allowed = {options->rtol, options->atol};
    enum outcome outcome = tune(m, data, options);
    const double start = now_ms();
    uint64_t runs = 0;
    while (outcome == OUTCOME_DONE && (once(options) ? runs == 0 : measure_wanted(options, runs, now_ms() - start))) {
        outcome = measure_run(m, data->input);
        if (outcome == OUTCOME_DONE && stop_wanted())
            return fail(OUTCOME_RUN, "stopped before the check had ended");
        if (outcome == OUTCOME_DONE)
            outcome = compare(m, model, data, &allowed, result);
        runs++;
    }
    return outcome;
}

static enum outcome check_set(struct measure *m, const alt_model *model, const char *folder,
                              const struct run_options *options, struct check_result *result)
{
    struct testdata data;
    if (!testdata_load(folder, model, &data))
        return OUTCOME_USAGE;
    enum outcome outcome = OUTCOME_USAGE;
    if (complete(&data, model, folder)) {
        result->sets++;
        outcome = run_and_compare(m, model, &data, options, result);
    }
    if (outcome == OUTCOME_MISMATCH)
        complain("%s: the answers differ (allowed: --rtol %g --atol %g)", folder, options->rtol, options->atol);
    testdata_free(&data);
    return outcome;
}

enum outcome check_folder(struct measure *m, const alt_model *model, const struct run_options *options,
                          struct check_result *result)
{
    struct testdata_folders folders = testdata_find(options->check);
    enum outcome worst = folders.count ? OUTCOME_DONE : OUTCOME_USAGE;
    for (size_t i = 0; i < folders.count && worst <= OUTCOME_MISMATCH; i++) {
        enum outcome outcome = check_set(m, model, folders.path[i], options, result);
        worst = outcome > worst ? outcome : worst;
    }
    testdata_folders_free(&folders);
    return worst;
}
