/* pool_window.c: MaxPool, AveragePool, LpPool over sliding windows.
 *
 * An output row (the last spatial axis) is reduced with one input row after another: for every kernel position of the outer
 * axes that lies in the input, and every one of the last axis, with the stretch of outputs whose position lies in it. So
 * padding is never read, and each output meets its kernel positions in ascending order (runtime/kernels/kern.h).
 *
 * The maximum of a large window in two dimensions is that of the maxima of its rows, and the rows are shared with the windows above and
 * below: a tile keeps the maxima along as many input rows as a window spans. Grouping changes no bit, the order being the same. */
#include "runtime/ops/pool.h"

#include <string.h>

enum {
    TILE = 4096,    /* elements of output a tile takes, about */
    MOST_KEPT = 64  /* lines */
};

/* Positions [*first, *last) of outputs or kernel positions i with 0 <= at + i * step < in. */
static void inside(int64_t at, int64_t step, int64_t in, int64_t count, int64_t *first, int64_t *last)
{
    *first = at >= 0 ? 0 : (-at + step - 1) / step;
    *last = at >= in ? 0 : (in - at + step - 1) / step;
    if (*first > count)
        *first = count;
    if (*last > count)
        *last = count;
    if (*last < *first)
        *last = *first;
}

/* One output row under way. */
struct row {
    const struct alt_pool *p;
    const char *x; /* channel */
    char *y, *in;  /* accumulators; place for a converted input row */
    char *kept;    /* lines of maxima.. */
    int64_t *line; /* ..and which input row each is of; -1: none */
    int64_t out[ALT_WINDOW_RANK]; /* coordinates of the row by outer axis */
};

/* Reduces the row with one input row, which starts at x. */
static void add_input_row(const struct row *r, const char *x)
{
    const struct alt_pool *p = r->p;
    const struct alt_op_window *w = &p->w;
    const int last = w->rank - 1;
    const int64_t block = p->block;
    int64_t step = p->x_axis[last], size = p->size;
    if (p->convert) {
        alt_pool_widen(p, x, w->in[last], step, r->in);
        x = r->in;
        step = block;
        size = p->real;
    }
    /* Kernel positions that meet the input at some output. */
    int64_t first, end;
    const int64_t reach = (w->out[last] - 1) * w->stride[last];
    inside(reach - w->begin[last], w->dilation[last], w->in[last] + reach, w->kernel[last], &first, &end);
    for (int64_t k = first; k < end; k++) {
        const int64_t at = k * w->dilation[last] - w->begin[last];
        int64_t from, to;
        inside(at, w->stride[last], w->in[last], w->out[last], &from, &to);
        if (from < to)
            alt_pool_reduce(p, r->y + from * block * p->real, x + (at + from * w->stride[last]) * step * size, to - from,
                            step * w->stride[last]);
    }
}

/* Kernel positions of the outer axes that lie in the input. */
static void outer_range(const struct row *r, int64_t *first, int64_t *last)
{
    const struct alt_op_window *w = &r->p->w;
    for (int a = 0; a < w->rank - 1; a++)
        inside(r->out[a] * w->stride[a] - w->begin[a], w->dilation[a], w->in[a], w->kernel[a], &first[a], &last[a]);
}

static void add_inputs(const struct row *r)
{
    const struct alt_pool *p = r->p;
    const struct alt_op_window *w = &p->w;
    int64_t first[ALT_WINDOW_RANK], last[ALT_WINDOW_RANK], k[ALT_WINDOW_RANK];
    outer_range(r, first, last);
    for (int a = 0; a < w->rank - 1; a++) {
        if (first[a] == last[a])
            return;
        k[a] = first[a];
    }
    for (;;) {
        int64_t at = 0;
        for (int a = 0; a < w->rank - 1; a++)
            at += (r->out[a] * w->stride[a] - w->begin[a] + k[a] * w->dilation[a]) * p->x_axis[a];
        add_input_row(r, r->x + at * p->size);
        int a = w->rank - 2;
        for (; a >= 0 && ++k[a] == last[a]; a--)
            k[a] = first[a];
        if (a < 0)
            return;
    }
}

/* The same by way of the maxima along each input row. */
static void add_kept_lines(const struct row *r)
{
    const struct alt_pool *p = r->p;
    const struct alt_op_window *w = &p->w;
    const int64_t count = w->out[1] * p->block;
    int64_t first = 0, last = 0;
    outer_range(r, &first, &last);
    for (int64_t k = first; k < last; k++) {
        const int64_t in = r->out[0] * w->stride[0] - w->begin[0] + k * w->dilation[0], slot = in % p->kept;
        struct row line = *r;
        line.y = r->kept + slot * count * p->real;
        if (r->line[slot] != in) {
            alt_pool_clear(p, line.y, count);
            add_input_row(&line, r->x + in * p->x_axis[0] * p->size);
            r->line[slot] = in;
        }
        alt_pool_reduce(p, r->y, line.y, w->out[1], p->block);
    }
}

/* Kernel positions along an axis that count at output o: those in the input, with count_include_pad those in the padded one. */
static int64_t counted(const struct alt_pool *p, int axis, int64_t o)
{
    const struct alt_op_window *w = &p->w;
    int64_t first, last;
    const int64_t before = p->count_padding ? w->begin[axis] : 0, behind = p->count_padding ? w->end[axis] : 0;
    inside(o * w->stride[axis] - w->begin[axis] + before, w->dilation[axis], w->in[axis] + before + behind, w->kernel[axis],
           &first, &last);
    return last - first;
}

