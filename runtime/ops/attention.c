/* attention.c: Attention: softmax(scale Q K^T + mask) V for each head, with grouped heads, past keys and values, and masks.
 *
 * A tile is up to 128 rows of one head against all keys. Scores and sums over values are products in the canonical order of
 * runtime/kernels/kern.h; the scale multiplies the finished sum. Past keys, then new ones, make two such sums over values,
 * added in this order (with float16 and bfloat16, which are computed in float32 and rounded once, one for each 256 keys).
 * The softmax has the order of vec.h. A row whose keys are all masked gives zeros. Causal
 * queries follow the past keys; with nonpad_kv_seqlen they are the last of the keys that it counts.
 *
 * softmax_precision beyond the type that is computed in is refused. With qk_matmul_output_mode 0 the scores are those
 * before softcap.
 */
#include "runtime/ops/attention.h"

#include "runtime/infer.h"
#include "runtime/mem.h"
#include "runtime/step.h"

#include <math.h>

enum { TILE_ROWS = 128, WIDENED_KEYS = 256 };
enum { Q, K, V, MASK, PAST_KEY, PAST_VALUE, NONPAD }; /* inputs */
enum { Y, PRESENT_KEY, PRESENT_VALUE, SCORES };       /* outputs */

/* Shapes as four axes [batch, heads, rows, size]; dims may be symbolic. */
static alt_status read_heads(struct alt_infer *inf, int i, const char *attr, alt_dim *out)
{
    const struct alt_shape *s = &inf->in[i]->shape;
    if (s->rank == 4) {
        for (int d = 0; d < 4; d++)
            out[d] = s->dim[d];
        return ALT_OK;
    }
    const int64_t heads = alt_attr_int(inf->node, attr, 0);
    if (heads < 1)
        return alt_infer_fail(inf, ALT_E_MODEL, "inputs with three axes need the attribute %s", attr);
    if (alt_dim_known(s->dim[2]) && s->dim[2] % heads)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the last axis of input %d is no multiple of %s", i, attr);
    out[0] = s->dim[0];
    out[1] = heads;
    out[2] = s->dim[1];
    out[3] = alt_dim_div(inf->dims, s->dim[2], heads);
    return ALT_OK;
}

static bool differ(alt_dim a, alt_dim b) { return alt_dim_known(a) && alt_dim_known(b) && a != b; }

static alt_status check_heads(struct alt_infer *inf, const alt_dim *q, const alt_dim *k, const alt_dim *v)
{
    if (differ(q[0], k[0]) || differ(k[0], v[0]))
        return alt_infer_fail(inf, ALT_E_SHAPE, "Q, K and V differ in their batches");
    if (differ(k[1], v[1]) || differ(k[2], v[2]))
        return alt_infer_fail(inf, ALT_E_SHAPE, "K and V differ in heads or length");
    if (differ(q[3], k[3]))
        return alt_infer_fail(inf, ALT_E_SHAPE, "Q and K differ in the size of a head");
    if (alt_dim_known(q[1]) && alt_dim_known(k[1]) && (k[1] == 0 || q[1] % k[1]))
        return alt_infer_fail(inf, ALT_E_SHAPE, "the heads of Q are no multiple of those of K");
    return ALT_OK;
}

/* past_key or past_value: length in *past. */
static alt_status check_past(struct alt_infer *inf, int i, const alt_dim *like, alt_dim *past)
{
    ALT_CHECK(alt_infer_same_dtype(inf, Q, i));
    const struct alt_shape *s = &inf->in[i]->shape;
    *past = alt_dim_unknown(inf->dims);
    if (s->rank < 0)
        return ALT_OK;
    if (s->rank != 4 || differ(s->dim[0], like[0]) || differ(s->dim[1], like[1]) || differ(s->dim[3], like[3]))
        return alt_infer_fail(inf, ALT_E_SHAPE, "input %d must have the axes batch, heads of K, length, size of a head",
                              i);
    *past = s->dim[2];
    return ALT_OK;
}

