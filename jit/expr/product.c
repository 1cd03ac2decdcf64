/* product.c: matrix product: y[b, i, j] = sum over k of a[b, i, k] * w[k, j], or of w[b, k, j].
 *
 * A register tile is `rows` rows by `vectors` vectors of columns. For every k a vector row of B is loaded (from its panel,
 * where it lies in one piece) and one element of each row of A is splat. Tiles at the lower and right edge are smaller and
 * have code of their own.
 *
 * A tile of the parallel loop is a register tile; or, where B is staged, all rows of one panel: it copies the panel to
 * scratch first, lanes past the last column as zeros, and reads it from there for each register tile.
 */
#include "jit/expr/expr.h"

struct product {
    struct alt_nest_builder *b;
    const struct alt_desc *d;
    const struct alt_product_desc *p;
    const struct alt_variant *v;
    struct alt_expr_tiles t;
    bool staged;
    int a, w, panel, bias, add, y; /* buffers; panel: in scratch */
    int batch, mt, nt;             /* variables of the loops over tiles */
    int64_t m_tiles, n_tiles, vectors;
};

/* One size of register tile. */
struct size {
    int64_t rows;
    bool guarded; /* the rows past the symbol count nothing */
    int vectors;
    int lanes[ALT_EXPR_VECTORS]; /* of each vector that are columns of B */
};

static struct alt_affine at(int64_t base, int var, int64_t coef)
{
    return alt_affine_plus(alt_affine_base(base), var, coef);
}

static void load_row(const struct product *q, const struct size *size, struct alt_affine k, bool from_scratch)
{
    const int lanes = q->v->lanes;
    const bool packs = q->v->w > 0 && !q->staged;
    for (int j = 0; j < size->vectors; j++) {
        const struct alt_affine column = at((int64_t)j * lanes, q->nt, (int64_t)q->v->vectors * lanes);
        const struct alt_buffer_ref packed = {
            .buffer = q->w, .axis = 2, .lanes = lanes, .at = {at(0, q->nt, 1), k, alt_affine_base((int64_t)j * lanes)}};
        const struct alt_buffer_ref plain = {
            .buffer = q->w, .axis = 2, .lanes = size->lanes[j], .at = {at(0, q->batch, 1), k, column}};
        const struct alt_buffer_ref staged = {
            .buffer = q->panel, .axis = 1, .lanes = lanes, .at = {k, alt_affine_base((int64_t)j * lanes)}};
        alt_expr_load(q->b, q->t.wv, alt_affine_base(j), from_scratch ? &staged : packs ? &packed : &plain);
    }
}

/* The panel of this tile of work, `size` columns of B, to scratch. */
static void stage(const struct product *q, const struct size *size)
{
    const struct alt_affine k = at(0, alt_nest_loop(q->b, ALT_LOOP_SERIAL, "kp", q->p->k), 1);

    load_row(q, size, k, false);
    for (int j = 0; j < size->vectors; j++) {
        const int lanes = q->v->lanes;
        struct alt_tile_ref from = {.tile = q->t.wv, .at = {alt_affine_base(j)}};
        struct alt_buffer_ref to = {
            .buffer = q->panel, .axis = 1, .lanes = lanes, .at = {k, alt_affine_base((int64_t)j * lanes)}};
        alt_nest_add(q->b, &(struct alt_stmt){.kind = ALT_STMT_STORE, .dst = &from, .ref = &to});
    }
    alt_nest_end(q->b);
}

/* Each tile of rows fetches `ahead` rows of the next panel, a vector a turn of its loops over k (variables row, vector), so
 * that fetching never stands in the way of loads. */
static void fetch(const struct product *q, int64_t ahead, int row, int vector)
{
    const int64_t lanes = q->v->lanes;
    const struct alt_affine next = at(1, q->nt, 1), k = alt_affine_plus(at(0, q->mt, ahead), row, 1);
    struct alt_buffer_ref packed = {.buffer = q->w, .at = {next, k, at(0, vector, lanes)}};
    struct alt_buffer_ref plain = {
        .buffer = q->w,
        .at = {at(0, q->batch, 1), k,
               alt_affine_plus(at(q->v->vectors * lanes, q->nt, q->v->vectors * lanes), vector, lanes)}};

    alt_nest_when(q->b, q->staged ? plain.at[2] : next, q->staged ? q->p->n : q->n_tiles);
    if (q->p->any) /* more tiles of rows than were counted on */
        alt_nest_when(q->b, k, q->p->k);
    alt_nest_add(q->b, &(struct alt_stmt){.kind = ALT_STMT_PREFETCH, .ref = q->staged ? &plain : &packed});
    if (q->p->any)
        alt_nest_end(q->b);
    alt_nest_end(q->b);
}

