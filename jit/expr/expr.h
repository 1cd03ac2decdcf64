/* expr.h: tensor expressions: a descriptor and a variant become a nest. What the families share is in tile.c. */
#ifndef ALT_JIT_EXPR_EXPR_H
#define ALT_JIT_EXPR_EXPR_H

#include "jit/nest.h"
#include "jit/variant.h"

/* Append buffers and statements; failures are kept in the builder. The variant has passed alt_variant_check. */
void alt_expr_conv(struct alt_nest_builder *b, const struct alt_desc *d, const struct alt_variant *v);
void alt_expr_product(struct alt_nest_builder *b, const struct alt_desc *d, const struct alt_variant *v);

/* A register tile: accumulators acc[rows,vectors], one row of weights wv[vectors], and one spare register xv[1] that
 * holds the splat of an input, later an added operand. */
struct alt_expr_tiles {
    int acc, wv, xv;
};
struct alt_expr_tiles alt_expr_tiles(struct alt_nest_builder *b, const struct alt_variant *v);

#define ALT_EXPR_VECTORS 6 /* of a register tile, at most */

/* Where the outputs of a register tile go. */
struct alt_expr_store {
    struct alt_expr_tiles t;
    int64_t rows;
    int vectors;
    int lanes[ALT_EXPR_VECTORS]; /* of each vector that hold outputs; 0: none */
    const struct alt_epilogue *e;
    int bias, add, out;                  /* buffers; those that the epilogue does not have count nothing */
    struct alt_affine channel;           /* of lane 0 of vector 0, in the bias */
    struct alt_affine at[ALT_NEST_RANK]; /* lane 0 of vector 0 of row 0, in the output */
    int axis, row_axis;                  /* along which lanes and rows lie */
    bool guarded;                        /* rows past the symbol are left out */
    bool whole;                          /* store lanes without outputs too: a blocked layout's padding */
    /* Vector j lies j / unit * step[0] further on axis [0] and j % unit * step[1] further on axis [1]. */
    int unit, vector_axis[2];
    int64_t vector_step[2];
};
/* acc through the epilogue to memory. */
void alt_expr_store(struct alt_nest_builder *b, const struct alt_expr_store *s);

/* One-register tile = 0; acc = 0; one-register tile = splat; tile[at] = load. */
void alt_expr_zero(struct alt_nest_builder *b, int tile);
void alt_expr_zero_acc(struct alt_nest_builder *b, int tile, int64_t rows, int vectors);
void alt_expr_splat(struct alt_nest_builder *b, int tile, const struct alt_buffer_ref *ref);
void alt_expr_load(struct alt_nest_builder *b, int tile, struct alt_affine at, const struct alt_buffer_ref *ref);
/* acc[i,j] += xv * wv[j] for all j; `i`: variable of the row. */
void alt_expr_fma(struct alt_nest_builder *b, struct alt_expr_tiles t, int i, int vectors);

#endif
