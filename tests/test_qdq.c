/* test_qdq.c: the passes over quantised models: graph text before and after, and answers that stay within one quantum. */
#include "runtime/pass.h"
#include "runtime/step.h"
#include "tests/cmocka_all.h"
#include "tests/graph_text.h"
#include "tests/pass_check.h"

#include <stdio.h>
#include <string.h>

static struct graph_text text;

#define CONV_HEAD \
    "input x uint8[n,2,5,5]\nconst w int8[3,2,3,3] 7\nconst b int32[3] 100\nconst sx float32[] 0.5\nconst zx uint8[] 3\n" \
    "const sw float32[3] 0.25\nconst zw int8[3] 0\nconst sb float32[3] 0.125\nconst zb int32[3] 0\nconst sy float32[] 4.0\n" \
    "const zy uint8[] 0\nconst mid uint8[] 9\n"
#define CONV_BODY \
    "xf = DequantizeLinear-13(x, sx, zx)\nwf = DequantizeLinear-13(w, sw, zw) axis=0\nbf = DequantizeLinear-13(b, sb, zb) axis=0\n"
#define CONV_CONSTS \
    "  input x: uint8[n,2,5,5]\n  const w: int8[3,2,3,3]\n  const b: int32[3] = [100,100,100]\n  const sx: float32[]\n" \
    "  const zx: uint8[]\n  const sw: float32[3]\n  const zw: int8[3]\n  const sy: float32[]\n"

static void test_conv(void **state)
{
    (void)state;
    pass_check_tidy(ALT_PASS_fold_qdq,
                    CONV_HEAD CONV_BODY "c = Conv-11(xf, wf, bf) pads=[1,1,1,1]\ny = QuantizeLinear-13(c, sy, mid)\noutput y\n",
                    CONV_CONSTS "  const mid: uint8[]\n"
                    "  y: uint8[n,3,5,5] = QLinearConv-11(x, sx, zx, w, sw, zw, sy, mid, b) pads=[1,1,1,1] # c\n  output y\n");
    /* Relu is what saturation does: the zero point is the least number */
    pass_check_tidy(ALT_PASS_fold_qdq,
                    CONV_HEAD CONV_BODY "c = Conv-11(xf, wf, bf)\nr = Relu-13(c)\ny = QuantizeLinear-13(r, sy, zy)\noutput y\n",
                    CONV_CONSTS "  const zy: uint8[]\n"
                    "  y: uint8[n,3,3,3] = QLinearConv-11(x, sx, zx, w, sw, zw, sy, zy, b) # c\n  output y\n");
    /* no bias, no zero point of y: it is uint8 then */
    pass_check_tidy(ALT_PASS_fold_qdq,
                    CONV_HEAD CONV_BODY "c = Conv-11(xf, wf)\ny = QuantizeLinear-13(c, sy)\noutput y\n",
                    "  input x: uint8[n,2,5,5]\n  const w: int8[3,2,3,3]\n  const sx: float32[]\n  const zx: uint8[]\n"
                    "  const sw: float32[3]\n  const zw: int8[3]\n  const sy: float32[]\n  const %0: uint8[]\n"
                    "  y: uint8[n,3,3,3] = QLinearConv-11(x, sx, zx, w, sw, zw, sy, %0) # c\n  output y\n");
}

static void test_symmetric_relu(void **state)
{
    (void)state;
    pass_check_tidy(ALT_PASS_fold_qdq,
                    "input x int8[1,1,4]\nconst w int8[1,1,2] 7\nconst s float32[] 0.5\nconst z int8[] 0\n"
                    "a = DequantizeLinear-13(x, s, z)\nwf = DequantizeLinear-13(w, s, z)\nc = Conv-11(a, wf)\nr = Relu-14(c)\n"
                    "y = QuantizeLinear-13(r, s, z)\noutput y\n",
                    "  input x: int8[1,1,4]\n  const w: int8[1,1,2]\n  const s: float32[]\n  const z: int8[]\n"
                    "  %0: int8[1,1,3] = QLinearConv-11(x, s, z, w, s, z, s, z) # c\n"
                    "  y: int8[1,1,3] = Relu-14(%0) # r\n  output y\n");
}

