/* say.h: how the programs end and what they say when something is wrong. */
#ifndef ALT_TOOLS_SAY_H
#define ALT_TOOLS_SAY_H

#include <alt/base.h>

/* Exit status of alt_run and alt_dump. */
enum outcome {
    OUTCOME_DONE = 0,
    OUTCOME_MISMATCH = 1, /* --check found a difference */
    OUTCOME_USAGE = 2,    /* the command line, or a file that it names beside the model */
    OUTCOME_MODEL = 3,    /* the model cannot be read or holds what alt does not support */
    OUTCOME_RUN = 4       /* a run failed */
};

/* Writes "program: text" and a line end to stderr. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Does the same and returns `outcome`, so that a failing function is one line. */
enum outcome fail(enum outcome outcome, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says what the library reported, frees *error and sets it to NULL; returns `outcome`. */
enum outcome fail_with(enum outcome outcome, alt_status status, alt_error **error);

#endif
