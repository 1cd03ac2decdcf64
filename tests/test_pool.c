/* Pooling against plain loops in double: windows of every kind, all types, blocked layouts and strided inputs. */
#include "tests/op_check.h"

#include "runtime/layout.h"
#include "tests/cmocka_all.h"

#include <math.h>
#include <string.h>

struct pool_case {
    const char *type;
    alt_dtype dtype;
    int rank;
    int64_t n, c, in[3], kernel[3], stride[3], dilation[3], begin[3], end[3];
    int64_t out[3]; /* expected */
    bool ceil, count_padding;
    int64_t p;
    const char *auto_pad; /* padding above must be what it comes to */
};

/* Offset of window element t at output pixel o from the image; -1: outside. *padded: within the padded image. */
static int64_t position(const struct pool_case *s, int64_t o, int64_t t, bool *padded)
{
    int64_t at = 0, step = 1;
    bool in = true;
    *padded = true;
    for (int a = s->rank - 1; a >= 0; a--) {
        const int64_t i = o % s->out[a] * s->stride[a] - s->begin[a] + t % s->kernel[a] * s->dilation[a];
        in &= i >= 0 && i < s->in[a];
        *padded &= i < s->in[a] + s->end[a];
        at += i * step;
        step *= s->in[a];
        o /= s->out[a];
        t /= s->kernel[a];
    }
    return in ? at : -1;
}

static int64_t product(int rank, const int64_t *v)
{
    int64_t p = 1;
    for (int i = 0; i < rank; i++)
        p *= v[i];
    return p;
}

/* The answer and, for the maximum, its place in the image (-1: none). */
static double expected(const struct pool_case *s, const struct alt_tensor *x, int64_t channel, int64_t o, int64_t *place)
{
    const int64_t image = product(s->rank, s->in), taps = product(s->rank, s->kernel);
    double sum = 0, best = -(double)INFINITY;
    int64_t count = 0;
    *place = -1;
    for (int64_t t = 0; t < taps; t++) {
        bool padded;
        const int64_t at = position(s, o, t, &padded);
        count += at >= 0 || (s->count_padding && padded);
        if (at < 0)
            continue;
        const double v = op_get(x, channel * image + at);
        sum += strstr(s->type, "Lp") ? pow(fabs(v), (double)s->p) : v;
        if (*place < 0 || v > best) {
            best = v;
            *place = at;
        }
    }
    if (strstr(s->type, "Max"))
        return best;
    return strstr(s->type, "Average") ? (count ? sum / (double)count : 0) : pow(sum, 1 / (double)s->p);
}

static void begin(struct op_check *c, const struct pool_case *s, bool exact)
{
    int64_t x[5] = {s->n, s->c}, pads[6];
    op_begin(c, s->type, 22);
    for (int a = 0; a < s->rank; a++) {
        x[2 + a] = s->in[a];
        pads[a] = s->begin[a];
        pads[s->rank + a] = s->end[a];
    }
    op_in(c, s->dtype, exact, s->rank + 2, x);
    if (strncmp(s->type, "Global", 6) != 0) {
        op_ints(c, "kernel_shape", s->rank, s->kernel);
        op_ints(c, "strides", s->rank, s->stride);
        op_ints(c, "dilations", s->rank, s->dilation);
        if (s->auto_pad)
            op_text(c, "auto_pad", s->auto_pad);
        else
            op_ints(c, "pads", 2 * s->rank, pads);
        op_int(c, "ceil_mode", s->ceil);
        op_int(c, "count_include_pad", s->count_padding);
    }
    op_int(c, "p", s->p);
}

static void check_output(const struct op_check *c, const struct pool_case *s)
{
    const int64_t pixels = product(s->rank, s->out), taps = product(s->rank, s->kernel);
    for (int a = 0; a < s->rank; a++)
        assert_int_equal(c->out[0].dim[2 + a], s->out[a]);
    const bool max = strstr(s->type, "Max") != NULL;
    for (int64_t e = 0; e < alt_tensor_count(&c->out[0]); e++) {
        int64_t place;
        const double want = expected(s, c->in[0], e / pixels, e % pixels, &place);
        op_expect(op_get(&c->out[0], e), want, max ? 0 : 4 * op_tolerance(s->dtype, taps), e);
    }
}

/* The same bits from blocked layouts (where the padding channels hold NaN) and from strided input. */
static void check_layouts(struct op_check *c, const struct pool_case *s)
{
    const struct alt_layout *layout, *plain = NULL;
    struct alt_tensor y;
    assert_int_equal(op_run_layouts(c, &plain, &plain, true, &y), ALT_OK);
    op_expect_same(&c->out[0], &y);
    for (int block = 4; block <= 16; block *= 2) {
        assert_int_equal(alt_layout_blocked(&c->arena, s->rank + 2, 1, block, &layout), ALT_OK);
        assert_int_equal(op_run_layouts(c, &layout, &layout, false, &y), ALT_OK);
        op_expect_same(&c->out[0], &y);
        assert_int_equal(op_run_layouts(c, &layout, &plain, false, &y), ALT_E_UNSUPPORTED);
        assert_int_equal(op_run_layouts(c, &plain, &layout, false, &y), ALT_E_UNSUPPORTED);
    }
}