static alt_status check_mask(struct alt_infer *inf, const alt_dim *q, alt_dim keys)
{
    if (!alt_infer_has(inf, MASK))
        return ALT_OK;
    ALT_CHECK(alt_infer_expect(inf, MASK, ALT_CLASS_BOOL | ALT_CLASS_FLOAT));
    const struct alt_shape *s = &inf->in[MASK]->shape;
    if (s->rank > 4 || s->rank == 0)
        return alt_infer_fail(inf, ALT_E_SHAPE, "attn_mask must have 1 to 4 axes");
    for (int d = 0; d + 1 < s->rank; d++)
        if (s->dim[d] != 1 && differ(s->dim[d], q[d + 4 - s->rank]))
            return alt_infer_fail(inf, ALT_E_SHAPE, "attn_mask cannot be broadcast to the scores");
    if (s->rank > 0 && alt_dim_known(keys) && s->dim[s->rank - 1] > keys)
        return alt_infer_fail(inf, ALT_E_SHAPE, "attn_mask is longer than there are keys");
    return ALT_OK;
}

static void set_outputs(struct alt_infer *inf, const alt_dim *q, const alt_dim *k, const alt_dim *v, alt_dim keys)
{
    const alt_dtype dtype = inf->in[Q]->dtype;
    struct alt_shape y = {4, {q[0], q[1], q[2], v[3]}};
    const struct alt_shape present[] = {{4, {k[0], k[1], keys, k[3]}}, {4, {v[0], v[1], keys, v[3]}}};
    if (inf->in[Q]->shape.rank == 3)
        y = (struct alt_shape){3, {q[0], q[2], alt_dim_mul(inf->dims, q[1], v[3])}};
    alt_infer_set(inf, Y, dtype, &y);
    for (int i = PRESENT_KEY; i <= PRESENT_VALUE && i < inf->n_out; i++)
        alt_infer_set(inf, i, dtype, &present[i - PRESENT_KEY]);
    if (inf->n_out > SCORES)
        alt_infer_set(inf, SCORES, dtype, &(struct alt_shape){4, {q[0], q[1], q[2], keys}});
}

static alt_status infer(struct alt_infer *inf)
{
    alt_dim q[4], k[4], v[4], past = 0, past_value = 0;
    const struct alt_shape none = {.rank = -1};
    for (int i = Q; i <= V; i++)
        ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_FLOAT));
    ALT_CHECK(alt_infer_same_dtype(inf, Q, K));
    ALT_CHECK(alt_infer_same_dtype(inf, Q, V));
    if (alt_infer_has(inf, PAST_KEY) != alt_infer_has(inf, PAST_VALUE))
        return alt_infer_fail(inf, ALT_E_MODEL, "past_key and past_value go together");
    const int rank = alt_infer_rank(inf, Q);
    if (rank < 0 || alt_infer_rank(inf, K) < 0 || alt_infer_rank(inf, V) < 0) {
        for (int i = 0; i < inf->n_out; i++)
            alt_infer_set(inf, i, inf->in[Q]->dtype, &none);
        return ALT_OK;
    }
    if ((rank != 3 && rank != 4) || alt_infer_rank(inf, K) != rank || alt_infer_rank(inf, V) != rank)
        return alt_infer_fail(inf, ALT_E_SHAPE, "Q, K and V must all have three or all have four axes");
    ALT_CHECK(read_heads(inf, Q, "q_num_heads", q));
    ALT_CHECK(read_heads(inf, K, "kv_num_heads", k));
    ALT_CHECK(read_heads(inf, V, "kv_num_heads", v));
    ALT_CHECK(check_heads(inf, q, k, v));
    if (alt_infer_has(inf, PAST_KEY)) {
        ALT_CHECK(check_past(inf, PAST_KEY, k, &past));
        ALT_CHECK(check_past(inf, PAST_VALUE, v, &past_value));
        if (differ(past, past_value))
            return alt_infer_fail(inf, ALT_E_SHAPE, "past_key and past_value differ in length");
    }
    const alt_dim keys = alt_dim_add(inf->dims, past, k[2]);
    ALT_CHECK(check_mask(inf, q, keys));
    if (alt_infer_has(inf, NONPAD)) {
        const struct alt_shape *s = &inf->in[NONPAD]->shape;
        if (inf->in[NONPAD]->dtype != ALT_INT64 || (s->rank >= 0 && (s->rank != 1 || differ(s->dim[0], q[0]))))
            return alt_infer_fail(inf, ALT_E_SHAPE, "nonpad_kv_seqlen must be one int64 for each batch");
    }
    set_outputs(inf, q, k, v, keys);
    return ALT_OK;
}

