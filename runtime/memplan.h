/* memplan.h: places buffers in one block of memory while their lifetimes are walked in order. */
#ifndef ALT_RUNTIME_MEMPLAN_H
#define ALT_RUNTIME_MEMPLAN_H

#include <stdbool.h>
#include <stddef.h>

struct alt_arena;

struct alt_gap {
    size_t offset, bytes;
};

/* Free gaps below `top`, in order of offset, none empty, no two adjacent. */
struct alt_memplan {
    struct alt_arena *arena; /* borrowed */
    struct alt_gap *gap;
    int n_gaps, capacity;
    size_t top; /* end of the last buffer placed so far that is in use */
    size_t peak;
};

void alt_memplan_init(struct alt_memplan *plan, struct alt_arena *arena);
/* Best fit; false when there is no memory for the bookkeeping or the size overflows. Sizes are rounded to ALT_ALIGN. */
bool alt_memplan_alloc(struct alt_memplan *plan, size_t bytes, size_t *offset);
bool alt_memplan_free(struct alt_memplan *plan, size_t offset, size_t bytes);

#endif
