/* kernel_check_norm.c: Softmax and LogSoftmax, and the normalisations of inference. */
#include "tests/kernel_check.h"

#include "runtime/type.h"

#include <math.h>
#include <string.h>

/* Lines of `length` elements `step` apart; line i starts at start(i). */
struct lines {
    int64_t count, length, step;
};

static int64_t start(const struct lines *l, int64_t i) { return i / l->step * l->length * l->step + i % l->step; }

static struct lines lines_along(const struct kc_tensor *x, int axis)
{
    struct lines l = {1, x->dim[axis], 1};
    for (int d = 0; d < x->rank; d++)
        l.count *= d == axis ? 1 : x->dim[d];
    for (int d = axis + 1; d < x->rank; d++)
        l.step *= x->dim[d];
    return l;
}

static void softmax_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                              struct kc_tensor *out)
{
    int axis = (int)alt_attr_int(node, "axis", -1);
    bool logarithm = strcmp(c->op, "LogSoftmax") == 0;
    struct lines l = lines_along(in, axis < 0 ? axis + in->rank : axis);
    kc_out(out, in->rank, in->dim, true);
    for (int64_t i = 0; i < l.count && out->count > 0; i++) {
        const double *x = in->value + start(&l, i);
        double max = -INFINITY, sum = 0, most = 0;
        for (int64_t k = 0; k < l.length; k++) {
            max = isnan(x[k * l.step]) || x[k * l.step] > max ? x[k * l.step] : max;
            most = fmax(most, fabs(x[k * l.step]));
        }
        for (int64_t k = 0; k < l.length; k++)
            sum += exp(x[k * l.step] - max);
        for (int64_t k = 0; k < l.length; k++) {
            double shifted = x[k * l.step] - max;
            int64_t at = start(&l, i) + k * l.step;
            out->value[at] = logarithm ? shifted - log(sum) : exp(shifted) / sum;
            /* x - max is rounded before exp, which turns that into a relative error */
            out->weight[at] = logarithm ? 1 + most : out->value[at] * (1 + fabs(shifted) / (double)l.length);
        }
    }
}

static double param(const struct kc_tensor *t, int64_t i) { return t->value[i]; }

/* y = (x - mean) / sqrt(variance + epsilon) * scale + bias, errors measured by the terms. */
static void normalise(struct kc_tensor *out, int64_t at, double x, long double mean, long double deviation,
                      double scale, double bias)
{
    out->value[at] = (double)(((long double)x - mean) / deviation * (long double)scale + (long double)bias);
    double inverse = (double)(1 / deviation), size = fabs(x) + fabs((double)mean);
    out->weight[at] = size * inverse * fabs(scale) * (1 + size * inverse) + fabs(bias);
}

/* Mean and sqrt(variance + epsilon) of `length` elements. */
static void moments(const double *x, int64_t length, double epsilon, long double *mean, long double *deviation)
{
    long double sum = 0, squares = 0;
    for (int64_t k = 0; k < length; k++)
        sum += (long double)x[k];
    *mean = sum / (long double)length;
    for (int64_t k = 0; k < length; k++)
        squares += ((long double)x[k] - *mean) * ((long double)x[k] - *mean);
    *deviation = sqrtl(squares / (long double)length + (long double)epsilon);
}

static void batch_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                            struct kc_tensor *out)
{
    (void)c;
    double epsilon = (double)alt_attr_float(node, "epsilon", 1e-5f);
    int64_t plane = 1;
    kc_out(out, in->rank, in->dim, true);
    for (int d = 2; d < in->rank; d++)
        plane *= in->dim[d];
    for (int64_t i = 0; i < out->count; i++) {
        int64_t ch = i / plane % in->dim[1];
        normalise(out, i, in->value[i], (long double)param(&in[3], ch),
                  sqrtl((long double)param(&in[4], ch) + (long double)epsilon), param(&in[1], ch), param(&in[2], ch));
    }
}

static void layer_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                            struct kc_tensor *out)
{
    double epsilon = (double)alt_attr_float(node, "epsilon", 1e-5f);
    long double mean, deviation;
    int axis = (int)alt_attr_int(node, "axis", -1);
    int64_t length = 1;
    for (int d = axis < 0 ? axis + in->rank : axis; d < in->rank; d++)
        length *= in->dim[d];
    kc_out(out, in->rank, in->dim, true);
    for (int64_t i = 0; i < out->count; i++) {
        moments(in->value + i / length * length, length, epsilon, &mean, &deviation);
        normalise(out, i, in->value[i], mean, deviation, param(&in[1], i % length),
                  c->n_in > 2 ? param(&in[2], i % length) : 0);
    }
}

