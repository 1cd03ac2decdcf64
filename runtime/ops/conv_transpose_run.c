/* conv_transpose_run.c: the kernel of ConvTranspose: matrix products over gathered windows, one phase at a time.
 *
 * Outputs whose positions leave the same remainder by the stride (along every axis: a phase) meet the same kernel positions, and
 * their windows lie side by side in the input. So each phase is a small convolution of stride 1 with a part of the kernel, and no
 * multiplication by inserted zeros is made. A tile is PANELS panels of one phase by ROWS output channels of one group: the
 * weights it needs are packed once for all panels, sums rest in scratch and are then scattered to y. */
#include "runtime/kernels/kern.h"
#include "runtime/ops/conv_transpose.h"
#include "runtime/ops/gather_panel.h"

#include <string.h>

enum { DEPTH = 256, PANELS = 8, ROWS = 48 };

/* Along one axis: outputs first, first + stride, .. and the kernel positions that they meet. */
struct phase {
    int64_t outputs, taps;
    const int64_t *base, *kernel; /* [taps]: input position of the first output; kernel position */
};

struct transpose {
    struct alt_transpose_window t;
    const struct alt_kern *kern;
    alt_dtype dtype;
    bool wide, bias;
    int64_t size, real;
    int64_t n, group, ic, oc, pixels;
    int64_t x_n, x_c, x_axis[ALT_WINDOW_RANK];
    int64_t w_c, w_o, w_axis[ALT_WINDOW_RANK], b_o;
    struct phase *phase[ALT_WINDOW_RANK];
    int64_t phases[ALT_WINDOW_RANK], all_phases, taps; /* taps: of the largest phase */
    int64_t rows, shares, chunks;
    int64_t at_weights, at_sums, at_index, at_work, at_run, at_tap, at_bias;
};

/* One tile under way. */
struct tile {
    const struct transpose *p;
    struct alt_panel panel;
    int64_t first[ALT_WINDOW_RANK]; /* output position of the phase */
    int64_t taps, k, pixels;        /* of the phase */
    int64_t rows, pixel, panels;
    const char *x, *w, *b;
    char *y, *scratch;
};

static int64_t *longs(const struct tile *t, int64_t at) { return (int64_t *)(void *)(t->scratch + at); }

/* Offsets of the phase's weights from their channel's first, taps ascending. */
static void tap_offsets(const struct tile *t, const struct phase *const *phase)
{
    const struct transpose *p = t->p;
    const int rank = p->t.w.rank;
    int64_t *out = longs(t, p->at_tap), e[ALT_WINDOW_RANK] = {0};
    for (int64_t i = 0; i < t->taps; i++) {
        out[i] = 0;
        for (int a = 0; a < rank; a++)
            out[i] += phase[a]->kernel[e[a]] * p->w_axis[a];
        for (int a = rank - 1; a >= 0 && ++e[a] == phase[a]->taps; a--)
            e[a] = 0;
    }
}

static void copy_weight(const struct transpose *p, const char *w, int64_t at, char *to)
{
    if (p->wide)
        *(float *)(void *)to = alt_half_get(p->dtype, w, at);
    else if (p->size == 4)
        memcpy(to, w + at * 4, 4);
    else
        memcpy(to, w + at * 8, 8);
}

/* Weights of the tile's rows, reduction indices [k0, k0 + depth). */
static void pack_weights(const struct tile *t, int64_t k0, int64_t depth)
{
    const struct transpose *p = t->p;
    const int64_t *tap = longs(t, p->at_tap);
    if (t->taps == 0)
        return;
    for (int64_t i = 0; i < t->rows; i++) {
        char *to = t->scratch + p->at_weights + i * DEPTH * p->real;
        int64_t channel = i * p->w_o + k0 / t->taps * p->w_c, at = k0 % t->taps;
        for (int64_t k = 0; k < depth; k++, to += p->real) {
            copy_weight(p, t->w, channel + tap[at], to);
            if (++at == t->taps) {
                at = 0;
                channel += p->w_c;
            }
        }
    }
}

static int64_t panel_cols(const struct tile *t, int64_t panel)
{
    const int64_t left = t->pixels - t->pixel - panel * t->p->kern->nr;
    return left < t->p->kern->nr ? left : t->p->kern->nr;
}

