/* range.c: Range: start, start + delta, ... up to limit. */
#include "runtime/ops/data.h"
#include "runtime/ops/wide.h"

#include <math.h>
#include <string.h>

/* Elements of a float range; false when the number makes no sense. */
static bool float_count(double start, double limit, double delta, int64_t *count)
{
    double n = ceil((limit - start) / delta);
    if (!(n < 0x1p53))
        return false;
    *count = n > 0 ? (int64_t)n : 0;
    return true;
}

static bool int_count(int64_t start, int64_t limit, int64_t delta, int64_t *count)
{
    int64_t distance;
    if (__builtin_sub_overflow(limit, start, &distance) || delta == 0 || delta == INT64_MIN)
        return false;
    *count = distance == 0 || (distance < 0) != (delta < 0) ? 0 : distance / delta + (distance % delta != 0);
    return true;
}

/* Extent from contents that may be symbolic: limit - start for steps of 1, else not known. */
static alt_dim symbolic_count(struct alt_infer *inf, const alt_dim *part)
{
    if (part[2] != 1 || part[0] == ALT_DIM_BAD || part[1] == ALT_DIM_BAD || alt_dim_negative(part[0]) ||
        alt_dim_negative(part[1]))
        return alt_dim_unknown(inf->dims);
    return alt_dim_sub(inf->dims, alt_dim_max(inf->dims, part[1], part[0]), part[0]);
}

/* An integer range of known numbers, when it is short, is a content. */
static alt_status number_content(struct alt_infer *inf, int64_t start, int64_t delta, int64_t count)
{
    alt_dim content[ALT_CONTENT_MAX];
    if (count > ALT_CONTENT_MAX)
        return ALT_OK;
    for (int64_t i = 0; i < count; i++, start = (int64_t)((uint64_t)start + (uint64_t)delta))
        content[i] = alt_dim_from_int(start);
    return alt_infer_set_content(inf, 0, content, (int)count);
}

static alt_status infer_ints(struct alt_infer *inf)
{
    alt_dim part[3];
    int64_t number[3];
    struct alt_shape out = {.rank = 1};
    bool numbers = true;
    for (int i = 0; i < 3; i++) {
        int count;
        bool known = alt_infer_content(inf, i, 1, &part[i], &count) && count == 1;
        if (!known && inf->concrete) {
            alt_infer_set_rank(inf, 0, inf->in[0]->dtype, 1);
            return alt_infer_defer(inf, i);
        }
        numbers = alt_infer_ints(inf, i, 1, &number[i], &count) && numbers;
        part[i] = known ? part[i] : ALT_DIM_BAD;
    }
    if (!numbers) {
        out.dim[0] = symbolic_count(inf, part);
        alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
        return ALT_OK;
    }
    if (!int_count(number[0], number[1], number[2], &out.dim[0]))
        return alt_infer_fail(inf, ALT_E_SHAPE, "no range from %lld to %lld in steps of %lld", (long long)number[0],
                              (long long)number[1], (long long)number[2]);
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return number_content(inf, number[0], number[2], out.dim[0]);
}

static alt_status infer(struct alt_infer *inf)
{
    double value[3];
    struct alt_shape out = {.rank = 1};
    for (int i = 0; i < 3; i++) {
        ALT_CHECK(alt_infer_expect(inf, i, ALT_CLASS_NUMBER));
        ALT_CHECK(alt_infer_same_dtype(inf, 0, i));
        int64_t count = alt_dims_count(inf->in[i]->shape.rank, inf->in[i]->shape.dim);
        if (inf->in[i]->shape.rank >= 0 && alt_shape_known(&inf->in[i]->shape) && count != 1)
            return alt_infer_fail(inf, ALT_E_SHAPE, "input %d must hold one element", i);
    }
    if (alt_dtype_class(inf->in[0]->dtype) & ALT_CLASS_INT)
        return infer_ints(inf);
    for (int i = 0; i < 3; i++) {
        if (!inf->in[i]->known) {
            alt_infer_set_rank(inf, 0, inf->in[0]->dtype, 1);
            return alt_infer_wait(inf, i);
        }
        value[i] = alt_tensor_float(inf->in[i]->known, 0);
    }
    if (!float_count(value[0], value[1], value[2], &out.dim[0]))
        return alt_infer_fail(inf, ALT_E_SHAPE, "no range from %g to %g in steps of %g", value[0], value[1], value[2]);
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    return ALT_OK;
}

enum { TILE = 4096, BLOCK = 64 };

struct plan {
    enum alt_wide wide;
    alt_load_fn *load;
    alt_store_fn *store;
    int64_t count, size;
};

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    alt_dtype dtype = b->out[0].dtype;
    p->wide = alt_wide_of(dtype);
    p->load = alt_wide_load(dtype);
    p->store = alt_wide_store(p->wide, dtype);
    p->count = alt_operand_count(&b->out[0]);
    p->size = (int64_t)alt_dtype_size(dtype);
    b->params = p;
    b->range = (p->count + TILE - 1) / TILE;
    b->flops = (double)p->count;
    return ALT_OK;
}

union wide_block {
    float f32[BLOCK];
    double f64[BLOCK];
    uint64_t u64[BLOCK];
};

static void range_block(const struct plan *p, const struct alt_kargs *args, int64_t first, int64_t n)
{
    union wide_block start, delta, out;
    p->load(&start, args->operand[0].data, 1, 1);
    p->load(&delta, args->operand[2].data, 1, 1);
    for (int64_t i = 0; i < n; i++) {
        if (p->wide == ALT_WIDE_F32)
            out.f32[i] = start.f32[0] + (float)(first + i) * delta.f32[0];
        else if (p->wide == ALT_WIDE_F64)
            out.f64[i] = start.f64[0] + (double)(first + i) * delta.f64[0];
        else
            out.u64[i] = start.u64[0] + (uint64_t)(first + i) * delta.u64[0];
    }
    p->store((char *)args->operand[3].data + first * p->size, 1, &out, n);
}

static void range(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    int64_t last = args->end * TILE < p->count ? args->end * TILE : p->count;
    for (int64_t i = args->begin * TILE; i < last; i += BLOCK)
        range_block(p, args, i, last - i < BLOCK ? last - i : BLOCK);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "range", .fn = range, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_wide_load(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_range = {.infer = infer, .select = choose};
