/* plan.c: making, warming and freeing plans. */
#include "runtime/plan.h"

#include <string.h>

/* Takes over the program, also on failure. */
static alt_status plan_over(struct alt_program *program, struct alt_mem *mem, struct alt_plan **out)
{
    struct alt_plan *p = alt_mem_zalloc(mem, sizeof *p);
    if (!p) {
        alt_program_free(program);
        return ALT_E_NOMEM;
    }
    p->program = program;
    p->mem = mem;
    p->nested = alt_mem_zalloc(mem, (size_t)program->n_programs * sizeof *p->nested);
    if (!p->nested) {
        alt_program_free(program);
        alt_mem_free(mem, p, sizeof *p);
        return ALT_E_NOMEM;
    }
    if (pthread_mutex_init(&p->mutex, NULL) != 0) {
        alt_mem_free(mem, p->nested, (size_t)program->n_programs * sizeof *p->nested);
        alt_program_free(program);
        alt_mem_free(mem, p, sizeof *p);
        return ALT_E_SYSTEM;
    }
    alt_bindings_init(&p->bindings, &p->mutex, ALT_BINDINGS);
    for (int i = 0; i + 1 < program->n_programs; i++)
        alt_bindings_init(&p->nested[i], &p->mutex, ALT_BINDINGS);
    *out = p;
    return ALT_OK;
}

alt_status alt_plan_create(const struct alt_program_spec *spec, struct alt_diag *diag, struct alt_plan **out)
{
    struct alt_program *program;
    ALT_CHECK(alt_program_build(spec, diag, &program));
    return plan_over(program, spec->mem, out);
}

void alt_plan_free(struct alt_plan *plan)
{
    if (!plan)
        return;
    while (plan->free) {
        struct alt_context *c = plan->free;
        plan->free = c->next;
        alt_context_free(c);
    }
    alt_bindings_free(&plan->bindings);
    for (int i = 0; i + 1 < plan->program->n_programs; i++)
        alt_bindings_free(&plan->nested[i]);
    alt_mem_free(plan->mem, plan->nested, (size_t)plan->program->n_programs * sizeof *plan->nested);
    pthread_mutex_destroy(&plan->mutex);
    alt_program_free(plan->program);
    alt_mem_free(plan->mem, plan, sizeof *plan);
}

/* The shape that came in when `b` was bound, as inputs without content. False when contents decided it. */
static bool shape_of(const struct alt_binding *b, struct alt_tensor *inputs, int n)
{
    const int64_t *key = b->key;
    if (b->n_looks)
        return false;
    for (int i = 0; i < n; i++) {
        inputs[i] = (struct alt_tensor){.rank = (int)key[0], .dtype = (alt_dtype)key[1]};
        memcpy(inputs[i].dim, key + 2, (size_t)inputs[i].rank * sizeof *key);
        key += 2 + inputs[i].rank;
    }
    return true;
}

/* A copy of the list with one reference each, most recently used first. */
static int snapshot(struct alt_bindings *cache, struct alt_binding **out)
{
    int n = 0;
    pthread_mutex_lock(cache->mutex);
    for (struct alt_binding *b = cache->first; b && n < ALT_BINDINGS; b = b->older) {
        atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
        out[n++] = b;
    }
    pthread_mutex_unlock(cache->mutex);
    return n;
}

static void touch(const struct alt_block *block)
{
    if (block->bytes)
        memset(block->data, 0, block->bytes);
}

static alt_status warm_contexts(struct alt_plan *plan, struct alt_binding *const *bound, int n, int contexts, int threads)
{
    while (plan->n_contexts < contexts) {
        struct alt_context *c;
        ALT_CHECK(alt_context_create(plan->program, plan->mem, &c));
        c->next = plan->free;
        plan->free = c;
        plan->n_contexts++;
        for (int i = 0; i < n; i++) {
            ALT_CHECK(alt_context_fit(c, bound[i], threads));
            (void)alt_context_seen(c, bound[i]);
        }
        touch(&c->arena[0]);
        touch(&c->scratch);
    }
    return ALT_OK;
}

alt_status alt_plan_warm(struct alt_plan *plan, struct alt_plan *old, int contexts, int threads, struct alt_diag *diag)
{
    struct alt_binding *seen[ALT_BINDINGS], *bound[ALT_BINDINGS];
    int n = snapshot(&old->bindings, seen), n_bound = 0, n_inputs = plan->program->n_inputs;
    struct alt_tensor *inputs = alt_mem_zalloc(plan->mem, (size_t)(n_inputs + 1) * sizeof *inputs);
    alt_status status = inputs ? ALT_OK : ALT_E_NOMEM;
    /* Oldest first, so that the order of use is kept. */
    for (int i = n - 1; i >= 0 && status == ALT_OK; i--) {
        struct alt_bind_source source = {.program = plan->program, .mem = plan->mem, .mutex = &plan->mutex,
                                         .incoming = inputs, .n_incoming = n_inputs};
        bool made;
        if (!shape_of(seen[i], inputs, n_inputs))
            continue;
        status = alt_binding_get(&plan->bindings, NULL, &source, diag, &bound[n_bound], &made);
        n_bound += status == ALT_OK;
        if (status == ALT_E_ILLEGAL)
            status = ALT_OK; /* runs of that shape take the default plan */
    }
    if (status == ALT_OK)
        status = warm_contexts(plan, bound, n_bound, contexts, threads);
    for (int i = 0; i < n; i++)
        alt_binding_release(seen[i]);
    for (int i = 0; i < n_bound; i++)
        alt_binding_release(bound[i]);
    if (inputs)
        alt_mem_free(plan->mem, inputs, (size_t)(n_inputs + 1) * sizeof *inputs);
    return status;
}
