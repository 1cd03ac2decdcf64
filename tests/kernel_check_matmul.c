/* kernel_check_matmul.c: MatMul with broadcast batches, and Gemm. */
#include "tests/kernel_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A vector becomes a matrix: a row on the left, a column on the right. */
static struct kc_tensor as_matrix(const struct kc_tensor *t, bool left)
{
    struct kc_tensor m = *t;
    if (t->rank != 1)
        return m;
    m.rank = 2;
    m.dim[0] = left ? 1 : t->dim[0];
    m.dim[1] = left ? t->dim[0] : 1;
    return m;
}

/* Batch axes of a matrix. */
static struct kc_tensor batch_of(const struct kc_tensor *m)
{
    struct kc_tensor b = *m;
    b.rank -= 2;
    return b;
}

static void dot(struct kc_tensor *out, int64_t at, const double *a, int64_t a_step, const double *b, int64_t b_step,
                int64_t k)
{
    long double sum = 0;
    for (int64_t i = 0; i < k; i++) {
        double term = a[i * a_step] * b[i * b_step];
        sum += (long double)term;
        out->weight[at] += fabs(term);
    }
    out->value[at] = (double)sum;
}

static void matmul_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                             struct kc_tensor *out)
{
    (void)c;
    (void)node;
    struct kc_tensor a = as_matrix(&in[0], true), b = as_matrix(&in[1], false);
    struct kc_tensor batches[2] = {batch_of(&a), batch_of(&b)}, batch = {.rank = -1};
    kc_out_broadcast(&batch, 2, batches, false);
    int64_t m = a.dim[a.rank - 2], k = a.dim[a.rank - 1], n = b.dim[b.rank - 1], dims[ALT_MAX_RANK];
    int rank = batch.rank;
    memcpy(dims, batch.dim, sizeof batch.dim);
    if (in[0].rank > 1)
        dims[rank++] = m;
    if (in[1].rank > 1)
        dims[rank++] = n;
    kc_out(out, rank, dims, true);
    for (int64_t i = 0; i < out->count; i++) {
        int64_t which = i / (m * n), row = i / n % m, column = i % n;
        const double *x = a.value + kc_broadcast_index(&batches[0], &batch, which) * m * k + row * k;
        const double *y = b.value + kc_broadcast_index(&batches[1], &batch, which) * k * n + column;
        dot(out, i, x, 1, y, n, k);
    }
    free(batch.value);
}

static void gemm_reference(const struct kc_case *c, const struct alt_node *node, const struct kc_tensor *in,
                           struct kc_tensor *out)
{
    bool ta = alt_attr_int(node, "transA", 0), tb = alt_attr_int(node, "transB", 0);
    double alpha = (double)alt_attr_float(node, "alpha", 1), beta = (double)alt_attr_float(node, "beta", 1);
    const struct kc_tensor *bias = c->n_in > 2 && in[2].rank >= 0 ? &in[2] : NULL;
    int64_t m = in[0].dim[ta], k = in[0].dim[!ta], n = in[1].dim[!tb];
    kc_out(out, 2, (int64_t[]){m, n}, true);
    for (int64_t i = 0; i < out->count; i++) {
        const double *a = in[0].value + i / n * (ta ? 1 : k), *b = in[1].value + i % n * (tb ? k : 1);
        dot(out, i, a, ta ? m : 1, b, tb ? 1 : n, k);
        double add = bias ? beta * bias->value[kc_broadcast_index(bias, out, i)] : 0;
        out->value[i] = alpha * out->value[i] + add;
        out->weight[i] = fabs(alpha) * out->weight[i] + fabs(add);
    }
}

struct row {
    int a_rank, b_rank;
    int64_t a[5], b[5];
};

static const struct row rows[] = {
    {2, 2, {1, 1}, {1, 1}},
    {2, 2, {3, 5}, {5, 7}},
    {2, 2, {6, 16}, {16, 16}},
    {2, 2, {128, 64}, {64, 96}},
    {2, 2, {67, 131}, {131, 71}},
    {2, 2, {1, 257}, {257, 33}},
    {2, 2, {37, 300}, {300, 1}},
    {2, 2, {5, 1000}, {1000, 3}},
    {2, 2, {4, 0}, {0, 3}},
    {2, 2, {0, 3}, {3, 4}},
    {1, 1, {9}, {9}},
    {1, 2, {31}, {31, 17}},
    {2, 1, {13, 29}, {29}},
    {1, 3, {6}, {2, 6, 5}},
    {3, 1, {2, 3, 7}, {7}},
    {3, 3, {4, 3, 8}, {4, 8, 5}},
    {4, 4, {2, 3, 17, 16}, {2, 3, 16, 17}},
    {4, 2, {2, 3, 4, 5}, {5, 6}},
    {4, 3, {2, 1, 4, 5}, {3, 5, 6}},
    {3, 4, {3, 4, 5}, {2, 1, 5, 3}},
    {5, 2, {2, 1, 2, 3, 4}, {4, 8}},
};

