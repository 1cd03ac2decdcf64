/* col2im.c: Col2Im: columns of blocks added into images: what unfolding took apart.
 *
 * A tile is one channel of one image. Its elements are sums in float32 (float64) over the positions of the block in
 * row-major order, then over the blocks, rounded once. */
#include "runtime/ops/data.h"
#include "runtime/ops/vec.h"
#include "runtime/ops/window.h"

#include <string.h>

enum { COLUMNS, IMAGE, BLOCK };

static alt_status infer(struct alt_infer *inf)
{
    int64_t block[ALT_MAX_RANK];
    alt_dim image[ALT_MAX_RANK], taps = 1, blocks = 1;
    int n_image, n_block;
    struct alt_op_window w;
    ALT_CHECK(alt_infer_expect(inf, COLUMNS, ALT_CLASS_FLOAT));
    ALT_CHECK(alt_infer_indices(inf, IMAGE));
    ALT_CHECK(alt_infer_indices(inf, BLOCK));
    ALT_CHECK(alt_infer_list(inf, IMAGE, ALT_WINDOW_RANK));
    ALT_CHECK(alt_infer_list(inf, BLOCK, ALT_WINDOW_RANK));
    const struct alt_shape *x = &inf->in[COLUMNS]->shape;
    const int64_t axes = alt_infer_length(inf, IMAGE);
    const bool image_known = alt_infer_arg(inf, NULL, IMAGE, ALT_WINDOW_RANK, image, &n_image) == ALT_ARG_KNOWN;
    if (x->rank >= 0 && x->rank != 3)
        return alt_infer_fail(inf, ALT_E_SHAPE, "input 0 must be [batch, channels times block, blocks]");
    if (!image_known || x->rank < 0 ||
        alt_infer_arg_ints(inf, NULL, BLOCK, ALT_WINDOW_RANK, block, &n_block) != ALT_ARG_KNOWN) {
        alt_infer_set_rank(inf, 0, inf->in[COLUMNS]->dtype, axes < 0 ? -1 : (int)axes + 2);
        return alt_infer_wait(inf, image_known ? BLOCK : IMAGE);
    }
    if (n_image != n_block || n_image < 1)
        return alt_infer_fail(inf, ALT_E_SHAPE,
                              "image_shape and block_shape must have one entry for each spatial axis");
    const char *fault = alt_op_window_read(inf->node, n_image, block, &w);
    if (fault)
        return alt_infer_fail(inf, ALT_E_MODEL, "%s", fault);
    struct alt_shape out = {n_image + 2, {x->dim[0]}};
    for (int i = 0; i < n_image; i++) {
        if (block[i] < 1 || alt_dim_negative(image[i]))
            return alt_infer_fail(inf, ALT_E_SHAPE, "an extent of image_shape or block_shape is not positive");
        out.dim[2 + i] = image[i] == ALT_DIM_BAD ? alt_dim_unknown(inf->dims) : image[i];
        taps = alt_dim_mul(inf->dims, taps, block[i]);
        blocks = alt_dim_mul(inf->dims, blocks, alt_op_window_out(inf->dims, &w, i, out.dim[2 + i]));
    }
    if (blocks == ALT_DIM_BAD || (alt_dim_known(blocks) && alt_dim_known(x->dim[2]) && blocks != x->dim[2]) ||
        (alt_dim_known(x->dim[1]) && alt_dim_known(taps) && x->dim[1] % taps))
        return alt_infer_fail(inf, ALT_E_SHAPE, "input 0 does not hold the blocks of such images");
    out.dim[1] = alt_dim_div(inf->dims, x->dim[1], taps);
    alt_infer_set(inf, 0, inf->in[COLUMNS]->dtype, &out);
    return ALT_OK;
}

struct plan {
    struct alt_op_window w;
    int64_t taps, blocks, pixels;    /* of a channel */
    int64_t stride[ALT_WINDOW_RANK]; /* of the image */
    int out;
    enum alt_wide wide;
    size_t size, real;
    alt_load_fn *load;
    alt_store_fn *store;
};

static void add_run(const struct plan *p, char *image, int64_t at, int64_t step, const char *x, int64_t n)
{
    if (p->wide == ALT_WIDE_F64) {
        double *to = (double *)(void *)image + at;
        for (int64_t i = 0; i < n; i++)
            to[i * step] += ((const double *)(const void *)x)[i];
        return;
    }
    float *to = (float *)(void *)image + at;
    for (int64_t i = 0; i < n; i++)
        to[i * step] += ((const float *)(const void *)x)[i];
}

