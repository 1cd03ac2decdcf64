/* topk.c: TopK: the k largest or smallest elements along an axis and their indices; of equal ones the lower index.
 *
 * Each row along the axis is a tile. Its best k are kept in a heap with the worst on top (O(n log k)); taking the heap
 * apart gives them in order.
 */
#include "runtime/ops/data.h"
#include "runtime/ops/order.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_NUMBER));
    struct alt_shape out = inf->in[0]->shape;
    alt_dim k = alt_attr_int(inf->node, "k", -1);
    int axis, count;
    bool old = inf->node->opset < 10, known = true;
    if (!old) {
        ALT_CHECK(alt_infer_indices(inf, 1));
        known = alt_infer_content(inf, 1, 1, &k, &count) && count == 1;
    }
    if (known && ((old && k < 0) || alt_dim_negative(k)))
        return alt_infer_fail(inf, ALT_E_MODEL, "k is missing or negative");
    if (out.rank >= 0) {
        ALT_CHECK(alt_infer_axis(inf, alt_attr_int(inf->node, "axis", -1), out.rank, &axis));
        if (known && alt_dim_known(k) && alt_dim_known(out.dim[axis]) && k > out.dim[axis])
            return alt_infer_fail(inf, ALT_E_SHAPE, "k is %lld, axis %d has %lld elements", (long long)k, axis,
                                  (long long)out.dim[axis]);
        out.dim[axis] = known && k != ALT_DIM_BAD ? k : alt_dim_unknown(inf->dims);
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    alt_infer_set(inf, 1, ALT_INT64, &out);
    return known ? ALT_OK : alt_infer_wait(inf, 1);
}

struct entry {
    uint64_t key; /* greater is better */
    int64_t index;
};

struct plan {
    alt_dtype dtype;
    size_t size;
    int64_t n, k, inner; /* extent of the axis, elements kept, elements after the axis */
    bool largest;
    int n_in;
};

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *in = &b->in[0];
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    int axis = alt_axis_of(alt_attr_int(b->node, "axis", -1), in->rank);
    const struct alt_operand *out = b->out[0].dtype != ALT_NONE ? &b->out[0] : &b->out[1];
    p->dtype = in->dtype;
    p->size = alt_dtype_size(in->dtype);
    p->n = in->dim[axis];
    p->k = out->dim[axis];
    p->inner = alt_dims_count(in->rank - axis - 1, in->dim + axis + 1);
    p->largest = b->node->opset < 11 || alt_attr_int(b->node, "largest", 1) != 0;
    p->n_in = b->n_in;
    b->params = p;
    b->range = p->k ? alt_operand_count(out) / p->k : 0;
    b->flops = (double)b->range * (double)p->n * 8;
    b->scratch = (size_t)p->k * sizeof(struct entry);
    return ALT_OK;
}

static bool worse(const struct entry *a, const struct entry *b)
{
    return a->key != b->key ? a->key < b->key : a->index > b->index;
}

/* Lets `e` sink from place i of a heap of n whose other entries are in order. */
static void sink(struct entry *heap, int64_t n, int64_t i, struct entry e)
{
    for (;;) {
        int64_t child = 2 * i + 1;
        if (child >= n)
            break;
        child += child + 1 < n && worse(&heap[child + 1], &heap[child]);
        if (!worse(&heap[child], &e))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = e;
}

static void rise(struct entry *heap, int64_t i, struct entry e)
{
    for (int64_t parent; i > 0 && worse(&e, &heap[parent = (i - 1) / 2]); i = parent)
        heap[i] = heap[parent];
    heap[i] = e;
}

/* The best k of a row, best first. */
static void best_of_row(const struct plan *p, const char *row, struct entry *heap)
{
    uint64_t keys[64];
    int64_t kept = 0;
    for (int64_t i = 0; i < p->n; i += 64) {
        int64_t m = p->n - i < 64 ? p->n - i : 64;
        alt_order_keys(p->dtype, row + i * p->inner * (int64_t)p->size, p->inner, m, keys);
        for (int64_t j = 0; j < m; j++) {
            struct entry e = {p->largest ? keys[j] : ~keys[j], i + j};
            if (kept < p->k)
                rise(heap, kept++, e);
            else if (worse(&heap[0], &e))
                sink(heap, p->k, 0, e);
        }
    }
    for (int64_t left = p->k - 1; left > 0; left--) {
        struct entry worst = heap[0];
        sink(heap, left, 0, heap[left]);
        heap[left] = worst;
    }
}

static void topk(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    struct entry *heap = args->scratch;
    char *values = args->operand[p->n_in].data;
    int64_t *indices = args->operand_count > (uint32_t)p->n_in + 1 ? args->operand[p->n_in + 1].data : NULL;
    int64_t size = (int64_t)p->size;
    for (int64_t r = args->begin; r < args->end; r++) {
        int64_t outer = r / p->inner, inner = r % p->inner;
        const char *row = (const char *)args->operand[0].data + (outer * p->n * p->inner + inner) * size;
        best_of_row(p, row, heap);
        for (int64_t i = 0; i < p->k; i++) {
            int64_t at = (outer * p->k + i) * p->inner + inner;
            if (values)
                memcpy(values + at * size, row + heap[i].index * p->inner * size, p->size);
            if (indices)
                indices[at] = heap[i].index;
        }
    }
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "topk", .fn = topk, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_order_has(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_topk = {.infer = infer, .select = choose};
