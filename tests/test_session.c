/* test_session.c: what callers may rely on: ownership of answers, wrong calls, ceilings, cancelling, shapes that depend on
 * data, and that every allocation may fail. */
#include "runtime/model.h"
#include "runtime/session.h"
#include "tests/cmocka_all.h"
#include "tests/fail_alloc.h"
#include "tests/graph_bytes.h"

#include <alt/alt.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct fixture {
    struct graph_bytes bytes;
    alt_model *model;
    alt_session *session;
};

static void open_model(struct fixture *f, const alt_session_options *options)
{
    alt_error *error = NULL;
    if (alt_model_load_memory(f->bytes.model.data, f->bytes.model.size, NULL, &f->model, &error) != ALT_OK ||
        alt_session_create(f->model, options, &f->session, &error) != ALT_OK)
        fail_msg("%s", alt_error_text(error));
}

static void open_convnet(struct fixture *f, const alt_session_options *options)
{
    memset(f, 0, sizeof *f);
    graph_bytes_convnet(&f->bytes);
    open_model(f, options);
}

static void close_all(struct fixture *f)
{
    alt_session_free(f->session);
    alt_model_free(f->model);
    graph_bytes_close(&f->bytes);
}

static alt_value *tensor(alt_dtype dtype, size_t rank, const int64_t *dims)
{
    alt_value *v;
    assert_int_equal(alt_value_tensor(NULL, dtype, rank, dims, &v), ALT_OK);
    return v;
}

static alt_value *image(int64_t batch)
{
    alt_value *v = tensor(ALT_FLOAT32, 4, (const int64_t[]){batch, 3, 16, 16});
    float *x = alt_value_data(v);
    for (size_t i = 0; i < alt_value_count(v); i++)
        x[i] = (float)(i % 17) / 17.0f;
    return v;
}

static alt_status run_one(alt_session *s, const alt_run_options *o, const alt_value *x, alt_value **y, char *text, size_t size)
{
    alt_error *error = NULL;
    alt_status status = alt_session_run(s, o, &x, 1, y, 1, &error);
    if (text)
        strncpy(text, alt_error_text(error), size - 1);
    assert_int_equal(alt_error_status(error), status);
    alt_error_free(error);
    return status;
}

static void answers_outlive_the_session(void **state)
{
    (void)state;
    struct fixture f;
    open_convnet(&f, NULL);
    alt_value *x = image(2), *y = NULL;
    assert_int_equal(run_one(f.session, NULL, x, &y, NULL, 0), ALT_OK);
    close_all(&f);
    assert_int_equal(alt_value_rank(y), 2);
    assert_int_equal(alt_value_dims(y)[0], 2);
    assert_int_equal(alt_value_dims(y)[1], 10);
    float sum = 0;
    for (size_t i = 0; i < alt_value_count(y); i++)
        sum += ((const float *)alt_value_data_const(y))[i];
    assert_true(sum == sum);
    alt_value_release(y);
    alt_value_release(x);
}

static void answers_are_reused_and_callers_own_are_written(void **state)
{
    (void)state;
    struct fixture f;
    open_convnet(&f, NULL);
    alt_value *x = image(1), *y = NULL, *own = tensor(ALT_FLOAT32, 2, (const int64_t[]){1, 10}), *given = own;
    assert_int_equal(run_one(f.session, NULL, x, &y, NULL, 0), ALT_OK);
    assert_int_equal(run_one(f.session, NULL, x, &given, NULL, 0), ALT_OK);
    assert_ptr_equal(given, own);
    assert_memory_equal(alt_value_data(y), alt_value_data(own), 40);
    alt_value *first = y;
    alt_value_release(y);
    y = NULL;
    assert_int_equal(run_one(f.session, NULL, x, &y, NULL, 0), ALT_OK);
    assert_ptr_equal(y, first);
    alt_value_release(y);
    alt_value_release(own);
    alt_value_release(x);
    close_all(&f);
}

static void wrong_calls_are_named(void **state)
{
    (void)state;
    struct fixture f;
    char text[512] = {0};
    open_convnet(&f, NULL);
    alt_value *y = NULL, *x = image(1), *flat = tensor(ALT_FLOAT32, 2, (const int64_t[]){1, 10});
    alt_value *ints = tensor(ALT_INT64, 4, (const int64_t[]){1, 3, 16, 16});
    alt_value *wide = tensor(ALT_FLOAT32, 2, (const int64_t[]){2, 10});
    assert_int_equal(run_one(f.session, NULL, NULL, &y, text, sizeof text), ALT_E_ARGUMENT);
    assert_non_null(strstr(text, "\"x\""));
    assert_int_equal(run_one(f.session, NULL, flat, &y, text, sizeof text), ALT_E_SHAPE);
    assert_non_null(strstr(text, "[batch,3,16,16]"));
    assert_int_equal(run_one(f.session, NULL, ints, &y, text, sizeof text), ALT_E_ARGUMENT);
    assert_non_null(strstr(text, "int64"));
    assert_null(y);
    alt_value *given = wide;
    assert_int_equal(run_one(f.session, NULL, x, &given, text, sizeof text), ALT_E_SHAPE);
    assert_non_null(strstr(text, "[2,10]"));
    assert_int_equal(alt_session_run(f.session, NULL, NULL, 0, NULL, 0, NULL), ALT_E_ARGUMENT);
    alt_value_release(flat);
    alt_value_release(ints);
    alt_value_release(wide);
    alt_value_release(x);
    close_all(&f);
}

