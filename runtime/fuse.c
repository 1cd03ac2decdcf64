/* fuse.c: finds groups of an anchor and pointwise nodes, and runs them as one step; see fuse.h. */
#include "runtime/fuse.h"

#include "runtime/layout.h"
#include "runtime/mem.h"
#include "runtime/op.h"
#include "runtime/ops/data.h"
#include "runtime/ops/pointwise.h"
#include "runtime/step.h"

#include <float.h>
#include <math.h>

enum {
    LONGEST = 8,          /* nodes of a group */
    PIECES_BYTES = 1 << 16 /* of output that the anchor writes before the others follow: what stays in the cache */
};

/* ---- finding ---- */

/* The kernel that would compute node n with these layouts, or NULL. Extents need not be known. */
static const struct alt_kernel *kernel_of(const struct alt_node *n, const struct alt_layout *const *in, const struct alt_layout *out)
{
    struct alt_operand op[LONGEST] = {{0}};
    const struct alt_kernel *kernel = NULL;
    const struct alt_op_impl *impl = alt_op_table[n->op].impl;
    if (n->n_in + 1 > LONGEST || !impl->select)
        return NULL;
    for (int i = 0; i <= n->n_in; i++) {
        const struct alt_gvalue *v = i < n->n_in ? n->in[i] : n->out[0];
        if (!v)
            continue;
        op[i].dtype = v->type.dtype;
        op[i].rank = v->type.shape.rank;
        for (int d = 0; d < op[i].rank; d++)
            op[i].dim[d] = alt_dim_known(v->type.shape.dim[d]) ? v->type.shape.dim[d] : -1;
        op[i].layout = i < n->n_in ? in[i] : out;
    }
    struct alt_select sel = {.node = n, .n_in = n->n_in, .n_out = 1, .in = op, .out = op + n->n_in};
    return impl->select(&sel, &kernel) == ALT_OK ? kernel : NULL;
}

struct finder {
    const struct alt_assignment *a;
    int *position; /* of the node that makes a value, by value id; -1: none */
};

/* Node n can follow, element by element, the value v that the group at `anchor` makes. */
static bool follows(const struct finder *f, const struct alt_node *n, const struct alt_gvalue *v, int anchor)
{
    const struct alt_layout *layout = f->a->value[v->id];
    if (!alt_assign_any_layout(n) || n->n_out != 1 || !n->out[0] || n->out[0]->type.dtype != ALT_FLOAT32 ||
        !alt_shape_equal(&n->out[0]->type.shape, &v->type.shape) || !alt_layout_equal(f->a->value[n->out[0]->id], layout))
        return false;
    const int at = f->position[n->out[0]->id];
    if (f->a->choice[at])
        return false;
    for (int i = 0; i < n->n_in; i++) {
        const struct alt_gvalue *other = n->in[i];
        if (!other || other == v)
            continue;
        if (other->type.dtype != ALT_FLOAT32 || f->position[other->id] > anchor)
            return false; /* what is made later belongs to a group that ends later */
    }
    const struct alt_kernel *kernel = kernel_of(n, f->a->need[at], layout);
    return kernel && kernel->fn == alt_pointwise_run;
}

/* Node n adds a constant vector along the last axis to v. */
static bool adds_row(const struct alt_node *n, const struct alt_gvalue *v)
{
    if (n->op != ALT_OP_ADD || n->in[0] == n->in[1] || !alt_shape_equal(&n->out[0]->type.shape, &v->type.shape))
        return false;
    const struct alt_gvalue *other = n->in[0] == v ? n->in[1] : n->in[0];
    const struct alt_shape *row = &other->type.shape;
    bool fits = other->kind == ALT_GV_CONST && other->type.dtype == ALT_FLOAT32 && row->rank > 0 && v->type.shape.rank > 0 &&
                row->dim[row->rank - 1] == v->type.shape.dim[v->type.shape.rank - 1];
    for (int d = 0; fits && d < row->rank - 1; d++)
        fits = row->dim[d] == 1;
    return fits;
}

