/* recurrent_fused.c: the usual cells of float32 in one pass over the units; see recurrent.h.
 *
 * Usual: activations Sigmoid, Tanh (and Tanh), no clip, no peephole, gates that are not coupled. Each unit goes from its sums to its
 * states in registers; the operations and their order are those of recurrent_cell.c, and so are the bits. */
#include "runtime/ops/recurrent.h"

#include "runtime/ops/loop.h"
#include "runtime/scalar_math.h"

/* What goes into a gate of one unit, at `k` of the rows of all gates. */
static inline float input_of(const struct alt_cell_row *row, int64_t k)
{
    const float *x = (const float *)(const void *)row->gate, *h = (const float *)(const void *)row->recurrent;
    return x[k] + h[k] + ((const float *)(const void *)row->bias)[k];
}

ALT_LOOP(lstm, (const struct alt_cell_row *given, int64_t n), (given, n), {
    const struct alt_cell_row row = *given;
    float *c = (float *)(void *)row.c, *h = (float *)(void *)row.h;
    ALT_IVDEP for (int64_t k = 0; k < n; k++) {
        const float i = alt_sigmoid_f32(input_of(&row, k)), o = alt_sigmoid_f32(input_of(&row, n + k));
        const float f = alt_sigmoid_f32(input_of(&row, 2 * n + k)), g = alt_tanh_f32(input_of(&row, 3 * n + k));
        const float state = f * c[k] + i * g;
        c[k] = state;
        h[k] = o * alt_tanh_f32(state);
    }
})

/* z, too: the product that follows may overwrite its recurrent sums, of which the first panel of the hidden gate can have some. */
ALT_LOOP(gru_reset, (const struct alt_cell_row *given, int64_t n), (given, n), {
    const struct alt_cell_row row = *given;
    const float *h = (const float *)(const void *)row.h;
    float *z = (float *)(void *)row.gate, *part = (float *)(void *)row.part;
    ALT_IVDEP for (int64_t k = 0; k < n; k++) {
        part[k] = alt_sigmoid_f32(input_of(&row, n + k)) * h[k];
        z[k] = alt_sigmoid_f32(input_of(&row, k));
    }
})

ALT_LOOP(gru, (const struct alt_cell_row *given, int64_t n), (given, n), {
    const struct alt_cell_row row = *given;
    const float *z = (const float *)(const void *)row.gate;
    float *h = (float *)(void *)row.h;
    ALT_IVDEP for (int64_t k = 0; k < n; k++) {
        const float g = alt_tanh_f32(input_of(&row, 2 * n + k));
        h[k] = (1 - z[k]) * g + z[k] * h[k];
    }
})

ALT_LOOP(gru_linear, (const struct alt_cell_row *given, int64_t n), (given, n), {
    const struct alt_cell_row row = *given;
    const float *x = (const float *)(const void *)row.gate, *sum = (const float *)(const void *)row.recurrent;
    const float *bias = (const float *)(const void *)row.bias, *reset_bias = (const float *)(const void *)row.reset_bias;
    float *h = (float *)(void *)row.h;
    ALT_IVDEP for (int64_t k = 0; k < n; k++) {
        const float z = alt_sigmoid_f32(input_of(&row, k)), r = alt_sigmoid_f32(input_of(&row, n + k));
        const float part = (sum[2 * n + k] + reset_bias[k]) * r;
        const float g = alt_tanh_f32(x[2 * n + k] + part + bias[2 * n + k]);
        h[k] = (1 - z) * g + z * h[k];
    }
})

void alt_cell_lstm_fused(const struct alt_cell *c, const struct alt_cell_row *row) { lstm(row, c->hidden); }
void alt_cell_gru_reset_fused(const struct alt_cell *c, const struct alt_cell_row *row) { gru_reset(row, c->hidden); }
void alt_cell_gru_fused(const struct alt_cell *c, const struct alt_cell_row *row) { gru(row, c->hidden); }
void alt_cell_gru_linear_fused(const struct alt_cell *c, const struct alt_cell_row *row) { gru_linear(row, c->hidden); }
