/* save.c: writes outputs to files. */
#include "tools/save.h"

#include "tools/file.h"
#include "tools/npy.h"
#include "tools/say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NAME = 200, DEEPEST = 8 };

static bool save_value(const char *folder, const char *name, const alt_value *value, int depth)
{
    char file[NAME + 64];
    if (alt_value_kind(value) == ALT_TENSOR) {
        snprintf(file, sizeof file, "%s.npy", name);
        char *path = file_join(folder, file);
        bool good = path && npy_write(path, value);
        free(path);
        return good;
    }
    for (size_t i = 0; i < alt_value_count(value); i++) {
        snprintf(file, sizeof file, "%s.%zu", name, i);
        if (depth == DEEPEST || !save_value(folder, file, alt_value_element(value, i), depth + 1))
            return false;
    }
    return true;
}

/* A file name for output `index` that no earlier output has. */
static void unique_name(const alt_model *model, size_t index, char out[static NAME])
{
    size_t same = 0;
    char other[NAME];
    file_safe_name(alt_model_output(model, index)->name, out, NAME - 24);
    for (size_t i = 0; i < index; i++) {
        file_safe_name(alt_model_output(model, i)->name, other, NAME - 24);
        same += strcasecmp(other, out) == 0;
    }
    if (same)
        snprintf(out + strlen(out), 24, "~%zu", same + 1);
}

bool outputs_save(const char *folder, const alt_model *model, alt_value *const *outputs)
{
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        complain("cannot make the folder %s: %s", folder, strerror(errno));
        return false;
    }
    for (size_t i = 0; i < alt_model_output_count(model); i++) {
        char name[NAME];
        unique_name(model, i, name);
        if (outputs[i] && !save_value(folder, name, outputs[i], 0))
            return false;
    }
    return true;
}
