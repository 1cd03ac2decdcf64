/* tree_ensemble.c: TreeEnsemble, TreeEnsembleClassifier, TreeEnsembleRegressor of ai.onnx.ml: forest.h says how trees are read.
 *
 * A row's votes are taken tree by tree, in float64, in ascending order, and rounded once. Where all votes of a classifier with two
 * classes are for one, that score is of the second class: it wins above 0.5 when no vote is negative, else above 0.
 */
#include "runtime/ops/data.h"
#include "runtime/ops/forest.h"
#include "runtime/ops/score.h"

#include <math.h>
#include <string.h>

enum { TILE = 64 };
enum aggregate { AVERAGE, SUM, MIN, MAX, AGGREGATES };

static bool classifies(const struct alt_node *n) { return n->op == ALT_OP_TREE_ENSEMBLE_CLASSIFIER; }

static struct alt_labels labels_of(const struct alt_node *n)
{
    return alt_labels_of(n, "classlabels_int64s", "classlabels_strings");
}

static enum aggregate aggregate_of(const struct alt_node *n)
{
    static const char *const names[] = {"AVERAGE", "SUM", "MIN", "MAX"};
    if (n->op == ALT_OP_TREE_ENSEMBLE) {
        const int64_t given = alt_attr_int(n, "aggregate_function", SUM);
        return given >= 0 && given < AGGREGATES ? (enum aggregate)given : AGGREGATES;
    }
    const char *name = alt_attr_text(n, "aggregate_function", "SUM");
    int i = 0;
    while (i < AGGREGATES && strcmp(names[i], name) != 0)
        i++;
    return (enum aggregate)i;
}

static int64_t targets_of(const struct alt_node *n)
{
    return classifies(n) ? labels_of(n).count : alt_attr_int(n, "n_targets", 1);
}

static alt_status infer(struct alt_infer *inf)
{
    const struct alt_labels labels = labels_of(inf->node);
    const int64_t targets = targets_of(inf->node);
    if (targets < 1 || targets > INT32_MAX)
        return alt_infer_fail(inf, ALT_E_MODEL, "it needs a positive n_targets, or labels of its classes");
    if (alt_score_transform_of(inf->node) == ALT_SCORE_TRANSFORMS || aggregate_of(inf->node) == AGGREGATES)
        return alt_infer_fail(inf, ALT_E_MODEL, "post_transform or aggregate_function is not known");
    ALT_CHECK(alt_score_infer(inf, classifies(inf->node) ? &labels : NULL, targets));
    if (inf->node->op == ALT_OP_TREE_ENSEMBLE) { /* of the input's type */
        const struct alt_shape shape = inf->out[0].shape;
        alt_infer_set(inf, 0, inf->in[0]->dtype, &shape);
    }
    return ALT_OK;
}

struct plan {
    struct alt_forest forest;
    struct alt_labels labels;
    enum alt_score_transform transform;
    enum aggregate aggregate;
    alt_dtype dtype, out_dtype;
    int64_t rows, cols;
    const struct alt_attr *base; /* floats, or NULL */
    const struct alt_tensor *base_tensor;
    int64_t n_base;
    bool one_class, positive; /* votes are for one of two classes; none of them is negative */
    int labels_out, scores_out;
};

static double base_at(const struct plan *p, int64_t i)
{
    if (i >= p->n_base)
        return 0;
    return p->base_tensor ? alt_tensor_float(p->base_tensor, i) : (double)p->base->floats[i];
}

static void vote(const struct plan *p, const struct alt_tree_node *leaf, double *score, bool *voted)
{
    for (int64_t i = 0; i < leaf->count; i++) {
        const struct alt_vote *v = &p->forest.vote[leaf->first + i];
        double *s = &score[v->target];
        if (p->aggregate == MIN || p->aggregate == MAX)
            *s = !voted[v->target] ? v->weight : p->aggregate == MIN ? fmin(*s, v->weight) : fmax(*s, v->weight);
        else
            *s += p->aggregate == AVERAGE ? v->weight / (double)p->forest.n_roots : v->weight;
        voted[v->target] = true;
    }
}

/* The label of a row, and its scores as they are put out. */
static int64_t classify(const struct plan *p, double *score)
{
    const int64_t n = p->forest.targets;
    int64_t best = 0;
    if (!p->one_class) {
        for (int64_t i = 0; i < n; i++)
            best = score[i] > score[best] ? i : best;
        alt_score_apply(p->transform, score, n);
        return best;
    }
    const double sum = score[0] + score[1]; /* one of them is 0 */
    best = sum > (p->positive ? 0.5 : 0);
    score[1] = sum;
    score[0] = p->positive ? 1 - sum : -sum;
    if (!p->positive || p->transform == ALT_SCORE_PROBIT)
        alt_score_apply(p->transform == ALT_SCORE_LOGISTIC || p->transform == ALT_SCORE_PROBIT ? p->transform
                                                                                               : ALT_SCORE_NONE,
                        score, n);
    return best;
}

