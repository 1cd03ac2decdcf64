/* attr.h: attributes of a node as the model gives them, and typed access with ONNX's defaults. */
#ifndef ALT_RUNTIME_ATTR_H
#define ALT_RUNTIME_ATTR_H

#include <alt/value.h>

struct alt_graph;
struct alt_node;
struct alt_tensor;
struct alt_infer;

/* ONNX's own numbers (AttributeProto.AttributeType). */
enum alt_attr_type {
    ALT_ATTR_FLOAT = 1,
    ALT_ATTR_INT = 2,
    ALT_ATTR_STRING = 3,
    ALT_ATTR_TENSOR = 4,
    ALT_ATTR_GRAPH = 5,
    ALT_ATTR_FLOATS = 6,
    ALT_ATTR_INTS = 7,
    ALT_ATTR_STRINGS = 8,
    ALT_ATTR_TENSORS = 9,
    ALT_ATTR_GRAPHS = 10,
    ALT_ATTR_TYPE = 13
};

/* One attribute; arrays lie in the graph's arena. A scalar has count 1 and its field points to one element. */
struct alt_attr {
    const char *name;
    enum alt_attr_type type;
    int64_t count;
    const int64_t *ints;         /* INT, INTS */
    const float *floats;         /* FLOAT, FLOATS */
    const alt_string *strings;   /* STRING, STRINGS; each also terminated by a NUL behind its length */
    const struct alt_tensor *const *tensors; /* TENSOR, TENSORS */
    struct alt_graph *const *graphs; /* GRAPH, GRAPHS */
    const struct alt_type *tensor_type; /* TYPE */
};

/* NULL when the node has no such attribute. */
const struct alt_attr *alt_attr_find(const struct alt_node *n, const char *name);
bool alt_attr_has(const struct alt_node *n, const char *name);
/* The value, or `otherwise` when absent or of another type (load has checked types: see alt_attr_check). */
int64_t alt_attr_int(const struct alt_node *n, const char *name, int64_t otherwise);
float alt_attr_float(const struct alt_node *n, const char *name, float otherwise);
const char *alt_attr_text(const struct alt_node *n, const char *name, const char *otherwise);
/* Number of ints and the array; 0 and NULL when absent. */
int64_t alt_attr_ints(const struct alt_node *n, const char *name, const int64_t **ints);
int64_t alt_attr_floats(const struct alt_node *n, const char *name, const float **floats);

#endif
