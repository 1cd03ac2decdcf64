/* score.h: what the models of ai.onnx.ml share: elements of their inputs, transforms of a row of scores, class labels. */
#ifndef ALT_RUNTIME_OPS_SCORE_H
#define ALT_RUNTIME_OPS_SCORE_H

#include "runtime/infer.h"

enum alt_score_transform {
    ALT_SCORE_NONE,
    ALT_SCORE_SOFTMAX,
    ALT_SCORE_LOGISTIC,
    ALT_SCORE_SOFTMAX_ZERO, /* zeros stay zero */
    ALT_SCORE_PROBIT,
    ALT_SCORE_TRANSFORMS
};

/* Of the attribute post_transform (a name, or TreeEnsemble's number); ALT_SCORE_TRANSFORMS when it is none of them. */
enum alt_score_transform alt_score_transform_of(const struct alt_node *n);
void alt_score_apply(enum alt_score_transform transform, double *score, int64_t n);

/* Element i of float32, float64, int32 or int64. */
double alt_score_input(alt_dtype dtype, const void *data, int64_t i);
bool alt_score_readable(alt_dtype dtype);

/* The labels of the classes: integers, else strings. */
struct alt_labels {
    int64_t count;
    const int64_t *ints;
    const alt_string *strings;
};
/* From the attributes of these names; count 0 when there are none. */
struct alt_labels alt_labels_of(const struct alt_node *n, const char *ints, const char *strings);
void alt_labels_put(const struct alt_labels *labels, void *out, int64_t i, int64_t at);

/* Infers an output of labels [N] and one of scores [N, columns] for an input [N, F] or [F]. */
alt_status alt_score_infer(struct alt_infer *inf, const struct alt_labels *labels, int64_t columns);

#endif
