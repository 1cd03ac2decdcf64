/* scan.c: Scan: runs its body once for each slice of the scan inputs along their axes, handing state from slice to slice and
 * collecting results. Opset 8 has a batch axis first, and a length for each sequence of the batch; since opset 9 every scan input
 * and output has an axis and a direction of its own.
 *
 * Slices along axis 0 are read where they lie; another axis is brought to the front once, before the first slice, and for
 * results after the last. A result that is collected backwards is written at its final place.
 */
#include "runtime/ops/carry.h"
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"
#include "runtime/ops/group.h"
#include "runtime/ops/subgraph.h"

#include <string.h>

/* How the node's inputs and the body's divide. */
struct parts {
    int first; /* explicit input that state begins with: opset 8 has lengths before */
    int lead;  /* axes before the slice: batch (opset 8) */
    int n_state, n_scan, n_results;
};

static bool divide(const struct alt_node *n, const struct alt_graph *body, struct parts *p)
{
    const int64_t scans = alt_attr_int(n, "num_scan_inputs", 0);
    p->first = p->lead = n->opset < 9;
    if (scans < 1 || scans > n->n_in_explicit - p->first)
        return false;
    p->n_scan = (int)scans;
    p->n_state = n->n_in_explicit - p->first - p->n_scan;
    p->n_results = body ? body->n_outputs - p->n_state : 0;
    return true;
}

/* Entry i of a list of axes or directions; 0 where there is no list. */
static int64_t entry(const struct alt_node *n, const char *name, int i)
{
    const int64_t *ints;
    const int64_t count = alt_attr_ints(n, name, &ints);
    return i < count ? ints[i] : 0;
}

static const char *input_directions(const struct alt_node *n)
{
    return n->opset < 9 ? "directions" : "scan_input_directions";
}

/* ---- shapes ---- */

static alt_status check_list(struct alt_infer *inf, const char *name, int n, bool direction)
{
    const int64_t *ints;
    const int64_t count = alt_attr_ints(inf->node, name, &ints);
    if (count && count != n)
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute \"%s\" has %lld entries for %d values", name,
                              (long long)count, n);
    for (int64_t i = 0; i < count && direction; i++)
        if (ints[i] != 0 && ints[i] != 1)
            return alt_infer_fail(inf, ALT_E_MODEL, "attribute \"%s\" holds %lld; a direction is 0 or 1", name,
                                  (long long)ints[i]);
    return ALT_OK;
}

/* `t` without its leading axis. */
static struct alt_type without_lead(const struct alt_type *in, int lead)
{
    struct alt_type t = *in;
    if (t.shape.rank < lead)
        t.shape.rank = -1;
    for (int d = lead; d < t.shape.rank; d++)
        t.shape.dim[d - lead] = t.shape.dim[d];
    t.shape.rank -= t.shape.rank >= 0 ? lead : 0;
    t.known = NULL;
    t.content = NULL;
    return t;
}

/* The type of a slice of scan input m, and how many there are (where that is known). */
static alt_status infer_slice(struct alt_infer *inf, const struct parts *p, int m, struct alt_type *out, alt_dim *trips)
{
    const struct alt_type *in = alt_subgraph_in(inf, p->first + p->n_state + m);
    int axis = p->lead;
    if (!in || in->kind != ALT_TENSOR)
        return alt_infer_fail(inf, ALT_E_MODEL, "scan input %d must be a tensor", m);
    *out = without_lead(in, p->lead);
    if (in->shape.rank < 0)
        return ALT_OK;
    if (in->shape.rank <= p->lead)
        return alt_infer_fail(inf, ALT_E_SHAPE, "scan input %d has no axis to scan", m);
    if (!p->lead)
        ALT_CHECK(alt_infer_axis(inf, entry(inf->node, "scan_input_axes", m), in->shape.rank, &axis));
    const alt_dim extent = in->shape.dim[axis];
    if (alt_dim_known(*trips) && alt_dim_known(extent) && *trips != extent)
        return alt_infer_fail(inf, ALT_E_SHAPE, "scan inputs differ in extent: %lld and %lld", (long long)*trips,
                              (long long)extent);
    *trips = alt_dim_known(*trips) ? *trips : extent;
    out->shape.rank--;
    for (int d = axis - p->lead; d < out->shape.rank; d++)
        out->shape.dim[d] = out->shape.dim[d + 1];
    return ALT_OK;
}

