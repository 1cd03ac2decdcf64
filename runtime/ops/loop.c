/* loop.c: Loop: runs its body while the condition holds, at most so many times, handing state from iteration to iteration and
 * collecting results. The cancel switch and the deadline are looked at in each iteration, whatever the body does. */
#include "runtime/ops/carry.h"
#include "runtime/ops/group.h"
#include "runtime/ops/subgraph.h"

enum { TRIP_COUNT = 0, CONDITION = 1, STATE = 2 }; /* inputs */

static int count_state(const struct alt_node *n) { return n->n_in_explicit > STATE ? n->n_in_explicit - STATE : 0; }

static alt_status infer_control(struct alt_infer *inf, struct alt_graph *body)
{
    const struct alt_type *trips = alt_subgraph_in(inf, TRIP_COUNT), *condition = alt_subgraph_in(inf, CONDITION);
    if (trips && (trips->kind != ALT_TENSOR || trips->dtype != ALT_INT64))
        return alt_infer_fail(inf, ALT_E_MODEL, "the trip count must be a tensor of int64");
    if (condition && (condition->kind != ALT_TENSOR || condition->dtype != ALT_BOOL))
        return alt_infer_fail(inf, ALT_E_MODEL, "the condition must be a tensor of bool");
    body->inputs[0]->type = (struct alt_type){.dtype = ALT_INT64};
    body->inputs[1]->type = (struct alt_type){.dtype = ALT_BOOL};
    return ALT_OK;
}

static alt_status infer_results(struct alt_infer *inf, const struct alt_graph *body, int n_state)
{
    if (body->outputs[0]->type.kind != ALT_TENSOR || body->outputs[0]->type.dtype != ALT_BOOL)
        return alt_infer_fail(inf, ALT_E_MODEL, "the body's first output, the condition, must be a tensor of bool");
    for (int i = n_state; i < inf->n_out; i++) {
        struct alt_type t = alt_type_outside(inf, &body->outputs[1 + i]->type);
        if (t.kind != ALT_TENSOR)
            return alt_infer_fail(inf, ALT_E_MODEL, "output %d collects tensors, and the body makes none", i);
        if (t.shape.rank == ALT_MAX_RANK)
            return alt_infer_fail(inf, ALT_E_UNSUPPORTED, "output %d has more than %d axes", i, ALT_MAX_RANK);
        for (int d = t.shape.rank; d > 0; d--)
            t.shape.dim[d] = t.shape.dim[d - 1];
        if (t.shape.rank >= 0)
            t.shape.dim[0] = alt_dim_unknown(inf->dims);
        t.shape.rank += t.shape.rank >= 0;
        inf->out[i] = t;
    }
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    struct alt_graph *body;
    const int n_state = count_state(inf->node);
    ALT_CHECK(alt_subgraph_open(inf, "body", STATE + n_state, -1, &body));
    if (body->n_outputs < 1 + n_state || body->n_outputs - 1 < inf->n_out)
        return alt_infer_fail(inf, ALT_E_MODEL,
                              "the body has %d outputs; there must be a condition, %d values of state and "
                              "the %d outputs of the node",
                              body->n_outputs, n_state, inf->n_out);
    struct alt_type *initial = alt_arena_array(inf->arena, (size_t)n_state + 1, sizeof *initial);
    if (!initial)
        return ALT_E_NOMEM;
    for (int i = 0; i < n_state; i++) {
        if (!alt_subgraph_in(inf, STATE + i))
            return alt_infer_fail(inf, ALT_E_MODEL, "input %d, initial state, is missing", STATE + i);
        initial[i] = *inf->in[STATE + i];
    }
    ALT_CHECK(infer_control(inf, body));
    const struct alt_carried carried = {body, STATE, 1, n_state, initial};
    ALT_CHECK(alt_subgraph_carry(inf, &carried));
    return infer_results(inf, body, n_state);
}

struct loop {
    struct alt_eval *eval;
    const struct alt_graph *body;
    struct alt_tensor *in; /* of the body */
    struct alt_carry carry;
    struct alt_collect *result; /* [n_results] */
    int n_results;
    int64_t most;                  /* iterations; -1: no bound */
    int64_t at;                    /* iteration under way */
    unsigned char more, next_more; /* the condition; a caller's bool may be any byte */
};

static alt_status place(void *user, int i, alt_dtype dtype, int rank, const int64_t *dims, struct alt_diag *diag,
                        void **data)
{
    struct loop *l = user;
    (void)diag;
    if (i > l->carry.n)
        return alt_collect_place(&l->result[i - 1 - l->carry.n], l->at, dtype, rank, dims, data);
    if (i > 0)
        return alt_carry_place(&l->carry, i - 1, dtype, rank, dims, data);
    if (alt_dims_count(rank, dims) != 1)
        return alt_eval_fail(l->eval, ALT_E_SHAPE, "the condition that the body makes must have one element");
    *data = &l->next_more;
    return ALT_OK;
}

