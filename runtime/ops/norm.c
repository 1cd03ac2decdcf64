/* norm.c: normalising a line; see norm.h. */
#include "runtime/ops/norm.h"

#include "runtime/ops/vec.h"

bool alt_norm_part_set(struct alt_norm_part *part, const struct alt_kernel_bind *bind, int arg,
                       const struct alt_line_box *box, int k, unsigned mask)
{
    const alt_dtype dtype = bind->in[arg].dtype;
    *part = (struct alt_norm_part){.arg = arg, .load = alt_wide_load(dtype), .size = alt_dtype_size(dtype), .shared = true};
    for (int d = 0; d < box->rank; d++) {
        if (box->extent[d] == 1 || box->stride[k][d] == 0)
            continue;
        if (mask >> d & 1)
            part->varies = true;
        else
            part->shared = false;
    }
    return alt_wide_of(dtype) == alt_wide_of(bind->in[0].dtype);
}

void alt_norm_moments(const struct alt_norm *norm, struct alt_line *line, struct alt_moments *m)
{
    const enum alt_wide wide = norm->map.wide;
    const double n = (double)line->n;
    m->mean = norm->center ? alt_scalar_divide(wide, alt_vec_sum(wide, line->from, line->n), n) : 0;
    m->variance = alt_scalar_divide(wide, alt_vec_center(wide, line->x, line->from, line->n, m->mean), n);
    m->factor = alt_scalar_divide(wide, 1, alt_scalar_sqrt(wide, alt_scalar_add(wide, m->variance, norm->epsilon)));
}

/* The part's elements for this line and their step; `spare` holds a line and keeps shared ones within a tile. */
static const void *part_line(const struct alt_norm *norm, const struct alt_norm_part *part, int k,
                             const struct alt_line *line, char *spare, void *one, int64_t *step)
{
    const struct alt_lines *lines = &norm->map.lines;
    const char *data = line->args->operand[part->arg].data;
    data += alt_axes_offset(&lines->kept, k, line->index) * (int64_t)part->size;
    *step = part->varies;
    if (!part->varies) {
        part->load(one, data, 1, 1);
        return one;
    }
    if (part->size == norm->map.wide_size && alt_lines_dense(lines, k))
        return data;
    if (!part->shared || line->first)
        alt_lines_gather(lines, k, part->load, part->size, data, 0, line->n, spare, norm->map.wide_size);
    return spare;
}

static void store_stat(const struct alt_norm *norm, const struct alt_line *line, int operand, double value)
{
    _Alignas(8) char wide[ALT_WIDE_SIZE];
    if (!operand)
        return;
    alt_vec_set(norm->map.wide, wide, 0, value);
    norm->stat_store((char *)line->args->operand[operand].data + (size_t)line->index * norm->stat_size, 1, wide, 1);
}

void alt_norm_affine(const struct alt_norm *norm, struct alt_line *line, double factor)
{
    const struct alt_linemap *map = &norm->map;
    _Alignas(8) char one[2][ALT_WIDE_SIZE];
    char *spare = norm->bias.varies ? line->spare + (size_t)line->n * map->wide_size : NULL;
    int64_t scale_step = 0, bias_step = 0;
    const void *scale = norm->scale.arg ? part_line(norm, &norm->scale, ALT_LINE_MORE, line, line->spare, one[0], &scale_step) : NULL;
    const void *bias = norm->bias.arg ? part_line(norm, &norm->bias, ALT_LINE_MORE + 1, line, spare, one[1], &bias_step) : NULL;
    if (scale && bias && scale_step == bias_step) {
        alt_vec_affine(map->wide, line->x, line->n, factor, scale, bias, scale_step);
        return;
    }
    alt_vec_scale(map->wide, line->x, line->n, factor);
    if (scale)
        alt_vec_multiply_by(map->wide, line->x, line->n, scale, scale_step);
    if (bias)
        alt_vec_add_to(map->wide, line->x, line->n, bias, bias_step);
}

void alt_norm_line(const struct alt_linemap *map, struct alt_line *line)
{
    const struct alt_norm *norm = map->param;
    struct alt_moments m;
    alt_norm_moments(norm, line, &m);
    store_stat(norm, line, norm->mean_out, m.mean);
    store_stat(norm, line, norm->factor_out, m.factor);
    alt_norm_affine(norm, line, m.factor);
}
