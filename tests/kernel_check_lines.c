/* kernel_check_lines.c: operators that work along axes: reductions, ArgMax, softmax, normalisations, running sums, TopK. The
 * reference of each sees one line of float64 values; walking over the lines is common to all.
 */
#include "tests/kernel_check.h"

#include "runtime/type.h"

#include <math.h>
#include <string.h>

/* The axes of in[0] that `mask` names, as a line. */
struct walk {
    const struct kc_tensor *x;
    unsigned mask;
    int64_t lines, length;
};

static struct walk walk_over(const struct kc_tensor *x, unsigned mask)
{
    struct walk w = {x, mask, 1, 1};
    for (int d = 0; d < x->rank; d++)
        *(mask >> d & 1 ? &w.length : &w.lines) *= x->dim[d];
    return w;
}

/* Number of element i of a line, within x. */
static int64_t element(const struct walk *w, int64_t line, int64_t i)
{
    int64_t at[ALT_MAX_RANK];
    for (int d = w->x->rank - 1; d >= 0; d--) {
        int64_t *left = w->mask >> d & 1 ? &i : &line;
        at[d] = *left % w->x->dim[d];
        *left /= w->x->dim[d];
    }
    return kc_index(w->x->rank, w->x->dim, at);
}

static bool is_integer(alt_dtype dtype) { return alt_dtype_class(dtype) & (ALT_CLASS_INT | ALT_CLASS_BOOL); }

/* --- reductions --- */

static double term(const char *op, double x, double shift)
{
    if (strstr(op, "L1"))
        return fabs(x);
    if (strstr(op, "L2") || strstr(op, "Square"))
        return x * x;
    return strstr(op, "Exp") ? exp(x - shift) : x;
}

/* Largest, smallest or product of a line. */
static double extreme(const char *op, const struct walk *w, int64_t line)
{
    double r = strstr(op, "Prod") ? 1 : strstr(op, "Min") ? INFINITY : -INFINITY;
    for (int64_t i = 0; i < w->length; i++) {
        const double x = w->x->value[element(w, line, i)];
        if (strstr(op, "Prod"))
            r *= x;
        else if (isnan(x) || (strstr(op, "Min") ? x < r : x > r))
            r = isnan(r) ? r : x;
    }
    return r;
}

/* What is left to do with a sum, and how its error scales then. */
static void finish(const char *op, const struct walk *w, double shift, double *value, double *weight)
{
    if (strstr(op, "Mean")) {
        *value /= (double)w->length;
        *weight /= (double)w->length;
    } else if (strstr(op, "L2")) {
        *value = sqrt(*value);
        *weight = *value;
    } else if (strstr(op, "Log")) {
        *value = log(*value) + shift;
        *weight = 1 + fabs(shift);
    }
    if (is_integer(w->x->dtype))
        *value = trunc(*value);
}

static void reduce_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                             struct kc_tensor *out)
{
    unsigned mask = c->n_in > 1 ? 0 : ~0u;
    int64_t dims[ALT_MAX_RANK];
    int rank = 0;
    for (int64_t i = 0; c->n_in > 1 && i < in[1].count; i++)
        mask |= 1u << (int)(in[1].value[i] + (in[1].value[i] < 0 ? in->rank : 0));
    const bool keep = alt_attr_int(node, "keepdims", 1) != 0;
    for (int d = 0; d < in->rank; d++)
        if (keep || !(mask >> d & 1))
            dims[rank++] = mask >> d & 1 ? 1 : in->dim[d];
    kc_out(out, rank, dims, true);
    const struct walk w = walk_over(in, mask);
    for (int64_t line = 0; line < w.lines; line++) {
        double sum = 0, weight = 0;
        const bool exact = strstr(c->op, "Max") || strstr(c->op, "Min") || strstr(c->op, "Prod");
        const double shift = strstr(c->op, "Exp") ? extreme("Max", &w, line) : 0;
        for (int64_t i = 0; !exact && i < w.length; i++) {
            const double t = term(c->op, in->value[element(&w, line, i)], shift);
            sum += t;
            weight += fabs(t);
        }
        if (exact) {
            sum = extreme(c->op, &w, line);
            weight = fabs(sum);
        } else {
            finish(c->op, &w, shift, &sum, &weight);
        }
        out->value[line] = sum;
        out->weight[line] = weight;
    }
}

