/* tile.c: statements on a register tile that convolution and product share. */
#include "jit/expr/expr.h"

struct alt_expr_tiles alt_expr_tiles(struct alt_nest_builder *b, const struct alt_variant *v)
{
    struct alt_expr_tiles t;
    t.acc = alt_nest_tile(b, "acc", 2, (const int64_t[]){v->rows, v->vectors});
    t.wv = alt_nest_tile(b, "wv", 1, (const int64_t[]){v->vectors});
    t.xv = alt_nest_tile(b, "xv", 1, (const int64_t[]){1});
    return t;
}

static struct alt_tile_ref ref2(int tile, struct alt_affine i, struct alt_affine j)
{
    return (struct alt_tile_ref){.tile = tile, .at = {i, j}};
}

static struct alt_affine var(int v) { return alt_affine_plus(alt_affine_base(0), v, 1); }

void alt_expr_zero(struct alt_nest_builder *b, int tile)
{
    alt_nest_add(b, &(struct alt_stmt){.kind = ALT_STMT_ZERO, .dst = &(struct alt_tile_ref){.tile = tile}});
}

void alt_expr_zero_acc(struct alt_nest_builder *b, int tile, int64_t rows, int vectors)
{
    const int i = alt_nest_loop(b, ALT_LOOP_UNROLLED, "i", rows);
    const int j = alt_nest_loop(b, ALT_LOOP_UNROLLED, "j", vectors);
    struct alt_tile_ref dst = ref2(tile, var(i), var(j));
    alt_nest_add(b, &(struct alt_stmt){.kind = ALT_STMT_ZERO, .dst = &dst});
    alt_nest_end(b);
    alt_nest_end(b);
}

void alt_expr_splat(struct alt_nest_builder *b, int tile, const struct alt_buffer_ref *ref)
{
    struct alt_tile_ref dst = {.tile = tile};
    struct alt_buffer_ref from = *ref;
    alt_nest_add(b, &(struct alt_stmt){.kind = ALT_STMT_SPLAT, .dst = &dst, .ref = &from});
}

void alt_expr_load(struct alt_nest_builder *b, int tile, struct alt_affine at, const struct alt_buffer_ref *ref)
{
    struct alt_tile_ref dst = {.tile = tile, .at = {at}};
    struct alt_buffer_ref from = *ref;
    alt_nest_add(b, &(struct alt_stmt){.kind = ALT_STMT_LOAD, .dst = &dst, .ref = &from});
}

void alt_expr_fma(struct alt_nest_builder *b, struct alt_expr_tiles t, int i, int vectors)
{
    const int j = alt_nest_loop(b, ALT_LOOP_UNROLLED, "j", vectors);
    struct alt_tile_ref acc = ref2(t.acc, var(i), var(j)), x = {.tile = t.xv}, w = {.tile = t.wv, .at = {var(j)}};
    alt_nest_add(b, &(struct alt_stmt){.kind = ALT_STMT_FMA, .dst = &acc, .a = &x, .b = &w});
    alt_nest_end(b);
}

/* ---- the epilogue ---- */

static void load_bias(struct alt_nest_builder *b, const struct alt_expr_store *s, int j)
{
    const int64_t lanes = b->status == ALT_OK ? b->nest->lanes : 1;
    const struct alt_buffer_ref from = {
        .buffer = s->bias, .lanes = s->lanes[j], .at = {alt_affine_shift(s->channel, j * lanes)}};
    alt_expr_load(b, s->t.wv, alt_affine_base(j), &from);
}

static void bound(struct alt_nest_builder *b, enum alt_stmt_kind kind, const struct alt_tile_ref *acc, float value)
{
    struct alt_tile_ref dst = *acc;
    alt_nest_add(b, &(struct alt_stmt){.kind = kind, .dst = &dst, .value = value});
}

static void plus(struct alt_nest_builder *b, const struct alt_tile_ref *acc, const struct alt_tile_ref *what)
{
    struct alt_tile_ref dst = *acc, a = *what;
    alt_nest_add(b, &(struct alt_stmt){.kind = ALT_STMT_ADD, .dst = &dst, .a = &a});
}

/* Vector j of row i. */
static struct alt_buffer_ref place(const struct alt_expr_store *s, int buffer, int i, int j)
{
    struct alt_buffer_ref r = {.buffer = buffer, .axis = s->axis, .lanes = s->lanes[j]};
    for (int a = 0; a < ALT_NEST_RANK; a++)
        r.at[a] = s->at[a];
    r.at[s->row_axis] = alt_affine_plus(r.at[s->row_axis], i, 1);
    r.at[s->vector_axis[0]].base += j / s->unit * s->vector_step[0];
    r.at[s->vector_axis[1]].base += j % s->unit * s->vector_step[1];
    return r;
}

static void activate(struct alt_nest_builder *b, const struct alt_epilogue *e, const struct alt_tile_ref *acc)
{
    if (e->activation == ALT_ACT_RELU)
        bound(b, ALT_STMT_MAX, acc, 0);
    if (e->activation == ALT_ACT_CLIP) {
        bound(b, ALT_STMT_MAX, acc, e->lo);
        bound(b, ALT_STMT_MIN, acc, e->hi);
    }
}

static void finish(struct alt_nest_builder *b, const struct alt_expr_store *s, int j)
{
    const int i = alt_nest_loop(b, ALT_LOOP_UNROLLED, "i", s->rows);
    struct alt_tile_ref acc = ref2(s->t.acc, var(i), alt_affine_base(j));
    struct alt_buffer_ref to = place(s, s->out, i, j);

    if (s->guarded)
        alt_nest_when(b, to.at[s->row_axis], ALT_NEST_SYMBOL);
    if (s->e->bias)
        plus(b, &acc, &(struct alt_tile_ref){.tile = s->t.wv, .at = {alt_affine_base(j)}});
    if (s->e->add) {
        const struct alt_buffer_ref from = place(s, s->add, i, j);
        alt_expr_load(b, s->t.xv, alt_affine_base(0), &from);
        plus(b, &acc, &(struct alt_tile_ref){.tile = s->t.xv});
    }
    activate(b, s->e, &acc);
    if (s->whole && b->status == ALT_OK)
        to.lanes = b->nest->lanes;
    alt_nest_add(b, &(struct alt_stmt){.kind = ALT_STMT_STORE, .dst = &acc, .ref = &to});
    if (s->guarded)
        alt_nest_end(b);
    alt_nest_end(b);
}

void alt_expr_store(struct alt_nest_builder *b, const struct alt_expr_store *s)
{
    for (int j = 0; j < s->vectors; j++)
        if (s->e->bias && s->lanes[j] > 0)
            load_bias(b, s, j);
    for (int j = 0; j < s->vectors; j++)
        if (s->lanes[j] > 0)
            finish(b, s, j);
}
