/* node.c: one operator on tensors written as text; see node.h. */
#include "tests/node.h"

#include "runtime/half.h"
#include "runtime/infer.h"
#include "runtime/step.h"
#include "tests/cmocka_all.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void node_open(struct test_node *t, enum alt_op op, int64_t opset)
{
    *t = (struct test_node){.op = op, .opset = opset, .n_out = 1};
    alt_mem_init(&t->mem, NULL, 0);
    alt_arena_init(&t->arena, &t->mem);
    alt_dimtab_init(&t->dims, &t->arena);
    t->graph = alt_graph_create(&t->arena, &t->dims, "test");
    assert_non_null(t->graph);
}

void node_close(struct test_node *t)
{
    alt_diag_clear(&t->diag);
    alt_arena_free(&t->arena);
}

static struct alt_attr *add_attr(struct test_node *t, const char *name, enum alt_attr_type type, int64_t count)
{
    assert_true(t->n_attr < NODE_MAX);
    struct alt_attr *a = &t->attr[t->n_attr++];
    a->name = name;
    a->type = type;
    a->count = count;
    return a;
}

void node_ints(struct test_node *t, const char *name, int count, const int64_t *values)
{
    int64_t *copy = alt_arena_array(&t->arena, (size_t)count + 1, sizeof *copy);
    for (int i = 0; i < count; i++)
        copy[i] = values[i];
    add_attr(t, name, ALT_ATTR_INTS, count)->ints = copy;
}

void node_int(struct test_node *t, const char *name, int64_t value)
{
    node_ints(t, name, 1, &value);
    t->attr[t->n_attr - 1].type = ALT_ATTR_INT;
}

void node_float(struct test_node *t, const char *name, float value)
{
    float *copy = alt_arena_alloc(&t->arena, sizeof *copy);
    *copy = value;
    add_attr(t, name, ALT_ATTR_FLOAT, 1)->floats = copy;
}

void node_text(struct test_node *t, const char *name, const char *value)
{
    alt_string *copy = alt_arena_alloc(&t->arena, sizeof *copy);
    *copy = (alt_string){value, strlen(value)};
    add_attr(t, name, ALT_ATTR_STRING, 1)->strings = copy;
}

static alt_dtype read_dtype(const char **text)
{
    const char *end = strchr(*text, '[');
    assert_non_null(end);
    for (int d = 1; d <= ALT_INT2; d++)
        if (strlen(alt_dtype_name((alt_dtype)d)) == (size_t)(end - *text) &&
            strncmp(alt_dtype_name((alt_dtype)d), *text, (size_t)(end - *text)) == 0) {
            *text = end + 1;
            return (alt_dtype)d;
        }
    fail_msg("no such type: %s", *text);
    return ALT_NONE;
}

/* A number, a name, or "?" up to one of `stops`, which is passed. */
static alt_dim read_dim(struct test_node *t, const char **text, char *stop)
{
    char token[64];
    size_t n = strcspn(*text, ",]}");
    assert_true(n > 0 && n < sizeof token);
    memcpy(token, *text, n);
    token[n] = 0;
    *stop = (*text)[n];
    *text += n + 1;
    if (token[0] == '?')
        return ALT_DIM_BAD;
    return isalpha((unsigned char)token[0]) ? alt_dim_symbol(&t->dims, token) : alt_dim_from_int(strtoll(token, NULL, 10));
}

static void read_shape(struct test_node *t, const char **text, struct alt_shape *shape)
{
    shape->rank = 0;
    if (strncmp(*text, "...]", 4) == 0) {
        shape->rank = -1;
        *text += 4;
        return;
    }
    if (**text == ']') {
        *text += 1;
        return;
    }
    for (char stop = ','; stop == ',';) {
        alt_dim d = read_dim(t, text, &stop);
        shape->dim[shape->rank++] = d == ALT_DIM_BAD ? alt_dim_unknown(&t->dims) : d;
    }
}

