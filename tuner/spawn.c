/* spawn.c: helper processes; see spawn.h. */
#include "tuner/spawn.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ARGS = 16, HIGH = 64 };

/* A descriptor well above those that the helper is given, so that moving ends into place never overwrites one. */
static int raise_descriptor(int fd)
{
    if (fd < 0 || fd >= HIGH)
        return fd;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
    int error = errno;
    close(fd);
    errno = error;
    return high;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* File actions: 0 and 1 to /dev/null, 2 to the pipe, 3 the socket, all others closed. */
static int set_files(posix_spawn_file_actions_t *files, int socket, int errors)
{
    int e = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    if (!e)
        e = posix_spawn_file_actions_addopen(files, 1, "/dev/null", O_WRONLY, 0);
    if (!e)
        e = posix_spawn_file_actions_adddup2(files, errors, 2);
    if (!e)
        e = posix_spawn_file_actions_adddup2(files, socket, ALT_SPAWN_SOCKET);
    if (!e)
        e = posix_spawn_file_actions_addclosefrom_np(files, ALT_SPAWN_SOCKET + 1);
    return e;
}

/* A process group of its own, no blocked signals, default handlers. */
static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int e = posix_spawnattr_setpgroup(attr, 0);
    if (!e)
        e = posix_spawnattr_setsigmask(attr, &none);
    if (!e)
        e = posix_spawnattr_setsigdefault(attr, &all);
    if (!e)
        e = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return e;
}

/* What a helper needs of the environment: where temporary files go, and what tests ask of it. */
static int keep_environment(char *kept[], int max)
{
    static const char *const names[] = {"TMPDIR=", "PATH=", "LD_LIBRARY_PATH=", "ALT_", "ASAN_OPTIONS=", "UBSAN_OPTIONS=",
                                        "TSAN_OPTIONS="};
    int n = 0;
    for (char **e = environ; e && *e && n < max - 1; e++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strncmp(*e, names[i], strlen(names[i])) == 0) {
                kept[n++] = *e;
                break;
            }
    kept[n] = NULL;
    return n;
}

static int spawn(struct alt_child *child, const char *path, const char *const *args, int socket, int errors)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    char *argv[MAX_ARGS + 2] = {(char *)(uintptr_t)path}, *environment[64];
    for (int i = 0; args && args[i] && i < MAX_ARGS; i++)
        argv[i + 1] = (char *)(uintptr_t)args[i];
    keep_environment(environment, 64);
    int e = posix_spawn_file_actions_init(&files);
    if (e)
        return e;
    e = posix_spawnattr_init(&attr);
    if (!e) {
        e = set_files(&files, socket, errors);
        if (!e)
            e = set_attributes(&attr);
        if (!e)
            e = posix_spawn(&child->pid, path, &files, &attr, argv, environment);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&files);
    return e;
}

alt_status alt_child_start(struct alt_child *child, const char *path, const char *const *args)
{
    int ends[2] = {-1, -1}, tube[2] = {-1, -1}, error = 0;
    *child = (struct alt_child){.socket = -1, .errors = -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0 || pipe2(tube, O_CLOEXEC | O_NONBLOCK) != 0)
        error = errno;
    ends[1] = raise_descriptor(ends[1]);
    tube[1] = raise_descriptor(tube[1]);
    if (!error && (ends[1] < 0 || tube[1] < 0))
        error = errno;
    if (!error)
        error = spawn(child, path, args, ends[1], tube[1]);
    close_fd(&ends[1]);
    close_fd(&tube[1]);
    if (error) {
        close_fd(&ends[0]);
        close_fd(&tube[0]);
        child->pid = 0;
        return error == ENOENT || error == EACCES || error == ENOEXEC ? ALT_E_IO : ALT_E_SYSTEM;
    }
    child->socket = ends[0];
    child->errors = tube[0];
    return ALT_OK;
}

bool alt_child_ended(struct alt_child *child, int *status)
{
    *status = -1;
    if (!child->pid)
        return true;
    pid_t r;
    do
        r = waitpid(child->pid, status, WNOHANG);
    while (r < 0 && errno == EINTR);
    if (r == 0)
        return false;
    if (r < 0)
        *status = -1; /* the host reaps every child */
    child->pid = 0;
    return true;
}

static void pause_ms(int ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

/* Has not ended yet; leaves it to be reaped. */
static bool still_there(pid_t pid)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

void alt_child_stop(struct alt_child *child, int grace_ms)
{
    int status;
    close_fd(&child->socket);
    if (child->pid) {
        for (int waited = 0; waited < grace_ms && still_there(child->pid); waited += 2)
            pause_ms(2);
        /* Before it is reaped, so that the number still means this group. It may hold an assembler or a trial even when the
         * helper itself is gone. */
        kill(-child->pid, SIGKILL);
        for (int waited = 0; waited < 5000 && !alt_child_ended(child, &status); waited += 2)
            pause_ms(2);
    }
    close_fd(&child->errors);
    child->pid = 0;
}

void alt_child_forget(struct alt_child *child)
{
    close_fd(&child->socket);
    close_fd(&child->errors);
    child->pid = 0;
}

void alt_child_errors(struct alt_child *child, char *text, size_t size)
{
    size_t used = strnlen(text, size - 1);
    char part[512];
    ssize_t n;
    while (child->errors >= 0 && (n = read(child->errors, part, sizeof part)) > 0) {
        size_t got = (size_t)n;
        if (got >= size) {
            memcpy(text, part + got - (size - 1), size - 1);
            used = size - 1;
            continue;
        }
        if (used + got > size - 1) {
            size_t drop = used + got - (size - 1);
            memmove(text, text + drop, used - drop);
            used -= drop;
        }
        memcpy(text + used, part, got);
        used += got;
    }
    text[used] = 0;
}

/* Folder of the file that holds this code: libalt.so, or the program it is linked into. */
static bool own_folder(char *out, size_t size)
{
    Dl_info info;
    char real[4096];
    if (!dladdr((void *)(uintptr_t)own_folder, &info) || !info.dli_fname || !realpath(info.dli_fname, real))
        return false;
    char *slash = strrchr(real, '/');
    if (!slash || (size_t)(slash - real) >= size)
        return false;
    *slash = 0;
    strcpy(out, real);
    return true;
}

static bool usable(const char *path)
{
    return access(path, X_OK) == 0;
}

alt_status alt_helper_find(const char *name, const char *given, const char *variable, char *path, size_t path_size,
                           char *why, size_t why_size)
{
    static const char *const places[] = {"", "/..", "/../libexec/alt", "/../../libexec/alt"};
    const char *set = given ? given : getenv(variable);
    char folder[4096];
    if (set) {
        snprintf(path, path_size, "%s", set);
        if (strlen(set) < path_size && usable(path))
            return ALT_OK;
        snprintf(why, why_size, "%s cannot be executed: %s", set, strerror(errno));
        return ALT_E_IO;
    }
    if (!own_folder(folder, sizeof folder)) {
        snprintf(why, why_size, "cannot tell where alt is installed; set %s to the path of %s", variable, name);
        return ALT_E_IO;
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int n = snprintf(path, path_size, "%s%s/%s", folder, places[i], name);
        if (n > 0 && (size_t)n < path_size && usable(path))
            return ALT_OK;
    }
    snprintf(why, why_size, "no %s beside %s nor in its ../libexec/alt; set %s to its path", name, folder, variable);
    return ALT_E_IO;
}
