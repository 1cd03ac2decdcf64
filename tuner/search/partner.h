/* partner.h: the worker's trial process: asked to check and time candidates, ended when it takes too long, started anew when it
 * is gone. */
#ifndef ALT_TUNER_SEARCH_PARTNER_H
#define ALT_TUNER_SEARCH_PARTNER_H

#include "tuner/message.h"
#include "tuner/spawn.h"

struct partner {
    const char *path; /* of alt_trial */
    int host;         /* socket whose end ends every wait */
    struct alt_child child;
    int slots;                   /* descriptor of the slot page, handed on; owned */
    struct alt_msg_hello hello;  /* what the host said, handed on */
    struct alt_msg_hello theirs; /* what the trial answered */
    struct alt_msg_region region;
    uint32_t id;      /* of the region; 0: none yet */
    char errors[512]; /* tail of what the trial wrote to standard error */
};

/* Starts the process. ALT_E_IO when it cannot be run or is gone at once, ALT_E_MALFORMED when it is another version. */
alt_status partner_start(struct partner *p) ALT_MUST_USE;
/* What the next candidates are for; also after a new start. */
void partner_region(struct partner *p, uint32_t id, const struct alt_msg_region *region);
/* Checks (CANDIDATE) or times (TIME). False: the host is gone. Whatever else happens is in `result`: its cause is NONE when
 * the candidate passed. */
bool partner_ask(struct partner *p, enum alt_msg_type type, const struct alt_msg_candidate *candidate,
                 struct alt_msg_result *result);
void partner_stop(struct partner *p);

#endif
