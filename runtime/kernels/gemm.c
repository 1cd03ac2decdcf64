/* gemm.c: register tiles of a matrix product, MR rows by one or two vectors, or few rows by several panels.
 *
 * The accumulators stay in registers over all k; rows of a are read in place (one broadcast each), rows of b are vectors.
 * A tile at the lower edge has fewer rows and a narrow one fewer vectors; both numbers are constants in the unrolled copies below.
 * Up to three rows of one panel are too few accumulators to hide the latency of a multiply-add, so such tiles have several panels. */
#include "runtime/kernels/vec.h"

#include <string.h>

enum { PANELS = 4 }; /* of a tile, at most */

/* Where a tile's rows lie: c, and what is added to them or NULL. */
struct rows {
    real *c;
    const real *add;
    int64_t c_row, add_row;
};

/* Rows [i0, i0 + m) of columns [0, v vectors) into r. */
INLINE void tile(const struct alt_kern_gemm *g, int64_t i0, const struct rows *r, const int m, const int v)
{
    const real *a[MR], *b = g->b;
    vec acc[MR][2 * PANELS];
#pragma GCC unroll 8
    for (int i = 0; i < m; i++) {
        a[i] = (const real *)g->a + (i0 + i) * g->a_row;
#pragma GCC unroll 8
        for (int j = 0; j < v; j++)
            acc[i][j] = g->accumulate ? load(r->c + i * r->c_row + j * LANES) : (vec){0};
    }
    int64_t at = 0;
    for (int64_t k = 0; k < g->k; k++, b += g->b_row, at += g->a_col) {
        vec row[2 * PANELS];
#pragma GCC unroll 8
        for (int j = 0; j < v; j++)
            row[j] = load(b + j / 2 * g->b_panel + j % 2 * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < m; i++)
#pragma GCC unroll 8
            for (int j = 0; j < v; j++)
                acc[i][j] += a[i][at] * row[j];
    }
    const real *bias = g->bias, *all = g->row;
#pragma GCC unroll 8
    for (int j = 0; all && j < v; j++) {
        const vec add = load(all + j * LANES);
#pragma GCC unroll 8
        for (int i = 0; i < m; i++)
            acc[i][j] += add;
    }
#pragma GCC unroll 8
    for (int i = 0; i < m; i++)
#pragma GCC unroll 8
        for (int j = 0; j < v; j++)
            acc[i][j] = bias ? acc[i][j] + bias[(i0 + i) * g->bias_row] : acc[i][j];
    if (r->add) {
#pragma GCC unroll 8
        for (int i = 0; i < m; i++)
#pragma GCC unroll 8
            for (int j = 0; j < v; j++)
                acc[i][j] += load(r->add + i * r->add_row + j * LANES);
    }
    if (g->limited) {
#pragma GCC unroll 8
        for (int i = 0; i < m; i++)
#pragma GCC unroll 8
            for (int j = 0; j < v; j++)
                acc[i][j] = limit(acc[i][j], (real)g->low, (real)g->high);
    }
#pragma GCC unroll 8
    for (int i = 0; i < m; i++)
#pragma GCC unroll 8
        for (int j = 0; j < v; j++)
            store(r->c + i * r->c_row + j * LANES, acc[i][j]);
}

typedef void tile_fn(const struct alt_kern_gemm *g, int64_t i0, const struct rows *r);

#define TILE(m, v) static void tile_##m##_##v(const struct alt_kern_gemm *g, int64_t i0, const struct rows *r) \
    { tile(g, i0, r, m <= MR ? m : MR, v); }
TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1) TILE(7, 1) TILE(8, 1)
TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2) TILE(7, 2) TILE(8, 2)
TILE(1, 4) TILE(2, 4) TILE(3, 4)
TILE(1, 6) TILE(2, 6)
TILE(1, 8)

/* By panels (0: the one vector of a narrow one) and rows. */
static tile_fn *const tiles[PANELS + 1][9] = {
    {NULL, tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1, tile_7_1, tile_8_1},
    {NULL, tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2, tile_7_2, tile_8_2},
    {NULL, tile_1_4, tile_2_4, tile_3_4},
    {NULL, tile_1_6, tile_2_6},
    {NULL, tile_1_8},
};

/* Rows of n elements to rows of NR, what lies past n is zero. */
static void widen_rows(real *to, const real *from, int64_t row, int64_t m, int64_t n)
{
    memset(to, 0, (size_t)m * NR * sizeof(real));
    for (int64_t i = 0; i < m; i++)
        memcpy(to + i * NR, from + i * row, (size_t)n * sizeof(real));
}

/* A tile whose rows are narrower than its vectors goes through buffers. */
static void narrow_tile(const struct alt_kern_gemm *g, int64_t i0, const struct rows *r, tile_fn *fn, int64_t m)
{
    real c[MR * NR], add[MR * NR];
    if (g->accumulate)
        widen_rows(c, r->c, r->c_row, m, g->n);
    if (r->add)
        widen_rows(add, r->add, r->add_row, m, g->n);
    fn(g, i0, &(struct rows){.c = c, .add = r->add ? add : NULL, .c_row = NR, .add_row = NR});
    for (int64_t i = 0; i < m; i++)
        memcpy(r->c + i * r->c_row, c + i * NR, (size_t)g->n * sizeof(real));
}

/* All rows of one tile's columns; the last two tiles share their rows. */
static void columns(const struct alt_kern_gemm *g, int panels)
{
    const bool whole = g->n == (panels ? panels * NR : LANES);
    const int64_t share = g->next ? (g->next_bytes * MR / g->m + CACHE_LINE) / CACHE_LINE * CACHE_LINE : 0;
    int64_t at = 0;
    for (int64_t i = 0, m; i < g->m; i += m, at += share) {
        const int64_t left = g->m - i;
        m = left >= 2 * MR ? MR : left > MR ? (left + 1) / 2 : left;
        tile_fn *fn = tiles[panels][m];
        const struct rows r = {.c = (real *)g->c + i * g->c_row, .add = g->add ? (const real *)g->add + i * g->add_row : NULL,
                               .c_row = g->c_row, .add_row = g->add_row};
        if (share)
            fetch_part(g->next, g->next_bytes, at, share);
        if (whole)
            fn(g, i, &r);
        else
            narrow_tile(g, i, &r, fn, m);
    }
}

/* Panels whose tile holds m rows, for n columns: as many as there are whole ones and in the table. */
static int side_by_side(int64_t m, int64_t n)
{
    static const int most[] = {1, PANELS, 3, 2};
    const int64_t whole = n / NR, wanted = m < 4 ? most[m] : 1;
    return (int)(whole < wanted ? whole : wanted);
}

void KERN(gemm)(const struct alt_kern_gemm *given)
{
    struct alt_kern_gemm g = *given;
    for (int64_t left = given->n; left > 0; left -= g.n) {
        const int panels = side_by_side(g.m, left);
        g.n = panels ? panels * NR : left;
        columns(&g, panels ? panels : left > LANES);
        g.b = (const real *)g.b + panels * g.b_panel;
        g.c = (real *)g.c + g.n;
        g.row = g.row ? (const real *)g.row + g.n : NULL;
        g.add = g.add ? (const real *)g.add + g.n : NULL;
        g.next = NULL;
    }
}
