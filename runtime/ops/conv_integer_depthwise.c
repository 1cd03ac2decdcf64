/* conv_integer_depthwise.c: convolution of 8-bit integers with one input channel a group; see conv_integer.h.
 *
 * A tile is one input channel of one image. It is widened to float32 with its padding around it, apart by the phases of the strides
 * along the last two axes: then the elements under one tap lie side by side for whole lines of the output, and several lines are
 * one row of sums. At most ALT_Q8_DEPTH products are added before the sums move to int32. */
#include "runtime/ops/conv_integer.h"

#include "runtime/layout.h"
#include "runtime/ops/data.h"

#include <string.h>

enum { ROW = 1024 /* sums at once, about: they stay in the first-level cache */ };

struct depthwise {
    struct alt_conv_integer i;
    const struct alt_kern *kern; /* float32 */
    int64_t phases[ALT_WINDOW_RANK], step[ALT_WINDOW_RANK]; /* by axis: phases, and elements from one position to the next */
    int64_t phase_step[ALT_WINDOW_RANK];                    /* and from one phase to the next */
    int64_t elements;            /* of the widened channel */
    int64_t slices, lines, pitch; /* output lines a slice; sums from one line to the next */
    int64_t rows;                /* lines at once */
    const int64_t *tap;          /* [taps]: offsets in the widened channel */
    int64_t in_lines;
    const int64_t *line, *phase; /* where each input line starts, and there each of the phases of its first elements */
    int64_t at_w, at_row, at_acc, at_bytes; /* bytes in scratch; the channel is first */
};

/* Where position `at` of an axis lies, the padding before it included. */
static int64_t place(const struct depthwise *p, int axis, int64_t at)
{
    return at % p->phases[axis] * p->phase_step[axis] + at / p->phases[axis] * p->step[axis];
}

/* Each phase of the input's lines. The padding is zero already. */
static void widen_channel(const struct depthwise *p, const uint8_t *x, int32_t zero, float *channel)
{
    const int last = p->i.c.w.rank - 1;
    const int64_t in = p->i.c.w.in[last], phases = p->phases[last];
    for (int64_t i = 0; i < phases && i < in; i++)
        p->kern->widen(&(struct alt_kern_widen){.x = x + i, .is_signed = p->i.x == ALT_INT8, .lines = p->in_lines, .x_line = in,
                                                .n = alt_ceil_div(in - i, phases), .step = phases, .line = p->line, .zero = zero,
                                                .out = channel + p->phase[i]});
}

/* `rows` output lines, whose windows start at x; w: the widened weights. */
static void run_lines(const struct depthwise *p, const float *x, const float *w, int64_t rows, struct alt_kern_narrow *how,
                      char *scratch, char *y)
{
    float *row = (float *)(void *)(scratch + p->at_row);
    int32_t *acc = (int32_t *)(void *)(scratch + p->at_acc);
    const int64_t width = p->i.c.w.out[p->i.c.w.rank - 1], count = (rows - 1) * p->pitch + width;
    const int64_t size = (int64_t)alt_dtype_size(p->i.y), nr = p->kern->nr;
    for (int64_t t = 0, n; t < p->i.c.taps; t += n) {
        n = alt_least(p->i.c.taps - t, ALT_Q8_DEPTH);
        p->kern->row_taps(&(struct alt_kern_taps){.x = x, .w = w + t, .tap = p->tap + t, .taps = n, .n = count, .step = 1, .y = row});
        p->kern->add_sums(row, count, t == 0, acc);
    }
    char *from = (char *)acc;
    if (p->i.y != ALT_INT32) {
        from = scratch + p->at_bytes;
        alt_q8_put(p->i.kern, p->i.y, how, acc, alt_ceil_div(count, nr) * nr, from);
    }
    for (int64_t i = 0; i < rows; i++)
        memcpy(y + i * width * size, from + i * p->pitch * size, (size_t)(width * size));
}

static void run_channel(const struct depthwise *p, const struct alt_kargs *args, int64_t channel, char *y)
{
    const struct alt_op_window *w = &p->i.c.w;
    const int64_t taps = p->i.c.taps, line = w->out[w->rank - 1] * (int64_t)alt_dtype_size(p->i.y);
    const int32_t zero = alt_conv_integer_w_zero(&p->i, args, channel);
    char *scratch = args->scratch;
    float factor, *weights = (float *)(void *)(scratch + p->at_w);
    struct alt_kern_narrow how = alt_conv_integer_narrow(&p->i, args, channel, &factor);
    static const int64_t start;
    p->kern->widen(&(struct alt_kern_widen){.x = (const uint8_t *)args->operand[p->i.roles->w].data + channel * taps,
                                            .is_signed = p->i.w == ALT_INT8, .lines = 1, .n = taps, .step = 1, .line = &start,
                                            .zero = zero, .out = weights});
    for (int64_t slice = 0; slice < p->slices; slice++) {
        const float *x = (const float *)(const void *)scratch;
        for (int64_t a = w->rank - 3, rest = slice; a >= 0; rest /= w->out[a], a--)
            x += rest % w->out[a] * w->stride[a] * p->step[a];
        for (int64_t i = 0; i < p->lines; i += p->rows)
            run_lines(p, x + i * p->pitch, weights, alt_least(p->rows, p->lines - i), &how, scratch, y + (slice * p->lines + i) * line);
    }
}

