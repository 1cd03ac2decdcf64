/* model.h: an ONNX model, read, checked and made ready to run. */
#ifndef ALT_MODEL_H
#define ALT_MODEL_H

#include <alt/value.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A loaded model. Immutable: any number of sessions and threads may use it at once. A session keeps its model alive, so
 * the handle may be released right after the session is made. */
typedef struct alt_model alt_model;

typedef struct alt_model_options {
    size_t size;                    /**< sizeof(alt_model_options) */
    const alt_allocator *allocator; /**< NULL: malloc */
    size_t memory_limit;            /**< bytes the model may allocate beside the mapped file, with the weights as its sessions
                                         have them laid out, which they share; 0: no ceiling */
    alt_log_fn log;                 /**< NULL: nothing is logged */
    void *log_context;              /**< handed to `log`; borrowed */
    /** Read the file into memory rather than map it. A mapped file costs memory only for the pages that are used, but a
     * file that another process truncates while it is mapped raises SIGBUS in this one (mmap(2)); replace model files by
     * rename, or set this. */
    bool copy_file;
    /** For alt_model_load_memory: folder that external tensor data lies in; NULL: external data is refused. Borrowed
     * for the call. */
    const char *folder;
} alt_model_options;

/** Reads the model at `path` (ONNX, opsets 1 to 27). `options` may be NULL. External tensor data is taken from the
 * folder of `path` only. Any thread. Returns ALT_E_IO, ALT_E_MALFORMED, ALT_E_MODEL, ALT_E_UNSUPPORTED (the text names
 * every node that cannot run), ALT_E_SHAPE, ALT_E_NOMEM. `error` may be NULL; otherwise it receives an owned error on
 * failure and NULL on success. */
ALT_API ALT_MUST_USE alt_status alt_model_load(const char *path, const alt_model_options *options, alt_model **out,
                                               alt_error **error);
/** The same from memory. `bytes` is borrowed until the model is freed, unless `copy_file` is set. */
ALT_API ALT_MUST_USE alt_status alt_model_load_memory(const void *bytes, size_t size, const alt_model_options *options,
                                                      alt_model **out, alt_error **error);
/** Gives the model back; it lives on while sessions use it. */
ALT_API void alt_model_free(alt_model *model);

/** What goes into or comes out of a model. All pointers are borrowed from the model. */
typedef struct alt_port {
    const char *name;
    alt_kind kind;
    alt_dtype dtype; /**< of the tensor, or of the innermost tensors of a sequence or optional */
    int rank;        /**< -1: not known */
    /** Extent of each dimension; -1 where it is symbolic or not known. */
    int64_t dims[ALT_MAX_RANK];
    /** Name of a symbolic dimension ("batch") or an expression of such ("2*seq"); NULL where the extent is fixed or nothing is known. */
    const char *dim_names[ALT_MAX_RANK];
} alt_port;

ALT_API size_t alt_model_input_count(const alt_model *model);
/** Input `index` in model order (initialisers that are also inputs come last and may be left out of a run: pass NULL);
 * NULL outside the range. Borrowed. */
ALT_API const alt_port *alt_model_input(const alt_model *model, size_t index);
/** True when input `index` has a default value and may be NULL in a run. */
ALT_API bool alt_model_input_optional(const alt_model *model, size_t index);
ALT_API size_t alt_model_output_count(const alt_model *model);
ALT_API const alt_port *alt_model_output(const alt_model *model, size_t index);
/** Index of the input or output of that name; -1 when there is none. */
ALT_API int alt_model_find_input(const alt_model *model, const char *name);
ALT_API int alt_model_find_output(const alt_model *model, const char *name);
/** Names of the symbolic dimensions of the inputs, each once; NULL past the end. Borrowed. */
ALT_API const char *alt_model_symbol(const alt_model *model, size_t index);
/** Operator-set imports: domain ("" for ai.onnx) and version. False past the end. Borrowed. */
ALT_API bool alt_model_opset(const alt_model *model, size_t index, const char **domain, int64_t *version);
/** metadata_props, and under the keys "producer_name", "producer_version", "domain", "doc_string", "graph_name" what the
 * file says of itself. False past the end. Borrowed. */
ALT_API bool alt_model_metadata(const alt_model *model, size_t index, const char **key, const char **value);

#ifdef __cplusplus
}
#endif
#endif