static void check(const struct pool_case *s)
{
    for (int exact = 0; exact < 2; exact++) {
        struct op_check c;
        begin(&c, s, exact);
        assert_int_equal(op_run(&c), ALT_OK);
        check_output(&c, s);
        check_layouts(&c, s);
        op_end(&c);
    }
}

#define ONES {1, 1, 1}
#define ZERO {0, 0, 0}

static const struct pool_case windows[] = {
    {"", 0, 1, 2, 3, {17}, {3}, {2}, ONES, {1}, {1}, {9}, false, false, 2, NULL},
    {"", 0, 2, 2, 5, {9, 11}, {3, 3}, {2, 2}, ONES, {1, 1}, {1, 1}, {5, 6}, false, false, 2, NULL},
    {"", 0, 2, 1, 9, {9, 11}, {3, 2}, ONES, ONES, ZERO, ZERO, {7, 10}, false, false, 1, NULL},
    {"", 0, 2, 1, 3, {8, 8}, {3, 3}, {2, 2}, ONES, {1, 1}, {1, 1}, {5, 5}, true, true, 3, NULL},
    {"", 0, 2, 1, 3, {4, 4}, {3, 3}, {2, 2}, ONES, ZERO, ZERO, {2, 2}, true, false, 2, NULL},
    {"", 0, 2, 1, 17, {6, 40}, {2, 3}, {1, 3}, {2, 3}, {1, 3}, {0, 2}, {5, 13}, false, true, 2, NULL},
    {"", 0, 2, 1, 2, {2, 2}, {1, 1}, {2, 2}, ONES, {0, 0}, {1, 1}, {1, 1}, true, false, 2, NULL}, /* last would start in padding */
    {"", 0, 3, 1, 3, {5, 6, 7}, {2, 3, 2}, {1, 2, 2}, ONES, {0, 1, 1}, {1, 1, 0}, {5, 3, 4}, false, true, 2, NULL},
    {"", 0, 2, 1, 3, {5, 6}, {3, 3}, {2, 2}, ONES, {1, 0}, {1, 1}, {3, 3}, false, false, 2, "SAME_UPPER"},
    {"", 0, 2, 1, 3, {5, 6}, {3, 3}, {2, 2}, ONES, {1, 1}, {1, 0}, {3, 3}, false, true, 2, "SAME_LOWER"},
    {"", 0, 2, 1, 3, {5, 6}, {3, 3}, {2, 1}, ONES, ZERO, ZERO, {2, 4}, false, false, 2, "VALID"},
    {"", 0, 1, 1, 2, {3}, {2}, {3}, ONES, {4}, {4}, {4}, false, false, 2, NULL}, /* windows all padding */
    {"", 0, 2, 0, 5, {9, 11}, {3, 3}, {2, 2}, ONES, {1, 1}, {1, 1}, {5, 6}, false, false, 2, NULL},
};
enum { WINDOWS = sizeof windows / sizeof *windows };

static void check_windows(const char *type, alt_dtype dtype)
{
    for (int i = 0; i < WINDOWS; i++) {
        struct pool_case s = windows[i];
        s.type = type;
        s.dtype = dtype;
        /* -infinity of an empty window is not a number of 8 bits */
        if (i == 11 && (dtype == ALT_INT8 || dtype == ALT_UINT8))
            continue;
        check(&s);
    }
}

static void pool_windows(void **state)
{
    (void)state;
    static const alt_dtype types[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        check_windows("MaxPool", types[t]);
        check_windows("AveragePool", types[t]);
        check_windows("LpPool", types[t]);
    }
    check_windows("MaxPool", ALT_INT8);
    check_windows("MaxPool", ALT_UINT8);
}

static void pool_global(void **state)
{
    (void)state;
    static const char *const ops[] = {"GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"};
    static const alt_dtype types[] = {ALT_FLOAT32, ALT_FLOAT64, ALT_FLOAT16, ALT_BFLOAT16};
    static const int64_t sizes[][3] = {{7, 7, 1}, {1, 1, 1}, {3, 5, 9}, {20, 30, 1}};
    for (int i = 0; i < 3; i++)
        for (int t = 0; t < 4; t++)
            for (int z = 0; z < 4; z++) {
                struct pool_case s = {.type = ops[i], .dtype = types[t], .rank = 3, .n = 2, .c = 11, .out = ONES,
                                      .stride = ONES, .dilation = ONES, .p = 1 + z};
                memcpy(s.in, sizes[z], sizeof s.in);
                memcpy(s.kernel, sizes[z], sizeof s.kernel);
                check(&s);
            }
}

