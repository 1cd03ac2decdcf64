/* spawn.h: starts a helper program that can do its parent no harm, and ends it. Used by the host for the worker and by the worker
 * for the trial.
 *
 * The helper gets one end of a SOCK_SEQPACKET pair as descriptor 3 and nothing else but standard input and output on /dev/null
 * and standard error on a pipe; an environment of what it needs; a process group of its own, so that what it starts can be
 * ended with it. It exits when its socket ends: no signal of ours reaches it when the parent dies, and PR_SET_PDEATHSIG would
 * follow the thread that spawned it. The parent's SIGCHLD handling is left alone: a host that reaps every child only takes the
 * exit status away. posix_spawn, so no fork hooks run and no address space is copied.
 */
#ifndef ALT_TUNER_SPAWN_H
#define ALT_TUNER_SPAWN_H

#include <alt/base.h>
#include <sys/types.h>

#define ALT_SPAWN_SOCKET 3 /* the helper's end */

struct alt_child {
    pid_t pid;  /* 0: none */
    int socket; /* our end, close-on-exec; -1: none */
    int errors; /* read end of its standard error, non-blocking; -1 */
};

/* `path`: program; `args`: further arguments, NULL-terminated, or NULL. ALT_E_IO when it cannot be run, ALT_E_SYSTEM. */
alt_status alt_child_start(struct alt_child *child, const char *path, const char *const *args) ALT_MUST_USE;
/* Has it ended? Reaps it. *status as of waitpid; -1 when somebody else reaped it. */
bool alt_child_ended(struct alt_child *child, int *status);
/* Closes the socket, waits up to `grace_ms` for it to exit, then kills its process group. Reaps; closes everything. */
void alt_child_stop(struct alt_child *child, int grace_ms);
/* In a forked process: the helper is the parent's; our copies of the descriptors are closed. */
void alt_child_forget(struct alt_child *child);
/* What it wrote to standard error lately, at most size-1 bytes (the tail), terminated. */
void alt_child_errors(struct alt_child *child, char *text, size_t size);

/* The path of a helper: `given` (an option) if not NULL, else the environment variable, else beside or near the file that holds this code
 * (DIR/NAME, DIR/../libexec/alt/NAME). ALT_E_IO, naming what was tried in `why`, when there is none that can be executed. */
alt_status alt_helper_find(const char *name, const char *given, const char *variable, char *path, size_t path_size,
                           char *why, size_t why_size) ALT_MUST_USE;

#endif
