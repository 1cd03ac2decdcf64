/* strmap.h: a map from names to pointers, in an arena (uthash inside). */
#ifndef ALT_RUNTIME_STRMAP_H
#define ALT_RUNTIME_STRMAP_H

#include <stdbool.h>

struct alt_arena;
struct alt_strmap_entry;

struct alt_strmap {
    struct alt_arena *arena; /* borrowed; entries live there */
    struct alt_strmap_entry *head;
};

void alt_strmap_init(struct alt_strmap *map, struct alt_arena *arena);
/* NULL when absent. */
void *alt_strmap_get(const struct alt_strmap *map, const char *name);
/* Sets or replaces; `name` is borrowed and must outlive the map. False when there is no memory. */
bool alt_strmap_set(struct alt_strmap *map, const char *name, void *value);

#endif
