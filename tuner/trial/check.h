/* check.h: the first run of a candidate, in a process of its own, where a wild store or an endless loop hurts nobody. */
#ifndef ALT_TUNER_TRIAL_CHECK_H
#define ALT_TUNER_TRIAL_CHECK_H

#include "tuner/message.h"
#include "tuner/trial/bench.h"

/* Loads the candidate, runs it with guard pages behind every block of memory it may write to, and compares its answer with the default
 * kernels'. Fills cause, signal, exact, max_error, text of `result`. */
void check_candidate(struct bench *b, const struct alt_msg_candidate *candidate, struct alt_msg_result *result);

/* The object file of a message as loaded code; the reason in `why` when it is none. */
alt_status load_candidate(const struct bench *b, const struct alt_msg_candidate *candidate, struct alt_code **out,
                          char *why, size_t why_size) ALT_MUST_USE;

#endif
