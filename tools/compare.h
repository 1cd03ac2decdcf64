/* compare.h: an answer against the expected one. */
#ifndef ALT_TOOLS_COMPARE_H
#define ALT_TOOLS_COMPARE_H

#include <alt/value.h>

/* What is allowed. A float may differ from the expected e by atol + rtol * |e|, an integer by atol; NaN agrees with NaN,
 * an infinity with itself; bools, strings, kinds, types and shapes agree exactly. */
struct tolerance {
    double rtol, atol;
};

/* True when `actual` agrees. Otherwise says on stderr, after `name`, what differs: how many elements, the first and the worst. */
bool values_agree(const char *name, const alt_value *expected, const alt_value *actual,
                  const struct tolerance *allowed);

#endif
