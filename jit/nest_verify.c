/* nest_verify.c: the proof that a nest is safe to run: see alt_nest_verify.
 *
 * Bounds are shown by interval arithmetic over the extents of the loops. Around an access with index e a condition
 * 0 <= g < limit helps in two ways: where g is one variable and a constant, it narrows the variable; and since
 * e = g + (e - g), e lies in [0, limit-1] + range(e - g), which is exact when the two differ by a constant.
 * Indices of tiles must hold without conditions: an unrolled copy is made whether or not it is ever reached.
 *
 * The symbol stands for every number up to ALT_NEST_SYMBOL_MOST. On its axis an index is below it where a condition with the
 * symbol for its limit says so of something that is nowhere smaller, or where it is the variable of a loop over it.
 *
 * Parallel loops are independent when, for each parallel variable p and each output, some axis tells the values of p
 * apart: all stores have the same coefficient k of p there, no other parallel variable, and what else is added spans
 * less than |k|.
 */
#include "jit/nest.h"

#include <string.h>

#define MAX_EXTENT (INT64_C(1) << 41)
#define MAX_ELEMENTS (INT64_C(1) << 42)
#define MAX_SCRATCH (INT64_C(1) << 24) /* elements of one scratch buffer */

struct verifier {
    const struct alt_nest *nest;
    const char *why;
    struct alt_interval full[ALT_NEST_LOOPS],
        var[ALT_NEST_LOOPS]; /* of each variable; var: here, under the conditions */
    bool open[ALT_NEST_LOOPS];
    const struct alt_stmt *guard[ALT_NEST_DEPTH]; /* conditions that hold here */
    int n_guards, depth;
    int64_t repeat, emitted; /* copies of this statement that unrolling makes; all statements so far */
    int64_t statements;
};

static bool refuse(struct verifier *v, const char *why)
{
    if (!v->why)
        v->why = why;
    return false;
}

/* ---- declarations ---- */

static bool name_ok(const char *name)
{
    const size_t n = strnlen(name, ALT_NEST_NAME);
    if (n == 0 || n == ALT_NEST_NAME)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || name[i] == '_' || (i > 0 && name[i] >= '0' && name[i] <= '9')))
            return false;
    return true;
}

static bool volume_ok(int rank, const int64_t *extent, int64_t most)
{
    int64_t all = 1;
    for (int i = 0; i < rank; i++) {
        const int64_t e = extent[i] == ALT_NEST_SYMBOL ? ALT_NEST_SYMBOL_MOST : extent[i];
        if (e < 1 || __builtin_mul_overflow(all, e, &all) || all > most)
            return false;
    }
    return true;
}

/* At most one axis is the symbol's, and those before it have extent 1. */
static bool symbol_ok(const struct alt_nest *n, const struct alt_nest_buffer *b)
{
    bool found = false, unit = true;
    for (int a = 0; a < b->rank; a++) {
        const bool is = b->extent[a] == ALT_NEST_SYMBOL;
        if (is && (found || !unit || !n->typical || b->kind == ALT_BUFFER_SCRATCH))
            return false;
        found |= is;
        unit &= b->extent[a] == 1;
    }
    return true;
}

static bool check_buffers(struct verifier *v)
{
    const struct alt_nest *n = v->nest;

    if (n->n_buffers < 1 || n->n_buffers > ALT_NEST_BUFFERS)
        return refuse(v, "number of buffers");
    for (int i = 0; i < n->n_buffers; i++) {
        if (!name_ok(n->buffer[i].name) || n->buffer[i].rank < 1 || n->buffer[i].rank > ALT_NEST_RANK)
            return refuse(v, "name or rank of a buffer");
        if ((unsigned)n->buffer[i].kind >= ALT_BUFFER_COUNT ||
            (i > 0 && n->buffer[i - 1].kind == ALT_BUFFER_SCRATCH && n->buffer[i].kind != ALT_BUFFER_SCRATCH))
            return refuse(v, "kind of a buffer, or an operand behind scratch");
        if (!volume_ok(n->buffer[i].rank, n->buffer[i].extent,
                       n->buffer[i].kind == ALT_BUFFER_SCRATCH ? MAX_SCRATCH : MAX_ELEMENTS))
            return refuse(v, "extents of a buffer");
        if (!symbol_ok(n, &n->buffer[i]))
            return refuse(v, "place of the symbol in a buffer");
        for (int j = 0; j < i; j++)
            if (strcmp(n->buffer[i].name, n->buffer[j].name) == 0)
                return refuse(v, "two buffers of one name");
    }
    return true;
}

