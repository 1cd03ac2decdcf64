/* conv_integer_depthwise.c: convolution of 8-bit integers with one input channel a group; see conv_integer.h.
 *
 * A tile is one input channel of one image. It is widened to float32 with its padding around it; then each output row is the sum
 * of shifted rows times one weight, at most ALT_Q8_DEPTH of them before the sum moves to int32. */
#include "runtime/ops/conv_integer.h"

#include "runtime/kernels/kern.h"

#include <string.h>

struct depthwise {
    struct alt_conv_integer i;
    int64_t extent[ALT_WINDOW_RANK], step[ALT_WINDOW_RANK]; /* of the widened channel, and its strides */
    int64_t elements;
    int64_t at_row, at_acc; /* bytes in scratch; the channel is first */
};

/* The next coordinates of all axes but the last; false behind the last ones. */
static bool advance(const int64_t *extent, int rank, int64_t *at)
{
    for (int a = rank - 2; a >= 0; a--) {
        if (++at[a] < extent[a])
            return true;
        at[a] = 0;
    }
    return false;
}

static void widen_channel(const struct depthwise *p, const uint8_t *x, int32_t zero, float *out)
{
    const struct alt_op_window *w = &p->i.c.w;
    const int last = w->rank - 1;
    int64_t at[ALT_WINDOW_RANK] = {0};
    memset(out, 0, (size_t)p->elements * sizeof *out);
    if (p->i.plane == 0)
        return;
    do {
        int64_t offset = 0;
        for (int a = 0; a < w->rank; a++)
            offset += (at[a] + w->begin[a]) * p->step[a];
        alt_q8_widen(p->i.x, x, w->in[last], &zero, 0, out + offset);
        x += w->in[last];
    } while (advance(w->in, w->rank, at));
}

/* Adds the taps [first, first + n) of one output row, whose window starts at x. */
static void add_taps(const struct depthwise *p, const float *x, const float *w, int64_t first, int64_t n, float *row)
{
    const struct alt_op_window *win = &p->i.c.w;
    const int last = win->rank - 1;
    memset(row, 0, (size_t)win->out[last] * sizeof *row);
    for (int64_t t = first; t < first + n; t++) {
        int64_t rest = t, offset = 0;
        for (int a = last; a >= 0; a--) {
            offset += rest % win->kernel[a] * win->dilation[a] * p->step[a];
            rest /= win->kernel[a];
        }
        p->i.kern->row_multiply(&(struct alt_kern_row){.blocks = win->out[last], .block = 1, .x_step = win->stride[last],
                                                       .x = x + offset, .y = row}, (double)w[t - first]);
    }
}

/* The sums of one output row. */
static void sum_row(const struct depthwise *p, const struct alt_kargs *args, const float *x, int64_t channel, char *scratch)
{
    float w[ALT_Q8_DEPTH], *row = (float *)(void *)(scratch + p->at_row);
    uint32_t *acc = (uint32_t *)(void *)(scratch + p->at_acc);
    const int64_t taps = p->i.c.taps, width = p->i.c.w.out[p->i.c.w.rank - 1];
    const uint8_t *weights = (const uint8_t *)args->operand[p->i.roles->w].data + channel * taps;
    const int32_t zero = alt_conv_integer_w_zero(&p->i, args, channel);
    for (int64_t t = 0, n; t < taps; t += n) {
        n = taps - t < ALT_Q8_DEPTH ? taps - t : ALT_Q8_DEPTH;
        alt_q8_widen(p->i.w, weights + t, n, &zero, 0, w);
        add_taps(p, x, w, t, n, row);
        for (int64_t j = 0; j < width; j++)
            acc[j] = (t ? acc[j] : 0) + (uint32_t)(int32_t)row[j];
    }
}

static void run_channel(const struct depthwise *p, const struct alt_kargs *args, int64_t channel, char *y)
{
    const struct alt_op_window *w = &p->i.c.w;
    const int64_t width = w->out[w->rank - 1], size = (int64_t)alt_dtype_size(p->i.y);
    int64_t at[ALT_WINDOW_RANK] = {0};
    char *scratch = args->scratch;
    float scale;
    const struct alt_q8_put put = alt_conv_integer_put(&p->i, args, channel, &scale);
    do {
        int64_t offset = 0;
        for (int a = 0; a < w->rank - 1; a++)
            offset += at[a] * w->stride[a] * p->step[a];
        sum_row(p, args, (const float *)(const void *)scratch + offset, channel, scratch);
        alt_q8_put(&put, (const int32_t *)(const void *)(scratch + p->at_acc), width, y);
        y += width * size;
    } while (advance(w->out, w->rank, at));
}

static void run(const struct alt_kargs *args)
{
    const struct depthwise *p = args->params;
    const struct alt_conv *c = &p->i.c;
    const int32_t zero = alt_conv_integer_x_zero(&p->i, args);
    for (int64_t i = args->begin; i < args->end; i++) {
        widen_channel(p, (const uint8_t *)args->operand[p->i.roles->x].data + i * p->i.plane, zero, args->scratch);
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
        p->extent[a] = reach > input ? reach : input;
        p->step[a] = p->elements;
        if (__builtin_mul_overflow(p->elements, p->extent[a], &p->elements) || p->elements > INT64_MAX / 64)
            return false;
    }
    return true;
}

static int bind(struct alt_kernel_bind *bind)
{
    struct depthwise *p = alt_arena_alloc(bind->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    ALT_CHECK(alt_conv_integer_read(bind, &p->i));
    const struct alt_conv *c = &p->i.c;
    bind->params = p;
    if (c->n == 0 || c->oc == 0 || c->pixels == 0) {
        bind->range = 0;
        return ALT_OK;
    }
    if (!shape_channel(p))
        return alt_bind_fail(bind, ALT_E_UNSUPPORTED, "the padding is too large");
    const int64_t row = (c->w.out[c->w.rank - 1] * 4 + ALT_ALIGN - 1) / ALT_ALIGN * ALT_ALIGN;
    p->at_row = (p->elements * 4 + ALT_ALIGN - 1) / ALT_ALIGN * ALT_ALIGN;
    p->at_acc = p->at_row + row;
    bind->range = c->n * c->group;
    bind->flops = 2.0 * (double)c->n * (double)c->o * (double)c->pixels * (double)c->taps;
    bind->scratch = (size_t)(p->at_acc + row);
    return ALT_OK;
}

const struct alt_kernel alt_conv_integer_depthwise = {.name = "conv_integer_depthwise", .fn = run, .bind = bind};
