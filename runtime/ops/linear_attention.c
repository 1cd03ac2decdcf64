/* linear_attention.c: LinearAttention: a recurrent state a head, S of [key size][value size], that every token decays, corrects
 * and reads.
 *
 * Columns of S do not depend on each other, so a tile is a block of columns of one head through all tokens. In float32; sums
 * over the key size in ascending order with one accumulator; outputs and the state are rounded once.
 */
#include "runtime/mem.h"
#include "runtime/ops/data.h"
#include "runtime/ops/loop.h"
#include "runtime/ops/wide.h"
#include "runtime/scalar_math.h"

#include <math.h>
#include <string.h>

enum { QUERY, KEY, VALUE, PAST, DECAY, BETA, INPUTS };
enum { COLUMNS = 32 }; /* of a tile */

/* What update_rule asks for; false when it is no rule. */
static bool read_rule(const struct alt_node *n, bool *decays, bool *corrects)
{
    static const struct {
        const char *name;
        bool decays, corrects;
    } rules[] = {{"linear", false, false}, {"gated", true, false}, {"delta", false, true}, {"gated_delta", true, true}};
    const char *name = alt_attr_text(n, "update_rule", "gated_delta");
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strcmp(rules[i].name, name) == 0) {
            *decays = rules[i].decays;
            *corrects = rules[i].corrects;
            return true;
        }
    return false;
}

static bool differ(alt_dim a, alt_dim b) { return alt_dim_known(a) && alt_dim_known(b) && a != b; }

static alt_status check_tokens(struct alt_infer *inf)
{
    const struct alt_shape *q = &inf->in[QUERY]->shape;
    for (int i = QUERY; i < INPUTS; i++) {
        if (!alt_infer_has(inf, i) || i == PAST)
            continue;
        const struct alt_shape *s = &inf->in[i]->shape;
        if (s->rank >= 0 && s->rank != 3)
            return alt_infer_fail(inf, ALT_E_SHAPE, "input %d must have three axes", i);
        if (s->rank == 3 && q->rank == 3 && (differ(s->dim[0], q->dim[0]) || differ(s->dim[1], q->dim[1])))
            return alt_infer_fail(inf, ALT_E_SHAPE, "input %d has another batch or length than the query", i);
    }
    return ALT_OK;
}

static alt_status check_rule(struct alt_infer *inf)
{
    bool decays, corrects;
    if (!read_rule(inf->node, &decays, &corrects))
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute update_rule must be linear, gated, delta or gated_delta");
    if (decays != alt_infer_has(inf, DECAY) || corrects != alt_infer_has(inf, BETA))
        return alt_infer_fail(inf, ALT_E_MODEL, "decay goes with the gated rules, beta with the delta rules");
    const int64_t heads = alt_attr_int(inf->node, "q_num_heads", 0), kv = alt_attr_int(inf->node, "kv_num_heads", 0);
    if (heads < 1 || kv < 1 || heads % kv)
        return alt_infer_fail(inf, ALT_E_MODEL, "q_num_heads must be a positive multiple of kv_num_heads");
    return ALT_OK;
}

/* The sizes that belong together; [batch, heads, key size, value size] in *state. */
static alt_status check_sizes(struct alt_infer *inf, struct alt_shape *state)
{
    const int64_t heads = alt_attr_int(inf->node, "q_num_heads", 1), kv = alt_attr_int(inf->node, "kv_num_heads", 1);
    const alt_dim q = inf->in[QUERY]->shape.dim[2], k = inf->in[KEY]->shape.dim[2], v = inf->in[VALUE]->shape.dim[2];
    if ((alt_dim_known(q) && q % heads) || (alt_dim_known(k) && k % kv) || (alt_dim_known(v) && v % kv))
        return alt_infer_fail(inf, ALT_E_SHAPE, "the last axis of query, key or value is no multiple of its heads");
    const alt_dim size = alt_dim_div(inf->dims, q, heads);
    *state = (struct alt_shape){4, {inf->in[QUERY]->shape.dim[0], kv, size, alt_dim_div(inf->dims, v, kv)}};
    if (differ(size, alt_dim_div(inf->dims, k, kv)))
        return alt_infer_fail(inf, ALT_E_SHAPE, "query and key differ in the size of a head");
    if (alt_infer_has(inf, DECAY) && alt_infer_rank(inf, DECAY) == 3 && differ(inf->in[DECAY]->shape.dim[2], kv) &&
        differ(inf->in[DECAY]->shape.dim[2], k))
        return alt_infer_fail(inf, ALT_E_SHAPE, "decay must have one element a head, or one for each of the key's");
    if (alt_infer_has(inf, BETA) && alt_infer_rank(inf, BETA) == 3 && differ(inf->in[BETA]->shape.dim[2], kv) &&
        differ(inf->in[BETA]->shape.dim[2], 1))
        return alt_infer_fail(inf, ALT_E_SHAPE, "beta must have one element, or one a head");
    if (!alt_infer_has(inf, PAST) || alt_infer_rank(inf, PAST) < 0)
        return ALT_OK;
    bool fits = alt_infer_rank(inf, PAST) == 4;
    for (int d = 0; fits && d < 4; d++)
        fits = !differ(inf->in[PAST]->shape.dim[d], state->dim[d]);
    return fits ? ALT_OK
                : alt_infer_fail(inf, ALT_E_SHAPE, "past_state must be [batch, kv heads, key size, value size]");
}

