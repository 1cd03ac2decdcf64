/* deform_conv.c: DeformConv over images: a convolution whose kernel positions are moved by an offset for each output pixel.
 *
 * A tile is up to 64 pixels of one image and group: what each kernel position reads (weighted between four pixels, zeros
 * outside, times the mask) is gathered into a matrix, and the weights are multiplied with that in the canonical order of
 * runtime/kernels/kern.h; the bias is added to the finished sum. float16 and bfloat16 are computed in float32. */
#include "runtime/ops/data.h"
#include "runtime/ops/product.h"
#include "runtime/ops/real.h"
#include "runtime/ops/vec.h"
#include "runtime/ops/window.h"

#include <math.h>

enum { X, W, OFFSET, BIAS, MASK };
enum { PIXELS = 64 };

static bool differ(alt_dim a, alt_dim b) { return alt_dim_known(a) && alt_dim_known(b) && a != b; }

static alt_status check_ranks(struct alt_infer *inf)
{
    for (int i = X; i < inf->n_in; i++) {
        if (i > OFFSET && !alt_infer_has(inf, i))
            continue;
        ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_FLOAT));
        ALT_CHECK(alt_infer_same_dtype(inf, X, i));
        const int rank = alt_infer_rank(inf, i);
        if (rank >= 0 && rank != (i == BIAS ? 1 : 4))
            return alt_infer_fail(inf, i == BIAS ? ALT_E_SHAPE : ALT_E_UNSUPPORTED,
                                  "alt has this operator for images: input %d must have %d axes", i, i == BIAS ? 1 : 4);
    }
    return ALT_OK;
}

static alt_status check_channels(struct alt_infer *inf, alt_dim taps, const struct alt_shape *y)
{
    const struct alt_shape *x = &inf->in[X]->shape, *w = &inf->in[W]->shape;
    const int64_t group = alt_attr_int(inf->node, "group", 1), moved = alt_attr_int(inf->node, "offset_group", 1);
    if (group < 1 || moved < 1 || group > INT32_MAX || moved > INT32_MAX)
        return alt_infer_fail(inf, ALT_E_MODEL, "group and offset_group must be positive");
    if ((alt_dim_known(w->dim[0]) && w->dim[0] % group) ||
        differ(x->dim[1], alt_dim_mul(inf->dims, w->dim[1], group)) || (alt_dim_known(x->dim[1]) && x->dim[1] % moved))
        return alt_infer_fail(inf, ALT_E_SHAPE, "the channels of X and W do not fit group and offset_group");
    for (int i = OFFSET; i < inf->n_in; i++) {
        if (i == BIAS || !alt_infer_has(inf, i) || alt_infer_rank(inf, i) < 0)
            continue;
        const struct alt_shape *s = &inf->in[i]->shape;
        const alt_dim channels = alt_dim_mul(inf->dims, taps, moved * (i == OFFSET ? 2 : 1));
        if (differ(s->dim[0], x->dim[0]) || differ(s->dim[1], channels) || differ(s->dim[2], y->dim[2]) ||
            differ(s->dim[3], y->dim[3]))
            return alt_infer_fail(inf, ALT_E_SHAPE, "input %d has not the shape that kernel and output ask for", i);
    }
    if (alt_infer_has(inf, BIAS) && alt_infer_rank(inf, BIAS) == 1 && differ(inf->in[BIAS]->shape.dim[0], w->dim[0]))
        return alt_infer_fail(inf, ALT_E_SHAPE, "B must have one element for each output channel");
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    struct alt_op_window win;
    int64_t kernel[2];
    ALT_CHECK(check_ranks(inf));
    const struct alt_shape *x = &inf->in[X]->shape, *w = &inf->in[W]->shape;
    if (x->rank < 0 || w->rank < 0) {
        alt_infer_set_rank(inf, 0, inf->in[X]->dtype, 4);
        return ALT_OK;
    }
    for (int i = 0; i < 2; i++)
        kernel[i] = alt_dim_known(w->dim[2 + i]) ? w->dim[2 + i] : -1;
    const char *fault = alt_op_window_read(inf->node, 2, kernel, &win);
    if (fault)
        return alt_infer_fail(inf, ALT_E_MODEL, "%s", fault);
    struct alt_shape y = {4, {x->dim[0], w->dim[0]}};
    for (int i = 0; i < 2; i++) {
        y.dim[2 + i] = alt_op_window_out(inf->dims, &win, i, x->dim[2 + i]);
        if (y.dim[2 + i] == ALT_DIM_BAD)
            return alt_infer_fail(inf, ALT_E_SHAPE, "the kernel is larger than the padded input along spatial axis %d",
                                  i);
    }
    ALT_CHECK(check_channels(inf, alt_dim_mul(inf->dims, w->dim[2], w->dim[3]), &y));
    alt_infer_set(inf, 0, inf->in[X]->dtype, &y);
    return ALT_OK;
}

