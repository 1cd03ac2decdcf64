/* test_passes.c: graph text before and after, for each pass and for the runner. */
#include "tests/cmocka_all.h"
#include "tests/graph_text.h"
#include "tests/pass_check.h"

#include <stdio.h>
#include <string.h>

static struct graph_text text;

/* ---- dce ---- */

static void test_dce(void **state)
{
    (void)state;
    pass_check(ALT_PASS_dce,
               "input x float32[2]\n"
               "const used float32[2] 1\n"
               "const unused float32[2] 2\n"
               "const chained float32[2] 3\n"
               "a = Add-14(x, used)\n"
               "b = Add-14(a, chained)\n"
               "c = Mul-14(b, b)\n"
               "output a\n",
               "  input x: float32[2]\n"
               "  const used: float32[2]\n"
               "  a: float32[2] = Add-14(x, used)\n"
               "  output a\n");
}

static void test_dce_keeps(void **state)
{
    (void)state;
    pass_check(ALT_PASS_dce,
               "input x float32[4]\n"
               "const c float32[4] 1\n"
               "a, b = Split-13(x)\n"
               "output b\n"
               "output c\n",
               NULL);
}

/* ---- cse ---- */

static void test_cse(void **state)
{
    (void)state;
    pass_check(ALT_PASS_cse,
               "input x float32[2,3]\n"
               "a = Transpose-13(x) perm=[1,0]\n"
               "b = Transpose-13(x) perm=[1,0]\n"
               "c = Transpose-13(x) perm=[0,1]\n"
               "d = Transpose-13(x)\n"
               "e = Add-14(a, b)\n"
               "f = Add-14(b, a)\n"
               "g = Mul-14(e, f)\n"
               "output c\n"
               "output d\n"
               "output g\n",
               "  input x: float32[2,3]\n"
               "  a: float32[3,2] = Transpose-13(x) perm=[1,0]\n"
               "  c: float32[2,3] = Transpose-13(x) perm=[0,1]\n"
               "  d: float32[3,2] = Transpose-13(x)\n"
               "  e: float32[3,2] = Add-14(a, a)\n"
               "  g: float32[3,2] = Mul-14(e, e)\n"
               "  output c\n"
               "  output d\n"
               "  output g\n");
}

/* Constants by their bits: 0.0 and -0.0 differ, and so do types and shapes. */
static void test_cse_constants(void **state)
{
    (void)state;
    pass_check(ALT_PASS_cse,
               "input x float32[2]\n"
               "const a float32[2] 0.0\n"
               "const b float32[2] 0.0\n"
               "const c float32[2] -0.0\n"
               "const d float32[1,2] 0.0\n"
               "p = Add-14(x, a)\n"
               "q = Add-14(x, b)\n"
               "r = Add-14(x, c)\n"
               "s = Add-14(x, d)\n"
               "t = Mul-14(p, q)\n"
               "output t\n"
               "output r\n"
               "output s\n",
               "  input x: float32[2]\n"
               "  const a: float32[2]\n"
               "  const b: float32[2]\n"
               "  const c: float32[2]\n"
               "  const d: float32[1,2]\n"
               "  p: float32[2] = Add-14(x, a)\n"
               "  r: float32[2] = Add-14(x, c)\n"
               "  s: float32[1,2] = Add-14(x, d)\n"
               "  t: float32[2] = Mul-14(p, p)\n"
               "  output t\n"
               "  output r\n"
               "  output s\n");
}

static void test_cse_keeps(void **state)
{
    (void)state;
    pass_check(ALT_PASS_cse,
               "input x float32[4]\n"
               "a = Cast-13(x) to=1\n"
               "b = Cast-13(x) to=10\n"
               "c = Cast-19(x) to=1\n"
               "d, e = Split-13(x)\n"
               "f, _ = Split-13(x)\n"
               "output a\n"
               "output b\n"
               "output c\n"
               "output d\n"
               "output f\n",
               NULL);
}

/* ---- canonical ---- */

