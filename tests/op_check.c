#include "tests/op_check.h"

#include "runtime/half.h"
#include "runtime/layout.h"
#include "tests/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void op_begin(struct op_check *c, const char *type, int64_t opset)
{
    memset(c, 0, sizeof *c);
    alt_mem_init(&c->mem, NULL, 0);
    alt_arena_init(&c->arena, &c->mem);
    alt_dimtab_init(&c->dims, &c->arena);
    c->op = alt_op_find(type, "");
    assert_int_not_equal(c->op, ALT_OP_COUNT);
    c->opset = opset;
    c->n_out = 1;
}

void op_end(struct op_check *c)
{
    alt_diag_clear(&c->diag);
    alt_arena_free(&c->arena);
}

static struct alt_tensor *add_tensor(struct op_check *c, alt_dtype dtype, int rank, const int64_t *dims, void **data)
{
    struct alt_tensor *t = alt_arena_alloc(&c->arena, sizeof *t);
    assert_non_null(t);
    t->dtype = dtype;
    t->rank = rank;
    if (rank)
        memcpy(t->dim, dims, (size_t)rank * sizeof *dims);
    t->bytes = alt_dtype_bytes(dtype, alt_dims_count(rank, dims));
    t->data = *data = alt_arena_data(&c->arena, t->bytes);
    assert_non_null(t->data);
    c->in[c->n_in++] = t;
    return t;
}

static void put(alt_dtype dtype, void *data, int64_t i, double x)
{
    switch (dtype) {
    case ALT_FLOAT32: ((float *)data)[i] = (float)x; break;
    case ALT_FLOAT64: ((double *)data)[i] = x; break;
    case ALT_FLOAT16: ((uint16_t *)data)[i] = alt_f32_to_f16((float)x); break;
    case ALT_BFLOAT16: ((uint16_t *)data)[i] = alt_f32_to_bf16((float)x); break;
    case ALT_INT8: ((int8_t *)data)[i] = (int8_t)x; break;
    case ALT_UINT8: ((uint8_t *)data)[i] = (uint8_t)(x < 0 ? -x : x); break;
    case ALT_INT32: ((int32_t *)data)[i] = (int32_t)x; break;
    case ALT_UINT32: ((uint32_t *)data)[i] = (uint32_t)(x < 0 ? -x : x); break;
    case ALT_INT64: ((int64_t *)data)[i] = (int64_t)x; break;
    case ALT_UINT64: ((uint64_t *)data)[i] = (uint64_t)(x < 0 ? -x : x); break;
    default: fail_msg("type %s", alt_dtype_name(dtype));
    }
}

struct alt_tensor *op_in(struct op_check *c, alt_dtype dtype, bool exact, int rank, const int64_t *dims)
{
    void *data;
    struct alt_tensor *t = add_tensor(c, dtype, rank, dims, &data);
    uint64_t state = 0x9e3779b97f4a7c15u * (uint64_t)c->n_in;
    for (int64_t i = 0; i < alt_tensor_count(t); i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const double unit = (double)(state >> 40) / (double)(1 << 24); /* [0, 1) */
        const bool whole = (alt_dtype_class(dtype) & ALT_CLASS_INT) != 0;
        put(dtype, data, i, whole ? floor(unit * 9) - 4 : exact ? (floor(unit * 33) - 16) / 8 : unit * 2 - 1);
    }
    return t;
}

struct alt_tensor *op_in_data(struct op_check *c, alt_dtype dtype, int rank, const int64_t *dims, const void *data)
{
    void *copy;
    struct alt_tensor *t = add_tensor(c, dtype, rank, dims, &copy);
    if (t->bytes)
        memcpy(copy, data, t->bytes);
    return t;
}

void op_omit(struct op_check *c) { c->in[c->n_in++] = NULL; }

static struct alt_attr *add_attr(struct op_check *c, const char *name, enum alt_attr_type type, int count)
{
    struct alt_attr *a = &c->attr[c->n_attr++];
    a->name = name;
    a->type = type;
    a->count = count;
    return a;
}

void op_ints(struct op_check *c, const char *name, int count, const int64_t *ints)
{
    int64_t *copy = alt_arena_array(&c->arena, (size_t)count + 1, sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, ints, (size_t)count * sizeof *ints);
    add_attr(c, name, ALT_ATTR_INTS, count)->ints = copy;
}

void op_int(struct op_check *c, const char *name, int64_t value)
{
    op_ints(c, name, 1, &value);
    c->attr[c->n_attr - 1].type = ALT_ATTR_INT;
}

