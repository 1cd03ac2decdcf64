/* onnx_type.c: TypeProto and ValueInfoProto. */
#include "runtime/onnx_load.h"

#include <inttypes.h>
#include <string.h>

enum { TYPE_TENSOR = 1, TYPE_SEQUENCE = 4, TYPE_MAP = 5, TYPE_OPAQUE = 7, TYPE_SPARSE = 8, TYPE_OPTIONAL = 9 };

/* One case of TypeProto's oneof: its number and its message. */
struct choice {
    uint32_t number;
    struct alt_wire body;
};

alt_dtype alt_onnx_dtype(int64_t number)
{
    if (number <= 0 || number > INT16_MAX || alt_dtype_bits((alt_dtype)number) == 0)
        return ALT_NONE;
    return (alt_dtype)number;
}

struct alt_type alt_onnx_type_none(void)
{
    return (struct alt_type){.kind = ALT_TENSOR, .dtype = ALT_NONE, .shape = {.rank = -1}};
}

/* A TensorShapeProto.Dimension. Exporters write negative numbers for "not known", as for none at all. */
static alt_status dim_read(struct alt_onnx_load *ld, struct alt_wire w, const char *what, alt_dim *out)
{
    struct alt_wire_field f;
    int64_t value = -1;
    alt_string param = {0};
    const char *name = "";
    while (alt_wire_next(&w, &f)) {
        if (f.number == 1)
            alt_wire_int(&w, &f, &value);
        else if (f.number == 2)
            alt_wire_bytes(&w, &f, &param);
    }
    if (w.fault)
        return alt_onnx_malformed(ld, &w, what);
    ALT_CHECK(alt_onnx_text(ld, ld->arena, param, &name));
    if (name[0])
        *out = alt_dim_symbol(ld->dims, name);
    else
        *out = value >= 0 ? value : alt_dim_unknown(ld->dims);
    return *out == ALT_DIM_BAD ? alt_onnx_nomem(ld) : ALT_OK;
}

static alt_status shape_read(struct alt_onnx_load *ld, struct alt_wire w, const char *what, struct alt_shape *out)
{
    struct alt_wire_field f;
    struct alt_wire inner;
    out->rank = 0;
    while (alt_wire_next(&w, &f)) {
        if (f.number != 1 || !alt_wire_message(&w, &f, &inner))
            continue;
        if (out->rank == ALT_MAX_RANK)
            return alt_diag_add(ld->diag, ALT_E_UNSUPPORTED, "%.200s: alt reads up to rank %d", what, ALT_MAX_RANK);
        ALT_CHECK(dim_read(ld, inner, what, &out->dim[out->rank]));
        out->rank++;
    }
    return w.fault ? alt_onnx_malformed(ld, &w, what) : ALT_OK;
}

/* TypeProto.Tensor. */
static alt_status tensor_type(struct alt_onnx_load *ld, struct alt_wire w, const char *what, struct alt_type *out)
{
    struct alt_wire_field f;
    struct alt_wire inner;
    int64_t dtype = 0;
    while (alt_wire_next(&w, &f)) {
        if (f.number == 1)
            alt_wire_int(&w, &f, &dtype);
        else if (f.number == 2 && alt_wire_message(&w, &f, &inner))
            ALT_CHECK(shape_read(ld, inner, what, &out->shape));
    }
    if (w.fault)
        return alt_onnx_malformed(ld, &w, what);
    out->dtype = alt_onnx_dtype(dtype);
    if (dtype != 0 && out->dtype == ALT_NONE)
        return alt_diag_add(ld->diag, ALT_E_UNSUPPORTED, "%.200s: element type %" PRId64 " is not known to alt", what, dtype);
    return ALT_OK;
}

/* Which kind a TypeProto is; the last one said counts, as everywhere in protobuf. */
static alt_status choose(struct alt_onnx_load *ld, struct alt_wire w, const char *what, struct choice *out)
{
    struct alt_wire_field f;
    out->number = 0;
    while (alt_wire_next(&w, &f))
        if (f.number != 6 && f.number <= TYPE_OPTIONAL && alt_wire_message(&w, &f, &out->body))
            out->number = f.number;
    return w.fault ? alt_onnx_malformed(ld, &w, what) : ALT_OK;
}

/* The elem_type of a sequence or optional type. */
static alt_status element_choice(struct alt_onnx_load *ld, struct alt_wire w, const char *what, struct choice *out)
{
    struct alt_wire_field f;
    struct alt_wire inner;
    out->number = 0;
    while (alt_wire_next(&w, &f))
        if (f.number == 1 && alt_wire_message(&w, &f, &inner))
            ALT_CHECK(choose(ld, inner, what, out));
    return w.fault ? alt_onnx_malformed(ld, &w, what) : ALT_OK;
}

static alt_status unsupported(struct alt_onnx_load *ld, const char *what, uint32_t number)
{
    const char *kind = number == TYPE_MAP      ? "a map"
                       : number == TYPE_OPAQUE ? "an opaque type"
                       : number == TYPE_SPARSE ? "a sparse tensor"
                                               : "a type within a type";
    return alt_diag_add(ld->diag, ALT_E_UNSUPPORTED,
                        "%.200s is %s; alt reads tensors, sequences of tensors, and optionals of either", what, kind);
}

alt_status alt_onnx_type(struct alt_onnx_load *ld, struct alt_wire w, const char *what, struct alt_type *out)
{
    struct choice c = {0};
    struct alt_type type = alt_onnx_type_none();
    ALT_CHECK(choose(ld, w, what, &c));
    if (c.number == TYPE_OPTIONAL) {
        type.kind = ALT_OPTIONAL;
        ALT_CHECK(element_choice(ld, c.body, what, &c));
    }
    if (c.number == TYPE_SEQUENCE) {
        type.element_kind = type.kind == ALT_OPTIONAL ? ALT_SEQUENCE : ALT_TENSOR;
        if (type.kind == ALT_TENSOR)
            type.kind = ALT_SEQUENCE;
        ALT_CHECK(element_choice(ld, c.body, what, &c));
    }
    if (c.number == TYPE_TENSOR)
        ALT_CHECK(tensor_type(ld, c.body, what, &type));
    else if (c.number != 0)
        return unsupported(ld, what, c.number);
    *out = type;
    return ALT_OK;
}

alt_status alt_onnx_value_info(struct alt_onnx_load *ld, struct alt_wire w, const char **name, struct alt_type *type)
{
    struct alt_wire_field f;
    struct alt_wire start = w, inner;
    alt_string raw = {0};
    *type = alt_onnx_type_none();
    while (alt_wire_next(&w, &f))
        if (f.number == 1)
            alt_wire_bytes(&w, &f, &raw);
    if (w.fault)
        return alt_onnx_malformed(ld, &w, "value info");
    ALT_CHECK(alt_onnx_text(ld, ld->arena, raw, name));
    char *what = alt_arena_printf(ld->scratch, "value \"%s\"", *name);
    if (!what)
        return alt_onnx_nomem(ld);
    while (alt_wire_next(&start, &f))
        if (f.number == 2 && alt_wire_message(&start, &f, &inner))
            ALT_CHECK(alt_onnx_type(ld, inner, what, type));
    return start.fault ? alt_onnx_malformed(ld, &start, what) : ALT_OK;
}
