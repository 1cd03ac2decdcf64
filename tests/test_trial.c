/* test_trial.c: alt_trial as its worker sees it. Kernels are compiled here from trial_kernel.c, each with another fault; the
 * trial names the cause of each and lives on.
 *
 * Environment: ALT_TRIAL, ALT_TEST_CC (compiler), ALT_TEST_ROOT (source tree). */
#include "jit/nest.h"
#include "tests/cmocka_all.h"
#include "tests/processes.h"
#include "tuner/message.h"
#include "tuner/object.h"
#include "tuner/spawn.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum fault { RIGHT, SEGV, FPE, LOOP, PAST_THE_END, WRONG, NOT_A_NUMBER, SEGV_LATER, FAULTS };
enum { ANSWER_MS = 60000, REGION = 7 };

static const char product[] = "product f32 batch=1 m=13 k=7 n=11 b=kn";

static struct {
    char path[FAULTS + 2][128]; /* two more: another tag, no object file */
    struct alt_variant variant;
    uint64_t tag;
    struct alt_slot_page *slots;
    int slot_fd;
} all = {.slot_fd = -1};
static char folder[64];
enum { OTHER_TAG = FAULTS, NO_OBJECT };

static void compile(int index, int fault, uint64_t tag)
{
    char command[2048];
    snprintf(all.path[index], sizeof all.path[index], "%s/kernel-%d.so", folder, index);
    snprintf(
        command, sizeof command,
        "%s -std=c11 -O1 -w -fPIC -shared -nostdlib -I '%s' -DFAULT=%d -DTAG=%lluu -o %s '%s/tests/trial_kernel.c'",
        getenv("ALT_TEST_CC"), getenv("ALT_TEST_ROOT"), fault, (unsigned long long)tag, all.path[index],
        getenv("ALT_TEST_ROOT"));
    assert_int_equal(system(command), 0);
}

static int make_kernels(void **state)
{
    (void)state;
    struct alt_code_spec spec = {.isa = alt_cpu_isa()};
    struct alt_variant list[ALT_VARIANT_MOST];
    struct alt_mem mem;
    alt_mem_init(&mem, NULL, 0);
    snprintf(folder, sizeof folder, "/tmp/alt-test-XXXXXX");
    if (!mkdtemp(folder) || alt_desc_parse(product, &spec.desc) != ALT_OK ||
        alt_variant_list(&spec.desc, spec.isa, list) < 1)
        return -1;
    all.variant = spec.variant = list[0]; /* plain: B is not constant */
    if (alt_code_tag(&spec, &mem, &all.tag) != ALT_OK)
        return -1;
    for (int i = 0; i < FAULTS; i++)
        compile(i, i, all.tag);
    compile(OTHER_TAG, RIGHT, all.tag + 1);
    snprintf(all.path[NO_OBJECT], sizeof all.path[NO_OBJECT], "%s/kernel-%d.so", folder, NO_OBJECT);
    FILE *f = fopen(all.path[NO_OBJECT], "we");
    if (!f)
        return -1;
    fputs("\177ELF is how it begins", f);
    fclose(f);
    all.slot_fd = memfd_create("test-slots", MFD_CLOEXEC);
    if (all.slot_fd < 0 || ftruncate(all.slot_fd, sizeof *all.slots) != 0)
        return -1;
    all.slots = mmap(NULL, sizeof *all.slots, PROT_READ | PROT_WRITE, MAP_SHARED, all.slot_fd, 0);
    return all.slots == MAP_FAILED;
}

static int remove_kernels(void **state)
{
    (void)state;
    for (int i = 0; i < FAULTS + 2; i++)
        unlink(all.path[i]);
    rmdir(folder);
    munmap(all.slots, sizeof *all.slots);
    close(all.slot_fd);
    return 0;
}

struct talk {
    struct alt_child child;
    struct alt_msg_hello theirs;
};

/* Receives one answer into `body`; its type, or 0. */
static unsigned hear(struct talk *t, void *body)
{
    struct alt_msg_header header;
    int fd;
    if (alt_msg_receive(t->child.socket, &header, body, &fd, ANSWER_MS) != ALT_OK)
        return 0;
    assert_int_equal(fd, -1);
    return header.type;
}

