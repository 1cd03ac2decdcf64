/* object.h: a measured kernel as messages and records name it, loaded. */
#ifndef ALT_TUNER_OBJECT_H
#define ALT_TUNER_OBJECT_H

#include "jit/code.h"
#include "runtime/mem.h"

/* All texts borrowed, from another process or another day: nothing in them is trusted. */
struct alt_object {
    const char *path;    /* absolute */
    const char *symbol;  /* alt_object_symbol */
    const char *variant; /* jit/variant.h */
    uint64_t tag;        /* build tag: what the kernel was made from */
};

/* Name of function `index` of an object file. */
void alt_object_symbol(int index, char *out, size_t size);
/* The kernel for `desc`, for this machine's instruction set. On failure a reason in `why` and any status of alt_code_load,
 * ALT_E_MALFORMED for texts that are none and tags that this version does not give. `mem` must outlive the code. */
alt_status alt_object_load(const struct alt_object *object, const struct alt_desc *desc, struct alt_mem *mem,
                           struct alt_code **out, char *why, size_t why_size) ALT_MUST_USE;

#endif
