/* file.h: a whole regular file as bytes, mapped or copied. */
#ifndef ALT_RUNTIME_FILE_H
#define ALT_RUNTIME_FILE_H

#include <alt/base.h>

struct alt_diag;
struct alt_mem;

struct alt_file {
    const void *bytes;
    size_t size;
    bool mapped;         /* else owned memory of `mem` */
    struct alt_mem *mem; /* borrowed */
};

/* Maps (or copies) what `fd` is open on, and leaves `fd` open. Refuses what is no regular file, and an empty one;
 * `name` is for messages. ALT_E_IO, ALT_E_NOMEM. */
alt_status alt_file_read(int fd, const char *name, bool copy, struct alt_mem *mem, struct alt_file *out,
                         struct alt_diag *diag);
/* The file at `path`, opened without waiting for anybody (a pipe is refused, not read). */
alt_status alt_file_open(const char *path, bool copy, struct alt_mem *mem, struct alt_file *out, struct alt_diag *diag);
void alt_file_close(struct alt_file *file);
/* Gives the memory of a mapped file's pages back; they are read again when somebody touches them. */
void alt_file_rest(const struct alt_file *file);
/* Reports errno of a failed open: ALT_E_NOMEM or ALT_E_IO, with what to do about it. */
alt_status alt_file_error(const char *name, int error, struct alt_diag *diag);

#endif
