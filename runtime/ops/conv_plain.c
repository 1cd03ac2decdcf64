/* conv_plain.c: convolution of any type, rank and group with plain output: a matrix product of the weights [oc][ic * taps]
 * with the windows [ic * taps][pixels], gathered panel by panel (im2col), never as a whole.
 *
 * A tile is one panel of `nr` output pixels by a share of the output channels of one group and one image. Where each
 * pixel's window lies is the same for all channels, so offsets are worked out once a panel: [taps][nr], -1 in the padding.
 * float16 and bfloat16 go through float32, as do weights that are not dense. */
#include "runtime/kernels/kern.h"
#include "runtime/ops/conv.h"
#include "runtime/ops/gather_panel.h"

#include <string.h>

enum {
    DEPTH = 256,    /* of a block of the reduction: a panel of it stays in the first-level cache */
    TILES = 64,     /* wanted at least, so that the threads have equal shares */
    ROWS = 64       /* fewer output channels a tile do not repay the gathering */
};

struct plain {
    struct alt_conv c;
    const struct alt_kern *kern;
    alt_dtype dtype;
    bool wide;                                        /* half types */
    bool pack_w;                                      /* weights go through scratch */
    int64_t size, real;                               /* bytes of an element in memory, in the kernels */
    struct alt_panel panel;
    int64_t x_n, x_c, x_low;                          /* strides; alt_panel_low */
    int64_t w_o, w_c, w_axis[ALT_WINDOW_RANK];
    int64_t b_o;
    int64_t k, depth, panels, rows, shares;
    int64_t at_index, at_axis, at_run, at_w, at_sums, at_bias; /* bytes in scratch; the panel is first */
};

/* Copies weights of `rows` output channels, reduction indices [k0, k0 + depth), to dense rows. */
static void pack_weights(const struct plain *p, const char *w, int64_t rows, int64_t k0, int64_t depth, char *out)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = 0; k < depth; k++) {
            int64_t at = i * p->w_o + (k0 + k) / p->c.taps * p->w_c, tap = (k0 + k) % p->c.taps;
            for (int a = p->c.w.rank - 1; a >= 0; a--) {
                at += tap % p->c.w.kernel[a] * p->w_axis[a];
                tap /= p->c.w.kernel[a];
            }
            char *to = out + (i * p->depth + k) * p->real;
            if (p->wide)
                *(float *)(void *)to = alt_half_get(p->dtype, w, at);
            else if (p->size == 4)
                memcpy(to, w + at * 4, 4);
            else
                memcpy(to, w + at * 8, 8);
        }
}

/* One tile under way. */
struct tile {
    const struct plain *p;
    const char *x, *w, *b; /* of this image and group; first output channel */
    char *y;               /* first output channel and pixel */
    int64_t rows, cols;
    char *scratch;
};

static void add_block(const struct tile *t, int64_t k0, int64_t depth)
{
    const struct plain *p = t->p;
    char *scratch = t->scratch;
    if (p->wide)
        alt_panel_gather_half(&p->panel, p->dtype, t->x, p->x_c, (const int64_t *)(const void *)(scratch + p->at_index), k0,
                              depth, (float *)(void *)scratch);
    else
        p->kern->gather(&(struct alt_kern_gather){
            .source = t->x, .channel = p->x_c, .taps = p->c.taps, .first = k0, .rows = depth,
            .index = (const int64_t *)(const void *)(scratch + p->at_index), .run = (const bool *)(scratch + p->at_run),
            .out = scratch});
    struct alt_kern_gemm g = {.m = t->rows, .n = t->cols, .k = depth, .a = t->w + k0 * p->size, .a_row = p->w_o, .a_col = 1,
                              .b = scratch, .b_row = p->kern->nr, .c = t->y, .c_row = p->c.pixels, .accumulate = k0 > 0};
    if (p->pack_w) {
        pack_weights(p, t->w, t->rows, k0, depth, scratch + p->at_w);
        g.a = scratch + p->at_w;
        g.a_row = p->depth;
    }
    if (p->wide) {
        g.c = scratch + p->at_sums;
        g.c_row = p->kern->nr;
    }
    if (p->c.bias && k0 + depth == p->k) {
        g.bias = p->wide ? scratch + p->at_bias : t->b;
        g.bias_row = p->wide ? 1 : p->b_o;
    }
    p->kern->gemm(&g);
}

/* The finished sums of half types, rounded. */
static void put_wide(const struct tile *t)
{
    const struct plain *p = t->p;
    const float *sums = (const float *)(const void *)(t->scratch + p->at_sums);
    for (int64_t i = 0; i < t->rows; i++)
        for (int64_t j = 0; j < t->cols; j++)
            alt_half_put(p->dtype, t->y, i * p->c.pixels + j, sums[i * p->kern->nr + j]);
}

static void run_tile(const struct tile *t)
{
    const struct plain *p = t->p;
    float *bias = (float *)(void *)(t->scratch + p->at_bias);
    for (int64_t i = 0; p->wide && p->c.bias && i < t->rows; i++)
        bias[i] = alt_half_get(p->dtype, t->b, i * p->b_o);
    int64_t k = 0;
    do {
        const int64_t depth = p->k - k < p->depth ? p->k - k : p->depth;
        add_block(t, k, depth);
        k += depth;
    } while (k < p->k);
    if (p->wide)
        put_wide(t);
}

