/* reshape.c: operators that keep the elements and their order: Reshape, Flatten, Squeeze, Unsqueeze, Identity, BitCast.
 *
 * The output is a view whenever the strides of the input allow it (always when it is dense), else a copy in row-major
 * order. Reshape's -1 is solved symbolically, as the quotient of two products of extents.
 */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"

#include <string.h>

/* What the shape input says, entry by entry. */
struct target {
    struct alt_shape shape;
    int inferred;               /* place of -1, or -1 */
    bool vague;                 /* some entry is not known at all */
    bool copied[ALT_MAX_RANK];  /* 0: extent of the input */
};

static alt_status read_entry(struct alt_infer *inf, struct target *t, int k, alt_dim entry)
{
    const struct alt_shape *in = &inf->in[0]->shape;
    int64_t number;
    if (entry == ALT_DIM_BAD) {
        t->vague = true;
        t->shape.dim[k] = alt_dim_unknown(inf->dims);
    } else if (!alt_dim_number(entry, &number) || number > 0) {
        t->shape.dim[k] = entry;
    } else if (number == 0 && alt_attr_int(inf->node, "allowzero", 0)) {
        t->shape.dim[k] = 0;
    } else if (number == 0) {
        if (in->rank >= 0 && k >= in->rank)
            return alt_infer_fail(inf, ALT_E_SHAPE, "entry %d of the shape is 0, but the input has %d axes", k, in->rank);
        t->vague |= in->rank < 0;
        t->copied[k] = in->rank >= 0;
        t->shape.dim[k] = in->rank >= 0 ? in->dim[k] : alt_dim_unknown(inf->dims);
    } else if (number == -1 && t->inferred < 0) {
        t->inferred = k;
    } else {
        return alt_infer_fail(inf, ALT_E_SHAPE, "entry %d of the shape is %lld; one entry may be -1", k, (long long)number);
    }
    return ALT_OK;
}

/* Finds the extent of -1, or checks that the element counts agree. Copied extents leave both sides, also when they are 0. */
static alt_status solve(struct alt_infer *inf, struct target *t)
{
    const struct alt_shape *in = &inf->in[0]->shape;
    alt_dim have = 1, want = 1;
    bool empty = false; /* a copied extent is 0: then so are both counts, whatever the others are */
    if (in->rank < 0 || t->vague) {
        if (t->inferred >= 0)
            t->shape.dim[t->inferred] = alt_dim_unknown(inf->dims);
        return ALT_OK;
    }
    for (int k = 0; k < in->rank; k++)
        if (k >= t->shape.rank || !t->copied[k])
            have = alt_dim_mul(inf->dims, have, in->dim[k]);
    for (int k = 0; k < t->shape.rank; k++) {
        if (k != t->inferred && !t->copied[k])
            want = alt_dim_mul(inf->dims, want, t->shape.dim[k]);
        empty |= t->copied[k] && t->shape.dim[k] == 0;
    }
    bool numbers = alt_dim_known(have) && alt_dim_known(want);
    if (t->inferred < 0 && numbers && have != want && !empty)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the input has another number of elements than the shape asks for");
    if (t->inferred < 0)
        return ALT_OK;
    alt_dim solution = alt_dim_div(inf->dims, have, want);
    if (solution == ALT_DIM_BAD || (numbers && have % want != 0))
        return alt_infer_fail(inf, ALT_E_SHAPE, "the extent given as -1 has no solution");
    t->shape.dim[t->inferred] = solution;
    return ALT_OK;
}

static alt_status infer_reshape(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_SIGNED));
    ALT_CHECK(alt_infer_list(inf, 1, ALT_MAX_RANK));
    alt_dim entry[ALT_MAX_RANK];
    struct target t = {.inferred = -1};
    if (alt_infer_arg(inf, NULL, 1, ALT_MAX_RANK, entry, &t.shape.rank) != ALT_ARG_KNOWN) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, (int)alt_infer_length(inf, 1));
        return alt_infer_wait(inf, 1);
    }
    for (int k = 0; k < t.shape.rank; k++)
        ALT_CHECK(read_entry(inf, &t, k, entry[k]));
    ALT_CHECK(solve(inf, &t));
    alt_infer_set(inf, 0, inf->in[0]->dtype, &t.shape);
    return alt_infer_pass_content(inf, 0, 0);
}