static void put_number(alt_dtype dtype, void *data, int64_t i, const char *word)
{
    double d = strtod(word, NULL);
    const bool is_unsigned = alt_dtype_class(dtype) & ALT_CLASS_UNSIGNED;
    int64_t n = strchr(word, '.') ? 0 : is_unsigned ? (int64_t)strtoull(word, NULL, 10) : strtoll(word, NULL, 10);
    unsigned bits = alt_dtype_bits(dtype);
    unsigned char *bytes = data;
    if (dtype == ALT_FLOAT32) {
        ((float *)data)[i] = (float)d;
    } else if (dtype == ALT_FLOAT64) {
        ((double *)data)[i] = d;
    } else if (dtype == ALT_BFLOAT16) {
        ((uint16_t *)data)[i] = alt_f64_to_bf16(d);
    } else if (dtype == ALT_FLOAT16) {
        ((uint16_t *)data)[i] = alt_f64_to_f16(d);
    } else if (bits < 8) {
        int64_t per = 8 / (int64_t)bits;
        bytes[i / per] = (unsigned char)(bytes[i / per] | (n & ((1 << bits) - 1)) << (i % per * (int64_t)bits));
    } else {
        assert_true(alt_dtype_class(dtype) & (ALT_CLASS_INT | ALT_CLASS_BOOL));
        memcpy(bytes + i * (int64_t)(bits / 8), &n, bits / 8); /* little end first */
    }
}

static void put_word(struct test_node *t, alt_dtype dtype, void *data, int64_t i, const char *word, size_t length)
{
    char *copy = alt_arena_text(&t->arena, word, length);
    if (dtype == ALT_STRING)
        ((alt_string *)data)[i] = (alt_string){copy, length};
    else
        put_number(dtype, data, i, copy);
}

static struct alt_tensor *read_data(struct test_node *t, const char *text, const struct alt_type *type)
{
    struct alt_tensor *tensor = alt_arena_alloc(&t->arena, sizeof *tensor);
    *tensor = (struct alt_tensor){.dtype = type->dtype, .rank = type->shape.rank};
    memcpy(tensor->dim, type->shape.dim, sizeof tensor->dim);
    int64_t count = alt_tensor_count(tensor);
    assert_true(count >= 0);
    tensor->bytes = alt_dtype_bytes(type->dtype, count);
    void *data = alt_arena_data(&t->arena, tensor->bytes);
    tensor->data = data;
    char number[32];
    bool iota = strcmp(text, "..") == 0;
    for (int64_t i = 0; i < count; i++) {
        size_t n = strcspn(text, " ");
        if (iota)
            n = (size_t)snprintf(number, sizeof number, "%lld", (long long)i);
        assert_true(n > 0);
        put_word(t, type->dtype, data, i, iota ? number : text, n);
        if (!iota)
            text += n + (text[n] == ' ');
    }
    assert_true(iota || !*text);
    return tensor;
}

/* Type and, when given, content or data. */
static void read_type(struct test_node *t, const char *text, struct alt_type *type)
{
    *type = (struct alt_type){.dtype = read_dtype(&text)};
    read_shape(t, &text, &type->shape);
    text += strspn(text, " ");
    if (*text == '{') {
        text++;
        alt_dim *content = alt_arena_array(&t->arena, 64, sizeof *content);
        for (char stop = *text == '}' ? '}' : ','; stop == ',';)
            content[type->content_count++] = read_dim(t, &text, &stop);
        type->content = content;
    } else if (alt_shape_known(&type->shape) && (*text || alt_dims_count(type->shape.rank, type->shape.dim) == 0)) {
        type->known = read_data(t, text, type);
    }
}

void node_tensor(struct test_node *t, const char *name, const char *text)
{
    struct alt_type type;
    read_type(t, text, &type);
    const struct alt_tensor **tensors = alt_arena_alloc(&t->arena, sizeof *tensors);
    tensors[0] = type.known;
    add_attr(t, name, ALT_ATTR_TENSOR, 1)->tensors = tensors;
}

void node_in(struct test_node *t, const char *text)
{
    assert_true(t->n_in < NODE_MAX);
    t->present[t->n_in] = text != NULL;
    if (text)
        read_type(t, text, &t->type[t->n_in]);
    t->n_in++;
}

static void make_node(struct test_node *t)
{
    struct alt_gvalue *in[NODE_MAX] = {NULL};
    for (int i = 0; i < t->n_in; i++)
        if (t->present[i]) {
            in[i] = alt_graph_add_value(t->graph, ALT_GV_INPUT, NULL);
            in[i]->type = t->type[i];
        }
    t->node = alt_graph_add_node(t->graph, NULL, t->op, t->opset, t->n_in, in, t->n_out, NULL);
    assert_non_null(t->node);
    alt_node_set_attrs(t->node, t->attr, t->n_attr);
}

