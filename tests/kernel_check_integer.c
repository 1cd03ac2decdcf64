/* kernel_check_integer.c: quantising and dequantising, and convolutions and products of 8-bit integers with zero points, next to
 * plain loops. Sums are exact; where results are rounded, the references round the very same float32 numbers. */
#include "tests/kernel_check.h"

#include "runtime/half.h"
#include "runtime/type.h"

#include <math.h>
#include <string.h>

static const struct kc_tensor *given(const struct kc_case *c, const struct kc_tensor *in, int i)
{
    return i >= 0 && i < c->n_in && in[i].rank >= 0 ? &in[i] : NULL;
}

/* Element i of a parameter: its only one, or the i-th; 0 when there is none. */
static double param(const struct kc_tensor *t, int64_t i)
{
    return !t ? 0 : t->value[t->count == 1 ? 0 : i];
}

static double saturate(alt_dtype dtype, double x)
{
    bool is_signed = dtype == ALT_INT8 || dtype == ALT_INT16 || dtype == ALT_INT4;
    double steps = ldexp(1, (int)alt_dtype_bits(dtype)), low = is_signed ? -steps / 2 : 0;
    return x < low ? low : x > low + steps - 1 ? low + steps - 1 : x;
}

/* --- QuantizeLinear and DequantizeLinear --- */

/* The parameter of element i of x. */
static int64_t grain(const struct alt_node *node, const struct kc_tensor *x, const struct kc_tensor *scale, int64_t i)
{
    int64_t axis = alt_attr_int(node, "axis", 1), block = alt_attr_int(node, "block_size", 0), at[ALT_MAX_RANK];
    if (scale->count == 1)
        return 0;
    axis = axis < 0 ? axis + x->rank : axis;
    kc_coordinates(x->rank, x->dim, i, at);
    if (!block)
        return at[axis];
    at[axis] /= block;
    return kc_index(scale->rank, scale->dim, at);
}

static void quantize_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                               struct kc_tensor *out)
{
    const struct kc_tensor *zero = given(c, in, 2);
    kc_out(out, in->rank, in->dim, false);
    out->dtype = zero ? zero->dtype : ALT_UINT8;
    for (int64_t i = 0; i < out->count; i++) {
        int64_t k = grain(node, in, &in[1], i);
        float quotient = (float)in->value[i] / (float)in[1].value[k];
        if (in[1].dtype == ALT_FLOAT16)
            quotient = alt_f16_to_f32(alt_f32_to_f16(quotient));
        out->value[i] = saturate(out->dtype, (double)rintf(quotient) + param(zero, k));
    }
}

static void dequantize_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                                 struct kc_tensor *out)
{
    kc_out(out, in->rank, in->dim, false);
    out->dtype = in[1].dtype;
    for (int64_t i = 0; i < out->count; i++) {
        int64_t k = grain(node, in, &in[1], i);
        const struct kc_tensor *zero = given(c, in, 2);
        out->value[i] = (in->value[i] - (zero ? zero->value[k] : 0)) * in[1].value[k];
    }
}

static struct kc_input *whole(struct kc_case *c, alt_dtype dtype, int rank, const int64_t *dims)
{
    struct kc_input *in = kc_in(c, dtype, rank, dims);
    in->fill = KC_WHOLE;
    in->low = saturate(dtype, -1e6);
    in->high = saturate(dtype, 1e6);
    return in;
}

static void scales(struct kc_case *c, alt_dtype dtype, int rank, const int64_t *dims)
{
    struct kc_input *in = kc_in(c, dtype, rank, dims);
    in->low = 0.01;
    in->high = 0.1;
}

enum { WHOLE, EACH, BLOCKS }; /* one scale, one a position of the axis, one a block */

static void linear_case(struct kc_run *run, bool back, alt_dtype real, alt_dtype quantised, int axis, int how, bool zero)
{
    static const int64_t dims[] = {3, 10, 7};
    int64_t params[3] = {3, 10, 7}, block = 4;
    int rank = how == WHOLE ? 0 : how == EACH ? 1 : 3;
    struct kc_case c = kc_case(back ? "DequantizeLinear" : "QuantizeLinear", 21, back ? dequantize_reference : quantize_reference);
    params[axis] = (dims[axis] + block - 1) / block;
    const int64_t *shape = how == EACH ? &dims[axis] : params;
    if (back) {
        whole(&c, quantised, 3, dims);
    } else {
        struct kc_input *x = kc_in(&c, real, 3, dims);
        x->low = -20;
        x->high = 20;
    }
    scales(&c, real, rank, shape);
    if (zero)
        whole(&c, quantised, rank, shape);
    kc_attr_int(&c, "axis", axis);
    if (how == BLOCKS)
        kc_attr_int(&c, "block_size", block);
    c.ulps = back ? 1 : 0.5;
    kc_check(run, &c);
}

