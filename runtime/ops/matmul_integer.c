/* matmul_integer.c: MatMulInteger, QLinearMatMul and onnxruntime's QGemm: products of batches of matrices of 8-bit integers with
 * zero points, one for all, or one for each row of a and each column of b. How sums are made and requantised: q8.h.
 *
 * QGemm is alpha * A' B' + C with C int32 in the scale of the sums; without a scale of y, the result is float32.
 * A tile is one panel of `nr` columns by a share of the rows of one product. */
#include "runtime/infer.h"
#include "runtime/kernels/kern.h"
#include "runtime/ops/data.h"
#include "runtime/ops/matmul.h"
#include "runtime/ops/q8.h"

#include <string.h>

enum {
    ROWS = 192, /* of a tile: enough to repay weaving b, few enough for many tiles */
    DEPTH = 512,
    WIDTH = 64  /* nr at most */
};

/* Which input is what; -1: the operator has no such input. */
struct roles {
    int a, a_scale, a_zero, b, b_scale, b_zero, bias, y_scale, y_zero;
};

static const struct roles *roles_of(const struct alt_node *n)
{
    static const struct roles integer = {0, -1, 2, 1, -1, 3, -1, -1, -1}, qlinear = {0, 1, 2, 3, 4, 5, -1, 6, 7};
    static const struct roles gemm = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    return n->op == ALT_OP_QGEMM ? &gemm : n->op == ALT_OP_QLINEAR_MATMUL ? &qlinear : &integer;
}

/* A matrix, or a scale or zero point: strides of the batch axes and along its rows or columns; 0 where it repeats. */
struct part {
    int input; /* -1: there is none */
    alt_dtype dtype;
    int64_t batch[ALT_MAX_RANK], step;
};

enum { A, B, A_SCALE, B_SCALE, A_ZERO, B_ZERO, PARTS };

struct product {
    const struct roles *roles;
    const struct alt_kern_int *kern;
    struct part part[PARTS];
    alt_dtype y, y_scale;
    int rank; /* batch axes */
    int64_t extent[ALT_MAX_RANK];
    int64_t m, n, k, a_row, a_col, b_row, b_col, rows, depth, tiles_m, tiles;
    bool bias;
    int64_t bias_row, bias_col;
    float alpha;
    int64_t at_panel, at_acc; /* bytes in scratch; the rows of a are first */
};

/* One tile under way. */
struct tile {
    const struct product *p;
    const struct alt_kargs *args;
    int64_t at[PARTS]; /* where each part of this product starts */
    int64_t i, j, rows, cols;
    int16_t *a, *panel; /* [rows][depth], [depth / 2][nr][2] */
    int32_t *acc;
};

static int32_t zero_at(const struct tile *t, int part, int64_t i)
{
    const struct part *z = &t->p->part[part];
    return z->input < 0 ? 0 : alt_q8_zero(&t->args->operand[z->input], z->dtype, t->at[part] + i * z->step);
}

static float scale_at(const struct tile *t, int part, int64_t i)
{
    const struct part *s = &t->p->part[part];
    return alt_q8_scale(&t->args->operand[s->input], s->dtype, t->at[part] + i * s->step);
}

static const uint8_t *matrix(const struct tile *t, int part)
{
    return (const uint8_t *)t->args->operand[t->p->part[part].input].data + t->at[part];
}

/* n elements `step` apart, less a zero point. */
static void widen(const struct tile *t, int part, const uint8_t *x, int64_t step, int64_t n, int32_t zero, int64_t apart, int16_t *out)
{
    const bool is_signed = t->p->part[part].dtype == ALT_INT8;
    if (step == 1 && apart == 1) {
        t->p->kern->widen(&(struct alt_kern_short){.x = x, .is_signed = is_signed, .n = n, .zero = zero, .out = out});
        return;
    }
    for (int64_t i = 0; i < n; i++)
        out[i * apart] = (int16_t)((is_signed ? (int8_t)x[i * step] : x[i * step]) - zero);
}

