/* argreduce.c: ArgMax and ArgMin: the index of the extreme element along an axis.
 *
 * The first of equals, or the last with select_last_index. NaN counts as more extreme than any number, as in NumPy.
 */
#include "runtime/ops/lines.h"

#include "runtime/mem.h"

enum { CHUNK = 512, TILE_WORK = 16384 };

/* Whether x beats the best so far; `last`: also when equal. */
#define BEATS(x, best, op) ((x) op (best) || ((x) != (x) && (best) == (best)))
#define EQUALS(x, best) ((x) == (best) || ((x) != (x) && (best) != (best)))
#define FIND(name, T, op) \
    static void name(const void *x_, int64_t n, int64_t at, bool last, void *best_, int64_t *index) { \
        const T *x = x_; T best = *(T *)best_; \
        for (int64_t i = 0; i < n; i++) \
            if (at + i == 0 || BEATS(x[i], best, op) || (last && EQUALS(x[i], best))) { best = x[i]; *index = at + i; } \
        *(T *)best_ = best; }

FIND(max_f32, float, >)
FIND(max_f64, double, >)
FIND(max_i64, int64_t, >)
FIND(max_u64, uint64_t, >)
FIND(min_f32, float, <)
FIND(min_f64, double, <)
FIND(min_i64, int64_t, <)
FIND(min_u64, uint64_t, <)

typedef void find_fn(const void *x, int64_t n, int64_t at, bool last, void *best, int64_t *index);
static find_fn *const loops[2][ALT_WIDE_COUNT] = {{min_f32, min_f64, min_i64, min_u64}, {max_f32, max_f64, max_i64, max_u64}};

struct argreduce {
    struct alt_lines lines;
    find_fn *find;
    alt_load_fn *load;
    size_t size, wide_size;
    bool last;
    int64_t lines_a_tile;
};

static int64_t find_in_line(const struct argreduce *r, const char *data)
{
    _Alignas(64) char block[CHUNK * ALT_WIDE_SIZE];
    _Alignas(8) char best[ALT_WIDE_SIZE] = {0};
    int64_t index = 0;
    for (int64_t at = 0; at < r->lines.length; at += CHUNK) {
        const int64_t left = r->lines.length - at, n = left < CHUNK ? left : CHUNK;
        alt_lines_gather(&r->lines, ALT_LINE_IN, r->load, r->size, data, at, n, block, r->wide_size);
        r->find(block, n, at, r->last, best, &index);
    }
    return index;
}

static void run(const struct alt_kargs *args)
{
    const struct argreduce *r = args->params;
    for (int64_t t = args->begin; t < args->end; t++) {
        const int64_t end = (t + 1) * r->lines_a_tile;
        for (int64_t i = t * r->lines_a_tile; i < end && i < r->lines.count; i++) {
            const char *data = args->operand[0].data;
            int64_t *out = args->operand[1].data;
            out[alt_axes_offset(&r->lines.kept, 1, i)] =
                find_in_line(r, data + alt_axes_offset(&r->lines.kept, 0, i) * (int64_t)r->size);
        }
    }
}

static int bind(struct alt_kernel_bind *b)
{
    struct argreduce *r = alt_arena_alloc(b->arena, sizeof *r);
    const struct alt_operand *in = &b->in[0], *out = &b->out[0];
    struct alt_line_box box;
    const int rank = in->phys_rank;
    const int64_t axis = alt_attr_int(b->node, "axis", 0);
    const int along = (int)(axis < 0 ? axis + rank : axis);
    if (!r)
        return ALT_E_NOMEM;
    alt_line_box_set(&box, in, NULL);
    for (int d = 0; d < rank; d++)
        box.stride[ALT_LINE_OUT][d] = d == along ? 0 : out->stride[out->phys_rank == rank || d < along ? d : d - 1];
    if (!alt_lines_prepare(&r->lines, &box, rank ? 1u << along : 0))
        return alt_bind_fail(b, ALT_E_SHAPE, "too many elements");
    if (r->lines.length == 0 && r->lines.count > 0)
        return alt_bind_fail(b, ALT_E_SHAPE, "axis %lld has no elements", (long long)axis);
    const enum alt_wide wide = alt_wide_of(in->dtype);
    r->find = loops[b->node->op == ALT_OP_ARG_MAX][wide];
    r->load = alt_wide_load(in->dtype);
    r->size = alt_dtype_size(in->dtype);
    r->wide_size = alt_wide_size(wide);
    r->last = alt_attr_int(b->node, "select_last_index", 0) != 0;
    r->lines_a_tile = r->lines.length < TILE_WORK ? TILE_WORK / (r->lines.length + 1) : 1;
    b->params = r;
    b->range = (r->lines.count + r->lines_a_tile - 1) / r->lines_a_tile;
    b->flops = 2 * (double)r->lines.count * (double)r->lines.length;
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel max = {.name = "arg_max", .fn = run, .bind = bind, .flags = ALT_KERNEL_STRIDED};
    static const struct alt_kernel min = {.name = "arg_min", .fn = run, .bind = bind, .flags = ALT_KERNEL_STRIDED};
    if (alt_wide_of(sel->in[0].dtype) == ALT_WIDE_NONE)
        return alt_select_unsupported(sel);
    *out = sel->node->op == ALT_OP_ARG_MAX ? &max : &min;
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    const bool keep = alt_attr_int(inf->node, "keepdims", 1) != 0;
    struct alt_shape shape = {.rank = -1};
    int axis = 0;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_NUMBER));
    const struct alt_shape *in = &inf->in[0]->shape;
    if (in->rank > 0)
        ALT_CHECK(alt_infer_axis(inf, alt_attr_int(inf->node, "axis", 0), in->rank, &axis));
    if (in->rank >= 0)
        shape.rank = 0;
    for (int d = 0; d < in->rank; d++)
        if (d != axis || keep)
            shape.dim[shape.rank++] = d == axis ? 1 : in->dim[d];
    alt_infer_set(inf, 0, ALT_INT64, &shape);
    return ALT_OK;
}

const struct alt_op_impl alt_op_argreduce = {.infer = infer, .select = choose};
