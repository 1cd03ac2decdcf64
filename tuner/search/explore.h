/* explore.h: one kind of region: its variants compiled, checked, timed, and told to the host as they come. */
#ifndef ALT_TUNER_SEARCH_EXPLORE_H
#define ALT_TUNER_SEARCH_EXPLORE_H

#include "tuner/search/partner.h"
#include "tuner/search/scratch.h"

#include "runtime/mem.h"

struct worker {
    int host; /* socket */
    struct alt_mem mem;
    struct scratch scratch;
    struct partner partner;
    unsigned sequence; /* of object files: no name is used twice */
    double press_until_ms; /* till then compiling does not wait for an idle core: lately there was none */
};

/* False when the host is gone. EXPLORED was sent otherwise, also when nothing could be done. */
bool explore_region(struct worker *w, uint32_t id, const struct alt_msg_region *region);

#endif
