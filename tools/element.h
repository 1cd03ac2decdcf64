/* element.h: one element of a tensor of any type, to and from double. */
#ifndef ALT_TOOLS_ELEMENT_H
#define ALT_TOOLS_ELEMENT_H

#include "runtime/type.h"

/* A borrowed view of a tensor value, for the readers of runtime/type.h. */
struct alt_tensor element_view(const alt_value *value);
/* True for integers and bools of any width. */
bool element_is_integer(alt_dtype dtype);
/* Writes element i of a tensor whose sub-byte elements are packed. Floats are rounded to the nearest value of the type,
 * ties to even; integers keep their low bits; bools are x != 0; complex gets (x, x). False: strings and unknown types. */
bool element_set(alt_dtype dtype, void *data, size_t i, double x);

#endif
