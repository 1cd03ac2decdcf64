/* einsum_run.c: the kernel of Einsum.
 *
 * Two inputs whose labels all stand in the output or in both inputs are matrix products: one label (or a run of labels
 * that is one axis in memory) becomes the rows, one the columns, the summed ones the depth, and the others are looped over.
 * Everything else, sums, diagonals, several factors, goes element by element: floating-point types are summed in double, integers
 * wrap around. */
#include "runtime/half.h"
#include "runtime/ops/einsum.h"
#include "runtime/ops/product.h"

#include <string.h>

enum { TILE = 256 }; /* elements that a tile of the plain loops takes */

/* A label's extent and its strides in the two inputs and the output of a product. */
struct axis {
    int64_t extent, a, b, y;
};

struct einsum {
    struct alt_einsum e;
    alt_dtype dtype;
    int64_t extent[ALT_EINSUM_LABELS];
    int64_t stride[ALT_EINSUM_INPUTS][ALT_EINSUM_LABELS];
    int64_t count, sums; /* elements of the output; terms of a sum */
    bool matrix;
    struct alt_product product;
    int loops;
    struct axis loop[ALT_EINSUM_LABELS];
};

static double get_float(alt_dtype dtype, const void *x, int64_t i)
{
    switch (dtype) {
    case ALT_FLOAT32:
        return (double)((const float *)x)[i];
    case ALT_FLOAT64:
        return ((const double *)x)[i];
    case ALT_FLOAT16:
        return (double)alt_f16_to_f32(((const uint16_t *)x)[i]);
    default:
        return (double)alt_bf16_to_f32(((const uint16_t *)x)[i]);
    }
}

static void put_float(alt_dtype dtype, void *y, int64_t i, double v)
{
    switch (dtype) {
    case ALT_FLOAT32:
        ((float *)y)[i] = (float)v;
        break;
    case ALT_FLOAT64:
        ((double *)y)[i] = v;
        break;
    case ALT_FLOAT16:
        ((uint16_t *)y)[i] = alt_f64_to_f16(v);
        break;
    default:
        ((uint16_t *)y)[i] = alt_f64_to_bf16(v);
    }
}

/* The low bits decide: sums and products of unsigned numbers wrap around to the same bits as signed ones. */
static uint64_t get_int(size_t size, const void *x, int64_t i)
{
    switch (size) {
    case 1:
        return ((const uint8_t *)x)[i];
    case 2:
        return ((const uint16_t *)x)[i];
    case 4:
        return ((const uint32_t *)x)[i];
    default:
        return ((const uint64_t *)x)[i];
    }
}

static void put_int(size_t size, void *y, int64_t i, uint64_t v)
{
    switch (size) {
    case 1:
        ((uint8_t *)y)[i] = (uint8_t)v;
        break;
    case 2:
        ((uint16_t *)y)[i] = (uint16_t)v;
        break;
    case 4:
        ((uint32_t *)y)[i] = (uint32_t)v;
        break;
    default:
        ((uint64_t *)y)[i] = v;
    }
}

/* Adds the labels [from, to) at coordinates `index` to the offsets of all inputs. */
static void add_offsets(const struct einsum *p, int from, int to, const int64_t *index, int64_t *at)
{
    for (int i = 0; i < p->e.inputs; i++)
        for (int l = from; l < to; l++)
            at[i] += index[l] * p->stride[i][l];
}

