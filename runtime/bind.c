/* bind.c: makes one binding: walks the steps of a program once with concrete shapes.
 *
 * For each step: infer the output shapes; evaluate the step right away when it is shape arithmetic on known contents; else
 * give its outputs a place (a view of an input, an input's own buffer, a graph output, or the arena), and let the kernel
 * prepare itself. Arena memory is planned in the same walk: a buffer goes back when the last value in it has had its last
 * reader. The walk stops after a step that runs on the host and before one that needs contents not computed yet; what
 * follows is the business of a continuation. */
#include "runtime/bind.h"

#include "runtime/error.h"
#include "runtime/wave.h"

#include <string.h>

static alt_status bind_constant(struct binder *k, int v)
{
    const struct alt_pvalue *pv = &k->p->value[v];
    const struct alt_tensor *t = pv->known;
    ALT_CHECK(alt_bind_shape(k, v, t->dtype, t->rank, t->dim));
    struct alt_bvalue *bv = &k->b->value[v];
    bv->known = t;
    return alt_bind_root(k, (struct alt_root){.kind = ALT_ROOT_CONST, .data = pv->data, .bytes = bv->bytes}, &bv->root);
}

/* A value whose buffer is the caller's or a host step's. */
static alt_status bind_incoming(struct binder *k, int v, const struct alt_tensor *t, enum alt_root_kind kind, int index)
{
    ALT_CHECK(alt_bind_shape(k, v, t->dtype, t->rank, t->dim));
    struct alt_bvalue *bv = &k->b->value[v];
    return alt_bind_root(k, (struct alt_root){.kind = kind, .index = index, .bytes = bv->bytes}, &bv->root);
}

/* What came in: the inputs, or the outputs of the host step that ended the parent. */
static alt_status bind_all_incoming(struct binder *k)
{
    const struct alt_binding *parent = k->b->parent;
    if (!parent) {
        for (int v = 0; v < k->p->n_values; v++)
            if (k->p->value[v].kind == ALT_PV_CONST)
                ALT_CHECK(bind_constant(k, v));
        for (int i = 0; i < k->p->n_inputs; i++)
            ALT_CHECK(bind_incoming(k, k->p->input[i], &k->source->incoming[i], ALT_ROOT_INPUT, i));
        return ALT_OK;
    }
    const struct alt_step *last = &k->p->step[parent->end - 1];
    for (int i = 0; i < k->source->n_incoming; i++)
        if (last->out[i] >= 0)
            ALT_CHECK(bind_incoming(k, last->out[i], &k->source->incoming[i], ALT_ROOT_HOST, last->out[i]));
    return ALT_OK;
}

static bool inputs_bound(const struct binder *k, const struct alt_step *step)
{
    for (int i = 0; i < step->n_in; i++)
        if (step->in[i] >= 0 && !k->b->value[step->in[i]].bound)
            return false;
    return true;
}

/* Operations of one tile, between two looks at the deadline; some minutes of them. */
#define MOST_TILE_FLOPS 1e12

alt_status alt_bind_kernel(struct binder *k, const struct alt_step *step, struct alt_bstep *bs)
{
    struct alt_kernel_bind bind = {.kernel = step->kernel, .node = step->node, .region = step->region, .n_region = step->n_region, .diag = k->diag,
                                   .arena = &k->b->arena, .n_in = step->n_in, .n_out = step->n_out, .in = k->operand, .out = k->operand + step->n_in, .range = 1};
    bs->kernel = step->kernel;
    if (bs->kernel->bind)
        ALT_CHECK((alt_status)bs->kernel->bind(&bind));
    bs->params = bind.params;
    bs->extent = bind.extent;
    bs->range = bind.range;
    bs->flops = bind.flops;
    if (bind.scratch > SIZE_MAX / 2)
        return ALT_E_NOMEM;
    if (bind.range > 0 && bind.flops > MOST_TILE_FLOPS * (double)bind.range)
        return alt_diag_add(k->diag, ALT_E_UNSUPPORTED,
                            "node \"%s\" (%s) would take %.1e operations in one piece, at most %.0e can be had",
                            step->node->name, alt_op_table[step->node->op].name, bind.flops / (double)bind.range,
                            MOST_TILE_FLOPS);
    bind.scratch = (bind.scratch + ALT_ALIGN - 1) / ALT_ALIGN * ALT_ALIGN; /* each thread's starts on a line of its own */
    if (bind.scratch > k->b->scratch)
        k->b->scratch = bind.scratch;
    return ALT_OK;
}

