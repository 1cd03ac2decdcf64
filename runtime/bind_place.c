/* bind_place.c: where the outputs of a step live. In this order: as a view of an input, in an input's own buffer, in the
 * answer, in the arena. A buffer goes back to the arena when the last value in it has had its last reader. */
#include "runtime/bind.h"

#include "runtime/error.h"
#include "runtime/ops/copy.h"

#include <string.h>

static bool dense(const struct alt_bvalue *bv)
{
    return alt_is_dense(bv->phys_rank, bv->extent, bv->stride);
}

static void fill_operand(const struct binder *k, int v, struct alt_operand *op)
{
    op->dtype = ALT_NONE;
    op->known = NULL;
    op->layout = NULL;
    op->rank = op->phys_rank = 0;
    if (v < 0)
        return;
    const struct alt_bvalue *bv = &k->b->value[v];
    op->dtype = bv->dtype;
    op->rank = bv->rank;
    op->phys_rank = bv->phys_rank;
    op->layout = k->p->value[v].layout;
    memcpy(op->dim, bv->dim, (size_t)bv->rank * sizeof *bv->dim);
    memcpy(op->extent, bv->extent, (size_t)bv->phys_rank * sizeof *bv->extent);
    memcpy(op->stride, bv->stride, (size_t)bv->phys_rank * sizeof *bv->stride);
    if (bv->known && bv->root >= 0 && k->b->root[bv->root].kind == ALT_ROOT_CONST)
        op->known = k->b->root[bv->root].data;
    else if (bv->known)
        op->known = bv->known->data;
}

void alt_bind_fill(struct binder *k, const struct alt_step *step)
{
    for (int i = 0; i < step->n_in; i++)
        fill_operand(k, step->in[i], &k->operand[i]);
    for (int i = 0; i < step->n_out; i++)
        fill_operand(k, step->out[i], &k->operand[step->n_in + i]);
}

/* A repeating view costs no memory, but all that reads it works through its elements: above this size it is made, so that memory
 * bounds the work that a few bytes of a model can ask for. */
#define REPEATED_BYTES ((size_t)1 << 28)

/* Readers go through elements in runs of one stride: where these are shorter than SHORT_RUN and there are many, a copy that is made once,
 * in blocks, costs less than the walk. Elements that repeat are not worth one. */
#define SHORT_RUN 8
#define MANY_RUNS 64

static bool scattered(const struct alt_bvalue *out, const int64_t *stride)
{
    int64_t run = 1, count = 1, next = 0; /* next: stride of an axis that goes on with the run */
    bool ended = false;
    for (int d = out->rank - 1; d >= 0; d--) {
        if (out->dim[d] == 1)
            continue;
        if (stride[d] == 0 || out->dim[d] == 0)
            return false;
        ended = ended || (run > 1 && stride[d] != next);
        count *= out->dim[d];
        run *= ended ? 1 : out->dim[d];
        next = stride[d] * out->dim[d];
    }
    return run < SHORT_RUN && count / run >= MANY_RUNS;
}

/* Outputs share the buffer of input 0 when the operator can say how and every reader can follow. */
alt_status alt_bind_view(struct binder *k, const struct alt_step *step, bool *done)
{
    const struct alt_op_impl *impl = alt_op_table[step->node->op].impl;
    const struct alt_bvalue *src = &k->b->value[step->in[0]];
    size_t size = alt_dtype_size(src->dtype);
    *done = false;
    if (k->p->value[step->in[0]].layout)
        return ALT_OK;
    memset(k->view_offset, 0, (size_t)step->n_out * sizeof *k->view_offset);
    struct alt_view view = {.node = step->node, .n_in = step->n_in, .n_out = step->n_out, .in = k->operand,
                            .out = k->operand + step->n_in, .stride = k->view_stride, .offset = k->view_offset};
    if (!impl->view(&view))
        return ALT_OK;
    for (int i = 0; i < step->n_out; i++) {
        if (step->out[i] < 0)
            continue;
        const struct alt_bvalue *out = &k->b->value[step->out[i]];
        const struct alt_pvalue *pv = &k->p->value[step->out[i]];
        bool as_is = alt_is_dense(out->rank, out->dim, k->view_stride[i]);
        if (out->bytes > REPEATED_BYTES && out->bytes > src->bytes)
            return ALT_OK;
        if (step->kernel && !as_is && scattered(out, k->view_stride[i]))
            return ALT_OK;
        if (pv->layout || pv->output >= 0 || (!as_is && !pv->strided_ok) || (!size && (!as_is || k->view_offset[i])))
            return ALT_OK;
    }
    for (int i = 0; i < step->n_out; i++) {
        if (step->out[i] < 0)
            continue;
        struct alt_bvalue *out = &k->b->value[step->out[i]];
        out->stride = alt_bind_keep(k, out->rank, k->view_stride[i]);
        if (!out->stride)
            return ALT_E_NOMEM;
        out->root = src->root;
        out->offset = src->offset + k->view_offset[i] * (int64_t)size;
        k->b->root[src->root].live++;
    }
    *done = true;
    return ALT_OK;
}

