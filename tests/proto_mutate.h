/* proto_mutate.h: changes one field somewhere in a protobuf message and mends the lengths around it, so that what is wrong
 * afterwards is a value and not the framing. */
#ifndef ALT_TESTS_PROTO_MUTATE_H
#define ALT_TESTS_PROTO_MUTATE_H

#include "tests/random.h"

#include <stddef.h>

/* Bytes that a changed message may be longer than its original. */
#define PROTO_MUTATE_GROWTH 256

/* Writes a changed copy of `in` to `out`; returns its size, 0 when `in` is no message or `room` does not hold the copy. */
size_t proto_mutate(struct rng *random, const uint8_t *in, size_t size, uint8_t *out, size_t room);

#endif
