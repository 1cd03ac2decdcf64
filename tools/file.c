/* file.c: whole files, and names of files made from names of a model. */
#include "tools/file.h"

#include "tools/say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads to the end, so that pipes work as well as files. */
static bool read_all(FILE *file, struct bytes *out)
{
    size_t capacity = 0;
    do {
        if (out->size == capacity) {
            capacity = capacity ? capacity * 2 : 1 << 16;
            uint8_t *grown = realloc(out->data, capacity);
            if (!grown) {
                errno = ENOMEM;
                return false;
            }
            out->data = grown;
        }
        out->size += fread(out->data + out->size, 1, capacity - out->size, file);
    } while (!feof(file) && !ferror(file));
    return !ferror(file);
}

bool file_read(const char *path, struct bytes *out)
{
    *out = (struct bytes){NULL, 0};
    FILE *file = fopen(path, "rb");
    bool whole = file && read_all(file, out);
    if (!whole) {
        complain("cannot read %s: %s", path, strerror(errno));
        free(out->data);
        *out = (struct bytes){NULL, 0};
    }
    if (file)
        fclose(file);
    return whole;
}

char *file_join(const char *folder, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        complain("no memory");
        return NULL;
    }
    return path;
}

void file_safe_name(const char *name, char *out, size_t size)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t at = 0;
    for (; name[at] && at + 1 < size; at++)
        out[at] = strchr(safe, name[at]) ? name[at] : '_';
    if (at == 0)
        out[at++] = '_';
    out[at] = '\0';
    if (out[0] == '.' || out[0] == '-')
        out[0] = '_';
}
