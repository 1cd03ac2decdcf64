/* max_roi_pool.c: MaxRoiPool: the largest element of each bin of regions of a feature map, whose edges are rounded to pixels;
 * a bin without pixels is 0. */
#include "runtime/ops/data.h"
#include "runtime/ops/real.h"

#include <math.h>

enum { X, ROIS };

static alt_status infer(struct alt_infer *inf)
{
    const int64_t *pooled;
    ALT_CHECK(alt_infer_expect(inf, X, ALT_CLASS_FLOAT));
    ALT_CHECK(alt_infer_same_dtype(inf, X, ROIS));
    ALT_CHECK(alt_infer_expect(inf, ROIS, ALT_CLASS_FLOAT));
    const struct alt_shape *x = &inf->in[X]->shape, *rois = &inf->in[ROIS]->shape;
    if (alt_attr_ints(inf->node, "pooled_shape", &pooled) != 2 || pooled[0] < 1 || pooled[1] < 1 ||
        pooled[0] > INT32_MAX || pooled[1] > INT32_MAX)
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute pooled_shape must hold a positive height and width");
    if ((x->rank >= 0 && x->rank != 4) ||
        (rois->rank >= 0 && (rois->rank != 2 || (alt_dim_known(rois->dim[1]) && rois->dim[1] != 5))))
        return alt_infer_fail(inf, ALT_E_SHAPE, "X must have four axes and rois be [regions, 5]");
    const struct alt_shape out = {4,
                                  {rois->rank == 2 ? rois->dim[0] : alt_dim_unknown(inf->dims),
                                   x->rank == 4 ? x->dim[1] : alt_dim_unknown(inf->dims), pooled[0], pooled[1]}};
    alt_infer_set(inf, 0, inf->in[X]->dtype, &out);
    return ALT_OK;
}

struct plan {
    alt_dtype dtype;
    int64_t batches, channels, in[2], out[2];
    double scale;
};

/* Pixels [*begin, *end) of bin i along an axis of the region that runs from `low` to `high`. */
static void find_bin(double low, double high, int64_t bins, int64_t i, int64_t extent, int64_t *begin, int64_t *end)
{
    const double size = fmax(high - low + 1, 1) / (double)bins;
    *begin = (int64_t)fmin(fmax(floor((double)i * size) + low, 0), (double)extent);
    *end = (int64_t)fmin(fmax(ceil((double)(i + 1) * size) + low, 0), (double)extent);
}

static double largest(const struct plan *p, const void *x, int64_t plane, const int64_t *begin, const int64_t *end)
{
    double most = begin[0] < end[0] && begin[1] < end[1] ? -(double)INFINITY : 0;
    for (int64_t i = begin[0]; i < end[0]; i++)
        for (int64_t j = begin[1]; j < end[1]; j++)
            most = fmax(most, alt_real_get(p->dtype, x, (plane * p->in[0] + i) * p->in[1] + j));
    return most;
}

static void run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    for (int64_t t = args->begin; t < args->end; t++) { /* a channel of a region */
        const int64_t roi = t / p->channels, bins = p->out[0] * p->out[1];
        double v[5];
        for (int i = 0; i < 5; i++)
            v[i] = alt_real_get(p->dtype, args->operand[ROIS].data, roi * 5 + i);
        const bool good = v[0] >= 0 && v[0] < (double)p->batches;
        for (int i = 1; i < 5; i++)
            v[i] = round(v[i] * p->scale);
        if (!good)
            alt_fault(args, ALT_FAULT_INDEX);
        for (int64_t i = 0; i < bins; i++) {
            int64_t begin[2], end[2];
            find_bin(v[2], v[4], p->out[0], i / p->out[1], p->in[0], &begin[0], &end[0]);
            find_bin(v[1], v[3], p->out[1], i % p->out[1], p->in[1], &begin[1], &end[1]);
            const int64_t plane = (good ? (int64_t)v[0] : 0) * p->channels + t % p->channels;
            alt_real_put(p->dtype, args->operand[2].data, t * bins + i,
                         good ? largest(p, args->operand[X].data, plane, begin, end) : 0);
        }
    }
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct alt_operand *x = &b->in[X], *y = &b->out[0];
    if (!p)
        return ALT_E_NOMEM;
    *p = (struct plan){.dtype = x->dtype, .batches = x->dim[0], .channels = x->dim[1]};
    for (int i = 0; i < 2; i++) {
        p->in[i] = x->dim[2 + i];
        p->out[i] = y->dim[2 + i];
    }
    p->scale = (double)alt_attr_float(b->node, "spatial_scale", 1);
    b->params = p;
    b->range = alt_dims_count(2, y->dim);
    b->flops = 16 * (double)alt_operand_count(y);
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "max_roi_pool", .fn = run, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_class(sel->in[X].dtype) & ALT_CLASS_FLOAT ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_max_roi_pool = {.infer = infer, .select = choose};
