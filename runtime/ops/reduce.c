/* reduce.c: ReduceSum, Mean, Prod, Max, Min, L1, L2, SumSquare, LogSum, LogSumExp.
 *
 * Order of accumulation: element i of the reduced axes, numbered row-major, goes to lane i mod 16 (ALT_LANES), ascending;
 * of a shorter reduction only as many lanes as its length rounded up to a power of two. Then lane j takes lane j + h for
 * h = 8, 4, 2, 1. Any layout of the input and any number of threads gives these bits. float16, bfloat16 and float32
 * accumulate in float32 and are rounded at the end; integers wrap around in their width, Mean of them truncates, and L2,
 * LogSum and LogSumExp of them are computed in float64. LogSumExp first finds the largest element m and sums exp(x - m).
 * Reductions of nothing give the fold's identity, Mean of nothing NaN (0 for integers).
 *
 * A strip is up to STRIP neighbouring outputs. Where neighbouring outputs have neighbouring inputs, or lines are short, their lanes
 * are accumulated side by side ("across"), else one line after the other.
 */
#include "runtime/ops/lines.h"

#include "runtime/mem.h"
#include "runtime/ops/fold.h"
#include "runtime/ops/loop.h"
#include "runtime/scalar_math.h"

#include <math.h>
#include <string.h>

enum { STRIP = 64, CHUNK = 1024, TILE_WORK = 16384, SHORT = 8 };

enum finish { FINISH_NONE, FINISH_MEAN, FINISH_ROOT, FINISH_LOG, FINISH_LOG_EXP };

struct row {
    enum alt_op op;
    struct alt_kernel kernel;
    enum alt_fold fold;
    enum finish finish;
    bool real; /* of integers computed in float64 */
};

struct reduce {
    struct alt_lines lines;
    enum alt_fold fold;
    enum finish finish;
    enum alt_wide wide;        /* what is accumulated */
    alt_dtype dtype;           /* of the elements */
    alt_dtype acc_dtype;       /* whose identity the accumulators start from */
    size_t size, natural_size; /* bytes of an element, of its wide type */
    size_t acc_size;           /* bytes of an accumulator */
    alt_load_fn *load;
    alt_store_fn *convert;     /* from the natural wide type to `wide`; NULL: they are one */
    alt_store_fn *store;
    bool direct;               /* elements lie in memory as they are accumulated */
    bool across;
    int lanes;
    int64_t step;              /* from a line to its neighbour, elements of the input */
    int64_t inner, strip, strips_a_row, strips, strips_a_tile;
};

/* Elements of n neighbouring lines as accumulators want them; `block` and `spare` hold n wide elements each. */
static const void *fetch(const struct reduce *r, const void *data, int64_t n, void *block, void *spare)
{
    if (r->direct && r->step == 1)
        return data;
    r->load(r->convert ? spare : block, data, r->step, n);
    if (r->convert)
        r->convert(block, 1, spare, n);
    return block;
}

