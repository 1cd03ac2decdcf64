/* onnx_read.h: reads the bytes of a model into a graph, with everything a test needs to look at it and to drop it. */
#ifndef ALT_TESTS_ONNX_READ_H
#define ALT_TESTS_ONNX_READ_H

#include "runtime/error.h"
#include "runtime/graph.h"
#include "runtime/onnx.h"

struct pb;

struct onnx_read {
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_dimtab dims;
    struct alt_diag diag;
    struct alt_onnx_model model;
    alt_status status;
};

/* Reads; checks the graph's invariants when that went well. `hooks` may be NULL. */
alt_status onnx_read(struct onnx_read *read, const void *bytes, size_t size, const alt_allocator *hooks);
/* The same, with default values of inputs as constants. */
alt_status onnx_read_fixed(struct onnx_read *read, const void *bytes, size_t size);
void onnx_read_free(struct onnx_read *read);
/* Fails the test unless the model is read. Frees the bytes of `model` after `check`, which may be NULL. */
void expect_read(struct pb *model, void (*check)(const struct onnx_read *read));
/* Fails the test unless reading ends with `status` and the text holds `words`, separated by '|'. Frees `model`. */
void expect_refused(struct pb *model, alt_status status, const char *words);
/* The node or value of that name; fails the test when there is none. */
struct alt_node *find_node(const struct alt_graph *g, const char *name);
struct alt_gvalue *find_value(const struct alt_graph *g, const char *name);

#endif
