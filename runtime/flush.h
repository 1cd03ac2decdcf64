/* flush.h: subnormal numbers count as zero while kernels run, for they cost a hundred cycles each on many machines.
 *
 * A mode of the thread: who sets it on a thread of the host's restores it. Sums and products smaller than the smallest normal number
 * (1.2e-38 in float32, 2.2e-308 in float64) come out as zero; nothing else changes. Machines without such a mode: nothing happens. */
#ifndef ALT_RUNTIME_FLUSH_H
#define ALT_RUNTIME_FLUSH_H

#include <stdint.h>

#if defined(__x86_64__)
/* Sets the mode; returns what to give to alt_flush_end. */
static inline uint64_t alt_flush_begin(void)
{
    const uint32_t before = __builtin_ia32_stmxcsr();
    if ((before & 0x8040) != 0x8040)
        __builtin_ia32_ldmxcsr(before | 0x8040); /* flush to zero, denormals are zero */
    return before;
}
static inline void alt_flush_end(uint64_t before)
{
    if ((before & 0x8040) != 0x8040) /* what kernels raised meanwhile is not the host's: its flags are as they were */
        __builtin_ia32_ldmxcsr((uint32_t)before);
}
#elif defined(__aarch64__)
#define ALT_FLUSH_FZ (UINT64_C(1) << 24)
static inline uint64_t alt_flush_begin(void)
{
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    if (!(before & ALT_FLUSH_FZ))
        __asm__ volatile("msr fpcr, %0" : : "r"(before | ALT_FLUSH_FZ));
    return before;
}
static inline void alt_flush_end(uint64_t before)
{
    if (!(before & ALT_FLUSH_FZ))
        __asm__ volatile("msr fpcr, %0" : : "r"(before));
}
#else
static inline uint64_t alt_flush_begin(void)
{
    return 0;
}
static inline void alt_flush_end(uint64_t before)
{
    (void)before;
}
#endif

#endif
