/* window_rows.c: windows as rows of bytes; see window_rows.h. */
#include "runtime/ops/window_rows.h"

#include "runtime/layout.h"
#include "runtime/mem.h"
#include "runtime/ops/data.h"

#include <string.h>

/* Taps of the last axis share lines while the copy stays small. */
enum { MOST_GAP = 64, MOST_PHASES = 4 };

static bool single_positions(const struct alt_op_window *w)
{
    bool single = true;
    for (int a = 0; a < w->rank; a++)
        single &= w->kernel[a] == 1 && w->stride[a] == 1 && w->begin[a] == 0 && w->in[a] == w->out[a];
    return single;
}

/* All positions as one line. */
static void join_axes(struct alt_op_window *w)
{
    w->in[0] = alt_dims_count(w->rank, w->in);
    w->out[0] = w->in[0];
    w->rank = 1;
}

/* Where each tap's elements lie within a channel of the copy. */
static alt_status place_taps(struct alt_window_rows *r, struct alt_arena *arena)
{
    const int last = r->w.rank - 1;
    const int64_t taps = alt_op_window_taps(&r->w);
    int64_t *tap = alt_arena_array(arena, (size_t)taps, sizeof *tap);
    if (!tap)
        return ALT_E_NOMEM;
    for (int64_t t = 0; t < taps; t++) {
        const int64_t outer = t / r->w.kernel[last], at = t % r->w.kernel[last] * r->w.dilation[last], stride = r->w.stride[last];
        tap[t] = r->direct ? 0 : r->apart ? t * r->width : (outer * r->phases + at % stride) * r->width + at / stride;
    }
    r->tap = tap;
    return ALT_OK;
}

/* Of up to `most` lines as many as use the panels best. */
static int64_t choose_rows(const struct alt_window_rows *r, int64_t most, int64_t panel)
{
    int64_t best = 1, best_panels = INT64_MAX;
    for (int64_t rows = 1; rows <= most; rows++) {
        const int64_t tile = alt_ceil_div((rows - 1) * r->pitch + r->cols, panel), panels = alt_ceil_div(r->lines, rows) * tile;
        if (panels <= best_panels) {
            best = rows;
            best_panels = panels;
        }
    }
    return best;
}

alt_status alt_window_rows_plan(struct alt_window_rows *r, const struct alt_op_window *w, int64_t channels, int64_t most,
                                int64_t panel, struct alt_arena *arena)
{
    *r = (struct alt_window_rows){.w = *w, .channels = channels, .plane = alt_dims_count(w->rank, w->in)};
    r->direct = single_positions(w);
    if (r->direct)
        join_axes(&r->w);
    const int last = r->w.rank - 1;
    const int64_t out = r->w.out[last], span = alt_op_window_span(&r->w, last), taps = alt_op_window_taps(&r->w);
    const int64_t gap = (span - 1) / r->w.stride[last];
    r->apart = gap > MOST_GAP || r->w.stride[last] > MOST_PHASES;
    r->lines = alt_dims_count(last, r->w.out);
    r->across = alt_ceil_div(out, most);
    r->cols = alt_least(alt_ceil_div(out, r->across), most);
    r->pitch = r->cols + (r->apart ? 0 : gap);
    r->rows = r->across > 1 ? 1 : choose_rows(r, alt_clamp(most / r->pitch, 1, r->lines), panel);
    r->width = r->rows * r->pitch;
    r->tiles = alt_ceil_div(r->lines, r->rows) * r->across;
    r->phases = r->apart ? 1 : alt_least(r->w.stride[last], span);
    r->copies = r->apart ? taps : taps / r->w.kernel[last];
    r->channel = r->direct ? r->plane : r->copies * r->phases * r->width;
    return place_taps(r, arena);
}

int64_t alt_window_rows_bytes(const struct alt_window_rows *r) { return r->direct ? 0 : r->channels * r->channel; }

struct alt_window_tile alt_window_rows_tile(const struct alt_window_rows *r, int64_t tile)
{
    const int64_t out = r->w.out[r->w.rank - 1];
    struct alt_window_tile t = {.line = tile / r->across * r->rows, .col = tile % r->across * r->cols};
    t.rows = alt_least(r->rows, r->lines - t.line);
    t.cols = alt_least(r->cols, out - t.col);
    t.first = t.line * out + t.col;
    t.count = (t.rows - 1) * r->pitch + t.cols;
    return t;
}

/* out[i] = x[from + i * stride], `fill` where that is outside [0, in). */
static void copy_line(const uint8_t *x, int64_t in, int64_t from, int64_t stride, uint8_t fill, int64_t n, uint8_t *out)
{
    const int64_t begin = from < 0 ? alt_least(alt_ceil_div(-from, stride), n) : 0;
    const int64_t end = from < in ? alt_clamp(alt_ceil_div(in - from, stride), begin, n) : begin;
    memset(out, fill, (size_t)begin);
    if (stride == 1)
        memcpy(out + begin, x + from + begin, (size_t)(end - begin));
    else if (stride == 2)
        for (int64_t i = begin; i < end; i++)
            out[i] = x[from + i * 2];
    else
        for (int64_t i = begin; i < end; i++)
            out[i] = x[from + i * stride];
    memset(out + end, fill, (size_t)(n - end));
}

/* Offset of the line that the outer taps number `tap` of output line `line` read; negative: it is padding. */
static int64_t find_line(const struct alt_op_window *w, int64_t line, int64_t tap)
{
    int64_t offset = 0, step = w->in[w->rank - 1];
    for (int a = w->rank - 2; a >= 0; a--) {
        const int64_t at = line % w->out[a] * w->stride[a] - w->begin[a] + tap % w->kernel[a] * w->dilation[a];
        if (at < 0 || at >= w->in[a])
            return -1;
        offset += at * step;
        step *= w->in[a];
        line /= w->out[a];
        tap /= w->kernel[a];
    }
    return offset;
}

/* One line of one copy, for all channels. */
static void copy_lines(const struct alt_window_rows *r, const struct alt_window_tile *t, int64_t copy, int64_t row,
                       const uint8_t *x, uint8_t fill, uint8_t *out)
{
    const struct alt_op_window *w = &r->w;
    const int last = w->rank - 1;
    const int64_t kernel = r->apart ? w->kernel[last] : 1, stride = w->stride[last], in = w->in[last];
    const int64_t line = find_line(w, t->line + row, copy / kernel);
    const int64_t from = t->col * stride - w->begin[last] + copy % kernel * w->dilation[last], n = t->cols + r->pitch - r->cols;
    for (int64_t c = 0; c < r->channels; c++)
        for (int64_t phase = 0; phase < r->phases; phase++) {
            uint8_t *to = out + c * r->channel + (copy * r->phases + phase) * r->width + row * r->pitch;
            if (line < 0)
                memset(to, fill, (size_t)n);
            else
                copy_line(x + c * r->plane + line, in, from + phase, stride, fill, n, to);
        }
}

const uint8_t *alt_window_rows_fill(const struct alt_window_rows *r, const struct alt_window_tile *t, const uint8_t *x,
                                    uint8_t fill, uint8_t *copy)
{
    if (r->direct)
        return x + t->col;
    for (int64_t i = 0; i < r->copies; i++)
        for (int64_t row = 0; row < t->rows; row++)
            copy_lines(r, t, i, row, x, fill, copy);
    return copy;
}