/* Puts `extent` in as axis `axis` of a shape. */
static void insert_axis(struct alt_shape *s, int axis, alt_dim extent)
{
    for (int d = s->rank; d > axis; d--)
        s->dim[d] = s->dim[d - 1];
    s->dim[axis] = extent;
    s->rank++;
}

static alt_status infer_result(struct alt_infer *inf, const struct parts *p, int j, const struct alt_type *inner,
                               const alt_dim *lead)
{
    const int o = p->n_state + j;
    int axis = 0;
    struct alt_type t = alt_type_outside(inf, inner);
    if (t.kind != ALT_TENSOR)
        return alt_infer_fail(inf, ALT_E_MODEL, "output %d collects tensors, and the body makes none", o);
    inf->out[o] = t;
    if (t.shape.rank < 0)
        return ALT_OK;
    if (t.shape.rank + 1 + p->lead > ALT_MAX_RANK)
        return alt_infer_fail(inf, ALT_E_UNSUPPORTED, "output %d has more than %d axes", o, ALT_MAX_RANK);
    if (!p->lead)
        ALT_CHECK(alt_infer_axis(inf, entry(inf->node, "scan_output_axes", j), t.shape.rank + 1, &axis));
    insert_axis(&inf->out[o].shape, axis, lead[1]);
    if (p->lead)
        insert_axis(&inf->out[o].shape, 0, lead[0]);
    return ALT_OK;
}

static alt_status check_lists(struct alt_infer *inf, const struct parts *p)
{
    ALT_CHECK(check_list(inf, input_directions(inf->node), p->n_scan, true));
    if (p->lead)
        return ALT_OK;
    ALT_CHECK(check_list(inf, "scan_input_axes", p->n_scan, false));
    ALT_CHECK(check_list(inf, "scan_output_axes", p->n_results, false));
    return check_list(inf, "scan_output_directions", p->n_results, true);
}

static alt_status infer_state(struct alt_infer *inf, const struct parts *p, struct alt_graph *body, alt_dim *batch)
{
    struct alt_type *initial = alt_arena_array(inf->arena, (size_t)p->n_state + 1, sizeof *initial);
    if (!initial)
        return ALT_E_NOMEM;
    for (int i = 0; i < p->n_state; i++) {
        const struct alt_type *in = alt_subgraph_in(inf, p->first + i);
        if (!in || in->kind != ALT_TENSOR)
            return alt_infer_fail(inf, ALT_E_MODEL, "initial state %d must be a tensor", i);
        initial[i] = without_lead(in, p->lead);
        if (p->lead && in->shape.rank > 0 && !alt_dim_known(*batch))
            *batch = in->shape.dim[0];
    }
    const struct alt_carried carried = {body, 0, 0, p->n_state, initial};
    ALT_CHECK(alt_subgraph_carry(inf, &carried));
    for (int i = 0; p->lead && i < p->n_state && i < inf->n_out; i++)
        if (inf->out[i].shape.rank >= 0 && inf->out[i].shape.rank < ALT_MAX_RANK)
            insert_axis(&inf->out[i].shape, 0, *batch);
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    struct alt_graph *body;
    struct parts p;
    alt_dim lead[2] = {alt_dim_unknown(inf->dims), alt_dim_unknown(inf->dims)}; /* batch, slices */
    if (!divide(inf->node, NULL, &p))
        return alt_infer_fail(inf, ALT_E_MODEL, "num_scan_inputs is %lld for %d inputs",
                              (long long)alt_attr_int(inf->node, "num_scan_inputs", 0), inf->node->n_in_explicit);
    ALT_CHECK(alt_subgraph_open(inf, "body", p.n_state + p.n_scan, -1, &body));
    (void)divide(inf->node, body, &p);
    if (p.n_results < 0 || body->n_outputs < inf->n_out)
        return alt_infer_fail(inf, ALT_E_MODEL,
                              "the body has %d outputs for %d values of state and the %d outputs of the node",
                              body->n_outputs, p.n_state, inf->n_out);
    if (p.lead && alt_subgraph_in(inf, 0) && inf->in[0]->dtype != ALT_INT64)
        return alt_infer_fail(inf, ALT_E_MODEL, "the lengths of sequences must be int64");
    ALT_CHECK(check_lists(inf, &p));
    for (int m = 0; m < p.n_scan; m++)
        ALT_CHECK(infer_slice(inf, &p, m, &body->inputs[p.n_state + m]->type, &lead[1]));
    ALT_CHECK(infer_state(inf, &p, body, &lead[0]));
    for (int j = 0; p.n_state + j < inf->n_out; j++)
        ALT_CHECK(infer_result(inf, &p, j, &body->outputs[p.n_state + j]->type, lead));
    return ALT_OK;
}