/* Strides of an operand with three or four axes. */
static struct alt_heads heads_of(const struct alt_operand *o, int64_t size)
{
    if (o->rank == 4)
        return (struct alt_heads){o->stride[0], o->stride[1], o->stride[2], o->stride[3]};
    return (struct alt_heads){o->stride[0], size * o->stride[2], o->stride[1], o->stride[2]};
}

static void read_shapes(struct alt_attention *p, const struct alt_kernel_bind *b)
{
    const struct alt_operand *q = &b->in[Q], *k = &b->in[K], *v = &b->in[V];
    const bool flat = q->rank == 3;
    p->dtype = q->dtype;
    p->wide = alt_wide_of(q->dtype);
    p->size = alt_dtype_size(q->dtype);
    p->real = alt_wide_size(p->wide);
    p->widened = p->size == 2;
    p->batch = q->dim[0];
    p->heads = flat ? alt_attr_int(b->node, "q_num_heads", 1) : q->dim[1];
    p->kv_heads = flat ? alt_attr_int(b->node, "kv_num_heads", 1) : k->dim[1];
    p->rows = q->dim[flat ? 1 : 2];
    p->head_size = flat ? q->dim[2] / p->heads : q->dim[3];
    p->value_size = flat ? v->dim[2] / p->kv_heads : v->dim[3];
    p->q = heads_of(q, p->head_size);
    p->y = heads_of(&b->out[Y], p->value_size);
    struct alt_attention_segment *s = p->segment;
    s[ALT_ATTENTION_NEW] = (struct alt_attention_segment){.key = K, .value = V, .length = k->dim[flat ? 1 : 2]};
    s[ALT_ATTENTION_NEW].k = heads_of(k, p->head_size);
    s[ALT_ATTENTION_NEW].v = heads_of(v, p->value_size);
    if (b->n_in > PAST_KEY && b->in[PAST_KEY].dtype != ALT_NONE) {
        s[ALT_ATTENTION_PAST] =
            (struct alt_attention_segment){.key = PAST_KEY, .value = PAST_VALUE, .length = b->in[PAST_KEY].dim[2]};
        s[ALT_ATTENTION_PAST].k = heads_of(&b->in[PAST_KEY], p->head_size);
        s[ALT_ATTENTION_PAST].v = heads_of(&b->in[PAST_VALUE], p->value_size);
    }
    s[ALT_ATTENTION_NEW].first = s[ALT_ATTENTION_PAST].length;
    p->keys = s[ALT_ATTENTION_PAST].length + s[ALT_ATTENTION_NEW].length;
}

static void read_mask(struct alt_attention *p, const struct alt_kernel_bind *b)
{
    if (b->n_in > NONPAD && b->in[NONPAD].dtype != ALT_NONE) {
        p->nonpad = NONPAD;
        p->nonpad_stride = b->in[NONPAD].stride[0];
    }
    if (b->n_in <= MASK || b->in[MASK].dtype == ALT_NONE)
        return;
    const struct alt_operand *m = &b->in[MASK];
    int64_t stride[4] = {0};
    for (int d = 0; d < m->rank; d++)
        stride[d + 4 - m->rank] = m->dim[d] == 1 && d + 1 < m->rank ? 0 : m->stride[d];
    p->mask.operand = MASK;
    p->mask.flags = m->dtype == ALT_BOOL;
    p->mask.size = alt_dtype_size(m->dtype);
    p->mask.load = alt_wide_load(m->dtype);
    p->mask.batch = stride[0];
    p->mask.head = stride[1];
    p->mask.row = stride[2];
    p->mask.col = stride[3];
    p->mask.length = m->dim[m->rank - 1];
}

