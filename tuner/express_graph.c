/* express_graph.c: the way back from a descriptor to ordinary nodes, for whoever must know what the default kernels make of
 * it: the trial process times candidates against them and compares answers. */
#include "runtime/infer.h"
#include "tuner/express.h"

#include <math.h>
#include <string.h>

struct maker {
    const struct alt_desc *d;
    struct alt_arena *arena;
    struct alt_graph *g;
    uint64_t random;
};

/* splitmix64 */
static float draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (float)((z ^ (z >> 31)) >> 40) / 8388608.0f - 1.0f;
}

static struct alt_gvalue *make_constant(struct maker *k, const char *name, int rank, const int64_t *dims, float scale)
{
    struct alt_tensor t = {.dtype = ALT_FLOAT32, .rank = rank};
    int64_t count = alt_dims_count(rank, dims);
    if (rank)
        memcpy(t.dim, dims, (size_t)rank * sizeof *dims);
    t.bytes = alt_dtype_bytes(ALT_FLOAT32, count);
    float *data = t.bytes == SIZE_MAX ? NULL : alt_arena_data(k->arena, t.bytes);
    if (!data)
        return NULL;
    for (int64_t i = 0; i < count; i++)
        data[i] = draw(&k->random) * scale;
    t.data = data;
    return alt_graph_add_const(k->g, name, &t);
}

static struct alt_gvalue *make_input(struct maker *k, const char *name, int rank, const int64_t *dims)
{
    struct alt_gvalue *v = alt_graph_add_value(k->g, ALT_GV_INPUT, name);
    if (!v)
        return NULL;
    v->type = (struct alt_type){.kind = ALT_TENSOR, .dtype = ALT_FLOAT32, .shape.rank = rank};
    memcpy(v->type.shape.dim, dims, (size_t)rank * sizeof *dims);
    k->g->inputs[k->g->n_inputs++] = v;
    return v;
}

static alt_status add_node(struct maker *k, enum alt_op op, int n_in, struct alt_gvalue *const *in,
                           const struct alt_attr *attr, int n_attr, struct alt_gvalue **out)
{
    for (int i = 0; i < n_in; i++)
        if (!in[i])
            return ALT_E_NOMEM;
    struct alt_node *n = alt_graph_add_node(k->g, NULL, op, ALT_OPSET_NEWEST, n_in, in, 1, NULL);
    if (!n)
        return ALT_E_NOMEM;
    alt_node_set_attrs(n, attr, n_attr);
    *out = n->out[0];
    return alt_infer_node(n, NULL);
}

static void set_ints(struct alt_attr *a, const char *name, int count, const int64_t *values)
{
    *a = (struct alt_attr){.name = name, .type = ALT_ATTR_INTS, .count = count, .ints = values};
}

static alt_status make_conv(struct maker *k, struct alt_gvalue **out)
{
    const struct alt_conv_desc *c = &k->d->conv;
    int first = 2 - c->rank, n = c->rank;
    int64_t x[4] = {c->n, c->c}, w[4] = {c->o, c->c}, taps = c->c;
    int64_t *numbers = alt_arena_array(k->arena, 12, sizeof *numbers); /* kernel, strides, dilations, pads */
    struct alt_attr *attr = alt_arena_array(k->arena, 4, sizeof *attr);
    if (!numbers || !attr)
        return ALT_E_NOMEM;
    for (int i = 0; i < n; i++) {
        x[2 + i] = c->in[first + i];
        w[2 + i] = numbers[i] = c->kernel[first + i];
        numbers[2 + i] = c->stride[first + i];
        numbers[4 + i] = c->dilation[first + i];
        numbers[6 + i] = c->begin[first + i];
        numbers[6 + n + i] = c->end[first + i];
        taps *= c->kernel[first + i];
    }
    set_ints(&attr[0], "kernel_shape", n, numbers);
    set_ints(&attr[1], "strides", n, numbers + 2);
    set_ints(&attr[2], "dilations", n, numbers + 4);
    set_ints(&attr[3], "pads", 2 * n, numbers + 6);
    struct alt_gvalue *in[3] = {make_input(k, "x", 2 + n, x),
                                make_constant(k, "w", 2 + n, w, 1 / sqrtf((float)taps)), NULL};
    if (k->d->epilogue.bias)
        in[2] = make_constant(k, "bias", 1, &c->o, 1);
    return add_node(k, ALT_OP_CONV, k->d->epilogue.bias ? 3 : 2, in, attr, 4, out);
}

