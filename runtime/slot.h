/* slot.h: moments in which another process may time something on this machine.
 *
 * The page is shared with that process. Who grants slots (the tuner) opens and closes them; a run that arrives ends one that was
 * opened because there was no run, and costs itself a store for it. Timing over there compares the generation before and after
 * a sample, so no message is needed and a spoilt sample is noticed within a microsecond.
 */
#ifndef ALT_RUNTIME_SLOT_H
#define ALT_RUNTIME_SLOT_H

#include <alt/base.h>

#include <stdatomic.h>

struct alt_slot_page {
    _Atomic uint64_t generation;  /* odd: a slot is open; any change while a sample is taken spoils that sample */
    _Atomic uint64_t deadline_ns; /* CLOCK_MONOTONIC end of the open slot */
    _Atomic uint32_t polite;      /* the open slot ends when a run arrives */
    _Atomic uint32_t wanted;      /* somebody waits for a slot */
    _Atomic uint64_t used_ns;     /* time spent in slots */
};

/* A run arrives. Any thread. */
static inline void alt_slot_arrive(struct alt_slot_page *page)
{
    uint64_t g = atomic_load_explicit(&page->generation, memory_order_relaxed);
    if (g % 2 == 1 && atomic_load_explicit(&page->polite, memory_order_relaxed))
        atomic_compare_exchange_strong(&page->generation, &g, g + 1); /* else the granter was quicker */
}

#endif
