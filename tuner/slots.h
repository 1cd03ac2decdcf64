/* slots.h: when the trial may time something, and how much of a busy machine tuning takes.
 *
 *   no run under way   a slot is open as long as the trial wants one; a run that arrives ends it
 *   runs back to back  one core is left to tuning for SLOT_MS of every SLOT_MS / duty: parallel loops take one worker less
 *                      (runtime/pool.h), the trial times there, and what compiles at idle priority gets on
 *   ALT_TUNE_NOW       a slot is open whenever it is wanted
 *
 * Used by the tuner's thread alone, but for what runs do to the shared page (runtime/slot.h).
 */
#ifndef ALT_TUNER_SLOTS_H
#define ALT_TUNER_SLOTS_H

#include <alt/session.h>

#include "runtime/slot.h"

struct alt_slots {
    alt_session *session; /* borrowed; NULL: not open */
    struct alt_slot_page *page;
    int fd; /* of the page, for the trial */
    bool always; /* ALT_TUNE_NOW */
    double duty; /* share of the time that a core is taken for while runs come back to back */
    bool reserved;
    uint64_t ended; /* runs that had ended at the last look */
};

/* How often alt_slots_turn wants to be called, ms. */
#define ALT_SLOTS_TURN_MS 5

/* False: no memory to share. */
bool alt_slots_open(struct alt_slots *s, alt_session *session, bool always, double duty);
/* Opens and closes what is due at `now` (CLOCK_MONOTONIC seconds). */
void alt_slots_turn(struct alt_slots *s, double now);
/* Closes the open slot and gives the core back. */
void alt_slots_rest(struct alt_slots *s);
/* Ends it all. What was never opened (all zero) may be closed. */
void alt_slots_close(struct alt_slots *s);
/* In a forked child: forgets everything; the page is the parent's. */
void alt_slots_forget(struct alt_slots *s);

#endif
