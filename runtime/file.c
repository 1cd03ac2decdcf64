/* file.c: see file.h. A mapping is private and read-only: it costs memory only for the pages that are used, and keeps the
 * file's bytes as long as nobody truncates it (rename is safe). */
#include "runtime/file.h"

#include "runtime/error.h"
#include "runtime/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

alt_status alt_file_error(const char *name, int error, struct alt_diag *diag)
{
    const char *remedy = error == ENOENT    ? "check the path"
                         : error == ENOTDIR ? "a part of the path is no folder"
                         : error == EACCES  ? "this user may not read it: check the permissions of the file and its folders"
                         : error == ELOOP   ? "its symbolic links go in a circle or lead out of the folder"
                                            : "check the file and the disk";
    char text[128];
    const char *reason = strerror_r(error, text, sizeof text);
    return alt_diag_add(diag, error == ENOMEM ? ALT_E_NOMEM : ALT_E_IO, "cannot open \"%.1000s\": %s; %s", name, reason,
                        remedy);
}

static alt_status read_all(int fd, const char *name, uint8_t *to, size_t size, struct alt_diag *diag)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(fd, to + done, size - done, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return alt_file_error(name, errno, diag);
        if (n == 0)
            return alt_diag_add(diag, ALT_E_IO, "\"%.1000s\" became shorter while it was read", name);
        done += (size_t)n;
    }
    return ALT_OK;
}

alt_status alt_file_read(int fd, const char *name, bool copy, struct alt_mem *mem, struct alt_file *out,
                         struct alt_diag *diag)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return alt_file_error(name, errno, diag);
    if (S_ISDIR(info.st_mode))
        return alt_diag_add(diag, ALT_E_IO, "\"%.1000s\" is a folder: name the file in it", name);
    if (!S_ISREG(info.st_mode))
        return alt_diag_add(diag, ALT_E_IO, "\"%.1000s\" is no regular file", name);
    if (info.st_size == 0)
        return alt_diag_add(diag, ALT_E_IO, "\"%.1000s\" is empty: was it copied or downloaded to its end?", name);
    struct alt_file file = {.size = (size_t)info.st_size, .mapped = !copy, .mem = mem};
    if (copy) {
        uint8_t *bytes = alt_mem_alloc(mem, file.size, ALT_ALIGN);
        if (!bytes)
            return alt_diag_add(diag, ALT_E_NOMEM, "no memory for a copy of \"%.1000s\" (%zu bytes)", name, file.size);
        alt_status status = read_all(fd, name, bytes, file.size, diag);
        if (status != ALT_OK) {
            alt_mem_free(mem, bytes, file.size);
            return status;
        }
        file.bytes = bytes;
    } else {
        void *bytes = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED)
            return alt_file_error(name, errno, diag);
        file.bytes = bytes;
    }
    *out = file;
    return ALT_OK;
}

alt_status alt_file_open(const char *path, bool copy, struct alt_mem *mem, struct alt_file *out, struct alt_diag *diag)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return alt_file_error(path, errno, diag);
    alt_status status = alt_file_read(fd, path, copy, mem, out, diag);
    close(fd);
    return status;
}

void alt_file_close(struct alt_file *file)
{
    if (file->bytes && file->mapped)
        munmap((void *)(uintptr_t)file->bytes, file->size);
    else if (file->bytes)
        alt_mem_free(file->mem, (void *)(uintptr_t)file->bytes, file->size);
    file->bytes = NULL;
}

void alt_file_rest(const struct alt_file *file)
{
    if (file->mapped)
        (void)madvise((void *)(uintptr_t)file->bytes, file->size, MADV_DONTNEED); /* private and never written: nothing is lost */
}
