/* Conv against sums in double: every rank, stride, dilation, padding, group and type, extents that meet every edge of the
 * tiles. */
#include "tests/op_check.h"

#include "runtime/kernels/kern.h"
#include "runtime/layout.h"
#include "tests/cmocka_all.h"

#include <string.h>

struct conv_case {
    alt_dtype dtype;
    int rank; /* spatial axes */
    int64_t n, group, ic, oc; /* channels a group */
    int64_t in[3], kernel[3], stride[3], dilation[3], begin[3], end[3];
    bool bias;
    const char *auto_pad;
    int64_t out[3]; /* expected; checked when not 0 */
};

static int64_t product(int rank, const int64_t *v)
{
    int64_t p = 1;
    for (int i = 0; i < rank; i++)
        p *= v[i];
    return p;
}

/* Input position of window element (coordinates of output pixel p, tap t), or -1 in the padding. */
static int64_t position(const struct conv_case *s, const int64_t *out, int64_t p, int64_t t)
{
    int64_t at = 0, step = 1;
    for (int a = s->rank - 1; a >= 0; a--) {
        const int64_t i = p % out[a] * s->stride[a] - s->begin[a] + t % s->kernel[a] * s->dilation[a];
        if (i < 0 || i >= s->in[a])
            return -1;
        at += i * step;
        step *= s->in[a];
        p /= out[a];
        t /= s->kernel[a];
    }
    return at;
}

static void add_inputs(struct op_check *c, const struct conv_case *s, bool exact)
{
    int64_t x[5] = {s->n, s->ic * s->group}, w[5] = {s->oc * s->group, s->ic}, pads[6], b = s->oc * s->group;
    for (int a = 0; a < s->rank; a++) {
        x[2 + a] = s->in[a];
        w[2 + a] = s->kernel[a];
        pads[a] = s->begin[a];
        pads[s->rank + a] = s->end[a];
    }
    op_in(c, s->dtype, exact, s->rank + 2, x);
    op_in(c, s->dtype, exact, s->rank + 2, w);
    if (s->bias)
        op_in(c, s->dtype, exact, 1, &b);
    op_ints(c, "strides", s->rank, s->stride);
    op_ints(c, "dilations", s->rank, s->dilation);
    op_int(c, "group", s->group);
    if (s->auto_pad)
        op_text(c, "auto_pad", s->auto_pad);
    else
        op_ints(c, "pads", 2 * s->rank, pads);
}

/* `s` has the padding that auto_pad must come to. */
static void check_output(const struct op_check *c, const struct conv_case *s)
{
    const struct alt_tensor *y = &c->out[0];
    const int64_t taps = product(s->rank, s->kernel), image = product(s->rank, s->in);
    const int64_t pixels = product(s->rank, y->dim + 2), o_all = s->oc * s->group;
    assert_int_equal(y->dim[0], s->n);
    assert_int_equal(y->dim[1], o_all);
    for (int a = 0; a < s->rank; a++) {
        const int64_t span = (s->kernel[a] - 1) * s->dilation[a] + 1;
        assert_int_equal(y->dim[2 + a], (s->in[a] + s->begin[a] + s->end[a] - span) / s->stride[a] + 1);
    }
    for (int64_t e = 0; e < alt_tensor_count(y); e++) {
        const int64_t p = e % pixels, o = e / pixels % o_all, n = e / pixels / o_all;
        double want = 0;
        for (int64_t i = 0; i < s->ic; i++)
            for (int64_t t = 0; t < taps; t++) {
                const int64_t at = position(s, y->dim + 2, p, t), ch = n * s->ic * s->group + o / s->oc * s->ic + i;
                if (at >= 0)
                    want += op_get(c->in[0], ch * image + at) * op_get(c->in[1], (o * s->ic + i) * taps + t);
            }
        if (s->bias)
            want += op_get(c->in[2], o);
        op_expect(op_get(y, e), want, op_tolerance(s->dtype, 0), e);
    }
}

/* Blocked layouts give the same bits as plain ones; there is a kernel exactly for group 1 and depthwise float32. */
static void check_blocked(struct op_check *c, const struct conv_case *s)
{
    const int block = alt_kern_f32()->block, rank = s->rank + 2;
    const struct alt_layout *in[3] = {NULL, NULL, NULL}, *out[1], *x;
    struct alt_tensor y;
    assert_int_equal(alt_layout_blocked(&c->arena, rank, 1, block, &x), ALT_OK);
    assert_int_equal(alt_layout_blocked(&c->arena, rank, 0, block, &in[1]), ALT_OK);
    out[0] = x;
    for (int blocked_x = 0; blocked_x < 2; blocked_x++) {
        in[0] = blocked_x ? x : NULL;
        const bool depthwise = s->ic == 1 && s->oc == 1 && blocked_x;
        const bool have = s->dtype == ALT_FLOAT32 && (s->group == 1 || depthwise);
        assert_int_equal(op_run_layouts(c, in, out, false, &y), have ? ALT_OK : ALT_E_UNSUPPORTED);
        if (have)
            op_expect_same(&c->out[0], &y);
    }
}

