/* nest.c: building nests. Text, verifier and interpreter have files of their own. */
#include "jit/nest.h"

#include "runtime/mem.h"

#include <string.h>

static const char *const loop_name[ALT_LOOP_COUNT] = {
#define ALT_LOOP_ROW(suffix, name) name,
    ALT_LOOP_TABLE(ALT_LOOP_ROW)
#undef ALT_LOOP_ROW
};

static const char *const buffer_name[ALT_BUFFER_COUNT] = {
#define ALT_BUFFER_ROW(suffix, name) name,
    ALT_BUFFER_TABLE(ALT_BUFFER_ROW)
#undef ALT_BUFFER_ROW
};

static const char *const stmt_name[ALT_STMT_COUNT] = {
#define ALT_STMT_ROW(suffix, name, form) name,
    ALT_STMT_TABLE(ALT_STMT_ROW)
#undef ALT_STMT_ROW
};

const char *alt_loop_kind_name(enum alt_loop_kind kind) { return loop_name[kind]; }
const char *alt_buffer_kind_name(enum alt_buffer_kind kind) { return buffer_name[kind]; }
const char *alt_stmt_kind_name(enum alt_stmt_kind kind) { return stmt_name[kind]; }

void alt_nest_range(const struct alt_nest *nest, struct alt_nest_range *out)
{
    *out = (struct alt_nest_range){.range = 1, .body = nest->body};
    for (const struct alt_stmt *s = nest->body; s && s->kind == ALT_STMT_LOOP && !s->next; s = s->body) {
        if (nest->loop[s->var].kind != ALT_LOOP_PARALLEL || out->count == ALT_NEST_DEPTH)
            break;
        out->var[out->count++] = s->var;
        if (nest->loop[s->var].per)
            out->per = nest->loop[s->var].per;
        else
            out->range *= nest->loop[s->var].extent;
        out->body = s->body;
    }
}

static int64_t pieces(int64_t whole, int64_t per) { return (whole + per - 1) / per; }

int64_t alt_nest_extent(const struct alt_nest *nest, int var, int64_t symbol)
{
    const struct alt_nest_loop *loop = &nest->loop[var];
    return loop->per ? pieces(symbol, loop->per) : loop->extent;
}

int64_t alt_nest_tiles(const struct alt_nest_range *range, int64_t symbol)
{
    return range->per ? range->range * pieces(symbol, range->per) : range->range;
}

size_t alt_nest_scratch(const struct alt_nest *nest, size_t offset[ALT_NEST_BUFFERS])
{
    size_t bytes = 0;

    for (int b = 0; b < nest->n_buffers; b++) {
        const struct alt_nest_buffer *buffer = &nest->buffer[b];
        const bool scratch = buffer->kind == ALT_BUFFER_SCRATCH;
        size_t own = sizeof(float);
        for (int a = 0; a < buffer->rank; a++)
            own *= (size_t)buffer->extent[a];
        if (offset)
            offset[b] = scratch ? bytes : 0;
        if (scratch)
            bytes += (own + ALT_NEST_ALIGN - 1) / ALT_NEST_ALIGN * ALT_NEST_ALIGN;
    }
    return bytes;
}

/* ---- building ---- */

static bool fail(struct alt_nest_builder *b, alt_status status)
{
    if (b->status == ALT_OK)
        b->status = status;
    return false;
}

void alt_nest_begin(struct alt_nest_builder *b, struct alt_arena *arena, int lanes, int registers, bool fused)
{
    *b = (struct alt_nest_builder){.arena = arena};
    b->nest = alt_arena_alloc(arena, sizeof *b->nest);
    if (!b->nest) {
        fail(b, ALT_E_NOMEM);
        return;
    }
    b->nest->lanes = lanes;
    b->nest->registers = registers;
    b->nest->fused = fused;
    b->tail[0] = &b->nest->body;
}

static void copy_name(char *out, const char *name)
{
    const size_t n = strnlen(name, ALT_NEST_NAME - 1);
    memcpy(out, name, n);
    out[n] = '\0';
}

void alt_nest_symbol(struct alt_nest_builder *b, int64_t typical)
{
    if (b->status == ALT_OK)
        b->nest->typical = typical;
}

