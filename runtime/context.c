/* context.c: memory of one run; see context.h. */
#include "runtime/context.h"

#include "runtime/error.h"
#include "runtime/wave.h"

#include <string.h>

/* Data follows this header, ALT_ALIGN aligned. */
struct alt_hostblock {
    struct alt_hostblock *next;
    size_t bytes, used; /* of the data */
};

enum { HOST_HEADER = ALT_ALIGN };

static void release(struct alt_mem *mem, struct alt_block *block)
{
    alt_mem_free(mem, block->data, block->bytes);
    *block = (struct alt_block){0};
}

/* Grows without keeping the content. */
static bool fit(struct alt_context *c, struct alt_block *block, size_t bytes)
{
    if (block->bytes >= bytes)
        return true;
    release(c->mem, block);
    block->data = alt_mem_alloc(c->mem, bytes, ALT_ALIGN);
    c->allocations++;
    if (block->data)
        block->bytes = bytes;
    return block->data != NULL;
}

/* Grows and keeps the content. */
static bool extend(struct alt_context *c, struct alt_block *block, size_t bytes)
{
    struct alt_block larger = {0};
    if (block->bytes >= bytes)
        return true;
    if (!fit(c, &larger, bytes))
        return false;
    if (block->bytes)
        memcpy(larger.data, block->data, block->bytes);
    release(c->mem, block);
    *block = larger;
    return true;
}

alt_status alt_context_create(const struct alt_program *program, struct alt_mem *mem, struct alt_context **out)
{
    struct alt_context *c = alt_mem_zalloc(mem, sizeof *c);
    size_t n = (size_t)program->max_operands + 1;
    if (!c)
        return ALT_E_NOMEM;
    c->mem = c->hostmem.mem = mem;
    c->max_operands = (int)n;
    c->host = alt_mem_zalloc(mem, n * sizeof *c->host);
    c->host_in = alt_mem_zalloc(mem, n * sizeof *c->host_in);
    c->host_view = alt_mem_zalloc(mem, n * sizeof *c->host_view);
    c->n_inputs = program->n_inputs;
    c->n_outputs = program->n_outputs;
    c->input = alt_mem_zalloc(mem, (size_t)(c->n_inputs + 1) * sizeof *c->input);
    c->given = alt_mem_zalloc(mem, (size_t)(c->n_outputs + 1) * sizeof *c->given);
    c->n_inners = program->n_flows;
    c->inner = alt_mem_zalloc(mem, (size_t)(c->n_inners + 1) * sizeof *c->inner);
    if (!c->host || !c->host_in || !c->host_view || !c->input || !c->given || !c->inner ||
        !fit(c, &c->operand, (n > ALT_WAVE_OPERANDS ? n : ALT_WAVE_OPERANDS) * sizeof(struct alt_koperand))) {
        alt_context_free(c);
        return ALT_E_NOMEM;
    }
    *out = c;
    return ALT_OK;
}

static void free_inner(struct alt_mem *mem, struct alt_inner *inner)
{
    for (int i = 0; i < inner->n_contexts; i++)
        alt_context_free(inner->context[i]);
    for (int i = 0; i < inner->n_blocks; i++)
        release(mem, &inner->block[i]);
    alt_mem_free(mem, inner->context, (size_t)inner->n_contexts * sizeof *inner->context);
    alt_mem_free(mem, inner->block, (size_t)inner->n_blocks * sizeof *inner->block);
    *inner = (struct alt_inner){0};
}

void alt_context_shrink(struct alt_context *context)
{
    for (int i = 0; context->inner && i < context->n_inners; i++)
        free_inner(context->mem, &context->inner[i]);
    for (int i = 0; i < ALT_MAX_SEGMENTS; i++)
        release(context->mem, &context->arena[i]);
    release(context->mem, &context->scratch);
}

static void free_hostmem(struct alt_hostmem *h)
{
    while (h->first) {
        struct alt_hostblock *b = h->first;
        h->first = b->next;
        alt_mem_free(h->mem, b, b->bytes + HOST_HEADER);
    }
}

void alt_context_free(struct alt_context *context)
{
    if (!context)
        return;
    struct alt_mem *mem = context->mem;
    size_t n = (size_t)context->max_operands;
    alt_context_finish(context);
    alt_context_shrink(context);
    free_hostmem(&context->hostmem);
    release(mem, &context->base);
    release(mem, &context->operand);
    release(mem, &context->held);
    alt_mem_free(mem, context->inner, (size_t)(context->n_inners + 1) * sizeof *context->inner);
    alt_mem_free(mem, context->host, n * sizeof *context->host);
    alt_mem_free(mem, context->host_in, n * sizeof *context->host_in);
    alt_mem_free(mem, context->host_view, n * sizeof *context->host_view);
    alt_mem_free(mem, context->input, (size_t)(context->n_inputs + 1) * sizeof *context->input);
    alt_mem_free(mem, context->given, (size_t)(context->n_outputs + 1) * sizeof *context->given);
    alt_mem_free(mem, context, sizeof *context);
}

