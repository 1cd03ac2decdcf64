/* wire.c: the protobuf wire format (protobuf.dev, "Encoding"), bounded and without copies; see wire.h. */
#include "runtime/wire.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensor bytes are used as they lie in the file");

static void wire_fail(struct alt_wire *w, const char *fault)
{
    if (w->fault)
        return;
    w->fault = fault;
    w->fault_at = (size_t)(w->at - w->base);
    w->at = w->end;
}

void alt_wire_init(struct alt_wire *w, const void *bytes, size_t size)
{
    static const uint8_t nothing[1];
    const uint8_t *base = size ? bytes : nothing;
    *w = (struct alt_wire){.at = base, .end = base + size, .base = base};
}

/* Decodes a varint at *at and moves *at behind it. False when it runs past `end` or over 64 bits. */
static bool varint_decode(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    uint64_t value = 0;
    const uint8_t *p = *at;
    for (unsigned shift = 0; shift < 64 && p < end; shift += 7) {
        uint64_t bits = *p & 0x7fu;
        if (shift == 63 && bits > 1)
            return false;
        value |= bits << shift;
        if (!(*p++ & 0x80u)) {
            *at = p;
            *out = value;
            return true;
        }
    }
    return false;
}

static bool wire_varint(struct alt_wire *w, uint64_t *out)
{
    if (w->at < w->end && *w->at < 0x80) { /* nearly all tags and lengths are one byte */
        *out = *w->at++;
        return true;
    }
    if (varint_decode(&w->at, w->end, out))
        return true;
    wire_fail(w, "a varint runs past the end of its message or over 64 bits");
    return false;
}

static bool wire_take(struct alt_wire *w, uint64_t size, alt_string *out)
{
    if (size > (uint64_t)(w->end - w->at)) {
        wire_fail(w, "a length runs past the end of its message");
        return false;
    }
    *out = (alt_string){(const char *)w->at, (size_t)size};
    w->at += size;
    return true;
}

/* A field's number and wire type. */
static bool wire_tag(struct alt_wire *w, struct alt_wire_field *f)
{
    uint64_t tag;
    if (!wire_varint(w, &tag))
        return false;
    if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff || (tag & 7) > ALT_WIRE_I32) {
        wire_fail(w, "a field has an illegal number or wire type");
        return false;
    }
    f->number = (uint32_t)(tag >> 3);
    f->type = (enum alt_wire_type)(tag & 7);
    return true;
}

/* The value behind a tag that begins and ends no group. */
static bool wire_value(struct alt_wire *w, struct alt_wire_field *f)
{
    const uint8_t *start = w->at;
    uint64_t value;
    switch (f->type) {
    case ALT_WIRE_VARINT:
        if (!wire_varint(w, &value))
            return false;
        f->bytes = (alt_string){(const char *)start, (size_t)(w->at - start)};
        return true;
    case ALT_WIRE_I64:
        return wire_take(w, 8, &f->bytes);
    case ALT_WIRE_I32:
        return wire_take(w, 4, &f->bytes);
    case ALT_WIRE_LEN:
        return wire_varint(w, &value) && wire_take(w, value, &f->bytes);
    default:
        wire_fail(w, "a group ends that never began");
        return false;
    }
}

/* Leaves the group that field number `group` began, with all that is nested in it. */
static bool wire_skip_group(struct alt_wire *w, uint32_t group)
{
    uint32_t open[ALT_WIRE_DEPTH];
    int depth = 0;
    open[depth++] = group;
    while (depth > 0) {
        struct alt_wire_field f;
        if (w->at == w->end)
            wire_fail(w, "a group has no end");
        if (w->fault || !wire_tag(w, &f))
            return false;
        if (f.type == ALT_WIRE_GROUP_END && f.number == open[depth - 1]) {
            depth--;
        } else if (f.type == ALT_WIRE_GROUP) {
            if (w->depth + depth >= ALT_WIRE_DEPTH) {
                wire_fail(w, "messages are nested too deeply");
                return false;
            }
            open[depth++] = f.number;
        } else if (!wire_value(w, &f)) {
            return false;
        }
    }
    return true;
}

bool alt_wire_next(struct alt_wire *w, struct alt_wire_field *f)
{
    while (w->at < w->end && wire_tag(w, f)) {
        if (f->type != ALT_WIRE_GROUP)
            return wire_value(w, f);
        if (!wire_skip_group(w, f->number))
            return false;
    }
    return false;
}