static void send_region(struct talk *t, uint32_t id, const char *text, uint32_t threads)
{
    struct alt_msg_region region = {.threads = threads, .seed = 5};
    snprintf(region.text, sizeof region.text, "%s", text);
    assert_int_equal(alt_msg_send(t->child.socket, ALT_MSG_REGION, id, &region, sizeof region, -1, 1000), ALT_OK);
}

static void send_hello(struct talk *t, uint32_t abi)
{
    struct alt_msg_hello hello = {.kernel_abi = abi, .nest_format = ALT_NEST_FORMAT};
    snprintf(hello.build, sizeof hello.build, "%s", alt_version());
    assert_int_equal(alt_msg_send(t->child.socket, ALT_MSG_HELLO, 0, &hello, sizeof hello, all.slot_fd, 1000), ALT_OK);
}

static int begin(void **state)
{
    static struct talk talk;
    _Alignas(16) char body[ALT_MSG_BODY];
    *state = &talk;
    atomic_store(&all.slots->generation, 1); /* open, for long */
    atomic_store(&all.slots->deadline_ns, UINT64_MAX);
    if (alt_child_start(&talk.child, getenv("ALT_TRIAL"), NULL) != ALT_OK)
        return -1;
    send_hello(&talk, ALT_KERNEL_ABI);
    if (hear(&talk, body) != ALT_MSG_HELLO)
        return -1;
    memcpy(&talk.theirs, body, sizeof talk.theirs);
    send_region(&talk, REGION, product, 2);
    return 0;
}

static int end(void **state)
{
    struct talk *t = *state;
    pid_t pid = t->child.pid;
    alt_child_stop(&t->child, 10000);
    return pid && !process_gone(pid);
}

static struct alt_msg_result ask(struct talk *t, enum alt_msg_type type, int index)
{
    struct alt_msg_candidate c = {.tag = all.tag};
    _Alignas(16) char body[ALT_MSG_BODY];
    struct alt_msg_result r;
    snprintf(c.path, sizeof c.path, "%s", all.path[index]);
    alt_object_symbol(0, c.symbol, sizeof c.symbol);
    alt_variant_print(&all.variant, c.variant, sizeof c.variant);
    assert_int_equal(alt_msg_send(t->child.socket, type, REGION, &c, sizeof c, -1, 1000), ALT_OK);
    unsigned got = hear(t, body);
    memcpy(&r, body, sizeof r);
    assert_int_equal(r.tag, all.tag);
    assert_int_equal(got, r.cause != ALT_CAUSE_NONE ? ALT_MSG_FAILED
                          : type == ALT_MSG_TIME    ? ALT_MSG_TIMED
                                                    : ALT_MSG_CHECKED);
    return r;
}

static void it_says_what_it_is_and_what_it_counts(void **state)
{
    struct talk *t = *state;
    assert_int_equal(t->theirs.kernel_abi, ALT_KERNEL_ABI);
    assert_int_equal(t->theirs.nest_format, ALT_NEST_FORMAT);
    assert_string_equal(t->theirs.build, alt_version());
    bool hardware = strcmp(t->theirs.counters, "hardware") == 0;
    assert_true(hardware || strcmp(t->theirs.counters, "software") == 0 || strcmp(t->theirs.counters, "none") == 0);
    assert_true(hardware || t->theirs.counters_why[0]);
}

static void a_right_kernel_is_checked_and_timed(void **state)
{
    struct talk *t = *state;
    struct alt_msg_result r = ask(t, ALT_MSG_CANDIDATE, RIGHT);
    assert_string_equal(r.text, "");
    assert_int_equal(r.cause, ALT_CAUSE_NONE);
    assert_true(r.max_error < 1e-5);
    r = ask(t, ALT_MSG_TIME, RIGHT);
    assert_string_equal(r.text, "");
    assert_int_equal(r.cause, ALT_CAUSE_NONE);
    assert_true(r.pairs >= 1 && r.default_us > 0 && r.candidate_us > 0);
    assert_true(r.ratio_low <= r.ratio && r.ratio <= r.ratio_high && r.ratio > 0);
    assert_true(atomic_load(&all.slots->used_ns) > 0);
    for (int i = 0; i < ALT_COUNTER_COUNT; i++)
        assert_true(isnan(r.counter[i]) || r.counter[i] >= 0);
    if (strcmp(t->theirs.counters, "none") != 0)
        assert_true(r.counter[ALT_COUNTER_CYCLES] > 0 || r.counter[ALT_COUNTER_CPU_TIME] > 0);
}

