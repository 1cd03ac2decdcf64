/* callers.c: one process with sessions over one model and threads that call them without a pause, told what to do by callers.py.
 *
 * A turn starts the callers, lets them warm up, then counts what they answer in a window: so neither the start nor the end, when
 * fewer callers run, is in the figures. Context switches and CPU time are those of the whole process (getrusage(2): the
 * lines of /proc/self/status say the same of the first thread alone). Sees nothing but <alt/alt.h>. */
#include <alt/alt.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MAX_SESSIONS = 64, MAX_CALLERS = 256, MAX_PORTS = 64, MAX_LATENCIES = 1 << 17 };
#define WARM_S 0.1

enum phase { WARMING, COUNTING, STOPPING };

struct caller {
    alt_session *session;
    pthread_t thread;
    _Atomic uint64_t answers; /* relaxed: read for statistics */
    double *latency;          /* seconds, of the window */
    size_t latencies;
};

static struct {
    alt_session *session[MAX_SESSIONS];
    alt_value *input[MAX_PORTS];
    size_t n_inputs, n_outputs;
    struct caller caller[MAX_CALLERS];
    int n_callers;
    _Atomic int phase;
} all;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pause_s(double seconds)
{
    const struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

static void fail(const char *what, const alt_error *error)
{
    fprintf(stderr, "callers: %s: %s\n", what, alt_error_text(error));
    exit(1);
}

/* ---- making ready ---- */

static alt_value *read_input(const char *path)
{
    FILE *file = fopen(path, "rb");
    alt_value *value = NULL;
    alt_error *error = NULL;
    long size = 0;
    if (!file || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) != 0)
        fail(path, NULL);
    char *bytes = malloc((size_t)size + 1);
    if (!bytes || fread(bytes, 1, (size_t)size, file) != (size_t)size)
        fail(path, NULL);
    fclose(file);
    if (alt_value_parse(NULL, bytes, (size_t)size, &value, &error) != ALT_OK)
        fail(path, error);
    free(bytes);
    return value;
}

static void make_sessions(const char *path, int sessions, int threads)
{
    const alt_session_options options = {.size = sizeof options, .threads = threads};
    alt_model *model = NULL;
    alt_error *error = NULL;
    if (alt_model_load(path, NULL, &model, &error) != ALT_OK)
        fail(path, error);
    for (int i = 0; i < sessions; i++)
        if (alt_session_create(model, &options, &all.session[i], &error) != ALT_OK)
            fail(path, error);
    all.n_outputs = alt_model_output_count(model);
    if (all.n_outputs > MAX_PORTS)
        fail(path, NULL);
    alt_model_free(model);
}

static void make_callers(int sessions, int callers)
{
    for (int i = 0; i < callers; i++) {
        all.caller[i].session = all.session[i % sessions];
        all.caller[i].latency = malloc(MAX_LATENCIES * sizeof(double));
        if (!all.caller[i].latency)
            fail("memory", NULL);
    }
    all.n_callers = callers;
}

/* ---- a turn ---- */

static void answer(alt_session *session)
{
    alt_value *output[MAX_PORTS] = {NULL};
    alt_error *error = NULL;
    if (alt_session_run(session, NULL, (const alt_value *const *)all.input, all.n_inputs, output, all.n_outputs, &error) !=
        ALT_OK)
        fail("a run", error);
    for (size_t i = 0; i < all.n_outputs; i++)
        alt_value_release(output[i]);
}

static void *call(void *context)
{
    struct caller *me = context;
    int phase;
    while ((phase = atomic_load_explicit(&all.phase, memory_order_relaxed)) != STOPPING) {
        const double begin = now_s();
        answer(me->session);
        atomic_fetch_add_explicit(&me->answers, 1, memory_order_relaxed);
        if (phase == COUNTING && me->latencies < MAX_LATENCIES)
            me->latency[me->latencies++] = now_s() - begin;
    }
    return NULL;
}

/* What the process has done so far. */
struct tally {
    double at_s, cpu_s;
    uint64_t answers;
    long voluntary, involuntary;
};

