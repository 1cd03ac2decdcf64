/* digits.c: reads handwritten digits. Answers the real, held-out images beside samples/models/digits.onnx one at a time,
 * as a server would, and prints each answer beside the truth; then says how long an answer takes. `./dev run` without
 * arguments runs it. Sees nothing but <alt/alt.h>.
 *
 *     digits MODEL.onnx IMAGES.pb LABELS.txt
 *
 * IMAGES.pb: a float32 TensorProto [n,1,8,8]; LABELS.txt: n digits, one a line. Exits 1 when an answer could not be had;
 * a wrong answer is the model's affair and shown as such. */
#include <alt/alt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PIXELS = 64, CLASSES = 10, RUNS = 2000, MAX_FILE = 1 << 20 };

struct reader {
    alt_model *model;
    alt_session *session;
    alt_value *images;
};

static double now_us(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static alt_status load_images(const char *path, alt_value **out, alt_error **error)
{
    static unsigned char bytes[MAX_FILE];
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    if (size == 0)
        return ALT_E_IO;
    alt_status status = alt_value_parse(NULL, bytes, size, out, error);
    if (status == ALT_OK && (alt_value_dtype(*out) != ALT_FLOAT32 || alt_value_count(*out) % PIXELS != 0))
        status = ALT_E_SHAPE;
    return status;
}

/* Answers image `i`; `probability` receives CLASSES numbers. The images are read in place, no copy. */
static alt_status answer(const struct reader *r, size_t i, float *probability, alt_error **error)
{
    const int64_t image_dims[] = {1, 1, 8, 8}, answer_dims[] = {1, CLASSES};
    float *pixels = (float *)alt_value_data(r->images) + i * PIXELS;
    alt_value *image = NULL, *out = NULL;
    alt_status status = alt_value_wrap(ALT_FLOAT32, 4, image_dims, pixels, PIXELS * sizeof *pixels, &image);
    if (status == ALT_OK)
        status = alt_value_wrap(ALT_FLOAT32, 2, answer_dims, probability, CLASSES * sizeof *probability, &out);
    if (status == ALT_OK)
        status = alt_session_run(r->session, NULL, (const alt_value *const *)&image, 1, &out, 1, error);
    alt_value_release(image);
    alt_value_release(out);
    return status;
}

static int best(const float *probability)
{
    int at = 0;
    for (int i = 1; i < CLASSES; i++)
        at = probability[i] > probability[at] ? i : at;
    return at;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static alt_status show_answers(const struct reader *r, FILE *labels, alt_error **error)
{
    size_t count = alt_value_count(r->images) / PIXELS, right = 0;
    for (size_t i = 0; i < count; i++) {
        float probability[CLASSES];
        int truth = -1;
        if (fscanf(labels, "%d", &truth) != 1)
            return ALT_E_IO;
        alt_status status = answer(r, i, probability, error);
        if (status != ALT_OK)
            return status;
        int digit = best(probability);
        right += digit == truth;
        printf("digit %d  answer %d (%.1f %%)%s\n", truth, digit, 100 * (double)probability[digit],
               digit == truth ? "" : "  wrong");
    }
    printf("%zu of %zu right\n", right, count);
    return ALT_OK;
}

static alt_status show_time(const struct reader *r, double load_us, alt_error **error)
{
    static double us[RUNS];
    size_t count = alt_value_count(r->images) / PIXELS;
    for (size_t i = 0; i < RUNS; i++) {
        float probability[CLASSES];
        double start = now_us();
        alt_status status = answer(r, i % count, probability, error);
        if (status != ALT_OK)
            return status;
        us[i] = now_us() - start;
    }
    qsort(us, RUNS, sizeof *us, ascending);
    printf("loaded in %.1f ms; one image takes %.1f us (median of %d runs; 99th percentile %.1f us)\n", load_us / 1000,
           us[RUNS / 2], RUNS, us[RUNS * 99 / 100]);
    return ALT_OK;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: digits MODEL.onnx IMAGES.pb LABELS.txt\n");
        return EXIT_FAILURE;
    }
    struct reader r = {NULL, NULL, NULL};
    alt_error *error = NULL;
    const char *about = argv[1];
    double start = now_us();
    FILE *labels = NULL;
    alt_status status = alt_model_load(argv[1], NULL, &r.model, &error);
    if (status == ALT_OK)
        status = alt_session_create(r.model, NULL, &r.session, &error);
    double load_us = now_us() - start;
    if (status != ALT_OK)
        goto done;
    about = argv[2];
    status = load_images(argv[2], &r.images, &error);
    if (status != ALT_OK)
        goto done;
    about = argv[3];
    labels = fopen(argv[3], "r");
    status = labels ? show_answers(&r, labels, &error) : ALT_E_IO;
    if (status == ALT_OK)
        status = show_time(&r, load_us, &error);
done:
    if (status != ALT_OK)
        fprintf(stderr, "digits: %s%s%s\n", error ? "" : about, error ? "" : ": ",
                error ? alt_error_text(error) : alt_status_text(status));
    if (labels)
        fclose(labels);
    alt_error_free(error);
    alt_value_release(r.images);
    alt_session_free(r.session);
    alt_model_free(r.model);
    return status == ALT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