void op_float(struct op_check *c, const char *name, float value)
{
    float *copy = alt_arena_alloc(&c->arena, sizeof *copy);
    assert_non_null(copy);
    *copy = value;
    add_attr(c, name, ALT_ATTR_FLOAT, 1)->floats = copy;
}

void op_text(struct op_check *c, const char *name, const char *value)
{
    alt_string *copy = alt_arena_alloc(&c->arena, sizeof *copy);
    assert_non_null(copy);
    *copy = (alt_string){value, strlen(value)};
    add_attr(c, name, ALT_ATTR_STRING, 1)->strings = copy;
}

struct alt_node *op_make(struct op_check *c)
{
    struct alt_graph *g = alt_graph_create(&c->arena, &c->dims, "test");
    assert_non_null(g);
    struct alt_gvalue *in[OP_CHECK_MAX] = {0}, *out[OP_CHECK_MAX];
    for (int i = 0; i < c->n_in; i++)
        if (c->in[i]) {
            in[i] = alt_graph_add_const(g, NULL, c->in[i]);
            assert_non_null(in[i]);
        }
    for (int i = 0; i < c->n_out; i++) {
        out[i] = alt_graph_add_value(g, ALT_GV_TEMP, NULL);
        assert_non_null(out[i]);
    }
    c->node = alt_graph_add_node(g, NULL, c->op, c->opset, c->n_in, in, c->n_out, out);
    assert_non_null(c->node);
    alt_node_set_attrs(c->node, c->attr, c->n_attr);
    return c->node;
}

alt_status op_run(struct op_check *c)
{
    op_make(c);
    return alt_node_evaluate(c->node, c->in, &c->arena, c->out, &c->diag);
}

/* An operand made for one layout, and where each element lies. */
struct physical {
    struct alt_operand op;
    struct alt_koperand k;
    int64_t *place; /* of each element in row-major order */
};

/* Row-major coordinates of element e. */
static void coords(const struct alt_tensor *t, int64_t e, int64_t *out)
{
    for (int a = t->rank - 1; a >= 0; a--) {
        out[a] = e % t->dim[a];
        e /= t->dim[a];
    }
}

static void lay_out(struct physical *p, const struct alt_tensor *t, const struct alt_layout *layout, bool strided)
{
    struct alt_layout_map map;
    assert_int_equal(alt_operand_dense(&p->op, t->dtype, t->rank, t->dim), ALT_OK);
    if (layout) {
        assert_int_equal(alt_layout_bind(layout, t->rank, t->dim, &map), ALT_OK);
        p->op.layout = layout;
        p->op.phys_rank = map.phys_rank;
        memcpy(p->op.extent, map.phys_extent, sizeof p->op.extent);
        alt_dense_strides(map.phys_rank, p->op.extent, p->op.stride);
    } else if (strided) {
        for (int64_t a = 0, step = 2; a < t->rank; step *= t->dim[a] + 1, a++)
            p->op.stride[a] = step;
    }
    for (int64_t e = 0; e < alt_tensor_count(t); e++) {
        int64_t logical[ALT_MAX_RANK] = {0}, phys[ALT_MAX_PHYSICAL_RANK] = {0};
        coords(t, e, logical);
        memcpy(phys, logical, sizeof logical);
        if (layout)
            alt_layout_forward(&map, logical, phys);
        for (int a = 0; a < p->op.phys_rank; a++)
            p->place[e] += phys[a] * p->op.stride[a];
    }
}

static void make_physical(struct op_check *c, struct physical *p, const struct alt_tensor *t, const struct alt_layout *layout,
                          bool strided)
{
    int64_t size = 1;
    p->place = alt_arena_array(&c->arena, (size_t)alt_tensor_count(t) + 1, sizeof *p->place);
    assert_non_null(p->place);
    lay_out(p, t, layout, strided);
    for (int a = 0; a < p->op.phys_rank; a++)
        size += (p->op.extent[a] - 1) * p->op.stride[a];
    size = alt_tensor_count(t) ? size : 0;
    const size_t bytes = alt_dtype_size(t->dtype);
    char *data = alt_arena_data(&c->arena, (size_t)size * bytes);
    assert_non_null(data);
    memset(data, 0xff, (size_t)size * bytes); /* NaN in every floating-point type */
    for (int64_t e = 0; t->data && e < alt_tensor_count(t); e++)
        memcpy(data + p->place[e] * (int64_t)bytes, (const char *)t->data + e * (int64_t)bytes, bytes);
    p->k = (struct alt_koperand){data, p->op.phys_rank, p->op.extent, p->op.stride};
}

