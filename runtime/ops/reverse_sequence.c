/* reverse_sequence.c: ReverseSequence: the first sequence_lens[b] steps of batch b in reverse order. */
#include "runtime/ops/data.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_SIGNED));
    int64_t time = alt_attr_int(inf->node, "time_axis", 0), batch = alt_attr_int(inf->node, "batch_axis", 1);
    const struct alt_shape *in = &inf->in[0]->shape, *lens = &inf->in[1]->shape;
    if (time < 0 || time > 1 || batch != 1 - time)
        return alt_infer_fail(inf, ALT_E_MODEL, "time_axis and batch_axis must be 0 and 1, or 1 and 0");
    if (in->rank == 0 || in->rank == 1 || (lens->rank >= 0 && lens->rank != 1))
        return alt_infer_fail(inf, ALT_E_SHAPE, "the input must have at least 2 axes, sequence_lens 1");
    if (in->rank > 1 && lens->rank == 1 && alt_dim_known(in->dim[batch]) && alt_dim_known(lens->dim[0]) &&
        in->dim[batch] != lens->dim[0])
        return alt_infer_fail(inf, ALT_E_SHAPE, "sequence_lens must have one entry a batch");
    alt_infer_like(inf, 0, 0);
    return ALT_OK;
}

struct plan {
    int64_t steps, batches, step_bytes, batch_bytes; /* distances in bytes */
    size_t bytes;                                    /* of one step of one batch */
};

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *in = &b->in[0];
    int time = (int)alt_attr_int(b->node, "time_axis", 0);
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    int64_t size = (int64_t)alt_dtype_size(in->dtype);
    p->steps = in->dim[time];
    p->batches = in->dim[1 - time];
    p->step_bytes = in->stride[time] * size;
    p->batch_bytes = in->stride[1 - time] * size;
    p->bytes = (size_t)(alt_dims_count(in->rank - 2, in->dim + 2) * size);
    b->params = p;
    b->range = p->bytes && p->steps ? p->batches : 0;
    b->flops = (double)alt_operand_count(in);
    return ALT_OK;
}

static void reverse(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    const int64_t *lens = args->operand[1].data;
    for (int64_t b = args->begin; b < args->end; b++) {
        const char *src = (const char *)args->operand[0].data + b * p->batch_bytes;
        char *dst = (char *)args->operand[2].data + b * p->batch_bytes;
        if (lens[b] < 0 || lens[b] > p->steps)
            alt_fault(args, ALT_FAULT_INDEX);
        int64_t n = alt_clamp(lens[b], 0, p->steps);
        for (int64_t t = 0; t < p->steps; t++)
            memcpy(dst + t * p->step_bytes, src + (t < n ? n - 1 - t : t) * p->step_bytes, p->bytes);
    }
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "reverse_sequence", .fn = reverse, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    bool fits = alt_dtype_size(sel->in[0].dtype) && sel->in[1].dtype == ALT_INT64;
    return fits ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_reverse_sequence = {.infer = infer, .select = choose};
