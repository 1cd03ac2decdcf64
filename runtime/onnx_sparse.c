/* onnx_sparse.c: SparseTensorProto, made dense. alt has no sparse kernels, so the zeros are written out at load. */
#include "runtime/onnx_load.h"

#include <inttypes.h>
#include <string.h>

enum { SPARSE_VALUES = 1, SPARSE_INDICES = 2, SPARSE_DIMS = 3 };

/* A few bytes of sparse tensor can name any amount of zeros. */
#define DENSE_LIMIT ((size_t)1 << 30)

struct sparse {
    struct alt_tensor values, indices;
    const char *name;
};

static alt_status fail(struct alt_onnx_load *ld, const struct sparse *s, alt_status status, const char *reason)
{
    return alt_diag_add(ld->diag, status, "sparse tensor \"%.200s\": %s", s->name, reason);
}

static alt_status read_parts(struct alt_onnx_load *ld, struct alt_wire w, struct sparse *s, struct alt_tensor *dense)
{
    struct alt_wire_field f;
    struct alt_wire start = w, inner;
    struct alt_wire_numbers dims = {0};
    s->name = "";
    while (alt_wire_next(&w, &f)) {
        if (f.number == SPARSE_VALUES && alt_wire_message(&w, &f, &inner))
            ALT_CHECK(alt_onnx_tensor(ld, inner, &s->values, &s->name));
        else if (f.number == SPARSE_INDICES && alt_wire_message(&w, &f, &inner))
            ALT_CHECK(alt_onnx_tensor(ld, inner, &s->indices, NULL));
        else if (f.number == SPARSE_DIMS)
            alt_wire_gather(&w, &f, ALT_WIRE_VARINT, &dims);
    }
    if (w.fault)
        return alt_onnx_malformed(ld, &w, "sparse tensor");
    if (!s->values.data || !s->indices.data)
        return fail(ld, s, ALT_E_MODEL, "it has no values or no indices");
    if (dims.count < 1 || dims.count > ALT_MAX_RANK)
        return fail(ld, s, ALT_E_UNSUPPORTED, "its rank is not one that alt reads (1 to 8)");
    dense->rank = (int)dims.count;
    dense->dtype = s->values.dtype;
    if (!alt_wire_ints(&start, SPARSE_DIMS, dense->dim, dims.count))
        return alt_onnx_malformed(ld, &start, "sparse tensor");
    return ALT_OK;
}

static alt_status check(struct alt_onnx_load *ld, const struct sparse *s, struct alt_tensor *dense)
{
    const struct alt_tensor *v = &s->values, *x = &s->indices;
    int64_t count = alt_dims_count(dense->rank, dense->dim);
    if (alt_dtype_size(v->dtype) == 0 || v->dtype == ALT_STRING)
        return fail(ld, s, ALT_E_UNSUPPORTED, "alt reads no sparse tensors of this element type");
    if (v->rank != 1 || x->dtype != ALT_INT64)
        return fail(ld, s, ALT_E_MODEL, "values must have rank 1 and indices must be int64");
    bool linear = x->rank == 1 && x->dim[0] == v->dim[0];
    bool coordinates = x->rank == 2 && x->dim[0] == v->dim[0] && x->dim[1] == dense->rank;
    if (!linear && !coordinates)
        return fail(ld, s, ALT_E_MODEL, "indices must be [NNZ] or [NNZ, rank]");
    if (count < 0)
        return fail(ld, s, ALT_E_MODEL, "an extent is negative, or they multiply to more than memory can hold");
    dense->bytes = alt_dtype_bytes(dense->dtype, count);
    if (dense->bytes > DENSE_LIMIT)
        return fail(ld, s, ALT_E_UNSUPPORTED, "made dense, as alt does, it takes more than 1 GiB");
    return ALT_OK;
}

/* Position of value i in the dense tensor; -1 when an index lies outside. */
static int64_t position(const struct sparse *s, const struct alt_tensor *dense, int64_t i)
{
    if (s->indices.rank == 1) {
        int64_t at = alt_tensor_int(&s->indices, i);
        return at >= 0 && at < alt_tensor_count(dense) ? at : -1;
    }
    int64_t at = 0;
    for (int d = 0; d < dense->rank; d++) {
        int64_t index = alt_tensor_int(&s->indices, i * dense->rank + d);
        if (index < 0 || index >= dense->dim[d])
            return -1;
        at = at * dense->dim[d] + index;
    }
    return at;
}

alt_status alt_onnx_sparse(struct alt_onnx_load *ld, struct alt_wire w, struct alt_tensor *out, const char **name)
{
    struct sparse s = {0};
    struct alt_tensor dense = {0};
    ALT_CHECK(read_parts(ld, w, &s, &dense));
    ALT_CHECK(check(ld, &s, &dense));
    uint8_t *data = alt_arena_data(ld->arena, dense.bytes);
    if (!data)
        return alt_onnx_nomem(ld);
    size_t size = alt_dtype_size(dense.dtype);
    for (int64_t i = 0; i < s.values.dim[0]; i++) {
        int64_t at = position(&s, &dense, i);
        if (at < 0)
            return fail(ld, &s, ALT_E_MODEL, "an index lies outside its extents");
        memcpy(data + (size_t)at * size, (const uint8_t *)s.values.data + (size_t)i * size, size);
    }
    dense.data = data;
    *out = dense;
    if (name)
        *name = s.name;
    return ALT_OK;
}
