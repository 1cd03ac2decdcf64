/* conv.c: direct convolution: y[n, o, p] = sum over c, then over kernel positions, of x[n, c, window(p, t)] * w[o, c,
 * t].
 *
 * A register tile is `rows` output pixels of one row by `vectors` vectors of output channels; a tile of the parallel
 * loop is one output row of one image by the channels of a register tile. For every reduction step the weights of those
 * channels are loaded and each pixel's input is splat.
 *
 * Padding takes part in the sums as zeros, as in the default kernels. Above and below: a condition on the kernel's row
 * chooses, when the code runs, between the step on the input and the same step on zeros. Left and right: a row is cut
 * into tiles that touch no padding, which share one loop, and those at its ends, where a condition a pixel is decided
 * while code is made (few tiles) or when it runs (many). The last tile of a row overlaps the one before when the width
 * is no multiple of `rows`: it computes the same bits again.
 */
#include "jit/expr/expr.h"

enum { WIDEST_UNROLLED = 7, COPIED_BORDERS = 2 };

struct conv {
    struct alt_nest_builder *b;
    const struct alt_desc *d;
    const struct alt_conv_desc *c;
    const struct alt_variant *v;
    struct alt_expr_tiles t;
    int x, w, bias, add, y; /* buffers */
    int n, ot, oh;          /* variables of the parallel loops */
    int64_t out[2];
    int unit;        /* vectors of a block of output channels */
    int64_t vectors; /* of all output channels, whole blocks */
};

/* Register tiles of a row: pixels first + t * step and the `rows` - 1 after, for t in [0, count). */
struct run {
    int64_t first, step, count, rows;
    bool border;
};

/* The blocks of input channels that one pair of loops goes through; plain input: 0, 1, all channels. */
struct channels {
    int64_t first_block, blocks, count;
};

/* Where statements go. Variables are -1 where there is no such loop. */
struct place {
    const struct run *run;
    int pixel;                         /* over the tiles of the run */
    int vectors;                       /* of this register tile */
    struct alt_affine c, block, inner; /* input channel; where it lies in a blocked input */
    int kh, kw;
};

static struct alt_affine at(int64_t base, int var, int64_t coef)
{
    return alt_affine_plus(alt_affine_base(base), var, coef);
}

/* Input row and column under the kernel's position; i: variable of the pixel in its tile. */
static struct alt_affine input_row(const struct conv *k, const struct place *p)
{
    return alt_affine_plus(at(-k->c->begin[0], k->oh, k->c->stride[0]), p->kh, k->c->dilation[0]);
}

static struct alt_affine input_column(const struct conv *k, const struct place *p, int i)
{
    const int64_t s = k->c->stride[1];
    struct alt_affine e = at(p->run->first * s - k->c->begin[1], p->pixel, p->run->step * s);
    e = alt_affine_plus(e, i, s);
    return alt_affine_plus(e, p->kw, k->c->dilation[1]);
}

static void load_weights(const struct conv *k, const struct place *p)
{
    const int jb = alt_nest_loop(k->b, ALT_LOOP_UNROLLED, "j", p->vectors / k->unit);
    const int js = k->unit > 1 ? alt_nest_loop(k->b, ALT_LOOP_UNROLLED, "part", k->unit) : -1;
    const struct alt_affine block = alt_affine_plus(at(0, k->ot, k->v->vectors / k->unit), jb, 1);
    const struct alt_buffer_ref from = {.buffer = k->w,
                                        .axis = 4,
                                        .lanes = k->v->lanes,
                                        .at = {block, p->c, at(0, p->kh, 1), at(0, p->kw, 1), at(0, js, k->v->lanes)}};
    alt_expr_load(k->b, k->t.wv, alt_affine_plus(at(0, jb, k->unit), js, 1), &from);
    if (js >= 0)
        alt_nest_end(k->b);
    alt_nest_end(k->b);
}

