/* kern.h: the default micro-kernels of products, convolutions and pooling, one table for each ISA level and element type.
 *
 * One source is compiled for every pair (meson.build); `real` is float or double there and pointers are untyped here, so
 * that the loops around the kernels are written once. All strides and counts are in elements.
 *
 * Canonical order of accumulation, held by every kernel here: one accumulator an output element, starting at +0,
 * reduction indices ascending (matrix product: k; convolution: input channel, then kernel position, the last axis
 * fastest), each step one fused multiply-add where the ISA level has it and a multiplication followed by an addition where
 * not; the bias is added after the last step. Elements of the padding are zeros and take part. An accumulator that is stored between two
 * blocks of the reduction keeps its bits. So on one machine plain and blocked layouts, any tile sizes and any number of
 * threads give the same bits.
 */
#ifndef ALT_RUNTIME_KERNELS_KERN_H
#define ALT_RUNTIME_KERNELS_KERN_H

#include "runtime/cpu.h"

#include <stdbool.h>
#include <stdint.h>

/* c[m][n] = a[m][k] * b[k][n]; b lies in panels of `nr` columns. */
struct alt_kern_gemm {
    int64_t m, n, k;
    const void *a;
    int64_t a_row, a_col;
    const void *b;        /* `nr` elements can be read from every row of a panel, whatever n is */
    int64_t b_row, b_panel; /* b_panel: from one panel to the next; of no account when n is at most `nr` */
    void *c;              /* the elements of a row lie side by side */
    int64_t c_row;
    bool accumulate;      /* the accumulators start with what c holds, not with zero */
    const void *bias;     /* bias[i * bias_row] is added to row i at the end; NULL: nothing is */
    int64_t bias_row;
    const void *row;      /* row[j] is added to column j at the end, whole panels can be read; NULL: nothing is */
    const void *add;      /* after these, add[i * add_row + j] is added to c[i][j]; NULL: nothing is */
    int64_t add_row;
    bool limited;         /* at last, as in alt_kern_conv */
    double low, high;
    const void *next;     /* `next_bytes` that will be read soon: fetched on the way, a share by each tile; NULL: nothing is */
    int64_t next_bytes;
};

/* A strided matrix, copied to rows of `nr`: what lies past `n` is zeroed. */
struct alt_kern_pack {
    int64_t k, n;
    const void *source;
    int64_t row, col;
    void *out;
};

/* Elements of input channels under the taps of output pixels, copied to rows of `nr`: row c * taps + t of the matrix
 * that im2col gives. Rows [first, first + rows). */
struct alt_kern_gather {
    const void *source;       /* channel 0 */
    int64_t channel;          /* stride */
    int64_t taps, first, rows;
    const int64_t *index;     /* [taps][nr], relative to the channel; -1: zero */
    const bool *run;          /* [taps]: the whole row lies side by side */
    void *out;
};

/* Output pixels of one or two vectors of output channels. */
struct alt_kern_conv {
    const void *x;
    const int64_t *pixel;     /* [pixels]: offset of each output pixel's window in x */
    const int32_t *run;       /* [pixels]: how many from this one on lie equally far apart; may go beyond `pixels` */
    int64_t pixels;
    const int64_t *step;      /* [steps]: offset of each reduction step within a block of input channels */
    int64_t steps, blocks, x_block, last_steps; /* the last block of input channels has only `last_steps` */
    const void *w[2];         /* the weights of each vector; NULL in w[1]: one vector */
    int64_t w_step;           /* from one reduction step to the next */
    const void *bias[2];      /* one vector each, or NULL */
    const void *add[2];       /* added after the bias, laid out as y is; NULL: nothing is */
    void *y[2];
    int64_t y_pixel;
    bool accumulate;          /* the accumulators start with what y holds, not with zero */
    bool limited;             /* results below `low` become that, then those above `high` that; others stay, NaN too */
    double low, high;         /* of the element type */
    const void *next[2];      /* weights that are wanted behind these, fetched on the way; NULL: nothing is */
};

/* Output pixels of one block of channels, each channel by itself (group == channels). */
struct alt_kern_depthwise {
    const void *x;
    const int64_t *pixel;
    const int32_t *run;       /* as in alt_kern_conv */
    int64_t pixels;
    const int64_t *step;      /* [steps]: offset of each tap */
    int64_t steps;
    const void *w;            /* [steps][block] */
    const void *bias;         /* [block] or NULL */
    void *y;                  /* [pixels][block] */
    bool limited;             /* as in alt_kern_conv */
    double low, high;
};

