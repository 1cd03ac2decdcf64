/* variant.c: which variants are legal, which are worth trying first, and what they ask of the operands.
 *
 * The order of the list is a guess from counting: vector operations of all tiles, where a tile of R x V costs for each
 * reduction step the largest of its multiply-adds (two a cycle), its loads (two a cycle) and the latency of one chain
 * (4); a B too large for a second-level cache wants to be packed, read once, and fetched ahead.
 */
#include "jit/variant.h"

#include "jit/expr/expr.h"
#include "jit/nest.h"
#include "runtime/error.h"
#include "runtime/layout.h"

#include <string.h>

enum { MOST_ROWS = 30, MOST_VECTORS = 6, MOST_UNROLL = 8, LATENCY = 4, FAR_ELEMENTS = 1 << 18, MOST_STAGED = 1 << 18 };

#if defined(__aarch64__)
#define BASE_VECTOR {4, 32, true}
#else
#define BASE_VECTOR {4, 16, false}
#endif

struct alt_isa_vector alt_isa_vector(enum alt_isa isa)
{
    static const struct alt_isa_vector table[ALT_ISA_COUNT] = {
        [ALT_ISA_BASE] = BASE_VECTOR, [ALT_ISA_AVX2] = {8, 16, true}, [ALT_ISA_AVX512] = {16, 32, true}};
    return table[isa];
}

bool alt_variant_equal(const struct alt_variant *a, const struct alt_variant *b)
{
    return a->in == b->in && a->w == b->w && a->out == b->out && a->lanes == b->lanes && a->rows == b->rows &&
           a->vectors == b->vectors && a->unroll == b->unroll && a->order == b->order && a->prefetch == b->prefetch;
}

enum alt_kernel_numerics alt_variant_numerics(const struct alt_desc *d, const struct alt_variant *v)
{
    (void)d, (void)v;
    return ALT_KERNEL_EXACT;
}

/* ---- legality ---- */

/* A panel in scratch is worth its copy only while it stays in a second-level cache. */
static bool staged_fits(const struct alt_product_desc *p, const struct alt_variant *v)
{
    return p->k <= MOST_STAGED / (v->vectors * v->lanes);
}

static bool block_ok(int block, int lanes) { return block > 0 && block <= ALT_NEST_LANES && block % lanes == 0; }

static bool conv_legal(const struct alt_variant *v)
{
    if (v->prefetch || !block_ok(v->w, v->lanes) || v->vectors * v->lanes % v->w != 0 ||
        (v->out != 0 && v->out != v->w))
        return false;
    return v->in == 0 || block_ok(v->in, v->lanes);
}

static bool packable(const struct alt_product_desc *p) { return p->constant && p->batch == 1; }

bool alt_variant_staged(const struct alt_desc *d, const struct alt_variant *v)
{
    return d->kind == ALT_DESC_PRODUCT && v->w > 0 && !packable(&d->product);
}

static bool product_legal(const struct alt_product_desc *p, const struct alt_variant *v)
{
    const bool by_weights = v->order == ALT_ORDER_WEIGHTS;

    if (v->in != 0 || v->out != 0 || (v->prefetch && (v->w == 0 || !by_weights)))
        return false;
    if (v->w == 0)
        return !p->transposed;
    return v->w == v->vectors * v->lanes && (packable(p) || (!p->transposed && by_weights && staged_fits(p, v)));
}

alt_status alt_variant_check(const struct alt_desc *d, enum alt_isa isa, const struct alt_variant *v)
{
    const struct alt_isa_vector isv = alt_isa_vector(isa);

    if (v->lanes != isv.lanes || v->rows < 1 || v->rows > MOST_ROWS || v->vectors < 1 || v->vectors > MOST_VECTORS ||
        v->unroll < 1 || v->unroll > MOST_UNROLL || (v->order != ALT_ORDER_WEIGHTS && v->order != ALT_ORDER_DATA))
        return ALT_E_ILLEGAL;
    if (v->rows * v->vectors + v->vectors + 1 > isv.registers)
        return ALT_E_ILLEGAL;
    return (d->kind == ALT_DESC_CONV ? conv_legal(v) : product_legal(&d->product, v)) ? ALT_OK : ALT_E_ILLEGAL;
}

