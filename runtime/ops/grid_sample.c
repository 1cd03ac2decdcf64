/* grid_sample.c: GridSample in any number of spatial axes: nearest, linear, cubic; zeros, border, reflection.
 *
 * Coordinates of the grid, last axis first, in [-1, 1] over the input, become places; each spatial axis has one, two or
 * four neighbours with weights, and an output is the sum over their product. What lies outside is 0, or is moved to the
 * border, or is mirrored at it: first the place, then, for linear and cubic, every neighbour. Neighbours and weights of a
 * grid point serve all channels. A tile is one batch's run of grid points.
 */
#include "runtime/ops/data.h"
#include "runtime/ops/wide.h"

#include <math.h>
#include <string.h>

enum mode { NEAREST, LINEAR, CUBIC, MODES };
enum padding { ZEROS, BORDER, REFLECTION, PADDINGS };
enum { MAX_AXES = ALT_MAX_RANK - 2, MAX_TAPS = 4, TILE_POINTS = 64 };

static int find(const char *const *names, int n, const char *name)
{
    int i = 0;
    while (i < n && strcmp(names[i], name) != 0)
        i++;
    return i;
}

/* Opset 16 calls linear and cubic "bilinear" and "bicubic". */
static enum mode mode_of(const struct alt_node *n)
{
    static const char *const names[] = {"nearest", "linear", "cubic"}, *const old[] = {"nearest", "bilinear", "bicubic"};
    const char *name = alt_attr_text(n, "mode", "linear");
    int mode = find(names, MODES, name);
    return (enum mode)(mode < MODES ? mode : find(old, MODES, name));
}

static enum padding padding_of(const struct alt_node *n)
{
    static const char *const names[] = {"zeros", "border", "reflection"};
    return (enum padding)find(names, PADDINGS, alt_attr_text(n, "padding_mode", "zeros"));
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_NUMBER));
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_FLOAT));
    const struct alt_shape *x = &inf->in[0]->shape, *grid = &inf->in[1]->shape;
    struct alt_shape out = *x;
    int rank = x->rank >= 0 ? x->rank : grid->rank;
    if (x->rank < 0 || grid->rank < 0) {
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, rank);
        return ALT_OK;
    }
    if (rank < 3 || grid->rank != rank)
        return alt_infer_fail(inf, ALT_E_SHAPE, "X and grid must have one rank, at least 3");
    if (alt_dim_known(grid->dim[rank - 1]) && grid->dim[rank - 1] != rank - 2)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the last axis of grid must hold %d coordinates", rank - 2);
    if (alt_dim_known(x->dim[0]) && alt_dim_known(grid->dim[0]) && x->dim[0] != grid->dim[0])
        return alt_infer_fail(inf, ALT_E_SHAPE, "X and grid differ in batch");
    for (int d = 2; d < rank; d++)
        out.dim[d] = grid->dim[d - 1];
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return ALT_OK;
}

struct plan {
    enum mode mode;
    enum padding padding;
    bool align;
    int axes, taps; /* spatial axes; neighbours an axis */
    int64_t extent[MAX_AXES], stride[MAX_AXES]; /* of X, elements */
    int64_t channels, plane, points, tiles_batch; /* elements of a channel; grid points and tiles of a batch */
    int64_t size, grid_size; /* bytes of an element */
    enum alt_wide wide, grid_wide;
    alt_load_fn *load, *load_grid;
    alt_store_fn *store;
};

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *x = &b->in[0], *out = &b->out[0];
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    p->mode = mode_of(b->node);
    p->padding = padding_of(b->node);
    p->align = alt_attr_int(b->node, "align_corners", 0) != 0;
    p->axes = x->rank - 2;
    p->taps = p->mode == NEAREST ? 1 : p->mode == LINEAR ? 2 : 4;
    for (int d = 0; d < p->axes; d++) {
        p->extent[d] = x->dim[d + 2];
        p->stride[d] = x->stride[d + 2];
    }
    p->channels = x->dim[1];
    p->plane = alt_dims_count(p->axes, p->extent);
    p->points = alt_dims_count(p->axes, out->dim + 2);
    p->tiles_batch = (p->points + TILE_POINTS - 1) / TILE_POINTS;
    p->size = (int64_t)alt_dtype_size(x->dtype);
    p->grid_size = (int64_t)alt_dtype_size(b->in[1].dtype);
    p->wide = alt_wide_of(x->dtype);
    p->grid_wide = alt_wide_of(b->in[1].dtype);
    p->load = alt_wide_load(x->dtype);
    p->load_grid = alt_wide_load(b->in[1].dtype);
    p->store = alt_wide_store(ALT_WIDE_F64, x->dtype);
    b->params = p;
    b->range = alt_operand_count(out) ? out->dim[0] * p->tiles_batch : 0;
    b->flops = (double)alt_operand_count(out) * pow(p->taps, p->axes) * 2;
    if (b->range && p->plane == 0)
        return alt_bind_fail(b, ALT_E_SHAPE, "an empty input cannot be sampled");
    return ALT_OK;
}