static struct tally count(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    struct tally t = {.at_s = now_s(), .voluntary = r.ru_nvcsw, .involuntary = r.ru_nivcsw};
    t.cpu_s = (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
    for (int i = 0; i < all.n_callers; i++)
        t.answers += atomic_load_explicit(&all.caller[i].answers, memory_order_relaxed);
    return t;
}

/* Threads of this process. */
static int count_threads(void)
{
    char line[256];
    int threads = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Threads: %d", &threads) == 1)
            break;
    if (file)
        fclose(file);
    return threads;
}

/* The milliseconds of each run in the window, a list a caller. */
static void print_latencies(void)
{
    printf(", \"ms\": [");
    for (int i = 0; i < all.n_callers; i++) {
        const struct caller *c = &all.caller[i];
        printf("%s[", i ? ", " : "");
        for (size_t k = 0; k < c->latencies; k++)
            printf("%s%.4f", k ? ", " : "", c->latency[k] * 1e3);
        printf("]");
    }
    printf("]");
}

static void take_turn(double seconds)
{
    atomic_store(&all.phase, WARMING);
    for (int i = 0; i < all.n_callers; i++) {
        all.caller[i].latencies = 0;
        if (pthread_create(&all.caller[i].thread, NULL, call, &all.caller[i]) != 0)
            fail("a thread cannot be started", NULL);
    }
    pause_s(WARM_S);
    atomic_store(&all.phase, COUNTING);
    const struct tally begin = count();
    pause_s(seconds);
    const struct tally end = count();
    const int threads = count_threads();
    atomic_store(&all.phase, STOPPING);
    for (int i = 0; i < all.n_callers; i++)
        pthread_join(all.caller[i].thread, NULL);
    printf("{\"answers\": %llu, \"seconds\": %.6f, \"cpu_s\": %.6f, \"voluntary\": %ld, \"involuntary\": %ld, \"threads\": %d",
           (unsigned long long)(end.answers - begin.answers), end.at_s - begin.at_s, end.cpu_s - begin.cpu_s,
           end.voluntary - begin.voluntary, end.involuntary - begin.involuntary, threads);
    print_latencies();
    printf("}\n");
}

static void idle(double seconds)
{
    const double begin = count().cpu_s;
    pause_s(seconds);
    printf("%.6f\n", count().cpu_s - begin);
}

static void say_threads(void)
{
    alt_stats stats = {.size = sizeof stats};
    if (alt_session_stats(all.session[0], &stats) != ALT_OK)
        fail("statistics", NULL);
    printf("%d\n", stats.threads);
}

static int number(const char *text, int least, int most)
{
    char *end;
    const long n = strtol(text, &end, 10);
    if (*end || end == text || n < least || n > most) {
        fprintf(stderr, "callers: %s: a number from %d to %d\n", text, least, most);
        exit(2);
    }
    return (int)n;
}

static const char usage[] =
    "usage: callers MODEL SESSIONS CALLERS THREADS [INPUT.pb]...\n"
    "SESSIONS over one model, CALLERS spread over them, compute THREADS of a session (0: its own choice), inputs as ONNX\n"
    "TensorProto in the model's order. Answers each line of standard input with a line of JSON:\n"
    "  threads       compute threads of a session\n"
    "  run SECONDS   what the callers did in a window of so many seconds\n"
    "  idle SECONDS  CPU seconds that the process took while nobody called\n";

int main(int argc, char **argv)
{
    if (argc < 5 || argc - 5 > MAX_PORTS) {
        fputs(usage, argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    const int sessions = number(argv[2], 1, MAX_SESSIONS);
    make_sessions(argv[1], sessions, number(argv[4], 0, MAX_CALLERS));
    make_callers(sessions, number(argv[3], 1, MAX_CALLERS));
    for (int i = 5; i < argc; i++)
        all.input[all.n_inputs++] = read_input(argv[i]);
    char line[64];
    double seconds;
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "run %lf", &seconds) == 1)
            take_turn(seconds);
        else if (sscanf(line, "idle %lf", &seconds) == 1)
            idle(seconds);
        else if (strcmp(line, "threads\n") == 0)
            say_threads();
        else
            fail("not understood", NULL);
        fflush(stdout);
    }
    return 0; /* the process ends with its sessions: nothing waits for them */
}
