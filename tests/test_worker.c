/* test_worker.c: alt_worker as its host sees it: regions explored, tools missing, the trial killed, the host gone.
 *
 * Environment: ALT_WORKER, ALT_TRIAL. */
#include "jit/nest.h"
#include "tests/cmocka_all.h"
#include "tests/processes.h"
#include "tuner/message.h"
#include "tuner/object.h"
#include "tuner/spawn.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ANSWER_MS = 60000, BUDGET_MS = 60000, MOST = 64, GONE_S = 3 };

static const char conv[] = "conv f32 n=1 c=3 i=9x11 o=10 k=3x3 s=1x1 p=1,1,1,1 d=1x1 +bias +relu";
static const char product[] = "product f32 batch=1 m=9 k=17 n=33 b=kn,const +bias";

struct talk {
    struct alt_child child;
    struct alt_slot_page *slots;
    int slot_fd;
    char temporary[64]; /* the worker's $TMPDIR */
    char errors[4096];
    struct alt_msg_hello theirs;
    /* What a region brought. */
    struct alt_msg_result variant[MOST], failed[MOST];
    int variants, failures;
};

static void send_region(struct talk *t, uint32_t id, const char *text, uint32_t budget_ms)
{
    struct alt_msg_region region = {.budget_ms = budget_ms, .threads = 1, .seed = 3};
    snprintf(region.text, sizeof region.text, "%s", text);
    assert_int_equal(alt_msg_send(t->child.socket, ALT_MSG_REGION, id, &region, sizeof region, -1, 1000), ALT_OK);
}

/* One message about a region; its type, 0 when the worker is gone. */
static unsigned hear(struct talk *t, uint32_t id)
{
    struct alt_msg_header header;
    _Alignas(16) char body[ALT_MSG_BODY];
    int fd;
    alt_status status = ALT_E_BUSY;
    for (int waited = 0; waited < ANSWER_MS && status == ALT_E_BUSY; waited += 100) {
        status = alt_msg_receive(t->child.socket, &header, body, &fd, 100);
        alt_child_errors(&t->child, t->errors, sizeof t->errors);
    }
    if (status != ALT_OK)
        return 0;
    assert_int_equal(header.id, id);
    if (header.type == ALT_MSG_VARIANT && t->variants < MOST)
        memcpy(&t->variant[t->variants++], body, sizeof t->variant[0]);
    if (header.type == ALT_MSG_FAILED && t->failures < MOST)
        memcpy(&t->failed[t->failures++], body, sizeof t->failed[0]);
    if (header.type == ALT_MSG_HELLO)
        memcpy(&t->theirs, body, sizeof t->theirs);
    return header.type;
}

/* Until EXPLORED; false when the worker went away. */
static bool hear_all(struct talk *t, uint32_t id)
{
    unsigned type;
    do
        type = hear(t, id);
    while (type == ALT_MSG_VARIANT || type == ALT_MSG_FAILED);
    return type == ALT_MSG_EXPLORED;
}

static void explore(struct talk *t, uint32_t id, const char *text, uint32_t budget_ms)
{
    t->variants = t->failures = 0;
    send_region(t, id, text, budget_ms);
    assert_true(hear_all(t, id));
}

static void send_hello(struct talk *t, const char *build)
{
    struct alt_msg_hello hello = {.kernel_abi = ALT_KERNEL_ABI, .nest_format = ALT_NEST_FORMAT};
    snprintf(hello.build, sizeof hello.build, "%s", build);
    assert_int_equal(alt_msg_send(t->child.socket, ALT_MSG_HELLO, 0, &hello, sizeof hello, t->slot_fd, 1000), ALT_OK);
}

static void start_worker(struct talk *t, const char *trial)
{
    const char *args[] = {trial, NULL};
    assert_int_equal(alt_child_start(&t->child, getenv("ALT_WORKER"), args), ALT_OK);
    send_hello(t, alt_version());
}

static int begin(void **state)
{
    struct talk *t = calloc(1, sizeof *t);
    *state = t;
    if (!t)
        return -1;
    snprintf(t->temporary, sizeof t->temporary, "/tmp/alt-test-XXXXXX");
    t->slot_fd = memfd_create("test-slots", MFD_CLOEXEC);
    if (!mkdtemp(t->temporary) || t->slot_fd < 0 || ftruncate(t->slot_fd, sizeof *t->slots) != 0)
        return -1;
    t->slots = mmap(NULL, sizeof *t->slots, PROT_READ | PROT_WRITE, MAP_SHARED, t->slot_fd, 0);
    if (t->slots == MAP_FAILED)
        return -1;
    atomic_store(&t->slots->generation, 1);
    atomic_store(&t->slots->deadline_ns, UINT64_MAX);
    setenv("TMPDIR", t->temporary, 1);
    start_worker(t, getenv("ALT_TRIAL"));
    return hear(t, 0) != ALT_MSG_HELLO;
}

