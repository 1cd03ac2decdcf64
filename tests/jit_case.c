/* jit_case.c: see jit_case.h. */
#include "tests/jit_case.h"

#include "tests/cmocka_all.h"
#include "tests/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- shapes ---- */

static void conv_dims(const struct alt_conv_desc *c, struct jit_operand *o)
{
    const int64_t out[2] = {alt_conv_desc_out(c, 0), alt_conv_desc_out(c, 1)};
    const int64_t *spatial = o->role == ALT_ROLE_INPUT ? c->in : o->role == ALT_ROLE_WEIGHT ? c->kernel : out;

    o->rank = 2 + c->rank;
    o->dim[0] = o->role == ALT_ROLE_WEIGHT ? c->o : c->n;
    o->dim[1] = o->role == ALT_ROLE_INPUT || o->role == ALT_ROLE_WEIGHT ? c->c : c->o;
    for (int i = 0; i < c->rank; i++)
        o->dim[2 + i] = spatial[2 - c->rank + i];
    if (o->role == ALT_ROLE_BIAS) {
        o->rank = 1;
        o->dim[0] = c->o;
    }
}

static void product_dims(const struct alt_product_desc *p, struct jit_operand *o)
{
    const bool batched = p->batch > 1;
    int64_t row = p->m, col = o->role == ALT_ROLE_INPUT ? p->k : p->n;

    if (o->role == ALT_ROLE_WEIGHT) {
        row = p->transposed ? p->n : p->k;
        col = p->transposed ? p->k : p->n;
    }
    o->rank = o->role == ALT_ROLE_BIAS ? 1 : 2 + batched;
    const int64_t dim[3] = {p->batch, row, col};
    for (int i = 0; i < o->rank; i++)
        o->dim[i] = dim[3 - o->rank + i];
}

static const struct jit_operand *find(const struct jit_case *c, enum alt_desc_role role)
{
    for (int i = 0; i < c->n; i++)
        if (c->operand[i].role == role)
            return &c->operand[i];
    return NULL;
}

/* ---- plain loops ---- */

static float step(const struct jit_case *c, float sum, float x, float w)
{
    const volatile float product = x * w;
    return c->fused ? fmaf(x, w, sum) : sum + product;
}

static float epilogue(const struct jit_case *c, float sum, int64_t channel, int64_t at)
{
    const struct alt_epilogue *e = &c->desc.epilogue;

    if (e->bias)
        sum += find(c, ALT_ROLE_BIAS)->value[channel];
    if (e->add)
        sum += find(c, ALT_ROLE_ADD)->value[at];
    if (e->activation == ALT_ACT_RELU)
        sum = sum < 0 ? 0 : sum;
    if (e->activation == ALT_ACT_CLIP) {
        sum = sum < e->lo ? e->lo : sum;
        sum = sum > e->hi ? e->hi : sum;
    }
    return sum;
}

static float conv_sum(const struct jit_case *c, int64_t n, int64_t o, int64_t oh, int64_t ow)
{
    const struct alt_conv_desc *k = &c->at.conv;
    const float *x = c->operand[0].value, *w = c->operand[1].value + o * k->c * k->kernel[0] * k->kernel[1];
    float sum = 0;

    for (int64_t ch = 0; ch < k->c; ch++)
        for (int64_t kh = 0; kh < k->kernel[0]; kh++)
            for (int64_t kw = 0; kw < k->kernel[1]; kw++) {
                const int64_t h = oh * k->stride[0] - k->begin[0] + kh * k->dilation[0];
                const int64_t v = ow * k->stride[1] - k->begin[1] + kw * k->dilation[1];
                const bool inside = h >= 0 && h < k->in[0] && v >= 0 && v < k->in[1];
                sum = step(c, sum, inside ? x[((n * k->c + ch) * k->in[0] + h) * k->in[1] + v] : 0, *w++);
            }
    return sum;
}

static void conv_reference(const struct jit_case *c, float *y)
{
    const struct alt_conv_desc *k = &c->at.conv;
    const int64_t height = alt_conv_desc_out(k, 0), width = alt_conv_desc_out(k, 1);
    int64_t at = 0;

    for (int64_t n = 0; n < k->n; n++)
        for (int64_t o = 0; o < k->o; o++)
            for (int64_t h = 0; h < height; h++)
                for (int64_t w = 0; w < width; w++, at++)
                    y[at] = epilogue(c, conv_sum(c, n, o, h, w), o, at);
}

static void product_reference(const struct jit_case *c, float *y)
{
    const struct alt_product_desc *p = &c->at.product;
    int64_t at = 0;

    for (int64_t b = 0; b < p->batch; b++)
        for (int64_t i = 0; i < p->m; i++)
            for (int64_t j = 0; j < p->n; j++, at++) {
                const float *x = c->operand[0].value + (b * p->m + i) * p->k,
                            *w = c->operand[1].value + b * p->k * p->n;
                float sum = 0;
                for (int64_t k = 0; k < p->k; k++)
                    sum = step(c, sum, x[k], p->transposed ? w[j * p->k + k] : w[k * p->n + j]);
                y[at] = epilogue(c, sum, j, at);
            }
}

