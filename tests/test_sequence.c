/* test_sequence.c: values that are not numbers between steps, in loops and through a session: sequences, optionals, strings. */
#include "tests/cmocka_all.h"
#include "tests/flow_model.h"

#include <string.h>

/* ---- strings ---- */

static alt_value *strings(size_t count, const char *const *text)
{
    alt_value *v;
    alt_string s[8];
    for (size_t i = 0; i < count; i++)
        s[i] = (alt_string){text[i], strlen(text[i])};
    assert_int_equal(alt_value_strings(NULL, 1, (const int64_t[]){(int64_t)count}, s, &v), ALT_OK);
    return v;
}

static void strings_cross_iterations(void **state)
{
    (void)state;
    struct flow f = {0};
    struct graph_bytes body;
    const char *const x[2] = {"a", "long enough to lie elsewhere"};
    graph_bytes_open(&f.bytes, 1);
    graph_bytes_input(&f.bytes, "trips", ALT_INT64, "");
    graph_bytes_input(&f.bytes, "x", ALT_STRING, "2");
    flow_body(&body);
    graph_bytes_input(&body, "s", ALT_STRING, NULL);
    graph_bytes_node(&body, "Concat", "s,x", "t", "axis=0");
    graph_bytes_output(&body, "t", ALT_STRING);
    graph_bytes_output(&body, "x", ALT_STRING);
    graph_bytes_holder(&f.bytes, "Loop", "trips,,x", "last,all", NULL, 1, flow_body_name, &body);
    graph_bytes_output(&f.bytes, "last", ALT_STRING);
    graph_bytes_output(&f.bytes, "all", ALT_STRING);
    flow_open(&f, NULL);
    f.in[0] = flow_number(3);
    f.in[1] = strings(2, x);
    for (int i = 0; i < 2; i++)
        flow_run(&f);
    assert_int_equal(alt_value_count(f.out[0]), 8);
    assert_int_equal(alt_value_count(f.out[1]), 6);
    for (size_t o = 0; o < 2; o++)
        for (size_t i = 0; i < alt_value_count(f.out[o]); i++) {
            const alt_string s = ((const alt_string *)alt_value_data_const(f.out[o]))[i];
            assert_int_equal(s.length, strlen(x[i % 2]));
            assert_memory_equal(s.data, x[i % 2], s.length);
        }
    flow_close(&f);
}

/* ---- values that are not tensors ---- */

/* seq = [x], then for i < trips: seq = [x, ..., x, i as float]; y is the sequence, n its length. */
static void open_sequence(struct flow *f, const alt_session_options *options)
{
    struct graph_bytes body;
    memset(f, 0, sizeof *f);
    graph_bytes_open(&f->bytes, 1);
    graph_bytes_input(&f->bytes, "trips", ALT_INT64, "");
    graph_bytes_input(&f->bytes, "x", ALT_FLOAT32, "n");
    graph_bytes_node(&f->bytes, "SequenceConstruct", "x", "first", NULL);
    flow_body(&body);
    graph_bytes_input(&body, "s", ALT_FLOAT32, NULL);
    graph_bytes_node(&body, "Cast", "i", "number", "to=1");
    graph_bytes_node(&body, "SequenceInsert", "s,number", "t", NULL);
    graph_bytes_output(&body, "t", ALT_FLOAT32);
    graph_bytes_holder(&f->bytes, "Loop", "trips,,first", "y", NULL, 1, flow_body_name, &body);
    graph_bytes_node(&f->bytes, "SequenceLength", "y", "n", NULL);
    graph_bytes_node(&f->bytes, "Identity", "y", "z", NULL);
    graph_bytes_output(&f->bytes, "z", ALT_NONE);
    graph_bytes_output(&f->bytes, "n", ALT_INT64);
    flow_open(f, options);
}

static void a_sequence_grows_in_a_loop_and_outlives_its_session(void **state)
{
    (void)state;
    struct flow f;
    const float x[2] = {7, 8};
    open_sequence(&f, NULL);
    f.in[0] = flow_number(3);
    f.in[1] = flow_floats(2, x);
    flow_run(&f);
    flow_run(&f);
    alt_value *y = f.out[0], *kept = alt_value_retain(alt_value_element(y, 3));
    f.out[0] = NULL;
    assert_int_equal(*(const int64_t *)alt_value_data_const(f.out[1]), 4);
    flow_close(&f);
    assert_int_equal(alt_value_kind(y), ALT_SEQUENCE);
    assert_int_equal(alt_value_count(y), 4);
    flow_expect(alt_value_element(y, 0), 1, (const int64_t[]){2}, x);
    for (int i = 0; i < 3; i++)
        flow_expect(alt_value_element(y, (size_t)i + 1), 0, NULL, (const float[]){(float)i});
    alt_value_release(y);
    flow_expect(kept, 0, NULL, (const float[]){2});
    alt_value_release(kept);
}

