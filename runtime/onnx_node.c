/* onnx_node.c: builds the nodes of a graph or function body: Constant nodes become constants, calls of local functions are
 * inlined, everything else must be a row of op.def. A node that cannot run is noted and its outputs are defined all the
 * same, so that the nodes behind it are looked at too. */
#include "runtime/onnx_load.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *alt_onnx_node_name(const struct alt_onnx_node *node)
{
    if (node->name[0])
        return node->name;
    for (int i = 0; i < node->n_out; i++)
        if (node->out[i][0])
            return node->out[i];
    return "";
}

/* Defines the outputs of a node that are not left out. The first `least` are what its operator always has: kernels write
 * them, whether they have a name or not. */
static alt_status define_outputs(struct alt_onnx_load *ld, struct alt_onnx_scope *scope,
                                 const struct alt_onnx_node *node, int least, int n_out, struct alt_gvalue ***out)
{
    struct alt_gvalue **list = alt_arena_array(ld->scratch, (size_t)n_out, sizeof(struct alt_gvalue *));
    if (!list)
        return alt_onnx_nomem(ld);
    for (int i = 0; i < n_out; i++)
        if (node->out[i][0])
            ALT_CHECK(alt_onnx_define(ld, scope, ALT_GV_TEMP, node->out[i], NULL, &list[i]));
        else if (i < least && !(list[i] = alt_graph_add_value(scope->build->graph, ALT_GV_TEMP, NULL)))
            return alt_onnx_nomem(ld);
    *out = list;
    return ALT_OK;
}

/* A tensor over numbers or strings that the graph's arena holds. */
static struct alt_tensor list_tensor(alt_dtype dtype, bool scalar, int64_t count, const void *data)
{
    struct alt_tensor t = {.dtype = dtype, .rank = scalar ? 0 : 1, .data = data};
    if (!scalar)
        t.dim[0] = count;
    t.bytes = alt_dtype_bytes(dtype, count);
    return t;
}

/* The content of a Constant node. False when its attribute is not one of those ONNX gives it. */
static bool constant_content(const struct alt_attr *a, struct alt_tensor *out)
{
    static const struct {
        const char *name;
        enum alt_attr_type type;
    } known[] = {
        {"value", ALT_ATTR_TENSOR},        {"sparse_value", ALT_ATTR_TENSOR},   {"value_float", ALT_ATTR_FLOAT},
        {"value_floats", ALT_ATTR_FLOATS}, {"value_int", ALT_ATTR_INT},         {"value_ints", ALT_ATTR_INTS},
        {"value_string", ALT_ATTR_STRING}, {"value_strings", ALT_ATTR_STRINGS},
    };
    size_t i = 0;
    while (i < sizeof known / sizeof known[0] && strcmp(known[i].name, a->name) != 0)
        i++;
    if (i == sizeof known / sizeof known[0] || known[i].type != a->type)
        return false;
    switch (a->type) {
    case ALT_ATTR_TENSOR:
        *out = *a->tensors[0];
        return true;
    case ALT_ATTR_FLOAT:
    case ALT_ATTR_FLOATS:
        *out = list_tensor(ALT_FLOAT32, a->type == ALT_ATTR_FLOAT, a->count, a->floats);
        return true;
    case ALT_ATTR_INT:
    case ALT_ATTR_INTS:
        *out = list_tensor(ALT_INT64, a->type == ALT_ATTR_INT, a->count, a->ints);
        return true;
    default:
        *out = list_tensor(ALT_STRING, a->type == ALT_ATTR_STRING, a->count, a->strings);
        return true;
    }
}

