/* onnx.c: fuzz target: bytes are loaded as a model, and what loads is run once, all through the public interface. */
#include "tests/fuzz/fuzz.h"
#include "tests/load_and_run.h"
#include "tests/proto_mutate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct load_and_run t = {.memory_limit = (size_t)32 << 20, .deadline_ns = 500 * 1000 * 1000, .symbol = 2};
    load_and_run(&t, data, size);
    if (t.wrong) {
        fprintf(stderr, "%s\n%s\n", t.wrong, t.text);
        abort();
    }
    return 0;
}

/* Most changes keep the framing of the messages, some do not. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    struct rng random = rng_seed(seed);
    uint8_t *changed = rng_next(&random) % 8 ? malloc(most) : NULL;
    size_t n = changed ? proto_mutate(&random, data, size, changed, most) : 0;
    if (n)
        memcpy(data, changed, n);
    free(changed);
    return n ? n : LLVMFuzzerMutate(data, size, most);
}