static void test_canonical(void **state)
{
    (void)state;
    pass_check(ALT_PASS_canonical,
               "input x float32[n,3]\n"
               "const shape int64[2] 0 -1\n"
               "const off bool[] 0\n"
               "const one float32[3] 1\n"
               "const nil float32[1] -0.0\n"
               "a = Identity-13(x)\n"
               "b = Cast-13(a) to=1\n"
               "c = Transpose-13(b) perm=[0,1]\n"
               "d = Reshape-13(c, shape)\n"
               "e, _ = Dropout-13(d, _, off)\n"
               "f = Concat-13(e) axis=0\n"
               "g = Mul-14(one, f)\n"
               "h = Add-14(g, nil)\n"
               "i = Div-14(h, one)\n"
               "y = Add-14(i, i)\n"
               "output y\n",
               "  input x: float32[n,3]\n"
               "  const shape: int64[2] = [0,-1]\n"
               "  const off: bool[]\n"
               "  const one: float32[3]\n"
               "  const nil: float32[1]\n"
               "  y: float32[n,3] = Add-14(x, x)\n"
               "  output y\n");
}

/* A graph output may be an input then. */
static void test_canonical_output(void **state)
{
    (void)state;
    pass_check(ALT_PASS_canonical,
               "input x float32[n]\n"
               "a = Add-14(x, x)\n"
               "b = Identity-13(a)\n"
               "c = Identity-13(x)\n"
               "output b\n"
               "output c\n",
               "  input x: float32[n]\n"
               "  b: float32[n] = Add-14(x, x) # a\n"
               "  output b\n"
               "  output x\n");
}

/* Each looks like nothing and is something. */
static void test_canonical_keeps(void **state)
{
    (void)state;
    pass_check(ALT_PASS_canonical,
               "input x float32[n,3]\n"
               "input k int32[3]\n"
               "input train bool[]\n"
               "const zero float32[1] 0.0\n"
               "const wide float32[2,1,3] 1\n"
               "const mixed float32[3] 1 1 2\n"
               "const shape int64[2] 3 -1\n"
               "a = Add-14(x, zero)\n"
               "b = Mul-14(x, wide)\n"
               "c = Mul-14(x, mixed)\n"
               "d = Sub-14(zero, x)\n"
               "e = Reshape-13(x, shape)\n"
               "f = Cast-13(x) to=10\n"
               "g = Transpose-13(x)\n"
               "h, m = Dropout-13(x)\n"
               "i = Dropout-13(x, _, train)\n"
               "output a\n"
               "output b\n"
               "output c\n"
               "output d\n"
               "output e\n"
               "output f\n"
               "output g\n"
               "output h\n"
               "output m\n"
               "output i\n",
               NULL);
}

/* Integers have one zero. */
static void test_canonical_integers(void **state)
{
    (void)state;
    pass_check(ALT_PASS_canonical,
               "input k int64[3]\n"
               "const zero int64[] 0\n"
               "a = Add-14(k, zero)\n"
               "b = Sub-14(a, zero)\n"
               "y = Mul-14(b, b)\n"
               "output y\n",
               "  input k: int64[3]\n"
               "  const zero: int64[] = [0]\n"
               "  y: int64[3] = Mul-14(k, k)\n"
               "  output y\n");
}

/* ---- fold ---- */

static void test_fold(void **state)
{
    (void)state;
    pass_check(ALT_PASS_fold,
               "input x float32[4]\n"
               "const a int64[2] 5 6\n"
               "const b int64[1] 10\n"
               "c = Add-14(a, b)\n"
               "d = Concat-13(c, b) axis=0\n"
               "output d\n",
               "  input x: float32[4]\n"
               "  const a: int64[2] = [5,6]\n"
               "  const b: int64[1] = [10]\n"
               "  const %0: int64[2] = [15,16]\n"
               "  const %1: int64[3] = [15,16,10]\n"
               "  c: int64[2] = [15,16] = Add-14(a, b)\n"
               "  d: int64[3] = [15,16,10] = Concat-13(%0, b) axis=0\n"
               "  output %1\n");
}

/* Shapes that are known although the tensor is not; those that are not stay. */
static void test_fold_shapes(void **state)
{
    (void)state;
    pass_check(ALT_PASS_fold,
               "input x float32[4,5]\n"
               "input z float32[n,5]\n"
               "s = Shape-13(x)\n"
               "t = Shape-13(z)\n"
               "output s\n"
               "output t\n",
               "  input x: float32[4,5]\n"
               "  input z: float32[n,5]\n"
               "  const %0: int64[2] = [4,5]\n"
               "  s: int64[2] = [4,5] = Shape-13(x)\n"
               "  t: int64[2] = [n,5] = Shape-13(z)\n"
               "  output %0\n"
               "  output t\n");
}

/* A few bytes must not become a large table; a little more is fine. */
static void test_fold_keeps_large(void **state)
{
    (void)state;
    pass_check(ALT_PASS_fold,
               "const one float32[1] 1\n"
               "const size int64[2] 1000 1000\n"
               "y = Expand-13(one, size)\n"
               "output y\n",
               NULL);
}

