/* options.h: option structures whose first field is their size, so that a caller built against an older alt, whose
 * structure is shorter, goes on working: what it does not have keeps its default. */
#ifndef ALT_RUNTIME_OPTIONS_H
#define ALT_RUNTIME_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Copies what the caller's structure has over the defaults in `out` (`size` bytes, the library's own). `options` may be NULL:
 * nothing changes. False when the caller's size is too small to be one. The size in `out` stays the library's. */
static inline bool alt_options_copy(void *out, size_t size, const void *options)
{
    size_t given;
    if (!options)
        return true;
    memcpy(&given, options, sizeof given);
    if (given < sizeof given)
        return false;
    size_t n = given < size ? given : size;
    memcpy((char *)out + sizeof given, (const char *)options + sizeof given, n - sizeof given);
    return true;
}

#endif