/* Each fault, its cause and signal; and after it the trial still takes a right kernel. */
static void every_fault_has_its_cause(void **state)
{
    static const struct {
        int index;
        enum alt_cause cause;
        int signal;
    } cases[] = {
        {SEGV, ALT_CAUSE_CRASH, SIGSEGV},   {FPE, ALT_CAUSE_CRASH, SIGFPE}, {LOOP, ALT_CAUSE_HANG, 0},
        {PAST_THE_END, ALT_CAUSE_WRONG, 0}, {WRONG, ALT_CAUSE_WRONG, 0},    {NOT_A_NUMBER, ALT_CAUSE_WRONG, 0},
        {OTHER_TAG, ALT_CAUSE_LOAD, 0},     {NO_OBJECT, ALT_CAUSE_LOAD, 0},
    };
    struct talk *t = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct alt_msg_result r = ask(t, ALT_MSG_CANDIDATE, cases[i].index);
        if (r.cause != cases[i].cause)
            print_message("fault %d: %s %s\n", cases[i].index, alt_cause_name((enum alt_cause)r.cause), r.text);
        assert_int_equal(r.cause, cases[i].cause);
        assert_int_equal(r.signal, cases[i].signal);
        assert_true(r.text[0]);
        assert_int_equal(process_child(t->child.pid, NULL), 0);
    }
    assert_int_equal(ask(t, ALT_MSG_CANDIDATE, RIGHT).cause, ALT_CAUSE_NONE);
}

static void what_was_not_checked_is_not_timed(void **state)
{
    struct talk *t = *state;
    assert_int_equal(ask(t, ALT_MSG_TIME, RIGHT).cause, ALT_CAUSE_LOST);
    assert_int_equal(ask(t, ALT_MSG_CANDIDATE, WRONG).cause, ALT_CAUSE_WRONG);
    assert_int_equal(ask(t, ALT_MSG_TIME, WRONG).cause, ALT_CAUSE_LOST);
}

