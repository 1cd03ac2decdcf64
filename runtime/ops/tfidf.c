/* tfidf.c: TfIdfVectorizer: how often each n-gram of a pool stands in a row, as it is, cut to 1, or weighted.
 *
 * The pool's n-grams of the wanted lengths go into a hash table (of two equal ones the later stays); every n-gram of a row,
 * its items `skip` apart, is looked up. Weights belong to columns of the output. Runs on the host, as strings do. */
#include "runtime/ops/data.h"

#include <string.h>

enum mode { TF, IDF, TFIDF, MODES };

struct pool {
    const struct alt_attr *items;            /* ints or strings */
    const int64_t *starts, *columns;         /* ngram_counts, ngram_indexes */
    int64_t lengths, grams;                  /* entries of these */
    int64_t shortest, longest, skips, width; /* width: of the output */
    enum mode mode;
};

static const char *read_pool(const struct alt_node *n, struct pool *p)
{
    static const char *const names[] = {"TF", "IDF", "TFIDF"};
    const char *mode = alt_attr_text(n, "mode", "");
    const float *weights;
    *p = (struct pool){.items = alt_attr_find(n, "pool_strings")};
    if (!p->items)
        p->items = alt_attr_find(n, "pool_int64s");
    while (p->mode < MODES && strcmp(names[p->mode], mode) != 0)
        p->mode++;
    if (p->mode == MODES)
        return "attribute mode must be TF, IDF or TFIDF";
    if (!p->items || (p->items->type != ALT_ATTR_INTS && p->items->type != ALT_ATTR_STRINGS))
        return "it needs the attribute pool_strings or pool_int64s";
    p->lengths = alt_attr_ints(n, "ngram_counts", &p->starts);
    p->grams = alt_attr_ints(n, "ngram_indexes", &p->columns);
    p->shortest = alt_attr_int(n, "min_gram_length", 1);
    p->longest = alt_attr_int(n, "max_gram_length", 1);
    p->skips = alt_attr_int(n, "max_skip_count", 0);
    if (p->shortest < 1 || p->longest < p->shortest || p->skips < 0 || p->longest > INT32_MAX || p->skips > INT32_MAX)
        return "min_gram_length, max_gram_length and max_skip_count do not go together";
    for (int64_t i = 0; i < p->grams; i++) {
        if (p->columns[i] < 0 || p->columns[i] > INT32_MAX)
            return "an entry of ngram_indexes is out of range";
        p->width = p->columns[i] >= p->width ? p->columns[i] + 1 : p->width;
    }
    int64_t grams = 0;
    for (int64_t i = 0; i < p->lengths; i++) {
        const int64_t end = i + 1 < p->lengths ? p->starts[i + 1] : p->items->count;
        if (p->starts[i] < 0 || end < p->starts[i] || end > p->items->count || (end - p->starts[i]) % (i + 1))
            return "ngram_counts does not divide the pool";
        grams += (end - p->starts[i]) / (i + 1);
    }
    const int64_t n_weights = alt_attr_floats(n, "weights", &weights);
    return grams > p->grams ? "ngram_indexes has fewer entries than the pool has n-grams"
           : p->mode != TF && n_weights > 0 && n_weights < p->width
               ? "weights has fewer entries than the output has columns"
               : NULL;
}

static alt_status infer(struct alt_infer *inf)
{
    struct pool p;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_STRING | ALT_CLASS_SIGNED));
    struct alt_shape out = inf->in[0]->shape;
    const char *fault = read_pool(inf->node, &p);
    if (fault)
        return alt_infer_fail(inf, ALT_E_MODEL, "%s", fault);
    const alt_dtype dtype = inf->in[0]->dtype;
    if (p.items->type == ALT_ATTR_STRINGS ? dtype != ALT_STRING : dtype != ALT_INT32 && dtype != ALT_INT64)
        return alt_infer_fail(inf, ALT_E_MODEL, "the input must be of strings, or of int32 or int64, as its pool is");
    if (out.rank > 2)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the input must be [C] or [N, C]");
    if (out.rank == 0)
        out.rank = 1;
    if (out.rank > 0)
        out.dim[out.rank - 1] = p.width;
    alt_infer_set(inf, 0, ALT_FLOAT32, &out);
    return ALT_OK;
}