/* Files in the folder that the worker makes its own in; the first one's name. */
static int count_files(const char *path, char name[256])
{
    DIR *dir = opendir(path);
    struct dirent *e;
    int n = 0;
    while (dir && (e = readdir(dir)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && n++ == 0 && name)
            snprintf(name, 256, "%s", e->d_name);
    if (dir)
        closedir(dir);
    return n;
}

static int end(void **state)
{
    struct talk *t = *state;
    pid_t pid = t->child.pid;
    alt_child_stop(&t->child, 10000);
    bool clean = (!pid || process_gone(pid)) && count_files(t->temporary, NULL) == 0;
    rmdir(t->temporary);
    munmap(t->slots, sizeof *t->slots);
    close(t->slot_fd);
    free(t);
    return !clean;
}

static void check_variant(const struct alt_msg_result *r, const char *text)
{
    const struct alt_object object = {r->path, r->symbol, r->variant, r->tag};
    struct alt_desc desc;
    struct alt_code *code = NULL;
    struct alt_mem mem;
    char why[256] = "";
    alt_mem_init(&mem, NULL, 0);
    assert_int_equal(alt_desc_parse(text, &desc), ALT_OK);
    assert_true(r->exact || r->max_error < 1e-4);
    assert_true(r->pairs > 0 && r->default_us > 0 && r->candidate_us > 0 && r->ratio > 0);
    assert_int_equal(alt_object_load(&object, &desc, &mem, &code, why, sizeof why), ALT_OK);
    alt_code_release(code);
    assert_int_equal(alt_object_load(&(struct alt_object){r->path, r->symbol, r->variant, r->tag + 1}, &desc, &mem,
                                     &code, why, sizeof why),
                     ALT_E_MALFORMED);
}

static void print_failures(const struct talk *t)
{
    for (int i = 0; i < t->failures; i++)
        print_message("%s: %s: %s\n", t->failed[i].variant, alt_cause_name((enum alt_cause)t->failed[i].cause),
                      t->failed[i].text);
}

static void regions_are_explored(void **state)
{
    struct talk *t = *state;
    static const char *const texts[] = {conv, product};
    assert_string_equal(t->theirs.build, alt_version());
    assert_true(t->theirs.counters[0]);
    for (uint32_t i = 0; i < 2; i++) {
        explore(t, 10 + i, texts[i], BUDGET_MS);
        print_failures(t);
        assert_int_equal(t->failures, 0);
        assert_true(t->variants >= 1);
        for (int k = 0; k < t->variants; k++) {
            check_variant(&t->variant[k], texts[i]);
            for (int j = 0; j < k; j++) /* a kernel has a place of its own */
                assert_true(strcmp(t->variant[j].path, t->variant[k].path) != 0 ||
                            strcmp(t->variant[j].symbol, t->variant[k].symbol) != 0);
        }
    }
}

static void the_folder_is_private(void **state)
{
    struct talk *t = *state;
    char name[256] = "", path[512];
    struct stat s;
    assert_int_equal(count_files(t->temporary, name), 1);
    snprintf(path, sizeof path, "%s/%s", t->temporary, name);
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 07777, 0700);
}

static void what_is_no_region_is_done_with_at_once(void **state)
{
    struct talk *t = *state;
    explore(t, 1, "convolution of nonsense", BUDGET_MS);
    assert_int_equal(t->variants, 0);
    assert_int_equal(t->failures, 1);
    assert_int_equal(t->failed[0].cause, ALT_CAUSE_COMPILE);
    explore(t, 2, product, 0); /* no time: no variants, and an answer */
    assert_int_equal(t->variants, 0);
}

static void without_an_assembler_every_variant_says_so(void **state)
{
    struct talk *t = *state;
    alt_child_stop(&t->child, 10000);
    setenv("ALT_AS", "/nonexistent/as", 1);
    start_worker(t, getenv("ALT_TRIAL"));
    unsetenv("ALT_AS");
    assert_int_equal(hear(t, 0), ALT_MSG_HELLO);
    explore(t, 1, product, BUDGET_MS);
    assert_int_equal(t->variants, 0);
    assert_true(t->failures >= 1);
    for (int i = 0; i < t->failures; i++) {
        assert_int_equal(t->failed[i].cause, ALT_CAUSE_COMPILE);
        assert_non_null(strstr(t->failed[i].text, "/nonexistent/as"));
        assert_true(t->failed[i].variant[0]);
    }
}

