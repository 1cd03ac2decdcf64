/* self_check.c: see self_check.h. Each case calls one kernel on small whole numbers, whose sums and products are exact in either type
 * and any order, and lays the answer out alike for every table: WIDE columns or channels, a whole number of any level's panels,
 * blocks and vectors. So answers are compared byte for byte. Variants of a case take every tile that a kernel has. */
#include "runtime/kernels/self_check.h"

#include "runtime/kernels/kern.h"

#include <string.h>

enum { WIDE = 32, MEMORY = 512, DEPTH = 5, TAPS = 3, BYTES = 67 };

/* One table on one set of operands. */
struct side {
    const struct alt_kern *k;
    const struct alt_kern_int *q; /* or this one alone */
    size_t size;
    const char *x, *w; /* [MEMORY] */
    char *y;           /* [MEMORY] */
};

static const void *from(const struct side *s, const char *p, int64_t i) { return p + i * (int64_t)s->size; }
static void *to(const struct side *s, int64_t i) { return s->y + i * (int64_t)s->size; }

/* Rows of `width` elements to columns [first, ...) of y. */
static void spread(const struct side *s, const void *rows, int64_t n, int64_t width, int64_t first)
{
    for (int64_t i = 0; i < n; i++)
        memcpy(to(s, i * WIDE + first), from(s, rows, i * width), (size_t)width * s->size);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* 1 to 3 rows of any level's number of panels that lie side by side, the last narrow or not. */
static void gemm_panels(const struct side *s, int variant)
{
    enum { FOUR = 4 * WIDE, SHALLOW = 3 };
    s->k->gemm(&(struct alt_kern_gemm){
        .m = 1 + variant % 3, .n = FOUR - variant * 13, .k = SHALLOW, .a = s->x, .a_row = SHALLOW, .a_col = 1, .b = s->w,
        .b_row = FOUR, .b_panel = s->k->nr, .c = s->y, .c_row = FOUR, .accumulate = variant % 2,
        .bias = variant % 3 ? s->x : NULL, .bias_row = 2, .row = variant % 5 ? NULL : s->x});
}

/* 1 to 8 rows; whole and narrow panels of both kinds; then several panels. */
static void gemm(const struct side *s, int variant)
{
    static const int64_t columns[] = {WIDE, WIDE - 3, WIDE / 2, 7};
    if (variant >= 32) {
        gemm_panels(s, variant - 32);
        return;
    }
    const int64_t n = columns[variant / 8], nr = s->k->nr;
    for (int64_t j = 0; j < n; j += nr)
        s->k->gemm(&(struct alt_kern_gemm){
            .m = 1 + variant % 8, .n = least(n - j, nr), .k = DEPTH, .a = s->x, .a_row = DEPTH, .a_col = 1,
            .b = from(s, s->w, j), .b_row = WIDE, .c = to(s, j), .c_row = WIDE, .accumulate = variant % 2,
            .bias = variant % 3 ? s->x : NULL, .bias_row = 2, .row = variant % 5 ? NULL : from(s, s->x, j),
            .add = variant % 4 ? NULL : from(s, s->x, j + 1), .add_row = WIDE, .limited = variant % 3 == 1, .low = -20, .high = 50});
}

static void pack(const struct side *s, int variant)
{
    const int64_t n = variant % 2 ? WIDE : WIDE - 3, row = variant < 2 ? WIDE : 1, col = variant < 2 ? 1 : DEPTH;
    const int64_t nr = s->k->nr;
    double out[DEPTH * WIDE] = {0};
    for (int64_t j = 0; j < n; j += nr) {
        s->k->pack(&(struct alt_kern_pack){.k = DEPTH, .n = least(n - j, nr), .source = from(s, s->x, j * col),
                                           .row = row, .col = col, .out = out});
        spread(s, out, DEPTH, nr, j);
    }
}

/* Taps whose elements lie side by side, do not, and are missing in part. */
static void gather(const struct side *s, int variant)
{
    static const bool run[TAPS] = {true, false, false};
    const int64_t nr = s->k->nr;
    int64_t index[TAPS * WIDE];
    double out[DEPTH * WIDE] = {0};
    for (int64_t j = 0; j < WIDE; j += nr) {
        for (int64_t i = 0; i < nr; i++) {
            index[i] = j + i;
            index[nr + i] = 2 * (j + i);
            index[2 * nr + i] = (j + i) % DEPTH ? j + i + 1 : -1;
        }
        s->k->gather(&(struct alt_kern_gather){.source = s->x, .channel = 2 * WIDE, .taps = TAPS, .first = variant,
                                               .rows = DEPTH, .index = index, .run = run, .out = out});
        spread(s, out, DEPTH, nr, j);
    }
}

/* 1 to 14 pixels, one or two vectors, windows that lie 8 or 16 apart: one block or not. */
static void conv(const struct side *s, int variant)
{
    static const int64_t apart[] = {8, 16}, step[TAPS] = {0, 2, 5};
    const int64_t lanes = s->k->lanes, pixels = 1 + variant % 14, vectors = 1 + variant / 14 % 2;
    int64_t pixel[14];
    int32_t run[14];
    for (int64_t p = 0; p < pixels; p++) {
        pixel[p] = p * apart[variant / 28];
        run[p] = (int32_t)(pixels - p);
    }
    for (int64_t c = 0; c < WIDE; c += vectors * lanes)
        s->k->conv(&(struct alt_kern_conv){
            .x = s->x, .pixel = pixel, .run = run, .pixels = pixels, .step = step, .steps = TAPS, .blocks = 2, .x_block = WIDE,
            .last_steps = TAPS - 1, .w = {from(s, s->w, c), vectors > 1 ? from(s, s->w, c + lanes) : NULL}, .w_step = WIDE,
            .bias = {from(s, s->x, c), from(s, s->x, c + lanes)}, .y = {to(s, c), to(s, c + lanes)}, .y_pixel = WIDE,
            .add = {variant % 4 ? NULL : from(s, s->x, c), variant % 4 ? NULL : from(s, s->x, c + lanes)}, .limited = variant % 3 == 1, .low = -20, .high = 50});
}

/* 1 to 13 pixels, one more than a tile has, whose windows lie 8, 16 or 24 apart. */
static void depthwise(const struct side *s, int variant)
{
    static const int64_t step[TAPS] = {0, WIDE, 3 * WIDE};
    const int64_t block = s->k->block, pixels = 1 + variant % 13, apart = 8 * (1 + variant / 13);
    int64_t pixel[13];
    int32_t run[13];
    double w[TAPS * WIDE], y[13 * WIDE] = {0};
    for (int64_t p = 0; p < pixels; p++) {
        pixel[p] = p * apart;
        run[p] = (int32_t)(pixels - p);
    }
    for (int64_t c = 0; c < WIDE; c += block) {
        for (int64_t t = 0; t < TAPS; t++)
            memcpy((char *)w + t * block * (int64_t)s->size, from(s, s->w, t * WIDE + c), (size_t)block * s->size);
        s->k->depthwise(&(struct alt_kern_depthwise){.x = from(s, s->x, c), .pixel = pixel, .run = run, .pixels = pixels,
                                                     .step = step, .steps = TAPS, .w = w, .bias = variant % 2 ? w : NULL, .y = y,
                                                     .limited = variant % 3 == 1, .low = -20, .high = 50});
        spread(s, y, pixels, block, c);
    }
}

/* Blocks of every kind that the kernels have loops of their own for, and one of another. */
static struct alt_kern_row row(const struct side *s, int variant)
{
    static const int64_t form[][3] = {{61, 1, 1}, {61, 1, 2}, {61, 1, 3}, {5, 8, 24}, {5, 16, 48}, {5, 3, 7}};
    return (struct alt_kern_row){.blocks = form[variant][0], .block = form[variant][1], .x_step = form[variant][2],
                                 .x = s->x, .y = s->y};
}

static void row_multiply(const struct side *s, int variant)
{
    const struct alt_kern_row r = row(s, variant);
    s->k->row_multiply(&r, 3);
}

static void row_max(const struct side *s, int variant)
{
    const struct alt_kern_row r = row(s, variant);
    s->k->row_max(&r);
}

static void row_add(const struct side *s, int variant)
{
    const struct alt_kern_row r = row(s, variant);
    s->k->row_add(&r);
}

/* What is written behind the row is no answer. */
static void row_taps(const struct side *s, int variant)
{
    static const int64_t tap[TAPS] = {0, 1, 40};
    const int64_t n = variant % 2 ? 83 : 7;
    double y[128] = {0};
    s->k->row_taps(&(struct alt_kern_taps){.x = s->x, .w = s->w, .tap = tap, .taps = TAPS, .step = 1 + variant / 2, .n = n,
                                           .y = y});
    memcpy(s->y, y, (size_t)n * s->size);
}

/* Two lines of the bytes of x, whatever they are; steps that the kernels have loops of their own for, and another. */
static void widen(const struct side *s, int variant)
{
    static const int64_t line[] = {100, 3};
    s->k->widen(&(struct alt_kern_widen){.x = s->x, .is_signed = variant % 2, .lines = 2, .x_line = 3 * BYTES, .n = BYTES,
                                         .step = 1 + variant / 2, .line = line, .zero = 77, .out = s->y});
}

static void add_sums(const struct side *s, int variant)
{
    int32_t acc[BYTES];
    for (int i = 0; i < BYTES; i++)
        acc[i] = i * 1000;
    s->k->add_sums(s->x, BYTES, variant, acc);
    memcpy(s->y, acc, sizeof acc);
}

/* 1 to 8 rows of 16-bit integers, in whole panels. */
static void dot(const struct side *s, int variant)
{
    enum { PAIRS = 3 };
    const int64_t nr = s->q->nr;
    int16_t a[8 * 2 * PAIRS], b[PAIRS * WIDE * 2];
    for (int i = 0; i < 8 * 2 * PAIRS; i++)
        a[i] = (int16_t)(i * 37 % 511 - 255);
    for (int64_t j = 0; j < WIDE; j += nr) {
        for (int64_t k = 0; k < PAIRS; k++)
            for (int64_t i = 0; i < 2 * nr; i++)
                b[k * 2 * nr + i] = (int16_t)((k * 2 * WIDE + 2 * j + i) * 29 % 511 - 255);
        s->q->dot(&(struct alt_kern_dot){.m = 1 + variant % 8, .k = 2 * PAIRS, .a = a, .a_row = 2 * PAIRS, .b = b,
                                         .c = (int32_t *)(void *)s->y + j, .c_row = WIDE, .accumulate = variant / 8});
    }
}

static void shorten(const struct side *s, int variant)
{
    s->q->widen(&(struct alt_kern_short){.x = s->x, .is_signed = variant, .n = BYTES, .zero = 77, .out = (int16_t *)(void *)s->y});
}

/* Whole panels and the beginnings of some. */
static void weave(const struct side *s, int variant)
{
    const int64_t nr = s->q->nr, n = variant / 2 ? 5 : nr;
    for (int64_t j = 0; j < WIDE; j += n == 5 ? WIDE : nr)
        s->q->weave(&(struct alt_kern_short){.x = s->x + j, .y = s->w + j, .is_signed = variant % 2, .n = n, .zero = 77,
                                             .out = (int16_t *)(void *)s->y + 2 * j});
}

static void narrow(const struct side *s, int variant)
{
    int32_t sum[BYTES];
    float factor[BYTES];
    for (int i = 0; i < BYTES; i++) {
        sum[i] = (i - BYTES / 2) * 21;
        factor[i] = (float)(1 + i % 3) / 4;
    }
    s->q->narrow(&(struct alt_kern_narrow){.sum = sum, .is_signed = variant % 2, .each = variant / 2, .n = BYTES,
                                           .factor = factor, .bias = 5, .zero = 17, .out = s->y});
}

/* Each finds in y what those before have left, the same on both sides; those that leave no whole numbers come last. */
static const struct {
    const char *name;
    void (*run)(const struct side *s, int variant);
    int variants;
} cases[] = {
    {"gemm", gemm, 32 + 9},
    {"pack", pack, 4},
    {"gather", gather, TAPS},
    {"conv", conv, 56},
    {"depthwise", depthwise, 39},
    {"row_multiply", row_multiply, 6},
    {"row_max", row_max, 6},
    {"row_add", row_add, 6},
    {"row_taps", row_taps, 4},
    {"widen", widen, 6},
    {"add_sums", add_sums, 2},
    {"dot", dot, 16},
    {"shorten", shorten, 2},
    {"weave", weave, 4},
    {"narrow", narrow, 4},
};
enum { REAL = 11, ALL = sizeof cases / sizeof *cases }; /* kernels of alt_kern, then those of alt_kern_int */

const char *alt_kern_name(int number) { return cases[number].name; }

/* Whole numbers from -8 to 8. */
static void fill(void *out, size_t size, int factor)
{
    for (int i = 0; i < MEMORY; i++) {
        const double wide = i * factor % 17 - 8;
        const float slim = (float)wide;
        memcpy((char *)out + (size_t)i * size, size == sizeof wide ? (const void *)&wide : &slim, size);
    }
}

/* Cases [first, last) on both. */
static int differs(struct side base, struct side other, int first, int last)
{
    double x[MEMORY], w[MEMORY], y[2][MEMORY];
    base.x = other.x = (const char *)x;
    base.w = other.w = (const char *)w;
    base.y = (char *)y[0];
    other.y = (char *)y[1];
    fill(x, base.size, 5);
    fill(w, base.size, 7);
    fill(y[0], base.size, 11);
    fill(y[1], base.size, 11);
    for (int i = first; i < last; i++) {
        for (int v = 0; v < cases[i].variants; v++) {
            cases[i].run(&base, v);
            cases[i].run(&other, v);
            if (memcmp(y[0], y[1], MEMORY * base.size) != 0)
                return i;
        }
    }
    return -1;
}

int alt_kern_differs(const struct alt_kern *table, const struct alt_kern *base, size_t size)
{
    return differs((struct side){.k = base, .size = size}, (struct side){.k = table, .size = size}, 0, REAL);
}

int alt_kern_int_differs(const struct alt_kern_int *table, const struct alt_kern_int *base)
{
    return differs((struct side){.q = base, .size = 4}, (struct side){.q = table, .size = 4}, REAL, ALL);
}

static int level_differs(enum alt_isa isa)
{
    const enum alt_isa base = ALT_ISA_BASE;
    const int f32 = alt_kern_differs(alt_kern_f32_table(isa), alt_kern_f32_table(base), sizeof(float));
    const int f64 = f32 >= 0 ? f32 : alt_kern_differs(alt_kern_f64_table(isa), alt_kern_f64_table(base), sizeof(double));
    return f64 >= 0 ? f64 : alt_kern_int_differs(alt_kern_i8_table(isa), alt_kern_i8_table(base));
}

struct alt_isa_choice alt_kern_trusted(enum alt_isa found)
{
    struct alt_isa_choice c = {found, found, -1};
    for (int kernel; c.isa > ALT_ISA_BASE && (kernel = level_differs(c.isa)) >= 0; c.isa--)
        if (c.isa == found)
            c.kernel = kernel;
    return c;
}
