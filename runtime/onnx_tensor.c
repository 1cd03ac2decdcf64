/* onnx_tensor.c: TensorProto.
 *
 * Content stands in raw_data, in one of five typed fields, in string_data or in another file. raw_data, external data and
 * packed floats are used where they lie; varints are decoded into the arena. The extents, the element type and the
 * amount of data must agree before anybody sees the tensor.
 */
#include "runtime/onnx_load.h"

#include "runtime/external.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { /* TensorProto */
    TENSOR_DIMS = 1,
    TENSOR_DATA_TYPE = 2,
    TENSOR_SEGMENT = 3,
    TENSOR_FLOAT_DATA = 4,
    TENSOR_INT32_DATA = 5,
    TENSOR_STRING_DATA = 6,
    TENSOR_INT64_DATA = 7,
    TENSOR_NAME = 8,
    TENSOR_RAW_DATA = 9,
    TENSOR_DOUBLE_DATA = 10,
    TENSOR_UINT64_DATA = 11,
    TENSOR_EXTERNAL_DATA = 13,
    TENSOR_DATA_LOCATION = 14
};
enum { STORES = 5 };

/* The typed fields, and which element types stand in them. */
static const struct store {
    uint32_t field;
    enum alt_wire_type element;
    uint64_t dtypes; /* bit d: element type d; all others stand in int32_data */
} stores[STORES] = {
    {TENSOR_INT32_DATA, ALT_WIRE_VARINT, 0},
    {TENSOR_FLOAT_DATA, ALT_WIRE_I32, 1u << ALT_FLOAT32 | 1u << ALT_COMPLEX64},
    {TENSOR_DOUBLE_DATA, ALT_WIRE_I64, 1u << ALT_FLOAT64 | 1u << ALT_COMPLEX128},
    {TENSOR_INT64_DATA, ALT_WIRE_VARINT, 1u << ALT_INT64},
    {TENSOR_UINT64_DATA, ALT_WIRE_VARINT, 1u << ALT_UINT32 | 1u << ALT_UINT64},
};

/* A TensorProto taken apart. */
struct parts {
    struct alt_wire body;
    struct alt_wire_numbers dims, number[STORES];
    size_t n_strings, n_raw;
    alt_string name, raw;
    int64_t dtype, location;
    bool segment;
    const char *text; /* name as text */
};

/* Tensor data of no bytes still has an address. */
static const uint64_t nothing[2];

static alt_status fail(struct alt_onnx_load *ld, const struct parts *p, alt_status status, const char *reason)
{
    return alt_diag_add(ld->diag, status, "tensor \"%.200s\": %s", p->text, reason);
}

static alt_status take_apart(struct alt_onnx_load *ld, struct alt_wire w, struct parts *p)
{
    struct alt_wire_field f;
    alt_string ignored;
    p->body = w;
    while (alt_wire_next(&w, &f)) {
        switch (f.number) {
        case TENSOR_DIMS: alt_wire_gather(&w, &f, ALT_WIRE_VARINT, &p->dims); break;
        case TENSOR_DATA_TYPE: alt_wire_int(&w, &f, &p->dtype); break;
        case TENSOR_SEGMENT: p->segment = true; break;
        case TENSOR_NAME: alt_wire_bytes(&w, &f, &p->name); break;
        case TENSOR_DATA_LOCATION: alt_wire_int(&w, &f, &p->location); break;
        case TENSOR_RAW_DATA:
            alt_wire_bytes(&w, &f, &p->raw);
            p->n_raw++;
            break;
        case TENSOR_STRING_DATA:
            alt_wire_bytes(&w, &f, &ignored);
            p->n_strings++;
            break;
        default:
            for (int i = 0; i < STORES; i++)
                if (f.number == stores[i].field)
                    alt_wire_gather(&w, &f, stores[i].element, &p->number[i]);
            break;
        }
    }
    p->text = "";
    if (w.fault)
        return alt_onnx_malformed(ld, &w, "tensor");
    return alt_onnx_text(ld, ld->scratch, p->name, &p->text);
}

