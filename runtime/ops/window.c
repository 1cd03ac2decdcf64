/* window.c: sliding windows; see window.h. */
#include "runtime/ops/window.h"

#include "runtime/graph.h"

#include <string.h>

/* Bound of every attribute, so that sums and products of two stay far from overflow. */
#define MOST INT32_MAX

/* Reads `count` ints in [least, MOST]; those absent become `otherwise`. */
static const char *read_ints(const struct alt_node *n, const char *name, int count, int64_t least, int64_t otherwise,
                             int64_t *out)
{
    const int64_t *ints;
    const int64_t given = alt_attr_ints(n, name, &ints);
    for (int i = 0; i < count; i++)
        out[i] = otherwise;
    if (given == 0)
        return NULL;
    if (given != count)
        return "strides, dilations, pads and kernel_shape must have one entry (pads: two) for each spatial axis";
    for (int i = 0; i < count; i++) {
        if (ints[i] < least || ints[i] > MOST)
            return least ? "strides, dilations and kernel_shape must be positive" : "pads must not be negative";
        out[i] = ints[i];
    }
    return NULL;
}

static const char *read_auto_pad(const struct alt_node *n, enum alt_auto_pad *out)
{
    static const char *const names[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
    const char *text = alt_attr_text(n, "auto_pad", "NOTSET");
    for (int i = 0; i < 4; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum alt_auto_pad)i;
            return NULL;
        }
    /* Models of old exporters hold the empty string for the default. */
    *out = ALT_PAD_NOTSET;
    return *text ? "auto_pad must be NOTSET, SAME_UPPER, SAME_LOWER or VALID" : NULL;
}

/* Takes the kernel from the weights where kernel_shape does not give it; both must agree. */
static const char *merge_kernel(const int64_t *weights, struct alt_op_window *w)
{
    for (int i = 0; i < w->rank; i++) {
        if (!weights) {
            if (w->kernel[i] < 0)
                return "kernel_shape is missing";
        } else if (w->kernel[i] < 0) {
            w->kernel[i] = weights[i];
        } else if (weights[i] >= 0 && weights[i] != w->kernel[i]) {
            return "kernel_shape is not that of the weights";
        }
        if (w->kernel[i] == 0 || w->kernel[i] > MOST)
            return "the kernel must have a positive extent along every axis";
    }
    return NULL;
}

const char *alt_op_window_read(const struct alt_node *n, int rank, const int64_t *kernel, struct alt_op_window *w)
{
    int64_t pads[2 * ALT_WINDOW_RANK];
    memset(w, 0, sizeof *w);
    w->rank = rank;
    const char *fault = rank < 1 || rank > ALT_WINDOW_RANK ? "there must be 1 to 6 spatial axes" : NULL;
    if (!fault)
        fault = read_ints(n, "kernel_shape", rank, 1, -1, w->kernel);
    if (!fault)
        fault = read_ints(n, "strides", rank, 1, 1, w->stride);
    if (!fault)
        fault = read_ints(n, "dilations", rank, 1, 1, w->dilation);
    if (!fault)
        fault = read_ints(n, "pads", 2 * rank, 0, 0, pads);
    if (!fault)
        fault = read_auto_pad(n, &w->auto_pad);
    if (!fault)
        fault = merge_kernel(kernel, w);
    if (fault)
        return fault;
    w->ceil = alt_attr_int(n, "ceil_mode", 0) != 0;
    for (int i = 0; i < rank && w->auto_pad == ALT_PAD_NOTSET; i++) {
        w->begin[i] = pads[i];
        w->end[i] = pads[rank + i];
    }
    return NULL;
}

int alt_op_window_rank(const struct alt_node *n)
{
    const int64_t *ints;
    const int64_t count = alt_attr_ints(n, "kernel_shape", &ints);
    return count >= 1 && count <= ALT_WINDOW_RANK ? (int)count : -1;
}

int64_t alt_op_window_span(const struct alt_op_window *w, int axis)
{
    return (w->kernel[axis] - 1) * w->dilation[axis] + 1;
}

alt_dim alt_op_window_out(struct alt_dimtab *tab, const struct alt_op_window *w, int axis, alt_dim in)
{
    const int64_t stride = w->stride[axis];
    if (w->auto_pad == ALT_PAD_SAME_UPPER || w->auto_pad == ALT_PAD_SAME_LOWER)
        return alt_dim_ceildiv(tab, in, stride);
    if (w->kernel[axis] < 0)
        return alt_dim_unknown(tab);
    /* free: positions that the window may be moved by. Constants are summed first: they may be negative in the middle. */
    const int64_t more = w->begin[axis] + w->end[axis] - alt_op_window_span(w, axis);
    const alt_dim free = more >= 0 ? alt_dim_add(tab, in, more) : alt_dim_sub(tab, in, -more);
    if (!w->ceil)
        return alt_dim_add(tab, alt_dim_div(tab, free, stride), 1);
    /* A window that would start in the padding behind is left out. */
    const alt_dim most = alt_dim_ceildiv(tab, alt_dim_add(tab, in, w->begin[axis]), stride);
    return alt_dim_min(tab, alt_dim_add(tab, alt_dim_ceildiv(tab, free, stride), 1), most);
}

bool alt_op_window_fix(struct alt_op_window *w, const int64_t *in, const int64_t *out)
{
    for (int i = 0; i < w->rank; i++) {
        const int64_t span = alt_op_window_span(w, i);
        if (in[i] < 0 || out[i] < 0 || in[i] > ALT_WINDOW_MOST || out[i] > ALT_WINDOW_MOST)
            return false;
        w->in[i] = in[i];
        w->out[i] = out[i];
        if (w->auto_pad == ALT_PAD_SAME_UPPER || w->auto_pad == ALT_PAD_SAME_LOWER) {
            const int64_t total = (out[i] - 1) * w->stride[i] + span - in[i];
            const int64_t less = total > 0 ? total / 2 : 0;
            w->begin[i] = w->auto_pad == ALT_PAD_SAME_UPPER || total <= 0 ? less : total - less;
            w->end[i] = total > 0 ? total - w->begin[i] : 0;
        }
        if (in[i] + w->begin[i] + w->end[i] < span)
            return false;
    }
    return true;
}

int64_t alt_op_window_taps(const struct alt_op_window *w)
{
    int64_t taps = 1;
    for (int i = 0; i < w->rank; i++)
        if (__builtin_mul_overflow(taps, w->kernel[i], &taps))
            return -1;
    return taps;
}

bool alt_op_window_padded(const struct alt_op_window *w)
{
    for (int i = 0; i < w->rank; i++)
        if (w->begin[i] > 0 || (w->out[i] - 1) * w->stride[i] + alt_op_window_span(w, i) > w->in[i])
            return true;
    return false;
}
