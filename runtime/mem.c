/* mem.c: counted memory under a ceiling, and arenas over it.
 *
 * The counters are relaxed atomics: they publish nothing, they only count. The ceiling is kept by a compare-and-swap, so
 * that threads that allocate at once cannot pass it together. An arena is a list of blocks that double up to a bound; a
 * request that would fill much of a block gets one of its own, placed below the top so that the top's rest stays in use.
 */
#include "runtime/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK ((size_t)4096)
#define LAST_BLOCK ((size_t)1 << 20)
#define SCALAR_ALIGN 16 /* of any C scalar, and what malloc promises */

static void *malloc_alloc(void *context, size_t bytes, size_t align)
{
    (void)context;
    if (align <= SCALAR_ALIGN)
        return malloc(bytes);
    void *pointer = NULL;
    return posix_memalign(&pointer, align, bytes) == 0 ? pointer : NULL;
}

static void malloc_free(void *context, void *pointer, size_t bytes)
{
    (void)context;
    (void)bytes;
    free(pointer);
}

void alt_mem_init(struct alt_mem *mem, const alt_allocator *hooks, size_t limit)
{
    mem->hooks = hooks ? *hooks : (alt_allocator){malloc_alloc, malloc_free, NULL};
    mem->limit = limit;
    atomic_init(&mem->used, 0);
    atomic_init(&mem->peak, 0);
    atomic_init(&mem->allocations, 0);
}

void alt_mem_init_from(struct alt_mem *mem, struct alt_mem *from)
{
    alt_mem_init(mem, &from->hooks, from->limit);
    atomic_init(&mem->used, atomic_load_explicit(&from->used, memory_order_relaxed));
    atomic_init(&mem->peak, atomic_load_explicit(&from->peak, memory_order_relaxed));
    atomic_init(&mem->allocations, atomic_load_explicit(&from->allocations, memory_order_relaxed));
}

/* Counts `bytes` in, unless the ceiling or the address space would be passed. */
static bool claim(struct alt_mem *mem, size_t bytes)
{
    size_t ceiling = mem->limit ? mem->limit : SIZE_MAX;
    size_t used = atomic_load_explicit(&mem->used, memory_order_relaxed);
    do {
        if (bytes > ceiling || used > ceiling - bytes)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&mem->used, &used, used + bytes, memory_order_relaxed,
                                                    memory_order_relaxed));
    size_t peak = atomic_load_explicit(&mem->peak, memory_order_relaxed);
    while (peak < used + bytes && !atomic_compare_exchange_weak_explicit(&mem->peak, &peak, used + bytes,
                                                                         memory_order_relaxed, memory_order_relaxed))
        ;
    return true;
}

void *alt_mem_alloc(struct alt_mem *mem, size_t bytes, size_t align)
{
    if (bytes == 0)
        bytes = 1;
    if (!claim(mem, bytes))
        return NULL;
    void *pointer = mem->hooks.alloc(mem->hooks.context, bytes, align);
    if (!pointer) {
        atomic_fetch_sub_explicit(&mem->used, bytes, memory_order_relaxed);
        return NULL;
    }
    atomic_fetch_add_explicit(&mem->allocations, 1, memory_order_relaxed);
    return pointer;
}

void *alt_mem_zalloc(struct alt_mem *mem, size_t bytes)
{
    void *pointer = alt_mem_alloc(mem, bytes, SCALAR_ALIGN);
    if (pointer)
        memset(pointer, 0, bytes);
    return pointer;
}

void alt_mem_free(struct alt_mem *mem, void *pointer, size_t bytes)
{
    if (!pointer)
        return;
    if (bytes == 0)
        bytes = 1;
    mem->hooks.free(mem->hooks.context, pointer, bytes);
    atomic_fetch_sub_explicit(&mem->used, bytes, memory_order_relaxed);
}

/* Head of a block; the space behind it begins on an ALT_ALIGN boundary. */
struct alt_arena_block {
    _Alignas(ALT_ALIGN) struct alt_arena_block *next;
    size_t size; /* of the whole allocation */
    size_t used; /* offset of the first free byte */
};

void alt_arena_init(struct alt_arena *arena, struct alt_mem *mem)
{
    arena->mem = mem;
    arena->top = NULL;
}

void alt_arena_free(struct alt_arena *arena)
{
    struct alt_arena_block *block = arena->top;
    while (block) {
        struct alt_arena_block *next = block->next;
        alt_mem_free(arena->mem, block, block->size);
        block = next;
    }
    arena->top = NULL;
}

void alt_arena_reset(struct alt_arena *arena)
{
    if (!arena->top)
        return;
    struct alt_arena rest = {arena->mem, arena->top->next};
    alt_arena_free(&rest);
    arena->top->next = NULL;
    arena->top->used = sizeof *arena->top;
}

static struct alt_arena_block *add_block(struct alt_arena *arena, size_t bytes)
{
    size_t size = arena->top ? arena->top->size * 2 : FIRST_BLOCK;
    if (size > LAST_BLOCK)
        size = LAST_BLOCK;
    bool lone = bytes > (size - sizeof(struct alt_arena_block)) / 4;
    if (lone)
        size = sizeof(struct alt_arena_block) + bytes;
    struct alt_arena_block *block = alt_mem_alloc(arena->mem, size, ALT_ALIGN);
    if (!block)
        return NULL;
    *block = (struct alt_arena_block){.size = size, .used = sizeof *block};
    if (lone && arena->top) {
        block->next = arena->top->next;
        arena->top->next = block;
    } else {
        block->next = arena->top;
        arena->top = block;
    }
    return block;
}

static void *take(struct alt_arena *arena, size_t bytes, size_t align, bool zero)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    struct alt_arena_block *block = arena->top;
    size_t start = block ? (block->used + align - 1) & ~(align - 1) : 0;
    if (!block || start > block->size || bytes > block->size - start) {
        block = add_block(arena, bytes);
        if (!block)
            return NULL;
        start = block->used;
    }
    block->used = start + bytes;
    void *pointer = (char *)block + start;
    if (zero)
        memset(pointer, 0, bytes);
    return pointer;
}

void *alt_arena_alloc(struct alt_arena *arena, size_t bytes) { return take(arena, bytes, SCALAR_ALIGN, true); }

void *alt_arena_data(struct alt_arena *arena, size_t bytes) { return take(arena, bytes, ALT_ALIGN, true); }

void *alt_arena_raw(struct alt_arena *arena, size_t bytes) { return take(arena, bytes, ALT_ALIGN, false); }

void *alt_arena_array(struct alt_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : alt_arena_alloc(arena, bytes);
}

char *alt_arena_text(struct alt_arena *arena, const char *text, size_t length)
{
    char *copy = length < SIZE_MAX ? alt_arena_alloc(arena, length + 1) : NULL;
    if (copy && length)
        memcpy(copy, text, length);
    return copy;
}

char *alt_arena_printf(struct alt_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length >= 0 ? alt_arena_alloc(arena, (size_t)length + 1) : NULL;
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}
