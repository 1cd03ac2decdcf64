/* matmul_integer.c: MatMulInteger and QLinearMatMul: products of batches of matrices of 8-bit integers with zero points, one for
 * all, or one for each row of a and each column of b. How sums are made and requantised: q8.h.
 *
 * A tile is one panel of `nr` columns by a share of the rows of one product. */
#include "runtime/infer.h"
#include "runtime/kernels/kern.h"
#include "runtime/ops/data.h"
#include "runtime/ops/matmul.h"
#include "runtime/ops/q8.h"

#include <string.h>

enum { ROWS = 192 /* of a tile: enough to repay widening b, few enough for many tiles */, WIDTH = 64 /* nr at most */ };

/* Which input is what; -1: the operator has no such input. */
struct roles {
    int a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero;
};

static const struct roles *roles_of(const struct alt_node *n)
{
    static const struct roles integer = {0, -1, 2, 1, -1, 3, -1, -1}, qlinear = {0, 1, 2, 3, 4, 5, 6, 7};
    return n->op == ALT_OP_QLINEAR_MATMUL ? &qlinear : &integer;
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
    const struct alt_kern *kern;
    struct part part[PARTS];
    alt_dtype y, y_scale;
    int rank; /* batch axes */
    int64_t extent[ALT_MAX_RANK];
    int64_t m, n, k, a_row, b_row, rows, depth, tiles_m, tiles;
    int64_t at_panel, at_sums, at_acc; /* bytes in scratch; the rows of a are first */
};

/* One tile under way. */
struct tile {
    const struct product *p;
    const struct alt_kargs *args;
    int64_t at[PARTS]; /* where each part of this product starts */
    int64_t i, j, rows, cols;
    float *a, *panel, *sums;
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

static void widen_block(const struct tile *t, int64_t k0, int64_t depth)
{
    const struct product *p = t->p;
    const int64_t nr = p->kern->nr;
    const uint8_t *a = matrix(t, A) + t->i * p->a_row + k0, *b = matrix(t, B) + k0 * p->b_row + t->j;
    int32_t zero[WIDTH];
    for (int64_t i = 0; i < t->rows; i++) {
        const int32_t z = zero_at(t, A_ZERO, t->i + i);
        p->kern->widen(&(struct alt_kern_widen){.x = a + i * p->a_row, .is_signed = p->part[A].dtype == ALT_INT8, .n = depth,
                                                .zero = &z, .out = t->a + i * p->depth});
    }
    for (int64_t j = 0; j < t->cols; j++)
        zero[j] = zero_at(t, B_ZERO, t->j + j);
    for (int64_t k = 0; k < depth; k++) {
        p->kern->widen(&(struct alt_kern_widen){.x = b + k * p->b_row, .is_signed = p->part[B].dtype == ALT_INT8,
                                                .each = true, .n = t->cols, .zero = zero, .out = t->panel + k * nr});
        if (t->cols < nr)
            memset(t->panel + k * nr + t->cols, 0, (size_t)(nr - t->cols) * sizeof(float));
    }
}

static void put_rows(const struct tile *t, char *y)
{
    const struct product *p = t->p;
    const int64_t size = (int64_t)alt_dtype_size(p->y);
    float scale[WIDTH];
    struct alt_kern_narrow how = {.factor = scale, .each = true};
    if (p->y != ALT_INT32)
        how.zero = alt_q8_zero(&t->args->operand[p->roles->y_zero], p->y, 0);
    for (int64_t i = 0; i < t->rows; i++) {
        for (int64_t j = 0; p->y != ALT_INT32 && j < t->cols; j++)
            scale[j] = scale_at(t, A_SCALE, t->i + i) * scale_at(t, B_SCALE, t->j + j) /
                       alt_q8_scale(&t->args->operand[p->roles->y_scale], p->y_scale, 0);
        alt_q8_put(p->kern, p->y, &how, t->acc + i * p->kern->nr, t->cols, y + ((t->i + i) * p->n + t->j) * size);
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
        widen_block(t, k, depth);
        alt_q8_add(&(struct alt_q8_block){.kern = p->kern, .rows = t->rows, .depth = depth, .a = t->a, .a_row = p->depth,
                                          .panel = t->panel, .sums = t->sums, .acc = t->acc, .first = k == 0});
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
        t.a = (float *)(void *)scratch;
        t.panel = (float *)(void *)(scratch + p->at_panel);
        t.sums = (float *)(void *)(scratch + p->at_sums);
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

static alt_status read_product(struct alt_kernel_bind *bind, struct product *p)
{
    const struct roles *r = roles_of(bind->node);
    const struct alt_operand *a = &bind->in[r->a], *b = &bind->in[r->b], *y = &bind->out[0];
    p->roles = r;
    p->kern = alt_kern_f32();
    p->y = y->dtype;
    p->m = a->rank > 1 ? a->dim[a->rank - 2] : 1;
    p->n = b->rank > 1 ? b->dim[b->rank - 1] : 1;
    p->k = a->dim[a->rank - 1];
    p->a_row = a->rank > 1 ? a->stride[a->rank - 2] : 0;
    p->b_row = b->rank > 1 ? b->stride[b->rank - 2] : b->stride[0];
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
    if (r->y_scale < 0)
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
    p->depth = p->k < ALT_Q8_DEPTH ? p->k : ALT_Q8_DEPTH;
    const int64_t shares = (p->m + ROWS - 1) / ROWS;
    p->rows = (p->m + shares - 1) / shares;
    p->tiles_m = (p->m + p->rows - 1) / p->rows;
    p->tiles = p->tiles_m * ((p->n + nr - 1) / nr);
    const int64_t line = ALT_ALIGN / 4; /* elements */
    p->at_panel = (p->rows * p->depth + line - 1) / line * ALT_ALIGN;
    p->at_sums = p->at_panel + p->depth * nr * 4;
    p->at_acc = p->at_sums + p->rows * nr * 4;
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
    fits &= r->y_zero < 0 || alt_q8_type(sel->in[r->y_zero].dtype);
    if (!fits)
        return alt_select_unsupported(sel);
    *out = &kernel;
    return ALT_OK;
}

/* A scale, where the operator has one: float32, float16 or bfloat16. */
static alt_status expect_scale(struct alt_infer *inf, int i)
{
    if (i < 0)
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
    if (r->y_zero >= 0) {
        ALT_CHECK(alt_infer_expect(inf, r->y_zero, ALT_CLASS_INT | ALT_CLASS_SMALL));
        to = inf->in[r->y_zero]->dtype;
    }
    ALT_CHECK(alt_matmul_infer(inf, r->a, r->b, &y));
    alt_infer_set(inf, 0, to, &y);
    return ALT_OK;
}

const struct alt_op_impl alt_op_matmul_integer = {.infer = infer, .select = choose};
