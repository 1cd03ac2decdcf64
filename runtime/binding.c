/* binding.c: finding, remembering and forgetting bindings. The lists are short (ALT_BINDINGS) and compared by extents, so a
 * search costs less than one small step. */
#include "runtime/binding.h"

#include <string.h>

void alt_bindings_init(struct alt_bindings *cache, pthread_mutex_t *mutex, int limit)
{
    *cache = (struct alt_bindings){.mutex = mutex, .limit = limit};
}

static void unlink_binding(struct alt_bindings *cache, struct alt_binding *b)
{
    if (b->newer)
        b->newer->older = b->older;
    else
        cache->first = b->older;
    if (b->older)
        b->older->newer = b->newer;
    b->newer = b->older = NULL;
    cache->count--;
}

static void link_first(struct alt_bindings *cache, struct alt_binding *b)
{
    b->newer = NULL;
    b->older = cache->first;
    if (cache->first)
        cache->first->newer = b;
    cache->first = b;
    cache->count++;
}

void alt_bindings_free(struct alt_bindings *cache)
{
    while (cache->first) {
        struct alt_binding *b = cache->first;
        unlink_binding(cache, b);
        alt_binding_release(b);
    }
}

void alt_binding_release(struct alt_binding *binding)
{
    /* acq_rel: the last owner sees what the others did before it frees. */
    if (!binding || atomic_fetch_sub_explicit(&binding->refs, 1, memory_order_acq_rel) > 1)
        return;
    struct alt_mem *mem = binding->arena.mem;
    alt_bindings_free(&binding->next);
    struct alt_binding *like = binding->like;
    alt_arena_free(&binding->arena);
    alt_mem_free(mem, binding, sizeof *binding);
    alt_binding_release(like); /* a model has none itself */
}

static void read_strided(const struct alt_bvalue *v, int axis, size_t size, const char *from, char **to)
{
    if (axis == v->rank) {
        memcpy(*to, from, size);
        *to += size;
        return;
    }
    for (int64_t i = 0; i < v->extent[axis]; i++)
        read_strided(v, axis + 1, size, from + i * v->stride[axis] * (int64_t)size, to);
}

void alt_bvalue_read(const struct alt_bvalue *v, const void *base, void *out)
{
    char *to = out;
    size_t size = alt_dtype_size(v->dtype);
    if (!v->bytes)
        return;
    if (size)
        read_strided(v, 0, size, base, &to);
    else
        memcpy(out, base, v->bytes); /* packed types are dense always */
}

static int key_length(const struct alt_bind_source *source)
{
    int n = 0;
    for (int i = 0; i < source->n_incoming; i++)
        n += 2 + source->incoming[i].rank;
    return n;
}

static bool same_key(const struct alt_binding *b, const struct alt_bind_source *source)
{
    const int64_t *key = b->key;
    if (b->n_key != key_length(source))
        return false;
    for (int i = 0; i < source->n_incoming; i++) {
        const struct alt_tensor *t = &source->incoming[i];
        if (*key++ != t->rank || *key++ != (int64_t)t->dtype)
            return false;
        if (t->rank && memcmp(key, t->dim, (size_t)t->rank * sizeof *key) != 0)
            return false;
        key += t->rank;
    }
    return true;
}

static alt_status make_key(struct alt_binding *b, const struct alt_bind_source *source)
{
    b->n_key = key_length(source);
    int64_t *key = b->key = alt_arena_array(&b->arena, (size_t)b->n_key + 1, sizeof *key);
    if (!key)
        return ALT_E_NOMEM;
    for (int i = 0; i < source->n_incoming; i++) {
        const struct alt_tensor *t = &source->incoming[i];
        *key++ = t->rank;
        *key++ = (int64_t)t->dtype;
        for (int d = 0; d < t->rank; d++)
            *key++ = t->dim[d];
    }
    b->hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a over whole numbers */
    for (int i = 0; i < b->n_key; i++)
        b->hash = (b->hash ^ (uint64_t)b->key[i]) * UINT64_C(0x100000001b3);
    return ALT_OK;
}

/* Where the value that a look names lies now, or NULL. */
static const void *look_address(const struct alt_binding *b, const struct alt_look *l, const struct alt_bind_source *source)
{
    const struct alt_bvalue *v = &b->value[l->value];
    const struct alt_root *root = &b->root[v->root];
    if (b->parent && v->root < b->parent->n_roots)
        return (const char *)source->base[v->root] + v->offset;
    if (root->kind == ALT_ROOT_INPUT)
        return source->incoming[root->index].data;
    const struct alt_step *last = &source->program->step[b->first - 1];
    for (int i = 0; i < last->n_out; i++)
        if (last->out[i] == root->index)
            return source->incoming[i].data;
    return NULL;
}

