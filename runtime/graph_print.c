/* graph_print.c: a graph as text, one line a value definition:
 *
 *   graph "name" {
 *     input x: float32[batch,3,224,224]
 *     const w: float32[64,3,7,7]
 *     y: float32[batch,64,112,112] = Conv-13(x, w, _) pads=[3,3,3,3] strides=[2,2] # node_name
 *     output y
 *   }
 *
 * An omitted operand is "_". Small integer constants and contents are shown as "= [1,2]". Subgraphs are printed inside
 * their attribute. The text is for people and golden tests; it is not read back.
 */
#include "runtime/graph.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LINE = 256 };

struct printer {
    alt_put_fn put;
    void *context;
    int depth;
};

static void put(struct printer *p, const char *text) { p->put(p->context, text); }

static void indent(struct printer *p)
{
    for (int i = 0; i < p->depth; i++)
        put(p, "  ");
}

static void put_content(struct printer *p, const struct alt_graph *g, const struct alt_type *t)
{
    char text[LINE];
    bool ints = t->known && t->known->rank <= 1 && alt_tensor_count(t->known) <= 8 &&
                (t->dtype == ALT_INT64 || t->dtype == ALT_INT32);
    int count = ints ? (int)alt_tensor_count(t->known) : t->content ? t->content_count : -1;
    if (count < 0 || count > 8)
        return;
    put(p, " = [");
    for (int i = 0; i < count; i++) {
        if (i)
            put(p, ",");
        if (ints)
            snprintf(text, sizeof text, "%" PRId64, alt_tensor_int(t->known, i));
        else
            alt_dim_print(g->dims, t->content[i], text, sizeof text);
        put(p, text);
    }
    put(p, "]");
}

static void put_value(struct printer *p, const struct alt_graph *g, const struct alt_gvalue *v)
{
    char text[LINE];
    static const char *const kind[] = {"", "seq ", "opt "};
    put(p, v->name);
    put(p, ": ");
    put(p, kind[v->type.kind]);
    put(p, alt_dtype_name(v->type.dtype));
    put(p, alt_shape_print(g->dims, &v->type.shape, text, sizeof text));
    put_content(p, g, &v->type);
}

static void print_graph(struct printer *p, const struct alt_graph *g);

static void put_list(struct printer *p, const struct alt_attr *a)
{
    char text[LINE];
    for (int64_t i = 0; i < a->count && i < 16; i++) {
        if (i)
            put(p, ",");
        if (a->ints)
            snprintf(text, sizeof text, "%" PRId64, a->ints[i]);
        else if (a->floats)
            snprintf(text, sizeof text, "%g", (double)a->floats[i]);
        else if (a->strings)
            snprintf(text, sizeof text, "\"%.*s\"", a->strings[i].length > 64 ? 64 : (int)a->strings[i].length,
                     a->strings[i].data);
        else
            snprintf(text, sizeof text, "tensor");
        put(p, text);
    }
    if (a->count > 16)
        put(p, ",..");
}

static void put_attr(struct printer *p, const struct alt_attr *a)
{
    put(p, " ");
    put(p, a->name);
    put(p, "=");
    if (a->type == ALT_ATTR_GRAPH || a->type == ALT_ATTR_GRAPHS) {
        for (int64_t i = 0; i < a->count; i++)
            print_graph(p, a->graphs[i]);
        return;
    }
    if (a->type == ALT_ATTR_TYPE) {
        put(p, a->tensor_type ? alt_dtype_name(a->tensor_type->dtype) : "?");
        return;
    }
    bool many = a->type >= ALT_ATTR_FLOATS;
    if (many)
        put(p, "[");
    put_list(p, a);
    if (many)
        put(p, "]");
}

static void put_node(struct printer *p, const struct alt_graph *g, const struct alt_node *n)
{
    char text[LINE];
    const struct alt_op_info *info = &alt_op_table[n->op];
    indent(p);
    for (int i = 0; i < n->n_out; i++) {
        if (i)
            put(p, ", ");
        if (n->out[i])
            put_value(p, g, n->out[i]);
        else
            put(p, "_");
    }
    snprintf(text, sizeof text, " = %s%s%s-%" PRId64 "(", info->domain, *info->domain ? "." : "", info->name, n->opset);
    put(p, text);
    for (int i = 0; i < n->n_in; i++) {
        if (i)
            put(p, i == n->n_in_explicit ? "; " : ", ");
        put(p, n->in[i] ? n->in[i]->name : "_");
    }
    put(p, ")");
    for (int i = 0; i < n->n_attr; i++)
        put_attr(p, &n->attr[i]);
    if (strcmp(n->name, n->n_out && n->out[0] ? n->out[0]->name : "") != 0) {
        put(p, " # ");
        put(p, n->name);
    }
    put(p, "\n");
}

static void put_values(struct printer *p, const struct alt_graph *g, const char *word, enum alt_gvalue_kind kind)
{
    for (int i = 0; i < g->n_values; i++) {
        if (!g->values[i] || g->values[i]->kind != kind)
            continue;
        indent(p);
        put(p, word);
        put_value(p, g, g->values[i]);
        put(p, "\n");
    }
}

static void print_graph(struct printer *p, const struct alt_graph *g)
{
    put(p, "graph \"");
    put(p, g->name);
    put(p, "\" {\n");
    p->depth++;
    put_values(p, g, "input ", ALT_GV_INPUT);
    put_values(p, g, "capture ", ALT_GV_CAPTURE);
    put_values(p, g, "const ", ALT_GV_CONST);
    for (const struct alt_node *n = g->first; n; n = n->next)
        put_node(p, g, n);
    for (int i = 0; i < g->n_outputs; i++) {
        indent(p);
        put(p, "output ");
        put(p, g->outputs[i]->name);
        put(p, "\n");
    }
    p->depth--;
    indent(p);
    put(p, "}\n");
}

void alt_graph_print(const struct alt_graph *g, alt_put_fn put_text, void *context)
{
    struct printer p = {put_text, context, 0};
    print_graph(&p, g);
}
