/* recurrent_run.c: the kernel of the recurrent layers; see recurrent.h.
 *
 * A tile is one direction of a block of sequences. The input sums of a chunk of steps are one product over the micro-kernels,
 * then the steps of the chunk follow one another: the recurrent sums of all sequences of the block are a small product, the
 * cell works row by row. W and R are read as panels of `nr` gates: constants come so (recurrent.c asks for that layout), others
 * are packed into scratch when the tile begins. A sequence that is over keeps its state and gets zeros in Y. */
#include "runtime/ops/recurrent.h"

#include "runtime/kernels/kern.h"
#include "runtime/ops/data.h"
#include "runtime/ops/gather_panel.h"

#include <string.h>

/* One tile under way. */
struct tile {
    const struct alt_recurrent *p;
    const struct alt_kargs *args;
    const struct alt_cell *cell;
    int64_t direction, first, rows; /* sequences [first, first + rows) */
    const int32_t *length;          /* of the first sequence; NULL: all go on to the end */
    const char *w, *r;              /* panels */
    char *scratch;
};

static const char *input(const struct tile *t, int i, int64_t at)
{
    const char *data = t->args->operand[i].data;
    return data ? data + at * (int64_t)t->p->size : NULL;
}

/* Rows [j][k] of a weight matrix of `depth` columns into panels [k][nr] of float32. */
static void widen_panel(const struct alt_recurrent *p, const char *from, int64_t depth, int64_t n, float *out)
{
    const int nr = p->kern->nr;
    for (int j = 0; j < nr; j++)
        for (int64_t k = 0; k < depth; k++)
            out[k * nr + j] = j < n ? alt_half_get(p->dtype, from, j * depth + k) : 0;
}

/* The panels of W or R of the tile's direction. */
static const char *panels(const struct tile *t, int i, int64_t depth, bool packed, int64_t at)
{
    const struct alt_recurrent *p = t->p;
    const int64_t nr = p->kern->nr, panel = depth * nr * (int64_t)p->real;
    if (packed)
        return input(t, i, t->direction * p->panels * depth * nr);
    char *out = t->scratch + at;
    for (int64_t k = 0; k < p->panels; k++) {
        const char *from = input(t, i, (t->direction * p->columns + k * nr) * depth);
        const int64_t n = p->columns - k * nr < nr ? p->columns - k * nr : nr;
        if (p->half)
            widen_panel(p, from, depth, n, (float *)(void *)(out + k * panel));
        else
            p->kern->pack(&(struct alt_kern_pack){.k = depth, .n = n, .source = from, .row = 1, .col = depth,
                                                  .out = out + k * panel});
    }
    return out;
}

/* c[m][width] = a[m][depth] times the panels that hold columns [first, last). */
static void multiply(const struct alt_recurrent *p, const struct alt_kern_gemm *given, int64_t first, int64_t last)
{
    const int64_t nr = p->kern->nr, real = (int64_t)p->real, panel = first / nr;
    struct alt_kern_gemm g = *given;
    g.n = (last + nr - 1) / nr * nr - panel * nr;
    g.b_row = nr;
    g.b_panel = g.k * nr;
    g.b = (const char *)given->b + panel * g.b_panel * real;
    g.c = (char *)given->c + panel * nr * real;
    p->kern->gemm(&g);
}

/* The input sums of steps [t0, t0 + n): gates[n][rows][width]. One product where the rows of X follow one another, else one for
 * each step or each sequence, whichever are fewer. */