static bool check_tiles(struct verifier *v)
{
    const struct alt_nest *n = v->nest;
    int64_t elements = 0;

    if (n->n_tiles < 0 || n->n_tiles > ALT_NEST_TILES)
        return refuse(v, "number of tiles");
    for (int i = 0; i < n->n_tiles; i++) {
        const struct alt_nest_tile *t = &n->tile[i];
        if (!name_ok(t->name) || t->rank < 1 || t->rank > ALT_NEST_TILE_RANK)
            return refuse(v, "name or rank of a tile");
        if (!volume_ok(t->rank, t->extent, ALT_NEST_REGISTERS))
            return refuse(v, "extents of a tile");
        int64_t all = 1;
        for (int k = 0; k < t->rank; k++)
            all *= t->extent[k];
        elements += all;
        for (int j = 0; j < i; j++)
            if (strcmp(t->name, n->tile[j].name) == 0)
                return refuse(v, "two tiles of one name");
    }
    return elements <= n->registers ? true : refuse(v, "tiles need more registers than there are");
}

static bool check_header(struct verifier *v)
{
    const struct alt_nest *n = v->nest;

    if (n->lanes < 1 || n->lanes > ALT_NEST_LANES || (n->lanes & (n->lanes - 1)) != 0)
        return refuse(v, "lanes must be a power of two up to 16");
    if (n->registers < 1 || n->registers > ALT_NEST_REGISTERS)
        return refuse(v, "number of registers");
    if (n->typical < 0 || n->typical > ALT_NEST_SYMBOL_MOST)
        return refuse(v, "the symbol");
    if (n->n_loops < 0 || n->n_loops > ALT_NEST_LOOPS)
        return refuse(v, "number of loops");
    for (int i = 0; i < n->n_loops; i++) {
        if (!name_ok(n->loop[i].name) || (unsigned)n->loop[i].kind >= ALT_LOOP_COUNT)
            return refuse(v, "name or kind of a loop");
        const int64_t per = n->loop[i].per;
        if (n->loop[i].extent < 1 || n->loop[i].extent > MAX_EXTENT)
            return refuse(v, "extent of a loop");
        if (per && (per < 0 || per > ALT_NEST_SYMBOL_MOST || !n->typical || n->loop[i].kind == ALT_LOOP_UNROLLED))
            return refuse(v, "a loop over the symbol");
        v->full[i] = v->var[i] = (struct alt_interval){0, alt_nest_extent(n, i, ALT_NEST_SYMBOL_MOST) - 1};
    }
    return check_buffers(v) && check_tiles(v);
}

/* ---- indices ---- */

/* Every variable belongs to a loop around this place; `unrolled`: to an unrolled one. */
static bool vars_ok(struct verifier *v, const struct alt_affine *e, bool unrolled)
{
    if (e->count < 0 || e->count > ALT_AFFINE_TERMS)
        return refuse(v, "terms of an index");
    for (int i = 0; i < e->count; i++) {
        const int var = e->term[i].var;
        if (var < 0 || var >= v->nest->n_loops || !v->open[var])
            return refuse(v, "an index uses a variable outside of its loop");
        if (unrolled && v->nest->loop[var].kind != ALT_LOOP_UNROLLED)
            return refuse(v, "a tile is indexed by a loop that is not unrolled");
    }
    return true;
}

