/* protobuf.h: writes protobuf messages, for tests that need the bytes of a model. A writer grows one malloc'ed buffer;
 * a nested message is written to a writer of its own and put in with pb_message, which frees it. */
#ifndef ALT_TESTS_PROTOBUF_H
#define ALT_TESTS_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>

struct pb {
    uint8_t *data; /* owned */
    size_t size, capacity;
};

void pb_free(struct pb *pb);
void pb_raw(struct pb *pb, const void *bytes, size_t size);
void pb_varint(struct pb *pb, uint64_t value);
void pb_tag(struct pb *pb, uint32_t number, unsigned type);

void pb_int(struct pb *pb, uint32_t number, int64_t value);
void pb_float(struct pb *pb, uint32_t number, float value);
void pb_bytes(struct pb *pb, uint32_t number, const void *bytes, size_t size);
void pb_text(struct pb *pb, uint32_t number, const char *text);
void pb_packed(struct pb *pb, uint32_t number, size_t count, const int64_t *values);
/* Puts `inner` in as field `number` and frees it. */
void pb_message(struct pb *pb, uint32_t number, struct pb *inner);

#endif
