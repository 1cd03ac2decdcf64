/* conv_integer_depthwise.c: convolution of 8-bit integers with one input channel a group; see conv_integer.h.
 *
 * A tile is one input channel of one image. It is widened to float32 with its padding around it; then each output row is the sum
 * of shifted rows, each times one weight, at most ALT_Q8_DEPTH of them before the sum moves to int32. */
#include "runtime/ops/conv_integer.h"

#include <string.h>

struct depthwise {
    struct alt_conv_integer i;
    int64_t extent[ALT_WINDOW_RANK], step[ALT_WINDOW_RANK]; /* of the widened channel, and its strides */
    int64_t elements;
    const int64_t *tap;          /* [taps]: offsets in the widened channel */
    int64_t at_w, at_row, at_acc; /* bytes in scratch; the channel is first */
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
    memset(out, 0, (size_t)(p->elements + p->i.kern->nr) * sizeof *out);
    if (p->i.plane == 0)
        return;
    do {
        int64_t offset = 0;
        for (int a = 0; a < w->rank; a++)
            offset += (at[a] + w->begin[a]) * p->step[a];
        p->i.kern->widen(&(struct alt_kern_widen){.x = x, .is_signed = p->i.x == ALT_INT8, .n = w->in[last], .zero = &zero,
                                                  .out = out + offset});
        x += w->in[last];
    } while (advance(w->in, w->rank, at));
}

/* The sums of one output row, whose window starts at x; w: the widened weights. */
static void sum_row(const struct depthwise *p, const float *x, const float *w, char *scratch)
{
    float *row = (float *)(void *)(scratch + p->at_row);
    int32_t *acc = (int32_t *)(void *)(scratch + p->at_acc);
    const struct alt_op_window *win = &p->i.c.w;
    const int last = win->rank - 1;
    for (int64_t t = 0, n; t < p->i.c.taps; t += n) {
        n = p->i.c.taps - t < ALT_Q8_DEPTH ? p->i.c.taps - t : ALT_Q8_DEPTH;
        p->i.kern->row_taps(&(struct alt_kern_taps){.x = x, .w = w + t, .tap = p->tap + t, .taps = n, .n = win->out[last],
                                                    .step = win->stride[last], .y = row});
        p->i.kern->add_sums(row, win->out[last], t == 0, acc);
    }
}

static void run_channel(const struct depthwise *p, const struct alt_kargs *args, int64_t channel, char *y)
{
    const struct alt_op_window *w = &p->i.c.w;
    const int64_t width = w->out[w->rank - 1], size = (int64_t)alt_dtype_size(p->i.y), taps = p->i.c.taps;
    const int32_t zero = alt_conv_integer_w_zero(&p->i, args, channel);
    int64_t at[ALT_WINDOW_RANK] = {0};
    char *scratch = args->scratch;
    float factor, *weights = (float *)(void *)(scratch + p->at_w);
    struct alt_kern_narrow how = alt_conv_integer_narrow(&p->i, args, channel, &factor);
    p->i.kern->widen(&(struct alt_kern_widen){.x = (const uint8_t *)args->operand[p->i.roles->w].data + channel * taps,
                                              .is_signed = p->i.w == ALT_INT8, .n = taps, .zero = &zero, .out = weights});
    do {
        int64_t offset = 0;
        for (int a = 0; a < w->rank - 1; a++)
            offset += at[a] * w->stride[a] * p->step[a];
        sum_row(p, (const float *)(const void *)scratch + offset, weights, scratch);
        alt_q8_put(p->i.kern, p->i.y, &how, (const int32_t *)(const void *)(scratch + p->at_acc), width, y);
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

static alt_status list_taps(struct depthwise *p, struct alt_arena *arena)
{
    const struct alt_op_window *w = &p->i.c.w;
    int64_t *tap = alt_arena_array(arena, (size_t)p->i.c.taps, sizeof *tap);
    if (!tap)
        return ALT_E_NOMEM;
    for (int64_t t = 0; t < p->i.c.taps; t++) {
        int64_t rest = t;
        for (int a = w->rank - 1; a >= 0; a--) {
            tap[t] += rest % w->kernel[a] * w->dilation[a] * p->step[a];
            rest /= w->kernel[a];
        }
    }
    p->tap = tap;
    return ALT_OK;
}

static int64_t round_up(int64_t bytes) { return (bytes + ALT_ALIGN - 1) / ALT_ALIGN * ALT_ALIGN; }

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
    ALT_CHECK(list_taps(p, bind->arena));
    /* row_taps reads and writes up to a vector behind the ends */
    const int64_t slack = p->i.kern->nr, row = round_up((c->w.out[c->w.rank - 1] + slack) * 4);
    p->at_w = round_up((p->elements + slack) * 4);
    p->at_row = p->at_w + round_up(c->taps * 4);
    p->at_acc = p->at_row + row;
    bind->range = c->n * c->group;
    bind->flops = 2.0 * (double)c->n * (double)c->o * (double)c->pixels * (double)c->taps;
    bind->scratch = (size_t)(p->at_acc + row);
    return ALT_OK;
}

const struct alt_kernel alt_conv_integer_depthwise = {.name = "conv_integer_depthwise", .fn = run, .bind = bind};
