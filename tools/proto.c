/* proto.c: values in the protobuf files of ONNX test data: TensorProto, SequenceProto and OptionalProto (onnx-data.proto). */
#include "tools/testdata.h"

#include "runtime/error.h"
#include "runtime/onnx.h"
#include "runtime/wire.h"
#include "tools/file.h"
#include "tools/say.h"

#include <stdlib.h>
#include <string.h>

/* Field numbers of the name: in a TensorProto, in a SequenceProto or OptionalProto. */
enum { TENSOR_NAME = 8, GROUP_NAME = 1 };

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

bool testdata_read(const char *path, const alt_port *port, alt_value **out, char **name)
{
    struct bytes file;
    struct alt_diag diag = {0};
    if (!file_read(path, &file))
        return false;
    alt_status status = alt_onnx_value(NULL, port->kind, file.data, file.size, out, &diag);
    if (status != ALT_OK)
        complain("%s: %s", path, diag.text ? diag.text : alt_status_text(status));
    else if (name)
        *name = name_of(&file, port->kind == ALT_TENSOR ? TENSOR_NAME : GROUP_NAME);
    alt_diag_clear(&diag);
    free(file.data);
    return status == ALT_OK;
}