alt_status alt_bind_operands(struct binder *k, const struct alt_step *step, struct alt_bstep *bs)
{
    int n = step->n_in + step->n_out;
    struct alt_koperand *operand = alt_arena_array(&k->b->arena, (size_t)n, sizeof *operand);
    if (!operand)
        return ALT_E_NOMEM;
    for (int i = 0; i < n; i++) {
        int v = i < step->n_in ? step->in[i] : step->out[i - step->n_in];
        if (v < 0)
            continue;
        const struct alt_bvalue *bv = &k->b->value[v];
        operand[i] = (struct alt_koperand){NULL, bv->phys_rank, bv->extent, bv->stride};
    }
    bs->operand = operand;
    return ALT_OK;
}

alt_status alt_bind_outputs(struct binder *k, const struct alt_step *step)
{
    for (int i = 0; i < step->n_out; i++) {
        const struct alt_type *t = &k->type[step->n_in + i];
        if (step->out[i] < 0)
            continue;
        if (t->kind != ALT_TENSOR || t->dtype == ALT_NONE || !alt_shape_known(&t->shape))
            return alt_diag_add(k->diag, ALT_E_INTERNAL, "node \"%s\" (%s): output %d has no shape", step->node->name,
                                alt_op_table[step->node->op].name, i);
        ALT_CHECK(alt_bind_shape(k, step->out[i], t->dtype, t->shape.rank, t->shape.dim));
    }
    return ALT_OK;
}

static alt_status bind_compute(struct binder *k, const struct alt_step *step, int s, struct alt_bstep *bs)
{
    ALT_CHECK(alt_bind_outputs(k, step));
    alt_bind_fill(k, step);
    if (step->kind == ALT_STEP_VIEW) {
        ALT_CHECK(alt_bind_view(k, step, &bs->skip));
        if (bs->skip)
            return ALT_OK;
        if (!step->kernel)
            return alt_diag_add(k->diag, ALT_E_UNSUPPORTED, "node \"%s\" (%s): this shape has no kernel",
                                step->node->name, alt_op_table[step->node->op].name);
    }
    ALT_CHECK(alt_bind_place(k, step, s, step->kernel));
    ALT_CHECK(alt_bind_kernel(k, step, bs));
    return alt_bind_operands(k, step, bs);
}

/* The content of input `i` is there, and inference can make nothing of it: a list where one number belongs, or too long a one. */
static alt_status refuse_content(struct binder *k, const struct alt_step *step, int i)
{
    char text[160];
    const struct alt_type *t = &k->type[i];
    return alt_diag_add(k->diag, ALT_E_SHAPE,
                        "node \"%s\" (%s): input %d, %s%s, does not say the shape of the output: it must have "
                        "the rank and length that the operator is specified with, and the output at most %d axes",
                        step->node->name, alt_op_table[step->node->op].name, i, alt_dtype_name(t->dtype),
                        alt_shape_print(&k->dims, &t->shape, text, sizeof text), ALT_MAX_RANK);
}

/* Binds step `s`; *stop: the segment ends before it. */
static alt_status bind_step(struct binder *k, int s, bool *stop)
{
    const struct alt_step *step = &k->p->step[s];
    struct alt_bstep *bs = &k->b->step[s - k->b->first];
    int deferred;
    *stop = !inputs_bound(k, step);
    if (*stop)
        return ALT_OK;
    if (step->kind == ALT_STEP_HOST)
        return alt_bind_operands(k, step, bs);
    ALT_CHECK(alt_bind_infer(k, step, &deferred));
    while (deferred >= 0) {
        int v = step->in[deferred];
        if (v >= 0 && k->b->value[v].known)
            return refuse_content(k, step, deferred);
        if (v < 0 || !alt_bind_readable(k, &k->b->value[v])) {
            if (s > k->b->first && v >= 0 && k->b->value[v].bytes <= ALT_EVALUATE_LIMIT * 8) {
                *stop = true;
                return ALT_OK;
            }
            return alt_diag_add(k->diag, ALT_E_UNSUPPORTED, "node \"%s\" (%s): the content of input %d decides the shape "
                                "and is too large", step->node->name, alt_op_table[step->node->op].name, deferred);
        }
        ALT_CHECK(alt_bind_look(k, v));
        ALT_CHECK(alt_bind_infer(k, step, &deferred));
    }
    ALT_CHECK(alt_bind_evaluate(k, step, &bs->skip));
    if (!bs->skip)
        ALT_CHECK(bind_compute(k, step, s, bs));
    return alt_bind_drop(k, step, s);
}