alt_status alt_context_fit(struct alt_context *context, const struct alt_binding *binding, int threads)
{
    size_t roots = (size_t)binding->n_roots * sizeof(void *);
    if (binding->scratch > SIZE_MAX / 2 / (size_t)threads)
        return ALT_E_NOMEM;
    return fit(context, &context->arena[binding->depth], binding->block_bytes) &&
                   fit(context, &context->scratch, binding->scratch * (size_t)threads) &&
                   extend(context, &context->base, roots)
               ? ALT_OK
               : ALT_E_NOMEM;
}

bool alt_context_seen(struct alt_context *context, const struct alt_binding *binding)
{
    for (int i = 0; i < ALT_BINDINGS; i++)
        if (context->seen[i] == binding->serial)
            return true;
    context->seen[context->n_seen++ % ALT_BINDINGS] = binding->serial;
    return false;
}

static struct alt_hostblock *add_hostblock(struct alt_context *c, size_t bytes)
{
    struct alt_hostmem *h = &c->hostmem;
    struct alt_hostblock *b = alt_mem_alloc(h->mem, bytes + HOST_HEADER, ALT_ALIGN);
    c->allocations++;
    if (!b)
        return NULL;
    *b = (struct alt_hostblock){h->first, bytes, 0};
    h->first = b;
    return b;
}

void *alt_context_host(struct alt_context *context, size_t bytes)
{
    struct alt_hostmem *h = &context->hostmem;
    if (bytes > SIZE_MAX / 4)
        return NULL;
    bytes = bytes ? (bytes + ALT_ALIGN - 1) / ALT_ALIGN * ALT_ALIGN : ALT_ALIGN;
    struct alt_hostblock *b = h->first;
    if (!b || b->bytes - b->used < bytes)
        b = add_hostblock(context, bytes > 4096 ? bytes : 4096);
    if (!b)
        return NULL;
    void *data = (char *)b + HOST_HEADER + b->used;
    b->used += bytes;
    h->total += bytes;
    return data;
}

alt_status alt_context_hold(struct alt_context *context, alt_value *value)
{
    size_t need = (context->n_held + 1) * sizeof value;
    if (context->held.bytes < need && !extend(context, &context->held, need * 2)) {
        alt_value_release(value);
        return ALT_E_NOMEM;
    }
    ((alt_value **)context->held.data)[context->n_held++] = value;
    return ALT_OK;
}

void *alt_context_block(struct alt_context *context, struct alt_inner *inner, int i, size_t bytes, size_t keep)
{
    struct alt_block *block = &inner->block[i], larger = {0};
    if (bytes > SIZE_MAX / 4)
        return NULL;
    bytes = bytes ? bytes : 1;
    if (block->bytes >= bytes)
        return block->data;
    if (!keep)
        release(context->mem, block); /* first, so that the peak is one block and not two */
    if (bytes <= block->bytes + block->bytes / 2)
        (void)fit(context, &larger, block->bytes + block->bytes / 2);
    if (!larger.bytes && !fit(context, &larger, bytes))
        return NULL;
    if (keep)
        memcpy(larger.data, block->data, keep);
    release(context->mem, block);
    *block = larger;
    return block->data;
}

alt_status alt_context_nested(struct alt_context *context, struct alt_inner *inner, int i, const struct alt_program *program,
                              struct alt_context **out)
{
    if (!inner->context[i]) {
        context->allocations++;
        ALT_CHECK(alt_context_create(program, context->mem, &inner->context[i]));
    }
    *out = inner->context[i];
    return ALT_OK;
}

static void drop_held(struct alt_context *c)
{
    while (c->n_held > 0)
        alt_value_release(((alt_value **)c->held.data)[--c->n_held]);
}

void alt_context_finish(struct alt_context *context)
{
    struct alt_hostmem *h = &context->hostmem;
    drop_held(context);
    while (context->depth > 0)
        alt_binding_release(context->chain[--context->depth]);
    if (h->first && h->first->next) {
        free_hostmem(h);
        (void)add_hostblock(context, h->total); /* no memory: the next run asks again */
    }
    if (h->first)
        h->first->used = 0;
    h->total = 0;
}