/* What cannot be computed stays, and is an error only when it runs. */
static void test_fold_keeps_faults(void **state)
{
    (void)state;
    pass_check(ALT_PASS_fold,
               "const data float32[3] 1\n"
               "const index int64[1] 7\n"
               "y = Gather-13(data, index)\n"
               "output y\n",
               NULL);
}

/* A view of a constant costs no memory: same bytes. */
static void test_fold_shares_bytes(void **state)
{
    (void)state;
    bool changed = false;
    assert_int_equal(graph_text_open(&text, NULL,
                                     "const w float32[6,4] 1 2 3\n"
                                     "const shape int64[3] 2 3 4\n"
                                     "a = Reshape-13(w, shape)\n"
                                     "y = Transpose-13(a) perm=[0,2,1]\n"
                                     "output a\n"
                                     "output y\n"),
                     ALT_OK);
    assert_int_equal(alt_graph_infer(text.graph, &text.diag), ALT_OK);
    assert_int_equal(alt_pass_fold(text.graph, &text.diag, &changed), ALT_OK);
    assert_true(changed);
    const struct alt_tensor *w = text.graph->values[0]->type.known;
    const struct alt_tensor *a = text.graph->outputs[0]->type.known, *y = text.graph->outputs[1]->type.known;
    assert_ptr_equal(a->data, w->data);
    assert_int_equal(a->rank, 3);
    assert_ptr_not_equal(y->data, w->data);
    float first[3], want[3] = {1, 3, 3};
    memcpy(first, y->data, sizeof first); /* column of [[1,2,3,3],[3,..],[3,..]] */
    assert_memory_equal(first, want, sizeof first);
    graph_text_close(&text);
}

/* ---- fold_batch_norm ---- */

#define NORM_PARAMS \
    "const s float32[2] 2 3\n" \
    "const b float32[2] 10 20\n" \
    "const m float32[2] 1 2\n" \
    "const v float32[2] 3.75 0.75\n" /* with epsilon 0.25: factors 1 and 3 */

/* Runs the pass alone and returns the two constants that the one node left reads. */
static void fold_norm(const char *before, const char *after, const struct alt_tensor **w, const struct alt_tensor **b)
{
    bool changed = false;
    assert_int_equal(graph_text_open(&text, NULL, before), ALT_OK);
    assert_int_equal(alt_graph_infer(text.graph, &text.diag), ALT_OK);
    assert_int_equal(alt_pass_fold_batch_norm(text.graph, &text.diag, &changed), ALT_OK);
    assert_true(changed);
    assert_int_equal(alt_graph_verify(text.graph, &text.diag), ALT_OK);
    assert_int_equal(alt_pass_dce(text.graph, &text.diag, &changed), ALT_OK);
    assert_string_equal(graph_text_print(&text), after);
    *w = text.graph->last->in[1]->type.known;
    *b = text.graph->last->in[2]->type.known;
}

static void expect_numbers(const struct alt_tensor *t, int count, const double *want)
{
    assert_int_equal(alt_tensor_count(t), count);
    for (int i = 0; i < count; i++)
        assert_true(alt_tensor_float(t, i) == want[i]);
}

static void test_fold_batch_norm_conv(void **state)
{
    (void)state;
    const struct alt_tensor *w, *b;
    fold_norm("input x float32[n,1,5,5]\n"
              "const k float32[2,1,1,2] 1 2 3 4\n"
              "const c float32[2] 5 6\n" NORM_PARAMS
              "p = Conv-11(x, k, c) strides=[2,2]\n"
              "y = BatchNormalization-9(p, s, b, m, v) epsilon=0.25\n"
              "output y\n",
              "  input x: float32[n,1,5,5]\n"
              "  const %0: float32[2,1,1,2]\n"
              "  const %1: float32[2]\n"
              "  y: float32[n,2,3,2] = Conv-11(x, %0, %1) strides=[2,2] # p\n"
              "  output y\n",
              &w, &b);
    expect_numbers(w, 4, (double[]){1, 2, 9, 12});
    expect_numbers(b, 2, (double[]){14, 32}); /* (5-1)*1+10, (6-2)*3+20 */
    graph_text_close(&text);
}

