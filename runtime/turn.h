/* turn.h: runs of a session take turns where more at once would only be in each other's way.
 *
 * Runs beyond the cores make none end sooner, but each has an arena of its own, and what a time slice leaves in the caches the next
 * one drives out. So, unless the caller has said how many contexts there may be, as many runs are under way as there are
 * cores, and on several cores one more, which fills the gap while the next is woken; others wait for the first to end. Runs shorter than a time slice, which are seldom cut by one, do not wait:
 * a change of threads would cost more than it saves. Who waits, for a turn or for a context, stands in one queue and is called in order.
 */
#ifndef ALT_RUNTIME_TURN_H
#define ALT_RUNTIME_TURN_H

#include <alt/base.h>

#include <pthread.h>

/* A run that waits; on its stack. */
struct alt_turn {
    struct alt_turn *next;
    pthread_cond_t called;
};

/* Guarded by the session's mutex. */
struct alt_turns {
    struct alt_turn *first, **end; /* end: the last one's `next`, or &first */
    int limit;                     /* runs at once while they are long */
    int64_t shortest_ns;           /* about what the shortest of recent runs took */
};

/* Runs at once on so many cores. */
static inline int alt_turns_limit(int cores) { return cores > 1 ? cores + 1 : cores; }
/* Runs count as long until one has shown otherwise. */
void alt_turns_init(struct alt_turns *turns, int limit);
/* True when one more run beside those under way is in nobody's way. */
bool alt_turns_room(const struct alt_turns *turns, int under_way);
/* A run took so long. */
void alt_turns_note(struct alt_turns *turns, int64_t ns);
/* Wakes the first who waits. */
void alt_turns_call(struct alt_turns *turns);

/* Joins the queue. ALT_E_SYSTEM. */
alt_status alt_turn_join(struct alt_turns *turns, struct alt_turn *turn) ALT_MUST_USE;
void alt_turn_leave(struct alt_turns *turns, struct alt_turn *turn);

#endif
