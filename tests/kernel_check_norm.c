/* kernel_check_norm.c: normalisations over several axes: LayerNormalization over two, and the channels and groups of
 * InstanceNormalization and GroupNormalization. One axis at a time is in kernel_check_lines.c. */
#include "tests/kernel_check.h"

#include "runtime/type.h"

#include <math.h>

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

static void norm_cases(struct kc_run *run)
{
    static const int64_t shapes[][4] = {{1, 1, 1, 1}, {2, 6, 5, 7}, {3, 16, 4, 4}, {1, 18, 31, 3}};
    for (int s = 0; s < 4; s++)
        for (int d = 0; d < DTYPES; d++) {
            const int64_t *dims = shapes[s], *channels = &dims[1], plane = dims[2] * dims[3];
            struct kc_case c = kc_case("LayerNormalization", 17, layer_reference);
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
