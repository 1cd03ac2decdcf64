/* if.c: If. Outputs are written into blocks of the step by the branch's own kernels; what a branch passes through is not
 * copied. A branch that shape inference finds impossible (exporters leave such ones behind a condition that excludes them) is an
 * error only when it is to run. */
#include "runtime/flow.h"
#include "runtime/ops/group.h"
#include "runtime/ops/subgraph.h"

#include <string.h>

static const char *const branch_name[2] = {"else_branch", "then_branch"};

/* Types one branch; what is wrong with its shapes becomes its fault. */
static alt_status try_branch(struct alt_infer *inf, struct alt_graph *g)
{
    struct alt_diag findings = {0}, *diag = inf->diag;
    g->fault = NULL;
    inf->diag = &findings;
    const alt_status status = alt_subgraph_infer(inf, g);
    inf->diag = diag;
    if (status == ALT_E_SHAPE || status == ALT_E_MODEL) {
        const char *text = findings.text ? findings.text : alt_status_text(status);
        g->fault = alt_arena_text(inf->arena, text, strlen(text));
    }
    alt_diag_clear(&findings);
    if (status == ALT_E_SHAPE || status == ALT_E_MODEL)
        return g->fault ? ALT_OK : ALT_E_NOMEM;
    return status == ALT_OK || status == ALT_E_NOMEM ? status : alt_subgraph_infer(inf, g); /* again, for the text */
}

/* The type that holds for what either branch makes. */
static alt_status join(struct alt_infer *inf, int i, const struct alt_type *a, const struct alt_type *b)
{
    struct alt_type t = *a;
    if (alt_type_unwraps(a, b)) {
        inf->out[i] = a->kind == ALT_OPTIONAL ? *a : *b;
        return ALT_OK;
    }
    if (!alt_type_meet(inf->dims, &t, b))
        return alt_infer_fail(inf, ALT_E_MODEL, "output %d is %s in one branch and %s in the other", i,
                              alt_dtype_name(a->dtype), alt_dtype_name(b->dtype));
    inf->out[i] = t;
    return ALT_OK;
}

static alt_status infer_taken(struct alt_infer *inf, struct alt_graph *const *branch, bool taken)
{
    branch[!taken]->fault = "the condition says that this branch is never taken";
    branch[taken]->fault = NULL;
    ALT_CHECK(alt_subgraph_infer(inf, branch[taken]));
    for (int i = 0; i < inf->n_out; i++)
        inf->out[i] = branch[taken]->outputs[i]->type;
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    struct alt_graph *branch[2];
    bool taken;
    if (!alt_subgraph_in(inf, 0))
        return alt_infer_fail(inf, ALT_E_MODEL, "the condition is missing");
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_BOOL));
    for (int b = 0; b < 2; b++) {
        ALT_CHECK(alt_subgraph_open(inf, branch_name[b], 0, -1, &branch[b]));
        if (branch[b]->n_outputs < inf->n_out)
            return alt_infer_fail(inf, ALT_E_MODEL, "the graph \"%s\" has %d outputs, the node %d", branch_name[b],
                                  branch[b]->n_outputs, inf->n_out);
    }
    if (alt_type_flag(inf->in[0], &taken))
        return infer_taken(inf, branch, taken);
    for (int b = 0; b < 2; b++)
        ALT_CHECK(try_branch(inf, branch[b]));
    if (branch[0]->fault && branch[1]->fault)
        return alt_infer_fail(inf, ALT_E_SHAPE, "neither branch can run: %s; %s", branch[1]->fault, branch[0]->fault);
    for (int i = 0; i < inf->n_out; i++) {
        const struct alt_graph *only = branch[0]->fault ? branch[1] : branch[1]->fault ? branch[0] : NULL;
        if (only) {
            inf->out[i] = only->outputs[i]->type;
            inf->out[i].known = NULL; /* it may run into the other one all the same */
            inf->out[i].content = NULL;
        } else
            ALT_CHECK(join(inf, i, &branch[1]->outputs[i]->type, &branch[0]->outputs[i]->type));
    }
    return ALT_OK;
}

static bool is_wanted(const struct alt_eval *e, int i) { return i < e->n_out && e->node->out[i]; }

static alt_status place(void *user, int i, alt_dtype dtype, int rank, const int64_t *dims, struct alt_diag *diag,
                        void **data)
{
    struct alt_eval *e = user;
    const struct alt_tensor t = alt_flow_tensor(e, alt_flow_block_out(e->node, i), dtype, rank, dims);
    (void)diag;
    if (!t.data)
        return ALT_E_NOMEM;
    if (is_wanted(e, i))
        e->run->out[i] = t;
    *data = (void *)(uintptr_t)t.data;
    return ALT_OK;
}

static alt_status give(void *user, int i, const struct alt_tensor *value, struct alt_diag *diag)
{
    struct alt_eval *e = user;
    void *data;
    if (!is_wanted(e, i))
        return ALT_OK;
    if (value->dtype == ALT_NONE)
        return alt_eval_give(e, i, alt_value_retain((alt_value *)(uintptr_t)value->data));
    e->run->out[i] = *value; /* a capture, which outlives the step */
    if (value->dtype != ALT_STRING)
        return ALT_OK;
    ALT_CHECK(place(user, i, value->dtype, value->rank, value->dim, diag, &data));
    return alt_flow_copy(e, value, data);
}

static alt_status eval(struct alt_eval *e)
{
    const struct alt_exec_outputs outputs = {place, give, e};
    const struct alt_tensor *condition = e->in[0];
    if (alt_tensor_count(condition) != 1)
        return alt_eval_fail(e, ALT_E_SHAPE, "the condition has %lld elements; it must have one",
                             (long long)alt_tensor_count(condition));
    const bool taken = *(const unsigned char *)condition->data != 0;
    ALT_CHECK(alt_flow_call(e, alt_node_subgraph_find(e->node, branch_name[taken]), NULL, &outputs));
    for (int i = 0; i < e->n_out; i++)
        if (is_wanted(e, i))
            ALT_CHECK(alt_group_as(e, &e->node->out[i]->type, &e->run->out[i]));
    return ALT_OK;
}

const struct alt_op_impl alt_op_if = {.infer = infer, .eval = eval};
