/* onnx_upgrade.c: nodes of opsets 1 to 6, put as opset 7 has them.
 *
 * Between 1 and 7 ONNX took memory hints out of operators (consumed_inputs, which nobody reads), broadcast as NumPy does
 * instead of along `axis`, and renamed or retyped a few attributes. One row of `rows` an operator that differs in
 * meaning; operators without a row read the same. What opset 7 cannot say (training) is refused.
 */
#include "runtime/onnx_load.h"

#include <string.h>

/* Of the nodes made here, which are the same from 5 to 26. */
enum { OPSET = 12 };

struct upgrade {
    struct alt_onnx_load *ld;
    struct alt_graph *graph;
    struct alt_onnx_making *m;
    const char *fault; /* why the node cannot be read, or NULL */
};

static struct alt_attr *find(const struct upgrade *u, const char *name)
{
    for (int i = 0; i < u->m->attrs.count; i++)
        if (strcmp(u->m->attrs.attr[i].name, name) == 0)
            return &u->m->attrs.attr[i];
    return NULL;
}

static int64_t int_of(const struct upgrade *u, const char *name, int64_t otherwise)
{
    const struct alt_attr *a = find(u, name);
    return a && a->type == ALT_ATTR_INT ? a->ints[0] : otherwise;
}

/* Appends an attribute. */
static bool add(struct upgrade *u, struct alt_attr attr)
{
    struct alt_onnx_attrs *all = &u->m->attrs;
    struct alt_attr *list = alt_arena_array(u->ld->arena, (size_t)all->count + 1, sizeof *list);
    if (!list)
        return false;
    if (all->count)
        memcpy(list, all->attr, (size_t)all->count * sizeof *list);
    list[all->count++] = attr;
    all->attr = list;
    return true;
}

/* A constant list of numbers. */
static struct alt_gvalue *number_list(const struct upgrade *u, int64_t count, const int64_t *numbers)
{
    const size_t bytes = (size_t)count * sizeof *numbers;
    int64_t *data = alt_arena_data(u->ld->arena, bytes);
    if (!data)
        return NULL;
    if (count)
        memcpy(data, numbers, bytes);
    const struct alt_tensor t = {.dtype = ALT_INT64, .rank = 1, .dim = {count}, .data = data, .bytes = bytes};
    return alt_graph_add_const(u->graph, NULL, &t);
}

/* A node of one output before the one that is read; NULL: no memory, also when an operand is NULL. */
static struct alt_gvalue *node(const struct upgrade *u, enum alt_op op, struct alt_gvalue *a, struct alt_gvalue *b)
{
    struct alt_gvalue *const in[] = {a, b};
    const int n = op == ALT_OP_SHAPE_OF || op == ALT_OP_CONSTANT_OF_SHAPE ? 1 : 2;
    if (!a || (n == 2 && !b))
        return NULL;
    struct alt_node *made = alt_graph_add_node(u->graph, NULL, op, OPSET, n, in, 1, NULL);
    return made ? made->out[0] : NULL;
}

static struct alt_gvalue *rank_of(const struct upgrade *u, struct alt_gvalue *v)
{
    return node(u, ALT_OP_SHAPE_OF, node(u, ALT_OP_SHAPE_OF, v, NULL), NULL);
}

/* A list of that many ones. */
static struct alt_gvalue *ones(const struct upgrade *u, struct alt_gvalue *count)
{
    struct alt_attr *value = alt_arena_alloc(u->ld->arena, sizeof *value);
    const struct alt_tensor **list = alt_arena_alloc(u->ld->arena, sizeof *list);
    struct alt_gvalue *one = number_list(u, 1, &(const int64_t){1});
    struct alt_gvalue *out = node(u, ALT_OP_CONSTANT_OF_SHAPE, count, NULL);
    if (!value || !list || !one || !out)
        return NULL;
    *list = one->type.known;
    *value = (struct alt_attr){.name = "value", .type = ALT_ATTR_TENSOR, .count = 1, .tensors = list};
    alt_node_set_attrs(out->producer, value, 1);
    return out;
}

/* Input 1 gets as many axes of extent 1 behind its own as align its first with axis `axis` of input 0. Ranks are not known
 * while a file is read, so the graph computes them, and folds that later. */
