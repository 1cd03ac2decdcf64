/* external.h: the files beside a model that hold its external tensor data.
 *
 * A location is a path from the model's folder and stays within it: absolute paths, "..", and links that lead out are
 * refused, and so is everything that is no regular file. Each file is opened and mapped once.
 */
#ifndef ALT_RUNTIME_EXTERNAL_H
#define ALT_RUNTIME_EXTERNAL_H

#include "runtime/file.h"

struct alt_external_file;

struct alt_external {
    struct alt_mem *mem; /* borrowed */
    char *folder;        /* owned */
    size_t folder_bytes;
    bool copy; /* read files into memory rather than map them */
    struct alt_external_file *files; /* owned list */
};

/* `folder` is copied; "" is the current folder. ALT_E_NOMEM. */
alt_status alt_external_init(struct alt_external *external, struct alt_mem *mem, const char *folder, bool copy);
/* As alt_file_rest, for every file. */
void alt_external_rest(const struct alt_external *external);
/* Unmaps everything. */
void alt_external_free(struct alt_external *external);
/* The bytes of the file at `location`; they stay until alt_external_free. ALT_E_MODEL for a location that leaves the
 * folder, ALT_E_IO, ALT_E_NOMEM. */
alt_status alt_external_open(struct alt_external *external, const char *location, struct alt_diag *diag,
                             const void **bytes, size_t *size);

#endif
