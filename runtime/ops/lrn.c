/* lrn.c: LRN: each element divided by (bias + alpha / size * sum of squares of the `size` channels around it)^beta.
 *
 * The squares of a window are added in ascending order of channels, in float32 (float64 for float64).
 */
#include "runtime/ops/linemap.h"

#include "runtime/mem.h"

#include <math.h>
#include <string.h>

struct lrn {
    struct alt_linemap map; /* its param is this struct */
    int64_t before, after;  /* channels of the window on each side */
    double ratio, bias, beta;
};

#define LRN(name, T, POW) \
    static void name(const struct lrn *p, const T *x, T *out, int64_t n) { \
        for (int64_t i = 0; i < n; i++) { T sum = 0; \
            const int64_t first = i > p->before ? i - p->before : 0, last = i < n - p->after ? i + p->after : n - 1; \
            for (int64_t c = first; c <= last; c++) sum += x[c] * x[c]; \
            out[i] = x[i] / POW((T)p->bias + (T)p->ratio * sum, (T)p->beta); } }
LRN(lrn_f32, float, powf)
LRN(lrn_f64, double, pow)

static void lrn_line(const struct alt_linemap *map, struct alt_line *line)
{
    if (line->n == 0)
        return;
    memcpy(line->spare, line->x, (size_t)line->n * map->wide_size);
    if (map->wide == ALT_WIDE_F32)
        lrn_f32(map->param, (const float *)(void *)line->spare, line->x, line->n);
    else
        lrn_f64(map->param, (const double *)(void *)line->spare, line->x, line->n);
}

static int bind(struct alt_kernel_bind *b)
{
    struct lrn *p = alt_arena_alloc(b->arena, sizeof *p);
    struct alt_line_box box;
    if (!p)
        return ALT_E_NOMEM;
    const int64_t size = alt_attr_int(b->node, "size", 1);
    p->before = (size - 1) / 2;
    p->after = size - 1 - p->before;
    p->ratio = (double)alt_attr_float(b->node, "alpha", 1e-4f) / (double)size;
    p->bias = (double)alt_attr_float(b->node, "bias", 1);
    p->beta = (double)alt_attr_float(b->node, "beta", 0.75f);
    p->map.fn = lrn_line;
    p->map.param = p;
    p->map.spare_lines = 1;
    alt_line_box_set(&box, &b->in[0], &b->out[0]);
    return alt_linemap_bind(b, &p->map, &box, 2, 2 * (double)size + 60);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "lrn", .fn = alt_linemap_run, .bind = bind, .flags = ALT_KERNEL_STRIDED};
    const enum alt_wide wide = alt_wide_of(sel->in[0].dtype);
    if (wide != ALT_WIDE_F32 && wide != ALT_WIDE_F64)
        return alt_select_unsupported(sel);
    *out = &kernel;
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_FLOAT));
    const int rank = alt_infer_rank(inf, 0);
    if (rank >= 0 && rank < 2)
        return alt_infer_fail(inf, ALT_E_SHAPE, "input 0 must have a channel axis");
    if (alt_attr_int(inf->node, "size", 0) < 1 || alt_attr_int(inf->node, "size", 0) > INT32_MAX)
        return alt_infer_fail(inf, ALT_E_MODEL, "attribute size must be positive");
    alt_infer_like(inf, 0, 0);
    return ALT_OK;
}

const struct alt_op_impl alt_op_lrn = {.infer = infer, .select = choose};
