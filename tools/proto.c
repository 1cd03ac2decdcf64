/* proto.c: values in the protobuf files of ONNX test data: TensorProto, SequenceProto and OptionalProto (onnx-data.proto).
 * A tensor is left to alt_value_parse; here only the messages around it are walked. */
#include "tools/testdata.h"

#include "runtime/wire.h"
#include "tools/file.h"
#include "tools/say.h"

#include <stdlib.h>
#include <string.h>

/* Field numbers. TensorProto.name; of SequenceProto and OptionalProto: name, tensors, nested sequences, nested optionals. */
enum { TENSOR_NAME = 8, NAME = 1, TENSORS = 3, SEQUENCES = 5, OPTIONALS = 7, DEEPEST = 8 };

/* The name of a message, on the heap; NULL when it has none. */
static char *name_of(const struct bytes *file, uint32_t number)
{
    struct alt_wire w;
    struct alt_wire_field f;
    alt_string name = {NULL, 0};
    alt_wire_init(&w, file->data, file->size);
    while (alt_wire_next(&w, &f))
        if (f.number == number)
            alt_wire_bytes(&w, &f, &name);
    return name.length ? strndup(name.data, name.length) : NULL;
}

struct elements {
    alt_value **value; /* owned */
    size_t count;
};

static bool add_element(struct elements *list, alt_value *value)
{
    alt_value **grown = realloc(list->value, (list->count + 1) * sizeof *grown);
    if (!grown) {
        alt_value_release(value);
        return false;
    }
    list->value = grown;
    list->value[list->count++] = value;
    return true;
}

static alt_status parse_group(alt_kind kind, alt_string bytes, int depth, alt_value **out, alt_error **error);

/* The elements of a sequence, or the at most one of an optional. */
static alt_status parse_elements(alt_string bytes, int depth, struct elements *list, alt_error **error)
{
    struct alt_wire w;
    struct alt_wire_field f;
    alt_status status = ALT_OK;
    alt_wire_init(&w, bytes.data, bytes.length);
    while (status == ALT_OK && alt_wire_next(&w, &f)) {
        alt_string inside = {NULL, 0};
        alt_value *value = NULL;
        if (f.number != TENSORS && f.number != SEQUENCES && f.number != OPTIONALS)
            continue;
        alt_wire_bytes(&w, &f, &inside);
        if (w.fault)
            break;
        if (f.number == TENSORS)
            status = alt_value_parse(NULL, inside.data, inside.length, &value, error);
        else
            status = parse_group(f.number == SEQUENCES ? ALT_SEQUENCE : ALT_OPTIONAL, inside, depth + 1, &value, error);
        if (status == ALT_OK && !add_element(list, value))
            status = ALT_E_NOMEM;
    }
    return status == ALT_OK && w.fault ? ALT_E_MALFORMED : status;
}

static alt_status parse_group(alt_kind kind, alt_string bytes, int depth, alt_value **out, alt_error **error)
{
    struct elements list = {NULL, 0};
    alt_status status = depth > DEEPEST ? ALT_E_UNSUPPORTED : parse_elements(bytes, depth, &list, error);
    if (status == ALT_OK && kind == ALT_SEQUENCE)
        status = alt_value_sequence(NULL, list.count, list.value, out);
    else if (status == ALT_OK)
        status = list.count > 1 ? ALT_E_MALFORMED : alt_value_optional(NULL, list.count ? list.value[0] : NULL, out);
    for (size_t i = 0; i < list.count; i++)
        alt_value_release(list.value[i]);
    free(list.value);
    return status;
}

bool testdata_read(const char *path, const alt_port *port, alt_value **out, char **name)
{
    struct bytes file;
    alt_error *error = NULL;
    if (!file_read(path, &file))
        return false;
    alt_status status = ALT_OK;
    if (port->kind == ALT_TENSOR)
        status = alt_value_parse(NULL, file.data, file.size, out, &error);
    else
        status = parse_group(port->kind, (alt_string){(const char *)file.data, file.size}, 0, out, &error);
    if (status != ALT_OK)
        complain("%s: %s", path, error ? alt_error_text(error) : alt_status_text(status));
    else if (name)
        *name = name_of(&file, port->kind == ALT_TENSOR ? TENSOR_NAME : NAME);
    alt_error_free(error);
    free(file.data);
    return status == ALT_OK;
}