int alt_nest_buffer(struct alt_nest_builder *b, enum alt_buffer_kind kind, const char *name, int rank,
                    const int64_t *extent)
{
    if (b->status != ALT_OK || rank < 1 || rank > ALT_NEST_RANK || b->nest->n_buffers == ALT_NEST_BUFFERS)
        return fail(b, ALT_E_ILLEGAL);
    struct alt_nest_buffer *buffer = &b->nest->buffer[b->nest->n_buffers];
    copy_name(buffer->name, name);
    buffer->kind = kind;
    buffer->rank = rank;
    memcpy(buffer->extent, extent, (size_t)rank * sizeof *extent);
    return b->nest->n_buffers++;
}

int alt_nest_tile(struct alt_nest_builder *b, const char *name, int rank, const int64_t *extent)
{
    if (b->status != ALT_OK || rank < 1 || rank > ALT_NEST_TILE_RANK || b->nest->n_tiles == ALT_NEST_TILES)
        return fail(b, ALT_E_ILLEGAL);
    struct alt_nest_tile *tile = &b->nest->tile[b->nest->n_tiles];
    copy_name(tile->name, name);
    tile->rank = rank;
    memcpy(tile->extent, extent, (size_t)rank * sizeof *extent);
    return b->nest->n_tiles++;
}

static struct alt_stmt *append(struct alt_nest_builder *b, const struct alt_stmt *s)
{
    struct alt_stmt *copy = NULL;

    if (b->status != ALT_OK)
        return NULL;
    if (b->nest->n_statements == ALT_NEST_STATEMENTS)
        fail(b, ALT_E_ILLEGAL);
    else if (!(copy = alt_arena_alloc(b->arena, sizeof *copy)))
        fail(b, ALT_E_NOMEM);
    if (!copy)
        return NULL;
    *copy = *s;
    *b->tail[b->depth] = copy;
    b->tail[b->depth] = &copy->next;
    b->nest->n_statements++;
    return copy;
}

static bool open_body(struct alt_nest_builder *b, struct alt_stmt *s)
{
    if (!s)
        return false;
    if (b->depth + 1 == ALT_NEST_DEPTH)
        return fail(b, ALT_E_ILLEGAL);
    b->depth++;
    b->open[b->depth] = s;
    b->tail[b->depth] = &s->body;
    return true;
}

int alt_nest_loop(struct alt_nest_builder *b, enum alt_loop_kind kind, const char *name, int64_t extent)
{
    if (b->status != ALT_OK || b->nest->n_loops == ALT_NEST_LOOPS)
        return fail(b, ALT_E_ILLEGAL);
    const int var = b->nest->n_loops++;
    copy_name(b->nest->loop[var].name, name);
    b->nest->loop[var].kind = kind;
    b->nest->loop[var].extent = extent;
    open_body(b, append(b, &(struct alt_stmt){.kind = ALT_STMT_LOOP, .var = var}));
    return var;
}

int alt_nest_loop_over(struct alt_nest_builder *b, enum alt_loop_kind kind, const char *name, int64_t per)
{
    const int64_t typical = b->status == ALT_OK ? b->nest->typical : 0;
    const int var = alt_nest_loop(b, kind, name, per > 0 && typical > 0 ? pieces(typical, per) : 0);
    if (b->status == ALT_OK)
        b->nest->loop[var].per = per;
    return var;
}

void alt_nest_when(struct alt_nest_builder *b, struct alt_affine condition, int64_t limit)
{
    open_body(b, append(b, &(struct alt_stmt){.kind = ALT_STMT_WHEN, .condition = condition, .limit = limit}));
}

void alt_nest_else(struct alt_nest_builder *b)
{
    if (b->status == ALT_OK)
        b->tail[b->depth] = &b->open[b->depth]->other;
}

void alt_nest_end(struct alt_nest_builder *b)
{
    if (b->status == ALT_OK)
        b->depth--;
}

static void *duplicate(struct alt_nest_builder *b, const void *from, size_t bytes)
{
    void *copy = from ? alt_arena_alloc(b->arena, bytes) : NULL;
    if (copy)
        memcpy(copy, from, bytes);
    else if (from)
        fail(b, ALT_E_NOMEM);
    return copy;
}

void alt_nest_add(struct alt_nest_builder *b, const struct alt_stmt *s)
{
    struct alt_stmt *copy = append(b, s);
    if (!copy)
        return;
    copy->dst = duplicate(b, s->dst, sizeof *s->dst);
    copy->a = duplicate(b, s->a, sizeof *s->a);
    copy->b = duplicate(b, s->b, sizeof *s->b);
    copy->ref = duplicate(b, s->ref, sizeof *s->ref);
}
