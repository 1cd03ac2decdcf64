/* quantize.c: QuantizeLinear and DequantizeLinear: types, shapes, binding; see quantize.h. */
#include "runtime/ops/quantize.h"

#include "runtime/infer.h"
#include "runtime/ops/data.h"
#include "runtime/small_float.h"

enum { X, SCALE, ZERO };

bool alt_quantised_read(alt_dtype dtype, struct alt_quantised *out)
{
    static const struct alt_quantised ints[] = {
        {ALT_INT8, 8, true, INT8_MIN, INT8_MAX, NULL},   {ALT_UINT8, 8, true, 0, UINT8_MAX, NULL},
        {ALT_INT16, 16, true, INT16_MIN, INT16_MAX, NULL}, {ALT_UINT16, 16, true, 0, UINT16_MAX, NULL},
        {ALT_INT4, 4, true, -8, 7, NULL},                {ALT_UINT4, 4, true, 0, 15, NULL},
        {ALT_INT2, 2, true, -2, 1, NULL},                {ALT_UINT2, 2, true, 0, 3, NULL},
    };
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
        if (ints[i].dtype == dtype) {
            *out = ints[i];
            return true;
        }
    *out = (struct alt_quantised){.dtype = dtype, .bits = alt_dtype_bits(dtype), .small = alt_small_float(dtype)};
    return out->small != NULL;
}

static bool dequantizes(const struct alt_node *n) { return n->op == ALT_OP_DEQUANTIZE_LINEAR; }

/* int32, as biases are, is only ever dequantised. */
static bool read_type(alt_dtype dtype, bool dequantize, struct alt_quantised *out)
{
    if (dtype != ALT_INT32 || !dequantize)
        return alt_quantised_read(dtype, out);
    *out = (struct alt_quantised){ALT_INT32, 32, true, INT32_MIN, INT32_MAX, NULL};
    return true;
}

static bool given(const struct alt_kernel_bind *b, int i) { return i < b->n_in && b->in[i].dtype != ALT_NONE; }

/* Finds out which elements share a scale. */
static alt_status read_grain(struct alt_kernel_bind *b, struct alt_quantize *q)
{
    const struct alt_operand *x = &b->in[X], *s = &b->in[SCALE];
    const int64_t block = alt_attr_int(b->node, "block_size", 0), axis = alt_attr_int(b->node, "axis", 1);
    q->grain = ALT_GRAIN_TENSOR;
    q->count = alt_operand_count(x);
    if (given(b, ZERO) && alt_operand_count(&b->in[ZERO]) != alt_operand_count(s))
        return alt_bind_fail(b, ALT_E_SHAPE, "scale and zero point have different numbers of elements");
    if (block == 0 && s->rank < 2 && alt_operand_count(s) == 1)
        return ALT_OK;
    if (axis < -x->rank || axis >= x->rank)
        return alt_bind_fail(b, ALT_E_MODEL, "axis is %lld, outside [-%d, %d)", (long long)axis, x->rank, x->rank);
    const int a = alt_axis_of(axis, x->rank);
    q->grain = block ? ALT_GRAIN_BLOCK : ALT_GRAIN_AXIS;
    q->extent = x->dim[a];
    q->inner = alt_dims_count(x->rank - a - 1, x->dim + a + 1);
    q->block = block;
    q->blocks = block ? q->extent / block + (q->extent % block != 0) : q->extent;
    bool fits = block ? s->rank == x->rank : s->rank == 1 && s->dim[0] == q->extent;
    for (int d = 0; block && fits && d < x->rank; d++)
        fits = s->dim[d] == (d == a ? q->blocks : x->dim[d]);
    return fits ? ALT_OK : alt_bind_fail(b, ALT_E_SHAPE, "the scale is neither one number, nor one for each position along axis "
                                         "%d, nor one for each block of block_size", a);
}

static alt_dtype precision_of(const struct alt_kernel_bind *b)
{
    const alt_dtype scale = b->in[SCALE].dtype, asked = (alt_dtype)alt_attr_int(b->node, "precision", 0);
    const alt_dtype p = asked ? asked : scale;
    return p == ALT_FLOAT16 || p == ALT_BFLOAT16 ? p : ALT_FLOAT32;
}

static void fill_values(struct alt_quantize *q)
{
    for (int code = 0; code < 1 << q->type.bits; code++) {
        const uint8_t byte = (uint8_t)code;
        const struct alt_tensor one = {.dtype = q->type.dtype, .data = &byte, .bytes = 1};
        q->value[code] = (float)alt_tensor_float(&one, 0);
    }
}

