/* conv_transpose_run.c: the kernel of ConvTranspose: matrix products over gathered windows, by phases.
 *
 * Outputs whose positions leave the same remainder by the stride (along every axis: a phase) meet the same kernel positions, and
 * their windows lie side by side in the input. So each phase is a small convolution of stride 1 with a part of the kernel, and no
 * multiplication by inserted zeros is made. A tile is some panels of one phase by about ROWS output channels of one group: the
 * weights it needs are packed once for all panels, sums rest in scratch and are then scattered to y, those of one panel at a time, or, where
 * the reduction has more than DEPTH steps, of KEPT. Where all phases have the same
 * windows (kernels that do not overlap: 2x2 with stride 2), a tile takes all of them, as so many times the output channels. */
#include "runtime/kernels/kern.h"
#include "runtime/ops/conv_transpose.h"
#include "runtime/ops/gather_panel.h"
#include "runtime/ops/loop.h"

#include <string.h>

enum { DEPTH = 256, PANELS = 32, KEPT = 8, ROWS = 96 };

/* Along one axis: outputs first, first + stride, .. and the kernel positions that they meet. */
struct axis_phase {
    int64_t outputs, taps;
    const int64_t *base, *kernel; /* [taps]: input position of the first output; kernel position */
};

/* Along all of them. */
struct phase {
    const struct axis_phase *axis[ALT_WINDOW_RANK];
    int64_t taps, outputs;
    const int64_t *tap; /* [taps]: offset of the weight from its channel's first */
    int64_t place;      /* of the first output in y */
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
    struct axis_phase *axis[ALT_WINDOW_RANK];
    int64_t phases[ALT_WINDOW_RANK], all_phases, taps; /* taps: of the largest phase */
    struct phase *phase; /* [all_phases], those of the last axis side by side */
    int64_t joint;       /* phases that a tile takes: all or one */
    int64_t kept, panels_a_tile;
    int64_t rows, shares, chunks;
    int64_t at_weights, at_sums, at_index, at_work, at_run, at_bias;
};

/* One tile under way. Row i is that of output channel i / joint and phase i % joint. */
struct tile {
    const struct transpose *p;
    struct alt_panel panel;
    const struct phase *phase;
    int64_t k;          /* of the phases */
    int64_t row, rows, pixel, panels;
    const char *x, *w, *b; /* of the group */
    char *y, *scratch;
};

static int64_t *longs(const struct tile *t, int64_t at) { return (int64_t *)(void *)(t->scratch + at); }
static const struct phase *phase_of(const struct tile *t, int64_t i) { return &t->phase[(t->row + i) % t->p->joint]; }
static int64_t channel_of(const struct tile *t, int64_t i) { return (t->row + i) / t->p->joint; }

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
    const int64_t taps = t->phase->taps;
    if (taps == 0)
        return;
    for (int64_t i = 0; i < t->rows; i++) {
        const int64_t *tap = phase_of(t, i)->tap;
        char *to = t->scratch + p->at_weights + i * DEPTH * p->real;
        int64_t channel = channel_of(t, i) * p->w_o + k0 / taps * p->w_c, at = k0 % taps;
        for (int64_t k = 0; k < depth; k++, to += p->real) {
            copy_weight(p, t->w, channel + tap[at], to);
            if (++at == taps) {
                at = 0;
                channel += p->w_c;
            }
        }
    }
}

static int64_t panel_cols(const struct tile *t, int64_t panel)
{
    const int64_t left = t->phase->outputs - t->pixel - panel * t->p->kern->nr;
    return left < t->p->kern->nr ? left : t->p->kern->nr;
}

/* Where one panel's windows lie. */
static void index_panel(const struct tile *t, int64_t panel)
{
    const struct transpose *p = t->p;
    const int64_t nr = p->kern->nr, place = panel % p->kept;
    alt_panel_index(&t->panel, t->pixel + panel * nr, panel_cols(t, panel), longs(t, p->at_work),
                    longs(t, p->at_index) + place * p->taps * nr, (bool *)(t->scratch + p->at_run) + place * p->taps);
}