static void widen_a(const struct tile *t, int64_t k0, int64_t depth)
{
    const struct product *p = t->p;
    const uint8_t *a = matrix(t, A) + t->i * p->a_row + k0 * p->a_col;
    for (int64_t i = 0; i < t->rows; i++) {
        widen(t, A, a + i * p->a_row, p->a_col, depth, zero_at(t, A_ZERO, t->i + i), 1, t->a + i * p->depth);
        if (depth % 2)
            t->a[i * p->depth + depth] = 0;
    }
}

/* The panel of b: pairs of rows at once where those are side by side and share a zero point, else column by column. */
static void weave_b(const struct tile *t, int64_t k0, int64_t depth)
{
    const struct product *p = t->p;
    const int64_t nr = p->kern->nr, paired = p->b_col == 1 && p->part[B_ZERO].step == 0 && t->cols == nr ? depth / 2 * 2 : 0;
    const uint8_t *b = matrix(t, B) + k0 * p->b_row + t->j * p->b_col;
    const int32_t zero = zero_at(t, B_ZERO, t->j);
    for (int64_t k = 0; k < paired; k += 2)
        p->kern->weave(&(struct alt_kern_short){b + k * p->b_row, b + (k + 1) * p->b_row, p->part[B].dtype == ALT_INT8, nr, zero,
                                                t->panel + k * nr});
    if (paired == depth)
        return;
    memset(t->panel + paired * nr, 0, (size_t)((depth - paired + 1) / 2 * 2 * nr) * sizeof *t->panel);
    for (int64_t j = 0; j < t->cols; j++)
        for (int64_t odd = 0; odd < 2; odd++)
            widen(t, B, b + (paired + odd) * p->b_row + j * p->b_col, 2 * p->b_row, (depth - paired + 1 - odd) / 2,
                  zero_at(t, B_ZERO, t->j + j), 2 * nr, t->panel + paired * nr + 2 * j + odd);
}

static void add_bias(const struct tile *t, int64_t i, uint32_t *sum)
{
    const struct product *p = t->p;
    const uint32_t *bias = t->args->operand[p->roles->bias].data;
    for (int64_t j = 0; j < t->cols; j++)
        sum[j] += bias[(t->i + i) * p->bias_row + (t->j + j) * p->bias_col];
}

/* The factors of one row: alpha times the scales. */
static void row_factors(const struct tile *t, int64_t i, float *factor)
{
    const struct product *p = t->p;
    const struct alt_koperand *y = p->y == ALT_FLOAT32 ? NULL : &t->args->operand[p->roles->y_scale];
    for (int64_t j = 0; j < t->cols; j++) {
        factor[j] = p->alpha * scale_at(t, A_SCALE, t->i + i) * scale_at(t, B_SCALE, t->j + j);
        if (y)
            factor[j] /= alt_q8_scale(y, p->y_scale, 0);
    }
}

static void put_rows(const struct tile *t, char *y)
{
    const struct product *p = t->p;
    const int64_t size = (int64_t)alt_dtype_size(p->y);
    float factor[WIDTH];
    struct alt_kern_narrow how = {.factor = factor, .each = true};
    if (alt_q8_type(p->y))
        how.zero = alt_q8_zero(&t->args->operand[p->roles->y_zero], p->y, 0);
    for (int64_t i = 0; i < t->rows; i++) {
        int32_t *sum = t->acc + i * p->kern->nr;
        char *to = y + ((t->i + i) * p->n + t->j) * size;
        if (p->bias)
            add_bias(t, i, (uint32_t *)sum);
        if (p->y != ALT_INT32)
            row_factors(t, i, factor);
        if (p->y != ALT_FLOAT32)
            alt_q8_put(p->kern, p->y, &how, sum, t->cols, to);
        for (int64_t j = 0; p->y == ALT_FLOAT32 && j < t->cols; j++)
            ((float *)(void *)to)[j] = (float)sum[j] * factor[j];
    }
}

static void run_tile(struct tile *t, int64_t product)
{
    const struct product *p = t->p;
    int64_t rest = product;
    for (int d = p->rank - 1; d >= 0; d--) {
        for (int i = 0; i < PARTS; i++)
            t->at[i] += rest % p->extent[d] * p->part[i].batch[d];
        rest /= p->extent[d];
    }
    int64_t k = 0;
    do {
        const int64_t depth = p->k - k < p->depth ? p->k - k : p->depth;
        widen_a(t, k, depth);
        weave_b(t, k, depth);
        p->kern->dot(&(struct alt_kern_dot){.m = t->rows, .k = (depth + 1) / 2 * 2, .a = t->a, .a_row = p->depth, .b = t->panel,
                                            .c = t->acc, .c_row = p->kern->nr, .accumulate = k > 0});
        k += depth;
    } while (k < p->k);
    put_rows(t, (char *)t->args->operand[t->args->operand_count - 1].data +
                    product * p->m * p->n * (int64_t)alt_dtype_size(p->y));
}

