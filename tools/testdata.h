/* testdata.h: ONNX test data: folders of input_N.pb and output_N.pb (onnx/backend/test). */
#ifndef ALT_TOOLS_TESTDATA_H
#define ALT_TOOLS_TESTDATA_H

#include <alt/model.h>

/* Reads a .pb file holding a value for `port`: a TensorProto, or for sequences and optionals a SequenceProto or
 * OptionalProto. `*name` (may be NULL) receives the name that the file gives, on the heap, or NULL when it gives none.
 * False after a message. */
bool testdata_read(const char *path, const alt_port *port, alt_value **out, char **name);

/* The folders that hold data sets: `folder` itself when it holds input_*.pb or output_*.pb, else its sub-folders that do,
 * in the order of their numbers. `count` 0 and a message when there is none. */
struct testdata_folders {
    char **path; /* owned */
    size_t count;
};
struct testdata_folders testdata_find(const char *folder);
void testdata_folders_free(struct testdata_folders *folders);

/* One data set, by place in the model's inputs and outputs; NULL where the folder has no file. */
struct testdata {
    alt_value **input, **output; /* owned */
    size_t input_count, output_count;
};
/* False after a message. A file belongs to the port that it names; when it names none, to the one of its number. */
bool testdata_load(const char *folder, const alt_model *model, struct testdata *out);
void testdata_free(struct testdata *data);

#endif
