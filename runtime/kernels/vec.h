/* vec.h: element and vector types of the micro-kernels, from what meson.build defines for the ISA level and element type:
 * ALT_KERN_BITS (32 or 64), ALT_KERN_VECTOR (bytes of a vector), ALT_KERN_SUFFIX (of every symbol). */
#ifndef ALT_RUNTIME_KERNELS_VEC_H
#define ALT_RUNTIME_KERNELS_VEC_H

#include "runtime/kernels/kern.h"

#ifndef ALT_KERN_SUFFIX /* when the header is compiled alone */
#define ALT_KERN_BITS 32
#define ALT_KERN_VECTOR 16
#define ALT_KERN_SUFFIX base_f32
#define ALT_KERN_X86 0
#endif

#if ALT_KERN_BITS == 64
typedef double real;
#else
typedef float real;
#endif

#if ALT_KERN_VECTOR == 64 || defined(__aarch64__)
#define REGISTERS 32
#else
#define REGISTERS 16
#endif

/* Elements of a vector; rows of a register tile, whose accumulators are 6 x 2 of 16 registers or 8 x 2 of 32. */
#define LANES ((int)(ALT_KERN_VECTOR / sizeof(real)))
#define MR (REGISTERS == 32 ? 8 : 6)
#define NR (2 * LANES)

/* MM(max) is the intrinsic for whole vectors of the element type. */
#if ALT_KERN_X86
#include <immintrin.h>
#define MM_WIDTH_16 _mm_
#define MM_WIDTH_32 _mm256_
#define MM_WIDTH_64 _mm512_
#define MM_TYPE_32 _ps
#define MM_TYPE_64 _pd
#define MM(name) \
    ALT_KERN_PASTE(ALT_KERN_PASTE(ALT_KERN_PASTE(MM_WIDTH_, ALT_KERN_VECTOR), name), ALT_KERN_PASTE(MM_TYPE_, ALT_KERN_BITS))
#endif

typedef real vec __attribute__((vector_size(ALT_KERN_VECTOR)));
/* The same at any element's address. */
typedef real vecu __attribute__((vector_size(ALT_KERN_VECTOR), aligned(ALT_KERN_BITS / 8), may_alias));

#define ALT_KERN_PASTE2(a, b) a##b
#define ALT_KERN_PASTE(a, b) ALT_KERN_PASTE2(a, b)
#define KERN(name) ALT_KERN_PASTE(alt_kern_##name##_, ALT_KERN_SUFFIX)

#define INLINE static inline __attribute__((always_inline))

INLINE vec load(const real *p) { return *(const vecu *)p; }
/* Below low: low, above high: high; NaN passes. */
INLINE vec limit(vec v, real low, real high)
{
    const vec l = (vec){0} + low, h = (vec){0} + high;
#if ALT_KERN_X86
    v = MM(max)(l, v); /* the second operand where one is NaN */
    return MM(min)(h, v);
#else
    typedef __typeof__(v < l) mask;
    const mask below = v < l;
    v = (vec)((below & (mask)l) | (~below & (mask)v));
    const mask above = v > h;
    return (vec)((above & (mask)h) | (~above & (mask)v));
#endif
}
INLINE void store(real *p, vec v) { *(vecu *)p = v; }

enum { CACHE_LINE = 64 };
/* Bytes [at, at + share) of `bytes` that will be read soon. */
INLINE void fetch_part(const void *next, int64_t bytes, int64_t at, int64_t share)
{
    const int64_t end = at + share < bytes ? at + share : bytes;
    for (; at < end; at += CACHE_LINE)
        __builtin_prefetch((const char *)next + at, 0, 2);
}

void KERN(gemm)(const struct alt_kern_gemm *g);
void KERN(pack)(const struct alt_kern_pack *p);
void KERN(gather)(const struct alt_kern_gather *g);
void KERN(conv)(const struct alt_kern_conv *c);
void KERN(depthwise)(const struct alt_kern_depthwise *d);
void KERN(row_multiply)(const struct alt_kern_row *r, double w);
void KERN(row_max)(const struct alt_kern_row *r);
void KERN(row_add)(const struct alt_kern_row *r);
void KERN(row_taps)(const struct alt_kern_taps *t);
void KERN(widen)(const struct alt_kern_widen *w);
void KERN(add_sums)(const void *sums, int64_t n, bool first, int32_t *acc);

#endif
