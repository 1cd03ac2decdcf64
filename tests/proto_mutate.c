/* proto_mutate.c: descends from the outermost message at random into fields that are messages themselves, changes one
 * field there (a hostile number, other bytes, twice, not at all), and writes the lengths on the way back. Whether bytes are
 * a message or text cannot be known: what parses as a message may be taken for one. */
#include "tests/proto_mutate.h"

#include <stdbool.h>
#include <string.h>

enum { VARINT, FIXED64, BYTES, FIXED32 = 5, DEEPEST = 24 };

/* A field of a message: [at, end) of it, its content from `content` on (BYTES: behind the length). */
struct field {
    size_t at, content, end;
    unsigned type;
};

struct sink {
    uint8_t *out;
    size_t size, room;
    bool full;
};

static void put(struct sink *s, const void *bytes, size_t n)
{
    s->full |= n > s->room - s->size;
    if (s->full || n == 0)
        return;
    memmove(s->out + s->size, bytes, n);
    s->size += n;
}

static void put_varint(struct sink *s, uint64_t value)
{
    uint8_t text[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        text[n++] = (uint8_t)(value | 0x80);
    text[n++] = (uint8_t)value;
    put(s, text, n);
}

static bool get_varint(const uint8_t *in, size_t size, size_t *at, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && *at < size; shift += 7) {
        uint8_t byte = in[(*at)++];
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static bool get_field(const uint8_t *in, size_t size, size_t at, struct field *f)
{
    uint64_t tag, length;
    f->at = at;
    if (!get_varint(in, size, &at, &tag) || tag >> 3 == 0)
        return false;
    f->type = (unsigned)(tag & 7);
    f->content = at;
    if (f->type == BYTES) {
        if (!get_varint(in, size, &at, &length) || length > size - at)
            return false;
        f->content = at;
        f->end = at + (size_t)length;
        return true;
    }
    if (f->type == VARINT) {
        f->end = at;
        return get_varint(in, size, &f->end, &tag);
    }
    f->end = at + (f->type == FIXED64 ? 8 : 4);
    return (f->type == FIXED64 || f->type == FIXED32) && f->end <= size;
}

/* One field of the message, long ones a little likelier; false when the bytes are no message or an empty one. */
static bool choose(struct rng *random, const uint8_t *in, size_t size, struct field *chosen)
{
    uint64_t weight = 0;
    for (size_t at = 0; at < size;) {
        struct field f;
        if (!get_field(in, size, at, &f))
            return false;
        uint64_t mine = f.type == BYTES && f.end - f.content > 8 ? 4 : 1;
        weight += mine;
        if (rng_next(random) % weight < mine)
            *chosen = f;
        at = f.end;
    }
    return weight > 0;
}

static uint64_t hostile(struct rng *random)
{
    static const int64_t numbers[] = {0,
                                      1,
                                      2,
                                      3,
                                      7,
                                      -1,
                                      -2,
                                      16,
                                      255,
                                      65536,
                                      INT32_MAX,
                                      INT32_MIN,
                                      (int64_t)1 << 31,
                                      (int64_t)1 << 32,
                                      (int64_t)1 << 40,
                                      (int64_t)1 << 62,
                                      INT64_MAX,
                                      INT64_MAX - 63,
                                      INT64_MIN};
    uint64_t n = rng_next(random) >> 8;
    return n % 4 ? (uint64_t)numbers[n / 4 % (sizeof numbers / sizeof *numbers)] : n % 32;
}

/* Other content of about the same length, or hostile numbers as a packed list. */
static void put_bytes(struct rng *random, struct sink *s, const uint8_t *content, size_t n)
{
    uint64_t way = rng_next(random) >> 32;
    size_t start = s->size;
    switch (way % 4) {
    case 0: /* cut short */
        put(s, content, n ? (size_t)(rng_next(random) >> 8) % n : 0);
        break;
    case 1: /* longer */
        put(s, content, n);
        put(s, content, n < 16 ? n : 16);
        break;
    case 2: /* some bits */
        put(s, content, n);
        for (int i = 0; i < 3 && n && !s->full; i++)
            s->out[start + (size_t)(rng_next(random) >> 8) % n] ^= (uint8_t)(1u << (rng_next(random) >> 61));
        break;
    default:
        for (uint64_t i = 0; i < 1 + way / 4 % 6; i++)
            put_varint(s, hostile(random));
    }
}

static size_t change(struct rng *random, const uint8_t *in, size_t size, uint8_t *out, size_t room, int depth);

/* What stands in the place of a field of type BYTES, without its tag. */
static void put_content(struct rng *random, struct sink *s, const uint8_t *content, size_t n, int depth)
{
    enum { LENGTH = 10 }; /* bytes that a length may take */
    if (s->full || s->room - s->size < LENGTH) {
        s->full = true;
        return;
    }
    uint8_t *inner = s->out + s->size + LENGTH;
    struct sink t = {inner, 0, s->room - s->size - LENGTH, false};
    if (depth < DEEPEST && rng_next(random) % 8)
        t.size = change(random, content, n, inner, t.room, depth + 1);
    if (t.size == 0)
        put_bytes(random, &t, content, n);
    s->full |= t.full;
    put_varint(s, t.size);
    put(s, inner, t.size);
}

static size_t change(struct rng *random, const uint8_t *in, size_t size, uint8_t *out, size_t room, int depth)
{
    struct field f = {0, 0, 0, 0};
    struct sink s = {out, 0, room, false};
    if (!choose(random, in, size, &f))
        return 0;
    put(&s, in, f.at);
    uint64_t way = rng_next(random) % 16;
    if (way == 0) { /* twice */
        put(&s, in + f.at, f.end - f.at);
        put(&s, in + f.at, f.end - f.at);
    } else if (way > 1) { /* 1: not at all */
        uint64_t tag;
        size_t at = f.at;
        get_varint(in, size, &at, &tag);
        put(&s, in + f.at, at - f.at);
        if (f.type == BYTES) {
            put_content(random, &s, in + f.content, f.end - f.content, depth);
        } else if (f.type == VARINT) {
            put_varint(&s, hostile(random));
        } else {
            uint64_t bits = rng_next(random);
            put(&s, &bits, f.type == FIXED64 ? 8 : 4);
        }
    }
    put(&s, in + f.end, size - f.end);
    return s.full ? 0 : s.size;
}

size_t proto_mutate(struct rng *random, const uint8_t *in, size_t size, uint8_t *out, size_t room)
{
    return change(random, in, size, out, room, 0);
}