/* Items of a pool or of a row, `step` apart. */
struct gram {
    const struct alt_attr *pool; /* else */
    const struct alt_tensor *tensor;
    int64_t at, step, n;
};

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *c = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ c[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static int64_t number_at(const struct gram *g, int64_t i)
{
    const int64_t at = g->at + i * g->step;
    return g->pool ? g->pool->ints[at] : alt_tensor_int(g->tensor, at);
}

static const alt_string *text_at(const struct gram *g, int64_t i)
{
    const int64_t at = g->at + i * g->step;
    return g->pool ? &g->pool->strings[at] : (const alt_string *)g->tensor->data + at;
}

static bool of_text(const struct gram *g)
{
    return g->pool ? g->pool->type == ALT_ATTR_STRINGS : g->tensor->dtype == ALT_STRING;
}

static uint64_t hash_gram(const struct gram *g)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int64_t i = 0; i < g->n; i++) {
        const int64_t number = of_text(g) ? (int64_t)text_at(g, i)->length : number_at(g, i);
        hash = hash_bytes(hash, &number, sizeof number);
        if (of_text(g))
            hash = hash_bytes(hash, text_at(g, i)->data, text_at(g, i)->length);
    }
    return hash ^ hash >> 32;
}

static bool equal(const struct gram *a, const struct gram *b)
{
    if (a->n != b->n)
        return false;
    for (int64_t i = 0; i < a->n; i++) {
        if (!of_text(a)) {
            if (number_at(a, i) != number_at(b, i))
                return false;
            continue;
        }
        const alt_string *x = text_at(a, i), *y = text_at(b, i);
        if (x->length != y->length || (x->length && memcmp(x->data, y->data, x->length) != 0))
            return false;
    }
    return true;
}

/* A hash table with open addressing. */
struct slot {
    struct gram gram; /* n 0: free */
    int64_t column;
};
struct table {
    struct slot *slot;
    uint64_t mask;
};

/* The slot of a gram, or the free one where it belongs. */
static struct slot *find(const struct table *t, const struct gram *g)
{
    uint64_t at = hash_gram(g) & t->mask;
    while (t->slot[at].gram.n && !equal(&t->slot[at].gram, g))
        at = (at + 1) & t->mask;
    return &t->slot[at];
}

static alt_status fill_table(struct alt_eval *e, const struct pool *p, struct table *t)
{
    uint64_t size = 16;
    while (size < 2 * (uint64_t)p->grams)
        size *= 2;
    t->slot = alt_eval_alloc(e, size * sizeof *t->slot);
    t->mask = size - 1;
    if (!t->slot)
        return ALT_E_NOMEM;
    memset(t->slot, 0, size * sizeof *t->slot);
    for (int64_t i = 0, id = 0; i < p->lengths; i++) {
        const int64_t end = i + 1 < p->lengths ? p->starts[i + 1] : p->items->count;
        for (int64_t at = p->starts[i]; at < end; at += i + 1, id++) {
            const struct gram g = {.pool = p->items, .at = at, .step = 1, .n = i + 1};
            if (g.n >= p->shortest && g.n <= p->longest)
                *find(t, &g) = (struct slot){g, p->columns[id]};
        }
    }
    return ALT_OK;
}

/* Counts the n-grams of a row of `length` items. */
static void count_row(const struct pool *p, const struct table *t, const struct alt_tensor *x, int64_t row,
                      int64_t length, float *out)
{
    for (int64_t step = 1; step <= p->skips + 1 && step <= length; step++)
        for (int64_t n = p->shortest; n <= p->longest && n <= length && (n - 1) <= (length - 1) / step; n++) {
            if (n == 1 && step > 1)
                continue; /* single items have nothing to skip */
            for (int64_t at = 0; at + (n - 1) * step < length; at++) {
                const struct gram g = {.tensor = x, .at = row * length + at, .step = step, .n = n};
                const struct slot *slot = find(t, &g);
                if (slot->gram.n)
                    out[slot->column]++;
            }
        }
}

static void weigh(const struct alt_node *n, const struct pool *p, float *out)
{
    const float *weights;
    const bool weighted = alt_attr_floats(n, "weights", &weights) > 0;
    for (int64_t i = 0; p->mode != TF && i < p->width; i++) {
        if (p->mode == IDF)
            out[i] = out[i] > 0;
        if (weighted)
            out[i] *= weights[i];
    }
}

static alt_status eval(struct alt_eval *e)
{
    const struct alt_tensor *x = e->in[0];
    const int64_t rows = x->rank == 2 ? x->dim[0] : 1, length = x->rank == 0 ? 1 : x->dim[x->rank - 1];
    struct pool p;
    struct table t;
    const char *fault = read_pool(e->node, &p);
    if (fault)
        return alt_eval_fail(e, ALT_E_MODEL, "%s", fault);
    ALT_CHECK(fill_table(e, &p, &t));
    float *out = alt_eval_output(e, 0, ALT_FLOAT32, x->rank == 2 ? 2 : 1,
                                 (const int64_t[]){x->rank == 2 ? rows : p.width, p.width});
    if (!out)
        return ALT_E_NOMEM;
    for (int64_t i = 0; i < rows && p.width > 0; i++, out += p.width) {
        memset(out, 0, (size_t)p.width * sizeof *out);
        count_row(&p, &t, x, i, length, out);
        weigh(e->node, &p, out);
    }
    return ALT_OK;
}

const struct alt_op_impl alt_op_tfidf = {.infer = infer, .eval = eval};