/* One row of elements combined with another, `blocks` times `block` elements side by side:
 * y[i * block + j] = y[..] op x[i * x_step + j]. */
struct alt_kern_row {
    int64_t blocks, block, x_step;
    const void *x;
    void *y;
};

/* One output row of a plain depthwise convolution: y[j] = sum over t of w[t] * x[tap[t] + j * step], from zero on. With step
 * 1 up to one vector is read behind the last element of x and written behind the last of y. */
struct alt_kern_taps {
    const void *x, *w;
    const int64_t *tap;
    int64_t taps, step, n;
    void *y;
};

/* Lines of int8 or uint8, less a zero point, to elements: out[line[i] + j] = x[i * x_line + j * step] - zero. */
struct alt_kern_widen {
    const void *x;
    bool is_signed;
    int64_t lines, x_line, n, step; /* n: elements of a line */
    const int64_t *line;
    int32_t zero;
    void *out;
};

/* c[m][nr] = a[m][k] * b[k][nr] of 16-bit integers; the sums are int32, wrap around and have no order. k is even. Two products
 * of neighbouring reduction indices must not overflow: elements lie in [-32767, 32767]. */
struct alt_kern_dot {
    int64_t m, k;
    const int16_t *a; /* the elements of a row lie side by side */
    int64_t a_row;
    const int16_t *b; /* [k / 2][nr][2]: see weave */
    int32_t *c;       /* nr elements of every row are written */
    int64_t c_row;
    bool accumulate;  /* the sums start with what c holds, not with zero */
};

/* int8 or uint8, less a zero point, to int16. widen: out[i] = x[i] - zero; weave: out[i][0] = x[i] - zero and
 * out[i][1] = y[i] - zero, two rows of a panel of alt_kern_dot. */
struct alt_kern_short {
    const void *x, *y; /* y: of weave */
    bool is_signed;
    int64_t n;
    int32_t zero;
    int16_t *out;
};

/* int32 to int8 or uint8: out[i] = (sum[i] + bias) * factor[i] (or factor[0]), rounded half to even, + zero, saturated; the
 * sums wrap around, the product is a float32. */
struct alt_kern_narrow {
    const int32_t *sum;
    bool is_signed, each; /* each: a factor for every element */
    int64_t n;
    const float *factor;
    int32_t bias, zero;
    void *out;
};

struct alt_kern {
    const char *name;
    int nr;    /* width of a packed panel: two vectors */
    int mr;    /* rows (output pixels) a register tile holds */
    int block; /* channels of a blocked layout that `conv` and `depthwise` want */
    int lanes; /* channels of one vector of `conv`: a half of `block` or all of it */
    void (*gemm)(const struct alt_kern_gemm *g);
    void (*pack)(const struct alt_kern_pack *p);
    void (*gather)(const struct alt_kern_gather *g);
    void (*conv)(const struct alt_kern_conv *c);
    void (*depthwise)(const struct alt_kern_depthwise *d);
    /* y = w * x + y for every element, fused where the ISA level has it. */
    void (*row_multiply)(const struct alt_kern_row *r, double w);
    /* y = x when x > y or x is not a number. */
    void (*row_max)(const struct alt_kern_row *r);
    void (*row_add)(const struct alt_kern_row *r);
    void (*row_taps)(const struct alt_kern_taps *t);
    void (*widen)(const struct alt_kern_widen *w);
    /* Adds n elements that are whole numbers of int32 to acc, or sets it (first). */
    void (*add_sums)(const void *sums, int64_t n, bool first, int32_t *acc);
};

/* Products of 8-bit integers. */
struct alt_kern_int {
    int nr; /* width of a panel: two vectors of int32 */
    int mr; /* rows of a register tile */
    void (*dot)(const struct alt_kern_dot *d);
    void (*widen)(const struct alt_kern_short *s);
    void (*weave)(const struct alt_kern_short *s);
    void (*narrow)(const struct alt_kern_narrow *p);
};

/* The tables of a level; that of the baseline for a level that this architecture has not. */
const struct alt_kern *alt_kern_f32_table(enum alt_isa isa);
const struct alt_kern *alt_kern_f64_table(enum alt_isa isa);
const struct alt_kern_int *alt_kern_i8_table(enum alt_isa isa);
/* Those of this machine. */
static inline const struct alt_kern *alt_kern_f32(void) { return alt_kern_f32_table(alt_cpu_isa()); }
static inline const struct alt_kern *alt_kern_f64(void) { return alt_kern_f64_table(alt_cpu_isa()); }
static inline const struct alt_kern_int *alt_kern_i8(void) { return alt_kern_i8_table(alt_cpu_isa()); }

#endif