/* Relu, or Clip with constant bounds. */
static bool limits(const struct alt_node *n)
{
    for (int i = 1; n->op == ALT_OP_CLIP && i < n->n_in; i++) {
        const struct alt_gvalue *bound = n->in[i];
        if (bound && (bound->kind != ALT_GV_CONST || alt_dims_count(bound->type.shape.rank, bound->type.shape.dim) != 1))
            return false;
    }
    return n->op == ALT_OP_RELU || n->op == ALT_OP_CLIP;
}

/* The part of an epilogue that node n would be behind v, or 0. */
static unsigned part_of(const struct alt_node *n, const struct alt_gvalue *v)
{
    if (adds_row(n, v))
        return ALT_EPILOGUE_ROW;
    if (n->op == ALT_OP_ADD && n->in[0] != n->in[1] && alt_shape_equal(&n->in[0]->type.shape, &n->in[1]->type.shape))
        return ALT_EPILOGUE_ADD;
    return limits(n) ? ALT_EPILOGUE_LIMIT : 0;
}

/* How nodes behind an anchor are computed, one after another. */
struct riders {
    unsigned can, taken; /* parts of the anchor's epilogue */
    bool posts;          /* the later ones follow piece by piece */
};

/* The part of the epilogue as which the next node n, behind v, rides; 0: none. */
static unsigned ride(struct riders *r, const struct alt_node *n, const struct alt_gvalue *v)
{
    const unsigned part = part_of(n, v) & r->can;
    if (r->posts || part <= r->taken)
        return 0;
    r->taken |= part;
    return part;
}

/* The group that begins with an anchor: node[] and position[] have LONGEST places; returns how many it takes. */
static int find_group(const struct finder *f, const struct alt_kernel *kernel, const struct alt_node *anchor, int at,
                      const struct alt_node **node, int *position)
{
    const struct alt_gvalue *v = anchor->out[0];
    struct riders r = {.can = kernel->epilogue};
    int n = 0;
    node[n] = anchor;
    position[n++] = at;
    while (n < LONGEST && v->n_uses == 1 && !v->n_outputs && follows(f, v->uses->node, v, at)) {
        r.posts = !ride(&r, v->uses->node, v);
        if (r.posts && !kernel->piece)
            break;
        node[n] = v->uses->node;
        v = node[n]->out[0];
        position[n++] = f->position[v->id];
    }
    return n;
}

/* The kernel of this node if it can be followed, else NULL. */
static const struct alt_kernel *leads(const struct alt_assignment *a, const struct alt_node *n, int at)
{
    if (!(alt_op_table[n->op].flags & ALT_OP_ANCHOR) || n->n_out != 1 || !n->out[0] || a->choice[at] ||
        n->out[0]->type.dtype != ALT_FLOAT32)
        return NULL;
    const struct alt_kernel *kernel = kernel_of(n, a->need[at], a->value[n->out[0]->id]);
    return kernel && (kernel->piece || kernel->epilogue) ? kernel : NULL;
}

alt_status alt_fuse_find(const struct alt_graph *g, const struct alt_assignment *a, struct alt_arena *scratch,
                         const struct alt_fusion **fusion)
{
    struct finder f = {a, alt_arena_array(scratch, (size_t)g->n_values + 1, sizeof *f.position)};
    int k = 0;
    if (!f.position)
        return ALT_E_NOMEM;
    for (int i = 0; i < g->n_values; i++)
        f.position[i] = -1;
    for (const struct alt_node *n = g->first; n; n = n->next, k++)
        for (int i = 0; i < n->n_out; i++)
            if (n->out[i])
                f.position[n->out[i]->id] = k;
    k = 0;
    for (const struct alt_node *n = g->first; n; n = n->next, k++) {
        const struct alt_node *node[LONGEST];
        const struct alt_kernel *kernel = leads(a, n, k);
        int position[LONGEST], count = kernel ? find_group(&f, kernel, n, k, node, position) : 0;
        if (count < 2)
            continue;
        struct alt_fusion *group = alt_arena_alloc(scratch, sizeof *group);
        if (!group)
            return ALT_E_NOMEM;
        group->kernel = kernel->flags & ALT_KERNEL_STRIDED ? &alt_fused_strided_kernel : &alt_fused_kernel;
        group->n_nodes = count;
        group->node = alt_arena_array(scratch, (size_t)count, sizeof *group->node);
        group->position = alt_arena_array(scratch, (size_t)count, sizeof *group->position);
        if (!group->node || !group->position)
            return ALT_E_NOMEM;
        for (int i = 0; i < count; i++) {
            group->node[i] = node[i];
            group->position[i] = position[i];
            fusion[position[i]] = group;
        }
    }
    return ALT_OK;
}

