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

/* Why this build counts nothing; for "counters_why" and --version. */
extern const char counters_why[];

/* One line of JSON on stdout. False after a message. */
bool summary_json(const struct summary *s);
void summary_print(const struct summary *s);

#endif