/* Groups: input channels 0 and 1 make output 0, channels 2 and 3 output 1. */
static void test_fold_batch_norm_transposed(void **state)
{
    (void)state;
    const struct alt_tensor *w, *b;
    fold_norm("input x float32[1,4,5]\n"
              "const k float32[4,1,2] 1 2 3 4 5 6 7 8\n" NORM_PARAMS
              "p = ConvTranspose-11(x, k) group=2\n"
              "y = BatchNormalization-15(p, s, b, m, v) epsilon=0.25\n"
              "output y\n",
              "  input x: float32[1,4,5]\n"
              "  const %0: float32[4,1,2]\n"
              "  const %1: float32[2]\n"
              "  y: float32[1,2,6] = ConvTranspose-11(x, %0, %1) group=2 # p\n"
              "  output y\n",
              &w, &b);
    expect_numbers(w, 8, (double[]){1, 2, 3, 4, 15, 18, 21, 24});
    expect_numbers(b, 2, (double[]){9, 14});
    graph_text_close(&text);
}

static void test_fold_batch_norm_gemm(void **state)
{
    (void)state;
    const struct alt_tensor *w, *b;
    static const char *const product[2] = {"const k float32[3,2] 1 2 3 4 5 6\n", "const k float32[2,3] 1 3 5 2 4 6\n"};
    for (int transposed = 0; transposed < 2; transposed++) {
        char before[1024], after[1024];
        snprintf(before, sizeof before,
                 "input x float32[n,3]\n%s"
                 "const c float32[1] 4\n" NORM_PARAMS "p = Gemm-11(x, k, c) beta=0.5 alpha=2.0%s\n"
                 "y = BatchNormalization-14(p, s, b, m, v) epsilon=0.25\n"
                 "output y\n",
                 product[transposed], transposed ? " transB=1" : "");
        snprintf(after, sizeof after,
                 "  input x: float32[n,3]\n"
                 "  const %%0: float32[%s]\n"
                 "  const %%1: float32[2]\n"
                 "  y: float32[n,2] = Gemm-11(x, %%0, %%1) beta=1 alpha=2%s # p\n"
                 "  output y\n",
                 transposed ? "2,3" : "3,2", transposed ? " transB=1" : "");
        fold_norm(before, after, &w, &b);
        if (transposed)
            expect_numbers(w, 6, (double[]){1, 3, 5, 6, 12, 18});
        else
            expect_numbers(w, 6, (double[]){1, 6, 3, 12, 5, 18});
        expect_numbers(b, 2, (double[]){11, 20}); /* (0.5*4-1)*1+10, (0.5*4-2)*3+20 */
        graph_text_close(&text);
    }
}

static void test_fold_batch_norm_keeps(void **state)
{
    (void)state;
    static const char *const keep[] = {
        /* the product is read elsewhere */
        "input x float32[1,1,5]\nconst k float32[2,1,1] 1\n" NORM_PARAMS
        "p = Conv-11(x, k)\ny = BatchNormalization-9(p, s, b, m, v)\noutput y\noutput p\n",
        /* weights are no constant */
        "input x float32[1,1,5]\ninput k float32[2,1,1]\n" NORM_PARAMS
        "p = Conv-11(x, k)\ny = BatchNormalization-9(p, s, b, m, v)\noutput y\n",
        /* a bias that comes in */
        "input x float32[1,1,5]\nconst k float32[2,1,1] 1\ninput c float32[2]\n" NORM_PARAMS
        "p = Conv-11(x, k, c)\ny = BatchNormalization-9(p, s, b, m, v)\noutput y\n",
        /* statistics that come in */
        "input x float32[1,1,5]\nconst k float32[2,1,1] 1\ninput w float32[2]\n" NORM_PARAMS
        "p = Conv-11(x, k)\ny = BatchNormalization-9(p, s, b, w, v)\noutput y\n",
        /* the root of a negative number */
        "input x float32[1,1,5]\nconst k float32[2,1,1] 1\nconst w float32[2] -1\n" NORM_PARAMS
        "p = Conv-11(x, k)\ny = BatchNormalization-9(p, s, b, m, w)\noutput y\n",
        /* a weight that would overflow */
        "input x float32[1,1,5]\nconst k float32[2,1,1] 3e38\n" NORM_PARAMS
        "p = Conv-11(x, k)\ny = BatchNormalization-9(p, s, b, m, v) epsilon=0.25\noutput y\n",
        /* one bias a row */
        "input x float32[2,3]\nconst k float32[3,2] 1\nconst c float32[2,1] 1 2\n" NORM_PARAMS
        "p = Gemm-11(x, k, c)\ny = BatchNormalization-9(p, s, b, m, v)\noutput y\n",
        /* nothing before it */
        "input x float32[1,2,5]\n" NORM_PARAMS "y = BatchNormalization-9(x, s, b, m, v)\noutput y\n",
    };
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
        pass_check(ALT_PASS_fold_batch_norm, keep[i], NULL);
}