/* Element type, extents and size; also that the content stands in one place, the right one. */
static alt_status check_type(struct alt_onnx_load *ld, const struct parts *p, struct alt_tensor *t)
{
    if (p->dtype == 0)
        return fail(ld, p, ALT_E_MODEL, "it has no element type");
    t->dtype = alt_onnx_dtype(p->dtype);
    if (t->dtype == ALT_NONE)
        return alt_diag_add(ld->diag, ALT_E_UNSUPPORTED, "tensor \"%.200s\": element type %" PRId64 " is not known to alt",
                            p->text, p->dtype);
    if (p->segment)
        return fail(ld, p, ALT_E_UNSUPPORTED, "it is stored in segments, which alt does not read");
    if (p->dims.count > ALT_MAX_RANK)
        return alt_diag_add(ld->diag, ALT_E_UNSUPPORTED, "tensor \"%.200s\": rank %zu; alt reads up to rank %d", p->text,
                            p->dims.count, ALT_MAX_RANK);
    t->rank = (int)p->dims.count;
    struct alt_wire w = p->body;
    if (!alt_wire_ints(&w, TENSOR_DIMS, t->dim, p->dims.count))
        return alt_onnx_malformed(ld, &w, p->text);
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] < 0)
            return alt_diag_add(ld->diag, ALT_E_MODEL, "tensor \"%.200s\": extent %d is negative (%" PRId64 ")", p->text, i,
                                t->dim[i]);
    int64_t count = alt_dims_count(t->rank, t->dim);
    t->bytes = alt_dtype_bytes(t->dtype, count);
    if (count < 0 || t->bytes > PTRDIFF_MAX)
        return fail(ld, p, ALT_E_MODEL, "its extents multiply to more than memory can hold");
    return ALT_OK;
}

static alt_status wrong_amount(struct alt_onnx_load *ld, const struct parts *p, const struct alt_tensor *t,
                               const char *unit, size_t have, size_t want)
{
    char shape[160];
    struct alt_shape s = {.rank = t->rank};
    memcpy(s.dim, t->dim, sizeof s.dim);
    return alt_diag_add(ld->diag, ALT_E_MODEL, "tensor \"%.200s\" (%s%s): it has %zu %s, its type and shape ask for %zu",
                        p->text, alt_dtype_name(t->dtype), alt_shape_print(NULL, &s, shape, sizeof shape), have, unit, want);
}

/* Bool elements must be 0 or 1 for whoever computes with them; a file may hold any byte. */
static alt_status normalise_bools(struct alt_onnx_load *ld, struct alt_tensor *t)
{
    const uint8_t *from = t->data;
    size_t i = 0;
    while (i < t->bytes && from[i] <= 1)
        i++;
    if (i == t->bytes)
        return ALT_OK;
    uint8_t *to = alt_arena_data(ld->arena, t->bytes);
    if (!to)
        return alt_onnx_nomem(ld);
    for (i = 0; i < t->bytes; i++)
        to[i] = from[i] != 0;
    t->data = to;
    return ALT_OK;
}

/* Content that is the elements' own bytes. */
static alt_status use_bytes(struct alt_onnx_load *ld, const struct parts *p, alt_string bytes, struct alt_tensor *t)
{
    if (t->dtype == ALT_STRING)
        return fail(ld, p, ALT_E_MODEL, "strings must stand in string_data");
    if (bytes.length != t->bytes)
        return wrong_amount(ld, p, t, "bytes of data", bytes.length, t->bytes);
    t->data = t->bytes ? (const void *)bytes.data : nothing;
    return t->dtype == ALT_BOOL ? normalise_bools(ld, t) : ALT_OK;
}

static alt_status use_strings(struct alt_onnx_load *ld, const struct parts *p, struct alt_tensor *t)
{
    struct alt_wire_field f;
    struct alt_wire w = p->body;
    size_t i = 0;
    alt_string *strings = alt_arena_array(ld->arena, p->n_strings, sizeof *strings);
    if (!strings)
        return alt_onnx_nomem(ld);
    while (alt_wire_next(&w, &f))
        if (f.number == TENSOR_STRING_DATA)
            strings[i++] = f.bytes;
    t->data = strings;
    return ALT_OK;
}

