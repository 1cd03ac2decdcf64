/* text.c: types, shapes and values as text. */
#include "tools/text.h"

#include "tools/element.h"

#include <inttypes.h>
#include <string.h>

enum { SHOWN = 8, STRING_SHOWN = 40 };

/* Adds to a text that is cut where it is full. */
static void add(char *out, const char *text)
{
    size_t at = strlen(out);
    snprintf(out + at, VALUE_TEXT - at, "%s", text);
}

/* "[1,8,h-2]", as everywhere in alt's messages. `names` may be NULL. */
static void add_shape(char *out, size_t rank, const int64_t *dims, const char *const *names)
{
    add(out, "[");
    for (size_t i = 0; i < rank; i++) {
        char number[32];
        snprintf(number, sizeof number, "%" PRId64, dims[i]);
        add(out, i ? "," : "");
        add(out, dims[i] >= 0 ? number : names && names[i] ? names[i] : "?");
    }
    add(out, "]");
}

char *value_type_text(const alt_value *value, char out[static VALUE_TEXT])
{
    const char *type = alt_dtype_name(alt_value_dtype(value));
    alt_kind kind = alt_value_kind(value);
    if (kind == ALT_TENSOR) {
        snprintf(out, VALUE_TEXT, "%s", type);
        add_shape(out, alt_value_rank(value), alt_value_dims(value), NULL);
    } else {
        snprintf(out, VALUE_TEXT, "%s of %zu %s", kind == ALT_SEQUENCE ? "sequence" : "optional",
                 alt_value_count(value), type);
    }
    return out;
}

char *port_type_text(const alt_port *port, char out[static VALUE_TEXT])
{
    static const char *const kinds[] = {"", "sequence of ", "optional "};
    snprintf(out, VALUE_TEXT, "%s%s", kinds[port->kind], alt_dtype_name(port->dtype));
    if (port->rank < 0)
        add(out, " of any shape");
    else
        add_shape(out, (size_t)port->rank, port->dims, port->dim_names);
    return out;
}

static void print_element(FILE *file, const struct alt_tensor *t, int64_t i)
{
    if (t->dtype == ALT_STRING) {
        alt_string s = ((const alt_string *)t->data)[i];
        int length = s.length < STRING_SHOWN ? (int)s.length : STRING_SHOWN;
        fprintf(file, " \"%.*s\"", length, s.data ? s.data : "");
    } else if (t->dtype == ALT_UINT64) {
        fprintf(file, " %" PRIu64, (uint64_t)alt_tensor_int(t, i));
    } else if (element_is_integer(t->dtype)) {
        fprintf(file, " %" PRId64, alt_tensor_int(t, i));
    } else {
        fprintf(file, " %.6g", alt_tensor_float(t, i));
    }
}

void value_print(FILE *file, const alt_value *value)
{
    size_t count = alt_value_count(value);
    if (alt_value_kind(value) != ALT_TENSOR) {
        char text[VALUE_TEXT];
        for (size_t i = 0; i < count && i < SHOWN; i++)
            fprintf(file, "%s%s", i ? "; " : " ", value_type_text(alt_value_element(value, i), text));
    } else if (alt_dtype_class(alt_value_dtype(value)) != ALT_CLASS_COMPLEX) {
        struct alt_tensor t = element_view(value);
        for (size_t i = 0; i < count && i < SHOWN; i++)
            print_element(file, &t, (int64_t)i);
    }
    if (count > SHOWN)
        fputs(" ...", file);
}
