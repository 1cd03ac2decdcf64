/* flow.c: runs a subgraph's program within a run; see flow.h. The step's alt_inner (context.h) holds what stays between runs. */
#include "runtime/flow.h"

#include "runtime/exec.h"

#include <string.h>

static int count_blocks(const struct alt_node *n)
{
    const struct alt_graph *g;
    int outputs = 0;
    for (int i = 0; (g = alt_node_subgraph(n, i)); i++)
        outputs = g->n_outputs > outputs ? g->n_outputs : outputs;
    return alt_flow_block_out(n, outputs);
}

/* The tables of what the step keeps. */
static alt_status open_inner(const struct alt_flow *f)
{
    struct alt_inner *inner = f->inner;
    struct alt_mem *mem = f->exec->context->mem;
    if (!inner->context) {
        inner->context = alt_mem_zalloc(mem, (size_t)f->step->n_sub * sizeof *inner->context);
        if (!inner->context)
            return ALT_E_NOMEM;
        inner->n_contexts = f->step->n_sub;
    }
    if (!inner->block) {
        const int n = count_blocks(f->step->node);
        inner->block = alt_mem_zalloc(mem, (size_t)n * sizeof *inner->block);
        if (!inner->block)
            return ALT_E_NOMEM;
        inner->n_blocks = n;
    }
    return ALT_OK;
}

/* Which of the node's inputs the first capture of subgraph `at` is. */
static int first_capture(const struct alt_node *n, int at)
{
    int in = n->n_in_explicit;
    for (int i = 0; i < at; i++)
        in += alt_node_subgraph(n, i)->n_captures;
    return in;
}

static void fill_inputs(const struct alt_eval *eval, int at, const struct alt_tensor *in, struct alt_tensor *out)
{
    const struct alt_graph *g = alt_node_subgraph(eval->node, at);
    int from = first_capture(eval->node, at);
    if (g->n_inputs)
        memcpy(out, in, (size_t)g->n_inputs * sizeof *in);
    for (int i = 0; i < g->n_captures; i++, from++)
        out[g->n_inputs + i] =
            eval->in[from] ? *eval->in[from] : (struct alt_tensor){.dtype = ALT_NONE}; /* nobody reads it */
}

alt_status alt_flow_call(struct alt_eval *eval, int at, const struct alt_tensor *in,
                         const struct alt_exec_outputs *outputs)
{
    const struct alt_flow *f = eval->run->flow;
    struct alt_context *c;
    if (!f)
        return ALT_E_UNSUPPORTED;
    const struct alt_program *p = f->step->sub[at];
    if (!p)
        return alt_eval_fail(eval, ALT_E_SHAPE, "a subgraph that cannot run is to run: %s",
                             alt_node_subgraph(eval->node, at)->fault);
    struct alt_exec *outer = f->exec;
    ALT_CHECK(open_inner(f));
    ALT_CHECK(alt_context_nested(outer->context, f->inner, at, p, &c));
    fill_inputs(eval, at, in, c->input);
    struct alt_exec x = *outer;
    x.program = p;
    x.bindings = &outer->nested[p->id - 1];
    x.context = c;
    x.inputs = c->input;
    x.outputs = outputs;
    x.depth++;
    x.made = 0;
    const uint64_t before = c->allocations;
    const alt_status status = alt_exec_run(&x);
    outer->context->allocations += c->allocations - before;
    outer->made += x.made;
    if (status == ALT_OK || status == ALT_E_NOMEM)
        return status;
    return alt_node_blame(eval->node, at, status, eval->diag);
}

void *alt_flow_block(struct alt_eval *eval, int i, size_t bytes, size_t keep)
{
    const struct alt_flow *f = eval->run->flow;
    if (!f || open_inner(f) != ALT_OK)
        return NULL;
    return alt_context_block(f->exec->context, f->inner, i, bytes, keep);
}

struct alt_tensor alt_flow_tensor(struct alt_eval *eval, int block, alt_dtype dtype, int rank, const int64_t *dims)
{
    struct alt_tensor t = {.dtype = dtype, .rank = rank, .bytes = alt_dtype_bytes(dtype, alt_dims_count(rank, dims))};
    memcpy(t.dim, dims, (size_t)rank * sizeof *dims);
    t.data = t.bytes == SIZE_MAX ? NULL : alt_flow_block(eval, block, t.bytes, 0);
    return t;
}

alt_status alt_flow_copy(struct alt_eval *eval, const struct alt_tensor *from, void *to)
{
    if (from->dtype != ALT_STRING) {
        if (from->bytes)
            memcpy(to, from->data, from->bytes);
        return ALT_OK;
    }
    const int64_t n = alt_tensor_count(from);
    for (int64_t i = 0; i < n; i++) {
        const alt_string s = ((const alt_string *)from->data)[i];
        char *text = s.length ? alt_eval_alloc(eval, s.length) : "";
        if (!text)
            return ALT_E_NOMEM;
        if (s.length)
            memcpy(text, s.data, s.length);
        ((alt_string *)to)[i] = (alt_string){text, s.length};
    }
    return ALT_OK;
}

alt_status alt_flow_interrupted(const struct alt_eval *eval)
{
    return eval->run->flow ? alt_exec_interrupted(eval->run->flow->exec) : ALT_OK;
}
