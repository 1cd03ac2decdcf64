/* lines.c: splitting axes into lines and gathering them; see lines.h. */
#include "runtime/ops/lines.h"

#include <string.h>

void alt_line_box_set(struct alt_line_box *box, const struct alt_operand *in, const struct alt_operand *out)
{
    memset(box, 0, sizeof *box);
    box->rank = in->phys_rank;
    for (int d = 0; d < box->rank; d++) {
        box->extent[d] = in->extent[d];
        box->stride[ALT_LINE_IN][d] = in->stride[d];
        box->stride[ALT_LINE_OUT][d] = out ? out->stride[d] : 0;
    }
}

bool alt_line_box_add(struct alt_line_box *box, int k, const struct alt_operand *o)
{
    const int shift = box->rank - o->phys_rank;
    for (int d = 0; d < o->phys_rank; d++) {
        if (o->extent[d] == 1)
            continue;
        if (d + shift < 0 || o->extent[d] != box->extent[d + shift])
            return false;
        box->stride[k][d + shift] = o->stride[d];
    }
    return true;
}

/* Whether axis d of the box continues the last axis in every operand. */
static bool continues(const struct alt_axes *a, const struct alt_line_box *box, int d)
{
    for (int k = 0; k < ALT_LINE_OPERANDS; k++)
        if (a->stride[k][a->rank - 1] != box->stride[k][d] * box->extent[d])
            return false;
    return true;
}

static void add_axis(struct alt_axes *a, const struct alt_line_box *box, int d)
{
    if (box->extent[d] == 1)
        return;
    if (a->rank > 0 && continues(a, box, d)) {
        a->extent[a->rank - 1] *= box->extent[d];
        a->rank--;
    } else {
        a->extent[a->rank] = box->extent[d];
    }
    for (int k = 0; k < ALT_LINE_OPERANDS; k++)
        a->stride[k][a->rank] = box->stride[k][d];
    a->rank++;
}

bool alt_lines_prepare(struct alt_lines *l, const struct alt_line_box *box, unsigned mask)
{
    memset(l, 0, sizeof *l);
    l->count = l->length = 1;
    for (int d = 0; d < box->rank; d++) {
        const bool along = mask >> d & 1;
        int64_t *total = along ? &l->length : &l->count;
        if (__builtin_mul_overflow(*total, box->extent[d], total))
            return false;
        add_axis(along ? &l->line : &l->kept, box, d);
    }
    return true;
}

bool alt_lines_dense(const struct alt_lines *l, int k)
{
    return l->line.rank == 0 || (l->line.rank == 1 && l->line.stride[k][0] == 1);
}

int64_t alt_axes_offset(const struct alt_axes *a, int k, int64_t i)
{
    int64_t at = 0;
    int d = a->rank - 1;
    for (; d > 0 && i > 0; d--) {
        at += i % a->extent[d] * a->stride[k][d];
        i /= a->extent[d];
    }
    return d == 0 ? at + i * a->stride[k][0] : at;
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

void alt_lines_gather(const struct alt_lines *l, int k, alt_load_fn *load, size_t size, const void *data, int64_t at,
                      int64_t n, void *dst, size_t wide_size)
{
    const struct alt_axes *a = &l->line;
    const int64_t row = a->rank ? a->extent[a->rank - 1] : 1, step = a->rank ? a->stride[k][a->rank - 1] : 1;
    for (char *to = dst; n > 0;) {
        const int64_t run = min64(n, row - at % row);
        load(to, (const char *)data + alt_axes_offset(a, k, at) * (int64_t)size, step, run);
        to += (size_t)run * wide_size;
        at += run;
        n -= run;
    }
}

void alt_lines_scatter(const struct alt_lines *l, alt_store_fn *store, size_t size, void *data, int64_t n, const void *src,
                       size_t wide_size)
{
    const struct alt_axes *a = &l->line;
    const int64_t row = a->rank ? a->extent[a->rank - 1] : 1, step = a->rank ? a->stride[ALT_LINE_OUT][a->rank - 1] : 1;
    const char *from = src;
    for (int64_t at = 0; at < n; at += row) {
        const int64_t run = min64(n - at, row);
        store((char *)data + alt_axes_offset(a, ALT_LINE_OUT, at) * (int64_t)size, step, from, run);
        from += (size_t)run * wide_size;
    }
}

bool alt_axes_mask(const int64_t *axes, int64_t count, int rank, bool empty_is_none, unsigned *mask)
{
    *mask = count == 0 && !empty_is_none ? (1u << rank) - 1 : 0;
    for (int64_t i = 0; i < count; i++) {
        if (axes[i] < -rank || axes[i] >= rank)
            return false;
        *mask |= 1u << (axes[i] < 0 ? axes[i] + rank : axes[i]);
    }
    return true;
}