/* The input whose buffer output 0 may overwrite, or -1: its last reader is this step, nothing else lives in the buffer. */
static int inplace_input(const struct binder *k, const struct alt_step *step, int s, const struct alt_kernel *kernel)
{
    const struct alt_bvalue *out = &k->b->value[step->out[0]];
    int candidates = kernel->flags & ALT_KERNEL_INPLACE ? step->n_in : kernel->flags & ALT_KERNEL_INPLACE_0 ? 1 : 0;
    if (k->p->value[step->out[0]].output >= 0)
        return -1;
    for (int i = 0; i < candidates && i < step->n_in; i++) {
        int v = step->in[i];
        if (v < 0 || k->p->value[v].last_use != s)
            continue;
        const struct alt_bvalue *in = &k->b->value[v];
        const struct alt_root *root = &k->b->root[in->root];
        bool twice = false;
        for (int j = 0; j < step->n_in; j++)
            twice |= j != i && step->in[j] >= 0 && k->b->value[step->in[j]].root == in->root;
        if (root->kind == ALT_ROOT_ARENA && in->root >= k->parent_roots && root->live == 1 && !twice &&
            in->offset == 0 && in->bytes == out->bytes && alt_dtype_size(in->dtype) == alt_dtype_size(out->dtype) &&
            in->phys_rank == out->phys_rank && dense(in) &&
            memcmp(in->extent, out->extent, (size_t)in->phys_rank * sizeof *in->extent) == 0)
            return i;
    }
    return -1;
}

static alt_status place_output(struct binder *k, int v)
{
    struct alt_bvalue *bv = &k->b->value[v];
    struct alt_root root = {.kind = ALT_ROOT_ARENA, .bytes = bv->bytes, .live = 1};
    if (k->p->value[v].output >= 0 && bv->dtype != ALT_STRING)
        root = (struct alt_root){.kind = ALT_ROOT_OUTPUT, .index = k->p->value[v].output, .bytes = bv->bytes, .live = 1};
    else if (!alt_memplan_alloc(&k->plan, bv->bytes, &root.offset))
        return ALT_E_NOMEM;
    return alt_bind_root(k, root, &bv->root);
}

alt_status alt_bind_place(struct binder *k, const struct alt_step *step, int s, const struct alt_kernel *kernel)
{
    for (int i = 0; i < step->n_out; i++) {
        if (step->out[i] < 0)
            continue;
        int from = i == 0 ? inplace_input(k, step, s, kernel) : -1;
        if (from >= 0) {
            k->b->value[step->out[i]].root = k->b->value[step->in[from]].root;
            k->b->root[k->b->value[step->out[i]].root].live++;
            continue;
        }
        ALT_CHECK(place_output(k, step->out[i]));
    }
    return ALT_OK;
}

/* A value has had its last reader: its buffer may go. */
static alt_status drop(struct binder *k, int v, int s)
{
    const struct alt_bvalue *bv = &k->b->value[v];
    if (bv->root < k->parent_roots)
        return ALT_OK; /* lies in an earlier segment's block, which stays whole */
    struct alt_root *root = &k->b->root[bv->root];
    if (root->kind != ALT_ROOT_ARENA || --root->live > 0)
        return ALT_OK;
    root->end = s;
    return alt_memplan_free(&k->plan, root->offset, root->bytes) ? ALT_OK : ALT_E_NOMEM;
}

alt_status alt_bind_drop(struct binder *k, const struct alt_step *step, int s)
{
    for (int i = 0; i < step->n_in + step->n_out; i++) {
        int v = i < step->n_in ? step->in[i] : step->out[i - step->n_in];
        bool seen = false;
        for (int j = 0; j < i && j < step->n_in; j++)
            seen |= step->in[j] == v;
        if (v >= 0 && !seen && k->p->value[v].kind == ALT_PV_TEMP && k->p->value[v].last_use == s)
            ALT_CHECK(drop(k, v, s));
    }
    return ALT_OK;
}