/* Writes integers as elements of `bits` bits. False when one does not fit, signed or unsigned. */
static bool narrow(alt_dtype dtype, unsigned bits, const int64_t *from, size_t count, void *to)
{
    int64_t least = dtype == ALT_UINT32 ? 0 : -((int64_t)1 << (bits - 1)), most = ((int64_t)1 << bits) - 1;
    for (size_t i = 0; i < count; i++) {
        int64_t v = dtype == ALT_BOOL ? from[i] != 0 : from[i];
        if (v < least || v > most)
            return false;
        memcpy((uint8_t *)to + i * bits / 8, &v, bits / 8); /* little-endian: the low bytes come first */
    }
    return true;
}

/* Content in int32_data, int64_data or uint64_data. */
static alt_status use_ints(struct alt_onnx_load *ld, const struct parts *p, int store, struct alt_tensor *t)
{
    size_t count = p->number[store].count;
    unsigned bits = alt_dtype_bits(t->dtype);
    bits = bits < 8 ? 8 : bits; /* packed elements stand in int32_data byte by byte */
    struct alt_wire w = p->body;
    int64_t *wide = bits == 64 ? alt_arena_data(ld->arena, t->bytes) : alt_arena_array(ld->scratch, count, sizeof *wide);
    if (!wide)
        return alt_onnx_nomem(ld);
    if (!alt_wire_ints(&w, stores[store].field, wide, count))
        return alt_onnx_malformed(ld, &w, p->text);
    t->data = wide;
    if (bits == 64)
        return ALT_OK;
    void *data = alt_arena_data(ld->arena, t->bytes);
    if (!data)
        return alt_onnx_nomem(ld);
    t->data = data;
    if (!narrow(t->dtype, bits, wide, count, data))
        return alt_diag_add(ld->diag, ALT_E_MODEL, "tensor \"%.200s\": an element does not fit its type, %s", p->text,
                            alt_dtype_name(t->dtype));
    return ALT_OK;
}

/* Content in float_data or double_data: one packed piece is used where it lies. */
static alt_status use_floats(struct alt_onnx_load *ld, const struct parts *p, int store, struct alt_tensor *t)
{
    t->data = p->number[store].first.data;
    if (p->number[store].pieces == 1)
        return ALT_OK;
    struct alt_wire w = p->body;
    void *data = alt_arena_data(ld->arena, t->bytes);
    if (!data)
        return alt_onnx_nomem(ld);
    t->data = data;
    return alt_wire_fixed(&w, stores[store].field, data, t->bytes) ? ALT_OK : alt_onnx_malformed(ld, &w, p->text);
}

/* Content in typed fields, strings among them. */
static alt_status use_typed(struct alt_onnx_load *ld, const struct parts *p, struct alt_tensor *t)
{
    int64_t elements = alt_tensor_count(t);
    size_t want = (size_t)elements;
    int store = 0;
    for (int i = 1; i < STORES; i++)
        if (stores[i].dtypes >> t->dtype & 1)
            store = i;
    for (int i = 0; i < STORES; i++)
        if (p->number[i].count && (i != store || t->dtype == ALT_STRING))
            return fail(ld, p, ALT_E_MODEL, "its data stand in a field that is not for its element type");
    if (p->n_strings && t->dtype != ALT_STRING)
        return fail(ld, p, ALT_E_MODEL, "its data stand in string_data, but its elements are no strings");
    if (t->dtype == ALT_COMPLEX64 || t->dtype == ALT_COMPLEX128)
        want *= 2;
    else if (alt_dtype_bits(t->dtype) < 8)
        want = t->bytes;
    size_t have = t->dtype == ALT_STRING ? p->n_strings : p->number[store].count;
    if (have != want)
        return wrong_amount(ld, p, t, "stored numbers or strings", have, want);
    if (want == 0) {
        t->data = nothing;
        return ALT_OK;
    }
    if (t->dtype == ALT_STRING)
        return use_strings(ld, p, t);
    return stores[store].element == ALT_WIRE_VARINT ? use_ints(ld, p, store, t) : use_floats(ld, p, store, t);
}