static void reduce_case(struct kc_run *run, const char *op, alt_dtype dtype, int rank, const int64_t *dims, int n_axes,
                        const double *axes)
{
    struct kc_case c = kc_case(op, 20, reduce_reference);
    const int64_t count[] = {n_axes};
    struct kc_input *in = kc_in(&c, dtype, rank, dims);
    const bool exact = strstr(op, "Max") || strstr(op, "Min") || is_integer(dtype);
    if (is_integer(dtype) && !strstr(op, "Max") && !strstr(op, "Min")) { /* nothing may overflow the reference */
        in->low = strstr(op, "Log") ? 1 : 0;
        in->high = strstr(op, "Prod") ? 2 : 3;
    } else if (strcmp(op, "ReduceLogSum") == 0) {
        in->low = 0.5;
    } else if (strstr(op, "Prod")) {
        in->low = 0.9;
        in->high = 1.1;
    }
    kc_in_known(&c, ALT_INT64, 1, count, axes);
    kc_attr_int(&c, "keepdims", rank % 2);
    c.ulps = exact ? 0 : 2;
    c.reduction = exact ? 0 : 1;
    for (int i = 0; i < n_axes; i++)
        c.reduction *= dims[(int)axes[i] + (axes[i] < 0 ? rank : 0)];
    c.reduction += exact ? 0 : 4;
    kc_check(run, &c);
}

static void reduce_cases(struct kc_run *run)
{
    static const char *const ops[] = {"ReduceSum", "ReduceMean", "ReduceProd", "ReduceMax", "ReduceMin", "ReduceL1",
                                      "ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"};
    static const alt_dtype dtypes[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16, ALT_INT32, ALT_INT64};
    static const struct {
        int rank;
        int64_t dims[4];
        int n_axes;
        double axes[3];
    } rows[] = {
        {1, {1}, 1, {0}},           {1, {37}, 1, {0}},          {2, {5, 19}, 1, {1}},        {2, {19, 5}, 1, {0}},
        {3, {3, 17, 67}, 1, {1}},   {3, {3, 17, 7}, 2, {0, 2}}, {4, {2, 3, 5, 7}, 2, {1, 3}}, {4, {2, 3, 5, 7}, 3, {-1, 0, 2}},
        {2, {3, 1100}, 1, {1}},     {3, {2, 16, 130}, 1, {-2}},
    };
    for (size_t o = 0; o < sizeof ops / sizeof *ops; o++)
        for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++)
            for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
                if (!(is_integer(dtypes[d]) && strstr(ops[o], "Exp")) && !(is_integer(dtypes[d]) && strstr(ops[o], "Prod")))
                    reduce_case(run, ops[o], dtypes[d], rows[r].rank, rows[r].dims, rows[r].n_axes, rows[r].axes);
    static const double axis[] = {1};
    for (int o = 3; o < 5; o++) {
        reduce_case(run, ops[o], ALT_INT8, 2, (int64_t[]){4, 33}, 1, axis);
        reduce_case(run, ops[o], ALT_UINT8, 2, (int64_t[]){4, 33}, 1, axis);
        reduce_case(run, ops[o], ALT_BOOL, 2, (int64_t[]){4, 33}, 1, axis);
    }
}

/* --- one line becomes another --- */

static unsigned axis_mask(const struct alt_node *node, const struct kc_tensor *x, int64_t otherwise)
{
    const int64_t axis = alt_attr_int(node, "axis", otherwise);
    return 1u << (axis < 0 ? axis + x->rank : axis);
}

