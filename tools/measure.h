/* measure.h: runs a session and times it. */
#ifndef ALT_TOOLS_MEASURE_H
#define ALT_TOOLS_MEASURE_H

#include <alt/session.h>

#include "tools/latency.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/recording.h"
#include "tools/tuning.h"

/* A model that runs, and what its runs have shown so far. */
struct measure {
    alt_session *session; /* borrowed */
    const alt_cancel *cancel;
    struct recording *recording; /* of the runs' steps; borrowed; NULL: none is wanted */
    const char *made_for;        /* path of the model when the command line says what goes in, for a hint; else NULL */
    size_t input_count, output_count;
    alt_value **outputs; /* owned: of the last run that answered */
    struct latency latency;
    struct latency since; /* since the last exchange of plans */
    uint32_t swaps;       /* exchanges that `since` knows of */
    double load_ms, first_ms, last_ms;
    struct tuning tuning;
    struct progress progress;
    struct latency base_plan, current_plan; /* measured in pairs at the end; no runs: not measured */
    double paired_ratio;                    /* median of default over current of these pairs; 0: not measured */
};

double now_ms(void);
/* Sets up the places for outputs. False when there is no memory. */
bool measure_init(struct measure *m, const alt_model *model, alt_session *session);
void measure_free(struct measure *m);
/* One run. Outcome and message on failure; ended by Ctrl-C it is OUTCOME_DONE and stop_wanted() holds. */
enum outcome measure_run(struct measure *m, alt_value *const *inputs);
/* True while the runs that the options ask for are not done: `runs` of them were made in `ms` milliseconds. */
bool measure_wanted(const struct run_options *options, uint64_t runs, double ms);
/* Makes one run, and then only those that the tuner needs until it has come to its end. */
enum outcome measure_tune_first(struct measure *m, alt_value *const *inputs);
/* Runs until `options->runs` or `options->seconds` are done, with progress on stderr. Neither given: until tuning has come to
 * its end, but 2 seconds and 3 runs at least. */
enum outcome measure_loop(struct measure *m, const struct run_options *options, alt_value *const *inputs);

#endif
