/* cpu.c: the instruction-set level, from CPUID and from what the operating system saves on a context switch (Intel SDM
 * volume 1, 14.3 and 15.2: a feature bit alone does not say that the registers survive), and the number of cores. */
#include "runtime/cpu.h"

#include "runtime/kernels/self_check.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

enum {
    LEAF1_FMA = 1 << 12,
    LEAF1_OSXSAVE = 1 << 27,
    LEAF1_AVX = 1 << 28,
    LEAF1_F16C = 1 << 29,
    LEAF7_AVX2 = 1 << 5,
    LEAF7_F = 1 << 16,
    LEAF7_DQ = 1 << 17,
    LEAF7_CD = 1 << 28,
    LEAF7_BW = 1 << 30
};
#define LEAF7_VL (1u << 31)
#define XCR0_YMM 0x06u /* SSE and AVX state */
#define XCR0_ZMM 0xe6u /* also opmask and both parts of the ZMM registers */

static const char *const isa_name[ALT_ISA_COUNT] = {
#define ALT_ISA_ROW(suffix, name) name,
    ALT_ISA_TABLE(ALT_ISA_ROW)
#undef ALT_ISA_ROW
};

const char *alt_isa_name(enum alt_isa isa)
{
    return isa_name[isa];
}

enum alt_isa alt_isa_decide(const struct alt_cpuid *id)
{
    const uint32_t avx2_1 = LEAF1_FMA | LEAF1_OSXSAVE | LEAF1_AVX | LEAF1_F16C;
    const uint32_t avx512_7 = LEAF7_F | LEAF7_DQ | LEAF7_CD | LEAF7_BW | LEAF7_VL;

    if ((id->leaf1_ecx & avx2_1) != avx2_1 || !(id->leaf7_ebx & LEAF7_AVX2) || (id->xcr0 & XCR0_YMM) != XCR0_YMM)
        return ALT_ISA_BASE;
    if ((id->leaf7_ebx & avx512_7) != avx512_7 || (id->xcr0 & XCR0_ZMM) != XCR0_ZMM)
        return ALT_ISA_AVX2;
    return ALT_ISA_AVX512;
}

enum alt_isa alt_isa_lower(enum alt_isa found, const char *text)
{
    for (int i = 0; text && i < (int)found; i++)
        if (strcmp(isa_name[i], text) == 0)
            return (enum alt_isa)i;
    return found;
}

#if defined(__x86_64__)
static struct alt_cpuid read_cpuid(void)
{
    struct alt_cpuid id = {0, 0, 0};
    unsigned a, b, c, d;

    if (__get_cpuid(1, &a, &b, &c, &d))
        id.leaf1_ecx = c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
        id.leaf7_ebx = b;
    if (id.leaf1_ecx & LEAF1_OSXSAVE) {
        uint32_t low, high;
        __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        id.xcr0 = (uint64_t)high << 32 | low;
    }
    return id;
}
#else
static struct alt_cpuid read_cpuid(void)
{
    return (struct alt_cpuid){0, 0, 0};
}
#endif

/* A choice in one word that is not 0, so that threads see all of it or nothing. */
static int pack(struct alt_isa_choice c)
{
    return 1 + (int)c.isa + ((int)c.refused << 8) + ((c.kernel + 1) << 16);
}

static int choice(void)
{
    static _Atomic int kept; /* relaxed: nothing else is published by it */
    int packed = atomic_load_explicit(&kept, memory_order_relaxed);

    if (packed == 0) {
        const struct alt_cpuid id = read_cpuid();
        packed = pack(alt_kern_trusted(alt_isa_lower(alt_isa_decide(&id), getenv("ALT_ISA"))));
        atomic_store_explicit(&kept, packed, memory_order_relaxed);
    }
    return packed;
}

enum alt_isa alt_cpu_isa(void)
{
    return (enum alt_isa)((choice() & 0xff) - 1);
}

bool alt_cpu_refusal(char *text, size_t size)
{
    const int packed = choice(), refused = packed >> 8 & 0xff, kernel = (packed >> 16) - 1;

    if (kernel < 0)
        return false;
    snprintf(text, size, "the %s kernels are not used: %s gives wrong answers on this machine; %s is used", isa_name[refused],
             alt_kern_name(kernel), alt_isa_name(alt_cpu_isa()));
    return true;
}

int alt_cpu_block(void)
{
    return alt_cpu_isa() >= ALT_ISA_AVX512 ? 16 : 8;
}

/* The kernel refuses a mask smaller than its own. */
int alt_cpu_affinity(void)
{
    for (int bits = 1024; bits <= 1 << 16; bits *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)bits);
        if (!set)
            break;
        const size_t size = CPU_ALLOC_SIZE((size_t)bits);
        const bool known = sched_getaffinity(0, size, set) == 0;
        const int cores = known ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (known && cores > 0)
            return cores;
    }
    return 1;
}

int alt_cpu_cores(void)
{
    static _Atomic int kept; /* relaxed: nothing else is published by it */
    int cores = atomic_load_explicit(&kept, memory_order_relaxed);

    if (cores == 0) {
        const int affinity = alt_cpu_affinity(), quota = alt_cpu_quota("");
        cores = affinity < quota ? affinity : quota;
        atomic_store_explicit(&kept, cores, memory_order_relaxed);
    }
    return cores;
}
