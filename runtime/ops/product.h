/* product.h: matrix products of any strides, cut into tiles: the work of MatMul and Gemm.
 *
 * y = alpha * (a b) + beta * c, in the canonical order of runtime/kernels/kern.h; alpha is applied to the finished sum and
 * beta * c added to that, each rounded (both are left out when they are 1, respectively when there is no c), then comes what an
 * epilogue asks for (kernel.h). float16 and bfloat16
 * are computed in float32 and rounded once, at the end. Integers wrap around; their alpha and beta are whole numbers.
 */
#ifndef ALT_RUNTIME_OPS_PRODUCT_H
#define ALT_RUNTIME_OPS_PRODUCT_H

#include <alt/value.h>

struct alt_arena;
struct alt_gvalue;
struct alt_kern;
struct alt_layout;
struct alt_operand;

/* A matrix: how far apart its rows and columns lie, in elements. */
struct alt_matrix {
    int64_t row, col;
};

struct alt_product {
    /* given */
    alt_dtype dtype;
    int64_t m, n, k;
    struct alt_matrix a, b, c, add, y; /* [m][k], [k][n], [m][n], [m][n], [m][n] */
    double alpha, beta;
    bool has_c;
    bool has_add, limited; /* float32: what comes last, as in alt_kernel_epilogue */
    float low, high;
    bool panels; /* b lies in panels of alt_product_panel() columns, [n / panel][k][panel], the last one filled up; b.row and b.col
                    count nothing */
    /* found by alt_product_prepare */
    const struct alt_kern *kern; /* NULL: integers */
    size_t size;                 /* bytes of an element */
    bool swapped;                /* computed as the transposed product, which has longer rows */
    bool wide;                   /* float16 and bfloat16: operands go through float32 */
    bool pack_b, direct;         /* b goes through packed panels; y holds the accumulators */
    bool rides;                  /* c is a vector of float32 or float64 that the micro-kernel adds */
    bool ends;                   /* the micro-kernel also does what comes last */
    int64_t rows, width, depth;  /* of a tile; of a block of the reduction */
    int64_t tiles_m, tiles;
    size_t scratch;              /* bytes a thread */
};

/* Columns of a panel in which a constant b is best laid out; 0: it is not. */
int64_t alt_product_panel(alt_dtype dtype, int64_t columns);
/* Whether a b with this layout, whose columns are axis `axis`, lies in such panels. */
bool alt_product_laid_out(const struct alt_operand *b, int axis);
/* The layout of a constant matrix whose columns are axis `axis`, in such panels; false: it stays plain. */
bool alt_product_lay_out(const struct alt_gvalue *b, int axis, struct alt_arena *arena, const struct alt_layout **out);
/* True when the type has kernels. */
bool alt_product_supports(alt_dtype dtype);
void alt_product_prepare(struct alt_product *p);
/* Where the matrices begin; c and add may be NULL when there are none. */
struct alt_product_data {
    const void *a, *b, *c, *add;
    void *y;
};
void alt_product_tile(const struct alt_product *p, const struct alt_product_data *data, int64_t tile, void *scratch);

#endif
