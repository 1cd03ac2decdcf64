/* kernel_check_memory.h: memory between pages that cannot be touched, and elements of every type in it. */
#ifndef ALT_TESTS_KERNEL_CHECK_MEMORY_H
#define ALT_TESTS_KERNEL_CHECK_MEMORY_H

#include <alt/value.h>

#include "tests/kernel_check.h"

/* A piece of memory; around it, to the ends of its pages, lies a pattern, and around those pages nothing. */
struct kc_block {
    char *map;
    size_t map_size;
    unsigned char *data;
    size_t bytes;
};

/* `flush`: the end of the data meets the end of a page, as far as `align` allows; else its start is the start of a page.
 * The data is filled with `fill`. Exits the process when there is no memory. */
struct kc_block kc_block_make(size_t bytes, size_t align, bool flush, unsigned char fill);
/* The pattern around the data is whole. */
bool kc_block_sound(const struct kc_block *block);
void kc_block_free(struct kc_block *block);

/* Element `i` of packed memory. Values are rounded to nearest, ties to even; out of range: infinity, the largest finite
 * number where the type has none, integers saturate. */
void kc_store(alt_dtype dtype, void *data, int64_t i, double value);
double kc_load(alt_dtype dtype, const void *data, int64_t i);
/* The value after a round trip through the type. */
double kc_round(alt_dtype dtype, double value);
/* Distance of neighbouring numbers of the type at `value`; 0 for integers. */
double kc_spacing(alt_dtype dtype, double value);
/* Unit roundoff of the accumulator that kernels use for the type. */
double kc_roundoff(alt_dtype dtype);

/* Random numbers (splitmix64). */
uint64_t kc_next(uint64_t *state);
/* Fills a tensor of doubles with values that its dtype can hold. */
void kc_fill(struct kc_tensor *t, const struct kc_input *in, uint64_t *state);

#endif