static alt_status run_physical(struct op_check *c, struct alt_operand *op, struct alt_koperand *k)
{
    const struct alt_kernel *kernel = NULL;
    struct alt_select sel = {c->node, &c->diag, c->n_in, c->n_out, op, op + c->n_in};
    const alt_status status = alt_op_table[c->op].impl->select(&sel, &kernel);
    if (status != ALT_OK)
        return status;
    struct alt_kernel_bind bind = {.kernel = kernel, .node = c->node, .diag = &c->diag, .arena = &c->arena, .n_in = c->n_in,
                                   .n_out = c->n_out, .in = op, .out = op + c->n_in, .range = 1};
    assert_int_equal(kernel->bind(&bind), ALT_OK);
    int32_t fault = 0;
    char *scratch = alt_arena_data(&c->arena, bind.scratch + 64);
    assert_non_null(scratch);
    struct alt_kargs args = {.abi = ALT_KERNEL_ABI, .operand_count = (uint32_t)(c->n_in + c->n_out), .operand = k,
                             .params = bind.params, .fault = &fault, .scratch = scratch};
    for (int64_t tile = bind.range - 1; tile >= 0; tile--) {
        memset(scratch, 0xff, bind.scratch);
        args.begin = tile;
        args.end = tile + 1;
        kernel->fn(&args);
    }
    return ALT_OK;
}

alt_status op_run_layouts(struct op_check *c, const struct alt_layout *const *in, const struct alt_layout *const *out,
                          bool strided, struct alt_tensor *result)
{
    struct physical p[2 * OP_CHECK_MAX] = {0};
    struct alt_operand op[2 * OP_CHECK_MAX] = {0};
    struct alt_koperand k[2 * OP_CHECK_MAX] = {0};
    for (int i = 0; i < c->n_in + c->n_out; i++) {
        struct alt_tensor t = {.dtype = ALT_NONE};
        if (i >= c->n_in)
            t = c->out[i - c->n_in];
        else if (c->in[i])
            t = *c->in[i];
        if (t.dtype == ALT_NONE)
            continue;
        if (i >= c->n_in)
            t.data = NULL;
        make_physical(c, &p[i], &t, i < c->n_in ? in[i] : out[i - c->n_in], strided && i < c->n_in);
        op[i] = p[i].op;
        k[i] = p[i].k;
    }
    const alt_status status = run_physical(c, op, k);
    for (int i = 0; i < c->n_out && status == ALT_OK; i++) {
        const int64_t size = (int64_t)alt_dtype_size(c->out[i].dtype);
        char *data = alt_arena_data(&c->arena, c->out[i].bytes);
        assert_non_null(data);
        result[i] = c->out[i];
        result[i].data = data;
        for (int64_t e = 0; e < alt_tensor_count(&result[i]); e++)
            memcpy(data + e * size, (const char *)k[c->n_in + i].data + p[c->n_in + i].place[e] * size, (size_t)size);
    }
    return status;
}

void op_expect_same(const struct alt_tensor *a, const struct alt_tensor *b)
{
    assert_int_equal(a->bytes, b->bytes);
    const size_t size = alt_dtype_size(a->dtype);
    for (size_t at = 0; at < a->bytes; at += size)
        if (memcmp((const char *)a->data + at, (const char *)b->data + at, size) != 0)
            fail_msg("element %zu: %.9g and %.9g", at / size, op_get(a, (int64_t)(at / size)), op_get(b, (int64_t)(at / size)));
}

double op_get(const struct alt_tensor *t, int64_t i) { return alt_tensor_float(t, i); }

void op_expect(double got, double want, double tolerance, int64_t index)
{
    if ((isnan(got) && isnan(want)) || got == want || fabs(got - want) <= tolerance * (1 + fabs(want)))
        return;
    fail_msg("element %lld: got %.9g, want %.9g", (long long)index, got, want);
}

double op_tolerance(alt_dtype dtype, int64_t k)
{
    const double length = (double)(k + 2);
    switch (dtype) {
    case ALT_FLOAT32: return length * 0x1p-24;
    case ALT_FLOAT64: return length * 0x1p-53;
    case ALT_FLOAT16: return 0x1p-10 + length * 0x1p-24;
    case ALT_BFLOAT16: return 0x1p-7 + length * 0x1p-24;
    default: return 0;
    }
}