static alt_status give(void *user, int i, const struct alt_tensor *value, struct alt_diag *diag)
{
    struct loop *l = user;
    void *data = NULL;
    if (i > l->carry.n)
        return alt_collect_give(&l->result[i - 1 - l->carry.n], l->at, value);
    if (i > 0)
        return alt_carry_give(&l->carry, i - 1, value);
    ALT_CHECK(place(user, i, value->dtype, value->rank, value->dim, diag, &data));
    return alt_flow_copy(l->eval, value, data);
}

static alt_status read_control(struct loop *l)
{
    struct alt_eval *e = l->eval;
    const bool counted = e->node->n_in_explicit > TRIP_COUNT && e->in[TRIP_COUNT];
    const struct alt_tensor *condition = e->node->n_in_explicit > CONDITION ? e->in[CONDITION] : NULL;
    l->most = -1;
    l->more = 1;
    if (counted) {
        ALT_CHECK(alt_group_number(e, TRIP_COUNT, 0, &l->most));
        l->most = l->most > 0 ? l->most : 0;
    }
    if (condition && alt_tensor_count(condition) != 1)
        return alt_eval_fail(e, ALT_E_SHAPE, "the condition has %lld elements; it must have one",
                             (long long)alt_tensor_count(condition));
    if (condition)
        l->more = *(const unsigned char *)condition->data;
    return ALT_OK;
}

static alt_status open_tables(struct loop *l)
{
    struct alt_eval *e = l->eval;
    const int n = count_state(e->node);
    l->n_results = l->body->n_outputs - 1 - n;
    l->in = alt_eval_alloc(e, (size_t)(STATE + n) * sizeof *l->in);
    l->result = alt_eval_alloc(e, (size_t)(l->n_results + 1) * sizeof *l->result);
    if (!l->in || !l->result)
        return ALT_E_NOMEM;
    l->in[0] = (struct alt_tensor){.dtype = ALT_INT64, .data = &l->at, .bytes = sizeof l->at};
    l->in[1] = (struct alt_tensor){.dtype = ALT_BOOL, .data = &l->more, .bytes = 1};
    for (int i = 0; i < n; i++)
        l->in[STATE + i] = *e->in[STATE + i];
    for (int i = 0; i < l->n_results; i++)
        l->result[i] = (struct alt_collect){.eval = e, .block = alt_flow_block_out(e->node, 1 + n + i), .room = -1};
    return alt_carry_begin(&l->carry, e, STATE, n, l->in + STATE);
}

static alt_status iterate(struct loop *l, int body)
{
    const struct alt_exec_outputs outputs = {place, give, l};
    for (; l->more && (l->most < 0 || l->at < l->most); l->at++) {
        ALT_CHECK(alt_flow_interrupted(l->eval));
        ALT_CHECK(alt_flow_call(l->eval, body, l->in, &outputs));
        ALT_CHECK(alt_carry_advance(&l->carry, l->body->inputs + STATE));
        l->more = l->next_more;
    }
    return ALT_OK;
}

static alt_status finish(struct loop *l)
{
    struct alt_eval *e = l->eval;
    for (int i = 0; i < e->n_out; i++) {
        if (!e->node->out[i])
            continue;
        if (i < l->carry.n) {
            e->run->out[i] = l->carry.now[i];
            ALT_CHECK(alt_group_as(e, &e->node->out[i]->type, &e->run->out[i]));
        } else {
            ALT_CHECK(alt_collect_end(&l->result[i - l->carry.n], &l->body->outputs[1 + i]->type, 1, &l->at,
                                      &e->run->out[i]));
        }
    }
    return ALT_OK;
}

static alt_status eval(struct alt_eval *e)
{
    const int body = alt_node_subgraph_find(e->node, "body");
    struct loop l = {.eval = e, .body = alt_node_subgraph(e->node, body)};
    if (!e->run->hold)
        return ALT_E_UNSUPPORTED;
    ALT_CHECK(read_control(&l));
    ALT_CHECK(open_tables(&l));
    alt_status status = iterate(&l, body);
    if (status == ALT_OK)
        status = finish(&l);
    const alt_status kept = alt_carry_end(&l.carry);
    return status == ALT_OK ? kept : status;
}

const struct alt_op_impl alt_op_loop = {.infer = infer, .eval = eval};