static void run(const struct alt_kargs *args)
{
    const struct product *p = args->params;
    const int64_t nr = p->kern->nr;
    char *scratch = args->scratch;
    for (int64_t at = args->begin; at < args->end; at++) {
        const int64_t tile = at % p->tiles;
        struct tile t = {.p = p, .args = args, .i = tile % p->tiles_m * p->rows, .j = tile / p->tiles_m * nr};
        t.rows = p->m - t.i < p->rows ? p->m - t.i : p->rows;
        t.cols = p->n - t.j < nr ? p->n - t.j : nr;
        t.a = (int16_t *)(void *)scratch;
        t.panel = (int16_t *)(void *)(scratch + p->at_panel);
        t.acc = (int32_t *)(void *)(scratch + p->at_acc);
        run_tile(&t, at / p->tiles);
    }
}

/* A matrix: batch strides alone. */
static void read_matrix(const struct alt_kernel_bind *bind, struct product *p, int part, int input)
{
    struct part *m = &p->part[part];
    m->input = input;
    m->dtype = bind->in[input].dtype;
    for (int d = 0; d < p->rank; d++)
        m->batch[d] = alt_matmul_stride(&bind->in[input], p->rank, d);
}

/* A scale or zero point: one number, one for each of `count` rows (axis -2) or columns (axis -1), or such ones for each product of
 * the batch. */
static alt_status read_param(struct alt_kernel_bind *bind, struct product *p, int part, int input, int64_t count, int axis)
{
    const struct alt_operand *o = input >= 0 ? alt_operand_at(bind->in, bind->n_in, input) : NULL;
    struct part *m = &p->part[part];
    m->input = o ? input : -1;
    if (!o)
        return ALT_OK;
    m->dtype = o->dtype;
    if (alt_operand_count(o) == 1)
        return ALT_OK;
    m->step = 1;
    if (o->rank == 1 && o->dim[0] == count)
        return ALT_OK;
    const int own = o->rank + axis, other = o->rank - 3 - axis;
    bool fits = o->rank >= 2 && o->rank - 2 <= p->rank && o->dim[other] == 1 && (o->dim[own] == 1 || o->dim[own] == count);
    for (int d = 0; fits && d < p->rank; d++) {
        const int a = d - p->rank + o->rank - 2;
        fits = a < 0 || o->dim[a] == 1 || o->dim[a] == p->extent[d];
        m->batch[d] = fits ? alt_matmul_stride(o, p->rank, d) : 0;
    }
    m->step = fits && o->dim[own] == count ? o->stride[own] : 0;
    return fits ? ALT_OK : alt_bind_fail(bind, ALT_E_SHAPE, "input %d must be one number, or one for each row of a or column of b",
                                         input);
}

static bool transposed(const struct alt_node *n, const char *which)
{
    return n->op == ALT_OP_QGEMM && alt_attr_int(n, which, 0) != 0;
}

static void read_extents(struct product *p, const struct alt_node *n, const struct alt_operand *a, const struct alt_operand *b)
{
    const bool ta = transposed(n, "transA"), tb = transposed(n, "transB");
    const int64_t a_rows = a->rank > 1 ? a->dim[a->rank - 2] : 1, a_cols = a->dim[a->rank - 1];
    const int64_t b_rows = b->rank > 1 ? b->dim[b->rank - 2] : b->dim[0], b_cols = b->rank > 1 ? b->dim[b->rank - 1] : 1;
    p->m = ta ? a_cols : a_rows;
    p->k = ta ? a_rows : a_cols;
    p->n = tb ? b_rows : b_cols;
    p->a_row = ta ? 1 : a_cols; /* operands are dense */
    p->a_col = ta ? a_cols : 1;
    p->b_row = tb ? 1 : b_cols;
    p->b_col = tb ? b_cols : 1;
}

