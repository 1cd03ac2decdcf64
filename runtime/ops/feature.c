/* feature.c: operators of ai.onnx.ml that prepare features: ArrayFeatureExtractor, Binarizer, Normalizer, Scaler. Rows are
 * computed in float64, sums in ascending order, and rounded once. Normalizer divides by the largest element (MAX), the sum of
 * absolute values (L1) or the root of the sum of squares (L2), and by nothing where that is 0. */
#include "runtime/ops/data.h"
#include "runtime/ops/real.h"
#include "runtime/ops/wide.h"

#include <math.h>
#include <string.h>

enum { TILE_WORK = 8192, NUMBERS = ALT_CLASS_FLOAT | ALT_CLASS_SIGNED };
enum norm { MAX, L1, L2, NORMS };

static enum norm norm_of(const struct alt_node *n)
{
    static const char *const names[] = {"MAX", "L1", "L2"};
    const char *name = alt_attr_text(n, "norm", "MAX");
    int i = 0;
    while (i < NORMS && strcmp(names[i], name) != 0)
        i++;
    return (enum norm)i;
}

/* Elements of a number type as double. */
static double number_at(const void *data, alt_dtype dtype, int64_t i)
{
    switch (dtype) {
    case ALT_INT32:
        return ((const int32_t *)data)[i];
    case ALT_INT64:
        return (double)((const int64_t *)data)[i];
    default:
        return alt_real_get(dtype, data, i);
    }
}

static bool readable(alt_dtype dtype)
{
    return dtype == ALT_INT32 || dtype == ALT_INT64 || dtype == ALT_FLOAT32 || dtype == ALT_FLOAT64;
}

/* --- Binarizer, Normalizer, Scaler --- */

struct plan {
    enum alt_op op;
    enum norm norm;
    alt_dtype dtype;
    int64_t rows, cols, tile;
    double threshold;
    const float *offset, *scale;
    int64_t offset_step, scale_step; /* 0: one for all */
    size_t size;
    alt_store_fn *store;
};

static void compute_row(const struct plan *p, const void *in, int64_t first, double *x)
{
    double divisor = p->norm == MAX ? -(double)INFINITY : 0;
    for (int64_t i = 0; i < p->cols; i++)
        x[i] = number_at(in, p->dtype, first + i);
    for (int64_t i = 0; i < p->cols; i++)
        if (p->op == ALT_OP_BINARIZER)
            x[i] = x[i] > p->threshold;
        else if (p->op == ALT_OP_SCALER)
            x[i] = (x[i] - (p->offset ? (double)p->offset[i * p->offset_step] : 0)) *
                   (p->scale ? (double)p->scale[i * p->scale_step] : 1);
        else
            divisor = p->norm == MAX ? fmax(divisor, x[i]) : divisor + (p->norm == L1 ? fabs(x[i]) : x[i] * x[i]);
    if (p->op != ALT_OP_NORMALIZER)
        return;
    divisor = p->norm == L2 ? sqrt(divisor) : divisor;
    for (int64_t i = 0; i < p->cols && divisor != 0; i++)
        x[i] /= divisor;
}

static void run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    double *x = args->scratch;
    for (int64_t i = args->begin * p->tile; i < args->end * p->tile && i < p->rows; i++) {
        compute_row(p, args->operand[0].data, i * p->cols, x);
        p->store((char *)args->operand[1].data + (size_t)(i * p->cols) * p->size, 1, x, p->cols);
    }
}