static void a_sequence_without_end_meets_the_ceiling(void **state)
{
    (void)state;
    struct flow f;
    const alt_session_options options = {.size = sizeof options, .memory_limit = 4 << 20};
    open_sequence(&f, &options);
    f.in[0] = flow_number(INT64_MAX);
    f.in[1] = flow_floats(1, (const float[]){1});
    assert_int_equal(flow_try(&f, NULL), ALT_E_NOMEM);
    alt_value_release(f.in[0]);
    f.in[0] = flow_number(2);
    flow_run(&f);
    assert_int_equal(alt_value_count(f.out[0]), 3);
    flow_close(&f);
}

static void outputs_that_are_no_tensors_take_no_given_value(void **state)
{
    (void)state;
    struct flow f;
    alt_value *out[2] = {NULL};
    open_sequence(&f, NULL);
    f.in[0] = flow_number(1);
    f.in[1] = flow_floats(1, (const float[]){1});
    out[0] = f.in[1];
    assert_int_equal(alt_session_run(f.session, NULL, (const alt_value *const *)f.in, 2, out, 2, NULL), ALT_E_ARGUMENT);
    assert_null(out[1]);
    flow_close(&f);
}

/* n = SequenceLength(SequenceInsert(s, x)), where s is an input. */
static void inputs_of_another_kind_are_refused(void **state)
{
    (void)state;
    struct flow f = {0};
    struct pb info = {0}, type = {0}, sequence = {0}, element = {0}, tensor = {0};
    graph_bytes_open(&f.bytes, 1);
    pb_int(&tensor, 1, ALT_FLOAT32);
    pb_message(&element, 1, &tensor);
    pb_message(&sequence, 1, &element);
    pb_message(&type, 4, &sequence);
    pb_text(&info, 1, "s");
    pb_message(&info, 2, &type);
    pb_message(&f.bytes.graph, 11, &info);
    graph_bytes_input(&f.bytes, "x", ALT_FLOAT32, "n");
    graph_bytes_node(&f.bytes, "SequenceInsert", "s,x", "t", NULL);
    graph_bytes_node(&f.bytes, "SequenceLength", "t", "n", NULL);
    graph_bytes_output(&f.bytes, "n", ALT_INT64);
    flow_open(&f, NULL);
    const float x[2] = {1, 2};
    alt_value *ints = flow_number(3), *of_ints, *of_floats, *optional, *empty;
    f.in[1] = flow_floats(2, x);
    assert_int_equal(alt_value_sequence(NULL, 1, &ints, &of_ints), ALT_OK);
    assert_int_equal(alt_value_sequence(NULL, 1, &f.in[1], &of_floats), ALT_OK);
    assert_int_equal(alt_value_sequence(NULL, 0, NULL, &empty), ALT_OK);
    assert_int_equal(alt_value_optional(NULL, of_floats, &optional), ALT_OK);
    alt_value *const refused[] = {f.in[1], of_ints, optional};
    for (int i = 0; i < 3; i++) {
        f.in[0] = refused[i];
        assert_int_equal(flow_try(&f, NULL), ALT_E_ARGUMENT);
        assert_non_null(strstr(f.text, "\"s\""));
    }
    alt_value *const taken[] = {empty, of_floats};
    for (int i = 0; i < 2; i++) {
        f.in[0] = taken[i];
        flow_run(&f);
        assert_int_equal(*(const int64_t *)alt_value_data_const(f.out[0]), i + 1);
    }
    f.in[0] = NULL;
    alt_value_release(ints);
    alt_value_release(of_ints);
    alt_value_release(of_floats);
    alt_value_release(optional);
    alt_value_release(empty);
    flow_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_cross_iterations),
        cmocka_unit_test(inputs_of_another_kind_are_refused),
        cmocka_unit_test(a_sequence_grows_in_a_loop_and_outlives_its_session),
        cmocka_unit_test(a_sequence_without_end_meets_the_ceiling),
        cmocka_unit_test(outputs_that_are_no_tensors_take_no_given_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