static void splat_input(const struct conv *k, const struct place *p, int i)
{
    const struct alt_affine row = input_row(k, p), column = input_column(k, p, i), n = at(0, k->n, 1);
    const struct alt_buffer_ref blocked = {.buffer = k->x, .at = {n, p->block, row, column, p->inner}};
    const struct alt_buffer_ref plain = {.buffer = k->x, .at = {n, p->c, row, column}};

    if (p->run->border)
        alt_nest_when(k->b, column, k->c->in[1]);
    alt_expr_splat(k->b, k->t.xv, k->v->in > 0 ? &blocked : &plain);
    if (p->run->border) {
        alt_nest_else(k->b);
        alt_expr_zero(k->b, k->t.xv);
        alt_nest_end(k->b);
    }
}

/* The steps of one row of the kernel. `inside`: on the input; else on zeros. */
static void kernel_row(const struct conv *k, const struct place *outer, bool inside)
{
    struct place p = *outer;
    const bool unroll = inside && k->c->kernel[1] <= WIDEST_UNROLLED;

    if (!inside)
        alt_expr_zero(k->b, k->t.xv);
    if (k->c->kernel[1] > 1)
        p.kw = alt_nest_loop(k->b, unroll ? ALT_LOOP_UNROLLED : ALT_LOOP_SERIAL, "kw", k->c->kernel[1]);
    load_weights(k, &p);
    const int i = alt_nest_loop(k->b, ALT_LOOP_UNROLLED, "i", p.run->rows);
    if (inside)
        splat_input(k, &p, i);
    alt_expr_fma(k->b, k->t, i, p.vectors);
    alt_nest_end(k->b);
    if (p.kw >= 0)
        alt_nest_end(k->b);
}

/* Some output row reaches above or below the input. */
static bool rows_padded(const struct conv *k)
{
    const struct alt_conv_desc *c = k->c;
    return c->begin[0] > 0 || (k->out[0] - 1) * c->stride[0] + (c->kernel[0] - 1) * c->dilation[0] >= c->in[0];
}

static void kernel_rows(const struct conv *k, const struct place *outer)
{
    struct place p = *outer;

    if (k->c->kernel[0] > 1)
        p.kh = alt_nest_loop(k->b, ALT_LOOP_SERIAL, "kh", k->c->kernel[0]);
    if (rows_padded(k)) {
        alt_nest_when(k->b, input_row(k, &p), k->c->in[0]);
        kernel_row(k, &p, true);
        alt_nest_else(k->b);
        kernel_row(k, &p, false);
        alt_nest_end(k->b);
    } else {
        kernel_row(k, &p, true);
    }
    if (p.kh >= 0)
        alt_nest_end(k->b);
}

static void channel_loops(const struct conv *k, const struct place *outer, const struct channels *part)
{
    struct place p = *outer;
    const int64_t unroll = part->count % k->v->unroll == 0 ? k->v->unroll : 1;
    const int cb = part->blocks > 1 ? alt_nest_loop(k->b, ALT_LOOP_SERIAL, "cb", part->blocks) : -1;
    const int c = alt_nest_loop(k->b, ALT_LOOP_SERIAL, "c", part->count / unroll);
    const int u = unroll > 1 ? alt_nest_loop(k->b, ALT_LOOP_UNROLLED, "u", unroll) : -1;

    p.block = at(part->first_block, cb, 1);
    p.inner = alt_affine_plus(at(0, c, unroll), u, 1);
    p.c = alt_affine_plus(alt_affine_shift(p.inner, part->first_block * k->v->in), cb, k->v->in);
    kernel_rows(k, &p);
    for (int open = 1 + (cb >= 0) + (u >= 0); open > 0; open--)
        alt_nest_end(k->b);
}