/* All rows of the tile at the `unroll` steps from k on. */
static void step(const struct product *q, const struct size *size, struct alt_affine k, int64_t unroll)
{
    const int u = unroll > 1 ? alt_nest_loop(q->b, ALT_LOOP_UNROLLED, "u", unroll) : -1;

    k = alt_affine_plus(k, u, 1);
    load_row(q, size, k, q->staged);
    const int i = alt_nest_loop(q->b, ALT_LOOP_UNROLLED, "i", size->rows);
    const struct alt_buffer_ref x = {.buffer = q->a,
                                     .at = {at(0, q->batch, 1), alt_affine_plus(at(0, q->mt, q->v->rows), i, 1), k}};
    if (size->guarded)
        alt_nest_when(q->b, x.at[1], ALT_NEST_SYMBOL);
    alt_expr_splat(q->b, q->t.xv, &x);
    if (size->guarded) {
        alt_nest_else(q->b);
        alt_expr_zero(q->b, q->t.xv);
        alt_nest_end(q->b);
    }
    alt_expr_fma(q->b, q->t, i, size->vectors);
    alt_nest_end(q->b);
    if (u >= 0)
        alt_nest_end(q->b);
}

/* k from `first` on. */
static void steps(const struct product *q, const struct size *size, int64_t first, int64_t count, int64_t unroll)
{
    const int ks = alt_nest_loop(q->b, ALT_LOOP_SERIAL, "k", count / unroll);
    step(q, size, at(first, ks, unroll), unroll);
    alt_nest_end(q->b);
}

/* k from 0 on, as long as there is something to fetch. */
static void steps_that_fetch(const struct product *q, const struct size *size, int64_t unroll, int64_t ahead)
{
    const int64_t vectors = q->v->vectors;
    const int row = alt_nest_loop(q->b, ALT_LOOP_SERIAL, "kr", ahead);
    const int vector = alt_nest_loop(q->b, ALT_LOOP_SERIAL, "kv", vectors);

    fetch(q, ahead, row, vector);
    step(q, size, alt_affine_plus(at(0, row, vectors * unroll), vector, unroll), unroll);
    alt_nest_end(q->b);
    alt_nest_end(q->b);
}

static void store(const struct product *q, const struct size *size)
{
    struct alt_expr_store s = {.t = q->t,
                               .rows = size->rows,
                               .vectors = size->vectors,
                               .e = &q->d->epilogue,
                               .bias = q->bias,
                               .add = q->add,
                               .out = q->y,
                               .axis = 2,
                               .row_axis = 1,
                               .unit = 1,
                               .guarded = size->guarded,
                               .vector_axis = {2, 2},
                               .vector_step = {q->v->lanes, 0}};
    for (int j = 0; j < size->vectors; j++)
        s.lanes[j] = size->lanes[j];
    s.channel = at(0, q->nt, (int64_t)q->v->vectors * q->v->lanes);
    s.at[0] = at(0, q->batch, 1);
    s.at[1] = at(0, q->mt, q->v->rows);
    s.at[2] = s.channel;
    alt_expr_store(q->b, &s);
}

static void emit_tile(const struct product *q, const struct size *size)
{
    const int64_t k = q->p->k, unroll = q->v->unroll, whole = k / unroll * unroll;
    const int64_t share = k / q->m_tiles, most = whole / (unroll * q->v->vectors);
    const int64_t ahead = !q->v->prefetch || q->n_tiles == 1 ? 0 : share < most ? share : most;
    const int64_t fetched = ahead * q->v->vectors * unroll; /* steps */

    alt_expr_zero_acc(q->b, q->t.acc, size->rows, size->vectors);
    if (ahead > 0)
        steps_that_fetch(q, size, unroll, ahead);
    if (whole - fetched > 0)
        steps(q, size, fetched, whole - fetched, unroll);
    if (k - whole > 0)
        steps(q, size, whole, k - whole, 1);
    store(q, size);
}

/* `rows` 0: the panel is staged. `last`: the right edge. */
static void emit_column(const struct product *q, int64_t rows, bool guarded, bool last)
{
    const int lanes = q->v->lanes;
    struct size size = {.rows = rows, .vectors = q->v->vectors, .guarded = guarded};

    if (last)
        size.vectors = (int)(q->vectors - (q->n_tiles - 1) * q->v->vectors);
    for (int j = 0; j < size.vectors; j++) {
        const int64_t left = q->p->n - ((q->n_tiles - 1) * q->v->vectors + j) * lanes;
        size.lanes[j] = !last || left > lanes ? lanes : (int)left;
    }
    if (rows == 0)
        stage(q, &size);
    else
        emit_tile(q, &size);
}

