/* layout.c: sequences of layout primitives: what is legal, how they are built, compared and bound to a shape.
 *
 * `resolve` is the one place that decides whether a primitive may be applied and what shape it leaves; appending and
 * binding both go through it, so they cannot disagree. Extents that are not known (-1) make it skip what it cannot
 * decide yet. The index maps (layout_map.c) then run over resolved steps and check nothing.
 */
#include "runtime/layout.h"

#include "runtime/mem.h"

#include <string.h>

#define UNKNOWN (-1)

/* a * b for a, b >= 0; -1 on overflow. */
static int64_t multiply(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? -1 : product;
}

/* Replaces `from` axes at `axis` by `to` ones, which the caller then fills. */
static bool resize(struct alt_extents *s, int axis, int from, int to)
{
    if (s->rank - from + to > ALT_MAX_PHYSICAL_RANK)
        return false;
    memmove(s->extent + axis + to, s->extent + axis + from, (size_t)(s->rank - axis - from) * sizeof *s->extent);
    s->rank += to - from;
    return true;
}

static bool resolve_split(struct alt_layout_step *step, struct alt_extents *s)
{
    const int64_t extent = s->extent[step->axis];
    int64_t product = 1;
    int rest = -1;

    if (step->count < 2)
        return false;
    for (int i = 0; i < step->count; i++) {
        if (step->arg[i] == UNKNOWN && rest < 0)
            rest = i;
        else if (step->arg[i] < 1 || (product = multiply(product, step->arg[i])) < 0)
            return false;
    }
    if (extent >= 0 && (rest >= 0 ? extent % product != 0 : extent != product))
        return false;
    if (rest >= 0)
        step->arg[rest] = extent >= 0 ? extent / product : UNKNOWN;
    if (!resize(s, step->axis, 1, step->count))
        return false;
    memcpy(s->extent + step->axis, step->arg, (size_t)step->count * sizeof *step->arg);
    return true;
}

static bool resolve_reorder(struct alt_layout_step *step, struct alt_extents *s)
{
    const struct alt_extents old = *s;
    unsigned seen = 0;

    if (step->axis != 0 || step->count != s->rank)
        return false;
    for (int i = 0; i < s->rank; i++) {
        if (step->arg[i] < 0 || step->arg[i] >= s->rank || (seen & 1u << step->arg[i]))
            return false;
        seen |= 1u << step->arg[i];
    }
    for (int i = 0; i < s->rank; i++)
        s->extent[i] = old.extent[step->arg[i]];
    return true;
}

static bool resolve_fuse(struct alt_layout_step *step, struct alt_extents *s)
{
    int64_t product = 1;

    if (step->count != 1 || step->arg[0] < 2 || step->arg[0] > s->rank - step->axis)
        return false;
    step->count = (int)step->arg[0];
    memcpy(step->arg, s->extent + step->axis, (size_t)step->count * sizeof *step->arg);
    for (int i = 0; i < step->count && product >= 0; i++) {
        if (step->arg[i] < 0)
            product = UNKNOWN;
        else if ((product = multiply(product, step->arg[i])) < 0)
            return false;
    }
    if (!resize(s, step->axis, step->count, 1))
        return false;
    s->extent[step->axis] = product;
    return true;
}

static bool resolve_pad(struct alt_layout_step *step, struct alt_extents *s)
{
    const int64_t extent = s->extent[step->axis];
    int64_t lo = step->arg[0], hi = step->arg[1], padded;

    if (step->count != 2 || lo < 0 || hi < 0 || __builtin_add_overflow(lo, hi, &padded))
        return false;
    if (extent >= 0 && __builtin_add_overflow(padded, extent, &padded))
        return false;
    step->arg[1] = extent;
    s->extent[step->axis] = extent >= 0 ? padded : UNKNOWN;
    return true;
}

static bool resolve_pad_to(struct alt_layout_step *step, struct alt_extents *s)
{
    const int64_t extent = s->extent[step->axis], multiple = step->arg[0];
    int64_t padded;

    if (step->count != 1 || multiple < 1)
        return false;
    if (extent >= 0) {
        const int64_t missing = (multiple - extent % multiple) % multiple;
        if (__builtin_add_overflow(extent, missing, &padded))
            return false;
        s->extent[step->axis] = padded;
    }
    *step = (struct alt_layout_step){ALT_LAYOUT_PAD, step->axis, 2, step->rank, {0, extent}};
    return true;
}

static bool resolve_unfold(struct alt_layout_step *step, struct alt_extents *s)
{
    const int64_t extent = s->extent[step->axis], tile = step->arg[0], stride = step->arg[1];
    int64_t tiles = UNKNOWN;

    if (step->count != 2 || stride < 1 || stride > tile || (extent >= 0 && tile > extent))
        return false;
    if (extent >= 0)
        tiles = (extent - tile) / stride + ((extent - tile) % stride != 0) + 1;
    if (!resize(s, step->axis, 1, 2))
        return false;
    s->extent[step->axis] = tiles;
    s->extent[step->axis + 1] = tile;
    step->count = 4;
    step->arg[2] = tiles;
    step->arg[3] = extent;
    return true;
}

