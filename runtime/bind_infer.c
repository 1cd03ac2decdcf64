/* bind_infer.c: what a step will make of the shapes at hand. Shape arithmetic on known contents is done here and now, so that
 * chains like Shape -> Gather -> Concat -> Reshape cost nothing while running. */
#include "runtime/bind.h"

#include "runtime/infer.h"

#include <string.h>

static void type_inputs(struct binder *k, const struct alt_step *step)
{
    for (int i = 0; i < step->n_in; i++) {
        k->in[i] = NULL;
        k->known[i] = NULL;
        if (step->in[i] < 0)
            continue;
        const struct alt_bvalue *bv = &k->b->value[step->in[i]];
        struct alt_type *t = &k->type[i];
        alt_type_clear(t);
        t->dtype = bv->dtype;
        t->shape.rank = bv->rank;
        t->known = bv->known;
        memcpy(t->shape.dim, bv->dim, (size_t)bv->rank * sizeof *bv->dim);
        k->in[i] = t;
        k->known[i] = bv->known;
    }
}

/* Types of a region's values while its nodes are inferred one after another. */
struct region_types {
    const struct alt_gvalue **value;
    const struct alt_type **type;
    int count;
};

static const struct alt_type *find_type(const struct region_types *r, const struct alt_gvalue *v)
{
    for (int i = 0; i < r->count; i++)
        if (r->value[i] == v)
            return r->type[i];
    return v->kind == ALT_GV_CONST ? &v->type : NULL;
}

static alt_status infer_inner(struct binder *k, const struct alt_node *n, struct region_types *r)
{
    const struct alt_type **in = alt_arena_array(&k->work, (size_t)n->n_in + 1, sizeof *in);
    struct alt_type *out = alt_arena_array(&k->work, (size_t)n->n_out + 1, sizeof *out);
    if (!in || !out)
        return ALT_E_NOMEM;
    for (int i = 0; i < n->n_in; i++)
        in[i] = n->in[i] ? find_type(r, n->in[i]) : NULL;
    struct alt_infer inf = {.node = n, .dims = &k->dims, .arena = &k->work, .diag = k->diag, .n_in = n->n_in,
                            .n_out = n->n_out, .in = in, .out = out, .concrete = true};
    ALT_CHECK(alt_infer_run(&inf));
    for (int i = 0; i < n->n_out; i++) {
        r->value[r->count] = n->out[i];
        r->type[r->count++] = &out[i];
    }
    return ALT_OK;
}

/* Types of the outputs of a step that stands for several nodes. */
static alt_status infer_region(struct binder *k, const struct alt_step *step)
{
    size_t n = (size_t)step->n_in;
    for (int i = 0; i < step->n_region; i++)
        n += (size_t)step->region[i]->n_out;
    struct region_types r = {alt_arena_array(&k->work, n, sizeof *r.value),
                             alt_arena_array(&k->work, n, sizeof *r.type), 0};
    if (!r.value || !r.type)
        return ALT_E_NOMEM;
    for (int i = 0; i < step->n_in; i++) {
        r.value[r.count] = step->in[i] < 0 ? NULL : k->p->value[step->in[i]].origin;
        r.type[r.count++] = k->in[i];
    }
    for (int i = 0; i < step->n_region; i++)
        ALT_CHECK(infer_inner(k, step->region[i], &r));
    for (int i = 0; i < step->n_out; i++) {
        const struct alt_type *t = find_type(&r, k->p->value[step->out[i]].origin);
        if (!t)
            return ALT_E_INTERNAL;
        k->type[step->n_in + i] = *t;
    }
    return ALT_OK;
}

/* Types of the outputs in k->type[n_in..]; *deferred: the input whose content is missing, or -1. */
alt_status alt_bind_infer(struct binder *k, const struct alt_step *step, int *deferred)
{
    alt_arena_reset(&k->work);
    type_inputs(k, step);
    *deferred = -1;
    if (step->convert) {
        k->type[1] = k->type[0];
        return ALT_OK;
    }
    if (step->region)
        return infer_region(k, step);
    struct alt_infer inf = {.node = step->node, .dims = &k->dims, .arena = &k->work, .diag = k->diag,
                            .n_in = step->n_in, .n_out = step->n_out, .in = k->in, .out = k->type + step->n_in,
                            .concrete = true};
    ALT_CHECK(alt_infer_run(&inf));
    *deferred = inf.deferred;
    return ALT_OK;
}

