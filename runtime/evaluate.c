/* evaluate.c: one node on known tensors, now and on this thread: infer, select, bind, run. The small cousin of a plan, for
 * constant folding, shape arithmetic while binding, and tests. All memory comes from the caller's arena. */
#include "runtime/step.h"

#include "runtime/infer.h"

#include <string.h>

struct evaluation {
    const struct alt_node *node;
    struct alt_arena *arena;
    struct alt_diag *diag;
    struct alt_type *type;        /* [n_in + n_out] */
    const struct alt_type **in;   /* [n_in] */
    struct alt_operand *operand;  /* [n_in + n_out] */
    struct alt_koperand *karg;    /* [n_in + n_out] */
    struct alt_dimtab dims;
};

static alt_status allocate(struct evaluation *e)
{
    size_t n = (size_t)e->node->n_in + (size_t)e->node->n_out;
    e->type = alt_arena_array(e->arena, n, sizeof *e->type);
    e->in = alt_arena_array(e->arena, n, sizeof *e->in);
    e->operand = alt_arena_array(e->arena, n, sizeof *e->operand);
    e->karg = alt_arena_array(e->arena, n, sizeof *e->karg);
    alt_dimtab_init(&e->dims, e->arena);
    return e->type && e->in && e->operand && e->karg ? ALT_OK : ALT_E_NOMEM;
}

static alt_status infer(struct evaluation *e, const struct alt_tensor *const *in)
{
    const struct alt_node *n = e->node;
    for (int i = 0; i < n->n_in; i++) {
        if (!in[i])
            continue;
        struct alt_type *t = &e->type[i];
        t->dtype = in[i]->dtype;
        t->shape.rank = in[i]->rank;
        memcpy(t->shape.dim, in[i]->dim, sizeof in[i]->dim);
        t->known = in[i];
        e->in[i] = t;
    }
    struct alt_infer inf = {.node = n, .dims = &e->dims, .arena = e->arena, .diag = e->diag, .n_in = n->n_in,
                            .n_out = n->n_out, .in = e->in, .out = e->type + n->n_in, .concrete = true};
    ALT_CHECK(alt_infer_run(&inf));
    return ALT_OK;
}

/* Output tensors of the inferred shapes; an omitted output gets none. */
static alt_status make_outputs(struct evaluation *e, struct alt_tensor *out)
{
    for (int i = 0; i < e->node->n_out; i++) {
        const struct alt_type *t = &e->type[e->node->n_in + i];
        out[i] = (struct alt_tensor){.dtype = ALT_NONE};
        if (!e->node->out[i])
            continue;
        if (t->kind != ALT_TENSOR || t->dtype == ALT_NONE || !alt_shape_known(&t->shape))
            return ALT_E_UNSUPPORTED;
        out[i].dtype = t->dtype;
        out[i].rank = t->shape.rank;
        memcpy(out[i].dim, t->shape.dim, sizeof out[i].dim);
        out[i].bytes = alt_dtype_bytes(t->dtype, alt_dims_count(t->shape.rank, t->shape.dim));
        if (out[i].bytes == SIZE_MAX)
            return ALT_E_SHAPE;
        out[i].data = alt_arena_data(e->arena, out[i].bytes);
        if (!out[i].data)
            return ALT_E_NOMEM;
    }
    return ALT_OK;
}

static alt_status fill_operand(struct evaluation *e, int i, const struct alt_tensor *t, const void *data)
{
    struct alt_operand *op = &e->operand[i];
    if (!t || t->dtype == ALT_NONE)
        return ALT_OK;
    ALT_CHECK(alt_operand_dense(op, t->dtype, t->rank, t->dim));
    op->known = i < e->node->n_in ? data : NULL;
    /* The kernel only reads inputs and writes outputs; the ABI has one pointer for both. */
    e->karg[i] = (struct alt_koperand){(void *)(uintptr_t)data, op->phys_rank, op->extent, op->stride};
    return ALT_OK;
}

