/* linear_model.c: LinearClassifier and LinearRegressor of ai.onnx.ml: an affine function of each row, transformed. Sums in
 * ascending order of the features in float64, the intercept first; scores are rounded once. */
#include "runtime/ops/data.h"
#include "runtime/ops/score.h"

#include <math.h>

enum { TILE_WORK = 8192 };

static bool classifies(const struct alt_node *n) { return n->op == ALT_OP_LINEAR_CLASSIFIER; }

static struct alt_labels labels_of(const struct alt_node *n)
{
    return alt_labels_of(n, "classlabels_ints", "classlabels_strings");
}

struct plan {
    struct alt_labels labels; /* LinearClassifier */
    enum alt_score_transform transform;
    alt_dtype dtype;
    int64_t rows, cols, scores, columns, tile; /* scores: computed; columns: put out, 2 for one score of two classes */
    const float *coefficients, *intercepts;    /* intercepts NULL: zeros */
    int labels_out, scores_out;                /* operands; 0: not wanted */
};

/* Reads the attributes; returns NULL or what is wrong. `cols` -1: not known. */
static const char *read_model(const struct alt_node *n, int64_t cols, struct plan *p)
{
    const float *list;
    *p = (struct plan){.transform = alt_score_transform_of(n), .cols = cols};
    if (p->transform == ALT_SCORE_TRANSFORMS)
        return "attribute post_transform must be NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT";
    const int64_t count = alt_attr_floats(n, "coefficients", &p->coefficients);
    const int64_t intercepts = alt_attr_floats(n, "intercepts", &list);
    if (classifies(n)) {
        p->labels = labels_of(n);
        p->columns = p->labels.count;
        if (p->columns < 1)
            return "it needs classlabels_ints or classlabels_strings";
        p->scores = p->columns;
        if (p->columns == 2 && (intercepts == 1 || (cols >= 0 && count == cols)))
            p->scores = 1;
    } else {
        p->scores = p->columns = alt_attr_int(n, "targets", 1);
    }
    if (p->scores < 1 || count % p->scores || (cols >= 0 && count / p->scores != cols))
        return "coefficients must be one for each feature and score";
    if (intercepts > 0 && intercepts < p->scores)
        return "intercepts must be one for each score";
    p->intercepts = intercepts > 0 ? list : NULL;
    return NULL;
}

static alt_status infer(struct alt_infer *inf)
{
    struct plan p;
    const struct alt_shape *x = &inf->in[0]->shape;
    const alt_dim cols = x->rank > 0 ? x->dim[x->rank - 1] : -1;
    const char *fault = read_model(inf->node, alt_dim_known(cols) ? cols : -1, &p);
    if (fault)
        return alt_infer_fail(inf, ALT_E_MODEL, "%s", fault);
    return alt_score_infer(inf, classifies(inf->node) ? &p.labels : NULL, p.columns);
}

static int64_t best(const double *score, int64_t n)
{
    int64_t at = 0;
    for (int64_t i = 1; i < n; i++)
        if (score[i] > score[at])
            at = i;
    return at;
}

static void run_row(const struct plan *p, const struct alt_kargs *args, int64_t row, double *score)
{
    for (int64_t s = 0; s < p->scores; s++) {
        double sum = p->intercepts ? (double)p->intercepts[s] : 0;
        for (int64_t i = 0; i < p->cols; i++)
            sum += alt_score_input(p->dtype, args->operand[0].data, row * p->cols + i) *
                   (double)p->coefficients[s * p->cols + i];
        score[s] = sum;
    }
    if (p->scores < p->columns) {
        score[1] = score[0];
        score[0] = -score[0];
    }
    if (p->labels_out)
        alt_labels_put(&p->labels, args->operand[p->labels_out].data, row, best(score, p->columns));
    if (!p->scores_out)
        return;
    alt_score_apply(p->transform, score, p->columns);
    for (int64_t i = 0; i < p->columns; i++)
        ((float *)args->operand[p->scores_out].data)[row * p->columns + i] = (float)score[i];
}

static void run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    for (int64_t i = args->begin * p->tile; i < args->end * p->tile && i < p->rows; i++)
        run_row(p, args, i, args->scratch);
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[0];
    const bool labelled = classifies(b->node);
    if (!p)
        return ALT_E_NOMEM;
    const char *fault = read_model(b->node, x->dim[x->rank - 1], p);
    if (fault)
        return alt_bind_fail(b, ALT_E_MODEL, "%s", fault);
    p->dtype = x->dtype;
    p->rows = x->rank == 2 ? x->dim[0] : 1;
    p->tile = p->cols < TILE_WORK ? TILE_WORK / (p->cols + 1) + 1 : 1;
    p->labels_out = labelled && alt_operand_at(b->out, b->n_out, 0) ? b->n_in : 0;
    p->scores_out = alt_operand_at(b->out, b->n_out, labelled) ? b->n_in + labelled : 0;
    b->params = p;
    b->scratch = (size_t)(p->columns + 1) * sizeof(double);
    b->range = p->rows ? (p->rows - 1) / p->tile + 1 : 0;
    b->flops = 2 * (double)p->rows * (double)p->cols * (double)p->scores;
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "linear_model", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_score_readable(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_linear_model = {.infer = infer, .select = choose};
