/* error.h: builds the text of an alt_error where its cause is known. */
#ifndef ALT_RUNTIME_ERROR_H
#define ALT_RUNTIME_ERROR_H

#include <alt/base.h>

/* Collects findings. Lives on the stack of a public function; everything below it gets a pointer. The first finding
 * sets the status; later ones add lines. When even the text cannot be stored the status still stands. */
struct alt_diag {
    alt_status status;
    char *text; /* owned, malloc */
    size_t length, capacity;
};

/* Adds one line and returns `status`. `diag` may be NULL: then only the status is returned. */
alt_status alt_diag_add(struct alt_diag *diag, alt_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Drops what was collected. */
void alt_diag_clear(struct alt_diag *diag);
/* Ends a public function: on failure moves the findings to *error (when not NULL), else drops them. Returns `status`. */
alt_status alt_diag_finish(struct alt_diag *diag, alt_status status, alt_error **error);

/* Leaves the function through its label `done:` with `status` set when `call` fails. */
#define ALT_TRY(call) \
    do { \
        if ((status = (call)) != ALT_OK) \
            goto done; \
    } while (0)
/* The same for functions that own nothing. */
#define ALT_CHECK(call) \
    do { \
        alt_status status_ = (call); \
        if (status_ != ALT_OK) \
            return status_; \
    } while (0)

#endif
