/* say.c: messages of the programs. */
#include "tools/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static void say(const char *format, va_list arguments)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

enum outcome fail(enum outcome outcome, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    return outcome;
}

enum outcome fail_with(enum outcome outcome, alt_status status, alt_error **error)
{
    const char *text = alt_error_text(*error);
    complain("%s", *text ? text : alt_status_text(status));
    alt_error_free(*error);
    *error = NULL;
    return outcome;
}
