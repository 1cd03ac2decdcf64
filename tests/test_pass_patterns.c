/* test_pass_patterns.c: the passes that recognise what was written out: graph text before and after, and what they must leave. */
#include "tests/cmocka_all.h"
#include "tests/pass_check.h"

#include <stdio.h>
#include <string.h>

/* ---- gelu ---- */

static void test_gelu(void **state)
{
    (void)state;
    static const char *const body[] = {
        "d = Div-14(x, r)\ne = Erf-13(d)\na = Add-14(e, one)\nm = Mul-14(x, a)\ny = Mul-14(m, half)\n",
        "d = Div-14(x, r)\ne = Erf-13(d)\na = Add-14(one, e)\nm = Mul-14(half, a)\ny = Mul-14(x, m)\n",
        "d = Mul-14(q, x)\ne = Erf-13(d)\na = Add-14(e, one)\nm = Mul-14(x, half)\ny = Mul-14(m, a)\n",
    };
    for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
        char before[1024];
        snprintf(before, sizeof before,
                 "input x float32[n,4]\nconst r float32[] 1.41421356\nconst q float32[] 0.70710678\n"
                 "const one float32[] 1\nconst half float32[1] 0.5\n%soutput y\n",
                 body[i]);
        pass_check_tidy(ALT_PASS_gelu, before,
                        "  input x: float32[n,4]\n"
                        "  y: float32[n,4] = Gelu-20(x)\n"
                        "  output y\n");
    }
}

static void test_gelu_keeps(void **state)
{
    (void)state;
    static const char *const body[] = {
        /* another factor, another constant, another operand, read elsewhere */
        "d = Div-14(x, r)\ne = Erf-13(d)\na = Add-14(e, one)\nm = Mul-14(x, a)\ny = Mul-14(m, one)\noutput y\n",
        "d = Div-14(x, half)\ne = Erf-13(d)\na = Add-14(e, one)\nm = Mul-14(x, a)\ny = Mul-14(m, half)\noutput y\n",
        "d = Div-14(r, x)\ne = Erf-13(d)\na = Add-14(e, one)\nm = Mul-14(x, a)\ny = Mul-14(m, half)\noutput y\n",
        "d = Div-14(z, r)\ne = Erf-13(d)\na = Add-14(e, one)\nm = Mul-14(x, a)\ny = Mul-14(m, half)\noutput y\n",
        "d = Div-14(x, r)\ne = Erf-13(d)\na = Add-14(e, one)\nm = Mul-14(x, a)\ny = Mul-14(m, half)\noutput y\noutput a\n",
    };
    for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
        char before[1024];
        snprintf(before, sizeof before,
                 "input x float32[n,4]\ninput z float32[n,4]\nconst r float32[] 1.41421356\n"
                 "const one float32[] 1\nconst half float32[1] 0.5\n%s",
                 body[i]);
        pass_check(ALT_PASS_gelu, before, NULL);
    }
}

/* ---- gelu_tanh, swish, hard_swish, rms_norm ---- */

/* Runs the pass and removes what is dead; `after` NULL: nothing may change. Before stands `head`, which the bodies share. */
static void check_pattern(enum alt_pass pass, const char *head, const char *body, const char *after)
{
    char before[2048];
    snprintf(before, sizeof before, "%s%s", head, body);
    pass_check_tidy(pass, before, after);
}

#define TANH_HEAD \
    "input x float32[n,4]\ninput z float32[n,4]\nconst c float32[] 0.7978845608\nconst k float32[] 0.044715\n" \
    "const one float32[] 1\nconst half float32[] 0.5\nconst two float32[] 2\nconst three float32[] 3\n"
#define TANH_END "t = Tanh-13(u)\na = Add-14(t, one)\n"

