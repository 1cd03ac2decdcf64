/* tuning.h: tuning as alt_run sees it: started, looked at, ended. */
#ifndef ALT_TOOLS_TUNING_H
#define ALT_TOOLS_TUNING_H

#include <alt/tuning.h>

#include "tools/options.h"

/* Starts zeroed: tuning is off. */
struct tuning {
    alt_session *session; /* borrowed; NULL: tuning is off */
    alt_tune mode;
    double budget_s;
    alt_tuning_report report; /* as of the last tuning_poll */
};

enum { SWAP_TEXT = 160 };

/* Starts what the options ask for; `inputs` are examples of what will come. `brief`: too few runs will come to explore behind
 * them, so ONLINE is REPLAY. A session that cannot be tuned serves all the same: the reason is in report.note. */
void tuning_start(struct tuning *t, alt_session *session, const struct run_options *options, alt_value *const *inputs,
                  bool brief);
/* Renews the report. */
void tuning_poll(struct tuning *t);
/* True when tuning is off or has come to its end, as of the last poll. */
bool tuning_settled(const struct tuning *t);
/* The tuner waits for the inputs of a real run. */
bool tuning_wants_run(const struct tuning *t);
/* Ends it: from here on the plans stay as they are. */
void tuning_stop(struct tuning *t);
/* "2.310 ms -> 1.540 ms at 12.3 s, 5 regions (live, 431 pairs: 1.50 times as fast, 1.48 to 1.52)". Returns `out`. */
char *swap_text(const alt_swap *swap, char out[static SWAP_TEXT]);

#endif
