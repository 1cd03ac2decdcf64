/* product.c: tiles of a matrix product over the micro-kernels.
 *
 * A tile is one panel of `nr` columns by up to ROWS rows (with up to FEW of them, where b lies in panels, some panels). For each block of the reduction the panel of b is packed into
 * scratch (or read in place when few rows would not repay the copy) and the micro-kernel runs down the rows of a. Between
 * blocks the accumulators rest in y itself, or in scratch where y's elements are not side by side or narrower. */
#include "runtime/ops/data.h"
#include "runtime/ops/product.h"

#include "runtime/graph.h"
#include "runtime/half.h"
#include "runtime/kernels/kern.h"
#include "runtime/layout.h"
#include "runtime/ops/product_int.h"
#include "runtime/step.h"
#include "runtime/type.h"

#include <string.h>

enum {
    ROWS = 192,  /* of a tile: enough to repay packing b, few enough for many tiles */
    DEPTH = 256, /* of a block of the reduction: a panel of it stays in the first-level cache */
    FEW = 3,     /* rows that leave the micro-kernel room for more panels */
    PANELS = 4,  /* of a tile with so few */
    WIDTH = 32   /* of a panel, at most */
};

bool alt_product_supports(alt_dtype dtype)
{
    switch (dtype) {
    case ALT_FLOAT32:
    case ALT_FLOAT64:
    case ALT_FLOAT16:
    case ALT_BFLOAT16:
    case ALT_INT32:
    case ALT_INT64:
    case ALT_UINT32:
    case ALT_UINT64:
        return true;
    default:
        return false;
    }
}

int64_t alt_product_panel(alt_dtype dtype, int64_t columns)
{
    const int64_t nr = dtype == ALT_FLOAT32 ? alt_kern_f32()->nr : dtype == ALT_FLOAT64 ? alt_kern_f64()->nr : 0;
    return columns >= nr / 2 ? nr : 0;
}

bool alt_product_lay_out(const struct alt_gvalue *b, int axis, struct alt_arena *arena, const struct alt_layout **out)
{
    const struct alt_shape *s = &b->type.shape;
    const int64_t panel = b->kind == ALT_GV_CONST && s->rank == 2 ? alt_product_panel(b->type.dtype, s->dim[axis]) : 0;
    return panel && s->dim[1 - axis] > 0 && alt_layout_panels(arena, axis, panel, out) == ALT_OK;
}

bool alt_product_laid_out(const struct alt_operand *b, int axis)
{
    const int64_t panel = alt_layout_panel(b->layout, axis);
    return panel != 0 && panel == alt_product_panel(b->dtype, b->dim[axis]);
}


static void swap_matrices(struct alt_product *p)
{
    const struct alt_matrix a = p->a;
    const int64_t m = p->m;
    p->swapped = true;
    p->a = (struct alt_matrix){p->b.col, p->b.row};
    p->b = (struct alt_matrix){a.col, a.row};
    p->c = (struct alt_matrix){p->c.col, p->c.row};
    p->add = (struct alt_matrix){p->add.col, p->add.row};
    p->y = (struct alt_matrix){p->y.col, p->y.row};
    p->m = p->n;
    p->n = m;
}

/* Elements of kernel type that each part of a thread's scratch holds: panel of b, rows of a, accumulators. */
static int64_t panel_size(const struct alt_product *p) { return p->pack_b ? p->depth * p->kern->nr : 0; }
static int64_t rows_size(const struct alt_product *p) { return p->wide ? p->rows * p->depth : 0; }
static int64_t sums_size(const struct alt_product *p) { return p->direct ? 0 : p->rows * p->width; }

void alt_product_prepare(struct alt_product *p)
{
    p->size = alt_dtype_size(p->dtype);
    p->swapped = false;
    p->wide = p->dtype == ALT_FLOAT16 || p->dtype == ALT_BFLOAT16;
    p->kern = p->dtype == ALT_FLOAT64 ? alt_kern_f64() : p->dtype == ALT_FLOAT32 || p->wide ? alt_kern_f32() : NULL;
    if (!p->kern) {
        p->rows = p->m < 16 ? p->m : 16;
        p->tiles_m = p->rows ? alt_ceil_div(p->m, p->rows) : 0;
        p->tiles = p->tiles_m;
        p->scratch = 0;
        return;
    }
    if (!p->panels && p->n < p->kern->nr / 2 && p->m > p->n)
        swap_matrices(p);
    const int64_t nr = p->kern->nr, mr = p->kern->mr;
    /* Equal shares of the rows, whole register tiles each. */
    const int64_t shares = alt_ceil_div(p->m, ROWS);
    p->rows = shares ? alt_ceil_div(alt_ceil_div(p->m, shares), mr) * mr : mr;
    p->tiles_m = alt_ceil_div(p->m, p->rows);
    p->width = p->panels && p->m <= FEW ? PANELS * nr : nr;
    p->tiles = p->tiles_m * alt_ceil_div(p->n, p->width);
    p->pack_b = !p->panels && (p->wide || p->b.col != 1 || p->m > mr || p->n < nr);
    p->depth = (p->pack_b || (p->panels && p->m > mr)) && p->k > DEPTH ? DEPTH : p->k;
    p->direct = !p->wide && p->y.col == 1;
    p->rides = p->has_c && !p->wide && p->alpha == 1 && p->beta == 1 && (p->c.row == 0 ? p->c.col == 1 : p->c.col == 0);
    p->ends = p->direct && p->alpha == 1 && (!p->has_c || p->rides) && (!p->has_add || p->add.col == 1);
    const size_t real = p->dtype == ALT_FLOAT64 ? sizeof(double) : sizeof(float);
    /* The last panel is packed even when the others are read in place. */
    const int64_t last_panel = p->pack_b || p->panels || p->n % nr == 0 ? panel_size(p) : p->depth * nr;
    p->scratch = (size_t)(last_panel + rows_size(p) + sums_size(p)) * real;
}

