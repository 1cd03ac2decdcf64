/* softmax.c: Softmax, LogSoftmax, Hardmax.
 *
 * Since opset 13 along one axis; before, over all axes from `axis` on (the input seen as a matrix). The largest element m
 * is subtracted first; the sum of exp(x - m) has the order of vec.h; then each element is divided by it (LogSoftmax:
 * x - m - log(sum)). float16 and bfloat16 are computed in float32. Hardmax marks the first of the largest.
 */
#include "runtime/ops/linemap.h"

#include "runtime/mem.h"
#include "runtime/ops/vec.h"

static void softmax(const struct alt_linemap *map, struct alt_line *line)
{
    const double m = alt_vec_max(map->wide, line->from, line->n);
    alt_vec_divide(map->wide, line->x, line->n, alt_vec_exp(map->wide, line->x, line->from, line->n, m));
}

static void log_softmax(const struct alt_linemap *map, struct alt_line *line)
{
    const double m = alt_vec_max(map->wide, line->x, line->n);
    const double sum = alt_vec_sum_exp(map->wide, line->x, line->n, m);
    alt_vec_subtract(map->wide, line->x, line->n, m);
    alt_vec_subtract(map->wide, line->x, line->n, alt_scalar_log(map->wide, sum));
}

static void hardmax(const struct alt_linemap *map, struct alt_line *line)
{
    const double m = alt_vec_max(map->wide, line->x, line->n);
    int64_t at = 0;
    while (at < line->n - 1 && !(alt_vec_get(map->wide, line->x, at) == m))
        at++;
    for (int64_t i = 0; i < line->n; i++)
        alt_vec_set(map->wide, line->x, i, i == at);
}

static int bind(struct alt_kernel_bind *b);

#define KERNEL(title) {.name = title, .fn = alt_linemap_run, .bind = bind, .flags = ALT_KERNEL_STRIDED}
static const struct row {
    enum alt_op op;
    struct alt_kernel kernel;
    alt_line_fn *fn;
    bool apart; /* see linemap.h */
    double cost;
} table[] = {
    {ALT_OP_SOFTMAX, KERNEL("softmax"), softmax, true, 30},
    {ALT_OP_LOG_SOFTMAX, KERNEL("log_softmax"), log_softmax, false, 30},
    {ALT_OP_HARDMAX, KERNEL("hardmax"), hardmax, false, 3},
};

static const struct row *row_of(enum alt_op op)
{
    const struct row *row = table;
    while (row->op != op)
        row++;
    return row;
}

static int64_t axis_of(const struct alt_node *n) { return alt_attr_int(n, "axis", n->opset < 13 ? 1 : -1); }

static int bind(struct alt_kernel_bind *b)
{
    const struct row *row = row_of(b->node->op);
    struct alt_linemap *map = alt_arena_alloc(b->arena, sizeof *map);
    struct alt_line_box box;
    if (!map)
        return ALT_E_NOMEM;
    const int rank = b->in[0].phys_rank;
    const int64_t given = axis_of(b->node), axis = rank == 0 ? 0 : given < 0 ? given + rank : given;
    const unsigned all = (1u << rank) - 1, from = all & ~((1u << axis) - 1);
    map->fn = row->fn;
    map->apart = row->apart;
    alt_line_box_set(&box, &b->in[0], &b->out[0]);
    return alt_linemap_bind(b, map, &box, b->node->opset < 13 ? from : all & 1u << axis, row->cost);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    const enum alt_wide wide = alt_wide_of(sel->in[0].dtype);
    if (wide != ALT_WIDE_F32 && wide != ALT_WIDE_F64)
        return alt_select_unsupported(sel);
    *out = &row_of(sel->node->op)->kernel;
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT));
    const int rank = alt_infer_rank(inf, 0);
    const int64_t axis = axis_of(inf->node);
    int ignored;
    /* As a matrix, axis may stand behind the last one: rows of one element. A scalar has one line. */
    const bool behind = (inf->node->opset < 13 && axis == rank) || rank == 0;
    if (rank >= 0 && !behind)
        ALT_CHECK(alt_infer_axis(inf, axis, rank, &ignored));
    alt_infer_like(inf, 0, 0);
    return ALT_OK;
}

const struct alt_op_impl alt_op_softmax = {.infer = infer, .select = choose};
