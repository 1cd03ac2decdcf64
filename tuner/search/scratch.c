/* scratch.c: see scratch.h. A worker that was killed cannot clean up; the next one does. That a folder's owner lives shows in
 * the lock on it, which the kernel drops with the process: numbers of processes are reused, and differ between containers. */
#include "tuner/search/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char PREFIX[] = "alt-worker-";

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *at)
{
    (void)s, (void)kind, (void)at;
    (void)remove(path);
    return 0;
}

static void remove_tree(const char *path) { (void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT); }

/* The folder, opened and locked; -1 when it is no folder of this user's or its owner lives. */
static int lock_folder(const char *path)
{
    struct stat s;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &s) == 0 && s.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void sweep(const char *where)
{
    DIR *dir = opendir(where);
    struct dirent *e;
    while (dir && (e = readdir(dir)) != NULL) {
        char path[1024];
        if (strncmp(e->d_name, PREFIX, sizeof PREFIX - 1) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", where, e->d_name);
        int fd = lock_folder(path);
        if (fd < 0)
            continue;
        remove_tree(path);
        close(fd);
    }
    if (dir)
        closedir(dir);
}

alt_status scratch_make(struct scratch *s)
{
    const char *given = getenv("TMPDIR");
    char where[300];
    struct stat st;
    enum { TRIES = 10 };
    *s = (struct scratch){.lock = -1};
    if (!given || given[0] != '/' || strlen(given) >= sizeof where)
        given = "/tmp";
    snprintf(where, sizeof where, "%s", given);
    sweep(where);
    /* Another worker may sweep between making and locking: then it is made anew. */
    for (int i = 0; i < TRIES; i++) {
        snprintf(s->path, sizeof s->path, "%s/%sXXXXXX", where, PREFIX);
        if (!mkdtemp(s->path))
            break;
        s->lock = lock_folder(s->path);
        if (s->lock >= 0 && stat(s->path, &st) == 0)
            return setenv("TMPDIR", s->path, 1) == 0 ? ALT_OK : ALT_E_NOMEM;
        if (s->lock >= 0)
            close(s->lock);
    }
    *s = (struct scratch){.lock = -1};
    return ALT_E_IO;
}

void scratch_file(const struct scratch *s, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", s->path, name);
}

void scratch_remove(struct scratch *s)
{
    if (s->path[0])
        remove_tree(s->path);
    if (s->lock >= 0)
        close(s->lock);
    *s = (struct scratch){.lock = -1};
}