struct plan {
    struct alt_op_window w;
    alt_dtype dtype, real_type; /* of the operands, of the product */
    enum alt_wide wide;
    size_t size, real;
    int64_t channels, outputs;                         /* of a group */
    int64_t groups, moved, taps, depth, pixels, tiles; /* moved: offset groups; depth: rows of the gathered matrix */
    bool bias, mask, widened;
    int out;
    alt_load_fn *load;
    alt_store_fn *store;
    struct alt_product product[2];          /* whole tiles; the last one */
    size_t at_sums, at_weights, at_product; /* in scratch, behind the matrix */
};

struct tile {
    const struct plan *p;
    const struct alt_kargs *args;
    int64_t image, group, first, count;
};

/* Weighted between the four pixels around (y, x). */
static double sample(const struct plan *p, const void *plane, int64_t channel, double y, double x)
{
    const int64_t height = p->w.in[0], width = p->w.in[1];
    double sum = 0;
    if (!(y > -1 && y < (double)height && x > -1 && x < (double)width))
        return 0;
    const double low_y = floor(y), low_x = floor(x);
    for (int k = 0; k < 4; k++) {
        const int64_t row = (int64_t)low_y + k / 2, col = (int64_t)low_x + k % 2;
        const double weight = (k / 2 ? y - low_y : 1 - (y - low_y)) * (k % 2 ? x - low_x : 1 - (x - low_x));
        if (row >= 0 && row < height && col >= 0 && col < width)
            sum += weight * alt_real_get(p->dtype, plane, (channel * height + row) * width + col);
    }
    return sum;
}

/* One row of the matrix: what a kernel position reads from a channel for each pixel of the tile. */
static void gather_row(const struct tile *t, int64_t channel, int64_t tap, void *row)
{
    const struct plan *p = t->p;
    const int64_t moved = channel / (p->channels * p->groups / p->moved), all = p->channels * p->groups;
    const int64_t at = (t->image * p->moved + moved) * p->taps + tap;
    const void *offset = t->args->operand[OFFSET].data;
    for (int64_t i = 0; i < t->count; i++) {
        const int64_t pixel = t->first + i, y = pixel / p->w.out[1], x = pixel % p->w.out[1];
        const int64_t base_y = y * p->w.stride[0] - p->w.begin[0] + tap / p->w.kernel[1] * p->w.dilation[0];
        const int64_t base_x = x * p->w.stride[1] - p->w.begin[1] + tap % p->w.kernel[1] * p->w.dilation[1];
        const double move_y = alt_real_get(p->dtype, offset, 2 * at * p->pixels + pixel);
        const double move_x = alt_real_get(p->dtype, offset, (2 * at + 1) * p->pixels + pixel);
        double v = sample(p, t->args->operand[X].data, t->image * all + channel, (double)base_y + move_y,
                          (double)base_x + move_x);
        if (p->mask)
            v *= alt_real_get(p->dtype, t->args->operand[MASK].data, at * p->pixels + pixel);
        alt_vec_set(p->wide, row, i, v);
    }
}

static void write_rows(const struct tile *t, char *sums)
{
    const struct plan *p = t->p;
    for (int64_t o = 0; o < p->outputs; o++) {
        const int64_t channel = t->group * p->outputs + o;
        char *row = sums + o * PIXELS * (int64_t)p->real;
        if (p->bias)
            alt_vec_subtract(p->wide, row, t->count, -alt_real_get(p->dtype, t->args->operand[BIAS].data, channel));
        const int64_t at = (t->image * p->outputs * p->groups + channel) * p->pixels + t->first;
        p->store((char *)t->args->operand[p->out].data + at * (int64_t)p->size, 1, row, t->count);
    }
}

