/* carry.c: state and results of loops; see carry.h. */
#include "runtime/ops/carry.h"

#include "runtime/ops/group.h"

#include <string.h>

/* ---- state ---- */

alt_status alt_carry_begin(struct alt_carry *c, struct alt_eval *eval, int first, int n, struct alt_tensor *now)
{
    const size_t count = (size_t)n + 1;
    *c = (struct alt_carry){.eval = eval, .n = n, .first = first, .now = now};
    c->next = alt_eval_alloc(eval, count * sizeof *c->next);
    c->held[0] = alt_eval_alloc(eval, count * sizeof(alt_value *));
    c->held[1] = alt_eval_alloc(eval, count * sizeof(alt_value *));
    c->turn = alt_eval_alloc(eval, count);
    c->placed = alt_eval_alloc(eval, count * sizeof *c->placed);
    if (!c->next || !c->held[0] || !c->held[1] || !c->turn || !c->placed)
        return ALT_E_NOMEM;
    memset(c->next, 0, count * sizeof *c->next);
    memset(c->held[0], 0, count * sizeof(alt_value *));
    memset(c->held[1], 0, count * sizeof(alt_value *));
    memset(c->turn, 0, count);
    memset(c->placed, 0, count * sizeof *c->placed);
    return ALT_OK;
}

alt_status alt_carry_place(struct alt_carry *c, int i, alt_dtype dtype, int rank, const int64_t *dims, void **data)
{
    const struct alt_tensor t =
        alt_flow_tensor(c->eval, alt_flow_block_in(c->first + i) + c->turn[i], dtype, rank, dims);
    if (!t.data)
        return ALT_E_NOMEM;
    c->next[i] = t;
    c->placed[i] = true;
    *data = (void *)(uintptr_t)t.data;
    return ALT_OK;
}

alt_status alt_carry_give(struct alt_carry *c, int i, const struct alt_tensor *value)
{
    void *data;
    if (value->dtype == ALT_NONE) {
        c->held[1][i] = alt_value_retain((alt_value *)(uintptr_t)value->data);
        c->next[i] = *value;
        return ALT_OK;
    }
    if (value->data == c->now[i].data && value->bytes == c->now[i].bytes && value->dtype == c->now[i].dtype) {
        c->next[i] = *value; /* passed through: it stays where it is */
        return ALT_OK;
    }
    ALT_CHECK(alt_carry_place(c, i, value->dtype, value->rank, value->dim, &data));
    return alt_flow_copy(c->eval, value, data);
}

/* `next` as the type `want`; what is made for that belongs to held[1]. */
static alt_status convert(struct alt_carry *c, int i, const struct alt_type *want)
{
    const alt_value *value = c->next[i].dtype == ALT_NONE ? c->next[i].data : NULL;
    const alt_kind kind = value ? value->kind : ALT_TENSOR;
    alt_value *held = NULL, *made = NULL;
    if (kind == want->kind)
        return ALT_OK;
    if (want->kind != ALT_OPTIONAL) /* refers to what held[1] keeps, or holds it to the end of the run */
        return alt_group_as(c->eval, want, &c->next[i]);
    ALT_CHECK(alt_group_value(c->eval, &c->next[i], &held));
    const alt_status status = alt_value_group_in(c->eval->run->mem, want, 1, &held, &made);
    alt_value_release(held);
    if (status != ALT_OK)
        return status;
    alt_value_release(c->held[1][i]);
    c->held[1][i] = made;
    c->next[i] = alt_value_view(made);
    return ALT_OK;
}

alt_status alt_carry_advance(struct alt_carry *c, struct alt_gvalue *const *inputs)
{
    for (int i = 0; i < c->n; i++)
        ALT_CHECK(convert(c, i, &inputs[i]->type));
    for (int i = 0; i < c->n; i++) {
        alt_value_release(c->held[0][i]);
        c->held[0][i] = c->held[1][i];
        c->held[1][i] = NULL;
        c->turn[i] ^= c->placed[i];
        c->placed[i] = false;
        c->now[i] = c->next[i];
    }
    return ALT_OK;
}

alt_status alt_carry_end(struct alt_carry *c)
{
    alt_status status = ALT_OK;
    for (int i = 0; c->placed && i < c->n; i++) {
        alt_value_release(c->held[1][i]);
        if (!c->held[0][i])
            continue;
        const alt_status kept = c->eval->run->hold(c->eval->run, c->held[0][i]);
        status = status == ALT_OK ? kept : status;
    }
    c->placed = NULL;
    return status;
}

