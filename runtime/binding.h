/* binding.h: a program made concrete for one shape: extents, strides, kernel parameters, places in the arena.
 *
 * Most programs need one binding a shape. Where a step's shape depends on data (the length of a NonZero, a Reshape whose
 * target is computed), the binding ends at that step, the run executes what is bound, and a *continuation* is bound from
 * there on, found again next time by the shapes and contents that decided it. So the steps [first, end) of one binding
 * form a segment, and a run is a chain of segments. Immutable once made; reference counted; any thread.
 */
#ifndef ALT_RUNTIME_BINDING_H
#define ALT_RUNTIME_BINDING_H

#include "runtime/program.h"
#include "runtime/step.h"

#include <pthread.h>
#include <stdatomic.h>

/* A value in this shape. Arrays lie in the arena of the binding (or of its parent). */
struct alt_bvalue {
    bool bound;             /* shape and place are known */
    alt_dtype dtype;
    int rank, phys_rank;
    const int64_t *dim;     /* [rank] logical */
    const int64_t *extent;  /* [phys_rank] */
    const int64_t *stride;  /* [phys_rank] elements */
    size_t bytes;           /* of the dense physical extents */
    int root;               /* buffer that holds it */
    int64_t offset;         /* bytes from the start of the buffer */
    const struct alt_tensor *known; /* logical content, when known while binding */
};

enum alt_root_kind { ALT_ROOT_ARENA, ALT_ROOT_CONST, ALT_ROOT_INPUT, ALT_ROOT_OUTPUT, ALT_ROOT_HOST };

/* A buffer. */
struct alt_root {
    enum alt_root_kind kind;
    int index;           /* input, output; host: value */
    const void *data;    /* const */
    size_t offset;       /* arena: from the start of the segment's block */
    size_t bytes;
    int live;            /* while binding: values in it that will still be read */
    int end;             /* arena: step after which its place is free again; INT_MAX: never */
};

struct alt_bstep {
    bool skip;                    /* content known already, or a view: nothing to run */
    int wave;                     /* steps of the wave that begins here (wave.h); 0: within one */
    const struct alt_kernel *kernel;
    const void *params;
    const int64_t *extent;
    int64_t range;
    double flops;
    const struct alt_koperand *operand; /* [n_in + n_out] with data NULL */
};

/* Content of a value that decided shapes. */
struct alt_look {
    int value;
    size_t bytes;
    const void *content; /* dense row-major */
};

#define ALT_BINDINGS 64      /* shapes remembered by a plan */
#define ALT_CONTINUATIONS 16 /* by a segment */

struct alt_binding;
/* Bindings by what came in, least recently used last; one that a run still holds lives on without the list. */
struct alt_bindings {
    pthread_mutex_t *mutex; /* borrowed from the plan, one for all its caches; guards the list below; held for a search or an
                               insertion, never while binding */
    struct alt_binding *first; /* most recently used first */
    int count;
    int limit;
    uint64_t serial; /* last one given */
};

struct alt_binding {
    _Atomic int refs;
    uint64_t serial; /* unlike that of any other binding of the plan, 0 never */
    struct alt_arena arena;
    struct alt_binding *parent; /* NULL for the first segment; borrowed: whoever holds a continuation holds its parent */
    struct alt_binding *like;   /* whose arena this one points into, one reference; NULL: none (bind_like.c) */
    int first, end;             /* steps */
    int depth;                  /* segments before this one */
    struct alt_bvalue *value;   /* [program->n_values] */
    struct alt_bstep *step;     /* [end - first] */
    struct alt_root *root;      /* those of the parent first, so numbers stay */
    int n_roots, roots_capacity;
    size_t block_bytes;         /* arena block of this segment */
    size_t scratch;             /* bytes a thread, the largest of any step */
    int64_t *key;               /* ranks and extents of the values that came in */
    int n_key;
    uint64_t hash;              /* of the key: the same in every plan */
    struct alt_look *look;
    int n_looks;
    bool refused;               /* remembers only that a kernel does not take this shape: no steps, no values */
    struct alt_bindings next;   /* continuations */
    struct alt_binding *newer, *older; /* list of its cache; guarded by the cache's mutex */
};

/* A run as binding sees it: shapes that came in and contents of what has been computed. */
struct alt_bind_source {
    const struct alt_program *program;
    struct alt_mem *mem;
    pthread_mutex_t *mutex; /* for the caches of continuations */
    const struct alt_tensor *incoming; /* first segment: the inputs; else the outputs of the host step before, in order */
    int n_incoming;
    void *const *base;                 /* address of each buffer of the parent; first segment: NULL */
};

void alt_bindings_init(struct alt_bindings *cache, pthread_mutex_t *mutex, int limit);
void alt_bindings_free(struct alt_bindings *cache);

/* The binding for what came in, from the cache (or from the parent's continuations), else made and remembered; *made says
 * which. The caller gets one reference. ALT_E_ILLEGAL when a kernel of the program does not take this shape (remembered, too);
 * ALT_E_SHAPE, ALT_E_NOMEM, ALT_E_UNSUPPORTED. */
alt_status alt_binding_get(struct alt_bindings *cache, struct alt_binding *parent, const struct alt_bind_source *source,
                           struct alt_diag *diag, struct alt_binding **out, bool *made);
void alt_binding_release(struct alt_binding *binding);

/* Binds anew; used by alt_binding_get. */
alt_status alt_binding_make(struct alt_binding *parent, const struct alt_bind_source *source, struct alt_diag *diag,
                            struct alt_binding **out);
/* Whether others may be made like it. */
bool alt_binding_is_model(const struct alt_binding *b);
/* Binds other extents of a first segment by doing again what differs from `model`. Anything but ALT_OK: it cannot be had so, and
 * alt_binding_make knows better. */
alt_status alt_binding_make_like(struct alt_binding *model, const struct alt_bind_source *source, struct alt_binding **out);
/* Content of a bound integer tensor in memory, dense, copied to `out` (bytes as the value says). */
void alt_bvalue_read(const struct alt_bvalue *v, const void *base, void *out);
/* Prints the steps of a segment as text (docs/design.md, "Plan text"): kernels, values, layouts, places. */
void alt_binding_print(const struct alt_program *program, const struct alt_binding *binding, alt_put_fn put,
                       void *context);

#endif