/* A tensor made from contents that inference found (the output of Shape, say). */
static alt_status content_tensor(struct binder *k, const struct alt_type *t, const struct alt_tensor **out)
{
    *out = NULL;
    if (!t->content || t->dtype != ALT_INT64)
        return ALT_OK;
    int64_t number;
    for (int i = 0; i < t->content_count; i++)
        if (!alt_dim_number(t->content[i], &number))
            return ALT_OK;
    struct alt_tensor *made = alt_arena_alloc(&k->b->arena, sizeof *made);
    int64_t *data = alt_arena_data(&k->b->arena, (size_t)t->content_count * sizeof *data);
    if (!made || !data)
        return ALT_E_NOMEM;
    for (int i = 0; i < t->content_count; i++)
        (void)alt_dim_number(t->content[i], &data[i]);
    *made = (struct alt_tensor){.dtype = ALT_INT64, .rank = t->shape.rank, .data = data,
                                .bytes = (size_t)t->content_count * sizeof *data};
    memcpy(made->dim, t->shape.dim, sizeof made->dim);
    *out = made;
    return ALT_OK;
}

static bool worth_evaluating(const struct binder *k, const struct alt_step *step)
{
    if (step->convert || step->region || step->kind == ALT_STEP_HOST || !(alt_op_table[step->node->op].flags & ALT_OP_SHAPE))
        return false;
    for (int i = 0; i < step->n_in; i++)
        if (step->in[i] >= 0 && !k->known[i])
            return false;
    for (int i = 0; i < step->n_out; i++) {
        const struct alt_type *t = &k->type[step->n_in + i];
        if (step->out[i] < 0)
            continue;
        int64_t count = alt_shape_known(&t->shape) ? alt_dims_count(t->shape.rank, t->shape.dim) : -1;
        if (count < 0 || count > ALT_EVALUATE_LIMIT || t->dtype == ALT_STRING || k->p->value[step->out[i]].layout ||
            k->p->value[step->out[i]].output >= 0)
            return false;
    }
    return true;
}

/* An output whose content is known: a constant of this binding. */
static alt_status place_known(struct binder *k, int v, const struct alt_tensor *t)
{
    ALT_CHECK(alt_bind_shape(k, v, t->dtype, t->rank, t->dim));
    k->b->value[v].known = t;
    return alt_bind_known_root(k, v, t);
}

/* The same with a copy of the tensor. */
static alt_status keep_known(struct binder *k, int v, const struct alt_tensor *t)
{
    struct alt_tensor *copy = alt_arena_alloc(&k->b->arena, sizeof *copy);
    void *data = alt_arena_raw(&k->b->arena, t->bytes);
    if (!copy || !data)
        return ALT_E_NOMEM;
    if (t->bytes)
        memcpy(data, t->data, t->bytes);
    *copy = *t;
    copy->data = data;
    return place_known(k, v, copy);
}

/* Computes the step now when that is possible and sensible. */
alt_status alt_bind_evaluate(struct binder *k, const struct alt_step *step, bool *done)
{
    *done = false;
    if (step->n_out == 1 && step->out[0] >= 0 && k->p->value[step->out[0]].output < 0 &&
        !k->p->value[step->out[0]].layout) {
        const struct alt_tensor *t;
        ALT_CHECK(content_tensor(k, &k->type[step->n_in], &t));
        if (t) {
            *done = true;
            return place_known(k, step->out[0], t);
        }
    }
    if (!worth_evaluating(k, step))
        return ALT_OK;
    struct alt_tensor *out = alt_arena_array(&k->work, (size_t)step->n_out, sizeof *out);
    if (!out)
        return ALT_E_NOMEM;
    ALT_CHECK(alt_node_evaluate(step->node, k->known, &k->work, out, k->diag));
    for (int i = 0; i < step->n_out; i++)
        if (step->out[i] >= 0)
            ALT_CHECK(keep_known(k, step->out[i], &out[i]));
    *done = true;
    return ALT_OK;
}
