/* op.h: the operator table (op.def) and what a family of operators implements. */
#ifndef ALT_RUNTIME_OP_H
#define ALT_RUNTIME_OP_H

#include <alt/value.h>

struct alt_infer;
struct alt_select;
struct alt_arena;
struct alt_kernel;
struct alt_layout;
struct alt_node;
struct alt_view;
struct alt_eval;

/* ONNX opsets that alt reads, for the default domain. */
#define ALT_OPSET_OLDEST 1
#define ALT_OPSET_NEWEST 27

enum alt_op_flag {
    ALT_OP_POINTWISE = 1, /* out element i depends on element i of broadcast inputs: rides on a region, any layout */
    ALT_OP_ANCHOR = 2,    /* may anchor a region: convolution, matrix product, pooling, reduction */
    ALT_OP_SHAPE = 4,     /* shape arithmetic: worth evaluating while binding when all inputs are known and small */
    ALT_OP_RANDOM = 8,    /* not a function of its inputs: never folded, merged or evaluated early */
    ALT_OP_COMMUTES = 16, /* the two inputs may change places */
    ALT_OP_INPLACE = 32,  /* the first output may overwrite an input of the same size whose last use this is */
    ALT_OP_OMITS = 64     /* any input may be omitted, the least number of inputs counts those too */
};

/* What an operator makes of blocked layouts (channels in blocks of some size, docs/design.md "Layouts"). */
enum alt_blocking {
    ALT_BLOCKING_NONE,   /* has no kernel for them */
    ALT_BLOCKING_FOLLOW, /* takes them where its first input has one already (pooling) */
    ALT_BLOCKING_LEAD    /* is worth converting for (convolution) */
};

/* A family of operators. Every function gets the node, so one family serves many operators. A family has infer and at
 * least one of select, view, eval. */
struct alt_op_impl {
    /* Types and shapes of the outputs (and small contents) from those of the inputs; see infer.h. */
    alt_status (*infer)(struct alt_infer *inf);
    /* The kernel for given types and layouts; see step.h. */
    alt_status (*select)(struct alt_select *sel, const struct alt_kernel **out);
    /* The layouts that its blocked kernels want for channel blocks of `block`: fills in[n_in] and out[n_out] (NULL entries:
     * plain; layouts made in `arena`), which select() then accepts. NULL function: ALT_BLOCKING_NONE. Pointwise operators
     * need none: they take any layout that all their operands share. ALT_BLOCKING_NONE also when memory is short. */
    enum alt_blocking (*layouts)(const struct alt_node *n, int block, struct alt_arena *arena,
                                 const struct alt_layout **in, const struct alt_layout **out);
    /* Describes output 0.. as a strided view of input 0; see step.h. Tried first; may decline. */
    bool (*view)(struct alt_view *view);
    /* Runs on the host: data-dependent shapes, strings, sequences, control flow; see step.h. */
    alt_status (*eval)(struct alt_eval *eval);
};

/* One row of op.def. */
struct alt_op_info {
    const char *name;   /* ONNX op_type */
    const char *domain; /* "" is ai.onnx */
    int first, last;    /* opsets of the domain in which alt implements the operator; last 0: all newer ones too */
    int min_in, max_in; /* -1: any number */
    int min_out, max_out;
    unsigned flags; /* enum alt_op_flag */
    const struct alt_op_impl *impl;
};

enum alt_op {
#define ALT_OP(id, name, domain, first, last, min_in, max_in, min_out, max_out, flags, impl) ALT_OP_##id,
#include "runtime/op.def"
#undef ALT_OP
    ALT_OP_COUNT
};

extern const struct alt_op_info alt_op_table[ALT_OP_COUNT];

/* The operator of that name and domain; ALT_OP_COUNT when alt has none. */
enum alt_op alt_op_find(const char *name, const char *domain);

#endif
