/* regex.h: regular expressions in RE2's syntax (https://github.com/google/re2/wiki/Syntax), for full matches only.
 *
 * Supported: literals, ".", classes with ranges, escapes and POSIX names, \d \s \w \D \S \W, \b \B \A \z ^ $, groups with and
 * without capture, alternatives, * + ? {n,m} and their lazy forms, flags i (ASCII letters), m, s and U, \Q..\E, \x and octal
 * escapes. Not: \p{..}, \C, and what RE2 refuses itself (backreferences, looking around). Texts are UTF-8. Matching takes time
 * proportional to the length of the text times that of the program, whatever the pattern.
 */
#ifndef ALT_RUNTIME_OPS_REGEX_H
#define ALT_RUNTIME_OPS_REGEX_H

#include <alt/value.h>

struct alt_regex_op;

struct alt_regex {
    struct alt_regex_op *op;
    int count;
    const char *fault; /* what is wrong with the pattern, or not supported; NULL: nothing */
};

/* Compiles; memory from `alloc`, NULL from which makes it return false. */
bool alt_regex_compile(struct alt_regex *r, const alt_string *pattern, void *(*alloc)(void *context, size_t bytes),
                       void *context);
/* Bytes of memory that a match needs. */
size_t alt_regex_memory(const struct alt_regex *r);
/* Whether the whole text matches; `memory` aligned for int64_t. */
bool alt_regex_match(const struct alt_regex *r, const alt_string *text, void *memory);

#endif
