/* gcc_link.c: assembler text becomes a shared object, by `as` and `ld` themselves: no driver, no start files, no
 * libraries. */
#include "jit/gcc.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Absolute, so that nobody's PATH decides what is run; where they lie elsewhere, the environment says so. */
static const char *tool(const char *variable, const char *usual)
{
    const char *given = getenv(variable);
    return given && *given ? given : usual;
}

/* Runs a program with no environment and waits for it. */
static alt_status run(const char *const *argv, struct alt_diag *diag)
{
    char *const environment[] = {NULL};
    pid_t child;
    int state = 0;
    /* posix_spawn takes writable strings for history's sake and does not write them. */
    const int error = posix_spawn(&child, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environment);

    if (error != 0)
        return alt_diag_add(diag, ALT_E_SYSTEM, "cannot run %s: %s", argv[0], strerror(error));
    while (waitpid(child, &state, 0) < 0)
        if (errno != EINTR)
            return alt_diag_add(diag, ALT_E_SYSTEM, "lost %s: %s", argv[0], strerror(errno));
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0)
        return ALT_OK;
    if (WIFSIGNALED(state))
        return alt_diag_add(diag, ALT_E_SYSTEM, "%s was ended by signal %d", argv[0], WTERMSIG(state));
    return alt_diag_add(diag, ALT_E_SYSTEM, "%s ended with status %d", argv[0], WEXITSTATUS(state));
}

alt_status alt_gcc_link(const char *assembly, const char *object, const char *path, struct alt_diag *diag)
{
    const char *const as[] = {tool("ALT_AS", "/usr/bin/as"), "--noexecstack", "-o", object, assembly, NULL};
    const char *const ld[] = {tool("ALT_LD", "/usr/bin/ld.bfd"), "-shared", "-nostdlib", "-z", "noexecstack", "-z", "relro",
                              "-z", "now", "--build-id=none", "-o", path, object, NULL};

    if (access(path, F_OK) == 0)
        return alt_diag_add(diag, ALT_E_SYSTEM, "%s exists already", path);
    ALT_CHECK(run(as, diag));
    return run(ld, diag);
}

alt_status alt_gcc_build(const struct alt_gcc_unit *unit, int count, enum alt_isa isa, const char *path,
                         struct alt_diag *diag)
{
    char assembly[4096], object[4096];
    const int length = snprintf(assembly, sizeof assembly, "%s.s", path);
    alt_status status;

    if (length < 0 || (size_t)length >= sizeof assembly)
        return alt_diag_add(diag, ALT_E_SYSTEM, "the path is too long: %s", path);
    snprintf(object, sizeof object, "%s.o", path);
    ALT_TRY(alt_gcc_assembly(unit, count, isa, assembly, diag));
    ALT_TRY(alt_gcc_link(assembly, object, path, diag));
done:
    unlink(assembly);
    unlink(object);
    return status;
}
