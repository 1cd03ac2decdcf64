/* timing.h: pairs of timed runs, default kernels against a candidate, in the slots that the host grants. */
#ifndef ALT_TUNER_TRIAL_TIMING_H
#define ALT_TUNER_TRIAL_TIMING_H

#include "tuner/message.h"
#include "tuner/trial/bench.h"

/* Times `side` against the bench's default until the answer is clear or the effort spent. A sample during which the slot ended
 * does not count. Fills the times of `result`. ALT_E_BUSY: no slot for too long. */
alt_status time_candidate(struct bench *b, struct bench_side *side, struct alt_slot_page *slots,
                          struct alt_msg_result *result) ALT_MUST_USE;

#endif
