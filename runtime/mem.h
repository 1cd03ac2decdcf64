/* mem.h: counted memory under a ceiling, and arenas over it. */
#ifndef ALT_RUNTIME_MEM_H
#define ALT_RUNTIME_MEM_H

#include <alt/base.h>
#include <stdatomic.h>

#define ALT_ALIGN 64 /* of tensor data: one cache line, one AVX-512 register */

/* The memory of one model or session. Any thread. */
struct alt_mem {
    alt_allocator hooks;
    size_t limit; /* bytes; 0: none */
    _Atomic size_t used, peak;
    _Atomic uint64_t allocations; /* calls that succeeded */
};

/* `hooks` NULL: malloc. */
void alt_mem_init(struct alt_mem *mem, const alt_allocator *hooks, size_t limit);
/* The same for the one that allocated the structure it now lies in: what `from` counted so far counts here. */
void alt_mem_init_from(struct alt_mem *mem, struct alt_mem *from);
/* NULL when the allocator has none or the ceiling would be passed. `bytes` 0 is treated as 1. */
void *alt_mem_alloc(struct alt_mem *mem, size_t bytes, size_t align);
void *alt_mem_zalloc(struct alt_mem *mem, size_t bytes); /* zeroed, aligned for any scalar */
/* `bytes` as asked for; NULL is ignored. */
void alt_mem_free(struct alt_mem *mem, void *pointer, size_t bytes);

/* Memory dropped whole. Single-threaded. */
struct alt_arena {
    struct alt_mem *mem;        /* borrowed */
    struct alt_arena_block *top; /* owned list */
};

void alt_arena_init(struct alt_arena *arena, struct alt_mem *mem);
void alt_arena_free(struct alt_arena *arena);
/* Everything in it is gone; one block stays for what comes. */
void alt_arena_reset(struct alt_arena *arena);
/* Zeroed, 16-byte aligned; NULL when there is no memory. */
void *alt_arena_alloc(struct alt_arena *arena, size_t bytes);
/* Zeroed, ALT_ALIGN aligned: tensor data. */
void *alt_arena_data(struct alt_arena *arena, size_t bytes);
/* The same with undefined content, for what is written whole at once: large memory is then touched once, not twice. */
void *alt_arena_raw(struct alt_arena *arena, size_t bytes);
/* count * size, overflow checked. */
void *alt_arena_array(struct alt_arena *arena, size_t count, size_t size);
/* A terminated copy of `length` bytes. */
char *alt_arena_text(struct alt_arena *arena, const char *text, size_t length);
/* A formatted copy. */
char *alt_arena_printf(struct alt_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
