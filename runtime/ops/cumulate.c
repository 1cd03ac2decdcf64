/* cumulate.c: CumSum and CumProd along one axis.
 *
 * Order of accumulation: one element after the other from the start (from the end with `reverse`); float16 and bfloat16 in
 * float32, each result rounded; integers wrap around. With `exclusive` an element does not take part in its own result.
 */
#include "runtime/ops/linemap.h"

#include "runtime/mem.h"

struct cumulate {
    struct alt_linemap map; /* its param is this struct */
    bool exclusive, reverse;
};

#define RUN_ALONG(name, T, start, op) \
    static void name(T *x, int64_t n, int64_t step, bool exclusive) { \
        T acc = start; \
        for (int64_t i = 0; i < n; i++, x += step) { const T here = *x, next = acc op here; \
            *x = exclusive ? acc : next; acc = next; } }

RUN_ALONG(sum_f32, float, 0, +)
RUN_ALONG(sum_f64, double, 0, +)
RUN_ALONG(sum_u64, uint64_t, 0, +)
RUN_ALONG(prod_f32, float, 1, *)
RUN_ALONG(prod_f64, double, 1, *)
RUN_ALONG(prod_u64, uint64_t, 1, *)

#define LINE(name) \
    static void name(const struct alt_linemap *map, struct alt_line *line) { \
        const struct cumulate *c = map->param; const int64_t step = c->reverse ? -1 : 1, at = c->reverse ? line->n - 1 : 0; \
        if (line->n == 0) return; \
        if (map->wide == ALT_WIDE_F32) name##_f32((float *)line->x + at, line->n, step, c->exclusive); \
        else if (map->wide == ALT_WIDE_F64) name##_f64((double *)line->x + at, line->n, step, c->exclusive); \
        else name##_u64((uint64_t *)line->x + at, line->n, step, c->exclusive); }
LINE(sum)
LINE(prod)

/* The axis is the content of input 1, one integer. */
static bool read_axis(const struct alt_operand *o, int rank, int *axis)
{
    if (!o->known || alt_dims_count(o->phys_rank, o->extent) != 1)
        return false;
    const int64_t given = o->dtype == ALT_INT64 ? *(const int64_t *)o->known : *(const int32_t *)o->known;
    if (given < -rank || given >= rank)
        return false;
    *axis = (int)(given < 0 ? given + rank : given);
    return true;
}

static int bind(struct alt_kernel_bind *b)
{
    struct cumulate *c = alt_arena_alloc(b->arena, sizeof *c);
    struct alt_line_box box;
    int axis;
    if (!c)
        return ALT_E_NOMEM;
    if (!read_axis(&b->in[1], b->in[0].phys_rank, &axis))
        return alt_bind_fail(b, ALT_E_SHAPE, "input 1 must be one axis of input 0");
    c->exclusive = alt_attr_int(b->node, "exclusive", 0) != 0;
    c->reverse = alt_attr_int(b->node, "reverse", 0) != 0;
    c->map.fn = b->node->op == ALT_OP_CUM_SUM ? sum : prod;
    c->map.param = c;
    alt_line_box_set(&box, &b->in[0], &b->out[0]);
    return alt_linemap_bind(b, &c->map, &box, 1u << axis, 2);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel sums = {.name = "cum_sum", .fn = alt_linemap_run, .bind = bind, .flags = ALT_KERNEL_STRIDED};
    static const struct alt_kernel prods = {
        .name = "cum_prod", .fn = alt_linemap_run, .bind = bind, .flags = ALT_KERNEL_STRIDED};
    if (alt_wide_of(sel->in[0].dtype) == ALT_WIDE_NONE)
        return alt_select_unsupported(sel);
    *out = sel->node->op == ALT_OP_CUM_SUM ? &sums : &prods;
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    int64_t axis;
    int count;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_NUMBER));
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_SIGNED));
    if (inf->in[1]->dtype != ALT_INT32 && inf->in[1]->dtype != ALT_INT64)
        return alt_infer_fail(inf, ALT_E_MODEL, "input 1 must be int32 or int64");
    alt_infer_like(inf, 0, 0);
    /* The shape does not depend on the axis, but the kernel is bound to it. */
    if (inf->concrete && !alt_infer_ints(inf, 1, 1, &axis, &count))
        return alt_infer_defer(inf, 1);
    return ALT_OK;
}

const struct alt_op_impl alt_op_cumulate = {.infer = infer, .select = choose};
