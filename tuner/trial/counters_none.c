/* counters_none.c: counters.h where alt is built without PAPI. */
#include "tuner/trial/counters.h"

#include <math.h>
#include <stdio.h>

struct counters *counters_open(char name[16], char why[128])
{
    snprintf(name, 16, "none");
    snprintf(why, 128, "built without PAPI");
    return NULL;
}

void counters_close(struct counters *c) { (void)c; }

bool counters_compare(struct counters *c, counters_work *work, void *context, double ratio[ALT_COUNTER_COUNT])
{
    (void)c, (void)work, (void)context;
    for (int i = 0; i < ALT_COUNTER_COUNT; i++)
        ratio[i] = NAN;
    return true;
}
