/* kernel_check_conv.c: Conv and ConvTranspose against plain loops (batch, output channel, output place, input channel, tap). */
#include "tests/kernel_check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 3 }; /* spatial axes */

struct window {
    int rank;
    int64_t kernel[MOST], stride[MOST], dilation[MOST], before[MOST], after[MOST];
};

static void read_window(const struct alt_node *n, const struct kc_tensor *x, const struct kc_tensor *w,
                        struct window *win)
{
    const int64_t *strides, *dilations, *pads;
    win->rank = x->rank - 2;
    int64_t has_strides = alt_attr_ints(n, "strides", &strides),
            has_dilations = alt_attr_ints(n, "dilations", &dilations);
    int64_t has_pads = alt_attr_ints(n, "pads", &pads);
    const char *mode = alt_attr_text(n, "auto_pad", "NOTSET");
    for (int d = 0; d < win->rank; d++) {
        win->kernel[d] = w->dim[d + 2];
        win->stride[d] = has_strides ? strides[d] : 1;
        win->dilation[d] = has_dilations ? dilations[d] : 1;
        win->before[d] = has_pads ? pads[d] : 0;
        win->after[d] = has_pads ? pads[d + win->rank] : 0;
        if (strncmp(mode, "SAME", 4) == 0) {
            int64_t extent = x->dim[d + 2], out = (extent + win->stride[d] - 1) / win->stride[d];
            int64_t total = (out - 1) * win->stride[d] + (win->kernel[d] - 1) * win->dilation[d] + 1 - extent;
            total = total < 0 ? 0 : total;
            win->before[d] = strcmp(mode, "SAME_UPPER") == 0 ? total / 2 : total - total / 2;
            win->after[d] = total - win->before[d];
        }
    }
}

/* Place of output `at` and tap `tap` in one channel of the input, or -1 in the padding. */
static int64_t source(const struct window *win, const struct kc_tensor *x, const int64_t *at, const int64_t *tap)
{
    int64_t index = 0;
    for (int d = 0; d < win->rank; d++) {
        int64_t p = at[d] * win->stride[d] + tap[d] * win->dilation[d] - win->before[d];
        if (p < 0 || p >= x->dim[d + 2])
            return -1;
        index = index * x->dim[d + 2] + p;
    }
    return index;
}

static int64_t product(int n, const int64_t *dims)
{
    int64_t p = 1;
    for (int d = 0; d < n; d++)
        p *= dims[d];
    return p;
}

static void conv_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                           struct kc_tensor *out)
{
    const struct kc_tensor *x = &in[0], *w = &in[1], *b = c->n_in > 2 && in[2].rank >= 0 ? &in[2] : NULL;
    struct window win;
    read_window(node, x, w, &win);
    int64_t group = alt_attr_int(node, "group", 1), dims[MOST + 2] = {x->dim[0], w->dim[0]};
    for (int d = 0; d < win.rank; d++)
        dims[d + 2] =
            (x->dim[d + 2] + win.before[d] + win.after[d] - (win.kernel[d] - 1) * win.dilation[d] - 1) / win.stride[d] +
            1;
    kc_out(out, x->rank, dims, true);
    int64_t places = product(win.rank, dims + 2), taps = product(win.rank, win.kernel);
    int64_t channels = w->dim[1], pixels = product(win.rank, x->dim + 2);
    for (int64_t i = 0; i < out->count; i++) {
        int64_t at[MOST], tap[MOST], m = i / places % dims[1], n = i / places / dims[1];
        int64_t first = m / (dims[1] / group) * channels;
        long double sum = b ? (long double)b->value[m] : 0;
        double weight = b ? fabs(b->value[m]) : 0;
        kc_coordinates(win.rank, dims + 2, i % places, at);
        for (int64_t ch = 0; ch < channels; ch++)
            for (int64_t k = 0; k < taps; k++) {
                kc_coordinates(win.rank, win.kernel, k, tap);
                int64_t p = source(&win, x, at, tap);
                if (p < 0)
                    continue;
                double term =
                    x->value[(n * x->dim[1] + first + ch) * pixels + p] * w->value[(m * channels + ch) * taps + k];
                sum += (long double)term;
                weight += fabs(term);
            }
        out->value[i] = (double)sum;
        out->weight[i] = weight;
    }
}

