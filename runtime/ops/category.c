/* category.c: values to places; see category.h. A hash table with open addressing, at most half full. */
#include "runtime/ops/category.h"

#include "runtime/mem.h"

#include <string.h>

bool alt_categories_supports(alt_dtype dtype)
{
    return dtype == ALT_STRING || dtype == ALT_INT16 || dtype == ALT_INT32 || dtype == ALT_INT64 ||
           dtype == ALT_FLOAT32 || dtype == ALT_FLOAT64;
}

/* A number as bits that are equal when the numbers are. */
static uint64_t number_bits(alt_dtype dtype, const void *data, int64_t i)
{
    if (dtype == ALT_INT16)
        return (uint64_t)((const int16_t *)data)[i];
    if (dtype == ALT_INT32)
        return (uint64_t)((const int32_t *)data)[i];
    if (dtype == ALT_INT64)
        return (uint64_t)((const int64_t *)data)[i];
    const double x = (dtype == ALT_FLOAT32 ? (double)((const float *)data)[i] : ((const double *)data)[i]) + 0.0;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return x != x ? UINT64_MAX : bits;
}

static uint64_t hash(alt_dtype dtype, const void *data, int64_t i)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    if (dtype != ALT_STRING) {
        h = (number_bits(dtype, data, i) ^ h) * UINT64_C(0x9e3779b97f4a7c15);
        return h ^ h >> 29;
    }
    const alt_string *s = (const alt_string *)data + i;
    for (size_t k = 0; k < s->length; k++)
        h = (h ^ (unsigned char)s->data[k]) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

static bool equal(alt_dtype dtype, const void *a, int64_t i, const void *b, int64_t j)
{
    if (dtype != ALT_STRING)
        return number_bits(dtype, a, i) == number_bits(dtype, b, j);
    const alt_string *x = (const alt_string *)a + i, *y = (const alt_string *)b + j;
    return x->length == y->length && (x->length == 0 || memcmp(x->data, y->data, x->length) == 0);
}

static uint64_t slot_of(const struct alt_categories *c, const void *data, int64_t i)
{
    uint64_t at = hash(c->dtype, data, i) & c->mask;
    while (c->slot[at] && !equal(c->dtype, c->values, c->slot[at] - 1, data, i))
        at = (at + 1) & c->mask;
    return at;
}

bool alt_categories_init(struct alt_categories *c, struct alt_arena *arena, alt_dtype dtype, const void *values,
                         int64_t count)
{
    uint64_t size = 16;
    while (size < 2 * (uint64_t)count)
        size *= 2;
    int64_t *slot = alt_arena_array(arena, size, sizeof *slot);
    *c = (struct alt_categories){dtype, count, values, slot, size - 1};
    for (int64_t i = 0; slot && i < count; i++)
        slot[slot_of(c, values, i)] = i + 1;
    return slot != NULL;
}

int64_t alt_categories_find(const struct alt_categories *c, const void *data, int64_t i)
{
    return c->slot[slot_of(c, data, i)] - 1;
}