/* One tile under way. */
struct tile {
    const struct alt_product *p;
    int64_t i, j, rows, cols; /* where it lies and how large it is */
    const char *a, *b, *c, *add; /* of the whole product */
    char *y;
    char *panel, *a_rows, *sums; /* scratch */
};

static float widen(alt_dtype dtype, const char *at)
{
    uint16_t h;
    memcpy(&h, at, sizeof h);
    return dtype == ALT_FLOAT16 ? alt_f16_to_f32(h) : alt_bf16_to_f32(h);
}

static uint16_t narrow(alt_dtype dtype, float x)
{
    return dtype == ALT_FLOAT16 ? alt_f32_to_f16(x) : alt_f32_to_bf16(x);
}

/* Rows of a, reduction indices [k0, k0 + depth), as float32. */
static void widen_rows(const struct tile *t, int64_t k0, int64_t depth)
{
    const struct alt_product *p = t->p;
    float *out = (float *)(void *)t->a_rows;
    for (int64_t i = 0; i < t->rows; i++)
        for (int64_t k = 0; k < depth; k++)
            out[i * p->depth + k] =
                widen(p->dtype, t->a + ((t->i + i) * p->a.row + (k0 + k) * p->a.col) * (int64_t)p->size);
}

static void widen_panel(const struct tile *t, int64_t k0, int64_t depth)
{
    const struct alt_product *p = t->p;
    float *out = (float *)(void *)t->panel;
    for (int64_t k = 0; k < depth; k++)
        for (int j = 0; j < p->kern->nr; j++)
            *out++ = j < t->cols ? widen(p->dtype, t->b + ((k0 + k) * p->b.row + (t->j + j) * p->b.col) * (int64_t)p->size)
                                 : 0;
}

/* Adds reduction indices [k0, k0 + depth) to the accumulators. */
static void add_block(const struct tile *t, int64_t k0, int64_t depth)
{
    const struct alt_product *p = t->p;
    const int64_t size = (int64_t)p->size, nr = p->kern->nr;
    const bool packs = !p->panels && (p->pack_b || t->cols < nr);
    const char *b = t->b + (p->panels ? t->j * p->k + k0 * nr : k0 * p->b.row + t->j * p->b.col) * size;
    struct alt_kern_gemm g = {.m = t->rows, .n = t->cols, .k = depth, .a = t->a + (t->i * p->a.row + k0 * p->a.col) * size,
                              .a_row = p->a.row, .a_col = p->a.col, .b = b, .b_row = p->panels ? nr : p->b.row, .b_panel = p->k * nr,
                              .accumulate = k0 > 0, .c = t->sums, .c_row = p->width};
    if (p->wide) {
        widen_rows(t, k0, depth);
        widen_panel(t, k0, depth);
        g.a = t->a_rows;
        g.a_row = p->depth;
        g.a_col = 1;
    } else if (packs) {
        p->kern->pack(&(struct alt_kern_pack){.k = depth, .n = t->cols, .source = b, .row = p->b.row, .col = p->b.col,
                                              .out = t->panel});
    }
    if (packs) {
        g.b = t->panel;
        g.b_row = nr;
    }
    if (p->panels && p->m > p->kern->mr && t->j + nr < p->n) { /* the next block, of this panel or the next */
        g.next = b + depth * nr * size;
        g.next_bytes = (depth < p->depth ? depth : p->depth) * nr * size;
    }
    if (p->direct) {
        g.c = t->y + (t->i * p->y.row + t->j) * size;
        g.c_row = p->y.row;
    }
    double row[PANELS * WIDTH]; /* room for panels of either type */
    if (p->rides && k0 + depth == p->k) {
        if (p->c.col == 0) {
            g.bias = t->c + t->i * p->c.row * size;
            g.bias_row = p->c.row;
        } else if (t->cols % nr == 0) {
            g.row = t->c + t->j * size;
        } else {
            memcpy(row, t->c + t->j * size, (size_t)(t->cols * size));
            memset((char *)row + t->cols * size, 0, (size_t)((p->width - t->cols) * size));
            g.row = row;
        }
    }
    if (p->ends && k0 + depth == p->k) {
        g.add = p->has_add ? t->add + (t->i * p->add.row + t->j) * size : NULL;
        g.add_row = p->add.row;
        g.limited = p->limited;
        g.low = (double)p->low;
        g.high = (double)p->high;
    }
    p->kern->gemm(&g);
}

