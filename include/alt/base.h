/* base.h: what every other public header needs: export mark, status codes, errors, allocator, log.
 *
 * Ownership words used in all public headers: a handle is *owned* by whoever received it from a function with `_create`,
 * `_load` or an `out` parameter, and is released with the function named beside it; a *borrowed* pointer stays valid as
 * long as the handle it was read from. Release functions accept NULL.
 */
#ifndef ALT_BASE_H
#define ALT_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ALT_API __attribute__((visibility("default")))
#define ALT_MUST_USE __attribute__((warn_unused_result))
#else
#define ALT_API
#define ALT_MUST_USE
#endif

#define ALT_VERSION_MAJOR 0
#define ALT_VERSION_MINOR 1
#define ALT_VERSION_PATCH 0

/** Version of the library that is linked, "MAJOR.MINOR.PATCH"; a static string. Any thread. */
ALT_API const char *alt_version(void);

/* One row a status: suffix, number, name in logs, what a person should know. Numbers are stable across versions. */
#define ALT_STATUS_TABLE(X) \
    X(OK, 0, "ok", "done") \
    X(E_ARGUMENT, 1, "argument", "an argument is not acceptable") \
    X(E_NOMEM, 2, "no-memory", "memory could not be had, or the memory ceiling was reached") \
    X(E_IO, 3, "io", "a file could not be read or written") \
    X(E_MALFORMED, 4, "malformed", "the bytes are not what they should be") \
    X(E_MODEL, 5, "model", "the model contradicts itself or the ONNX specification") \
    X(E_UNSUPPORTED, 6, "unsupported", "the model uses something that alt does not support") \
    X(E_SHAPE, 7, "shape", "shapes, types or index values do not fit together") \
    X(E_BUSY, 8, "busy", "every context is in use and the caller asked not to wait") \
    X(E_CANCELLED, 9, "cancelled", "the caller cancelled the run") \
    X(E_DEADLINE, 10, "deadline", "the run did not end before its deadline") \
    X(E_ILLEGAL, 11, "illegal", "a layout or schedule is not legal") \
    X(E_SYSTEM, 12, "system", "the operating system refused something") \
    X(E_INTERNAL, 13, "internal", "a defect in alt itself")

typedef enum alt_status {
#define ALT_STATUS_ROW(suffix, number, name, text) ALT_##suffix = number,
    ALT_STATUS_TABLE(ALT_STATUS_ROW)
#undef ALT_STATUS_ROW
} alt_status;

/** Short stable name of a status ("no-memory"); "unknown" for a number outside the table. Static string. Any thread. */
ALT_API const char *alt_status_name(alt_status status);
/** One sentence about a status, in English. Static string. Any thread. */
ALT_API const char *alt_status_text(alt_status status);

/** What went wrong, in words. Owned by the caller that received it; immutable, so any thread may read it. */
typedef struct alt_error alt_error;
/** The status the failing function returned. ALT_OK when `error` is NULL. */
ALT_API alt_status alt_error_status(const alt_error *error);
/** Text naming the model, node, operator and shape concerned and what would be accepted. It may hold several lines, one
 * a finding. Borrowed from `error`; "" when `error` is NULL. */
ALT_API const char *alt_error_text(const alt_error *error);
/** Releases an error. */
ALT_API void alt_error_free(alt_error *error);

/** Where memory comes from. All three fields are copied; `context` is borrowed and must outlive every handle made with
 * the allocator. Both functions may be called from any thread at once. */
typedef struct alt_allocator {
    /** Returns `bytes` (> 0) bytes aligned to `align` (a power of two, at most 4096), or NULL when there is no memory. */
    void *(*alloc)(void *context, size_t bytes, size_t align);
    /** Takes back what `alloc` returned; `bytes` is what was asked for. Never called with NULL. */
    void (*free)(void *context, void *pointer, size_t bytes);
    void *context;
} alt_allocator;

typedef enum alt_log_level { ALT_LOG_ERROR = 0, ALT_LOG_WARNING = 1, ALT_LOG_INFO = 2, ALT_LOG_DEBUG = 3 } alt_log_level;
/** Receives one line without a line end; `text` is borrowed for the call. May be called from any thread, also from
 * several at once. The library itself never prints. */
typedef void (*alt_log_fn)(void *context, alt_log_level level, const char *text);

#ifdef __cplusplus
}
#endif
#endif