static alt_status align_at(struct upgrade *u, int64_t axis)
{
    static const int64_t zero = 0;
    struct alt_attr *concat_axis = alt_arena_alloc(u->ld->arena, sizeof *concat_axis);
    struct alt_gvalue **in = u->m->in;
    struct alt_gvalue *from_end = number_list(u, 1, &(const int64_t){-axis}), *end = from_end;
    if (axis >= 0)
        end = node(u, ALT_OP_ADD, rank_of(u, in[0]), from_end);
    struct alt_gvalue *count = node(u, ALT_OP_SUB, end, rank_of(u, in[1]));
    if (u->m->op == ALT_OP_PRELU) /* a slope for a vector */
        count = node(u, ALT_OP_MAX, count, number_list(u, 1, &zero));
    struct alt_gvalue *shape = node(u, ALT_OP_CONCAT, node(u, ALT_OP_SHAPE_OF, in[1], NULL), ones(u, count));
    struct alt_gvalue *aligned = node(u, ALT_OP_RESHAPE, in[1], shape);
    if (!concat_axis || !aligned)
        return ALT_E_NOMEM;
    *concat_axis = (struct alt_attr){.name = "axis", .type = ALT_ATTR_INT, .count = 1, .ints = &zero};
    alt_node_set_attrs(shape->producer, concat_axis, 1);
    in[1] = aligned;
    return ALT_OK;
}

/* Add, And, ...: with `broadcast`, input 1 is aligned at `axis`; without an axis at the end, as NumPy does. */
static alt_status broadcast(struct upgrade *u)
{
    if (!int_of(u, "broadcast", 0) || !find(u, "axis"))
        return ALT_OK;
    const int64_t axis = int_of(u, "axis", 0);
    if (axis < -ALT_MAX_RANK || axis > ALT_MAX_RANK) {
        u->fault = "its attribute axis is out of range";
        return ALT_OK;
    }
    return align_at(u, axis);
}

/* PRelu: one slope a channel. */
static alt_status slopes(struct upgrade *u) { return align_at(u, 1); }

/* BatchNormalization, Dropout: is_test 0 is training. */
static alt_status inference_only(struct upgrade *u)
{
    if (!int_of(u, "is_test", 0))
        u->fault = "before opset 7 it trains unless its attribute is_test is 1, and alt does not train";
    return ALT_OK;
}

/* Cast: `to` was the name of a type. */
static alt_status cast(struct upgrade *u)
{
    static const struct {
        const char *name;
        int64_t number;
    } types[] = {{"FLOAT", ALT_FLOAT32},   {"UINT8", ALT_UINT8},         {"INT8", ALT_INT8},
                 {"UINT16", ALT_UINT16},   {"INT16", ALT_INT16},         {"INT32", ALT_INT32},
                 {"INT64", ALT_INT64},     {"STRING", ALT_STRING},       {"BOOL", ALT_BOOL},
                 {"FLOAT16", ALT_FLOAT16}, {"DOUBLE", ALT_FLOAT64},      {"UINT32", ALT_UINT32},
                 {"UINT64", ALT_UINT64},   {"COMPLEX64", ALT_COMPLEX64}, {"COMPLEX128", ALT_COMPLEX128}};
    struct alt_attr *to = find(u, "to");
    if (!to || to->type != ALT_ATTR_STRING)
        return ALT_OK;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, to->strings[0].data) == 0) {
            *to = (struct alt_attr){.name = "to", .type = ALT_ATTR_INT, .count = 1, .ints = &types[i].number};
            return ALT_OK;
        }
    u->fault = "its attribute \"to\" names no type";
    return ALT_OK;
}

/* Concat: the axis was 1 unless said. */
static alt_status concat(struct upgrade *u)
{
    static const int64_t one = 1;
    if (find(u, "axis"))
        return ALT_OK;
    return add(u, (struct alt_attr){.name = "axis", .type = ALT_ATTR_INT, .count = 1, .ints = &one}) ? ALT_OK
                                                                                                     : ALT_E_NOMEM;
}

/* GlobalLpPool, LpPool: the norm was a float. */
static alt_status whole_norm(struct upgrade *u)
{
    struct alt_attr *p = find(u, "p");
    if (!p || p->type != ALT_ATTR_FLOAT)
        return ALT_OK;
    const float norm = p->floats[0];
    int64_t *number = alt_arena_alloc(u->ld->arena, sizeof *number);
    if (!number)
        return ALT_E_NOMEM;
    if (!(norm >= 1 && norm <= 1000) || norm != (float)(int)norm) {
        u->fault = "its attribute p must be a whole number";
        return ALT_OK;
    }
    *number = (int)norm;
    *p = (struct alt_attr){.name = "p", .type = ALT_ATTR_INT, .count = 1, .ints = number};
    return ALT_OK;
}

static alt_status pad(struct upgrade *u)
{
    struct alt_attr *paddings = find(u, "paddings");
    if (paddings)
        paddings->name = "pads";
    return ALT_OK;
}

