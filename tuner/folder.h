/* folder.h: the cache folder: who may own it, and kernels in it under the hash of their content. */
#ifndef ALT_TUNER_FOLDER_H
#define ALT_TUNER_FOLDER_H

#include <alt/base.h>

/* Makes (mode 0700) and checks `dir` (NULL: the user's cache folder) and its subfolder for kernels; the path to `out`. ALT_E_IO with the
 * reason in `why` when it is not a folder, not this user's, or others may write to it. */
alt_status alt_folder_open(const char *dir, char *out, size_t size, char *why, size_t why_size) ALT_MUST_USE;
/* Path of a kernel file in the folder; "" when it does not fit or the name has a slash. */
void alt_folder_path(const char *folder, const char *file, char *out, size_t size);
/* Copies an object file in under its content hash (a file that is there already stays); the copy's path to `out`. Written
 * beside and renamed, so that nobody ever sees half of one. ALT_E_IO. */
alt_status alt_folder_keep(const char *folder, const char *path, char *out, size_t size) ALT_MUST_USE;
/* The file is there, this user's, and still what its name says; else false and the reason. */
bool alt_folder_intact(const char *path, char *why, size_t why_size);

#endif
