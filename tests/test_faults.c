/* test_faults.c: everything that can go wrong behind a session that is tuned, again and again, while four threads run it:
 * every run answers, every answer has the default plan's bits, each fault is counted under its cause, and nothing is left
 * behind: no process, descriptor, file or mapping.
 *
 * Kernels are spoilt by assemblers of our own, which change the text before they assemble it; disks are full file systems in a
 * mount namespace of this process, or, where that may not be had, limits on the size of files.
 *
 * usage: test_faults TIMES (of each fault). Environment: ALT_WORKER, ALT_TRIAL, ALT_TEST_ROOT. */
#include "tests/cmocka_all.h"
#include "tests/processes.h"

#include "tuner/message.h"

#include <alt/alt.h>

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CALLERS = 4, IMAGES = 3, CLASSES = 10, LIMIT_S = 300, MOST_SESSIONS = 60 };

static uint32_t times = 20;
static char folder[64], temporary[96], cache[96], full[96];

/* ---- the service ---- */

struct service {
    alt_model *model;
    alt_session *session;
    alt_value *input;
    float want[IMAGES * CLASSES];
    pthread_t caller[CALLERS];
    _Atomic bool stop;
    _Atomic uint64_t answers, wrong, missed;
};

static bool ask(struct service *s, float *out)
{
    const alt_value *inputs[] = {s->input};
    alt_value *outputs[4] = {NULL};
    const size_t n = alt_model_output_count(s->model);
    if (alt_session_run(s->session, NULL, inputs, 1, outputs, n, NULL) != ALT_OK)
        return false;
    memcpy(out, alt_value_data_const(outputs[0]), IMAGES * CLASSES * sizeof *out);
    for (size_t i = 0; i < n; i++)
        alt_value_release(outputs[i]);
    return true;
}

static void *call(void *context)
{
    struct service *s = context;
    float got[IMAGES * CLASSES];
    while (!atomic_load(&s->stop)) {
        if (!ask(s, got))
            atomic_fetch_add(&s->missed, 1);
        else if (memcmp(got, s->want, sizeof got) != 0)
            atomic_fetch_add(&s->wrong, 1);
        else
            atomic_fetch_add(&s->answers, 1);
        usleep(300);
    }
    return NULL;
}

static void open_service(struct service *s)
{
    const alt_session_options o = {.size = sizeof o, .numerics = ALT_NUMERICS_EXACT};
    assert_int_equal(alt_session_create(s->model, &o, &s->session, NULL), ALT_OK);
    atomic_store(&s->stop, false);
    assert_true(ask(s, s->want));
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&s->caller[i], NULL, call, s), 0);
}

static void close_service(struct service *s)
{
    atomic_store(&s->stop, true);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(s->caller[i], NULL);
    alt_session_free(s->session);
    s->session = NULL;
}

/* ---- what is left behind ---- */

static int entries(const char *path)
{
    DIR *dir = opendir(path);
    int n = -2; /* . and .. */
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

/* Lines of this process' memory map that only tuning makes. */
static int mappings(void)
{
    FILE *f = fopen("/proc/self/maps", "re");
    char line[4096];
    int n = 0;
    while (f && fgets(line, sizeof line, f))
        n += strstr(line, "alt-worker-") || strstr(line, "alt-slots") || strstr(line, "/kernels/");
    if (f)
        fclose(f);
    return n;
}

static alt_tuning_report report_of(const struct service *s)
{
    alt_tuning_report r = {.size = sizeof r};
    assert_int_equal(alt_session_tuning(s->session, &r), ALT_OK);
    return r;
}

static void tune(struct service *s, const char *where)
{
    const alt_tuning_options o = {.size = sizeof o, .share = 1, .budget_s = 60, .cache = where};
    assert_int_equal(alt_session_tune(s->session, &o, NULL), ALT_OK);
}

/* A worker that was killed cannot clean up; the next one does. */
static void sweep(struct service *s)
{
    for (int i = 0; i < 5 && entries(temporary) > 0; i++) {
        open_service(s);
        tune(s, "");
        for (double begin = process_now(); report_of(s).trials == 0 && process_now() - begin < LIMIT_S;)
            process_pause(5);
        close_service(s);
    }
    assert_int_equal(entries(temporary), 0);
}

/* ---- faults ---- */

struct fault {
    const char *name;
    unsigned causes;         /* counted under, by 1 << cause */
    void (*prepare)(void);
    bool (*strike)(void);    /* once in a while; true: it struck. NULL: the fault is in the tools */
    const char *cache;       /* NULL: none */
};

#define CAUSE(name) (1u << ALT_CAUSE_##name)

/* An assembler that changes its input with `script` of sed first. */
static void spoil(const char *script)
{
    char path[128];
    snprintf(path, sizeof path, "%s/as", folder);
    unlink(path);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n/bin/sed -i -e '%s' \"$4\" && exec /usr/bin/as \"$@\"\n", script);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0700), 0);
    setenv("ALT_AS", path, 1);
}