static void project(const struct tile *t, int64_t t0, int64_t n)
{
    const struct alt_recurrent *p = t->p;
    const int64_t real = (int64_t)p->real, gates = p->width * real, size = (int64_t)p->size;
    const char *x = input(t, ALT_RECURRENT_X, t0 * p->x_step + t->first * p->x_row);
    char *out = t->scratch + p->at_gates, *wide = t->scratch + p->at_x;
    struct alt_kern_gemm g = {.m = n * t->rows, .k = p->inputs, .a = x, .a_row = p->x_row, .a_col = 1, .b = t->w, .c = out,
                              .c_row = p->width};
    if (p->half) {
        for (int64_t i = 0; i < n * t->rows; i++)
            p->load(wide + i * p->inputs * real, x + (i / t->rows * p->x_step + i % t->rows * p->x_row) * size, 1, p->inputs);
        g.a = wide;
        g.a_row = p->inputs;
    }
    if (p->half || p->x_step == t->rows * p->x_row) {
        multiply(p, &g, 0, p->columns);
        return;
    }
    const bool by_step = n < t->rows;
    for (int64_t i = 0; i < (by_step ? n : t->rows); i++) {
        g.m = by_step ? t->rows : n;
        g.a = x + i * (by_step ? p->x_step : p->x_row) * size;
        g.a_row = by_step ? p->x_row : p->x_step;
        g.c = out + i * (by_step ? t->rows : 1) * gates;
        g.c_row = by_step ? p->width : t->rows * p->width;
        multiply(p, &g, 0, p->columns);
    }
}

/* The recurrent sums of gates [first, last) from the rows of `h`. */
static void recur(const struct tile *t, const char *h, int64_t first, int64_t last)
{
    const struct alt_recurrent *p = t->p;
    multiply(p, &(struct alt_kern_gemm){.m = t->rows, .k = p->hidden, .a = h, .a_row = p->hidden, .a_col = 1, .b = t->r,
                                        .c = t->scratch + p->at_recurrent, .c_row = p->width},
             first * p->hidden, last * p->hidden);
}

static bool goes_on(const struct tile *t, int64_t row, int64_t step) { return !t->length || step < t->length[row]; }

/* `fn` for every sequence that goes on at this step; `gates` are the step's input sums. */
static void each_row(const struct tile *t, int64_t step, char *gates, alt_cell_fn *fn)
{
    const struct alt_recurrent *p = t->p;
    const int64_t row = p->width * (int64_t)p->real, state = p->hidden * (int64_t)p->real;
    char *s = t->scratch;
    for (int64_t i = 0; i < t->rows; i++)
        if (goes_on(t, i, step))
            fn(t->cell, &(struct alt_cell_row){.gate = gates + i * row, .recurrent = s + p->at_recurrent + i * row,
                                               .bias = s + p->at_bias, .reset_bias = s + p->at_reset_bias,
                                               .peephole = p->has[ALT_RECURRENT_P] ? s + p->at_peephole : NULL,
                                               .h = s + p->at_h + i * state, .c = s + p->at_c + i * state,
                                               .part = s + p->at_part + i * state});
}

static void run_step(const struct tile *t, int64_t step, char *gates)
{
    const struct alt_recurrent *p = t->p;
    const char *h = t->scratch + p->at_h;
    recur(t, h, 0, t->cell->reset ? 2 : p->columns / p->hidden);
    if (t->cell->reset) {
        each_row(t, step, gates, t->cell->reset);
        recur(t, t->scratch + p->at_part, 2, 3);
    }
    each_row(t, step, gates, t->cell->step);
}

static void put_step(const struct tile *t, int64_t step)
{
    const struct alt_recurrent *p = t->p;
    if (!p->out[0])
        return;
    for (int64_t i = 0; i < t->rows; i++) {
        const int64_t at = step * p->y_step + t->direction * p->y_direction + (t->first + i) * p->y_row;
        char *y = (char *)t->args->operand[p->out[0]].data + at * (int64_t)p->size;
        if (goes_on(t, i, step))
            p->store(y, 1, t->scratch + p->at_h + i * p->hidden * (int64_t)p->real, p->hidden);
        else
            memset(y, 0, (size_t)p->hidden * p->size);
    }
}

/* The initial states, or zeros. */
static void load_state(const struct tile *t, int i, int64_t at)
{
    const struct alt_recurrent *p = t->p;
    for (int64_t k = 0; k < t->rows; k++) {
        char *to = t->scratch + at + k * p->hidden * (int64_t)p->real;
        if (p->has[i])
            p->load(to, input(t, i, t->direction * p->state_direction + (t->first + k) * p->state_row), 1, p->hidden);
        else
            memset(to, 0, (size_t)p->hidden * p->real);
    }
}

