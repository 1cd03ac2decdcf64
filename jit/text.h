/* text.h: writing and reading the small languages of jit/: descriptors, variants, nests.
 *
 * Numbers are written without the C library's locale, so that a record reads back in every process; float32 values are
 * written as their bits ("0x40c00000").
 */
#ifndef ALT_JIT_TEXT_H
#define ALT_JIT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text that is cut off at `size` but counted in full; terminated when size > 0. */
struct alt_text {
    char *out;
    size_t size, length;
};
struct alt_text alt_text_begin(char *out, size_t size);
void alt_text_put(struct alt_text *t, const char *piece);
void alt_text_number(struct alt_text *t, int64_t number);
void alt_text_float(struct alt_text *t, float value);
/* A piece followed by a number. */
void alt_text_field(struct alt_text *t, const char *piece, int64_t number);

/* Readers skip blanks, then take what they are asked for or take nothing and return false. `at` moves on success alone. */
bool alt_scan_word(const char **at, const char *word);
/* [a-z_][a-z0-9_]*, at most size - 1 letters. */
bool alt_scan_name(const char **at, char *out, size_t size);
bool alt_scan_number(const char **at, int64_t *number);
bool alt_scan_float(const char **at, float *value);
/* A word followed by a number. */
bool alt_scan_field(const char **at, const char *word, int64_t *number);
bool alt_scan_end(const char **at);

#define ALT_HASH_START UINT64_C(0xcbf29ce484222325)
/* FNV-1a, 64 bits, of `bytes` after `seed` (the first: ALT_HASH_START). */
uint64_t alt_text_hash(uint64_t seed, const void *data, size_t bytes);

#endif