static void test_gelu_tanh(void **state)
{
    (void)state;
    static const char *const body[] = {
        "p = Pow-13(x, three)\nq = Mul-14(p, k)\ns = Add-14(x, q)\nu = Mul-14(s, c)\n" TANH_END
        "h = Mul-14(x, half)\ny = Mul-14(h, a)\noutput y\n",
        "p = Mul-14(x, x)\np3 = Mul-14(p, x)\nq = Mul-14(k, p3)\ns = Add-14(q, x)\nu = Mul-14(c, s)\n" TANH_END
        "h = Mul-14(a, x)\ny = Mul-14(half, h)\noutput y\n",
        "p = Mul-14(k, x)\nr = Mul-14(p, x)\ns = Add-14(one, r)\nv = Mul-14(x, c)\nu = Mul-14(v, s)\n" TANH_END
        "h = Div-14(a, two)\ny = Mul-14(x, h)\noutput y\n",
    };
    for (size_t i = 0; i < sizeof body / sizeof *body; i++)
        check_pattern(ALT_PASS_gelu_tanh, TANH_HEAD, body[i],
                      "  input x: float32[n,4]\n  input z: float32[n,4]\n"
                      "  y: float32[n,4] = Gelu-20(x) approximate=\"tanh\"\n  output y\n");
}

static void test_gelu_tanh_keeps(void **state)
{
    (void)state;
    static const char *const body[] = {
        /* another power, another constant, another operand, read elsewhere */
        "p = Pow-13(x, two)\nq = Mul-14(p, k)\ns = Add-14(x, q)\nu = Mul-14(s, c)\n" TANH_END
        "h = Mul-14(x, half)\ny = Mul-14(h, a)\noutput y\n",
        "p = Pow-13(x, three)\nq = Mul-14(p, half)\ns = Add-14(x, q)\nu = Mul-14(s, c)\n" TANH_END
        "h = Mul-14(x, half)\ny = Mul-14(h, a)\noutput y\n",
        "p = Pow-13(x, three)\nq = Mul-14(p, k)\ns = Add-14(x, q)\nu = Mul-14(s, c)\n" TANH_END
        "h = Mul-14(z, half)\ny = Mul-14(h, a)\noutput y\n",
        "p = Pow-13(x, three)\nq = Mul-14(p, k)\ns = Add-14(x, q)\nu = Mul-14(s, c)\n" TANH_END
        "h = Mul-14(x, half)\ny = Mul-14(h, a)\noutput y\noutput q\n",
        "p = Pow-13(x, three)\nq = Mul-14(p, k)\ns = Add-14(x, q)\nu = Mul-14(s, c)\n" TANH_END
        "h = Mul-14(x, half)\ny = Mul-14(h, a)\ne = Add-14(u, z)\noutput y\noutput e\n",
    };
    for (size_t i = 0; i < sizeof body / sizeof *body; i++)
        check_pattern(ALT_PASS_gelu_tanh, TANH_HEAD, body[i], NULL);
}

#define SWISH_HEAD "input x float32[n,4]\ninput z float32[1,4]\nconst c float32[] 1.5\n"