/* Adds reduction indices [k0, k0 + depth) to the sums of one panel. */
static void add_panel(const struct tile *t, int64_t panel, int64_t k0, int64_t depth)
{
    const struct transpose *p = t->p;
    const int64_t nr = p->kern->nr, place = panel % p->kept;
    const int64_t *index = longs(t, p->at_index) + place * p->taps * nr;
    if (p->wide)
        alt_panel_gather_half(&t->panel, p->dtype, t->x, p->x_c, index, k0, depth, (float *)(void *)t->scratch);
    else if (depth)
        p->kern->gather(&(struct alt_kern_gather){.source = t->x, .channel = p->x_c, .taps = t->phase->taps, .first = k0,
                                                  .rows = depth, .index = index,
                                                  .run = (bool *)(t->scratch + p->at_run) + place * p->taps,
                                                  .out = t->scratch});
    struct alt_kern_gemm g = {.m = t->rows, .n = panel_cols(t, panel), .k = depth, .a = t->scratch + p->at_weights,
                              .a_row = DEPTH, .a_col = 1, .b = t->scratch, .b_row = nr,
                              .c = t->scratch + p->at_sums + place * p->rows * nr * p->real, .c_row = nr,
                              .accumulate = k0 > 0};
    if (p->bias && k0 + depth == t->k) {
        g.bias = t->scratch + p->at_bias;
        g.bias_row = 1;
    }
    p->kern->gemm(&g);
}

ALT_LOOP(interleave, (const uint32_t *restrict x, int64_t row, int64_t rows, int64_t n, uint32_t *restrict y), (x, row, rows, n, y), {
    if (rows == 2)
        for (int64_t j = 0; j < n; j++) {
            y[2 * j] = x[j];
            y[2 * j + 1] = x[row + j];
        }
    else
        for (int64_t j = 0; j < n; j++)
            for (int64_t i = 0; i < rows; i++)
                y[j * rows + i] = x[i * row + j];
})

static void put(const struct transpose *p, char *y, int64_t place, const char *from, int64_t j)
{
    if (p->wide)
        alt_half_put(p->dtype, y, place, ((const float *)(const void *)from)[j]);
    else if (p->size == 4)
        ((float *)(void *)y)[place] = ((const float *)(const void *)from)[j];
    else
        ((double *)(void *)y)[place] = ((const double *)(const void *)from)[j];
}

/* Scatters the sums of one panel to y: side by side where all phases of the last axis are there and its columns in one line. */
static void put_panel(const struct tile *t, int64_t panel)
{
    const struct transpose *p = t->p;
    const struct alt_op_window *w = &p->t.w;
    int64_t coord[ALT_WINDOW_RANK][ALT_PANEL_MOST], place[ALT_PANEL_MOST];
    const int64_t cols = panel_cols(t, panel), nr = p->kern->nr, side = p->phases[w->rank - 1];
    bool line = p->joint > 1 && p->size == 4 && !p->wide && side == w->stride[w->rank - 1];
    alt_panel_coords(&t->panel, t->pixel + panel * nr, cols, coord);
    for (int64_t j = 0; j < cols; j++) {
        place[j] = 0;
        for (int a = 0; a < w->rank; a++)
            place[j] = place[j] * w->out[a] + coord[a][j] * w->stride[a];
        line = line && place[j] == place[0] + j * side;
    }
    const char *from = t->scratch + p->at_sums + panel % p->kept * p->rows * nr * p->real;
    int64_t channel = channel_of(t, 0), phase = t->row % p->joint;
    line = line && phase % side == 0 && t->rows % side == 0;
    for (int64_t i = 0, rows = line ? side : 1; i < t->rows; i += rows, from += rows * nr * p->real) {
        char *y = t->y + (channel * p->pixels + t->phase[phase].place) * p->size;
        if (line)
            interleave((const uint32_t *)(const void *)from, nr, rows, cols, (uint32_t *)(void *)y + place[0]);
        for (int64_t j = 0; !line && j < cols; j++)
            put(p, y, place[j], from, j);
        phase += rows;
        if (phase == p->joint) {
            phase = 0;
            channel++;
        }
    }
}

/* The bias of each row. */
static void load_bias(const struct tile *t)
{
    const struct transpose *p = t->p;
    for (int64_t i = 0; p->bias && i < t->rows; i++)
        copy_weight(p, t->b, channel_of(t, i) * p->b_o, t->scratch + p->at_bias + i * p->real);
}

