/* causal_conv.c: CausalConvWithState: each channel convolved with a kernel of its own over positions up to the present one;
 * the last positions are the state for the next call. An element is the bias, then taps in ascending order, in float32,
 * rounded once. */
#include "runtime/mem.h"
#include "runtime/ops/data.h"
#include "runtime/ops/wide.h"
#include "runtime/scalar_math.h"

#include <string.h>

enum { INPUT, WEIGHT, BIAS, PAST };
enum { TILE_WORK = 16384 };

static bool differ(alt_dim a, alt_dim b) { return alt_dim_known(a) && alt_dim_known(b) && a != b; }

static bool has_silu(const struct alt_node *n, bool *known)
{
    const char *name = alt_attr_text(n, "activation", "none");
    const bool silu = strcmp(name, "silu") == 0 || strcmp(name, "swish") == 0;
    *known = silu || strcmp(name, "none") == 0;
    return silu;
}

static alt_status infer(struct alt_infer *inf)
{
    bool known;
    for (int i = INPUT; i < inf->n_in; i++)
        if (alt_infer_has(inf, i) || i <= WEIGHT) {
            ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_FLOAT));
            ALT_CHECK(alt_infer_same_dtype(inf, INPUT, i));
        }
    has_silu(inf->node, &known);
    if (!known)
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute activation must be none, silu or swish");
    const struct alt_shape *x = &inf->in[INPUT]->shape, *w = &inf->in[WEIGHT]->shape;
    alt_infer_like(inf, 0, INPUT);
    if (x->rank < 0 || w->rank < 0) {
        if (inf->n_out > 1)
            alt_infer_set_rank(inf, 1, inf->in[INPUT]->dtype, 3);
        return ALT_OK;
    }
    if (x->rank != 3 || w->rank != 3 || differ(w->dim[0], x->dim[1]) || differ(w->dim[1], 1) || w->dim[2] == 0)
        return alt_infer_fail(inf, ALT_E_SHAPE, "input must be [batch, channels, length] and weight [channels, 1, k]");
    const struct alt_shape state = {3, {x->dim[0], x->dim[1], alt_dim_sub(inf->dims, w->dim[2], 1)}};
    if (inf->n_out > 1)
        alt_infer_set(inf, 1, inf->in[INPUT]->dtype, &state);
    if (alt_infer_has(inf, BIAS) && alt_infer_rank(inf, BIAS) >= 0 &&
        (alt_infer_rank(inf, BIAS) != 1 || differ(inf->in[BIAS]->shape.dim[0], x->dim[1])))
        return alt_infer_fail(inf, ALT_E_SHAPE, "bias must have one element a channel");
    if (!alt_infer_has(inf, PAST) || alt_infer_rank(inf, PAST) < 0)
        return ALT_OK;
    bool fits = alt_infer_rank(inf, PAST) == 3;
    for (int d = 0; fits && d < 3; d++)
        fits = !differ(inf->in[PAST]->shape.dim[d], state.dim[d]);
    return fits ? ALT_OK : alt_infer_fail(inf, ALT_E_SHAPE, "past_state must be [batch, channels, k - 1]");
}

struct plan {
    int64_t channels, length, k, lines, tile;
    bool bias, past, silu;
    int out, state; /* operands; state 0: not wanted */
    size_t size;
    alt_load_fn *load;
    alt_store_fn *store;
};

static void run_line(const struct plan *p, const struct alt_kargs *args, int64_t line)
{
    const int64_t size = (int64_t)p->size, c = line % p->channels, carried = p->k - 1;
    float *x = args->scratch, *y = x + carried + p->length, *w = y + p->length, bias = 0;
    if (p->past)
        p->load(x, (const char *)args->operand[PAST].data + line * carried * size, 1, carried);
    for (int64_t i = 0; !p->past && i < carried; i++)
        x[i] = 0;
    p->load(x + carried, (const char *)args->operand[INPUT].data + line * p->length * size, 1, p->length);
    p->load(w, (const char *)args->operand[WEIGHT].data + c * p->k * size, 1, p->k);
    if (p->bias)
        p->load(&bias, (const char *)args->operand[BIAS].data + c * size, 1, 1);
    for (int64_t i = 0; i < p->length; i++)
        y[i] = bias;
    for (int64_t j = 0; j < p->k; j++)
        for (int64_t i = 0; i < p->length; i++)
            y[i] += w[j] * x[i + j];
    for (int64_t i = 0; p->silu && i < p->length; i++)
        y[i] *= alt_sigmoid_f32(y[i]);
    p->store((char *)args->operand[p->out].data + line * p->length * size, 1, y, p->length);
    if (p->state)
        p->store((char *)args->operand[p->state].data + line * carried * size, 1, x + p->length, carried);
}

static void run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    for (int64_t i = args->begin * p->tile; i < args->end * p->tile && i < p->lines; i++)
        run_line(p, args, i);
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[INPUT];
    int64_t elements, bytes;
    bool known;
    if (!p)
        return ALT_E_NOMEM;
    p->channels = x->dim[1];
    p->length = x->dim[2];
    p->k = b->in[WEIGHT].dim[2];
    p->lines = alt_dims_count(2, x->dim);
    p->bias = alt_operand_at(b->in, b->n_in, BIAS) != NULL;
    p->past = alt_operand_at(b->in, b->n_in, PAST) != NULL;
    p->silu = has_silu(b->node, &known);
    p->out = b->n_in;
    p->state = alt_operand_at(b->out, b->n_out, 1) ? b->n_in + 1 : 0;
    p->size = alt_dtype_size(x->dtype);
    p->load = alt_wide_load(x->dtype);
    p->store = alt_wide_store(ALT_WIDE_F32, x->dtype);
    if (p->lines < 0 || __builtin_add_overflow(p->k, p->length, &elements) ||
        __builtin_mul_overflow(elements, 2 * (int64_t)sizeof(float), &bytes))
        return alt_bind_fail(b, ALT_E_SHAPE, "too many elements");
    p->tile = elements < TILE_WORK ? TILE_WORK / elements : 1;
    b->params = p;
    b->scratch = (size_t)bytes;
    b->range = p->lines ? (p->lines - 1) / p->tile + 1 : 0;
    b->flops = 2 * (double)p->lines * (double)p->length * (double)p->k;
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "causal_conv", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    if (alt_wide_of(sel->in[INPUT].dtype) != ALT_WIDE_F32)
        return alt_select_unsupported(sel);
    *out = &kernel;
    return ALT_OK;
}

const struct alt_op_impl alt_op_causal_conv = {.infer = infer, .select = choose};
