/* onnx_backend_faults.c: the failing allocator under a whole load and run. */
#include "tests/onnx_backend_faults.h"

#include "tests/fail_alloc.h"

#include <alt/alt.h>
#include <stdio.h>
#include <stdlib.h>

struct work {
    const char *path;
    const struct testdata *data;
    char *text; /* what the library said when it was not about memory */
    size_t size;
};

static alt_status note(struct work *work, alt_status status, alt_error *error)
{
    if (status != ALT_OK && status != ALT_E_NOMEM)
        snprintf(work->text, work->size, "a refused allocation led to \"%s\": %s", alt_status_name(status),
                 alt_error_text(error));
    alt_error_free(error);
    return status;
}

static alt_status run(const alt_allocator *hooks, alt_model *model, struct work *work)
{
    const struct testdata *data = work->data;
    alt_error *error = NULL;
    alt_session *session = NULL;
    const alt_session_options options = {.size = sizeof options, .threads = 1, .allocator = hooks};
    alt_value **output = calloc(data->output_count + 1, sizeof(alt_value *));
    alt_status status = output ? alt_session_create(model, &options, &session, &error) : ALT_E_NOMEM;
    if (status == ALT_OK)
        status = alt_session_run(session, NULL, (const alt_value *const *)data->input, data->input_count, output,
                                 data->output_count, &error);
    for (size_t i = 0; output && i < data->output_count; i++)
        alt_value_release(output[i]);
    free(output);
    alt_session_free(session);
    return note(work, status, error);
}

static alt_status load_and_run(const alt_allocator *hooks, void *context)
{
    struct work *work = context;
    alt_model *model = NULL;
    alt_error *error = NULL;
    const alt_model_options options = {.size = sizeof options, .allocator = hooks};
    alt_status status = alt_model_load(work->path, &options, &model, &error);
    status = note(work, status, error);
    if (status == ALT_OK)
        status = run(hooks, model, work);
    alt_model_free(model);
    return status;
}

alt_status backend_faults(const char *path, const struct testdata *data, char *text, size_t size)
{
    struct work work = {path, data, text, size};
    const char *why = NULL;
    *text = '\0';
    alt_status status = load_and_run(NULL, &work);
    if (status != ALT_OK)
        return status;
    if (fail_alloc_sweep(load_and_run, &work, &why) == 0 && !why)
        why = "nothing was allocated";
    if (why && !*text)
        snprintf(text, size, "%s", why);
    return why ? ALT_E_INTERNAL : ALT_OK;
}
