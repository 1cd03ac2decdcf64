/* onnx_backend.c: runs a folder of ONNX backend tests through the public interface.
 *
 * The folder holds <category>/<test>/model.onnx and <test>/test_data_set_N/{input,output}_M.pb, as the onnx package ships
 * them (onnx/backend/test/data). Each test runs in a child process under a time limit, so that a crash or a hang is one
 * failed test with a name. A model that alt says it does not support is counted apart; it is no failure here, the table
 * of operators says what ought to be there. Tests that nobody can pass are listed in onnx_backend_skip.txt, each with its
 * reason; one that passes nevertheless is a failure, so that the list stays short.
 *
 * usage: onnx_backend FOLDER [--filter TEXT] [--skip FILE] [--threads N] [--verbose] [--faults]
 *   --faults  instead of comparing answers, lets every allocation of a test's first data set fail in turn
 */
#include "runtime/wire.h"
#include "tests/onnx_backend_faults.h"
#include "tools/compare.h"
#include "tools/file.h"
#include "tools/testdata.h"

#include <alt/alt.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEST_SECONDS = 60, GROUPS = 1000, SKIPS = 200 };

/* What ONNX's own runner allows. */
static const struct tolerance allowed = {1e-3, 1e-7};

enum verdict { FAILED, PASSED, UNSUPPORTED };

/* What the child leaves for its parent, in memory that both share. */
struct report {
    enum verdict verdict;
    char group[80]; /* operator, or category */
    char doing[40];
    char text[1000]; /* why not */
};

struct group {
    char name[80];
    int count[3]; /* by verdict */
};

struct skip {
    char name[120], reason[200];
    bool met;
};

struct runner {
    const char *filter;
    int threads;
    bool verbose, faults;
    struct group group[GROUPS];
    int n_groups, passed, failed, skipped, unsupported;
    struct skip skip[SKIPS];
    int n_skips;
    struct report *report;
    FILE *said; /* what a child writes to stderr */
};

/* --- one test, in the child --- */

/* The operator of a model with one node, else "several operators". */
static void find_group(struct report *r, const struct bytes *model)
{
    struct alt_wire w, graph, node;
    struct alt_wire_field f;
    alt_string op = {"", 0}, domain = {"", 0};
    int nodes = 0;
    alt_wire_init(&w, model->data, model->size);
    while (alt_wire_next(&w, &f)) {
        if (f.number != 7 || !alt_wire_message(&w, &f, &graph)) /* ModelProto.graph */
            continue;
        while (alt_wire_next(&graph, &f)) {
            if (f.number != 1 || !alt_wire_message(&graph, &f, &node)) /* GraphProto.node */
                continue;
            nodes++;
            while (alt_wire_next(&node, &f)) {
                if (f.number == 4) /* NodeProto.op_type */
                    alt_wire_bytes(&node, &f, &op);
                if (f.number == 7)
                    alt_wire_bytes(&node, &f, &domain);
            }
        }
    }
    if (nodes == 1)
        snprintf(r->group, sizeof r->group, "%.*s%s%.*s", (int)domain.length, domain.data, domain.length ? "." : "",
                 (int)op.length, op.data);
    else
        snprintf(r->group, sizeof r->group, "(several operators)");
}

static enum verdict give_up(struct report *r, alt_status status, alt_error *error)
{
    snprintf(r->text, sizeof r->text, "%s: %s", alt_status_name(status), alt_error_text(error));
    alt_error_free(error);
    return status == ALT_E_UNSUPPORTED ? UNSUPPORTED : FAILED;
}

static bool run_set(struct report *r, alt_session *session, const alt_model *model, const struct testdata *data)
{
    alt_error *error = NULL;
    alt_value **output = calloc(data->output_count + 1, sizeof(alt_value *));
    if (!output)
        return false;
    snprintf(r->doing, sizeof r->doing, "running");
    alt_status status = alt_session_run(session, NULL, (const alt_value *const *)data->input, data->input_count, output,
                                        data->output_count, &error);
    bool good = status == ALT_OK;
    if (!good)
        give_up(r, status, error);
    snprintf(r->doing, sizeof r->doing, "comparing");
    for (size_t i = 0; i < data->output_count; i++) {
        if (good && data->output[i])
            good = values_agree(alt_model_output(model, i)->name, data->output[i], output[i], &allowed);
        alt_value_release(output[i]);
    }
    free(output);
    return good;
}

/* The first data set with failing allocations. */
static enum verdict run_faults(struct report *r, const char *folder, const char *path, const alt_model *model)
{
    struct testdata_folders sets = testdata_find(folder);
    struct testdata data;
    alt_status status = ALT_E_IO;
    if (sets.count > 0 && testdata_load(sets.path[0], model, &data)) {
        snprintf(r->doing, sizeof r->doing, "failing allocations");
        status = backend_faults(path, &data, r->text, sizeof r->text);
        testdata_free(&data);
    }
    testdata_folders_free(&sets);
    return status == ALT_OK ? PASSED : status == ALT_E_UNSUPPORTED ? UNSUPPORTED : FAILED;
}