static void store_state(const struct tile *t, int operand, int64_t at)
{
    const struct alt_recurrent *p = t->p;
    for (int64_t k = 0; operand && k < t->rows; k++) {
        const int64_t to = t->direction * p->state_direction + (t->first + k) * p->state_row;
        p->store((char *)t->args->operand[operand].data + to * (int64_t)p->size, 1,
                 t->scratch + at + k * p->hidden * (int64_t)p->real, p->hidden);
    }
}

/* Wb + Rb of every gate; the hidden gate of GRU with linear_before_reset has its Rb apart. */
static void load_bias(const struct tile *t)
{
    const struct alt_recurrent *p = t->p;
    char *bias = t->scratch + p->at_bias, *reset = t->scratch + p->at_reset_bias, *spare = t->scratch + p->at_gates;
    const bool apart = p->op == ALT_OP_GRU && t->cell->linear_before_reset;
    if (!p->has[ALT_RECURRENT_B]) {
        memset(bias, 0, (size_t)p->columns * p->real);
        memset(reset, 0, (size_t)p->hidden * p->real);
        return;
    }
    const int64_t at = t->direction * 2 * p->columns, joint = apart ? 2 * p->hidden : p->columns;
    p->load(bias, input(t, ALT_RECURRENT_B, at), 1, p->columns);
    p->load(spare, input(t, ALT_RECURRENT_B, at + p->columns), 1, p->columns);
    t->cell->math->add(bias, spare, joint);
    if (apart)
        memcpy(reset, spare + joint * (int64_t)p->real, (size_t)p->hidden * p->real);
}

/* Where a length is not in [0, steps]: notes it, and goes on as if none were given. */
static void check_lengths(struct tile *t)
{
    const struct alt_recurrent *p = t->p;
    if (!p->has[ALT_RECURRENT_LENGTHS])
        return;
    t->length = (const int32_t *)t->args->operand[ALT_RECURRENT_LENGTHS].data + t->first;
    for (int64_t i = 0; i < t->rows; i++)
        if (t->length[i] < 0 || t->length[i] > p->steps) {
            alt_fault(t->args, ALT_FAULT_VALUE);
            t->length = NULL;
            return;
        }
}

static void run_tile(struct tile *t)
{
    const struct alt_recurrent *p = t->p;
    const bool reverse = t->direction == 1 || p->reverse;
    const int64_t gates = t->rows * p->width * (int64_t)p->real;
    check_lengths(t);
    t->w = panels(t, ALT_RECURRENT_W, p->inputs, p->packed[0], p->at_w);
    t->r = panels(t, ALT_RECURRENT_R, p->hidden, p->packed[1], p->at_r);
    load_bias(t);
    load_state(t, ALT_RECURRENT_H, p->at_h);
    load_state(t, ALT_RECURRENT_C, p->at_c);
    if (p->has[ALT_RECURRENT_P])
        p->load(t->scratch + p->at_peephole, input(t, ALT_RECURRENT_P, t->direction * 3 * p->hidden), 1, 3 * p->hidden);
    for (int64_t done = 0, n; done < p->steps; done += n) {
        n = p->steps - done < p->chunk ? p->steps - done : p->chunk;
        const int64_t t0 = reverse ? p->steps - done - n : done;
        project(t, t0, n);
        for (int64_t s = 0; s < n; s++) {
            const int64_t i = reverse ? n - 1 - s : s;
            run_step(t, t0 + i, t->scratch + p->at_gates + i * gates);
            put_step(t, t0 + i);
        }
    }
    store_state(t, p->out[1], p->at_h);
    store_state(t, p->out[2], p->at_c);
}

void alt_recurrent_run(const struct alt_kargs *args)
{
    const struct alt_recurrent *p = args->params;
    for (int64_t i = args->begin; i < args->end; i++) {
        struct tile t = {.p = p, .args = args, .direction = i / p->blocks, .first = i % p->blocks * p->block,
                         .scratch = args->scratch};
        t.cell = &p->cell[t.direction];
        t.rows = p->batch - t.first < p->block ? p->batch - t.first : p->block;
        run_tile(&t);
    }
}
