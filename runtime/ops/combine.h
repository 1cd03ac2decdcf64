/* combine.h: what scatters do with an element that is there and an update: replace, add, multiply, minimum, maximum. */
#ifndef ALT_RUNTIME_OPS_COMBINE_H
#define ALT_RUNTIME_OPS_COMBINE_H

#include "runtime/ops/wide.h"

enum alt_combine_op { ALT_COMBINE_REPLACE, ALT_COMBINE_ADD, ALT_COMBINE_MUL, ALT_COMBINE_MIN, ALT_COMBINE_MAX, ALT_COMBINE_COUNT };

struct alt_combine {
    enum alt_combine_op op;
    enum alt_wide wide;
    alt_load_fn *load;
    alt_store_fn *store;
    size_t size; /* bytes of an element */
};

/* The reduction of that name ("none", "add", "mul", "min", "max"); ALT_COMBINE_COUNT when there is none. */
enum alt_combine_op alt_combine_find(const char *name);
/* False when elements of this type cannot be combined so. */
bool alt_combine_init(struct alt_combine *c, enum alt_combine_op op, alt_dtype dtype);
/* dst[i] = dst[i] op src[i] for n dense elements. Integers wrap around; a NaN wins. */
void alt_combine_run(const struct alt_combine *c, void *dst, const void *src, int64_t n);

#endif
