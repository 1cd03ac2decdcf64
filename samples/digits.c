/* digits.c: reads handwritten digits, then reads them faster. Answers the real, held-out images beside
 * samples/models/digits.onnx one at a time and prints each answer beside the truth and how long one takes. Then it answers all
 * of them at once, over and over, as a busy server would, while alt tunes the session behind these runs, and holds it against a
 * session that was left alone. `./dev run` without arguments runs it. Sees nothing but <alt/alt.h>.
 *
 *     digits MODEL.onnx IMAGES.pb LABELS.txt
 *
 * IMAGES.pb: a float32 TensorProto [n,1,8,8]; LABELS.txt: n digits, one a line. Exits 1 when an answer could not be had;
 * a wrong answer is the model's affair and shown as such, and tuning that cannot work here is told and no failure. */
#include <alt/alt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PIXELS = 64, CLASSES = 10, RUNS = 2000, MAX_FILE = 1 << 20 };
enum {
    BUDGET_S = 14, /* of exploring; trying what it brought comes on top */
    LIMIT_S = 24,  /* of tuning in all: somebody is waiting */
    ROUND = 100    /* runs between two looks at the tuner */
};

struct reader {
    alt_model *model;
    alt_session *session, *untuned; /* the same model twice; the second is what the first is compared with */
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

/* Times the answer to all images at once. */
static alt_status timed(const struct reader *r, alt_session *session, double *us, alt_error **error)
{
    alt_value *out = NULL;
    double start = now_us();
    alt_status status = alt_session_run(session, NULL, (const alt_value *const *)&r->images, 1, &out, 1, error);
    *us = now_us() - start;
    alt_value_release(out);
    return status;
}

/* Prints the swaps from number *told on. */
static void show_swaps(const alt_tuning_report *report, uint32_t *told)
{
    for (; *told < report->n_swaps && *told < ALT_SWAPS; ++*told) {
        const alt_swap *s = &report->swaps[*told];
        printf("%s after %.1f s: generated kernels in %u of the plan's regions (evidence: %s",
               s->rollback ? "rollback" : "swap", s->at_s, s->regions, s->evidence);
        if (s->pairs)
            printf(", %u pairs, %.2f times as fast", s->pairs, s->ratio);
        printf(")\n");
        fflush(stdout);
    }
}

/* Goes on answering until there is nothing left to try, or time is up. */
static alt_status answer_on(const struct reader *r, alt_tuning_report *report, alt_error **error)
{
    double start = now_us(), us;
    uint32_t told = 0;
    while (report->phase != ALT_TUNING_DONE && now_us() - start < LIMIT_S * 1e6) {
        for (size_t i = 0; i < ROUND; i++) {
            alt_status status = timed(r, r->session, &us, error);
            if (status != ALT_OK)
                return status;
        }
        alt_status status = alt_session_tuning(r->session, report);
        if (status != ALT_OK)
            return status;
        show_swaps(report, &told);
    }
    return ALT_OK;
}

/* Answers in turn from the session that was left alone and from the tuned one. */
static alt_status show_gain(const struct reader *r, alt_error **error)
{
    static double before[RUNS], after[RUNS], ratio[RUNS];
    for (size_t i = 0; i < RUNS; i++) {
        bool tuned_first = i % 2;
        alt_status status =
            timed(r, tuned_first ? r->session : r->untuned, tuned_first ? &after[i] : &before[i], error);
        if (status == ALT_OK)
            status = timed(r, tuned_first ? r->untuned : r->session, tuned_first ? &before[i] : &after[i], error);
        if (status != ALT_OK)
            return status;
        ratio[i] = before[i] / after[i];
    }
    qsort(before, RUNS, sizeof *before, ascending);
    qsort(after, RUNS, sizeof *after, ascending);
    qsort(ratio, RUNS, sizeof *ratio, ascending);
    printf("all of them take %.1f us untuned and %.1f us tuned: %.2f times as fast (medians of %d pairs)\n",
           before[RUNS / 2], after[RUNS / 2], ratio[RUNS / 2], RUNS);
    return ALT_OK;
}

static alt_status show_tuning(const struct reader *r, alt_error **error)
{
    const alt_tuning_options options = {.size = sizeof options,
                                        .mode = ALT_TUNE_ONLINE,
                                        .budget_s = BUDGET_S,
                                        .example = (const alt_value *const *)&r->images};
    alt_tuning_report report = {.size = sizeof report};
    if (alt_session_tune(r->session, &options, error) != ALT_OK) {
        printf("no tuning here: %s\n", alt_error_text(*error));
        alt_error_free(*error);
        *error = NULL;
        return ALT_OK;
    }
    printf("now all of them at once, again and again, and tuning behind the runs for at most %d s\n", LIMIT_S);
    fflush(stdout);
    alt_status status = answer_on(r, &report, error);
    if (status != ALT_OK)
        return status;
    if (*report.note)
        printf("tuning is limited: %s\n", report.note);
    if (report.n_swaps)
        return show_gain(r, error);
    if (!*report.note)
        printf("no faster plan found: %u kernels tried in %.1f s\n", report.trials, report.elapsed_s);
    return ALT_OK;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: digits MODEL.onnx IMAGES.pb LABELS.txt\n");
        return EXIT_FAILURE;
    }
    struct reader r = {0};
    alt_error *error = NULL;
    const char *about = argv[1];
    double start = now_us();
    FILE *labels = NULL;
    alt_status status = alt_model_load(argv[1], NULL, &r.model, &error);
    if (status == ALT_OK)
        status = alt_session_create(r.model, NULL, &r.session, &error);
    double load_us = now_us() - start;
    if (status == ALT_OK)
        status = alt_session_create(r.model, NULL, &r.untuned, &error);
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
    if (status == ALT_OK)
        status = show_tuning(&r, &error);
done:
    if (status != ALT_OK)
        fprintf(stderr, "digits: %s%s%s\n", error ? "" : about, error ? "" : ": ",
                error ? alt_error_text(error) : alt_status_text(status));
    if (labels)
        fclose(labels);
    alt_error_free(error);
    alt_value_release(r.images);
    alt_session_free(r.session);
    alt_session_free(r.untuned);
    alt_model_free(r.model);
    return status == ALT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
