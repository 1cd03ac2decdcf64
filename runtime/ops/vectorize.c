/* vectorize.c: Imputer (a value that stands for "missing" becomes another) and FeatureVectorizer (rows of several tensors side by
 * side, as float32) of ai.onnx.ml. */
#include "runtime/mem.h"
#include "runtime/ops/data.h"
#include "runtime/ops/score.h"

#include <string.h>

enum { TILE = 4096, NUMBERS = ALT_CLASS_FLOAT | ALT_CLASS_SIGNED };

static bool imputes(const struct alt_node *n) { return n->op == ALT_OP_IMPUTER; }

/* --- Imputer --- */

struct imputing {
    alt_dtype dtype;
    int64_t count, cols, values;
    const int64_t *ints;
    const float *floats;
    int64_t missing_int;
    float missing_float;
};

static void impute(const struct alt_kargs *args)
{
    const struct imputing *p = args->params;
    const void *in = args->operand[0].data;
    void *out = args->operand[1].data;
    for (int64_t i = args->begin * TILE; i < args->end * TILE && i < p->count; i++) {
        const int64_t at = p->values == 1 ? 0 : i % p->cols;
        if (p->dtype == ALT_INT32 || p->dtype == ALT_INT64) {
            const int64_t x = p->dtype == ALT_INT32 ? ((const int32_t *)in)[i] : ((const int64_t *)in)[i];
            const int64_t y = x == p->missing_int ? p->ints[at] : x;
            if (p->dtype == ALT_INT32)
                ((int32_t *)out)[i] = (int32_t)y;
            else
                ((int64_t *)out)[i] = y;
            continue;
        }
        const double x = alt_score_input(p->dtype, in, i), missing = (double)p->missing_float;
        const double y = x == missing || (x != x && missing != missing) ? (double)p->floats[at] : x;
        if (p->dtype == ALT_FLOAT32)
            ((float *)out)[i] = (float)y;
        else
            ((double *)out)[i] = y;
    }
}

static int bind_impute(struct alt_kernel_bind *b)
{
    struct imputing *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[0];
    if (!p)
        return ALT_E_NOMEM;
    const bool whole = x->dtype == ALT_INT32 || x->dtype == ALT_INT64;
    p->dtype = x->dtype;
    p->count = alt_operand_count(x);
    p->cols = x->rank ? x->dim[x->rank - 1] : 1;
    p->values = whole ? alt_attr_ints(b->node, "imputed_value_int64s", &p->ints)
                      : alt_attr_floats(b->node, "imputed_value_floats", &p->floats);
    p->missing_int = alt_attr_int(b->node, "replaced_value_int64", 0);
    p->missing_float = alt_attr_float(b->node, "replaced_value_float", 0);
    if (p->values < 1 || (p->values != 1 && p->values != p->cols))
        return alt_bind_fail(b, ALT_E_MODEL, "imputed_value_%s must hold one value, or one for each feature",
                             whole ? "int64s" : "floats");
    b->params = p;
    b->range = (p->count + TILE - 1) / TILE;
    b->flops = 2 * (double)p->count;
    return ALT_OK;
}

/* --- FeatureVectorizer --- */

struct vectorizing {
    int n;
    int64_t rows, width;
    struct source {
        alt_dtype dtype;
        int64_t cols, taken, wanted, at; /* of the input, copied, of the output, where in it */
    } source[];
};

static void vectorize(const struct alt_kargs *args)
{
    const struct vectorizing *p = args->params;
    float *out = args->operand[p->n].data;
    for (int64_t row = args->begin; row < args->end; row++)
        for (int k = 0; k < p->n; k++) {
            const struct source *s = &p->source[k];
            float *to = out + row * p->width + s->at;
            for (int64_t i = 0; i < s->wanted; i++)
                to[i] = i < s->taken ? (float)alt_score_input(s->dtype, args->operand[k].data, row * s->cols + i) : 0;
        }
}

static int bind_vectorize(struct alt_kernel_bind *b)
{
    const int64_t *wanted;
    struct vectorizing *p = alt_arena_alloc(b->arena, sizeof *p + (size_t)b->n_in * sizeof p->source[0]);
    if (!p)
        return ALT_E_NOMEM;
    alt_attr_ints(b->node, "inputdimensions", &wanted);
    p->n = b->n_in;
    p->rows = b->out[0].dim[0];
    p->width = b->out[0].dim[1];
    int64_t at = 0;
    for (int k = 0; k < p->n; k++) {
        const struct alt_operand *x = &b->in[k];
        struct source *s = &p->source[k];
        *s = (struct source){.dtype = x->dtype, .cols = x->dim[x->rank - 1], .wanted = wanted[k], .at = at};
        s->taken = s->cols < s->wanted ? s->cols : s->wanted;
        at += s->wanted;
        if ((x->rank == 2 ? x->dim[0] : 1) != p->rows)
            return alt_bind_fail(b, ALT_E_SHAPE, "the inputs differ in their rows");
    }
    b->params = p;
    b->range = p->width ? p->rows : 0;
    b->flops = (double)p->rows * (double)p->width;
    return ALT_OK;
}

static alt_status infer_vectorize(struct alt_infer *inf)
{
    const int64_t *wanted;
    struct alt_shape out = {2, {alt_dim_unknown(inf->dims), 0}};
    if (alt_attr_ints(inf->node, "inputdimensions", &wanted) != inf->n_in)
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute inputdimensions must have one entry for each input");
    for (int i = 0; i < inf->n_in; i++) {
        ALT_CHECK(alt_infer_expect(inf, i, NUMBERS));
        const struct alt_shape *x = &inf->in[i]->shape;
        if (x->rank == 0 || x->rank > 2)
            return alt_infer_fail(inf, ALT_E_SHAPE, "input %d must be [N, C] or [C]", i);
        if (wanted[i] < 0 || __builtin_add_overflow(out.dim[1], wanted[i], &out.dim[1]))
            return alt_infer_fail(inf, ALT_E_MODEL, "an entry of inputdimensions is out of range");
        if (x->rank > 0 && !alt_dim_known(out.dim[0]))
            out.dim[0] = x->rank == 2 ? x->dim[0] : 1;
    }
    alt_infer_set(inf, 0, ALT_FLOAT32, &out);
    return ALT_OK;
}

/* --- both --- */

static alt_status infer(struct alt_infer *inf)
{
    if (!imputes(inf->node))
        return infer_vectorize(inf);
    ALT_CHECK(alt_infer_expect(inf, 0, NUMBERS));
    alt_infer_like(inf, 0, 0);
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel imputer = {
        .name = "imputer", .fn = impute, .bind = bind_impute, .numerics = ALT_KERNEL_EXACT};
    static const struct alt_kernel vectorizer = {
        .name = "feature_vectorizer", .fn = vectorize, .bind = bind_vectorize, .numerics = ALT_KERNEL_EXACT};
    for (int i = 0; i < sel->n_in; i++)
        if (!alt_score_readable(sel->in[i].dtype))
            return alt_select_unsupported(sel);
    *out = imputes(sel->node) ? &imputer : &vectorizer;
    return ALT_OK;
}

const struct alt_op_impl alt_op_vectorize = {.infer = infer, .select = choose};
