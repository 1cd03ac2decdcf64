/* alt_worker.c: the program that explores for a host: compiles variants of a region and has them measured by a trial process.
 *
 * usage: alt_worker TRIAL, descriptor 3 being the conversation with the host (tuner/message.h). It waits most of the time; what it
 * starts to compile runs only when nothing else wants to (compile.h). The end of descriptor 3 ends it at once, together with
 * all that it started and wrote.
 */
#include "tuner/search/explore.h"

#include "jit/nest.h"
#include "runtime/kernel.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SEND_MS = 5000 };

/* Where it cannot be had, it goes without: none of this is needed for right answers. */
static void set_process(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)fcntl(ALT_SPAWN_SOCKET, F_SETFD, FD_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);
}

static bool refuse(const char *what, const char *why)
{
    fprintf(stderr, "alt_worker: %s: %s\n", what, why);
    return false;
}

/* The trial is started first: what it counts is part of the answer. */
static bool greet(struct worker *w, const struct alt_msg_hello *host, int fd)
{
    struct alt_msg_hello mine = {.kernel_abi = ALT_KERNEL_ABI, .nest_format = ALT_NEST_FORMAT};
    struct partner *p = &w->partner;
    snprintf(mine.build, sizeof mine.build, "%s", alt_version());
    if (host->kernel_abi != mine.kernel_abi || host->nest_format != mine.nest_format ||
        strcmp(host->build, mine.build) != 0)
        return refuse("the host is another version", host->build);
    if (fd < 0 || p->slots >= 0)
        return refuse("greeting", "no slots, or a second one");
    p->hello = *host;
    p->slots = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    alt_status status = p->slots < 0 ? ALT_E_SYSTEM : partner_start(p);
    if (status != ALT_OK) {
        refuse(p->path, alt_status_text(status));
        return refuse("it said", p->errors);
    }
    memcpy(mine.counters, p->theirs.counters, sizeof mine.counters);
    memcpy(mine.counters_why, p->theirs.counters_why, sizeof mine.counters_why);
    return alt_msg_send(w->host, ALT_MSG_HELLO, 0, &mine, sizeof mine, -1, SEND_MS) == ALT_OK;
}

/* One message; false: the conversation is over. */
static bool serve(struct worker *w)
{
    struct alt_msg_header header;
    _Alignas(16) static char body[ALT_MSG_BODY];
    int fd;
    bool go_on = false;
    if (alt_msg_receive(w->host, &header, body, &fd, -1) != ALT_OK)
        return false;
    if (header.type == ALT_MSG_HELLO)
        go_on = greet(w, (const void *)body, fd);
    else if (header.type == ALT_MSG_REGION && w->partner.slots >= 0)
        go_on = explore_region(w, header.id, (const void *)body);
    else
        go_on = header.type == ALT_MSG_FORGET; /* nothing is kept of a region */
    if (fd >= 0)
        close(fd);
    return go_on;
}

int main(int argc, char **argv)
{
    static struct worker w = {
        .host = ALT_SPAWN_SOCKET,
        .partner = {.host = ALT_SPAWN_SOCKET, .slots = -1, .child = {.socket = -1, .errors = -1}}};
    if (argc != 2 || fcntl(ALT_SPAWN_SOCKET, F_GETFD) < 0) {
        fprintf(stderr, "usage: alt_worker TRIAL, with the host's socket as descriptor %d; started by libalt\n",
                ALT_SPAWN_SOCKET);
        return 2;
    }
    set_process();
    alt_mem_init(&w.mem, NULL, 0);
    w.partner.path = argv[1];
    if (scratch_make(&w.scratch) != ALT_OK) {
        refuse("no folder for temporary files", "set TMPDIR to one that can be written to");
        return 1;
    }
    while (serve(&w))
        ;
    partner_stop(&w.partner);
    if (w.partner.slots >= 0)
        close(w.partner.slots);
    scratch_remove(&w.scratch);
    return 0;
}