static alt_status run_kernel(struct evaluation *e, const struct alt_kernel *kernel)
{
    const struct alt_node *n = e->node;
    struct alt_kernel_bind bind = {.kernel = kernel, .node = n, .diag = e->diag, .arena = e->arena, .n_in = n->n_in, .n_out = n->n_out,
                                   .in = e->operand, .out = e->operand + n->n_in, .range = 1};
    if (kernel->bind)
        ALT_CHECK((alt_status)kernel->bind(&bind));
    void *scratch = bind.scratch ? alt_arena_data(e->arena, bind.scratch) : NULL;
    if (bind.scratch && !scratch)
        return ALT_E_NOMEM;
    int32_t fault = ALT_FAULT_NONE;
    struct alt_kargs args = {.abi = ALT_KERNEL_ABI, .operand_count = (uint32_t)(n->n_in + n->n_out), .operand = e->karg,
                             .begin = 0, .end = bind.range, .scratch = scratch, .params = bind.params, .fault = &fault};
    if (bind.range > 0)
        kernel->fn(&args);
    return alt_fault_report(fault, n, e->diag);
}

struct arena_run {
    struct alt_eval_run base;
    struct alt_arena *arena;
};

static void *arena_alloc(struct alt_eval_run *run, size_t bytes)
{
    return alt_arena_data(((struct arena_run *)run)->arena, bytes);
}

static alt_status run_host(struct evaluation *e, const struct alt_tensor *const *in, struct alt_tensor *out)
{
    struct arena_run run = {{.alloc = arena_alloc, .out = out}, e->arena};
    struct alt_eval eval = {.node = e->node, .diag = e->diag, .n_in = e->node->n_in, .n_out = e->node->n_out, .in = in,
                            .run = &run.base};
    for (int i = 0; i < e->node->n_out; i++)
        out[i] = (struct alt_tensor){.dtype = ALT_NONE};
    return alt_op_table[e->node->op].impl->eval(&eval);
}

/* Inputs with aligned data: a constant may lie anywhere in a mapped file. */
static alt_status align_inputs(struct evaluation *e, const struct alt_tensor *const *in, struct alt_tensor *copy,
                               const struct alt_tensor **aligned)
{
    for (int i = 0; i < e->node->n_in; i++) {
        if (!in[i])
            continue;
        copy[i] = *in[i];
        copy[i].data = alt_tensor_aligned(in[i], e->arena);
        if (!copy[i].data)
            return ALT_E_NOMEM;
        aligned[i] = &copy[i];
    }
    return ALT_OK;
}

alt_status alt_node_evaluate(const struct alt_node *n, const struct alt_tensor *const *in, struct alt_arena *arena,
                             struct alt_tensor *out, struct alt_diag *diag)
{
    struct evaluation e = {.node = n, .arena = arena, .diag = diag};
    const struct alt_op_impl *impl = alt_op_table[n->op].impl;
    if (alt_node_subgraph(n, 0)) /* inference would change the types that the model's graphs share */
        return ALT_E_UNSUPPORTED;
    ALT_CHECK(allocate(&e));
    struct alt_tensor *copy = alt_arena_array(arena, (size_t)n->n_in, sizeof *copy);
    const struct alt_tensor **aligned = alt_arena_array(arena, (size_t)n->n_in, sizeof *aligned);
    if (!copy || !aligned)
        return ALT_E_NOMEM;
    ALT_CHECK(align_inputs(&e, in, copy, aligned));
    ALT_CHECK(infer(&e, aligned));
    if (!impl->select)
        return impl->eval ? run_host(&e, aligned, out) : ALT_E_UNSUPPORTED;
    ALT_CHECK(make_outputs(&e, out));
    for (int i = 0; i < n->n_in; i++)
        ALT_CHECK(fill_operand(&e, i, aligned[i], aligned[i] ? aligned[i]->data : NULL));
    for (int i = 0; i < n->n_out; i++)
        ALT_CHECK(fill_operand(&e, n->n_in + i, &out[i], out[i].data));
    const struct alt_kernel *kernel = NULL;
    struct alt_select sel = {.node = n, .diag = diag, .n_in = n->n_in, .n_out = n->n_out, .in = e.operand,
                             .out = e.operand + n->n_in};
    ALT_CHECK(impl->select(&sel, &kernel));
    return run_kernel(&e, kernel);
}