static bool same_content(const struct alt_bvalue *v, const char *base, const char *content)
{
    size_t size = alt_dtype_size(v->dtype);
    bool same = true;
    if (!size)
        return memcmp(base, content, v->bytes) == 0;
    int64_t count = alt_dims_count(v->rank, v->dim);
    for (int64_t i = 0; i < count && same; i++) {
        int64_t rest = i, at = 0;
        for (int d = v->rank - 1; d >= 0; rest /= v->extent[d], d--)
            at += rest % v->extent[d] * v->stride[d];
        same = memcmp(base + at * (int64_t)size, content + (size_t)i * size, size) == 0;
    }
    return same;
}

static bool same_looks(const struct alt_binding *b, const struct alt_bind_source *source)
{
    for (int i = 0; i < b->n_looks; i++) {
        const void *base = look_address(b, &b->look[i], source);
        if (!base || !same_content(&b->value[b->look[i].value], base, b->look[i].content))
            return false;
    }
    return true;
}

static struct alt_binding *find(struct alt_bindings *cache, const struct alt_bind_source *source)
{
    for (struct alt_binding *b = cache->first; b; b = b->older) {
        if (!same_key(b, source) || !same_looks(b, source))
            continue;
        if (cache->first != b) {
            unlink_binding(cache, b);
            link_first(cache, b);
        }
        atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
        return b;
    }
    return NULL;
}

/* Remembers a binding (one reference for the list) and forgets the oldest one too many; that one is returned. */
static struct alt_binding *remember(struct alt_bindings *cache, struct alt_binding *b)
{
    struct alt_binding *oldest = cache->first;
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    b->serial = ++cache->serial;
    link_first(cache, b);
    if (cache->count <= cache->limit)
        return NULL;
    while (oldest->older)
        oldest = oldest->older;
    unlink_binding(cache, oldest);
    return oldest;
}

/* A binding that says only that this shape is not taken. */
static alt_status make_refusal(struct alt_binding *parent, const struct alt_bind_source *source, struct alt_binding **out)
{
    struct alt_binding *b = alt_mem_zalloc(source->mem, sizeof *b);
    if (!b)
        return ALT_E_NOMEM;
    atomic_init(&b->refs, 1);
    alt_arena_init(&b->arena, source->mem);
    alt_bindings_init(&b->next, source->mutex, 0);
    b->parent = parent;
    b->refused = true;
    *out = b;
    return ALT_OK;
}

static alt_status make(struct alt_binding *parent, struct alt_binding *model, const struct alt_bind_source *source,
                       struct alt_diag *diag, struct alt_binding **out)
{
    alt_status status = model ? alt_binding_make_like(model, source, out) : ALT_E_ILLEGAL;
    if (status != ALT_OK)
        status = alt_binding_make(parent, source, diag, out);
    if (status == ALT_E_ILLEGAL)
        status = make_refusal(parent, source, out);
    if (status != ALT_OK)
        return status;
    status = make_key(*out, source);
    if (status != ALT_OK) {
        alt_binding_release(*out);
        *out = NULL;
    }
    return status;
}

/* What the last binding used, or its model, can be a model for; one reference, or NULL. Called under the mutex. */
static struct alt_binding *retain_model(const struct alt_bindings *cache)
{
    struct alt_binding *last = cache->first, *model = last && last->like ? last->like : last;
    if (!alt_binding_is_model(model))
        return NULL;
    atomic_fetch_add_explicit(&model->refs, 1, memory_order_relaxed);
    return model;
}

/* What the caller gets of a binding that was found or made. */
static alt_status settle(struct alt_binding **out)
{
    if (!(*out)->refused)
        return ALT_OK;
    alt_binding_release(*out);
    *out = NULL;
    return ALT_E_ILLEGAL;
}

alt_status alt_binding_get(struct alt_bindings *cache, struct alt_binding *parent, const struct alt_bind_source *source,
                           struct alt_diag *diag, struct alt_binding **out, bool *made)
{
    struct alt_binding *b = NULL, *forgotten = NULL, *other, *model;
    *made = false;
    pthread_mutex_lock(cache->mutex);
    *out = find(cache, source);
    model = *out || parent ? NULL : retain_model(cache);
    pthread_mutex_unlock(cache->mutex);
    if (*out)
        return settle(out);
    alt_status status = make(parent, model, source, diag, &b);
    alt_binding_release(model);
    ALT_CHECK(status);
    pthread_mutex_lock(cache->mutex);
    other = find(cache, source); /* another thread may have bound the same shape meanwhile */
    if (!other)
        forgotten = remember(cache, b);
    pthread_mutex_unlock(cache->mutex);
    alt_binding_release(forgotten);
    if (other)
        alt_binding_release(b);
    *out = other ? other : b;
    *made = !other;
    return settle(out);
}