static void linear_cases(struct kc_run *run)
{
    static const alt_dtype types[] = {ALT_INT8, ALT_UINT8, ALT_INT16, ALT_UINT16, ALT_INT4, ALT_UINT4};
    for (int t = 0; t < 6; t++)
        for (int axis = 0; axis < 3; axis++)
            for (int how = WHOLE; how <= BLOCKS; how++) {
                linear_case(run, false, ALT_FLOAT32, types[t], axis, how, true);
                linear_case(run, true, ALT_FLOAT32, types[t], axis, how, axis != 1);
            }
    linear_case(run, false, ALT_FLOAT32, ALT_UINT8, 0, WHOLE, false);
    linear_case(run, false, ALT_FLOAT16, ALT_INT8, 2, EACH, true);
    linear_case(run, true, ALT_FLOAT16, ALT_INT8, 2, EACH, true);
    linear_case(run, true, ALT_BFLOAT16, ALT_UINT8, 1, BLOCKS, true);
}

/* --- sums of products --- */

/* (sum + bias) * (a * b / y) rounded and shifted, in the float32 arithmetic of the operators. */
static double requantise(alt_dtype dtype, double sum, double a, double b, double y, double zero)
{
    float factor = (float)a * (float)b / (float)y;
    return saturate(dtype, (double)rintf((float)sum * factor) + zero);
}

/* Which input is what; -1: none. */
struct roles {
    int x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias;
};
static const struct roles plain = {-1, 2, 1, -1, 3, -1, -1, -1}, qlinear = {1, 2, 3, 4, 5, 6, 7, 8};

static double finish(const struct kc_case *c, const struct roles *r, const struct kc_tensor *in, double sum, int64_t row,
                     int64_t column)
{
    if (r->y_scale < 0)
        return sum;
    sum += param(given(c, in, r->bias), column);
    return requantise(in[r->y_zero].dtype, sum, param(&in[r->x_scale], row), param(&in[r->w_scale], column),
                      in[r->y_scale].value[0], in[r->y_zero].value[0]);
}

/* Two spatial axes. */
struct window {
    int64_t stride[2], dilation[2], pad[4], group;
};

static int64_t conv_extent(const struct window *v, const struct kc_tensor *x, const struct kc_tensor *w, int d)
{
    return (x->dim[2 + d] + v->pad[d] + v->pad[2 + d] - (w->dim[2 + d] - 1) * v->dilation[d] - 1) / v->stride[d] + 1;
}

static double conv_sum(const struct kc_case *c, const struct roles *r, const struct window *v, const struct kc_tensor *in,
                       const int64_t *at)
{
    const struct kc_tensor *x = &in[0], *w = &in[r->w];
    int64_t ic = w->dim[1], first = at[1] / (w->dim[0] / v->group) * ic;
    double x_zero = param(given(c, in, r->x_zero), 0), w_zero = param(given(c, in, r->w_zero), at[1]), sum = 0;
    for (int64_t i = 0; i < ic * w->dim[2] * w->dim[3]; i++) {
        int64_t ch = i / (w->dim[2] * w->dim[3]), ky = i / w->dim[3] % w->dim[2], kx = i % w->dim[3];
        int64_t py = at[2] * v->stride[0] + ky * v->dilation[0] - v->pad[0], px = at[3] * v->stride[1] + kx * v->dilation[1] - v->pad[1];
        if (py < 0 || px < 0 || py >= x->dim[2] || px >= x->dim[3])
            continue;
        int64_t from[4] = {at[0], first + ch, py, px}, tap[4] = {at[1], ch, ky, kx};
        sum += (x->value[kc_index(4, x->dim, from)] - x_zero) * (w->value[kc_index(4, w->dim, tap)] - w_zero);
    }
    return sum;
}