/* ---- fold_bias ---- */

static void test_fold_bias(void **state)
{
    (void)state;
    static const char *const constants[] = {"const c float32[1,2,1,1] 5 6\n", "const c float32[2,1,1] 5 6\n", "const c float32[] 5\n"};
    static const double bias[][2] = {{5, 6}, {5, 6}, {5, 5}};
    for (int i = 0; i < 6; i++) {
        char before[512];
        bool changed = false;
        snprintf(before, sizeof before,
                 "input x float32[n,1,5,5]\nconst k float32[2,1,1,2] 1 2 3 4\n%s"
                 "p = Conv-11(x, k) strides=[2,2]\ny = Add-14(%s)\noutput y\n",
                 constants[i / 2], i % 2 ? "c, p" : "p, c");
        assert_int_equal(graph_text_open(&text, NULL, before), ALT_OK);
        assert_int_equal(alt_graph_infer(text.graph, &text.diag), ALT_OK);
        assert_int_equal(alt_pass_fold_bias(text.graph, &text.diag, &changed), ALT_OK);
        assert_true(changed);
        assert_int_equal(alt_graph_verify(text.graph, &text.diag), ALT_OK);
        assert_int_equal(alt_pass_dce(text.graph, &text.diag, &changed), ALT_OK);
        assert_string_equal(graph_text_print(&text), "  input x: float32[n,1,5,5]\n"
                                                     "  const k: float32[2,1,1,2]\n"
                                                     "  const %0: float32[2]\n"
                                                     "  y: float32[n,2,3,2] = Conv-11(x, k, %0) strides=[2,2] # p\n"
                                                     "  output y\n");
        expect_numbers(text.graph->last->in[2]->type.known, 2, bias[i / 2]);
        graph_text_close(&text);
    }
}

static void test_fold_bias_keeps(void **state)
{
    (void)state;
    static const char *const keep[] = {
        /* there is a bias */
        "input x float32[1,1,5]\nconst k float32[2,1,1] 1\nconst b float32[2] 1\nconst c float32[2,1] 1\n"
        "p = Conv-11(x, k, b)\ny = Add-14(p, c)\noutput y\n",
        /* read elsewhere */
        "input x float32[1,1,5]\nconst k float32[2,1,1] 1\nconst c float32[2,1] 1\n"
        "p = Conv-11(x, k)\ny = Add-14(p, c)\noutput y\noutput p\n",
        /* one element for each pixel; for each image */
        "input x float32[1,1,5]\nconst k float32[2,1,1] 1\nconst c float32[5] 1\n"
        "p = Conv-11(x, k)\ny = Add-14(p, c)\noutput y\n",
        "input x float32[2,1,5]\nconst k float32[1,1,1] 1\nconst c float32[2,1,1] 1\n"
        "p = Conv-11(x, k)\ny = Add-14(p, c)\noutput y\n",
        /* more axes or channels than the convolution has */
        "input x float32[1,1,5]\nconst k float32[2,1,1] 1\nconst c float32[1,1,2,1] 1\n"
        "p = Conv-11(x, k)\ny = Add-14(p, c)\noutput y\n",
        "input x float32[1,1,5]\nconst k float32[1,1,1] 1\nconst c float32[2,1] 1\n"
        "p = Conv-11(x, k)\ny = Add-14(p, c)\noutput y\n",
        /* half precision would be rounded once less */
        "input x float16[1,1,5]\nconst k float16[2,1,1] 1\nconst c float16[2,1] 1\n"
        "p = Conv-11(x, k)\ny = Add-14(p, c)\noutput y\n",
        /* no constant */
        "input x float32[1,1,5]\nconst k float32[2,1,1] 1\ninput c float32[2,1]\n"
        "p = Conv-11(x, k)\ny = Add-14(p, c)\noutput y\n",
    };
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
        pass_check(ALT_PASS_fold_bias, keep[i], NULL);
}

/* ---- the runner ---- */