static void without_a_trial_it_says_so_and_ends(void **state)
{
    struct talk *t = *state;
    alt_child_stop(&t->child, 10000);
    start_worker(t, "/nonexistent/trial");
    assert_int_equal(hear(t, 0), 0);
    assert_true(process_gone(t->child.pid));
    alt_child_errors(&t->child, t->errors, sizeof t->errors);
    assert_non_null(strstr(t->errors, "/nonexistent/trial"));
}

static void a_killed_trial_costs_a_variant_not_the_region(void **state)
{
    struct talk *t = *state;
    int killed = 0;
    unsigned type;
    send_region(t, 1, conv, BUDGET_MS);
    do {
        type = hear(t, 1);
        pid_t trial = process_child(t->child.pid, "alt_trial");
        if (type != ALT_MSG_EXPLORED && trial && killed < 2)
            killed += kill(trial, SIGKILL) == 0;
    } while (type == ALT_MSG_VARIANT || type == ALT_MSG_FAILED);
    assert_int_equal(type, ALT_MSG_EXPLORED);
    assert_int_equal(killed, 2);
    for (int i = 0; i < t->failures; i++)
        assert_int_equal(t->failed[i].cause, ALT_CAUSE_LOST);
    explore(t, 2, product, BUDGET_MS);
    assert_int_equal(t->failures, 0);
    assert_true(t->variants >= 1);
}

/* At different moments of an exploration: while compiling, checking, timing. */
static void the_end_of_the_host_ends_everything_at_once(void **state)
{
    struct talk *t = *state;
    for (int i = 0; i < 5; i++) {
        pid_t pid = t->child.pid;
        send_region(t, 1, conv, BUDGET_MS);
        process_pause(i * 60);
        pid_t child = process_child(pid, NULL);
        double begin_s = process_now();
        close(t->child.socket);
        t->child.socket = -1;
        assert_true(process_gone(pid));
        assert_true(process_now() - begin_s < GONE_S);
        assert_true(!child || process_gone(child));
        assert_int_equal(count_files(t->temporary, NULL), 0);
        alt_child_stop(&t->child, 0);
        start_worker(t, getenv("ALT_TRIAL"));
        assert_int_equal(hear(t, 0), ALT_MSG_HELLO);
    }
}

static void what_a_killed_worker_left_the_next_removes(void **state)
{
    struct talk *t = *state;
    char first[256] = "", second[256] = "";
    pid_t trial = process_child(t->child.pid, "alt_trial");
    assert_int_equal(count_files(t->temporary, first), 1);
    kill(t->child.pid, SIGKILL);
    assert_true(process_gone(t->child.pid));
    assert_true(trial > 0 && process_gone(trial));
    alt_child_stop(&t->child, 0);
    assert_int_equal(count_files(t->temporary, first), 1);
    start_worker(t, getenv("ALT_TRIAL"));
    assert_int_equal(hear(t, 0), ALT_MSG_HELLO);
    assert_int_equal(count_files(t->temporary, second), 1);
    assert_string_not_equal(first, second);
}

static void another_version_is_refused_in_words(void **state)
{
    struct talk *t = *state;
    const char *args[] = {getenv("ALT_TRIAL"), NULL};
    alt_child_stop(&t->child, 10000);
    assert_int_equal(alt_child_start(&t->child, getenv("ALT_WORKER"), args), ALT_OK);
    send_hello(t, "another");
    assert_int_equal(hear(t, 0), 0);
    assert_true(process_gone(t->child.pid));
    alt_child_errors(&t->child, t->errors, sizeof t->errors);
    assert_non_null(strstr(t->errors, "another version"));
}

int main(void)
{
    if (!getenv("ALT_TRIAL") || !getenv("ALT_WORKER"))
        return 77;
    if (!process_visible())
        return 77;
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(regions_are_explored),
        TEST(the_folder_is_private),
        TEST(what_is_no_region_is_done_with_at_once),
        TEST(without_an_assembler_every_variant_says_so),
        TEST(without_a_trial_it_says_so_and_ends),
        TEST(a_killed_trial_costs_a_variant_not_the_region),
        TEST(the_end_of_the_host_ends_everything_at_once),
        TEST(what_a_killed_worker_left_the_next_removes),
        TEST(another_version_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
