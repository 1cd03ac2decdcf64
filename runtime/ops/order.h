/* order.h: numbers of any type as 64-bit keys in the same order, for sorting and selecting. */
#ifndef ALT_RUNTIME_OPS_ORDER_H
#define ALT_RUNTIME_OPS_ORDER_H

#include <alt/value.h>

/* True for types that have keys: integers, bool, float16/32/64, bfloat16. */
bool alt_order_has(alt_dtype dtype);
/* Keys of n elements that lie `stride` elements apart. -0 and 0 have one key, all NaNs have the greatest. */
void alt_order_keys(alt_dtype dtype, const void *src, int64_t stride, int64_t n, uint64_t *keys);

#endif