static alt_status bind_steps(struct binder *k)
{
    struct alt_binding *b = k->b;
    int s = b->first;
    for (bool stop = false; s < k->p->n_steps; s++) {
        ALT_CHECK(bind_step(k, s, &stop));
        if (stop)
            break;
        if (k->p->step[s].kind == ALT_STEP_HOST) {
            s++;
            break;
        }
    }
    b->end = s;
    b->block_bytes = k->plan.peak;
    alt_wave_find(k->p, b);
    return s > b->first || b->first == k->p->n_steps ? ALT_OK : ALT_E_INTERNAL;
}

static alt_status inherit(struct binder *k)
{
    struct alt_binding *b = k->b;
    const struct alt_binding *parent = b->parent;
    b->value = alt_arena_array(&b->arena, (size_t)k->p->n_values + 1, sizeof *b->value);
    b->first = parent ? parent->end : 0;
    b->depth = parent ? parent->depth + 1 : 0;
    b->step = alt_arena_array(&b->arena, (size_t)(k->p->n_steps - b->first) + 1, sizeof *b->step);
    if (!b->value || !b->step)
        return ALT_E_NOMEM;
    if (!parent)
        return ALT_OK;
    b->roots_capacity = parent->n_roots + 64;
    b->root = alt_arena_array(&b->arena, (size_t)b->roots_capacity, sizeof *b->root);
    if (!b->root)
        return ALT_E_NOMEM;
    memcpy(b->value, parent->value, (size_t)k->p->n_values * sizeof *b->value);
    memcpy(b->root, parent->root, (size_t)parent->n_roots * sizeof *b->root);
    b->n_roots = k->parent_roots = parent->n_roots;
    return ALT_OK;
}

alt_status alt_bind_tables(struct binder *k, struct alt_arena *scratch)
{
    size_t n = (size_t)k->p->max_operands + 1;
    k->type = alt_arena_array(scratch, n, sizeof *k->type);
    k->in = alt_arena_array(scratch, n, sizeof *k->in);
    k->operand = alt_arena_array(scratch, n, sizeof *k->operand);
    k->known = alt_arena_array(scratch, n, sizeof *k->known);
    k->view_stride = alt_arena_array(scratch, n, sizeof *k->view_stride);
    k->view_offset = alt_arena_array(scratch, n, sizeof *k->view_offset);
    return k->type && k->in && k->operand && k->known && k->view_stride && k->view_offset ? ALT_OK : ALT_E_NOMEM;
}

static alt_status bind_all(struct binder *k)
{
    ALT_CHECK(inherit(k));
    ALT_CHECK(bind_all_incoming(k));
    return bind_steps(k);
}

void alt_binding_begin(struct binder *k, struct alt_arena *scratch)
{
    alt_arena_init(&k->b->arena, k->source->mem);
    alt_arena_init(scratch, k->source->mem);
    alt_arena_init(&k->work, k->source->mem);
    alt_memplan_init(&k->plan, scratch);
    alt_dimtab_init(&k->dims, scratch);
    atomic_init(&k->b->refs, 1);
    alt_bindings_init(&k->b->next, k->source->mutex, ALT_CONTINUATIONS);
}

alt_status alt_binding_make(struct alt_binding *parent, const struct alt_bind_source *source, struct alt_diag *diag,
                            struct alt_binding **out)
{
    struct alt_binding *b = alt_mem_zalloc(source->mem, sizeof *b);
    if (!b)
        return ALT_E_NOMEM;
    struct alt_arena scratch;
    struct binder k = {.b = b, .source = source, .p = source->program, .diag = diag};
    alt_binding_begin(&k, &scratch);
    b->parent = parent;
    alt_status status = alt_bind_tables(&k, &scratch);
    if (status == ALT_OK)
        status = bind_all(&k);
    alt_arena_free(&k.work);
    alt_arena_free(&scratch);
    if (status != ALT_OK)
        alt_binding_release(b);
    else
        *out = b;
    return status;
}
