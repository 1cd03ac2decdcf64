/* kernel_check_pool.c: MaxPool, AveragePool and the global forms against one loop over the window of each output. */
#include "tests/kernel_check.h"

#include <math.h>
#include <string.h>

enum { MOST = 3 };

struct window {
    int rank;
    int64_t kernel[MOST], stride[MOST], dilation[MOST], before[MOST], after[MOST], out[MOST];
};

static void read_window(const struct alt_node *n, const struct kc_tensor *x, struct window *win)
{
    const int64_t *kernel = NULL, *strides = NULL, *dilations = NULL, *pads = NULL;
    win->rank = x->rank - 2;
    bool global = alt_attr_ints(n, "kernel_shape", &kernel) == 0;
    alt_attr_ints(n, "strides", &strides);
    alt_attr_ints(n, "dilations", &dilations);
    alt_attr_ints(n, "pads", &pads);
    bool ceil_mode = alt_attr_int(n, "ceil_mode", 0);
    for (int d = 0; d < win->rank; d++) {
        win->kernel[d] = global ? x->dim[d + 2] : kernel[d];
        win->stride[d] = strides ? strides[d] : 1;
        win->dilation[d] = dilations ? dilations[d] : 1;
        win->before[d] = pads ? pads[d] : 0;
        win->after[d] = pads ? pads[d + win->rank] : 0;
        int64_t room = x->dim[d + 2] + win->before[d] + win->after[d] - (win->kernel[d] - 1) * win->dilation[d] - 1;
        win->out[d] = (room + (ceil_mode ? win->stride[d] - 1 : 0)) / win->stride[d] + 1;
        /* a window that would start in the padding behind is none (ONNX MaxPool, "ceil_mode") */
        if (ceil_mode && (win->out[d] - 1) * win->stride[d] >= x->dim[d + 2] + win->before[d])
            win->out[d]--;
    }
}

static int64_t product(int n, const int64_t *dims)
{
    int64_t p = 1;
    for (int d = 0; d < n; d++)
        p *= dims[d];
    return p;
}

struct gathered {
    double max, sum, weight;
    int64_t inside, padded; /* positions in the input; in the input or its padding */
    bool nan;
};

static struct gathered gather(const struct window *win, const struct kc_tensor *x, int64_t plane, const int64_t *at)
{
    struct gathered g = {.max = -INFINITY};
    int64_t taps = product(win->rank, win->kernel), pixels = product(win->rank, x->dim + 2), tap[MOST];
    for (int64_t k = 0; k < taps; k++) {
        int64_t index = 0;
        bool inside = true, padded = true;
        kc_coordinates(win->rank, win->kernel, k, tap);
        for (int d = 0; d < win->rank; d++) {
            int64_t p = at[d] * win->stride[d] + tap[d] * win->dilation[d] - win->before[d];
            inside &= p >= 0 && p < x->dim[d + 2];
            padded &= p < x->dim[d + 2] + win->after[d];
            index = index * x->dim[d + 2] + p;
        }
        g.padded += padded;
        if (!inside)
            continue;
        double v = x->value[plane * pixels + index];
        g.inside++;
        g.nan |= isnan(v);
        g.max = v > g.max ? v : g.max;
        g.sum += v;
        g.weight += fabs(v);
    }
    return g;
}

static void pool(const struct alt_node *node, const struct kc_tensor *x, struct kc_tensor *out, bool max)
{
    struct window win;
    int64_t dims[MOST + 2] = {x->dim[0], x->dim[1]}, at[MOST];
    read_window(node, x, &win);
    memcpy(dims + 2, win.out, sizeof win.out);
    kc_out(out, x->rank, dims, !max);
    bool all = alt_attr_int(node, "count_include_pad", 0);
    int64_t places = product(win.rank, win.out);
    for (int64_t i = 0; i < out->count; i++) {
        kc_coordinates(win.rank, win.out, i % places, at);
        struct gathered g = gather(&win, x, i / places, at);
        double by = (double)(all ? g.padded : g.inside);
        out->value[i] = max ? (g.nan ? NAN : g.max) : g.sum / by;
        if (!max)
            out->weight[i] = g.weight / by;
    }
}

static void max_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                          struct kc_tensor *out)
{
    (void)c;
    pool(node, in, out, true);
}

static void average_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                              struct kc_tensor *out)
{
    (void)c;
    pool(node, in, out, false);
}

struct row {
    int spatial;
    int64_t n, c;
    int64_t extent[MOST], kernel[MOST], stride[MOST], dilation[MOST], pads[2 * MOST];
    bool ceil_mode;
};