static void matmul_case(struct kc_run *run, const struct row *r, alt_dtype dtype, bool constant, enum kc_fill fill)
{
    struct kc_case c = kc_case("MatMul", 13, matmul_reference);
    struct kc_input *a = kc_in(&c, dtype, r->a_rank, r->a);
    if (fill != KC_UNIFORM)
        a->fill = fill;
    kc_in(&c, dtype, r->b_rank, r->b)->known = constant;
    c.note = constant ? "packed" : NULL;
    c.ulps = 1;
    c.reduction = r->a[r->a_rank - 1];
    kc_check(run, &c);
}

static void gemm_case(struct kc_run *run, const int64_t *mnk, int flags, alt_dtype dtype, int bias_rank)
{
    bool ta = flags & 1, tb = flags & 2, constant = flags & 4, scaled = flags & 8;
    int64_t m = mnk[0], n = mnk[1], k = mnk[2];
    struct kc_case c = kc_case("Gemm", 13, gemm_reference);
    kc_in(&c, dtype, 2, ta ? (int64_t[]){k, m} : (int64_t[]){m, k});
    kc_in(&c, dtype, 2, tb ? (int64_t[]){n, k} : (int64_t[]){k, n})->known = constant;
    static const int biased[] = {-1, 0, 1, 2, 2};
    int64_t shapes[][2] = {{0}, {0}, {n}, {m, 1}, {m, n}};
    if (biased[bias_rank] >= 0)
        kc_in(&c, dtype, biased[bias_rank], shapes[bias_rank])->known = constant;
    kc_attr_int(&c, "transA", ta);
    kc_attr_int(&c, "transB", tb);
    if (scaled) {
        kc_attr_float(&c, "alpha", 0.5);
        kc_attr_float(&c, "beta", -2);
    }
    c.note = constant ? "packed" : NULL;
    c.ulps = 1.5; /* the sum, scaling, adding */
    c.reduction = k + 2;
    kc_check(run, &c);
}

static void random_cases(struct kc_run *run)
{
    for (int i = 0; i < 30; i++) {
        int64_t mnk[3];
        for (int d = 0; d < 3; d++)
            mnk[d] = kc_random(run, 1, kc_random(run, 0, 1) ? 12 : 150);
        gemm_case(run, mnk, (int)kc_random(run, 0, 15), ALT_FLOAT32, (int)kc_random(run, 0, 4));
        struct row r = {2, 2, {mnk[0], mnk[2]}, {mnk[2], mnk[1]}};
        matmul_case(run, &r, ALT_FLOAT32, kc_random(run, 0, 1), KC_UNIFORM);
    }
}

static void matmul_cases(struct kc_run *run)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        matmul_case(run, &rows[i], ALT_FLOAT32, false, KC_UNIFORM);
        matmul_case(run, &rows[i], ALT_FLOAT32, true, KC_UNIFORM);
    }
    static const alt_dtype others[] = {ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16, ALT_INT32,
                                       ALT_UINT32,  ALT_INT64,   ALT_UINT64};
    for (size_t d = 0; d < sizeof others / sizeof others[0]; d++)
        for (size_t i = 1; i < sizeof rows / sizeof rows[0]; i += 3)
            matmul_case(run, &rows[i], others[d], false, KC_UNIFORM);
    matmul_case(run, &rows[4], ALT_FLOAT32, false, KC_NONFINITE);
    matmul_case(run, &rows[16], ALT_FLOAT32, true, KC_NONFINITE);
    for (int flags = 0; flags < 16; flags++)
        gemm_case(run, (int64_t[]){17, 33, 19}, flags, ALT_FLOAT32, flags % 5);
    /* Few rows: some panels a tile, whole or not. */
    for (int m = 1; m < 5; m++)
        for (int n = 0; n < 4; n++)
            gemm_case(run, (int64_t[]){m, (int64_t[]){31, 64, 131, 200}[n], 300}, 4 | (m == 3 ? 8 : 0), n == 1 ? ALT_FLOAT64 : ALT_FLOAT32,
                      (m + n) % 5);
    for (int bias = 0; bias < 5; bias++) {
        gemm_case(run, (int64_t[]){1, 40, 64}, 2 | 4, ALT_FLOAT32, bias);
        gemm_case(run, (int64_t[]){9, 5, 7}, 8, ALT_FLOAT64, bias);
        gemm_case(run, (int64_t[]){9, 5, 70}, 0, ALT_FLOAT16, bias);
        gemm_case(run, (int64_t[]){9, 5, 7}, 1, ALT_BFLOAT16, bias);
        gemm_case(run, (int64_t[]){5, 3, 0}, 0, ALT_FLOAT32, bias);
    }
    random_cases(run);
}

const struct kc_family kc_matmul = {"matmul", matmul_cases};
