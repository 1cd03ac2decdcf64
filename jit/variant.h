/* variant.h: the ways a region can be computed: layouts, vector width, register tile, unrolling, order of the work.
 *
 *   in=blocked16 w=blocked16 out=blocked16 lanes=16 tile=14x2 unroll=1 order=weights prefetch=none
 *
 * conv      in, out: "plain" (NCHW) or channels in blocks; w: always in blocks of output channels, [O/b][I][kh][kw][b].
 *           tile: output pixels of a row x vectors of output channels. unroll: input channels.
 * product   in, out: always plain; w: "plain", or columns in panels as wide as the tile, [N/b][K][b]: laid out so once
 *           where B is constant and shared by all batches, else *staged*: copied to scratch a panel at a time.
 *           tile: rows x vectors of columns. unroll: steps of k.
 * prefetch  panel (products in panels in order of weights): while a panel of B is at work, the next one is fetched, a part
 *           by each tile of rows.
 * order     weights: consecutive tiles of the parallel loop share weights (columns of B); data: they share input
 * (rows).
 *
 * Every variant is of class `exact`: one accumulator an output, reduction indices ascending, padding taking part as
 * zeros, as the default kernels do it (runtime/kernels/kern.h).
 */
#ifndef ALT_JIT_VARIANT_H
#define ALT_JIT_VARIANT_H

#include "jit/desc.h"
#include "runtime/cpu.h"
#include "runtime/kernel.h"

struct alt_arena;
struct alt_layout;
struct alt_nest;

enum alt_variant_order { ALT_ORDER_WEIGHTS, ALT_ORDER_DATA };

/* Block sizes: 0 is plain. */
struct alt_variant {
    int in, w, out;
    int lanes;
    int rows, vectors;
    int unroll;
    enum alt_variant_order order;
    bool prefetch;
};

/* What an instruction set gives: float32 lanes of a vector, vector registers, whether a multiply-add rounds once. */
struct alt_isa_vector {
    int lanes, registers;
    bool fused;
};
struct alt_isa_vector alt_isa_vector(enum alt_isa isa);

#define ALT_VARIANT_MOST 16
/* Legal variants for a descriptor, best guess first; returns their number. None when alt has no expression for it (a B
 * that is transposed and not constant). */
int alt_variant_list(const struct alt_desc *d, enum alt_isa isa, struct alt_variant out[ALT_VARIANT_MOST]);
/* ALT_E_ILLEGAL unless the variant can be built. */
alt_status alt_variant_check(const struct alt_desc *d, enum alt_isa isa, const struct alt_variant *v)
    __attribute__((warn_unused_result));
/* The kernel brings B into panels itself, in scratch. */
bool alt_variant_staged(const struct alt_desc *d, const struct alt_variant *v);
bool alt_variant_equal(const struct alt_variant *a, const struct alt_variant *b);
enum alt_kernel_numerics alt_variant_numerics(const struct alt_desc *d, const struct alt_variant *v);

/* Canonical text, cut off at `size` and terminated when size > 0; returns its whole length. */
size_t alt_variant_print(const struct alt_variant *v, char *out, size_t size);
/* The reverse. ALT_E_MALFORMED; whether the variant is legal depends on the descriptor. */
alt_status alt_variant_parse(const char *text, struct alt_variant *out) __attribute__((warn_unused_result));

/* The layouts of the kernel's operands (alt_desc_operands); NULL entries: plain. A plain input of a convolution is read
 * in place. ALT_E_NOMEM, ALT_E_ILLEGAL. */
alt_status alt_variant_layouts(const struct alt_desc *d, const struct alt_variant *v, struct alt_arena *arena,
                               const struct alt_layout *layout[ALT_DESC_MAX_OPERANDS])
    __attribute__((warn_unused_result));

/* The verified nest of a variant (jit/expr); buffer i is operand i. ALT_E_ILLEGAL, ALT_E_NOMEM. */
alt_status alt_variant_nest(const struct alt_desc *d, const struct alt_variant *v, enum alt_isa isa,
                            struct alt_arena *arena, struct alt_nest **out) __attribute__((warn_unused_result));

#endif
