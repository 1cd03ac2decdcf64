/* nest_parse.c: nests from text, by recursive descent of bounded depth. What the text means is not judged here. */
#include "jit/nest.h"
#include "jit/text.h"

#include <string.h>

struct parser {
    const char *at;
    struct alt_nest_builder b;
    int scope[ALT_NEST_DEPTH]; /* variables of the open loops */
    int n_scope;
};

static bool take(struct parser *p, const char *word) { return alt_scan_word(&p->at, word); }

/* A small number within [lo, hi]. */
static bool take_int(struct parser *p, const char *word, int64_t lo, int64_t hi, int *out)
{
    int64_t number;
    if (!alt_scan_field(&p->at, word, &number) || number < lo || number > hi)
        return false;
    *out = (int)number;
    return true;
}

static int find_var(const struct parser *p, const char *name)
{
    for (int i = 0; i < p->n_scope; i++)
        if (strcmp(p->b.nest->loop[p->scope[i]].name, name) == 0)
            return p->scope[i];
    return -1;
}

static bool take_var(struct parser *p, int64_t coef, struct alt_affine *e)
{
    char name[ALT_NEST_NAME];
    if (!alt_scan_name(&p->at, name, sizeof name))
        return false;
    const int var = find_var(p, name);
    return var >= 0 && alt_affine_add(e, var, coef);
}

/* "3*i", "i" or "3", with its sign taken already. */
static bool take_term(struct parser *p, int sign, struct alt_affine *e)
{
    int64_t number;

    if (!alt_scan_number(&p->at, &number))
        return take_var(p, sign, e);
    if (number < 0)
        return false;
    number *= sign;
    if (take(p, "*"))
        return take_var(p, number, e);
    return !__builtin_add_overflow(e->base, number, &e->base);
}

static bool take_affine(struct parser *p, struct alt_affine *e)
{
    *e = alt_affine_base(0);
    bool ok = take_term(p, take(p, "-") ? -1 : 1, e);
    while (ok) {
        if (take(p, "+"))
            ok = take_term(p, 1, e);
        else if (take(p, "-"))
            ok = take_term(p, -1, e);
        else
            break;
    }
    return ok;
}

static bool take_index(struct parser *p, int rank, struct alt_affine *at)
{
    bool ok = take(p, "[");
    for (int i = 0; i < rank; i++)
        ok = ok && (i == 0 || take(p, ",")) && take_affine(p, &at[i]);
    return ok && take(p, "]");
}

static bool take_tile(struct parser *p, struct alt_tile_ref *r)
{
    char name[ALT_NEST_NAME];
    const struct alt_nest *n = p->b.nest;

    if (!alt_scan_name(&p->at, name, sizeof name))
        return false;
    for (r->tile = 0; r->tile < n->n_tiles; r->tile++)
        if (strcmp(n->tile[r->tile].name, name) == 0)
            return take_index(p, n->tile[r->tile].rank, r->at);
    return false;
}

static bool take_buffer(struct parser *p, struct alt_buffer_ref *r)
{
    char name[ALT_NEST_NAME];
    const struct alt_nest *n = p->b.nest;

    if (!alt_scan_name(&p->at, name, sizeof name))
        return false;
    for (r->buffer = 0; r->buffer < n->n_buffers; r->buffer++)
        if (strcmp(n->buffer[r->buffer].name, name) == 0) {
            r->lanes = n->lanes;
            r->axis = n->buffer[r->buffer].rank - 1;
            return take_index(p, n->buffer[r->buffer].rank, r->at);
        }
    return false;
}

static bool take_lanes(struct parser *p, struct alt_buffer_ref *r)
{
    if (take(p, "lanes=") && !take_int(p, "", 1, ALT_NEST_LANES, &r->lanes))
        return false;
    return !take(p, "axis=") || take_int(p, "", 0, ALT_NEST_RANK - 1, &r->axis);
}

static bool take_prefetch(struct parser *p)
{
    struct alt_buffer_ref ref = {0};
    if (!take_buffer(p, &ref))
        return false;
    alt_nest_add(&p->b, &(struct alt_stmt){.kind = ALT_STMT_PREFETCH, .ref = &ref});
    return p->b.status == ALT_OK;
}

