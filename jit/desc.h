/* desc.h: the flat descriptor of a region that code can be generated for, and its canonical text, the key of records.
 *
 *   conv f32 n=1 c=64 i=56x56 o=64 k=3x3 s=1x1 p=1,1,1,1 d=1x1 +bias +add +relu
 *       i: input, k: kernel, s: strides, p: pads as ONNX orders them (begins, ends), d: dilations; one spatial axis is
 *       written with one number each ("i=100 ... p=1,1"). Weights are constant, group 1. Output extents follow.
 *   product f32 batch=1 m=128 k=768 n=3072 b=kn,const +bias +clip=0x00000000,0x40c00000
 *       b: the order of B's axes (kn, or nk for a transposed one), and whether its content is constant. A B that all
 *       batches share is batch=1 with m counting the rows of all of them.
 *
 * "n=*4" (conv) and "m=*128" (product with batch=1): any extent from 1 to ALT_DESC_ANY_MOST, known when the kernel runs; the
 * number is the one to be fast for.
 *
 * The epilogue, in this order: bias (by output channel, by n), another operand of the output's shape added, an
 * activation (relu, or clip with its bounds as float32 bits). Operands of a kernel: x and w (a and b), bias, added
 * operand, output; those that the descriptor does not have are left out.
 */
#ifndef ALT_JIT_DESC_H
#define ALT_JIT_DESC_H

#include <alt/base.h>

enum alt_desc_kind { ALT_DESC_CONV, ALT_DESC_PRODUCT };
enum alt_activation { ALT_ACT_NONE, ALT_ACT_RELU, ALT_ACT_CLIP };

/* Spatial axes stand at the end of the arrays: with one axis, [0] is 1 (pads 0) and [1] is the axis. */
struct alt_conv_desc {
    int rank; /* spatial axes: 1 or 2 */
    bool any; /* n is only typical */
    int64_t n, c, o;
    int64_t in[2], kernel[2], stride[2], begin[2], end[2], dilation[2];
};

struct alt_product_desc {
    bool any; /* m is only typical */
    int64_t batch, m, k, n;
    bool transposed; /* B is [n,k] */
    bool constant;   /* B can be packed */
};

struct alt_epilogue {
    bool bias, add;
    enum alt_activation activation;
    float lo, hi; /* ALT_ACT_CLIP; else 0 */
};

struct alt_desc {
    enum alt_desc_kind kind;
    struct alt_epilogue epilogue;
    struct alt_conv_desc conv; /* the one that `kind` names; the other is zero */
    struct alt_product_desc product;
};

#define ALT_DESC_MAX_OPERANDS 5
#define ALT_DESC_ANY_MOST (INT64_C(1) << 16)
enum alt_desc_role { ALT_ROLE_INPUT, ALT_ROLE_WEIGHT, ALT_ROLE_BIAS, ALT_ROLE_ADD, ALT_ROLE_OUTPUT };

/* ALT_E_ILLEGAL unless every extent is at least 1 and none, nor any operand, is absurdly large; windows fit; clip
 * bounds are numbers. Everything below expects a descriptor that passed. */
alt_status alt_desc_check(const struct alt_desc *d) __attribute__((warn_unused_result));
bool alt_desc_equal(const struct alt_desc *a, const struct alt_desc *b);

/* Output extent along spatial axis 0 or 1. */
int64_t alt_conv_desc_out(const struct alt_conv_desc *c, int axis);
/* Multiplications and additions, counted apart. */
double alt_desc_flops(const struct alt_desc *d);
/* Operands of the kernel, output included, and what each is. */
int alt_desc_operands(const struct alt_desc *d, enum alt_desc_role role[ALT_DESC_MAX_OPERANDS]);
/* Whether a tensor of this logical shape can be the operand. Products take any leading axes that multiply to what is
 * wanted, but a constant B with batch=1, which may be laid out in panels, is a matrix. */
bool alt_desc_fits(const struct alt_desc *d, enum alt_desc_role role, int rank, const int64_t *dims);

/* The extent that may be any, where `d` has one, that an input of this shape gives; else 0. */
int64_t alt_desc_any(const struct alt_desc *d, int rank, const int64_t *dims);
/* `d` for that extent and no other. */
struct alt_desc alt_desc_at(const struct alt_desc *d, int64_t any);

/* Canonical text, cut off at `size` and terminated when size > 0; returns its whole length. */
size_t alt_desc_print(const struct alt_desc *d, char *out, size_t size);
/* The reverse, and alt_desc_check. ALT_E_MALFORMED for other text, ALT_E_ILLEGAL. */
alt_status alt_desc_parse(const char *text, struct alt_desc *out) __attribute__((warn_unused_result));

#endif