/* ---- results ---- */

static alt_status begin(struct alt_collect *c, alt_dtype dtype, int rank, const int64_t *dims)
{
    const int64_t count = alt_dims_count(rank, dims);
    if (alt_dtype_size(dtype) == 0 && (uint64_t)count * alt_dtype_bits(dtype) % 8 != 0)
        return alt_eval_fail(c->eval, ALT_E_UNSUPPORTED,
                             "results of %s are collected in whole bytes only; %lld elements "
                             "have none",
                             alt_dtype_name(dtype), (long long)count);
    c->element = (struct alt_tensor){.dtype = dtype, .rank = rank, .bytes = alt_dtype_bytes(dtype, count)};
    memcpy(c->element.dim, dims, (size_t)rank * sizeof *dims);
    c->begun = true;
    return ALT_OK;
}

static bool is_like(const struct alt_tensor *t, alt_dtype dtype, int rank, const int64_t *dims)
{
    return t->dtype == dtype && t->rank == rank && (!rank || memcmp(t->dim, dims, (size_t)rank * sizeof *dims) == 0);
}

static alt_status differ(struct alt_collect *c, int rank, const int64_t *dims)
{
    struct alt_shape before = {.rank = c->element.rank}, now = {.rank = rank};
    char a[160], b[160];
    memcpy(before.dim, c->element.dim, sizeof c->element.dim);
    memcpy(now.dim, dims, (size_t)rank * sizeof *dims);
    return alt_eval_fail(c->eval, ALT_E_SHAPE,
                         "results that are put together have shapes %s and %s; they must have one",
                         alt_shape_print(NULL, &before, a, sizeof a), alt_shape_print(NULL, &now, b, sizeof b));
}

alt_status alt_collect_place(struct alt_collect *c, int64_t at, alt_dtype dtype, int rank, const int64_t *dims,
                             void **data)
{
    size_t need, keep;
    const bool first = !c->begun;
    if (first)
        ALT_CHECK(begin(c, dtype, rank, dims));
    if (!is_like(&c->element, dtype, rank, dims))
        return differ(c, rank, dims);
    keep = (size_t)at * c->element.bytes; /* was a size before */
    if (__builtin_mul_overflow((size_t)(c->room < 0 ? at + 1 : c->room), c->element.bytes, &need))
        return ALT_E_NOMEM;
    if (first || c->room < 0) {
        char *base = alt_flow_block(c->eval, c->block, need, c->room < 0 ? keep : 0);
        if (!base)
            return ALT_E_NOMEM;
        if (first && c->cleared)
            memset(base, 0, need);
        c->element.data = base;
    }
    *data = (char *)(uintptr_t)c->element.data + (size_t)at * c->element.bytes;
    return ALT_OK;
}

alt_status alt_collect_give(struct alt_collect *c, int64_t at, const struct alt_tensor *value)
{
    void *data = NULL;
    ALT_CHECK(alt_collect_place(c, at, value->dtype, value->rank, value->dim, &data));
    return alt_flow_copy(c->eval, value, data);
}

alt_status alt_collect_end(struct alt_collect *c, const struct alt_type *type, int n_lead, const int64_t *lead,
                           struct alt_tensor *out)
{
    struct alt_tensor t = c->element;
    if (!c->begun) {
        t = (struct alt_tensor){.dtype = type->dtype, .rank = type->shape.rank > 0 ? type->shape.rank : 0};
        for (int d = 0; d < t.rank; d++)
            t.dim[d] = alt_dim_known(type->shape.dim[d]) ? type->shape.dim[d] : 0;
        t.data = alt_flow_block(c->eval, c->block, 0, 0);
        if (!t.data)
            return ALT_E_NOMEM;
    }
    if (t.rank + n_lead > ALT_MAX_RANK)
        return alt_eval_fail(c->eval, ALT_E_UNSUPPORTED, "the results together have more than %d axes", ALT_MAX_RANK);
    memmove(t.dim + n_lead, t.dim, (size_t)t.rank * sizeof *t.dim);
    memcpy(t.dim, lead, (size_t)n_lead * sizeof *lead);
    t.rank += n_lead;
    t.bytes = alt_dtype_bytes(t.dtype, alt_tensor_count(&t));
    *out = t;
    return ALT_OK;
}
