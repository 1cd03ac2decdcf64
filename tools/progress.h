/* progress.h: what alt_run says on stderr while it runs: one live line on a terminal, else a line for each change. */
#ifndef ALT_TOOLS_PROGRESS_H
#define ALT_TOOLS_PROGRESS_H

#include <alt/tuning.h>

enum { PROGRESS_RECENT = 33 };

struct measure;

/* Starts zeroed but for `quiet`. */
struct progress {
    bool quiet, begun, live;
    bool shown; /* a live line stands on the terminal */
    double begin_ms, next_ms;
    double recent[PROGRESS_RECENT]; /* ms of the last runs, a ring */
    uint64_t runs;
    uint32_t swaps; /* told so far */
    alt_tuning_phase phase;
};

void progress_run(struct progress *p, double ms);
/* Says what is due. */
void progress_tick(struct progress *p, const struct measure *m, double now_ms);
/* Takes the live line away. */
void progress_end(struct progress *p);

#endif
