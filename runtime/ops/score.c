/* score.c: scores and labels; see score.h. */
#include "runtime/ops/score.h"

#include <math.h>
#include <string.h>

enum alt_score_transform alt_score_transform_of(const struct alt_node *n)
{
    static const char *const names[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
    const struct alt_attr *a = alt_attr_find(n, "post_transform");
    if (a && a->type == ALT_ATTR_INT)
        return a->ints[0] >= 0 && a->ints[0] < ALT_SCORE_TRANSFORMS ? (enum alt_score_transform)a->ints[0]
                                                                    : ALT_SCORE_TRANSFORMS;
    const char *name = alt_attr_text(n, "post_transform", "NONE");
    int i = 0;
    while (i < ALT_SCORE_TRANSFORMS && strcmp(names[i], name) != 0)
        i++;
    return (enum alt_score_transform)i;
}

static void softmax(double *score, int64_t n, bool keep_zeros)
{
    double most = -(double)INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, score[i]);
    for (int64_t i = 0; i < n; i++) {
        const bool zero = keep_zeros && fabs(score[i]) <= 1e-7;
        score[i] = zero ? score[i] * exp(-most) : exp(score[i] - most);
        sum += score[i];
    }
    for (int64_t i = 0; i < n; i++)
        score[i] = sum == 0 ? 0.5 : score[i] / sum;
}

/* sqrt(2) erf^-1(2 x - 1), with Winitzki's approximation of the inverse. */
static double probit(double x)
{
    const double y = 2 * x - 1, rest = log((1 - y) * (1 + y));
    const double v = 2 / (3.14159265358979323846 * 0.147) + rest / 2, root = sqrt(sqrt(v * v - rest / 0.147) - v);
    return y == 0 ? 0 : 1.41421356 * (y < 0 ? -root : root);
}

void alt_score_apply(enum alt_score_transform transform, double *score, int64_t n)
{
    if (transform == ALT_SCORE_SOFTMAX || transform == ALT_SCORE_SOFTMAX_ZERO)
        softmax(score, n, transform == ALT_SCORE_SOFTMAX_ZERO);
    for (int64_t i = 0; i < n; i++)
        if (transform == ALT_SCORE_LOGISTIC)
            score[i] = 1 / (1 + exp(-score[i]));
        else if (transform == ALT_SCORE_PROBIT)
            score[i] = probit(score[i]);
}

double alt_score_input(alt_dtype dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case ALT_FLOAT32:
        return (double)((const float *)data)[i];
    case ALT_INT32:
        return ((const int32_t *)data)[i];
    case ALT_INT64:
        return (double)((const int64_t *)data)[i];
    default:
        return ((const double *)data)[i];
    }
}

bool alt_score_readable(alt_dtype dtype)
{
    return dtype == ALT_FLOAT32 || dtype == ALT_FLOAT64 || dtype == ALT_INT32 || dtype == ALT_INT64;
}

struct alt_labels alt_labels_of(const struct alt_node *n, const char *ints, const char *strings)
{
    struct alt_labels labels = {0};
    const struct alt_attr *a = alt_attr_find(n, strings);
    labels.count = alt_attr_ints(n, ints, &labels.ints);
    if (labels.count > 0 || !a || a->type != ALT_ATTR_STRINGS)
        return labels;
    return (struct alt_labels){.count = a->count, .strings = a->strings};
}

void alt_labels_put(const struct alt_labels *labels, void *out, int64_t i, int64_t at)
{
    if (labels->strings)
        ((alt_string *)out)[i] = labels->strings[at];
    else
        ((int64_t *)out)[i] = labels->ints[at];
}

alt_status alt_score_infer(struct alt_infer *inf, const struct alt_labels *labels, int64_t columns)
{
    const struct alt_shape *x = &inf->in[0]->shape;
    struct alt_shape rows = {1, {alt_dim_unknown(inf->dims)}};
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT | ALT_CLASS_SIGNED));
    if (x->rank == 0 || x->rank > 2)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the input must be [N, F] or [F]");
    if (x->rank > 0)
        rows.dim[0] = x->rank == 2 ? x->dim[0] : 1;
    const struct alt_shape scores = {2, {rows.dim[0], columns}};
    if (labels)
        alt_infer_set(inf, 0, labels->strings ? ALT_STRING : ALT_INT64, &rows);
    if (!labels || inf->n_out > 1)
        alt_infer_set(inf, labels ? 1 : 0, ALT_FLOAT32, &scores);
    return ALT_OK;
}
