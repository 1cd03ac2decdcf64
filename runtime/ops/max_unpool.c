/* max_unpool.c: MaxUnpool: elements back to the places that MaxPool took them from, zeros elsewhere.
 *
 * Places are numbers in the tensor that kernel, strides and pads give; with output_shape that tensor lies at the beginning of
 * a larger one along every axis. Of two elements with one place the later stays, so it runs on one thread. */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"
#include "runtime/ops/window.h"

#include <string.h>

enum { X, PLACES, SHAPE };

/* Extent along spatial axis i from that of X. */
static alt_dim grown(struct alt_dimtab *tab, const struct alt_op_window *w, int i, alt_dim x)
{
    const alt_dim most = alt_dim_add(tab, alt_dim_mul(tab, alt_dim_sub(tab, x, 1), w->stride[i]), w->kernel[i]);
    return alt_dim_sub(tab, most, w->begin[i] + w->end[i]);
}

/* The shape that the attributes give. */
static alt_status natural_shape(struct alt_infer *inf, struct alt_shape *out)
{
    struct alt_op_window w;
    const struct alt_shape *x = &inf->in[X]->shape;
    const char *fault = alt_op_window_read(inf->node, x->rank - 2, NULL, &w);
    if (fault)
        return alt_infer_fail(inf, ALT_E_MODEL, "%s", fault);
    *out = *x;
    for (int i = 0; i < w.rank; i++)
        out->dim[2 + i] = grown(inf->dims, &w, i, x->dim[2 + i]);
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    struct alt_shape out = {.rank = -1};
    ALT_CHECK(alt_infer_expect(inf, X, ALT_CLASS_ANY));
    ALT_CHECK(alt_infer_indices(inf, PLACES));
    ALT_CHECK(alt_infer_list(inf, SHAPE, ALT_MAX_RANK));
    const struct alt_shape *x = &inf->in[X]->shape;
    if (x->rank < 0) {
        alt_infer_set(inf, 0, inf->in[X]->dtype, &out);
        return ALT_OK;
    }
    ALT_CHECK(natural_shape(inf, &out));
    if (alt_infer_has(inf, SHAPE)) {
        int count;
        if (alt_infer_arg(inf, NULL, SHAPE, ALT_MAX_RANK, out.dim, &count) != ALT_ARG_KNOWN) {
            alt_infer_set_rank(inf, 0, inf->in[X]->dtype, x->rank);
            return alt_infer_wait(inf, SHAPE);
        }
        for (int d = 0; d < count; d++)
            if (count != x->rank || alt_dim_negative(out.dim[d]))
                return alt_infer_fail(inf, ALT_E_SHAPE, "output_shape must have an extent for each axis of X");
            else if (out.dim[d] == ALT_DIM_BAD)
                out.dim[d] = alt_dim_unknown(inf->dims);
    }
    alt_infer_set(inf, 0, inf->in[X]->dtype, &out);
    return ALT_OK;
}

struct plan {
    int64_t count, places; /* elements of X; of the natural shape */
    int rank, out;
    int64_t extent[ALT_MAX_RANK], stride[ALT_MAX_RANK]; /* the natural shape, in the output */
    size_t size, bytes;
    bool wide;
};

static void run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    const struct alt_indices places = alt_indices_of(&args->operand[PLACES], p->wide);
    const char *x = args->operand[X].data;
    char *out = args->operand[p->out].data;
    memset(out, 0, p->bytes);
    for (int64_t i = 0; i < p->count; i++) {
        const int64_t place = alt_index_at(&places, i);
        if (place < 0 || place >= p->places) {
            alt_fault(args, ALT_FAULT_INDEX);
            continue;
        }
        const int64_t at = alt_strided_offset(p->rank, p->extent, p->stride, place);
        memcpy(out + at * (int64_t)p->size, x + i * (int64_t)p->size, p->size);
    }
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[X], *y = &b->out[0];
    struct alt_op_window w;
    struct alt_dimtab numbers;
    if (!p)
        return ALT_E_NOMEM;
    const char *fault = alt_op_window_read(b->node, x->rank - 2, NULL, &w);
    if (fault)
        return alt_bind_fail(b, ALT_E_MODEL, "%s", fault);
    alt_dimtab_init(&numbers, b->arena);
    p->rank = x->rank;
    p->count = alt_operand_count(x);
    alt_dense_strides(y->rank, y->dim, p->stride);
    for (int d = 0; d < p->rank; d++) {
        p->extent[d] = d < 2 ? x->dim[d] : grown(&numbers, &w, d - 2, x->dim[d]);
        if (p->extent[d] < 0 || p->extent[d] > y->dim[d])
            return alt_bind_fail(b, ALT_E_SHAPE, "output_shape is smaller than what X becomes along axis %d", d);
    }
    if (alt_operand_count(&b->in[PLACES]) != p->count)
        return alt_bind_fail(b, ALT_E_SHAPE, "X and its indices differ in shape");
    p->places = alt_dims_count(p->rank, p->extent);
    p->size = alt_dtype_size(x->dtype);
    p->bytes = alt_dtype_bytes(y->dtype, alt_operand_count(y));
    p->wide = b->in[PLACES].dtype == ALT_INT64;
    p->out = b->n_in;
    b->params = p;
    b->range = p->bytes > 0;
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "max_unpool", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_size(sel->in[X].dtype) && sel->in[X].dtype != ALT_STRING ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_max_unpool = {.infer = infer, .select = choose};
