/* einsum.c: Einsum: a product of any number of tensors, summed over the labels that the output lacks.
 *
 * Every label is one loop; an operand moves along it by its stride there, or stays (a label it lacks, an extent of 1). A
 * repeated label in one term adds its strides up, which is the diagonal. The ellipsis stands for axes that get labels of
 * their own, counted from the right. A tile computes a run of the last output axis: for each point of the summed labels, in
 * ascending order, the operands' runs are multiplied and added to the run of sums.
 */
#include "runtime/ops/data.h"
#include "runtime/ops/wide.h"

#include <string.h>

enum { MAX_TERMS = 16, LETTERS = 52, LABELS = LETTERS + ALT_MAX_RANK, ANY = -1, BLOCK = 128 };

/* Labels of the axes of one tensor. */
struct term {
    int rank;
    signed char label[ALT_MAX_RANK];
};

struct equation {
    int n_in;
    struct term in[MAX_TERMS], out;
};

static int letter_label(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    return c >= 'a' && c <= 'z' ? 26 + c - 'a' : ANY;
}

/* Reads one term up to ',' or '-' or the end; `rank` of its tensor, -1 for the output's, whose ellipsis has `any` axes.
 * False when it is no term or has another rank. */
static bool read_term(const char **text, int rank, int any, struct term *t)
{
    int ellipsis = -1; /* place */
    t->rank = 0;
    for (; **text && **text != ',' && **text != '-'; ++*text) {
        if (**text == ' ')
            continue;
        if (strncmp(*text, "...", 3) == 0 && ellipsis < 0) {
            ellipsis = t->rank;
            *text += 2;
            continue;
        }
        int label = letter_label(**text);
        if (label == ANY || t->rank == ALT_MAX_RANK)
            return false;
        t->label[t->rank++] = (signed char)label;
    }
    int more = rank < 0 ? any : rank - t->rank;
    if (ellipsis < 0)
        return rank < 0 || more == 0;
    if (more < 0 || t->rank + more > ALT_MAX_RANK)
        return false;
    memmove(t->label + ellipsis + more, t->label + ellipsis, (size_t)(t->rank - ellipsis));
    for (int i = 0; i < more; i++)
        t->label[ellipsis + i] = (signed char)(LABELS - more + i);
    t->rank += more;
    return true;
}

/* Output of an equation without "->": the axes of ellipses, then what occurs once, in alphabetical order. */
static bool implicit_output(struct equation *e, int any)
{
    int times[LABELS] = {0};
    for (int i = 0; i < e->n_in; i++)
        for (int d = 0; d < e->in[i].rank; d++)
            times[e->in[i].label[d]]++;
    e->out.rank = 0;
    for (int l = LABELS - any; l < LABELS; l++)
        e->out.label[e->out.rank++] = (signed char)l;
    for (int l = 0; l < LETTERS; l++)
        if (times[l] == 1) {
            if (e->out.rank == ALT_MAX_RANK)
                return false;
            e->out.label[e->out.rank++] = (signed char)l;
        }
    return true;
}

/* Every output label stands in a term, and once in the output. */
static bool output_is_sound(const struct equation *e)
{
    bool known[LABELS] = {false};
    for (int i = 0; i < e->n_in; i++)
        for (int d = 0; d < e->in[i].rank; d++)
            known[e->in[i].label[d]] = true;
    for (int d = 0; d < e->out.rank; d++) {
        if (!known[e->out.label[d]])
            return false;
        known[e->out.label[d]] = false;
    }
    return true;
}

static bool parse(const char *text, int n_in, const int *rank, struct equation *e)
{
    int any = 0; /* axes of the longest ellipsis */
    e->n_in = n_in;
    for (int i = 0; i < n_in; i++) {
        if (!read_term(&text, rank[i], 0, &e->in[i]))
            return false;
        for (int d = 0; d < e->in[i].rank; d++)
            if (e->in[i].label[d] >= LETTERS && LABELS - e->in[i].label[d] > any)
                any = LABELS - e->in[i].label[d];
        if (i + 1 < n_in && *text++ != ',')
            return false;
    }
    if (*text == '\0')
        return implicit_output(e, any);
    if (strncmp(text, "->", 2) != 0)
        return false;
    text += 2;
    return read_term(&text, -1, any, &e->out) && *text == '\0' && output_is_sound(e);
}