/* Reshape: the shape was an attribute. */
static alt_status reshape(struct upgrade *u)
{
    const struct alt_attr *shape = find(u, "shape");
    struct alt_gvalue **in = alt_arena_array(u->ld->scratch, 2, sizeof *in);
    if (!shape || shape->type != ALT_ATTR_INTS) {
        u->fault = "before opset 5 it needs the attribute shape";
        return ALT_OK;
    }
    struct alt_gvalue *list = number_list(u, shape->count, shape->ints);
    if (!in || !list)
        return ALT_E_NOMEM;
    in[0] = u->m->in[0];
    in[1] = list;
    u->m->in = in;
    u->m->n_in = 2;
    return ALT_OK;
}

/* Selu: the constants had fewer digits. */
static alt_status selu(struct upgrade *u)
{
    static const float alpha = 1.6732f, gamma = 1.0507f;
    if (!find(u, "alpha") &&
        !add(u, (struct alt_attr){.name = "alpha", .type = ALT_ATTR_FLOAT, .count = 1, .floats = &alpha}))
        return ALT_E_NOMEM;
    if (!find(u, "gamma") &&
        !add(u, (struct alt_attr){.name = "gamma", .type = ALT_ATTR_FLOAT, .count = 1, .floats = &gamma}))
        return ALT_E_NOMEM;
    return ALT_OK;
}

/* Upsample: images only, with one scale an axis. */
static alt_status upsample(struct upgrade *u)
{
    const struct alt_attr *height = find(u, "height_scale"), *width = find(u, "width_scale");
    if (!height || !width || height->type != ALT_ATTR_FLOAT || width->type != ALT_ATTR_FLOAT) {
        u->fault = "before opset 7 it needs the attributes height_scale and width_scale";
        return ALT_OK;
    }
    float *scales = alt_arena_array(u->ld->arena, 4, sizeof *scales);
    if (!scales)
        return ALT_E_NOMEM;
    scales[0] = scales[1] = 1;
    scales[2] = height->floats[0];
    scales[3] = width->floats[0];
    return add(u, (struct alt_attr){.name = "scales", .type = ALT_ATTR_FLOATS, .count = 4, .floats = scales})
               ? ALT_OK
               : ALT_E_NOMEM;
}

static const struct row {
    enum alt_op op;
    int last; /* opset in which the operator reads as `upgrade` expects */
    alt_status (*upgrade)(struct upgrade *u);
} rows[] = {
    {ALT_OP_ADD, 6, broadcast},
    {ALT_OP_AND, 6, broadcast},
    {ALT_OP_BATCH_NORMALIZATION, 6, inference_only},
    {ALT_OP_CAST, 5, cast},
    {ALT_OP_CONCAT, 3, concat},
    {ALT_OP_DIV, 6, broadcast},
    {ALT_OP_DROPOUT, 6, inference_only},
    {ALT_OP_EQUAL, 6, broadcast},
    {ALT_OP_GLOBAL_LP_POOL, 1, whole_norm},
    {ALT_OP_GREATER, 6, broadcast},
    {ALT_OP_LESS, 6, broadcast},
    {ALT_OP_LP_POOL, 1, whole_norm},
    {ALT_OP_MUL, 6, broadcast},
    {ALT_OP_OR, 6, broadcast},
    {ALT_OP_PAD, 1, pad},
    {ALT_OP_POW, 6, broadcast},
    {ALT_OP_PRELU, 6, slopes},
    {ALT_OP_RESHAPE, 4, reshape},
    {ALT_OP_SELU, 5, selu},
    {ALT_OP_SUB, 6, broadcast},
    {ALT_OP_UPSAMPLE, 6, upsample},
    {ALT_OP_XOR, 6, broadcast},
};

alt_status alt_onnx_upgrade(struct alt_onnx_load *ld, struct alt_onnx_scope *scope, struct alt_onnx_making *m,
                            const char **fault)
{
    struct upgrade u = {.ld = ld, .graph = scope->build->graph, .m = m};
    const struct row *row = rows, *end = rows + sizeof rows / sizeof *rows;
    *fault = NULL;
    if (m->op >= ALT_OP_COUNT || alt_op_table[m->op].domain[0])
        return ALT_OK;
    while (row < end && (row->op != m->op || m->opset > row->last))
        row++;
    if (row == end)
        return ALT_OK;
    for (int i = 0; i < m->n_in; i++)
        if (!m->in[i]) {
            *fault = "its inputs before opset 7 are none that may be left out";
            return ALT_OK;
        }
    alt_status status = row->upgrade(&u);
    *fault = u.fault;
    return status == ALT_E_NOMEM ? alt_onnx_nomem(ld) : status;
}
