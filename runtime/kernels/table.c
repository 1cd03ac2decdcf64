/* table.c: the table of one ISA level and element type. */
#include "runtime/kernels/vec.h"

#define ALT_KERN_TEXT2(s) #s
#define ALT_KERN_TEXT(s) ALT_KERN_TEXT2(s)

extern const struct alt_kern KERN(table);

const struct alt_kern KERN(table) = {
    .name = ALT_KERN_TEXT(ALT_KERN_SUFFIX),
    .nr = NR,
    .mr = MR,
    .block = LANES < 8 ? 8 : LANES,
    .lanes = LANES,
    .gemm = KERN(gemm),
    .pack = KERN(pack),
    .gather = KERN(gather),
    .conv = KERN(conv),
    .depthwise = KERN(depthwise),
    .row_multiply = KERN(row_multiply),
    .row_max = KERN(row_max),
    .row_add = KERN(row_add),
    .row_taps = KERN(row_taps),
    .widen = KERN(widen),
    .add_sums = KERN(add_sums),
};
