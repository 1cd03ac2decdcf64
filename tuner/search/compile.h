/* compile.h: variants become an object file, in a process of their own each time.
 *
 * libgccjit ends its process when memory or disk run out, aborts on errors of its own, and grows. A forked child per batch
 * costs some milliseconds of copied pages and makes all of that harmless.
 */
#ifndef ALT_TUNER_SEARCH_COMPILE_H
#define ALT_TUNER_SEARCH_COMPILE_H

#include "jit/desc.h"
#include "jit/variant.h"
#include "tuner/message.h"

/* One variant to compile. */
struct compile_unit {
    struct alt_variant variant;
    uint64_t tag;
};

struct compile_batch {
    const struct alt_desc *desc;
    enum alt_isa isa;
    const struct compile_unit *unit; /* function i of the object file is unit i */
    int count;
    const char *path; /* of the object file; must not exist */
    bool press;       /* not at idle priority, but as one of those who want a core, and the last of them (nice) */
};

enum compile_end { COMPILED, COMPILE_FAILED, COMPILE_STARVED, COMPILE_HOST_GONE };

/* On failure the cause (COMPILE or SYSTEM) and the tail of what was said. COMPILE_STARVED, unless `press`: others leave it no
 * time. Returns early when the host goes. */
enum compile_end compile_batch(const struct compile_batch *batch, int host, enum alt_cause *cause, char *text,
                               size_t size);

#endif