/* Resolves `prim` for shape `s` and changes `s` to the shape after it. False: illegal, both outputs undefined. */
static bool resolve(const struct alt_layout_prim *prim, struct alt_extents *s, struct alt_layout_step *step)
{
    static bool (*const table[ALT_LAYOUT_OP_COUNT])(struct alt_layout_step *, struct alt_extents *) = {
        [ALT_LAYOUT_SPLIT] = resolve_split, [ALT_LAYOUT_REORDER] = resolve_reorder, [ALT_LAYOUT_FUSE] = resolve_fuse,
        [ALT_LAYOUT_PAD] = resolve_pad,     [ALT_LAYOUT_PAD_TO] = resolve_pad_to,   [ALT_LAYOUT_UNFOLD] = resolve_unfold,
    };

    if ((unsigned)prim->op >= ALT_LAYOUT_OP_COUNT || prim->axis < 0 || prim->axis >= s->rank || prim->count < 1 ||
        prim->count > ALT_MAX_PHYSICAL_RANK)
        return false;
    *step = (struct alt_layout_step){prim->op, prim->axis, prim->count, s->rank, {0}};
    memcpy(step->arg, prim->arg, (size_t)prim->count * sizeof *step->arg);
    return table[prim->op](step, s);
}

/* Known extents have a product within int64; a zero makes it zero, but the others must still multiply: strides need it. */
static bool countable(const struct alt_extents *s)
{
    int64_t product = 1;

    for (int i = 0; i < s->rank; i++)
        if (s->extent[i] > 1 && (product = multiply(product, s->extent[i])) < 0)
            return false;
    return true;
}

alt_status alt_layout_append(struct alt_arena *arena, const struct alt_layout *base, const struct alt_extents *shape,
                             const struct alt_layout_prim *prim, const struct alt_layout **out)
{
    const int count = base ? base->count : 0;
    struct alt_extents s = *shape;
    struct alt_layout_step step;

    if (shape->rank < 0 || shape->rank > ALT_MAX_RANK || (base && base->rank != shape->rank) ||
        count == ALT_LAYOUT_MAX_PRIMS)
        return ALT_E_ILLEGAL;
    for (int i = 0; i < s.rank; i++)
        if (s.extent[i] < 0)
            s.extent[i] = UNKNOWN;
    for (int i = 0; i <= count; i++)
        if (!resolve(i < count ? &base->prim[i] : prim, &s, &step) || !countable(&s))
            return ALT_E_ILLEGAL;
    struct alt_layout *layout = alt_arena_alloc(arena, sizeof *layout);
    struct alt_layout_prim *copy = alt_arena_array(arena, (size_t)count + 1, sizeof *copy);
    if (!layout || !copy)
        return ALT_E_NOMEM;
    if (base)
        memcpy(copy, base->prim, (size_t)count * sizeof *copy);
    copy[count].op = prim->op;
    copy[count].axis = prim->axis;
    copy[count].count = prim->count;
    memcpy(copy[count].arg, prim->arg, (size_t)prim->count * sizeof *prim->arg);
    *layout = (struct alt_layout){shape->rank, s.rank, count + 1, copy};
    *out = layout;
    return ALT_OK;
}

alt_status alt_layout_bind(const struct alt_layout *layout, int rank, const int64_t *dims, struct alt_layout_map *map)
{
    struct alt_extents s = {.rank = rank};

    if (rank < 0 || rank > ALT_MAX_RANK || (layout && layout->rank != rank))
        return ALT_E_ILLEGAL;
    map->rank = rank;
    map->count = layout ? layout->count : 0;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return ALT_E_ILLEGAL;
        map->extent[i] = s.extent[i] = dims[i];
    }
    for (int i = 0; i < map->count; i++)
        if (!resolve(&layout->prim[i], &s, &map->step[i]))
            return ALT_E_ILLEGAL;
    if (!countable(&s))
        return ALT_E_ILLEGAL;
    map->phys_rank = s.rank;
    memcpy(map->phys_extent, s.extent, sizeof map->phys_extent);
    return ALT_OK;
}

