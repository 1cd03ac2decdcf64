/* load_and_run.c: see load_and_run.h. */
#include "tests/load_and_run.h"

#include <stdio.h>
#include <time.h>

enum { MOST_ELEMENTS = 65536, MOST_PORTS = 64 };

static void fill(alt_value *v)
{
    unsigned char *data = alt_value_data(v);
    size_t count = alt_value_count(v), bytes = alt_value_bytes(v);
    switch (alt_value_dtype(v)) {
    case ALT_STRING:
        return;
    case ALT_FLOAT32:
        for (size_t i = 0; i < count; i++)
            ((float *)(void *)data)[i] = (float)(i % 7) / 4 - 0.5f;
        return;
    case ALT_INT64:
        for (size_t i = 0; i < count; i++)
            ((int64_t *)(void *)data)[i] = (int64_t)(i % 3);
        return;
    default:
        for (size_t i = 0; i < bytes; i++)
            data[i] = i % 2;
    }
}

/* NULL: this input cannot be made, or need not be given. */
static alt_value *make(const alt_port *port, int64_t symbol)
{
    int64_t dims[ALT_MAX_RANK], count = 1;
    alt_value *v = NULL;
    if (port->kind != ALT_TENSOR || port->rank < 0)
        return NULL;
    for (int d = 0; d < port->rank; d++) {
        dims[d] = port->dims[d] >= 0 ? port->dims[d] : symbol;
        if (__builtin_mul_overflow(count, dims[d], &count) || count > MOST_ELEMENTS)
            return NULL;
    }
    if (alt_value_tensor(NULL, port->dtype, (size_t)port->rank, dims, &v) != ALT_OK)
        return NULL;
    fill(v);
    return v;
}

static void judge(struct load_and_run *t, alt_status status, alt_error *error)
{
    if (status != ALT_OK && t->status == ALT_OK) {
        t->status = status;
        snprintf(t->text, sizeof t->text, "%s", alt_error_text(error));
    }
    if ((status != ALT_OK) != (alt_error_text(error)[0] != 0) || alt_error_status(error) != status)
        t->wrong = "a failure without a text, or a text without a failure";
    if (status == ALT_E_INTERNAL)
        t->wrong = "a defect in alt itself, as it says";
    alt_error_free(error);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static volatile unsigned char touched;

static void read_all(const alt_value *v)
{
    const unsigned char *data = alt_value_data_const(v);
    unsigned char sum = 0;
    for (size_t i = 0; data && i < alt_value_bytes(v); i++)
        sum ^= data[i];
    touched = sum;
}

static void run(struct load_and_run *t, const alt_model *model, alt_session *session, int64_t symbol)
{
    size_t n_in = alt_model_input_count(model), n_out = alt_model_output_count(model);
    alt_value *in[MOST_PORTS] = {NULL}, *out[MOST_PORTS] = {NULL};
    alt_error *error = NULL;
    const alt_run_options options = {.size = sizeof options, .deadline_ns = now_ns() + t->deadline_ns};
    if (n_in > MOST_PORTS || n_out > MOST_PORTS)
        return;
    for (size_t i = 0; i < n_in; i++)
        if (!alt_model_input_optional(model, i))
            in[i] = make(alt_model_input(model, i), symbol);
    alt_status status = alt_session_run(session, &options, (const alt_value *const *)in, n_in, out, n_out, &error);
    judge(t, status, error);
    t->answered = status == ALT_OK;
    for (size_t i = 0; i < n_out; i++) {
        if ((status == ALT_OK) != (out[i] != NULL))
            t->wrong = "an answer without success, or success without one";
        if (out[i])
            read_all(out[i]);
        alt_value_release(out[i]);
    }
    for (size_t i = 0; i < n_in; i++)
        alt_value_release(in[i]);
}

void load_and_run(struct load_and_run *t, const void *bytes, size_t size)
{
    const alt_model_options mo = {.size = sizeof mo, .memory_limit = t->memory_limit};
    const alt_session_options so = {.size = sizeof so, .memory_limit = t->memory_limit, .threads = 1};
    alt_model *model = NULL;
    alt_session *session = NULL;
    alt_error *error = NULL;
    t->status = ALT_OK;
    t->text[0] = 0;
    t->loaded = t->answered = false;
    t->peak = 0;
    t->wrong = NULL;
    alt_status status = alt_model_load_memory(bytes, size, &mo, &model, &error);
    judge(t, status, error);
    if (status != ALT_OK)
        return;
    t->loaded = true;
    error = NULL;
    status = alt_session_create(model, &so, &session, &error);
    judge(t, status, error);
    if (status == ALT_OK) {
        alt_stats stats = {.size = sizeof stats};
        for (int64_t more = 0; more < 2; more++) /* the second binding is made like the first */
            run(t, model, session, t->symbol + more);
        if (alt_session_stats(session, &stats) != ALT_OK || stats.peak_bytes > t->memory_limit)
            t->wrong = "the memory ceiling was passed";
        t->peak = stats.peak_bytes;
    }
    alt_session_free(session);
    alt_model_free(model);
}
