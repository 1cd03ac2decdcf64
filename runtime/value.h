/* value.h: the inside of alt_value, for value.c, the session's output pool and the steps that run on the host. */
#ifndef ALT_RUNTIME_VALUE_H
#define ALT_RUNTIME_VALUE_H

#include <alt/value.h>

#include "runtime/mem.h"
#include "runtime/type.h"

/* A tensor, sequence or optional. `refs` alone may be touched by several threads at once. */
struct alt_value {
    _Atomic int refs; /* the release of one owner is acquired by the last one, who frees */
    alt_kind kind;
    alt_kind element_kind; /* of a sequence or optional; ALT_TENSOR while it is empty */
    alt_dtype dtype;       /* of the tensor or the innermost tensors; may be set by the maker of an empty sequence */
    int rank;
    int64_t dims[ALT_MAX_RANK];
    void *data;          /* tensor: owned when capacity > 0, else borrowed from the caller of alt_value_wrap */
    size_t bytes;        /* of the tensor's elements */
    size_t capacity;     /* bytes allocated at data */
    size_t count;        /* elements of the tensor, sequence or optional */
    alt_value **element; /* sequence, optional: retained; array owned */
    struct alt_mem *mem; /* what everything was allocated from: borrowed, or &own */
    struct alt_mem own;
    /* When set, the last release hands the value (refs 0) to this function instead of freeing it. It then belongs to the
     * function, which may reset and hand it out again or end it with alt_value_destroy. Called from the releasing thread. */
    void (*recycle)(struct alt_value *value, void *context);
    void *recycle_context;
};

/* A tensor in counted memory (`mem` is borrowed until the value is destroyed), its elements not initialised (strings:
 * empty), with room for at least `capacity` bytes. ALT_E_ARGUMENT, ALT_E_NOMEM. */
ALT_MUST_USE alt_status alt_value_tensor_in(struct alt_mem *mem, alt_dtype dtype, int rank, const int64_t *dims,
                                            size_t capacity, alt_value **out);
/* A tensor in counted memory with the elements of `t`. ALT_E_NOMEM. */
ALT_MUST_USE alt_status alt_value_copy_in(struct alt_mem *mem, const struct alt_tensor *t, alt_value **out);
/* A sequence or optional (type->kind) in counted memory, of elements as `type` says, which are retained. ALT_E_NOMEM. */
ALT_MUST_USE alt_status alt_value_group_in(struct alt_mem *mem, const struct alt_type *type, size_t count,
                                           alt_value *const *elements, alt_value **out);
/* The value as host steps see it (step.h): the elements of a tensor, or another value itself. Borrowed. */
struct alt_tensor alt_value_view(const alt_value *value);
/* Makes a tensor that nobody else holds one of another type and shape, with one owner; elements keep their bytes. False,
 * and nothing is changed, when the elements do not fit its capacity or either type is string. */
bool alt_value_reset(alt_value *value, alt_dtype dtype, int rank, const int64_t *dims);
/* Frees a value whatever its count and hook say: for `recycle` functions. NULL is ignored. */
void alt_value_destroy(alt_value *value);

#endif
