/* wire.h: reads the protobuf wire format, bounded and without copies.
 *
 * A reader walks one message; fields come out as spans of the caller's bytes. Nothing is trusted: every length and varint
 * is checked against the end of its message, nesting stops at ALT_WIRE_DEPTH, and the caller says which wire type a field
 * must have. The first thing that is wrong is kept in `fault` and ends the walk, so a loop needs one check, after it:
 *
 *     while (alt_wire_next(&w, &f)) {
 *         if (f.number == 1)
 *             alt_wire_int(&w, &f, &version);
 *     }
 *     if (w.fault) ...
 *
 * Fields that nobody asks about are skipped, groups included.
 */
#ifndef ALT_RUNTIME_WIRE_H
#define ALT_RUNTIME_WIRE_H

#include <alt/value.h>

#define ALT_WIRE_DEPTH 64 /* nested messages or groups */

/* The wire types of the encoding. */
enum alt_wire_type {
    ALT_WIRE_VARINT = 0,
    ALT_WIRE_I64 = 1,
    ALT_WIRE_LEN = 2,
    ALT_WIRE_GROUP = 3,
    ALT_WIRE_GROUP_END = 4,
    ALT_WIRE_I32 = 5
};

/* One message being walked. A copy starts where the original stands and goes its own way. */
struct alt_wire {
    const uint8_t *at, *end; /* borrowed */
    const uint8_t *base;     /* of the outermost message */
    int depth;
    const char *fault;       /* NULL, or what is wrong; static */
    size_t fault_at;         /* bytes from base */
};

struct alt_wire_field {
    uint32_t number;
    enum alt_wire_type type;
    alt_string bytes; /* VARINT, I32, I64: the value's own bytes; LEN: what the length covers */
};

/* Starts on the outermost message. */
void alt_wire_init(struct alt_wire *w, const void *bytes, size_t size);
/* The next field. False at the end of the message and when something is wrong. */
bool alt_wire_next(struct alt_wire *w, struct alt_wire_field *f);

/* The value of `f`, which `w` gave last. A wrong wire type is a fault of `w`; then `out` keeps its value. */
void alt_wire_int(struct alt_wire *w, const struct alt_wire_field *f, int64_t *out);
void alt_wire_float(struct alt_wire *w, const struct alt_wire_field *f, float *out);
void alt_wire_bytes(struct alt_wire *w, const struct alt_wire_field *f, alt_string *out);
/* A nested message; `out` is a reader one level deeper. False with a fault of `w` when `f` is none, or too deep. */
bool alt_wire_message(struct alt_wire *w, const struct alt_wire_field *f, struct alt_wire *out);

/* A repeated number field gathered over a whole message, packed, not packed or both. Starts zeroed. */
struct alt_wire_numbers {
    size_t count;      /* elements */
    size_t pieces;     /* fields seen */
    alt_string first;  /* bytes of the first piece */
};
/* Adds field `f`, whose elements have wire type `element` (VARINT, I32 or I64). */
void alt_wire_gather(struct alt_wire *w, const struct alt_wire_field *f, enum alt_wire_type element,
                     struct alt_wire_numbers *numbers);
/* Decodes the `count` elements of repeated field `number` of the message `w` stands at the start of. Both return false,
 * with w.fault saying why, when the message holds another count than was gathered. */
bool alt_wire_ints(struct alt_wire *w, uint32_t number, int64_t *out, size_t count);
/* The same for I32 and I64 elements, as the bytes they are stored in (little-endian). */
bool alt_wire_fixed(struct alt_wire *w, uint32_t number, void *out, size_t bytes);

#endif