alt_status alt_layout_blocked(struct alt_arena *arena, int rank, int axis, int64_t block, const struct alt_layout **out)
{
    struct alt_extents shape = {.rank = rank};
    const struct alt_layout_prim pad = {ALT_LAYOUT_PAD_TO, axis, 1, {block}};
    const struct alt_layout_prim split = {ALT_LAYOUT_SPLIT, axis, 2, {-1, block}};
    struct alt_layout_prim order = {ALT_LAYOUT_REORDER, 0, rank + 1, {0}};
    const struct alt_layout *layout = NULL;
    alt_status status;

    if (rank < 1 || rank > ALT_MAX_RANK)
        return ALT_E_ILLEGAL;
    for (int i = 0; i < rank; i++) {
        shape.extent[i] = UNKNOWN;
        order.arg[i] = i <= axis ? i : i + 1;
    }
    order.arg[rank] = axis + 1;
    if ((status = alt_layout_append(arena, NULL, &shape, &pad, &layout)) != ALT_OK ||
        (status = alt_layout_append(arena, layout, &shape, &split, &layout)) != ALT_OK ||
        (status = alt_layout_append(arena, layout, &shape, &order, &layout)) != ALT_OK)
        return status;
    *out = layout;
    return ALT_OK;
}

int64_t alt_layout_block(const struct alt_layout *layout, int axis)
{
    if (!layout || layout->count != 3)
        return 0;
    const struct alt_layout_prim *pad = &layout->prim[0], *split = &layout->prim[1], *order = &layout->prim[2];
    if (pad->op != ALT_LAYOUT_PAD_TO || pad->axis != axis || split->op != ALT_LAYOUT_SPLIT || split->axis != axis ||
        split->count != 2 || split->arg[0] != -1 || split->arg[1] != pad->arg[0] || order->op != ALT_LAYOUT_REORDER)
        return 0;
    for (int i = 0; i < layout->rank; i++)
        if (order->arg[i] != (i <= axis ? i : i + 1))
            return 0;
    return pad->arg[0];
}

/* Panels of columns that are axis 1: blocked, then the panels before the rows. */
static const struct alt_layout_prim panels_first = {.op = ALT_LAYOUT_REORDER, .count = 3, .arg = {1, 0, 2}};

alt_status alt_layout_panels(struct alt_arena *arena, int axis, int64_t block, const struct alt_layout **out)
{
    const struct alt_extents unknown = {2, {-1, -1}};
    const struct alt_layout *blocked;

    const alt_status status = alt_layout_blocked(arena, 2, axis, block, &blocked);
    if (status == ALT_OK && axis == 1)
        return alt_layout_append(arena, blocked, &unknown, &panels_first, out);
    if (status == ALT_OK)
        *out = blocked;
    return status;
}

int64_t alt_layout_panel(const struct alt_layout *layout, int axis)
{
    if (!layout || layout->rank != 2)
        return 0;
    if (axis == 0)
        return alt_layout_block(layout, 0);
    struct alt_layout blocked = *layout;
    blocked.count--;
    const struct alt_layout_prim *last = &layout->prim[blocked.count];
    const bool reordered = last->op == panels_first.op && last->count == panels_first.count &&
                           memcmp(last->arg, panels_first.arg, 3 * sizeof *last->arg) == 0;
    return reordered && blocked.count > 0 ? alt_layout_block(&blocked, 1) : 0;
}

bool alt_layout_equal(const struct alt_layout *a, const struct alt_layout *b)
{
    if (a == b)
        return true;
    if (!a || !b || a->rank != b->rank || a->count != b->count)
        return false;
    for (int i = 0; i < a->count; i++) {
        const struct alt_layout_prim *p = &a->prim[i], *q = &b->prim[i];
        if (p->op != q->op || p->axis != q->axis || p->count != q->count ||
            memcmp(p->arg, q->arg, (size_t)p->count * sizeof *p->arg) != 0)
            return false;
    }
    return true;
}

/* FNV-1a over whole numbers. */
static uint64_t mix(uint64_t hash, int64_t number)
{
    for (int i = 0; i < 64; i += 8)
        hash = (hash ^ ((uint64_t)number >> i & 0xff)) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t alt_layout_hash(const struct alt_layout *layout)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    if (!layout)
        return hash;
    hash = mix(hash, layout->rank);
    for (int i = 0; i < layout->count; i++) {
        const struct alt_layout_prim *p = &layout->prim[i];
        hash = mix(mix(mix(hash, (int64_t)p->op), p->axis), p->count);
        for (int j = 0; j < p->count; j++)
            hash = mix(hash, p->arg[j]);
    }
    return hash;
}

static bool has(const struct alt_layout *layout, enum alt_layout_op op)
{
    for (int i = 0; layout && i < layout->count; i++)
        if (layout->prim[i].op == op)
            return true;
    return false;
}

bool alt_layout_injective(const struct alt_layout *layout)
{
    return !has(layout, ALT_LAYOUT_UNFOLD);
}

bool alt_layout_compact(const struct alt_layout *layout)
{
    return !has(layout, ALT_LAYOUT_UNFOLD) && !has(layout, ALT_LAYOUT_PAD) && !has(layout, ALT_LAYOUT_PAD_TO);
}

int alt_layout_phys_rank(const struct alt_layout *layout, int rank)
{
    return layout ? layout->phys_rank : rank;
}