static alt_status infer(struct alt_infer *inf)
{
    struct alt_shape state = {.rank = -1}, out = {.rank = -1};
    for (int i = QUERY; i < inf->n_in; i++)
        if (i <= VALUE || alt_infer_has(inf, i))
            ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_FLOAT));
    ALT_CHECK(check_rule(inf));
    ALT_CHECK(check_tokens(inf));
    const alt_dtype dtype = inf->in[QUERY]->dtype;
    if (alt_infer_rank(inf, QUERY) == 3 && alt_infer_rank(inf, KEY) == 3 && alt_infer_rank(inf, VALUE) == 3) {
        ALT_CHECK(check_sizes(inf, &state));
        out = inf->in[QUERY]->shape;
        out.dim[2] = alt_dim_mul(inf->dims, state.dim[3], alt_attr_int(inf->node, "q_num_heads", 1));
    }
    alt_infer_set(inf, 0, dtype, &out);
    if (inf->n_out > 1)
        alt_infer_set(inf, 1, alt_infer_has(inf, PAST) ? inf->in[PAST]->dtype : dtype, &state);
    return ALT_OK;
}

struct part {
    int operand; /* 0 and not the query: none */
    size_t size;
    int64_t width; /* elements a token */
    alt_load_fn *load;
};

struct plan {
    struct part in[INPUTS];
    int64_t tokens, heads, kv_heads, key_size, value_size, blocks;
    float scale;
    bool decays, corrects, decay_each; /* decay_each: one for each element of the key */
    int out, state;
    size_t out_size, state_size;
    alt_store_fn *store, *store_state;
};

/* One block of columns of one head under way. */
struct tile {
    const struct plan *p;
    const struct alt_kargs *args;
    int64_t b, head, first, cols;
    float *state;                             /* [key_size][COLUMNS] */
    float *key, *query, *decay, *value, *sum; /* of one token */
};

/* `n` elements of the token's line of an input, from element `at` on. */
static void load_part(const struct tile *t, int i, int64_t token, int64_t at, int64_t n, float *out)
{
    const struct part *in = &t->p->in[i];
    const int64_t from = (t->b * t->p->tokens + token) * in->width + at;
    in->load(out, (const char *)t->args->operand[i].data + from * (int64_t)in->size, 1, n);
}

/* sum[j] = sum over d of x[d] S[d][j]. */
static void read_state(const struct tile *t, const float *x)
{
    for (int j = 0; j < COLUMNS; j++)
        t->sum[j] = 0;
    for (int64_t d = 0; d < t->p->key_size; d++) {
        const float *row = t->state + d * COLUMNS;
        ALT_IVDEP
        for (int j = 0; j < COLUMNS; j++)
            t->sum[j] += x[d] * row[j];
    }
}

static void update_state(const struct tile *t, int64_t token)
{
    const struct plan *p = t->p;
    const int64_t h = t->head;
    load_part(t, KEY, token, h * p->key_size, p->key_size, t->key);
    load_part(t, VALUE, token, h * p->value_size + t->first, t->cols, t->value);
    if (p->decays) {
        load_part(t, DECAY, token, p->decay_each ? h * p->key_size : h, p->decay_each ? p->key_size : 1, t->decay);
        for (int64_t d = 0; d < p->key_size; d++) {
            const float factor = alt_exp_f32(t->decay[p->decay_each ? d : 0]);
            for (int j = 0; j < COLUMNS; j++)
                t->state[d * COLUMNS + j] *= factor;
        }
    }
    if (p->corrects) {
        float beta;
        load_part(t, BETA, token, p->in[BETA].width == 1 ? 0 : h, 1, &beta);
        read_state(t, t->key);
        for (int j = 0; j < COLUMNS; j++)
            t->value[j] = beta * (t->value[j] - t->sum[j]);
    }
    for (int64_t d = 0; d < p->key_size; d++)
        for (int j = 0; j < COLUMNS; j++)
            t->state[d * COLUMNS + j] += t->key[d] * t->value[j];
}

static void write_outputs(const struct tile *t, int64_t token)
{
    const struct plan *p = t->p;
    const int64_t group = p->heads / p->kv_heads;
    for (int64_t h = t->head * group; h < (t->head + 1) * group; h++) {
        load_part(t, QUERY, token, h * p->key_size, p->key_size, t->query);
        read_state(t, t->query);
        for (int j = 0; j < COLUMNS; j++)
            t->sum[j] *= p->scale;
        const int64_t at = ((t->b * p->tokens + token) * p->heads + h) * p->value_size + t->first;
        p->store((char *)t->args->operand[p->out].data + at * (int64_t)p->out_size, 1, t->sum, t->cols);
    }
}

