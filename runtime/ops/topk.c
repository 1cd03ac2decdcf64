/* topk.c: TopK: the k largest (or smallest) elements along an axis, best first, and where they were.
 *
 * Elements become unsigned keys in whose order the larger is better; of equal keys the lower index is. NaN ranks above all
 * numbers when the largest are asked for and behind them when the smallest are. A heap of k indices holds the best so far,
 * its worst at the root: n log k comparisons. Without `sorted` the order is the same.
 */
#include "runtime/ops/lines.h"

#include "runtime/half.h"
#include "runtime/mem.h"

#include <string.h>

enum { CHUNK = 512, TILE_WORK = 16384, INDICES = ALT_LINE_MORE };

struct topk {
    struct alt_lines lines; /* operand INDICES: the second output */
    int64_t k, value_step, index_step;
    bool largest;
    enum alt_wide wide;
    size_t size, wide_size;
    alt_load_fn *load, *copy;
    int64_t lines_a_tile;
    int values, indices; /* operands of the kernel */
};

static uint64_t key_f32(float x)
{
    const uint32_t bits = alt_bits_of_f32(x + 0.0f); /* -0 becomes 0 */
    if (x != x)
        return UINT32_MAX;
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}

static uint64_t key_f64(double x)
{
    const double positive_zero = x + 0.0;
    uint64_t bits;
    memcpy(&bits, &positive_zero, sizeof bits);
    if (x != x)
        return UINT64_MAX;
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static void make_keys(const struct topk *p, const void *x, int64_t n, uint64_t *key)
{
    const uint64_t flip = p->largest ? 0 : UINT64_MAX;
    for (int64_t i = 0; i < n; i++) {
        switch (p->wide) {
        case ALT_WIDE_F32: key[i] = key_f32(((const float *)x)[i]); break;
        case ALT_WIDE_F64: key[i] = key_f64(((const double *)x)[i]); break;
        case ALT_WIDE_I64: key[i] = ((const uint64_t *)x)[i] ^ UINT64_C(1) << 63; break;
        default: key[i] = ((const uint64_t *)x)[i]; break;
        }
        key[i] ^= flip;
    }
}

/* Whether element a ranks behind element b. */
static bool behind(const uint64_t *key, int64_t a, int64_t b)
{
    return key[a] != key[b] ? key[a] < key[b] : a > b;
}

/* Restores the heap (every parent behind its children) below `at`. */
static void sift(const uint64_t *key, int64_t *heap, int64_t n, int64_t at)
{
    const int64_t moved = heap[at];
    for (int64_t child = 2 * at + 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && behind(key, heap[child + 1], heap[child]))
            child++;
        if (!behind(key, heap[child], moved))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

/* The k best of n keys, best first. */
static void select_best(const uint64_t *key, int64_t n, int64_t k, int64_t *heap)
{
    for (int64_t i = 0; i < k; i++)
        heap[i] = i;
    for (int64_t at = k / 2; at-- > 0;)
        sift(key, heap, k, at);
    for (int64_t i = k; i < n; i++) {
        if (!behind(key, heap[0], i))
            continue;
        heap[0] = i;
        sift(key, heap, k, 0);
    }
    for (int64_t last = k - 1; last > 0; last--) { /* the worst goes to the end */
        const int64_t worst = heap[0];
        heap[0] = heap[last];
        heap[last] = worst;
        sift(key, heap, last, 0);
    }
}

static void run_line(const struct topk *p, const struct alt_kargs *args, int64_t line)
{
    _Alignas(64) char block[CHUNK * ALT_WIDE_SIZE];
    const struct alt_axes *kept = &p->lines.kept;
    const int64_t n = p->lines.length;
    uint64_t *key = args->scratch;
    int64_t *heap = (int64_t *)args->scratch + n;
    const char *in = args->operand[0].data;
    in += alt_axes_offset(kept, ALT_LINE_IN, line) * (int64_t)p->size;
    for (int64_t at = 0; at < n; at += CHUNK) {
        const int64_t m = n - at < CHUNK ? n - at : CHUNK;
        alt_lines_gather(&p->lines, ALT_LINE_IN, p->load, p->size, in, at, m, block, p->wide_size);
        make_keys(p, block, m, key + at);
    }
    select_best(key, n, p->k, heap);
    char *values = args->operand[p->values].data;
    int64_t *indices = args->operand[p->indices].data;
    values += alt_axes_offset(kept, ALT_LINE_OUT, line) * (int64_t)p->size;
    for (int64_t i = 0; i < p->k; i++) {
        const char *from = in + alt_axes_offset(&p->lines.line, ALT_LINE_IN, heap[i]) * (int64_t)p->size;
        p->copy(values + i * p->value_step * (int64_t)p->size, from, 1, 1);
        if (indices)
            indices[alt_axes_offset(kept, INDICES, line) + i * p->index_step] = heap[i];
    }
}

static void run(const struct alt_kargs *args)
{
    const struct topk *p = args->params;
    for (int64_t t = args->begin; t < args->end; t++) {
        const int64_t end = (t + 1) * p->lines_a_tile;
        for (int64_t i = t * p->lines_a_tile; i < end && i < p->lines.count; i++)
            run_line(p, args, i);
    }
}

/* Strides of both outputs, which have k elements along the axis. */
static void output_strides(const struct alt_kernel_bind *b, struct topk *p, struct alt_line_box *box, int axis)
{
    const struct alt_operand *values = &b->out[0], *indices = &b->out[b->n_out > 1 ? 1 : 0];
    for (int d = 0; d < box->rank; d++) {
        box->stride[ALT_LINE_OUT][d] = d == axis ? 0 : values->stride[d];
        box->stride[INDICES][d] = d == axis ? 0 : indices->stride[d];
    }
    p->k = values->extent[axis];
    p->value_step = values->stride[axis];
    p->index_step = indices->stride[axis];
    p->values = b->n_in;
    p->indices = b->n_in + (b->n_out > 1);
}

static int bind(struct alt_kernel_bind *b)
{
    struct topk *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *in = &b->in[0];
    struct alt_line_box box;
    int64_t elements, bytes;
    if (!p)
        return ALT_E_NOMEM;
    const int64_t given = alt_attr_int(b->node, "axis", -1);
    const int axis = (int)(given < 0 ? given + in->phys_rank : given);
    if (b->out[0].dtype == ALT_NONE)
        return alt_bind_fail(b, ALT_E_UNSUPPORTED, "output Values is missing");
    alt_line_box_set(&box, in, NULL);
    output_strides(b, p, &box, axis);
    if (p->k > in->extent[axis])
        return alt_bind_fail(b, ALT_E_SHAPE, "k is %lld, but the axis has %lld elements", (long long)p->k,
                             (long long)in->extent[axis]);
    if (!alt_lines_prepare(&p->lines, &box, 1u << axis) || __builtin_add_overflow(p->lines.length, p->k, &elements) ||
        __builtin_mul_overflow(elements, (int64_t)sizeof(uint64_t), &bytes))
        return alt_bind_fail(b, ALT_E_SHAPE, "too many elements");
    p->largest = alt_attr_int(b->node, "largest", 1) != 0;
    p->wide = alt_wide_of(in->dtype);
    p->size = alt_dtype_size(in->dtype);
    p->wide_size = alt_wide_size(p->wide);
    p->load = alt_wide_load(in->dtype);
    p->copy = alt_raw_load(p->size);
    p->lines_a_tile = p->lines.length < TILE_WORK / 4 ? TILE_WORK / 4 / (p->lines.length + 1) : 1;
    b->params = p;
    b->scratch = (size_t)bytes;
    b->range = p->k ? (p->lines.count + p->lines_a_tile - 1) / p->lines_a_tile : 0;
    b->flops = 10 * (double)p->lines.count * (double)p->lines.length;
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "top_k", .fn = run, .bind = bind, .flags = ALT_KERNEL_STRIDED};
    if (alt_wide_of(sel->in[0].dtype) == ALT_WIDE_NONE)
        return alt_select_unsupported(sel);
    *out = &kernel;
    return ALT_OK;
}

/* k as an attribute before opset 10, then as a content that may be unknown. */
static bool read_k(struct alt_infer *inf, alt_dim *k)
{
    int count;
    *k = alt_dim_from_int(alt_attr_int(inf->node, "k", 0));
    return inf->node->opset < 10 || (alt_infer_content(inf, 1, 1, k, &count) && count == 1 && *k != ALT_DIM_BAD);
}

static alt_status infer(struct alt_infer *inf)
{
    int axis;
    alt_dim k;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_NUMBER));
    if (inf->node->opset >= 10)
        ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_SIGNED));
    struct alt_shape shape = inf->in[0]->shape;
    const bool known = read_k(inf, &k);
    if (known && alt_dim_negative(k))
        return alt_infer_fail(inf, ALT_E_SHAPE, "k is negative");
    if (shape.rank >= 0) {
        ALT_CHECK(alt_infer_axis(inf, alt_attr_int(inf->node, "axis", -1), shape.rank, &axis));
        if (known && alt_dim_known(k) && alt_dim_known(shape.dim[axis]) && k > shape.dim[axis])
            return alt_infer_fail(inf, ALT_E_SHAPE, "k is %lld, but the axis has fewer elements", (long long)k);
        shape.dim[axis] = known ? k : alt_dim_unknown(inf->dims);
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, &shape);
    alt_infer_set(inf, 1, ALT_INT64, &shape);
    return known ? ALT_OK : alt_infer_defer(inf, 1);
}

const struct alt_op_impl alt_op_topk = {.infer = infer, .select = choose};
