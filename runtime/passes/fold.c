/* fold.c: what can be computed now becomes a constant.
 *
 *   w = Transpose(c)          becomes   const w, where c is a constant
 *   s = Shape(x)              becomes   const s, where x has a fixed shape
 *
 * A node whose inputs are all known is evaluated, unless it is random, holds subgraphs, or would blow small inputs up to a
 * large output (a mask or a table made by Expand stays a node: cheap to make, dear to keep; dequantised weights are dear to
 * make again each run, and folded unless fold_qdq wants them as they are). A node that the operator can describe
 * as a dense view of its input becomes a constant over the same bytes. When evaluation fails the node stays: whether it is
 * an error shows when, and if, it runs. Strings stay: their bytes would have to be copied one by one. */
#include "runtime/pass.h"
#include "runtime/passes/qdq.h"
#include "runtime/step.h"

#include <string.h>

#define GROWTH_BYTES ((size_t)64 * 1024) /* an output may always be this much larger than twice the inputs */

static const struct alt_tensor *known_input(const struct alt_node *n, int i)
{
    return n->in[i] ? n->in[i]->type.known : NULL;
}

static bool inputs_known(const struct alt_node *n)
{
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i] && (!known_input(n, i) || known_input(n, i)->dtype == ALT_STRING))
            return false;
    return true;
}

/* Outputs are tensors of known size, not much larger than the inputs. */
static bool outputs_bounded(const struct alt_node *n)
{
    size_t in = 0, out = 0;

    for (int i = 0; i < n->n_in; i++)
        in += n->in[i] ? known_input(n, i)->bytes : 0;
    for (int i = 0; i < n->n_out; i++) {
        if (!n->out[i])
            continue;
        const struct alt_type *t = &n->out[i]->type;
        if (t->kind != ALT_TENSOR || t->dtype == ALT_NONE || t->dtype == ALT_STRING || !alt_shape_known(&t->shape))
            return false;
        const size_t bytes = alt_dtype_bytes(t->dtype, alt_dims_count(t->shape.rank, t->shape.dim));
        if (bytes == SIZE_MAX || __builtin_add_overflow(out, bytes, &out))
            return false;
    }
    return out <= 2 * in + GROWTH_BYTES || n->op == ALT_OP_DEQUANTIZE_LINEAR;
}

static bool is_read(const struct alt_gvalue *v)
{
    return v->n_uses > 0 || v->n_outputs > 0;
}

static alt_status become_constant(struct alt_graph *g, struct alt_gvalue *v, const struct alt_tensor *t)
{
    struct alt_gvalue *c = alt_graph_add_const(g, NULL, t);

    if (!c)
        return ALT_E_NOMEM;
    alt_gvalue_replace(g, v, c);
    return ALT_OK;
}

/* ---- what inference knows ---- */

/* Content that is all numbers, as a tensor; false when it is not, or of a type that holds no shapes. */
static bool content_tensor(struct alt_graph *g, const struct alt_type *t, struct alt_tensor *out, alt_status *status)
{
    int64_t number;

    if (!t->content || t->kind != ALT_TENSOR || t->shape.rank > 1 || !alt_shape_known(&t->shape) ||
        alt_dims_count(t->shape.rank, t->shape.dim) != t->content_count || (t->dtype != ALT_INT64 && t->dtype != ALT_INT32))
        return false;
    for (int i = 0; i < t->content_count; i++)
        if (!alt_dim_number(t->content[i], &number) || (t->dtype == ALT_INT32 && (int32_t)number != number))
            return false;
    *out = (struct alt_tensor){.dtype = t->dtype, .rank = t->shape.rank,
                               .bytes = (size_t)t->content_count * alt_dtype_size(t->dtype)};
    memcpy(out->dim, t->shape.dim, sizeof out->dim);
    char *data = alt_arena_data(g->arena, out->bytes);
    if (!data) {
        *status = ALT_E_NOMEM;
        return false;
    }
    for (int i = 0; i < t->content_count; i++) {
        alt_dim_number(t->content[i], &number);
        const int32_t narrow = (int32_t)number;
        const size_t size = alt_dtype_size(t->dtype);
        memcpy(data + (size_t)i * size, size == 8 ? (const void *)&number : (const void *)&narrow, size);
    }
    out->data = data;
    return true;
}

static alt_status fold_inferred(struct alt_graph *g, const struct alt_node *n, bool *changed)
{
    for (int i = 0; i < n->n_out; i++) {
        struct alt_gvalue *v = n->out[i];
        struct alt_tensor t;
        alt_status status = ALT_OK;
        if (!v || !is_read(v))
            continue;
        if (v->type.known)
            t = *v->type.known;
        else if (!content_tensor(g, &v->type, &t, &status)) {
            ALT_CHECK(status);
            continue;
        }
        ALT_CHECK(become_constant(g, v, &t));
        *changed = true;
    }
    return ALT_OK;
}

/* ---- views ---- */