static void run_tile(const struct plan *p, const struct alt_kargs *args, int64_t index)
{
    struct tile t = {.p = p, .args = args, .first = index % p->blocks * COLUMNS};
    t.head = index / p->blocks % p->kv_heads;
    t.b = index / p->blocks / p->kv_heads;
    t.cols = p->value_size - t.first < COLUMNS ? p->value_size - t.first : COLUMNS;
    t.state = args->scratch;
    t.key = t.state + p->key_size * COLUMNS;
    t.query = t.key + p->key_size;
    t.decay = t.query + p->key_size;
    t.value = t.decay + p->key_size + 1;
    t.sum = t.value + COLUMNS;
    const int64_t at = (t.b * p->kv_heads + t.head) * p->key_size * p->value_size + t.first;
    memset(t.state, 0, (size_t)(p->key_size * COLUMNS) * sizeof *t.state);
    memset(t.value, 0, COLUMNS * sizeof *t.value);
    for (int64_t d = 0; p->in[PAST].operand && d < p->key_size; d++)
        p->in[PAST].load(t.state + d * COLUMNS,
                         (const char *)args->operand[PAST].data + (at + d * p->value_size) * (int64_t)p->in[PAST].size,
                         1, t.cols);
    for (int64_t i = 0; i < p->tokens; i++) {
        update_state(&t, i);
        write_outputs(&t, i);
    }
    for (int64_t d = 0; p->state && d < p->key_size; d++)
        p->store_state((char *)args->operand[p->state].data + (at + d * p->value_size) * (int64_t)p->state_size, 1,
                       t.state + d * COLUMNS, t.cols);
}

static void run(const struct alt_kargs *args)
{
    for (int64_t i = args->begin; i < args->end; i++)
        run_tile(args->params, args, i);
}

static void read_parts(struct plan *p, const struct alt_kernel_bind *b)
{
    for (int i = 0; i < INPUTS; i++) {
        const struct alt_operand *o = alt_operand_at(b->in, b->n_in, i);
        if (o)
            p->in[i] = (struct part){i, alt_dtype_size(o->dtype), o->dim[o->rank - 1], alt_wide_load(o->dtype)};
    }
    p->out = b->n_in;
    p->out_size = alt_dtype_size(b->out[0].dtype);
    p->store = alt_wide_store(ALT_WIDE_F32, b->out[0].dtype);
    if (!alt_operand_at(b->out, b->n_out, 1))
        return;
    p->state = b->n_in + 1;
    p->state_size = alt_dtype_size(b->out[1].dtype);
    p->store_state = alt_wide_store(ALT_WIDE_F32, b->out[1].dtype);
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    int64_t elements, bytes;
    if (!p)
        return ALT_E_NOMEM;
    read_parts(p, b);
    read_rule(b->node, &p->decays, &p->corrects);
    p->heads = alt_attr_int(b->node, "q_num_heads", 1);
    p->kv_heads = alt_attr_int(b->node, "kv_num_heads", 1);
    p->tokens = b->in[QUERY].dim[1];
    p->key_size = b->in[QUERY].dim[2] / p->heads;
    p->value_size = b->in[VALUE].dim[2] / p->kv_heads;
    p->decay_each = p->decays && p->in[DECAY].width != p->kv_heads;
    p->scale = alt_attr_float(b->node, "scale", 0);
    if (p->scale == 0)
        p->scale = 1 / sqrtf((float)(p->key_size ? p->key_size : 1));
    p->blocks = (p->value_size + COLUMNS - 1) / COLUMNS;
    const int64_t range = alt_dims_count(3, (const int64_t[]){b->in[QUERY].dim[0], p->kv_heads, p->blocks});
    if (range < 0 || __builtin_mul_overflow(p->key_size + 1, COLUMNS + 3, &elements) ||
        __builtin_mul_overflow(elements + 2 * COLUMNS, (int64_t)sizeof(float), &bytes))
        return alt_bind_fail(b, ALT_E_SHAPE, "too many elements");
    b->params = p;
    b->scratch = (size_t)bytes;
    b->range = range;
    b->flops = 8.0 * (double)range * COLUMNS * (double)p->tokens * (double)p->key_size;
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "linear_attention", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    for (int i = 0; i < sel->n_in; i++)
        if (sel->in[i].dtype != ALT_NONE && alt_wide_of(sel->in[i].dtype) != ALT_WIDE_F32)
            return alt_select_unsupported(sel);
    *out = &kernel;
    return ALT_OK;
}

const struct alt_op_impl alt_op_linear_attention = {.infer = infer, .select = choose};