/* ---- cases ---- */

static void fill(struct jit_operand *o, struct rng *r)
{
    for (int64_t i = 0; i < o->count; i++)
        o->value[i] = (float)rng_range(r, -1000, 1000) / 701.0f;
    if (o->count > 3 && o->role != ALT_ROLE_WEIGHT) { /* what is not finite, and small, must come through */
        o->value[rng_range(r, 0, o->count - 1)] = INFINITY;
        o->value[rng_range(r, 0, o->count - 1)] = 1e-42f;
    }
    if (o->count > 50 && o->role == ALT_ROLE_WEIGHT) /* padding times infinity is not a number */
        o->value[rng_range(r, 0, o->count - 1)] = -INFINITY;
}

void jit_case_open(struct jit_case *c, const char *text, uint64_t seed, bool fused)
{
    enum alt_desc_role role[ALT_DESC_MAX_OPERANDS];
    struct rng r = rng_seed(seed);

    memset(c, 0, sizeof *c);
    alt_mem_init(&c->mem, NULL, 0);
    alt_arena_init(&c->arena, &c->mem);
    c->fused = fused;
    if (alt_desc_parse(text, &c->desc) != ALT_OK)
        fail_msg("not a descriptor: %s", text);
    const int64_t typical = c->desc.kind == ALT_DESC_CONV ? c->desc.conv.n : c->desc.product.m;
    c->any = 1 + (int64_t)(seed % (uint64_t)(2 * typical));
    c->at = alt_desc_at(&c->desc, c->any);
    c->n = alt_desc_operands(&c->desc, role);
    for (int i = 0; i < c->n; i++) {
        struct jit_operand *o = &c->operand[i];
        o->role = role[i];
        if (c->desc.kind == ALT_DESC_CONV)
            conv_dims(&c->at.conv, o);
        else
            product_dims(&c->at.product, o);
        assert_true(alt_desc_fits(&c->at, o->role, o->rank, o->dim));
        o->count = 1;
        for (int d = 0; d < o->rank; d++)
            o->count *= o->dim[d];
        o->value = alt_arena_array(&c->arena, (size_t)o->count, sizeof *o->value);
        assert_non_null(o->value);
        fill(o, &r);
    }
    if (c->desc.kind == ALT_DESC_CONV)
        conv_reference(c, c->operand[c->n - 1].value);
    else
        product_reference(c, c->operand[c->n - 1].value);
}

void jit_case_close(struct jit_case *c) { alt_arena_free(&c->arena); }

/* ---- memory ---- */

static int64_t place(const struct alt_layout_map *map, const struct jit_operand *o, int64_t at)
{
    int64_t logical[ALT_MAX_RANK], phys[ALT_MAX_PHYSICAL_RANK], offset = 0;

    for (int d = o->rank - 1; d >= 0; d--) {
        logical[d] = at % o->dim[d];
        at /= o->dim[d];
    }
    alt_layout_forward(map, logical, phys);
    for (int d = 0; d < map->phys_rank; d++)
        offset = offset * map->phys_extent[d] + phys[d];
    return offset;
}

void jit_memory_open(struct jit_memory *m, struct jit_case *c, const struct alt_variant *v)
{
    const struct alt_layout *layout[ALT_DESC_MAX_OPERANDS];

    memset(m, 0, sizeof *m);
    m->c = c;
    assert_int_equal(alt_variant_layouts(&c->desc, v, &c->arena, layout), ALT_OK);
    for (int i = 0; i < c->n; i++) {
        const struct jit_operand *o = &c->operand[i];
        int64_t count = 1;
        assert_int_equal(alt_layout_bind(layout[i], o->rank, o->dim, &m->map[i]), ALT_OK);
        for (int d = 0; d < m->map[i].phys_rank; d++)
            count *= m->map[i].phys_extent[d];
        m->block[i] = kc_block_make((size_t)count * sizeof(float), sizeof(float), true, 0xff); /* all NaN */
        m->data[i] = m->block[i].data;
        for (int64_t e = 0; i < c->n - 1 && e < o->count; e++)
            ((float *)m->data[i])[place(&m->map[i], o, e)] = o->value[e];
    }
}

void jit_memory_close(struct jit_memory *m)
{
    for (int i = 0; i < m->c->n; i++)
        kc_block_free(&m->block[i]);
}

void jit_memory_spoil(struct jit_memory *m)
{
    struct kc_block *out = &m->block[m->c->n - 1];
    memset(out->data, 0xff, out->bytes);
}

static bool same(float a, float b) { return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0; }

void jit_memory_check(struct jit_memory *m, const char *what)
{
    const struct jit_operand *o = &m->c->operand[m->c->n - 1];
    const float *y = m->data[m->c->n - 1];

    for (int64_t e = 0; e < o->count; e++) {
        const float got = y[place(&m->map[m->c->n - 1], o, e)];
        if (!same(got, o->value[e]))
            fail_msg("%s: element %lld is %a, not %a", what, (long long)e, (double)got, (double)o->value[e]);
    }
    for (int i = 0; i < m->c->n; i++)
        if (!kc_block_sound(&m->block[i]))
            fail_msg("%s: memory around operand %d was written", what, i);
}