/* C, whose extents are those of y or 1. */
static void read_bias(const struct alt_kernel_bind *bind, struct product *p)
{
    const struct alt_operand *c = p->roles->bias >= 0 ? alt_operand_at(bind->in, bind->n_in, p->roles->bias) : NULL;
    p->bias = c != NULL;
    if (!c)
        return;
    p->bias_col = c->rank > 0 && c->dim[c->rank - 1] != 1 ? c->stride[c->rank - 1] : 0;
    p->bias_row = c->rank > 1 && c->dim[c->rank - 2] != 1 ? c->stride[c->rank - 2] : 0;
}

static alt_status read_product(struct alt_kernel_bind *bind, struct product *p)
{
    const struct roles *r = roles_of(bind->node);
    const struct alt_operand *a = &bind->in[r->a], *b = &bind->in[r->b], *y = &bind->out[0];
    p->roles = r;
    p->kern = alt_kern_i8();
    p->y = y->dtype;
    p->alpha = alt_attr_float(bind->node, "alpha", 1);
    read_extents(p, bind->node, a, b);
    p->rank = (a->rank > b->rank ? a->rank : b->rank) - 2;
    p->rank = p->rank > 0 ? p->rank : 0;
    for (int d = 0; d < p->rank; d++)
        p->extent[d] = y->dim[d];
    read_matrix(bind, p, A, r->a);
    read_matrix(bind, p, B, r->b);
    ALT_CHECK(read_param(bind, p, A_SCALE, r->a_scale, p->m, -2));
    ALT_CHECK(read_param(bind, p, A_ZERO, r->a_zero, p->m, -2));
    ALT_CHECK(read_param(bind, p, B_SCALE, r->b_scale, p->n, -1));
    ALT_CHECK(read_param(bind, p, B_ZERO, r->b_zero, p->n, -1));
    read_bias(bind, p);
    if (!alt_q8_type(p->y))
        return ALT_OK;
    p->y_scale = bind->in[r->y_scale].dtype;
    if (alt_operand_count(&bind->in[r->y_scale]) != 1 || alt_operand_count(&bind->in[r->y_zero]) != 1)
        return alt_bind_fail(bind, ALT_E_SHAPE, "the scale and zero point of y must be one number each");
    return ALT_OK;
}

static int bind(struct alt_kernel_bind *bind)
{
    struct product *p = alt_arena_alloc(bind->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    ALT_CHECK(read_product(bind, p));
    const int64_t nr = p->kern->nr, count = alt_dims_count(p->rank, p->extent);
    bind->params = p;
    if (p->m == 0 || p->n == 0 || count == 0) {
        bind->range = 0;
        return ALT_OK;
    }
    p->depth = alt_clamp((p->k + 1) / 2 * 2, 2, DEPTH);
    const int64_t shares = (p->m + ROWS - 1) / ROWS;
    p->rows = (p->m + shares - 1) / shares;
    p->tiles_m = (p->m + p->rows - 1) / p->rows;
    p->tiles = p->tiles_m * ((p->n + nr - 1) / nr);
    const int64_t line = ALT_ALIGN / 2; /* elements */
    p->at_panel = (p->rows * p->depth + line - 1) / line * ALT_ALIGN;
    p->at_acc = p->at_panel + p->depth * nr * 2;
    bind->range = count * p->tiles;
    bind->flops = 2.0 * (double)p->m * (double)p->n * (double)p->k * (double)count;
    bind->scratch = (size_t)(p->at_acc + p->rows * nr * 4);
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "matmul_integer", .fn = run, .bind = bind};
    const struct roles *r = roles_of(sel->node);
    bool fits = alt_q8_type(sel->in[r->a].dtype) && alt_q8_type(sel->in[r->b].dtype) && !sel->out[0].layout;
    for (int i = 0; i < sel->n_in; i++)
        fits &= !sel->in[i].layout;
    fits &= sel->out[0].dtype == ALT_INT32 || sel->out[0].dtype == ALT_FLOAT32 || alt_q8_type(sel->out[0].dtype);
    if (!fits)
        return alt_select_unsupported(sel);
    *out = &kernel;
    return ALT_OK;
}