static void test_matmul(void **state)
{
    (void)state;
    pass_check_tidy(ALT_PASS_fold_qdq,
                    "input x int8[n,4]\nconst w uint8[4,2] 7\nconst s float32[] 0.5\nconst z int8[] 1\nconst sw float32[2] 0.25\n"
                    "const zw uint8[2] 4\na = DequantizeLinear-13(x, s, z)\nb = DequantizeLinear-13(w, sw, zw) axis=-1\n"
                    "c = MatMul-13(a, b)\ny = QuantizeLinear-13(c, s, z)\noutput y\n",
                    "  input x: int8[n,4]\n  const w: uint8[4,2]\n  const s: float32[]\n  const z: int8[]\n  const sw: float32[2]\n"
                    "  const zw: uint8[2]\n  y: int8[n,2] = QLinearMatMul-13(x, s, z, w, sw, zw, s, z) # c\n  output y\n");
}

static void test_fold_keeps(void **state)
{
    (void)state;
    static const char *const body[] = {
        /* Relu that saturation does not do */
        CONV_BODY "c = Conv-11(xf, wf, bf)\nr = Relu-13(c)\ny = QuantizeLinear-13(r, sy, mid)\noutput y\n",
        /* somebody reads the float result */
        CONV_BODY "c = Conv-11(xf, wf, bf)\ny = QuantizeLinear-13(c, sy, mid)\noutput y\noutput c\n",
        /* scales along the input channels */
        "const s2 float32[2] 0.25\nxf = DequantizeLinear-13(x, sx, zx)\nwf = DequantizeLinear-13(w, s2) axis=1\n"
        "c = Conv-11(xf, wf)\ny = QuantizeLinear-13(c, sy, mid)\noutput y\n",
        /* a bias of another scale */
        "xf = DequantizeLinear-13(x, sx, zx)\nwf = DequantizeLinear-13(w, sw, zw) axis=0\n"
        "bf = DequantizeLinear-13(b, sw, zb) axis=0\nc = Conv-11(xf, wf, bf)\ny = QuantizeLinear-13(c, sy, mid)\noutput y\n",
        /* a bias so large that sums may leave int32 */
        "const big int32[3] 2147000000\nxf = DequantizeLinear-13(x, sx, zx)\nwf = DequantizeLinear-13(w, sw, zw) axis=0\n"
        "bf = DequantizeLinear-13(big, sb, zb) axis=0\nc = Conv-11(xf, wf, bf)\ny = QuantizeLinear-13(c, sy, mid)\noutput y\n",
        /* a scale that is an input */
        "input s float32[]\n" CONV_BODY "c = Conv-11(xf, wf, bf)\ny = QuantizeLinear-13(c, s, mid)\noutput y\n",
        /* a scale of zero */
        "const none float32[] 0\n" CONV_BODY "c = Conv-11(xf, wf, bf)\ny = QuantizeLinear-13(c, none, mid)\noutput y\n",
    };
    for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
        char before[2048];
        snprintf(before, sizeof before, "%s%s", CONV_HEAD, body[i]);
        pass_check_tidy(ALT_PASS_fold_qdq, before, NULL);
    }
}

#define MOVE_HEAD "input x uint8[2,4,6]\nconst s float32[] 0.5\nconst z uint8[] 3\nconst t float32[] 0.25\n"

