/* copy_inner.h: the inner loops of the copy engine (copy.h), compiled twice (meson.build): for registers of 16 bytes, and of 32 (AVX2). */
#ifndef ALT_RUNTIME_OPS_COPY_INNER_H
#define ALT_RUNTIME_OPS_COPY_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Defined where these are compiled: ALT_COPY_VECTOR, bytes of a register, and ALT_COPY_LEVEL, a suffix of the functions. */
#define ALT_COPY_JOIN(name, level) name##_##level
#define ALT_COPY_PASTE(name, level) ALT_COPY_JOIN(name, level)
#define ALT_COPY_NAME(name) ALT_COPY_PASTE(name, ALT_COPY_LEVEL)

/* Whether lines at that distance share few sets of a first-level cache, so that few of them can stay there. */
static inline bool alt_copy_crowded(int64_t stride)
{
    return stride % 512 == 0;
}

/* Whether they share one. */
static inline bool alt_copy_one_set(int64_t stride)
{
    return stride % 4096 == 0;
}

/* A block of n source lines of m elements, which becomes m destination lines of n elements; strides in bytes. */
struct alt_copy_block {
    char *dst;
    const char *src;
    int64_t dst_m, src_n; /* from one destination line to the next, from one source line to the next */
    int64_t m, n;
    const char *next;     /* source of the block after this one, to be prefetched; or NULL */
};

/* n runs of bytes. */
struct alt_copy_line {
    char *dst;
    const char *src;
    int64_t dst_step, src_step;
    int64_t n;
};

/* Elements of 1, 2, 4, 8 or 16 bytes. */
void alt_copy_swap_base(size_t size, const struct alt_copy_block *s);
void alt_copy_swap_avx2(size_t size, const struct alt_copy_block *s);

void alt_copy_runs_base(size_t length, const struct alt_copy_line *l);
void alt_copy_runs_avx2(size_t length, const struct alt_copy_line *l);

#endif
