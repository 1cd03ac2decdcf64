/* random_layout.c: primitives are drawn near the legal ones and offered to alt_layout_append, which refuses the others. */
#include "tests/random_layout.h"

#include "tests/cmocka_all.h"

void random_shape(struct rng *r, int rank, int64_t *dims)
{
    for (int i = 0; i < rank; i++)
        dims[i] = rng_range(r, 0, 40) == 0 ? 0 : rng_range(r, 1, rank > 3 ? 5 : 12);
}

/* A divisor of n, or now and then any small number. */
static int64_t near_divisor(struct rng *r, int64_t n)
{
    const int64_t d = rng_range(r, 1, n > 1 ? n : 2);
    for (int64_t i = d; n > 0 && i > 1; i--)
        if (n % i == 0)
            return i;
    return d;
}

struct alt_layout_prim random_prim(struct rng *r, int rank, const int64_t *extent)
{
    const int axis = rank > 0 ? (int)rng_range(r, 0, rank - 1) : 0;
    const int64_t n = rank > 0 ? extent[axis] : 1;
    struct alt_layout_prim p = {(enum alt_layout_op)rng_range(r, 0, ALT_LAYOUT_OP_COUNT - 1), axis, 2, {0}};

    switch (p.op) {
    case ALT_LAYOUT_SPLIT:
        p.arg[1] = near_divisor(r, n);
        p.arg[0] = rng_range(r, 0, 1) ? -1 : n / p.arg[1];
        if (rng_range(r, 0, 2) == 0 && p.arg[0] > 0) {
            p.count = 3;
            p.arg[2] = near_divisor(r, p.arg[0]);
            p.arg[0] /= p.arg[2];
        }
        break;
    case ALT_LAYOUT_REORDER:
        p.axis = 0;
        p.count = rank;
        for (int i = 0; i < rank; i++)
            p.arg[i] = i;
        for (int i = rank - 1; i > 0; i--) {
            const int64_t j = rng_range(r, 0, i), old = p.arg[i];
            p.arg[i] = p.arg[j];
            p.arg[j] = old;
        }
        break;
    case ALT_LAYOUT_FUSE:
        p.count = 1;
        p.arg[0] = rng_range(r, 2, 3);
        break;
    case ALT_LAYOUT_PAD:
        p.arg[0] = rng_range(r, 0, 2);
        p.arg[1] = rng_range(r, 0, 2);
        break;
    case ALT_LAYOUT_PAD_TO:
        p.count = 1;
        p.arg[0] = rng_range(r, 1, 8);
        break;
    case ALT_LAYOUT_UNFOLD:
    case ALT_LAYOUT_OP_COUNT:
        p.arg[0] = rng_range(r, 1, n > 0 ? n + 1 : 2);
        p.arg[1] = rng_range(r, 1, p.arg[0] + 1);
        break;
    }
    return p;
}

const struct alt_layout *random_layout(struct rng *r, struct alt_arena *arena, int rank, const int64_t *dims,
                                       const struct random_layout_limits *limits)
{
    const struct alt_layout *layout = NULL;
    struct alt_extents shape = {.rank = rank};
    struct alt_layout_map map;

    for (int i = 0; i < rank; i++)
        shape.extent[i] = dims[i];
    const int tries = (int)rng_range(r, 0, limits->prims);
    for (int i = 0; i < tries; i++) {
        const struct alt_layout *more = layout;
        assert_int_equal(alt_layout_bind(layout, rank, dims, &map), ALT_OK);
        const struct alt_layout_prim p = random_prim(r, map.phys_rank, map.phys_extent);
        if (p.op == ALT_LAYOUT_UNFOLD && !limits->unfold)
            continue;
        const alt_status status = alt_layout_append(arena, layout, &shape, &p, &more);
        assert_true(status == ALT_OK || status == ALT_E_ILLEGAL);
        if (status != ALT_OK)
            continue;
        assert_int_equal(alt_layout_bind(more, rank, dims, &map), ALT_OK);
        int64_t positions = 1;
        for (int k = 0; k < map.phys_rank; k++)
            positions *= map.phys_extent[k];
        if (positions <= limits->positions)
            layout = more;
    }
    return layout;
}

bool next_index(int rank, const int64_t *extent, int64_t *index)
{
    for (int i = rank - 1; i >= 0; i--) {
        if (++index[i] < extent[i])
            return true;
        index[i] = 0;
    }
    return false;
}
