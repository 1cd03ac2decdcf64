/* gather_nd.c: GatherND: the last axis of indices holds coordinates of slices of data, batch by batch. */
#include "runtime/ops/data.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_indices(inf, 1));
    const struct alt_shape *data = &inf->in[0]->shape, *indices = &inf->in[1]->shape;
    int64_t batch = alt_attr_int(inf->node, "batch_dims", 0);
    if (data->rank < 0 || indices->rank < 0 || (indices->rank > 0 && !alt_dim_known(indices->dim[indices->rank - 1]))) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, -1);
        return ALT_OK;
    }
    if (data->rank < 1 || indices->rank < 1 || batch < 0 || batch >= data->rank || batch >= indices->rank)
        return alt_infer_fail(inf, ALT_E_MODEL, "batch_dims must be less than both ranks");
    int64_t depth = indices->dim[indices->rank - 1];
    if (depth < 1 || depth > data->rank - batch)
        return alt_infer_fail(inf, ALT_E_SHAPE, "coordinates have %lld entries, data has %d axes after %lld batch axes",
                              (long long)depth, data->rank - (int)batch, (long long)batch);
    int from = (int)(batch + depth);
    struct alt_shape out = {.rank = indices->rank - 1 + data->rank - from};
    if (out.rank > ALT_MAX_RANK)
        return alt_infer_fail(inf, ALT_E_UNSUPPORTED, "the result has more than %d axes", ALT_MAX_RANK);
    for (int d = 0; d < indices->rank - 1; d++)
        out.dim[d] = indices->dim[d];
    for (int d = from; d < data->rank; d++)
        out.dim[indices->rank - 1 + d - from] = data->dim[d];
    for (int d = 0; d < batch; d++)
        if (alt_dim_known(data->dim[d]) && alt_dim_known(indices->dim[d]) && data->dim[d] != indices->dim[d])
            return alt_infer_fail(inf, ALT_E_SHAPE, "data and indices differ along batch axis %d", d);
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return ALT_OK;
}

struct plan {
    int64_t slices, slices_tile, per_batch; /* slices in all, in a tile, in a batch */
    int64_t batch_bytes, depth;
    int64_t extent[ALT_MAX_RANK], stride[ALT_MAX_RANK]; /* of the indexed axes, bytes */
    int64_t slice_bytes;
    bool wide;
};

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *data = &b->in[0], *indices = &b->in[1];
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    int batch = (int)alt_attr_int(b->node, "batch_dims", 0);
    p->wide = indices->dtype == ALT_INT64;
    p->depth = indices->dim[indices->rank - 1];
    int64_t bytes = (int64_t)alt_dtype_size(data->dtype);
    for (int d = data->rank - 1; d >= batch; d--) {
        if (d == batch + p->depth - 1)
            p->slice_bytes = bytes;
        if (d < batch + p->depth) {
            p->extent[d - batch] = data->dim[d];
            p->stride[d - batch] = bytes;
        }
        bytes *= data->dim[d];
    }
    p->batch_bytes = bytes;
    p->slices = alt_dims_count(indices->rank - 1, indices->dim);
    int64_t batches = alt_dims_count(batch, indices->dim);
    p->per_batch = batches > 0 ? p->slices / batches : 0;
    p->slices_tile = p->slice_bytes > 0 && p->slice_bytes < 16384 ? 16384 / p->slice_bytes : 1;
    b->params = p;
    b->range = p->slice_bytes ? (p->slices + p->slices_tile - 1) / p->slices_tile : 0;
    b->flops = (double)p->slices * (double)(p->slice_bytes + 16 * p->depth) / 4;
    return ALT_OK;
}

static void gather_nd(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    struct alt_indices indices = alt_indices_of(&args->operand[1], p->wide);
    int64_t last = args->end * p->slices_tile < p->slices ? args->end * p->slices_tile : p->slices;
    for (int64_t s = args->begin * p->slices_tile; s < last; s++) {
        int64_t at = s / p->per_batch * p->batch_bytes;
        bool inside = true;
        for (int64_t k = 0; k < p->depth; k++) {
            int64_t index = alt_index_checked(args, &indices, s * p->depth + k, p->extent[k]);
            inside = inside && index >= 0;
            at += inside ? index * p->stride[k] : 0;
        }
        char *dst = (char *)args->operand[2].data + s * p->slice_bytes;
        if (inside)
            memcpy(dst, (const char *)args->operand[0].data + at, (size_t)p->slice_bytes);
        else
            memset(dst, 0, (size_t)p->slice_bytes);
    }
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "gather_nd", .fn = gather_nd, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_size(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_gather_nd = {.infer = infer, .select = choose};