static const char pipeline[] = "input x float32[n,4]\n"
                               "const two int64[1] 2\n"
                               "const rest int64[1] -1\n"
                               "const w float32[4,6] 0.5\n"
                               "i = Identity-13(x)\n"
                               "wt = Transpose-13(w)\n"
                               "wtt = Transpose-13(wt)\n"
                               "p = MatMul-13(i, wtt)\n"
                               "q = MatMul-13(x, wtt)\n"
                               "s = Concat-13(rest, two) axis=0\n"
                               "r = Reshape-13(p, s)\n"
                               "u = Reshape-13(q, s)\n"
                               "v = Add-14(r, u)\n"
                               "unused = Mul-14(v, v)\n"
                               "output v\n";

static alt_status run(const char *stop_after)
{
    assert_int_equal(graph_text_open(&text, NULL, pipeline), ALT_OK);
    return alt_passes_run(text.graph, stop_after, &text.diag);
}

/* Folding makes the weight that is transposed twice a constant, equal to the first one, so that the products are equal, and so on until nothing is left to do. */
static void test_run(void **state)
{
    (void)state;
    assert_int_equal(run(NULL), ALT_OK);
    assert_string_equal(graph_text_print(&text),
                        "  input x: float32[n,4]\n"
                        "  const w: float32[4,6]\n"
                        "  const %2: int64[2] = [-1,2]\n"
                        "  p: float32[n,6] = MatMul-13(x, w)\n"
                        "  r: float32[n*3,2] = Reshape-13(p, %2)\n"
                        "  v: float32[n*3,2] = Add-14(r, r)\n"
                        "  output v\n");
    graph_text_close(&text);
}

static void test_run_twice_changes_nothing(void **state)
{
    (void)state;
    char once[sizeof text.printed];
    assert_int_equal(run(NULL), ALT_OK);
    strcpy(once, graph_text_print(&text));
    graph_text_close(&text);
    assert_int_equal(run(NULL), ALT_OK); /* deterministic */
    assert_string_equal(graph_text_print(&text), once);
    const int nodes = text.graph->n_nodes;
    for (int i = 0; i < ALT_PASS_COUNT; i++) {
        bool changed = false;
        assert_int_equal(alt_pass_table[i].fn(text.graph, &text.diag, &changed), ALT_OK);
        assert_false(changed);
    }
    assert_int_equal(text.graph->n_nodes, nodes);
    graph_text_close(&text);
}

static void test_run_stops(void **state)
{
    (void)state;
    assert_int_equal(run("infer"), ALT_OK);
    assert_int_equal(text.graph->n_nodes, 10);
    graph_text_close(&text);
    assert_int_equal(run("fold"), ALT_OK);
    assert_int_equal(text.graph->n_nodes, 10);
    assert_non_null(strstr(graph_text_print(&text), "MatMul-13(i, %1)"));
    graph_text_close(&text);
    assert_int_equal(run("nonsense"), ALT_E_ARGUMENT);
    graph_text_close(&text);
}

static void test_model_faults(void **state)
{
    (void)state;
    assert_int_equal(graph_text_open(&text, NULL, "input x float32[2]\ninput y float32[3]\nz = Add-14(x, y)\noutput z\n"), ALT_OK);
    assert_int_equal(alt_passes_run(text.graph, NULL, &text.diag), ALT_E_SHAPE);
    assert_non_null(strstr(text.diag.text, "Add"));
    graph_text_close(&text);
}

static void test_no_memory(void **state)
{
    (void)state;
    pass_check_memory(pipeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dce), cmocka_unit_test(test_dce_keeps),
        cmocka_unit_test(test_cse), cmocka_unit_test(test_cse_constants), cmocka_unit_test(test_cse_keeps),
        cmocka_unit_test(test_canonical), cmocka_unit_test(test_canonical_output),
        cmocka_unit_test(test_canonical_keeps), cmocka_unit_test(test_canonical_integers),
        cmocka_unit_test(test_fold), cmocka_unit_test(test_fold_shapes), cmocka_unit_test(test_fold_keeps_large),
        cmocka_unit_test(test_fold_keeps_faults), cmocka_unit_test(test_fold_shares_bytes),
        cmocka_unit_test(test_fold_batch_norm_conv), cmocka_unit_test(test_fold_batch_norm_transposed),
        cmocka_unit_test(test_fold_batch_norm_gemm), cmocka_unit_test(test_fold_batch_norm_keeps),
        cmocka_unit_test(test_fold_bias), cmocka_unit_test(test_fold_bias_keeps),
        cmocka_unit_test(test_run), cmocka_unit_test(test_run_twice_changes_nothing), cmocka_unit_test(test_run_stops),
        cmocka_unit_test(test_model_faults), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
