/* replay.c: hands files to a fuzz target, as libFuzzer does with a corpus: what fuzzing once found stays found.
 *
 * usage: fuzz_TARGET_replay FOLDER: every file of it, in order of names; a sanitizer or an abort ends the program. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory of just the file's size, so that a sanitizer sees the first byte too many that is read. */
static int replay(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    long size = f && fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    uint8_t *data = size >= 0 ? malloc(size ? (size_t)size : 1) : NULL;
    int ok = data && fseek(f, 0, SEEK_SET) == 0 && fread(data, 1, (size_t)size, f) == (size_t)size;
    if (ok)
        LLVMFuzzerTestOneInput(data, (size_t)size);
    else
        fprintf(stderr, "cannot read %s\n", path);
    free(data);
    if (f)
        fclose(f);
    return ok;
}

static int visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }

int main(int argc, char **argv)
{
    struct dirent **entry = NULL;
    int n = argc == 2 ? scandir(argv[1], &entry, visible, alphasort) : -1, passed = 0;
    if (n < 0) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < n; i++) {
        printf("%s\n", entry[i]->d_name);
        fflush(stdout); /* the last name is the one that a crash belongs to */
        passed += replay(argv[1], entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
    printf("%d passed, %d failed, 0 skipped\n", passed, n - passed);
    return passed == n && n ? 0 : 1;
}

/* onnx.c's mutator names it; a replay changes nothing. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most)
{
    (void)data;
    (void)most;
    return size;
}
