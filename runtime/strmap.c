/* strmap.c: a map from names to pointers. uthash does the hashing; its tables come from the map's arena, which drops them
 * whole, so nothing is freed one by one. */
#include "runtime/strmap.h"

#include "runtime/mem.h"

#include <string.h>

/* Expanded where a `map` is in scope. */
#define uthash_malloc(bytes) alt_arena_alloc(map->arena, bytes)
#define uthash_free(pointer, bytes) ((void)0)
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) (added = false)
#include <uthash.h>

struct alt_strmap_entry {
    const char *name; /* borrowed */
    void *value;
    UT_hash_handle hh;
};

void alt_strmap_init(struct alt_strmap *map, struct alt_arena *arena)
{
    map->arena = arena;
    map->head = NULL;
}

void *alt_strmap_get(const struct alt_strmap *map, const char *name)
{
    struct alt_strmap_entry *entry = NULL;
    HASH_FIND_STR(map->head, name, entry);
    return entry ? entry->value : NULL;
}

bool alt_strmap_set(struct alt_strmap *map, const char *name, void *value)
{
    bool added = true;
    struct alt_strmap_entry *entry = NULL;
    HASH_FIND_STR(map->head, name, entry);
    if (entry) {
        entry->value = value;
        return true;
    }
    entry = alt_arena_alloc(map->arena, sizeof *entry);
    if (!entry)
        return false;
    entry->name = name;
    entry->value = value;
    HASH_ADD_KEYPTR(hh, map->head, name, strlen(name), entry);
    return added;
}