static alt_status infer_flatten(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    const struct alt_shape *in = &inf->in[0]->shape;
    struct alt_shape out = {.rank = 2, .dim = {1, 1}};
    int64_t axis = alt_attr_int(inf->node, "axis", 1);
    if (in->rank < 0) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, 2);
        return ALT_OK;
    }
    if (axis < -in->rank || axis > in->rank)
        return alt_infer_fail(inf, ALT_E_MODEL, "axis %lld is outside [%d, %d]", (long long)axis, -in->rank, in->rank);
    axis += axis < 0 ? in->rank : 0;
    for (int d = 0; d < in->rank; d++)
        out.dim[d >= axis] = alt_dim_mul(inf->dims, out.dim[d >= axis], in->dim[d]);
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return ALT_OK;
}

/* Squeeze without axes drops every axis of extent 1, which needs known extents. */
static alt_status squeeze_all(struct alt_infer *inf)
{
    const struct alt_shape *in = &inf->in[0]->shape;
    struct alt_shape out = {.rank = 0};
    if (!alt_shape_known(in)) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, -1);
        return ALT_OK;
    }
    for (int d = 0; d < in->rank; d++)
        if (in->dim[d] != 1)
            out.dim[out.rank++] = in->dim[d];
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return alt_infer_pass_content(inf, 0, 0);
}

static alt_status infer_squeeze(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_list(inf, 1, ALT_MAX_RANK));
    const struct alt_shape *in = &inf->in[0]->shape;
    int64_t axes[ALT_MAX_RANK];
    int count;
    enum alt_arg arg = alt_infer_arg_ints(inf, "axes", 1, ALT_MAX_RANK, axes, &count);
    if (arg == ALT_ARG_ABSENT)
        return squeeze_all(inf);
    if (arg == ALT_ARG_UNKNOWN || in->rank < 0) {
        int64_t dropped = arg == ALT_ARG_KNOWN ? count : alt_infer_length(inf, 1);
        bool rank_known = in->rank >= 0 && dropped >= 0 && dropped <= in->rank;
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, rank_known ? in->rank - (int)dropped : -1);
        return arg == ALT_ARG_UNKNOWN ? alt_infer_wait(inf, 1) : ALT_OK;
    }
    ALT_CHECK(alt_infer_axes(inf, axes, count, in->rank));
    bool drop[ALT_MAX_RANK] = {false};
    for (int i = 0; i < count; i++) {
        drop[axes[i]] = true;
        if (alt_dim_known(in->dim[axes[i]]) && in->dim[axes[i]] != 1)
            return alt_infer_fail(inf, ALT_E_SHAPE, "axis %d to be squeezed must have extent 1", (int)axes[i]);
    }
    struct alt_shape out = {.rank = 0};
    for (int d = 0; d < in->rank; d++)
        if (!drop[d])
            out.dim[out.rank++] = in->dim[d];
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return alt_infer_pass_content(inf, 0, 0);
}

static alt_status infer_unsqueeze(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_list(inf, 1, ALT_MAX_RANK));
    const struct alt_shape *in = &inf->in[0]->shape;
    int64_t axes[ALT_MAX_RANK];
    int count;
    enum alt_arg arg = alt_infer_arg_ints(inf, "axes", 1, ALT_MAX_RANK, axes, &count);
    if (arg == ALT_ARG_ABSENT)
        return alt_infer_fail(inf, ALT_E_MODEL, "axes are missing");
    int64_t added = arg == ALT_ARG_KNOWN ? count : alt_infer_length(inf, 1);
    if (in->rank >= 0 && added + in->rank > ALT_MAX_RANK)
        return alt_infer_fail(inf, ALT_E_UNSUPPORTED, "the result has more than %d axes", ALT_MAX_RANK);
    if (arg == ALT_ARG_UNKNOWN || in->rank < 0) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, in->rank >= 0 && added >= 0 ? in->rank + (int)added : -1);
        return arg == ALT_ARG_UNKNOWN ? alt_infer_wait(inf, 1) : ALT_OK;
    }
    struct alt_shape out = {.rank = in->rank + count};
    ALT_CHECK(alt_infer_axes(inf, axes, count, out.rank));
    bool added_at[ALT_MAX_RANK] = {false};
    for (int i = 0; i < count; i++)
        added_at[axes[i]] = true;
    for (int d = 0, from = 0; d < out.rank; d++)
        out.dim[d] = added_at[d] ? 1 : in->dim[from++];
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return alt_infer_pass_content(inf, 0, 0);
}