/* Adds reduction indices [k0, k0 + depth) to the sums of one panel. */
static void add_panel(const struct tile *t, int64_t panel, int64_t k0, int64_t depth)
{
    const struct transpose *p = t->p;
    const int64_t nr = p->kern->nr;
    const int64_t *index = longs(t, p->at_index) + panel * p->taps * nr;
    if (p->wide)
        alt_panel_gather_half(&t->panel, p->dtype, t->x, p->x_c, index, k0, depth, (float *)(void *)t->scratch);
    else if (depth)
        p->kern->gather(&(struct alt_kern_gather){.source = t->x, .channel = p->x_c, .taps = t->taps, .first = k0,
                                                  .rows = depth, .index = index,
                                                  .run = (bool *)(t->scratch + p->at_run) + panel * p->taps,
                                                  .out = t->scratch});
    struct alt_kern_gemm g = {.m = t->rows, .n = panel_cols(t, panel), .k = depth, .a = t->scratch + p->at_weights,
                              .a_row = DEPTH, .a_col = 1, .b = t->scratch, .b_row = nr,
                              .c = t->scratch + p->at_sums + panel * p->rows * nr * p->real, .c_row = nr,
                              .accumulate = k0 > 0};
    if (p->bias && k0 + depth == t->k) {
        g.bias = p->wide ? t->scratch + p->at_bias : t->b;
        g.bias_row = p->wide ? 1 : p->b_o;
    }
    p->kern->gemm(&g);
}

/* Scatters the sums of one panel to y. */
static void put_panel(const struct tile *t, int64_t panel)
{
    const struct transpose *p = t->p;
    const struct alt_op_window *w = &p->t.w;
    int64_t coord[ALT_WINDOW_RANK][ALT_PANEL_MOST];
    const int64_t cols = panel_cols(t, panel), nr = p->kern->nr;
    alt_panel_coords(&t->panel, t->pixel + panel * nr, cols, coord);
    int64_t place[ALT_PANEL_MOST] = {0};
    for (int64_t j = 0; j < cols; j++)
        for (int a = 0; a < w->rank; a++)
            place[j] = place[j] * w->out[a] + t->first[a] + coord[a][j] * w->stride[a];
    const char *from = t->scratch + p->at_sums + panel * p->rows * nr * p->real;
    char *y = t->y;
    for (int64_t i = 0; i < t->rows; i++, from += nr * p->real, y += p->pixels * p->size) {
        for (int64_t j = 0; p->wide && j < cols; j++)
            alt_half_put(p->dtype, y, place[j], ((const float *)(const void *)from)[j]);
        for (int64_t j = 0; !p->wide && p->size == 4 && j < cols; j++)
            ((float *)(void *)y)[place[j]] = ((const float *)(const void *)from)[j];
        for (int64_t j = 0; p->size == 8 && j < cols; j++)
            ((double *)(void *)y)[place[j]] = ((const double *)(const void *)from)[j];
    }
}

static void run_tile(const struct tile *t)
{
    const struct transpose *p = t->p;
    const int64_t nr = p->kern->nr;
    float *bias = (float *)(void *)(t->scratch + p->at_bias);
    for (int64_t i = 0; p->wide && p->bias && i < t->rows; i++)
        bias[i] = alt_half_get(p->dtype, t->b, i * p->b_o);
    for (int64_t q = 0; q < t->panels; q++)
        alt_panel_index(&t->panel, t->pixel + q * nr, panel_cols(t, q), longs(t, p->at_work),
                        longs(t, p->at_index) + q * p->taps * nr, (bool *)(t->scratch + p->at_run) + q * p->taps);
    int64_t k = 0;
    do {
        const int64_t depth = t->k - k < DEPTH ? t->k - k : DEPTH;
        pack_weights(t, k, depth);
        for (int64_t q = 0; q < t->panels; q++)
            add_panel(t, q, k, depth);
        k += depth;
    } while (k < t->k);
    for (int64_t q = 0; q < t->panels; q++)
        put_panel(t, q);
}

