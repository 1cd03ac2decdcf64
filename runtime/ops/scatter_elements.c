/* scatter_elements.c: ScatterElements and Scatter: out[i][index[i][j][k]][k] = updates[i][j][k] for axis 1, and so on, or a
 * reduction of what is there and the update.
 *
 * Updates of different positions along the axes before `axis` never meet: each such position is a tile, and within a
 * tile updates are applied in order.
 */
#include "runtime/ops/combine.h"
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"

#include <string.h>

static alt_status check_extents(struct alt_infer *inf, const struct alt_shape *data, const struct alt_shape *indices, int axis)
{
    const struct alt_shape *updates = &inf->in[2]->shape;
    for (int d = 0; d < data->rank; d++) {
        if (d != axis && alt_dim_known(data->dim[d]) && indices->dim[d] > data->dim[d])
            return alt_infer_fail(inf, ALT_E_SHAPE, "indices are longer than data along axis %d", d);
        if (alt_dim_known(indices->dim[d]) && alt_dim_known(updates->dim[d]) && indices->dim[d] != updates->dim[d])
            return alt_infer_fail(inf, ALT_E_SHAPE, "indices and updates differ along axis %d", d);
    }
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_indices(inf, 1));
    ALT_CHECK(alt_infer_expect(inf, 2, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_same_dtype(inf, 0, 2));
    const struct alt_shape *data = &inf->in[0]->shape, *indices = &inf->in[1]->shape;
    int axis;
    if (data->rank >= 0 && indices->rank >= 0 && inf->in[2]->shape.rank >= 0) {
        if (data->rank != indices->rank || data->rank != inf->in[2]->shape.rank)
            return alt_infer_fail(inf, ALT_E_SHAPE, "data, indices and updates differ in rank");
        ALT_CHECK(alt_infer_axis(inf, alt_attr_int(inf->node, "axis", 0), data->rank, &axis));
        ALT_CHECK(check_extents(inf, data, indices, axis));
    }
    alt_infer_like(inf, 0, 0);
    return ALT_OK;
}

struct plan {
    struct alt_combine combine;
    int outer_rank, inner_rank;             /* axes before and after the axis */
    int64_t outer[ALT_MAX_RANK];            /* extents of data */
    int64_t outer_indices[ALT_MAX_RANK];    /* of indices */
    int64_t index_strides[ALT_MAX_RANK];    /* of indices along the outer axes */
    int64_t inner[ALT_MAX_RANK];            /* extents of indices after the axis */
    int64_t inner_data[ALT_MAX_RANK];       /* strides of data there */
    int64_t inner_count, axis_indices;      /* elements of indices after and along the axis */
    int64_t axis_extent, axis_stride;       /* of data */
    int64_t block;                          /* elements of data in a tile */
    bool wide;
};

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *data = &b->in[0], *indices = &b->in[1];
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    int axis = alt_axis_of(alt_attr_int(b->node, "axis", 0), data->rank);
    if (!alt_combine_init(&p->combine, alt_combine_find(alt_attr_text(b->node, "reduction", "none")), data->dtype))
        return ALT_E_INTERNAL;
    p->wide = indices->dtype == ALT_INT64;
    p->axis_extent = data->dim[axis];
    p->axis_stride = data->stride[axis];
    p->axis_indices = indices->dim[axis];
    p->block = p->axis_extent * p->axis_stride;
    p->outer_rank = axis;
    for (int d = 0; d < axis; d++) {
        p->outer[d] = data->dim[d];
        p->outer_indices[d] = indices->dim[d];
        p->index_strides[d] = indices->stride[d];
    }
    p->inner_rank = data->rank - axis - 1;
    p->inner_count = 1;
    for (int d = 0; d < p->inner_rank; d++) {
        p->inner[d] = indices->dim[axis + 1 + d];
        p->inner_data[d] = data->stride[axis + 1 + d];
        p->inner_count *= p->inner[d];
    }
    b->params = p;
    b->range = alt_operand_count(data) ? alt_dims_count(axis, data->dim) : 0;
    b->flops = (double)alt_operand_count(data) + 4 * (double)alt_operand_count(indices);
    return ALT_OK;
}

/* First element of indices for outer position `tile` of data; false when indices do not reach so far. */
static bool locate(const struct plan *p, int64_t tile, int64_t *at)
{
    *at = 0;
    for (int d = p->outer_rank - 1; d >= 0; d--) {
        int64_t i = tile % p->outer[d];
        tile /= p->outer[d];
        if (i >= p->outer_indices[d])
            return false;
        *at += i * p->index_strides[d];
    }
    return true;
}

static void scatter_block(const struct plan *p, const struct alt_kargs *args, int64_t first, char *block)
{
    struct alt_indices indices = alt_indices_of(&args->operand[1], p->wide);
    const char *updates = args->operand[2].data;
    int64_t size = (int64_t)p->combine.size;
    for (int64_t j = 0; j < p->axis_indices; j++)
        for (int64_t k = 0; k < p->inner_count; k++) {
            int64_t at = first + j * p->inner_count + k;
            int64_t index = alt_index_checked(args, &indices, at, p->axis_extent);
            if (index < 0)
                continue;
            int64_t to = index * p->axis_stride + alt_strided_offset(p->inner_rank, p->inner, p->inner_data, k);
            alt_combine_run(&p->combine, block + to * size, updates + at * size, 1);
        }
}

static void scatter(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    int64_t bytes = p->block * (int64_t)p->combine.size, first;
    for (int64_t t = args->begin; t < args->end; t++) {
        char *block = (char *)args->operand[3].data + t * bytes;
        const char *data = (const char *)args->operand[0].data + t * bytes;
        if (block != data)
            memcpy(block, data, (size_t)bytes);
        if (locate(p, t, &first))
            scatter_block(p, args, first, block);
    }
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "scatter_elements", .fn = scatter, .bind = bind, .flags = ALT_KERNEL_INPLACE_0, .numerics = ALT_KERNEL_EXACT};
    struct alt_combine combine;
    *out = &kernel;
    return alt_combine_init(&combine, alt_combine_find(alt_attr_text(sel->node, "reduction", "none")), sel->in[0].dtype)
               ? ALT_OK
               : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_scatter_elements = {.infer = infer, .select = choose};
