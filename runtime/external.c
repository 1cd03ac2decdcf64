/* external.c: see external.h. The path is judged twice: openat2 with RESOLVE_BENEATH lets the kernel refuse whatever leaves
 * the folder while it resolves the path; and before that realpath says where the path leads, which serves kernels without
 * openat2 too. A file that is exchanged between the two looks is opened by the kernel's rule. */
#include "runtime/external.h"

#include "runtime/error.h"
#include "runtime/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct alt_external_file {
    struct alt_external_file *next;
    char *location; /* as it was first named; owned */
    size_t location_bytes;
    dev_t device;
    ino_t inode;
    struct alt_file file;
};

enum { FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

alt_status alt_external_init(struct alt_external *external, struct alt_mem *mem, const char *folder, bool copy)
{
    if (!folder[0])
        folder = ".";
    *external = (struct alt_external){.mem = mem, .folder_bytes = strlen(folder) + 1, .copy = copy};
    external->folder = alt_mem_alloc(mem, external->folder_bytes, 1);
    if (!external->folder)
        return ALT_E_NOMEM;
    memcpy(external->folder, folder, external->folder_bytes);
    return ALT_OK;
}

void alt_external_rest(const struct alt_external *external)
{
    for (const struct alt_external_file *file = external->files; file; file = file->next)
        alt_file_rest(&file->file);
}

void alt_external_free(struct alt_external *external)
{
    struct alt_external_file *file = external->files;
    while (file) {
        struct alt_external_file *next = file->next;
        alt_file_close(&file->file);
        alt_mem_free(external->mem, file->location, file->location_bytes);
        alt_mem_free(external->mem, file, sizeof *file);
        file = next;
    }
    alt_mem_free(external->mem, external->folder, external->folder_bytes);
    *external = (struct alt_external){0};
}

/* True when a part of the path is "..". */
static bool climbs(const char *path)
{
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == 0))
            return true;
    }
    return false;
}

static alt_status check_location(const char *location, struct alt_diag *diag)
{
    if (location[0] && location[0] != '/' && !climbs(location))
        return ALT_OK;
    return alt_diag_add(diag, ALT_E_MODEL,
                        "external data location \"%.500s\" is not acceptable: it must be a path within the model's folder",
                        location);
}

/* Fails unless folder/location, all links followed, lies within the folder. */
static alt_status check_beneath(const struct alt_external *external, const char *path, struct alt_diag *diag)
{
    alt_status status = ALT_OK;
    char *folder = realpath(external->folder, NULL);
    char *real = folder ? realpath(path, NULL) : NULL;
    if (!real) {
        status = alt_file_error(folder ? path : external->folder, errno, diag);
    } else {
        size_t n = strlen(folder);
        if (strncmp(folder, real, n) != 0 || (n > 1 && real[n] && real[n] != '/'))
            status = alt_diag_add(diag, ALT_E_MODEL,
                                  "external data \"%.500s\" leads to \"%.500s\", out of the model's folder: put the file itself "
                                  "into the folder",
                                  path, real);
    }
    free(real);
    free(folder);
    return status;
}

/* Opens `location` from the folder; -1 and errno on failure. */
static int open_beneath(const struct alt_external *external, const char *location, const char *path)
{
    int folder = open(external->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -1;
    struct open_how how = {.flags = FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, folder, location, &how, sizeof how);
    int error = errno;
    close(folder);
    errno = error;
    /* ENOSYS: an old kernel; EPERM: a sandbox that does not know the call. realpath has judged the path. */
    return fd < 0 && (error == ENOSYS || error == EPERM) ? open(path, FLAGS) : fd;
}

static alt_status make_file(struct alt_external *external, int fd, const char *location, const char *path,
                            struct alt_diag *diag, struct alt_external_file **out)
{
    alt_status status = ALT_E_NOMEM;
    struct alt_external_file *file = alt_mem_zalloc(external->mem, sizeof *file);
    if (!file)
        goto done;
    file->location_bytes = strlen(location) + 1;
    file->location = alt_mem_alloc(external->mem, file->location_bytes, 1);
    if (!file->location)
        goto done;
    memcpy(file->location, location, file->location_bytes);
    ALT_TRY(alt_file_read(fd, path, external->copy, external->mem, &file->file, diag));
    *out = file;
    file = NULL;
done:
    if (status == ALT_E_NOMEM)
        alt_diag_add(diag, status, "no memory to open \"%.500s\"", path);
    if (file) {
        alt_mem_free(external->mem, file->location, file->location_bytes);
        alt_mem_free(external->mem, file, sizeof *file);
    }
    return status;
}

/* The file that `fd` is open on, perhaps known by another name. */
static alt_status add_file(struct alt_external *external, int fd, const char *location, const char *path,
                           struct alt_diag *diag, const struct alt_external_file **out)
{
    struct stat info;
    struct alt_external_file *file = NULL;
    if (fstat(fd, &info) != 0)
        return alt_file_error(path, errno, diag);
    for (const struct alt_external_file *old = external->files; old; old = old->next) {
        if (old->device == info.st_dev && old->inode == info.st_ino) {
            *out = old;
            return ALT_OK;
        }
    }
    ALT_CHECK(make_file(external, fd, location, path, diag, &file));
    file->device = info.st_dev;
    file->inode = info.st_ino;
    file->next = external->files;
    external->files = file;
    *out = file;
    return ALT_OK;
}

static alt_status open_file(struct alt_external *external, const char *location, struct alt_diag *diag,
                            const struct alt_external_file **out)
{
    char path[PATH_MAX];
    size_t folder = strlen(external->folder), rest = strlen(location);
    ALT_CHECK(check_location(location, diag));
    if (folder + rest + 2 > sizeof path)
        return alt_file_error(location, ENAMETOOLONG, diag);
    memcpy(path, external->folder, folder);
    path[folder] = '/';
    memcpy(path + folder + 1, location, rest + 1);
    ALT_CHECK(check_beneath(external, path, diag));
    int fd = open_beneath(external, location, path);
    if (fd < 0)
        return alt_file_error(path, errno, diag);
    alt_status status = add_file(external, fd, location, path, diag, out);
    close(fd);
    return status;
}

alt_status alt_external_open(struct alt_external *external, const char *location, struct alt_diag *diag,
                             const void **bytes, size_t *size)
{
    const struct alt_external_file *file = external->files;
    while (file && strcmp(file->location, location) != 0)
        file = file->next;
    if (!file)
        ALT_CHECK(open_file(external, location, diag, &file));
    *bytes = file->file.bytes;
    *size = file->file.size;
    return ALT_OK;
}
