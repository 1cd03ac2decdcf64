/* affine_grid.c: AffineGrid: evenly spaced points of [-1, 1]^d taken through a matrix a batch, as GridSample wants them: the
 * last spatial axis is the first coordinate.
 */
#include "runtime/ops/data.h"
#include "runtime/ops/wide.h"

enum { MAX_AXES = 3 };

static alt_status infer(struct alt_infer *inf)
{
    alt_dim size[MAX_AXES + 2];
    int count;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT));
    ALT_CHECK(alt_infer_indices(inf, 1));
    ALT_CHECK(alt_infer_list(inf, 1, MAX_AXES + 2));
    const struct alt_shape *theta = &inf->in[0]->shape;
    if (theta->rank >= 0 && theta->rank != 3)
        return alt_infer_fail(inf, ALT_E_SHAPE, "theta must have 3 axes");
    if (alt_infer_arg(inf, NULL, 1, MAX_AXES + 2, size, &count) != ALT_ARG_KNOWN) {
        int64_t length = alt_infer_length(inf, 1);
        alt_infer_set_rank(inf, 0, inf->in[0]->dtype, length == 4 || length == 5 ? (int)length : -1);
        return alt_infer_wait(inf, 1);
    }
    if (count < 4)
        return alt_infer_fail(inf, ALT_E_SHAPE, "size must hold 4 or 5 extents");
    struct alt_shape out = {.rank = count, .dim = {size[0]}};
    for (int d = 2; d < count; d++)
        out.dim[d - 1] = size[d];
    out.dim[count - 1] = count - 2;
    for (int d = 0; d < count; d++) {
        if (alt_dim_negative(out.dim[d]))
            return alt_infer_fail(inf, ALT_E_SHAPE, "size holds a negative extent");
        out.dim[d] = out.dim[d] == ALT_DIM_BAD ? alt_dim_unknown(inf->dims) : out.dim[d];
    }
    const alt_dim want[] = {out.dim[0], count - 2, count - 1};
    for (int d = 0; d < theta->rank; d++)
        if (alt_dim_known(theta->dim[d]) && alt_dim_known(want[d]) && theta->dim[d] != want[d])
            return alt_infer_fail(inf, ALT_E_SHAPE, "axis %d of theta must have extent %lld", d, (long long)want[d]);
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return ALT_OK;
}

struct plan {
    int axes;
    int64_t extent[MAX_AXES], points, batches, size;
    bool align, single;
    alt_load_fn *load;
    alt_store_fn *store;
};

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *out = &b->out[0];
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    p->axes = out->rank - 2;
    for (int d = 0; d < p->axes; d++)
        p->extent[d] = out->dim[d + 1];
    p->points = alt_dims_count(p->axes, p->extent);
    p->batches = out->dim[0];
    p->size = (int64_t)alt_dtype_size(out->dtype);
    p->align = alt_attr_int(b->node, "align_corners", 0) != 0;
    p->single = alt_wide_of(out->dtype) == ALT_WIDE_F32;
    p->load = alt_wide_load(out->dtype);
    p->store = alt_wide_store(ALT_WIDE_F64, out->dtype);
    b->params = p;
    b->range = p->points ? p->batches * p->extent[0] : 0; /* a tile is one row or plane of a batch */
    b->flops = (double)alt_operand_count(out) * 2 * (p->axes + 1);
    return ALT_OK;
}

/* Coordinate of point i of n in [-1, 1]: corners at the ends, or half a step inside. */
static double coordinate(bool align, int64_t i, int64_t n)
{
    if (align)
        return n > 1 ? 2 * (double)i / (double)(n - 1) - 1 : -1;
    return (2 * (double)i + 1) / (double)n - 1;
}

static void read_theta(const struct plan *p, const struct alt_kargs *args, int64_t batch, double *theta)
{
    int n = p->axes * (p->axes + 1);
    float single[MAX_AXES * (MAX_AXES + 1)];
    const char *src = (const char *)args->operand[0].data + batch * n * p->size;
    p->load(p->single ? (void *)single : theta, src, 1, n);
    for (int i = 0; i < n && p->single; i++)
        theta[i] = (double)single[i];
}

static void affine_grid(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    int64_t per_tile = args->begin < args->end ? p->points / p->extent[0] : 0;
    for (int64_t tile = args->begin; tile < args->end; tile++) {
        double theta[MAX_AXES * (MAX_AXES + 1)];
        read_theta(p, args, tile / p->extent[0], theta);
        for (int64_t i = 0; i < per_tile; i++) {
            double point[MAX_AXES + 1], out[MAX_AXES];
            int64_t rest = tile % p->extent[0] * per_tile + i;
            for (int d = p->axes - 1; d >= 0; rest /= p->extent[d--])
                point[p->axes - 1 - d] = coordinate(p->align, rest % p->extent[d], p->extent[d]);
            point[p->axes] = 1;
            for (int r = 0; r < p->axes; r++) {
                out[r] = 0;
                for (int c = 0; c <= p->axes; c++)
                    out[r] += theta[r * (p->axes + 1) + c] * point[c];
            }
            p->store((char *)args->operand[2].data + (tile * per_tile + i) * p->axes * p->size, 1, out, p->axes);
        }
    }
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "affine_grid", .fn = affine_grid, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_wide_load(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_affine_grid = {.infer = infer, .select = choose};
