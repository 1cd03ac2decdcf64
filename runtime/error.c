/* error.c: status names, and errors as text.
 *
 * A public function keeps an alt_diag on its stack; whoever knows a cause adds a line. At the end the lines become the
 * caller's alt_error. Where not even an error object can be allocated the caller gets one of the constant errors below,
 * one a status, so that a failure never comes without a text. Text is bounded: a hostile model can hold more faults than
 * anybody wants to read.
 */
#include "runtime/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT ((size_t)64 * 1024)

struct alt_error {
    alt_status status;
    bool constant;    /* lies in `bare`: not freed */
    const char *text; /* owned unless constant */
};

/* Errors that need no memory, by status number. */
static const struct alt_error bare[] = {
#define ROW(suffix, number, name, text) [number] = {ALT_##suffix, true, text},
    ALT_STATUS_TABLE(ROW)
#undef ROW
};

static const char *const status_names[] = {
#define ROW(suffix, number, name, text) [number] = name,
    ALT_STATUS_TABLE(ROW)
#undef ROW
};

static bool in_table(alt_status status) { return (size_t)status < sizeof bare / sizeof bare[0]; }

#define STR_(x) #x
#define STR(x) STR_(x)
const char *alt_version(void) { return STR(ALT_VERSION_MAJOR) "." STR(ALT_VERSION_MINOR) "." STR(ALT_VERSION_PATCH); }

const char *alt_status_name(alt_status status) { return in_table(status) ? status_names[status] : "unknown"; }

const char *alt_status_text(alt_status status) { return in_table(status) ? bare[status].text : "unknown status"; }

alt_status alt_error_status(const alt_error *error) { return error ? error->status : ALT_OK; }

const char *alt_error_text(const alt_error *error) { return error ? error->text : ""; }

void alt_error_free(alt_error *error)
{
    if (!error || error->constant)
        return;
    free((char *)error->text);
    free(error);
}

/* Room for `more` bytes and the terminator. */
static bool reserve(struct alt_diag *diag, size_t more)
{
    size_t need = diag->length + more + 1;
    if (need > MAX_TEXT)
        return false;
    if (need <= diag->capacity)
        return true;
    size_t capacity = diag->capacity ? diag->capacity : 128;
    while (capacity < need)
        capacity *= 2;
    char *text = realloc(diag->text, capacity);
    if (!text)
        return false;
    diag->text = text;
    diag->capacity = capacity;
    return true;
}

alt_status alt_diag_add(struct alt_diag *diag, alt_status status, const char *format, ...)
{
    if (!diag)
        return status;
    if (diag->status == ALT_OK)
        diag->status = status;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0 || !reserve(diag, (size_t)length + 1))
        return status;
    if (diag->length)
        diag->text[diag->length++] = '\n';
    va_start(args, format);
    vsnprintf(diag->text + diag->length, (size_t)length + 1, format, args);
    va_end(args);
    diag->length += (size_t)length;
    return status;
}

void alt_diag_clear(struct alt_diag *diag)
{
    if (!diag)
        return;
    free(diag->text);
    *diag = (struct alt_diag){0};
}

alt_status alt_diag_finish(struct alt_diag *diag, alt_status status, alt_error **error)
{
    if (error)
        *error = NULL;
    if (status != ALT_OK && error) {
        alt_error *made = diag->text ? malloc(sizeof *made) : NULL;
        if (made) {
            *made = (alt_error){.status = status, .text = diag->text};
            diag->text = NULL;
        }
        *error = made ? made : (alt_error *)&bare[in_table(status) ? status : ALT_E_INTERNAL];
    }
    alt_diag_clear(diag);
    return status;
}
