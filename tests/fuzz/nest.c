/* nest.c: fuzz target: text of loop nests. What parses prints as text that parses to the same text; what the verifier takes
 * is interpreted on buffers of just the size that it states, if that is soon done. */
#include "jit/nest.h"
#include "runtime/mem.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/text.h"

#define MOST_STEPS 20000
#define MOST_FLOATS 65536

/* Statements run, MOST_STEPS at most. */
static int64_t steps(const struct alt_nest *nest, const struct alt_stmt *s, int64_t symbol)
{
    int64_t sum = 0;
    for (; s && sum < MOST_STEPS; s = s->next) {
        int64_t inner = 1 + steps(nest, s->body, symbol) + steps(nest, s->other, symbol);
        int64_t times = s->kind == ALT_STMT_LOOP ? alt_nest_extent(nest, s->var, symbol) : 1;
        sum = __builtin_mul_overflow(inner, times, &inner) || inner > MOST_STEPS ? MOST_STEPS : sum + inner;
    }
    return sum < MOST_STEPS ? sum : MOST_STEPS;
}

/* Memory of just a buffer's size. */
static float *buffer(const struct alt_nest_buffer *b, int64_t symbol)
{
    int64_t count = 1;
    for (int i = 0; i < b->rank; i++) {
        int64_t extent = b->extent[i] == ALT_NEST_SYMBOL ? symbol : b->extent[i];
        if (__builtin_mul_overflow(count, extent, &count) || count > MOST_FLOATS)
            return NULL;
    }
    return calloc((size_t)count, sizeof(float));
}

static void run(const struct alt_nest *nest, int64_t symbol)
{
    void *data[ALT_NEST_BUFFERS] = {NULL};
    size_t bytes = alt_nest_scratch(nest, NULL);
    char *scratch = NULL;
    struct alt_nest_range range;
    int made = 0;
    if (steps(nest, nest->body, symbol) >= MOST_STEPS || bytes > MOST_FLOATS * sizeof(float))
        return;
    while (made < nest->n_buffers && (data[made] = buffer(&nest->buffer[made], symbol)))
        made++;
    alt_nest_range(nest, &range);
    if (made == nest->n_buffers && posix_memalign((void **)&scratch, ALT_NEST_ALIGN, bytes + 1) == 0) {
        memset(scratch, 0xff, bytes + 1);
        alt_nest_run(nest, data, scratch, symbol, 0, alt_nest_tiles(&range, symbol));
    }
    free(scratch);
    for (int i = 0; i < made; i++)
        free(data[i]);
}

static void run_verified(const struct alt_nest *nest)
{
    const int64_t symbols[] = {1, 2, 5, nest->typical};
    for (int i = 0; i < (nest->typical ? 4 : 1); i++)
        run(nest, nest->typical ? symbols[i] : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_nest *nest, *again;
    alt_mem_init(&mem, NULL, (size_t)64 << 20);
    alt_arena_init(&arena, &mem);
    if (alt_nest_parse(&arena, text, &nest) == ALT_OK) {
        size_t length = alt_nest_print(nest, NULL, 0);
        char *first = calloc(2, length + 1), *second = first ? first + length + 1 : NULL;
        if (!first)
            exit(0);
        fuzz_expect(alt_nest_print(nest, first, length + 1) == length, "printing is repeatable");
        fuzz_expect(alt_nest_parse(&arena, first, &again) == ALT_OK, "the text reads back");
        fuzz_expect(alt_nest_print(again, second, length + 1) == length && strcmp(first, second) == 0, "as the same");
        if (alt_nest_verify(nest, NULL) == ALT_OK)
            run_verified(nest);
        free(first);
    }
    alt_arena_free(&arena);
    free(text);
    return 0;
}