static void conv_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                           struct kc_tensor *out)
{
    const struct roles *r = strcmp(c->op, "QLinearConv") == 0 ? &qlinear : &plain;
    struct window v = {.group = alt_attr_int(node, "group", 1)};
    const int64_t *ints;
    alt_attr_ints(node, "strides", &ints);
    memcpy(v.stride, ints, sizeof v.stride);
    alt_attr_ints(node, "dilations", &ints);
    memcpy(v.dilation, ints, sizeof v.dilation);
    alt_attr_ints(node, "pads", &ints);
    memcpy(v.pad, ints, sizeof v.pad);
    int64_t dims[4] = {in->dim[0], in[r->w].dim[0], conv_extent(&v, in, &in[r->w], 0), conv_extent(&v, in, &in[r->w], 1)}, at[4];
    kc_out(out, 4, dims, false);
    out->dtype = r->y_zero < 0 ? ALT_INT32 : in[r->y_zero].dtype;
    for (int64_t i = 0; i < out->count; i++) {
        kc_coordinates(4, dims, i, at);
        out->value[i] = finish(c, r, in, conv_sum(c, r, &v, in, at), 0, at[1]);
    }
}

enum { SIGNED_X = 1, SIGNED_W = 2, EACH_CHANNEL = 4, BIAS = 8, KNOWN = 16 };

/* The parameters of a QLinear operator behind x, w: `rows` and `columns` say how many of them (1: one for all). */
static void inputs(struct kc_case *c, const int64_t *x, const int64_t *w, int rank, int flags, int64_t rows, int64_t columns)
{
    alt_dtype xt = flags & SIGNED_X ? ALT_INT8 : ALT_UINT8, wt = flags & SIGNED_W ? ALT_INT8 : ALT_UINT8;
    whole(c, xt, rank, x);
    scales(c, ALT_FLOAT32, rows != 1, &rows);
    whole(c, xt, rows != 1, &rows);
    whole(c, wt, rank, w)->known = flags & KNOWN;
    scales(c, ALT_FLOAT32, columns != 1, &columns);
    whole(c, wt, columns != 1, &columns);
    scales(c, ALT_FLOAT32, 0, NULL);
    c->in[c->n_in - 1].low = 30;
    c->in[c->n_in - 1].high = 60;
    whole(c, xt, 0, NULL);
    for (int i = 1; i < 8 && flags & KNOWN; i++)
        c->in[i].known = true;
}

struct conv_row {
    int64_t x[4], w[4], stride[2], dilation[2], pad[4], group;
};

