/* lpnorm.c: LpNormalization (a line divided by its 1- or 2-norm) and MeanVarianceNormalization (zero mean, unit variance
 * over `axes`). Sums have the order of vec.h. A line of zeros stays one.
 */
#include "runtime/ops/linemap.h"

#include "runtime/mem.h"
#include "runtime/ops/vec.h"

static void divide_by_l1(const struct alt_linemap *map, struct alt_line *line)
{
    const double norm = alt_vec_sum_abs(map->wide, line->x, line->n);
    if (norm != 0)
        alt_vec_divide(map->wide, line->x, line->n, norm);
}

static void divide_by_l2(const struct alt_linemap *map, struct alt_line *line)
{
    const double norm = alt_scalar_sqrt(map->wide, alt_vec_sum_squares(map->wide, line->x, line->n));
    if (norm != 0)
        alt_vec_divide(map->wide, line->x, line->n, norm);
}

/* The deviation has 1e-9 added to it (ONNX, MeanVarianceNormalization, function body). */
static void mean_variance(const struct alt_linemap *map, struct alt_line *line)
{
    const double n = (double)line->n;
    alt_vec_subtract(map->wide, line->x, line->n,
                     alt_scalar_divide(map->wide, alt_vec_sum(map->wide, line->x, line->n), n));
    const double variance = alt_scalar_divide(map->wide, alt_vec_sum_squares(map->wide, line->x, line->n), n);
    alt_vec_divide(map->wide, line->x, line->n, alt_scalar_add(map->wide, alt_scalar_sqrt(map->wide, variance), 1e-9));
}

static bool by_variance(const struct alt_node *n) { return n->op == ALT_OP_MEAN_VARIANCE_NORMALIZATION; }

/* False when an axis is out of range. */
static bool read_mask(const struct alt_node *n, int rank, unsigned *mask)
{
    static const int64_t standard[] = {0, 2, 3};
    const int64_t *axes = standard, axis = alt_attr_int(n, "axis", -1);
    int64_t count = 3;
    if (by_variance(n) && alt_attr_has(n, "axes"))
        count = alt_attr_ints(n, "axes", &axes);
    if (!by_variance(n)) {
        axes = &axis;
        count = 1;
    }
    return alt_axes_mask(axes, count, rank, false, mask);
}

static int bind(struct alt_kernel_bind *b)
{
    struct alt_linemap *map = alt_arena_alloc(b->arena, sizeof *map);
    struct alt_line_box box;
    unsigned mask;
    if (!map)
        return ALT_E_NOMEM;
    if (!read_mask(b->node, b->in[0].phys_rank, &mask))
        return alt_bind_fail(b, ALT_E_MODEL, "axes are out of range");
    map->fn = by_variance(b->node) ? mean_variance : alt_attr_int(b->node, "p", 2) == 1 ? divide_by_l1 : divide_by_l2;
    alt_line_box_set(&box, &b->in[0], &b->out[0]);
    return alt_linemap_bind(b, map, &box, mask, 4);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel lp = {.name = "lp_norm", .fn = alt_linemap_run, .bind = bind, .flags = ALT_KERNEL_STRIDED};
    static const struct alt_kernel mean = {
        .name = "mean_variance_norm", .fn = alt_linemap_run, .bind = bind, .flags = ALT_KERNEL_STRIDED};
    const enum alt_wide wide = alt_wide_of(sel->in[0].dtype);
    if (wide != ALT_WIDE_F32 && wide != ALT_WIDE_F64)
        return alt_select_unsupported(sel);
    *out = by_variance(sel->node) ? &mean : &lp;
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    unsigned ignored;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT));
    const int rank = alt_infer_rank(inf, 0);
    const int64_t p = alt_attr_int(inf->node, "p", 2);
    if (p != 1 && p != 2)
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute p must be 1 or 2");
    if (rank >= 0 && !read_mask(inf->node, rank, &ignored))
        return alt_infer_fail(inf, ALT_E_MODEL, "axes are outside [%d, %d)", -rank, rank);
    alt_infer_like(inf, 0, 0);
    return ALT_OK;
}

const struct alt_op_impl alt_op_lpnorm = {.infer = infer, .select = choose};
