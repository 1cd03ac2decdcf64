/* flow_model.c: see flow_model.h. */
#include "tests/flow_model.h"

#include "tests/cmocka_all.h"

#include <stdio.h>
#include <string.h>

enum { OPSET = 18 };

const char *const flow_body_name[1] = {"body"};
const char *const flow_branch_names[2] = {"then_branch", "else_branch"};

alt_status flow_load(struct flow *f, const alt_session_options *options)
{
    alt_error *error = NULL;
    graph_bytes_finish(&f->bytes, OPSET);
    alt_status status = alt_model_load_memory(f->bytes.model.data, f->bytes.model.size, NULL, &f->model, &error);
    if (status == ALT_OK)
        status = alt_session_create(f->model, options, &f->session, &error);
    snprintf(f->text, sizeof f->text, "%s", alt_error_text(error));
    alt_error_free(error);
    if (status == ALT_OK) {
        f->n_in = alt_model_input_count(f->model);
        f->n_out = alt_model_output_count(f->model);
    }
    return status;
}

void flow_open(struct flow *f, const alt_session_options *options)
{
    if (flow_load(f, options) != ALT_OK)
        fail_msg("%s", f->text);
}

static void drop(alt_value **values)
{
    for (int i = 0; i < FLOW_MOST; i++) {
        alt_value_release(values[i]);
        values[i] = NULL;
    }
}

void flow_close(struct flow *f)
{
    drop(f->out);
    drop(f->in);
    alt_session_free(f->session);
    alt_model_free(f->model);
    graph_bytes_close(&f->bytes);
}

alt_value *flow_floats(size_t count, const float *x)
{
    alt_value *v;
    assert_int_equal(alt_value_tensor(NULL, ALT_FLOAT32, 1, (const int64_t[]){(int64_t)count}, &v), ALT_OK);
    if (count)
        memcpy(alt_value_data(v), x, count * sizeof *x);
    return v;
}

alt_value *flow_number(int64_t x)
{
    alt_value *v;
    assert_int_equal(alt_value_tensor(NULL, ALT_INT64, 0, NULL, &v), ALT_OK);
    memcpy(alt_value_data(v), &x, sizeof x);
    return v;
}

alt_value *flow_flag(bool x)
{
    alt_value *v;
    assert_int_equal(alt_value_tensor(NULL, ALT_BOOL, 0, NULL, &v), ALT_OK);
    *(unsigned char *)alt_value_data(v) = x;
    return v;
}

alt_status flow_try(struct flow *f, const alt_run_options *options)
{
    alt_error *error = NULL;
    drop(f->out);
    const alt_status status =
        alt_session_run(f->session, options, (const alt_value *const *)f->in, f->n_in, f->out, f->n_out, &error);
    snprintf(f->text, sizeof f->text, "%s", alt_error_text(error));
    alt_error_free(error);
    return status;
}

void flow_run(struct flow *f)
{
    if (flow_try(f, NULL) != ALT_OK)
        fail_msg("%s", f->text);
}

void flow_expect(const alt_value *v, size_t rank, const int64_t *dims, const float *x)
{
    assert_int_equal(alt_value_kind(v), ALT_TENSOR);
    assert_int_equal(alt_value_rank(v), rank);
    if (rank)
        assert_memory_equal(alt_value_dims(v), dims, rank * sizeof *dims);
    if (alt_value_count(v))
        assert_memory_equal(alt_value_data_const(v), x, alt_value_count(v) * sizeof *x);
}

uint64_t flow_allocations(const struct flow *f)
{
    alt_stats stats = {.size = sizeof stats};
    assert_int_equal(alt_session_stats(f->session, &stats), ALT_OK);
    return stats.run_allocations;
}

void flow_body(struct graph_bytes *body)
{
    graph_bytes_open(body, 1);
    graph_bytes_input(body, "i", ALT_INT64, "");
    graph_bytes_input(body, "c", ALT_BOOL, "");
    graph_bytes_node(body, "Identity", "c", "c_out", NULL);
    graph_bytes_output(body, "c_out", ALT_BOOL);
}
