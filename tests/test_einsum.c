/* Einsum: equations against a sum over all labels written out here from a list of labels, not from the equation's text. */
#include "tests/op_check.h"

#include "tests/cmocka_all.h"

#include <string.h>

struct einsum_case {
    const char *equation;
    int inputs;
    const char *terms[3]; /* the same without ellipsis: one letter an axis */
    const char *output;
    int64_t extent[26];   /* by letter */
    const char *ones[3];  /* letters whose axis of an input has extent 1 */
};

static int64_t extent_of(const struct einsum_case *s, int input, char letter)
{
    return s->ones[input] && strchr(s->ones[input], letter) ? 1 : s->extent[letter - 'a'];
}

/* Element of input i under coordinates by letter. */
static double element(const struct op_check *c, const struct einsum_case *s, int i, const int64_t *at)
{
    int64_t index = 0;
    for (const char *l = s->terms[i]; *l; l++) {
        const int64_t extent = extent_of(s, i, *l);
        index = index * extent + (extent == 1 ? 0 : at[*l - 'a']);
    }
    return op_get(c->in[i], index);
}

/* Sum over all letters that stand in no output. */
static double expected(const struct op_check *c, const struct einsum_case *s, int64_t *at)
{
    char summed[27] = "";
    double sum = 0;
    for (int i = 0; i < s->inputs; i++)
        for (const char *l = s->terms[i]; *l; l++)
            if (!strchr(s->output, *l) && !strchr(summed, *l))
                strncat(summed, l, 1);
    for (;;) {
        double x = 1;
        for (int i = 0; i < s->inputs; i++)
            x *= element(c, s, i, at);
        sum += x;
        int k = (int)strlen(summed) - 1;
        for (; k >= 0 && ++at[summed[k] - 'a'] == s->extent[summed[k] - 'a']; k--)
            at[summed[k] - 'a'] = 0;
        if (k < 0)
            return sum;
    }
}

static void check(const struct einsum_case *s, alt_dtype dtype)
{
    struct op_check c;
    op_begin(&c, "Einsum", 12);
    for (int i = 0; i < s->inputs; i++) {
        int64_t dims[8];
        for (size_t a = 0; a < strlen(s->terms[i]); a++)
            dims[a] = extent_of(s, i, s->terms[i][a]);
        op_in(&c, dtype, true, (int)strlen(s->terms[i]), dims);
    }
    op_text(&c, "equation", s->equation);
    assert_int_equal(op_run(&c), ALT_OK);
    assert_int_equal(c.out[0].rank, strlen(s->output));
    for (int64_t e = 0; e < alt_tensor_count(&c.out[0]); e++) {
        int64_t at[26] = {0}, rest = e;
        for (int k = (int)strlen(s->output) - 1; k >= 0; k--) {
            const int64_t extent = s->extent[s->output[k] - 'a'];
            assert_int_equal(c.out[0].dim[k], extent);
            at[s->output[k] - 'a'] = rest % extent;
            rest /= extent;
        }
        double want = expected(&c, s, at);
        if (dtype == ALT_INT8)
            want = (double)(int8_t)(int64_t)want;
        op_expect(op_get(&c.out[0], e), want, op_tolerance(dtype, 0), e);
    }
    const struct alt_layout *plain[3] = {NULL, NULL, NULL};
    struct alt_tensor y;
    assert_int_equal(op_run_layouts(&c, plain, plain, true, &y), ALT_OK);
    op_expect_same(&c.out[0], &y);
    op_end(&c);
}

