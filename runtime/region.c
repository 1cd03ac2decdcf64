/* region.c: the base partition and its alternatives.
 *
 * Base: nodes are taken in graph order. A pointwise node joins the region of a producer when the producer's value has the
 * node's own shape, is the last of its region, and is read nowhere else: then the node can ride on the region's stores. Where
 * several inputs qualify (a residual addition), the region that ends last takes it, so that the other operand exists by then.
 * Because an inner value of a region has one reader, no path leaves a region and comes back: running each region where its
 * last node stands is a valid order.
 *
 * Alternatives are unions of neighbouring base regions that match a pattern. */
#include "runtime/region.h"

#include "runtime/cost.h"
#include "runtime/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *alt_region_name(enum alt_region_kind kind)
{
    static const char *const name[] = {
#define ALT_REGION_ROW(suffix, text) text,
        ALT_REGION_TABLE(ALT_REGION_ROW)
#undef ALT_REGION_ROW
    };
    return kind >= 0 && kind < ALT_REGION_COUNT ? name[kind] : "unknown";
}

/* Nodes of a region in the making, as a chain. */
struct member {
    const struct alt_node *node;
    int next, region; /* member index, -1: last */
};

struct group {
    enum alt_region_kind kind;
    int first, last, count; /* members */
};

struct finder {
    const struct alt_graph *g;
    struct alt_arena *arena;
    struct member *member; /* by position in the graph */
    struct group *group;
    int n_members, n_groups;
    int *position;         /* of the producer of a value, by value id; -1 */
};

static bool ends_region(const struct finder *f, const struct alt_gvalue *v)
{
    int at = v->producer ? f->position[v->id] : -1;
    return at >= 0 && v->n_uses == 1 && !v->n_outputs && v->out_index == 0 &&
           f->group[f->member[at].region].last == at && f->group[f->member[at].region].kind != ALT_REGION_SINGLE;
}

/* The region that a pointwise node joins, or -1. */
static int joins(const struct finder *f, const struct alt_node *n)
{
    int best = -1;
    if (!(alt_op_table[n->op].flags & ALT_OP_POINTWISE) || n->n_out != 1 || !n->out[0])
        return -1;
    for (int i = 0; i < n->n_in; i++) {
        const struct alt_gvalue *v = n->in[i];
        if (!v || v->type.shape.rank < 0 || !ends_region(f, v) ||
            !alt_shape_equal(&v->type.shape, &n->out[0]->type.shape))
            continue;
        if (f->position[v->id] > best)
            best = f->position[v->id];
    }
    return best < 0 ? -1 : f->member[best].region;
}

static void add_node(struct finder *f, const struct alt_node *n)
{
    int at = f->n_members++, region = joins(f, n);
    unsigned flags = alt_op_table[n->op].flags;
    if (region < 0) {
        region = f->n_groups++;
        f->group[region].kind = flags & ALT_OP_ANCHOR      ? ALT_REGION_ANCHOR
                                : flags & ALT_OP_POINTWISE ? ALT_REGION_POINTWISE
                                                           : ALT_REGION_SINGLE;
        f->group[region].first = at;
    } else {
        f->member[f->group[region].last].next = at;
    }
    f->group[region].last = at;
    f->group[region].count++;
    f->member[at] = (struct member){n, -1, region};
    for (int i = 0; i < n->n_out; i++)
        if (n->out[i])
            f->position[n->out[i]->id] = at;
}

static alt_status allocate(struct finder *f)
{
    size_t n = (size_t)f->g->n_nodes + 1;
    f->member = alt_arena_array(f->arena, n, sizeof *f->member);
    f->group = alt_arena_array(f->arena, n, sizeof *f->group);
    f->position = alt_arena_array(f->arena, (size_t)f->g->n_values + 1, sizeof *f->position);
    if (!f->member || !f->group || !f->position)
        return ALT_E_NOMEM;
    for (int i = 0; i < f->g->n_values; i++)
        f->position[i] = -1;
    return ALT_OK;
}

static double bytes_of(const struct alt_gvalue *v)
{
    return alt_extents_count(alt_graph_extents(NULL, v)) * (double)alt_dtype_bits(v->type.dtype) / 8;
}

