/* protobuf.c: see protobuf.h. Running out of memory in a test aborts it. */
#include "tests/protobuf.h"

#include <stdlib.h>
#include <string.h>

void pb_free(struct pb *pb)
{
    free(pb->data);
    *pb = (struct pb){0};
}

void pb_raw(struct pb *pb, const void *bytes, size_t size)
{
    if (size == 0)
        return;
    if (pb->size + size > pb->capacity) {
        pb->capacity = 2 * (pb->size + size);
        pb->data = realloc(pb->data, pb->capacity);
        if (!pb->data)
            abort();
    }
    memcpy(pb->data + pb->size, bytes, size);
    pb->size += size;
}

void pb_varint(struct pb *pb, uint64_t value)
{
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        pb_raw(pb, &byte, 1);
        value >>= 7;
    } while (value);
}

void pb_tag(struct pb *pb, uint32_t number, unsigned type)
{
    pb_varint(pb, (uint64_t)number << 3 | type);
}

void pb_int(struct pb *pb, uint32_t number, int64_t value)
{
    pb_tag(pb, number, 0);
    pb_varint(pb, (uint64_t)value);
}

void pb_float(struct pb *pb, uint32_t number, float value)
{
    pb_tag(pb, number, 5);
    pb_raw(pb, &value, sizeof value);
}

void pb_bytes(struct pb *pb, uint32_t number, const void *bytes, size_t size)
{
    pb_tag(pb, number, 2);
    pb_varint(pb, size);
    pb_raw(pb, bytes, size);
}

void pb_text(struct pb *pb, uint32_t number, const char *text)
{
    pb_bytes(pb, number, text, strlen(text));
}

void pb_packed(struct pb *pb, uint32_t number, size_t count, const int64_t *values)
{
    struct pb inner = {0};
    for (size_t i = 0; i < count; i++)
        pb_varint(&inner, (uint64_t)values[i]);
    pb_message(pb, number, &inner);
}

void pb_message(struct pb *pb, uint32_t number, struct pb *inner)
{
    pb_bytes(pb, number, inner->data, inner->size);
    pb_free(inner);
}