/* Fails unless `f` has the wire type. */
static bool wire_expect(struct alt_wire *w, const struct alt_wire_field *f, enum alt_wire_type type)
{
    if (f->type == type)
        return true;
    wire_fail(w, "a field has another wire type than ONNX gives it");
    return false;
}

void alt_wire_int(struct alt_wire *w, const struct alt_wire_field *f, int64_t *out)
{
    if (!wire_expect(w, f, ALT_WIRE_VARINT))
        return;
    const uint8_t *at = (const uint8_t *)f->bytes.data;
    uint64_t value = 0;
    if (varint_decode(&at, at + f->bytes.length, &value))
        memcpy(out, &value, sizeof value);
}

void alt_wire_float(struct alt_wire *w, const struct alt_wire_field *f, float *out)
{
    if (wire_expect(w, f, ALT_WIRE_I32))
        memcpy(out, f->bytes.data, sizeof *out);
}

void alt_wire_bytes(struct alt_wire *w, const struct alt_wire_field *f, alt_string *out)
{
    if (wire_expect(w, f, ALT_WIRE_LEN))
        *out = f->bytes;
}

bool alt_wire_message(struct alt_wire *w, const struct alt_wire_field *f, struct alt_wire *out)
{
    if (!wire_expect(w, f, ALT_WIRE_LEN))
        return false;
    if (w->depth + 1 >= ALT_WIRE_DEPTH) {
        wire_fail(w, "messages are nested too deeply");
        return false;
    }
    const uint8_t *at = (const uint8_t *)f->bytes.data;
    *out = (struct alt_wire){.at = at, .end = at + f->bytes.length, .base = w->base, .depth = w->depth + 1};
    return true;
}

/* Number of varints in `bytes`: each ends with a byte whose top bit is clear. */
static size_t varint_count(alt_string bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes.length; i++)
        count += !((uint8_t)bytes.data[i] & 0x80u);
    return count;
}

void alt_wire_gather(struct alt_wire *w, const struct alt_wire_field *f, enum alt_wire_type element,
                     struct alt_wire_numbers *numbers)
{
    if (f->type != ALT_WIRE_LEN && !wire_expect(w, f, element))
        return;
    size_t width = element == ALT_WIRE_I32 ? 4 : element == ALT_WIRE_I64 ? 8 : 1;
    if (f->bytes.length % width != 0) {
        wire_fail(w, "a packed field ends within an element");
        return;
    }
    numbers->count += element == ALT_WIRE_VARINT ? varint_count(f->bytes) : f->bytes.length / width;
    if (numbers->pieces++ == 0)
        numbers->first = f->bytes;
}

/* Decodes the varints of one piece; *count is what `out` has room for, less what was used. */
static bool piece_ints(struct alt_wire *w, alt_string piece, int64_t **out, size_t *count)
{
    const uint8_t *at = (const uint8_t *)piece.data, *end = at + piece.length;
    while (at < end) {
        uint64_t value;
        if (*count == 0 || !varint_decode(&at, end, &value)) {
            wire_fail(w, "a packed field ends within an element");
            return false;
        }
        memcpy((*out)++, &value, sizeof value);
        --*count;
    }
    return true;
}

bool alt_wire_ints(struct alt_wire *w, uint32_t number, int64_t *out, size_t count)
{
    struct alt_wire_field f;
    while (alt_wire_next(w, &f))
        if (f.number == number && !piece_ints(w, f.bytes, &out, &count))
            return false;
    if (count != 0)
        wire_fail(w, "a repeated field holds fewer elements than were counted");
    return !w->fault;
}

bool alt_wire_fixed(struct alt_wire *w, uint32_t number, void *out, size_t bytes)
{
    struct alt_wire_field f;
    uint8_t *to = out;
    while (alt_wire_next(w, &f)) {
        if (f.number != number || f.bytes.length == 0)
            continue;
        if (f.bytes.length > bytes) {
            wire_fail(w, "a repeated field holds more elements than were counted");
            return false;
        }
        memcpy(to, f.bytes.data, f.bytes.length);
        to += f.bytes.length;
        bytes -= f.bytes.length;
    }
    if (bytes != 0)
        wire_fail(w, "a repeated field holds fewer elements than were counted");
    return !w->fault;
}
