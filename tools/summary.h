/* summary.h: what alt_run says at its end: one JSON object, or a few lines for a person. */
#ifndef ALT_TOOLS_SUMMARY_H
#define ALT_TOOLS_SUMMARY_H

#include "tools/measure.h"

/* Of --check: data sets fed, outputs compared, outputs that differ. */
struct check_result {
    size_t sets, outputs, mismatches;
};

struct summary {
    struct measure *measure;
    const alt_model *model;
    const char *path;
    const struct check_result *check; /* NULL without --check */
    int threads;
};

/* p50, p90, p99. */
enum { QUANTILES = 3 };
void summary_quantiles(struct latency *latency, double out[static QUANTILES]);
/* What runs of the default and of the current plan took: pairs at the end when they were measured, else the runs since the
 * last exchange for the plan that is current and NULL for the other one. Tuning has ended. */
void summary_plans(struct measure *m, struct latency **base, struct latency **current);

/* One line of JSON on stdout. False after a message. */
bool summary_json(const struct summary *s);
void summary_print(const struct summary *s);

#endif
