/* category.h: a map from values (numbers or strings) to their places in a list: for operators that encode categories. */
#ifndef ALT_RUNTIME_OPS_CATEGORY_H
#define ALT_RUNTIME_OPS_CATEGORY_H

#include <alt/value.h>

struct alt_arena;

struct alt_categories {
    alt_dtype dtype;
    int64_t count;
    const void *values;  /* [count] of dtype; borrowed */
    const int64_t *slot; /* [mask + 1]: place + 1, or 0 */
    uint64_t mask;
};

/* True for the types that can be categories: strings, integers of 16 to 64 bits with a sign, float32, float64. */
bool alt_categories_supports(alt_dtype dtype);
/* Of equal values the last place counts. False when there is no memory. */
bool alt_categories_init(struct alt_categories *c, struct alt_arena *arena, alt_dtype dtype, const void *values,
                         int64_t count);
/* Place of element i of an array of the same type; -1: none. NaN equals NaN, and 0 equals -0. */
int64_t alt_categories_find(const struct alt_categories *c, const void *data, int64_t i);

#endif
