/* kernel_check.c: runs the cases of all families, each in a child process; see kernel_check.h.
 *
 * usage: kernel_check [--filter TEXT] [--seed N] [--bench] [--list]
 *   --filter  only cases whose name holds TEXT    --bench  times the very same cases instead of checking them
 *   --seed    of contents and random shapes (printed at the start)     --list   prints the names
 */
#include "tests/kernel_check.h"

#include "runtime/type.h"
#include "tests/kernel_check_memory.h"
#include "tests/kernel_check_trial.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CASE_SECONDS = 120 };

struct kc_run {
    const char *family, *filter;
    uint64_t seed, random;
    bool bench, list;
    int passed, failed, variants;
    struct kc_report *report; /* shared with the child */
};

#define KC_FAMILY(name) extern const struct kc_family kc_##name;
#include "tests/kernel_check.def"
#undef KC_FAMILY

static const struct kc_family *const families[] = {
#define KC_FAMILY(name) &kc_##name,
#include "tests/kernel_check.def"
#undef KC_FAMILY
    NULL,
};

int64_t kc_random(struct kc_run *run, int64_t low, int64_t high)
{
    return low + (int64_t)(kc_next(&run->random) % (uint64_t)(high - low + 1));
}

void kc_random_shape(struct kc_run *run, int rank, int64_t most, bool zero, int64_t *dims)
{
    static const int64_t extents[] = {1, 1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 31, 33, 64, 67};
    int64_t left = most;
    for (int d = 0; d < rank; d++) {
        dims[d] = extents[kc_random(run, 0, (int64_t)(sizeof extents / sizeof extents[0]) - 1)];
        if (dims[d] > left)
            dims[d] = left;
        left /= dims[d];
    }
    if (zero && rank > 0 && kc_random(run, 0, 11) == 0)
        dims[kc_random(run, 0, rank - 1)] = 0;
}

struct text {
    char at[400];
    size_t length;
};

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at + t->length, sizeof t->at - t->length, format, args);
    va_end(args);
    t->length += n > 0 ? (size_t)n : 0;
    if (t->length >= sizeof t->at)
        t->length = sizeof t->at - 1;
}

static void add_list(struct text *t, int64_t count, const int64_t *values)
{
    for (int64_t i = 0; i < count; i++)
        add(t, "%s%" PRId64, i ? "," : "", values[i]);
}

/* "conv/Conv-11 float32[1,3,8,8] float32[4,3,3,3] pads=1,1,1,1" */
static void name_case(const struct kc_run *run, const struct kc_case *c, struct text *t)
{
    static const char *const fills[] = {[KC_UNIFORM] = "",
                                        [KC_WHOLE] = "",
                                        [KC_GIVEN] = "given",
                                        [KC_SPECIAL] = "special",
                                        [KC_NONFINITE] = "nonfinite"};
    int ints = 0, floats = 0, strings = 0;
    add(t, "%s/%s-%" PRId64, run->family, c->op, c->opset);
    for (int i = 0; i < c->n_in; i++) {
        const struct kc_input *in = &c->in[i];
        add(t, " %s", in->dtype == ALT_NONE ? "_" : alt_dtype_name(in->dtype));
        if (in->dtype == ALT_NONE)
            continue;
        add(t, "[");
        add_list(t, in->rank, in->dim);
        add(t, "]%s", fills[in->fill]);
    }
    for (int i = 0; i < c->n_attr; i++) {
        const struct alt_attr *a = &c->attr[i];
        add(t, " %s=", a->name);
        if (a->type == ALT_ATTR_INT || a->type == ALT_ATTR_INTS)
            add_list(t, a->count, c->ints + ints);
        else if (a->type == ALT_ATTR_FLOAT)
            add(t, "%g", (double)c->floats[floats]);
        else
            add(t, "%s", c->strings[strings].data);
        ints += a->type == ALT_ATTR_INT || a->type == ALT_ATTR_INTS ? (int)a->count : 0;
        floats += a->type == ALT_ATTR_FLOAT;
        strings += a->type == ALT_ATTR_STRING;
    }
    if (c->note)
        add(t, " %s", c->note);
}

static uint64_t seed_of(const struct kc_run *run, const char *name)
{
    uint64_t h = run->seed ^ 0xcbf29ce484222325u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return h;
}

/* In the child. */
static void work(const struct kc_run *run, const struct kc_case *c, const char *name)
{
    struct kc_trial trial;
    uint64_t seed = seed_of(run, name);
    if (kc_trial_prepare(&trial, c, run->report, seed, false)) {
        if (run->bench)
            kc_variants_time(&trial, name);
        else
            kc_variants_run(&trial);
    }
    kc_trial_free(&trial);
    if (!run->bench && !run->report->text[0]) {
        if (kc_trial_prepare(&trial, c, run->report, seed, true))
            kc_variants_run_repeated(&trial);
        kc_trial_free(&trial);
    }
    run->report->ended = true;
    fflush(stdout);
}

static void judge(struct kc_run *run, const char *name, int status)
{
    struct kc_report *r = run->report;
    char crash[80] = "";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        snprintf(crash, sizeof crash, "did not end within %d s", CASE_SECONDS);
    else if (WIFSIGNALED(status))
        snprintf(crash, sizeof crash, "crashed: %s", strsignal(WTERMSIG(status)));
    else if (!r->ended || WEXITSTATUS(status) != 0)
        snprintf(crash, sizeof crash, "ended early with status %d", WEXITSTATUS(status));
    run->variants += r->variants;
    if (!crash[0] && !r->text[0]) {
        run->passed++;
        return;
    }
    run->failed++;
    printf("FAILED %s\n", name);
    if (crash[0])
        printf("    %s: %s\n", r->variant, crash);
    if (r->text[0])
        printf("    %s\n", r->text);
}

void kc_check(struct kc_run *run, const struct kc_case *c)
{
    struct text name = {.length = 0};
    name_case(run, c, &name);
    if (run->filter && !strstr(name.at, run->filter))
        return;
    if (run->list) {
        printf("%s\n", name.at);
        return;
    }
    memset(run->report, 0, sizeof *run->report);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(CASE_SECONDS);
        work(run, c, name.at);
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("kernel_check: fork");
        exit(2);
    }
    judge(run, name.at, status);
}

static bool read_options(struct kc_run *run, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--filter") == 0 && more)
            run->filter = argv[++i];
        else if (strcmp(argv[i], "--seed") == 0 && more)
            run->seed = strtoull(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--bench") == 0)
            run->bench = true;
        else if (strcmp(argv[i], "--list") == 0)
            run->list = true;
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct kc_run run = {.seed = 20240607};
    if (!read_options(&run, argc, argv)) {
        fprintf(stderr, "usage: kernel_check [--filter TEXT] [--seed N] [--bench] [--list]\n");
        return 2;
    }
    run.report = mmap(NULL, sizeof *run.report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run.report == MAP_FAILED) {
        perror("kernel_check: mmap");
        return 2;
    }
    if (!run.list)
        printf("seed %" PRIu64 "\n", run.seed);
    for (int i = 0; families[i]; i++) {
        run.family = families[i]->name;
        run.random = seed_of(&run, run.family);
        families[i]->cases(&run);
    }
    if (run.list)
        return 0;
    if (!run.bench)
        printf("%d variants of %d cases\n%d passed, %d failed, 0 skipped\n", run.variants, run.passed + run.failed,
               run.passed, run.failed);
    return run.failed ? 1 : 0;
}