/* The gradient of a convolution: every input element adds its window, times the kernel, to the output. */
static void transpose_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                                struct kc_tensor *out)
{
    const struct kc_tensor *x = &in[0], *w = &in[1], *b = c->n_in > 2 && in[2].rank >= 0 ? &in[2] : NULL;
    struct window win;
    const int64_t *more;
    bool has_more = alt_attr_ints(node, "output_padding", &more) > 0;
    read_window(node, x, w, &win);
    int64_t group = alt_attr_int(node, "group", 1), dims[MOST + 2] = {x->dim[0], w->dim[1] * group}, at[MOST],
            tap[MOST];
    for (int d = 0; d < win.rank; d++)
        dims[d + 2] = (x->dim[d + 2] - 1) * win.stride[d] + (has_more ? more[d] : 0) +
                      (win.kernel[d] - 1) * win.dilation[d] + 1 - win.before[d] - win.after[d];
    kc_out(out, x->rank, dims, true);
    int64_t places = product(win.rank, dims + 2), taps = product(win.rank, win.kernel);
    int64_t pixels = product(win.rank, x->dim + 2), ic = x->dim[1] / group, oc = w->dim[1];
    for (int64_t i = 0; b && i < out->count; i++) {
        out->value[i] = b->value[i / places % dims[1]];
        out->weight[i] = fabs(out->value[i]);
    }
    for (int64_t i = 0; i < x->count * oc * taps; i++) {
        int64_t k = i % taps, o = i / taps % oc, from = i / taps / oc, ch = from / pixels % x->dim[1], to = 0;
        bool inside = true;
        kc_coordinates(win.rank, x->dim + 2, from % pixels, at);
        kc_coordinates(win.rank, win.kernel, k, tap);
        for (int d = 0; d < win.rank; d++) {
            int64_t p = at[d] * win.stride[d] + tap[d] * win.dilation[d] - win.before[d];
            inside &= p >= 0 && p < dims[d + 2];
            to = to * dims[d + 2] + p;
        }
        if (!inside)
            continue;
        double term = x->value[from] * w->value[(ch * oc + o) * taps + k];
        to += (from / pixels / x->dim[1] * dims[1] + ch / ic * oc + o) * places;
        out->value[to] += term;
        out->weight[to] += fabs(term);
    }
}

struct row {
    int spatial;
    int64_t n, c, m, group;
    int64_t extent[MOST], kernel[MOST], stride[MOST], dilation[MOST], pads[2 * MOST];
    bool bias;
};

static void add_window(struct kc_case *c, const struct row *r, const char *auto_pad)
{
    kc_attr_ints(c, "kernel_shape", r->spatial, r->kernel);
    kc_attr_ints(c, "strides", r->spatial, r->stride);
    kc_attr_ints(c, "dilations", r->spatial, r->dilation);
    if (auto_pad)
        kc_attr_text(c, "auto_pad", auto_pad);
    else
        kc_attr_ints(c, "pads", 2 * r->spatial, r->pads);
    if (r->group != 1)
        kc_attr_int(c, "group", r->group);
}

static void conv_case(struct kc_run *run, const struct row *r, alt_dtype dtype, bool constant, enum kc_fill fill,
                      const char *auto_pad)
{
    struct kc_case c = kc_case("Conv", 11, conv_reference);
    int64_t x[MOST + 2] = {r->n, r->c}, w[MOST + 2] = {r->m, r->c / r->group};
    for (int d = 0; d < r->spatial; d++) {
        x[d + 2] = r->extent[d];
        w[d + 2] = r->kernel[d];
    }
    kc_in(&c, dtype, r->spatial + 2, x)->fill = fill;
    kc_in(&c, dtype, r->spatial + 2, w)->known = constant;
    if (r->bias)
        kc_in(&c, dtype, 1, &r->m)->known = constant;
    add_window(&c, r, auto_pad);
    c.note = constant ? "packed" : NULL;
    c.ulps = 1;
    c.reduction = product(r->spatial, r->kernel) * w[1] + 1;
    kc_check(run, &c);
}