static enum verdict run_sets(struct report *r, const char *folder, alt_session *session, const alt_model *model)
{
    struct testdata_folders sets = testdata_find(folder);
    enum verdict verdict = sets.count > 0 ? PASSED : FAILED;
    for (size_t i = 0; i < sets.count && verdict == PASSED; i++) {
        struct testdata data;
        snprintf(r->doing, sizeof r->doing, "reading data set %zu", i);
        if (!testdata_load(sets.path[i], model, &data))
            verdict = FAILED;
        else if (!run_set(r, session, model, &data))
            verdict = FAILED;
        else
            testdata_free(&data);
    }
    testdata_folders_free(&sets);
    return verdict;
}

static enum verdict run_test(const struct runner *run, const char *folder)
{
    struct report *r = run->report;
    char *path = file_join(folder, "model.onnx");
    struct bytes bytes = {0};
    alt_model *model = NULL;
    alt_session *session = NULL;
    alt_error *error = NULL;
    snprintf(r->doing, sizeof r->doing, "loading");
    if (!path)
        return FAILED;
    if (file_read(path, &bytes))
        find_group(r, &bytes);
    free(bytes.data);
    alt_status status = alt_model_load(path, NULL, &model, &error);
    if (status == ALT_OK && run->faults) {
        enum verdict verdict = run_faults(r, folder, path, model);
        alt_model_free(model);
        free(path);
        return verdict;
    }
    free(path);
    if (status != ALT_OK)
        return give_up(r, status, error);
    snprintf(r->doing, sizeof r->doing, "preparing a session");
    const alt_session_options options = {.size = sizeof options, .threads = run->threads};
    status = alt_session_create(model, &options, &session, &error);
    if (status != ALT_OK) {
        alt_model_free(model);
        return give_up(r, status, error);
    }
    enum verdict verdict = run_sets(r, folder, session, model);
    alt_session_free(session);
    alt_model_free(model);
    return verdict;
}

/* --- the parent --- */

static struct group *find_or_add(struct runner *run, const char *name)
{
    for (int i = 0; i < run->n_groups; i++)
        if (strcmp(run->group[i].name, name) == 0)
            return &run->group[i];
    if (run->n_groups == GROUPS)
        return &run->group[GROUPS - 1];
    struct group *g = &run->group[run->n_groups++];
    snprintf(g->name, sizeof g->name, "%s", name);
    return g;
}

static struct skip *find_skip(struct runner *run, const char *test)
{
    for (int i = 0; i < run->n_skips; i++)
        if (strcmp(run->skip[i].name, test) == 0)
            return &run->skip[i];
    return NULL;
}

static void print_said(const struct runner *run)
{
    char line[400];
    rewind(run->said);
    for (int i = 0; i < 6 && fgets(line, sizeof line, run->said); i++)
        printf("    %s%s", line, strchr(line, '\n') ? "" : "\n");
}

static void count_test(struct runner *run, const char *test, enum verdict verdict, const char *crash)
{
    struct report *r = run->report;
    struct skip *skip = find_skip(run, test);
    if (skip) {
        skip->met = true;
        run->skipped++;
        if (verdict != PASSED || run->faults) /* with faults no answer is compared */
            return;
        run->skipped--;
        run->failed++;
        printf("FAILED %s: passes, though onnx_backend_skip.txt says: %s\n", test, skip->reason);
        return;
    }
    find_or_add(run, r->group[0] ? r->group : "(unknown)")->count[verdict]++;
    run->passed += verdict == PASSED;
    run->unsupported += verdict == UNSUPPORTED;
    run->failed += verdict == FAILED;
    if (verdict == FAILED || (run->verbose && verdict == UNSUPPORTED))
        printf("%s %s (%s): %s%s%s\n", verdict == FAILED ? "FAILED" : "not supported", test, r->group, r->doing,
               crash[0] || r->text[0] ? ": " : "", crash[0] ? crash : r->text);
    if (verdict == FAILED)
        print_said(run);
}

static void run_child(const struct runner *run, const char *folder)
{
    dup2(fileno(run->said), STDERR_FILENO);
    alarm(TEST_SECONDS);
    run->report->verdict = run_test(run, folder);
    fflush(NULL);
    _exit(0);
}

