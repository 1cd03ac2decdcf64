/* variadic.c: Min, Max, Sum, Mean of any number of broadcast inputs.
 *
 * Order of accumulation: inputs first to last, one element at a time; float16 and bfloat16 in float32, rounded once at the
 * end; Mean divides the sum. Min and Max give NaN where an input has one.
 */
#include "runtime/ops/pointwise.h"

#include "runtime/ops/content.h"

#include <string.h>

/* out[i] = f(out[i], in[0][i * step]): the output is the accumulator. */
#define FOLD(name, T, f) \
    ALT_LOOP(name, (const struct alt_loop *l), (l), { \
        const T *in = l->in[0]; T *out = l->out; const int64_t n = l->n; \
        if (!l->step[0]) { const T y = in[0]; for (int64_t i = 0; i < n; i++) out[i] = f(out[i], y); } \
        else { ALT_IVDEP for (int64_t i = 0; i < n; i++) out[i] = f(out[i], in[i]); } })
#define FOLD_ALL(name, f) \
    FOLD(name##_f32, float, f) FOLD(name##_f64, double, f) FOLD(name##_i64, int64_t, f) FOLD(name##_u64, uint64_t, f)

#define MIN(x, y) ((x) < (y) || (x) != (x) ? (x) : (y))
#define MAX(x, y) ((x) > (y) || (x) != (x) ? (x) : (y))
#define ADD(x, y) ((x) + (y))
FOLD_ALL(min, MIN)
FOLD_ALL(max, MAX)
FOLD(sum_f32, float, ADD)
FOLD(sum_f64, double, ADD)

static int bind(struct alt_kernel_bind *b);
static void run(const struct alt_kargs *args);

#define KERNEL(title) {.name = title, .fn = run, .bind = bind, .flags = ALT_KERNEL_STRIDED | ALT_KERNEL_INPLACE}
static const struct alt_pointwise_row table[] = {
    {ALT_OP_MIN, KERNEL("min"), {min_f32, min_f64, min_i64, min_u64}, 1},
    {ALT_OP_MAX, KERNEL("max"), {max_f32, max_f64, max_i64, max_u64}, 1},
    {ALT_OP_SUM, KERNEL("sum"), {sum_f32, sum_f64, NULL, NULL}, 1},
    {ALT_OP_MEAN, KERNEL("mean"), {sum_f32, sum_f64, NULL, NULL}, 1},
};

static const struct alt_pointwise_row *row_of(const struct alt_node *n)
{
    return alt_pointwise_row(table, sizeof table / sizeof *table, n->op);
}

static void divide(void *acc, enum alt_wide wide, int64_t n, int count)
{
    float *f = acc;
    double *d = acc;
    for (int64_t i = 0; i < n; i++) {
        if (wide == ALT_WIDE_F32)
            f[i] /= (float)count;
        else
            d[i] /= count;
    }
}

/* Copies the first input's elements to the accumulator. */
static void start(void *acc, const void *in, int64_t step, int64_t n, size_t size)
{
    if (step)
        memcpy(acc, in, (size_t)n * size);
    else
        alt_raw_load(size)(acc, in, 0, n);
}

static void run_tile(const struct alt_pointwise *p, const struct alt_kargs *args, int64_t begin, int64_t end)
{
    _Alignas(64) char acc[ALT_POINTWISE_BLOCK * ALT_WIDE_SIZE], block[ALT_POINTWISE_BLOCK * ALT_WIDE_SIZE];
    const enum alt_op op = *(const enum alt_op *)p->param;
    const size_t size = p->operand[p->n_in].loop_size;
    struct alt_pointwise_cursor c;
    alt_pointwise_seek(p, begin, &c);
    while (c.at < end) {
        struct alt_loop loop = {.n = alt_pointwise_span(p, &c, end), .out = acc, .fault = args->fault};
        if (loop.n > ALT_POINTWISE_BLOCK)
            loop.n = ALT_POINTWISE_BLOCK;
        for (int k = 0; k < p->n_in; k++) {
            loop.in[0] = alt_pointwise_fetch(p, k, args, &c, loop.n, block, &loop.step[0]);
            if (k == 0)
                start(acc, loop.in[0], loop.step[0], loop.n, size);
            else
                p->loop(&loop);
        }
        if (op == ALT_OP_MEAN)
            divide(acc, size == sizeof(float) ? ALT_WIDE_F32 : ALT_WIDE_F64, loop.n, p->n_in);
        alt_pointwise_put(p, args, &c, loop.n, acc);
        alt_pointwise_advance(p, &c, loop.n);
    }
}

static void run(const struct alt_kargs *args)
{
    const struct alt_pointwise *p = args->params;
    for (int64_t t = args->begin; t < args->end; t++) {
        const int64_t end = (t + 1) * ALT_POINTWISE_TILE;
        run_tile(p, args, t * ALT_POINTWISE_TILE, end < p->total ? end : p->total);
    }
}

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_pointwise_row *row = row_of(b->node);
    const struct alt_pointwise_spec spec = {.loop = row->loop[alt_wide_of(b->in[0].dtype)], .param = &row->op,
                                            .scalars = ~0u, .most_scalars = b->n_in, .cost = b->n_in};
    return alt_pointwise_bind(b, &spec);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    return alt_pointwise_select(sel, row_of(sel->node), out);
}

static alt_status infer(struct alt_infer *inf)
{
    const enum alt_op op = inf->node->op;
    const bool ordered = op == ALT_OP_MIN || op == ALT_OP_MAX;
    for (int i = 0; i < inf->n_in; i++) {
        ALT_CHECK(alt_infer_expect(inf, i, ordered ? ALT_CLASS_NUMBER : ALT_CLASS_FLOAT));
        ALT_CHECK(alt_infer_same_dtype(inf, 0, i));
    }
    ALT_CHECK(alt_pointwise_infer(inf, inf->in[0]->dtype));
    if (ordered && inf->n_in == 1)
        return alt_content_same(inf);
    if (ordered && inf->n_in == 2)
        return alt_content_zip(inf, op == ALT_OP_MIN ? alt_content_min : alt_content_max);
    return ALT_OK;
}

const struct alt_op_impl alt_op_variadic = {.infer = infer, .select = choose};
