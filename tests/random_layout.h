/* random_layout.h: random shapes and random legal sequences of layout primitives. */
#ifndef ALT_TESTS_RANDOM_LAYOUT_H
#define ALT_TESTS_RANDOM_LAYOUT_H

#include "runtime/layout.h"
#include "tests/random.h"

struct random_layout_limits {
    int64_t positions; /* most physical positions */
    int prims;         /* most primitives tried */
    bool unfold;       /* may store elements twice */
};

/* A shape of few elements; extents 0 appear now and then. */
void random_shape(struct rng *r, int rank, int64_t *dims);
/* A layout that binds to `dims`; may be NULL. Fails the test when memory runs out. */
const struct alt_layout *random_layout(struct rng *r, struct alt_arena *arena, int rank, const int64_t *dims,
                                       const struct random_layout_limits *limits);
/* One primitive, legal or not, for a shape of rank `rank`. */
struct alt_layout_prim random_prim(struct rng *r, int rank, const int64_t *extent);
/* The next index of a row-major walk; false at the end. `rank` 0 has one index. */
bool next_index(int rank, const int64_t *extent, int64_t *index);

#endif