/* The products of a segment for tiles of `rows` rows; the most scratch that one takes in *most. */
static void prepare_products(const struct alt_attention *p, struct alt_attention_segment *s, int last_rows,
                             int last_block, size_t *most)
{
    const int64_t rest = s->length % s->block, row_rest = p->rows % p->tile_rows;
    const int64_t m = last_rows && row_rest ? row_rest : p->tile_rows, n = last_block && rest ? rest : s->block;
    const struct alt_matrix query =
        p->widened ? (struct alt_matrix){p->head_size, 1} : (struct alt_matrix){p->q.row, p->q.col};
    const struct alt_matrix keys =
        p->widened ? (struct alt_matrix){1, p->head_size} : (struct alt_matrix){s->k.col, s->k.row};
    const struct alt_matrix values =
        p->widened ? (struct alt_matrix){p->value_size, 1} : (struct alt_matrix){s->v.row, s->v.col};
    const alt_dtype dtype = p->widened ? ALT_FLOAT32 : p->dtype;
    struct alt_product *scores = &s->scores[last_rows][last_block], *sums = &s->sums[last_rows][last_block];
    *scores = (struct alt_product){
        .dtype = dtype, .m = m, .n = n, .k = p->head_size, .a = query, .b = keys, .y = {p->keys, 1}, .alpha = p->scale};
    *sums = (struct alt_product){.dtype = dtype,
                                 .m = m,
                                 .n = p->value_size,
                                 .k = n,
                                 .a = {p->keys, 1},
                                 .b = values,
                                 .y = {p->value_size, 1},
                                 .alpha = 1};
    alt_product_prepare(scores);
    alt_product_prepare(sums);
    *most = scores->scratch > *most ? scores->scratch : *most;
    *most = sums->scratch > *most ? sums->scratch : *most;
}

/* Reserves rows * cols elements of scratch. */
static bool reserve(const struct alt_attention *p, int64_t rows, int64_t cols, size_t *at, size_t *total)
{
    int64_t elements, bytes, end;
    *at = *total;
    if (__builtin_mul_overflow(rows, cols, &elements) || __builtin_mul_overflow(elements, (int64_t)p->real, &bytes) ||
        __builtin_add_overflow(bytes, (int64_t)*total + 63, &end))
        return false;
    *total = (size_t)end & ~(size_t)63;
    return true;
}

static bool plan_scratch(struct alt_attention *p, size_t *total)
{
    size_t most = 0;
    int64_t block = 0;
    for (int i = 0; i < ALT_ATTENTION_SEGMENTS; i++) {
        struct alt_attention_segment *s = &p->segment[i];
        s->block = p->widened && s->length > WIDENED_KEYS ? WIDENED_KEYS : s->length;
        block = s->block > block ? s->block : block;
        for (int j = 0; j < 4 && s->length > 0; j++)
            prepare_products(p, s, j & 1, j >> 1, &most);
    }
    const int64_t widest = p->head_size > p->value_size ? p->head_size : p->value_size;
    *total = 0;
    return reserve(p, p->tile_rows, p->keys, &p->at_scores, total) &&
           reserve(p, p->tile_rows, p->value_size, &p->at_sum, total) &&
           reserve(p, p->tile_rows, p->value_size, &p->at_part, total) &&
           reserve(p, p->widened ? p->tile_rows : 0, p->head_size, &p->at_query, total) &&
           reserve(p, p->widened ? block : 0, widest, &p->at_keys, total) &&
           reserve(p, 1, (int64_t)(most / p->real) + 1, &p->at_product, total);
}