static bool take_plain(struct parser *p, enum alt_stmt_kind kind)
{
    struct alt_tile_ref dst = {0}, a = {0}, b = {0};
    struct alt_buffer_ref ref = {0};
    struct alt_stmt s = {.kind = kind, .dst = &dst};
    bool ok = kind == ALT_STMT_STORE ? take_buffer(p, &ref) && take(p, "=") && take_tile(p, &dst) : take_tile(p, &dst);

    if (kind == ALT_STMT_SPLAT || kind == ALT_STMT_LOAD)
        ok = ok && take(p, "=") && take_buffer(p, &ref);
    if (kind == ALT_STMT_LOAD || kind == ALT_STMT_STORE)
        ok = ok && take_lanes(p, &ref);
    if (kind == ALT_STMT_SPLAT || kind == ALT_STMT_LOAD || kind == ALT_STMT_STORE)
        s.ref = &ref;
    if (kind == ALT_STMT_FMA || kind == ALT_STMT_ADD) {
        s.a = &a;
        ok = ok && take(p, "+=") && take_tile(p, &a);
    }
    if (kind == ALT_STMT_FMA) {
        s.b = &b;
        ok = ok && take(p, "*") && take_tile(p, &b);
    }
    if (kind == ALT_STMT_MAX || kind == ALT_STMT_MIN)
        ok = ok && alt_scan_float(&p->at, &s.value);
    if (ok)
        alt_nest_add(&p->b, &s);
    return ok && p->b.status == ALT_OK;
}

static bool take_body(struct parser *p);

/* A number, or the symbol. */
static bool take_extent(struct parser *p, int64_t *out)
{
    *out = ALT_NEST_SYMBOL;
    return (p->b.nest->typical && take(p, "s")) || (alt_scan_number(&p->at, out) && *out != ALT_NEST_SYMBOL);
}

/* The extent of a loop; *per > 0: pieces of the symbol. */
static bool take_times(struct parser *p, int64_t *extent, int64_t *per)
{
    *per = 0;
    if (!take_extent(p, extent))
        return false;
    if (*extent != ALT_NEST_SYMBOL)
        return true;
    *per = 1;
    return !take(p, "/") || (alt_scan_number(&p->at, per) && *per > 1);
}

static bool take_loop(struct parser *p, enum alt_loop_kind kind)
{
    char name[ALT_NEST_NAME];
    int64_t extent, per;

    if (!alt_scan_name(&p->at, name, sizeof name) || !take_times(p, &extent, &per) || !take(p, "{") ||
        find_var(p, name) >= 0 || p->n_scope == ALT_NEST_DEPTH)
        return false;
    const int var = per ? alt_nest_loop_over(&p->b, kind, name, per) : alt_nest_loop(&p->b, kind, name, extent);
    if (p->b.status != ALT_OK)
        return false;
    p->scope[p->n_scope++] = var;
    const bool ok = take_body(p) && take(p, "}");
    p->n_scope--;
    alt_nest_end(&p->b);
    return ok;
}

static bool take_when(struct parser *p)
{
    struct alt_affine condition;
    int64_t limit;

    if (!take(p, "0") || !take(p, "<=") || !take_affine(p, &condition) || !take(p, "<") ||
        !take_extent(p, &limit) || !take(p, "{"))
        return false;
    alt_nest_when(&p->b, condition, limit);
    if (p->b.status != ALT_OK || !take_body(p) || !take(p, "}"))
        return false;
    if (take(p, "else")) {
        alt_nest_else(&p->b);
        if (!take(p, "{") || !take_body(p) || !take(p, "}"))
            return false;
    }
    alt_nest_end(&p->b);
    return true;
}