static void run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    char *matrix = args->scratch, *weights = matrix + p->at_weights, *sums = matrix + p->at_sums;
    for (int64_t i = args->begin; i < args->end; i++) {
        struct tile t = {p, args, i / p->tiles / p->groups, i / p->tiles % p->groups, i % p->tiles * PIXELS, PIXELS};
        const bool last = p->pixels - t.first < PIXELS;
        t.count = last ? p->pixels - t.first : PIXELS;
        for (int64_t k = 0; k < p->depth; k++)
            gather_row(&t, t.group * p->channels + k / p->taps, k % p->taps, matrix + k * PIXELS * (int64_t)p->real);
        const char *w = (const char *)args->operand[W].data + t.group * p->outputs * p->depth * (int64_t)p->size;
        if (p->widened)
            p->load(weights, w, 1, p->outputs * p->depth);
        const struct alt_product *product = &p->product[last];
        for (int64_t k = 0; k < product->tiles; k++)
            alt_product_tile(product, &(struct alt_product_data){.a = p->widened ? weights : w, .b = matrix, .y = sums}, k,
                             matrix + p->at_product);
        write_rows(&t, sums);
    }
}

static void read_operands(struct plan *p, const struct alt_kernel_bind *b)
{
    const struct alt_operand *x = &b->in[X], *w = &b->in[W];
    p->dtype = x->dtype;
    p->wide = alt_wide_of(x->dtype);
    p->size = alt_dtype_size(x->dtype);
    p->real = alt_wide_size(p->wide);
    p->widened = p->size == 2;
    p->real_type = p->widened ? ALT_FLOAT32 : x->dtype;
    p->groups = alt_attr_int(b->node, "group", 1);
    p->moved = alt_attr_int(b->node, "offset_group", 1);
    p->channels = w->dim[1];
    p->outputs = w->dim[0] / p->groups;
    p->pixels = alt_dims_count(2, b->out[0].dim + 2);
    p->bias = alt_operand_at(b->in, b->n_in, BIAS) != NULL;
    p->mask = alt_operand_at(b->in, b->n_in, MASK) != NULL;
    p->out = b->n_in;
    p->load = alt_wide_load(x->dtype);
    p->store = alt_wide_store(p->wide, x->dtype);
}

/* Scratch: matrix, weights in float32, sums, and the product's own; false on overflow. */
static bool plan_scratch(struct plan *p, size_t *total)
{
    int64_t matrix, weights, sums, all;
    if (__builtin_mul_overflow(p->depth, PIXELS, &matrix) || __builtin_mul_overflow(p->outputs, PIXELS, &sums) ||
        __builtin_mul_overflow(p->outputs, p->widened ? p->depth : 0, &weights) ||
        __builtin_add_overflow(matrix, weights, &all) || __builtin_add_overflow(all, sums, &all) ||
        all > INT64_MAX / 16)
        return false;
    for (int last = 0; last < 2; last++) {
        const int64_t rest = p->pixels % PIXELS;
        p->product[last] = (struct alt_product){.dtype = p->real_type,
                                                .m = p->outputs,
                                                .n = last && rest ? rest : PIXELS,
                                                .k = p->depth,
                                                .a = {p->depth, 1},
                                                .b = {PIXELS, 1},
                                                .y = {PIXELS, 1},
                                                .alpha = 1};
        alt_product_prepare(&p->product[last]);
    }
    const size_t line = 64 / p->real,
                 most = p->product[0].scratch > p->product[1].scratch ? p->product[0].scratch : p->product[1].scratch;
    p->at_weights = (size_t)matrix * p->real;
    p->at_sums = p->at_weights + ((size_t)weights + line - 1) / line * 64;
    p->at_product = p->at_sums + (size_t)sums * p->real;
    *total = p->at_product + most;
    return true;
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[X], *w = &b->in[W], *y = &b->out[0];
    if (!p)
        return ALT_E_NOMEM;
    const char *fault = alt_op_window_read(b->node, 2, w->dim + 2, &p->w);
    if (fault)
        return alt_bind_fail(b, ALT_E_MODEL, "%s", fault);
    read_operands(p, b);
    p->taps = alt_op_window_taps(&p->w);
    if (!alt_op_window_fix(&p->w, x->dim + 2, y->dim + 2) || p->taps < 0 ||
        __builtin_mul_overflow(p->taps, p->channels, &p->depth) || !plan_scratch(p, &b->scratch))
        return alt_bind_fail(b, ALT_E_SHAPE, "the kernel does not fit, or there are too many elements");
    p->tiles = (p->pixels + PIXELS - 1) / PIXELS;
    b->params = p;
    b->range = p->outputs ? alt_dims_count(3, (const int64_t[]){y->dim[0], p->groups, p->tiles}) : 0;
    b->flops = (double)b->range * PIXELS * (double)p->depth * (2.0 * (double)p->outputs + 40);
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "deform_conv", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_class(sel->in[X].dtype) & ALT_CLASS_FLOAT ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_deform_conv = {.infer = infer, .select = choose};