/* ---- running ---- */

/* A scan input: slices one behind the other. */
struct sliced {
    struct alt_tensor slice; /* type and shape of one; data: the first of the first sequence */
    bool backwards;
};

struct scan {
    struct alt_eval *eval;
    const struct alt_graph *body;
    struct parts p;
    int body_at;
    int64_t batch, slices;        /* slices: of a whole sequence */
    int64_t at, length, sequence; /* under way: slice number, length and number of the sequence */
    struct alt_tensor *in;        /* of the body: state, slices */
    struct alt_tensor *initial;   /* [n_state] of one sequence; data: the first one's */
    struct sliced *sliced;
    struct alt_carry carry;
    struct alt_collect *result;
    struct alt_collect *last; /* [n_state] opset 8: final state by sequence */
};

/* Copies `t` with axis `from` moved to place `to`, into a block. */
static alt_status move_axis(struct alt_eval *e, int block, int from, int to, struct alt_tensor *t)
{
    struct alt_copy_box box = {.rank = t->rank};
    struct alt_copy copy;
    int64_t stride[ALT_MAX_RANK], dim[ALT_MAX_RANK], src[ALT_MAX_RANK];
    int order[ALT_MAX_RANK], n = 0;
    alt_dense_strides(t->rank, t->dim, stride);
    for (int d = 0; d < t->rank; d++)
        if (d != from)
            order[n++] = d;
    memmove(order + to + 1, order + to, (size_t)(t->rank - 1 - to) * sizeof *order);
    order[to] = from;
    for (int d = 0; d < t->rank; d++) {
        dim[d] = t->dim[order[d]];
        src[d] = stride[order[d]];
    }
    const struct alt_tensor moved = alt_flow_tensor(e, block, t->dtype, t->rank, dim);
    if (!moved.data)
        return ALT_E_NOMEM;
    memcpy(box.extent, dim, (size_t)t->rank * sizeof *dim);
    memcpy(box.src, src, (size_t)t->rank * sizeof *src);
    alt_dense_strides(t->rank, dim, box.dst);
    alt_copy_prepare(&copy, t->dtype, &box);
    alt_copy_run(&copy, t->data, (void *)(uintptr_t)moved.data, 0, copy.tiles);
    *t = moved;
    return ALT_OK;
}

/* `t` as tensors one behind the other along its first `lead` axes: the first of them. */
static alt_status first_of(struct alt_eval *e, const struct alt_tensor *t, int lead, struct alt_tensor *out)
{
    *out = (struct alt_tensor){.dtype = t->dtype, .rank = t->rank - lead, .data = t->data};
    memcpy(out->dim, t->dim + lead, (size_t)out->rank * sizeof *out->dim);
    const int64_t count = alt_tensor_count(out);
    out->bytes = alt_dtype_bytes(t->dtype, count);
    if (alt_dtype_size(t->dtype) == 0 && (uint64_t)count * alt_dtype_bits(t->dtype) % 8 != 0)
        return alt_eval_fail(e, ALT_E_UNSUPPORTED, "slices of %s must fill whole bytes", alt_dtype_name(t->dtype));
    return ALT_OK;
}

static alt_status agree(struct scan *s, int64_t *have, int64_t extent, const char *what)
{
    if (*have >= 0 && *have != extent)
        return alt_eval_fail(s->eval, ALT_E_SHAPE, "inputs differ in %s: %lld and %lld", what, (long long)*have,
                             (long long)extent);
    *have = extent;
    return ALT_OK;
}