static void test_move(void **state)
{
    (void)state;
    static const struct {
        const char *node, *after;
    } cases[] = {
        {"m = MaxPool-12(a) kernel_shape=[2]\n", "  y: uint8[2,4,5] = MaxPool-12(x) kernel_shape=[2] # m\n"},
        {"m = Transpose-13(a) perm=[2,0,1]\n", "  y: uint8[6,2,4] = Transpose-13(x) perm=[2,0,1] # m\n"},
        {"m = Flatten-13(a)\n", "  y: uint8[2,24] = Flatten-13(x) # m\n"},
        {"m = Concat-13(a, a) axis=0\n", "  y: uint8[4,4,6] = Concat-13(x, x) axis=0 # m\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char before[512], after[512];
        snprintf(before, sizeof before, "%sa = DequantizeLinear-13(x, s, z)\n%sy = QuantizeLinear-13(m, s, z)\noutput y\n",
                 MOVE_HEAD, cases[i].node);
        snprintf(after, sizeof after, "  input x: uint8[2,4,6]\n%s  output y\n", cases[i].after);
        pass_check_tidy(ALT_PASS_move_qdq, before, after);
    }
    pass_check_tidy(ALT_PASS_move_qdq,
                    MOVE_HEAD "a = DequantizeLinear-13(x, s, z)\nb = QuantizeLinear-13(a, s, z)\ny = Flatten-13(b)\noutput y\n",
                    "  input x: uint8[2,4,6]\n  y: uint8[2,24] = Flatten-13(x)\n  output y\n");
}

static void test_move_keeps(void **state)
{
    (void)state;
    static const char *const body[] = {
        "a = DequantizeLinear-13(x, s, z)\nm = Flatten-13(a)\ny = QuantizeLinear-13(m, t, z)\noutput y\n",
        "a = DequantizeLinear-13(x, s, z)\nm = Flatten-13(a)\ny = QuantizeLinear-13(m, s)\noutput y\n",
        "a = DequantizeLinear-13(x, s, z)\nm = Sqrt-13(a)\ny = QuantizeLinear-13(m, s, z)\noutput y\n",
        "a = DequantizeLinear-13(x, s, z)\nb = DequantizeLinear-13(x, t, z)\nm = Concat-13(a, b) axis=0\n"
        "y = QuantizeLinear-13(m, s, z)\noutput y\n",
    };
    for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
        char before[512];
        snprintf(before, sizeof before, "%s%s", MOVE_HEAD, body[i]);
        pass_check_tidy(ALT_PASS_move_qdq, before, NULL);
    }
}

static void test_binary(void **state)
{
    (void)state;
    pass_check_tidy(ALT_PASS_fold_qdq_binary,
                    MOVE_HEAD "input v uint8[6]\na = DequantizeLinear-13(x, s, z)\nb = DequantizeLinear-13(v, t)\nc = Add-14(a, b)\n"
                              "y = QuantizeLinear-13(c, t, z)\noutput y\n",
                    "  input x: uint8[2,4,6]\n  input v: uint8[6]\n  const s: float32[]\n  const z: uint8[]\n  const t: float32[]\n"
                    "  y: uint8[2,4,6] = com.microsoft.QLinearAdd-1(x, s, z, v, t, _, t, z) # c\n  output y\n");
    /* another type, and a sum that somebody reads */
    pass_check_tidy(ALT_PASS_fold_qdq_binary,
                    MOVE_HEAD "input v int8[6]\na = DequantizeLinear-13(x, s, z)\nb = DequantizeLinear-13(v, t)\nc = Mul-14(a, b)\n"
                              "y = QuantizeLinear-13(c, t, z)\noutput y\n",
                    NULL);
    pass_check_tidy(ALT_PASS_fold_qdq_binary,
                    MOVE_HEAD "a = DequantizeLinear-13(x, s, z)\nc = Mul-14(a, a)\ny = QuantizeLinear-13(c, t, z)\noutput y\noutput c\n",
                    NULL);
}

/* Folding leaves the weights of a pattern quantised, also while a scale is still to be folded, and folds all others. */
static void test_folding_waits(void **state)
{
    (void)state;
    pass_check_tidy(ALT_PASS_fold, CONV_HEAD CONV_BODY "c = Conv-11(xf, wf, bf)\ny = QuantizeLinear-13(c, sy, mid)\noutput y\n", NULL);
    static const char *const made[] = {"half = Mul-13(sy, sy)\n", ""};
    static const char *const scale[] = {"half", "sy"};
    for (int i = 0; i < 2; i++) {
        char before[2048];
        bool changed = false;
        snprintf(before, sizeof before, "%s%sc = Conv-11(xf, wf, bf)\n%sy = QuantizeLinear-13(c, %s, mid)\noutput y\n", CONV_HEAD,
                 CONV_BODY, made[i], scale[i]);
        assert_int_equal(graph_text_open(&text, NULL, before), ALT_OK);
        assert_int_equal(alt_passes_run(text.graph, NULL, &text.diag), ALT_OK);
        assert_int_equal(text.graph->n_nodes, 1);
        assert_int_equal(text.graph->first->op, ALT_OP_QLINEAR_CONV);
        graph_text_close(&text);
        /* without the last step, the weights are constants of float32 */
        assert_int_equal(graph_text_open(&text, NULL, CONV_HEAD CONV_BODY "c = Conv-11(xf, wf, bf)\noutput c\n"), ALT_OK);
        assert_int_equal(alt_graph_infer(text.graph, &text.diag), ALT_OK);
        assert_int_equal(alt_pass_fold(text.graph, &text.diag, &changed), ALT_OK);
        assert_true(changed && text.graph->last->in[1]->kind == ALT_GV_CONST);
        graph_text_close(&text);
    }
}