static void softmax_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                              struct kc_tensor *out)
{
    const struct walk w = walk_over(in, axis_mask(node, in, -1));
    kc_out(out, in->rank, in->dim, true);
    for (int64_t line = 0; line < w.lines; line++) {
        const double m = extreme("Max", &w, line);
        double sum = 0;
        bool found = false;
        for (int64_t i = 0; i < w.length; i++)
            sum += exp(in->value[element(&w, line, i)] - m);
        for (int64_t i = 0; i < w.length; i++) {
            const int64_t at = element(&w, line, i);
            const double x = in->value[at], p = exp(x - m) / sum;
            const bool log_form = strcmp(c->op, "LogSoftmax") == 0, hard = strcmp(c->op, "Hardmax") == 0;
            out->value[at] = hard ? !found && x == m : log_form ? x - m - log(sum) : p;
            out->weight[at] = log_form ? 1 + fabs(x - m) : p * (1 + fabs(x - m));
            found = found || x == m;
        }
    }
}

static void cumulate_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                               struct kc_tensor *out)
{
    const struct walk w = walk_over(in, 1u << (int)in[1].value[0]);
    const bool reverse = alt_attr_int(node, "reverse", 0), exclusive = alt_attr_int(node, "exclusive", 0);
    const bool product = strcmp(c->op, "CumProd") == 0;
    kc_out(out, in->rank, in->dim, true);
    for (int64_t line = 0; line < w.lines; line++) {
        double acc = product, weight = product;
        for (int64_t i = 0; i < w.length; i++) {
            const int64_t at = element(&w, line, reverse ? w.length - 1 - i : i);
            const double x = in->value[at], next = product ? acc * x : acc + x;
            const double next_weight = product ? fabs(next) : weight + fabs(x);
            out->value[at] = exclusive ? acc : next;
            out->weight[at] = exclusive ? weight : next_weight;
            acc = next;
            weight = next_weight;
        }
    }
}

/* One element of a scale or bias that is broadcast to x; `otherwise` when there is none. */
static double part(const struct kc_case *c, const struct kc_tensor *in, int i, int64_t at, double otherwise)
{
    return i < c->n_in ? in[i].value[kc_broadcast_index(&in[i], &in[0], at)] : otherwise;
}

static void normalize_line(const struct kc_case *c, const struct walk *w, int64_t line, double epsilon,
                           struct kc_tensor *out)
{
    const struct kc_tensor *x = w->x;
    const bool center = strcmp(c->op, "RMSNormalization") != 0;
    double mean = 0, square = 0, magnitude = 0;
    for (int64_t i = 0; center && i < w->length; i++)
        mean += x->value[element(w, line, i)] / (double)w->length;
    for (int64_t i = 0; i < w->length; i++) {
        const double d = x->value[element(w, line, i)] - mean;
        square += d * d / (double)w->length;
        magnitude = fmax(magnitude, fabs(d) + fabs(mean));
    }
    const double factor = 1 / sqrt(square + epsilon);
    for (int64_t i = 0; i < w->length; i++) {
        const int64_t at = element(w, line, i);
        const double scale = part(c, x, 1, at, 1), bias = part(c, x, 2, at, 0);
        out->value[at] = (x->value[at] - mean) * factor * scale + bias;
        out->weight[at] = magnitude * factor * fabs(scale) * (1 + magnitude * factor) + fabs(bias);
    }
}

static void normalize_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                                struct kc_tensor *out)
{
    const unsigned first = axis_mask(node, in, -1), all = (1u << in->rank) - 1;
    const struct walk w = walk_over(in, all & ~(first - 1));
    kc_out(out, in->rank, in->dim, true);
    for (int64_t line = 0; line < w.lines; line++)
        normalize_line(c, &w, line, (double)alt_attr_float(node, "epsilon", 1e-5f), out);
}

