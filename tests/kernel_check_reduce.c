/* kernel_check_reduce.c: reductions, ArgMax and ArgMin. */
#include "tests/kernel_check.h"

#include "runtime/type.h"

#include <math.h>
#include <string.h>

/* Elements of one output are visited in row-major order of the reduced axes. */
struct walk {
    int rank, out_rank;
    bool reduced[ALT_MAX_RANK];
    int64_t dims[ALT_MAX_RANK];  /* of the output, with ones where axes were reduced */
    int64_t shape[ALT_MAX_RANK]; /* of the output as it is */
    int64_t inner[ALT_MAX_RANK]; /* extents of the reduced axes, ones elsewhere */
    int64_t count;               /* elements an output */
};

static void plan_walk(struct walk *w, const struct kc_tensor *x, int64_t n_axes, const int64_t *axes, bool keep)
{
    memset(w, 0, sizeof *w);
    w->rank = x->rank;
    w->count = 1;
    for (int64_t i = 0; i < n_axes; i++)
        w->reduced[axes[i] < 0 ? axes[i] + x->rank : axes[i]] = true;
    for (int d = 0; d < x->rank; d++) {
        bool reduced = w->reduced[d] || n_axes == 0;
        w->reduced[d] = reduced;
        w->dims[d] = reduced ? 1 : x->dim[d];
        w->inner[d] = reduced ? x->dim[d] : 1;
        w->count *= w->inner[d];
        if (!reduced || keep)
            w->shape[w->out_rank++] = w->dims[d];
    }
}

/* Number of the `k`-th element that output `i` is made of. */
static int64_t visit(const struct walk *w, const struct kc_tensor *x, int64_t i, int64_t k)
{
    int64_t at[ALT_MAX_RANK], in[ALT_MAX_RANK];
    kc_coordinates(w->rank, w->dims, i, at);
    kc_coordinates(w->rank, w->inner, k, in);
    for (int d = 0; d < w->rank; d++)
        at[d] += in[d];
    return kc_index(w->rank, x->dim, at);
}

struct sums {
    long double sum, squares, magnitudes, product, exponentials;
    double max, min;
    bool nan;
};

static struct sums gather(const struct walk *w, const struct kc_tensor *x, int64_t i)
{
    struct sums s = {.product = 1, .max = -INFINITY, .min = INFINITY};
    for (int64_t k = 0; k < w->count; k++) {
        double v = x->value[visit(w, x, i, k)];
        s.sum += (long double)v;
        s.squares += (long double)v * (long double)v;
        s.magnitudes += (long double)fabs(v);
        s.product *= (long double)v;
        s.exponentials += expl((long double)v);
        s.nan |= isnan(v);
        s.max = v > s.max ? v : s.max;
        s.min = v < s.min ? v : s.min;
    }
    return s;
}

/* The result, and what its rounding errors are measured by. */
static double finish(const char *op, const struct sums *s, int64_t count, double *weight)
{
    double magnitudes = (double)s->magnitudes, squares = (double)s->squares;
    *weight = 0;
    if (strcmp(op, "ReduceMax") == 0)
        return s->nan ? NAN : s->max;
    if (strcmp(op, "ReduceMin") == 0)
        return s->nan ? NAN : s->min;
    *weight = magnitudes;
    if (strcmp(op, "ReduceSum") == 0)
        return (double)s->sum;
    if (strcmp(op, "ReduceL1") == 0)
        return magnitudes;
    *weight = magnitudes / (double)count;
    if (strcmp(op, "ReduceMean") == 0)
        return (double)(s->sum / (long double)count);
    *weight = squares;
    if (strcmp(op, "ReduceSumSquare") == 0)
        return squares;
    *weight = sqrt(squares);
    if (strcmp(op, "ReduceL2") == 0)
        return sqrt(squares);
    *weight = fabs((double)s->product);
    if (strcmp(op, "ReduceProd") == 0)
        return (double)s->product;
    /* an error of the sum becomes a relative one of its logarithm's argument */
    *weight = 1 + fabs(s->max);
    if (strcmp(op, "ReduceLogSumExp") == 0)
        return (double)logl(s->exponentials);
    return log((double)s->sum); /* ReduceLogSum, over positive numbers */
}

static void reduce_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                             struct kc_tensor *out)
{
    struct walk w;
    int64_t axes[ALT_MAX_RANK], n = c->n_in > 1 ? in[1].count : 0;
    for (int64_t i = 0; i < n; i++)
        axes[i] = (int64_t)in[1].value[i];
    plan_walk(&w, &in[0], n, axes, alt_attr_int(node, "keepdims", 1));
    kc_out(out, w.out_rank, w.shape, true);
    for (int64_t i = 0; i < out->count; i++) {
        struct sums s = gather(&w, &in[0], i);
        out->value[i] = finish(c->op, &s, w.count, &out->weight[i]);
        if (alt_dtype_class(in->dtype) & ALT_CLASS_INT) /* the mean, as integer division has it */
            out->value[i] = trunc(out->value[i]);
    }
}