static void a_kernel_that_crashes_while_timed_takes_the_trial_alone(void **state)
{
    struct talk *t = *state;
    _Alignas(16) char body[ALT_MSG_BODY];
    struct alt_msg_candidate c = {.tag = all.tag};
    int status = 0;
    assert_int_equal(ask(t, ALT_MSG_CANDIDATE, SEGV_LATER).cause, ALT_CAUSE_NONE);
    snprintf(c.path, sizeof c.path, "%s", all.path[SEGV_LATER]);
    alt_object_symbol(0, c.symbol, sizeof c.symbol);
    alt_variant_print(&all.variant, c.variant, sizeof c.variant);
    assert_int_equal(alt_msg_send(t->child.socket, ALT_MSG_TIME, REGION, &c, sizeof c, -1, 1000), ALT_OK);
    assert_int_equal(hear(t, body), 0);
    for (int i = 0; i < 5000 && !alt_child_ended(&t->child, &status); i++)
        process_pause(1);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void a_region_that_cannot_be_set_up_fails_its_candidates_only(void **state)
{
    struct talk *t = *state;
    send_region(t, REGION, "product of nonsense", 1);
    assert_int_equal(ask(t, ALT_MSG_CANDIDATE, RIGHT).cause, ALT_CAUSE_SYSTEM);
    send_region(t, REGION + 1, product, 1);
    assert_int_equal(ask(t, ALT_MSG_CANDIDATE, RIGHT).cause, ALT_CAUSE_SYSTEM); /* asks for another region */
    send_region(t, REGION, product, 1);
    assert_int_equal(ask(t, ALT_MSG_CANDIDATE, RIGHT).cause, ALT_CAUSE_NONE);
}

/* The worker dies while a candidate loops: trial and the forked run end too. */
static void the_end_of_the_worker_ends_everything_at_once(void **state)
{
    struct talk *t = *state;
    struct alt_msg_candidate c = {.tag = all.tag};
    pid_t pid = t->child.pid, run = 0;
    snprintf(c.path, sizeof c.path, "%s", all.path[LOOP]);
    alt_object_symbol(0, c.symbol, sizeof c.symbol);
    alt_variant_print(&all.variant, c.variant, sizeof c.variant);
    assert_int_equal(alt_msg_send(t->child.socket, ALT_MSG_CANDIDATE, REGION, &c, sizeof c, -1, 1000), ALT_OK);
    for (int i = 0; i < 5000 && !run; i++) {
        process_pause(1);
        run = process_child(pid, NULL);
    }
    assert_true(run > 0);
    double begin_s = process_now();
    close(t->child.socket);
    t->child.socket = -1;
    assert_true(process_gone(pid));
    assert_true(process_gone(run));
    assert_true(process_now() - begin_s < 3);
}

/* No slot is open: the trial waits, and still notices the end. */
static void the_wait_for_a_slot_ends_with_the_worker(void **state)
{
    struct talk *t = *state;
    struct alt_msg_candidate c = {.tag = all.tag};
    pid_t pid = t->child.pid;
    assert_int_equal(ask(t, ALT_MSG_CANDIDATE, RIGHT).cause, ALT_CAUSE_NONE);
    atomic_store(&all.slots->generation, 2);
    atomic_store(&all.slots->wanted, 0);
    snprintf(c.path, sizeof c.path, "%s", all.path[RIGHT]);
    alt_object_symbol(0, c.symbol, sizeof c.symbol);
    alt_variant_print(&all.variant, c.variant, sizeof c.variant);
    assert_int_equal(alt_msg_send(t->child.socket, ALT_MSG_TIME, REGION, &c, sizeof c, -1, 1000), ALT_OK);
    for (int i = 0; i < 5000 && !atomic_load(&all.slots->wanted); i++)
        process_pause(1);
    assert_int_equal(atomic_load(&all.slots->wanted), 1);
    close(t->child.socket);
    t->child.socket = -1;
    assert_true(process_gone(pid));
}

static void strangers_are_not_talked_to(void **state)
{
    (void)state;
    _Alignas(16) char body[ALT_MSG_BODY];
    for (int i = 0; i < 3; i++) {
        struct talk t;
        assert_int_equal(alt_child_start(&t.child, getenv("ALT_TRIAL"), NULL), ALT_OK);
        pid_t pid = t.child.pid;
        if (i == 0)
            send_hello(&t, ALT_KERNEL_ABI + 1);
        else if (i == 1)
            send_region(&t, 1, product, 1); /* before it was greeted */
        else
            assert_int_equal(send(t.child.socket, "what?", 5, 0), 5);
        assert_int_equal(hear(&t, body), 0);
        assert_true(process_gone(pid));
        alt_child_stop(&t.child, 1000);
    }
}

int main(void)
{
    if (!getenv("ALT_TRIAL") || !getenv("ALT_TEST_CC") || !getenv("ALT_TEST_ROOT"))
        return 77;
    if (!process_visible())
        return 77;
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(it_says_what_it_is_and_what_it_counts),
        TEST(a_right_kernel_is_checked_and_timed),
        TEST(every_fault_has_its_cause),
        TEST(what_was_not_checked_is_not_timed),
        TEST(a_kernel_that_crashes_while_timed_takes_the_trial_alone),
        TEST(a_region_that_cannot_be_set_up_fails_its_candidates_only),
        TEST(the_end_of_the_worker_ends_everything_at_once),
        TEST(the_wait_for_a_slot_ends_with_the_worker),
        cmocka_unit_test(strangers_are_not_talked_to),
    };
    return cmocka_run_group_tests(tests, make_kernels, remove_kernels);
}
