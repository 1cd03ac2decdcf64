/* region.c: input regions of convolution tiles; see region.h. */
#include "runtime/ops/data.h"
#include "runtime/ops/region.h"

#include <string.h>

enum { COLS = 256 }; /* a longer last axis is cut */


/* False when the region is beyond counting. */
static bool set_extents(struct alt_region *r)
{
    const struct alt_op_window *w = r->w;
    int64_t step = r->block;
    for (int a = w->rank - 1; a >= 0; a--) {
        const int64_t outputs = a == w->rank - 1 ? r->cols : a == w->rank - 2 ? r->rows : 1;
        r->extent[a] = (outputs - 1) * w->stride[a] + alt_op_window_span(w, a);
        r->axis[a] = r->copied ? step : r->x_axis[a];
        if (r->copied && __builtin_mul_overflow(step, r->extent[a], &step))
            return false;
    }
    r->elements = r->copied ? step : 0;
    return true;
}

bool alt_region_cut(struct alt_region *r, int64_t pixels, int64_t channels, int64_t most)
{
    const struct alt_op_window *w = r->w;
    const int last = w->rank - 1;
    const int64_t height = last > 0 ? w->out[last - 1] : 1;
    r->col_tiles = alt_ceil_div(w->out[last], COLS);
    r->cols = alt_ceil_div(w->out[last], r->col_tiles);
    r->rows = r->col_tiles > 1 ? 1 : alt_ceil_div(pixels, r->cols);
    r->rows = r->rows < height ? r->rows : height;
    for (;; r->rows = (r->rows + 1) / 2) {
        const bool counted = set_extents(r);
        if (counted && r->elements <= most / channels)
            break;
        if (r->rows > 1)
            continue;
        if (!counted || r->elements > (INT64_C(1) << 48) / channels)
            return false;
        break;
    }
    r->row_tiles = alt_ceil_div(height, r->rows);
    r->rows = alt_ceil_div(height, r->row_tiles);
    r->outer = 1;
    for (int a = 0; a < last - 1; a++)
        r->outer *= w->out[a];
    return set_extents(r);
}

int64_t alt_region_tiles(const struct alt_region *r) { return r->outer * r->row_tiles * r->col_tiles; }

/* The last digit of *number to this base, which is cut off; a division of 64 bits costs more than asking. */
static int64_t digit(int64_t *number, int64_t base)
{
    if (base == 1)
        return 0;
    const int64_t last = *number % base;
    *number /= base;
    return last;
}

void alt_region_tile_at(const struct alt_region *r, int64_t tile, struct alt_region_tile *t)
{
    const struct alt_op_window *w = r->w;
    const int last = w->rank - 1;
    int64_t outer = tile, out[ALT_WINDOW_RANK];
    const int64_t col = digit(&outer, r->col_tiles) * r->cols, row = digit(&outer, r->row_tiles) * r->rows;
    const int64_t height = last > 0 ? w->out[last - 1] : 1;
    t->cols = w->out[last] - col < r->cols ? w->out[last] - col : r->cols;
    t->rows = height - row < r->rows ? height - row : r->rows;
    t->pixel = (outer * height + row) * w->out[last] + col;
    out[last] = col;
    if (last > 0)
        out[last - 1] = row;
    for (int a = last - 2; a >= 0; a--) {
        out[a] = outer % w->out[a];
        outer /= w->out[a];
    }
    for (int a = 0; a <= last; a++) {
        const int64_t outputs = a == last ? t->cols : a == last - 1 ? t->rows : 1;
        t->first[a] = out[a] * w->stride[a] - w->begin[a];
        t->count[a] = (outputs - 1) * w->stride[a] + alt_op_window_span(w, a);
    }
}

/* One row of the region: zeros before and behind, the input's elements between. */
static void copy_row(const struct alt_region *r, const struct alt_region_tile *t, const char *x, char *out)
{
    const int last = r->w->rank - 1;
    const int64_t bytes = r->block * r->size, step = r->x_axis[last] * r->size;
    const int64_t before = t->first[last] < 0 ? -t->first[last] : 0;
    int64_t from = before < t->count[last] ? before : t->count[last], to = r->w->in[last] - t->first[last];
    to = to < from ? from : to > t->count[last] ? t->count[last] : to;
    memset(out, 0, (size_t)(from * bytes));
    memset(out + to * bytes, 0, (size_t)((t->count[last] - to) * bytes));
    if (from == to)
        return;
    x += (t->first[last] + from) * step;
    out += from * bytes;
    if (step == bytes) {
        memcpy(out, x, (size_t)((to - from) * bytes));
        return;
    }
    for (int64_t i = from; i < to; i++, x += step, out += bytes)
        memcpy(out, x, (size_t)bytes);
}

void alt_region_copy(const struct alt_region *r, const struct alt_region_tile *t, const char *x, char *out)
{
    const int last = r->w->rank - 1;
    int64_t i[ALT_WINDOW_RANK] = {0};
    for (;;) {
        int64_t from = 0, to = 0;
        bool in = true;
        for (int a = 0; a < last; a++) {
            const int64_t at = t->first[a] + i[a];
            in &= at >= 0 && at < r->w->in[a];
            from += at * r->x_axis[a];
            to += i[a] * r->axis[a];
        }
        if (in)
            copy_row(r, t, x + from * r->size, out + to * r->size);
        else
            memset(out + to * r->size, 0, (size_t)(t->count[last] * r->block * r->size));
        int a = last - 1;
        for (; a >= 0 && ++i[a] == t->count[a]; a--)
            i[a] = 0;
        if (a < 0)
            return;
    }
}

int64_t alt_region_offset(const struct alt_region *r, const struct alt_region_tile *t)
{
    int64_t at = 0;
    for (int a = 0; a < r->w->rank; a++)
        at += t->first[a] * r->x_axis[a];
    return at;
}

void alt_region_pixels(const struct alt_region *r, int64_t *offset, int32_t *run)
{
    const struct alt_op_window *w = r->w;
    const int last = w->rank - 1;
    for (int64_t row = 0; row < r->rows; row++)
        for (int64_t col = 0; col < r->cols; col++)
            offset[row * r->cols + col] = col * w->stride[last] * r->axis[last] +
                                          (last > 0 ? row * w->stride[last - 1] * r->axis[last - 1] : 0);
    for (int64_t p = r->rows * r->cols, apart = 0; p-- > 0;) {
        const bool end = p + 1 == r->rows * r->cols;
        const int64_t next = end ? 0 : offset[p + 1] - offset[p];
        run[p] = end ? 1 : run[p + 1] > 1 && next == apart ? run[p + 1] + 1 : 2;
        apart = next;
    }
}

void alt_region_taps(const struct alt_region *r, int64_t *offset)
{
    const struct alt_op_window *w = r->w;
    int64_t k[ALT_WINDOW_RANK] = {0};
    const int64_t taps = alt_op_window_taps(w);
    for (int64_t t = 0; t < taps; t++) {
        offset[t] = 0;
        for (int a = 0; a < w->rank; a++)
            offset[t] += k[a] * w->dilation[a] * r->axis[a];
        for (int a = w->rank - 1; a >= 0 && ++k[a] == w->kernel[a]; a--)
            k[a] = 0;
    }
}