static const struct conv_row conv_rows[] = {
    {{1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1}, {1, 1}, {0}, 1},
    {{2, 3, 7, 11}, {5, 3, 3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1},
    {{1, 37, 9, 5}, {17, 37, 3, 2}, {2, 1}, {1, 2}, {0, 2, 1, 1}, 1},
    {{1, 6, 13, 7}, {8, 3, 2, 3}, {1, 3}, {2, 1}, {2, 0, 0, 1}, 2},
    {{2, 7, 9, 17}, {7, 1, 3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 7},     /* depthwise */
    {{1, 3, 15, 19}, {6, 1, 3, 5}, {2, 2}, {1, 2}, {0, 3, 2, 1}, 3},
    {{1, 2, 31, 35}, {2, 1, 17, 19}, {5, 3}, {1, 1}, {3, 0, 0, 7}, 2},  /* depthwise, two blocks of taps */
    {{1, 67, 1, 31}, {201, 67, 1, 1}, {1, 1}, {1, 1}, {0}, 1},
    {{1, 101, 6, 5}, {7, 101, 3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1},  /* two blocks of the reduction */
    {{1, 3, 2, 401}, {5, 3, 1, 2}, {1, 2}, {1, 1}, {0, 0, 0, 1}, 1},    /* lines of several tiles */
    {{1, 2, 3, 160}, {3, 2, 2, 3}, {1, 1}, {1, 71}, {1, 5, 0, 0}, 1},   /* taps far apart */
    {{1, 4, 5, 67}, {6, 2, 3, 3}, {2, 7}, {1, 2}, {1, 3, 1, 1}, 2},     /* long strides */
    {{0, 3, 4, 4}, {5, 3, 3, 3}, {1, 1}, {1, 1}, {0}, 1},
};

static void conv_attributes(struct kc_case *c, const struct conv_row *r)
{
    kc_attr_ints(c, "strides", 2, r->stride);
    kc_attr_ints(c, "dilations", 2, r->dilation);
    kc_attr_ints(c, "pads", 4, r->pad);
    kc_attr_int(c, "group", r->group);
}

static void conv_case(struct kc_run *run, const struct conv_row *r, int flags)
{
    struct kc_case c = kc_case("QLinearConv", 10, conv_reference);
    inputs(&c, r->x, r->w, 4, flags, 1, flags & EACH_CHANNEL ? r->w[0] : 1);
    if (flags & BIAS) {
        struct kc_input *bias = kc_in(&c, ALT_INT32, 1, r->w);
        bias->low = -40000;
        bias->high = 40000;
    }
    conv_attributes(&c, r);
    c.note = flags & KNOWN ? "known" : NULL;
    kc_check(run, &c);
    c = kc_case("ConvInteger", 10, conv_reference);
    alt_dtype xt = flags & SIGNED_X ? ALT_INT8 : ALT_UINT8, wt = flags & SIGNED_W ? ALT_INT8 : ALT_UINT8;
    whole(&c, xt, 4, r->x);
    whole(&c, wt, 4, r->w);
    if (flags & BIAS)
        whole(&c, xt, 0, NULL);
    else
        kc_in_omitted(&c);
    if (flags & KNOWN)
        whole(&c, wt, (flags & EACH_CHANNEL) != 0, r->w);
    conv_attributes(&c, r);
    kc_check(run, &c);
}

/* Batches of equal rank. */
static void matmul_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                             struct kc_tensor *out)
{
    const struct roles *r = strcmp(c->op, "QLinearMatMul") == 0 ? &qlinear : &plain;
    const struct kc_tensor *a = &in[0], *b = &in[r->w];
    int64_t m = a->dim[a->rank - 2], k = a->dim[a->rank - 1], n = b->dim[b->rank - 1];
    int64_t dims[3] = {a->rank > 2 ? a->dim[0] : 1, m, n};
    (void)node;
    kc_out(out, a->rank, dims + 3 - a->rank, false);
    out->dtype = r->y_zero < 0 ? ALT_INT32 : in[r->y_zero].dtype;
    for (int64_t i = 0; i < out->count; i++) {
        int64_t batch = i / (m * n), row = i / n % m, column = i % n;
        double a_zero = param(given(c, in, r->x_zero), row), b_zero = param(given(c, in, r->w_zero), column), sum = 0;
        for (int64_t j = 0; j < k; j++)
            sum += (a->value[(batch * m + row) * k + j] - a_zero) * (b->value[(batch * k + j) * n + column] - b_zero);
        out->value[i] = finish(c, r, in, sum, row, column);
    }
}

static void matmul_case(struct kc_run *run, const int64_t *size, int flags)
{
    int64_t batch = size[0], m = size[1], n = size[2], k = size[3], a[3] = {batch, m, k}, b[3] = {batch, k, n};
    int rank = batch == 1 ? 2 : 3;
    bool each = flags & EACH_CHANNEL;
    struct kc_case c = kc_case("QLinearMatMul", 21, matmul_reference);
    inputs(&c, a + 3 - rank, b + 3 - rank, rank, flags, each ? m : 1, each ? n : 1);
    c.note = flags & KNOWN ? "known" : NULL;
    kc_check(run, &c);
    c = kc_case("MatMulInteger", 10, matmul_reference);
    alt_dtype at = flags & SIGNED_X ? ALT_INT8 : ALT_UINT8, bt = flags & SIGNED_W ? ALT_INT8 : ALT_UINT8;
    whole(&c, at, rank, a + 3 - rank);
    whole(&c, bt, rank, b + 3 - rank);
    whole(&c, at, each && m != 1, &m);
    whole(&c, bt, each && n != 1, &n);
    kc_check(run, &c);
}

static void integer_cases(struct kc_run *run)
{
    static const int64_t sizes[][4] = {{1, 1, 1, 1},  {1, 7, 13, 5},   {3, 17, 31, 67}, {1, 193, 3, 11},
                                       {2, 5, 33, 257}, {1, 1, 97, 513}, {1, 37, 1, 300}, {1, 3, 4, 0}};
    linear_cases(run);
    for (size_t i = 0; i < sizeof conv_rows / sizeof conv_rows[0]; i++) {
        int flags = (int)kc_random(run, 0, 31);
        conv_case(run, &conv_rows[i], flags);
        conv_case(run, &conv_rows[i], flags ^ 31);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int flags = (int)kc_random(run, 0, 31);
        matmul_case(run, sizes[i], flags);
        matmul_case(run, sizes[i], flags ^ 31);
    }
}

const struct kc_family kc_integer = {"integer", integer_cases};
