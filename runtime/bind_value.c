/* bind_value.c: values of a binding: extents and strides, buffers, and contents that exist before the segment runs. */
#include "runtime/bind.h"

#include "runtime/error.h"
#include "runtime/layout.h"

#include <limits.h>
#include <string.h>

alt_status alt_bind_root(struct binder *k, struct alt_root root, int *out)
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
    b->root[b->n_roots].end = INT_MAX;
    *out = b->n_roots++;
    return ALT_OK;
}

alt_status alt_bind_known_root(struct binder *k, int v, const struct alt_tensor *t)
{
    struct alt_bvalue *bv = &k->b->value[v];
    const struct alt_root root = {.kind = ALT_ROOT_CONST, .data = t->data, .bytes = bv->bytes, .end = INT_MAX};
    if (!k->b->like)
        return alt_bind_root(k, root, &bv->root);
    bv->root = k->b->like->value[v].root;
    if (bv->root < 0 || k->b->root[bv->root].kind != ALT_ROOT_CONST)
        return ALT_E_ILLEGAL;
    k->b->root[bv->root] = root;
    return ALT_OK;
}

const int64_t *alt_bind_keep(struct binder *k, int n, const int64_t *numbers)
{
    int64_t *copy = alt_arena_array(&k->b->arena, (size_t)n + 1, sizeof *copy);
    if (copy && n)
        memcpy(copy, numbers, (size_t)n * sizeof *copy);
    return copy;
}

/* Shape, physical extents and dense strides of value `v`. */
alt_status alt_bind_shape(struct binder *k, int v, alt_dtype dtype, int rank, const int64_t *dims)
{
    struct alt_bvalue *bv = &k->b->value[v];
    const struct alt_layout *layout = k->p->value[v].layout;
    int64_t stride[ALT_MAX_PHYSICAL_RANK];
    *bv = (struct alt_bvalue){.bound = true, .dtype = dtype, .rank = rank, .phys_rank = rank, .root = -1};
    bv->dim = bv->extent = alt_bind_keep(k, rank, dims);
    if (layout) {
        struct alt_layout_map map;
        if (alt_layout_bind(layout, rank, dims, &map) != ALT_OK)
            return alt_diag_add(k->diag, ALT_E_SHAPE, "value \"%s\" does not fit its layout", k->p->value[v].name);
        bv->phys_rank = map.phys_rank;
        bv->extent = alt_bind_keep(k, map.phys_rank, map.phys_extent);
    }
    if (!bv->dim || !bv->extent)
        return ALT_E_NOMEM;
    bv->bytes = alt_dtype_bytes(dtype, alt_dims_count(bv->phys_rank, bv->extent));
    if (bv->bytes == SIZE_MAX)
        return alt_diag_add(k->diag, ALT_E_SHAPE, "value \"%s\" is too large", k->p->value[v].name);
    alt_dense_strides(bv->phys_rank, bv->extent, stride);
    bv->stride = alt_bind_keep(k, bv->phys_rank, stride);
    return bv->stride ? ALT_OK : ALT_E_NOMEM;
}

/* True when the value's elements exist already, so that they may decide shapes. */
bool alt_bind_readable(const struct binder *k, const struct alt_bvalue *bv)
{
    if (!bv->bound || bv->root < 0 || bv->bytes > ALT_EVALUATE_LIMIT * 8)
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
alt_status alt_bind_look(struct binder *k, int v)
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
