/* cse.c: one node for equal nodes: same operator, version, inputs, attributes and outputs present. Small constants of equal
 * type, shape and bytes become one first, so that nodes which differ in their copy of a constant are found equal.
 *
 *   a = Exp(x); b = Exp(x); y = Add(a, b)   becomes   a = Exp(x); y = Add(a, a)
 *
 * Random operators stay apart, and so do nodes with subgraphs. Operands of commuting operators are not put in order: the
 * payload of a NaN depends on it. Equal means equal bits: 0.0 and -0.0 differ. */
#include "runtime/pass.h"

#include <string.h>

enum { SMALL_BYTES = 1024 }; /* larger constants are rarely equal and dear to hash */

/* Open addressing over pointers; in scratch memory. */
struct table {
    void **slot;
    size_t mask;
};

static bool table_init(struct table *t, struct alt_arena *arena, size_t entries)
{
    size_t size = 16;

    while (size < entries * 2)
        size *= 2;
    t->slot = alt_arena_array(arena, size, sizeof *t->slot);
    t->mask = size - 1;
    return t->slot != NULL;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ b[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#define SEED UINT64_C(0xcbf29ce484222325)

/* ---- constants ---- */

static bool is_small_constant(const struct alt_gvalue *v)
{
    return v && v->kind == ALT_GV_CONST && v->type.known->dtype != ALT_STRING && v->type.known->bytes <= SMALL_BYTES;
}

static bool same_tensor(const struct alt_tensor *a, const struct alt_tensor *b)
{
    return a->dtype == b->dtype && a->rank == b->rank && a->bytes == b->bytes && a->dtype != ALT_STRING &&
           memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0 &&
           (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
}

static uint64_t hash_tensor(const struct alt_tensor *t)
{
    uint64_t hash = mix(SEED, &t->dtype, sizeof t->dtype);

    hash = mix(hash, t->dim, (size_t)t->rank * sizeof *t->dim);
    return mix(hash, t->data, t->bytes);
}

static void merge_constants(struct alt_graph *g, const struct table *t, bool *changed)
{
    for (int i = 0; i < g->n_values; i++) {
        struct alt_gvalue *v = g->values[i];
        if (!is_small_constant(v) || v->n_uses == 0)
            continue;
        size_t at = hash_tensor(v->type.known) & t->mask;
        while (t->slot[at] && !same_tensor(((struct alt_gvalue *)t->slot[at])->type.known, v->type.known))
            at = (at + 1) & t->mask;
        if (!t->slot[at]) {
            t->slot[at] = v;
            continue;
        }
        alt_gvalue_replace(g, v, t->slot[at]);
        *changed = true;
    }
}

/* ---- nodes ---- */

static bool same_strings(const struct alt_attr *a, const struct alt_attr *b)
{
    for (int64_t i = 0; i < a->count; i++)
        if (a->strings[i].length != b->strings[i].length ||
            (a->strings[i].length && memcmp(a->strings[i].data, b->strings[i].data, a->strings[i].length) != 0))
            return false;
    return true;
}

static bool same_attr(const struct alt_attr *a, const struct alt_attr *b)
{
    if (a->type != b->type || a->count != b->count)
        return false;
    const size_t n = (size_t)a->count;
    switch (a->type) {
    case ALT_ATTR_INT:
    case ALT_ATTR_INTS:
        return n == 0 || memcmp(a->ints, b->ints, n * sizeof *a->ints) == 0;
    case ALT_ATTR_FLOAT:
    case ALT_ATTR_FLOATS:
        return n == 0 || memcmp(a->floats, b->floats, n * sizeof *a->floats) == 0;
    case ALT_ATTR_STRING:
    case ALT_ATTR_STRINGS:
        return same_strings(a, b);
    case ALT_ATTR_TENSOR:
    case ALT_ATTR_TENSORS:
        for (size_t i = 0; i < n; i++)
            if (!same_tensor(a->tensors[i], b->tensors[i]))
                return false;
        return true;
    default: /* graphs, types */
        return false;
    }
}

static bool same_node(const struct alt_node *a, const struct alt_node *b)
{
    if (a->op != b->op || a->opset != b->opset || a->n_in != b->n_in || a->n_out != b->n_out || a->n_attr != b->n_attr)
        return false;
    for (int i = 0; i < a->n_in; i++)
        if (a->in[i] != b->in[i])
            return false;
    for (int i = 0; i < a->n_out; i++)
        if (!a->out[i] != !b->out[i])
            return false;
    for (int i = 0; i < a->n_attr; i++) {
        const struct alt_attr *other = alt_attr_find(b, a->attr[i].name);
        if (!other || !same_attr(&a->attr[i], other))
            return false;
    }
    return true;
}

static uint64_t hash_node(const struct alt_node *n)
{
    uint64_t hash = mix(SEED, &n->op, sizeof n->op);

    for (int i = 0; i < n->n_in; i++) {
        const int id = n->in[i] ? n->in[i]->id : -1;
        hash = mix(hash, &id, sizeof id);
    }
    return hash;
}

/* A subgraph attribute makes every comparison fail, so such nodes need no test of their own. */
static void merge_nodes(struct alt_graph *g, const struct table *t, bool *changed)
{
    for (struct alt_node *n = g->first, *next; n; n = next) {
        next = n->next;
        if (alt_op_table[n->op].flags & ALT_OP_RANDOM)
            continue;
        size_t at = hash_node(n) & t->mask;
        while (t->slot[at] && !same_node(t->slot[at], n))
            at = (at + 1) & t->mask;
        if (!t->slot[at]) {
            t->slot[at] = n;
            continue;
        }
        const struct alt_node *first = t->slot[at];
        for (int i = 0; i < n->n_out; i++)
            if (n->out[i])
                alt_gvalue_replace(g, n->out[i], first->out[i]);
        alt_graph_remove_node(n);
        *changed = true;
    }
}

alt_status alt_pass_cse(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    struct alt_arena scratch;
    struct table constants, nodes;
    alt_status status = ALT_E_NOMEM;

    (void)diag;
    alt_arena_init(&scratch, g->arena->mem);
    if (!table_init(&constants, &scratch, (size_t)g->n_values) || !table_init(&nodes, &scratch, (size_t)g->n_nodes))
        goto done;
    merge_constants(g, &constants, changed);
    merge_nodes(g, &nodes, changed);
    status = ALT_OK;
done:
    alt_arena_free(&scratch);
    return status;
}
