/* gcc_isa.c: see gcc_isa.h. MAXPS a, b is a > b ? a : b and gives b when they are zeros or one is not a number; in
 * AT&T order b stands first. */
#include "jit/gcc_isa.h"

#include <stddef.h>

#if defined(__x86_64__)
static const struct alt_gcc_isa table[ALT_ISA_COUNT] = {
    [ALT_ISA_BASE] = {"-march=x86-64", "-mtune=generic", NULL, "maxps %2, %0", "minps %2, %0", true, NULL,
                      "movss @(%1), %0\n\tshufps $0, %0, %0", "x"},
    [ALT_ISA_AVX2] = {"-march=x86-64-v3", "-mtune=haswell", NULL, "vmaxps %2, %1, %0", "vminps %2, %1, %0", false,
                      "vfmadd231ps %2, %1, %0", "vbroadcastss @(%1), %0", "x"},
    [ALT_ISA_AVX512] = {"-march=x86-64-v4", "-mtune=icelake-server", "-mprefer-vector-width=512", "vmaxps %2, %1, %0",
                        "vminps %2, %1, %0", false, "vfmadd231ps %2, %1, %0", "vbroadcastss @(%1), %0", "v"},
};
#else
static const struct alt_gcc_isa table[ALT_ISA_COUNT] = {{0}};
#endif

const struct alt_gcc_isa *alt_gcc_isa(enum alt_isa isa) { return table[isa].march ? &table[isa] : NULL; }
