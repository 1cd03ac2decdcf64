/* fill.h: tensors with made-up content. */
#ifndef ALT_TOOLS_FILL_H
#define ALT_TOOLS_FILL_H

#include <alt/value.h>

/* Fills a tensor from the generator started with `seed`: floats uniform in [0,1) on the grid that their type represents
 * exactly (2^-24 for float32), integers and bools 0 or 1; strings stay empty. The same seed gives the same content on
 * every machine. False when the type has no such filling. */
bool fill_random(alt_value *value, uint64_t seed);
/* Every element becomes x, rounded to the type. False for strings. */
bool fill_constant(alt_value *value, double x);

#endif