static void cancel_and_deadline_stop_a_run(void **state)
{
    (void)state;
    struct fixture f;
    open_convnet(&f, NULL);
    alt_value *x = image(1), *y = NULL;
    alt_cancel *cancel;
    assert_int_equal(alt_cancel_create(&cancel), ALT_OK);
    alt_run_options o = {.size = sizeof o, .cancel = cancel};
    alt_cancel_trigger(cancel);
    assert_int_equal(run_one(f.session, &o, x, &y, NULL, 0), ALT_E_CANCELLED);
    assert_null(y);
    alt_cancel_reset(cancel);
    assert_int_equal(run_one(f.session, &o, x, &y, NULL, 0), ALT_OK);
    alt_value_release(y);
    y = NULL;
    o.deadline_ns = 1;
    assert_int_equal(run_one(f.session, &o, x, &y, NULL, 0), ALT_E_DEADLINE);
    alt_cancel_free(cancel);
    alt_value_release(x);
    close_all(&f);
}

/* One step of 10^11 operations: the deadline is seen within it, by every thread. */
static void a_deadline_stops_within_a_step(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        struct fixture f = {0};
        const alt_session_options so = {.size = sizeof so, .threads = threads};
        graph_bytes_open(&f.bytes, 1);
        graph_bytes_input(&f.bytes, "x", ALT_FLOAT32, "4000,4000");
        graph_bytes_node(&f.bytes, "MatMul", "x,x", "y", NULL);
        graph_bytes_output(&f.bytes, "y", ALT_FLOAT32);
        graph_bytes_finish(&f.bytes, 13);
        open_model(&f, &so);
        alt_value *x = tensor(ALT_FLOAT32, 2, (const int64_t[]){4000, 4000}), *y = NULL;
        struct timespec begin, end;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        alt_run_options o = {.size = sizeof o, .deadline_ns = begin.tv_sec * 1000000000 + begin.tv_nsec + 20000000};
        assert_int_equal(run_one(f.session, &o, x, &y, NULL, 0), ALT_E_DEADLINE);
        clock_gettime(CLOCK_MONOTONIC, &end);
        assert_true(end.tv_sec - begin.tv_sec < 2);
        assert_null(y);
        alt_value_release(x);
        close_all(&f);
    }
}

static void the_ceiling_is_kept(void **state)
{
    (void)state;
    struct fixture f;
    open_convnet(&f, NULL);
    alt_stats stats = {.size = sizeof stats};
    alt_value *x = image(1), *big = image(2000), *y = NULL;
    assert_int_equal(run_one(f.session, NULL, x, &y, NULL, 0), ALT_OK);
    alt_value_release(y);
    y = NULL;
    assert_int_equal(alt_session_stats(f.session, &stats), ALT_OK);
    size_t enough = stats.peak_bytes + 65536;
    close_all(&f);

    const alt_session_options o = {.size = sizeof o, .memory_limit = enough};
    open_convnet(&f, &o);
    assert_int_equal(run_one(f.session, NULL, x, &y, NULL, 0), ALT_OK);
    alt_value_release(y);
    y = NULL;
    assert_int_equal(run_one(f.session, NULL, big, &y, NULL, 0), ALT_E_NOMEM);
    assert_null(y);
    assert_int_equal(run_one(f.session, NULL, x, &y, NULL, 0), ALT_OK);
    alt_value_release(y);
    assert_int_equal(alt_session_stats(f.session, &stats), ALT_OK);
    assert_true(stats.peak_bytes <= enough);
    alt_value_release(x);
    alt_value_release(big);
    close_all(&f);
}

