/* turn.c: the queue of a session's runs; see turn.h. */
#include "runtime/turn.h"

#include "runtime/fork.h"

/* A change of threads costs some 10 us, a time slice is a few ms. */
#define LONG_NS INT64_C(1000000)
#define FORGOTTEN_NS (2 * LONG_NS)

void alt_turns_init(struct alt_turns *turns, int limit)
{
    *turns = (struct alt_turns){.end = &turns->first, .limit = limit, .shortest_ns = LONG_NS};
}

bool alt_turns_room(const struct alt_turns *turns, int under_way)
{
    return under_way < turns->limit || turns->shortest_ns < LONG_NS;
}

/* The minimum forgets: it doubles in a dozen runs (up to a bound), so that other shapes and plans come through. A run that lost its core for
 * a while says nothing of what it takes; the minimum does not hear of it. */
void alt_turns_note(struct alt_turns *turns, int64_t ns)
{
    const int64_t risen = turns->shortest_ns < FORGOTTEN_NS ? turns->shortest_ns + turns->shortest_ns / 16 + 1 : FORGOTTEN_NS;
    turns->shortest_ns = ns < risen ? ns : risen;
}

void alt_turns_call(struct alt_turns *turns)
{
    if (turns->first)
        pthread_cond_signal(&turns->first->called);
}

alt_status alt_turn_join(struct alt_turns *turns, struct alt_turn *turn)
{
    turn->next = NULL;
    if (alt_fork_condition(&turn->called) != ALT_OK)
        return ALT_E_SYSTEM;
    *turns->end = turn;
    turns->end = &turn->next;
    return ALT_OK;
}

void alt_turn_leave(struct alt_turns *turns, struct alt_turn *turn)
{
    struct alt_turn **link = &turns->first;
    while (*link != turn)
        link = &(*link)->next;
    *link = turn->next;
    if (turns->end == &turn->next)
        turns->end = link;
    pthread_cond_destroy(&turn->called);
}
