/* ConvTranspose against scattering in double. */
#include "tests/op_check.h"

#include "tests/cmocka_all.h"

#include <string.h>

struct transpose_case {
    alt_dtype dtype;
    int rank;
    int64_t n, group, ic, oc;
    int64_t in[3], kernel[3], stride[3], dilation[3], begin[3], end[3], more[3];
    int64_t out[3]; /* expected */
    bool bias, output_shape;
    const char *auto_pad; /* begin above is what it comes to */
};

static int64_t product(int rank, const int64_t *v)
{
    int64_t p = 1;
    for (int i = 0; i < rank; i++)
        p *= v[i];
    return p;
}

/* Output pixel that input pixel q reaches through kernel position t; -1: none. */
static int64_t target(const struct transpose_case *s, int64_t q, int64_t t)
{
    int64_t at = 0, step = 1;
    for (int a = s->rank - 1; a >= 0; a--) {
        const int64_t o = q % s->in[a] * s->stride[a] + t % s->kernel[a] * s->dilation[a] - s->begin[a];
        if (o < 0 || o >= s->out[a])
            return -1;
        at += o * step;
        step *= s->out[a];
        q /= s->in[a];
        t /= s->kernel[a];
    }
    return at;
}

/* Adds channel c of image n to all outputs of its group. */
static void scatter(const struct op_check *c, const struct transpose_case *s, int64_t n, int64_t channel, double *want)
{
    const int64_t taps = product(s->rank, s->kernel), image = product(s->rank, s->in), pixels = product(s->rank, s->out);
    const int64_t g = channel / s->ic;
    for (int64_t o = 0; o < s->oc; o++)
        for (int64_t q = 0; q < image; q++)
            for (int64_t t = 0; t < taps; t++) {
                const int64_t to = target(s, q, t);
                if (to >= 0)
                    want[((n * s->group + g) * s->oc + o) * pixels + to] +=
                        op_get(c->in[0], (n * s->ic * s->group + channel) * image + q) *
                        op_get(c->in[1], (channel * s->oc + o) * taps + t);
            }
}

static void check_output(struct op_check *c, const struct transpose_case *s)
{
    const struct alt_tensor *y = &c->out[0];
    const int64_t pixels = product(s->rank, s->out), count = alt_tensor_count(y);
    assert_int_equal(y->dim[1], s->oc * s->group);
    for (int a = 0; a < s->rank; a++)
        assert_int_equal(y->dim[2 + a], s->out[a]);
    double *want = alt_arena_array(&c->arena, (size_t)count + 1, sizeof *want);
    assert_non_null(want);
    for (int64_t n = 0; n < s->n; n++)
        for (int64_t channel = 0; channel < s->ic * s->group; channel++)
            scatter(c, s, n, channel, want);
    for (int64_t e = 0; e < count; e++) {
        if (s->bias)
            want[e] += op_get(c->in[2], e / pixels % (s->oc * s->group));
        op_expect(op_get(y, e), want[e], op_tolerance(s->dtype, 0), e);
    }
}

static void make(struct op_check *c, const struct transpose_case *s, bool exact)
{
    int64_t x[5] = {s->n, s->ic * s->group}, w[5] = {s->ic * s->group, s->oc}, b = s->oc * s->group, pads[6];
    op_begin(c, "ConvTranspose", 11);
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
    op_int(c, "group", s->group);
    op_ints(c, "strides", s->rank, s->stride);
    op_ints(c, "dilations", s->rank, s->dilation);
    op_ints(c, "output_padding", s->rank, s->more);
    if (s->output_shape)
        op_ints(c, "output_shape", s->rank, s->out);
    else if (!s->auto_pad)
        op_ints(c, "pads", 2 * s->rank, pads);
    if (s->auto_pad)
        op_text(c, "auto_pad", s->auto_pad);
}

static void check(const struct transpose_case *s)
{
    for (int exact = 0; exact < 2; exact++) {
        struct op_check c;
        make(&c, s, exact);
        assert_int_equal(op_run(&c), ALT_OK);
        if (exact)
            check_output(&c, s);
        const struct alt_layout *plain[3] = {NULL, NULL, NULL};
        struct alt_tensor y;
        assert_int_equal(op_run_layouts(&c, plain, plain, true, &y), ALT_OK);
        op_expect_same(&c.out[0], &y);
        op_end(&c);
    }
}

#define ONES {1, 1, 1}
#define ZERO {0, 0, 0}

