/* resize_run.c: the kernels of Resize and Upsample.
 *
 * Nearest is a table an axis (remap.h). Linear and cubic go axis by axis, last first, over planes: what lies behind the axes
 * that are left alone. A tile is one plane; its intermediate results lie in scratch, in float32 or, for float64 and
 * integers, in float64.
 */
#include "runtime/ops/data.h"
#include "runtime/ops/remap.h"
#include "runtime/ops/resize.h"
#include "runtime/ops/wide.h"

#include <string.h>

/* One axis resized in a plane of outer x in x inner. */
struct pass {
    struct alt_resize_taps taps;
    int64_t outer, inner;
};

struct plan {
    struct alt_remap *remap; /* nearest */
    unsigned char fill_element[16]; /* for tf_crop_and_resize */
    struct pass pass[ALT_MAX_RANK];
    int passes;
    double extrapolation;
    int64_t plane_in, plane_out, largest; /* elements; of the largest intermediate plane */
    alt_load_fn *load;
    alt_store_fn *store;
    enum alt_wide wide;
    int64_t size;            /* bytes of an element */
    bool single;             /* float32 arithmetic */
};

bool alt_resize_can(enum alt_resize_mode mode, alt_dtype dtype)
{
    return mode == ALT_RESIZE_NEAREST ? alt_dtype_size(dtype) != 0 : alt_wide_load(dtype) != NULL && dtype != ALT_BOOL;
}

static alt_status bind_nearest(struct alt_kernel_bind *b, const struct alt_resize_style *style,
                               const struct alt_resize_axis *axis, struct plan *p)
{
    int64_t *table[ALT_MAX_RANK];
    const struct alt_operand *in = &b->in[0], *out = &b->out[0];
    for (int d = 0; d < in->rank; d++) {
        table[d] = alt_arena_array(b->arena, (size_t)out->dim[d] + 1, sizeof **table);
        if (!table[d])
            return ALT_E_NOMEM;
        alt_resize_nearest(style, &axis[d], table[d]);
    }
    alt_store_fn *store = alt_wide_store(ALT_WIDE_F32, in->dtype);
    if (store)
        store(p->fill_element, 1, &style->extrapolation, 1);
    ALT_CHECK(alt_remap_create(b->arena, in, out, table, &p->remap));
    b->range = p->remap->tiles;
    return ALT_OK;
}

static bool left_alone(const struct alt_resize_style *style, const struct alt_resize_axis *a)
{
    return a->in == a->out && a->scale == 1 && style->place != ALT_PLACE_TF_CROP_AND_RESIZE;
}

static alt_status bind_passes(struct alt_kernel_bind *b, const struct alt_resize_style *style,
                              const struct alt_resize_axis *axis, struct plan *p)
{
    int rank = b->in[0].rank, first = 0;
    int64_t extent[ALT_MAX_RANK];
    while (first < rank && left_alone(style, &axis[first]))
        first++;
    for (int d = first; d < rank; d++)
        extent[d] = axis[d].in;
    p->plane_in = p->largest = alt_dims_count(rank - first, extent + first);
    for (int d = rank - 1; d >= first; d--) {
        if (left_alone(style, &axis[d]))
            continue;
        struct pass *pass = &p->pass[p->passes++];
        ALT_CHECK(alt_resize_taps(b->arena, style, &axis[d], &pass->taps));
        pass->outer = alt_dims_count(d - first, extent + first);
        pass->inner = alt_dims_count(rank - d - 1, extent + d + 1);
        extent[d] = axis[d].out;
        int64_t now = alt_dims_count(rank - first, extent + first);
        if (now < 0)
            return ALT_E_SHAPE;
        p->largest = now > p->largest ? now : p->largest;
        b->flops += (double)now * (double)pass->taps.taps * 2;
    }
    p->plane_out = alt_dims_count(rank - first, extent + first);
    alt_dtype dtype = b->in[0].dtype;
    p->wide = alt_wide_of(dtype);
    p->single = p->wide == ALT_WIDE_F32;
    p->load = alt_wide_load(dtype);
    p->store = alt_wide_store(p->single ? ALT_WIDE_F32 : ALT_WIDE_F64, dtype);
    p->size = (int64_t)alt_dtype_size(dtype);
    b->range = p->plane_out > 0 ? alt_dims_count(first, b->in[0].dim) : 0;
    b->flops *= (double)b->range;
    if (__builtin_mul_overflow((size_t)p->largest, 2 * sizeof(double), &b->scratch))
        return ALT_E_NOMEM;
    return ALT_OK;
}