static void test_swish(void **state)
{
    (void)state;
    static const char inputs[] = "  input x: float32[n,4]\n  input z: float32[1,4]\n";
    static const struct {
        const char *before, *attrs;
    } cases[] = {{"s = Sigmoid-13(x)\ny = Mul-14(x, s)\noutput y\n", ""},
                 {"s = Sigmoid-13(x)\ny = Mul-14(s, x)\noutput y\n", ""},
                 {"a = Mul-14(c, x)\ns = Sigmoid-13(a)\ny = Mul-14(s, x)\noutput y\n", " alpha=1.5"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char after[256];
        snprintf(after, sizeof after, "%s  y: float32[n,4] = Swish-24(x)%s\n  output y\n", inputs, cases[i].attrs);
        check_pattern(ALT_PASS_swish, SWISH_HEAD, cases[i].before, after);
    }
}

static void test_swish_keeps(void **state)
{
    (void)state;
    static const char *const body[] = {
        "s = Sigmoid-13(x)\ny = Mul-14(x, s)\noutput y\noutput s\n",
        "s = Sigmoid-13(x)\ny = Mul-14(x, s)\nb = Add-14(s, x)\noutput y\noutput b\n",
        "s = Sigmoid-13(z)\ny = Mul-14(x, s)\noutput y\n",
        "a = Mul-14(z, x)\ns = Sigmoid-13(a)\ny = Mul-14(s, x)\noutput y\n",
        "a = Mul-14(c, x)\ns = Sigmoid-13(a)\ny = Mul-14(s, x)\noutput y\noutput a\n",
    };
    for (size_t i = 0; i < sizeof body / sizeof *body; i++)
        check_pattern(ALT_PASS_swish, SWISH_HEAD, body[i], NULL);
}

#define HARD_HEAD \
    "input x float32[n,4]\ninput z float32[n,4]\nconst three float32[] 3\nconst zero float32[] 0\nconst six float32[] 6\n" \
    "const sixth float32[] 0.16666667\n"

static void test_hard_swish(void **state)
{
    (void)state;
    static const char *const body[] = {
        "h = HardSigmoid-6(x) alpha=0.16666667 beta=0.5\ny = Mul-14(x, h)\noutput y\n",
        "h = HardSigmoid-6(x) alpha=0.16666667 beta=0.5\ny = Mul-14(h, x)\noutput y\n",
        "a = Add-14(x, three)\nc = Clip-13(a, zero, six)\nm = Mul-14(x, c)\ny = Div-14(m, six)\noutput y\n",
        "a = Add-14(three, x)\nc = Clip-6(a) min=0.0 max=6.0\nm = Div-14(c, six)\ny = Mul-14(m, x)\noutput y\n",
        "a = Add-14(x, three)\nc = Clip-13(a, zero, six)\nm = Mul-14(sixth, c)\ny = Mul-14(x, m)\noutput y\n",
        "a = Add-14(x, three)\nc = Clip-13(a, zero, six)\nm = Mul-14(x, sixth)\ny = Mul-14(m, c)\noutput y\n",
    };
    for (size_t i = 0; i < sizeof body / sizeof *body; i++)
        check_pattern(ALT_PASS_hard_swish, HARD_HEAD, body[i],
                      "  input x: float32[n,4]\n  input z: float32[n,4]\n"
                      "  y: float32[n,4] = HardSwish-14(x)\n  output y\n");
}

static void test_hard_swish_keeps(void **state)
{
    (void)state;
    static const char *const body[] = {
        "h = HardSigmoid-6(x) alpha=0.2 beta=0.5\ny = Mul-14(x, h)\noutput y\n",
        "h = HardSigmoid-6(x) alpha=0.16666667 beta=0.5\ny = Mul-14(z, h)\noutput y\n",
        "h = HardSigmoid-6(x) alpha=0.16666667 beta=0.5\ny = Mul-14(x, h)\noutput y\noutput h\n",
        "a = Add-14(x, three)\nc = Clip-13(a, zero, three)\nm = Mul-14(x, c)\ny = Div-14(m, six)\noutput y\n",
        "a = Add-14(x, three)\nc = Clip-13(a, zero)\nm = Mul-14(x, c)\ny = Div-14(m, six)\noutput y\n",
        "a = Add-14(x, three)\nc = Clip-13(a, zero, six)\ny = Mul-14(x, c)\noutput y\n",
        "a = Add-14(x, three)\nc = Clip-13(a, zero, six)\nm = Mul-14(x, c)\ny = Div-14(six, m)\noutput y\n",
        "a = Add-14(x, three)\nc = Clip-13(a, zero, six)\nm = Mul-14(x, c)\ny = Div-14(m, six)\noutput y\noutput a\n",
    };
    for (size_t i = 0; i < sizeof body / sizeof *body; i++)
        check_pattern(ALT_PASS_hard_swish, HARD_HEAD, body[i], NULL);
}

#define RMS_HEAD \
    "input x float32[n,5,4]\nconst two float32[] 2\nconst one float32[] 1\nconst minus float32[] -0.5\n" \
    "const eps float32[] 0.25\nconst s float32[4] 3\nconst w float32[5,1] 3\n"
#define RMS_CORE "p = Pow-13(x, two)\nm = ReduceMean-13(p) axes=[-1]\na = Add-14(m, eps)\n"

static void test_rms_norm(void **state)
{
    (void)state;
    static const char *const body[] = {
        RMS_CORE "r = Sqrt-13(a)\nd = Div-14(x, r)\ny = Mul-14(d, s)\noutput y\n",
        RMS_CORE "r = Sqrt-13(a)\ni = Reciprocal-13(r)\nd = Mul-14(i, x)\ny = Mul-14(s, d)\noutput y\n",
        RMS_CORE "r = Sqrt-13(a)\ni = Div-14(one, r)\nd = Mul-14(x, i)\ny = Mul-14(s, d)\noutput y\n",
        "p = Mul-14(x, x)\nm = ReduceMean-13(p) axes=[2]\na = Add-14(eps, m)\n"
        "i = Pow-13(a, minus)\nd = Mul-14(x, i)\ny = Mul-14(d, s)\noutput y\n",
    };
    for (size_t i = 0; i < sizeof body / sizeof *body; i++)
        check_pattern(ALT_PASS_rms_norm, RMS_HEAD, body[i],
                      "  input x: float32[n,5,4]\n  const s: float32[4]\n"
                      "  y: float32[n,5,4] = RMSNormalization-23(x, s) axis=-1 epsilon=0.25\n  output y\n");
}

static void test_rms_norm_keeps(void **state)
{
    (void)state;
    static const char *const body[] = {
        /* read elsewhere, another axis, a scale along another axis, another power, no scale */
        RMS_CORE "r = Sqrt-13(a)\nd = Div-14(x, r)\ny = Mul-14(d, s)\noutput y\noutput m\n",
        RMS_CORE "r = Sqrt-13(a)\nd = Div-14(x, r)\ny = Mul-14(d, s)\noutput y\noutput d\n",
        "p = Pow-13(x, two)\nm = ReduceMean-13(p) axes=[1]\na = Add-14(m, eps)\nr = Sqrt-13(a)\nd = Div-14(x, r)\n"
        "y = Mul-14(d, s)\noutput y\n",
        RMS_CORE "r = Sqrt-13(a)\nd = Div-14(x, r)\ny = Mul-14(d, w)\noutput y\n",
        "p = Pow-13(x, one)\nm = ReduceMean-13(p) axes=[-1]\na = Add-14(m, eps)\nr = Sqrt-13(a)\nd = Div-14(x, r)\n"
        "y = Mul-14(d, s)\noutput y\n",
        RMS_CORE "r = Sqrt-13(a)\ny = Div-14(x, r)\noutput y\n",
    };
    for (size_t i = 0; i < sizeof body / sizeof *body; i++)
        check_pattern(ALT_PASS_rms_norm, RMS_HEAD, body[i], NULL);
}

/* ---- layer_norm ---- */

#define NORM_HEAD \
    "input x float32[n,5,4]\nconst two float32[] 2\nconst eps float32[] 0.5\nconst s float32[4] 3\nconst b float32[4] 4\n"
#define NORM_CORE \
    "m = ReduceMean-13(x) axes=[-1]\nc = Sub-14(x, m)\np = Pow-13(c, two)\nv = ReduceMean-13(p) axes=[2]\n" \
    "a = Add-14(v, eps)\nr = Sqrt-13(a)\nd = Div-14(c, r)\n"

static void test_layer_norm(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
    } cases[] = {
        {NORM_HEAD NORM_CORE "z = Mul-14(d, s)\ny = Add-14(z, b)\noutput y\n",
         "  input x: float32[n,5,4]\n"
         "  const s: float32[4]\n"
         "  const b: float32[4]\n"
         "  y: float32[n,5,4] = LayerNormalization-17(x, s, b) axis=-1 epsilon=0.5\n"
         "  output y\n"},
        {NORM_HEAD NORM_CORE "y = Mul-14(s, d)\noutput y\n",
         "  input x: float32[n,5,4]\n"
         "  const s: float32[4]\n"
         "  y: float32[n,5,4] = LayerNormalization-17(x, s) axis=-1 epsilon=0.5\n"
         "  output y\n"},
        /* two axes, given as an input, squared by a product; the bias spans one axis too many and stays an Add */
        {"input x float32[n,5,4]\nconst eps float32[] 0.5\nconst s float32[5,4] 3\nconst b float32[1,5,4] 4\n"
         "const axes int64[2] -1 1\n"
         "m = ReduceMean-18(x, axes)\nc = Sub-14(x, m)\np = Mul-14(c, c)\nv = ReduceMean-18(p, axes)\n"
         "a = Add-14(eps, v)\nr = Sqrt-13(a)\nd = Div-14(c, r)\nz = Mul-14(d, s)\ny = Add-14(b, z)\noutput y\n",
         "  input x: float32[n,5,4]\n"
         "  const s: float32[5,4]\n"
         "  const b: float32[1,5,4]\n"
         "  %0: float32[n,5,4] = LayerNormalization-17(x, s) axis=-2 epsilon=0.5 # z\n"
         "  y: float32[n,5,4] = Add-14(b, %0)\n"
         "  output y\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        pass_check_tidy(ALT_PASS_layer_norm, cases[i].before, cases[i].after);
}

static void test_layer_norm_keeps(void **state)
{
    (void)state;
    static const char *const keep[] = {
        /* the variance is read elsewhere */
        NORM_HEAD NORM_CORE "y = Mul-14(d, s)\noutput y\noutput v\n",
        /* the scale has another axis than the normalised one */
        NORM_HEAD "const t float32[5,1] 1\n" NORM_CORE "y = Mul-14(d, t)\noutput y\n",
        /* a cube */
        NORM_HEAD "const three float32[] 3\n"
                  "m = ReduceMean-13(x) axes=[-1]\nc = Sub-14(x, m)\np = Pow-13(c, three)\nv = ReduceMean-13(p) axes=[2]\n"
                  "a = Add-14(v, eps)\nr = Sqrt-13(a)\nd = Div-14(c, r)\ny = Mul-14(d, s)\noutput y\n",
        /* means over different axes */
        NORM_HEAD "m = ReduceMean-13(x) axes=[1]\nc = Sub-14(x, m)\np = Pow-13(c, two)\nv = ReduceMean-13(p) axes=[2]\n"
                  "a = Add-14(v, eps)\nr = Sqrt-13(a)\nd = Div-14(c, r)\ny = Mul-14(d, s)\noutput y\n",
        /* an axis in the middle */
        NORM_HEAD "m = ReduceMean-13(x) axes=[1]\nc = Sub-14(x, m)\np = Pow-13(c, two)\nv = ReduceMean-13(p) axes=[1]\n"
                  "a = Add-14(v, eps)\nr = Sqrt-13(a)\nd = Div-14(c, r)\ny = Mul-14(d, s)\noutput y\n",
        /* the mean of something else */
        NORM_HEAD "input w float32[n,5,4]\n"
                  "m = ReduceMean-13(w) axes=[2]\nc = Sub-14(x, m)\np = Pow-13(c, two)\nv = ReduceMean-13(p) axes=[2]\n"
                  "a = Add-14(v, eps)\nr = Sqrt-13(a)\nd = Div-14(c, r)\ny = Mul-14(d, s)\noutput y\n",
    };
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
        pass_check(ALT_PASS_layer_norm, keep[i], NULL);
}

/* ---- attention ---- */

#define ATTENTION_HEAD \
    "input q float32[b,2,n,4]\ninput k float32[b,2,m,4]\ninput v float32[b,2,m,3]\ninput f float32[b,n,4]\n" \
    "input g float32[m,b,4]\ninput h float32[b,m,3]\ninput u float32[b,2,4,m]\ninput mask float32[b,1,1,m]\n" \
    "input plain float32[n,m]\ninput short float32[1]\ninput wide float32[2,b,2,n,m]\ninput one float32[b,1,m,4]\n" \
    "const eight float32[] 8\nconst half float32[1] 0.5\nconst five float32[1,1,1,1,1] 2\n"
#define ATTENTION_INPUTS \
    "  input q: float32[b,2,n,4]\n  input k: float32[b,2,m,4]\n  input v: float32[b,2,m,3]\n  input f: float32[b,n,4]\n" \
    "  input g: float32[m,b,4]\n  input h: float32[b,m,3]\n  input u: float32[b,2,4,m]\n  input mask: float32[b,1,1,m]\n" \
    "  input plain: float32[n,m]\n  input short: float32[1]\n  input wide: float32[2,b,2,n,m]\n  input one: float32[b,1,m,4]\n"
#define ATTENTION_KEY "t = Transpose-13(k) perm=[0,1,3,2]\n"
#define ATTENTION_TAIL "w = Softmax-13(a) axis=-1\ny = MatMul-13(w, v)\noutput y\n"

static void test_attention(void **state)
{
    (void)state;
    static const struct {
        const char *body, *after;
    } cases[] = {
        /* as BERT has it */
        {ATTENTION_KEY "s = MatMul-13(q, t)\nd = Div-14(s, eight)\na = Add-14(d, mask)\n" ATTENTION_TAIL,
         ATTENTION_INPUTS "  y: float32[b,2,n,3] = Attention-23(q, k, v, mask) scale=0.125\n  output y\n"},
        /* numbers on all three, the mask first */
        {ATTENTION_KEY "p = Mul-14(q, half)\nr = Mul-14(half, t)\ns = MatMul-13(p, r)\nd = Mul-14(s, half)\n"
                       "a = Add-14(plain, d)\n" ATTENTION_TAIL,
         ATTENTION_INPUTS "  y: float32[b,2,n,3] = Attention-23(q, k, v, plain) scale=0.125\n  output y\n"},
        /* keys that lie transposed, neither number nor mask */
        {"a = MatMul-13(q, u)\n" ATTENTION_TAIL,
         ATTENTION_INPUTS "  %0: float32[b,2,m,4] = Transpose-13(u) perm=[0,1,3,2] # y\n"
                          "  y: float32[b,2,n,3] = Attention-23(q, %0, v) scale=1\n  output y\n"},
        /* one head a batch; two transpositions in one */
        {"t = Transpose-13(g) perm=[1,2,0]\ns = MatMul-13(f, t)\na = Mul-14(s, half)\nw = Softmax-11(a) axis=2\n"
         "y = MatMul-13(w, h)\noutput y\n",
         ATTENTION_INPUTS "  %0: float32[b,m,4] = Transpose-13(g) perm=[1,0,2] # y\n"
                          "  y: float32[b,n,3] = Attention-23(f, %0, h) kv_num_heads=1 q_num_heads=1 scale=0.5\n  output y\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_pattern(ALT_PASS_attention, ATTENTION_HEAD, cases[i].body, cases[i].after);
}

static void test_attention_keeps(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        /* read elsewhere: scores, weights */
        ATTENTION_KEY "a = MatMul-13(q, t)\noutput a\n" ATTENTION_TAIL,
        ATTENTION_KEY "a = MatMul-13(q, t)\n" ATTENTION_TAIL "output w\n",
        /* another axis */
        ATTENTION_KEY "a = MatMul-13(q, t)\nw = Softmax-13(a) axis=2\ny = MatMul-13(w, v)\noutput y\n",
        ATTENTION_KEY "a = MatMul-13(q, t)\nw = Softmax-11(a)\ny = MatMul-13(w, v)\noutput y\n",
        /* masks: one element, more axes than the scores */
        ATTENTION_KEY "s = MatMul-13(q, t)\na = Add-14(s, short)\n" ATTENTION_TAIL,
        ATTENTION_KEY "s = MatMul-13(q, t)\na = Add-14(s, wide)\n" ATTENTION_TAIL,
        /* a number that adds an axis; heads that are broadcast */
        ATTENTION_KEY "s = MatMul-13(q, t)\na = Mul-14(s, five)\n" ATTENTION_TAIL,
        "t = Transpose-13(one) perm=[0,1,3,2]\na = MatMul-13(q, t)\n" ATTENTION_TAIL,
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        check_pattern(ALT_PASS_attention, ATTENTION_HEAD, bodies[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attention), cmocka_unit_test(test_attention_keeps),
        cmocka_unit_test(test_gelu),
        cmocka_unit_test(test_gelu_keeps),
        cmocka_unit_test(test_gelu_tanh),
        cmocka_unit_test(test_gelu_tanh_keeps),
        cmocka_unit_test(test_swish),
        cmocka_unit_test(test_swish_keeps),
        cmocka_unit_test(test_hard_swish),
        cmocka_unit_test(test_hard_swish_keeps),
        cmocka_unit_test(test_rms_norm),
        cmocka_unit_test(test_rms_norm_keeps),
        cmocka_unit_test(test_layer_norm),
        cmocka_unit_test(test_layer_norm_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
