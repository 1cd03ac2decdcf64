/* random.c: Bernoulli, Multinomial, RandomNormal, RandomNormalLike, RandomUniform, RandomUniformLike.
 *
 * Number i of a node is a hash of its seed and i (SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number
 * generators", 2014), so that tiles may be made in any order. The seed is the attribute, else made from the node's name: a
 * run is a function of its inputs, and the same in every run. Normal numbers are Box and Muller's, from two uniform ones.
 */
#include "runtime/ops/data.h"
#include "runtime/ops/real.h"
#include "runtime/ops/wide.h"

#include <math.h>

enum { TILE = 4096 };

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t bits_at(uint64_t seed, uint64_t i) { return mix(seed + (i + 1) * UINT64_C(0x9e3779b97f4a7c15)); }

/* In [0, 1). */
static double uniform_at(uint64_t seed, uint64_t i) { return (double)(bits_at(seed, i) >> 11) * 0x1p-53; }

static double normal_at(uint64_t seed, uint64_t i)
{
    const double radius = 1 - uniform_at(seed, 2 * i), angle = 6.28318530717958647692 * uniform_at(seed, 2 * i + 1);
    return sqrt(-2 * log(radius)) * cos(angle);
}

static uint64_t seed_of(const struct alt_node *n)
{
    uint64_t seed = UINT64_C(0xcbf29ce484222325);
    if (alt_attr_has(n, "seed"))
        return mix(alt_bits_of_f32(alt_attr_float(n, "seed", 0)));
    for (const char *c = n->name; *c; c++)
        seed = (seed ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    return mix(seed);
}

struct plan {
    enum alt_op op;
    uint64_t seed;
    int64_t count;
    double base, scale;       /* low and width, or mean and deviation */
    int64_t classes, samples; /* Multinomial */
    alt_dtype input;
    int out;
    size_t size;
    alt_store_fn *store;
};

/* The class that a uniform number in [0, 1) falls on; probabilities are exp(x) over their sum. */
static double pick(const struct plan *p, const struct alt_kargs *args, int64_t i)
{
    const int64_t row = i / p->samples * p->classes;
    double most = -(double)INFINITY, sum = 0, reached = 0;
    for (int64_t c = 0; c < p->classes; c++)
        most = fmax(most, alt_real_get(p->input, args->operand[0].data, row + c));
    for (int64_t c = 0; c < p->classes; c++)
        sum += exp(alt_real_get(p->input, args->operand[0].data, row + c) - most);
    const double wanted = uniform_at(p->seed, (uint64_t)i) * sum;
    for (int64_t c = 0; c + 1 < p->classes; c++) {
        reached += exp(alt_real_get(p->input, args->operand[0].data, row + c) - most);
        if (wanted < reached)
            return (double)c;
    }
    return (double)(p->classes - 1);
}

static double number_at(const struct plan *p, const struct alt_kargs *args, int64_t i)
{
    switch (p->op) {
    case ALT_OP_BERNOULLI:
        return uniform_at(p->seed, (uint64_t)i) < alt_real_get(p->input, args->operand[0].data, i);
    case ALT_OP_MULTINOMIAL:
        return pick(p, args, i);
    case ALT_OP_RANDOM_NORMAL:
    case ALT_OP_RANDOM_NORMAL_LIKE:
        return p->base + p->scale * normal_at(p->seed, (uint64_t)i);
    default:
        return p->base + p->scale * uniform_at(p->seed, (uint64_t)i);
    }
}

static void run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    for (int64_t i = args->begin * TILE; i < args->end * TILE && i < p->count; i++) {
        const double number = number_at(p, args, i);
        p->store((char *)args->operand[p->out].data + (size_t)i * p->size, 1, &number, 1);
    }
}