static bool inside(const struct alt_region *r, const struct alt_node *n)
{
    for (int i = 0; i < r->n_nodes; i++)
        if (r->node[i] == n)
            return true;
    return false;
}

static bool listed(const struct alt_gvalue *const *list, int n, const struct alt_gvalue *v)
{
    for (int i = 0; i < n; i++)
        if (list[i] == v)
            return true;
    return false;
}

static bool leaves(const struct alt_region *r, const struct alt_gvalue *v)
{
    if (v->n_outputs)
        return true;
    for (const struct alt_use *u = v->uses; u; u = u->next)
        if (!inside(r, u->node))
            return true;
    return false;
}

/* Inputs, outputs, work and traffic of a region whose nodes are set. */
static alt_status finish_region(struct alt_region *r, struct alt_arena *arena)
{
    size_t n_in = 0, n_out = 0;
    for (int i = 0; i < r->n_nodes; i++) {
        n_in += (size_t)r->node[i]->n_in;
        n_out += (size_t)r->node[i]->n_out;
        r->flops += alt_node_flops(r->node[i], alt_graph_extents, NULL);
    }
    r->in = alt_arena_array(arena, n_in + 1, sizeof *r->in);
    r->out = alt_arena_array(arena, n_out + 1, sizeof *r->out);
    if (!r->in || !r->out)
        return ALT_E_NOMEM;
    for (int i = 0; i < r->n_nodes; i++) {
        const struct alt_node *n = r->node[i];
        for (int k = 0; k < n->n_in; k++) {
            const struct alt_gvalue *v = n->in[k];
            if (v && !(v->producer && inside(r, v->producer)) && !listed(r->in, r->n_in, v))
                r->in[r->n_in++] = v;
        }
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k] && leaves(r, n->out[k]))
                r->out[r->n_out++] = n->out[k];
    }
    for (int i = 0; i < r->n_in; i++)
        r->bytes += bytes_of(r->in[i]);
    for (int i = 0; i < r->n_out; i++)
        r->bytes += bytes_of(r->out[i]);
    return ALT_OK;
}

static alt_status make_base(const struct finder *f, struct alt_regions *out)
{
    out->base = alt_arena_array(f->arena, (size_t)f->n_groups + 1, sizeof *out->base);
    if (!out->base)
        return ALT_E_NOMEM;
    out->n_base = f->n_groups;
    for (int i = 0; i < f->n_groups; i++) {
        struct alt_region *r = &out->base[i];
        r->kind = f->group[i].kind;
        r->node = alt_arena_array(f->arena, (size_t)f->group[i].count + 1, sizeof *r->node);
        if (!r->node)
            return ALT_E_NOMEM;
        for (int m = f->group[i].first; m >= 0; m = f->member[m].next)
            r->node[r->n_nodes++] = f->member[m].node;
        ALT_CHECK(finish_region(r, f->arena));
    }
    return ALT_OK;
}

/* The base region that alone reads the only output of `r`, or NULL. */
static const struct alt_region *follower(const struct finder *f, const struct alt_regions *all, const struct alt_region *r)
{
    if (r->n_out != 1 || r->out[0]->n_outputs || r->out[0]->n_uses != 1)
        return NULL;
    const struct alt_node *reader = r->out[0]->uses->node;
    for (int i = 0; i < reader->n_out; i++)
        if (reader->out[i])
            return &all->base[f->member[f->position[reader->out[i]->id]].region];
    return NULL;
}

static bool is_depthwise(const struct alt_node *n)
{
    if (n->op != ALT_OP_CONV || !n->in[0] || !n->in[1])
        return false;
    const struct alt_shape *x = &n->in[0]->type.shape, *w = &n->in[1]->type.shape;
    return x->rank > 2 && w->rank == x->rank && alt_dim_known(x->dim[1]) && x->dim[1] > 1 && w->dim[1] == 1 &&
           alt_attr_int(n, "group", 1) == x->dim[1];
}

static bool is_pointwise_conv(const struct alt_node *n)
{
    if (n->op != ALT_OP_CONV || !n->in[1] || alt_attr_int(n, "group", 1) != 1)
        return false;
    const struct alt_shape *w = &n->in[1]->type.shape;
    for (int d = 2; d < w->rank; d++)
        if (w->dim[d] != 1)
            return false;
    return w->rank > 2;
}