/* What comes last, for one row. */
static void end_row(const struct alt_product *p, float *sum, int64_t n, const float *add)
{
    for (int64_t j = 0; add && j < n; j++)
        sum[j] += add[j * p->add.col];
    for (int64_t j = 0; p->limited && j < n; j++) {
        const float low = sum[j] < p->low ? p->low : sum[j];
        sum[j] = low > p->high ? p->high : low;
    }
}

/* alpha * sum + beta * c for one row of finished sums; `c` may be NULL. */
static void finish_f32(const struct alt_product *p, float *sum, int64_t n, const char *c)
{
    const float alpha = (float)p->alpha, beta = (float)p->beta;
    if (p->alpha != 1)
        for (int64_t j = 0; j < n; j++)
            sum[j] *= alpha;
    if (!c)
        return;
    if (p->wide) {
        for (int64_t j = 0; j < n; j++)
            sum[j] += beta * widen(p->dtype, c + j * p->c.col * 2);
        return;
    }
    const float *add = (const float *)(const void *)c;
    for (int64_t j = 0; j < n; j++)
        sum[j] += beta * add[j * p->c.col];
}

static void finish_f64(const struct alt_product *p, double *sum, int64_t n, const char *c)
{
    if (p->alpha != 1)
        for (int64_t j = 0; j < n; j++)
            sum[j] *= p->alpha;
    const double *add = (const double *)(const void *)c;
    for (int64_t j = 0; add && j < n; j++)
        sum[j] += p->beta * add[j * p->c.col];
}

/* One row of finished sums to where y wants it. */
static void put_row(const struct alt_product *p, const char *sum, int64_t n, char *y)
{
    const int64_t step = p->y.col * (int64_t)p->size;
    for (int64_t j = 0; j < n; j++) {
        if (p->wide) {
            float x;
            memcpy(&x, sum + j * 4, sizeof x);
            const uint16_t h = narrow(p->dtype, x);
            memcpy(y + j * step, &h, sizeof h);
        } else if (p->size == 4) {
            memcpy(y + j * step, sum + j * 4, 4);
        } else {
            memcpy(y + j * step, sum + j * 8, 8);
        }
    }
}

static void finish(const struct tile *t)
{
    const struct alt_product *p = t->p;
    const bool scale = p->alpha != 1 || (p->has_c && !p->rides), end = !p->ends && (p->has_add || p->limited);
    const int64_t size = (int64_t)p->size, real = p->dtype == ALT_FLOAT64 ? 8 : 4;
    for (int64_t i = 0; i < t->rows && (scale || end || !p->direct); i++) {
        char *y = t->y + ((t->i + i) * p->y.row + t->j * p->y.col) * size;
        char *sum = p->direct ? y : t->sums + i * p->width * real;
        const char *c = p->has_c ? t->c + ((t->i + i) * p->c.row + t->j * p->c.col) * size : NULL;
        if (scale && real == 8)
            finish_f64(p, (double *)(void *)sum, t->cols, c);
        else if (scale)
            finish_f32(p, (float *)(void *)sum, t->cols, c);
        if (end)
            end_row(p, (float *)(void *)sum, t->cols,
                    p->has_add ? (const float *)(const void *)t->add + (t->i + i) * p->add.row + t->j * p->add.col : NULL);
        if (!p->direct)
            put_row(p, sum, t->cols, y);
    }
}

void alt_product_tile(const struct alt_product *p, const struct alt_product_data *data, int64_t tile, void *scratch)
{
    if (!p->kern) {
        alt_product_int_tile(p, data->a, data->b, data->c, data->y, tile);
        return;
    }
    const int64_t real = p->dtype == ALT_FLOAT64 ? 8 : 4;
    struct tile t = {.p = p, .i = tile % p->tiles_m * p->rows, .j = tile / p->tiles_m * p->width, .c = data->c, .add = data->add,
                     .y = data->y};
    t.a = p->swapped ? data->b : data->a;
    t.b = p->swapped ? data->a : data->b;
    t.rows = p->m - t.i < p->rows ? p->m - t.i : p->rows;
    t.cols = p->n - t.j < p->width ? p->n - t.j : p->width;
    /* Rows of a and the accumulators first: their sizes do not depend on the tile. */
    if (scratch) {
        t.a_rows = scratch;
        t.sums = t.a_rows + rows_size(p) * real;
        t.panel = t.sums + sums_size(p) * real;
    }
    int64_t k = 0;
    do {
        const int64_t depth = p->k - k < p->depth ? p->k - k : p->depth;
        add_block(&t, k, depth);
        k += depth;
    } while (k < p->k);
    finish(&t);
}
