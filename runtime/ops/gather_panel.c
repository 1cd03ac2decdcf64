/* gather_panel.c: offsets of windows; see gather_panel.h. */
#include "runtime/ops/gather_panel.h"

#include "runtime/half.h"

#include <string.h>

#define FAR (INT64_MIN / 16) /* a padding position along one axis: sums over the axes stay negative */

int64_t alt_panel_taps(const struct alt_panel *p)
{
    int64_t taps = 1;
    for (int a = 0; a < p->rank; a++)
        taps *= p->axis[a].taps;
    return taps;
}

int64_t alt_panel_work(const struct alt_panel *p)
{
    int64_t taps = 0;
    for (int a = 0; a < p->rank; a++)
        taps += p->axis[a].taps;
    return taps * p->width;
}

void alt_panel_coords(const struct alt_panel *p, int64_t first, int64_t count, int64_t (*coord)[ALT_PANEL_MOST])
{
    int64_t at[ALT_WINDOW_RANK];
    for (int a = p->rank - 1; a >= 0; a--) {
        at[a] = first % p->axis[a].outputs;
        first /= p->axis[a].outputs;
    }
    for (int j = 0; j < p->width; j++) {
        for (int a = 0; a < p->rank; a++)
            coord[a][j] = at[a];
        for (int a = p->rank - 1; j + 1 < count && a >= 0 && ++at[a] == p->axis[a].outputs; a--)
            at[a] = 0;
    }
}

static int64_t axis_low(const struct alt_panel_axis *axis)
{
    return axis->stride < 0 && axis->in > 0 ? (axis->in - 1) * axis->stride : 0;
}

int64_t alt_panel_low(const struct alt_panel *p)
{
    int64_t low = 0;
    for (int a = 0; a < p->rank; a++)
        low += axis_low(&p->axis[a]);
    return low;
}

/* out[e][j] for the taps e of one axis, from its lowest address. */
static void axis_offsets(const struct alt_panel_axis *axis, int width, const int64_t *coord, int64_t *out)
{
    const int64_t low = axis_low(axis);
    for (int64_t e = 0; e < axis->taps; e++)
        for (int j = 0; j < width; j++) {
            const int64_t at = axis->base[e] + coord[j] * axis->step;
            *out++ = at < 0 || at >= axis->in ? FAR : at * axis->stride - low;
        }
}

void alt_panel_index(const struct alt_panel *p, int64_t first, int64_t count, int64_t *work, int64_t *index, bool *run)
{
    int64_t coord[ALT_WINDOW_RANK][ALT_PANEL_MOST], tap[ALT_WINDOW_RANK] = {0}, *next = work;
    const int width = p->width;
    const int64_t taps = alt_panel_taps(p);
    alt_panel_coords(p, first, count, coord);
    for (int a = 0; a < p->rank; next += p->axis[a].taps * width, a++)
        axis_offsets(&p->axis[a], width, coord[a], next);
    for (int64_t t = 0; t < taps; t++, index += width) {
        const int64_t *row = work;
        memset(index, 0, (size_t)width * sizeof *index);
        for (int a = 0; a < p->rank; row += p->axis[a].taps * width, a++)
            for (int j = 0; j < width; j++)
                index[j] += row[tap[a] * width + j];
        int64_t other = index[0] < 0;
        for (int j = 0; j < width; j++)
            other |= index[j] ^ (index[0] + j);
        run[t] = other == 0;
        for (int a = p->rank - 1; a >= 0 && ++tap[a] == p->axis[a].taps; a--)
            tap[a] = 0;
    }
}

void alt_panel_gather_half(const struct alt_panel *p, alt_dtype dtype, const void *x, int64_t channel, const int64_t *index,
                           int64_t first, int64_t rows, float *out)
{
    const int64_t taps = alt_panel_taps(p);
    for (int64_t k = first; k < first + rows; k++) {
        const int64_t *row = index + k % taps * p->width, at = k / taps * channel;
        for (int j = 0; j < p->width; j++)
            *out++ = row[j] < 0 ? 0 : alt_half_get(dtype, x, at + row[j]);
    }
}

float alt_half_get(alt_dtype dtype, const void *base, int64_t at)
{
    uint16_t h;
    memcpy(&h, (const char *)base + at * 2, sizeof h);
    return dtype == ALT_FLOAT16 ? alt_f16_to_f32(h) : alt_bf16_to_f32(h);
}

void alt_half_put(alt_dtype dtype, void *base, int64_t at, float x)
{
    const uint16_t h = dtype == ALT_FLOAT16 ? alt_f32_to_f16(x) : alt_f32_to_bf16(x);
    memcpy((char *)base + at * 2, &h, sizeof h);
}
