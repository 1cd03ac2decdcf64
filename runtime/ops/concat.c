/* concat.c: Concat. Each input is copied, from any strides, into its window of the output. Along the channels, blocked inputs whose
 * blocks are all full, but for the last one's, make a blocked output. */
#include "runtime/layout.h"
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"

/* One more shape on axes other than `axis`: numbers win over symbols, two numbers must agree. */
static alt_status merge(struct alt_infer *inf, struct alt_shape *out, const struct alt_shape *in, int axis)
{
    for (int d = 0; d < out->rank; d++) {
        if (d == axis || out->dim[d] == in->dim[d])
            continue;
        if (alt_dim_known(out->dim[d]) && alt_dim_known(in->dim[d]))
            return alt_infer_fail(inf, ALT_E_SHAPE, "inputs differ along axis %d", d);
        if (alt_dim_known(in->dim[d]))
            out->dim[d] = in->dim[d];
    }
    return ALT_OK;
}

/* Joins what is known of the elements of rank-1 inputs; inputs of unknown content but known length leave a gap. */
static alt_status join_content(struct alt_infer *inf)
{
    alt_dim content[ALT_CONTENT_MAX];
    int count = 0, part;
    for (int i = 0; i < inf->n_in; i++) {
        int64_t length = alt_infer_length(inf, i);
        if (length < 0 || length > ALT_CONTENT_MAX - count)
            return ALT_OK;
        if (!alt_infer_content(inf, i, ALT_CONTENT_MAX - count, content + count, &part))
            for (part = 0; part < length; part++)
                content[count + part] = ALT_DIM_BAD;
        if (part != length)
            return ALT_OK;
        count += part;
    }
    return alt_infer_set_content(inf, 0, content, count);
}

static alt_status infer(struct alt_infer *inf)
{
    struct alt_shape out = {.rank = -1};
    bool vague = false; /* some input has an unknown rank */
    int axis = 0;
    for (int i = 0; i < inf->n_in; i++) {
        ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_ANY));
        ALT_CHECK(alt_infer_same_dtype(inf, 0, i));
        const struct alt_shape *in = &inf->in[i]->shape;
        if (in->rank < 0) {
            vague = true;
            continue;
        }
        if (out.rank < 0) {
            out = *in;
            ALT_CHECK(alt_infer_axis(inf, alt_attr_int(inf->node, "axis", 1), out.rank, &axis));
            continue;
        }
        if (in->rank != out.rank)
            return alt_infer_fail(inf, ALT_E_SHAPE, "inputs differ in rank");
        ALT_CHECK(merge(inf, &out, in, axis));
        out.dim[axis] = alt_dim_add(inf->dims, out.dim[axis], in->dim[axis]);
    }
    if (vague && out.rank >= 0)
        out.dim[axis] = alt_dim_unknown(inf->dims);
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return out.rank == 1 && !vague ? join_content(inf) : ALT_OK;
}

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *out = &b->out[0];
    int axis = alt_axis_of(alt_attr_int(b->node, "axis", 1), out->rank); /* blocked: that of the blocks */
    struct alt_copy_list *list = alt_copy_list_create(b->arena, b->n_in);
    if (!list)
        return ALT_E_NOMEM;
    int64_t at = 0;
    for (int i = 0; i < b->n_in; i++) {
        const struct alt_operand *in = &b->in[i];
        struct alt_copy_box box = {.rank = in->phys_rank, .dst_at = at * out->stride[axis]};
        for (int d = 0; d < in->phys_rank; d++) {
            box.extent[d] = in->extent[d];
            box.src[d] = in->stride[d];
            box.dst[d] = out->stride[d];
        }
        alt_copy_prepare(&list->copy[i], in->dtype, &box);
        at += in->extent[axis];
    }
    alt_copy_list_bind(b, list);
    return ALT_OK;
}

static void concat(const struct alt_kargs *args)
{
    const struct alt_copy_list *list = args->params;
    alt_copy_list_run(list, args->operand, false, &args->operand[list->count], true, args->begin, args->end);
}

static enum alt_blocking layouts(const struct alt_node *n, int block, struct alt_arena *arena, const struct alt_layout **in,
                                 const struct alt_layout **out)
{
    const int rank = n->in[0]->type.shape.rank;
    const struct alt_layout *blocked;
    if (rank < 3 || rank + 1 > ALT_MAX_RANK || alt_axis_of(alt_attr_int(n, "axis", 1), rank) != 1)
        return ALT_BLOCKING_NONE;
    for (int i = 0; i < n->n_in; i++) {
        const struct alt_shape *s = &n->in[i]->type.shape;
        if (s->rank != rank || !alt_dim_known(s->dim[1]) || (s->dim[1] % block && i + 1 < n->n_in))
            return ALT_BLOCKING_NONE;
    }
    if (n->in[0]->type.dtype != ALT_FLOAT32 || alt_layout_blocked(arena, rank, 1, block, &blocked) != ALT_OK)
        return ALT_BLOCKING_NONE;
    for (int i = 0; i < n->n_in; i++)
        in[i] = blocked;
    out[0] = blocked;
    return ALT_BLOCKING_FOLLOW;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "concat", .fn = concat, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    bool fits = alt_dtype_bits(sel->in[0].dtype) != 0;
    for (int i = 0; i < sel->n_in; i++)
        fits &= !sel->in[i].layout == !sel->out[0].layout;
    *out = &kernel;
    return fits ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_concat = {.infer = infer, .select = choose, .layouts = layouts};