static void run_tile(const struct tile *t)
{
    const int64_t kept = t->p->kept;
    load_bias(t);
    for (int64_t first = 0; first < t->panels; first += kept) {
        const int64_t end = first + kept < t->panels ? first + kept : t->panels;
        int64_t k = 0;
        for (int64_t q = first; q < end; q++)
            index_panel(t, q);
        do {
            const int64_t depth = t->k - k < DEPTH ? t->k - k : DEPTH;
            if (first == 0 || t->k > DEPTH)
                pack_weights(t, k, depth);
            for (int64_t q = first; q < end; q++)
                add_panel(t, q, k, depth);
            k += depth;
        } while (k < t->k);
        for (int64_t q = first; q < end; q++)
            put_panel(t, q);
    }
}

/* Sets the phases and their pixels [chunk * PANELS panels..); false when there are not so many. */
static bool set_phase(struct tile *t, int64_t number, int64_t chunk)
{
    const struct transpose *p = t->p;
    const struct alt_op_window *w = &p->t.w;
    const struct phase *phase = t->phase = &p->phase[number];
    const int64_t nr = p->kern->nr;
    t->panel.rank = w->rank;
    t->panel.width = p->kern->nr;
    for (int a = 0; a < w->rank; a++)
        t->panel.axis[a] = (struct alt_panel_axis){phase->axis[a]->taps, 1, w->in[a], p->x_axis[a], phase->axis[a]->outputs,
                                                   phase->axis[a]->base};
    t->pixel = chunk * p->panels_a_tile * nr;
    if (t->pixel >= phase->outputs)
        return false;
    const int64_t panels = (phase->outputs - t->pixel + nr - 1) / nr;
    t->panels = panels < p->panels_a_tile ? panels : p->panels_a_tile;
    t->k = phase->taps * p->ic;
    return true;
}

static void run(const struct alt_kargs *args)
{
    const struct transpose *p = args->params;
    const struct alt_koperand *op = args->operand;
    for (int64_t i = args->begin; i < args->end; i++) {
        const int64_t share = i % p->shares, gn = i / p->shares % (p->group * p->n), g = gn % p->group, n = gn / p->group;
        const int64_t rest = i / p->shares / (p->group * p->n), row = share * p->rows, all = p->oc * p->joint;
        struct tile t = {.p = p, .scratch = args->scratch, .row = row, .rows = all - row < p->rows ? all - row : p->rows};
        if (!set_phase(&t, rest / p->chunks, rest % p->chunks))
            continue;
        t.x = (const char *)op[0].data + (n * p->x_n + g * p->ic * p->x_c + alt_panel_low(&t.panel)) * p->size;
        t.w = (const char *)op[1].data + g * p->ic * p->w_c * p->size;
        t.b = p->bias ? (const char *)op[2].data + g * p->oc * p->b_o * p->size : NULL;
        t.y = (char *)op[args->operand_count - 1].data + (n * p->group + g) * p->oc * p->pixels * p->size;
        run_tile(&t);
    }
}

/* The phases of one axis. */
static alt_status make_axis(struct transpose *p, int a, struct alt_arena *arena)
{
    const struct alt_op_window *w = &p->t.w;
    const int64_t stride = w->stride[a], count = stride < w->out[a] ? stride : w->out[a];
    p->phases[a] = count;
    p->axis[a] = alt_arena_array(arena, (size_t)count, sizeof *p->axis[a]);
    int64_t *kernel = alt_arena_array(arena, (size_t)w->kernel[a], sizeof *kernel);
    int64_t *base = alt_arena_array(arena, (size_t)w->kernel[a], sizeof *base);
    if (!p->axis[a] || !kernel || !base)
        return ALT_E_NOMEM;
    /* Each kernel position belongs to one remainder; those of one phase lie together in the arrays. */
    for (int64_t r = 0; r < count; r++) {
        struct axis_phase *phase = &p->axis[a][r];
        *phase = (struct axis_phase){.outputs = (w->out[a] - r + stride - 1) / stride, .base = base, .kernel = kernel};
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
        {&p->at_weights, p->rows * DEPTH * p->real}, {&p->at_sums, p->kept * p->rows * nr * p->real},
        {&p->at_index, p->kept * p->taps * nr * 8},   {&p->at_work, kernels * nr * 8},
        {&p->at_run, p->kept * p->taps},              {&p->at_bias, p->rows * p->real},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        at = (at + line - 1) / line * line;
        *parts[i].place = at;
        at += parts[i].bytes;
    }
    return at;
}

