/* weights.h: constants laid out for kernels, one copy in memory for all programs over a model.
 *
 * A constant in a layout is found by where its elements lie, its type, its shape and its layout, and lives until the last
 * program that uses it goes: plans of one session and of others share it, the default plan's and tuned ones alike. Programs are
 * built and freed under the store's mutex here and there; a run touches nothing of this, it has the address.
 */
#ifndef ALT_RUNTIME_WEIGHTS_H
#define ALT_RUNTIME_WEIGHTS_H

#include "runtime/fork.h"
#include "runtime/mem.h"

struct alt_crew;
struct alt_layout;
struct alt_model;
struct alt_tensor;

#define ALT_WEIGHTS_BUCKETS 256
/* What is best asked for at once, as threads wait for each other once a time: not more than so many, read from so many bytes. */
#define ALT_WEIGHTS_BATCH 64
#define ALT_WEIGHTS_BATCH_BYTES ((size_t)16 << 20)

struct alt_weights {
    struct alt_mem *mem;           /* borrowed: weights count there */
    const struct alt_model *model; /* whose files may leave memory once they were read; NULL: none. Borrowed */
    struct alt_fork fork;
    pthread_mutex_t mutex; /* guards what follows; held while a batch is laid out, so that nobody does so twice. Taken behind a
                              session's `open.mutex`; no lock is waited for under it */
    struct alt_weight *bucket[ALT_WEIGHTS_BUCKETS]; /* owned lists */
    size_t unrested;               /* bytes read since the files were let go */
};

/* One constant in one layout; immutable but for what the store keeps in it. */
struct alt_weight {
    const void *data; /* ALT_ALIGN aligned */
    size_t bytes;
    const struct alt_weight_key *key;
    size_t size;             /* of the allocation: this, its key and its elements */
    int users;               /* guarded by the store's mutex, as is `next` */
    struct alt_weight *next; /* in its bucket */
};

/* The store may not move. ALT_E_NOMEM, ALT_E_SYSTEM; then it is zero. */
alt_status alt_weights_init(struct alt_weights *w, struct alt_mem *mem, const struct alt_model *model) ALT_MUST_USE;
/* Weights still in use go too: their users must be gone (as they may be in the child of a fork). Nothing happens to a zero store. */
void alt_weights_free(struct alt_weights *w);

/* `t`, whose elements must outlive the weight, in `layout` (NULL: plain). */
struct alt_weight_use {
    const struct alt_tensor *t;
    const struct alt_layout *layout;
    struct alt_weight *weight; /* result; NULL: could not be had */
};

/* Each of `n` uses (ALT_WEIGHTS_BATCH at most) gets the weight that is there, else one laid out by `crew` (NULL: this thread). One user
 * more each: ends with alt_weights_release, also after a failure. ALT_E_NOMEM; ALT_E_ILLEGAL or ALT_E_SHAPE when a layout does not
 * fit. Any thread. */
alt_status alt_weights_get(struct alt_weights *w, struct alt_weight_use *use, int n, const struct alt_crew *crew) ALT_MUST_USE;
/* NULL is ignored. Any thread. */
void alt_weights_release(struct alt_weights *w, struct alt_weight *weight);

#endif
