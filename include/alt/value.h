/* value.h: tensors, sequences and optionals that go into a model and come out of it. */
#ifndef ALT_VALUE_H
#define ALT_VALUE_H

#include <alt/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Largest rank of a tensor. A model with more dimensions is refused. */
#define ALT_MAX_RANK 8

/* Element types with ONNX's own numbers (TensorProto.DataType): suffix, number, name, bits an element.
 * Elements below 8 bits are packed, first element in the low bits of a byte (ONNX IR, "TensorProto.raw_data").
 * A string element is one `alt_string`. */
#define ALT_DTYPE_TABLE(X) \
    X(NONE, 0, "none", 0) \
    X(FLOAT32, 1, "float32", 32) \
    X(UINT8, 2, "uint8", 8) \
    X(INT8, 3, "int8", 8) \
    X(UINT16, 4, "uint16", 16) \
    X(INT16, 5, "int16", 16) \
    X(INT32, 6, "int32", 32) \
    X(INT64, 7, "int64", 64) \
    X(STRING, 8, "string", 128) \
    X(BOOL, 9, "bool", 8) \
    X(FLOAT16, 10, "float16", 16) \
    X(FLOAT64, 11, "float64", 64) \
    X(UINT32, 12, "uint32", 32) \
    X(UINT64, 13, "uint64", 64) \
    X(COMPLEX64, 14, "complex64", 64) \
    X(COMPLEX128, 15, "complex128", 128) \
    X(BFLOAT16, 16, "bfloat16", 16) \
    X(FLOAT8E4M3FN, 17, "float8e4m3fn", 8) \
    X(FLOAT8E4M3FNUZ, 18, "float8e4m3fnuz", 8) \
    X(FLOAT8E5M2, 19, "float8e5m2", 8) \
    X(FLOAT8E5M2FNUZ, 20, "float8e5m2fnuz", 8) \
    X(UINT4, 21, "uint4", 4) \
    X(INT4, 22, "int4", 4) \
    X(FLOAT4E2M1, 23, "float4e2m1", 4) \
    X(FLOAT8E8M0, 24, "float8e8m0", 8) \
    X(UINT2, 25, "uint2", 2) \
    X(INT2, 26, "int2", 2)

typedef enum alt_dtype {
#define ALT_DTYPE_ROW(suffix, number, name, bits) ALT_##suffix = number,
    ALT_DTYPE_TABLE(ALT_DTYPE_ROW)
#undef ALT_DTYPE_ROW
} alt_dtype;

/** Name of an element type ("float32"); "unknown" outside the table. Static string. Any thread. */
ALT_API const char *alt_dtype_name(alt_dtype dtype);
/** Bits of one element; 0 for ALT_NONE and outside the table. Any thread. */
ALT_API unsigned alt_dtype_bits(alt_dtype dtype);

/** One string element: UTF-8 (not checked), not terminated. */
typedef struct alt_string {
    const char *data;
    size_t length; /* bytes */
} alt_string;

typedef enum alt_kind { ALT_TENSOR = 0, ALT_SEQUENCE = 1, ALT_OPTIONAL = 2 } alt_kind;

/** A tensor (row-major, dense), a sequence of values, or an optional value.
 * Reference counted; retain and release are safe from any thread. Everything else may be called from several threads as
 * long as none of them changes the value: writing elements while a run reads them is the caller's race. */
typedef struct alt_value alt_value;

/** A zeroed tensor of its own. `dims`: `rank` extents, each >= 0; `allocator` NULL for malloc. Any thread.
 * Returns ALT_E_ARGUMENT (rank, extents, dtype), ALT_E_NOMEM. Release with alt_value_release. */
ALT_API ALT_MUST_USE alt_status alt_value_tensor(const alt_allocator *allocator, alt_dtype dtype, size_t rank,
                                                 const int64_t *dims, alt_value **out);
/** A tensor over the caller's memory, no copy: `data` (`bytes` long, exactly the tensor's size, aligned to the element)
 * is borrowed until the value is released. Not for strings. Returns ALT_E_ARGUMENT, ALT_E_NOMEM. */
ALT_API ALT_MUST_USE alt_status alt_value_wrap(alt_dtype dtype, size_t rank, const int64_t *dims, void *data, size_t bytes,
                                               alt_value **out);
/** A string tensor; `strings` (one an element) and the bytes they point to are copied. ALT_E_ARGUMENT, ALT_E_NOMEM. */
ALT_API ALT_MUST_USE alt_status alt_value_strings(const alt_allocator *allocator, size_t rank, const int64_t *dims,
                                                  const alt_string *strings, alt_value **out);
/** A sequence of `count` values, all of one kind and type; the elements are retained. ALT_E_ARGUMENT, ALT_E_NOMEM. */
ALT_API ALT_MUST_USE alt_status alt_value_sequence(const alt_allocator *allocator, size_t count, alt_value *const *elements,
                                                   alt_value **out);
/** An optional holding `element` (retained), or nothing when `element` is NULL. ALT_E_NOMEM. */
ALT_API ALT_MUST_USE alt_status alt_value_optional(const alt_allocator *allocator, alt_value *element, alt_value **out);
/** A tensor from the bytes of an ONNX TensorProto message (copied). ALT_E_MALFORMED, ALT_E_MODEL (its type, shape and data
 * contradict each other), ALT_E_UNSUPPORTED, ALT_E_ARGUMENT, ALT_E_NOMEM. */
ALT_API ALT_MUST_USE alt_status alt_value_parse(const alt_allocator *allocator, const void *bytes, size_t size,
                                                alt_value **out, alt_error **error);

/** One more owner. Returns `value`. */
ALT_API alt_value *alt_value_retain(alt_value *value);
/** One owner less; the last frees it. */
ALT_API void alt_value_release(alt_value *value);

ALT_API alt_kind alt_value_kind(const alt_value *value);
/** Element type of a tensor; of the elements of a sequence or optional of tensors; else ALT_NONE. */
ALT_API alt_dtype alt_value_dtype(const alt_value *value);
/** Rank of a tensor; 0 for other kinds. */
ALT_API size_t alt_value_rank(const alt_value *value);
/** The extents, `alt_value_rank` of them. Borrowed. */
ALT_API const int64_t *alt_value_dims(const alt_value *value);
/** Number of elements of a tensor (1 for rank 0), of a sequence, or of an optional (0 or 1). */
ALT_API size_t alt_value_count(const alt_value *value);
/** Bytes of a tensor's elements, sub-byte types packed and rounded up. 0 for other kinds. */
ALT_API size_t alt_value_bytes(const alt_value *value);
/** The elements, row-major, aligned to 64 bytes unless wrapped; NULL for sequences and optionals. Borrowed. For strings
 * an array of alt_string: replace elements with alt_value_set_string only. */
ALT_API void *alt_value_data(alt_value *value);
ALT_API const void *alt_value_data_const(const alt_value *value);
/** Replaces element `index` of a string tensor by a copy of `string`. ALT_E_ARGUMENT, ALT_E_NOMEM. */
ALT_API ALT_MUST_USE alt_status alt_value_set_string(alt_value *value, size_t index, alt_string string);
/** Element `index` of a sequence or optional; NULL when there is none. Borrowed. */
ALT_API alt_value *alt_value_element(const alt_value *value, size_t index);

#ifdef __cplusplus
}
#endif
#endif