static void crash(void) { spoil("s/^\\(alt_kernel_[0-9]*\\):/\\1:\\n\\tud2/"); }
static void hang(void) { spoil("s/^\\(alt_kernel_[0-9]*\\):/\\1:\\n9:\\tjmp 9b/"); }
static void be_wrong(void) { spoil("s/vfmadd231ps/vfnmadd231ps/; s/addps/subps/"); }
static void lose_assembler(void) { setenv("ALT_AS", "/nonexistent/as", 1); }

/* Assembler text is larger than 512 bytes. */
static void limit_files(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/worker", folder);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs("#!/bin/sh\nulimit -f 1\nexec \"$ALT_TEST_WORKER\" \"$@\"\n", f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0700), 0);
    setenv("ALT_TEST_WORKER", getenv("ALT_WORKER"), 1);
    setenv("ALT_WORKER", path, 1);
}

static bool mounted;

/* In a namespace of this process' own, which its helpers share. */
static void mount_full(void)
{
    if (mounted)
        return;
    mkdir(full, 0700);
    mounted = unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
              mount("none", full, "tmpfs", 0, "size=16k,mode=0700") == 0;
}

static void fill_disk(void)
{
    mount_full();
    if (mounted)
        setenv("TMPDIR", full, 1);
    else
        limit_files();
}

/* The worker works; nothing can be remembered. */
static void fill_cache(void) { mount_full(); }

static void prepare_nothing(void) {}

static bool kill_one(pid_t pid)
{
    process_pause((int)(random() % 40));
    return pid > 0 && kill(pid, SIGKILL) == 0;
}

static bool kill_worker(void) { return kill_one(process_child(getpid(), "alt_worker")); }

static bool kill_trial(void)
{
    pid_t worker = process_child(getpid(), "alt_worker");
    return worker > 0 && kill_one(process_child(worker, "alt_trial"));
}

static const struct fault faults[] = {
    {"crash", CAUSE(CRASH), crash, NULL, NULL},
    {"hang", CAUSE(HANG), hang, NULL, NULL},
    {"wrong answer", CAUSE(WRONG), be_wrong, NULL, NULL},
    {"no assembler", CAUSE(COMPILE), lose_assembler, NULL, NULL},
    {"full disk", CAUSE(COMPILE) | CAUSE(SYSTEM), fill_disk, NULL, NULL},
    {"full cache", 0, fill_cache, NULL, full},
    {"killed worker", CAUSE(LOST), prepare_nothing, kill_worker, cache},
    {"killed trial", CAUSE(LOST) | CAUSE(CRASH) | CAUSE(SYSTEM), prepare_nothing, kill_trial, cache},
};

/* How often the fault was met in this session. A full cache is met by every trial. */
static uint32_t met(const struct fault *f, const alt_tuning_report *r)
{
    uint32_t n = f->causes ? 0 : r->trials;
    for (unsigned c = 1; c < ALT_CAUSE_COUNT; c++)
        n += f->causes >> c & 1 ? r->failed[c - 1] : 0;
    return n;
}