/* MatMul and an addition, or Gemm where B is transposed. */
static alt_status make_product(struct maker *k, struct alt_gvalue **out)
{
    const struct alt_product_desc *p = &k->d->product;
    bool batched = p->batch > 1;
    int64_t a[3] = {p->batch, p->m, p->k}, b[3] = {p->batch, p->transposed ? p->n : p->k, p->transposed ? p->k : p->n};
    float scale = 1 / sqrtf((float)p->k);
    struct alt_gvalue *in[3] = {make_input(k, "x", batched ? 3 : 2, batched ? a : a + 1), NULL, NULL};
    if (p->constant)
        in[1] = make_constant(k, "b", batched ? 3 : 2, batched ? b : b + 1, scale);
    else
        in[1] = make_input(k, "b", batched ? 3 : 2, batched ? b : b + 1);
    struct alt_gvalue *bias = k->d->epilogue.bias ? make_constant(k, "bias", 1, &p->n, 1) : NULL;
    if (k->d->epilogue.bias && !bias)
        return ALT_E_NOMEM;
    if (p->transposed) {
        static const int64_t one = 1;
        struct alt_attr *attr = alt_arena_array(k->arena, 1, sizeof *attr);
        if (batched)
            return ALT_E_UNSUPPORTED;
        if (!attr)
            return ALT_E_NOMEM;
        *attr = (struct alt_attr){.name = "transB", .type = ALT_ATTR_INT, .count = 1, .ints = &one};
        in[2] = bias;
        return add_node(k, ALT_OP_GEMM, bias ? 3 : 2, in, attr, 1, out);
    }
    alt_status status = add_node(k, ALT_OP_MATMUL, 2, in, NULL, 0, out);
    if (status != ALT_OK || !bias)
        return status;
    struct alt_gvalue *sum[2] = {*out, bias};
    return add_node(k, ALT_OP_ADD, 2, sum, NULL, 0, out);
}

static struct alt_gvalue *make_scalar(struct maker *k, float value)
{
    float *data = alt_arena_data(k->arena, sizeof *data);
    if (!data)
        return NULL;
    *data = value;
    const struct alt_tensor t = {.dtype = ALT_FLOAT32, .data = data, .bytes = sizeof *data};
    return alt_graph_add_const(k->g, NULL, &t);
}

static alt_status make_epilogue(struct maker *k, struct alt_gvalue **out)
{
    const struct alt_epilogue *e = &k->d->epilogue;
    if (e->add) {
        struct alt_gvalue *in[2] = {*out, make_input(k, "add", (*out)->type.shape.rank, (*out)->type.shape.dim)};
        ALT_CHECK(add_node(k, ALT_OP_ADD, 2, in, NULL, 0, out));
    }
    if (e->activation == ALT_ACT_RELU)
        return add_node(k, ALT_OP_RELU, 1, out, NULL, 0, out);
    if (e->activation == ALT_ACT_CLIP) {
        struct alt_gvalue *in[3] = {*out, make_scalar(k, e->lo), make_scalar(k, e->hi)};
        return add_node(k, ALT_OP_CLIP, 3, in, NULL, 0, out);
    }
    return ALT_OK;
}

alt_status alt_express_graph(const struct alt_desc *desc, uint64_t seed, struct alt_arena *arena,
                             struct alt_dimtab *dims, struct alt_graph **out)
{
    struct maker k = {.d = desc, .arena = arena, .random = seed};
    struct alt_gvalue *result = NULL;
    k.g = alt_graph_create(arena, dims, "region");
    if (!k.g)
        return ALT_E_NOMEM;
    k.g->inputs = alt_arena_array(arena, ALT_DESC_MAX_OPERANDS, sizeof *k.g->inputs);
    k.g->outputs = alt_arena_array(arena, 1, sizeof *k.g->outputs);
    if (!k.g->inputs || !k.g->outputs)
        return ALT_E_NOMEM;
    ALT_CHECK(desc->kind == ALT_DESC_CONV ? make_conv(&k, &result) : make_product(&k, &result));
    ALT_CHECK(make_epilogue(&k, &result));
    k.g->outputs[k.g->n_outputs++] = result;
    result->n_outputs++;
    *out = k.g;
    return ALT_OK;
}