/* Sets the phase and its pixels [chunk * PANELS panels..); false when the phase has not so many. */
static bool set_phase(struct tile *t, int64_t number, int64_t chunk)
{
    const struct transpose *p = t->p;
    const struct alt_op_window *w = &p->t.w;
    const struct phase *phase[ALT_WINDOW_RANK];
    t->panel.rank = w->rank;
    t->panel.width = p->kern->nr;
    t->pixels = 1;
    for (int a = w->rank - 1; a >= 0; a--) {
        t->first[a] = number % p->phases[a];
        number /= p->phases[a];
        phase[a] = &p->phase[a][t->first[a]];
        t->panel.axis[a] = (struct alt_panel_axis){phase[a]->taps, 1, w->in[a], p->x_axis[a], phase[a]->outputs,
                                                   phase[a]->base};
        t->pixels *= phase[a]->outputs;
    }
    t->pixel = chunk * PANELS * p->kern->nr;
    if (t->pixel >= t->pixels)
        return false;
    const int64_t panels = (t->pixels - t->pixel + p->kern->nr - 1) / p->kern->nr;
    t->panels = panels < PANELS ? panels : PANELS;
    t->taps = alt_panel_taps(&t->panel);
    t->k = t->taps * p->ic;
    tap_offsets(t, phase);
    return true;
}

static void run(const struct alt_kargs *args)
{
    const struct transpose *p = args->params;
    const struct alt_koperand *op = args->operand;
    for (int64_t i = args->begin; i < args->end; i++) {
        const int64_t share = i % p->shares, gn = i / p->shares % (p->group * p->n), g = gn % p->group, n = gn / p->group;
        const int64_t rest = i / p->shares / (p->group * p->n), row = share * p->rows, o = g * p->oc + row;
        struct tile t = {.p = p, .scratch = args->scratch, .rows = p->oc - row < p->rows ? p->oc - row : p->rows};
        if (!set_phase(&t, rest / p->chunks, rest % p->chunks))
            continue;
        t.x = (const char *)op[0].data + (n * p->x_n + g * p->ic * p->x_c + alt_panel_low(&t.panel)) * p->size;
        t.w = (const char *)op[1].data + (g * p->ic * p->w_c + row * p->w_o) * p->size;
        t.b = p->bias ? (const char *)op[2].data + o * p->b_o * p->size : NULL;
        t.y = (char *)op[args->operand_count - 1].data + (n * p->group * p->oc + o) * p->pixels * p->size;
        run_tile(&t);
    }
}

/* The phases of one axis. */
static alt_status make_phases(struct transpose *p, int a, struct alt_arena *arena)
{
    const struct alt_op_window *w = &p->t.w;
    const int64_t stride = w->stride[a], count = stride < w->out[a] ? stride : w->out[a];
    p->phases[a] = count;
    p->phase[a] = alt_arena_array(arena, (size_t)count, sizeof *p->phase[a]);
    int64_t *kernel = alt_arena_array(arena, (size_t)w->kernel[a], sizeof *kernel);
    int64_t *base = alt_arena_array(arena, (size_t)w->kernel[a], sizeof *base);
    if (!p->phase[a] || !kernel || !base)
        return ALT_E_NOMEM;
    /* Each kernel position belongs to one remainder; those of one phase lie together in the arrays. */
    for (int64_t r = 0; r < count; r++) {
        struct phase *phase = &p->phase[a][r];
        *phase = (struct phase){.outputs = (w->out[a] - r + stride - 1) / stride, .base = base, .kernel = kernel};
        for (int64_t k = 0; k < w->kernel[a]; k++) {
            const int64_t at = r + w->begin[a] - k * w->dilation[a];
            if (at % stride)
                continue;
            *base++ = at / stride;
            *kernel++ = k;
            phase->taps++;
        }
    }
    return ALT_OK;
}

static int64_t lay_scratch(struct transpose *p)
{
    const int64_t nr = p->kern->nr, line = ALT_ALIGN;
    int64_t kernels = 0, at = DEPTH * nr * p->real;
    for (int a = 0; a < p->t.w.rank; a++)
        kernels += p->t.w.kernel[a];
    const struct {
        int64_t *place, bytes;
    } parts[] = {
        {&p->at_weights, p->rows * DEPTH * p->real}, {&p->at_sums, PANELS * p->rows * nr * p->real},
        {&p->at_index, PANELS * p->taps * nr * 8},   {&p->at_work, kernels * nr * 8},
        {&p->at_tap, p->taps * 8},                   {&p->at_run, PANELS * p->taps},
        {&p->at_bias, p->rows * p->real},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        at = (at + line - 1) / line * line;
        *parts[i].place = at;
        at += parts[i].bytes;
    }
    return at;
}

