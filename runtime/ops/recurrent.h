/* recurrent.h: RNN, GRU and LSTM: one layer of recurrent cells over a sequence, forwards, backwards or both.
 *
 *   recurrent.c       types and shapes, attributes, choice of kernel, binding
 *   recurrent_run.c   the kernel: a tile is one direction of a block of sequences, from the first step to the last
 *   recurrent_cell.c  activation functions, what one step does to one sequence's gates, choice of a form of it
 *   recurrent_fused.c the usual forms of float32 in one pass
 *
 * Canonical order of accumulation: for every gate, the sum over the inputs (x W^T) and the sum over the hidden units (h R^T)
 * are two sums in the order of runtime/kernels/kern.h; the second is added to the first, then the biases, Wb and Rb having been
 * added to each other before, then the peephole's product. float16 and bfloat16 are computed in float32, states included,
 * and rounded where they are stored.
 */
#ifndef ALT_RUNTIME_OPS_RECURRENT_H
#define ALT_RUNTIME_OPS_RECURRENT_H

#include "runtime/ops/wide.h"
#include "runtime/step.h"

struct alt_kern;

enum {
    ALT_RECURRENT_X,
    ALT_RECURRENT_W,
    ALT_RECURRENT_R,
    ALT_RECURRENT_B,
    ALT_RECURRENT_LENGTHS,
    ALT_RECURRENT_H,
    ALT_RECURRENT_C, /* LSTM alone, as the peepholes */
    ALT_RECURRENT_P,
    ALT_RECURRENT_INPUTS
};

/* x = f(x) for n elements of the wide type. */
typedef void alt_activate_fn(void *x, int64_t n, double alpha, double beta);
struct alt_activation {
    alt_activate_fn *fn;
    double alpha, beta;
};

/* What a step does to rows of elements of one wide type. */
struct alt_row_math {
    void (*add)(void *y, const void *x, int64_t n);                         /* y += x */
    void (*multiply)(void *y, const void *x, int64_t n);                    /* y *= x */
    void (*add_product)(void *y, const void *a, const void *b, int64_t n);  /* y += a b */
    void (*complement)(void *y, const void *x, int64_t n);                  /* y = 1 - x */
    void (*blend)(void *y, const void *z, const void *x, int64_t n);        /* y = (1 - z) x + z y */
    void (*clip)(void *y, int64_t n, double most);                          /* into [-most, most] */
};
const struct alt_row_math *alt_row_math(enum alt_wide wide);

struct alt_cell;
struct alt_cell_row;
typedef void alt_cell_fn(const struct alt_cell *cell, const struct alt_cell_row *row);

/* The cell of one direction. */
struct alt_cell {
    const struct alt_row_math *math;
    enum alt_wide wide;
    int64_t hidden;
    size_t real; /* bytes of an element */
    bool linear_before_reset, input_forget, clipped;
    double clip;
    struct alt_activation activation[3]; /* f, g, h */
    alt_cell_fn *reset; /* GRU without linear_before_reset: makes `part` before the hidden gate's recurrent sum; else NULL */
    alt_cell_fn *step;  /* all sums made: the states */
};

/* One sequence at one step; rows of `hidden` elements unless said otherwise. */
struct alt_cell_row {
    char *gate;             /* [gates * hidden]: the sums over the inputs; overwritten */
    const char *recurrent;  /* [gates * hidden]: the sums over the hidden units */
    const char *bias;       /* [gates * hidden] */
    const char *reset_bias; /* GRU with linear_before_reset: Rb of the hidden gate */
    const char *peephole;   /* LSTM: [3 * hidden], or NULL */
    char *h, *c;            /* states */
    char *part;             /* GRU: r h, what the hidden gate's recurrent sum is to be made of */
};

/* Sets `reset` and `step` of a cell that is otherwise complete. */
void alt_cell_choose(struct alt_cell *cell, enum alt_op op, bool peephole);
alt_cell_fn alt_cell_lstm_fused, alt_cell_gru_reset_fused, alt_cell_gru_fused, alt_cell_gru_linear_fused;

/* Reads activations, activation_alpha and activation_beta: `count` functions for each direction. `wide` says for which type.
 * Returns NULL, or what is wrong. */
const char *alt_activations_read(const struct alt_node *n, enum alt_wide wide, int directions, int count,
                                 struct alt_activation (*out)[3]);

/* A layer, bound. All extents and offsets are in elements, places in scratch in bytes. */
struct alt_recurrent {
    enum alt_op op;
    alt_dtype dtype;
    enum alt_wide wide;
    size_t size, real; /* bytes of an element in memory and in the kernel */
    alt_load_fn *load;
    alt_store_fn *store;
    const struct alt_kern *kern;
    int64_t steps, batch, inputs, hidden, directions;
    int64_t columns, panels;    /* gates * hidden, and panels of kern->nr of them */
    int64_t width;              /* of a row of gates in scratch: whole panels */
    int64_t block, blocks;      /* sequences a tile; tiles a direction */
    int64_t chunk;              /* steps whose input sums are made at once */
    bool reverse;               /* the first direction goes backwards; the second always does */
    bool half;                  /* x goes through float32 */
    bool packed[2];             /* W, R come in panels */
    bool has[ALT_RECURRENT_INPUTS];
    int out[3];                 /* operands: Y, Y_h, Y_c; 0: not wanted */
    int64_t x_step, x_row;      /* strides of X: of a step, of a sequence */
    int64_t y_step, y_row, y_direction;
    int64_t state_row, state_direction;
    struct alt_cell cell[2];
    int64_t at_w, at_r, at_x, at_gates, at_recurrent, at_h, at_c, at_part, at_bias, at_reset_bias, at_peephole;
};
/* The kernel function. */
void alt_recurrent_run(const struct alt_kargs *args);

#endif