static alt_status build_constant(struct alt_onnx_load *ld, struct alt_onnx_scope *scope,
                                 const struct alt_onnx_node *node)
{
    struct alt_onnx_attrs attrs;
    struct alt_tensor content;
    struct alt_gvalue *value;
    ALT_CHECK(alt_onnx_attrs(ld, scope, node, &attrs));
    if (attrs.count != 1 || !constant_content(&attrs.attr[0], &content))
        return alt_diag_add(ld->diag, ALT_E_MODEL,
                            "node \"%.200s\" (Constant): it needs exactly one of the attributes ONNX gives it (value, "
                            "value_float, ...) with its right type",
                            alt_onnx_node_name(node));
    if (node->n_in != 0 || node->n_out != 1 || !node->out[0][0])
        return alt_diag_add(ld->diag, ALT_E_MODEL, "node \"%.200s\" (Constant): it must have no input and one output",
                            alt_onnx_node_name(node));
    return alt_onnx_define(ld, scope, ALT_GV_CONST, node->out[0], &content, &value);
}

/* How many of the names there are without those left out at the end. */
static int count_present(const char *const *names, int count)
{
    while (count > 0 && !names[count - 1][0])
        count--;
    return count;
}

static bool within(int n, int min, int max) { return n >= min && (max < 0 || n <= max); }

/* The first input that the operator cannot do without and that is left out; -1: none. */
static int left_out(const struct alt_onnx_making *m, const struct alt_op_info *row)
{
    for (int i = 0; i < m->n_in && i < row->min_in && !(row->flags & ALT_OP_OMITS); i++)
        if (!m->in[i])
            return i;
    return -1;
}

/* Why alt cannot run the node, or NULL. */
static const char *find_fault(const struct alt_onnx_making *m, char *text, size_t size)
{
    const struct alt_op_info *row = m->op < ALT_OP_COUNT ? &alt_op_table[m->op] : NULL;
    if (!row)
        snprintf(text, size, "alt has no such operator");
    else if (m->opset == 0)
        snprintf(text, size, "the version of a domain without an import is not known");
    else if (!row->domain[0] && (m->opset < ALT_OPSET_OLDEST || m->opset > ALT_OPSET_NEWEST))
        snprintf(text, size, "alt reads opsets %d to %d of ai.onnx", ALT_OPSET_OLDEST, ALT_OPSET_NEWEST);
    else if (m->opset < row->first || (row->last && m->opset > row->last))
        snprintf(text, size, "alt has this operator for opsets %d to %d", row->first,
                 row->last ? row->last : ALT_OPSET_NEWEST);
    else if (!within(m->n_in, row->flags & ALT_OP_OMITS ? 0 : row->min_in, row->max_in))
        snprintf(text, size, "%d inputs; alt knows it with %d to %d (-1: any number)", m->n_in, row->min_in,
                 row->max_in);
    else if (left_out(m, row) >= 0)
        snprintf(text, size, "input %d is left out", left_out(m, row));
    else if (!within(m->n_out, row->min_out, row->max_out))
        snprintf(text, size, "%d outputs; alt knows it with %d to %d (-1: any number)", m->n_out, row->min_out,
                 row->max_out);
    else if (m->attrs.unsupported)
        snprintf(text, size, "alt cannot read the type of its attribute \"%.100s\"", m->attrs.unsupported);
    else
        return NULL;
    return text;
}

/* Path of a call before the node's own name. */
static const char *full_name(struct alt_onnx_load *ld, const struct alt_onnx_scope *scope,
                             const struct alt_onnx_node *node)
{
    const char *name = alt_onnx_node_name(node);
    return scope->frame ? alt_arena_printf(ld->arena, "%s/%s", scope->frame->path, name)
                        : alt_arena_text(ld->arena, name, strlen(name));
}

