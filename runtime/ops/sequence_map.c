/* sequence_map.c: SequenceMap: runs its body for each element of a sequence (several are walked in step; a tensor is the same
 * for all) and makes a sequence of each of the body's outputs. */
#include "runtime/flow.h"
#include "runtime/ops/group.h"
#include "runtime/ops/subgraph.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    struct alt_graph *body;
    ALT_CHECK(alt_subgraph_open(inf, "body", inf->node->n_in_explicit, -1, &body));
    if (body->n_outputs < inf->n_out)
        return alt_infer_fail(inf, ALT_E_MODEL, "the body has %d outputs, the node %d", body->n_outputs, inf->n_out);
    ALT_CHECK(alt_infer_sequence(inf, 0));
    for (int i = 0; i < body->n_inputs; i++) {
        const struct alt_type *in = alt_subgraph_in(inf, i);
        if (!in || in->kind == ALT_OPTIONAL || (in->kind == ALT_SEQUENCE && in->element_kind != ALT_TENSOR))
            return alt_infer_fail(inf, ALT_E_MODEL, "input %d must be a sequence of tensors or a tensor", i);
        body->inputs[i]->type = (struct alt_type){.dtype = in->dtype, .shape.rank = -1};
        if (in->kind == ALT_TENSOR)
            body->inputs[i]->type.shape = in->shape;
    }
    ALT_CHECK(alt_subgraph_infer(inf, body));
    for (int i = 0; i < inf->n_out; i++) {
        if (body->outputs[i]->type.kind != ALT_TENSOR)
            return alt_infer_fail(inf, ALT_E_MODEL, "output %d of the body must be a tensor", i);
        alt_infer_group(inf, i, ALT_SEQUENCE, ALT_TENSOR, body->outputs[i]->type.dtype);
    }
    return ALT_OK;
}

struct map {
    struct alt_eval *eval;
    int n_out;             /* of the body */
    size_t count, at;      /* elements, and the one under way */
    alt_value **made;      /* [n_out * count], by output; NULL: not made */
    struct alt_tensor *in; /* of the body */
};

static alt_status place(void *user, int i, alt_dtype dtype, int rank, const int64_t *dims, struct alt_diag *diag,
                        void **data)
{
    struct map *m = user;
    alt_value **to = &m->made[(size_t)i * m->count + m->at];
    (void)diag;
    ALT_CHECK(alt_value_tensor_in(m->eval->run->mem, dtype, rank, dims, 0, to));
    *data = (*to)->data;
    return ALT_OK;
}

static alt_status give(void *user, int i, const struct alt_tensor *value, struct alt_diag *diag)
{
    struct map *m = user;
    (void)diag;
    return alt_value_copy_in(m->eval->run->mem, value, &m->made[(size_t)i * m->count + m->at]);
}

static alt_status run(struct map *m)
{
    const struct alt_exec_outputs outputs = {place, give, m};
    struct alt_eval *e = m->eval;
    const int body = alt_node_subgraph_find(e->node, "body");
    for (; m->at < m->count; m->at++) {
        ALT_CHECK(alt_flow_interrupted(e));
        for (int i = 0; i < e->node->n_in_explicit; i++) {
            const alt_value *sequence = alt_eval_value(e, i);
            m->in[i] = sequence ? alt_value_view(sequence->element[m->at]) : *e->in[i];
        }
        ALT_CHECK(alt_flow_call(e, body, m->in, &outputs));
    }
    for (int i = 0; i < e->n_out; i++)
        if (e->node->out[i])
            ALT_CHECK(alt_group_give(e, i, m->count, m->made + (size_t)i * m->count));
    return ALT_OK;
}

static alt_status check_lengths(struct alt_eval *e, size_t count)
{
    for (int i = 1; i < e->node->n_in_explicit; i++) {
        const alt_value *sequence = alt_eval_value(e, i);
        if (sequence && sequence->count != count)
            return alt_eval_fail(e, ALT_E_SHAPE, "input %d has %zu elements, input 0 has %zu", i, sequence->count,
                                 count);
    }
    return ALT_OK;
}

static alt_status eval(struct alt_eval *e)
{
    struct map m = {.eval = e, .n_out = alt_node_subgraph(e->node, alt_node_subgraph_find(e->node, "body"))->n_outputs};
    if (!e->run->mem)
        return ALT_E_UNSUPPORTED;
    m.count = alt_eval_value(e, 0)->count;
    ALT_CHECK(check_lengths(e, m.count));
    const size_t n = (size_t)m.n_out * m.count;
    m.made = alt_eval_alloc(e, (n + 1) * sizeof(alt_value *));
    m.in = alt_eval_alloc(e, (size_t)e->node->n_in_explicit * sizeof *m.in);
    if (!m.made || !m.in)
        return ALT_E_NOMEM;
    memset(m.made, 0, (n + 1) * sizeof(alt_value *));
    const alt_status status = run(&m);
    for (size_t i = 0; i < n; i++)
        alt_value_release(m.made[i]);
    return status;
}

const struct alt_op_impl alt_op_sequence_map = {.infer = infer, .eval = eval};