static void equations(void **state)
{
    (void)state;
    static const alt_dtype types[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_INT64, ALT_INT32, ALT_INT8};
    static const struct einsum_case cases[] = {
        {"ij->ji", 1, {"ij"}, "ji", {[8] = 3, 5}, {0}},
        {"ij->i", 1, {"ij"}, "i", {[8] = 3, 5}, {0}},
        {" i j -> ", 1, {"ij"}, "", {[8] = 3, 5}, {0}},
        {"...ii ->...i", 1, {"abii"}, "abi", {[0] = 2, 3, [8] = 4}, {0}},
        {"ii", 1, {"ii"}, "", {[8] = 4}, {0}},
        {"ba", 1, {"ba"}, "ab", {2, 3}, {0}},
        {"->", 1, {""}, "", {0}, {0}},
        {"ij,jk->ik", 2, {"ij", "jk"}, "ik", {[8] = 20, 7, 33}, {0}},
        {"ij,kj", 2, {"ij", "kj"}, "ik", {[8] = 4, 7, 5}, {0}},
        {"i,j->ij", 2, {"i", "j"}, "ij", {[8] = 4, 7}, {0}},
        {"i,i", 2, {"i", "i"}, "", {[8] = 9}, {0}},
        {"bhqd,bhkd->bhqk", 2, {"bhqd", "bhkd"}, "bhqk", {[1] = 2, [3] = 6, [7] = 3, [10] = 5, [16] = 4}, {0}},
        {"bqhd,bkhd->bhqk", 2, {"bqhd", "bkhd"}, "bhqk", {[1] = 2, [3] = 6, [7] = 3, [10] = 5, [16] = 4}, {0}},
        {"abc,bcd->ad", 2, {"abc", "bcd"}, "ad", {2, 3, 4, 5}, {0}},
        {"abc,cbd->dab", 2, {"abc", "cbd"}, "dab", {2, 3, 4, 5}, {0}},
        {"acb,cbd->ad", 2, {"acb", "cbd"}, "ad", {2, 3, 4, 5}, {0}},
        {"abc,dbce->aed", 2, {"abc", "dbce"}, "aed", {2, 3, 4, 5, 6}, {0}},
        {"...ij,...jk->...ik", 2, {"abij", "bjk"}, "abik", {2, 3, [8] = 4, 5, 6}, {0}},
        {"...ij,...jk", 2, {"abij", "abjk"}, "abik", {2, 3, [8] = 4, 5, 6}, {[1] = "b"}},
        {"ij,jk,kl->il", 3, {"ij", "jk", "kl"}, "il", {[8] = 3, 4, 5, 6}, {0}},
        {"ijk,jil->kl", 2, {"ijk", "jil"}, "kl", {[8] = 3, 4, 5, 6}, {0}},
        {"ij,ij->ij", 2, {"ij", "ij"}, "ij", {[8] = 3, 4}, {0}},
        {"ik,jl->ij", 2, {"ik", "jl"}, "ij", {[8] = 3, 4, 5, 2}, {0}},
        {"ii,i->i", 2, {"ii", "i"}, "i", {[8] = 4}, {0}},
        {"...->...", 1, {"ab"}, "ab", {2, 3}, {0}},
        {"...a->a", 1, {"bca"}, "a", {2, 3, 4}, {0}},
    };
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            check(&cases[i], types[t]);
}

static void refuse(const char *equation, int64_t cols, alt_status want)
{
    struct op_check c;
    op_begin(&c, "Einsum", 12);
    op_in(&c, ALT_FLOAT32, true, 2, (int64_t[]){3, 4});
    op_in(&c, ALT_FLOAT32, true, 2, (int64_t[]){4, cols});
    op_text(&c, "equation", equation);
    assert_int_equal(op_run(&c), want);
    op_end(&c);
}

static void refused(void **state)
{
    (void)state;
    refuse("ij,jk->ik", 5, ALT_OK);
    refuse("ij,ik->jk", 5, ALT_E_SHAPE);
    refuse("ij->ij", 5, ALT_E_MODEL);
    refuse("ij,jk,kl->il", 5, ALT_E_MODEL);
    refuse("ij,j->i", 5, ALT_E_MODEL);
    refuse("ij,jkl->i", 5, ALT_E_MODEL);
    refuse("ij,jk->iz", 5, ALT_E_MODEL);
    refuse("ij,jk->ii", 5, ALT_E_MODEL);
    refuse("ij,jk->i,k", 5, ALT_E_MODEL);
    refuse("ij,jk->i->k", 5, ALT_E_MODEL);
    refuse("i.j,jk->ik", 5, ALT_E_MODEL);
    refuse("......ij,jk->ik", 5, ALT_E_MODEL);
    refuse("i1,1k->ik", 5, ALT_E_MODEL);
    refuse("", 5, ALT_E_MODEL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equations), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
