/* nest_print.c: nests as text; the language is shown in nest.h. */
#include "jit/nest.h"
#include "jit/text.h"

struct printer {
    const struct alt_nest *nest;
    struct alt_text text;
};

static void put_affine(struct printer *p, const struct alt_affine *e)
{
    for (int i = 0; i < e->count; i++) {
        const int64_t coef = e->term[i].coef;
        if (i > 0 && coef > 0)
            alt_text_put(&p->text, "+");
        if (coef == -1)
            alt_text_put(&p->text, "-");
        else if (coef != 1) {
            alt_text_number(&p->text, coef);
            alt_text_put(&p->text, "*");
        }
        alt_text_put(&p->text, p->nest->loop[e->term[i].var].name);
    }
    if (e->base != 0 || e->count == 0)
        alt_text_field(&p->text, e->count > 0 && e->base > 0 ? "+" : "", e->base);
}

static void put_index(struct printer *p, int rank, const struct alt_affine *at)
{
    for (int i = 0; i < rank; i++) {
        alt_text_put(&p->text, i > 0 ? "," : "[");
        put_affine(p, &at[i]);
    }
    alt_text_put(&p->text, "]");
}

static void put_tile(struct printer *p, const char *before, const struct alt_tile_ref *r)
{
    const struct alt_nest_tile *tile = &p->nest->tile[r->tile];
    alt_text_put(&p->text, before);
    alt_text_put(&p->text, tile->name);
    put_index(p, tile->rank, r->at);
}

static void put_buffer(struct printer *p, const char *before, const struct alt_buffer_ref *r)
{
    const struct alt_nest_buffer *buffer = &p->nest->buffer[r->buffer];
    alt_text_put(&p->text, before);
    alt_text_put(&p->text, buffer->name);
    put_index(p, buffer->rank, r->at);
}

static void put_lanes(struct printer *p, const struct alt_buffer_ref *r)
{
    if (r->lanes != p->nest->lanes)
        alt_text_field(&p->text, " lanes=", r->lanes);
    if (r->axis != p->nest->buffer[r->buffer].rank - 1)
        alt_text_field(&p->text, " axis=", r->axis);
}

static void indent(struct printer *p, int depth)
{
    for (int i = 0; i < depth; i++)
        alt_text_put(&p->text, "  ");
}

static void put_body(struct printer *p, const struct alt_stmt *s, int depth);

static void put_extent(struct printer *p, int64_t extent)
{
    if (extent == ALT_NEST_SYMBOL)
        alt_text_put(&p->text, "s");
    else
        alt_text_number(&p->text, extent);
}

static void put_control(struct printer *p, const struct alt_stmt *s, int depth)
{
    if (s->kind == ALT_STMT_LOOP) {
        const struct alt_nest_loop *loop = &p->nest->loop[s->var];
        alt_text_put(&p->text, alt_loop_kind_name(loop->kind));
        alt_text_put(&p->text, " ");
        alt_text_put(&p->text, loop->name);
        if (!loop->per)
            alt_text_field(&p->text, " ", loop->extent);
        else if (loop->per == 1)
            alt_text_put(&p->text, " s");
        else
            alt_text_field(&p->text, " s/", loop->per);
    } else {
        alt_text_put(&p->text, "when 0 <= ");
        put_affine(p, &s->condition);
        alt_text_put(&p->text, " < ");
        put_extent(p, s->limit);
    }
    alt_text_put(&p->text, " {\n");
    put_body(p, s->body, depth + 1);
    indent(p, depth);
    if (s->other) {
        alt_text_put(&p->text, "} else {\n");
        put_body(p, s->other, depth + 1);
        indent(p, depth);
    }
    alt_text_put(&p->text, "}");
}

static void put_plain(struct printer *p, const struct alt_stmt *s)
{
    alt_text_put(&p->text, alt_stmt_kind_name(s->kind));
    if (s->kind == ALT_STMT_STORE) {
        put_buffer(p, " ", s->ref);
        put_tile(p, " = ", s->dst);
        put_lanes(p, s->ref);
        return;
    }
    if (s->kind == ALT_STMT_PREFETCH) {
        put_buffer(p, " ", s->ref);
        return;
    }
    put_tile(p, " ", s->dst);
    if (s->ref)
        put_buffer(p, " = ", s->ref);
    if (s->kind == ALT_STMT_LOAD)
        put_lanes(p, s->ref);
    if (s->a)
        put_tile(p, " += ", s->a);
    if (s->b)
        put_tile(p, " * ", s->b);
    if (s->kind == ALT_STMT_MAX || s->kind == ALT_STMT_MIN) {
        alt_text_put(&p->text, " ");
        alt_text_float(&p->text, s->value);
    }
}

static void put_body(struct printer *p, const struct alt_stmt *s, int depth)
{
    for (; s; s = s->next) {
        indent(p, depth);
        if (s->kind == ALT_STMT_LOOP || s->kind == ALT_STMT_WHEN)
            put_control(p, s, depth);
        else
            put_plain(p, s);
        alt_text_put(&p->text, "\n");
    }
}

static void put_extents(struct printer *p, const char *kind, const char *name, int rank, const int64_t *extent)
{
    alt_text_put(&p->text, kind);
    alt_text_put(&p->text, " ");
    alt_text_put(&p->text, name);
    for (int i = 0; i < rank; i++) {
        alt_text_put(&p->text, i > 0 ? "," : "[");
        put_extent(p, extent[i]);
    }
    alt_text_put(&p->text, "]\n");
}

size_t alt_nest_print(const struct alt_nest *nest, char *out, size_t size)
{
    struct printer p = {nest, alt_text_begin(out, size)};

    alt_text_field(&p.text, "nest f32x", nest->lanes);
    alt_text_put(&p.text, nest->fused ? " fused" : " split");
    alt_text_field(&p.text, " registers=", nest->registers);
    alt_text_put(&p.text, "\n");
    if (nest->typical)
        alt_text_field(&p.text, "symbol ", nest->typical);
    if (nest->typical)
        alt_text_put(&p.text, "\n");
    for (int i = 0; i < nest->n_buffers; i++)
        put_extents(&p, alt_buffer_kind_name(nest->buffer[i].kind), nest->buffer[i].name, nest->buffer[i].rank,
                    nest->buffer[i].extent);
    for (int i = 0; i < nest->n_tiles; i++)
        put_extents(&p, "tile", nest->tile[i].name, nest->tile[i].rank, nest->tile[i].extent);
    put_body(&p, nest->body, 0);
    return p.text.length;
}
