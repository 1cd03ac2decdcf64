/* group.h: sequences and optionals as host steps handle them. */
#ifndef ALT_RUNTIME_OPS_GROUP_H
#define ALT_RUNTIME_OPS_GROUP_H

#include "runtime/infer.h"
#include "runtime/step.h"
#include "runtime/value.h"

/* Output i is a sequence or optional of such elements; nothing is known of their shapes. */
void alt_infer_group(struct alt_infer *inf, int i, alt_kind kind, alt_kind element_kind, alt_dtype dtype);
/* Fails unless input i is present and a sequence of tensors. */
alt_status alt_infer_sequence(struct alt_infer *inf, int i);

/* A value with the content of `t`, in memory of the run: a copy of a tensor, else the value itself with one more owner.
 * ALT_E_UNSUPPORTED in an evaluation. */
alt_status alt_group_value(struct alt_eval *eval, const struct alt_tensor *t, alt_value **out);
/* Output i is a sequence or optional, as its type in the graph says, of these elements, which are retained. */
alt_status alt_group_give(struct alt_eval *eval, int i, size_t count, alt_value *const *element);
/* Makes of `t` what `want` says where one is an optional and the other what it holds; an empty optional holds nothing: ALT_E_SHAPE.
 * What is made lives until the end of the run. */
alt_status alt_group_as(struct alt_eval *eval, const struct alt_type *want, struct alt_tensor *t);
/* The whole number in input i, a tensor of one int32 or int64; `otherwise` when it is omitted. */
alt_status alt_group_number(struct alt_eval *eval, int i, int64_t otherwise, int64_t *out);

#endif
