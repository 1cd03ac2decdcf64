/* roi_align.c: RoiAlign: regions of a feature map, each pooled into bins over samples between its pixels.
 *
 * A tile is one row of bins of one region; for each sample the place and the weights of its four neighbours are found once and
 * then used for all channels. In float64; a bin adds its samples row by row, each the sum of its neighbours row by row, and
 * is rounded once. "max" takes the largest weighted neighbour, as the operator's reference does.
 */
#include "runtime/ops/data.h"
#include "runtime/ops/real.h"

#include <math.h>
#include <string.h>

enum { X, ROIS, BATCHES };
enum { MOST_SAMPLES = 4096 }; /* along one axis of a bin */

/* Whether the pooling is by maximum; false when it is neither that nor by average. */
static bool read_mode(const struct alt_node *n, bool *max)
{
    const char *mode = alt_attr_text(n, "mode", "avg");
    *max = strcmp(mode, "max") == 0;
    return *max || strcmp(mode, "avg") == 0;
}

/* Whether pixel centres lie at halves: the default since opset 16. */
static bool half_pixel(const struct alt_node *n)
{
    const char *standard = n->opset < 16 ? "output_half_pixel" : "half_pixel";
    return strcmp(alt_attr_text(n, "coordinate_transformation_mode", standard), "half_pixel") == 0;
}

static alt_status infer(struct alt_infer *inf)
{
    bool max;
    ALT_CHECK(alt_infer_expect(inf, X, ALT_CLASS_FLOAT));
    ALT_CHECK(alt_infer_expect(inf, ROIS, ALT_CLASS_FLOAT));
    ALT_CHECK(alt_infer_same_dtype(inf, X, ROIS));
    ALT_CHECK(alt_infer_indices(inf, BATCHES));
    const struct alt_shape *x = &inf->in[X]->shape, *rois = &inf->in[ROIS]->shape, *batches = &inf->in[BATCHES]->shape;
    const int64_t height = alt_attr_int(inf->node, "output_height", 1),
                  width = alt_attr_int(inf->node, "output_width", 1);
    if (!read_mode(inf->node, &max))
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute mode must be avg or max");
    if (height < 1 || width < 1 || height > INT32_MAX || width > INT32_MAX)
        return alt_infer_fail(inf, ALT_E_MODEL, "output_height and output_width must be positive");
    if ((x->rank >= 0 && x->rank != 4) || (batches->rank >= 0 && batches->rank != 1) ||
        (rois->rank >= 0 && (rois->rank != 2 || (alt_dim_known(rois->dim[1]) && rois->dim[1] != 4))))
        return alt_infer_fail(inf, ALT_E_SHAPE,
                              "X must have four axes, rois must be [regions, 4], batch_indices [regions]");
    struct alt_shape out = {
        4, {alt_dim_unknown(inf->dims), x->rank == 4 ? x->dim[1] : alt_dim_unknown(inf->dims), height, width}};
    if (rois->rank == 2)
        out.dim[0] = rois->dim[0];
    if (batches->rank == 1) {
        if (alt_dim_known(out.dim[0]) && alt_dim_known(batches->dim[0]) && out.dim[0] != batches->dim[0])
            return alt_infer_fail(inf, ALT_E_SHAPE, "rois and batch_indices differ in length");
        out.dim[0] = alt_dim_known(out.dim[0]) ? out.dim[0] : batches->dim[0];
    }
    alt_infer_set(inf, 0, inf->in[X]->dtype, &out);
    return ALT_OK;
}

struct plan {
    alt_dtype dtype;
    int64_t batches, channels, height, width, out_height, out_width, ratio;
    bool max, half_pixel, wide;
    double scale;
    int out;
};

/* A region in pixels, and its samples. */
struct region {
    double y, x, bin_height, bin_width;
    int64_t rows, cols; /* samples of a bin */
};

/* Samples along one axis of a bin; -1 when they are too many for any sense. */
static int64_t count_samples(int64_t ratio, double bin)
{
    const double count = ratio > 0 ? (double)ratio : ceil(bin);
    return count <= MOST_SAMPLES ? count > 0 ? (int64_t)count : 0 : -1;
}

static bool find_region(const struct plan *p, const struct alt_kargs *args, int64_t roi, struct region *r)
{
    const double offset = p->half_pixel ? 0.5 : 0;
    double corner[4];
    for (int i = 0; i < 4; i++)
        corner[i] = alt_real_get(p->dtype, args->operand[ROIS].data, 4 * roi + i) * p->scale - offset;
    double width = corner[2] - corner[0], height = corner[3] - corner[1];
    if (!p->half_pixel) {
        width = width > 1 ? width : 1;
        height = height > 1 ? height : 1;
    }
    *r = (struct region){corner[1], corner[0], height / (double)p->out_height, width / (double)p->out_width, 0, 0};
    r->rows = count_samples(p->ratio, r->bin_height);
    r->cols = count_samples(p->ratio, r->bin_width);
    return r->rows >= 0 && r->cols >= 0;
}

