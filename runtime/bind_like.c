/* bind_like.c: makes a binding from one for other extents of the same program (the *model* binding), doing again only those steps
 * that see a difference: a decoder whose cache grows by one each run pays for the steps that touch the cache.
 *
 * Values, steps and buffers are copied from the model; what the copies point to stays in the model's arena, which the new
 * binding holds. Inputs with other extents mark their readers; marked steps are inferred, evaluated, viewed and prepared
 * anew, in order, and mark the readers of outputs that came out different. Buffers keep their numbers and, where their
 * size is the same, their places; those of another size are placed behind the model's block.
 *
 * What decides the structure must come out as it did: which steps are known, which outputs are views, which share an
 * input's buffer, where the segment ends. Where it does not, and on any failure, there is no such binding, and the walk of
 * bind.c makes one from the beginning (and says what is wrong). */
#include "runtime/bind.h"
#include "runtime/wave.h"

#include <limits.h>
#include <string.h>

#define MOST_WASTE ((size_t)1 << 20) /* bytes of the model's block that may lie idle, beside as many as are used anew */

struct like {
    struct binder k;
    const struct alt_binding *model;
    uint64_t *marked; /* bit s: step s is done again */
    int *moved;       /* buffers of another size, [n_moved] */
    int n_moved;
    bool *given_back; /* parallel: its place is free again */
};