static alt_status open_state(struct scan *s)
{
    struct alt_eval *e = s->eval;
    for (int i = 0; i < s->p.n_state; i++) {
        const struct alt_tensor *t = e->in[s->p.first + i];
        if (t->rank < s->p.lead)
            return alt_eval_fail(e, ALT_E_SHAPE, "initial state %d has no batch axis", i);
        if (s->p.lead)
            ALT_CHECK(agree(s, &s->batch, t->dim[0], "batch"));
        ALT_CHECK(first_of(e, t, s->p.lead, &s->initial[i]));
    }
    return ALT_OK;
}

static alt_status open_slices(struct scan *s)
{
    struct alt_eval *e = s->eval;
    for (int m = 0; m < s->p.n_scan; m++) {
        const int input = s->p.first + s->p.n_state + m;
        struct alt_tensor t = *e->in[input];
        const int64_t given = s->p.lead ? 1 : entry(e->node, "scan_input_axes", m);
        if (t.rank <= s->p.lead || given < -t.rank || given >= t.rank)
            return alt_eval_fail(e, ALT_E_SHAPE, "scan input %d has %d axes, and axis %lld is scanned", m, t.rank,
                                 (long long)given);
        const int axis = alt_axis_of(given, t.rank);
        if (s->p.lead)
            ALT_CHECK(agree(s, &s->batch, t.dim[0], "batch"));
        ALT_CHECK(agree(s, &s->slices, t.dim[axis], "the extent that is scanned"));
        if (axis != s->p.lead)
            ALT_CHECK(move_axis(e, alt_flow_block_in(input), axis, 0, &t));
        ALT_CHECK(first_of(e, &t, s->p.lead + 1, &s->sliced[m].slice));
        s->sliced[m].backwards = entry(e->node, input_directions(e->node), m) == 1;
    }
    return ALT_OK;
}

static alt_status open_tables(struct scan *s)
{
    struct alt_eval *e = s->eval;
    const struct parts *p = &s->p;
    s->in = alt_eval_alloc(e, (size_t)(p->n_state + p->n_scan) * sizeof *s->in);
    s->initial = alt_eval_alloc(e, (size_t)(p->n_state + 1) * sizeof *s->initial);
    s->sliced = alt_eval_alloc(e, (size_t)p->n_scan * sizeof *s->sliced);
    s->result = alt_eval_alloc(e, (size_t)(p->n_results + 1) * sizeof *s->result);
    s->last = alt_eval_alloc(e, (size_t)(p->n_state + 1) * sizeof *s->last);
    if (!s->in || !s->initial || !s->sliced || !s->result || !s->last)
        return ALT_E_NOMEM;
    s->batch = s->slices = -1;
    ALT_CHECK(open_state(s));
    ALT_CHECK(open_slices(s));
    s->batch = p->lead ? s->batch : 1;
    int64_t room;
    if (__builtin_mul_overflow(s->batch, s->slices, &room))
        return ALT_E_NOMEM;
    for (int i = 0; i < p->n_state; i++)
        s->last[i] = (struct alt_collect){.eval = e, .block = alt_flow_block_out(e->node, i), .room = s->batch};
    for (int j = 0; j < p->n_results; j++)
        s->result[j] = (struct alt_collect){.eval = e,
                                            .block = alt_flow_block_out(e->node, p->n_state + j),
                                            .room = room,
                                            .cleared = p->lead && e->in[0]};
    return ALT_OK;
}

/* Where the result of the current slice goes. */
static int64_t place_of(const struct scan *s, int j)
{
    const bool backwards = !s->p.lead && entry(s->eval->node, "scan_output_directions", j) == 1;
    return s->sequence * s->slices + (backwards ? s->length - 1 - s->at : s->at);
}

static alt_status place(void *user, int i, alt_dtype dtype, int rank, const int64_t *dims, struct alt_diag *diag,
                        void **data)
{
    struct scan *s = user;
    const int j = i - s->p.n_state;
    (void)diag;
    return j < 0 ? alt_carry_place(&s->carry, i, dtype, rank, dims, data)
                 : alt_collect_place(&s->result[j], place_of(s, j), dtype, rank, dims, data);
}

static alt_status give(void *user, int i, const struct alt_tensor *value, struct alt_diag *diag)
{
    struct scan *s = user;
    const int j = i - s->p.n_state;
    (void)diag;
    return j < 0 ? alt_carry_give(&s->carry, i, value) : alt_collect_give(&s->result[j], place_of(s, j), value);
}