/* e < the symbol, by a condition or because it is the variable of a loop over it. */
static bool below_symbol(struct verifier *v, const struct alt_affine *e)
{
    struct alt_affine rest;
    struct alt_interval r;

    for (int i = 0; i < v->n_guards; i++)
        if (v->guard[i]->limit == ALT_NEST_SYMBOL && alt_affine_minus(e, &v->guard[i]->condition, &rest) &&
            alt_affine_range(&rest, v->var, &r) && r.hi <= 0)
            return true;
    return e->count == 1 && e->term[0].coef == 1 && e->base <= 0 && v->nest->loop[e->term[0].var].per == 1;
}

static void narrow(struct verifier *v, const struct alt_affine *e, struct alt_interval *range)
{
    for (int i = 0; i < v->n_guards; i++) {
        struct alt_affine rest;
        struct alt_interval r;
        int64_t hi;
        if (v->guard[i]->limit == ALT_NEST_SYMBOL) {
            if (alt_affine_minus(e, &v->guard[i]->condition, &rest) && alt_affine_range(&rest, v->var, &r) &&
                r.lo > range->lo)
                range->lo = r.lo;
            continue;
        }
        if (!alt_affine_minus(e, &v->guard[i]->condition, &rest) || !alt_affine_range(&rest, v->var, &r) ||
            __builtin_add_overflow(r.hi, v->guard[i]->limit - 1, &hi))
            continue;
        if (r.lo > range->lo)
            range->lo = r.lo;
        if (hi < range->hi)
            range->hi = hi;
    }
}

/* e and the `more` positions after it lie in [0, extent). */
static bool index_ok(struct verifier *v, const struct alt_affine *e, int64_t extent, int more, bool unrolled)
{
    struct alt_interval range;

    if (!vars_ok(v, e, unrolled))
        return false;
    if (!alt_affine_range(e, unrolled ? v->full : v->var, &range))
        return refuse(v, "an index overflows");
    if (!unrolled)
        narrow(v, e, &range);
    if (range.lo > range.hi)
        return true; /* conditions exclude each other: never reached */
    if (extent == ALT_NEST_SYMBOL)
        return more == 0 && range.lo >= 0 && below_symbol(v, e) ? true
                                                                 : refuse(v, "an index may reach the symbol");
    return range.lo >= 0 && range.hi < extent - more ? true : refuse(v, "an index may leave its buffer or tile");
}

static bool tile_ok(struct verifier *v, const struct alt_tile_ref *r)
{
    if (!r || r->tile < 0 || r->tile >= v->nest->n_tiles)
        return refuse(v, "a statement lacks a tile");
    const struct alt_nest_tile *t = &v->nest->tile[r->tile];
    for (int i = 0; i < t->rank; i++)
        if (!index_ok(v, &r->at[i], t->extent[i], 0, true))
            return false;
    return true;
}

static bool buffer_ok(struct verifier *v, const struct alt_buffer_ref *r, enum alt_stmt_kind kind)
{
    const bool vector = kind == ALT_STMT_LOAD || kind == ALT_STMT_STORE;

    if (!r || r->buffer < 0 || r->buffer >= v->nest->n_buffers)
        return refuse(v, "a statement lacks a buffer");
    const struct alt_nest_buffer *b = &v->nest->buffer[r->buffer];
    if (b->kind == ALT_BUFFER_SCRATCH ? kind == ALT_STMT_SPLAT
                                      : (b->kind == ALT_BUFFER_OUT) != (kind == ALT_STMT_STORE))
        return refuse(v, "inputs are only read, outputs only written, scratch is not splat");
    if (vector && (r->lanes < 1 || r->lanes > v->nest->lanes || r->axis < 0 || r->axis >= b->rank))
        return refuse(v, "lanes or axis of a vector");
    for (int i = 0; i < b->rank; i++)
        if (!index_ok(v, &r->at[i], b->extent[i], vector && i == r->axis ? r->lanes - 1 : 0, false))
            return false;
    return true;
}

/* ---- statements ---- */