/* A list of floats that is one number, or one for each column. */
static bool read_list(const struct alt_node *n, const char *name, int64_t cols, const float **list, int64_t *step)
{
    const int64_t count = alt_attr_floats(n, name, list);
    *step = count > 1;
    return count <= 1 || count == cols;
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[0];
    int64_t bytes;
    if (!p)
        return ALT_E_NOMEM;
    p->op = b->node->op;
    p->norm = norm_of(b->node);
    p->dtype = x->dtype;
    p->cols = x->rank ? x->dim[x->rank - 1] : 1;
    p->rows = p->cols ? alt_operand_count(x) / p->cols : 0;
    p->tile = p->cols < TILE_WORK ? TILE_WORK / (p->cols + 1) + 1 : 1;
    p->threshold = (double)alt_attr_float(b->node, "threshold", 0);
    if (!read_list(b->node, "offset", p->cols, &p->offset, &p->offset_step) ||
        !read_list(b->node, "scale", p->cols, &p->scale, &p->scale_step))
        return alt_bind_fail(b, ALT_E_SHAPE, "offset and scale must have one entry, or one for each feature");
    if (__builtin_mul_overflow(p->cols, (int64_t)sizeof(double), &bytes))
        return alt_bind_fail(b, ALT_E_SHAPE, "too many elements");
    p->size = alt_dtype_size(b->out[0].dtype);
    p->store = alt_wide_store(ALT_WIDE_F64, b->out[0].dtype);
    b->params = p;
    b->scratch = (size_t)bytes;
    b->range = (p->rows + p->tile - 1) / p->tile;
    b->flops = 4 * (double)alt_operand_count(x);
    return ALT_OK;
}

/* --- ArrayFeatureExtractor --- */

struct extraction {
    int64_t rows, cols, picked;
    size_t size;
    bool wide;
};

static void extract(const struct alt_kargs *args)
{
    const struct extraction *p = args->params;
    const struct alt_indices indices = alt_indices_of(&args->operand[1], p->wide);
    for (int64_t i = args->begin; i < args->end; i++) {
        const char *from = (const char *)args->operand[0].data + (size_t)(i * p->cols) * p->size;
        char *to = (char *)args->operand[2].data + (size_t)(i * p->picked) * p->size;
        for (int64_t k = 0; k < p->picked; k++, to += p->size) {
            const int64_t at = alt_index_checked(args, &indices, k, p->cols);
            if (at >= 0)
                memcpy(to, from + (size_t)at * p->size, p->size);
            else
                memset(to, 0, p->size);
        }
    }
}

static int bind_extract(struct alt_kernel_bind *b)
{
    struct extraction *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[0], *y = &b->out[0];
    if (!p)
        return ALT_E_NOMEM;
    p->cols = x->dim[x->rank - 1];
    p->picked = y->dim[y->rank - 1];
    p->rows = p->picked ? alt_operand_count(y) / p->picked : 0;
    p->size = alt_dtype_size(x->dtype);
    p->wide = b->in[1].dtype == ALT_INT64;
    b->params = p;
    b->range = p->rows;
    b->flops = (double)alt_operand_count(y);
    return ALT_OK;
}

static alt_status infer_extract(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_indices(inf, 1));
    struct alt_shape out = inf->in[0]->shape;
    const struct alt_shape *indices = &inf->in[1]->shape;
    if (out.rank == 0)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the input must have an axis");
    if (out.rank == 1) /* a vector becomes a matrix of one row */
        out = (struct alt_shape){2, {1, out.dim[0]}};
    if (out.rank > 0) {
        alt_dim count = indices->rank < 0 ? alt_dim_unknown(inf->dims) : 1;
        for (int d = 0; d < indices->rank; d++)
            count = alt_dim_mul(inf->dims, count, indices->dim[d]);
        out.dim[out.rank - 1] = count;
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return ALT_OK;
}

/* --- all --- */

static alt_status infer(struct alt_infer *inf)
{
    if (inf->node->op == ALT_OP_ARRAY_FEATURE_EXTRACTOR)
        return infer_extract(inf);
    ALT_CHECK(alt_infer_expect(inf, 0, NUMBERS));
    if (norm_of(inf->node) == NORMS)
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute norm must be MAX, L1 or L2");
    const bool same = inf->node->op == ALT_OP_BINARIZER;
    alt_infer_set(inf, 0, same ? inf->in[0]->dtype : ALT_FLOAT32, &inf->in[0]->shape);
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel rows = {
        .name = "feature_rows", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    static const struct alt_kernel pick = {
        .name = "feature_extract", .fn = extract, .bind = bind_extract, .numerics = ALT_KERNEL_EXACT};
    const bool extractor = sel->node->op == ALT_OP_ARRAY_FEATURE_EXTRACTOR;
    *out = extractor ? &pick : &rows;
    const alt_dtype dtype = sel->in[0].dtype;
    return (extractor ? alt_dtype_size(dtype) > 0 : readable(dtype)) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_feature = {.infer = infer, .select = choose};