static const void *offset(const struct alt_tensor *t, int64_t count)
{
    return (const char *)t->data + (size_t)count * t->bytes;
}

static alt_status run_slices(struct scan *s)
{
    const struct alt_exec_outputs outputs = {place, give, s};
    for (s->at = 0; s->at < s->length; s->at++) {
        ALT_CHECK(alt_flow_interrupted(s->eval));
        for (int m = 0; m < s->p.n_scan; m++) {
            struct alt_tensor *t = &s->in[s->p.n_state + m];
            *t = s->sliced[m].slice;
            t->data = offset(t, s->sequence * s->slices + (s->sliced[m].backwards ? s->length - 1 - s->at : s->at));
        }
        ALT_CHECK(alt_flow_call(s->eval, s->body_at, s->in, &outputs));
        ALT_CHECK(alt_carry_advance(&s->carry, s->body->inputs));
    }
    return ALT_OK;
}

static alt_status run_sequence(struct scan *s)
{
    struct alt_eval *e = s->eval;
    const struct alt_tensor *lengths = s->p.lead ? e->in[0] : NULL;
    s->length = s->slices;
    if (lengths) {
        s->length = s->sequence < alt_tensor_count(lengths) ? alt_tensor_int(lengths, s->sequence) : -1;
        if (s->length < 0 || s->length > s->slices)
            return alt_eval_fail(e, ALT_E_SHAPE, "the length of sequence %lld is not in [0, %lld]",
                                 (long long)s->sequence, (long long)s->slices);
    }
    for (int i = 0; i < s->p.n_state; i++) {
        s->in[i] = s->initial[i];
        s->in[i].data = offset(&s->initial[i], s->sequence);
    }
    ALT_CHECK(alt_carry_begin(&s->carry, e, s->p.first, s->p.n_state, s->in));
    alt_status status = run_slices(s);
    for (int i = 0; i < s->p.n_state && status == ALT_OK && s->p.lead; i++)
        status = alt_collect_give(&s->last[i], s->sequence, &s->in[i]);
    const alt_status kept = alt_carry_end(&s->carry);
    return status == ALT_OK ? kept : status;
}

static alt_status finish_result(struct scan *s, int j, struct alt_tensor *out)
{
    struct alt_eval *e = s->eval;
    const int64_t lead[2] = {s->batch, s->slices};
    const int o = s->p.n_state + j;
    ALT_CHECK(alt_collect_end(&s->result[j], &s->body->outputs[o]->type, 1 + s->p.lead, lead + 1 - s->p.lead, out));
    const int64_t axis = s->p.lead ? 0 : entry(e->node, "scan_output_axes", j);
    if (axis < -out->rank || axis >= out->rank)
        return alt_eval_fail(e, ALT_E_SHAPE, "scan_output_axes: %lld is outside [%d, %d)", (long long)axis, -out->rank,
                             out->rank);
    if (alt_axis_of(axis, out->rank) == 0)
        return ALT_OK;
    return move_axis(e, alt_flow_block_out(e->node, o) + 1, 0, alt_axis_of(axis, out->rank), out);
}

static alt_status finish(struct scan *s)
{
    struct alt_eval *e = s->eval;
    for (int i = 0; i < e->n_out; i++) {
        struct alt_tensor *out = &e->run->out[i];
        if (!e->node->out[i])
            continue;
        if (i >= s->p.n_state)
            ALT_CHECK(finish_result(s, i - s->p.n_state, out));
        else if (s->p.lead)
            ALT_CHECK(alt_collect_end(&s->last[i], &s->body->inputs[i]->type, 1, &s->batch, out));
        else
            *out = s->in[i];
    }
    return ALT_OK;
}

static alt_status eval(struct alt_eval *e)
{
    struct scan s = {.eval = e, .body_at = alt_node_subgraph_find(e->node, "body")};
    if (!e->run->flow)
        return ALT_E_UNSUPPORTED;
    s.body = alt_node_subgraph(e->node, s.body_at);
    (void)divide(e->node, s.body, &s.p);
    ALT_CHECK(open_tables(&s));
    for (; s.sequence < s.batch; s.sequence++)
        ALT_CHECK(run_sequence(&s));
    return finish(&s);
}

const struct alt_op_impl alt_op_scan = {.infer = infer, .eval = eval};