static void run(const struct alt_kargs *args)
{
    const struct plain *p = args->params;
    const struct alt_conv *c = &p->c;
    const struct alt_koperand *op = args->operand;
    int64_t indexed = -1;
    for (int64_t tile = args->begin; tile < args->end; tile++) {
        const int64_t share = tile % p->shares, gn = tile / p->shares % (c->group * c->n), g = gn % c->group;
        const int64_t panel = tile / p->shares / (c->group * c->n), first = panel * p->kern->nr;
        const int64_t row = share * p->rows, o = g * c->oc + row;
        struct tile t = {.p = p, .scratch = args->scratch};
        t.rows = c->oc - row < p->rows ? c->oc - row : p->rows;
        t.cols = c->pixels - first < p->kern->nr ? c->pixels - first : p->kern->nr;
        t.x = (const char *)op[0].data + (gn / c->group * p->x_n + g * c->ic * p->x_c + p->x_low) * p->size;
        t.w = (const char *)op[1].data + o * p->w_o * p->size;
        t.b = c->bias ? (const char *)op[2].data + o * p->b_o * p->size : NULL;
        t.y = (char *)op[args->operand_count - 1].data + ((gn / c->group * c->o + o) * c->pixels + first) * p->size;
        if (panel != indexed)
            alt_panel_index(&p->panel, first, t.cols, (int64_t *)(void *)(t.scratch + p->at_axis),
                            (int64_t *)(void *)(t.scratch + p->at_index), (bool *)(t.scratch + p->at_run));
        indexed = panel;
        run_tile(&t);
    }
}

static void read_strides(struct plain *p, const struct alt_operand *x, const struct alt_operand *w)
{
    const int rank = p->c.w.rank;
    p->x_n = x->stride[0];
    p->x_c = x->stride[1];
    p->w_o = w->stride[0];
    p->w_c = w->stride[1];
    int64_t dense = 1;
    for (int a = rank - 1; a >= 0; a--) {
        p->w_axis[a] = w->stride[2 + a];
        p->pack_w |= p->w_axis[a] != dense && p->c.w.kernel[a] > 1;
        dense *= p->c.w.kernel[a];
    }
    p->pack_w |= p->w_c != dense && p->c.ic > 1;
}

/* Places of everything in a thread's scratch; returns its bytes. */
static int64_t lay_scratch(struct plain *p)
{
    const int64_t nr = p->kern->nr, line = ALT_ALIGN;
    int64_t at = p->depth * nr * p->real;
    const struct {
        int64_t *place, bytes;
    } parts[] = {
        {&p->at_index, p->c.taps * nr * 8},
        {&p->at_axis, alt_panel_work(&p->panel) * 8},
        {&p->at_run, p->c.taps},
        {&p->at_w, p->pack_w ? p->rows * p->depth * p->real : 0},
        {&p->at_sums, p->wide ? p->rows * nr * p->real : 0},
        {&p->at_bias, p->wide ? p->rows * p->real : 0},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        at = (at + line - 1) / line * line;
        *parts[i].place = at;
        at += parts[i].bytes;
    }
    return at;
}

/* How many output channels a tile takes. */
static void share_rows(struct plain *p)
{
    const int64_t tiles = p->panels * p->c.group * p->c.n, mr = p->kern->mr;
    int64_t shares = tiles < TILES ? (TILES + tiles - 1) / tiles : 1;
    if (shares > (p->c.oc + ROWS - 1) / ROWS)
        shares = (p->c.oc + ROWS - 1) / ROWS;
    p->rows = ((p->c.oc + shares - 1) / shares + mr - 1) / mr * mr;
    p->shares = (p->c.oc + p->rows - 1) / p->rows;
}

static int bind(struct alt_kernel_bind *bind)
{
    struct plain *p = alt_arena_alloc(bind->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    ALT_CHECK(alt_conv_read(bind, 1, 2, &p->c));
    bind->params = p;
    if (p->c.n == 0 || p->c.oc == 0 || p->c.group == 0 || p->c.pixels == 0) {
        bind->range = 0;
        return ALT_OK;
    }
    p->dtype = bind->in[0].dtype;
    p->wide = p->dtype == ALT_FLOAT16 || p->dtype == ALT_BFLOAT16;
    p->pack_w = p->wide;
    p->kern = p->dtype == ALT_FLOAT64 ? alt_kern_f64() : alt_kern_f32();
    p->size = (int64_t)alt_dtype_size(p->dtype);
    p->real = p->dtype == ALT_FLOAT64 ? 8 : 4;
    read_strides(p, &bind->in[0], &bind->in[1]);
    p->b_o = p->c.bias ? bind->in[2].stride[0] : 0;
    ALT_CHECK(alt_conv_panel(&p->c.w, &bind->in[0], p->kern->nr, bind->arena, &p->panel));
    p->x_low = alt_panel_low(&p->panel);
    p->k = p->c.ic * p->c.taps;
    p->depth = p->k < DEPTH ? p->k : DEPTH;
    p->panels = (p->c.pixels + p->kern->nr - 1) / p->kern->nr;
    share_rows(p);
    bind->range = p->panels * p->c.group * p->c.n * p->shares;
    bind->flops = 2.0 * (double)p->c.n * (double)p->c.o * (double)p->c.pixels * (double)p->k;
    bind->scratch = (size_t)lay_scratch(p);
    return ALT_OK;
}

const struct alt_kernel alt_conv_plain = {
    .name = "conv", .fn = run, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
