/* copy_run.c: copies many short runs of one length, from a stride to a stride; see copy_inner.h. A call of memcpy for each costs as
 * much as the copy. What is left of a run behind its last whole register is copied with bytes before it: sides do not overlap. */
#include "runtime/ops/copy_inner.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef uint8_t bytes __attribute__((vector_size(ALT_COPY_VECTOR)));

/* `size` is a constant here. */
INLINE void move_ends(size_t size, char *dst, const char *src, size_t length)
{
    char first[16], last[16];
    memcpy(first, src, size);
    memcpy(last, src + length - size, size);
    memcpy(dst, first, size);
    memcpy(dst + length - size, last, size);
}

INLINE void move_short(char *dst, const char *src, size_t length)
{
    if (length >= 16)
        move_ends(16, dst, src, length);
    else if (length >= 8)
        move_ends(8, dst, src, length);
    else if (length >= 4)
        move_ends(4, dst, src, length);
    else if (length >= 2)
        move_ends(2, dst, src, length);
    else
        *dst = *src;
}

INLINE void move_vector(char *dst, const char *src)
{
    bytes v;
    memcpy(&v, src, sizeof v);
    memcpy(dst, &v, sizeof v);
}

INLINE void move_long(char *dst, const char *src, size_t length)
{
    const size_t step = sizeof(bytes);
    size_t k = 0;
    for (; k + 4 * step <= length; k += 4 * step)
#pragma GCC unroll 4
        for (size_t u = 0; u < 4; u++)
            move_vector(dst + k + u * step, src + k + u * step);
    for (; k + step <= length; k += step)
        move_vector(dst + k, src + k);
    if (k < length)
        move_vector(dst + length - step, src + length - step);
}

void ALT_COPY_NAME(alt_copy_runs)(size_t length, const struct alt_copy_line *l)
{
    char *dst = l->dst;
    const char *src = l->src;
    const int64_t dst_step = l->dst_step, src_step = l->src_step;
    for (int64_t n = l->n; n > 0; n--, dst += dst_step, src += src_step)
        if (length >= sizeof(bytes))
            move_long(dst, src, length);
        else
            move_short(dst, src, length);
}