static bool is_normal(enum alt_op op) { return op == ALT_OP_RANDOM_NORMAL || op == ALT_OP_RANDOM_NORMAL_LIKE; }

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    const double low = (double)alt_attr_float(b->node, "low", 0), high = (double)alt_attr_float(b->node, "high", 1);
    p->op = b->node->op;
    p->seed = seed_of(b->node);
    p->count = alt_operand_count(&b->out[0]);
    p->base = is_normal(p->op) ? (double)alt_attr_float(b->node, "mean", 0) : low;
    p->scale = is_normal(p->op) ? (double)alt_attr_float(b->node, "scale", 1) : high - low;
    if (p->op == ALT_OP_MULTINOMIAL) {
        p->classes = b->in[0].dim[1];
        p->samples = b->out[0].dim[1];
        if (p->classes < 1 && p->count)
            return alt_bind_fail(b, ALT_E_SHAPE, "there is no class to pick");
    }
    p->input = b->n_in ? b->in[0].dtype : ALT_NONE;
    p->out = b->n_in;
    p->size = alt_dtype_size(b->out[0].dtype);
    p->store = alt_wide_store(ALT_WIDE_F64, b->out[0].dtype);
    b->params = p;
    b->range = (p->count + TILE - 1) / TILE;
    b->flops = 50 * (double)p->count * (p->classes ? (double)p->classes : 1);
    return ALT_OK;
}

static alt_status infer_multinomial(struct alt_infer *inf, alt_dtype dtype)
{
    const int64_t samples = alt_attr_int(inf->node, "sample_size", 1);
    const struct alt_shape *x = &inf->in[0]->shape;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT));
    if (samples < 1 || (x->rank >= 0 && x->rank != 2) || (dtype != ALT_INT32 && dtype != ALT_INT64))
        return alt_infer_fail(inf, ALT_E_MODEL,
                              "it needs an input [batch, classes], a positive sample_size, and dtype int32 or "
                              "int64");
    const struct alt_shape out = {2, {x->rank == 2 ? x->dim[0] : alt_dim_unknown(inf->dims), samples}};
    alt_infer_set(inf, 0, dtype, &out);
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    const bool alone = inf->node->op == ALT_OP_RANDOM_NORMAL || inf->node->op == ALT_OP_RANDOM_UNIFORM;
    const bool multinomial = inf->node->op == ALT_OP_MULTINOMIAL;
    struct alt_shape shape = {.rank = 0};
    if (!alone)
        ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    const int64_t otherwise = alone ? ALT_FLOAT32 : multinomial ? ALT_INT32 : (int64_t)inf->in[0]->dtype;
    const int64_t dtype = alt_attr_int(inf->node, "dtype", otherwise);
    if (dtype < 0 || dtype > ALT_BFLOAT16 || (dtype != ALT_NONE && !alt_wide_store(ALT_WIDE_F64, (alt_dtype)dtype)))
        return alt_infer_fail(inf, ALT_E_UNSUPPORTED, "dtype %lld has no kernel", (long long)dtype);
    if (multinomial)
        return infer_multinomial(inf, (alt_dtype)dtype);
    if (inf->node->op == ALT_OP_BERNOULLI)
        ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT));
    if (!alone) {
        alt_infer_set(inf, 0, (alt_dtype)dtype, &inf->in[0]->shape);
        return ALT_OK;
    }
    const int64_t *dims, rank = alt_attr_ints(inf->node, "shape", &dims);
    if (rank > ALT_MAX_RANK)
        return alt_infer_fail(inf, ALT_E_UNSUPPORTED, "a shape of more than %d axes", ALT_MAX_RANK);
    shape.rank = (int)rank;
    for (int d = 0; d < shape.rank; d++) {
        if (dims[d] < 0)
            return alt_infer_fail(inf, ALT_E_MODEL, "an extent of shape is negative");
        shape.dim[d] = dims[d];
    }
    alt_infer_set(inf, 0, (alt_dtype)dtype, &shape);
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "random", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_wide_store(ALT_WIDE_F64, sel->out[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_random = {.infer = infer, .select = choose};
