/* loss.c: NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss, which takes the logarithm of the softmax over the classes
 * first (in the order of softmax.c).
 *
 * Without reduction every position is on its own. Sums and means run through the positions in ascending order in float64, on
 * one thread; a mean divides by the sum of the weights of the classes that were meant.
 */
#include "runtime/mem.h"
#include "runtime/ops/data.h"
#include "runtime/ops/vec.h"

#include <string.h>

enum { SCORES, TARGET, WEIGHT };
enum reduction { NONE, SUM, MEAN, REDUCTIONS };
enum { TILE_WORK = 16384 };

static enum reduction reduction_of(const struct alt_node *n)
{
    static const char *const names[] = {"none", "sum", "mean"};
    const char *name = alt_attr_text(n, "reduction", "mean");
    int i = 0;
    while (i < REDUCTIONS && strcmp(names[i], name) != 0)
        i++;
    return (enum reduction)i;
}

static bool differ(alt_dim a, alt_dim b) { return alt_dim_known(a) && alt_dim_known(b) && a != b; }

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, SCORES, ALT_CLASS_FLOAT));
    ALT_CHECK(alt_infer_indices(inf, TARGET));
    ALT_CHECK(alt_infer_same_dtype(inf, SCORES, WEIGHT));
    const struct alt_shape *x = &inf->in[SCORES]->shape, *target = &inf->in[TARGET]->shape;
    const enum reduction reduction = reduction_of(inf->node);
    if (reduction == REDUCTIONS)
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute reduction must be none, sum or mean");
    if (x->rank >= 0 && (x->rank < 2 || (target->rank >= 0 && target->rank != x->rank - 1)))
        return alt_infer_fail(inf, ALT_E_SHAPE, "input 0 must have two axes or more, and one more than the target");
    for (int d = 0; x->rank > 0 && d < target->rank; d++)
        if (differ(target->dim[d], x->dim[d ? d + 1 : 0]))
            return alt_infer_fail(inf, ALT_E_SHAPE, "the target differs from input 0 along axis %d", d);
    if (alt_infer_has(inf, WEIGHT) && alt_infer_rank(inf, WEIGHT) >= 0 &&
        (alt_infer_rank(inf, WEIGHT) != 1 || (x->rank > 0 && differ(inf->in[WEIGHT]->shape.dim[0], x->dim[1]))))
        return alt_infer_fail(inf, ALT_E_SHAPE, "the weights must be one for each class");
    const struct alt_shape scalar = {.rank = 0};
    alt_infer_set(inf, 0, inf->in[SCORES]->dtype, reduction == NONE ? target : &scalar);
    if (inf->n_out > 1)
        alt_infer_set(inf, 1, inf->in[SCORES]->dtype, x);
    return ALT_OK;
}

struct plan {
    enum reduction reduction;
    enum alt_wide wide;
    size_t size, real;
    int64_t classes, inner, count, tile; /* positions: count, inner of them a batch */
    bool softmax, has_ignored, wide_target;
    int64_t ignored;
    int weight, out, log_out; /* operands; weight and log_out 0: none */
    alt_load_fn *load;
    alt_store_fn *store;
};

/* The loss of a position and the weight it has. */
static double loss_of(const struct plan *p, const struct alt_kargs *args, int64_t position, double *weight)
{
    _Alignas(8) char one[ALT_WIDE_SIZE];
    const struct alt_indices targets = alt_indices_of(&args->operand[TARGET], p->wide_target);
    const int64_t size = (int64_t)p->size, at = position / p->inner * p->inner * p->classes + position % p->inner;
    const int64_t target = alt_index_at(&targets, position);
    const char *x = (const char *)args->operand[SCORES].data + at * size;
    const bool ignored = p->has_ignored && target == p->ignored, inside = target >= 0 && target < p->classes;
    void *line = args->scratch;
    *weight = 0;
    if (p->softmax && (p->log_out || !ignored)) {
        p->load(line, x, p->inner, p->classes);
        const double m = alt_vec_max(p->wide, line, p->classes), sum = alt_vec_sum_exp(p->wide, line, p->classes, m);
        alt_vec_subtract(p->wide, line, p->classes, m);
        alt_vec_subtract(p->wide, line, p->classes, alt_scalar_log(p->wide, sum));
    }
    if (p->log_out)
        p->store((char *)args->operand[p->log_out].data + at * size, p->inner, line, p->classes);
    if (!ignored && !inside)
        alt_fault(args, ALT_FAULT_INDEX);
    if (ignored || !inside)
        return 0;
    *weight = 1;
    if (p->weight) {
        p->load(one, (const char *)args->operand[p->weight].data + target * size, 1, 1);
        *weight = alt_vec_get(p->wide, one, 0);
    }
    if (p->softmax)
        return -alt_vec_get(p->wide, line, target) * *weight;
    p->load(one, x + target * p->inner * size, 1, 1);
    return -alt_vec_get(p->wide, one, 0) * *weight;
}