static bool take_statement(struct parser *p, const char *word)
{
    for (int k = 0; k < ALT_LOOP_COUNT; k++)
        if (strcmp(word, alt_loop_kind_name((enum alt_loop_kind)k)) == 0)
            return take_loop(p, (enum alt_loop_kind)k);
    if (strcmp(word, alt_stmt_kind_name(ALT_STMT_WHEN)) == 0)
        return take_when(p);
    if (strcmp(word, alt_stmt_kind_name(ALT_STMT_PREFETCH)) == 0)
        return take_prefetch(p);
    for (int k = ALT_STMT_ZERO; k < ALT_STMT_COUNT; k++)
        if (strcmp(word, alt_stmt_kind_name((enum alt_stmt_kind)k)) == 0)
            return take_plain(p, (enum alt_stmt_kind)k);
    return false;
}

/* Statements up to a brace or the end. */
static bool take_body(struct parser *p)
{
    char word[ALT_NEST_NAME];

    while (alt_scan_name(&p->at, word, sizeof word))
        if (!take_statement(p, word))
            return false;
    return true;
}

static bool take_extents(struct parser *p, int most, char *name, int *rank, int64_t *extent)
{
    if (!alt_scan_name(&p->at, name, ALT_NEST_NAME) || !take(p, "["))
        return false;
    *rank = 0;
    do {
        if (*rank == most || !take_extent(p, &extent[(*rank)++]))
            return false;
    } while (take(p, ","));
    return take(p, "]");
}

static bool known_name(const struct alt_nest *n, const char *name, bool tile)
{
    for (int i = 0; !tile && i < n->n_buffers; i++)
        if (strcmp(n->buffer[i].name, name) == 0)
            return true;
    for (int i = 0; tile && i < n->n_tiles; i++)
        if (strcmp(n->tile[i].name, name) == 0)
            return true;
    return false;
}

static bool take_buffer_line(struct parser *p, enum alt_buffer_kind kind)
{
    char name[ALT_NEST_NAME];
    int64_t extent[ALT_NEST_RANK];
    int rank;

    if (!take_extents(p, ALT_NEST_RANK, name, &rank, extent) || known_name(p->b.nest, name, false))
        return false;
    alt_nest_buffer(&p->b, kind, name, rank, extent);
    return p->b.status == ALT_OK;
}

static bool take_tile_line(struct parser *p)
{
    char name[ALT_NEST_NAME];
    int64_t extent[ALT_NEST_TILE_RANK] = {0};
    int rank;

    if (!take_extents(p, ALT_NEST_TILE_RANK, name, &rank, extent) || known_name(p->b.nest, name, true))
        return false;
    alt_nest_tile(&p->b, name, rank, extent);
    return p->b.status == ALT_OK;
}

static bool take_nest(struct parser *p, struct alt_arena *arena)
{
    int lanes, registers;

    if (!take_int(p, "nest f32x", 1, ALT_NEST_LANES, &lanes))
        return false;
    const bool fused = take(p, "fused");
    if ((!fused && !take(p, "split")) || !take_int(p, "registers=", 1, ALT_NEST_REGISTERS, &registers))
        return false;
    alt_nest_begin(&p->b, arena, lanes, registers, fused);
    int64_t typical = 0;
    if (p->b.status == ALT_OK && alt_scan_field(&p->at, "symbol ", &typical) && typical < 1)
        return false;
    alt_nest_symbol(&p->b, typical);
    while (p->b.status == ALT_OK) {
        bool ok;
        if (take(p, "in "))
            ok = take_buffer_line(p, ALT_BUFFER_IN);
        else if (take(p, "out "))
            ok = take_buffer_line(p, ALT_BUFFER_OUT);
        else if (take(p, "scratch "))
            ok = take_buffer_line(p, ALT_BUFFER_SCRATCH);
        else if (take(p, "tile "))
            ok = take_tile_line(p);
        else
            break;
        if (!ok)
            return false;
    }
    return p->b.status == ALT_OK && take_body(p) && alt_scan_end(&p->at);
}

alt_status alt_nest_parse(struct alt_arena *arena, const char *text, struct alt_nest **out)
{
    struct parser p = {.at = text};

    if (!take_nest(&p, arena))
        return p.b.status == ALT_E_NOMEM ? ALT_E_NOMEM : ALT_E_MALFORMED;
    *out = p.b.nest;
    return p.b.status;
}