/* ---- binding and running ---- */

struct fused {
    const struct alt_kernel *anchor;
    const void *params;
    int n_posts;
    struct alt_pointwise *post[LONGEST];
};

static int select_node(struct alt_kernel_bind *b, const struct alt_node *n, const struct alt_operand *in, const struct alt_kernel **out)
{
    struct alt_select sel = {.node = n, .diag = b->diag, .n_in = n->n_in, .n_out = 1, .in = in, .out = b->out};
    return alt_op_table[n->op].impl->select(&sel, out);
}

/* Binds the kernel of one node over some of the step's operands; results in *sub. */
static int bind_node(struct alt_kernel_bind *b, const struct alt_node *n, const struct alt_operand *in,
                     const struct alt_kernel_epilogue *epilogue, struct alt_kernel_bind *sub)
{
    const struct alt_kernel *kernel;
    ALT_CHECK(select_node(b, n, in, &kernel));
    *sub = (struct alt_kernel_bind){.kernel = kernel, .node = n, .diag = b->diag, .arena = b->arena, .n_in = n->n_in, .n_out = 1,
                                    .in = in, .out = b->out, .range = 1};
    if (epilogue)
        sub->epilogue = *epilogue;
    return kernel->bind ? kernel->bind(sub) : ALT_OK;
}

/* Node n, whose input `made` is what the node before it makes; its other inputs are operands from `next` on. */
static int bind_post(struct alt_kernel_bind *b, struct fused *f, const struct alt_node *n, const struct alt_gvalue *made, int next)
{
    struct alt_operand *in = alt_arena_array(b->arena, (size_t)n->n_in + 1, sizeof *in);
    int arg[LONGEST];
    struct alt_kernel_bind sub;
    if (!in)
        return ALT_E_NOMEM;
    for (int i = 0; i < n->n_in; i++) {
        arg[i] = n->in[i] == made ? b->n_in : next++;
        in[i] = arg[i] == b->n_in ? b->out[0] : b->in[arg[i]];
        in[i].known = arg[i] == b->n_in ? NULL : in[i].known;
    }
    arg[n->n_in] = b->n_in;
    ALT_CHECK(bind_node(b, n, in, NULL, &sub));
    struct alt_pointwise *p = (struct alt_pointwise *)(uintptr_t)sub.params; /* made just now, in our arena */
    for (int i = 0; i <= p->n_in; i++)
        p->operand[i].arg = arg[p->operand[i].arg];
    f->post[f->n_posts++] = p;
    b->flops += sub.flops;
    return ALT_OK;
}

/* What Relu or Clip limits to; the bounds that are inputs are operands from `next` on. */
static int read_limit(struct alt_kernel_bind *b, const struct alt_node *n, int next, struct alt_kernel_epilogue *e)
{
    float bound[2] = {n->op == ALT_OP_RELU ? 0 : -INFINITY, INFINITY};
    if (n->op == ALT_OP_CLIP && n->opset < 11) {
        bound[0] = alt_attr_float(n, "min", -FLT_MAX);
        bound[1] = alt_attr_float(n, "max", FLT_MAX);
    }
    for (int i = 1; i < n->n_in; i++, next++) {
        const struct alt_operand *o = &b->in[next];
        if (!n->in[i])
            continue;
        if (!o->known)
            return alt_bind_fail(b, ALT_E_INTERNAL, "a constant bound is not known");
        bound[i - 1] = *(const float *)o->known;
    }
    e->low = bound[0];
    e->high = bound[1];
    return ALT_OK;
}

