/* check.c: see check.h. The child shares one page with the parent to say what it found; it is killed when it takes too long,
 * by the parent for wall time and by RLIMIT_CPU should the parent be gone. */
#include "tuner/trial/check.h"

#include "tuner/object.h"
#include "tuner/trial/guard.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TOLERANCE 1e-4 /* relative to the output's scale: reassociated float32 sums of 10^4 terms stay well below */
/* A first run may take so much longer than the default kernels' first run, which had as much to set up, and a second on top. */
enum { LEAST_MS = 1000, MOST_MS = 10000, SLOWER = 100, POLL_MS = 1 };

static int limit_ms(const struct bench *b)
{
    return b->first_ms < (MOST_MS - LEAST_MS) / SLOWER ? LEAST_MS + SLOWER * b->first_ms : MOST_MS;
}

struct finding {
    uint32_t cause, exact, overrun;
    double error;
    char text[256];
};

alt_status load_candidate(const struct bench *b, const struct alt_msg_candidate *candidate, struct alt_code **out,
                          char *why, size_t why_size)
{
    const struct alt_object object = {
        .path = candidate->path, .symbol = candidate->symbol, .tag = candidate->tag, .variant = candidate->variant};
    return alt_object_load(&object, &b->desc, b->mem, out, why, why_size);
}

static uint32_t try_candidate(struct bench *b, const struct alt_msg_candidate *candidate, struct finding *f)
{
    struct alt_code *code = NULL;
    struct bench_side side;
    struct guard guard;
    struct alt_mem mem;
    bool exact;
    guard_init(&guard);
    alt_mem_init(&mem, &guard.hooks, 0);
    if (load_candidate(b, candidate, &code, f->text, sizeof f->text) != ALT_OK)
        return ALT_CAUSE_LOAD;
    b->threads = 1;
    alt_status status = bench_side_open(b, code, &mem, &side);
    if (status == ALT_OK)
        status = bench_side_run(&side);
    if (status != ALT_OK) {
        snprintf(f->text, sizeof f->text, "cannot be run: %s", alt_status_text(status));
        return status == ALT_E_NOMEM ? ALT_CAUSE_SYSTEM : ALT_CAUSE_LOAD;
    }
    f->error = bench_difference(b, &side, &exact);
    f->exact = exact;
    bench_side_close(&side);
    f->overrun = guard.faults;
    if (guard.faults)
        snprintf(f->text, sizeof f->text, "wrote behind the end of its memory");
    else if (!(f->error <= TOLERANCE))
        snprintf(f->text, sizeof f->text, "differs by %g of the output's scale", f->error);
    return guard.faults || !(f->error <= TOLERANCE) ? ALT_CAUSE_WRONG : ALT_CAUSE_NONE;
}

static _Noreturn void child(struct bench *b, const struct alt_msg_candidate *candidate, pid_t parent, struct finding *f)
{
    const struct rlimit cpu = {MOST_MS / 1000 + 2, MOST_MS / 1000 + 2}, none = {0, 0};
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* forked by the main thread, which ends with the process */
    if (getppid() != parent)
        _exit(0); /* it ended before that */
    setrlimit(RLIMIT_CPU, &cpu);
    setrlimit(RLIMIT_CORE, &none);
    f->cause = try_candidate(b, candidate, f);
    _exit(0);
}

static bool wait_child(pid_t pid, int limit, int *status)
{
    const struct timespec moment = {0, POLL_MS * 1000000L};
    for (int waited = 0; waited < limit; waited += POLL_MS) {
        pid_t r = waitpid(pid, status, WNOHANG);
        if (r == pid)
            return true;
        if (r < 0 && errno != EINTR)
            return false;
        nanosleep(&moment, NULL);
    }
    kill(pid, SIGKILL);
    while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        ;
    return false;
}

static void judge(struct alt_msg_result *r, const struct finding *f, int limit, bool ended, int status)
{
    if (!ended) {
        r->cause = ALT_CAUSE_HANG;
        snprintf(r->text, sizeof r->text, "did not end within %d ms", limit);
    } else if (WIFSIGNALED(status)) {
        r->cause = ALT_CAUSE_CRASH;
        r->signal = (uint32_t)WTERMSIG(status);
        snprintf(r->text, sizeof r->text, "signal %d", WTERMSIG(status));
    } else {
        r->cause = f->cause;
        r->exact = f->exact;
        r->max_error = f->error;
        snprintf(r->text, sizeof r->text, "%s", f->text);
    }
}

void check_candidate(struct bench *b, const struct alt_msg_candidate *candidate, struct alt_msg_result *result)
{
    struct finding *f = mmap(NULL, sizeof *f, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 0;
    result->cause = ALT_CAUSE_SYSTEM;
    if (f == MAP_FAILED)
        return;
    f->cause = ALT_CAUSE_LOST;
    const pid_t self = getpid();
    pid_t pid = fork();
    if (pid == 0)
        child(b, candidate, self, f);
    if (pid > 0) {
        const int limit = limit_ms(b);
        bool ended = wait_child(pid, limit, &status);
        judge(result, f, limit, ended, status);
    } else {
        snprintf(result->text, sizeof result->text, "fork: %s", strerror(errno));
    }
    munmap(f, sizeof *f);
}
