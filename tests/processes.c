/* processes.c: see processes.h. */
#include "tests/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double process_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void process_pause(int ms)
{
    const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

/* False when there is no such process. */
static bool read_stat(pid_t pid, char name[64], char *state, pid_t *parent)
{
    char path[64];
    int up = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    bool read = fscanf(f, "%*d (%63[^)]) %c %d", name, state, &up) == 3;
    fclose(f);
    *parent = up;
    return read;
}

bool process_gone(pid_t pid)
{
    for (int i = 0; i < 1500; i++) {
        char name[64], state;
        pid_t parent;
        if (!read_stat(pid, name, &state, &parent) || state == 'Z' || state == 'X')
            return true;
        process_pause(2);
    }
    return false;
}

pid_t process_child(pid_t parent, const char *name)
{
    DIR *dir = opendir("/proc");
    struct dirent *e;
    pid_t found = 0;
    while (dir && !found && (e = readdir(dir)) != NULL) {
        char its[64], state;
        pid_t up, pid = (pid_t)atoi(e->d_name);
        if (pid > 0 && read_stat(pid, its, &state, &up) && up == parent && state != 'Z' &&
            (!name || strncmp(its, name, strlen(name)) == 0))
            found = pid;
    }
    if (dir)
        closedir(dir);
    return found;
}

int process_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 512; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

bool process_visible(void)
{
    if (access("/proc/self/stat", R_OK) == 0)
        return true;
    puts("skipped: /proc is not mounted (as root: mount -t proc proc /proc)");
    return false;
}
