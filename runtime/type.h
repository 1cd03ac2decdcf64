/* type.h: dtypes, shapes, constant tensors and the type of a graph value. */
#ifndef ALT_RUNTIME_TYPE_H
#define ALT_RUNTIME_TYPE_H

#include <alt/value.h>

#include "runtime/dim.h"

struct alt_arena;

/* Classes of dtypes, to be or-ed in tables of accepted types. */
enum alt_dtype_class {
    ALT_CLASS_FLOAT = 1,   /* float16/32/64, bfloat16 */
    ALT_CLASS_SIGNED = 2,  /* int8..int64 */
    ALT_CLASS_UNSIGNED = 4,
    ALT_CLASS_BOOL = 8,
    ALT_CLASS_STRING = 16,
    ALT_CLASS_COMPLEX = 32,
    ALT_CLASS_SMALL = 64, /* float8, sub-byte */
    ALT_CLASS_INT = ALT_CLASS_SIGNED | ALT_CLASS_UNSIGNED,
    ALT_CLASS_NUMBER = ALT_CLASS_INT | ALT_CLASS_FLOAT,
    ALT_CLASS_ANY = 127
};
unsigned alt_dtype_class(alt_dtype dtype); /* one bit; 0 for none */
/* Bytes of an element; 0 for sub-byte types. */
size_t alt_dtype_size(alt_dtype dtype);
/* Bytes of `count` elements, packed and rounded up; SIZE_MAX on overflow or negative count. */
size_t alt_dtype_bytes(alt_dtype dtype, int64_t count);

struct alt_shape {
    int rank; /* -1: unknown */
    alt_dim dim[ALT_MAX_RANK];
};

/* Product of the extents; -1 on overflow or when one is negative (unknown). */
int64_t alt_dims_count(int rank, const int64_t *dims);
/* All extents known. */
bool alt_shape_known(const struct alt_shape *shape);
bool alt_shape_equal(const struct alt_shape *a, const struct alt_shape *b);
/* Writes "[1,3,h,w]" or "[?]" (rank unknown); always terminated; returns `out`. `tab` may be NULL when all dims are known. */
char *alt_shape_print(const struct alt_dimtab *tab, const struct alt_shape *shape, char *out, size_t size);

/* A dense row-major tensor whose content is known. `data` may lie in a mapped file and then be unaligned: read it
 * through memcpy or alt_tensor_aligned. Sub-byte types packed. Immutable. */
struct alt_tensor {
    alt_dtype dtype;
    int rank;
    int64_t dim[ALT_MAX_RANK];
    const void *data; /* borrowed */
    size_t bytes;
};
int64_t alt_tensor_count(const struct alt_tensor *t);
/* t->data when it is aligned to its elements, else a copy in `arena`; NULL when there is no memory. */
const void *alt_tensor_aligned(const struct alt_tensor *t, struct alt_arena *arena);
/* Element i of an integer or bool tensor (sub-byte too), widened; uint64 wraps. 0 for other types. */
int64_t alt_tensor_int(const struct alt_tensor *t, int64_t i);
/* Element i of any numeric tensor as double. */
double alt_tensor_float(const struct alt_tensor *t, int64_t i);

/* What is known about a value. */
struct alt_type {
    alt_kind kind;
    alt_kind element_kind; /* of a sequence or optional */
    alt_dtype dtype;       /* of the tensor or the innermost tensors */
    struct alt_shape shape;
    const struct alt_tensor *known; /* content, or NULL; borrowed (arena of the graph or binding) */
    const alt_dim *content;         /* of small integer tensors: content that may be symbolic, row-major; NULL: not known */
    int content_count;
};

/* A tensor of which nothing is known. Extents stay what they were: binding does this for every step, and nobody reads them. */
static inline void alt_type_clear(struct alt_type *t)
{
    t->kind = t->element_kind = ALT_TENSOR;
    t->dtype = ALT_NONE;
    t->shape.rank = -1;
    t->known = NULL;
    t->content = NULL;
    t->content_count = 0;
}

#endif