/* ---- what to try ---- */

static double step_cost(int64_t rows, int64_t vectors)
{
    const double multiply = (double)(rows * vectors) / 2, load = (double)(rows + vectors) / 2;
    const double most = multiply > load ? multiply : load;
    return most > LATENCY ? most : LATENCY;
}

/* Cost of covering `rows` x `columns` vectors; `overlap`: a last tile of rows may overlap the one before. */
static double cover_cost(int64_t rows, int64_t vectors, const struct alt_variant *v, bool overlap)
{
    const int64_t r = v->rows, rest = rows % r, full = vectors / v->vectors, narrow = vectors % v->vectors;
    double cost = 0;

    for (int side = 0; side < 2; side++) {
        const int64_t width = side == 0 ? v->vectors : narrow, times = side == 0 ? full : narrow > 0;
        const double whole = step_cost(r, width), last = rest == 0             ? 0
                                                         : overlap && rows > r ? whole
                                                                               : step_cost(rest, width);
        cost += (double)times * ((double)(rows / r) * whole + last);
    }
    return cost;
}

static double cost_of(const struct alt_desc *d, const struct alt_variant *v)
{
    if (d->kind == ALT_DESC_PRODUCT) {
        const bool far = d->product.k * d->product.n > FAR_ELEMENTS;
        const double cost = cover_cost(d->product.m, (d->product.n + v->lanes - 1) / v->lanes, v, false);
        return cost * (v->w == 0 ? far ? 4 : 1.5 : alt_variant_staged(d, v) ? 1.05 : 1) * (v->order == ALT_ORDER_DATA && far ? 3 : 1) *
               (v->prefetch == far ? 1 : 1.2);
    }
    const int64_t unit = v->w / v->lanes, vectors = (d->conv.o + v->w - 1) / v->w * unit;
    return cover_cost(alt_conv_desc_out(&d->conv, 1), vectors, v, true) * (v->out == 0 ? 1.02 : 1) *
           (v->order == ALT_ORDER_DATA ? 1.001 : 1);
}

struct list {
    const struct alt_desc *d;
    enum alt_isa isa;
    struct alt_variant *out;
    int count;
};

/* Inserts a legal variant by its cost; what falls off the end is dropped. */
static void offer(struct list *l, struct alt_variant v)
{
    if (alt_variant_check(l->d, l->isa, &v) != ALT_OK)
        return;
    int at = l->count;
    while (at > 0 && cost_of(l->d, &l->out[at - 1]) > cost_of(l->d, &v))
        at--;
    if (at == ALT_VARIANT_MOST)
        return;
    const int last = l->count < ALT_VARIANT_MOST ? l->count++ : l->count - 1;
    for (int i = last; i > at; i--)
        l->out[i] = l->out[i - 1];
    l->out[at] = v;
}

/* Register tiles that keep both multipliers busy, for 16 and 32 registers. */
struct shape {
    int rows, vectors;
};
static const struct shape small[] = {{6, 2}, {4, 3}, {14, 1}}, large[] = {{14, 2}, {8, 3}, {7, 3}, {6, 4}, {28, 1}};

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void offer_conv(struct list *l, struct alt_variant v, const struct shape *s)
{
    const int block = v.lanes < 8 ? 8 : v.lanes, unit = block / v.lanes;
    const int64_t width = alt_conv_desc_out(&l->d->conv, 1), vectors = (l->d->conv.o + block - 1) / block * unit;
    const bool pointwise = l->d->conv.kernel[0] == 1 && l->d->conv.kernel[1] == 1;

    v.w = block;
    v.rows = (int)least(s->rows, width);
    v.vectors = (int)least((s->vectors + unit - 1) / unit * unit, vectors);
    v.unroll = pointwise ? 4 : 1;
    for (int plain = 0; plain < 2; plain++) {
        v.in = plain ? 0 : block;
        v.out = plain ? 0 : block;
        offer(l, v);
    }
    /* Few input channels: blocks of them would mostly be padding. */
    v.in = l->d->conv.c < block ? 0 : block;
    v.out = block;
    v.order = v.in == 0 ? ALT_ORDER_WEIGHTS : ALT_ORDER_DATA;
    offer(l, v);
}

