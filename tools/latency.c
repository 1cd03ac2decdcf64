/* latency.c: how long runs took. */
#include "tools/latency.h"

#include <math.h>
#include <stdlib.h>

static bool grow(struct latency *l)
{
    size_t capacity = l->capacity ? l->capacity * 2 : 1024;
    double *grown = realloc(l->ms, capacity * sizeof *grown);
    if (!grown)
        return false;
    l->ms = grown;
    l->capacity = capacity;
    return true;
}

bool latency_add(struct latency *l, double ms)
{
    l->runs++;
    if (l->kept < LATENCY_KEPT) {
        if (l->kept == l->capacity && !grow(l))
            return false;
        l->ms[l->kept++] = ms;
        return true;
    }
    /* Knuth's 64-bit linear congruential generator; the high bits are the good ones. */
    l->random = l->random * 6364136223846793005u + 1442695040888963407u;
    uint64_t place = (uint64_t)((double)(l->random >> 11) * 0x1p-53 * (double)l->runs);
    if (place < l->kept)
        l->ms[place] = ms;
    return true;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void latency_quantiles(struct latency *l, const double *p, double *out, size_t count)
{
    if (l->kept)
        qsort(l->ms, l->kept, sizeof *l->ms, ascending);
    for (size_t i = 0; i < count; i++) {
        size_t rank = (size_t)ceil(p[i] * (double)l->kept);
        out[i] = l->kept ? l->ms[rank ? rank - 1 : 0] : 0;
    }
}

void latency_free(struct latency *l)
{
    free(l->ms);
    *l = (struct latency){0};
}
