/* wide.h: elements of any dtype to and from the few types that kernels compute in.
 *
 * Every dtype has one wide type that holds all its values: float32 for the floating-point types up to 32 bits, float64,
 * int64 for the signed and uint64 for the unsigned integers and bool. Kernels that are not worth a loop for each dtype load
 * blocks into the wide type, compute there, and store: integers wrap around as ONNX's do, floats round once.
 */
#ifndef ALT_RUNTIME_OPS_WIDE_H
#define ALT_RUNTIME_OPS_WIDE_H

#include <alt/value.h>

enum alt_wide {
    ALT_WIDE_F32,
    ALT_WIDE_F64,
    ALT_WIDE_I64,
    ALT_WIDE_U64,
    ALT_WIDE_COUNT,
    ALT_WIDE_NONE = ALT_WIDE_COUNT /* strings, complex, sub-byte */
};

/* Largest element of a wide type, and of any dtype that is copied as it is (complex128). */
#define ALT_WIDE_SIZE 8
#define ALT_RAW_SIZE 16

/* `n` elements from src, src + stride, ... (elements of the dtype) to dense wide ones. */
typedef void alt_load_fn(void *dst, const void *src, int64_t stride, int64_t n);
/* `n` dense wide elements to dst, dst + stride, ... (elements of the dtype). */
typedef void alt_store_fn(void *dst, int64_t stride, const void *src, int64_t n);

/* The wide type of a dtype. */
enum alt_wide alt_wide_of(alt_dtype dtype);
/* Bytes of an element of a wide type. */
size_t alt_wide_size(enum alt_wide wide);
/* Loads a dtype as its wide type; NULL when it has none. */
alt_load_fn *alt_wide_load(alt_dtype dtype);
/* Stores any wide type as a dtype. Integers lose their higher bits; floats become integers by truncation, those of 8 and 16
 * bits through int32 (ONNX leaves values out of range open: this is what C compilers and NumPy make of them, and where
 * even int32 cannot hold a value it is the nearest one, 0 for NaN); bool is "not zero". NULL: the dtype has no wide type. */
alt_store_fn *alt_wide_store(enum alt_wide wide, alt_dtype dtype);
/* Copies elements of 1, 2, 4, 8 or 16 bytes; NULL for other sizes. */
alt_load_fn *alt_raw_load(size_t size);
alt_store_fn *alt_raw_store(size_t size);

#endif
