/* cpu.h: what this machine and this process offer: instruction sets, and how many cores may be used.
 *
 * Facts are detected at the first question and kept (the one allowed kind of global: every thread computes the same
 * value, so a race between first questions is harmless). Any thread; also in a child after fork.
 */
#ifndef ALT_RUNTIME_CPU_H
#define ALT_RUNTIME_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The name of what the compiler takes for granted. */
#if defined(__aarch64__)
#define ALT_ISA_BASE_NAME "neon"
#else
#define ALT_ISA_BASE_NAME "base"
#endif

/* Levels that kernels are built for, each including those before: suffix, name. Those above the first are x86-64's. */
#define ALT_ISA_TABLE(X) \
    X(BASE, ALT_ISA_BASE_NAME) \
    X(AVX2, "avx2")            /* AVX2, FMA, F16C */ \
    X(AVX512, "avx512")        /* also AVX-512 F, BW, DQ, VL, CD */

enum alt_isa {
#define ALT_ISA_ROW(suffix, name) ALT_ISA_##suffix,
    ALT_ISA_TABLE(ALT_ISA_ROW)
#undef ALT_ISA_ROW
    ALT_ISA_COUNT
};

/* "base" or "neon", "avx2", "avx512"; static. */
const char *alt_isa_name(enum alt_isa isa);
/* The highest level that CPU and operating system support and whose kernels pass their self-check here (kernels/self_check.h);
 * the environment variable ALT_ISA (a name from the table) may lower it and never raises it; other texts are ignored. */
enum alt_isa alt_cpu_isa(void);
/* Whether a level failed its self-check; then a line about it is in `text`, cut off at `size`. */
bool alt_cpu_refusal(char *text, size_t size);
/* Channels in a block of the default blocked layouts: float32 lanes of the widest vector register, at least 8. */
int alt_cpu_block(void);
/* Cores in the calling thread's affinity mask, now; at least 1. */
int alt_cpu_affinity(void);
/* Cores this process may use: its affinity mask and the CPU quotas of its control groups, rounded up; at least 1. */
int alt_cpu_cores(void);

/* The parts, for tests. */

/* What CPUID and XGETBV say; all zero on other machines. */
struct alt_cpuid {
    uint32_t leaf1_ecx, leaf7_ebx;
    uint64_t xcr0; /* register state that the operating system saves; 0 without OSXSAVE */
};
enum alt_isa alt_isa_decide(const struct alt_cpuid *id);
/* What became of a level once its kernels were tried. */
struct alt_isa_choice {
    enum alt_isa isa, refused; /* refused: the highest level that failed; `isa` when none did */
    int kernel;                /* which of its kernels failed (alt_kern_name) */
};
/* `found` lowered to the level named by `text` (may be NULL). */
enum alt_isa alt_isa_lower(enum alt_isa found, const char *text);
/* Cores allowed by the CPU quotas of this process's control groups (v1 and v2), read from the file tree under `root`
 * ("" is the real one); INT_MAX when none is set or nothing can be read. */
int alt_cpu_quota(const char *root);

#endif
