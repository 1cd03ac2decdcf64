/* alt_trial.c: the program in which candidates are checked and timed: one region at a time, beside the default kernels.
 *
 * It talks with the worker over descriptor 3 (tuner/message.h) and can do nobody harm: what a candidate breaks is this process
 * or the one that it forks for the first run. A second thread waits for the end of the conversation and ends the program at
 * once, whatever the first one is in: a candidate that never returns, or the wait for a slot.
 */
#include "tuner/trial/check.h"
#include "tuner/trial/counters.h"
#include "tuner/trial/timing.h"

#include "jit/code.h"
#include "jit/nest.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOCKET = 3, SEND_MS = 5000, MOST_THREADS = 1024 };

struct trial {
    struct alt_mem mem;
    struct counters *counters;   /* NULL: none */
    struct alt_slot_page *slots; /* shared with the host; NULL before HELLO */
    struct bench bench;
    uint32_t region;   /* its number; 0: none */
    alt_status opened; /* how setting it up went */
    uint64_t checked;  /* tag of the candidate that passed last */
};

static void *watch(void *context)
{
    struct pollfd p = {.fd = SOCKET};
    (void)context;
    while (poll(&p, 1, -1) < 0 || !(p.revents & (POLLHUP | POLLERR | POLLNVAL)))
        ;
    _exit(0);
}

static bool start_watch(void)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, watch, NULL) == 0 && pthread_detach(thread) == 0;
}