alt_status alt_resize_bind(struct alt_kernel_bind *b, const struct alt_resize_style *style,
                           const struct alt_resize_axis *axis)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    b->params = p;
    p->extrapolation = (double)style->extrapolation;
    if (alt_operand_count(&b->out[0]) == 0) {
        b->range = 0;
        return ALT_OK;
    }
    b->flops = (double)alt_operand_count(&b->out[0]);
    return style->mode == ALT_RESIZE_NEAREST ? bind_nearest(b, style, axis, p) : bind_passes(b, style, axis, p);
}

static void row_f32(const struct alt_resize_taps *t, int64_t y, int64_t inner, const float *src, float *dst, float outside)
{
    const int64_t *index = t->index + y * t->taps;
    const float *weight = t->weight32 + y * t->taps;
    for (int64_t i = 0; i < inner; i++)
        dst[i] = t->outside[y] ? outside : weight[0] * src[index[0] * inner + i];
    for (int64_t k = 1; k < t->taps && !t->outside[y]; k++) {
        const float *s = src + index[k] * inner;
        for (int64_t i = 0; i < inner; i++)
            dst[i] += weight[k] * s[i];
    }
}

static void row_f64(const struct alt_resize_taps *t, int64_t y, int64_t inner, const double *src, double *dst, double outside)
{
    const int64_t *index = t->index + y * t->taps;
    const double *weight = t->weight + y * t->taps;
    for (int64_t i = 0; i < inner; i++)
        dst[i] = t->outside[y] ? outside : weight[0] * src[index[0] * inner + i];
    for (int64_t k = 1; k < t->taps && !t->outside[y]; k++) {
        const double *s = src + index[k] * inner;
        for (int64_t i = 0; i < inner; i++)
            dst[i] += weight[k] * s[i];
    }
}

static void run_pass(const struct plan *p, const struct pass *pass, const void *src, void *dst)
{
    const struct alt_resize_taps *t = &pass->taps;
    int64_t in = t->in * pass->inner, out = t->out * pass->inner;
    for (int64_t o = 0; o < pass->outer; o++)
        for (int64_t y = 0; y < t->out; y++) {
            if (p->single)
                row_f32(t, y, pass->inner, (const float *)src + o * in, (float *)dst + o * out + y * pass->inner,
                        (float)p->extrapolation);
            else
                row_f64(t, y, pass->inner, (const double *)src + o * in, (double *)dst + o * out + y * pass->inner,
                        p->extrapolation);
        }
}

/* A plane in the type of the arithmetic. Integers become float64 where they lie. */
static void load_plane(const struct plan *p, void *dst, const void *src)
{
    p->load(dst, src, 1, p->plane_in);
    double *d = dst;
    for (int64_t i = 0; i < p->plane_in && p->wide == ALT_WIDE_I64; i++) {
        int64_t v;
        memcpy(&v, &d[i], sizeof v);
        d[i] = (double)v;
    }
    for (int64_t i = 0; i < p->plane_in && p->wide == ALT_WIDE_U64; i++) {
        uint64_t v;
        memcpy(&v, &d[i], sizeof v);
        d[i] = (double)v;
    }
}

void alt_resize_run(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    const char *in = args->operand[0].data;
    char *out = args->operand[args->operand_count - 1].data;
    if (p->remap) {
        alt_remap_run(p->remap, in, out, p->fill_element, args->begin, args->end);
        return;
    }
    char *half[2] = {args->scratch, (char *)args->scratch + (size_t)p->largest * sizeof(double)};
    for (int64_t t = args->begin; t < args->end; t++) {
        int at = 0;
        load_plane(p, half[0], in + t * p->plane_in * p->size);
        for (int k = 0; k < p->passes; k++, at = !at)
            run_pass(p, &p->pass[k], half[at], half[!at]);
        p->store(out + t * p->plane_out * p->size, 1, half[at], p->plane_out);
    }
}