static void put_scores(const struct plan *p, const struct alt_kargs *args, int64_t row, const double *score)
{
    void *out = args->operand[p->scores_out].data;
    const int64_t n = p->forest.targets;
    for (int64_t i = 0; i < n; i++)
        if (p->out_dtype == ALT_FLOAT64)
            ((double *)out)[row * n + i] = score[i];
        else
            ((float *)out)[row * n + i] = (float)score[i];
}

static void run_row(const struct plan *p, const struct alt_kargs *args, int64_t row)
{
    const int64_t n = p->forest.targets;
    double *x = args->scratch, *score = x + p->cols;
    bool *voted = (bool *)(score + n);
    for (int64_t i = 0; i < p->cols; i++)
        x[i] = alt_score_input(p->dtype, args->operand[0].data, row * p->cols + i);
    memset(score, 0, (size_t)n * sizeof *score);
    memset(voted, 0, (size_t)n * sizeof *voted);
    for (int64_t t = 0; t < p->forest.n_roots; t++) {
        const struct alt_tree_node *leaf = alt_forest_walk(&p->forest, p->forest.root[t], x);
        if (leaf)
            vote(p, leaf, score, voted);
        else
            alt_fault(args, ALT_FAULT_VALUE);
    }
    for (int64_t i = 0; i < n; i++)
        score[i] += base_at(p, i);
    if (p->labels.count == 0) {
        alt_score_apply(p->transform, score, n);
    } else {
        const int64_t best = classify(p, score);
        if (p->labels_out)
            alt_labels_put(&p->labels, args->operand[p->labels_out].data, row, best);
    }
    if (p->scores_out)
        put_scores(p, args, row, score);
}

static void run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    for (int64_t i = args->begin * TILE; i < args->end * TILE && i < p->rows; i++)
        run_row(p, args, i);
}

static void read_base(struct plan *p, const struct alt_node *n)
{
    const struct alt_attr *floats = alt_attr_find(n, "base_values"),
                          *tensor = alt_attr_find(n, "base_values_as_tensor");
    if (floats && floats->type == ALT_ATTR_FLOATS && floats->count) {
        p->base = floats;
        p->n_base = floats->count;
    } else if (tensor && tensor->type == ALT_ATTR_TENSOR) {
        p->base_tensor = tensor->tensors[0];
        p->n_base = alt_tensor_count(tensor->tensors[0]);
    }
}

static void look_at_votes(struct plan *p)
{
    const struct alt_forest *f = &p->forest;
    p->one_class = p->positive = f->targets == 2 && f->n_votes > 0;
    for (int64_t i = 0; i < f->n_votes; i++) {
        p->one_class = p->one_class && f->vote[i].target == f->vote[0].target;
        p->positive = p->positive && f->vote[i].weight >= 0;
    }
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[0];
    const bool labelled = classifies(b->node);
    int64_t elements, bytes;
    if (!p || !alt_forest_read(&p->forest, b->arena, b->node, targets_of(b->node)))
        return ALT_E_NOMEM;
    if (p->forest.fault)
        return alt_bind_fail(b, ALT_E_MODEL, "%s", p->forest.fault);
    p->rows = x->rank == 2 ? x->dim[0] : 1;
    p->cols = x->dim[x->rank - 1];
    if (p->forest.features > p->cols)
        return alt_bind_fail(b, ALT_E_SHAPE, "the trees read more features than the input has");
    p->dtype = x->dtype;
    p->transform = alt_score_transform_of(b->node);
    p->aggregate = labelled ? SUM : aggregate_of(b->node);
    read_base(p, b->node);
    if (labelled) {
        p->labels = labels_of(b->node);
        look_at_votes(p);
    }
    p->labels_out = labelled && alt_operand_at(b->out, b->n_out, 0) ? b->n_in : 0;
    p->scores_out = alt_operand_at(b->out, b->n_out, labelled) ? b->n_in + labelled : 0;
    p->out_dtype = p->scores_out ? b->out[labelled].dtype : ALT_NONE;
    if (__builtin_add_overflow(p->cols, 2 * p->forest.targets, &elements) ||
        __builtin_mul_overflow(elements, (int64_t)sizeof(double), &bytes))
        return alt_bind_fail(b, ALT_E_SHAPE, "too many elements");
    b->params = p;
    b->scratch = (size_t)bytes;
    b->range = p->rows ? (p->rows - 1) / TILE + 1 : 0;
    b->flops = 30.0 * (double)p->rows * (double)p->forest.n_roots;
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "tree_ensemble", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    const alt_dtype dtype = sel->in[0].dtype;
    const bool float_only = sel->node->op == ALT_OP_TREE_ENSEMBLE;
    *out = &kernel;
    return alt_score_readable(dtype) && (!float_only || dtype == ALT_FLOAT32 || dtype == ALT_FLOAT64)
               ? ALT_OK
               : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_tree_ensemble = {.infer = infer, .select = choose};