static const struct row rows[] = {
    {1, 1, 1, {1}, {1}, {1}, {1}, {0, 0}, false},
    {1, 2, 3, {31}, {3}, {2}, {1}, {1, 1}, false},
    {2, 1, 7, {13, 17}, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}, false},
    {2, 2, 16, {12, 12}, {2, 2}, {2, 2}, {1, 1}, {0, 0, 0, 0}, false},
    {2, 1, 8, {7, 5}, {3, 2}, {1, 1}, {2, 1}, {0, 0, 0, 0}, false},
    {2, 1, 19, {9, 10}, {3, 3}, {2, 2}, {1, 1}, {0, 0, 0, 0}, true},
    {2, 1, 5, {9, 10}, {3, 3}, {2, 3}, {1, 1}, {1, 0, 0, 1}, true},
    {2, 0, 3, {5, 5}, {3, 3}, {1, 1}, {1, 1}, {0, 0, 0, 0}, false},
    {2, 1, 9, {13, 12}, {5, 5}, {1, 1}, {1, 1}, {2, 2, 2, 2}, false}, /* these are large enough for lines to be kept */
    {2, 1, 3, {41, 120}, {7, 4}, {2, 1}, {1, 3}, {0, 4, 6, 1}, true},
    {2, 2, 8, {10, 6}, {4, 5}, {1, 2}, {3, 1}, {5, 0, 0, 4}, false},
    {3, 1, 4, {5, 6, 7}, {2, 3, 2}, {1, 2, 2}, {1, 1, 1}, {1, 1, 0, 0, 1, 1}, false},
};

static void pool_case(struct kc_run *run, const char *op, const struct row *r, alt_dtype dtype, enum kc_fill fill,
                      bool include_pad)
{
    bool max = strcmp(op, "MaxPool") == 0;
    struct kc_case c = kc_case(op, 22, max ? max_reference : average_reference);
    int64_t x[MOST + 2] = {r->n, r->c};
    memcpy(x + 2, r->extent, sizeof r->extent);
    struct kc_input *in = kc_in(&c, dtype, r->spatial + 2, x);
    if (fill != KC_UNIFORM)
        in->fill = fill;
    kc_attr_ints(&c, "kernel_shape", r->spatial, r->kernel);
    kc_attr_ints(&c, "strides", r->spatial, r->stride);
    kc_attr_ints(&c, "dilations", r->spatial, r->dilation);
    kc_attr_ints(&c, "pads", 2 * r->spatial, r->pads);
    if (r->ceil_mode)
        kc_attr_int(&c, "ceil_mode", 1);
    if (include_pad)
        kc_attr_int(&c, "count_include_pad", 1);
    c.ulps = max ? 0 : 1;
    c.reduction = max ? 0 : product(r->spatial, r->kernel) + 1;
    kc_check(run, &c);
}

static void global_case(struct kc_run *run, const char *op, int rank, const int64_t *dims, alt_dtype dtype)
{
    bool max = strcmp(op, "GlobalMaxPool") == 0;
    struct kc_case c = kc_case(op, 22, max ? max_reference : average_reference);
    kc_in(&c, dtype, rank, dims);
    c.ulps = max ? 0 : 1;
    c.reduction = product(rank - 2, dims + 2) + 1;
    kc_check(run, &c);
}

static void pool_cases(struct kc_run *run)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pool_case(run, "MaxPool", &rows[i], ALT_FLOAT32, KC_UNIFORM, false);
        pool_case(run, "AveragePool", &rows[i], ALT_FLOAT32, KC_UNIFORM, false);
        pool_case(run, "AveragePool", &rows[i], ALT_FLOAT32, KC_UNIFORM, true);
    }
    static const alt_dtype floats[] = {ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16};
    for (size_t d = 0; d < sizeof floats / sizeof floats[0]; d++) {
        pool_case(run, "MaxPool", &rows[2], floats[d], KC_UNIFORM, false);
        pool_case(run, "AveragePool", &rows[2], floats[d], KC_UNIFORM, false);
        global_case(run, "GlobalAveragePool", 4, (int64_t[]){2, 5, 7, 3}, floats[d]);
    }
    for (int i = 8; i < 11; i++) {
        pool_case(run, "MaxPool", &rows[i], ALT_FLOAT16, KC_SPECIAL, false);
        pool_case(run, "MaxPool", &rows[i], ALT_FLOAT32, KC_SPECIAL, false);
    }
    pool_case(run, "MaxPool", &rows[3], ALT_INT8, KC_WHOLE, false);
    pool_case(run, "MaxPool", &rows[3], ALT_UINT8, KC_WHOLE, false);
    pool_case(run, "MaxPool", &rows[3], ALT_FLOAT32, KC_SPECIAL, false);
    pool_case(run, "AveragePool", &rows[3], ALT_FLOAT32, KC_NONFINITE, false);
    static const int64_t shapes[][5] = {{1, 1, 1, 1, 1}, {2, 17, 7, 7, 3}, {1, 3, 112, 5, 2}};
    for (int i = 0; i < 3; i++)
        for (int rank = 3; rank <= 5; rank++) {
            global_case(run, "GlobalMaxPool", rank, shapes[i], ALT_FLOAT32);
            global_case(run, "GlobalAveragePool", rank, shapes[i], ALT_FLOAT32);
        }
}

const struct kc_family kc_pool = {"pool", pool_cases};