static void emit_columns(const struct product *q, int64_t rows, bool guarded)
{
    const bool ragged = q->p->n % ((int64_t)q->v->vectors * q->v->lanes) != 0;

    if (!ragged || q->n_tiles == 1) {
        emit_column(q, rows, guarded, ragged);
        return;
    }
    alt_nest_when(q->b, at(0, q->nt, 1), q->n_tiles - 1);
    emit_column(q, rows, guarded, false);
    alt_nest_else(q->b);
    emit_column(q, rows, guarded, true);
    alt_nest_end(q->b);
}

/* The last tile of rows is smaller; where their number is a symbol, it has all rows and guards each. */
static void emit_rows(const struct product *q)
{
    const int64_t rows = q->v->rows, rest = q->p->m - (q->m_tiles - 1) * rows;

    if (!q->p->any && (q->m_tiles == 1 || rest == rows)) {
        emit_columns(q, rest, false);
        return;
    }
    if (q->p->any)
        alt_nest_when(q->b, at(rows - 1, q->mt, rows), ALT_NEST_SYMBOL);
    else
        alt_nest_when(q->b, at(0, q->mt, 1), q->m_tiles - 1);
    emit_columns(q, rows, false);
    alt_nest_else(q->b);
    emit_columns(q, q->p->any ? rows : rest, q->p->any);
    alt_nest_end(q->b);
}

static void declare(struct product *q)
{
    const struct alt_product_desc *p = q->p;
    const int64_t panel = q->staged ? 0 : q->v->w, panels = panel > 0 ? (p->n + panel - 1) / panel : 0;
    const int64_t rows = p->any ? ALT_NEST_SYMBOL : p->m;

    q->a = alt_nest_buffer(q->b, ALT_BUFFER_IN, "a", 3, (const int64_t[]){p->batch, rows, p->k});
    if (panel > 0)
        q->w = alt_nest_buffer(q->b, ALT_BUFFER_IN, "b", 3, (const int64_t[]){panels, p->k, panel});
    else
        q->w = alt_nest_buffer(q->b, ALT_BUFFER_IN, "b", 3, (const int64_t[]){p->batch, p->k, p->n});
    if (q->d->epilogue.bias)
        q->bias = alt_nest_buffer(q->b, ALT_BUFFER_IN, "bias", 1, &p->n);
    if (q->d->epilogue.add)
        q->add = alt_nest_buffer(q->b, ALT_BUFFER_IN, "add", 3, (const int64_t[]){p->batch, rows, p->n});
    q->y = alt_nest_buffer(q->b, ALT_BUFFER_OUT, "y", 3, (const int64_t[]){p->batch, rows, p->n});
    if (q->staged)
        q->panel = alt_nest_buffer(q->b, ALT_BUFFER_SCRATCH, "panel", 2, (const int64_t[]){p->k, q->v->w});
    q->t = alt_expr_tiles(q->b, q->v);
}

void alt_expr_product(struct alt_nest_builder *b, const struct alt_desc *d, const struct alt_variant *v)
{
    struct product q = {.b = b, .d = d, .p = &d->product, .v = v, .staged = alt_variant_staged(d, v)};
    const bool weights = v->order == ALT_ORDER_WEIGHTS;

    q.vectors = (q.p->n + v->lanes - 1) / v->lanes;
    q.n_tiles = (q.vectors + v->vectors - 1) / v->vectors;
    q.m_tiles = (q.p->m + v->rows - 1) / v->rows;
    if (q.p->any)
        alt_nest_symbol(b, q.p->m);
    declare(&q);
    q.batch = alt_nest_loop(b, ALT_LOOP_PARALLEL, "batch", q.p->batch);
    if (weights)
        q.nt = alt_nest_loop(b, ALT_LOOP_PARALLEL, "nt", q.n_tiles);
    if (q.staged)
        emit_columns(&q, 0, false);
    const enum alt_loop_kind kind = q.staged ? ALT_LOOP_SERIAL : ALT_LOOP_PARALLEL;
    q.mt = q.p->any ? alt_nest_loop_over(b, kind, "mt", v->rows) : alt_nest_loop(b, kind, "mt", q.m_tiles);
    if (!weights)
        q.nt = alt_nest_loop(b, ALT_LOOP_PARALLEL, "nt", q.n_tiles);
    emit_rows(&q);
    for (int i = 0; i < 3; i++)
        alt_nest_end(b);
}
