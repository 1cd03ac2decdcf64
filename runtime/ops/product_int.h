/* product_int.h: integer tiles of product.h. */
#ifndef ALT_RUNTIME_OPS_PRODUCT_INT_H
#define ALT_RUNTIME_OPS_PRODUCT_INT_H

#include "runtime/ops/product.h"

/* alpha and beta of an integer product must be whole numbers that an int32 holds. */
bool alt_product_int_factor(double factor);
void alt_product_int_tile(const struct alt_product *p, const void *a, const void *b, const void *c, void *y, int64_t tile);

#endif
