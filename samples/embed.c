/* embed.c: the shortest honest way to run a model from a program of one's own: load, look at what goes in and comes out,
 * run once, print the answer. Sees nothing but <alt/alt.h>; link with -lalt.
 *
 *     embed MODEL.onnx [INPUT.pb...]
 *
 * Inputs are ONNX TensorProto files in model order; an input that is not given is all zeros, a symbolic dimension 1. */
#include <alt/alt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_PORTS = 64, SHOWN = 10 };

static void print_port(const char *what, const alt_port *port)
{
    printf("%s %s: %s[", what, port->name, alt_dtype_name(port->dtype));
    for (int i = 0; i < port->rank; i++) {
        if (port->dims[i] >= 0)
            printf("%s%" PRId64, i ? "," : "", port->dims[i]);
        else
            printf("%s%s", i ? "," : "", port->dim_names[i] ? port->dim_names[i] : "?");
    }
    printf("]\n");
}

/* The tensor in a TensorProto file; NULL, after a message, when there is none. */
static alt_value *read_tensor(const char *path)
{
    static unsigned char bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    bool whole = file && feof(file);
    if (file)
        fclose(file);
    if (!whole) {
        fprintf(stderr, "embed: cannot read %s (or it is over %zu bytes)\n", path, sizeof bytes);
        return NULL;
    }
    alt_value *value = NULL;
    alt_error *error = NULL;
    if (alt_value_parse(NULL, bytes, size, &value, &error) != ALT_OK)
        fprintf(stderr, "embed: %s: %s\n", path, alt_error_text(error));
    alt_error_free(error);
    return value;
}

static alt_value *zeros(const alt_port *port)
{
    int64_t dims[ALT_MAX_RANK] = {0};
    size_t rank = port->rank < 0 ? 0 : (size_t)port->rank;
    for (size_t i = 0; i < rank; i++)
        dims[i] = port->dims[i] < 0 ? 1 : port->dims[i];
    alt_value *value = NULL;
    alt_status status = alt_value_tensor(NULL, port->dtype, rank, dims, &value);
    if (status != ALT_OK)
        fprintf(stderr, "embed: no tensor for input %s: %s\n", port->name, alt_status_text(status));
    return value;
}

static void print_answer(const char *name, const alt_value *value)
{
    printf("answer %s:", name);
    if (alt_value_kind(value) != ALT_TENSOR || alt_value_dtype(value) != ALT_FLOAT32) {
        printf(" %zu elements of %s\n", alt_value_count(value), alt_dtype_name(alt_value_dtype(value)));
        return;
    }
    const float *data = alt_value_data_const(value);
    size_t count = alt_value_count(value);
    for (size_t i = 0; i < count && i < SHOWN; i++)
        printf(" %.4f", (double)data[i]);
    printf("%s\n", count > SHOWN ? " ..." : "");
}

/* Runs once with `inputs` and prints every output. */
static int answer(alt_model *model, const alt_value *const *inputs, size_t input_count)
{
    alt_value *outputs[MAX_PORTS] = {NULL};
    size_t output_count = alt_model_output_count(model);
    alt_session *session = NULL;
    alt_error *error = NULL;
    alt_status status = alt_session_create(model, NULL, &session, &error);
    if (status == ALT_OK)
        status = alt_session_run(session, NULL, inputs, input_count, outputs, output_count, &error);
    if (status != ALT_OK)
        fprintf(stderr, "embed: %s\n", alt_error_text(error));
    for (size_t i = 0; status == ALT_OK && i < output_count; i++)
        print_answer(alt_model_output(model, i)->name, outputs[i]);
    for (size_t i = 0; i < output_count; i++)
        alt_value_release(outputs[i]);
    alt_error_free(error);
    alt_session_free(session);
    return status == ALT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: embed MODEL.onnx [INPUT.pb...]\n");
        return EXIT_FAILURE;
    }
    alt_model *model = NULL;
    alt_error *error = NULL;
    if (alt_model_load(argv[1], NULL, &model, &error) != ALT_OK) {
        fprintf(stderr, "embed: %s\n", alt_error_text(error));
        alt_error_free(error);
        return EXIT_FAILURE;
    }
    size_t given = (size_t)argc - 2, count = alt_model_input_count(model), made = 0;
    alt_value *inputs[MAX_PORTS] = {NULL};
    int result = EXIT_FAILURE;
    if (count > MAX_PORTS || alt_model_output_count(model) > MAX_PORTS || given > count) {
        fprintf(stderr, "embed: %s has %zu inputs; this sample takes %d at most\n", argv[1], count, MAX_PORTS);
        goto done;
    }
    for (size_t i = 0; i < alt_model_output_count(model); i++)
        print_port("output", alt_model_output(model, i));
    for (; made < count; made++) {
        print_port("input", alt_model_input(model, made));
        if (made >= given && alt_model_input_optional(model, made))
            continue; /* NULL: the model's own default */
        inputs[made] = made < given ? read_tensor(argv[2 + made]) : zeros(alt_model_input(model, made));
        if (!inputs[made])
            goto done;
    }
    result = answer(model, (const alt_value *const *)inputs, count);
done:
    for (size_t i = 0; i < made; i++)
        alt_value_release(inputs[i]);
    alt_model_free(model);
    return result;
}