/* Phases of all axes and what depends on the largest of them. */
static alt_status cut(struct transpose *p, struct alt_arena *arena)
{
    int64_t most = 1;
    p->all_phases = 1;
    p->taps = 1;
    for (int a = 0; a < p->t.w.rank; a++) {
        ALT_CHECK(make_phases(p, a, arena));
        int64_t taps = 0;
        for (int64_t r = 0; r < p->phases[a]; r++)
            taps = p->phase[a][r].taps > taps ? p->phase[a][r].taps : taps;
        p->taps *= taps;
        p->all_phases *= p->phases[a];
        most *= p->phase[a][0].outputs;
    }
    const int64_t chunk = PANELS * p->kern->nr;
    p->chunks = (most + chunk - 1) / chunk;
    p->rows = p->oc < ROWS ? p->oc : ROWS;
    p->shares = (p->oc + p->rows - 1) / p->rows;
    return ALT_OK;
}

/* Shapes and strides from the operands. */
static alt_status read_operands(struct transpose *p, struct alt_kernel_bind *bind)
{
    const struct alt_operand *x = &bind->in[0], *w = &bind->in[1], *y = &bind->out[0];
    const char *fault = alt_transpose_read(bind->node, x->rank - 2, w->dim + 2, &p->t);
    if (fault)
        return alt_bind_fail(bind, ALT_E_MODEL, "%s", fault);
    if (!alt_transpose_fix(&p->t, x->dim + 2, y->dim + 2))
        return alt_bind_fail(bind, ALT_E_SHAPE, "the extents are too large");
    p->dtype = x->dtype;
    p->wide = p->dtype == ALT_FLOAT16 || p->dtype == ALT_BFLOAT16;
    p->kern = p->dtype == ALT_FLOAT64 ? alt_kern_f64() : alt_kern_f32();
    p->size = (int64_t)alt_dtype_size(p->dtype);
    p->real = p->dtype == ALT_FLOAT64 ? 8 : 4;
    p->bias = bind->n_in > 2 && bind->in[2].dtype != ALT_NONE;
    p->n = x->dim[0];
    p->group = alt_attr_int(bind->node, "group", 1);
    p->ic = w->dim[0] / p->group;
    p->oc = w->dim[1];
    p->pixels = alt_dims_count(y->rank - 2, y->dim + 2);
    if (w->rank != x->rank || w->dim[0] != x->dim[1] || p->ic * p->group != w->dim[0])
        return alt_bind_fail(bind, ALT_E_SHAPE, "the channels of X, W and group do not fit together");
    if (p->bias && (bind->in[2].rank != 1 || bind->in[2].dim[0] != p->oc * p->group))
        return alt_bind_fail(bind, ALT_E_SHAPE, "B must have one element for each output channel");
    const int64_t taps = alt_op_window_taps(&p->t.w);
    if (taps < 0 || taps > INT32_MAX)
        return alt_bind_fail(bind, ALT_E_UNSUPPORTED, "the kernel has too many positions");
    p->x_n = x->stride[0];
    p->x_c = x->stride[1];
    p->w_c = w->stride[0];
    p->w_o = w->stride[1];
    p->b_o = p->bias ? bind->in[2].stride[0] : 0;
    for (int a = 0; a < p->t.w.rank; a++) {
        p->x_axis[a] = x->stride[2 + a];
        p->w_axis[a] = w->stride[2 + a];
    }
    return ALT_OK;
}

static int bind_kernel(struct alt_kernel_bind *bind)
{
    struct transpose *p = alt_arena_alloc(bind->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    bind->params = p;
    ALT_CHECK(read_operands(p, bind));
    if (p->n == 0 || p->oc == 0 || p->pixels == 0) {
        bind->range = 0;
        return ALT_OK;
    }
    ALT_CHECK(cut(p, bind->arena));
    bind->range = p->all_phases * p->chunks * p->n * p->group * p->shares;
    bind->flops = 2.0 * (double)p->n * (double)p->group * (double)p->oc * (double)p->pixels * (double)p->ic *
                  (double)p->taps;
    bind->scratch = (size_t)lay_scratch(p);
    return ALT_OK;
}

const struct alt_kernel alt_conv_transpose = {
    .name = "conv_transpose", .fn = run, .bind = bind_kernel, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
