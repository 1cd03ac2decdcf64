/* file.h: whole files, and names of files made from names of a model. */
#ifndef ALT_TOOLS_FILE_H
#define ALT_TOOLS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *data; /* owned; NULL: nothing */
    size_t size;
};

/* The whole file. False, after a message naming it, when it cannot be read. Free `out->data` with free. */
bool file_read(const char *path, struct bytes *out);
/* "folder/name" on the heap; NULL, after a message, when there is no memory. */
char *file_join(const char *folder, const char *name);
/* Copies `name` to `out` with every byte that could mean something to a file system or a shell replaced by '_'; always
 * terminated, never empty, never starting with a dot. Two names may give the same: the caller numbers them. */
void file_safe_name(const char *name, char *out, size_t size);

#endif
