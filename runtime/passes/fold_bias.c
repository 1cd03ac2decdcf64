/* fold_bias.c: a constant for each channel that is added behind a convolution becomes its bias.
 *
 *   y = Add(Conv(x, W), c), either order   becomes   y = Conv(x, W, c)
 *
 * for Conv and ConvTranspose of float32 or float64 without a bias, whose output nobody else reads, where c has one element for each
 * channel, or one for all. The bias is added after the last step of the reduction, so the bits stay. */
#include "runtime/pass.h"
#include "runtime/passes/match.h"

#include <string.h>

/* The convolution whose bias node n adds; *c: the other operand. NULL: there is none. */
static struct alt_node *find_source(const struct alt_node *n, struct alt_gvalue **c)
{
    for (int i = 0; n->op == ALT_OP_ADD && i < 2; i++) {
        struct alt_node *conv = alt_match_inner(n->in[i], ALT_OP_CONV);
        conv = conv ? conv : alt_match_inner(n->in[i], ALT_OP_CONV_TRANSPOSE);
        *c = n->in[1 - i];
        if (conv && (conv->n_in < 3 || !conv->in[2]))
            return conv;
    }
    return NULL;
}

/* Whether c, broadcast to y, has the same element all over a channel. */
static bool is_by_channel(const struct alt_gvalue *c, const struct alt_type *y)
{
    const struct alt_shape *s = &c->type.shape;
    if (!c->type.known || c->type.dtype != y->dtype || (y->dtype != ALT_FLOAT32 && y->dtype != ALT_FLOAT64) || s->rank > y->shape.rank)
        return false;
    for (int d = 0; d < s->rank; d++) {
        const int axis = y->shape.rank - s->rank + d;
        if (s->dim[d] != 1 && (axis != 1 || s->dim[d] != y->shape.dim[1]))
            return false;
    }
    return true;
}

static alt_status replace(struct alt_graph *g, struct alt_node *add, struct alt_node *conv, const struct alt_tensor *c)
{
    struct alt_tensor b = {.dtype = c->dtype, .rank = 1, .dim = {add->out[0]->type.shape.dim[1]}};
    const size_t size = alt_dtype_size(b.dtype);
    b.bytes = (size_t)b.dim[0] * size;
    char *data = alt_arena_data(g->arena, b.bytes);
    if (!data)
        return ALT_E_NOMEM;
    for (size_t at = 0; at < b.bytes; at += size)
        memcpy(data + at, (const char *)c->data + (alt_tensor_count(c) > 1 ? at : 0), size);
    b.data = data;
    struct alt_gvalue *in[3] = {conv->in[0], conv->in[1], alt_graph_add_const(g, NULL, &b)};
    struct alt_node *n = in[2] ? alt_graph_add_node(g, add, conv->op, conv->opset, 3, in, 1, NULL) : NULL;
    if (!n)
        return ALT_E_NOMEM;
    n->name = conv->name;
    alt_node_set_attrs(n, conv->attr, conv->n_attr);
    n->out[0]->type = add->out[0]->type;
    alt_gvalue_replace(g, add->out[0], n->out[0]);
    alt_graph_remove_node(add);
    alt_graph_remove_node(conv);
    return ALT_OK;
}

alt_status alt_pass_fold_bias(struct alt_graph *g, struct alt_diag *diag, bool *changed)
{
    (void)diag;
    for (struct alt_node *n = g->first, *next; n; n = next) {
        struct alt_gvalue *c;
        struct alt_node *conv = find_source(n, &c);
        next = n->next;
        if (!conv || !alt_shape_equal(&n->out[0]->type.shape, &conv->out[0]->type.shape) || !is_by_channel(c, &n->out[0]->type) ||
            !alt_dim_known(n->out[0]->type.shape.dim[1]))
            continue;
        ALT_CHECK(replace(g, n, conv, c->type.known));
        *changed = true;
    }
    return ALT_OK;
}