static void transposes(void **state)
{
    (void)state;
    static const alt_dtype types[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16};
    static const struct transpose_case cases[] = {
        {0, 1, 2, 1, 3, 5, {9}, {3}, ONES, ONES, ZERO, ZERO, ZERO, {11}, true, false, NULL},
        {0, 2, 1, 1, 3, 5, {5, 6}, {3, 3}, {2, 2}, ONES, {1, 1}, {1, 1}, {1, 1}, {10, 12}, true, false, NULL},
        {0, 2, 2, 1, 4, 7, {5, 6}, {2, 2}, {2, 2}, ONES, ZERO, ZERO, ZERO, {10, 12}, false, false, NULL},
        {0, 2, 1, 2, 3, 2, {4, 3}, {4, 3}, {3, 2}, ONES, {0, 1}, {2, 0}, ZERO, {11, 6}, true, false, NULL},
        {0, 2, 1, 1, 2, 3, {4, 4}, {3, 3}, {2, 3}, {2, 2}, ONES, ONES, {0, 2}, {9, 14}, true, false, NULL},
        {0, 2, 1, 1, 2, 3, {3, 3}, {2, 1}, {4, 3}, ONES, ZERO, ZERO, ZERO, {10, 7}, true, false, NULL}, /* gaps */
        {0, 2, 1, 1, 40, 50, {9, 9}, {4, 4}, {2, 2}, ONES, ONES, ONES, ZERO, {18, 18}, true, false, NULL},
        {0, 3, 1, 1, 2, 3, {3, 4, 5}, {2, 3, 3}, {1, 2, 2}, ONES, {0, 1, 1}, {1, 1, 0}, {0, 1, 0}, {3, 8, 10}, true, false, NULL},
        {0, 2, 1, 1, 2, 3, {4, 5}, {3, 3}, {2, 2}, ONES, {0, 0}, {1, 1}, ZERO, {8, 10}, true, false, "SAME_UPPER"},
        {0, 2, 1, 1, 2, 3, {4, 5}, {3, 3}, {2, 2}, ONES, {1, 1}, {0, 0}, ZERO, {8, 10}, true, false, "SAME_LOWER"},
        {0, 2, 1, 1, 2, 3, {4, 5}, {3, 3}, {2, 2}, ONES, {1, 0}, {0, 0}, ZERO, {8, 11}, true, true, NULL},
        {0, 2, 1, 1, 2, 3, {4, 5}, {3, 3}, {2, 2}, ONES, {0, 0}, {0, 0}, ZERO, {10, 13}, true, true, NULL}, /* more than reached */
        {0, 2, 1, 1, 2, 3, {4, 5}, {3, 3}, ONES, ONES, ZERO, ZERO, ZERO, {6, 7}, true, false, "VALID"},
        {0, 2, 0, 1, 2, 3, {4, 5}, {3, 3}, ONES, ONES, ZERO, ZERO, ZERO, {6, 7}, true, false, NULL},
        {0, 1, 1, 1, 3, 2, {300}, {5}, {2}, ONES, {2}, {2}, ZERO, {599}, true, false, NULL}, /* several tiles a phase */
        /* Kernels that do not overlap: all phases at once; channels of several tiles, groups, a long reduction, many panels. */
        {0, 2, 1, 1, 5, 50, {3, 40}, {2, 2}, {2, 2}, ONES, ZERO, ZERO, ZERO, {6, 80}, true, false, NULL},
        {0, 1, 2, 2, 6, 4, {37}, {3}, {3}, ONES, ZERO, ZERO, ZERO, {111}, true, false, NULL},
        {0, 2, 1, 1, 300, 3, {4, 33}, {2, 2}, {2, 2}, ONES, ZERO, ZERO, ZERO, {8, 66}, true, false, NULL},
        {0, 2, 1, 1, 2, 1, {9, 131}, {2, 2}, {2, 2}, ONES, ZERO, ZERO, ZERO, {18, 262}, false, false, NULL},
    };
    for (int t = 0; t < 4; t++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct transpose_case s = cases[i];
            s.dtype = types[t];
            check(&s);
        }
}

static void transposes_refused(void **state)
{
    (void)state;
    struct transpose_case s = {ALT_FLOAT32, 2, 1, 1, 2, 3, {4, 5}, {3, 3}, ONES, ONES, {4, 0}, {4, 0}, ZERO, ZERO, true, false, NULL};
    struct op_check c;
    make(&c, &s, true);
    assert_int_equal(op_run(&c), ALT_E_SHAPE); /* the padding is larger than the output */
    op_end(&c);
    s.begin[0] = s.end[0] = 0;
    s.more[1] = -1;
    make(&c, &s, true);
    assert_int_equal(op_run(&c), ALT_E_MODEL);
    op_end(&c);
    s.more[1] = 0;
    make(&c, &s, true);
    struct alt_tensor w = *c.in[1];
    w.dim[0] = 1;
    w.bytes /= 2;
    c.in[1] = &w;
    assert_int_equal(op_run(&c), ALT_E_SHAPE);
    op_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(transposes), cmocka_unit_test(transposes_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
