/* gcc_isa.h: what GCC must be told for each level, and the instructions that libgccjit 12 has no words for. */
#ifndef ALT_JIT_GCC_ISA_H
#define ALT_JIT_GCC_ISA_H

#include "runtime/cpu.h"

#include <stdbool.h>

struct alt_gcc_isa {
    const char *march, *mtune, *width; /* options; NULL: none */
    /* Assembler for dst = c < t ? t : c and dst = c > t ? t : c, %0 being dst, %1 c, %2 t, where a comparison with a NaN
     * or between zeros gives t. `tied`: dst and c must be one register. */
    const char *max, *min;
    bool tied;
    /* The same for dst = dst + a * b rounded once, %0 being dst; NULL: the level has none. As an expression it would not do:
     * the compiler fuses where it sees both operations together, and moving code may part them. */
    const char *fma;
    /* %0 = the element at address %1 plus @ (to be replaced by a number of bytes) in every lane. An instruction, since of
     * equal expressions the compiler keeps one until accumulators are spilled. */
    const char *splat;
    const char *reg; /* constraint of a vector register */
};

/* NULL: no such level on this architecture. */
const struct alt_gcc_isa *alt_gcc_isa(enum alt_isa isa);

#endif
