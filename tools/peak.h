/* peak.h: what this machine can do at most, measured here and now. */
#ifndef ALT_TOOLS_PEAK_H
#define ALT_TOOLS_PEAK_H

#include <stdbool.h>

struct peak {
    const char *isa; /* of the vectors: "avx512", "avx2", "base" or "neon" */
    double flops;    /* a second: float32 multiply-adds in registers, each counted twice */
    double memory;   /* bytes a second, read out of an array far larger than any cache */
    double cache;    /* bytes a second, read again and again out of PEAK_CACHED bytes a thread */
};
enum { PEAK_CACHED = 128 << 10 }; /* fits into the second-level cache of any core of the last decade */

/* `threads` threads at once. Takes a second or so and half a GiB. False when memory or threads could not be had. */
bool peak_measure(int threads, struct peak *out);

#endif
