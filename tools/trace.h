/* trace.h: when each step of the last runs ran, as a file in the Chrome trace format. */
#ifndef ALT_TOOLS_TRACE_H
#define ALT_TOOLS_TRACE_H

#include "tools/recording.h"
#include "tools/say.h"

#include <stdio.h>

enum { TRACED_RUNS = 10 }; /* the last ones */

struct trace {
    const char *path; /* borrowed */
    FILE *file;
    struct recording recording;
};

/* Makes the file, so that one that cannot be made is known before anything runs. OUTCOME_USAGE, OUTCOME_RUN. */
enum outcome trace_open(struct trace *t, const char *path);
/* Writes what was recorded and closes the file. False, after a message naming it, when it could not be written. */
bool trace_close(struct trace *t, const char *model);
void trace_free(struct trace *t);

#endif
