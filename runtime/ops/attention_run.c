/* attention_run.c: scaled dot-product attention, tile by tile; see attention.c for the order of accumulation. */
#include "runtime/ops/attention.h"

#include "runtime/kernel.h"
#include "runtime/ops/vec.h"
#include "runtime/scalar_math.h"

#include <math.h>

enum { MASK_CHUNK = 256 };

/* One tile under way: rows of one head. */
struct tile {
    const struct alt_attention *p;
    const struct alt_kargs *args;
    int64_t b, h, first, rows;
    int last; /* whether these are the rows of the last tile */
    char *scratch;
};

static const char *place(const struct alt_kargs *args, int operand, int64_t at, size_t size)
{
    return (const char *)args->operand[operand].data + at * (int64_t)size;
}

/* `rows` rows of `cols` elements to dense float32. */
static void widen(const struct alt_attention *p, const char *src, const struct alt_heads *from, int64_t rows,
                  int64_t cols, char *out)
{
    for (int64_t i = 0; i < rows; i++)
        p->load(out + i * cols * (int64_t)p->real, src + i * from->row * (int64_t)p->size, from->col, cols);
}

static void multiply(const struct alt_product *product, const char *a, const char *b, char *y, char *scratch)
{
    for (int64_t i = 0; i < product->tiles; i++)
        alt_product_tile(product, &(struct alt_product_data){.a = a, .b = b, .y = y}, i, scratch);
}

/* The tile's scores against all keys of a segment. */
static void score_segment(const struct tile *t, const struct alt_attention_segment *s, const char *query)
{
    const struct alt_attention *p = t->p;
    const int64_t head = t->h / (p->heads / p->kv_heads);
    for (int64_t at = 0; at < s->length; at += s->block) {
        const int last = s->length - at <= s->block;
        const char *keys = place(t->args, s->key, t->b * s->k.batch + head * s->k.head + at * s->k.row, p->size);
        char *scores = t->scratch + p->at_scores + (size_t)(s->first + at) * p->real;
        if (p->widened) {
            widen(p, keys, &s->k, last ? s->length - at : s->block, p->head_size, t->scratch + p->at_keys);
            keys = t->scratch + p->at_keys;
        }
        multiply(&s->scores[t->last][last], query, keys, scores, t->scratch + p->at_product);
    }
}

/* Adds weights times values of a segment to the tile's sums; `*empty` when nothing stands there yet. */
static void sum_segment(const struct tile *t, const struct alt_attention_segment *s, bool *empty)
{
    const struct alt_attention *p = t->p;
    const int64_t head = t->h / (p->heads / p->kv_heads);
    char *sum = t->scratch + p->at_sum, *part = t->scratch + p->at_part;
    for (int64_t at = 0; at < s->length; at += s->block) {
        const int last = s->length - at <= s->block;
        const char *values = place(t->args, s->value, t->b * s->v.batch + head * s->v.head + at * s->v.row, p->size);
        const char *weights = t->scratch + p->at_scores + (size_t)(s->first + at) * p->real;
        if (p->widened) {
            widen(p, values, &s->v, last ? s->length - at : s->block, p->value_size, t->scratch + p->at_keys);
            values = t->scratch + p->at_keys;
        }
        multiply(&s->sums[t->last][last], weights, values, *empty ? sum : part, t->scratch + p->at_product);
        if (!*empty)
            alt_vec_add_to(p->wide, sum, t->rows * p->value_size, part, 1);
        *empty = false;
    }
}

static void set(const struct alt_attention *p, char *x, int64_t from, int64_t to)
{
    for (int64_t j = from < 0 ? 0 : from; j < to; j++)
        alt_vec_set(p->wide, x, j, -(double)INFINITY);
}

static void cap(const struct alt_attention *p, void *x)
{
    if (p->wide == ALT_WIDE_F64) {
        double *v = x;
        for (int64_t j = 0; j < p->keys; j++)
            v[j] = p->softcap * tanh(v[j] / p->softcap);
        return;
    }
    float *v = x;
    const float c = (float)p->softcap;
    for (int64_t j = 0; j < p->keys; j++)
        v[j] = c * alt_tanh_f32(v[j] / c);
}

static void add_mask(const struct tile *t, int64_t row, char *x)
{
    const struct alt_attention *p = t->p;
    _Alignas(64) char chunk[MASK_CHUNK * ALT_WIDE_SIZE];
    const int64_t n = p->mask.length < p->keys ? p->mask.length : p->keys;
    const char *mask =
        place(t->args, p->mask.operand, t->b * p->mask.batch + t->h * p->mask.head + row * p->mask.row, p->mask.size);
    for (int64_t j = 0; p->mask.flags && j < n; j++)
        if (!mask[j * p->mask.col])
            set(p, x, j, j + 1);
    for (int64_t j = 0; !p->mask.flags && j < n; j += MASK_CHUNK) {
        const int64_t m = n - j < MASK_CHUNK ? n - j : MASK_CHUNK;
        p->mask.load(chunk, mask + j * p->mask.col * (int64_t)p->mask.size, p->mask.col, m);
        alt_vec_add_to(p->wide, x + (size_t)j * p->real, m, chunk, 1);
    }
    set(p, x, n, p->keys);
}