static void start_test(struct runner *run, const char *folder, const char *test)
{
    char crash[80] = "";
    int status = 0;
    memset(run->report, 0, sizeof *run->report);
    fflush(NULL);
    if (ftruncate(fileno(run->said), 0) != 0)
        perror("onnx_backend: ftruncate");
    rewind(run->said);
    pid_t child = fork();
    if (child == 0)
        run_child(run, folder);
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("onnx_backend: fork");
        exit(2);
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        snprintf(crash, sizeof crash, "did not end within %d s", TEST_SECONDS);
    else if (WIFSIGNALED(status))
        snprintf(crash, sizeof crash, "crashed: %s", strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        snprintf(crash, sizeof crash, "ended with status %d", WEXITSTATUS(status));
    count_test(run, test, crash[0] ? FAILED : run->report->verdict, crash);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct group *)a)->name, ((const struct group *)b)->name);
}

static int not_hidden(const struct dirent *entry) { return entry->d_name[0] != '.'; }

/* Runs the tests of one category; returns how many there were. */
static int run_category(struct runner *run, const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, not_hidden, alphasort), tests = 0;
    for (int i = 0; i < count; i++) {
        char *path = file_join(folder, entries[i]->d_name), *model = path ? file_join(path, "model.onnx") : NULL;
        struct stat st;
        /* "real" holds models that are to be fetched: no file, no test */
        if (model && stat(model, &st) == 0 && (!run->filter || strstr(entries[i]->d_name, run->filter))) {
            start_test(run, path, entries[i]->d_name);
            tests++;
        }
        free(model);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return tests;
}

static int run_folder(struct runner *run, const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, not_hidden, alphasort), tests = 0;
    if (count < 0)
        fprintf(stderr, "onnx_backend: %s: %s\n", folder, strerror(errno));
    for (int i = 0; i < count; i++) {
        char *path = file_join(folder, entries[i]->d_name);
        tests += path ? run_category(run, path) : 0;
        free(path);
        free(entries[i]);
    }
    free(entries);
    return tests;
}

/* Rows "test reason in words"; '#' starts a comment. */
static bool read_skips(struct runner *run, const char *path)
{
    char line[400];
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "onnx_backend: %s: %s\n", path, strerror(errno));
        return false;
    }
    bool good = true;
    while (good && fgets(line, sizeof line, file)) {
        struct skip *s = &run->skip[run->n_skips];
        if (line[0] == '#' || line[0] == '\n')
            continue;
        good = run->n_skips < SKIPS && sscanf(line, "%119s %199[^\n]", s->name, s->reason) == 2;
        if (!good)
            fprintf(stderr, "onnx_backend: %s: a row is \"test reason\", not: %s", path, line);
        run->n_skips += good;
    }
    fclose(file);
    return good;
}

static void print_summary(struct runner *run)
{
    qsort(run->group, (size_t)run->n_groups, sizeof run->group[0], by_name);
    printf("%-32s %8s %8s %14s\n", "operator", "passed", "failed", "not supported");
    for (int i = 0; i < run->n_groups; i++) {
        const struct group *g = &run->group[i];
        printf("%-32s %8d %8d %14d\n", g->name, g->count[PASSED], g->count[FAILED], g->count[UNSUPPORTED]);
    }
    for (int i = 0; i < run->n_skips; i++)
        if (run->skip[i].met)
            printf("skipped %s: %s\n", run->skip[i].name, run->skip[i].reason);
    printf("%d not supported, counted as skipped\n", run->unsupported);
    printf("%d passed, %d failed, %d skipped\n", run->passed, run->failed, run->skipped + run->unsupported);
}

static const char *read_options(struct runner *run, int argc, char **argv)
{
    const char *folder = NULL;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--filter") == 0 && more)
            run->filter = argv[++i];
        else if (strcmp(argv[i], "--threads") == 0 && more)
            run->threads = atoi(argv[++i]);
        else if (strcmp(argv[i], "--verbose") == 0)
            run->verbose = true;
        else if (strcmp(argv[i], "--faults") == 0)
            run->faults = true;
        else if (strcmp(argv[i], "--skip") == 0 && more) {
            if (!read_skips(run, argv[++i]))
                return NULL;
        } else if (!folder && argv[i][0] != '-')
            folder = argv[i];
        else
            return NULL;
    }
    return folder;
}

int main(int argc, char **argv)
{
    static struct runner run = {.threads = 2};
    const char *folder = read_options(&run, argc, argv);
    if (!folder) {
        fprintf(stderr,
                "usage: onnx_backend FOLDER [--filter TEXT] [--skip FILE] [--threads N] [--verbose] [--faults]\n");
        return 2;
    }
    run.said = tmpfile();
    run.report = mmap(NULL, sizeof *run.report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!run.said || run.report == MAP_FAILED) {
        perror("onnx_backend");
        return 2;
    }
    int tests = run_folder(&run, folder);
    print_summary(&run);
    return run.failed || tests == 0 ? 1 : 0;
}
