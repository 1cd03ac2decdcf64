/* text.h: what the targets that read text share: the input, terminated, in memory of just that size. */
#ifndef ALT_TESTS_FUZZ_TEXT_H
#define ALT_TESTS_FUZZ_TEXT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        exit(0);
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    return text;
}

/* Ends the program with what was found unless `holds`. */
static inline void fuzz_expect(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "not true: %s\n", what);
    abort();
}

#endif
