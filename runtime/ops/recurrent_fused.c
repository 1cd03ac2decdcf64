/* recurrent_fused.c: the usual cells of float32 in one pass over the units; see recurrent.h.
 *
 * Usual: activations Sigmoid, Tanh (and Tanh), no clip, no peephole, gates that are not coupled. Each unit goes from its sums to its
 * states in registers; the operations and their order are those of recurrent_cell.c, and so are the bits. A pass is two loops, so
 * that several iterations of each fit what a core looks ahead: the functions are long chains of dependent operations. */
#include "runtime/ops/recurrent.h"

#include "runtime/ops/loop.h"
#include "runtime/scalar_math.h"

/* One sequence at one step, as struct alt_cell_row. */
struct rows {
    float *gate;
    const float *recurrent, *bias, *reset_bias;
    float *h, *c, *part;
};

static struct rows rows_of(const struct alt_cell_row *row)
{
    return (struct rows){(void *)row->gate, (const void *)row->recurrent, (const void *)row->bias, (const void *)row->reset_bias,
                         (void *)row->h, (void *)row->c, (void *)row->part};
}

/* What goes into element k of the rows of all gates. */
static inline float input_of(const struct rows *r, int64_t k) { return r->gate[k] + r->recurrent[k] + r->bias[k]; }

ALT_LOOP(lstm, (struct rows r, int64_t n), (r, n), {
    ALT_IVDEP for (int64_t k = 0; k < n; k++) {
        const float i = alt_sigmoid_f32(input_of(&r, k)), f = alt_sigmoid_f32(input_of(&r, 2 * n + k));
        r.c[k] = f * r.c[k] + i * alt_tanh_f32(input_of(&r, 3 * n + k));
    }
    ALT_IVDEP for (int64_t k = 0; k < n; k++) r.h[k] = alt_sigmoid_f32(input_of(&r, n + k)) * alt_tanh_f32(r.c[k]);
})

/* z, too: the product that comes next may overwrite its recurrent sums, of which the first panel of the hidden gate can have some. */
ALT_LOOP(gru_reset, (struct rows r, int64_t n), (r, n), {
    ALT_IVDEP for (int64_t k = 0; k < 2 * n; k++) r.gate[k] = alt_sigmoid_f32(input_of(&r, k));
    ALT_IVDEP for (int64_t k = 0; k < n; k++) r.part[k] = r.gate[n + k] * r.h[k];
})

ALT_LOOP(gru, (struct rows r, int64_t n), (r, n), {
    ALT_IVDEP for (int64_t k = 0; k < n; k++) {
        const float z = r.gate[k], g = alt_tanh_f32(input_of(&r, 2 * n + k));
        r.h[k] = (1 - z) * g + z * r.h[k];
    }
})

ALT_LOOP(gru_linear, (struct rows r, int64_t n), (r, n), {
    ALT_IVDEP for (int64_t k = 0; k < 2 * n; k++) r.gate[k] = alt_sigmoid_f32(input_of(&r, k));
    ALT_IVDEP for (int64_t k = 0; k < n; k++) {
        const float z = r.gate[k], part = (r.recurrent[2 * n + k] + r.reset_bias[k]) * r.gate[n + k];
        const float g = alt_tanh_f32(r.gate[2 * n + k] + part + r.bias[2 * n + k]);
        r.h[k] = (1 - z) * g + z * r.h[k];
    }
})

void alt_cell_lstm_fused(const struct alt_cell *c, const struct alt_cell_row *row) { lstm(rows_of(row), c->hidden); }
void alt_cell_gru_reset_fused(const struct alt_cell *c, const struct alt_cell_row *row) { gru_reset(rows_of(row), c->hidden); }
void alt_cell_gru_fused(const struct alt_cell *c, const struct alt_cell_row *row) { gru(rows_of(row), c->hidden); }
void alt_cell_gru_linear_fused(const struct alt_cell *c, const struct alt_cell_row *row) { gru_linear(rows_of(row), c->hidden); }