/* Reads a tensor through strides into a dense one. */
static void densify(alt_dtype dtype, int rank, const int64_t *dim, const int64_t *stride, const char *from, char *to)
{
    size_t size = alt_dtype_size(dtype);
    int64_t count = alt_dims_count(rank, dim);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = 0, rest = i;
        for (int d = rank - 1; d >= 0; d--) {
            at += rest % dim[d] * stride[d];
            rest /= dim[d];
        }
        memcpy(to + i * (int64_t)size, from + at * (int64_t)size, size);
    }
}

static void operands(struct test_node *t, struct alt_operand *op)
{
    for (int i = 0; i < t->n_in; i++)
        if (t->present[i]) {
            const struct alt_tensor *k = t->type[i].known;
            assert_int_equal(alt_operand_dense(&op[i], k->dtype, k->rank, k->dim), ALT_OK);
            op[i].known = k->data;
        }
    for (int i = 0; i < t->n_out; i++)
        assert_int_equal(alt_operand_dense(&op[t->n_in + i], t->out[i].dtype, t->out[i].rank, t->out[i].dim), ALT_OK);
}

static void check_view(struct test_node *t)
{
    const struct alt_op_impl *impl = alt_op_table[t->op].impl;
    struct alt_operand op[2 * NODE_MAX] = {0};
    int64_t stride[NODE_MAX][ALT_MAX_RANK] = {{0}}, offset[NODE_MAX] = {0};
    if (!impl->view)
        return;
    operands(t, op);
    struct alt_view view = {.node = t->node, .n_in = t->n_in, .n_out = t->n_out, .in = op, .out = op + t->n_in,
                            .stride = stride, .offset = offset};
    if (!impl->view(&view) || alt_dtype_size(t->out[0].dtype) == 0)
        return;
    for (int i = 0; i < t->n_out; i++) {
        size_t size = alt_dtype_size(t->out[i].dtype);
        char *dense = alt_arena_data(&t->arena, t->out[i].bytes);
        densify(t->out[i].dtype, t->out[i].rank, t->out[i].dim, stride[i],
                (const char *)t->type[0].known->data + offset[i] * (int64_t)size, dense);
        assert_memory_equal(dense, t->out[i].data, t->out[i].bytes);
    }
}

/* Spreads an input: every axis reversed, every element `gap` apart. */
static void spread(struct test_node *t, struct alt_operand *op, struct alt_koperand *k, const struct alt_tensor *from, int gap)
{
    size_t size = alt_dtype_size(from->dtype);
    int64_t count = alt_tensor_count(from), last = count > 0 ? (count - 1) * gap : 0;
    char *data = alt_arena_data(&t->arena, (size_t)(count * gap + 1) * size);
    for (int d = 0; d < op->rank; d++)
        op->stride[d] *= -gap;
    char *start = data + last * (int64_t)size;
    for (int64_t i = 0; i < count; i++)
        memcpy(start - i * gap * (int64_t)size, (const char *)from->data + i * (int64_t)size, size);
    k->data = start;
}

static void check_strided(struct test_node *t)
{
    struct alt_operand op[2 * NODE_MAX] = {0};
    struct alt_koperand k[2 * NODE_MAX] = {0};
    const struct alt_kernel *kernel = NULL;
    int n = t->n_in + t->n_out;
    operands(t, op);
    struct alt_select sel = {.node = t->node, .n_in = t->n_in, .n_out = t->n_out, .in = op, .out = op + t->n_in};
    assert_int_equal(alt_op_table[t->op].impl->select(&sel, &kernel), ALT_OK);
    if (!(kernel->flags & ALT_KERNEL_STRIDED))
        return;
    for (int i = 0; i < n; i++) {
        const struct alt_tensor *from = i < t->n_in ? t->type[i].known : &t->out[i - t->n_in];
        if (op[i].dtype == ALT_NONE)
            continue;
        k[i] = (struct alt_koperand){(void *)(uintptr_t)from->data, op[i].phys_rank, op[i].extent, op[i].stride};
        if (i >= t->n_in)
            k[i].data = alt_arena_data(&t->arena, from->bytes);
        else if (alt_dtype_size(op[i].dtype))
            spread(t, &op[i], &k[i], from, 2);
    }
    struct alt_kernel_bind bind = {.kernel = kernel, .node = t->node, .arena = &t->arena, .n_in = t->n_in, .n_out = t->n_out,
                                   .in = op, .out = op + t->n_in, .range = 1};
    if (kernel->bind)
        assert_int_equal(kernel->bind(&bind), ALT_OK);
    int32_t fault = ALT_FAULT_NONE;
    void *scratch = alt_arena_data(&t->arena, bind.scratch + 1);
    struct alt_kargs args = {.abi = ALT_KERNEL_ABI, .operand_count = (uint32_t)n, .operand = k, .scratch = scratch,
                             .params = bind.params, .fault = &fault};
    for (int64_t tile = bind.range; tile-- > 0;) { /* tiles in any order */
        args.begin = tile;
        args.end = tile + 1;
        kernel->fn(&args);
    }
    for (int i = 0; i < t->n_out; i++)
        if (t->out[i].bytes)
            assert_memory_equal(k[t->n_in + i].data, t->out[i].data, t->out[i].bytes);
}