static void transpose_case(struct kc_run *run, const struct row *r, alt_dtype dtype, bool constant, const int64_t *more)
{
    struct kc_case c = kc_case("ConvTranspose", 11, transpose_reference);
    int64_t x[MOST + 2] = {r->n, r->c}, w[MOST + 2] = {r->c, r->m / r->group};
    for (int d = 0; d < r->spatial; d++) {
        x[d + 2] = r->extent[d];
        w[d + 2] = r->kernel[d];
    }
    kc_in(&c, dtype, r->spatial + 2, x);
    kc_in(&c, dtype, r->spatial + 2, w)->known = constant;
    if (r->bias)
        kc_in(&c, dtype, 1, &r->m)->known = constant;
    add_window(&c, r, NULL);
    if (more)
        kc_attr_ints(&c, "output_padding", r->spatial, more);
    c.note = constant ? "packed" : NULL;
    c.ulps = 1;
    c.reduction = product(r->spatial, r->kernel) * (r->c / r->group) + 1;
    kc_check(run, &c);
}

static const struct row transposed[] = {
    {1, 1, 1, 1, 1, {1}, {1}, {1}, {1}, {0, 0}, false},
    {1, 2, 5, 6, 1, {13}, {4}, {2}, {1}, {1, 1}, true},
    {2, 1, 16, 8, 1, {7, 5}, {2, 2}, {2, 2}, {1, 1}, {0, 0, 0, 0}, true},
    {2, 2, 6, 9, 3, {5, 6}, {3, 3}, {2, 3}, {1, 1}, {1, 1, 1, 1}, true},
    {2, 1, 17, 3, 1, {4, 9}, {3, 2}, {1, 2}, {2, 1}, {0, 1, 1, 0}, false},
    {2, 1, 8, 8, 8, {6, 6}, {4, 4}, {2, 2}, {1, 1}, {1, 1, 1, 1}, false},
    {3, 1, 4, 6, 2, {3, 4, 3}, {2, 3, 2}, {2, 1, 2}, {1, 1, 1}, {0, 1, 0, 0, 1, 0}, true},
};

static const struct row rows[] = {
    /* spatial, n, c, m, group, extents, kernel, strides, dilations, pads, bias */
    {1, 1, 1, 1, 1, {1}, {1}, {1}, {1}, {0, 0}, false},
    {1, 2, 5, 7, 1, {31}, {3}, {2}, {1}, {1, 1}, true},
    {1, 1, 16, 16, 16, {40}, {5}, {1}, {3}, {4, 2}, false},
    {2, 1, 3, 16, 1, {13, 17}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, true},
    {2, 2, 8, 8, 1, {7, 7}, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, false},
    {2, 1, 17, 19, 1, {9, 11}, {1, 1}, {2, 2}, {1, 1}, {0, 0, 0, 0}, true},
    {2, 1, 3, 24, 1, {23, 23}, {7, 7}, {2, 2}, {1, 1}, {3, 3, 3, 3}, true},
    {2, 1, 32, 32, 32, {14, 14}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, true},
    {2, 1, 24, 24, 24, {15, 13}, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}, false},
    {2, 1, 13, 26, 13, {9, 9}, {5, 5}, {1, 1}, {1, 1}, {2, 2, 2, 2}, true},
    {2, 2, 12, 20, 4, {10, 9}, {3, 2}, {1, 2}, {1, 1}, {0, 1, 2, 0}, true},
    {2, 1, 16, 16, 1, {19, 19}, {3, 3}, {1, 1}, {2, 3}, {2, 3, 2, 3}, true},
    {2, 1, 64, 64, 1, {14, 14}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, false},
    {2, 1, 40, 48, 1, {5, 6}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, true},
    {2, 1, 5, 3, 1, {2, 2}, {3, 3}, {1, 1}, {1, 1}, {2, 2, 2, 2}, true},
    {2, 0, 3, 4, 1, {5, 5}, {3, 3}, {1, 1}, {1, 1}, {0, 0, 0, 0}, false},
    {3, 1, 3, 8, 1, {5, 7, 6}, {3, 3, 3}, {1, 2, 1}, {1, 1, 1}, {1, 1, 1, 1, 1, 1}, true},
    {3, 1, 8, 8, 2, {4, 4, 5}, {1, 3, 2}, {1, 1, 2}, {1, 1, 2}, {0, 1, 0, 0, 1, 1}, false},
};