/* Regions that a pattern wants one after another; 0 ends it. */
struct pattern {
    enum alt_region_kind kind;
    bool (*first)(const struct alt_node *), (*second)(const struct alt_node *), (*third)(const struct alt_node *);
};

static bool is_matmul(const struct alt_node *n) { return n->op == ALT_OP_MATMUL; }
static bool is_softmax(const struct alt_node *n) { return n->op == ALT_OP_SOFTMAX; }

static const struct pattern patterns[] = {
    {ALT_REGION_SEPARABLE, is_depthwise, is_pointwise_conv, NULL},
    {ALT_REGION_ATTENTION, is_matmul, is_softmax, is_matmul},
};

static alt_status join_regions(const struct finder *f, const struct alt_region *const *part, int n,
                               enum alt_region_kind kind, struct alt_region *out)
{
    int count = 0;
    *out = (struct alt_region){.kind = kind};
    for (int i = 0; i < n; i++)
        count += part[i]->n_nodes;
    out->node = alt_arena_array(f->arena, (size_t)count, sizeof *out->node);
    if (!out->node)
        return ALT_E_NOMEM;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < part[i]->n_nodes; k++)
            out->node[out->n_nodes++] = part[i]->node[k];
    return finish_region(out, f->arena);
}

static alt_status match(const struct finder *f, const struct pattern *p, struct alt_regions *out, int base)
{
    const struct alt_region *part[3] = {&out->base[base]};
    bool (*const want[3])(const struct alt_node *) = {p->first, p->second, p->third};
    int n = 0;
    for (; n < 3 && want[n]; n++) {
        if (n)
            part[n] = follower(f, out, part[n - 1]);
        if (!part[n] || !want[n](part[n]->node[0]))
            return ALT_OK;
    }
    return join_regions(f, part, n, p->kind, &out->alternative[out->n_alternatives++]);
}

alt_status alt_regions_find(const struct alt_graph *g, struct alt_arena *arena, struct alt_regions *out)
{
    struct finder f = {.g = g, .arena = arena};
    const int n_patterns = (int)(sizeof patterns / sizeof *patterns);
    *out = (struct alt_regions){0};
    ALT_CHECK(allocate(&f));
    for (const struct alt_node *n = g->first; n; n = n->next)
        add_node(&f, n);
    ALT_CHECK(make_base(&f, out));
    out->alternative = alt_arena_array(arena, (size_t)(out->n_base * n_patterns) + 1, sizeof *out->alternative);
    if (!out->alternative)
        return ALT_E_NOMEM;
    for (int p = 0; p < n_patterns; p++)
        for (int i = 0; i < out->n_base; i++)
            ALT_CHECK(match(&f, &patterns[p], out, i));
    return ALT_OK;
}

static void print_region(const struct alt_graph *g, const char *mark, int number, const struct alt_region *r,
                         alt_put_fn put, void *context)
{
    char text[256], shape[160];
    snprintf(text, sizeof text, "%s%d %s:", mark, number, alt_region_name(r->kind));
    put(context, text);
    for (int i = 0; i < r->n_nodes; i++) {
        put(context, i ? "+" : " ");
        put(context, alt_op_table[r->node[i]->op].name);
    }
    for (int i = 0; i < r->n_out; i++) {
        snprintf(text, sizeof text, "%s %s%s", i ? "," : " ->", alt_dtype_name(r->out[i]->type.dtype),
                 alt_shape_print(g->dims, &r->out[i]->type.shape, shape, sizeof shape));
        put(context, text);
    }
    snprintf(text, sizeof text, " flops=%.4g bytes=%.4g # %s\n", r->flops, r->bytes, r->node[0]->name);
    put(context, text);
}

void alt_regions_print(const struct alt_graph *g, const struct alt_regions *regions, alt_put_fn put, void *context)
{
    for (int i = 0; i < regions->n_base; i++)
        print_region(g, "region ", i, &regions->base[i], put, context);
    for (int i = 0; i < regions->n_alternatives; i++)
        print_region(g, "alternative ", i, &regions->alternative[i], put, context);
}