static int bind(struct alt_kernel_bind *b)
{
    struct alt_quantize *q = alt_arena_alloc(b->arena, sizeof *q);
    const bool back = dequantizes(b->node);
    if (!q)
        return ALT_E_NOMEM;
    q->real = back ? b->out[0].dtype : b->in[X].dtype;
    q->scale = b->in[SCALE].dtype;
    q->zero = given(b, ZERO) ? b->in[ZERO].dtype : ALT_NONE;
    q->precision = precision_of(b);
    q->saturate = alt_attr_int(b->node, "saturate", 1) != 0;
    q->real_size = alt_dtype_size(q->real);
    q->scale_size = alt_dtype_size(q->scale);
    q->load = alt_wide_of(q->real) == ALT_WIDE_F32 ? alt_wide_load(q->real) : NULL;
    q->load_scale = alt_wide_of(q->scale) == ALT_WIDE_F32 ? alt_wide_load(q->scale) : NULL;
    q->store = alt_wide_store(ALT_WIDE_F32, q->real);
    if (!read_type(back ? b->in[X].dtype : b->out[0].dtype, back, &q->type))
        return alt_bind_fail(b, ALT_E_UNSUPPORTED, "no kernel for %s", alt_dtype_name(b->in[X].dtype));
    ALT_CHECK(read_grain(b, q));
    if (back && q->type.small)
        fill_values(q);
    b->params = q;
    b->range = (q->count + ALT_QUANTIZE_TILE - 1) / ALT_QUANTIZE_TILE;
    b->flops = (q->type.is_int ? 4 : 20) * (double)q->count;
    return ALT_OK;
}

static bool is_real(alt_dtype dtype) { return alt_wide_of(dtype) == ALT_WIDE_F32; }

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel forth = {.name = "quantize", .fn = alt_quantize_run, .bind = bind};
    static const struct alt_kernel back = {.name = "dequantize", .fn = alt_dequantize_run, .bind = bind};
    const bool dequantize = dequantizes(sel->node);
    const alt_dtype from = sel->in[X].dtype, to = sel->out[0].dtype, scale = sel->in[SCALE].dtype;
    struct alt_quantised ignored;
    bool fits = is_real(scale) || scale == ALT_FLOAT8E8M0 || scale == ALT_INT32;
    fits &= dequantize ? read_type(from, true, &ignored) && is_real(to)
                       : (is_real(from) || from == ALT_INT32) && read_type(to, false, &ignored);
    for (int i = 0; i < sel->n_in; i++)
        fits &= !sel->in[i].layout;
    if (!fits || sel->out[0].layout)
        return alt_select_unsupported(sel);
    *out = dequantize ? &back : &forth;
    return ALT_OK;
}

/* The type that output_dtype names; NONE when it is not given. */
static alt_status output_dtype(struct alt_infer *inf, alt_dtype *out)
{
    const int64_t given_type = alt_attr_int(inf->node, "output_dtype", 0);
    if (given_type < 0 || given_type > INT32_MAX || (given_type && alt_dtype_bits((alt_dtype)given_type) == 0))
        return alt_infer_fail(inf, ALT_E_MODEL, "output_dtype (%lld) names no element type", (long long)given_type);
    *out = (alt_dtype)given_type;
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    const bool back = dequantizes(inf->node);
    alt_dtype to = ALT_NONE;
    ALT_CHECK(alt_infer_expect(inf, X, ALT_CLASS_NUMBER | ALT_CLASS_SMALL));
    ALT_CHECK(alt_infer_expect(inf, SCALE, ALT_CLASS_FLOAT | ALT_CLASS_SIGNED | ALT_CLASS_SMALL));
    ALT_CHECK(output_dtype(inf, &to));
    if (alt_infer_has(inf, ZERO)) {
        ALT_CHECK(alt_infer_expect(inf, ZERO, ALT_CLASS_INT | ALT_CLASS_SMALL));
        if (back)
            ALT_CHECK(alt_infer_same_dtype(inf, X, ZERO));
        else if (to != ALT_NONE && to != inf->in[ZERO]->dtype)
            return alt_infer_fail(inf, ALT_E_MODEL, "output_dtype is %s, but the zero point is %s", alt_dtype_name(to),
                                  alt_dtype_name(inf->in[ZERO]->dtype));
        else
            to = inf->in[ZERO]->dtype;
    }
    if (alt_attr_int(inf->node, "block_size", 0) < 0)
        return alt_infer_fail(inf, ALT_E_MODEL, "block_size is negative");
    const alt_dtype scale = inf->in[SCALE]->dtype;
    if (to == ALT_NONE)
        to = !back ? ALT_UINT8 : is_real(scale) ? scale : ALT_FLOAT32;
    alt_infer_set(inf, 0, to, &inf->in[X]->shape);
    return ALT_OK;
}

const struct alt_op_impl alt_op_quantize = {.infer = infer, .select = choose};
