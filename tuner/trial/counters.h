/* counters.h: what the machine counts while a kernel runs, through PAPI. Counters explain a time and never decide: without
 * them everything works, so nothing here fails; it says what it has and why not more.
 *
 * An event counts only once it was seen to count: added, started and read twice around work that must raise it. PAPI says
 * of events that exist nowhere that they do, and some that start read zero for ever. Nothing is multiplexed: events are counted
 * in groups small enough for every machine, with cycles in each group of hardware events as the check that the group ran.
 * Counts are those of the calling thread. One thread; not across fork.
 */
#ifndef ALT_TUNER_TRIAL_COUNTERS_H
#define ALT_TUNER_TRIAL_COUNTERS_H

#include "tuner/message.h"

struct counters;

/* What is there. `name` (16 bytes): "hardware", "software" or "none"; `why` (128 bytes): why nothing better, or "". NULL
 * together with "none". Built without PAPI: always so. */
struct counters *counters_open(char name[16], char why[128]);
void counters_close(struct counters *c);

/* Does one batch of one side's work; false when that failed. */
typedef bool counters_work(void *context, bool candidate);

/* Counts batches of both sides in turn, once a group. ratio[]: candidate / default, NaN where nothing was counted. `c` may be NULL.
 * False when a batch failed: ratios are NaN then. */
bool counters_compare(struct counters *c, counters_work *work, void *context, double ratio[ALT_COUNTER_COUNT]);

#endif
