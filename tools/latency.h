/* latency.h: how long runs took: exact percentiles of up to LATENCY_KEPT runs, of a uniform sample of more (reservoir
 * sampling, Vitter's algorithm R), so that memory stays bounded however long a run lasts. */
#ifndef ALT_TOOLS_LATENCY_H
#define ALT_TOOLS_LATENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LATENCY_KEPT = 1 << 20 };

struct latency {
    double *ms; /* owned */
    size_t kept, capacity;
    uint64_t runs;
    uint64_t random; /* state of the sampling */
};

/* Starts zeroed. False when there is no memory; the run is counted all the same. */
bool latency_add(struct latency *latency, double ms);
/* The p-quantiles (0..1) of what is kept, by nearest rank; 0 before the first run. Reorders what is kept. */
void latency_quantiles(struct latency *latency, const double *p, double *out, size_t count);
void latency_free(struct latency *latency);

#endif