static void reduce(const struct conv *k, const struct place *p)
{
    const int64_t block = k->v->in;

    if (block == 0) {
        channel_loops(k, p, &(struct channels){0, 1, k->c->c});
        return;
    }
    if (k->c->c >= block)
        channel_loops(k, p, &(struct channels){0, k->c->c / block, block});
    if (k->c->c % block > 0)
        channel_loops(k, p, &(struct channels){k->c->c / block, 1, k->c->c % block});
}

/* `last`: the tile of output channels that may have fewer vectors, and lanes without a channel. */
static void store(const struct conv *k, const struct place *p, bool last)
{
    const int lanes = k->v->lanes;
    const int64_t first = last ? k->vectors - p->vectors : 0; /* the last tile stands at a fixed place */
    struct alt_expr_store s = {.t = k->t,
                               .rows = p->run->rows,
                               .vectors = p->vectors,
                               .e = &k->d->epilogue,
                               .bias = k->bias,
                               .add = k->add,
                               .out = k->y,
                               .unit = k->unit,
                               .row_axis = 3};

    for (int j = 0; j < p->vectors; j++) {
        const int64_t left = last ? k->c->o - (first + j) * lanes : lanes;
        s.lanes[j] = left > lanes ? lanes : left > 0 ? (int)left : 0;
    }
    s.channel = at(0, k->ot, (int64_t)k->v->vectors * lanes);
    if (k->v->out == 0) {
        s.axis = s.vector_axis[0] = s.vector_axis[1] = 1;
        s.vector_step[0] = k->unit * lanes;
        s.at[1] = s.channel;
    } else {
        s.axis = s.vector_axis[1] = 4;
        s.vector_axis[0] = 1;
        s.vector_step[0] = 1;
        s.at[1] = at(0, k->ot, k->v->vectors / k->unit);
        s.whole = true;
    }
    s.vector_step[1] = lanes;
    s.at[0] = at(0, k->n, 1);
    s.at[2] = at(0, k->oh, 1);
    s.at[3] = at(p->run->first, p->pixel, p->run->step);
    alt_expr_store(k->b, &s);
}

static void emit_run(const struct conv *k, const struct run *run, int vectors, bool last)
{
    struct place p = {.run = run, .vectors = vectors, .pixel = -1, .kh = -1, .kw = -1};

    if (run->count > 1)
        p.pixel = alt_nest_loop(k->b, ALT_LOOP_SERIAL, "px", run->count);
    alt_expr_zero_acc(k->b, k->t.acc, run->rows, vectors);
    reduce(k, &p);
    store(k, &p, last);
    if (run->count > 1)
        alt_nest_end(k->b);
}

static bool touches_padding(const struct conv *k, int64_t first, int64_t rows)
{
    const struct alt_conv_desc *c = k->c;
    return first * c->stride[1] < c->begin[1] ||
           (first + rows - 1) * c->stride[1] - c->begin[1] + (c->kernel[1] - 1) * c->dilation[1] >= c->in[1];
}

/* The first whole tile from `t` on whose nearness to padding is another; closed form, since rows may be long. */
static int64_t turn(const struct conv *k, int64_t t, int64_t tiles, int64_t rows, bool border)
{
    int64_t lo = t, hi = tiles; /* touches_padding is true, then false, then true: each side is found by halving */
    if (border && t * rows * k->c->stride[1] >= k->c->begin[1])
        return tiles; /* at the right end already, or padding on both sides all the way */
    while (hi - lo > 1) {
        const int64_t middle = lo + (hi - lo) / 2;
        const bool left = middle * rows * k->c->stride[1] < k->c->begin[1];
        const bool same = border ? left : !touches_padding(k, middle * rows, rows);
        *(same ? &lo : &hi) = middle;
    }
    return hi;
}