static void pool_indices(void **state)
{
    (void)state;
    for (int column_major = 0; column_major < 2; column_major++)
        for (int i = 0; i < WINDOWS; i++) {
            struct pool_case s = windows[i];
            struct op_check c;
            s.type = "MaxPool";
            s.dtype = ALT_FLOAT32;
            begin(&c, &s, true);
            c.n_out = 2;
            op_int(&c, "storage_order", column_major);
            assert_int_equal(op_run(&c), ALT_OK);
            check_output(&c, &s);
            const int64_t pixels = product(s.rank, s.out), image = product(s.rank, s.in);
            for (int64_t e = 0; e < alt_tensor_count(&c.out[1]); e++) {
                int64_t place;
                expected(&s, c.in[0], e / pixels, e % pixels, &place);
                if (place >= 0 && column_major && s.rank == 2)
                    place = place / s.in[1] + place % s.in[1] * s.in[0];
                if (!column_major || s.rank <= 2)
                    assert_int_equal(alt_tensor_int(&c.out[1], e), place < 0 ? -1 : e / pixels * image + place);
            }
            op_end(&c);
        }
}

/* A NaN in a window is its maximum. */
static void pool_nan(void **state)
{
    (void)state;
    const float x[] = {1, NAN, 3, 4, 5, 2};
    struct op_check c;
    for (int outputs = 1; outputs <= 2; outputs++) {
        op_begin(&c, "MaxPool", 12);
        op_in_data(&c, ALT_FLOAT32, 3, (int64_t[]){1, 1, 6}, x);
        op_ints(&c, "kernel_shape", 1, (int64_t[]){2});
        c.n_out = outputs;
        assert_int_equal(op_run(&c), ALT_OK);
        const float want[] = {NAN, NAN, 4, 5, 5};
        for (int i = 0; i < 5; i++)
            op_expect(op_get(&c.out[0], i), (double)want[i], 0, i);
        op_end(&c);
    }
}

static void refuse(const char *type, alt_dtype dtype, int rank, const int64_t *kernel, int count, alt_status want)
{
    struct op_check c;
    op_begin(&c, type, 22);
    op_in(&c, dtype, true, rank, (int64_t[]){1, 2, 5, 5});
    if (count)
        op_ints(&c, "kernel_shape", count, kernel);
    assert_int_equal(op_run(&c), want);
    op_end(&c);
}

static void pool_refuses(void **state)
{
    (void)state;
    refuse("MaxPool", ALT_FLOAT32, 4, (int64_t[]){3, 3}, 2, ALT_OK);
    refuse("MaxPool", ALT_FLOAT32, 4, NULL, 0, ALT_E_MODEL);
    refuse("MaxPool", ALT_FLOAT32, 4, (int64_t[]){3}, 1, ALT_E_MODEL);
    refuse("MaxPool", ALT_FLOAT32, 4, (int64_t[]){6, 3}, 2, ALT_E_SHAPE);
    refuse("MaxPool", ALT_INT32, 4, (int64_t[]){3, 3}, 2, ALT_E_MODEL);
    refuse("AveragePool", ALT_INT8, 4, (int64_t[]){3, 3}, 2, ALT_E_MODEL);
    refuse("GlobalMaxPool", ALT_FLOAT32, 2, NULL, 0, ALT_E_SHAPE);
    refuse("MaxPool", ALT_FLOAT32, 2, NULL, 0, ALT_E_MODEL);
}

/* A kernel of billions of positions, nearly all of them padding, takes no longer than its input. */
static void pool_reach(void **state)
{
    (void)state;
    static const char *const ops[] = {"MaxPool", "AveragePool", "LpPool"};
    const int64_t far = INT32_MAX;
    for (int i = 0; i < 3; i++) {
        struct op_check c;
        op_begin(&c, ops[i], 22);
        op_in(&c, ALT_FLOAT32, true, 4, (int64_t[]){1, 2, 3, 3});
        op_ints(&c, "kernel_shape", 2, (int64_t[]){far, far});
        op_ints(&c, "pads", 4, (int64_t[]){far - 2, far - 2, 0, 0});
        assert_int_equal(op_run(&c), ALT_OK);
        assert_int_equal(alt_tensor_count(&c.out[0]), 8);
        op_end(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_windows), cmocka_unit_test(pool_global),  cmocka_unit_test(pool_indices),
        cmocka_unit_test(pool_nan),     cmocka_unit_test(pool_refuses),
        cmocka_unit_test(pool_reach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
