/* data.h: what the operators that move data share: arguments that are an attribute in old opsets and an input in newer ones,
 * outputs of which only the rank is known, and contents that pass through.
 */
#ifndef ALT_RUNTIME_OPS_DATA_H
#define ALT_RUNTIME_OPS_DATA_H

#include "runtime/infer.h"
#include "runtime/step.h"

/* Longest shape tensor whose content is followed symbolically. */
enum { ALT_CONTENT_MAX = 64 };

enum alt_arg { ALT_ARG_ABSENT, ALT_ARG_KNOWN, ALT_ARG_UNKNOWN };

/* The list of integers that attribute `attr` (NULL: none) or input i (-1: none) gives, as dims. While binding (inf->concrete)
 * a list that is not all numbers counts as unknown. */
enum alt_arg alt_infer_arg(const struct alt_infer *inf, const char *attr, int i, int max, alt_dim *out, int *count);
/* The same as numbers. */
enum alt_arg alt_infer_arg_ints(const struct alt_infer *inf, const char *attr, int i, int max, int64_t *out, int *count);
/* Fails unless input i is absent or a list (rank 0 or 1) of at most `max` int32 or int64 (so that a list that is not known
 * really is not known yet, rather than not a list). */
alt_status alt_infer_list(struct alt_infer *inf, int i, int max);
/* Fails unless input i is a tensor of int32 or int64. */
alt_status alt_infer_indices(struct alt_infer *inf, int i);
/* Number of elements of the rank-1 input i; -1 when not known. */
int64_t alt_infer_length(const struct alt_infer *inf, int i);

/* Output o has this type and rank (-1: unknown) and unknown extents. */
void alt_infer_set_rank(struct alt_infer *inf, int o, alt_dtype dtype, int rank);
/* Output o needs the content of input i: while binding defers, on the graph keeps the extents that were set. */
alt_status alt_infer_wait(struct alt_infer *inf, int i);
/* Output o, of rank 0 or 1, has the elements of input i: passes on what is known of them. */
alt_status alt_infer_pass_content(struct alt_infer *inf, int o, int i);
/* `axes` (entries in [-rank, rank)) made non-negative; fails on others and on duplicates. */
alt_status alt_infer_axes(struct alt_infer *inf, int64_t *axes, int count, int rank);

/* While binding or viewing: the integers of attribute `attr` or of operand `op` (NULL: none), whose content must be known.
 * False when there are none or more than `max`; *count is 0 then. */
bool alt_bound_ints(const struct alt_node *n, const char *attr, const struct alt_operand *op, int max, int64_t *out,
                    int *count);
/* Element i of a known integer operand (int32 or int64). */
int64_t alt_known_int(const struct alt_operand *op, int64_t i);
/* Operand i of an array of n; NULL when it is omitted. */
static inline const struct alt_operand *alt_operand_at(const struct alt_operand *ops, int n, int i)
{
    return i < n && ops[i].dtype != ALT_NONE ? &ops[i] : NULL;
}
/* Number of elements of an operand whose extents are known. */
int64_t alt_operand_count(const struct alt_operand *op);
/* `axis` counted from the end when negative. */
static inline int alt_axis_of(int64_t axis, int rank) { return (int)(axis < 0 ? axis + rank : axis); }
static inline int64_t alt_least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t alt_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t alt_clamp(int64_t v, int64_t low, int64_t high) { return v < low ? low : v > high ? high : v; }

/* Reads int32 or int64 indices through any strides while a kernel runs. */
struct alt_indices {
    const void *data;
    bool wide; /* int64 */
    bool dense;
    int rank;
    const int64_t *extent, *stride;
};
struct alt_indices alt_indices_of(const struct alt_koperand *op, bool wide);
int64_t alt_index_at(const struct alt_indices *indices, int64_t i);
/* Index i, negative ones counted from the end of `extent`; -1 and a fault when it is out of range. */
int64_t alt_index_checked(const struct alt_kargs *args, const struct alt_indices *indices, int64_t i, int64_t extent);
/* Notes a fault; any thread. */
static inline void alt_fault(const struct alt_kargs *args, enum alt_fault fault)
{
    __atomic_store_n(args->fault, (int32_t)fault, __ATOMIC_RELAXED);
}

#endif
