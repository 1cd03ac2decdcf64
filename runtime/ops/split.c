/* split.c: Split. Every output is a view of the input where its reader takes strides, else a copy.
 *
 * Sizes come from the attribute "split" (before opset 13) or input 1; without them the axis is cut evenly, since opset 18
 * with a shorter last part.
 */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"

static const char *sizes_attr(const struct alt_node *n) { return n->opset < 13 ? "split" : NULL; }

/* Sizes as an array of the arena, n_out long; NULL in *sizes when they are not known. */
static alt_status read_sizes(struct alt_infer *inf, enum alt_arg *arg, alt_dim **sizes)
{
    int count;
    alt_dim *list = alt_arena_array(inf->arena, (size_t)inf->n_out + 1, sizeof *list);
    if (!list)
        return ALT_E_NOMEM;
    ALT_CHECK(alt_infer_list(inf, 1, INT32_MAX));
    int64_t length = alt_infer_length(inf, 1);
    if (length >= 0 && length != inf->n_out)
        return alt_infer_fail(inf, ALT_E_MODEL, "%lld sizes for %d outputs", (long long)length, inf->n_out);
    *arg = alt_infer_arg(inf, sizes_attr(inf->node), inf->node->opset < 13 ? -1 : 1, inf->n_out, list, &count);
    if (*arg == ALT_ARG_KNOWN && count != inf->n_out)
        return alt_infer_fail(inf, ALT_E_MODEL, "%d sizes for %d outputs", count, inf->n_out);
    *sizes = *arg == ALT_ARG_KNOWN ? list : NULL;
    return ALT_OK;
}

/* Sizes that are given must add up to the axis. */
static alt_status check_sizes(struct alt_infer *inf, const alt_dim *sizes, alt_dim extent)
{
    alt_dim sum = 0;
    for (int i = 0; i < inf->n_out; i++) {
        if (alt_dim_negative(sizes[i]))
            return alt_infer_fail(inf, ALT_E_MODEL, "the size of part %d is negative", i);
        sum = alt_dim_add(inf->dims, sum, sizes[i]);
    }
    if (alt_dim_known(sum) && alt_dim_known(extent) && sum != extent)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the sizes add up to %lld, the axis has %lld", (long long)sum,
                              (long long)extent);
    return ALT_OK;
}

static alt_dim even_part(struct alt_infer *inf, int i, alt_dim extent)
{
    alt_dim parts = inf->n_out;
    if (inf->node->opset < 18)
        return alt_dim_known(extent) && extent % parts != 0 ? ALT_DIM_BAD : alt_dim_div(inf->dims, extent, parts);
    alt_dim size = alt_dim_ceildiv(inf->dims, extent, parts);
    alt_dim before = alt_dim_min(inf->dims, alt_dim_mul(inf->dims, size, i), extent);
    alt_dim after = alt_dim_min(inf->dims, alt_dim_mul(inf->dims, size, i + 1), extent);
    return i + 1 < inf->n_out && !alt_dim_known(extent) ? size : alt_dim_sub(inf->dims, after, before);
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    const struct alt_shape *in = &inf->in[0]->shape;
    enum alt_arg arg = ALT_ARG_ABSENT;
    alt_dim *sizes = NULL;
    int axis;
    ALT_CHECK(read_sizes(inf, &arg, &sizes));
    int64_t parts = alt_attr_int(inf->node, "num_outputs", inf->n_out);
    if (arg == ALT_ARG_ABSENT && parts != inf->n_out)
        return alt_infer_fail(inf, ALT_E_MODEL, "num_outputs is %lld, the node has %d outputs", (long long)parts, inf->n_out);
    if (in->rank < 0) {
        for (int i = 0; i < inf->n_out; i++)
            alt_infer_set_rank(inf, i, inf->in[0]->dtype, -1);
        return ALT_OK;
    }
    ALT_CHECK(alt_infer_axis(inf, alt_attr_int(inf->node, "axis", 0), in->rank, &axis));
    if (sizes)
        ALT_CHECK(check_sizes(inf, sizes, in->dim[axis]));
    for (int i = 0; i < inf->n_out; i++) {
        struct alt_shape out = *in;
        alt_dim size = sizes ? sizes[i] : arg == ALT_ARG_ABSENT ? even_part(inf, i, in->dim[axis]) : ALT_DIM_BAD;
        if (arg == ALT_ARG_ABSENT && size == ALT_DIM_BAD)
            return alt_infer_fail(inf, ALT_E_SHAPE, "axis %d cannot be cut into %d equal parts", axis, inf->n_out);
        out.dim[axis] = size == ALT_DIM_BAD ? alt_dim_unknown(inf->dims) : size;
        alt_infer_set(inf, i, inf->in[0]->dtype, &out);
    }
    return arg == ALT_ARG_UNKNOWN ? alt_infer_wait(inf, 1) : ALT_OK;
}

