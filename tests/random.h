/* random.h: reproducible numbers for property tests (xorshift64*). Print the seed of a case that fails. */
#ifndef ALT_TESTS_RANDOM_H
#define ALT_TESTS_RANDOM_H

#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline struct rng rng_seed(uint64_t seed)
{
    return (struct rng){seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
}

static inline uint64_t rng_next(struct rng *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * UINT64_C(0x2545f4914f6cdd1d);
}

/* In [lo, hi]. */
static inline int64_t rng_range(struct rng *r, int64_t lo, int64_t hi)
{
    return lo + (int64_t)(rng_next(r) >> 16) % (hi - lo + 1);
}

#endif