/* out[i] = exp(x[i] - shift[i * step]). */
static void exp_shifted(enum alt_wide wide, void *out, const void *x, int64_t n, const void *shift, int64_t step)
{
    if (wide == ALT_WIDE_F32) {
        ALT_IVDEP
        for (int64_t i = 0; i < n; i++)
            ((float *)out)[i] = alt_exp_f32(((const float *)x)[i] - ((const float *)shift)[i * step]);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        ((double *)out)[i] = exp(((const double *)x)[i] - ((const double *)shift)[i * step]);
}

/* The tree over `lanes` rows of `width` accumulators; the result is in the first row. */
static void join_lanes(const struct reduce *r, enum alt_fold fold, char *acc, int64_t width)
{
    for (int h = r->lanes / 2; h > 0; h /= 2)
        alt_fold_join(fold, r->wide, acc, acc + (size_t)h * (size_t)width * r->acc_size, h * width);
}

/* One line into *result. `shift` not NULL: of exp(x - *shift). */
static void fold_line(const struct reduce *r, enum alt_fold fold, const char *data, const void *shift, void *result)
{
    _Alignas(64) char block[CHUNK * ALT_WIDE_SIZE], spare[CHUNK * ALT_WIDE_SIZE], acc[ALT_LANES * ALT_WIDE_SIZE];
    const bool dense = r->direct && !shift && alt_lines_dense(&r->lines, ALT_LINE_IN);
    alt_fold_fn *loop = alt_fold_loop(fold, r->wide);
    if (dense && r->lines.length) {
        alt_fold_line(fold, r->wide)(data, r->lines.length, result);
        return;
    }
    alt_fold_identity(fold, r->acc_dtype, acc, ALT_LANES);
    for (int64_t at = 0; at < r->lines.length; at += CHUNK) {
        const int64_t left = r->lines.length - at, n = left < CHUNK ? left : CHUNK;
        alt_lines_gather(&r->lines, ALT_LINE_IN, r->load, r->size, data, at, n, r->convert ? spare : block, r->natural_size);
        if (r->convert)
            r->convert(block, 1, spare, n);
        if (shift)
            exp_shifted(r->wide, block, block, n, shift, 0);
        loop(acc, ALT_LANES, block, n);
    }
    join_lanes(r, fold, acc, 1);
    memcpy(result, acc, r->acc_size);
}

/* `width` neighbouring lines at once. */
static void fold_across(const struct reduce *r, enum alt_fold fold, const char *data, int64_t width, const void *shift,
                        void *result)
{
    _Alignas(64) char acc[ALT_LANES * STRIP * ALT_WIDE_SIZE], block[STRIP * ALT_WIDE_SIZE], spare[STRIP * ALT_WIDE_SIZE];
    alt_fold_fn *loop = alt_fold_loop(fold, r->wide);
    alt_fold_identity(fold, r->acc_dtype, acc, r->lanes * width);
    for (int64_t i = 0; i < r->lines.length; i++) {
        const char *from = data + alt_axes_offset(&r->lines.line, 0, i) * (int64_t)r->size;
        const void *x = fetch(r, from, width, block, spare);
        if (shift) {
            exp_shifted(r->wide, block, x, width, shift, 1);
            x = block;
        }
        loop(acc + (size_t)(i % ALT_LANES) * (size_t)width * r->acc_size, width, x, width);
    }
    join_lanes(r, fold, acc, width);
    memcpy(result, acc, (size_t)width * r->acc_size);
}

static void fold_strip(const struct reduce *r, enum alt_fold fold, const char *data, int64_t width, const void *shift,
                       char *result)
{
    if (r->across) {
        fold_across(r, fold, data, width, shift, result);
        return;
    }
    for (int64_t i = 0; i < width; i++)
        fold_line(r, fold, data + i * r->step * (int64_t)r->size, shift ? (const char *)shift + (size_t)i * r->acc_size : NULL,
                  result + (size_t)i * r->acc_size);
}

#define FINISH(name, T, LOG, ROOT) \
    static void name(const struct reduce *r, T *x, const T *shift, int64_t n) { \
        const T length = (T)r->lines.length; \
        for (int64_t i = 0; i < n; i++) switch (r->finish) { \
            case FINISH_MEAN: x[i] /= length; break; case FINISH_ROOT: x[i] = ROOT(x[i]); break; \
            case FINISH_LOG: x[i] = LOG(x[i]); break; case FINISH_LOG_EXP: x[i] = LOG(x[i]) + shift[i]; break; default: break; } }
FINISH(finish_f32, float, alt_log_f32, sqrtf)
FINISH(finish_f64, double, log, sqrt)

static void finish_int(const struct reduce *r, void *x, int64_t n)
{
    if (r->finish != FINISH_MEAN)
        return;
    for (int64_t i = 0; i < n; i++) {
        if (r->wide == ALT_WIDE_I64)
            ((int64_t *)x)[i] = r->lines.length ? ((int64_t *)x)[i] / r->lines.length : 0;
        else
            ((uint64_t *)x)[i] = r->lines.length ? ((uint64_t *)x)[i] / (uint64_t)r->lines.length : 0;
    }
}

static void finish_strip(const struct reduce *r, void *x, const void *shift, int64_t n)
{
    if (r->wide == ALT_WIDE_F32)
        finish_f32(r, x, shift, n);
    else if (r->wide == ALT_WIDE_F64)
        finish_f64(r, x, shift, n);
    else
        finish_int(r, x, n);
}

/* Infinite shifts would make NaN of infinity minus infinity: exp takes them as they are. */
static void finite_shift(enum alt_wide wide, void *shift, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (wide == ALT_WIDE_F32 && isinf(((float *)shift)[i]))
            ((float *)shift)[i] = 0;
        else if (wide == ALT_WIDE_F64 && isinf(((double *)shift)[i]))
            ((double *)shift)[i] = 0;
    }
}

