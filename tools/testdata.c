/* testdata.c: ONNX test data folders. */
#include "tools/testdata.h"

#include "tools/file.h"
#include "tools/say.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "input_12.pb" with prefix "input_" gives 12; -1 for other names. */
static int file_number(const char *name, const char *prefix)
{
    size_t length = strlen(prefix);
    int number = 0, end = 0;
    if (strncmp(name, prefix, length) != 0 || sscanf(name + length, "%4d.pb%n", &number, &end) != 1)
        return -1;
    return end > 0 && name[length + (size_t)end] == '\0' && number >= 0 ? number : -1;
}

static int is_data_file(const struct dirent *entry)
{
    return file_number(entry->d_name, "input_") >= 0 || file_number(entry->d_name, "output_") >= 0;
}

static int is_not_hidden(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static void free_entries(struct dirent **entries, int count)
{
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
}

static bool holds_data(const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_data_file, versionsort);
    free_entries(entries, count);
    return count > 0;
}

static void add_folder(struct testdata_folders *folders, char *path)
{
    char **grown = path ? realloc(folders->path, (folders->count + 1) * sizeof *grown) : NULL;
    if (grown) {
        folders->path = grown;
        folders->path[folders->count++] = path;
    } else {
        free(path);
    }
}

struct testdata_folders testdata_find(const char *folder)
{
    struct testdata_folders found = {NULL, 0};
    if (holds_data(folder)) {
        add_folder(&found, strdup(folder));
        return found;
    }
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_not_hidden, versionsort);
    if (count < 0)
        complain("cannot read the folder %s: %s", folder, strerror(errno));
    for (int i = 0; i < count; i++) {
        char *path = file_join(folder, entries[i]->d_name);
        if (path && holds_data(path))
            add_folder(&found, path);
        else
            free(path);
    }
    free_entries(entries, count);
    if (count >= 0 && found.count == 0)
        complain("%s holds no ONNX test data: neither input_*.pb and output_*.pb nor folders of such", folder);
    return found;
}

void testdata_folders_free(struct testdata_folders *folders)
{
    for (size_t i = 0; i < folders->count; i++)
        free(folders->path[i]);
    free(folders->path);
    *folders = (struct testdata_folders){NULL, 0};
}

/* One side of a data set. */
struct side {
    const alt_model *model;
    const char *prefix;
    size_t count;
    const alt_port *(*port)(const alt_model *, size_t);
    int (*find)(const alt_model *, const char *);
    alt_value **value;
};

/* Reads one file into its place. The kind of value to expect is that of the port of its number. */
static bool load_file(const struct side *side, const char *path, int number)
{
    const alt_port *port = (size_t)number < side->count ? side->port(side->model, (size_t)number) : NULL;
    alt_value *value = NULL;
    char *name = NULL;
    if (!port) {
        complain("%s: the model has %zu %ss only", path, side->count, side->prefix);
        return false;
    }
    if (!testdata_read(path, port, &value, &name))
        return false;
    int place = name ? side->find(side->model, name) : -1;
    free(name);
    if (place < 0)
        place = number;
    if (side->value[place]) {
        complain("%s: a second value for %s", path, side->port(side->model, (size_t)place)->name);
        alt_value_release(value);
        return false;
    }
    side->value[place] = value;
    return true;
}

static bool load_side(const struct side *side, const char *folder)
{
    char prefix[16];
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_data_file, versionsort);
    bool good = count >= 0;
    if (!good)
        complain("cannot read the folder %s: %s", folder, strerror(errno));
    snprintf(prefix, sizeof prefix, "%s_", side->prefix);
    for (int i = 0; good && i < count; i++) {
        int number = file_number(entries[i]->d_name, prefix);
        char *path = number >= 0 ? file_join(folder, entries[i]->d_name) : NULL;
        good = number < 0 || (path && load_file(side, path, number));
        free(path);
    }
    free_entries(entries, count);
    return good;
}

bool testdata_load(const char *folder, const alt_model *model, struct testdata *out)
{
    *out =
        (struct testdata){.input_count = alt_model_input_count(model), .output_count = alt_model_output_count(model)};
    out->input = calloc(out->input_count + 1, sizeof(alt_value *));
    out->output = calloc(out->output_count + 1, sizeof(alt_value *));
    const struct side inputs = {model, "input", out->input_count, alt_model_input, alt_model_find_input, out->input};
    const struct side outputs = {model,      "output", out->output_count, alt_model_output, alt_model_find_output,
                                 out->output};
    if (!out->input || !out->output)
        complain("no memory");
    else if (load_side(&inputs, folder) && load_side(&outputs, folder))
        return true;
    testdata_free(out);
    return false;
}

static void release_all(alt_value **value, size_t count)
{
    for (size_t i = 0; value && i < count; i++)
        alt_value_release(value[i]);
    free(value);
}

void testdata_free(struct testdata *data)
{
    release_all(data->input, data->input_count);
    release_all(data->output, data->output_count);
    *data = (struct testdata){0};
}