static void emit_row(const struct conv *k, int vectors, bool last)
{
    const int64_t rows = k->v->rows < k->out[1] ? k->v->rows : k->out[1], tiles = k->out[1] / rows;

    for (int64_t t = 0, next; t < tiles; t = next) {
        const bool border = touches_padding(k, t * rows, rows);
        next = turn(k, t, tiles, rows, border);
        if (border && next - t <= COPIED_BORDERS)
            next = t + 1;
        emit_run(k, &(struct run){t * rows, rows, next - t, rows, border}, vectors, last);
    }
    const int64_t over = k->out[1] - rows;
    if (over % rows > 0)
        emit_run(k, &(struct run){over, rows, 1, rows, touches_padding(k, over, rows)}, vectors, last);
}

static void emit_channels(const struct conv *k, int64_t tiles)
{
    const int narrow = (int)(k->vectors - (tiles - 1) * k->v->vectors);

    if (narrow == k->v->vectors && k->c->o == k->vectors * k->v->lanes) {
        emit_row(k, narrow, false);
    } else if (tiles == 1) {
        emit_row(k, narrow, true);
    } else {
        alt_nest_when(k->b, at(0, k->ot, 1), tiles - 1);
        emit_row(k, k->v->vectors, false);
        alt_nest_else(k->b);
        emit_row(k, narrow, true);
        alt_nest_end(k->b);
    }
}

static void declare(struct conv *k)
{
    const struct alt_conv_desc *c = k->c;
    const int64_t in = k->v->in, w = k->v->w, out = k->v->out, blocks = k->vectors / k->unit;
    const int64_t images = c->any ? ALT_NEST_SYMBOL : c->n;
    const int64_t x_shape[] = {images, in > 0 ? (c->c + in - 1) / in : c->c, c->in[0], c->in[1], in};
    const int64_t w_shape[] = {blocks, c->c, c->kernel[0], c->kernel[1], w};
    const int64_t y_shape[] = {images, out > 0 ? blocks : c->o, k->out[0], k->out[1], out};

    k->x = alt_nest_buffer(k->b, ALT_BUFFER_IN, "x", in > 0 ? 5 : 4, x_shape);
    k->w = alt_nest_buffer(k->b, ALT_BUFFER_IN, "w", 5, w_shape);
    if (k->d->epilogue.bias)
        k->bias = alt_nest_buffer(k->b, ALT_BUFFER_IN, "bias", 1, &c->o);
    if (k->d->epilogue.add)
        k->add = alt_nest_buffer(k->b, ALT_BUFFER_IN, "add", out > 0 ? 5 : 4, y_shape);
    k->y = alt_nest_buffer(k->b, ALT_BUFFER_OUT, "y", out > 0 ? 5 : 4, y_shape);
    k->t = alt_expr_tiles(k->b, k->v);
}

void alt_expr_conv(struct alt_nest_builder *b, const struct alt_desc *d, const struct alt_variant *v)
{
    struct conv k = {.b = b, .d = d, .c = &d->conv, .v = v, .unit = v->w / v->lanes, .n = -1, .ot = -1, .oh = -1};
    const bool weights = v->order == ALT_ORDER_WEIGHTS;

    k.out[0] = alt_conv_desc_out(k.c, 0);
    k.out[1] = alt_conv_desc_out(k.c, 1);
    k.vectors = (k.c->o + v->w - 1) / v->w * k.unit;
    const int64_t tiles = (k.vectors + v->vectors - 1) / v->vectors;
    if (k.c->any)
        alt_nest_symbol(b, k.c->n);
    declare(&k);
    if (weights)
        k.ot = alt_nest_loop(b, ALT_LOOP_PARALLEL, "ot", tiles);
    k.n = k.c->any ? alt_nest_loop_over(b, ALT_LOOP_PARALLEL, "n", 1)
                   : alt_nest_loop(b, ALT_LOOP_PARALLEL, "n", k.c->n);
    k.oh = alt_nest_loop(b, ALT_LOOP_PARALLEL, "oh", k.out[0]);
    if (!weights)
        k.ot = alt_nest_loop(b, ALT_LOOP_PARALLEL, "ot", tiles);
    emit_channels(&k, tiles);
    for (int i = 0; i < 3; i++)
        alt_nest_end(b);
}
