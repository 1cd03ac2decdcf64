/* gather_elements.c: GatherElements: out[i][j][k] = data[i][index[i][j][k]][k] for axis 1, and so on. */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_indices(inf, 1));
    const struct alt_shape *data = &inf->in[0]->shape, *indices = &inf->in[1]->shape;
    int axis;
    if (data->rank >= 0 && indices->rank >= 0) {
        if (data->rank != indices->rank)
            return alt_infer_fail(inf, ALT_E_SHAPE, "data and indices differ in rank");
        ALT_CHECK(alt_infer_axis(inf, alt_attr_int(inf->node, "axis", 0), data->rank, &axis));
        for (int d = 0; d < data->rank; d++)
            if (d != axis && alt_dim_known(data->dim[d]) && indices->dim[d] > data->dim[d])
                return alt_infer_fail(inf, ALT_E_SHAPE, "indices are longer than data along axis %d", d);
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, indices);
    return ALT_OK;
}

struct plan {
    int axis, rank;
    int64_t extent[ALT_MAX_RANK]; /* of indices and output, the last axis taken out */
    int64_t stride[ALT_MAX_RANK]; /* of data, bytes; 0 for the axis */
    int64_t n, n_stride;          /* last axis */
    int64_t axis_extent, axis_stride;
    int64_t rows, rows_tile;
    size_t size;
    bool wide;
};

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *data = &b->in[0], *indices = &b->in[1];
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    int64_t size = (int64_t)alt_dtype_size(data->dtype);
    p->size = (size_t)size;
    p->wide = indices->dtype == ALT_INT64;
    p->rank = data->rank - 1;
    p->n = p->rows = 1;
    int axis = alt_axis_of(alt_attr_int(b->node, "axis", 0), data->rank);
    for (int d = 0; d < data->rank; d++) {
        int64_t stride = d == axis ? 0 : data->stride[d] * size;
        if (d == p->rank) {
            p->n = indices->extent[d];
            p->n_stride = stride;
            continue;
        }
        p->extent[d] = indices->extent[d];
        p->stride[d] = stride;
        p->rows *= indices->extent[d];
    }
    p->axis_extent = data->extent[axis];
    p->axis_stride = data->stride[axis] * size;
    p->rows_tile = p->n > 0 && p->n < 1024 ? 1024 / p->n : 1;
    b->params = p;
    b->range = p->n ? (p->rows + p->rows_tile - 1) / p->rows_tile : 0;
    b->flops = (double)p->rows * (double)p->n * 4;
    return ALT_OK;
}

static void gather_elements(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    struct alt_indices indices = alt_indices_of(&args->operand[1], p->wide);
    int64_t last = args->end * p->rows_tile < p->rows ? args->end * p->rows_tile : p->rows;
    for (int64_t row = args->begin * p->rows_tile; row < last; row++) {
        const char *src = (const char *)args->operand[0].data + alt_strided_offset(p->rank, p->extent, p->stride, row);
        char *dst = (char *)args->operand[2].data + row * p->n * (int64_t)p->size;
        for (int64_t k = 0; k < p->n; k++, dst += p->size) {
            int64_t index = alt_index_checked(args, &indices, row * p->n + k, p->axis_extent);
            if (index < 0)
                memset(dst, 0, p->size);
            else
                memcpy(dst, src + k * p->n_stride + index * p->axis_stride, p->size);
        }
    }
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "gather_elements", .fn = gather_elements, .bind = bind,
                                             .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_size(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_gather_elements = {.infer = infer, .select = choose};
