/* scatter_nd.c: ScatterND: the last axis of indices holds coordinates of slices of data, which updates replace or are reduced
 * into, in order: slices may meet, so that one thread does it all.
 */
#include "runtime/ops/combine.h"
#include "runtime/ops/data.h"

#include <string.h>

static alt_status check_updates(struct alt_infer *inf, const struct alt_shape *data, const struct alt_shape *indices,
                                int64_t depth)
{
    const struct alt_shape *updates = &inf->in[2]->shape;
    int lead = indices->rank - 1;
    if (updates->rank >= 0 && updates->rank != lead + data->rank - (int)depth)
        return alt_infer_fail(inf, ALT_E_SHAPE, "updates must have %d axes", lead + data->rank - (int)depth);
    for (int d = 0; d < updates->rank; d++) {
        alt_dim want = d < lead ? indices->dim[d] : data->dim[d - lead + depth];
        if (alt_dim_known(want) && alt_dim_known(updates->dim[d]) && want != updates->dim[d])
            return alt_infer_fail(inf, ALT_E_SHAPE, "axis %d of updates must have extent %lld", d, (long long)want);
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
    if (data->rank == 0 || indices->rank == 0)
        return alt_infer_fail(inf, ALT_E_SHAPE, "data and indices must have at least one axis");
    if (data->rank > 0 && indices->rank > 0 && alt_dim_known(indices->dim[indices->rank - 1])) {
        int64_t depth = indices->dim[indices->rank - 1];
        if (depth < 1 || depth > data->rank)
            return alt_infer_fail(inf, ALT_E_SHAPE, "coordinates have %lld entries, data has %d axes", (long long)depth,
                                  data->rank);
        ALT_CHECK(check_updates(inf, data, indices, depth));
    }
    alt_infer_like(inf, 0, 0);
    return ALT_OK;
}

struct plan {
    struct alt_combine combine;
    int64_t bytes;  /* of data */
    int64_t slices, slice, depth; /* slices and elements of one */
    int64_t extent[ALT_MAX_RANK], stride[ALT_MAX_RANK]; /* of the indexed axes, elements */
    bool wide;
};

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *data = &b->in[0], *indices = &b->in[1];
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    if (!alt_combine_init(&p->combine, alt_combine_find(alt_attr_text(b->node, "reduction", "none")), data->dtype))
        return ALT_E_INTERNAL;
    p->wide = indices->dtype == ALT_INT64;
    p->bytes = alt_operand_count(data) * (int64_t)p->combine.size;
    p->depth = indices->dim[indices->rank - 1];
    p->slices = alt_dims_count(indices->rank - 1, indices->dim);
    p->slice = alt_dims_count(data->rank - (int)p->depth, data->dim + p->depth);
    for (int d = 0; d < p->depth; d++) {
        p->extent[d] = data->dim[d];
        p->stride[d] = data->stride[d];
    }
    b->params = p;
    b->range = p->bytes ? 1 : 0;
    return ALT_OK;
}

static void scatter_nd(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    struct alt_indices indices = alt_indices_of(&args->operand[1], p->wide);
    int64_t size = (int64_t)p->combine.size;
    char *out = args->operand[3].data;
    if (out != (const char *)args->operand[0].data)
        memcpy(out, args->operand[0].data, (size_t)p->bytes);
    for (int64_t s = 0; s < p->slices && p->slice > 0; s++) {
        int64_t at = 0;
        bool inside = true;
        for (int64_t k = 0; k < p->depth; k++) {
            int64_t index = alt_index_checked(args, &indices, s * p->depth + k, p->extent[k]);
            inside = inside && index >= 0;
            at += inside ? index * p->stride[k] : 0;
        }
        if (inside)
            alt_combine_run(&p->combine, out + at * size, (const char *)args->operand[2].data + s * p->slice * size, p->slice);
    }
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "scatter_nd", .fn = scatter_nd, .bind = bind, .flags = ALT_KERNEL_INPLACE_0, .numerics = ALT_KERNEL_EXACT};
    struct alt_combine combine;
    *out = &kernel;
    return alt_combine_init(&combine, alt_combine_find(alt_attr_text(sel->node, "reduction", "none")), sel->in[0].dtype)
               ? ALT_OK
               : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_scatter_nd = {.infer = infer, .select = choose};
