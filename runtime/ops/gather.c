/* gather.c: Gather: slices of one axis, by index. A single known index is a view; otherwise slices are copied.
 *
 * A tile is a run of output slices; what a slice holds is one box, so data may have any strides.
 */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"

#include <string.h>

enum { TILE_ELEMENTS = 4096 };

/* Picks from the known content of a rank-1 input. */
static alt_status gather_content(struct alt_infer *inf)
{
    alt_dim content[ALT_CONTENT_MAX], part[ALT_CONTENT_MAX];
    int64_t index[ALT_CONTENT_MAX];
    int length, count;
    if (alt_infer_rank(inf, 0) != 1 || alt_infer_rank(inf, 1) > 1 ||
        !alt_infer_content(inf, 0, ALT_CONTENT_MAX, content, &length) ||
        !alt_infer_ints(inf, 1, ALT_CONTENT_MAX, index, &count))
        return ALT_OK;
    for (int i = 0; i < count; i++) {
        if (index[i] < -length || index[i] >= length)
            return alt_infer_fail(inf, ALT_E_SHAPE, "index %lld is outside [-%d, %d)", (long long)index[i], length, length);
        part[i] = content[index[i] < 0 ? index[i] + length : index[i]];
    }
    return alt_infer_set_content(inf, 0, part, count);
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_indices(inf, 1));
    const struct alt_shape *data = &inf->in[0]->shape, *indices = &inf->in[1]->shape;
    int axis;
    if (data->rank < 0 || indices->rank < 0) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, -1);
        return ALT_OK;
    }
    ALT_CHECK(alt_infer_axis(inf, alt_attr_int(inf->node, "axis", 0), data->rank, &axis));
    struct alt_shape out = {.rank = data->rank - 1 + indices->rank};
    if (out.rank > ALT_MAX_RANK)
        return alt_infer_fail(inf, ALT_E_UNSUPPORTED, "the result has more than %d axes", ALT_MAX_RANK);
    for (int d = 0; d < axis; d++)
        out.dim[d] = data->dim[d];
    for (int d = 0; d < indices->rank; d++)
        out.dim[axis + d] = indices->dim[d];
    for (int d = axis + 1; d < data->rank; d++)
        out.dim[indices->rank + d - 1] = data->dim[d];
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return gather_content(inf);
}

static bool view(struct alt_view *v)
{
    const struct alt_operand *data = &v->in[0], *indices = &v->in[1];
    if (data->layout || alt_dtype_size(data->dtype) == 0 || !indices->known || alt_operand_count(indices) != 1)
        return false;
    int axis = alt_axis_of(alt_attr_int(v->node, "axis", 0), data->rank);
    int64_t index = alt_known_int(indices, 0), extent = data->dim[axis];
    if (index < -extent || index >= extent)
        return false;
    v->offset[0] = (index < 0 ? index + extent : index) * data->stride[axis];
    for (int d = 0; d < v->out[0].rank; d++) {
        int from = d < axis ? d : d - indices->rank + 1;
        v->stride[0][d] = d >= axis && d < axis + indices->rank ? data->stride[axis] : data->stride[from];
    }
    return true;
}

struct plan {
    struct alt_copy slice;             /* one slice of data, dense in the output */
    int outer_rank;
    int64_t outer_extent[ALT_MAX_RANK], outer_stride[ALT_MAX_RANK];
    int64_t axis_extent, axis_stride;  /* bytes, as all strides here */
    int64_t n_indices, slices, slices_tile;
    size_t slice_bytes;
    bool wide, dense;                  /* int64 indices; slices dense in data */
};

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *data = &b->in[0];
    int axis = alt_axis_of(alt_attr_int(b->node, "axis", 0), data->rank);
    int64_t size = (int64_t)alt_dtype_size(data->dtype), outer = 1;
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    struct alt_copy_box box = {.rank = data->rank - axis - 1};
    for (int d = 0; d < box.rank; d++) {
        box.extent[d] = data->extent[axis + 1 + d];
        box.src[d] = data->stride[axis + 1 + d];
    }
    alt_dense_strides(box.rank, box.extent, box.dst);
    alt_copy_prepare(&p->slice, data->dtype, &box);
    p->dense = alt_is_dense(box.rank, box.extent, box.src);
    p->slice_bytes = (size_t)(p->slice.count * size);
    p->outer_rank = axis;
    for (int d = 0; d < axis; d++) {
        p->outer_extent[d] = data->extent[d];
        p->outer_stride[d] = data->stride[d] * size;
        outer *= data->extent[d];
    }
    p->axis_extent = data->extent[axis];
    p->axis_stride = data->stride[axis] * size;
    p->wide = b->in[1].dtype == ALT_INT64;
    p->n_indices = alt_operand_count(&b->in[1]);
    p->slices = p->slice.count ? outer * p->n_indices : 0;
    p->slices_tile = p->slice.count && p->slice.count < TILE_ELEMENTS ? TILE_ELEMENTS / p->slice.count : 1;
    b->params = p;
    b->range = (p->slices + p->slices_tile - 1) / p->slices_tile;
    b->flops = (double)p->slices * (double)p->slice.count;
    return ALT_OK;
}

static void copy_slice(const struct plan *p, char *dst, const char *src)
{
    if (!p->dense)
        alt_copy_run(&p->slice, src, dst, 0, p->slice.tiles);
    else if (p->slice_bytes == 4) /* single elements of the usual sizes: no call */
        memcpy(dst, src, 4);
    else if (p->slice_bytes == 8)
        memcpy(dst, src, 8);
    else
        memcpy(dst, src, p->slice_bytes);
}

static void gather(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    struct alt_indices indices = alt_indices_of(&args->operand[1], p->wide);
    int64_t first = args->begin * p->slices_tile, last = args->end * p->slices_tile;
    last = last < p->slices ? last : p->slices;
    const char *base = NULL;
    for (int64_t s = first; s < last; s++) {
        int64_t i = s % p->n_indices;
        if (!base || i == 0)
            base = (const char *)args->operand[0].data +
                   alt_strided_offset(p->outer_rank, p->outer_extent, p->outer_stride, s / p->n_indices);
        char *dst = (char *)args->operand[2].data + s * (int64_t)p->slice_bytes;
        int64_t index = alt_index_checked(args, &indices, i, p->axis_extent);
        if (index < 0)
            memset(dst, 0, p->slice_bytes);
        else
            copy_slice(p, dst, base + index * p->axis_stride);
    }
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "gather", .fn = gather, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_size(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_gather = {.infer = infer, .select = choose, .view = view};
