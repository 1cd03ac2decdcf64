/* bind_bench.c: what a run costs whose shape was never seen, beside one whose shape was. Not a test: a quiet machine is wanted.
 *
 * usage: bind_bench MODEL.onnx SYMBOL FIRST COUNT [NAME=N]...
 *
 * The symbolic dimension SYMBOL takes COUNT values from FIRST on, all others 1 or as NAME=N says, as a decoder's cache
 * grows. Each value is run twice, the first time never seen before, the second time seen. Repeated with fresh sessions;
 * prints the medians of both, their ratio, and its spread over the sessions. */
#include <alt/alt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SESSIONS = 9, MOST_PORTS = 256, MOST_COUNT = 60, WARM = 3 };

struct bench {
    alt_model *model;
    alt_session *session;
    const char *symbol;
    int n_fixed;
    char **fixed;
    size_t n_in, n_out;
};

static void die(const char *what)
{
    fprintf(stderr, "bind_bench: %s\n", what);
    exit(1);
}

static int64_t extent(const struct bench *b, const char *name, int64_t value)
{
    for (int i = 0; i < b->n_fixed && name; i++) {
        size_t n = strlen(name);
        if (strncmp(b->fixed[i], name, n) == 0 && b->fixed[i][n] == '=')
            return atoll(b->fixed[i] + n + 1);
    }
    return name && strcmp(name, b->symbol) == 0 ? value : 1;
}

static void make_inputs(const struct bench *b, int64_t value, alt_value **in)
{
    for (size_t i = 0; i < b->n_in; i++) {
        const alt_port *port = alt_model_input(b->model, i);
        int64_t dims[ALT_MAX_RANK];
        in[i] = NULL;
        if (alt_model_input_optional(b->model, i))
            continue;
        for (int d = 0; d < port->rank; d++)
            dims[d] = port->dims[d] >= 0 ? port->dims[d] : extent(b, port->dim_names[d], value);
        if (port->rank < 0 || alt_value_tensor(NULL, port->dtype, (size_t)port->rank, dims, &in[i]) != ALT_OK)
            die("an input cannot be made");
    }
}

static double run_us(const struct bench *b, alt_value **in)
{
    alt_value *out[MOST_PORTS] = {NULL};
    alt_error *error = NULL;
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (alt_session_run(b->session, NULL, (const alt_value *const *)in, b->n_in, out, b->n_out, &error) != ALT_OK)
        die(alt_error_text(error));
    clock_gettime(CLOCK_MONOTONIC, &end);
    for (size_t i = 0; i < b->n_out; i++)
        alt_value_release(out[i]);
    return (double)(end.tv_sec - begin.tv_sec) * 1e6 + (double)(end.tv_nsec - begin.tv_nsec) / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_value);
    return x[n / 2];
}

/* One session; *fresh and *seen are medians over the values. */
static void measure(struct bench *b, int64_t first, int count, double *fresh, double *seen)
{
    double cold[MOST_COUNT], warm[MOST_COUNT];
    alt_value *in[MOST_PORTS];
    const alt_session_options options = {.size = sizeof options, .threads = 1};
    if (alt_session_create(b->model, &options, &b->session, NULL) != ALT_OK)
        die("no session");
    for (int i = -WARM; i < count; i++) { /* the first ones bring code and weights into the caches */
        make_inputs(b, first + i + WARM, in);
        double once = run_us(b, in), again = run_us(b, in);
        if (i >= 0) {
            cold[i] = once;
            warm[i] = again;
        }
        for (size_t k = 0; k < b->n_in; k++)
            alt_value_release(in[k]);
    }
    alt_session_free(b->session);
    *fresh = median(cold, count);
    *seen = median(warm, count);
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    alt_error *error = NULL;
    double fresh[SESSIONS], seen[SESSIONS], ratio[SESSIONS];
    if (argc < 5 || atoi(argv[4]) < 1 || atoi(argv[4]) > MOST_COUNT) {
        fprintf(stderr, "usage: bind_bench MODEL.onnx SYMBOL FIRST COUNT(1 to %d) [NAME=N]...\n", MOST_COUNT);
        return 2;
    }
    if (alt_model_load(argv[1], NULL, &b.model, &error) != ALT_OK)
        die(alt_error_text(error));
    b.symbol = argv[2];
    b.fixed = argv + 5;
    b.n_fixed = argc - 5;
    b.n_in = alt_model_input_count(b.model);
    b.n_out = alt_model_output_count(b.model);
    if (b.n_in > MOST_PORTS || b.n_out > MOST_PORTS)
        die("too many inputs or outputs");
    for (int s = 0; s < SESSIONS; s++) {
        measure(&b, atoll(argv[3]), atoi(argv[4]), &fresh[s], &seen[s]);
        ratio[s] = fresh[s] / seen[s];
    }
    double all = median(ratio, SESSIONS);
    printf("never seen %.1f us, seen %.1f us: %.2f times (%.2f to %.2f over %d sessions)\n", median(fresh, SESSIONS),
           median(seen, SESSIONS), all, ratio[0], ratio[SESSIONS - 1], SESSIONS);
    alt_model_free(b.model);
    return 0;
}
