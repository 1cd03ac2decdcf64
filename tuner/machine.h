/* machine.h: what measurements and kernels depend on beside the region: the words of a record's key. */
#ifndef ALT_TUNER_MACHINE_H
#define ALT_TUNER_MACHINE_H

#include "tuner/record.h"

/* Fills `key` for a region on this machine; all texts but `region` are static once made. Any thread. */
void alt_machine_key(const char *region, int threads, struct alt_record_key *key);

#endif