/* `exact`: with numbers whose sums are exact, so that the answers are known; else with others, so that the order shows. */
static void check_numbers(const struct conv_case *s, bool exact)
{
    struct op_check c;
    op_begin(&c, "Conv", 22);
    add_inputs(&c, s, exact);
    assert_int_equal(op_run(&c), ALT_OK);
    if (exact)
        check_output(&c, s);
    const struct alt_layout *plain[3] = {NULL, NULL, NULL};
    struct alt_tensor y;
    assert_int_equal(op_run_layouts(&c, plain, plain, true, &y), ALT_OK);
    op_expect_same(&c.out[0], &y);
    check_blocked(&c, s);
    op_end(&c);
}

static void check(const struct conv_case *s)
{
    check_numbers(s, true);
    check_numbers(s, false);
}

#define ONES {1, 1, 1}
#define ZERO {0, 0, 0}

static void conv_shapes(void **state)
{
    (void)state;
    static const alt_dtype types[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16};
    static const struct conv_case cases[] = {
        {0, 1, 2, 1, 3, 5, {17}, {3}, ONES, ONES, {1}, {1}, true, NULL, ZERO},
        {0, 1, 1, 1, 3, 5, {40}, {5}, {2}, {3}, {4}, {0}, false, NULL, ZERO},
        {0, 2, 1, 1, 3, 7, {9, 11}, {3, 3}, ONES, ONES, ONES, ONES, true, NULL, ZERO},
        {0, 2, 2, 1, 5, 9, {14, 14}, {3, 3}, {2, 2, 1}, ONES, ONES, ONES, true, NULL, ZERO},
        {0, 2, 1, 1, 17, 33, {7, 7}, {1, 1}, ONES, ONES, ZERO, ZERO, true, NULL, ZERO},
        {0, 2, 1, 1, 40, 20, {8, 9}, {3, 3}, ONES, ONES, ONES, ONES, true, NULL, ZERO}, /* several reduction blocks */
        {0, 2, 1, 1, 2, 8, {6, 70}, {1, 7}, {1, 3, 1}, {1, 2, 1}, {0, 6, 0}, {0, 2, 0}, false, NULL, ZERO},
        {0, 2, 1, 1, 4, 4, {5, 5}, {3, 3}, ONES, {2, 2, 1}, {2, 2, 0}, {2, 2, 0}, true, NULL, ZERO},
        {0, 2, 2, 3, 2, 5, {6, 6}, {3, 3}, ONES, ONES, ONES, ONES, true, NULL, ZERO},
        {0, 2, 1, 4, 3, 1, {6, 6}, {2, 2}, {2, 2, 1}, ONES, ZERO, ZERO, true, NULL, ZERO},
        {0, 2, 1, 9, 1, 1, {12, 13}, {3, 3}, ONES, ONES, ONES, ONES, true, NULL, ZERO}, /* depthwise */
        {0, 2, 1, 9, 1, 1, {12, 13}, {3, 3}, {2, 2, 1}, ONES, ONES, ONES, false, NULL, ZERO},
        {0, 2, 1, 5, 1, 2, {7, 40}, {5, 5}, {1, 2, 1}, {1, 2, 1}, {2, 4, 0}, {2, 4, 0}, true, NULL, ZERO},
        {0, 3, 1, 1, 3, 5, {5, 6, 7}, {3, 3, 3}, ONES, ONES, ONES, ONES, true, NULL, ZERO},
        {0, 3, 1, 1, 3, 9, {6, 9, 8}, {3, 7, 7}, {1, 2, 2}, ONES, {1, 3, 3}, {1, 3, 3}, false, NULL, ZERO},
        {0, 3, 2, 4, 1, 1, {5, 6, 7}, {3, 3, 3}, {2, 1, 1}, {1, 2, 1}, {1, 2, 1}, {1, 2, 1}, true, NULL, ZERO},
        {0, 2, 1, 1, 2, 3, {3, 3}, {3, 3}, ONES, ONES, {5, 5, 0}, {4, 6, 0}, true, NULL, ZERO}, /* windows all padding */
        {0, 2, 1, 1, 70, 140, {7, 7}, {3, 3}, ONES, ONES, ONES, ONES, true, NULL, ZERO},
        {0, 2, 2, 1, 40, 40, {30, 12}, {3, 3}, ONES, ONES, ONES, ONES, true, NULL, ZERO}, /* several tiles of rows */
        {0, 1, 1, 1, 9, 20, {600}, {5}, ONES, ONES, {2}, {2}, true, NULL, ZERO},          /* and of columns */
        {0, 2, 1, 19, 1, 1, {5, 600}, {3, 3}, ONES, ONES, ONES, ONES, true, NULL, ZERO},
        {0, 2, 2, 19, 1, 1, {60, 20}, {3, 3}, {2, 2, 1}, ONES, ZERO, ZERO, true, NULL, ZERO},
        {0, 2, 1, 1, 1, 8, {5, 5}, {1, 1}, ONES, ONES, ZERO, ZERO, true, NULL, ZERO},
        {0, 2, 1, 1, 1, 1, {5, 5}, {3, 3}, ONES, ONES, ONES, ONES, true, NULL, ZERO},
        {0, 2, 0, 1, 3, 7, {9, 11}, {3, 3}, ONES, ONES, ONES, ONES, true, NULL, ZERO}, /* empty batch */
        {0, 2, 1, 1, 0, 3, {4, 4}, {3, 3}, ONES, ONES, ONES, ONES, true, NULL, ZERO},  /* empty sum */
    };
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct conv_case s = cases[i];
            s.dtype = types[t];
            check(&s);
        }
}

