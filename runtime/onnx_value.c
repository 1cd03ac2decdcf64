/* onnx_value.c: TensorProto, SequenceProto and OptionalProto (onnx-data.proto) as values of their own. */
#include "runtime/onnx_load.h"

#include <string.h>

enum { /* SequenceProto and OptionalProto alike, from field 3 on */
    DATA_TYPE = 2,
    DATA_TENSOR = 3,
    DATA_SEQUENCE = 5,
    DATA_OPTIONAL = 7
};

static alt_status read_value(struct alt_onnx_load *ld, const alt_allocator *allocator, alt_kind kind, struct alt_wire w,
                             alt_value **out);

static alt_status read_tensor(struct alt_onnx_load *ld, const alt_allocator *allocator, struct alt_wire w, alt_value **out)
{
    struct alt_tensor t;
    ALT_CHECK(alt_onnx_tensor(ld, w, &t, NULL));
    if (t.dtype == ALT_STRING)
        return alt_value_strings(allocator, (size_t)t.rank, t.dim, t.data, out);
    ALT_CHECK(alt_value_tensor(allocator, t.dtype, (size_t)t.rank, t.dim, out));
    if (t.bytes)
        memcpy(alt_value_data(*out), t.data, t.bytes);
    return ALT_OK;
}

/* The elements of a sequence or optional, into `list` (room for all fields); *count of them, owned by the caller also
 * after a failure. */
static alt_status read_elements(struct alt_onnx_load *ld, const alt_allocator *allocator, struct alt_wire w,
                                alt_value **list, size_t *count)
{
    struct alt_wire_field f;
    struct alt_wire inner;
    int64_t type = 0;
    while (alt_wire_next(&w, &f)) {
        if (f.number == DATA_TYPE)
            alt_wire_int(&w, &f, &type);
        if (f.number <= DATA_TYPE || f.number > DATA_OPTIONAL || !alt_wire_message(&w, &f, &inner))
            continue;
        if (f.number != DATA_TENSOR && f.number != DATA_SEQUENCE && f.number != DATA_OPTIONAL)
            return alt_diag_add(ld->diag, ALT_E_UNSUPPORTED, "alt reads no sparse tensors and no maps in data files");
        alt_kind kind = f.number == DATA_TENSOR ? ALT_TENSOR : f.number == DATA_SEQUENCE ? ALT_SEQUENCE : ALT_OPTIONAL;
        ALT_CHECK(read_value(ld, allocator, kind, inner, &list[*count]));
        ++*count;
    }
    return w.fault ? alt_onnx_malformed(ld, &w, "sequence or optional") : ALT_OK;
}

static alt_status read_container(struct alt_onnx_load *ld, const alt_allocator *allocator, alt_kind kind, struct alt_wire w,
                                 alt_value **out)
{
    size_t count = 0, room = 0;
    for (uint32_t number = DATA_TENSOR; number <= DATA_OPTIONAL; number++)
        room += alt_onnx_count(w, number);
    alt_value **list = alt_arena_array(ld->scratch, room, sizeof *list);
    if (!list)
        return alt_onnx_nomem(ld);
    alt_status status = read_elements(ld, allocator, w, list, &count);
    if (status == ALT_OK && kind == ALT_OPTIONAL && count > 1)
        status = alt_diag_add(ld->diag, ALT_E_MODEL, "an optional holds %zu values", count);
    if (status == ALT_OK)
        status = kind == ALT_SEQUENCE ? alt_value_sequence(allocator, count, list, out)
                                      : alt_value_optional(allocator, count ? list[0] : NULL, out);
    for (size_t i = 0; i < count; i++)
        alt_value_release(list[i]);
    return status;
}

/* Nesting is bounded by the wire reader. */
static alt_status read_value(struct alt_onnx_load *ld, const alt_allocator *allocator, alt_kind kind, struct alt_wire w,
                             alt_value **out)
{
    return kind == ALT_TENSOR ? read_tensor(ld, allocator, w, out) : read_container(ld, allocator, kind, w, out);
}

alt_status alt_onnx_value(const alt_allocator *allocator, alt_kind kind, const void *bytes, size_t size, alt_value **out,
                          struct alt_diag *diag)
{
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_wire w;
    alt_value *value = NULL;
    alt_mem_init(&mem, allocator, 0);
    alt_arena_init(&arena, &mem);
    struct alt_onnx_load ld = {.arena = &arena, .scratch = &arena, .diag = diag};
    alt_wire_init(&w, bytes, size);
    alt_status status = read_value(&ld, allocator, kind, w, &value);
    alt_arena_free(&arena);
    if (status == ALT_OK)
        *out = value;
    return status;
}

alt_status alt_value_parse(const alt_allocator *allocator, const void *bytes, size_t size, alt_value **out,
                           alt_error **error)
{
    struct alt_diag diag = {0};
    alt_status status = ALT_E_ARGUMENT;
    if ((bytes || size == 0) && out)
        status = alt_onnx_value(allocator, ALT_TENSOR, bytes, size, out, &diag);
    return alt_diag_finish(&diag, status, error);
}
