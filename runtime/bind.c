/* bind.c: makes one binding: walks the steps of a program once with concrete shapes.
 *
 * For each step: infer the output shapes; evaluate the step right away when it is shape arithmetic on known contents; else
 * give its outputs a place (a view of an input, an input's own buffer, a graph output, or the arena), and let the kernel
 * prepare itself. Arena memory is planned in the same walk: a buffer goes back when the last value in it has had its last
 * reader. The walk stops after a step that runs on the host and before one that needs contents not computed yet; what
 * follows is the business of a continuation. */
#include "runtime/binding.h"

#include "runtime/infer.h"
#include "runtime/layout.h"
#include "runtime/memplan.h"
#include "runtime/ops/copy.h"

#include <assert.h>
#include <string.h>

enum { EVALUATE_LIMIT = 4096 }; /* elements: shape arithmetic is small; larger results are worth the threads */

struct binder {
    struct alt_binding *b;
    const struct alt_bind_source *source;
    const struct alt_program *p;
    struct alt_diag *diag;
    struct alt_memplan plan;
    struct alt_dimtab dims;
    int parent_roots;            /* buffers that exist already */
    /* for one step, [max_operands] */
    struct alt_type *type;
    const struct alt_type **in;
    struct alt_operand *operand;
    const struct alt_tensor **known;
    int64_t (*view_stride)[ALT_MAX_RANK];
    int64_t *view_offset;
};

static alt_status add_root(struct binder *k, struct alt_root root, int *out)
{
    struct alt_binding *b = k->b;
    if (b->n_roots == b->roots_capacity) {
        int capacity = b->roots_capacity * 2 + 64;
        struct alt_root *copy = alt_arena_array(&b->arena, (size_t)capacity, sizeof *copy);
        if (!copy)
            return ALT_E_NOMEM;
        if (b->n_roots)
            memcpy(copy, b->root, (size_t)b->n_roots * sizeof *copy);
        b->root = copy;
        b->roots_capacity = capacity;
    }
    b->root[b->n_roots] = root;
    *out = b->n_roots++;
    return ALT_OK;
}

static const int64_t *keep(struct binder *k, int n, const int64_t *numbers)
{
    int64_t *copy = alt_arena_array(&k->b->arena, (size_t)n + 1, sizeof *copy);
    if (copy && n)
        memcpy(copy, numbers, (size_t)n * sizeof *copy);
    return copy;
}

/* Shape, physical extents and dense strides of value `v`. */
static alt_status shape_value(struct binder *k, int v, alt_dtype dtype, int rank, const int64_t *dims)
{
    struct alt_bvalue *bv = &k->b->value[v];
    const struct alt_layout *layout = k->p->value[v].layout;
    int64_t stride[ALT_MAX_PHYSICAL_RANK];
    *bv = (struct alt_bvalue){.bound = true, .dtype = dtype, .rank = rank, .phys_rank = rank, .root = -1};
    bv->dim = bv->extent = keep(k, rank, dims);
    if (layout) {
        struct alt_layout_map map;
        if (alt_layout_bind(layout, rank, dims, &map) != ALT_OK)
            return alt_diag_add(k->diag, ALT_E_SHAPE, "value \"%s\" does not fit its layout", k->p->value[v].name);
        bv->phys_rank = map.phys_rank;
        bv->extent = keep(k, map.phys_rank, map.phys_extent);
    }
    if (!bv->dim || !bv->extent)
        return ALT_E_NOMEM;
    bv->bytes = alt_dtype_bytes(dtype, alt_dims_count(bv->phys_rank, bv->extent));
    if (bv->bytes == SIZE_MAX)
        return alt_diag_add(k->diag, ALT_E_SHAPE, "value \"%s\" is too large", k->p->value[v].name);
    alt_dense_strides(bv->phys_rank, bv->extent, stride);
    bv->stride = keep(k, bv->phys_rank, stride);
    return bv->stride ? ALT_OK : ALT_E_NOMEM;
}

static alt_status bind_constant(struct binder *k, int v)
{
    const struct alt_pvalue *pv = &k->p->value[v];
    const struct alt_tensor *t = pv->known;
    ALT_CHECK(shape_value(k, v, t->dtype, t->rank, t->dim));
    struct alt_bvalue *bv = &k->b->value[v];
    bv->known = t;
    return add_root(k, (struct alt_root){.kind = ALT_ROOT_CONST, .data = pv->data, .bytes = bv->bytes}, &bv->root);
}