static bool same_content(const struct alt_tensor *a, const struct alt_tensor *b)
{
    if (a == b)
        return true;
    return a && b && a->bytes == b->bytes && a->dtype == b->dtype &&
           (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
}

static bool same_value(const struct alt_bvalue *a, const struct alt_bvalue *b)
{
    return a->dtype == b->dtype && a->rank == b->rank && a->phys_rank == b->phys_rank && a->offset == b->offset &&
           memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0 &&
           memcmp(a->extent, b->extent, (size_t)a->phys_rank * sizeof *a->extent) == 0 &&
           memcmp(a->stride, b->stride, (size_t)a->phys_rank * sizeof *a->stride) == 0 &&
           same_content(a->known, b->known);
}

static void mark_readers(struct like *l, int v)
{
    const struct alt_program *p = l->k.p;
    for (int i = p->reader_first[v]; i < p->reader_first[v + 1]; i++)
        l->marked[p->reader[i] / 64] |= UINT64_C(1) << (p->reader[i] % 64);
}

static alt_status copy_model(struct like *l)
{
    struct alt_binding *b = l->k.b;
    const struct alt_binding *m = l->model;
    size_t values = (size_t)l->k.p->n_values * sizeof *b->value, steps = (size_t)m->end * sizeof *b->step;
    size_t roots = (size_t)m->n_roots * sizeof *b->root;
    b->value = alt_arena_raw(&b->arena, values);
    b->step = alt_arena_raw(&b->arena, steps);
    b->root = alt_arena_raw(&b->arena, roots);
    if (!b->value || !b->step || !b->root)
        return ALT_E_NOMEM;
    memcpy(b->value, m->value, values);
    memcpy(b->step, m->step, steps);
    memcpy(b->root, m->root, roots);
    b->n_roots = b->roots_capacity = m->n_roots;
    b->end = m->end;
    b->scratch = m->scratch;
    return ALT_OK;
}

static alt_status bind_inputs(struct like *l)
{
    struct binder *k = &l->k;
    for (int i = 0; i < k->p->n_inputs; i++) {
        int v = k->p->input[i];
        const struct alt_tensor *t = &k->source->incoming[i];
        const struct alt_bvalue *was = &l->model->value[v];
        if (t->dtype != was->dtype || t->rank != was->rank || was->root < 0 ||
            l->model->root[was->root].kind != ALT_ROOT_INPUT)
            return ALT_E_ILLEGAL;
        if (memcmp(t->dim, was->dim, (size_t)t->rank * sizeof *t->dim) == 0)
            continue;
        ALT_CHECK(alt_bind_shape(k, v, t->dtype, t->rank, t->dim));
        k->b->value[v].root = was->root;
        k->b->root[was->root].bytes = k->b->value[v].bytes;
        mark_readers(l, v);
    }
    return ALT_OK;
}

/* A place behind the model's block; those whose last reader was before step `s` are free again. */
static alt_status move_root(struct like *l, int r, size_t bytes, int s)
{
    struct alt_root *root = &l->k.b->root[r];
    for (int i = 0; i < l->n_moved; i++) {
        const struct alt_root *other = &l->k.b->root[l->moved[i]];
        if (l->given_back[i] || other->end >= s)
            continue;
        if (!alt_memplan_free(&l->k.plan, other->offset, other->bytes))
            return ALT_E_NOMEM;
        l->given_back[i] = true;
    }
    root->bytes = bytes;
    l->given_back[l->n_moved] = false;
    l->moved[l->n_moved++] = r;
    return alt_memplan_alloc(&l->k.plan, bytes, &root->offset) ? ALT_OK : ALT_E_NOMEM;
}

/* The input whose buffer output `v` shares in the model, and may still share; -1: none did. */
static alt_status shared_input(const struct like *l, const struct alt_step *step, int v, int *out)
{
    const struct alt_bvalue *value = l->k.b->value, *to = &value[v];
    int root = l->model->value[v].root;
    *out = -1;
    for (int i = 0; i < step->n_in && *out < 0; i++)
        if (step->in[i] >= 0 && l->model->value[step->in[i]].root == root)
            *out = i;
    if (*out < 0)
        return ALT_OK;
    const struct alt_bvalue *from = &value[step->in[*out]];
    bool fits = from->bytes == to->bytes && from->phys_rank == to->phys_rank && from->offset == 0 &&
                memcmp(from->extent, to->extent, (size_t)to->phys_rank * sizeof *to->extent) == 0 &&
                memcmp(from->stride, to->stride, (size_t)to->phys_rank * sizeof *to->stride) == 0;
    return fits ? ALT_OK : ALT_E_ILLEGAL;
}

/* The buffer that a kernel's output had in the model. */
static alt_status place_output(struct like *l, const struct alt_step *step, int v, int s)
{
    struct alt_bvalue *bv = &l->k.b->value[v];
    const struct alt_root *was = &l->model->root[l->model->value[v].root];
    int shared;
    bv->root = l->model->value[v].root;
    if (was->kind == ALT_ROOT_OUTPUT) {
        l->k.b->root[bv->root].bytes = bv->bytes;
        return ALT_OK;
    }
    if (was->kind != ALT_ROOT_ARENA)
        return ALT_E_ILLEGAL;
    ALT_CHECK(shared_input(l, step, v, &shared));
    if (shared >= 0 || bv->bytes == was->bytes)
        return ALT_OK;
    return move_root(l, bv->root, bv->bytes, s);
}

static alt_status compute_again(struct like *l, const struct alt_step *step, int s)
{
    struct binder *k = &l->k;
    struct alt_bstep *bs = &k->b->step[s];
    const struct alt_bstep *was = &l->model->step[s];
    ALT_CHECK(alt_bind_outputs(k, step));
    alt_bind_fill(k, step);
    if (step->kind == ALT_STEP_VIEW) {
        bool viewed = false;
        ALT_CHECK(alt_bind_view(k, step, &viewed));
        if (viewed != was->skip)
            return ALT_E_ILLEGAL;
        if (viewed)
            return ALT_OK;
    }
    if (was->skip || !step->kernel)
        return ALT_E_ILLEGAL;
    for (int i = 0; i < step->n_out; i++)
        if (step->out[i] >= 0)
            ALT_CHECK(place_output(l, step, step->out[i], s));
    ALT_CHECK(alt_bind_kernel(k, step, bs));
    return alt_bind_operands(k, step, bs);
}

/* Outputs that came out as in the model are the model's; readers of the others are marked. */
static alt_status compare_outputs(struct like *l, const struct alt_step *step)
{
    struct alt_binding *b = l->k.b;
    for (int i = 0; i < step->n_out; i++) {
        int v = step->out[i];
        if (v < 0)
            continue;
        const struct alt_bvalue *was = &l->model->value[v];
        if (b->value[v].root != was->root || !b->value[v].known != !was->known)
            return ALT_E_ILLEGAL;
        if (same_value(&b->value[v], was))
            b->value[v] = *was;
        else
            mark_readers(l, v);
    }
    return ALT_OK;
}

static alt_status step_again(struct like *l, int s)
{
    struct binder *k = &l->k;
    const struct alt_step *step = &k->p->step[s];
    const struct alt_bstep *was = &l->model->step[s];
    int deferred;
    bool known = false;
    if (step->kind == ALT_STEP_HOST)
        return alt_bind_operands(k, step, &k->b->step[s]);
    ALT_CHECK(alt_bind_infer(k, step, &deferred));
    if (deferred >= 0)
        return ALT_E_ILLEGAL;
    ALT_CHECK(alt_bind_evaluate(k, step, &known));
    if (known && !was->skip)
        return ALT_E_ILLEGAL;
    if (!known)
        ALT_CHECK(compute_again(l, step, s));
    return compare_outputs(l, step);
}

static alt_status walk(struct like *l, struct alt_arena *scratch)
{
    size_t words = (size_t)l->k.p->n_steps / 64 + 1;
    l->marked = alt_arena_array(scratch, words, sizeof *l->marked);
    l->moved = alt_arena_array(scratch, (size_t)l->model->n_roots + 1, sizeof *l->moved);
    l->given_back = alt_arena_array(scratch, (size_t)l->model->n_roots + 1, sizeof *l->given_back);
    if (!l->marked || !l->moved || !l->given_back)
        return ALT_E_NOMEM;
    ALT_CHECK(copy_model(l));
    ALT_CHECK(bind_inputs(l));
    for (size_t w = 0; w < words; w++)
        for (uint64_t done = 0, left; (left = l->marked[w] & ~done) != 0;) {
            int bit = __builtin_ctzll(left), s = (int)(w * 64) + bit;
            done |= (UINT64_C(2) << bit) - 1; /* readers come behind what they read */
            if (s < l->model->end)
                ALT_CHECK(step_again(l, s));
        }
    return ALT_OK;
}

/* The places behind the model's block. */
static alt_status settle(struct like *l)
{
    struct alt_binding *b = l->k.b;
    size_t front = (l->model->block_bytes + ALT_ALIGN - 1) / ALT_ALIGN * ALT_ALIGN;
    if (l->k.plan.peak > SIZE_MAX / 4 || l->model->block_bytes > SIZE_MAX / 4)
        return ALT_E_NOMEM;
    if (l->k.plan.peak > front + MOST_WASTE)
        return ALT_E_ILLEGAL;
    for (int i = 0; i < l->n_moved; i++)
        b->root[l->moved[i]].offset += front;
    b->block_bytes = l->n_moved ? front + l->k.plan.peak : l->model->block_bytes;
    alt_wave_find(l->k.p, b);
    return ALT_OK;
}

bool alt_binding_is_model(const struct alt_binding *b)
{
    return b && !b->parent && !b->like && !b->refused && b->n_looks == 0;
}

alt_status alt_binding_make_like(struct alt_binding *model, const struct alt_bind_source *source,
                                 struct alt_binding **out)
{
    struct alt_binding *b = alt_mem_zalloc(source->mem, sizeof *b);
    if (!b)
        return ALT_E_NOMEM;
    struct alt_arena scratch;
    struct like l = {.k = {.b = b, .source = source, .p = source->program}, .model = model};
    alt_binding_begin(&l.k, &scratch);
    b->like = model;
    atomic_fetch_add_explicit(&model->refs, 1, memory_order_relaxed);
    alt_status status = alt_bind_tables(&l.k, &scratch);
    if (status == ALT_OK)
        status = walk(&l, &scratch);
    if (status == ALT_OK)
        status = settle(&l);
    alt_arena_free(&l.k.work);
    alt_arena_free(&scratch);
    if (status != ALT_OK)
        alt_binding_release(b);
    else
        *out = b;
    return status;
}