static alt_status infer_identity(struct alt_infer *inf)
{
    if (!alt_infer_has(inf, 0))
        return alt_infer_fail(inf, ALT_E_MODEL, "input 0 is missing");
    alt_infer_like(inf, 0, 0);
    return inf->in[0]->kind == ALT_TENSOR ? alt_infer_pass_content(inf, 0, 0) : ALT_OK;
}

static alt_status infer_bitcast(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY & ~(unsigned)ALT_CLASS_STRING));
    int64_t to = alt_attr_int(inf->node, "to", ALT_NONE);
    unsigned bits = to > 0 && to <= INT32_MAX && to != ALT_STRING ? alt_dtype_bits((alt_dtype)to) : 0;
    if (bits != alt_dtype_bits(inf->in[0]->dtype))
        return alt_infer_fail(inf, ALT_E_MODEL, "type %lld has another width than the input's", (long long)to);
    alt_infer_set(inf, 0, (alt_dtype)to, &inf->in[0]->shape);
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    switch (inf->node->op) {
    case ALT_OP_FLATTEN: return infer_flatten(inf);
    case ALT_OP_SQUEEZE: return infer_squeeze(inf);
    case ALT_OP_UNSQUEEZE: return infer_unsqueeze(inf);
    case ALT_OP_IDENTITY: return infer_identity(inf);
    case ALT_OP_BITCAST: return infer_bitcast(inf);
    default: return infer_reshape(inf);
    }
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    *out = alt_copy_kernel(sel->in[0].dtype);
    return *out ? ALT_OK : alt_select_unsupported(sel);
}

/* Strides of out's extents over in's elements; false when there are none. Groups of axes with equal products are matched
 * from the left; within a group the old axes must be one axis, which is then cut anew. No extent is 0. */
static bool restride(const struct alt_operand *in, const struct alt_operand *out, int64_t *stride)
{
    int64_t dim[ALT_MAX_RANK], step[ALT_MAX_RANK];
    int rank = 0, o = 0;
    for (int d = 0; d < in->rank; d++)
        if (in->dim[d] != 1) {
            dim[rank] = in->dim[d];
            step[rank++] = in->stride[d];
        }
    for (int n = 0; n < out->rank;) {
        if (out->dim[n] == 1) {
            n++;
            continue;
        }
        if (o >= rank)
            return false;
        int first = n;
        int64_t have = dim[o++], want = out->dim[n++];
        while (have != want) {
            if (have < want ? o >= rank || step[o - 1] != dim[o] * step[o] : n >= out->rank)
                return false;
            if (have < want)
                have *= dim[o++];
            else
                want *= out->dim[n++];
        }
        int64_t s = step[o - 1];
        for (int k = n - 1; k >= first; k--) {
            stride[k] = s;
            s *= out->dim[k];
        }
    }
    for (int k = out->rank - 1; k >= 0; k--)
        if (out->dim[k] == 1)
            stride[k] = k + 1 < out->rank ? stride[k + 1] * out->dim[k + 1] : 1;
    return true;
}

static bool view(struct alt_view *v)
{
    const struct alt_operand *in = &v->in[0], *out = &v->out[0];
    if (in->layout)
        return false;
    v->offset[0] = 0;
    if (alt_operand_count(out) == 0 || alt_is_dense(in->rank, in->dim, in->stride)) {
        alt_dense_strides(out->rank, out->dim, v->stride[0]);
        return true;
    }
    return restride(in, out, v->stride[0]);
}

/* Identity of a sequence or optional; all else are tensors, which kernels and views take. */
static alt_status eval(struct alt_eval *e)
{
    const alt_value *value = alt_eval_value(e, 0);
    return value ? alt_eval_give(e, 0, alt_value_retain((alt_value *)(uintptr_t)value)) : ALT_E_UNSUPPORTED;
}

const struct alt_op_impl alt_op_reshape = {.infer = infer, .select = choose, .view = view, .eval = eval};