static bool map_slots(struct trial *t, int fd)
{
    struct stat s;
    if (t->slots || fd < 0 || fstat(fd, &s) != 0 || s.st_size < (off_t)sizeof *t->slots)
        return false;
    void *page = mmap(NULL, sizeof *t->slots, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    t->slots = page == MAP_FAILED ? NULL : page;
    return t->slots != NULL;
}

/* Answers with what this program is; false when the worker is another version or sent no slots. */
static bool greet(struct trial *t, const struct alt_msg_hello *theirs, int fd)
{
    struct alt_msg_hello mine = {.kernel_abi = ALT_KERNEL_ABI, .nest_format = ALT_NEST_FORMAT};
    snprintf(mine.build, sizeof mine.build, "%s", alt_version());
    if (!t->counters)
        t->counters = counters_open(mine.counters, mine.counters_why);
    return map_slots(t, fd) && theirs->kernel_abi == mine.kernel_abi && theirs->nest_format == mine.nest_format &&
           strcmp(theirs->build, mine.build) == 0 &&
           alt_msg_send(SOCKET, ALT_MSG_HELLO, 0, &mine, sizeof mine, -1, SEND_MS) == ALT_OK;
}

/* How it went is said to those who ask for something of the region. */
static void open_region(struct trial *t, uint32_t id, const struct alt_msg_region *region)
{
    if (t->region && t->opened == ALT_OK)
        bench_close(&t->bench);
    t->region = id;
    t->checked = 0;
    t->opened = bench_open(&t->bench, region->text, region->seed,
                           region->threads < MOST_THREADS ? (int)region->threads : MOST_THREADS, &t->mem);
}

static void fail(struct alt_msg_result *r, enum alt_cause cause, const char *text)
{
    r->cause = cause;
    snprintf(r->text, sizeof r->text, "%s", text);
}

/* What both sides of a counted batch run on. */
struct batch {
    struct bench *b;
    struct bench_side *side;
    int times;
};

static bool run_batch(void *context, bool candidate)
{
    struct batch *batch = context;
    return bench_side_again(candidate ? batch->side : &batch->b->base, batch->times) == ALT_OK;
}

/* One thread does all the work meanwhile: counts are those of a thread. */
static void count(struct trial *t, struct bench_side *side, struct alt_msg_result *r)
{
    enum { BATCH_US = 500, MOST = 1000 };
    double times = BATCH_US / (r->default_us > 1 ? r->default_us : 1);
    struct batch batch = {&t->bench, side, times < 1 ? 1 : times > MOST ? MOST : (int)times};
    int threads[2] = {t->bench.base.exec.threads, side->exec.threads};
    t->bench.base.exec.threads = side->exec.threads = 1;
    if (!counters_compare(t->counters, run_batch, &batch, r->counter))
        fail(r, ALT_CAUSE_SYSTEM, "a counted batch could not be run");
    t->bench.base.exec.threads = threads[0];
    side->exec.threads = threads[1];
}

static void time_side(struct trial *t, struct bench_side *side, struct alt_msg_result *r)
{
    alt_status status = bench_side_run(side);
    if (status == ALT_OK) {
        bool exact;
        r->max_error = bench_difference(&t->bench, side, &exact);
        r->exact = exact;
        status = time_candidate(&t->bench, side, t->slots, r);
    }
    if (status == ALT_E_BUSY)
        fail(r, ALT_CAUSE_SYSTEM, "no time was granted to measure in");
    else if (status != ALT_OK)
        fail(r, ALT_CAUSE_SYSTEM, alt_status_text(status));
    else
        count(t, side, r);
}

static void time_it(struct trial *t, const struct alt_msg_candidate *c, struct alt_msg_result *r)
{
    struct alt_code *code = NULL;
    struct bench_side side;
    if (c->tag != t->checked) {
        fail(r, ALT_CAUSE_LOST, "was not checked by this process");
        return;
    }
    if (load_candidate(&t->bench, c, &code, r->text, sizeof r->text) != ALT_OK) {
        r->cause = ALT_CAUSE_LOAD;
        return;
    }
    alt_status status = bench_side_open(&t->bench, code, &t->mem, &side);
    if (status == ALT_OK)
        time_side(t, &side, r);
    else
        fail(r, ALT_CAUSE_SYSTEM, alt_status_text(status));
    bench_side_close(&side);
    alt_code_release(code);
}

static bool answer(struct trial *t, uint32_t id, bool timed, const struct alt_msg_candidate *c)
{
    struct alt_msg_result r = {.tag = c->tag, .cause = ALT_CAUSE_NONE};
    memcpy(r.path, c->path, sizeof r.path);
    memcpy(r.symbol, c->symbol, sizeof r.symbol);
    memcpy(r.variant, c->variant, sizeof r.variant);
    if (!t->region || id != t->region) {
        fail(&r, ALT_CAUSE_SYSTEM, "no such region");
    } else if (t->opened != ALT_OK) {
        snprintf(r.text, sizeof r.text, "the region cannot be set up: %s", alt_status_text(t->opened));
        r.cause = ALT_CAUSE_SYSTEM;
    } else if (timed) {
        time_it(t, c, &r);
    } else {
        check_candidate(&t->bench, c, &r);
        t->checked = r.cause == ALT_CAUSE_NONE ? c->tag : t->checked;
    }
    enum alt_msg_type type = r.cause != ALT_CAUSE_NONE ? ALT_MSG_FAILED : timed ? ALT_MSG_TIMED : ALT_MSG_CHECKED;
    return alt_msg_send(SOCKET, type, id, &r, sizeof r, -1, SEND_MS) == ALT_OK;
}

/* One message; false: the conversation is over. */
static bool serve(struct trial *t)
{
    struct alt_msg_header header;
    _Alignas(16) static char body[ALT_MSG_BODY];
    int fd;
    if (alt_msg_receive(SOCKET, &header, body, &fd, -1) != ALT_OK)
        return false;
    bool go_on = false;
    if (header.type == ALT_MSG_HELLO)
        go_on = greet(t, (const void *)body, fd);
    else if (!t->slots)
        go_on = false;
    else if (header.type == ALT_MSG_REGION)
        open_region(t, header.id, (const void *)body), go_on = true;
    else if (header.type == ALT_MSG_CANDIDATE || header.type == ALT_MSG_TIME)
        go_on = answer(t, header.id, header.type == ALT_MSG_TIME, (const void *)body);
    if (fd >= 0)
        close(fd);
    return go_on;
}

/* A crash shows as its signal, to whoever waits for this process or the forked one, also where something linked in (a
 * sanitizer) would make an exit of it. */
static void set_signals(void)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        signal(crashes[i], SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
}

int main(void)
{
    static struct trial trial;
    set_signals();
    alt_mem_init(&trial.mem, NULL, 0);
    if (!start_watch())
        return 1;
    while (serve(&trial))
        ;
    if (trial.region && trial.opened == ALT_OK)
        bench_close(&trial.bench);
    counters_close(trial.counters);
    return 0;
}