static bool check_plain(struct verifier *v, const struct alt_stmt *s)
{
    const bool touch = s->kind == ALT_STMT_PREFETCH;
    const bool memory = touch || s->kind == ALT_STMT_SPLAT || s->kind == ALT_STMT_LOAD || s->kind == ALT_STMT_STORE;
    const bool sum = s->kind == ALT_STMT_FMA || s->kind == ALT_STMT_ADD;

    v->emitted += v->repeat;
    if (v->emitted > ALT_NEST_EMITTED)
        return refuse(v, "unrolling makes too much code");
    if (memory != (s->ref != NULL) || sum != (s->a != NULL) || (s->kind == ALT_STMT_FMA) != (s->b != NULL))
        return refuse(v, "operands of a statement");
    return (touch ? !s->dst || refuse(v, "operands of a statement") : tile_ok(v, s->dst)) &&
           (!memory || buffer_ok(v, s->ref, s->kind)) && (!s->a || tile_ok(v, s->a)) && (!s->b || tile_ok(v, s->b));
}

static bool check_body(struct verifier *v, const struct alt_stmt *s);

static bool name_free(struct verifier *v, int var)
{
    for (int i = 0; i < v->nest->n_loops; i++)
        if (v->open[i] && strcmp(v->nest->loop[i].name, v->nest->loop[var].name) == 0)
            return refuse(v, "a loop has the name of one around it");
    return true;
}

static bool check_loop(struct verifier *v, const struct alt_stmt *s)
{
    if (s->var < 0 || s->var >= v->nest->n_loops || v->open[s->var])
        return refuse(v, "variable of a loop");
    const struct alt_nest_loop *loop = &v->nest->loop[s->var];
    const int64_t repeat = v->repeat;
    if (!name_free(v, s->var))
        return false;
    if (loop->kind == ALT_LOOP_UNROLLED &&
        (__builtin_mul_overflow(repeat, loop->extent, &v->repeat) || v->repeat > ALT_NEST_EMITTED))
        return refuse(v, "unrolling makes too much code");
    v->open[s->var] = true;
    const bool ok = check_body(v, s->body);
    v->open[s->var] = false;
    v->repeat = repeat;
    return ok;
}

/* Narrows the variable of a condition `0 <= var + base < limit`; returns it, or -1. An impossible condition narrows
 * nothing. */
static int narrow_var(struct verifier *v, const struct alt_stmt *s, struct alt_interval *saved)
{
    int64_t hi;

    if (s->limit == ALT_NEST_SYMBOL || s->condition.count != 1 || s->condition.term[0].coef != 1 || s->condition.base == INT64_MIN ||
        __builtin_sub_overflow(s->limit - 1, s->condition.base, &hi))
        return -1;
    const int var = s->condition.term[0].var;
    *saved = v->var[var];
    const int64_t lo = -s->condition.base > saved->lo ? -s->condition.base : saved->lo;
    hi = hi < saved->hi ? hi : saved->hi;
    if (lo > hi)
        return -1;
    v->var[var] = (struct alt_interval){lo, hi};
    return var;
}

static bool check_when(struct verifier *v, const struct alt_stmt *s)
{
    struct alt_interval range, saved;

    const bool symbol = s->limit == ALT_NEST_SYMBOL && v->nest->typical;
    if (!symbol && (s->limit < 1 || s->limit > MAX_EXTENT))
        return refuse(v, "limit of a condition");
    if (!vars_ok(v, &s->condition, false))
        return false;
    if (!alt_affine_range(&s->condition, v->full, &range))
        return refuse(v, "a condition overflows");
    const int narrowed = narrow_var(v, s, &saved);
    v->guard[v->n_guards++] = s;
    const bool ok = check_body(v, s->body);
    v->n_guards--;
    if (narrowed >= 0)
        v->var[narrowed] = saved;
    return ok && check_body(v, s->other);
}

static bool check_statement(struct verifier *v, const struct alt_stmt *s)
{
    if ((unsigned)s->kind >= ALT_STMT_COUNT)
        return refuse(v, "kind of a statement");
    if (s->kind == ALT_STMT_LOOP)
        return check_loop(v, s);
    return s->kind == ALT_STMT_WHEN ? check_when(v, s) : check_plain(v, s);
}

