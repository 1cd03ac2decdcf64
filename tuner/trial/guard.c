/* guard.c: [page | canary | block | gap of canary | page]. The gap is what alignment leaves: less than 64 bytes. */
#include "tuner/trial/guard.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CANARY = 0xa5 };

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

/* Bytes mapped between the two guard pages. */
static size_t inner_bytes(size_t bytes, size_t page)
{
    return (bytes + 2 * page - 1) / page * page; /* at least one byte of slack and the alignment gap */
}

static void *take(void *context, size_t bytes, size_t align)
{
    size_t page = page_size();
    (void)context;
    if (bytes > SIZE_MAX / 4)
        return NULL;
    size_t inner = inner_bytes(bytes, page);
    char *map = mmap(NULL, inner + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return NULL;
    if (mprotect(map, page, PROT_NONE) != 0 || mprotect(map + page + inner, page, PROT_NONE) != 0) {
        munmap(map, inner + 2 * page);
        return NULL;
    }
    memset(map + page, CANARY, inner);
    uintptr_t end = (uintptr_t)(map + page + inner);
    return (void *)((end - bytes) / align * align);
}

static bool untouched(const unsigned char *from, const unsigned char *to)
{
    for (; from < to; from++)
        if (*from != CANARY)
            return false;
    return true;
}

static void give_back(void *context, void *pointer, size_t bytes)
{
    struct guard *guard = context;
    size_t page = page_size(), inner = inner_bytes(bytes, page);
    unsigned char *block = pointer;
    /* The end of the block's last page is the end of what is mapped: the gap is smaller than a page. */
    unsigned char *end = (unsigned char *)(((uintptr_t)block + bytes + page - 1) / page * page);
    unsigned char *start = end - inner;
    if (!untouched(start, block) || !untouched(block + bytes, end))
        guard->faults++;
    munmap(start - page, inner + 2 * page);
}

void guard_init(struct guard *guard) { *guard = (struct guard){.hooks = {take, give_back, guard}}; }