/* Where external content is. */
struct place {
    const char *location;
    uint64_t offset, length;
    bool has_length;
};

/* A decimal number that is the whole text. */
static bool parse_number(const char *text, uint64_t *out)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return *end == 0 && errno == 0;
}

/* One StringStringEntryProto of external_data. Keys that ONNX does not define, and the checksum, are left alone. */
static alt_status place_entry(struct alt_onnx_load *ld, const struct parts *p, struct alt_wire w, struct place *place)
{
    struct alt_wire_field f;
    alt_string raw[2] = {{0}};
    const char *key, *value;
    while (alt_wire_next(&w, &f))
        if (f.number == 1 || f.number == 2)
            alt_wire_bytes(&w, &f, &raw[f.number - 1]);
    if (w.fault)
        return alt_onnx_malformed(ld, &w, p->text);
    ALT_CHECK(alt_onnx_text(ld, ld->scratch, raw[0], &key));
    ALT_CHECK(alt_onnx_text(ld, ld->scratch, raw[1], &value));
    bool good = true;
    if (strcmp(key, "location") == 0)
        place->location = value;
    else if (strcmp(key, "offset") == 0)
        good = parse_number(value, &place->offset);
    else if (strcmp(key, "length") == 0)
        good = place->has_length = parse_number(value, &place->length);
    if (!good)
        return alt_diag_add(ld->diag, ALT_E_MODEL, "tensor \"%.200s\": external data %s \"%.40s\" is no number", p->text, key,
                            value);
    return ALT_OK;
}

static alt_status use_external(struct alt_onnx_load *ld, const struct parts *p, struct alt_tensor *t)
{
    struct place place = {0};
    struct alt_wire_field f;
    struct alt_wire w = p->body, inner;
    const void *bytes = NULL;
    size_t size = 0;
    while (alt_wire_next(&w, &f))
        if (f.number == TENSOR_EXTERNAL_DATA && alt_wire_message(&w, &f, &inner))
            ALT_CHECK(place_entry(ld, p, inner, &place));
    if (w.fault)
        return alt_onnx_malformed(ld, &w, p->text);
    if (!place.location)
        return fail(ld, p, ALT_E_MODEL, "its external data have no location");
    if (!ld->external)
        return fail(ld, p, ALT_E_UNSUPPORTED, "its data lie in another file, and no folder was given to look for it in");
    alt_status status = alt_external_open(ld->external, place.location, ld->diag, &bytes, &size);
    if (status != ALT_OK)
        return fail(ld, p, status, "its external data cannot be had");
    if (place.offset > size || (place.has_length && place.length > size - place.offset))
        return alt_diag_add(ld->diag, ALT_E_MODEL,
                            "tensor \"%.200s\": its external data end outside \"%.200s\", which has %zu bytes", p->text,
                            place.location, size);
    if (!place.has_length) /* to the end of the file at most: what the tensor needs, checked by use_bytes */
        place.length = size - place.offset < t->bytes ? size - place.offset : t->bytes;
    return use_bytes(ld, p, (alt_string){(const char *)bytes + place.offset, (size_t)place.length}, t);
}

alt_status alt_onnx_tensor(struct alt_onnx_load *ld, struct alt_wire w, struct alt_tensor *out, const char **name)
{
    struct parts p = {0};
    struct alt_tensor t = {0};
    ALT_CHECK(take_apart(ld, w, &p));
    ALT_CHECK(check_type(ld, &p, &t));
    size_t typed = p.n_strings;
    for (int i = 0; i < STORES; i++)
        typed += p.number[i].count;
    if (p.n_raw > 1 || (p.raw.length != 0) + (typed != 0) + (p.location == 1) > 1)
        return fail(ld, &p, ALT_E_MODEL, "its data stand in more than one place");
    if (p.location == 1)
        ALT_CHECK(use_external(ld, &p, &t));
    else if (p.raw.length)
        ALT_CHECK(use_bytes(ld, &p, p.raw, &t));
    else
        ALT_CHECK(use_typed(ld, &p, &t));
    *out = t;
    if (name)
        *name = p.text;
    return ALT_OK;
}