static bool check_body(struct verifier *v, const struct alt_stmt *s)
{
    if (v->depth == ALT_NEST_DEPTH)
        return refuse(v, "loops and conditions are nested too deeply");
    v->depth++;
    bool ok = true;
    for (; ok && s; s = s->next) {
        if (++v->statements > ALT_NEST_STATEMENTS)
            return refuse(v, "too many statements");
        ok = check_statement(v, s);
    }
    v->depth--;
    return ok;
}

/* ---- parallel loops ---- */

/* Do all stores to `buffer` tell the values of `p` apart on `axis`? `span` collects what else is added there. */
struct apart {
    int buffer, axis, p;
    bool any;
    int64_t coef;
    struct alt_interval span;
};

static bool store_apart(struct verifier *v, const struct alt_buffer_ref *r, struct apart *a)
{
    struct alt_affine rest = r->at[a->axis];
    const int64_t coef = alt_affine_coef(&rest, a->p);
    struct alt_interval range;

    if (coef == 0 || coef == INT64_MIN || (a->any && coef != a->coef) || !alt_affine_add(&rest, a->p, -coef))
        return false;
    for (int i = 0; i < rest.count; i++)
        if (v->nest->loop[rest.term[i].var].kind == ALT_LOOP_PARALLEL)
            return false;
    if (!alt_affine_range(&rest, v->full, &range))
        return false;
    if (r->axis == a->axis)
        range.hi += r->lanes - 1;
    if (!a->any || range.lo < a->span.lo)
        a->span.lo = range.lo;
    if (!a->any || range.hi > a->span.hi)
        a->span.hi = range.hi;
    a->any = true;
    a->coef = coef;
    return a->span.hi - a->span.lo < (coef < 0 ? -coef : coef);
}

static bool stores_apart(struct verifier *v, const struct alt_stmt *s, struct apart *a)
{
    bool ok = true;
    for (; ok && s; s = s->next) {
        if (s->kind == ALT_STMT_STORE && s->ref->buffer == a->buffer)
            ok = store_apart(v, s->ref, a);
        ok = ok && stores_apart(v, s->body, a) && stores_apart(v, s->other, a);
    }
    return ok;
}

static bool independent(struct verifier *v, int p, int buffer)
{
    for (int axis = 0; axis < v->nest->buffer[buffer].rank; axis++)
        if (stores_apart(v, v->nest->body, &(struct apart){.buffer = buffer, .axis = axis, .p = p}))
            return true;
    return refuse(v, "parallel tiles may write the same element");
}

static bool has_parallel(const struct verifier *v, const struct alt_stmt *s)
{
    for (; s; s = s->next)
        if ((s->kind == ALT_STMT_LOOP && v->nest->loop[s->var].kind == ALT_LOOP_PARALLEL) || has_parallel(v, s->body) ||
            has_parallel(v, s->other))
            return true;
    return false;
}

static bool check_parallel(struct verifier *v)
{
    struct alt_nest_range r;
    int64_t all = 1;
    int over = 0; /* loops over the symbol */

    alt_nest_range(v->nest, &r);
    if (has_parallel(v, r.body))
        return refuse(v, "a parallel loop is not outermost");
    for (int i = 0; i < r.count; i++) {
        const int64_t extent = v->full[r.var[i]].hi + 1;
        over += v->nest->loop[r.var[i]].per > 0;
        if (over > 1 || __builtin_mul_overflow(all, extent, &all) || all > MAX_ELEMENTS)
            return refuse(v, "range of the parallel loops");
        for (int buffer = 0; buffer < v->nest->n_buffers; buffer++)
            if (extent > 1 && v->nest->buffer[buffer].kind == ALT_BUFFER_OUT &&
                !independent(v, r.var[i], buffer))
                return false;
    }
    return true;
}

alt_status alt_nest_verify(const struct alt_nest *nest, const char **why)
{
    struct verifier v = {.nest = nest, .repeat = 1};

    if (check_header(&v) && check_body(&v, nest->body) && check_parallel(&v))
        return ALT_OK;
    if (why)
        *why = v.why;
    return ALT_E_ILLEGAL;
}
