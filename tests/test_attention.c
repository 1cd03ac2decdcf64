/* test_attention.c: Attention against sums in double: more rows and keys than a tile takes, every type, grouped heads, past and
 * present, causal and given masks; any strides and any order of tiles give the same bits. */
#include "tests/op_check.h"

#include "tests/cmocka_all.h"

#include <math.h>

struct shape {
    int64_t batch, heads, kv_heads, rows, past, fresh, size, value_size;
    bool causal, masked;
};

/* Element [b][h][i][j] of a dense tensor. */
static double at4(const struct alt_tensor *t, int64_t b, int64_t h, int64_t i, int64_t j)
{
    return op_get(t, ((b * t->dim[1] + h) * t->dim[2] + i) * t->dim[3] + j);
}

/* Key or value `k` of all, past ones first. */
static double cached(const struct alt_tensor *past, const struct alt_tensor *fresh, int64_t b, int64_t h, int64_t k,
                     int64_t j)
{
    const int64_t n = past ? past->dim[2] : 0;
    return k < n ? at4(past, b, h, k, j) : at4(fresh, b, h, k - n, j);
}

struct inputs {
    const struct alt_tensor *q, *k, *v, *mask, *past_k, *past_v;
};

/* Weights of the keys for one row. */
static void weigh(const struct shape *s, const struct inputs *in, int64_t b, int64_t h, int64_t i, double *weight)
{
    const int64_t keys = s->past + s->fresh, kv = h / (s->heads / s->kv_heads);
    double most = -(double)INFINITY, sum = 0;
    for (int64_t k = 0; k < keys; k++) {
        double dot = 0;
        for (int64_t j = 0; j < s->size; j++)
            dot += at4(in->q, b, h, i, j) * cached(in->past_k, in->k, b, kv, k, j);
        weight[k] = dot / sqrt((double)s->size) + (in->mask ? op_get(in->mask, i * keys + k) : 0);
        if (s->causal && k > s->past + i)
            weight[k] = -(double)INFINITY;
        most = fmax(most, weight[k]);
    }
    for (int64_t k = 0; k < keys; k++)
        sum += weight[k] = exp(weight[k] - most);
    for (int64_t k = 0; k < keys; k++)
        weight[k] /= sum;
}

static void check_output(const struct op_check *c, const struct shape *s, const struct inputs *in)
{
    double weight[1000];
    for (int64_t b = 0; b < s->batch; b++)
        for (int64_t h = 0; h < s->heads; h++)
            for (int64_t i = 0; i < s->rows; i++) {
                weigh(s, in, b, h, i, weight);
                for (int64_t j = 0; j < s->value_size; j++) {
                    double want = 0;
                    for (int64_t k = 0; k < s->past + s->fresh; k++)
                        want += weight[k] * cached(in->past_v, in->v, b, h / (s->heads / s->kv_heads), k, j);
                    op_expect(at4(&c->out[0], b, h, i, j), want, op_tolerance(in->q->dtype, s->size), i);
                }
            }
}

static void check_present(const struct op_check *c, const struct shape *s, const struct inputs *in)
{
    for (int64_t b = 0; b < s->batch; b++)
        for (int64_t h = 0; h < s->kv_heads; h++)
            for (int64_t k = 0; k < s->past + s->fresh; k++) {
                for (int64_t j = 0; j < s->size; j++)
                    assert_true(at4(&c->out[1], b, h, k, j) == cached(in->past_k, in->k, b, h, k, j));
                for (int64_t j = 0; j < s->value_size; j++)
                    assert_true(at4(&c->out[2], b, h, k, j) == cached(in->past_v, in->v, b, h, k, j));
            }
}

static void check(alt_dtype dtype, const struct shape *s)
{
    const struct alt_layout *plain[8] = {NULL};
    struct alt_tensor again[4];
    struct inputs in = {NULL};
    struct op_check c;
    op_begin(&c, "Attention", 24);
    in.q = op_in(&c, dtype, false, 4, (int64_t[]){s->batch, s->heads, s->rows, s->size});
    in.k = op_in(&c, dtype, false, 4, (int64_t[]){s->batch, s->kv_heads, s->fresh, s->size});
    in.v = op_in(&c, dtype, false, 4, (int64_t[]){s->batch, s->kv_heads, s->fresh, s->value_size});
    if (s->masked)
        in.mask = op_in(&c, dtype, false, 2, (int64_t[]){s->rows, s->past + s->fresh});
    else
        op_omit(&c);
    if (s->past) {
        in.past_k = op_in(&c, dtype, false, 4, (int64_t[]){s->batch, s->kv_heads, s->past, s->size});
        in.past_v = op_in(&c, dtype, false, 4, (int64_t[]){s->batch, s->kv_heads, s->past, s->value_size});
        c.n_out = 3;
    }
    op_int(&c, "is_causal", s->causal);
    assert_int_equal(op_run(&c), ALT_OK);
    check_output(&c, s, &in);
    if (s->past)
        check_present(&c, s, &in);
    assert_int_equal(op_run_layouts(&c, plain, plain, true, again), ALT_OK);
    for (int i = 0; i < c.n_out; i++)
        op_expect_same(&c.out[i], &again[i]);
    op_end(&c);
}

static void against_sums(void **state)
{
    (void)state;
    static const alt_dtype types[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16};
    static const struct shape shapes[] = {
        {1, 1, 1, 1, 0, 1, 1, 1, false, false},    {2, 4, 2, 3, 0, 5, 8, 8, false, true},
        {1, 2, 1, 67, 0, 67, 16, 7, true, false},  {1, 2, 2, 1, 300, 1, 8, 9, false, false},
        {1, 1, 1, 133, 300, 270, 5, 3, true, true}, {2, 6, 3, 2, 4, 2, 3, 17, true, false},
    };
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            check(types[t], &shapes[i]);
}

/* Nothing to attend to gives zeros; sizes that do not fit are refused. */
static void edges(void **state)
{
    (void)state;
    struct op_check c;
    op_begin(&c, "Attention", 23);
    op_in(&c, ALT_FLOAT32, false, 4, (int64_t[]){1, 2, 3, 4});
    op_in(&c, ALT_FLOAT32, false, 4, (int64_t[]){1, 2, 0, 4});
    op_in(&c, ALT_FLOAT32, false, 4, (int64_t[]){1, 2, 0, 5});
    assert_int_equal(op_run(&c), ALT_OK);
    for (int64_t i = 0; i < 30; i++)
        assert_true(op_get(&c.out[0], i) == 0);
    op_end(&c);
    op_begin(&c, "Attention", 23);
    op_in(&c, ALT_FLOAT32, false, 4, (int64_t[]){1, 3, 3, 4});
    op_in(&c, ALT_FLOAT32, false, 4, (int64_t[]){1, 2, 5, 4});
    op_in(&c, ALT_FLOAT32, false, 4, (int64_t[]){1, 2, 5, 4});
    assert_int_equal(op_run(&c), ALT_E_SHAPE);
    op_end(&c);
    op_begin(&c, "Attention", 23);
    for (int i = 0; i < 3; i++)
        op_in(&c, ALT_FLOAT32, false, 3, (int64_t[]){1, 3, 4});
    assert_int_equal(op_run(&c), ALT_E_MODEL); /* heads are not said */
    op_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_sums), cmocka_unit_test(edges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
