/* pack.c: copies operands of a matrix product into panels of NR columns. */
#include "runtime/kernels/vec.h"

#include <string.h>

/* Rows whose elements lie side by side. */
static void pack_rows(const struct alt_kern_pack *p)
{
    const real *source = p->source;
    real *out = p->out;
    for (int64_t k = 0; k < p->k; k++, source += p->row, out += NR) {
        if (p->n == NR) {
            store(out, load(source));
            store(out + LANES, load(source + LANES));
            continue;
        }
        memcpy(out, source, (size_t)p->n * sizeof(real));
        memset(out + p->n, 0, (size_t)(NR - p->n) * sizeof(real));
    }
}

void KERN(pack)(const struct alt_kern_pack *p)
{
    if (p->col == 1) {
        pack_rows(p);
        return;
    }
    real *out = p->out;
    for (int64_t j = 0; j < NR; j++) {
        const real *source = (const real *)p->source + (j < p->n ? j * p->col : 0);
        for (int64_t k = 0; k < p->k; k++)
            out[k * NR + j] = j < p->n ? source[k * p->row] : 0;
    }
}

void KERN(gather)(const struct alt_kern_gather *g)
{
    real *out = g->out;
    int64_t t = g->first % g->taps;
    const real *source = (const real *)g->source + g->first / g->taps * g->channel;
    for (int64_t r = 0; r < g->rows; r++, out += NR) {
        const int64_t *index = g->index + t * NR;
        if (g->run[t]) {
            store(out, load(source + index[0]));
            store(out + LANES, load(source + index[0] + LANES));
        } else {
            for (int j = 0; j < NR; j++)
                out[j] = index[j] < 0 ? 0 : source[index[j]];
        }
        if (++t == g->taps) {
            t = 0;
            source += g->channel;
        }
    }
}