/* The padding of each case is what ONNX's formulas give for auto_pad. */
static void conv_auto_pad(void **state)
{
    (void)state;
    static const struct conv_case cases[] = {
        {ALT_FLOAT32, 2, 1, 1, 2, 3, {5, 6}, {3, 4}, {1, 1, 1}, ONES, {1, 1, 0}, {1, 2, 0}, true, "SAME_UPPER", ZERO},
        {ALT_FLOAT32, 2, 1, 1, 2, 3, {5, 6}, {3, 4}, {1, 1, 1}, ONES, {1, 2, 0}, {1, 1, 0}, true, "SAME_LOWER", ZERO},
        {ALT_FLOAT32, 2, 1, 1, 2, 3, {5, 6}, {3, 3}, {2, 2, 1}, ONES, {1, 0, 0}, {1, 1, 0}, true, "SAME_UPPER", ZERO},
        {ALT_FLOAT32, 1, 1, 1, 2, 3, {9}, {3}, {1}, {2}, {2}, {2}, true, "SAME_LOWER", ZERO},
        {ALT_FLOAT32, 2, 1, 1, 2, 3, {5, 6}, {3, 4}, {2, 1, 1}, ONES, ZERO, ZERO, true, "VALID", ZERO},
        {ALT_FLOAT32, 1, 1, 1, 2, 3, {5}, {1}, {3}, ONES, ZERO, ZERO, true, "SAME_UPPER", ZERO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
}

static void refuse(const struct conv_case *s, const int64_t *x_dims, alt_status want)
{
    struct op_check c;
    op_begin(&c, "Conv", 22);
    add_inputs(&c, s, true);
    struct alt_tensor x = *c.in[0];
    memcpy(x.dim, x_dims, 4 * sizeof *x_dims);
    x.bytes = alt_dtype_bytes(x.dtype, alt_tensor_count(&x));
    x.data = alt_arena_data(&c.arena, x.bytes);
    c.in[0] = &x;
    assert_int_equal(op_run(&c), want);
    op_end(&c);
}

static void conv_refuses(void **state)
{
    (void)state;
    struct conv_case s = {ALT_FLOAT32, 2, 1, 2, 2, 3, {5, 6}, {3, 3}, ONES, ONES, ZERO, ZERO, true, NULL, ZERO};
    refuse(&s, (const int64_t[]){1, 4, 5, 6}, ALT_OK);
    refuse(&s, (const int64_t[]){1, 3, 5, 6}, ALT_E_SHAPE); /* channels */
    refuse(&s, (const int64_t[]){1, 4, 2, 6}, ALT_E_SHAPE); /* too small for the kernel */
    s.begin[0] = -1;
    refuse(&s, (const int64_t[]){1, 4, 5, 6}, ALT_E_MODEL);
    s.begin[0] = 0;
    s.stride[1] = 0;
    refuse(&s, (const int64_t[]){1, 4, 5, 6}, ALT_E_MODEL);
    s.stride[1] = 1;
    s.auto_pad = "SIDEWAYS";
    refuse(&s, (const int64_t[]){1, 4, 5, 6}, ALT_E_MODEL);
}

/* A kernel that reaches billions of positions beyond its input is refused, not tried. */
static void conv_reach(void **state)
{
    (void)state;
    const int64_t far = INT32_MAX;
    for (int group = 1; group <= 2; group++) {
        struct conv_case s = {ALT_FLOAT32, 2, 1, group, 1, 1, {1, 1}, {2, 2}, ONES, {far, far}, {far, far}, {0, 0}, false, NULL, ZERO};
        struct op_check c;
        op_begin(&c, "Conv", 22);
        add_inputs(&c, &s, true);
        assert_int_equal(op_run(&c), ALT_E_UNSUPPORTED);
        op_end(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_shapes),
        cmocka_unit_test(conv_auto_pad),
        cmocka_unit_test(conv_refuses),
        cmocka_unit_test(conv_reach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