/* AveragePool: divides each output of the row by the elements it counts. */
static void finish_row(const struct row *r)
{
    const struct alt_pool *p = r->p;
    const int last = p->w.rank - 1;
    int64_t outer = 1;
    for (int a = 0; a < last; a++)
        outer *= counted(p, a, r->out[a]);
    for (int64_t o = 0; o < p->w.out[last]; o++) {
        const int64_t divisor = p->kind == ALT_POOL_AVERAGE ? outer * counted(p, last, o) : 1;
        alt_pool_finish(p, r->y + o * p->block * p->real, 1, &divisor);
    }
}

static void run_row(const struct alt_pool *p, const char *x, int64_t number, char *y, char *scratch, int64_t *line)
{
    const int64_t count = p->w.out[p->w.rank - 1] * p->block;
    struct row r = {.p = p, .x = x, .y = p->narrow ? scratch : y, .line = line};
    if (scratch) {
        r.in = scratch + p->at_in;
        r.kept = scratch + p->at_kept;
    }
    for (int a = p->w.rank - 2; a >= 0; a--) {
        r.out[a] = number % p->w.out[a];
        number /= p->w.out[a];
    }
    alt_pool_clear(p, r.y, count);
    if (p->kept)
        add_kept_lines(&r);
    else
        add_inputs(&r);
    if (p->kind != ALT_POOL_MAX)
        finish_row(&r);
    if (p->narrow)
        alt_pool_narrow(p, r.y, count, y);
}

static void run(const struct alt_kargs *args)
{
    const struct alt_pool *p = args->params;
    const int64_t row_size = p->w.out[p->w.rank - 1] * p->block * p->size;
    int64_t rows = 1, line[MOST_KEPT];
    for (int a = 0; a < p->w.rank - 1; a++)
        rows *= p->w.out[a];
    for (int64_t tile = args->begin; tile < args->end; tile++) {
        const int64_t channel = tile / p->row_tiles, first = tile % p->row_tiles * p->rows;
        const char *x = (const char *)args->operand[0].data +
                        (channel / p->channels * p->x_n + channel % p->channels * p->x_c) * p->size;
        char *y = (char *)args->operand[1].data + channel * rows * row_size;
        for (int64_t i = 0; i < p->kept; i++)
            line[i] = -1;
        for (int64_t i = first; i < rows && i < first + p->rows; i++)
            run_row(p, x, i, y + i * row_size, args->scratch, line);
    }
}

/* How many lines of maxima are worth keeping: as many as a window spans, where tiles are higher and it saves a quarter of the operations. */
static int64_t lines_kept(const struct alt_pool *p)
{
    const struct alt_op_window *w = &p->w;
    if (p->kind != ALT_POOL_MAX || w->rank != 2)
        return 0;
    const int64_t span = alt_op_window_span(w, 0), with = w->stride[0] * (w->kernel[1] + 1) + w->kernel[0];
    const bool high = p->rows >= 2 * span || p->rows >= w->out[0];
    return high && span <= MOST_KEPT && 4 * with < 3 * w->kernel[0] * w->kernel[1] ? span : 0;
}

static int bind(struct alt_kernel_bind *bind, enum alt_pool_kind kind)
{
    const struct alt_operand *x = &bind->in[0], *y = &bind->out[0];
    struct alt_pool *p = alt_arena_alloc(bind->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    const char *fault = alt_op_window_read(bind->node, x->rank - 2, NULL, &p->w);
    if (fault)
        return alt_bind_fail(bind, ALT_E_MODEL, "%s", fault);
    if (!alt_op_window_fix(&p->w, x->dim + 2, y->dim + 2))
        return alt_bind_fail(bind, ALT_E_SHAPE, "the kernel is larger than the padded input");
    alt_pool_read(bind, kind, p);
    const int last = p->w.rank - 1;
    const int64_t rows = alt_dims_count(last, p->w.out), row = p->w.out[last] * p->block;
    bind->params = p;
    bind->range = 0;
    if (rows * row * p->n * p->channels == 0)
        return ALT_OK;
    p->rows = row >= TILE ? 1 : TILE / row;
    p->row_tiles = (rows + p->rows - 1) / p->rows;
    p->at_in = (row * p->real + ALT_ALIGN - 1) / ALT_ALIGN * ALT_ALIGN;
    bind->range = p->n * p->channels * p->row_tiles;
    bind->flops = (double)p->n * (double)p->channels * (double)rows * (double)row;
    for (int a = 0; a <= last; a++)
        bind->flops *= (double)p->w.kernel[a];
    p->kept = lines_kept(p);
    p->at_kept = p->at_in + (p->convert ? p->w.in[last] * p->block * p->real : 0);
    if (p->convert || p->kept)
        bind->scratch = (size_t)(p->at_kept + p->kept * row * p->real);
    return ALT_OK;
}

static int bind_max(struct alt_kernel_bind *b) { return bind(b, ALT_POOL_MAX); }
static int bind_average(struct alt_kernel_bind *b) { return bind(b, ALT_POOL_AVERAGE); }
static int bind_lp(struct alt_kernel_bind *b) { return bind(b, ALT_POOL_LP); }

const struct alt_kernel alt_pool_max = {
    .name = "max_pool", .fn = run, .bind = bind_max, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
const struct alt_kernel alt_pool_average = {
    .name = "average_pool", .fn = run, .bind = bind_average, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
const struct alt_kernel alt_pool_lp = {
    .name = "lp_pool", .fn = run, .bind = bind_lp, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