static void put(const struct plan *p, const struct alt_kargs *args, int64_t at, double value)
{
    _Alignas(8) char one[ALT_WIDE_SIZE];
    alt_vec_set(p->wide, one, 0, value);
    p->store((char *)args->operand[p->out].data + at * (int64_t)p->size, 1, one, 1);
}

static void run_each(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    double weight;
    for (int64_t i = args->begin * p->tile; i < args->end * p->tile && i < p->count; i++)
        put(p, args, i, loss_of(p, args, i, &weight));
}

static void run_reduced(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    double sum = 0, weights = 0, weight;
    for (int64_t i = 0; i < p->count; i++) {
        sum += loss_of(p, args, i, &weight);
        weights += weight;
    }
    put(p, args, 0, p->reduction == MEAN ? sum / weights : sum);
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[SCORES];
    if (!p)
        return ALT_E_NOMEM;
    p->reduction = reduction_of(b->node);
    p->softmax = b->node->op == ALT_OP_SOFTMAX_CROSS_ENTROPY_LOSS;
    p->wide = alt_wide_of(x->dtype);
    p->size = alt_dtype_size(x->dtype);
    p->real = alt_wide_size(p->wide);
    p->classes = x->dim[1];
    p->inner = alt_dims_count(x->rank - 2, x->dim + 2);
    p->count = alt_operand_count(&b->in[TARGET]);
    p->has_ignored = alt_attr_has(b->node, "ignore_index");
    p->ignored = alt_attr_int(b->node, "ignore_index", 0);
    p->wide_target = b->in[TARGET].dtype == ALT_INT64;
    p->weight = alt_operand_at(b->in, b->n_in, WEIGHT) ? WEIGHT : 0;
    p->out = b->n_in;
    p->log_out = alt_operand_at(b->out, b->n_out, 1) ? b->n_in + 1 : 0;
    p->load = alt_wide_load(x->dtype);
    p->store = alt_wide_store(p->wide, x->dtype);
    p->tile = p->softmax && p->classes < TILE_WORK ? TILE_WORK / (p->classes + 1) + 1 : p->softmax ? 1 : TILE_WORK;
    int64_t bytes;
    if (p->inner < 0 || __builtin_mul_overflow(p->classes, (int64_t)p->real, &bytes))
        return alt_bind_fail(b, ALT_E_SHAPE, "too many elements");
    b->params = p;
    b->scratch = p->softmax ? (size_t)bytes : 0;
    b->range = p->reduction == NONE ? (p->count + p->tile - 1) / p->tile : 1;
    b->flops = (double)p->count * (p->softmax ? 30 * (double)p->classes : 10);
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel each = {.name = "loss", .fn = run_each, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    static const struct alt_kernel reduced = {
        .name = "loss_reduced", .fn = run_reduced, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    const enum alt_wide wide = alt_wide_of(sel->in[SCORES].dtype);
    if (wide != ALT_WIDE_F32 && wide != ALT_WIDE_F64)
        return alt_select_unsupported(sel);
    *out = reduction_of(sel->node) == NONE ? &each : &reduced;
    return ALT_OK;
}

const struct alt_op_impl alt_op_loss = {.infer = infer, .select = choose};
