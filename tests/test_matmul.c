/* MatMul and Gemm against sums in double, over shapes that meet every edge of the tiles. */
#include "tests/op_check.h"

#include "tests/cmocka_all.h"

#include <stdio.h>

/* The same bits from inputs whose axes lie in memory in reverse order. */
static void check_strided(struct op_check *c)
{
    const struct alt_layout *plain[3] = {NULL, NULL, NULL};
    struct alt_tensor y;
    assert_int_equal(op_run_layouts(c, plain, plain, true, &y), ALT_OK);
    op_expect_same(&c->out[0], &y);
}

static const alt_dtype types[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16,
                                  ALT_INT32,   ALT_INT64,   ALT_UINT32,  ALT_UINT64};
enum { TYPES = sizeof types / sizeof *types };

static void check_matmul(alt_dtype dtype, int64_t m, int64_t k, int64_t n)
{
    struct op_check c;
    op_begin(&c, "MatMul", 13);
    const struct alt_tensor *a = op_in(&c, dtype, false, 2, (int64_t[]){m, k});
    const struct alt_tensor *b = op_in(&c, dtype, false, 2, (int64_t[]){k, n});
    assert_int_equal(op_run(&c), ALT_OK);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double want = 0;
            for (int64_t l = 0; l < k; l++)
                want += op_get(a, i * k + l) * op_get(b, l * n + j);
            op_expect(op_get(&c.out[0], i * n + j), want, op_tolerance(dtype, k), i * n + j);
        }
    check_strided(&c);
    op_end(&c);
}

static void matmul_sizes(void **state)
{
    (void)state;
    static const int64_t extents[] = {1, 2, 7, 16, 33};
    for (int t = 0; t < TYPES; t++)
        for (int i = 0; i < 5; i++)
            for (int j = 0; j < 5; j++)
                for (int l = 0; l < 5; l++)
                    check_matmul(types[t], extents[i], extents[l], extents[j]);
    /* several blocks of the reduction, several shares of rows, in place and packed */
    for (int t = 0; t < 4; t++) {
        check_matmul(types[t], 1, 700, 70);
        check_matmul(types[t], 9, 513, 37);
        check_matmul(types[t], 401, 20, 5);
        check_matmul(types[t], 389, 257, 3);
        check_matmul(types[t], 3, 0, 5);
    }
}

struct batch_case {
    int a_rank, b_rank, y_rank;
    int64_t a[5], b[5], y[5];
};

/* Offset of batch `index` (row-major over y's leading axes) in an operand. */
static int64_t batch_offset(const struct batch_case *s, const int64_t *dim, int rank, int64_t index)
{
    const int batch = (s->a_rank > s->b_rank ? s->a_rank : s->b_rank) - 2;
    int64_t at = 0, step = rank > 1 ? dim[rank - 1] * dim[rank - 2] : 0;
    for (int i = batch - 1; i >= 0; i--) {
        const int axis = i - batch + rank - 2;
        if (axis >= 0) {
            at += dim[axis] == 1 ? 0 : index % s->y[i] * step;
            step *= dim[axis];
        }
        index /= s->y[i];
    }
    return at;
}

static void check_batch(const struct batch_case *s)
{
    struct op_check c;
    op_begin(&c, "MatMul", 13);
    const struct alt_tensor *a = op_in(&c, ALT_FLOAT32, true, s->a_rank, s->a);
    const struct alt_tensor *b = op_in(&c, ALT_FLOAT32, true, s->b_rank, s->b);
    assert_int_equal(op_run(&c), ALT_OK);
    assert_int_equal(c.out[0].rank, s->y_rank);
    for (int i = 0; i < s->y_rank; i++)
        assert_int_equal(c.out[0].dim[i], s->y[i]);
    const int64_t m = s->a_rank > 1 ? s->a[s->a_rank - 2] : 1, n = s->b_rank > 1 ? s->b[s->b_rank - 1] : 1;
    const int64_t k = s->a[s->a_rank - 1], count = alt_tensor_count(&c.out[0]);
    for (int64_t e = 0; e < count; e++) {
        const int64_t batch = e / (m * n), i = e / n % m, j = e % n;
        double want = 0;
        for (int64_t l = 0; l < k; l++)
            want += op_get(a, batch_offset(s, s->a, s->a_rank, batch) + i * k + l) *
                    op_get(b, batch_offset(s, s->b, s->b_rank, batch) + l * n + j);
        op_expect(op_get(&c.out[0], e), want, 0, e);
    }
    check_strided(&c);
    op_end(&c);
}

