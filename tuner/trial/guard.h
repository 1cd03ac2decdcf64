/* guard.h: an allocator that puts every block against a page that may not be touched, and looks at the bytes between block and page
 * when it is freed. For candidates' first runs; wasteful on purpose. */
#ifndef ALT_TUNER_TRIAL_GUARD_H
#define ALT_TUNER_TRIAL_GUARD_H

#include <alt/base.h>

struct guard {
    alt_allocator hooks;
    uint32_t faults; /* blocks whose surroundings were written to */
};

void guard_init(struct guard *guard);

#endif