static void run_strip(const struct reduce *r, const struct alt_kargs *args, int64_t strip)
{
    _Alignas(64) char result[STRIP * ALT_WIDE_SIZE], shift[STRIP * ALT_WIDE_SIZE];
    const struct alt_axes *k = &r->lines.kept;
    const int64_t first = strip / r->strips_a_row * r->inner + strip % r->strips_a_row * r->strip;
    const int64_t left = r->inner - strip % r->strips_a_row * r->strip, n = left < r->strip ? left : r->strip;
    const char *data = (const char *)args->operand[0].data + alt_axes_offset(k, 0, first) * (int64_t)r->size;
    char *out = (char *)args->operand[args->operand_count - 1].data + alt_axes_offset(k, 1, first) * (int64_t)r->size;
    const bool exponents = r->finish == FINISH_LOG_EXP;
    if (exponents) {
        fold_strip(r, ALT_FOLD_MAX, data, n, NULL, shift);
        finite_shift(r->wide, shift, n);
    }
    fold_strip(r, r->fold, data, n, exponents ? shift : NULL, result);
    finish_strip(r, result, shift, n);
    r->store(out, k->rank ? k->stride[1][k->rank - 1] : 1, result, n);
}

static void run(const struct alt_kargs *args)
{
    const struct reduce *r = args->params;
    for (int64_t t = args->begin; t < args->end; t++) {
        const int64_t end = (t + 1) * r->strips_a_tile;
        for (int64_t s = t * r->strips_a_tile; s < end && s < r->strips; s++)
            run_strip(r, args, s);
    }
}

static int bind(struct alt_kernel_bind *b);

#define KERNEL(title) {.name = title, .fn = run, .bind = bind, .flags = ALT_KERNEL_STRIDED}
static const struct row table[] = {
    {ALT_OP_REDUCE_SUM, KERNEL("reduce_sum"), ALT_FOLD_SUM, FINISH_NONE, false},
    {ALT_OP_REDUCE_MEAN, KERNEL("reduce_mean"), ALT_FOLD_SUM, FINISH_MEAN, false},
    {ALT_OP_REDUCE_PROD, KERNEL("reduce_prod"), ALT_FOLD_PROD, FINISH_NONE, false},
    {ALT_OP_REDUCE_MAX, KERNEL("reduce_max"), ALT_FOLD_MAX, FINISH_NONE, false},
    {ALT_OP_REDUCE_MIN, KERNEL("reduce_min"), ALT_FOLD_MIN, FINISH_NONE, false},
    {ALT_OP_REDUCE_L1, KERNEL("reduce_l1"), ALT_FOLD_ABS, FINISH_NONE, false},
    {ALT_OP_REDUCE_L2, KERNEL("reduce_l2"), ALT_FOLD_SQUARE, FINISH_ROOT, true},
    {ALT_OP_REDUCE_SUM_SQUARE, KERNEL("reduce_sum_square"), ALT_FOLD_SQUARE, FINISH_NONE, false},
    {ALT_OP_REDUCE_LOG_SUM, KERNEL("reduce_log_sum"), ALT_FOLD_SUM, FINISH_LOG, true},
    {ALT_OP_REDUCE_LOG_SUM_EXP, KERNEL("reduce_log_sum_exp"), ALT_FOLD_SUM, FINISH_LOG_EXP, true},
};

static const struct row *row_of(enum alt_op op)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].op == op)
            return &table[i];
    return NULL;
}

/* The axes as the node gives them: `known` is the content of input 1 while binding. */
static bool read_mask(const struct alt_node *n, int rank, const int64_t *known, int64_t count, unsigned *mask)
{
    const int64_t *axes = NULL;
    int64_t n_axes = alt_attr_ints(n, "axes", &axes);
    if (known) {
        axes = known;
        n_axes = count;
    }
    return alt_axes_mask(axes, n_axes, rank, alt_attr_int(n, "noop_with_empty_axes", 0) != 0, mask);
}

static void choose_types(struct reduce *r, const struct row *row, alt_dtype dtype)
{
    const enum alt_wide natural = alt_wide_of(dtype);
    r->fold = row->fold;
    r->finish = row->finish;
    r->dtype = r->acc_dtype = dtype;
    r->wide = natural;
    if (row->real && (natural == ALT_WIDE_I64 || natural == ALT_WIDE_U64)) {
        r->wide = ALT_WIDE_F64;
        r->acc_dtype = ALT_FLOAT64;
        r->convert = alt_wide_store(natural, ALT_FLOAT64);
    }
    r->size = alt_dtype_size(dtype);
    r->natural_size = alt_wide_size(natural);
    r->acc_size = alt_wide_size(r->wide);
    r->load = alt_wide_load(dtype);
    r->store = alt_wide_store(r->wide, dtype);
    r->direct = !r->convert && dtype != ALT_BOOL && r->size == r->acc_size;
}

