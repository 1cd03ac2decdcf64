/* interleave.h: default plan against current plan, at the end of alt_run. */
#ifndef ALT_TOOLS_INTERLEAVE_H
#define ALT_TOOLS_INTERLEAVE_H

#include "tools/measure.h"

/* Ends tuning and, if it was on, runs both plans on `inputs` in pairs whose order a coin decides; fills m->base_plan, m->current_plan
 * and m->paired_ratio. As many pairs as there were runs, but not for long; after Ctrl-C hardly any time, or none. Pairs that are
 * not had are no error. */
void interleave(struct measure *m, alt_value *const *inputs);

#endif