/* Mirrors x at low and high until it lies between. */
static double reflect(double x, double low, double high)
{
    double range = high - low, over = x < low ? low - x : x - high;
    if (!(over > 0))
        return x;
    if (!(range > 0))
        return low;
    double turns = floor(over / range), rest = over - turns * range;
    bool from_low = (x < low) == (fmod(turns, 2) == 0);
    return from_low ? low + rest : high - rest;
}

/* Neighbour i of an axis as an index, -1 when it counts as 0. */
static int64_t neighbour(const struct plan *p, int axis, double i)
{
    double last = (double)(p->extent[axis] - 1);
    if (p->padding == ZEROS)
        return i >= 0 && i <= last ? (int64_t)i : -1;
    if (p->padding == REFLECTION)
        i = trunc(p->align ? reflect(i, 0, last) : reflect(i, -0.5, last + 0.5));
    return i > 0 ? (int64_t)(i < last ? i : last) : 0;
}

/* Neighbours of one grid point along one axis. */
struct taps {
    int64_t offset[MAX_TAPS]; /* elements of X; -1: counts as 0 */
    double weight[MAX_TAPS];
};

static double cubic(double x)
{
    const double a = -0.75;
    x = fabs(x);
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/* `n`: coordinate in [-1, 1]. */
static void find_taps(const struct plan *p, int axis, double n, struct taps *t)
{
    double extent = (double)p->extent[axis], low = p->align ? 0 : -0.5, high = extent - 1 - low;
    double x = p->align ? (n + 1) / 2 * (extent - 1) : ((n + 1) * extent - 1) / 2;
    x = p->grid_wide == ALT_WIDE_F32 ? (double)(float)x : x; /* nearest: ties are those of float32 */
    if (p->mode == NEAREST)
        x = rint(x);
    if (x < low || x > high) {
        if (p->padding == BORDER)
            x = x < 0 ? 0 : x > extent - 1 ? extent - 1 : x;
        else if (p->padding == REFLECTION)
            x = reflect(x, low, high);
    }
    if (!(x > -4) || !(x < extent + 4)) /* NaN too: far outside */
        x = -4;
    double base = p->mode == NEAREST ? trunc(x) : floor(x), first = p->mode == CUBIC ? base - 1 : base;
    for (int k = 0; k < p->taps; k++) {
        double i = first + k, distance = fabs(x - i);
        int64_t index = neighbour(p, axis, i);
        t->offset[k] = index < 0 ? -1 : index * p->stride[axis];
        t->weight[k] = p->mode == NEAREST ? 1 : p->mode == LINEAR ? 1 - distance : cubic(distance);
    }
}

static double read_wide(enum alt_wide wide, alt_load_fn *load, const char *src)
{
    union {
        float f32;
        double f64;
        int64_t i64;
        uint64_t u64;
    } v;
    load(&v, src, 1, 1);
    switch (wide) {
    case ALT_WIDE_F32: return (double)v.f32;
    case ALT_WIDE_F64: return v.f64;
    case ALT_WIDE_I64: return (double)v.i64;
    default: return (double)v.u64;
    }
}

/* Sum over the neighbours of all axes of one channel. */
static double sample(const struct plan *p, const struct taps *taps, const char *plane)
{
    int count = 1;
    double sum = 0;
    for (int d = 0; d < p->axes; d++)
        count *= p->taps;
    for (int c = 0; c < count; c++) {
        double weight = 1;
        int64_t at = 0;
        bool inside = true;
        for (int d = p->axes - 1, rest = c; d >= 0; d--, rest /= p->taps) {
            const struct taps *t = &taps[d];
            inside = inside && t->offset[rest % p->taps] >= 0;
            at += t->offset[rest % p->taps];
            weight *= t->weight[rest % p->taps];
        }
        if (inside)
            sum += weight * read_wide(p->wide, p->load, plane + at * p->size);
    }
    return sum;
}

static void grid_sample(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    for (int64_t tile = args->begin; tile < args->end; tile++) {
        int64_t batch = tile / p->tiles_batch, first = tile % p->tiles_batch * TILE_POINTS;
        int64_t last = first + TILE_POINTS < p->points ? first + TILE_POINTS : p->points;
        const char *x = (const char *)args->operand[0].data + batch * p->channels * p->plane * p->size;
        char *out = (char *)args->operand[2].data + batch * p->channels * p->points * p->size;
        for (int64_t i = first; i < last; i++) {
            struct taps taps[MAX_AXES];
            const char *grid = (const char *)args->operand[1].data + (batch * p->points + i) * p->axes * p->grid_size;
            for (int d = 0; d < p->axes; d++) /* the grid names the last axis first */
                find_taps(p, d, read_wide(p->grid_wide, p->load_grid, grid + (p->axes - 1 - d) * p->grid_size), &taps[d]);
            for (int64_t c = 0; c < p->channels; c++) {
                double v = sample(p, taps, x + c * p->plane * p->size);
                p->store(out + (c * p->points + i) * p->size, 1, &v, 1);
            }
        }
    }
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "grid_sample", .fn = grid_sample, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    bool known = mode_of(sel->node) < MODES && padding_of(sel->node) < PADDINGS;
    return known && alt_wide_load(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_grid_sample = {.infer = infer, .select = choose};
