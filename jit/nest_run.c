/* nest_run.c: the interpreter, the oracle that generated code is held against. It follows the statements one by one. */
#include "jit/nest.h"

#include <math.h>
#include <string.h>

struct runner {
    const struct alt_nest *nest;
    void *data[ALT_NEST_BUFFERS];
    int64_t symbol;
    int64_t value[ALT_NEST_LOOPS];
    int first[ALT_NEST_TILES]; /* register of a tile's element 0 */
    float reg[ALT_NEST_REGISTERS][ALT_NEST_LANES];
};

static float *tile_at(struct runner *r, const struct alt_tile_ref *ref)
{
    const struct alt_nest_tile *t = &r->nest->tile[ref->tile];
    int64_t at = 0;

    for (int i = 0; i < t->rank; i++)
        at = at * t->extent[i] + alt_affine_at(&ref->at[i], r->value);
    return r->reg[r->first[ref->tile] + at];
}

/* The element of lane 0; *step: from lane to lane. */
static float *buffer_at(struct runner *r, const struct alt_buffer_ref *ref, int64_t *step)
{
    const struct alt_nest_buffer *b = &r->nest->buffer[ref->buffer];
    int64_t at = 0, stride = 1;

    for (int i = b->rank - 1; i >= 0; i--) {
        at += alt_affine_at(&ref->at[i], r->value) * stride;
        if (i == ref->axis)
            *step = stride;
        stride *= b->extent[i]; /* before the symbol's axis all indices are 0 */
    }
    return (float *)r->data[ref->buffer] + at;
}

static void run_memory(struct runner *r, const struct alt_stmt *s)
{
    int64_t step = 0;
    float *t = tile_at(r, s->dst), *p = buffer_at(r, s->ref, &step);

    for (int l = 0; l < r->nest->lanes; l++) {
        if (s->kind == ALT_STMT_SPLAT)
            t[l] = *p;
        else if (s->kind == ALT_STMT_LOAD)
            t[l] = l < s->ref->lanes ? p[l * step] : 0;
        else if (l < s->ref->lanes)
            p[l * step] = t[l];
    }
}

static float multiply_add(bool fused, float a, float b, float c)
{
    const volatile float product = a * b; /* rounded, whatever the compiler may fuse */
    return fused ? fmaf(a, b, c) : c + product;
}

static void run_plain(struct runner *r, const struct alt_stmt *s)
{
    float *t = tile_at(r, s->dst);
    const float *a = s->a ? tile_at(r, s->a) : NULL, *b = s->b ? tile_at(r, s->b) : NULL;

    for (int l = 0; l < r->nest->lanes; l++)
        switch (s->kind) {
        case ALT_STMT_ZERO:
            t[l] = 0;
            break;
        case ALT_STMT_FMA:
            t[l] = multiply_add(r->nest->fused, a[l], b[l], t[l]);
            break;
        case ALT_STMT_ADD:
            t[l] += a[l];
            break;
        case ALT_STMT_MAX:
            t[l] = t[l] < s->value ? s->value : t[l];
            break;
        case ALT_STMT_MIN:
            t[l] = t[l] > s->value ? s->value : t[l];
            break;
        default:
            break;
        }
}

static void run_body(struct runner *r, const struct alt_stmt *s)
{
    for (; s; s = s->next) {
        if (s->kind == ALT_STMT_LOOP) {
            for (int64_t i = 0; i < alt_nest_extent(r->nest, s->var, r->symbol); i++) {
                r->value[s->var] = i;
                run_body(r, s->body);
            }
        } else if (s->kind == ALT_STMT_WHEN) {
            const int64_t c = alt_affine_at(&s->condition, r->value);
            const int64_t limit = s->limit == ALT_NEST_SYMBOL ? r->symbol : s->limit;
            run_body(r, c >= 0 && c < limit ? s->body : s->other);
        } else if (s->kind == ALT_STMT_PREFETCH) {
            continue;
        } else if (s->ref) {
            run_memory(r, s);
        } else {
            run_plain(r, s);
        }
    }
}

void alt_nest_run(const struct alt_nest *nest, void *const *data, void *scratch, int64_t symbol, int64_t begin,
                  int64_t end)
{
    struct runner r = {.nest = nest, .symbol = symbol};
    struct alt_nest_range range;
    size_t offset[ALT_NEST_BUFFERS];
    int registers = 0;

    alt_nest_scratch(nest, offset);
    for (int b = 0; b < nest->n_buffers; b++)
        r.data[b] = nest->buffer[b].kind == ALT_BUFFER_SCRATCH ? (char *)scratch + offset[b] : data[b];
    for (int i = 0; i < nest->n_tiles; i++) {
        int64_t elements = 1;
        for (int k = 0; k < nest->tile[i].rank; k++)
            elements *= nest->tile[i].extent[k];
        r.first[i] = registers;
        registers += (int)elements;
    }
    alt_nest_range(nest, &range);
    for (int64_t tile = begin; tile < end; tile++) {
        int64_t rest = tile;
        for (int i = range.count - 1; i >= 0; i--) {
            const int64_t extent = alt_nest_extent(nest, range.var[i], symbol);
            r.value[range.var[i]] = rest % extent;
            rest /= extent;
        }
        memset(r.reg, 0, sizeof r.reg);
        run_body(&r, range.body);
    }
}