/* Adds what the blocks hold at one of their positions, a row of blocks at once. */
static void add_tap(const struct plan *p, const int64_t *tap, const char *x, char *image, char *row)
{
    const struct alt_op_window *w = &p->w;
    const int last = w->rank - 1;
    const int64_t from = tap[last] * w->dilation[last] - w->begin[last], step = w->stride[last];
    /* Blocks whose position lies in the image along the last axis. */
    const int64_t low = from < 0 ? (-from + step - 1) / step : 0, room = w->in[last] - 1 - from;
    const int64_t high = room < 0 ? 0 : room / step + 1, end = high < w->out[last] ? high : w->out[last];
    int64_t block[ALT_WINDOW_RANK] = {0};
    for (int64_t i = 0; i < p->blocks; i += w->out[last]) {
        int64_t at = 0;
        bool inside = low < end;
        for (int d = 0; d < last; d++) {
            const int64_t y = block[d] * w->stride[d] + tap[d] * w->dilation[d] - w->begin[d];
            inside = inside && y >= 0 && y < w->in[d];
            at += y * p->stride[d];
        }
        if (inside) {
            p->load(row, x + (i + low) * (int64_t)p->size, 1, end - low);
            add_run(p, image, at + from + low * step, step, row, end - low);
        }
        for (int d = last - 1; d >= 0 && ++block[d] == w->out[d]; d--)
            block[d] = 0;
    }
}

static void run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    const int64_t size = (int64_t)p->size;
    char *image = args->scratch, *row = image + (size_t)p->pixels * p->real;
    for (int64_t t = args->begin; t < args->end; t++) {
        const char *x = (const char *)args->operand[COLUMNS].data + t * p->taps * p->blocks * size;
        int64_t tap[ALT_WINDOW_RANK] = {0};
        memset(image, 0, (size_t)p->pixels * p->real);
        for (int64_t k = 0; k < p->taps && p->blocks > 0; k++, x += p->blocks * size) {
            add_tap(p, tap, x, image, row);
            for (int d = p->w.rank - 1; d >= 0 && ++tap[d] == p->w.kernel[d]; d--)
                tap[d] = 0;
        }
        p->store((char *)args->operand[p->out].data + t * p->pixels * size, 1, image, p->pixels);
    }
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[COLUMNS], *y = &b->out[0];
    struct alt_dimtab numbers;
    int64_t block[ALT_MAX_RANK], out[ALT_WINDOW_RANK], elements, bytes;
    int count;
    if (!p)
        return ALT_E_NOMEM;
    alt_dimtab_init(&numbers, b->arena);
    if (!alt_bound_ints(b->node, NULL, &b->in[BLOCK], ALT_WINDOW_RANK, block, &count) || count != y->rank - 2)
        return alt_bind_fail(b, ALT_E_SHAPE, "block_shape must have one entry for each spatial axis");
    const char *fault = alt_op_window_read(b->node, count, block, &p->w);
    if (fault)
        return alt_bind_fail(b, ALT_E_MODEL, "%s", fault);
    for (int i = 0; i < count; i++)
        out[i] = alt_op_window_out(&numbers, &p->w, i, y->dim[2 + i]);
    p->taps = alt_op_window_taps(&p->w);
    p->blocks = x->dim[2];
    p->pixels = alt_dims_count(count, y->dim + 2);
    p->out = b->n_in;
    p->wide = alt_wide_of(x->dtype);
    p->size = alt_dtype_size(x->dtype);
    p->real = alt_wide_size(p->wide);
    p->load = alt_wide_load(x->dtype);
    p->store = alt_wide_store(p->wide, x->dtype);
    alt_dense_strides(count, y->dim + 2, p->stride);
    if (!alt_op_window_fix(&p->w, y->dim + 2, out) || p->taps < 0 || alt_dims_count(count, out) != p->blocks)
        return alt_bind_fail(b, ALT_E_SHAPE, "input 0 does not hold the blocks of such images");
    if (p->pixels < 0 || __builtin_add_overflow(p->pixels, p->w.out[count - 1], &elements) ||
        __builtin_mul_overflow(elements, (int64_t)p->real, &bytes))
        return alt_bind_fail(b, ALT_E_SHAPE, "too many elements");
    b->params = p;
    b->scratch = (size_t)bytes;
    b->range = p->pixels ? alt_dims_count(2, y->dim) : 0;
    b->flops = 2.0 * (double)alt_operand_count(x);
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "col2im", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_class(sel->in[COLUMNS].dtype) & ALT_CLASS_FLOAT ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_col2im = {.infer = infer, .select = choose};