/* Concrete size of part i, also of one that nobody reads. */
static bool part_size(const struct alt_node *n, const struct alt_operand *in, int n_in, int i, int parts, int axis,
                      int64_t *size)
{
    const int64_t *ints;
    int64_t extent = in->dim[axis];
    const struct alt_operand *given = n->opset < 13 ? NULL : alt_operand_at(in, n_in, 1);
    if (sizes_attr(n) && alt_attr_ints(n, "split", &ints) == parts) {
        *size = ints[i];
    } else if (given) {
        if (!given->known)
            return false;
        *size = alt_known_int(given, i);
    } else {
        int64_t even = (extent + parts - 1) / parts;
        *size = alt_clamp(extent - i * even, 0, even);
    }
    return true;
}

static bool view(struct alt_view *v)
{
    const struct alt_operand *in = &v->in[0];
    if (in->layout || alt_dtype_size(in->dtype) == 0)
        return false;
    int axis = alt_axis_of(alt_attr_int(v->node, "axis", 0), in->rank);
    int64_t at = 0, size;
    for (int i = 0; i < v->n_out; i++) {
        if (!part_size(v->node, in, v->n_in, i, v->n_out, axis, &size))
            return false;
        v->offset[i] = at * in->stride[axis];
        for (int d = 0; d < in->rank; d++)
            v->stride[i][d] = in->stride[d];
        at += size;
    }
    return true;
}

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *in = &b->in[0];
    int axis = alt_axis_of(alt_attr_int(b->node, "axis", 0), in->rank);
    struct alt_copy_list *list = alt_copy_list_create(b->arena, b->n_out);
    if (!list)
        return ALT_E_NOMEM;
    int64_t at = 0, size;
    for (int i = 0; i < b->n_out; i++) {
        const struct alt_operand *out = &b->out[i];
        if (!part_size(b->node, in, b->n_in, i, b->n_out, axis, &size))
            return alt_bind_fail(b, ALT_E_INTERNAL, "the sizes are not known while binding");
        struct alt_copy_box box = {.rank = in->rank, .src_at = at * in->stride[axis]};
        for (int d = 0; d < in->rank; d++) {
            box.extent[d] = out->dtype == ALT_NONE ? 0 : out->extent[d];
            box.src[d] = in->stride[d];
            box.dst[d] = out->dtype == ALT_NONE ? 0 : out->stride[d];
        }
        if (out->dtype != ALT_NONE)
            alt_copy_prepare(&list->copy[i], in->dtype, &box);
        at += size;
    }
    alt_copy_list_bind(b, list);
    return ALT_OK;
}

static void split(const struct alt_kargs *args)
{
    const struct alt_copy_list *list = args->params;
    alt_copy_list_run(list, &args->operand[0], true, &args->operand[args->operand_count - (uint32_t)list->count], false,
                      args->begin, args->end);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "split", .fn = split, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_bits(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_split = {.infer = infer, .select = choose, .view = view};