/* Output element `number`. */
static void run_element(const struct einsum *p, const struct alt_koperand *op, int64_t number)
{
    const bool whole = (alt_dtype_class(p->dtype) & ALT_CLASS_INT) != 0;
    const size_t size = alt_dtype_size(p->dtype);
    int64_t index[ALT_EINSUM_LABELS] = {0}, base[ALT_EINSUM_INPUTS] = {0};
    double sum = 0;
    uint64_t total = 0;
    for (int64_t l = p->e.outputs - 1, rest = number; l >= 0; l--) {
        index[l] = rest % p->extent[l];
        rest /= p->extent[l];
    }
    add_offsets(p, 0, p->e.outputs, index, base);
    for (int64_t s = 0; s < p->sums; s++) {
        int64_t at[ALT_EINSUM_INPUTS];
        memcpy(at, base, sizeof at);
        add_offsets(p, p->e.outputs, p->e.labels, index, at);
        double x = 1;
        uint64_t n = 1;
        for (int i = 0; i < p->e.inputs; i++) {
            if (whole)
                n *= get_int(size, op[i].data, at[i]);
            else
                x *= get_float(p->dtype, op[i].data, at[i]);
        }
        sum += x;
        total += n;
        for (int l = p->e.labels - 1; l >= p->e.outputs && ++index[l] == p->extent[l]; l--)
            index[l] = 0;
    }
    if (whole)
        put_int(size, op[p->e.inputs].data, number, total);
    else
        put_float(p->dtype, op[p->e.inputs].data, number, sum);
}

static void run_product(const struct einsum *p, const struct alt_kargs *args, int64_t tile)
{
    const int64_t size = (int64_t)p->product.size;
    int64_t rest = tile / p->product.tiles, a = 0, b = 0, y = 0;
    for (int i = p->loops - 1; i >= 0; i--) {
        const int64_t index = rest % p->loop[i].extent;
        rest /= p->loop[i].extent;
        a += index * p->loop[i].a;
        b += index * p->loop[i].b;
        y += index * p->loop[i].y;
    }
    const struct alt_product_data data = {.a = (const char *)args->operand[0].data + a * size,
                                          .b = (const char *)args->operand[1].data + b * size,
                                          .y = (char *)args->operand[2].data + y * size};
    alt_product_tile(&p->product, &data, tile % p->product.tiles, args->scratch);
}

static void run(const struct alt_kargs *args)
{
    const struct einsum *p = args->params;
    for (int64_t tile = args->begin; tile < args->end; tile++) {
        if (p->matrix) {
            run_product(p, args, tile);
            continue;
        }
        const int64_t end = (tile + 1) * TILE < p->count ? (tile + 1) * TILE : p->count;
        for (int64_t i = tile * TILE; i < end; i++)
            run_element(p, args->operand, i);
    }
}

/* Joins an axis with the one before it where both are one axis in all three tensors. */
static int add_axis(struct axis *list, int count, const struct axis *next)
{
    if (next->extent == 1)
        return count;
    struct axis *last = count ? &list[count - 1] : NULL;
    if (last && last->a == next->a * next->extent && last->b == next->b * next->extent &&
        last->y == next->y * next->extent) {
        const int64_t extent = last->extent * next->extent;
        *last = *next;
        last->extent = extent;
        return count;
    }
    list[count] = *next;
    return count + 1;
}

/* Takes the last axis of a list as one of the product's three, the others become loops. */
static struct axis take(struct einsum *p, const struct axis *list, int count)
{
    for (int i = 0; i + 1 < count; i++)
        p->loop[p->loops++] = list[i];
    return count ? list[count - 1] : (struct axis){1, 0, 0, 0};
}