/* The two neighbours of a coordinate and the weight of the second; false outside the map. */
static bool neighbours(double at, int64_t extent, int64_t *low, int64_t *high, double *weight)
{
    if (!(at >= -1 && at <= (double)extent) || extent == 0)
        return false;
    at = at > 0 ? at : 0;
    *low = (int64_t)at;
    if (*low >= extent - 1) {
        *low = *high = extent - 1;
        *weight = 0;
        return true;
    }
    *high = *low + 1;
    *weight = at - (double)*low;
    return true;
}

/* Adds the sample (or the largest of its neighbours) to every channel's sum. */
static void add_sample(const struct plan *p, const char *map, double y, double x, bool first, double *sum)
{
    int64_t y0 = 0, y1 = 0, x0 = 0, x1 = 0;
    double wy = 0, wx = 0;
    const bool inside = neighbours(y, p->height, &y0, &y1, &wy) && neighbours(x, p->width, &x0, &x1, &wx);
    const int64_t at[4] = {y0 * p->width + x0, y0 * p->width + x1, y1 * p->width + x0, y1 * p->width + x1};
    const double weight[4] = {(1 - wy) * (1 - wx), (1 - wy) * wx, wy * (1 - wx), wy * wx};
    for (int64_t c = 0; c < p->channels; c++) {
        double value[4] = {0};
        for (int k = 0; inside && k < 4; k++)
            value[k] = weight[k] * alt_real_get(p->dtype, map, c * p->height * p->width + at[k]);
        if (!p->max) {
            sum[c] += value[0] + value[1] + value[2] + value[3];
            continue;
        }
        const double most = fmax(fmax(value[0], value[1]), fmax(value[2], value[3]));
        sum[c] = first ? most : fmax(sum[c], most);
    }
}

static void run_bin(const struct plan *p, const char *map, const struct region *r, int64_t row, int64_t col,
                    double *sum)
{
    for (int64_t c = 0; c < p->channels; c++)
        sum[c] = 0;
    for (int64_t i = 0; i < r->rows; i++)
        for (int64_t j = 0; j < r->cols; j++) {
            const double y = r->y + (double)row * r->bin_height + ((double)i + 0.5) * r->bin_height / (double)r->rows;
            const double x = r->x + (double)col * r->bin_width + ((double)j + 0.5) * r->bin_width / (double)r->cols;
            add_sample(p, map, y, x, i == 0 && j == 0, sum);
        }
    const double count = (double)(r->rows * r->cols);
    for (int64_t c = 0; !p->max && count > 1 && c < p->channels; c++)
        sum[c] /= count;
}

static void run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    const struct alt_indices batches = alt_indices_of(&args->operand[BATCHES], p->wide);
    const int64_t size = p->dtype == ALT_FLOAT64 ? 8 : p->dtype == ALT_FLOAT32 ? 4 : 2, map_size = p->height * p->width;
    for (int64_t t = args->begin; t < args->end; t++) {
        const int64_t roi = t / p->out_height, row = t % p->out_height, batch = alt_index_at(&batches, roi);
        struct region r = {0};
        const bool fits = find_region(p, args, roi, &r), known = batch >= 0 && batch < p->batches;
        double *sum = args->scratch;
        if (!fits || !known)
            alt_fault(args, known ? ALT_FAULT_VALUE : ALT_FAULT_INDEX);
        const char *map = (const char *)args->operand[X].data + (known ? batch : 0) * p->channels * map_size * size;
        for (int64_t col = 0; fits && known && col < p->out_width; col++) {
            run_bin(p, map, &r, row, col, sum);
            for (int64_t c = 0; c < p->channels; c++)
                alt_real_put(p->dtype, args->operand[p->out].data,
                             ((roi * p->channels + c) * p->out_height + row) * p->out_width + col, sum[c]);
        }
    }
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[X], *y = &b->out[0];
    int64_t bytes;
    if (!p)
        return ALT_E_NOMEM;
    *p = (struct plan){.dtype = x->dtype,
                       .batches = x->dim[0],
                       .channels = x->dim[1],
                       .height = x->dim[2],
                       .width = x->dim[3],
                       .out_height = y->dim[2],
                       .out_width = y->dim[3],
                       .out = b->n_in};
    p->ratio = alt_attr_int(b->node, "sampling_ratio", 0);
    read_mode(b->node, &p->max);
    p->half_pixel = half_pixel(b->node);
    p->wide = b->in[BATCHES].dtype == ALT_INT64;
    p->scale = (double)alt_attr_float(b->node, "spatial_scale", 1);
    if (b->in[ROIS].dim[0] != y->dim[0] || b->in[BATCHES].dim[0] != y->dim[0])
        return alt_bind_fail(b, ALT_E_SHAPE, "rois and batch_indices differ in length");
    if (__builtin_mul_overflow(p->channels, (int64_t)sizeof(double), &bytes))
        return alt_bind_fail(b, ALT_E_SHAPE, "too many elements");
    b->params = p;
    b->scratch = (size_t)bytes;
    b->range = p->channels ? alt_dims_count(2, (const int64_t[]){y->dim[0], p->out_height}) : 0;
    b->flops = 32.0 * (double)alt_operand_count(y);
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "roi_align", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_class(sel->in[X].dtype) & ALT_CLASS_FLOAT ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_roi_align = {.infer = infer, .select = choose};