static void find_outputs(struct alt_attention *p, const struct alt_kernel_bind *b)
{
    p->out = b->n_in;
    for (int i = 0; i < 2; i++)
        if (b->n_out > PRESENT_KEY + i && b->out[PRESENT_KEY + i].dtype != ALT_NONE)
            p->present[i] = b->n_in + PRESENT_KEY + i;
    if (b->n_out > SCORES && b->out[SCORES].dtype != ALT_NONE)
        p->scores_out = b->n_in + SCORES;
}

static int bind(struct alt_kernel_bind *b)
{
    struct alt_attention *p = alt_arena_alloc(b->arena, sizeof *p);
    size_t scratch;
    if (!p)
        return ALT_E_NOMEM;
    read_shapes(p, b);
    read_mask(p, b);
    find_outputs(p, b);
    p->scale = alt_attr_has(b->node, "scale") ? (double)alt_attr_float(b->node, "scale", 1)
                                              : 1 / sqrt(p->head_size ? (double)p->head_size : 1);
    p->softcap = (double)alt_attr_float(b->node, "softcap", 0);
    p->causal = alt_attr_int(b->node, "is_causal", 0) != 0;
    p->scores_mode = (int)alt_attr_int(b->node, "qk_matmul_output_mode", 0);
    p->load = alt_wide_load(p->dtype);
    p->copy = alt_raw_load(p->size);
    p->store = alt_wide_store(p->wide, p->dtype);
    p->tile_rows = p->rows < TILE_ROWS ? p->rows > 0 ? p->rows : 1 : TILE_ROWS;
    p->row_tiles = (p->rows + p->tile_rows - 1) / p->tile_rows;
    p->tiles = alt_dims_count(3, (const int64_t[]){p->batch, p->heads, p->row_tiles});
    if (p->tiles < 0 || alt_dims_count(2, (const int64_t[]){p->batch, p->kv_heads}) < 0 || !plan_scratch(p, &scratch))
        return alt_bind_fail(b, ALT_E_SHAPE, "too many elements");
    b->params = p;
    b->scratch = scratch;
    b->range = p->tiles + (p->batch * p->kv_heads) * ((p->present[0] != 0) + (p->present[1] != 0));
    b->flops = 2.0 * (double)p->batch * (double)p->heads * (double)p->rows * (double)p->keys *
               (double)(p->head_size + p->value_size + 16);
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "attention",
                                             .fn = alt_attention_run,
                                             .bind = bind,
                                             .flags = ALT_KERNEL_STRIDED,
                                             .numerics = ALT_KERNEL_EXACT};
    const alt_dtype dtype = sel->in[Q].dtype, mask = sel->n_in > MASK ? sel->in[MASK].dtype : ALT_NONE;
    const int64_t precision = alt_attr_int(sel->node, "softmax_precision", 0),
                  mode = alt_attr_int(sel->node, "qk_matmul_output_mode", 0);
    if (mode < 0 || mode > 3)
        return alt_diag_add(sel->diag, ALT_E_MODEL, "node \"%s\" (Attention): qk_matmul_output_mode must be 0 to 3",
                            sel->node->name);
    if (precision == ALT_FLOAT64 && dtype != ALT_FLOAT64)
        return alt_diag_add(sel->diag, ALT_E_UNSUPPORTED,
                            "node \"%s\" (Attention): softmax_precision beyond float32 needs "
                            "inputs of float64",
                            sel->node->name);
    if (!alt_product_supports(dtype) ||
        (mask != ALT_NONE && mask != ALT_BOOL && alt_wide_of(mask) != alt_wide_of(dtype)))
        return alt_select_unsupported(sel);
    *out = &kernel;
    return ALT_OK;
}

const struct alt_op_impl alt_op_attention = {.infer = infer, .select = choose};
