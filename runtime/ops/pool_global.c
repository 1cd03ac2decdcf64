/* pool_global.c: GlobalMaxPool, GlobalAveragePool, GlobalLpPool: all spatial positions of a channel reduced to one.
 *
 * A long sum in fixed lanes and a fixed tree: lane l takes positions l, l + 16, l + 32, .. in this order; then lane l takes lane
 * l + 8, lane l + 4, and so on. Plain and blocked layouts give the same bits. */
#include "runtime/ops/pool.h"

enum { LANES = 16 };

/* Positions of one input row, number `first` of the channel being at x. Lanes go on from row to row. */
static void add_row(const struct alt_pool *p, const char *x, int64_t first, int64_t count, int64_t step, char *lanes,
                    char *converted)
{
    for (int64_t i = 0; i < count;) {
        const int64_t lane = (first + i) % LANES, left = LANES - lane;
        const int64_t take = count - i < left ? count - i : left;
        const char *from = x + i * step * p->size;
        if (p->convert)
            alt_pool_widen(p, from, take, step, converted);
        alt_pool_reduce(p, lanes + lane * p->block * p->real, p->convert ? converted : from, take,
                        p->convert ? p->block : step);
        i += take;
    }
}

static void run_channel(const struct alt_pool *p, const char *x, char *y, char *scratch)
{
    const struct alt_op_window *w = &p->w;
    const int last = w->rank - 1;
    char *converted = scratch + LANES * p->block * p->real;
    int64_t coord[ALT_WINDOW_RANK] = {0}, position = 0;
    alt_pool_clear(p, scratch, LANES * p->block);
    const int64_t rows = alt_dims_count(last, w->in);
    for (int64_t r = 0; r < rows; r++, position += w->in[last]) {
        int64_t at = 0;
        for (int a = 0; a < last; a++)
            at += coord[a] * p->x_axis[a];
        add_row(p, x + at * p->size, position, w->in[last], p->x_axis[last], scratch, converted);
        for (int a = last - 1; a >= 0 && ++coord[a] == w->in[a]; a--)
            coord[a] = 0;
    }
    for (int64_t half = LANES / 2; half > 0; half /= 2)
        alt_pool_reduce(p, scratch, scratch + half * p->block * p->real, half, p->block);
    alt_pool_finish(p, scratch, 1, &position);
    if (p->narrow) {
        alt_pool_narrow(p, scratch, p->block, y);
        return;
    }
    for (int64_t j = 0; j < p->block * p->size; j++)
        y[j] = scratch[j];
}

static void run(const struct alt_kargs *args)
{
    const struct alt_pool *p = args->params;
    for (int64_t channel = args->begin; channel < args->end; channel++)
        run_channel(p, (const char *)args->operand[0].data +
                           (channel / p->channels * p->x_n + channel % p->channels * p->x_c) * p->size,
                    (char *)args->operand[1].data + channel * p->block * p->size, args->scratch);
}

/* Neighbouring spatial axes that are one axis in memory are joined, so that rows are long. */
static void join_axes(struct alt_pool *p, const struct alt_operand *x)
{
    struct alt_op_window *w = &p->w;
    w->rank = 0;
    for (int a = 2; a < x->rank; a++) {
        const int last = w->rank - 1;
        if (last >= 0 && p->x_axis[last] == x->stride[a] * x->dim[a]) {
            w->in[last] *= x->dim[a];
            p->x_axis[last] = x->stride[a];
            continue;
        }
        w->in[w->rank] = x->dim[a];
        p->x_axis[w->rank++] = x->stride[a];
    }
}

static int bind(struct alt_kernel_bind *bind, enum alt_pool_kind kind)
{
    struct alt_pool *p = alt_arena_alloc(bind->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    alt_pool_read(bind, kind, p);
    join_axes(p, &bind->in[0]);
    bind->params = p;
    bind->range = p->n * p->channels;
    bind->flops = (double)bind->range * (double)p->block * (double)alt_dims_count(p->w.rank, p->w.in);
    bind->scratch = (size_t)(2 * LANES * p->block * p->real);
    return ALT_OK;
}

static int bind_max(struct alt_kernel_bind *b) { return bind(b, ALT_POOL_MAX); }
static int bind_average(struct alt_kernel_bind *b) { return bind(b, ALT_POOL_AVERAGE); }
static int bind_lp(struct alt_kernel_bind *b) { return bind(b, ALT_POOL_LP); }

const struct alt_kernel alt_pool_global_max = {
    .name = "global_max_pool", .fn = run, .bind = bind_max, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
const struct alt_kernel alt_pool_global_average = {
    .name = "global_average_pool", .fn = run, .bind = bind_average, .flags = ALT_KERNEL_STRIDED,
    .numerics = ALT_KERNEL_EXACT};
const struct alt_kernel alt_pool_global_lp = {
    .name = "global_lp_pool", .fn = run, .bind = bind_lp, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
