/* fail_alloc.c: the failing allocator. Each block has its size in front and a pattern behind. */
#include "tests/fail_alloc.h"

#include <stdlib.h>
#include <string.h>

#define TAIL 32 /* bytes of pattern */
#define PATTERN 0xa5

/* Of the whole block: the caller's memory begins at the first aligned byte that leaves room for `head`. */
struct head {
    void *block;
    size_t bytes;
};

static void *failing_alloc(void *context, size_t bytes, size_t align)
{
    struct fail_alloc *fail = context;
    uint64_t call = atomic_fetch_add(&fail->calls, 1) + 1;
    bool refuse = fail->fail_at && (fail->once ? call == fail->fail_at : call >= fail->fail_at);
    if (align < sizeof(void *))
        align = sizeof(void *);
    char *block = refuse ? NULL : malloc(sizeof(struct head) + align + bytes + TAIL);
    if (!block) {
        atomic_fetch_add(&fail->failed, 1);
        return NULL;
    }
    uintptr_t start = ((uintptr_t)block + sizeof(struct head) + align - 1) & ~(uintptr_t)(align - 1);
    char *pointer = block + (start - (uintptr_t)block);
    struct head head = {block, bytes};
    memcpy(pointer - sizeof head, &head, sizeof head);
    memset(pointer, 0xdd, bytes); /* nobody may rely on zeros */
    memset(pointer + bytes, PATTERN, TAIL);
    atomic_fetch_add(&fail->blocks, 1);
    int64_t alive = atomic_fetch_add(&fail->bytes, (int64_t)bytes) + (int64_t)bytes, peak = atomic_load(&fail->peak);
    while (peak < alive && !atomic_compare_exchange_weak(&fail->peak, &peak, alive))
        ;
    return pointer;
}

static void failing_free(void *context, void *pointer, size_t bytes)
{
    struct fail_alloc *fail = context;
    struct head head;
    memcpy(&head, (char *)pointer - sizeof head, sizeof head);
    bool sound = head.bytes == bytes;
    for (int i = 0; i < TAIL; i++)
        sound &= ((unsigned char *)pointer)[head.bytes + (size_t)i] == PATTERN;
    if (!sound)
        atomic_fetch_add(&fail->faults, 1);
    atomic_fetch_sub(&fail->blocks, 1);
    atomic_fetch_sub(&fail->bytes, (int64_t)head.bytes);
    free(head.block);
}

void fail_alloc_init(struct fail_alloc *fail, uint64_t fail_at, bool once)
{
    memset(fail, 0, sizeof *fail);
    fail->hooks = (alt_allocator){failing_alloc, failing_free, fail};
    fail->fail_at = fail_at;
    fail->once = once;
}

static const char *judge(const struct fail_alloc *fail, alt_status status)
{
    if (fail->blocks != 0 || fail->bytes != 0)
        return "memory was not given back";
    if (fail->faults != 0)
        return "a block came back with another size, or was written past its end";
    /* A refused request may be survived (a cache that stays cold), but no other failure may come of it. */
    if (status != ALT_OK && status != ALT_E_NOMEM)
        return "a refused request led to another status than ALT_E_NOMEM";
    if (status != ALT_OK && fail->failed == 0)
        return "the work fails without any refused request";
    return NULL;
}

uint64_t fail_alloc_sweep(alt_status (*work)(const alt_allocator *hooks, void *context), void *context,
                          const char **why)
{
    for (int once = 0; once < 2; once++) {
        for (uint64_t n = 1;; n++) {
            struct fail_alloc fail;
            fail_alloc_init(&fail, n, once);
            alt_status status = work(&fail.hooks, context);
            *why = judge(&fail, status);
            if (*why)
                return 0;
            if (fail.failed > 0)
                continue;
            if (once)
                return fail.calls;
            break;
        }
    }
    return 0;
}
