/* model.h: the inside of alt_model, for sessions, passes and tools. */
#ifndef ALT_RUNTIME_MODEL_H
#define ALT_RUNTIME_MODEL_H

#include <alt/model.h>

#include "runtime/dim.h"
#include "runtime/external.h"
#include "runtime/file.h"
#include "runtime/mem.h"
#include "runtime/onnx.h"
#include "runtime/weights.h"

/* Immutable once loaded, but for `owners` and `weights`. */
struct alt_model {
    _Atomic int owners;      /* the release of one owner is acquired by the last one, who frees */
    struct alt_mem mem;      /* everything below comes from here */
    struct alt_arena arena;  /* graph, names, decoded weights, ports */
    struct alt_dimtab dims;
    const char *name;        /* path, or "model" when it came from memory; arena */
    struct alt_file file;    /* bytes NULL: the caller's memory is used */
    struct alt_external external; /* files beside the model, mapped; folder NULL: none allowed */
    const void *bytes;       /* of the ONNX message: the file's, or the caller's */
    size_t size;
    struct alt_onnx_model onnx; /* what the file says; onnx.graph is the graph */
    struct alt_weights weights; /* constants as plans of its sessions want them */
    struct alt_graph *graph;    /* inputs that have a default value are listed, and nodes read the default as a constant */
    alt_port *inputs, *outputs; /* model order; arena */
    size_t n_inputs, n_outputs;
    alt_log_fn log; /* NULL: nothing is logged */
    void *log_context;
};

/* One more owner; a session is one. Ends with alt_model_free. */
alt_model *alt_model_retain(alt_model *model);
/* Weights have been read and laid out: their pages in mapped files need not stay in memory. */
void alt_model_rest(const alt_model *model);
/* The graph in which nodes read every input, also those with a default value, for runs that replace one; after all passes.
 * It is made anew in `arena` and `dims`. Any thread. */
alt_status alt_model_open_graph(alt_model *model, struct alt_arena *arena, struct alt_dimtab *dims, struct alt_diag *diag,
                                struct alt_graph **out);
/* alt_model_load that stops the passes as alt_passes_run does (pass.h): for tools that show the graph on its way. */
alt_status alt_model_load_until(const char *path, const alt_model_options *options, const char *stop_after, alt_model **out,
                                alt_error **error);

#endif
