/* memplan.c: best-fit placement with coalescing gaps. Called once a buffer while a shape is bound, so linear in the number
 * of gaps, which stays small; a global packing would save a few per cent of memory and cost quadratic time. */
#include "runtime/memplan.h"

#include "runtime/mem.h"

#include <stdint.h>
#include <string.h>

void alt_memplan_init(struct alt_memplan *plan, struct alt_arena *arena)
{
    *plan = (struct alt_memplan){.arena = arena};
}

static bool rounded(size_t bytes, size_t *out)
{
    if (bytes > SIZE_MAX / 2)
        return false;
    *out = bytes ? (bytes + ALT_ALIGN - 1) / ALT_ALIGN * ALT_ALIGN : ALT_ALIGN;
    return true;
}

static void remove_gap(struct alt_memplan *plan, int i)
{
    memmove(&plan->gap[i], &plan->gap[i + 1], (size_t)(plan->n_gaps - i - 1) * sizeof *plan->gap);
    plan->n_gaps--;
}

static bool insert_gap(struct alt_memplan *plan, int i, size_t offset, size_t bytes)
{
    if (plan->n_gaps == plan->capacity) {
        int capacity = plan->capacity ? plan->capacity * 2 : 16;
        struct alt_gap *gap = alt_arena_array(plan->arena, (size_t)capacity, sizeof *gap);
        if (!gap)
            return false;
        if (plan->n_gaps)
            memcpy(gap, plan->gap, (size_t)plan->n_gaps * sizeof *gap);
        plan->gap = gap;
        plan->capacity = capacity;
    }
    memmove(&plan->gap[i + 1], &plan->gap[i], (size_t)(plan->n_gaps - i) * sizeof *plan->gap);
    plan->gap[i] = (struct alt_gap){offset, bytes};
    plan->n_gaps++;
    return true;
}

bool alt_memplan_alloc(struct alt_memplan *plan, size_t bytes, size_t *offset)
{
    int best = -1;
    if (!rounded(bytes, &bytes))
        return false;
    for (int i = 0; i < plan->n_gaps; i++)
        if (plan->gap[i].bytes >= bytes && (best < 0 || plan->gap[i].bytes < plan->gap[best].bytes))
            best = i;
    if (best < 0) {
        if (plan->top > SIZE_MAX / 2 - bytes)
            return false;
        *offset = plan->top;
        plan->top += bytes;
        if (plan->top > plan->peak)
            plan->peak = plan->top;
        return true;
    }
    *offset = plan->gap[best].offset;
    plan->gap[best].offset += bytes;
    plan->gap[best].bytes -= bytes;
    if (!plan->gap[best].bytes)
        remove_gap(plan, best);
    return true;
}

bool alt_memplan_free(struct alt_memplan *plan, size_t offset, size_t bytes)
{
    if (!rounded(bytes, &bytes))
        return false;
    int i = 0;
    while (i < plan->n_gaps && plan->gap[i].offset < offset)
        i++;
    bool joins_left = i > 0 && plan->gap[i - 1].offset + plan->gap[i - 1].bytes == offset;
    bool joins_right = i < plan->n_gaps && offset + bytes == plan->gap[i].offset;
    if (joins_left && joins_right) {
        plan->gap[i - 1].bytes += bytes + plan->gap[i].bytes;
        remove_gap(plan, i);
    } else if (joins_left) {
        plan->gap[i - 1].bytes += bytes;
    } else if (joins_right) {
        plan->gap[i].offset = offset;
        plan->gap[i].bytes += bytes;
    } else if (!insert_gap(plan, i, offset, bytes)) {
        return false;
    }
    struct alt_gap *last = plan->n_gaps ? &plan->gap[plan->n_gaps - 1] : NULL;
    if (last && last->offset + last->bytes == plan->top) {
        plan->top = last->offset;
        plan->n_gaps--;
    }
    return true;
}