static alt_status add_node(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, struct alt_onnx_making *m)
{
    struct alt_gvalue **out = NULL;
    int n = m->n_in + m->attrs.n_captures;
    struct alt_gvalue **in = alt_arena_array(ld->scratch, (size_t)n, sizeof *in);
    if (!in)
        return alt_onnx_nomem(ld);
    for (int i = 0; i < n; i++)
        in[i] = i < m->n_in ? m->in[i] : m->attrs.capture[i - m->n_in];
    ALT_CHECK(define_outputs(ld, scope, m->node, alt_op_table[m->op].min_out, m->n_out, &out));
    struct alt_node *node = alt_graph_add_node(scope->build->graph, NULL, m->op, m->opset, n, in, m->n_out, out);
    const char *name = full_name(ld, scope, m->node);
    if (!node || !name)
        return alt_onnx_nomem(ld);
    node->n_in_explicit = m->n_in;
    node->name = name;
    alt_node_set_attrs(node, m->attrs.attr, m->attrs.count);
    return ALT_OK;
}

static alt_status build_operator(struct alt_onnx_load *ld, struct alt_onnx_scope *scope,
                                 const struct alt_onnx_node *node)
{
    char text[256];
    struct alt_onnx_making m = {.node = node, .n_in = count_present(node->in, node->n_in)};
    m.op = alt_op_find(node->op_type, node->domain);
    m.opset = alt_onnx_opset_find(scope->opsets, node->domain);
    int present = count_present(node->out, node->n_out), least = m.op < ALT_OP_COUNT ? alt_op_table[m.op].min_out : 0;
    m.n_out = present >= least ? present : node->n_out < least ? node->n_out : least;
    m.in = alt_arena_array(ld->scratch, (size_t)m.n_in, sizeof(struct alt_gvalue *));
    if (!m.in)
        return alt_onnx_nomem(ld);
    for (int i = 0; i < m.n_in; i++)
        if (node->in[i][0])
            ALT_CHECK(alt_onnx_lookup(ld, scope, node->in[i], &m.in[i]));
    while (m.n_in > 0 && !m.in[m.n_in - 1])
        m.n_in--; /* parameters that the call of a function leaves out */
    ALT_CHECK(alt_onnx_attrs(ld, scope, node, &m.attrs));
    const char *fault = find_fault(&m, text, sizeof text);
    if (!fault)
        ALT_CHECK(alt_onnx_upgrade(ld, scope, &m, &fault));
    if (fault) {
        struct alt_gvalue **out = NULL;
        ALT_CHECK(alt_onnx_refuse(ld, scope, node, m.opset, fault));
        return define_outputs(ld, scope, node, 0, node->n_out, &out);
    }
    return add_node(ld, scope, &m);
}

/* Bounds what a small file can make of itself by calling functions that call functions. */
static alt_status count_node(struct alt_onnx_load *ld, const struct alt_onnx_scope *scope,
                             const struct alt_onnx_node *node)
{
    if (!scope->frame)
        return ALT_OK;
    ld->inlined++;
    ld->inlined_bytes += node->bytes;
    if (ld->inlined <= ALT_ONNX_INLINED && ld->inlined_bytes <= ALT_ONNX_INLINED_BYTES)
        return ALT_OK;
    return alt_diag_add(
        ld->diag, ALT_E_UNSUPPORTED,
        "the model's functions become more than %d nodes, or more than %zu bytes of them, when their calls are "
        "inlined; alt stops at node \"%.200s\"",
        ALT_ONNX_INLINED, ALT_ONNX_INLINED_BYTES, alt_onnx_node_name(node));
}

alt_status alt_onnx_nodes(struct alt_onnx_load *ld, struct alt_onnx_scope *scope)
{
    for (scope->at = 0; scope->at < scope->body->count; scope->at++) {
        const struct alt_onnx_node *node = &scope->body->node[scope->at];
        const struct alt_onnx_function *function;
        ALT_CHECK(count_node(ld, scope, node));
        ALT_CHECK(alt_onnx_function_find(ld, node, &function));
        if (function)
            ALT_CHECK(alt_onnx_inline(ld, scope, node, function));
        else if (strcmp(node->op_type, "Constant") == 0 && !node->domain[0])
            ALT_CHECK(build_constant(ld, scope, node));
        else
            ALT_CHECK(build_operator(ld, scope, node));
    }
    return ALT_OK;
}
