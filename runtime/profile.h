/* profile.h: what a run that is watched says of a step that ended. Only such runs come here. */
#ifndef ALT_RUNTIME_PROFILE_H
#define ALT_RUNTIME_PROFILE_H

#include "runtime/exec.h"

struct alt_profile_step {
    const struct alt_binding *binding;
    int step; /* of the program */
    int threads;
    int64_t begin_ns, end_ns;
};

/* Describes the step, whose operands are still where it left them, and calls x->on_step. Allocates nothing. */
void alt_profile_report(const struct alt_exec *x, const struct alt_profile_step *done);

#endif