static void random_cases(struct kc_run *run)
{
    for (int i = 0; i < 40; i++) {
        struct row r = {.spatial = (int)kc_random(run, 1, 3),
                        .n = kc_random(run, 1, 2),
                        .group = kc_random(run, 1, 3),
                        .bias = kc_random(run, 0, 1)};
        if (kc_random(run, 0, 2) == 0)
            r.group = kc_random(run, 1, 18);
        bool depthwise = kc_random(run, 0, 3) == 0;
        r.c = r.group * (depthwise ? 1 : kc_random(run, 1, 9));
        r.m = r.group * (depthwise ? kc_random(run, 1, 2) : kc_random(run, 1, 9));
        for (int d = 0; d < r.spatial; d++) {
            r.kernel[d] = kc_random(run, 1, r.spatial == 3 ? 3 : 5);
            r.stride[d] = kc_random(run, 1, 3);
            r.dilation[d] = kc_random(run, 1, 2);
            r.pads[d] = kc_random(run, 0, r.kernel[d]);
            r.pads[d + r.spatial] = kc_random(run, 0, r.kernel[d]);
            r.extent[d] = (r.kernel[d] - 1) * r.dilation[d] + 1 + kc_random(run, 0, r.spatial == 1 ? 60 : 12);
        }
        conv_case(run, &r, ALT_FLOAT32, kc_random(run, 0, 1), KC_UNIFORM, NULL);
    }
}

static void conv_cases(struct kc_run *run)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        conv_case(run, &rows[i], ALT_FLOAT32, true, KC_UNIFORM, NULL);
        conv_case(run, &rows[i], ALT_FLOAT32, false, KC_UNIFORM, NULL);
    }
    static const alt_dtype others[] = {ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16};
    for (size_t d = 0; d < sizeof others / sizeof others[0]; d++) {
        conv_case(run, &rows[3], others[d], false, KC_UNIFORM, NULL);
        conv_case(run, &rows[10], others[d], true, KC_UNIFORM, NULL);
    }
    conv_case(run, &rows[3], ALT_FLOAT32, true, KC_NONFINITE, NULL);
    conv_case(run, &rows[7], ALT_FLOAT32, true, KC_NONFINITE, NULL);
    conv_case(run, &rows[5], ALT_FLOAT32, false, KC_UNIFORM, "SAME_UPPER");
    conv_case(run, &rows[6], ALT_FLOAT32, false, KC_UNIFORM, "SAME_LOWER");
    conv_case(run, &rows[1], ALT_FLOAT32, true, KC_UNIFORM, "VALID");
    for (size_t i = 0; i < sizeof transposed / sizeof transposed[0]; i++)
        for (int constant = 0; constant < 2; constant++) {
            transpose_case(run, &transposed[i], ALT_FLOAT32, constant, NULL);
            if (transposed[i].stride[0] > 1 && transposed[i].stride[1] != 1)
                transpose_case(run, &transposed[i], ALT_FLOAT32, constant, (int64_t[]){1, 1, 0});
        }
    transpose_case(run, &transposed[3], ALT_FLOAT64, false, NULL);
    transpose_case(run, &transposed[3], ALT_FLOAT16, false, NULL);
    random_cases(run);
}

const struct kc_family kc_conv = {"conv", conv_cases};