static void matmul_batches(void **state)
{
    (void)state;
    static const struct batch_case cases[] = {
        {3, 3, 3, {4, 5, 6}, {4, 6, 7}, {4, 5, 7}},
        {3, 2, 3, {4, 5, 6}, {6, 7}, {4, 5, 7}},
        {2, 3, 3, {5, 6}, {4, 6, 7}, {4, 5, 7}},
        {4, 4, 4, {2, 1, 5, 6}, {1, 3, 6, 20}, {2, 3, 5, 20}},
        {5, 3, 5, {2, 3, 2, 5, 6}, {2, 6, 40}, {2, 3, 2, 5, 40}},
        {4, 4, 4, {2, 3, 5, 6}, {2, 1, 6, 40}, {2, 3, 5, 40}},
        {1, 2, 1, {6}, {6, 35}, {35}},
        {2, 1, 1, {35, 6}, {6}, {35}},
        {1, 1, 0, {6}, {6}, {0}},
        {1, 4, 3, {6}, {2, 3, 6, 4}, {2, 3, 4}},
        {4, 1, 3, {2, 3, 4, 6}, {6}, {2, 3, 4}},
        {3, 3, 3, {0, 5, 6}, {1, 6, 7}, {0, 5, 7}},
        {2, 2, 2, {0, 6}, {6, 7}, {0, 7}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_batch(&cases[i]);
}

static void matmul_refuses(void **state)
{
    (void)state;
    struct op_check c;
    op_begin(&c, "MatMul", 13);
    op_in(&c, ALT_FLOAT32, true, 2, (int64_t[]){3, 4});
    op_in(&c, ALT_FLOAT32, true, 2, (int64_t[]){5, 3});
    assert_int_equal(op_run(&c), ALT_E_SHAPE);
    op_end(&c);
    op_begin(&c, "MatMul", 13);
    op_in(&c, ALT_FLOAT32, true, 3, (int64_t[]){3, 2, 4});
    op_in(&c, ALT_FLOAT32, true, 3, (int64_t[]){2, 4, 3});
    assert_int_equal(op_run(&c), ALT_E_SHAPE);
    op_end(&c);
    op_begin(&c, "MatMul", 13);
    op_in(&c, ALT_FLOAT32, true, 2, (int64_t[]){3, 4});
    op_in(&c, ALT_FLOAT64, true, 2, (int64_t[]){4, 3});
    assert_int_equal(op_run(&c), ALT_E_MODEL);
    op_end(&c);
}

/* An inner extent that is not a number is not the same every time: NaN and infinity go through. */
static void matmul_special(void **state)
{
    (void)state;
    struct op_check c;
    op_begin(&c, "MatMul", 13);
    const float inf = 1.0f / 0.0f, a[] = {1, inf, 0, 2}, b[] = {1, 0, 0, 1};
    op_in_data(&c, ALT_FLOAT32, 2, (int64_t[]){2, 2}, a);
    op_in_data(&c, ALT_FLOAT32, 2, (int64_t[]){2, 2}, b);
    assert_int_equal(op_run(&c), ALT_OK);
    op_expect(op_get(&c.out[0], 0), (double)inf * 0, 0, 0); /* 1 * 1 + inf * 0 */
    op_expect(op_get(&c.out[0], 1), (double)inf, 0, 1);
    op_expect(op_get(&c.out[0], 2), 0, 0, 2);
    op_expect(op_get(&c.out[0], 3), 2, 0, 3);
    op_end(&c);
}

struct gemm_case {
    alt_dtype dtype;
    int64_t m, n, k;
    bool trans_a, trans_b;
    float alpha, beta;
    int c_rank; /* -1: none */
    int64_t c[2];
};

static void check_gemm(const struct gemm_case *s)
{
    struct op_check c;
    op_begin(&c, "Gemm", 13);
    const struct alt_tensor *a = op_in(&c, s->dtype, true, 2,
                                       s->trans_a ? (int64_t[]){s->k, s->m} : (int64_t[]){s->m, s->k});
    const struct alt_tensor *b = op_in(&c, s->dtype, true, 2,
                                       s->trans_b ? (int64_t[]){s->n, s->k} : (int64_t[]){s->k, s->n});
    const struct alt_tensor *bias = s->c_rank < 0 ? NULL : op_in(&c, s->dtype, true, s->c_rank, s->c);
    op_int(&c, "transA", s->trans_a);
    op_int(&c, "transB", s->trans_b);
    op_float(&c, "alpha", s->alpha);
    op_float(&c, "beta", s->beta);
    assert_int_equal(op_run(&c), ALT_OK);
    const int64_t c_cols = s->c_rank > 0 ? s->c[s->c_rank - 1] : 1, c_rows = s->c_rank > 1 ? s->c[0] : 1;
    for (int64_t i = 0; i < s->m; i++)
        for (int64_t j = 0; j < s->n; j++) {
            double want = 0;
            for (int64_t l = 0; l < s->k; l++)
                want += op_get(a, s->trans_a ? l * s->m + i : i * s->k + l) *
                        op_get(b, s->trans_b ? j * s->k + l : l * s->n + j);
            want *= (double)s->alpha;
            if (bias)
                want += (double)s->beta * op_get(bias, (c_rows > 1 ? i : 0) * c_cols + (c_cols > 1 ? j : 0));
            op_expect(op_get(&c.out[0], i * s->n + j), want, op_tolerance(s->dtype, 4), i * s->n + j);
        }
    check_strided(&c);
    op_end(&c);
}

static void gemm(void **state)
{
    (void)state;
    for (int t = 0; t < TYPES; t++)
        for (int trans = 0; trans < 4; trans++) {
            const bool ta = trans & 1, tb = trans & 2;
            check_gemm(&(struct gemm_case){types[t], 7, 9, 5, ta, tb, 1, 1, -1, {0}});
            check_gemm(&(struct gemm_case){types[t], 7, 39, 5, ta, tb, 2, 1, 1, {39}});
            check_gemm(&(struct gemm_case){types[t], 50, 3, 5, ta, tb, 1, 3, 1, {3}});
            check_gemm(&(struct gemm_case){types[t], 50, 3, 5, ta, tb, 1, 3, 2, {50, 1}});
            check_gemm(&(struct gemm_case){types[t], 20, 40, 5, ta, tb, 2, 2, 2, {20, 40}});
            check_gemm(&(struct gemm_case){types[t], 20, 40, 5, ta, tb, 1, 2, 2, {1, 40}});
            check_gemm(&(struct gemm_case){types[t], 20, 40, 5, ta, tb, 1, 2, 0, {0}});
            check_gemm(&(struct gemm_case){types[t], 1, 40, 5, ta, tb, 1, 0, 1, {1}});
        }
}

/* An integer product cannot be scaled by half. */
static void gemm_refuses(void **state)
{
    (void)state;
    struct op_check c;
    op_begin(&c, "Gemm", 13);
    op_in(&c, ALT_INT32, true, 2, (int64_t[]){3, 4});
    op_in(&c, ALT_INT32, true, 2, (int64_t[]){4, 3});
    op_float(&c, "alpha", 0.5f);
    assert_int_equal(op_run(&c), ALT_E_UNSUPPORTED);
    op_end(&c);
    op_begin(&c, "Gemm", 13);
    op_in(&c, ALT_FLOAT32, true, 2, (int64_t[]){3, 4});
    op_in(&c, ALT_FLOAT32, true, 2, (int64_t[]){4, 3});
    op_in(&c, ALT_FLOAT32, true, 1, (int64_t[]){4});
    assert_int_equal(op_run(&c), ALT_E_SHAPE);
    op_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matmul_sizes), cmocka_unit_test(matmul_batches), cmocka_unit_test(matmul_refuses),
        cmocka_unit_test(matmul_special), cmocka_unit_test(gemm), cmocka_unit_test(gemm_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
