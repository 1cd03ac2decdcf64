/* tensor_scatter.c: TensorScatter: writes an update into a key-value cache at a place of each batch, wrapping around in
 * circular mode. A tile is one position along the axes before the sequence axis.
 */
#include "runtime/ops/data.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_same_dtype(inf, 0, 1));
    const struct alt_shape *cache = &inf->in[0]->shape, *update = &inf->in[1]->shape;
    int axis;
    if (cache->rank >= 0) {
        ALT_CHECK(alt_infer_axis(inf, alt_attr_int(inf->node, "axis", -2), cache->rank, &axis));
        if (axis == 0 || (update->rank >= 0 && update->rank != cache->rank))
            return alt_infer_fail(inf, ALT_E_SHAPE, "cache and update must have one rank, and the axis must not be 0");
        for (int d = 0; d < update->rank; d++) {
            bool fits = d == axis ? update->dim[d] <= cache->dim[d] : update->dim[d] == cache->dim[d];
            if (alt_dim_known(update->dim[d]) && alt_dim_known(cache->dim[d]) && !fits)
                return alt_infer_fail(inf, ALT_E_SHAPE, "the update does not fit into the cache along axis %d", d);
        }
    }
    if (alt_infer_has(inf, 2)) {
        ALT_CHECK(alt_infer_indices(inf, 2));
        int64_t count = alt_infer_length(inf, 2);
        bool wrong = count >= 0 && cache->rank > 0 && alt_dim_known(cache->dim[0]) && count != cache->dim[0];
        if (wrong || (alt_infer_rank(inf, 2) >= 0 && alt_infer_rank(inf, 2) != 1))
            return alt_infer_fail(inf, ALT_E_SHAPE, "write_indices must have one entry a batch");
    }
    alt_infer_like(inf, 0, 0);
    return ALT_OK;
}

struct plan {
    int64_t capacity, steps; /* of the cache and of the update, along the axis */
    int64_t step;            /* bytes */
    int64_t per_batch;       /* tiles */
    bool circular, indexed, wide;
};

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *cache = &b->in[0], *at = alt_operand_at(b->in, b->n_in, 2);
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    int axis = alt_axis_of(alt_attr_int(b->node, "axis", -2), cache->rank);
    p->capacity = cache->dim[axis];
    p->steps = b->in[1].dim[axis];
    p->step = cache->stride[axis] * (int64_t)alt_dtype_size(cache->dtype);
    p->circular = strcmp(alt_attr_text(b->node, "mode", "linear"), "circular") == 0;
    p->indexed = at != NULL;
    p->wide = at && at->dtype == ALT_INT64;
    p->per_batch = alt_dims_count(axis - 1, cache->dim + 1);
    b->params = p;
    b->range = alt_operand_count(cache) ? alt_dims_count(axis, cache->dim) : 0;
    b->flops = (double)alt_operand_count(cache);
    return ALT_OK;
}

static void write_steps(const struct plan *p, const struct alt_kargs *args, char *cache, const char *update, int64_t at)
{
    if (p->circular)
        at = at % p->capacity + (at % p->capacity < 0 ? p->capacity : 0);
    else if (at < 0 || at > p->capacity - p->steps) {
        alt_fault(args, ALT_FAULT_INDEX);
        return;
    }
    int64_t straight = p->steps < p->capacity - at ? p->steps : p->capacity - at;
    memcpy(cache + at * p->step, update, (size_t)(straight * p->step));
    memcpy(cache, update + straight * p->step, (size_t)((p->steps - straight) * p->step));
}

static void tensor_scatter(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    int64_t bytes = p->capacity * p->step;
    for (int64_t t = args->begin; t < args->end; t++) {
        char *cache = (char *)args->operand[args->operand_count - 1].data + t * bytes;
        const char *past = (const char *)args->operand[0].data + t * bytes;
        const char *update = (const char *)args->operand[1].data + t * p->steps * p->step;
        int64_t at = 0;
        if (p->indexed) {
            struct alt_indices indices = alt_indices_of(&args->operand[2], p->wide);
            at = alt_index_at(&indices, t / p->per_batch);
        }
        if (cache != past)
            memcpy(cache, past, (size_t)bytes);
        if (p->steps > 0)
            write_steps(p, args, cache, update, at);
    }
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "tensor_scatter", .fn = tensor_scatter, .bind = bind,
                                             .flags = ALT_KERNEL_INPLACE_0, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_size(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_tensor_scatter = {.infer = infer, .select = choose};