/* Evaluates the graph node by node over x; the last output, as integers. */
static void run_graph(const struct alt_tensor *x, int64_t *out, int64_t count)
{
    const struct alt_tensor *value[64] = {0};
    for (int i = 0; i < text.graph->n_values; i++)
        value[i] = text.graph->values[i] ? text.graph->values[i]->type.known : NULL;
    value[text.graph->inputs[0]->id] = x;
    for (const struct alt_node *n = text.graph->first; n; n = n->next) {
        const struct alt_tensor *in[9] = {0};
        struct alt_tensor *y = alt_arena_alloc(&text.arena, sizeof *y);
        for (int i = 0; i < n->n_in; i++)
            in[i] = n->in[i] ? value[n->in[i]->id] : NULL;
        assert_int_equal(alt_node_evaluate(n, in, &text.arena, y, &text.diag), ALT_OK);
        assert_true(n->out[0]->id < 64);
        value[n->out[0]->id] = y;
    }
    const struct alt_tensor *y = value[text.graph->outputs[0]->id];
    assert_int_equal(alt_tensor_count(y), count);
    for (int64_t i = 0; i < count; i++)
        out[i] = alt_tensor_int(y, i);
}

static void test_answers(void **state)
{
    (void)state;
    enum { X = 2 * 5 * 5, Y = 3 * 5 * 5 };
    uint8_t data[X];
    int64_t before[Y], after[Y];
    bool changed = false;
    for (int i = 0; i < X; i++)
        data[i] = (uint8_t)(i * 37 + 11);
    const struct alt_tensor x = {.dtype = ALT_UINT8, .rank = 4, .dim = {1, 2, 5, 5}, .data = data, .bytes = X};
    assert_int_equal(graph_text_open(&text, NULL,
                                     "input x uint8[1,2,5,5]\nconst w int8[3,2,3,3] 7\nconst b int32[3] 100\n"
                                     "const sx float32[] 0.03\nconst zx uint8[] 90\nconst sw float32[3] 0.007\n"
                                     "const zw int8[3] 2\nconst sb float32[3] 0.00021\nconst sy float32[] 0.0121\n"
                                     "const zy uint8[] 120\n" "xf = DequantizeLinear-13(x, sx, zx)\nwf = DequantizeLinear-13(w, sw, zw) axis=0\n"
                                     "bf = DequantizeLinear-13(b, sb) axis=0\n"
                                     "c = Conv-11(xf, wf, bf) pads=[1,1,1,1]\ny = QuantizeLinear-13(c, sy, zy)\noutput y\n"),
                     ALT_OK);
    assert_int_equal(alt_graph_infer(text.graph, &text.diag), ALT_OK);
    run_graph(&x, before, Y);
    assert_int_equal(alt_pass_fold_qdq(text.graph, &text.diag, &changed), ALT_OK);
    assert_true(changed);
    run_graph(&x, after, Y);
    int64_t inside = 0;
    for (int i = 0; i < Y; i++) {
        assert_in_range(after[i] - before[i] + 1, 0, 2);
        inside += after[i] > 0 && after[i] < 255;
    }
    assert_true(inside > Y / 2); /* not all saturated */
    graph_text_close(&text);
}

static void test_no_memory(void **state)
{
    (void)state;
    pass_check_memory(CONV_HEAD CONV_BODY "c = Conv-11(xf, wf, bf)\nq = QuantizeLinear-13(c, sy)\nd = DequantizeLinear-13(q, sy)\n"
                      "f = Flatten-13(d)\ny = QuantizeLinear-13(f, sy)\noutput y\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),       cmocka_unit_test(test_symmetric_relu), cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_fold_keeps), cmocka_unit_test(test_move),           cmocka_unit_test(test_move_keeps),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_folding_waits), cmocka_unit_test(test_answers),     cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