/* A value whose buffer is the caller's or a host step's. */
static alt_status bind_incoming(struct binder *k, int v, const struct alt_tensor *t, enum alt_root_kind kind, int index)
{
    ALT_CHECK(shape_value(k, v, t->dtype, t->rank, t->dim));
    struct alt_bvalue *bv = &k->b->value[v];
    return add_root(k, (struct alt_root){.kind = kind, .index = index, .bytes = bv->bytes}, &bv->root);
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

/* True when the value's elements exist already, so that they may decide shapes. */
static bool readable(const struct binder *k, const struct alt_bvalue *bv)
{
    if (!bv->bound || bv->root < 0 || bv->bytes > EVALUATE_LIMIT * 8)
        return false;
    const struct alt_root *root = &k->b->root[bv->root];
    return bv->root < k->parent_roots || root->kind == ALT_ROOT_HOST ||
           (root->kind == ALT_ROOT_INPUT && k->source->incoming[root->index].data);
}

static const void *address(const struct binder *k, const struct alt_bvalue *bv)
{
    const struct alt_root *root = &k->b->root[bv->root];
    if (bv->root < k->parent_roots)
        return (const char *)k->source->base[bv->root] + bv->offset;
    if (root->kind == ALT_ROOT_INPUT)
        return k->source->incoming[root->index].data;
    const struct alt_step *last = &k->p->step[k->b->parent->end - 1];
    for (int i = 0; i < last->n_out; i++)
        if (last->out[i] == root->index)
            return k->source->incoming[i].data;
    return NULL;
}

/* Makes a content known by reading it, and part of the key. */
static alt_status look(struct binder *k, int v)
{
    struct alt_binding *b = k->b;
    struct alt_bvalue *bv = &b->value[v];
    struct alt_tensor *t = alt_arena_alloc(&b->arena, sizeof *t);
    void *content = alt_arena_data(&b->arena, bv->bytes);
    struct alt_look *looks = alt_arena_array(&b->arena, (size_t)b->n_looks + 1, sizeof *looks);
    if (!t || !content || !looks)
        return ALT_E_NOMEM;
    alt_bvalue_read(bv, address(k, bv), content);
    if (b->n_looks)
        memcpy(looks, b->look, (size_t)b->n_looks * sizeof *looks);
    looks[b->n_looks++] = (struct alt_look){v, bv->bytes, content};
    b->look = looks;
    *t = (struct alt_tensor){.dtype = bv->dtype, .rank = bv->rank, .data = content, .bytes = bv->bytes};
    memcpy(t->dim, bv->dim, (size_t)bv->rank * sizeof *t->dim);
    bv->known = t;
    return ALT_OK;
}

static bool inputs_bound(const struct binder *k, const struct alt_step *step)
{
    for (int i = 0; i < step->n_in; i++)
        if (step->in[i] >= 0 && !k->b->value[step->in[i]].bound)
            return false;
    return true;
}

static void type_inputs(struct binder *k, const struct alt_step *step)
{
    for (int i = 0; i < step->n_in; i++) {
        k->in[i] = NULL;
        k->known[i] = NULL;
        if (step->in[i] < 0)
            continue;
        const struct alt_bvalue *bv = &k->b->value[step->in[i]];
        struct alt_type *t = &k->type[i];
        *t = (struct alt_type){.dtype = bv->dtype, .shape.rank = bv->rank, .known = bv->known};
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
    const struct alt_type **in = alt_arena_array(&k->b->arena, (size_t)n->n_in + 1, sizeof *in);
    struct alt_type *out = alt_arena_array(&k->b->arena, (size_t)n->n_out + 1, sizeof *out);
    if (!in || !out)
        return ALT_E_NOMEM;
    for (int i = 0; i < n->n_in; i++)
        in[i] = n->in[i] ? find_type(r, n->in[i]) : NULL;
    struct alt_infer inf = {.node = n, .dims = &k->dims, .arena = &k->b->arena, .diag = k->diag, .n_in = n->n_in,
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
    struct region_types r = {alt_arena_array(&k->b->arena, n, sizeof *r.value),
                             alt_arena_array(&k->b->arena, n, sizeof *r.type), 0};
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
static alt_status infer_step(struct binder *k, const struct alt_step *step, int *deferred)
{
    type_inputs(k, step);
    *deferred = -1;
    if (step->convert) {
        k->type[1] = k->type[0];
        return ALT_OK;
    }
    if (step->region)
        return infer_region(k, step);
    struct alt_infer inf = {.node = step->node, .dims = &k->dims, .arena = &k->b->arena, .diag = k->diag,
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
        if (count < 0 || count > EVALUATE_LIMIT || k->p->value[step->out[i]].layout ||
            k->p->value[step->out[i]].output >= 0)
            return false;
    }
    return true;
}

/* An output whose content is known: a constant of this binding. */
static alt_status place_known(struct binder *k, int v, const struct alt_tensor *t)
{
    ALT_CHECK(shape_value(k, v, t->dtype, t->rank, t->dim));
    struct alt_bvalue *bv = &k->b->value[v];
    bv->known = t;
    return add_root(k, (struct alt_root){.kind = ALT_ROOT_CONST, .data = t->data, .bytes = bv->bytes}, &bv->root);
}

/* Computes the step now when that is possible and sensible. */
static alt_status try_evaluate(struct binder *k, const struct alt_step *step, bool *done)
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
    struct alt_tensor *out = alt_arena_array(&k->b->arena, (size_t)step->n_out, sizeof *out);
    if (!out)
        return ALT_E_NOMEM;
    ALT_CHECK(alt_node_evaluate(step->node, k->known, &k->b->arena, out, k->diag));
    for (int i = 0; i < step->n_out; i++)
        if (step->out[i] >= 0)
            ALT_CHECK(place_known(k, step->out[i], &out[i]));
    *done = true;
    return ALT_OK;
}

static void fill_operand(const struct binder *k, int v, struct alt_operand *op)
{
    op->dtype = ALT_NONE;
    op->known = NULL;
    op->layout = NULL;
    op->rank = op->phys_rank = 0;
    if (v < 0)
        return;
    const struct alt_bvalue *bv = &k->b->value[v];
    op->dtype = bv->dtype;
    op->rank = bv->rank;
    op->phys_rank = bv->phys_rank;
    op->layout = k->p->value[v].layout;
    memcpy(op->dim, bv->dim, (size_t)bv->rank * sizeof *bv->dim);
    memcpy(op->extent, bv->extent, (size_t)bv->phys_rank * sizeof *bv->extent);
    memcpy(op->stride, bv->stride, (size_t)bv->phys_rank * sizeof *bv->stride);
    if (bv->known && bv->root >= 0 && k->b->root[bv->root].kind == ALT_ROOT_CONST)
        op->known = k->b->root[bv->root].data;
    else if (bv->known)
        op->known = bv->known->data;
}

static void fill_operands(struct binder *k, const struct alt_step *step)
{
    for (int i = 0; i < step->n_in; i++)
        fill_operand(k, step->in[i], &k->operand[i]);
    for (int i = 0; i < step->n_out; i++)
        fill_operand(k, step->out[i], &k->operand[step->n_in + i]);
}

static bool dense(const struct alt_bvalue *bv)
{
    return alt_is_dense(bv->phys_rank, bv->extent, bv->stride);
}

/* Outputs share the buffer of input 0 when the operator can say how and every reader can follow. */
static alt_status try_view(struct binder *k, const struct alt_step *step, bool *done)
{
    const struct alt_op_impl *impl = alt_op_table[step->node->op].impl;
    const struct alt_bvalue *src = &k->b->value[step->in[0]];
    size_t size = alt_dtype_size(src->dtype);
    *done = false;
    if (k->p->value[step->in[0]].layout)
        return ALT_OK;
    memset(k->view_offset, 0, (size_t)step->n_out * sizeof *k->view_offset);
    struct alt_view view = {.node = step->node, .n_in = step->n_in, .n_out = step->n_out, .in = k->operand,
                            .out = k->operand + step->n_in, .stride = k->view_stride, .offset = k->view_offset};
    if (!impl->view(&view))
        return ALT_OK;
    for (int i = 0; i < step->n_out; i++) {
        if (step->out[i] < 0)
            continue;
        const struct alt_bvalue *out = &k->b->value[step->out[i]];
        const struct alt_pvalue *pv = &k->p->value[step->out[i]];
        bool as_is = alt_is_dense(out->rank, out->dim, k->view_stride[i]);
        if (pv->layout || pv->output >= 0 || (!as_is && !pv->strided_ok) || (!size && (!as_is || k->view_offset[i])))
            return ALT_OK;
    }
    for (int i = 0; i < step->n_out; i++) {
        if (step->out[i] < 0)
            continue;
        struct alt_bvalue *out = &k->b->value[step->out[i]];
        out->stride = keep(k, out->rank, k->view_stride[i]);
        if (!out->stride)
            return ALT_E_NOMEM;
        out->root = src->root;
        out->offset = src->offset + k->view_offset[i] * (int64_t)size;
        k->b->root[src->root].live++;
    }
    *done = true;
    return ALT_OK;
}

/* The input whose buffer output 0 may overwrite, or -1: its last reader is this step, nothing else lives in the buffer. */
static int inplace_input(const struct binder *k, const struct alt_step *step, int s, const struct alt_kernel *kernel)
{
    const struct alt_bvalue *out = &k->b->value[step->out[0]];
    int candidates = kernel->flags & ALT_KERNEL_INPLACE ? step->n_in : kernel->flags & ALT_KERNEL_INPLACE_0 ? 1 : 0;
    if (k->p->value[step->out[0]].output >= 0)
        return -1;
    for (int i = 0; i < candidates && i < step->n_in; i++) {
        int v = step->in[i];
        if (v < 0 || k->p->value[v].last_use != s)
            continue;
        const struct alt_bvalue *in = &k->b->value[v];
        const struct alt_root *root = &k->b->root[in->root];
        bool twice = false;
        for (int j = 0; j < step->n_in; j++)
            twice |= j != i && step->in[j] >= 0 && k->b->value[step->in[j]].root == in->root;
        if (root->kind == ALT_ROOT_ARENA && in->root >= k->parent_roots && root->live == 1 && !twice &&
            in->offset == 0 && in->bytes == out->bytes && alt_dtype_size(in->dtype) == alt_dtype_size(out->dtype) &&
            in->phys_rank == out->phys_rank && dense(in) &&
            memcmp(in->extent, out->extent, (size_t)in->phys_rank * sizeof *in->extent) == 0)
            return i;
    }
    return -1;
}

static alt_status place_output(struct binder *k, int v)
{
    struct alt_bvalue *bv = &k->b->value[v];
    struct alt_root root = {.kind = ALT_ROOT_ARENA, .bytes = bv->bytes, .live = 1};
    if (k->p->value[v].output >= 0 && bv->dtype != ALT_STRING)
        root = (struct alt_root){.kind = ALT_ROOT_OUTPUT, .index = k->p->value[v].output, .bytes = bv->bytes, .live = 1};
    else if (!alt_memplan_alloc(&k->plan, bv->bytes, &root.offset))
        return ALT_E_NOMEM;
    return add_root(k, root, &bv->root);
}

static alt_status place_outputs(struct binder *k, const struct alt_step *step, int s, const struct alt_kernel *kernel)
{
    for (int i = 0; i < step->n_out; i++) {
        if (step->out[i] < 0)
            continue;
        int from = i == 0 ? inplace_input(k, step, s, kernel) : -1;
        if (from >= 0) {
            k->b->value[step->out[i]].root = k->b->value[step->in[from]].root;
            k->b->root[k->b->value[step->out[i]].root].live++;
            continue;
        }
        ALT_CHECK(place_output(k, step->out[i]));
    }
    return ALT_OK;
}

/* A value has had its last reader: its buffer may go. */
static alt_status drop(struct binder *k, int v)
{
    const struct alt_bvalue *bv = &k->b->value[v];
    if (bv->root < k->parent_roots)
        return ALT_OK; /* lies in an earlier segment's block, which stays whole */
    struct alt_root *root = &k->b->root[bv->root];
    if (root->kind != ALT_ROOT_ARENA || --root->live > 0)
        return ALT_OK;
    return alt_memplan_free(&k->plan, root->offset, root->bytes) ? ALT_OK : ALT_E_NOMEM;
}

static alt_status drop_dead(struct binder *k, const struct alt_step *step, int s)
{
    for (int i = 0; i < step->n_in + step->n_out; i++) {
        int v = i < step->n_in ? step->in[i] : step->out[i - step->n_in];
        bool seen = false;
        for (int j = 0; j < i && j < step->n_in; j++)
            seen |= step->in[j] == v;
        if (v >= 0 && !seen && k->p->value[v].kind == ALT_PV_TEMP && k->p->value[v].last_use == s)
            ALT_CHECK(drop(k, v));
    }
    return ALT_OK;
}

static alt_status bind_kernel(struct binder *k, const struct alt_step *step, struct alt_bstep *bs)
{
    struct alt_kernel_bind bind = {.kernel = step->kernel, .node = step->node, .diag = k->diag, .arena = &k->b->arena, .n_in = step->n_in,
                                   .n_out = step->n_out, .in = k->operand, .out = k->operand + step->n_in, .range = 1};
    bs->kernel = step->kernel;
    if (bs->kernel->bind)
        ALT_CHECK((alt_status)bs->kernel->bind(&bind));
    bs->params = bind.params;
    bs->range = bind.range;
    bs->flops = bind.flops;
    if (bind.scratch > SIZE_MAX / 2)
        return ALT_E_NOMEM;
    bind.scratch = (bind.scratch + ALT_ALIGN - 1) / ALT_ALIGN * ALT_ALIGN; /* each thread's starts on a line of its own */
    if (bind.scratch > k->b->scratch)
        k->b->scratch = bind.scratch;
    return ALT_OK;
}

static alt_status bind_operands(struct binder *k, const struct alt_step *step, struct alt_bstep *bs)
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

static alt_status shape_outputs(struct binder *k, const struct alt_step *step)
{
    for (int i = 0; i < step->n_out; i++) {
        const struct alt_type *t = &k->type[step->n_in + i];
        if (step->out[i] < 0)
            continue;
        if (t->kind != ALT_TENSOR || t->dtype == ALT_NONE || !alt_shape_known(&t->shape))
            return alt_diag_add(k->diag, ALT_E_INTERNAL, "node \"%s\" (%s): output %d has no shape", step->node->name,
                                alt_op_table[step->node->op].name, i);
        ALT_CHECK(shape_value(k, step->out[i], t->dtype, t->shape.rank, t->shape.dim));
    }
    return ALT_OK;
}

static alt_status bind_compute(struct binder *k, const struct alt_step *step, int s, struct alt_bstep *bs)
{
    ALT_CHECK(shape_outputs(k, step));
    fill_operands(k, step);
    if (step->kind == ALT_STEP_VIEW) {
        ALT_CHECK(try_view(k, step, &bs->skip));
        if (bs->skip)
            return ALT_OK;
        if (!step->kernel)
            return alt_diag_add(k->diag, ALT_E_UNSUPPORTED, "node \"%s\" (%s): this shape has no kernel",
                                step->node->name, alt_op_table[step->node->op].name);
    }
    ALT_CHECK(place_outputs(k, step, s, step->kernel));
    ALT_CHECK(bind_kernel(k, step, bs));
    return bind_operands(k, step, bs);
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
        return bind_operands(k, step, bs);
    ALT_CHECK(infer_step(k, step, &deferred));
    while (deferred >= 0) {
        int v = step->in[deferred];
        if (v < 0 || !readable(k, &k->b->value[v])) {
            if (s > k->b->first && v >= 0 && k->b->value[v].bytes <= EVALUATE_LIMIT * 8) {
                *stop = true;
                return ALT_OK;
            }
            return alt_diag_add(k->diag, ALT_E_UNSUPPORTED, "node \"%s\" (%s): the content of input %d decides the shape "
                                "and is too large", step->node->name, alt_op_table[step->node->op].name, deferred);
        }
        if (k->b->value[v].known)
            return alt_diag_add(k->diag, ALT_E_INTERNAL, "node \"%s\" (%s): shape inference asks for a content that it has",
                                step->node->name, alt_op_table[step->node->op].name);
        ALT_CHECK(look(k, v));
        ALT_CHECK(infer_step(k, step, &deferred));
    }
    ALT_CHECK(try_evaluate(k, step, &bs->skip));
    if (!bs->skip)
        ALT_CHECK(bind_compute(k, step, s, bs));
    return drop_dead(k, step, s);
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
    return s > b->first || k->p->n_steps == 0 ? ALT_OK : ALT_E_INTERNAL;
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

static alt_status make_tables(struct binder *k, struct alt_arena *scratch)
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

alt_status alt_binding_make(struct alt_binding *parent, const struct alt_bind_source *source, struct alt_diag *diag,
                            struct alt_binding **out)
{
    struct alt_binding *b = alt_mem_zalloc(source->mem, sizeof *b);
    if (!b)
        return ALT_E_NOMEM;
    struct alt_arena scratch;
    struct binder k = {.b = b, .source = source, .p = source->program, .diag = diag};
    alt_arena_init(&b->arena, source->mem);
    alt_arena_init(&scratch, source->mem);
    alt_memplan_init(&k.plan, &scratch);
    alt_dimtab_init(&k.dims, &scratch);
    b->parent = parent;
    atomic_init(&b->refs, 1);
    alt_bindings_init(&b->next, source->mutex, ALT_CONTINUATIONS);
    alt_status status = make_tables(&k, &scratch);
    if (status == ALT_OK)
        status = bind_all(&k);
    alt_arena_free(&scratch);
    if (status != ALT_OK)
        alt_binding_release(b);
    else
        *out = b;
    return status;
}
