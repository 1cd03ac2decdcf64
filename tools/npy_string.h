/* npy_string.h: string elements of .npy files: fixed width, padded with zeros. */
#ifndef ALT_TOOLS_NPY_STRING_H
#define ALT_TOOLS_NPY_STRING_H

#include <alt/value.h>
#include <stdio.h>

/* A string tensor from `count` elements of `width` bytes: UTF-32 little-endian ('U') or bytes ('S'). */
alt_status npy_strings(bool utf32, const uint8_t *data, size_t count, size_t width, size_t rank, const int64_t *dims,
                       alt_value **out);
/* Bytes of the longest element; at least 1. */
size_t npy_string_width(const alt_value *value);
bool npy_write_strings(FILE *file, const alt_value *value, size_t width);

#endif