/* Operands of node n that the one before it, which makes `made`, does not make. */
static int others(const struct alt_node *n, const struct alt_gvalue *made)
{
    int count = 0;
    for (int i = 0; i < n->n_in; i++)
        count += n->in[i] != made;
    return count;
}

/* Notes in *e what the node does as that part; `next`: the first of its operands. */
static int read_part(struct alt_kernel_bind *b, const struct alt_node *n, unsigned part, int next, struct alt_kernel_epilogue *e)
{
    switch (part) {
    case ALT_EPILOGUE_ROW: e->row = next; return ALT_OK;
    case ALT_EPILOGUE_ADD: e->add = next; return ALT_OK;
    default: return read_limit(b, n, next, e);
    }
}

static int bind_fused(struct alt_kernel_bind *b)
{
    const struct alt_node *const *node = b->region;
    struct fused *f = alt_arena_alloc(b->arena, sizeof *f);
    struct alt_kernel_epilogue epilogue = {0};
    struct alt_kernel_bind sub;
    int next = node[0]->n_in, i = 1;
    if (!f)
        return ALT_E_NOMEM;
    ALT_CHECK(select_node(b, node[0], b->in, &f->anchor));
    for (struct riders r = {.can = f->anchor->epilogue}; i < b->n_region; i++) {
        const struct alt_gvalue *made = node[i - 1]->out[0];
        const unsigned part = ride(&r, node[i], made);
        if (!part)
            break;
        ALT_CHECK(read_part(b, node[i], part, next, &epilogue));
        epilogue.parts = r.taken;
        next += others(node[i], made);
    }
    ALT_CHECK(bind_node(b, node[0], b->in, &epilogue, &sub));
    f->params = sub.params;
    b->range = sub.range;
    b->flops = sub.flops;
    b->scratch = sub.scratch;
    b->params = f;
    for (; b->range && i < b->n_region; i++) {
        const struct alt_gvalue *made = node[i - 1]->out[0];
        ALT_CHECK(bind_post(b, f, node[i], made, next));
        next += others(node[i], made);
    }
    return ALT_OK;
}

/* What tiles [begin, end) wrote. */
static void run_posts(const struct fused *f, const struct alt_kargs *args, int64_t begin, int64_t end)
{
    int64_t from, to;
    for (int64_t tile = begin; tile < end; tile++)
        for (int i = 0; f->anchor->piece(f->params, tile, i, &from, &to); i++)
            for (int k = 0; k < f->n_posts; k++)
                alt_pointwise_run_part(f->post[k], args, from, to);
}

/* The first tile behind those from `tile` on that write about PIECES_BYTES. */
static int64_t fill_cache(const struct fused *f, int64_t tile, int64_t end)
{
    int64_t from, to, elements = 0;
    while (tile < end && elements < PIECES_BYTES / 4) {
        for (int i = 0; f->anchor->piece(f->params, tile, i, &from, &to); i++)
            elements += to - from;
        tile++;
    }
    return tile;
}

static void run_fused(const struct alt_kargs *args)
{
    const struct fused *f = args->params;
    struct alt_kargs part = *args;
    part.params = f->params;
    if (f->n_posts == 0) {
        f->anchor->fn(&part);
        return;
    }
    for (part.begin = args->begin; part.begin < args->end; part.begin = part.end) {
        part.end = fill_cache(f, part.begin, args->end);
        f->anchor->fn(&part);
        run_posts(f, args, part.begin, part.end);
    }
}

const struct alt_kernel alt_fused_kernel = {.name = "fused", .fn = run_fused, .bind = bind_fused, .numerics = ALT_KERNEL_EXACT};

const struct alt_kernel alt_fused_strided_kernel = {
    .name = "fused", .fn = run_fused, .bind = bind_fused, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