/* Extents of all labels: numbers win over symbols, anything over 1. */
static alt_status label_extents(struct alt_infer *inf, const struct equation *e, alt_dim *extent)
{
    for (int l = 0; l < LABELS; l++)
        extent[l] = 1;
    for (int i = 0; i < e->n_in; i++)
        for (int d = 0; d < e->in[i].rank; d++) {
            alt_dim *have = &extent[e->in[i].label[d]], dim = inf->in[i]->shape.dim[d];
            if (alt_dim_known(*have) && alt_dim_known(dim) && *have != 1 && dim != 1 && *have != dim)
                return alt_infer_fail(inf, ALT_E_SHAPE, "axis %d of input %d has another extent than its label elsewhere", d, i);
            if (*have == 1 || (!alt_dim_known(*have) && alt_dim_known(dim) && dim != 1))
                *have = dim;
        }
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    struct equation e;
    int rank[MAX_TERMS];
    alt_dim extent[LABELS];
    bool ranks_known = true;
    if (inf->n_in > MAX_TERMS)
        return alt_infer_fail(inf, ALT_E_UNSUPPORTED, "more than %d terms", MAX_TERMS);
    for (int i = 0; i < inf->n_in; i++) {
        ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_NUMBER));
        ALT_CHECK(alt_infer_same_dtype(inf, 0, i));
        rank[i] = inf->in[i]->shape.rank;
        ranks_known = ranks_known && rank[i] >= 0;
    }
    if (!ranks_known) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, -1);
        return ALT_OK;
    }
    if (!parse(alt_attr_text(inf->node, "equation", ""), inf->n_in, rank, &e))
        return alt_infer_fail(inf, ALT_E_MODEL, "equation \"%s\" does not fit the inputs",
                              alt_attr_text(inf->node, "equation", ""));
    ALT_CHECK(label_extents(inf, &e, extent));
    struct alt_shape out = {.rank = e.out.rank};
    for (int d = 0; d < out.rank; d++)
        out.dim[d] = extent[e.out.label[d]];
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return ALT_OK;
}

struct plan {
    int n_in, out_rank, sum_rank;                  /* loops: output axes but the last; summed labels */
    int64_t n, blocks, sums;                       /* last output axis, its tiles; points of the summed labels */
    int64_t out_extent[ALT_MAX_RANK], sum_extent[LABELS];
    int64_t out_stride[MAX_TERMS][ALT_MAX_RANK];   /* bytes, of operands along the loops */
    int64_t sum_stride[MAX_TERMS][LABELS];
    int64_t last_stride[MAX_TERMS];                /* elements */
    int64_t size;
    enum alt_wide wide;
    alt_load_fn *load;
    alt_store_fn *store;
};

/* Strides of an operand along every label, elements. */
static void label_strides(const struct alt_operand *op, const struct term *t, int64_t *stride)
{
    memset(stride, 0, LABELS * sizeof *stride);
    for (int d = 0; d < t->rank; d++)
        if (op->dim[d] != 1)
            stride[t->label[d]] += op->stride[d];
}

static alt_status set_loops(struct alt_kernel_bind *b, const struct equation *e, struct plan *p)
{
    int64_t extent[LABELS], stride[LABELS];
    bool summed[LABELS] = {false};
    for (int l = 0; l < LABELS; l++)
        extent[l] = 1;
    for (int i = 0; i < e->n_in; i++)
        for (int d = 0; d < e->in[i].rank; d++) {
            int label = e->in[i].label[d];
            summed[label] = true;
            extent[label] = extent[label] == 1 ? b->in[i].dim[d] : extent[label];
        }
    for (int d = 0; d < e->out.rank; d++)
        summed[e->out.label[d]] = false;
    p->sums = 1;
    p->n = e->out.rank ? extent[e->out.label[e->out.rank - 1]] : 1;
    p->out_rank = e->out.rank ? e->out.rank - 1 : 0;
    for (int d = 0; d < p->out_rank; d++)
        p->out_extent[d] = extent[e->out.label[d]];
    for (int l = 0; l < LABELS; l++)
        if (summed[l] && extent[l] != 1) {
            if (__builtin_mul_overflow(p->sums, extent[l], &p->sums))
                return ALT_E_SHAPE;
            p->sum_extent[p->sum_rank++] = extent[l];
        }
    for (int i = 0; i < e->n_in; i++) {
        label_strides(&b->in[i], &e->in[i], stride);
        p->last_stride[i] = e->out.rank ? stride[e->out.label[e->out.rank - 1]] : 0;
        for (int d = 0; d < p->out_rank; d++)
            p->out_stride[i][d] = stride[e->out.label[d]] * p->size;
        for (int l = 0, k = 0; l < LABELS; l++)
            if (summed[l] && extent[l] != 1)
                p->sum_stride[i][k++] = stride[l] * p->size;
    }
    return ALT_OK;
}