/* Keys of the batch that are no padding. */
static int64_t filled(const struct tile *t)
{
    const struct alt_attention *p = t->p;
    return p->nonpad ? ((const int64_t *)t->args->operand[p->nonpad].data)[t->b * p->nonpad_stride] : p->keys;
}

/* Keys that a causal row sees: queries are the last of the keys that are filled, or follow the past ones. */
static int64_t seen(const struct tile *t, int64_t row)
{
    const struct alt_attention *p = t->p;
    return row + 1 + (p->nonpad ? filled(t) - p->rows : p->segment[ALT_ATTENTION_PAST].length);
}

/* Scores to weights. A row that sees no key weighs nothing. */
static void softmax(const struct alt_attention *p, char *x)
{
    const double largest = alt_vec_max(p->wide, x, p->keys);
    if (largest == -(double)INFINITY) {
        for (int64_t j = 0; j < p->keys; j++)
            alt_vec_set(p->wide, x, j, 0);
        return;
    }
    alt_vec_divide(p->wide, x, p->keys, alt_vec_exp(p->wide, x, x, p->keys, largest));
}

/* From scores to weights, with everything on the way. */
static void finish_row(const struct tile *t, int64_t row, char *x)
{
    const struct alt_attention *p = t->p;
    const int mode = p->scores_out ? p->scores_mode : -1;
    const int64_t line = ((t->b * p->heads + t->h) * p->rows + row) * p->keys;
    char *out = p->scores_out ? (char *)t->args->operand[p->scores_out].data + line * (int64_t)p->size : NULL;
    if (mode == 0)
        p->store(out, 1, x, p->keys);
    if (p->softcap > 0)
        cap(p, x);
    if (mode == 1)
        p->store(out, 1, x, p->keys);
    if (p->mask.operand)
        add_mask(t, row, x);
    if (p->causal)
        set(p, x, seen(t, row), p->keys);
    if (p->nonpad)
        set(p, x, filled(t), p->keys);
    if (mode == 2)
        p->store(out, 1, x, p->keys);
    softmax(p, x);
    if (mode == 3)
        p->store(out, 1, x, p->keys);
}

static void store_rows(const struct tile *t)
{
    const struct alt_attention *p = t->p;
    char *y = (char *)t->args->operand[p->out].data +
              (t->b * p->y.batch + t->h * p->y.head + t->first * p->y.row) * (int64_t)p->size;
    const char *sum = t->scratch + p->at_sum;
    for (int64_t i = 0; i < t->rows; i++)
        p->store(y + i * p->y.row * (int64_t)p->size, 1, sum + i * p->value_size * (int64_t)p->real, p->value_size);
}

static void run_tile(const struct alt_attention *p, const struct alt_kargs *args, int64_t index)
{
    struct tile t = {.p = p, .args = args, .scratch = args->scratch};
    t.first = index % p->row_tiles * p->tile_rows;
    t.h = index / p->row_tiles % p->heads;
    t.b = index / p->row_tiles / p->heads;
    t.last = p->rows - t.first <= p->tile_rows;
    t.rows = t.last ? p->rows - t.first : p->tile_rows;
    const char *query = place(args, 0, t.b * p->q.batch + t.h * p->q.head + t.first * p->q.row, p->size);
    if (p->widened) {
        widen(p, query, &p->q, t.rows, p->head_size, t.scratch + p->at_query);
        query = t.scratch + p->at_query;
    }
    for (int s = 0; s < ALT_ATTENTION_SEGMENTS; s++)
        score_segment(&t, &p->segment[s], query);
    for (int64_t i = 0; i < t.rows; i++)
        finish_row(&t, t.first + i, t.scratch + p->at_scores + (size_t)(i * p->keys) * p->real);
    bool empty = true;
    for (int s = 0; s < ALT_ATTENTION_SEGMENTS; s++)
        sum_segment(&t, &p->segment[s], &empty);
    for (int64_t i = 0; empty && i < t.rows * p->value_size; i++) /* no keys at all */
        alt_vec_set(p->wide, t.scratch + p->at_sum, i, 0);
    store_rows(&t);
}

/* One head of present_key (`which` 0) or present_value: past rows, then new ones. */
static void copy_head(const struct alt_attention *p, const struct alt_kargs *args, int which, int64_t index)
{
    const int64_t cols = which ? p->value_size : p->head_size, row_bytes = cols * (int64_t)p->size;
    char *out = (char *)args->operand[p->present[which]].data + index * p->keys * row_bytes;
    for (int s = 0; s < ALT_ATTENTION_SEGMENTS; s++) {
        const struct alt_attention_segment *from = &p->segment[s];
        const struct alt_heads *at = which ? &from->v : &from->k;
        for (int64_t i = 0; i < from->length; i++, out += row_bytes) {
            const int64_t offset = index / p->kv_heads * at->batch + index % p->kv_heads * at->head + i * at->row;
            p->copy(out, place(args, which ? from->value : from->key, offset, p->size), at->col, cols);
        }
    }
}

void alt_attention_run(const struct alt_kargs *args)
{
    const struct alt_attention *p = args->params;
    const int64_t heads = p->batch * p->kv_heads;
    for (int64_t i = args->begin; i < args->end; i++) {
        if (i < p->tiles) {
            run_tile(p, args, i);
            continue;
        }
        const int which = (i - p->tiles) / heads > 0 || !p->present[0];
        copy_head(p, args, which, (i - p->tiles) % heads);
    }
}
