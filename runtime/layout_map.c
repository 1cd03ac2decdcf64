/* layout_map.c: logical index to physical and back, over the resolved steps of a bound layout, and the sliding-window access
 * that goes with unfold. No checks here: bind made them. */
#include "runtime/layout.h"

#include <string.h>

/* Replaces `from` coordinates at `axis` by room for `to`. */
static void resize(int64_t *at, int rank, int axis, int from, int to)
{
    memmove(at + axis + to, at + axis + from, (size_t)(rank - axis - from) * sizeof *at);
}

static void forward_step(const struct alt_layout_step *s, int64_t *at)
{
    int64_t old[ALT_MAX_PHYSICAL_RANK], e = at[s->axis];

    switch (s->op) {
    case ALT_LAYOUT_SPLIT:
        resize(at, s->rank, s->axis, 1, s->count);
        for (int j = s->count - 1; j > 0; j--) {
            at[s->axis + j] = e % s->arg[j];
            e /= s->arg[j];
        }
        at[s->axis] = e;
        break;
    case ALT_LAYOUT_REORDER:
        memcpy(old, at, (size_t)s->rank * sizeof *at);
        for (int j = 0; j < s->rank; j++)
            at[j] = old[s->arg[j]];
        break;
    case ALT_LAYOUT_FUSE:
        for (int j = 1; j < s->count; j++)
            e = e * s->arg[j] + at[s->axis + j];
        resize(at, s->rank, s->axis, s->count, 1);
        at[s->axis] = e;
        break;
    case ALT_LAYOUT_PAD:
        at[s->axis] = e + s->arg[0];
        break;
    case ALT_LAYOUT_UNFOLD: {
        const int64_t stride = s->arg[1], last = s->arg[2] - 1, tile = e / stride < last ? e / stride : last;
        resize(at, s->rank, s->axis, 1, 2);
        at[s->axis] = tile;
        at[s->axis + 1] = e - stride * tile;
        break;
    }
    case ALT_LAYOUT_PAD_TO:
    case ALT_LAYOUT_OP_COUNT:
        break;
    }
}

/* `s->rank` is the rank before the step, that is, after its inverse. False: no element there. */
static bool inverse_step(const struct alt_layout_step *s, int64_t *at)
{
    int64_t old[ALT_MAX_PHYSICAL_RANK], e = at[s->axis];

    switch (s->op) {
    case ALT_LAYOUT_SPLIT:
        for (int j = 1; j < s->count; j++)
            e = e * s->arg[j] + at[s->axis + j];
        resize(at, s->rank + s->count - 1, s->axis, s->count, 1);
        at[s->axis] = e;
        return true;
    case ALT_LAYOUT_REORDER:
        memcpy(old, at, (size_t)s->rank * sizeof *at);
        for (int j = 0; j < s->rank; j++)
            at[s->arg[j]] = old[j];
        return true;
    case ALT_LAYOUT_FUSE:
        resize(at, s->rank - s->count + 1, s->axis, 1, s->count);
        for (int j = s->count - 1; j > 0; j--) {
            at[s->axis + j] = e % s->arg[j];
            e /= s->arg[j];
        }
        at[s->axis] = e;
        return true;
    case ALT_LAYOUT_PAD:
        at[s->axis] = e - s->arg[0];
        return at[s->axis] >= 0 && at[s->axis] < s->arg[1];
    case ALT_LAYOUT_UNFOLD:
        e = s->arg[1] * e + at[s->axis + 1];
        resize(at, s->rank + 1, s->axis, 2, 1);
        at[s->axis] = e;
        return e < s->arg[3];
    case ALT_LAYOUT_PAD_TO:
    case ALT_LAYOUT_OP_COUNT:
        break;
    }
    return false;
}

void alt_layout_forward(const struct alt_layout_map *map, const int64_t *logical, int64_t *phys)
{
    int64_t at[ALT_MAX_PHYSICAL_RANK] = {0};

    memcpy(at, logical, (size_t)map->rank * sizeof *at);
    for (int i = 0; i < map->count; i++)
        forward_step(&map->step[i], at);
    memcpy(phys, at, (size_t)map->phys_rank * sizeof *at);
}

bool alt_layout_inverse(const struct alt_layout_map *map, const int64_t *phys, int64_t *logical)
{
    int64_t at[ALT_MAX_PHYSICAL_RANK] = {0};

    memcpy(at, phys, (size_t)map->phys_rank * sizeof *at);
    for (int i = map->count - 1; i >= 0; i--)
        if (!inverse_step(&map->step[i], at))
            return false;
    memcpy(logical, at, (size_t)map->rank * sizeof *at);
    return true;
}

void alt_layout_depends(const struct alt_layout_map *map, unsigned *mask)
{
    unsigned at[ALT_MAX_PHYSICAL_RANK] = {0}, old[ALT_MAX_PHYSICAL_RANK];

    for (int k = 0; k < map->rank; k++)
        at[k] = 1u << k;
    for (int i = 0; i < map->count; i++) {
        const struct alt_layout_step *s = &map->step[i];
        const int from = s->op == ALT_LAYOUT_FUSE ? s->count : 1;
        const int to = s->op == ALT_LAYOUT_SPLIT ? s->count : s->op == ALT_LAYOUT_UNFOLD ? 2 : 1;
        unsigned all = 0;
        memcpy(old, at, sizeof old);
        if (s->op == ALT_LAYOUT_REORDER) {
            for (int j = 0; j < s->rank; j++)
                at[j] = old[s->arg[j]];
            continue;
        }
        for (int j = 0; j < from; j++)
            all |= old[s->axis + j];
        for (int j = 0; j < to; j++)
            at[s->axis + j] = all;
        memcpy(at + s->axis + to, old + s->axis + from, (size_t)(s->rank - s->axis - from) * sizeof *at);
    }
    memcpy(mask, at, (size_t)map->phys_rank * sizeof *at);
}

alt_status alt_window_unfold(const struct alt_window *w, int64_t *tile, int64_t *step)
{
    int64_t reach, advance, span;

    if (w->stride < 1 || w->dilation < 1 || w->taps < 1 || w->outputs < 1)
        return ALT_E_ILLEGAL;
    if (__builtin_mul_overflow(w->dilation, w->taps - 1, &reach) || reach == INT64_MAX ||
        __builtin_mul_overflow(w->stride, w->outputs, &advance) ||
        __builtin_add_overflow(advance - w->stride, reach + 1, &span))
        return ALT_E_ILLEGAL;
    if (advance > span) /* more stride than window: the tile is widened so that no element is lost */
        span = advance;
    *tile = span;
    *step = advance;
    return ALT_OK;
}

void alt_window_access(const struct alt_window *w, int64_t i, int64_t r, int64_t *tile, int64_t *position)
{
    *tile = i / w->outputs;
    *position = w->stride * (i % w->outputs) + w->dilation * r;
}
