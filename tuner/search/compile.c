/* compile.c: see compile.h. The child is the leader of a group, so that assembler and linker end with it; its standard error
 * is a pipe, whose end is the sign that all of them are gone. */
#include "tuner/search/compile.h"

#include "jit/gcc.h"
#include "runtime/mem.h"
#include "tuner/search/host.h"
#include "tuner/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT_MS = 60000, SLICE_MS = 100, MOST_UNITS = 64, STATUS_SYSTEM = 3, PRESSING_NICE = 10 };

/* At idle priority a child that got less than this share of a second is one that will get no more. */
#define STARVED_MS 1000.0
#define STARVED_SHARE 0.05

/* Bytes of address space that the compiler may take; its own use is below 100 MB. */
#define MEMORY ((rlim_t)2 << 30)
#define FILE_BYTES ((rlim_t)256 << 20)

static void set_limits(bool press)
{
    const struct rlimit cpu = {LIMIT_MS / 1000, LIMIT_MS / 1000}, file = {FILE_BYTES, FILE_BYTES};
    const struct rlimit memory = {ALT_BOUND_MEMORY ? MEMORY : RLIM_INFINITY, ALT_BOUND_MEMORY ? MEMORY : RLIM_INFINITY};
    const struct sched_param lowest = {0};
    (void)setrlimit(RLIMIT_CPU, &cpu);
    (void)setrlimit(RLIMIT_FSIZE, &file);
    (void)setrlimit(RLIMIT_AS, &memory);
    if (press)
        (void)setpriority(PRIO_PROCESS, 0, PRESSING_NICE);
    else
        (void)sched_setscheduler(0, SCHED_IDLE, &lowest);
}

static alt_status build(const struct compile_batch *b, struct alt_diag *diag)
{
    struct alt_gcc_unit unit[MOST_UNITS];
    struct alt_arena arena;
    struct alt_mem mem;
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    if (b->count > MOST_UNITS)
        return ALT_E_ARGUMENT;
    alt_status status = ALT_OK;
    for (int i = 0; i < b->count && status == ALT_OK; i++) {
        struct alt_nest *nest = NULL;
        status = alt_variant_nest(b->desc, &b->unit[i].variant, b->isa, &arena, &nest);
        unit[i] = (struct alt_gcc_unit){nest, b->unit[i].tag};
    }
    if (status == ALT_OK)
        status = alt_gcc_build(unit, b->count, b->isa, b->path, diag);
    alt_arena_free(&arena);
    return status;
}

static _Noreturn void child(const struct compile_batch *b, pid_t parent, int errors)
{
    struct alt_diag diag = {0};
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* the worker has one thread: it is the process */
    if (getppid() != parent || dup2(errors, STDERR_FILENO) < 0)
        _exit(STATUS_SYSTEM);
    close(ALT_SPAWN_SOCKET); /* the host's end must show, whoever is compiling */
    set_limits(b->press);
    alt_status status = build(b, &diag);
    if (status == ALT_OK)
        _exit(0);
    dprintf(STDERR_FILENO, "%s\n", diag.text ? diag.text : alt_status_text(status));
    _exit(status == ALT_E_NOMEM ? STATUS_SYSTEM : 1);
}

/* Appends, and keeps the tail. */
static void keep_tail(char *text, size_t size, const char *part, size_t got)
{
    size_t used = strlen(text);
    if (got >= size) {
        part += got - (size - 1);
        got = size - 1;
    }
    if (used + got > size - 1) {
        size_t drop = used + got - (size - 1);
        memmove(text, text + drop, used - drop);
        used -= drop;
    }
    memcpy(text + used, part, got);
    text[used + got] = 0;
}

/* Has had next to no time. False once it has got far, and where nobody can tell. */
static bool starved(pid_t pid, double since_ms)
{
    struct timespec used;
    clockid_t clock;
    const double waited = host_now_ms() - since_ms;
    return waited > STARVED_MS && clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &used) == 0 &&
           (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6 < STARVED_SHARE * waited;
}

/* Reads what the tools say until all of them are gone; COMPILE_FAILED: it took too long. `pid`: the child, 0: never mind how
 * much time it gets. */
static enum compile_end listen_to(int host, int errors, pid_t pid, char *text, size_t size)
{
    double begin = host_now_ms();
    char part[512];
    while (host_now_ms() - begin < LIMIT_MS) {
        if (pid && starved(pid, begin))
            return COMPILE_STARVED;
        enum waited w = host_wait(host, errors, SLICE_MS);
        if (w == WAITED_HOST_GONE)
            return COMPILE_HOST_GONE;
        if (w == WAITED_TIME)
            continue;
        ssize_t n = read(errors, part, sizeof part);
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
            return COMPILED;
        if (n > 0)
            keep_tail(text, size, part, (size_t)n);
    }
    return COMPILE_FAILED;
}

static enum compile_end judge(int status, bool late, enum alt_cause *cause, char *text, size_t size)
{
    char said[64] = "";
    if (!late && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return COMPILED;
    if (late)
        snprintf(said, sizeof said, " (took longer than %d s)", LIMIT_MS / 1000);
    else if (WIFSIGNALED(status))
        snprintf(said, sizeof said, " (ended by signal %d)", WTERMSIG(status));
    if (!late && WIFEXITED(status) && WEXITSTATUS(status) == STATUS_SYSTEM)
        *cause = ALT_CAUSE_SYSTEM;
    size_t length = strlen(text);
    if (length && text[length - 1] == '\n')
        text[length - 1] = 0;
    keep_tail(text, size, said, strlen(said));
    return COMPILE_FAILED;
}

enum compile_end compile_batch(const struct compile_batch *batch, int host, enum alt_cause *cause, char *text,
                               size_t size)
{
    int tube[2], status = 0;
    pid_t self = getpid();
    *cause = ALT_CAUSE_SYSTEM;
    *text = 0;
    if (pipe2(tube, O_CLOEXEC) != 0) {
        snprintf(text, size, "pipe: %s", strerror(errno));
        return COMPILE_FAILED;
    }
    pid_t pid = fork();
    if (pid == 0)
        child(batch, self, tube[1]);
    close(tube[1]);
    if (pid < 0) {
        snprintf(text, size, "fork: %s", strerror(errno));
        close(tube[0]);
        return COMPILE_FAILED;
    }
    setpgid(pid, pid); /* whichever of the two comes first */
    *cause = ALT_CAUSE_COMPILE;
    enum compile_end end = listen_to(host, tube[0], batch->press ? 0 : pid, text, size);
    if (end != COMPILED)
        kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    close(tube[0]);
    if (end == COMPILE_HOST_GONE || end == COMPILE_STARVED)
        return end;
    return judge(status, end == COMPILE_FAILED, cause, text, size);
}
