/* test_options.c: the command line of alt_run. */
#include "tools/options.h"

#include "tests/cmocka_all.h"
#include "tools/file.h"
#include "tools/input.h"
#include "tools/latency.h"

#include <getopt.h>
#include <math.h>
#include <string.h>

/* Parses up to nine words after the program's name. */
static enum outcome parse(struct run_options *out, const char *const words[])
{
    char *argv[12] = {(char *)"alt_run"};
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = (char *)words[argc - 1];
    optind = 0; /* glibc: starts anew */
    return run_options_parse(argc, argv, out);
}

#define PARSE(out, ...) parse(out, (const char *const[]){__VA_ARGS__, NULL})

static void options_are_read(void **state)
{
    (void)state;
    struct run_options o;
    assert_int_equal(PARSE(&o, "m.onnx", "--input", "a=x.npy", "--input", "b=value:1=2", "--runs", "7", "--seconds",
                           "0.5", "--json"),
                     OUTCOME_DONE);
    assert_string_equal(o.model, "m.onnx");
    assert_string_equal(named_find(&o.inputs, "a"), "x.npy");
    assert_string_equal(named_find(&o.inputs, "b"), "value:1=2");
    assert_null(named_find(&o.inputs, "c"));
    assert_int_equal(o.runs, 7);
    assert_true(o.seconds == 0.5);
    assert_true(o.json && !o.quiet);
    run_options_free(&o);
    assert_int_equal(PARSE(&o, "--tune", "off", "--cache", "none", "--numerics", "exact", "m.onnx"), OUTCOME_DONE);
    assert_string_equal(o.numerics, "exact");
    run_options_free(&o);
    assert_int_equal(PARSE(&o, "m.onnx", "--tune", "now", "--budget", "7.5", "--cache", "dir"), OUTCOME_DONE);
    assert_string_equal(o.tune, "now");
    assert_true(o.budget == 7.5);
    assert_string_equal(o.cache, "dir");
    run_options_free(&o);
    assert_int_equal(PARSE(&o, "m.onnx", "--profile", "trace.json"), OUTCOME_DONE);
    assert_string_equal(o.profile, "trace.json");
    run_options_free(&o);
    assert_int_equal(PARSE(&o, "--version"), OUTCOME_DONE);
    run_options_free(&o);
}

static void the_last_of_a_name_wins(void **state)
{
    (void)state;
    struct run_options o;
    assert_int_equal(PARSE(&o, "m.onnx", "--dim", "n=1", "--dim", "n=2"), OUTCOME_DONE);
    assert_string_equal(named_find(&o.dims, "n"), "2");
    run_options_free(&o);
}

static void wrong_usage_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[][4] = {
        {NULL},
        {"--nonsense", "m.onnx", NULL},
        {"m.onnx", "n.onnx", NULL},
        {"m.onnx", "--runs", NULL},
        {"m.onnx", "--runs", "0", NULL},
        {"m.onnx", "--runs", "3x", NULL},
        {"m.onnx", "--runs", "99999999999999999999", NULL},
        {"m.onnx", "--seconds", "-1", NULL},
        {"m.onnx", "--seconds", "inf", NULL},
        {"m.onnx", "--threads", "100000", NULL},
        {"m.onnx", "--input", "a", NULL},
        {"m.onnx", "--input", "=a", NULL},
        {"m.onnx", "--numerics", "fas", NULL},
        {"m.onnx", "--tune", "of", NULL},
        {"m.onnx", "--tune", "onlinenow", NULL},
        {"m.onnx", "--budget", "0", NULL},
        {"m.onnx", "--budget", "-1", NULL},
        {"m.onnx", "--budget", "x", NULL},
        {"m.onnx", "--cache", "", NULL},
        {"--json=yes", "m.onnx", NULL},
    };
    struct run_options o;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(parse(&o, wrong[i]), OUTCOME_USAGE);
        run_options_free(&o);
    }
    assert_int_equal(PARSE(&o, "m.onnx", "--check", "d", "--dim", "n=1"), OUTCOME_USAGE);
    run_options_free(&o);
}

/* What belongs to later versions is refused, never ignored. */
static void what_this_version_lacks_is_refused(void **state)
{
    (void)state;
    static const char *const words[][4] = {
        {"m.onnx", "--bundle", "f", NULL},
        {"m.onnx", "--export-bundle", "f", NULL},
        {"m.onnx", "--report", "f.html", NULL},
    };
    struct run_options o;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_int_equal(parse(&o, words[i]), OUTCOME_USAGE);
        run_options_free(&o);
    }
}

static void shapes(void **state)
{
    (void)state;
    int rank = -1;
    int64_t dims[ALT_MAX_RANK];
    assert_true(shape_parse("x", "1x3x224x0", &rank, dims));
    assert_int_equal(rank, 4);
    assert_int_equal(dims[2], 224);
    assert_int_equal(dims[3], 0);
    assert_true(shape_parse("x", "", &rank, dims));
    assert_int_equal(rank, 0);
    static const char *const wrong[] = {
        "x", "1x", "x1", "1xx2", "1,2", "-1", "1x-2", "a", "99999999999999999999", "1x1x1x1x1x1x1x1x1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(shape_parse("x", wrong[i], &rank, dims));
}

static void names_are_made_safe(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"a/b:c", "a_b_c"}, {"../x", "_._x"}, {"", "_"}, {"-rf", "_rf"}, {"out.0", "out.0"}};
    char out[16];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        file_safe_name(rows[i][0], out, sizeof out);
        assert_string_equal(out, rows[i][1]);
    }
    file_safe_name("0123456789abcdefXYZ", out, sizeof out);
    assert_int_equal(strlen(out), sizeof out - 1);
}

static void quantiles(void **state)
{
    (void)state;
    static const double p[] = {0, 0.5, 0.99, 1};
    struct latency l = {0};
    double out[4];
    latency_quantiles(&l, p, out, 4);
    assert_true(out[1] == 0);
    for (int i = 100; i > 0; i--)
        assert_true(latency_add(&l, i));
    latency_quantiles(&l, p, out, 4);
    assert_true(out[0] == 1 && out[1] == 50 && out[2] == 99 && out[3] == 100);
    latency_free(&l);
}

/* More runs than are kept: the sample still stands for all of them. */
static void many_runs_are_sampled(void **state)
{
    (void)state;
    static const double p[] = {0.25, 0.5, 0.75};
    struct latency l = {0};
    double out[3];
    for (int i = 0; i < 4 * LATENCY_KEPT; i++)
        assert_true(latency_add(&l, i));
    assert_int_equal(l.kept, LATENCY_KEPT);
    assert_int_equal(l.runs, 4 * LATENCY_KEPT);
    latency_quantiles(&l, p, out, 3);
    for (int i = 0; i < 3; i++)
        assert_true(fabs(out[i] / (4.0 * LATENCY_KEPT) - p[i]) < 0.01);
    latency_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read),
        cmocka_unit_test(the_last_of_a_name_wins),
        cmocka_unit_test(wrong_usage_is_refused),
        cmocka_unit_test(what_this_version_lacks_is_refused),
        cmocka_unit_test(shapes),
        cmocka_unit_test(names_are_made_safe),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(many_runs_are_sampled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