/* x float32[n] -> indices of its non-zero elements -> gathered -> doubled; and a Reshape whose target is an input. */
static void shapes_may_depend_on_data(void **state)
{
    (void)state;
    struct fixture f = {0};
    const int64_t minus_one = -1;
    graph_bytes_open(&f.bytes, 1);
    graph_bytes_input(&f.bytes, "x", ALT_FLOAT32, "n");
    graph_bytes_input(&f.bytes, "target", ALT_INT64, "2");
    graph_bytes_ints(&f.bytes, "flat", 1, &minus_one);
    graph_bytes_node(&f.bytes, "NonZero", "x", "i", NULL);
    graph_bytes_node(&f.bytes, "Reshape", "i,flat", "j", NULL);
    graph_bytes_node(&f.bytes, "Gather", "x,j", "found", "axis=0");
    graph_bytes_node(&f.bytes, "Add", "found,found", "double", NULL);
    graph_bytes_node(&f.bytes, "Reshape", "double,target", "y", NULL);
    graph_bytes_output(&f.bytes, "y", ALT_FLOAT32);
    graph_bytes_finish(&f.bytes, 13);
    open_model(&f, NULL);
    static const struct {
        float x[6];
        int64_t target[2];
        int64_t rows, columns;
    } cases[] = {{{1, 0, 2, 0, 3, 4}, {2, 2}, 2, 2}, {{0, 0, 5, 0, 0, 6}, {-1, 1}, 2, 1}, {{1, 0, 2, 0, 3, 4}, {1, 4}, 1, 4},
                 {{0, 0, 0, 0, 0, 0}, {0, 3}, 0, 3}, {{1, 0, 2, 0, 3, 4}, {2, 2}, 2, 2}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        alt_value *x = tensor(ALT_FLOAT32, 1, (const int64_t[]){6}), *t = tensor(ALT_INT64, 1, (const int64_t[]){2});
        memcpy(alt_value_data(x), cases[c].x, sizeof cases[c].x);
        memcpy(alt_value_data(t), cases[c].target, sizeof cases[c].target);
        const alt_value *in[] = {x, t};
        alt_value *y = NULL;
        alt_error *error = NULL;
        if (c == 3) /* Reshape reads 0 as "keep": the target {0,3} of nothing stays {0,3} */
            assert_int_equal(cases[c].rows, 0);
        if (alt_session_run(f.session, NULL, in, 2, &y, 1, &error) != ALT_OK)
            fail_msg("case %zu: %s", c, alt_error_text(error));
        assert_int_equal(alt_value_dims(y)[0], cases[c].rows);
        assert_int_equal(alt_value_dims(y)[1], cases[c].columns);
        const float *data = alt_value_data_const(y);
        for (int i = 0; i < 6; i++)
            if (cases[c].x[i] != 0)
                assert_true(*data++ == 2 * cases[c].x[i]);
        alt_value_release(y);
        alt_value_release(x);
        alt_value_release(t);
    }
    close_all(&f);
}

static alt_status load_and_run(const alt_allocator *hooks, void *context)
{
    const struct graph_bytes *bytes = context;
    const alt_model_options mo = {.size = sizeof mo, .allocator = hooks};
    const alt_session_options so = {.size = sizeof so, .allocator = hooks, .threads = 1};
    alt_model *model = NULL;
    alt_session *session = NULL;
    alt_value *x = image(1), *y = NULL;
    const alt_value *in = x;
    alt_status status = alt_model_load_memory(bytes->model.data, bytes->model.size, &mo, &model, NULL);
    if (status == ALT_OK)
        status = alt_session_create(model, &so, &session, NULL);
    for (int i = 0; i < 2 && status == ALT_OK; i++) {
        y = NULL;
        status = alt_session_run(session, NULL, &in, 1, &y, 1, NULL);
        if ((status == ALT_OK) != (y != NULL))
            fail_msg("an answer without success, or success without one");
        alt_value_release(y);
    }
    alt_session_free(session);
    alt_model_free(model);
    alt_value_release(x);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct graph_bytes bytes;
    const char *why = NULL;
    graph_bytes_convnet(&bytes);
    uint64_t requests = fail_alloc_sweep(load_and_run, &bytes, &why);
    if (!requests)
        fail_msg("%s", why);
    print_message("%llu requests\n", (unsigned long long)requests);
    graph_bytes_close(&bytes);
}

/* The same bits whatever the number of threads. */
static void threads_do_not_change_answers(void **state)
{
    (void)state;
    float expected[30];
    for (int threads = 1; threads <= 4; threads++) {
        struct fixture f;
        const alt_session_options o = {.size = sizeof o, .threads = threads};
        open_convnet(&f, &o);
        alt_value *x = image(3), *y = NULL;
        assert_int_equal(run_one(f.session, NULL, x, &y, NULL, 0), ALT_OK);
        if (threads == 1)
            memcpy(expected, alt_value_data(y), sizeof expected);
        assert_memory_equal(expected, alt_value_data(y), sizeof expected);
        alt_value_release(y);
        alt_value_release(x);
        close_all(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_outlive_the_session),
        cmocka_unit_test(answers_are_reused_and_callers_own_are_written),
        cmocka_unit_test(wrong_calls_are_named),
        cmocka_unit_test(cancel_and_deadline_stop_a_run),
        cmocka_unit_test(a_deadline_stops_within_a_step),
        cmocka_unit_test(the_ceiling_is_kept),
        cmocka_unit_test(shapes_may_depend_on_data),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(threads_do_not_change_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