static void arg_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                          struct kc_tensor *out)
{
    struct walk w;
    int64_t axis = alt_attr_int(node, "axis", 0);
    bool max = strcmp(c->op, "ArgMax") == 0, last = alt_attr_int(node, "select_last_index", 0);
    plan_walk(&w, in, 1, &axis, alt_attr_int(node, "keepdims", 1));
    kc_out(out, w.out_rank, w.shape, false);
    out->dtype = ALT_INT64;
    for (int64_t i = 0; i < out->count; i++) {
        int64_t best = 0;
        for (int64_t k = 1; k < w.count; k++) {
            double v = in->value[visit(&w, in, i, k)], b = in->value[visit(&w, in, i, best)];
            if ((max ? v > b : v < b) || (last && v == b))
                best = k;
        }
        out->value[i] = (double)best;
    }
}

/* --- cases --- */

struct row {
    int rank;
    int64_t dim[5];
    int n_axes;
    double axes[4];
};

static const struct row rows[] = {
    {1, {1}, 1, {0}},
    {2, {13, 31}, 1, {1}},
    {2, {13, 31}, 1, {0}},
    {2, {7, 1000}, 1, {-1}},
    {3, {5, 17, 8}, 1, {1}},
    {4, {2, 9, 7, 5}, 2, {2, 3}},
    {4, {2, 9, 7, 5}, 2, {1, 3}},
    {4, {3, 16, 4, 4}, 3, {0, 2, 3}},
    {5, {2, 3, 4, 5, 6}, 2, {0, 4}},
    {3, {4, 5, 6}, 0, {0}},
    {3, {4, 0, 6}, 1, {0}},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static int64_t elements(const struct row *r)
{
    int64_t n = 1;
    for (int d = 0; d < r->rank; d++)
        n *= r->dim[d];
    return n;
}

static void reduce_case(struct kc_run *run, const char *op, const struct row *r, alt_dtype dtype, bool keep,
                        enum kc_fill fill)
{
    struct kc_case c = kc_case(op, 18, reduce_reference);
    struct kc_input *x = kc_in(&c, dtype, r->rank, r->dim);
    if (x->fill == KC_UNIFORM)
        x->fill = fill;
    bool log_sum = strcmp(op, "ReduceLogSum") == 0, prod = strcmp(op, "ReduceProd") == 0;
    if (log_sum || prod) {
        x->low = prod && x->fill == KC_WHOLE ? 1 : 0.5;
        x->high = prod && x->fill == KC_WHOLE ? 1 : 1.25;
    }
    int64_t n = r->n_axes;
    if (n > 0)
        kc_in_known(&c, ALT_INT64, 1, &n, r->axes);
    if (!keep)
        kc_attr_int(&c, "keepdims", 0);
    c.ulps = 2;
    c.reduction = strcmp(op, "ReduceMax") == 0 || strcmp(op, "ReduceMin") == 0 ? 0 : elements(r) + 4;
    kc_check(run, &c);
}

static void arg_cases(struct kc_run *run, const char *op)
{
    static const alt_dtype dtypes[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_INT32, ALT_UINT8};
    for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++)
        for (int axis = -1; axis < 3; axis++)
            for (int last = 0; last < 2; last++) {
                struct kc_case c = kc_case(op, 13, arg_reference);
                struct kc_input *x = kc_in(&c, dtypes[d], 3, (int64_t[]){5, 19, 6});
                x->fill = KC_WHOLE; /* few values: ties */
                x->low = 0;
                x->high = 4;
                kc_attr_int(&c, "axis", axis);
                kc_attr_int(&c, "select_last_index", last);
                if (axis > 0)
                    kc_attr_int(&c, "keepdims", 0);
                kc_check(run, &c);
            }
}

static void reduce_cases(struct kc_run *run)
{
    static const char *const ops[] = {"ReduceSum",       "ReduceMean", "ReduceMax",  "ReduceMin",    "ReduceL1",
                                      "ReduceSumSquare", "ReduceL2",   "ReduceProd", "ReduceLogSum", "ReduceLogSumExp"};
    static const alt_dtype others[] = {ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16};
    for (size_t o = 0; o < sizeof ops / sizeof ops[0]; o++) {
        for (int i = 0; i < ROWS; i++)
            reduce_case(run, ops[o], &rows[i], ALT_FLOAT32, i % 2, KC_UNIFORM);
        for (size_t d = 0; d < sizeof others / sizeof others[0]; d++)
            reduce_case(run, ops[o], &rows[5], others[d], true, KC_UNIFORM);
        if (o < 4) {
            reduce_case(run, ops[o], &rows[4], ALT_FLOAT32, true, KC_NONFINITE);
            reduce_case(run, ops[o], &rows[4], ALT_INT32, true, KC_WHOLE);
            reduce_case(run, ops[o], &rows[5], ALT_INT64, false, KC_WHOLE);
        }
    }
    arg_cases(run, "ArgMax");
    arg_cases(run, "ArgMin");
}

const struct kc_family kc_reduce = {"reduce", reduce_cases};
