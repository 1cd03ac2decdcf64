/* pool_indices.c: MaxPool with its second output, the place of each maximum in the input: the flat row-major index over
 * all axes, or with storage_order 1 one whose spatial part is column-major. The first of equal elements wins; a NaN wins over
 * all numbers. -1 where a window holds nothing but padding. One output element after another; plain layouts only. */
#include "runtime/ops/pool.h"

#include <math.h>
#include <string.h>

struct indices {
    struct alt_pool p;
    int64_t pixels, taps, image;
    int64_t place[ALT_WINDOW_RANK]; /* what a step along each axis adds to the index */
};

/* Finds the maximum of one window: its offset from the channel and its place in the channel. */
static bool find(const struct indices *q, const char *x, const int64_t *out, int64_t *offset, int64_t *place, double *best)
{
    const struct alt_op_window *w = &q->p.w;
    int64_t k[ALT_WINDOW_RANK] = {0};
    bool found = false;
    for (int64_t t = 0; t < q->taps; t++) {
        int64_t at = 0, index = 0;
        bool in = true;
        for (int a = 0; a < w->rank; a++) {
            const int64_t i = out[a] * w->stride[a] - w->begin[a] + k[a] * w->dilation[a];
            in &= i >= 0 && i < w->in[a];
            at += i * q->p.x_axis[a];
            index += i * q->place[a];
        }
        for (int a = w->rank - 1; a >= 0 && ++k[a] == w->kernel[a]; a--)
            k[a] = 0;
        if (!in)
            continue;
        double v;
        float f;
        alt_pool_widen(&q->p, x + at * q->p.size, 1, 1, q->p.real == 8 ? (void *)&v : (void *)&f);
        v = q->p.real == 8 ? v : (double)f;
        if (found && !(v > *best || (isnan(v) && !isnan(*best))))
            continue;
        found = true;
        *best = v;
        *offset = at;
        *place = index;
    }
    return found;
}

static void run(const struct alt_kargs *args)
{
    const struct indices *q = args->params;
    const struct alt_pool *p = &q->p;
    int64_t *index = args->operand[2].data;
    for (int64_t channel = args->begin; channel < args->end; channel++) {
        const char *x = (const char *)args->operand[0].data +
                        (channel / p->channels * p->x_n + channel % p->channels * p->x_c) * p->size;
        char *y = args->operand[1].data;
        int64_t out[ALT_WINDOW_RANK] = {0};
        for (int64_t i = channel * q->pixels; i < (channel + 1) * q->pixels; i++) {
            int64_t offset = 0, place = 0;
            double best = 0;
            const bool found = find(q, x, out, &offset, &place, &best);
            const float none = -INFINITY;
            const double none_wide = -(double)INFINITY;
            if (found && y)
                memcpy(y + i * p->size, x + offset * p->size, (size_t)p->size);
            else if (y && p->dtype == ALT_FLOAT64)
                memcpy(y + i * 8, &none_wide, 8);
            else if (y && p->dtype == ALT_FLOAT32)
                memcpy(y + i * 4, &none, 4);
            else if (y)
                alt_pool_narrow(p, &none, 1, y + i * p->size);
            index[i] = found ? channel * q->image + place : -1;
            for (int a = p->w.rank - 1; a >= 0 && ++out[a] == p->w.out[a]; a--)
                out[a] = 0;
        }
    }
}

static int bind(struct alt_kernel_bind *bind)
{
    const struct alt_operand *x = &bind->in[0], *y = &bind->out[1];
    struct indices *q = alt_arena_alloc(bind->arena, sizeof *q);
    if (!q)
        return ALT_E_NOMEM;
    struct alt_op_window *w = &q->p.w;
    const char *fault = alt_op_window_read(bind->node, x->rank - 2, NULL, w);
    if (fault)
        return alt_bind_fail(bind, ALT_E_MODEL, "%s", fault);
    if (!alt_op_window_fix(w, x->dim + 2, y->dim + 2))
        return alt_bind_fail(bind, ALT_E_SHAPE, "the kernel is larger than the padded input");
    alt_pool_read(bind, ALT_POOL_MAX, &q->p);
    q->pixels = alt_dims_count(w->rank, w->out);
    q->image = alt_dims_count(w->rank, w->in);
    q->taps = alt_op_window_taps(w);
    if (q->taps < 0 || q->taps > INT32_MAX)
        return alt_bind_fail(bind, ALT_E_UNSUPPORTED, "the kernel has too many positions");
    const bool column_major = alt_attr_int(bind->node, "storage_order", 0) != 0;
    int64_t place = 1;
    for (int i = 0; i < w->rank; i++) {
        const int a = column_major ? i : w->rank - 1 - i;
        q->place[a] = place;
        place *= w->in[a];
    }
    bind->params = q;
    bind->range = q->pixels ? q->p.n * q->p.channels : 0;
    bind->flops = (double)bind->range * (double)q->pixels * (double)q->taps;
    return ALT_OK;
}

const struct alt_kernel alt_pool_max_indices = {
    .name = "max_pool_indices", .fn = run, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