/* InstanceNormalization: a group a channel. GroupNormalization (opset 21): scale and bias a channel. */
static void group_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                            struct kc_tensor *out)
{
    (void)c;
    double epsilon = (double)alt_attr_float(node, "epsilon", 1e-5f);
    long double mean, deviation;
    int64_t groups = alt_attr_int(node, "num_groups", in->dim[1]), plane = 1;
    for (int d = 2; d < in->rank; d++)
        plane *= in->dim[d];
    int64_t length = in->dim[1] / groups * plane;
    kc_out(out, in->rank, in->dim, true);
    for (int64_t i = 0; i < out->count; i++) {
        int64_t ch = i / plane % in->dim[1];
        moments(in->value + i / length * length, length, epsilon, &mean, &deviation);
        normalise(out, i, in->value[i], mean, deviation, param(&in[1], ch), param(&in[2], ch));
    }
}

/* --- cases --- */

static const alt_dtype dtypes[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16};
enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

static void finish(struct kc_run *run, struct kc_case *c, int64_t length)
{
    c->ulps = 2;
    c->reduction = length + 8;
    kc_check(run, c);
}

static void softmax_cases(struct kc_run *run, const char *op)
{
    static const struct {
        int rank, axis;
        int64_t dim[4];
    } rows[] = {{1, -1, {1}},           {2, -1, {7, 1000}},   {2, 0, {33, 5}},    {3, 1, {3, 17, 5}},
                {4, -1, {2, 3, 4, 31}}, {4, 1, {2, 5, 3, 4}}, {3, -1, {4, 0, 5}}, {3, 1, {4, 0, 5}}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int d = 0; d < DTYPES; d++) {
            struct kc_case c = kc_case(op, 13, softmax_reference);
            struct kc_input *x = kc_in(&c, dtypes[d], rows[i].rank, rows[i].dim);
            x->low = -8;
            x->high = 8;
            kc_attr_int(&c, "axis", rows[i].axis);
            finish(run, &c, rows[i].dim[rows[i].axis < 0 ? rows[i].axis + rows[i].rank : rows[i].axis]);
        }
}

static struct kc_input *positive(struct kc_input *in)
{
    in->low = 0.5;
    in->high = 2;
    return in;
}

static void norm_cases(struct kc_run *run)
{
    static const int64_t shapes[][4] = {{1, 1, 1, 1}, {2, 6, 5, 7}, {3, 16, 4, 4}, {1, 18, 31, 3}};
    softmax_cases(run, "Softmax");
    softmax_cases(run, "LogSoftmax");
    for (int s = 0; s < 4; s++)
        for (int d = 0; d < DTYPES; d++) {
            const int64_t *dims = shapes[s], *channels = &dims[1], plane = dims[2] * dims[3];
            struct kc_case c = kc_case("BatchNormalization", 15, batch_reference);
            kc_in(&c, dtypes[d], 4, dims);
            for (int k = 0; k < 4; k++)
                positive(kc_in(&c, dtypes[d], 1, channels))->known = s % 2;
            finish(run, &c, 1);
            c = kc_case("LayerNormalization", 17, layer_reference);
            kc_in(&c, dtypes[d], 4, dims);
            kc_in(&c, dtypes[d], 1, &dims[3]);
            kc_in(&c, dtypes[d], 1, &dims[3]);
            finish(run, &c, dims[3]);
            c = kc_case("LayerNormalization", 17, layer_reference);
            kc_in(&c, dtypes[d], 4, dims);
            kc_in(&c, dtypes[d], 2, &dims[2]);
            kc_attr_int(&c, "axis", 2);
            finish(run, &c, plane);
            c = kc_case("InstanceNormalization", 22, group_reference);
            kc_in(&c, dtypes[d], 4, dims);
            kc_in(&c, dtypes[d], 1, channels);
            kc_in(&c, dtypes[d], 1, channels);
            finish(run, &c, plane);
            c = kc_case("GroupNormalization", 21, group_reference);
            kc_in(&c, dtypes[d], 4, dims);
            kc_in(&c, dtypes[d], 1, channels);
            kc_in(&c, dtypes[d], 1, channels);
            kc_attr_int(&c, "num_groups", *channels % 2 ? 1 : 2);
            finish(run, &c, plane * *channels);
        }
}

const struct kc_family kc_norm = {"norm", norm_cases};