static int bind(struct alt_kernel_bind *b)
{
    struct equation e;
    int rank[MAX_TERMS];
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    for (int i = 0; i < b->n_in; i++)
        rank[i] = b->in[i].rank;
    if (b->n_in > MAX_TERMS || !parse(alt_attr_text(b->node, "equation", ""), b->n_in, rank, &e))
        return ALT_E_INTERNAL;
    alt_dtype dtype = b->in[0].dtype;
    p->n_in = b->n_in;
    p->size = (int64_t)alt_dtype_size(dtype);
    p->wide = alt_wide_of(dtype);
    p->load = alt_wide_load(dtype);
    p->store = alt_wide_store(p->wide, dtype);
    if (set_loops(b, &e, p) != ALT_OK)
        return alt_bind_fail(b, ALT_E_SHAPE, "the sum has too many terms");
    p->blocks = (p->n + BLOCK - 1) / BLOCK;
    b->params = p;
    b->range = alt_operand_count(&b->out[0]) ? alt_dims_count(p->out_rank, p->out_extent) * p->blocks : 0;
    b->flops = (double)alt_operand_count(&b->out[0]) * (double)p->sums * 2;
    return ALT_OK;
}

union run {
    float f32[BLOCK];
    double f64[BLOCK];
    uint64_t u64[BLOCK];
};

/* a = a * b */
static void run_mul(enum alt_wide wide, union run *a, const union run *b, int64_t n)
{
    for (int64_t i = 0; i < n && wide == ALT_WIDE_F32; i++)
        a->f32[i] *= b->f32[i];
    for (int64_t i = 0; i < n && wide == ALT_WIDE_F64; i++)
        a->f64[i] *= b->f64[i];
    for (int64_t i = 0; i < n && (wide == ALT_WIDE_I64 || wide == ALT_WIDE_U64); i++)
        a->u64[i] *= b->u64[i];
}

/* sum += a */
static void run_add(enum alt_wide wide, union run *sum, const union run *a, int64_t n)
{
    for (int64_t i = 0; i < n && wide == ALT_WIDE_F32; i++)
        sum->f32[i] += a->f32[i];
    for (int64_t i = 0; i < n && wide == ALT_WIDE_F64; i++)
        sum->f64[i] += a->f64[i];
    for (int64_t i = 0; i < n && (wide == ALT_WIDE_I64 || wide == ALT_WIDE_U64); i++)
        sum->u64[i] += a->u64[i];
}

/* The next point of the summed labels; `at` are the operands' places. */
static void next_point(const struct plan *p, int64_t *index, const char **at)
{
    for (int d = p->sum_rank - 1; d >= 0; d--) {
        bool wraps = ++index[d] == p->sum_extent[d];
        for (int i = 0; i < p->n_in; i++)
            at[i] += wraps ? -(p->sum_extent[d] - 1) * p->sum_stride[i][d] : p->sum_stride[i][d];
        if (!wraps)
            return;
        index[d] = 0;
    }
}

static void sum_run(const struct plan *p, const char **at, int64_t n, union run *sum)
{
    union run product, factor;
    int64_t index[LABELS] = {0};
    memset(sum, 0, sizeof *sum);
    for (int64_t s = 0; s < p->sums; s++, next_point(p, index, at)) {
        p->load(&product, at[0], p->last_stride[0], n);
        for (int i = 1; i < p->n_in; i++) {
            p->load(&factor, at[i], p->last_stride[i], n);
            run_mul(p->wide, &product, &factor, n);
        }
        run_add(p->wide, sum, &product, n);
    }
}

static void einsum(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    for (int64_t tile = args->begin; tile < args->end; tile++) {
        int64_t row = tile / p->blocks, first = tile % p->blocks * BLOCK, rest = row;
        int64_t n = p->n - first < BLOCK ? p->n - first : BLOCK;
        const char *at[MAX_TERMS];
        for (int i = 0; i < p->n_in; i++)
            at[i] = (const char *)args->operand[i].data + first * p->last_stride[i] * p->size;
        for (int d = p->out_rank - 1; d >= 0; rest /= p->out_extent[d--])
            for (int i = 0; i < p->n_in; i++)
                at[i] += rest % p->out_extent[d] * p->out_stride[i][d];
        union run sum;
        sum_run(p, at, n, &sum);
        p->store((char *)args->operand[p->n_in].data + (row * p->n + first) * p->size, 1, &sum, n);
    }
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "einsum", .fn = einsum, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_wide_load(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_einsum = {.infer = infer, .select = choose};