static void batchnorm_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                                struct kc_tensor *out)
{
    (void)c;
    const double epsilon = (double)alt_attr_float(node, "epsilon", 1e-5f);
    int64_t at[ALT_MAX_RANK];
    kc_out(out, in->rank, in->dim, true);
    for (int64_t i = 0; i < out->count; i++) {
        kc_coordinates(in->rank, in->dim, i, at);
        const double mean = in[3].value[at[1]], factor = in[1].value[at[1]] / sqrt(in[4].value[at[1]] + epsilon);
        out->value[i] = (in->value[i] - mean) * factor + in[2].value[at[1]];
        out->weight[i] = (fabs(in->value[i]) + fabs(mean)) * fabs(factor) + fabs(in[2].value[at[1]]);
    }
}

static const alt_dtype floats[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16};
enum { FLOATS = sizeof floats / sizeof *floats, SHAPES = 4 };
static const int64_t shapes[SHAPES][3] = {{1, 1, 1}, {3, 7, 33}, {2, 130, 5}, {1, 3, 1500}};

static void map_cases(struct kc_run *run)
{
    static const char *const ops[] = {"Softmax", "LogSoftmax", "Hardmax"};
    for (int o = 0; o < 3; o++)
        for (int d = 0; d < FLOATS; d++)
            for (int s = 0; s < SHAPES; s++)
                for (int axis = 0; axis < 3; axis++) {
                    struct kc_case c = kc_case(ops[o], 13, softmax_reference);
                    kc_in(&c, floats[d], 3, shapes[s]);
                    kc_attr_int(&c, "axis", axis);
                    c.ulps = o == 2 ? 0 : 2;
                    c.reduction = o == 2 ? 0 : shapes[s][axis] + 8;
                    kc_check(run, &c);
                }
}

static void cumulate_cases(struct kc_run *run)
{
    static const alt_dtype dtypes[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_INT32, ALT_INT64};
    static const double axes[] = {0, 1, 2};
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++)
        for (int k = 0; k < 12; k++) {
            struct kc_case c = kc_case("CumSum", 14, cumulate_reference);
            kc_in(&c, dtypes[d], 3, (int64_t[]){3, 19, 5});
            kc_in_known(&c, ALT_INT64, 0, NULL, &axes[k % 3]);
            kc_attr_int(&c, "reverse", k / 3 % 2);
            kc_attr_int(&c, "exclusive", k / 6);
            c.ulps = is_integer(dtypes[d]) ? 0 : 1;
            c.reduction = is_integer(dtypes[d]) ? 0 : 20;
            kc_check(run, &c);
        }
}

static void norm_cases(struct kc_run *run)
{
    for (int d = 0; d < FLOATS; d++)
        for (int s = 1; s < SHAPES; s++)
            for (int k = 0; k < 4; k++) {
                const int axis = 1 + k % 2;
                const bool rms = k >= 2;
                struct kc_case c = kc_case(rms ? "RMSNormalization" : "LayerNormalization", rms ? 23 : 17, normalize_reference);
                kc_in(&c, floats[d], 3, shapes[s]);
                for (int i = 0; i < (rms ? 1 : 2); i++)
                    kc_in(&c, floats[d], 3 - axis, shapes[s] + axis);
                kc_attr_int(&c, "axis", axis);
                c.ulps = 3;
                c.reduction = shapes[s][2] * (axis == 1 ? shapes[s][1] : 1) + 8;
                kc_check(run, &c);
            }
    for (int d = 0; d < FLOATS; d++)
        for (int s = 0; s < SHAPES; s++)
            for (int rank = 2; rank <= 3; rank++) {
                struct kc_case c = kc_case("BatchNormalization", 15, batchnorm_reference);
                kc_in(&c, floats[d], rank, shapes[s]);
                for (int i = 0; i < 4; i++)
                    kc_in(&c, floats[d], 1, &shapes[s][1])->low = i == 3 ? 0.25 : -2;
                c.ulps = 2;
                c.reduction = 8;
                kc_check(run, &c);
            }
}

static void lines_cases(struct kc_run *run)
{
    reduce_cases(run);
    map_cases(run);
    cumulate_cases(run);
    norm_cases(run);
}

const struct kc_family kc_lines = {"lines", lines_cases};