/* True when the sum is a product of matrices: then sets it up. */
static bool set_product(struct einsum *p)
{
    struct axis rows[ALT_EINSUM_LABELS], cols[ALT_EINSUM_LABELS], depth[ALT_EINSUM_LABELS];
    int n_rows = 0, n_cols = 0, n_depth = 0;
    int64_t y[ALT_EINSUM_LABELS] = {0}, step = 1;
    bool in[2][ALT_EINSUM_LABELS] = {{false}};
    if (p->e.inputs != 2 || !alt_product_supports(p->dtype))
        return false;
    for (int l = p->e.outputs - 1; l >= 0; l--) {
        y[l] = step;
        step *= p->extent[l];
    }
    for (int i = 0; i < 2; i++)
        for (int a = 0; a < p->e.rank[i]; a++)
            in[i][p->e.label[i][a]] = true;
    for (int l = 0; l < p->e.labels; l++) {
        const struct axis axis = {p->extent[l], p->stride[0][l], p->stride[1][l], y[l]};
        if (l >= p->e.outputs && !(in[0][l] && in[1][l]))
            return false;
        if (l >= p->e.outputs)
            n_depth = add_axis(depth, n_depth, &axis);
        else if (in[0][l] && in[1][l])
            p->loops = add_axis(p->loop, p->loops, &axis);
        else if (in[0][l])
            n_rows = add_axis(rows, n_rows, &axis);
        else
            n_cols = add_axis(cols, n_cols, &axis);
    }
    if (n_depth > 1)
        return false;
    const struct axis k = n_depth ? depth[0] : (struct axis){1, 0, 0, 0}, m = take(p, rows, n_rows), n = take(p, cols, n_cols);
    p->product = (struct alt_product){.dtype = p->dtype, .m = m.extent, .n = n.extent, .k = k.extent, .a = {m.a, k.a},
                                      .b = {k.b, n.b}, .y = {m.y, n.y}, .alpha = 1};
    return true;
}

/* Extents of the labels and strides of the inputs; an axis of extent 1 repeats, a repeated label is a diagonal. */
static alt_status read_operands(struct einsum *p, struct alt_kernel_bind *bind)
{
    int rank[ALT_EINSUM_INPUTS];
    for (int i = 0; i < bind->n_in && i < ALT_EINSUM_INPUTS; i++)
        rank[i] = bind->in[i].rank;
    const char *fault = alt_einsum_read(alt_attr_text(bind->node, "equation", ""), bind->n_in, rank, &p->e);
    if (fault)
        return alt_bind_fail(bind, ALT_E_MODEL, "%s", fault);
    for (int l = 0; l < p->e.labels; l++)
        p->extent[l] = 1;
    for (int i = 0; i < p->e.inputs; i++)
        for (int a = 0; a < p->e.rank[i]; a++) {
            const int l = p->e.label[i][a];
            const int64_t extent = bind->in[i].dim[a];
            if (extent != 1 && p->extent[l] != 1 && p->extent[l] != extent)
                return alt_bind_fail(bind, ALT_E_SHAPE, "axis %d of input %d has not the extent of its label", a, i);
            if (extent != 1)
                p->extent[l] = extent;
            p->stride[i][l] += extent == 1 ? 0 : bind->in[i].stride[a];
        }
    return ALT_OK;
}

static int bind_kernel(struct alt_kernel_bind *bind)
{
    struct einsum *p = alt_arena_alloc(bind->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    bind->params = p;
    p->dtype = bind->in[0].dtype;
    ALT_CHECK(read_operands(p, bind));
    p->count = alt_dims_count(p->e.outputs, p->extent);
    p->sums = alt_dims_count(p->e.labels - p->e.outputs, p->extent + p->e.outputs);
    if (p->count < 0 || p->sums < 0)
        return alt_bind_fail(bind, ALT_E_SHAPE, "there are too many terms to sum");
    bind->flops = (double)p->count * (double)p->sums * (double)p->e.inputs;
    if (p->count == 0) {
        bind->range = 0;
        return ALT_OK;
    }
    p->matrix = set_product(p);
    bind->range = (p->count + TILE - 1) / TILE;
    if (!p->matrix)
        return ALT_OK;
    alt_product_prepare(&p->product);
    bind->range = p->product.tiles;
    for (int i = 0; i < p->loops; i++)
        bind->range *= p->loop[i].extent;
    bind->scratch = p->product.scratch;
    return ALT_OK;
}

const struct alt_kernel alt_einsum_kernel = {
    .name = "einsum", .fn = run, .bind = bind_kernel, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