/* One session, until the fault was met `wanted` times or tuning ends; returns how often it was. */
static uint32_t serve(struct service *s, const struct fault *f, uint32_t wanted)
{
    uint32_t struck = 0;
    const double begin = process_now();
    open_service(s);
    tune(s, f->cache ? f->cache : "");
    alt_tuning_report r = report_of(s);
    while (r.phase != ALT_TUNING_DONE && (f->strike ? struck : met(f, &r)) < wanted && process_now() - begin < LIMIT_S) {
        struck += f->strike && f->strike();
        process_pause(f->strike ? (int)(random() % 100) : 5);
        r = report_of(s);
    }
    const uint32_t counted = met(f, &r);
    if (f->cache == full && mounted)
        assert_non_null(strstr(r.note, "remembered"));
    close_service(s);
    return f->strike ? struck : counted;
}

static void restore_environment(void)
{
    if (getenv("ALT_TEST_WORKER"))
        setenv("ALT_WORKER", getenv("ALT_TEST_WORKER"), 1);
    unsetenv("ALT_AS");
    setenv("TMPDIR", temporary, 1);
}

/* Checks what every fault must leave: nothing. */
static void check_clean(struct service *s, int descriptors)
{
    assert_int_equal(process_child(getpid(), NULL), 0);
    assert_int_equal(process_descriptors(), descriptors);
    assert_int_equal(mappings(), 0);
    assert_int_equal(atomic_load(&s->wrong), 0);
    assert_int_equal(atomic_load(&s->missed), 0);
}

static void every_fault_leaves_the_host_answering(void **state)
{
    struct service *s = *state;
    open_service(s); /* the pool's threads and what the C library keeps are there from here on */
    close_service(s);
    const int descriptors = process_descriptors();
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const struct fault *f = &faults[i];
        const uint64_t before = atomic_load(&s->answers);
        uint32_t n = 0;
        f->prepare();
        int sessions = 0;
        for (; n < times && sessions < MOST_SESSIONS; sessions++) {
            n += serve(s, f, times - n);
            check_clean(s, descriptors);
        }
        restore_environment();
        print_message("%s: %u times in %d sessions, %llu answers meanwhile\n", f->name, n, sessions,
                      (unsigned long long)(atomic_load(&s->answers) - before));
        assert_true(n >= times);
        assert_true(atomic_load(&s->answers) > before);
        sweep(s);
        if (mounted)
            assert_int_equal(f->prepare == fill_disk ? entries(full) : 0, 0);
    }
    check_clean(s, descriptors);
}

/* ---- around it ---- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static int begin(void **state)
{
    static struct service s;
    const int64_t dims[] = {IMAGES, 1, 8, 8};
    char path[4096];
    *state = &s;
    strcpy(folder, "/tmp/alt-faults-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(temporary, sizeof temporary, "%s/tmp", folder);
    snprintf(cache, sizeof cache, "%s/cache", folder);
    snprintf(full, sizeof full, "%s/full", folder);
    mkdir(temporary, 0700);
    setenv("TMPDIR", temporary, 1);
    signal(SIGXFSZ, SIG_IGN);
    snprintf(path, sizeof path, "%s/samples/models/digits.onnx", getenv("ALT_TEST_ROOT"));
    if (alt_model_load(path, NULL, &s.model, NULL) != ALT_OK ||
        alt_value_tensor(NULL, ALT_FLOAT32, 4, dims, &s.input) != ALT_OK)
        return -1;
    float *image = alt_value_data(s.input);
    for (int i = 0; i < IMAGES * 64; i++)
        image[i] = (float)(i * 7 % 17) / 16;
    return 0;
}

static int end(void **state)
{
    struct service *s = *state;
    alt_model_free(s->model);
    alt_value_release(s->input);
    if (mounted)
        umount(full);
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

int main(int argc, char **argv)
{
    if (!getenv("ALT_TRIAL") || !getenv("ALT_WORKER") || !getenv("ALT_TEST_ROOT"))
        return 77;
    if (!process_visible())
        return 77;
    if (argc > 1)
        times = (uint32_t)strtoul(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_fault_leaves_the_host_answering, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
