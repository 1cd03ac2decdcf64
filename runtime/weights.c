/* weights.c: the store of constants laid out for kernels; see weights.h.
 *
 * A weight is one allocation: head, key, elements. The table has a fixed number of buckets: models have hundreds of constants,
 * seldom thousands, and one is looked up only while a program is built. */
#include "runtime/weights.h"

#include "runtime/error.h"
#include "runtime/layout.h"
#include "runtime/model.h"
#include "runtime/type.h"

#include <string.h>

/* Equal keys are equal contents, as long as the elements of `source` stay where they are. */
struct alt_weight_key {
    struct alt_tensor source;
    const struct alt_layout *layout; /* NULL, or `own` */
    struct alt_layout own;
    struct alt_layout_prim prim[];
};

static void before_fork(void *context) { pthread_mutex_lock(&((struct alt_weights *)context)->mutex); }
static void after_fork(void *context) { pthread_mutex_unlock(&((struct alt_weights *)context)->mutex); }

static const struct alt_fork_hooks fork_hooks = {before_fork, after_fork, after_fork};

alt_status alt_weights_init(struct alt_weights *w, struct alt_mem *mem, const struct alt_model *model)
{
    *w = (struct alt_weights){.model = model};
    if (pthread_mutex_init(&w->mutex, NULL) != 0)
        return ALT_E_SYSTEM;
    const alt_status status = alt_fork_register(&w->fork, &fork_hooks, w);
    if (status == ALT_OK)
        w->mem = mem;
    else
        pthread_mutex_destroy(&w->mutex);
    return status;
}

void alt_weights_free(struct alt_weights *w)
{
    if (!w->mem)
        return;
    alt_fork_unregister(&w->fork);
    for (int i = 0; i < ALT_WEIGHTS_BUCKETS; i++)
        for (struct alt_weight *weight = w->bucket[i], *next; weight; weight = next) {
            next = weight->next;
            alt_mem_free(w->mem, weight, weight->size);
        }
    pthread_mutex_destroy(&w->mutex);
    w->mem = NULL;
}

static struct alt_weight **bucket_of(struct alt_weights *w, const struct alt_tensor *t, const struct alt_layout *layout)
{
    const uint64_t hash = alt_layout_hash(layout) ^ (uint64_t)(uintptr_t)t->data * UINT64_C(0x9e3779b97f4a7c15);
    return &w->bucket[(hash ^ hash >> 32) % ALT_WEIGHTS_BUCKETS];
}

static bool has_key(const struct alt_weight *weight, const struct alt_tensor *t, const struct alt_layout *layout)
{
    const struct alt_tensor *s = &weight->key->source;
    return s->data == t->data && s->dtype == t->dtype && s->rank == t->rank &&
           memcmp(s->dim, t->dim, (size_t)t->rank * sizeof *t->dim) == 0 && alt_layout_equal(weight->key->layout, layout);
}

static void set_key(struct alt_weight_key *key, const struct alt_tensor *t, const struct alt_layout *layout)
{
    *key = (struct alt_weight_key){.source = *t};
    if (!layout)
        return;
    memcpy(key->prim, layout->prim, (size_t)layout->count * sizeof *key->prim);
    key->own = *layout;
    key->own.prim = key->prim;
    key->layout = &key->own;
}

static size_t align_up(size_t bytes) { return (bytes + ALT_ALIGN - 1) / ALT_ALIGN * ALT_ALIGN; }

/* A weight without its elements, in its bucket. */
static alt_status reserve(struct alt_weights *w, const struct alt_tensor *t, const struct alt_layout *layout,
                          struct alt_weight **out)
{
    const size_t head = sizeof(struct alt_weight), prims = layout ? (size_t)layout->count * sizeof *layout->prim : 0,
                 at = align_up(head + sizeof(struct alt_weight_key) + prims);
    size_t bytes, size;
    ALT_CHECK(alt_layout_bytes(layout, t, &bytes));
    if (__builtin_add_overflow(at, bytes, &size))
        return ALT_E_NOMEM;
    char *memory = alt_mem_alloc(w->mem, size, ALT_ALIGN);
    if (!memory)
        return ALT_E_NOMEM;
    struct alt_weight *weight = (struct alt_weight *)(void *)memory, **bucket = bucket_of(w, t, layout);
    struct alt_weight_key *key = (struct alt_weight_key *)(void *)(memory + head);
    set_key(key, t, layout);
    *weight = (struct alt_weight){.data = memory + at, .bytes = bytes, .key = key, .size = size, .next = *bucket};
    *bucket = weight;
    *out = weight;
    return ALT_OK;
}

static struct alt_weight *find(struct alt_weights *w, const struct alt_weight_use *use)
{
    struct alt_weight *weight = *bucket_of(w, use->t, use->layout);
    while (weight && !has_key(weight, use->t, use->layout))
        weight = weight->next;
    return weight;
}

/* What was laid out anew need not stay in memory as the file has it, too. */
static void rest_files(struct alt_weights *w)
{
    if (w->unrested < ALT_WEIGHTS_BATCH_BYTES || !w->model)
        return;
    alt_model_rest(w->model);
    w->unrested = 0;
}

/* With the mutex held. What was reserved before a failure is laid out all the same. */
static alt_status get_all(struct alt_weights *w, struct alt_weight_use *use, int n, const struct alt_crew *crew)
{
    struct alt_pack pack[ALT_WEIGHTS_BATCH] = {{NULL, NULL, NULL}};
    int n_new = 0;
    alt_status status = ALT_OK;
    for (int i = 0; i < n && status == ALT_OK; i++) {
        use[i].weight = find(w, &use[i]);
        if (!use[i].weight) {
            ALT_TRY(reserve(w, use[i].t, use[i].layout, &use[i].weight));
            pack[n_new++] = (struct alt_pack){use[i].layout, use[i].t, (void *)(uintptr_t)use[i].weight->data};
            w->unrested += use[i].t->bytes;
        }
        use[i].weight->users++;
    }
done:;
    const alt_status packed = alt_layout_pack(pack, n_new, crew); /* layouts that alt_layout_bytes takes: cannot fail */
    rest_files(w);
    return status == ALT_OK ? packed : status;
}

alt_status alt_weights_get(struct alt_weights *w, struct alt_weight_use *use, int n, const struct alt_crew *crew)
{
    for (int i = 0; i < n; i++)
        use[i].weight = NULL;
    pthread_mutex_lock(&w->mutex);
    const alt_status status = get_all(w, use, n, crew);
    pthread_mutex_unlock(&w->mutex);
    return status;
}

/* With the mutex held: whoever wants it next must not have it beside this one. */
static void drop(struct alt_weights *w, struct alt_weight *weight)
{
    struct alt_weight **link = bucket_of(w, &weight->key->source, weight->key->layout);
    while (*link != weight)
        link = &(*link)->next;
    *link = weight->next;
    alt_mem_free(w->mem, weight, weight->size);
}

void alt_weights_release(struct alt_weights *w, struct alt_weight *weight)
{
    if (!weight)
        return;
    pthread_mutex_lock(&w->mutex);
    if (--weight->users == 0)
        drop(w, weight);
    pthread_mutex_unlock(&w->mutex);
}