/* A scale, where the operator has one: float32, float16 or bfloat16. */
static alt_status expect_scale(struct alt_infer *inf, int i)
{
    if (i < 0 || (inf->node->op == ALT_OP_QGEMM && i == roles_of(inf->node)->y_scale && !alt_infer_has(inf, i)))
        return ALT_OK;
    ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_FLOAT));
    return inf->in[i]->dtype == ALT_FLOAT64 ? alt_infer_fail(inf, ALT_E_MODEL, "scales cannot be float64") : ALT_OK;
}

/* A zero point, of the type of its matrix. */
static alt_status expect_zero(struct alt_infer *inf, int i, int matrix_input)
{
    if (!alt_infer_has(inf, i))
        return ALT_OK;
    ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_INT | ALT_CLASS_SMALL));
    return alt_infer_same_dtype(inf, matrix_input, i);
}

/* The shape of QGemm's y; C must go into it. */
static alt_status gemm_shape(struct alt_infer *inf, struct alt_shape *y)
{
    const struct roles *r = roles_of(inf->node);
    const struct alt_shape *a = &inf->in[r->a]->shape, *b = &inf->in[r->b]->shape;
    const bool ta = transposed(inf->node, "transA"), tb = transposed(inf->node, "transB");
    *y = (struct alt_shape){2, {alt_dim_unknown(inf->dims), alt_dim_unknown(inf->dims)}};
    if ((a->rank >= 0 && a->rank != 2) || (b->rank >= 0 && b->rank != 2))
        return alt_infer_fail(inf, ALT_E_SHAPE, "A and B must be matrices");
    if (a->rank == 2)
        y->dim[0] = a->dim[ta];
    if (b->rank == 2)
        y->dim[1] = b->dim[!tb];
    if (a->rank == 2 && b->rank == 2 && alt_dim_known(a->dim[!ta]) && alt_dim_known(b->dim[tb]) && a->dim[!ta] != b->dim[tb])
        return alt_infer_fail(inf, ALT_E_SHAPE, "the inner extents of A and B differ");
    if (!alt_infer_has(inf, r->bias))
        return ALT_OK;
    const struct alt_type *c = inf->in[r->bias];
    bool fits = c->shape.rank <= 2;
    for (int d = 0; fits && d < c->shape.rank; d++) {
        const alt_dim own = c->shape.dim[d], whole = y->dim[2 - c->shape.rank + d];
        fits = own == 1 || !alt_dim_known(own) || !alt_dim_known(whole) || own == whole;
    }
    return fits && c->dtype == ALT_INT32 ? ALT_OK : alt_infer_fail(inf, ALT_E_SHAPE, "C must be int32 and fit the result");
}

static alt_status infer(struct alt_infer *inf)
{
    const struct roles *r = roles_of(inf->node);
    struct alt_shape y;
    alt_dtype to = ALT_INT32;
    ALT_CHECK(alt_infer_expect(inf, r->a, ALT_CLASS_INT | ALT_CLASS_SMALL));
    ALT_CHECK(alt_infer_expect(inf, r->b, ALT_CLASS_INT | ALT_CLASS_SMALL));
    ALT_CHECK(expect_scale(inf, r->a_scale));
    ALT_CHECK(expect_scale(inf, r->b_scale));
    ALT_CHECK(expect_scale(inf, r->y_scale));
    ALT_CHECK(expect_zero(inf, r->a_zero, r->a));
    ALT_CHECK(expect_zero(inf, r->b_zero, r->b));
    if (inf->node->op == ALT_OP_QGEMM && !alt_infer_has(inf, r->y_scale)) {
        to = ALT_FLOAT32;
    } else if (r->y_zero >= 0) {
        ALT_CHECK(alt_infer_expect(inf, r->y_zero, ALT_CLASS_INT | ALT_CLASS_SMALL));
        to = inf->in[r->y_zero]->dtype;
    }
    ALT_CHECK(inf->node->op == ALT_OP_QGEMM ? gemm_shape(inf, &y) : alt_matmul_infer(inf, r->a, r->b, &y));
    alt_infer_set(inf, 0, to, &y);
    return ALT_OK;
}

const struct alt_op_impl alt_op_matmul_integer = {.infer = infer, .select = choose};