alt_status node_run(struct test_node *t)
{
    const struct alt_tensor *in[NODE_MAX] = {NULL};
    for (int i = 0; i < t->n_in; i++)
        in[i] = t->type[i].known;
    make_node(t);
    alt_status status = alt_node_evaluate(t->node, in, &t->arena, t->out, &t->diag);
    if (status == ALT_OK && alt_op_table[t->op].impl->select) {
        check_view(t);
        check_strided(t);
    }
    return status;
}

static void compare_string(const struct alt_tensor *have, const struct alt_tensor *want, int64_t k)
{
    const alt_string *a = &((const alt_string *)have->data)[k], *b = &((const alt_string *)want->data)[k];
    assert_int_equal(a->length, b->length);
    assert_memory_equal(a->data ? a->data : "", b->data, b->length);
}

static void compare_number(const struct alt_tensor *have, const struct alt_tensor *want, int64_t k, double tolerance)
{
    const double a = alt_tensor_float(have, k), b = alt_tensor_float(want, k);
    if (a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * fabs(b))
        return;
    fail_msg("element %lld is %.9g, not %.9g", (long long)k, a, b);
}

void node_near(struct test_node *t, int i, double tolerance, const char *text)
{
    struct alt_type type;
    if (!t->node) {
        alt_status status = node_run(t);
        if (status != ALT_OK)
            fail_msg("%s", t->diag.text ? t->diag.text : alt_status_name(status));
    }
    read_type(t, text, &type);
    const struct alt_tensor *out = &t->out[i], *want = type.known;
    assert_int_equal(out->dtype, want->dtype);
    assert_int_equal(out->rank, want->rank);
    for (int d = 0; d < want->rank; d++)
        assert_int_equal(out->dim[d], want->dim[d]);
    for (int64_t k = 0; k < alt_tensor_count(want); k++) {
        if (want->dtype == ALT_STRING)
            compare_string(out, want, k);
        else
            compare_number(out, want, k, tolerance);
    }
}

void node_expect(struct test_node *t, int i, const char *text) { node_near(t, i, 0, text); }

alt_status node_infer(struct test_node *t)
{
    make_node(t);
    return alt_infer_node(t->node, &t->diag);
}

void node_expect_type(struct test_node *t, int i, const char *text)
{
    char have[256], shape[200], dim[64];
    if (!t->node) {
        alt_status status = node_infer(t);
        if (status != ALT_OK)
            fail_msg("%s", t->diag.text ? t->diag.text : alt_status_name(status));
    }
    const struct alt_type *type = &t->node->out[i]->type;
    int n = snprintf(have, sizeof have, "%s%s", alt_dtype_name(type->dtype),
                     alt_shape_print(&t->dims, &type->shape, shape, sizeof shape));
    for (int k = 0; k < type->content_count; k++) {
        alt_dim d = type->content[k];
        n += snprintf(have + n, sizeof have - (size_t)n, "%s%s", k ? "," : " {",
                      d == ALT_DIM_BAD ? "?" : alt_dim_print(&t->dims, d, dim, sizeof dim));
    }
    if (type->content_count)
        snprintf(have + n, sizeof have - (size_t)n, "}");
    assert_string_equal(have, text);
}
