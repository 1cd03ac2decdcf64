/* folder.c: see folder.h. The content hash is 128 bits of FNV-1a, against mix-ups and half-written files, not against an
 * attacker: who can write to the folder is the user, and the folder is refused when others can. */
#include "tuner/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 65536 };

static alt_status refuse(char *why, size_t why_size, const char *path, const char *reason)
{
    snprintf(why, why_size, "%s %s", path, reason);
    return ALT_E_IO;
}

/* A folder of this user's that nobody else may write to, itself and not through a link. */
static alt_status check_folder(const char *path, char *why, size_t why_size)
{
    struct stat s;
    if (lstat(path, &s) != 0)
        return refuse(why, why_size, path, strerror(errno));
    if (!S_ISDIR(s.st_mode))
        return refuse(why, why_size, path, "is not a folder");
    if (s.st_uid != geteuid())
        return refuse(why, why_size, path, "belongs to another user");
    if (s.st_mode & (S_IWGRP | S_IWOTH))
        return refuse(why, why_size, path, "may be written to by others (chmod go-w)");
    return ALT_OK;
}

/* Makes the folder and those above it that are missing. */
static bool make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int e = mkdir(path, 0700) == 0 ? 0 : errno;
        *slash = '/';
        if (e && e != EEXIST)
            return false;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static bool default_folder(char *out, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = -1;
    if (cache && cache[0] == '/')
        n = snprintf(out, size, "%s/alt", cache);
    else if (home && home[0] == '/')
        n = snprintf(out, size, "%s/.cache/alt", home);
    return n > 0 && (size_t)n < size;
}

alt_status alt_folder_open(const char *dir, char *out, size_t size, char *why, size_t why_size)
{
    char kernels[4200];
    if (!dir && !default_folder(out, size))
        return refuse(why, why_size, "the cache folder", "is not known: HOME is not set; name one with --cache");
    if (dir && (size_t)snprintf(out, size, "%s", dir) >= size)
        return refuse(why, why_size, dir, "is too long a path");
    if (!make_folders(out))
        return refuse(why, why_size, out, strerror(errno));
    alt_status status = check_folder(out, why, why_size);
    if (status != ALT_OK)
        return status;
    if ((size_t)snprintf(kernels, sizeof kernels, "%s/kernels", out) >= sizeof kernels)
        return refuse(why, why_size, out, "is too long a path");
    if (mkdir(kernels, 0700) != 0 && errno != EEXIST)
        return refuse(why, why_size, kernels, strerror(errno));
    return check_folder(kernels, why, why_size);
}

void alt_folder_path(const char *folder, const char *file, char *out, size_t size)
{
    int n = strchr(file, '/') ? -1 : snprintf(out, size, "%s/kernels/%s", folder, file);
    if (n < 0 || (size_t)n >= size)
        out[0] = 0;
}

struct hash {
    uint64_t a, b;
};

static void add_bytes(struct hash *h, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        h->a = (h->a ^ bytes[i]) * UINT64_C(0x100000001b3);
        h->b = (h->b ^ bytes[i]) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    }
}

/* Reads `from` to its end, hashing, and writes it to `to` unless -1. */
static bool pass(int from, int to, struct hash *h)
{
    unsigned char piece[PIECE];
    ssize_t n;
    *h = (struct hash){UINT64_C(0xcbf29ce484222325), 1};
    while ((n = read(from, piece, sizeof piece)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        add_bytes(h, piece, (size_t)n);
        for (ssize_t done = 0, w; to >= 0 && done < n; done += w)
            if ((w = write(to, piece + done, (size_t)(n - done))) <= 0)
                return false;
    }
    return true;
}

static alt_status copy_in(const char *folder, int from, char *out, size_t size)
{
    char temporary[4300];
    struct hash h;
    snprintf(temporary, sizeof temporary, "%s/kernels/.new-XXXXXX", folder);
    int to = mkostemp(temporary, O_CLOEXEC);
    if (to < 0)
        return ALT_E_IO;
    bool written = pass(from, to, &h);
    written &= close(to) == 0;
    int n = snprintf(out, size, "%s/kernels/%016" PRIx64 "%016" PRIx64 ".so", folder, h.a, h.b);
    if (written && n > 0 && (size_t)n < size && rename(temporary, out) == 0)
        return ALT_OK;
    unlink(temporary);
    return ALT_E_IO;
}

alt_status alt_folder_keep(const char *folder, const char *path, char *out, size_t size)
{
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0)
        return ALT_E_IO;
    alt_status status = copy_in(folder, from, out, size);
    close(from);
    return status;
}

bool alt_folder_intact(const char *path, char *why, size_t why_size)
{
    struct stat s;
    struct hash h;
    char name[64];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const char *slash = strrchr(path, '/');
    bool same = fd >= 0 && slash && fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_uid == geteuid() &&
                !(s.st_mode & (S_IWGRP | S_IWOTH)) && pass(fd, -1, &h);
    if (same) {
        snprintf(name, sizeof name, "%016" PRIx64 "%016" PRIx64 ".so", h.a, h.b);
        same = strcmp(slash + 1, name) == 0;
    }
    if (fd >= 0)
        close(fd);
    if (!same)
        snprintf(why, why_size, "the kernel %s is gone or was changed", path);
    return same;
}