static bool row_major(int rank, const int64_t *dim, const int64_t *stride)
{
    int64_t step = 1;

    for (int i = rank - 1; i >= 0; i--) {
        if (dim[i] != 1 && stride[i] != step)
            return false;
        step *= dim[i];
    }
    return true;
}

/* The one output as other extents over the bytes of input 0. */
static bool fold_view(const struct alt_node *n, struct alt_operand *operand, struct alt_tensor *out)
{
    const struct alt_tensor *in = n->n_in > 0 ? known_input(n, 0) : NULL;
    const struct alt_type *type = n->n_out == 1 && n->out[0] ? &n->out[0]->type : NULL;
    int64_t stride[1][ALT_MAX_RANK], offset[1] = {0};
    bool (*const view)(struct alt_view *) = alt_op_table[n->op].impl->view;

    if (!view || !in || !type || alt_dtype_size(type->dtype) == 0)
        return false;
    for (int i = 0; i < n->n_in; i++) {
        const struct alt_tensor *t = known_input(n, i);
        if (!t)
            continue;
        if (alt_operand_dense(&operand[i], t->dtype, t->rank, t->dim) != ALT_OK)
            return false;
        operand[i].known = i > 0 && (uintptr_t)t->data % 16 == 0 ? t->data : NULL;
    }
    if (alt_operand_dense(&operand[n->n_in], type->dtype, type->shape.rank, type->shape.dim) != ALT_OK)
        return false;
    struct alt_view v = {.node = n, .n_in = n->n_in, .n_out = 1, .in = operand, .out = operand + n->n_in,
                         .stride = stride, .offset = offset};
    if (!view(&v) || !row_major(type->shape.rank, type->shape.dim, stride[0]) || type->dtype != in->dtype)
        return false;
    const size_t size = alt_dtype_size(type->dtype);
    *out = (struct alt_tensor){.dtype = type->dtype, .rank = type->shape.rank};
    memcpy(out->dim, type->shape.dim, sizeof out->dim);
    out->bytes = alt_dtype_bytes(out->dtype, alt_tensor_count(out));
    if (offset[0] < 0 || (size_t)offset[0] * size > in->bytes || out->bytes > in->bytes - (size_t)offset[0] * size)
        return false;
    out->data = in->data ? (const char *)in->data + (size_t)offset[0] * size : NULL;
    return true;
}

/* ---- evaluation ---- */

/* Copies results from scratch memory to the graph's. */
static alt_status keep(struct alt_graph *g, const struct alt_node *n, struct alt_tensor *out)
{
    for (int i = 0; i < n->n_out; i++) {
        if (!n->out[i] || !is_read(n->out[i]))
            continue;
        void *data = alt_arena_data(g->arena, out[i].bytes);
        if (!data)
            return ALT_E_NOMEM;
        if (out[i].bytes)
            memcpy(data, out[i].data, out[i].bytes);
        out[i].data = data;
    }
    return ALT_OK;
}

static alt_status evaluate(struct alt_graph *g, const struct alt_node *n, struct alt_arena *scratch, bool *changed)
{
    const size_t operands = (size_t)n->n_in + (size_t)n->n_out;
    const struct alt_tensor **in = alt_arena_array(scratch, operands, sizeof *in);
    struct alt_tensor *out = alt_arena_array(scratch, operands, sizeof *out);
    struct alt_operand *operand = alt_arena_array(scratch, operands, sizeof *operand);

    if (!in || !out || !operand)
        return ALT_E_NOMEM;
    for (int i = 0; i < n->n_in; i++)
        in[i] = known_input(n, i);
    if (!fold_view(n, operand, out)) {
        const alt_status status = alt_node_evaluate(n, in, scratch, out, NULL);
        if (status != ALT_OK)
            return status == ALT_E_NOMEM ? status : ALT_OK;
        ALT_CHECK(keep(g, n, out));
    }
    for (int i = 0; i < n->n_out; i++)
        if (n->out[i] && is_read(n->out[i])) {
            ALT_CHECK(become_constant(g, n->out[i], &out[i]));
            *changed = true;
        }
    return ALT_OK;
}

static bool may_evaluate(const struct alt_node *n)
{
    return !(alt_op_table[n->op].flags & ALT_OP_RANDOM) && n->n_in == n->n_in_explicit && inputs_known(n) &&
           outputs_bounded(n);
}

static bool any_read(const struct alt_node *n)
{
    for (int i = 0; i < n->n_out; i++)
        if (n->out[i] && is_read(n->out[i]))
            return true;
    return false;
}

alt_status alt_pass_fold(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    (void)diag;
    for (struct alt_node *n = g->first; n; n = n->next) {
        ALT_CHECK(fold_inferred(g, n, changed));
        if (!any_read(n) || !may_evaluate(n) || alt_qdq_holds(n))
            continue;
        struct alt_arena scratch;
        alt_arena_init(&scratch, g->arena->mem);
        const alt_status status = evaluate(g, n, &scratch, changed);
        alt_arena_free(&scratch);
        ALT_CHECK(status);
    }
    return ALT_OK;
}