/* Offsets of the phase's weights from their channel's first, taps ascending, to out. */
static void tap_offsets(const struct transpose *p, const struct phase *phase, int64_t *out)
{
    const int rank = p->t.w.rank;
    int64_t e[ALT_WINDOW_RANK] = {0};
    for (int64_t i = 0; i < phase->taps; i++) {
        out[i] = 0;
        for (int a = 0; a < rank; a++)
            out[i] += phase->axis[a]->kernel[e[a]] * p->w_axis[a];
        for (int a = rank - 1; a >= 0 && ++e[a] == phase->axis[a]->taps; a--)
            e[a] = 0;
    }
}

static alt_status make_phases(struct transpose *p, struct alt_arena *arena)
{
    const struct alt_op_window *w = &p->t.w;
    int64_t *tap = alt_arena_array(arena, (size_t)alt_op_window_taps(w) + 1, sizeof *tap);
    p->phase = alt_arena_array(arena, (size_t)p->all_phases, sizeof *p->phase);
    if (!p->phase || !tap)
        return ALT_E_NOMEM;
    for (int64_t i = 0; i < p->all_phases; i++) {
        struct phase *phase = &p->phase[i];
        int64_t rest = i, step = 1;
        phase->taps = phase->outputs = 1;
        for (int a = w->rank - 1; a >= 0; a--) {
            const int64_t r = rest % p->phases[a];
            phase->axis[a] = &p->axis[a][r];
            phase->taps *= phase->axis[a]->taps;
            phase->outputs *= phase->axis[a]->outputs;
            phase->place += r * step;
            rest /= p->phases[a];
            step *= w->out[a];
        }
        phase->tap = tap;
        tap_offsets(p, phase, tap);
        tap += phase->taps;
    }
    return ALT_OK;
}

/* Whether all phases have the same windows. */
static bool same_windows(const struct transpose *p)
{
    for (int a = 0; a < p->t.w.rank; a++)
        for (int64_t r = 1; r < p->phases[a]; r++) {
            const struct axis_phase *one = &p->axis[a][0], *other = &p->axis[a][r];
            if (one->outputs != other->outputs || one->taps != other->taps ||
                memcmp(one->base, other->base, (size_t)one->taps * sizeof *one->base) != 0)
                return false;
        }
    return true;
}

/* Phases and what depends on the largest of them. */
static alt_status cut(struct transpose *p, struct alt_arena *arena)
{
    int64_t most = 1;
    p->all_phases = 1;
    p->taps = 1;
    for (int a = 0; a < p->t.w.rank; a++) {
        ALT_CHECK(make_axis(p, a, arena));
        int64_t taps = 0;
        for (int64_t r = 0; r < p->phases[a]; r++)
            taps = p->axis[a][r].taps > taps ? p->axis[a][r].taps : taps;
        p->taps *= taps;
        p->all_phases *= p->phases[a];
        most *= p->axis[a][0].outputs;
    }
    ALT_CHECK(make_phases(p, arena));
    p->joint = same_windows(p) ? p->all_phases : 1;
    const bool once = p->taps * p->ic <= DEPTH;
    p->kept = once ? 1 : KEPT;
    p->panels_a_tile = once ? PANELS : KEPT;
    const int64_t chunk = p->panels_a_tile * p->kern->nr, side = p->joint < ROWS ? p->joint : 1, all = p->oc * p->joint;
    p->chunks = (most + chunk - 1) / chunk;
    p->rows = all < ROWS ? all : ROWS / side * side;
    p->shares = (all + p->rows - 1) / p->rows;
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
    bind->range = p->all_phases / p->joint * p->chunks * p->n * p->group * p->shares;
    bind->flops = 2.0 * (double)p->n * (double)p->group * (double)p->oc * (double)p->pixels * (double)p->ic *
                  (double)p->taps;
    bind->scratch = (size_t)lay_scratch(p);
    return ALT_OK;
}

const struct alt_kernel alt_conv_transpose = {
    .name = "conv_transpose", .fn = run, .bind = bind_kernel, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