static void offer_product(struct list *l, struct alt_variant v, const struct shape *s)
{
    const int64_t vectors = (l->d->product.n + v.lanes - 1) / v.lanes;

    v.rows = (int)least(s->rows, l->d->product.m);
    v.vectors = (int)least(s->vectors, vectors);
    v.unroll = 4;
    offer(l, v);
    v.w = v.vectors * v.lanes;
    for (int ahead = 0; ahead < 2; ahead++) {
        v.prefetch = ahead;
        offer(l, v);
    }
    v.prefetch = false;
    v.order = ALT_ORDER_DATA;
    v.w = packable(&l->d->product) ? v.vectors * v.lanes : 0;
    offer(l, v);
}

int alt_variant_list(const struct alt_desc *d, enum alt_isa isa, struct alt_variant out[ALT_VARIANT_MOST])
{
    const struct alt_isa_vector isv = alt_isa_vector(isa);
    const struct shape *shape = isv.registers > 16 ? large : small;
    const size_t n = isv.registers > 16 ? sizeof large / sizeof *large : sizeof small / sizeof *small;
    struct list l = {.d = d, .isa = isa, .out = out};

    for (size_t i = 0; i < n; i++) {
        const struct alt_variant v = {.lanes = isv.lanes};
        if (d->kind == ALT_DESC_CONV)
            offer_conv(&l, v, &shape[i]);
        else
            offer_product(&l, v, &shape[i]);
    }
    int kept = 0;
    for (int i = 0; i < l.count; i++) { /* clamped tiles may be the same */
        bool seen = false;
        for (int j = 0; j < kept; j++)
            seen = seen || alt_variant_equal(&out[i], &out[j]);
        if (!seen)
            out[kept++] = out[i];
    }
    return kept;
}

/* ---- layouts and nests ---- */

static alt_status role_layout(const struct alt_desc *d, const struct alt_variant *v, enum alt_desc_role role,
                              struct alt_arena *arena, const struct alt_layout **out)
{
    const int rank = d->kind == ALT_DESC_CONV ? 2 + d->conv.rank : 2;
    const int block = role == ALT_ROLE_INPUT    ? v->in
                      : role == ALT_ROLE_WEIGHT ? v->w
                      : role == ALT_ROLE_BIAS   ? 0
                                                : v->out;

    *out = NULL;
    if (block == 0 || (role == ALT_ROLE_WEIGHT && alt_variant_staged(d, v)))
        return ALT_OK;
    if (d->kind == ALT_DESC_PRODUCT)
        return alt_layout_panels(arena, d->product.transposed ? 0 : 1, block, out);
    return alt_layout_blocked(arena, rank, role == ALT_ROLE_WEIGHT ? 0 : 1, block, out);
}

alt_status alt_variant_layouts(const struct alt_desc *d, const struct alt_variant *v, struct alt_arena *arena,
                               const struct alt_layout *layout[ALT_DESC_MAX_OPERANDS])
{
    enum alt_desc_role role[ALT_DESC_MAX_OPERANDS];
    const int n = alt_desc_operands(d, role);

    for (int i = 0; i < n; i++)
        ALT_CHECK(role_layout(d, v, role[i], arena, &layout[i]));
    return ALT_OK;
}

alt_status alt_variant_nest(const struct alt_desc *d, const struct alt_variant *v, enum alt_isa isa,
                            struct alt_arena *arena, struct alt_nest **out)
{
    const struct alt_isa_vector isv = alt_isa_vector(isa);
    struct alt_nest_builder b;

    ALT_CHECK(alt_desc_check(d));
    ALT_CHECK(alt_variant_check(d, isa, v));
    alt_nest_begin(&b, arena, isv.lanes, isv.registers, isv.fused);
    if (d->kind == ALT_DESC_CONV)
        alt_expr_conv(&b, d, v);
    else
        alt_expr_product(&b, d, v);
    ALT_CHECK(b.status);
    ALT_CHECK(alt_nest_verify(b.nest, NULL));
    *out = b.nest;
    return ALT_OK;
}