static void cut_strips(struct reduce *r)
{
    const struct alt_axes *k = &r->lines.kept, *a = &r->lines.line;
    const int64_t length = r->lines.length > 0 ? r->lines.length : 1, fit = TILE_WORK / length;
    r->lanes = ALT_LANES;
    while (r->lanes / 2 >= length)
        r->lanes /= 2;
    r->inner = k->rank ? k->extent[k->rank - 1] : 1;
    r->step = k->rank ? k->stride[0][k->rank - 1] : 0;
    r->across = k->rank && (length <= SHORT || (r->step == 1 && (a->rank == 0 || a->stride[0][a->rank - 1] != 1)));
    r->strip = r->across || fit > STRIP ? STRIP : fit > 1 ? fit : 1;
    r->strips_a_row = (r->inner + r->strip - 1) / r->strip;
    r->strips = r->inner ? r->lines.count / r->inner * r->strips_a_row : 0;
    r->strips_a_tile = fit / r->strip > 1 ? fit / r->strip : 1;
}

/* Strides of the output along the input's axes. */
static void output_strides(const struct alt_operand *in, const struct alt_operand *out, unsigned mask, int64_t *stride)
{
    const bool keep = out->phys_rank == in->phys_rank;
    for (int d = 0, k = 0; d < in->phys_rank; d++) {
        const bool reduced = mask >> d & 1;
        stride[d] = reduced ? 0 : out->stride[keep ? d : k];
        k += !reduced;
    }
}

static int bind(struct alt_kernel_bind *b)
{
    struct reduce *r = alt_arena_alloc(b->arena, sizeof *r);
    const struct alt_operand *in = &b->in[0], *axes = b->n_in > 1 && b->in[1].dtype != ALT_NONE ? &b->in[1] : NULL;
    struct alt_line_box box;
    unsigned mask;
    if (!r)
        return ALT_E_NOMEM;
    if (axes && !axes->known && axes->extent[0] > 0)
        return alt_bind_fail(b, ALT_E_UNSUPPORTED, "axes are not known");
    if (!read_mask(b->node, in->phys_rank, axes ? axes->known : NULL, axes ? axes->extent[0] : 0, &mask))
        return alt_bind_fail(b, ALT_E_SHAPE, "axes do not fit the input");
    choose_types(r, row_of(b->node->op), in->dtype);
    alt_line_box_set(&box, in, NULL);
    output_strides(in, &b->out[0], mask, box.stride[ALT_LINE_OUT]);
    if (!alt_lines_prepare(&r->lines, &box, mask))
        return alt_bind_fail(b, ALT_E_SHAPE, "too many elements");
    cut_strips(r);
    b->params = r;
    b->range = (r->strips + r->strips_a_tile - 1) / r->strips_a_tile;
    b->flops = (double)r->lines.count * (double)r->lines.length * (r->finish == FINISH_LOG_EXP ? 25 : 1);
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    if (alt_wide_of(sel->in[0].dtype) == ALT_WIDE_NONE)
        return alt_select_unsupported(sel);
    *out = &row_of(sel->node->op)->kernel;
    return ALT_OK;
}

static void reduced_shape(const struct alt_infer *inf, unsigned mask, bool keep, struct alt_shape *out)
{
    const struct alt_shape *in = &inf->in[0]->shape;
    out->rank = 0;
    for (int d = 0; d < in->rank; d++) {
        const bool reduced = mask >> d & 1;
        if (!reduced || keep)
            out->dim[out->rank++] = reduced ? 1 : in->dim[d];
    }
}

static alt_status infer(struct alt_infer *inf)
{
    const enum alt_op op = inf->node->op;
    const unsigned bools = op == ALT_OP_REDUCE_MAX || op == ALT_OP_REDUCE_MIN ? ALT_CLASS_BOOL : 0;
    const bool keep = alt_attr_int(inf->node, "keepdims", 1) != 0;
    struct alt_shape shape = {.rank = -1};
    int64_t axes[ALT_MAX_RANK];
    int count = 0;
    unsigned mask;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_NUMBER | bools));
    const int rank = alt_infer_rank(inf, 0);
    const bool given = alt_infer_has(inf, 1);
    alt_infer_set(inf, 0, inf->in[0]->dtype, &shape);
    if (given && !alt_infer_ints(inf, 1, ALT_MAX_RANK, axes, &count)) {
        shape.rank = keep ? rank : -1;
        alt_infer_set(inf, 0, inf->in[0]->dtype, &shape);
        return alt_infer_defer(inf, 1);
    }
    if (rank < 0)
        return ALT_OK;
    if (!read_mask(inf->node, rank, given ? axes : NULL, count, &mask))
        return alt_infer_fail(inf, ALT_E_MODEL, "axes are outside [%d, %d)", -rank, rank);
    reduced_shape(inf, mask, keep, &shape);
    alt_infer_set(inf, 0, inf->in[0]->dtype, &shape);
    return ALT_OK;
}

const struct alt_op_impl alt_op_reduce = {.infer = infer, .select = choose};