static void run(const struct alt_kargs *args)
{
    const struct depthwise *p = args->params;
    const struct alt_conv *c = &p->i.c;
    const int32_t zero = alt_conv_integer_x_zero(&p->i, args);
    memset(args->scratch, 0, (size_t)p->at_w);
    for (int64_t i = args->begin; i < args->end; i++) {
        widen_channel(p, (const uint8_t *)args->operand[p->i.roles->x].data + i * p->i.plane, zero, (float *)args->scratch);
        for (int64_t o = 0; o < c->oc; o++) {
            const int64_t channel = i % c->group * c->oc + o, at = (i / c->group * c->o + channel) * c->pixels;
            run_channel(p, args, channel,
                        (char *)args->operand[args->operand_count - 1].data + at * (int64_t)alt_dtype_size(p->i.y));
        }
    }
}

/* The widened channel: what the windows reach over, and the input where it reaches farther. False on overflow. */
static bool shape_channel(struct depthwise *p)
{
    const struct alt_op_window *w = &p->i.c.w;
    p->elements = 1;
    for (int a = w->rank - 1; a >= 0; a--) {
        const int64_t reach = (w->out[a] - 1) * w->stride[a] + alt_op_window_span(w, a), input = w->begin[a] + w->in[a];
        const int64_t extent = reach > input ? reach : input;
        p->phases[a] = a < w->rank - 2 ? 1 : alt_least(w->stride[a], extent);
        const int64_t positions = alt_ceil_div(extent, p->phases[a]);
        p->step[a] = p->elements;
        p->pitch = a == w->rank - 1 ? positions : p->pitch;
        if (__builtin_mul_overflow(p->elements, positions, &p->elements) || p->elements > INT64_MAX / 64)
            return false;
        /* the phases of the last two axes lie outside their positions */
        for (int inner = w->rank - 1; a == (w->rank > 1 ? w->rank - 2 : 0) && inner >= a; inner--) {
            p->phase_step[inner] = p->elements;
            if (__builtin_mul_overflow(p->elements, p->phases[inner], &p->elements) || p->elements > INT64_MAX / 64)
                return false;
        }
    }
    p->lines = w->rank > 1 ? w->out[w->rank - 2] : 1;
    p->slices = w->rank > 2 ? alt_dims_count(w->rank - 2, w->out) : 1;
    p->rows = alt_clamp(ROW / p->pitch, 1, p->lines);
    return true;
}

/* Where each tap, and each line and phase of the input lies. */
static alt_status list_places(struct depthwise *p, struct alt_arena *arena)
{
    const struct alt_op_window *w = &p->i.c.w;
    const int last = w->rank - 1;
    p->in_lines = w->in[last] ? p->i.plane / w->in[last] : 0;
    int64_t *tap = alt_arena_array(arena, (size_t)p->i.c.taps, sizeof *tap);
    int64_t *line = alt_arena_array(arena, (size_t)p->in_lines, sizeof *line);
    int64_t *phase = alt_arena_array(arena, (size_t)p->phases[last], sizeof *phase);
    if (!tap || !line || !phase)
        return ALT_E_NOMEM;
    for (int64_t t = 0; t < p->i.c.taps; t++)
        for (int64_t a = last, rest = t; a >= 0; rest /= w->kernel[a], a--)
            tap[t] += place(p, (int)a, rest % w->kernel[a] * w->dilation[a]);
    for (int64_t i = 0; i < p->in_lines; i++)
        for (int64_t a = last - 1, rest = i; a >= 0; rest /= w->in[a], a--)
            line[i] += place(p, (int)a, rest % w->in[a] + w->begin[a]);
    for (int64_t i = 0; i < p->phases[last]; i++)
        phase[i] = place(p, last, w->begin[last] + i);
    p->tap = tap;
    p->line = line;
    p->phase = phase;
    return ALT_OK;
}

/* Places of everything in a thread's scratch; returns its bytes. row_taps reads and writes up to a vector behind the ends. */
static int64_t lay_scratch(struct depthwise *p)
{
    const struct alt_conv *c = &p->i.c;
    const int64_t slack = p->kern->nr, row = p->rows * p->pitch + slack;
    int64_t at = (p->elements + slack) * 4;
    const struct {
        int64_t *place, bytes;
    } pieces[] = {
        {&p->at_w, c->taps * 4}, {&p->at_row, row * 4}, {&p->at_acc, row * 4}, {&p->at_bytes, row},
    };
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        at = alt_ceil_div(at, ALT_ALIGN) * ALT_ALIGN;
        *pieces[i].place = at;
        at += pieces[i].bytes;
    }
    return at;
}

static int bind(struct alt_kernel_bind *bind)
{
    struct depthwise *p = alt_arena_alloc(bind->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    ALT_CHECK(alt_conv_integer_read(bind, &p->i));
    p->kern = alt_kern_f32();
    const struct alt_conv *c = &p->i.c;
    bind->params = p;
    if (c->n == 0 || c->oc == 0 || c->pixels == 0) {
        bind->range = 0;
        return ALT_OK;
    }
    if (!shape_channel(p))
        return alt_bind_fail(bind, ALT_E_UNSUPPORTED, "the padding is too large");
    ALT_CHECK(list_places(p, bind->arena));
    bind->range = c->n * c->group;
    bind->flops = 2.0 * (double)c->n * (double)c->o * (double)c->pixels * (double)c->taps;
    bind->scratch = (size_t)lay_scratch(p);
    return ALT_OK;
}

const struct alt_kernel alt_conv_integer_depthwise = {.name = "conv_integer_depthwise", .fn = run, .bind = bind};
