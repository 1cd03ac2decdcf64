/* cast_small.c: Cast where one side is float8, float4 or an integer below a byte; see cast_small.h.
 *
 * Operands are dense, so elements are numbered alike on both sides. Blocks go through the input's wide type: float32 for
 * small floats, 64-bit integers for small integers. Rounding to a small float happens once: what float32 cannot hold comes
 * to it rounded to odd. Attributes: saturate, round_mode (ONNX, Cast).
 */
#include "runtime/ops/cast_small.h"

#include "runtime/half.h"
#include "runtime/mem.h"
#include "runtime/ops/codes.h"
#include "runtime/ops/wide.h"
#include "runtime/small_float.h"
#include "runtime/type.h"

#include <string.h>

enum { BLOCK = 512, TILE = 16384 }; /* multiples of 8: a block starts at a byte */

struct cast_small {
    alt_dtype from, to;
    unsigned from_bits, to_bits;
    enum alt_wide wide;                  /* of a block */
    alt_load_fn *load;                   /* of an input with a wide type of its own, else NULL */
    alt_store_fn *store;                 /* of an output with one, else NULL */
    const struct alt_small_float *small; /* of an output */
    bool saturate;
    enum alt_round round;
    int64_t count;
    float value[256]; /* of the codes of a small input float */
};

static bool is_int(alt_dtype dtype)
{
    return dtype == ALT_INT4 || dtype == ALT_UINT4 || dtype == ALT_INT2 || dtype == ALT_UINT2;
}

static bool is_signed(alt_dtype dtype) { return dtype == ALT_INT4 || dtype == ALT_INT2; }

static bool is_float(alt_dtype dtype) { return alt_small_float(dtype) || dtype == ALT_FLOAT8E8M0; }

static bool known(alt_dtype dtype) { return alt_wide_of(dtype) != ALT_WIDE_NONE || is_int(dtype) || is_float(dtype); }

static enum alt_wide wide_of(alt_dtype dtype)
{
    if (is_int(dtype))
        return is_signed(dtype) ? ALT_WIDE_I64 : ALT_WIDE_U64;
    return is_float(dtype) ? ALT_WIDE_F32 : alt_wide_of(dtype);
}

static void load_small(const struct cast_small *c, const uint8_t *data, int64_t at, int64_t n, void *block)
{
    const int64_t top = INT64_C(1) << (c->from_bits - 1);
    for (int64_t i = 0; i < n; i++) {
        const unsigned code = alt_code_at(data, c->from_bits, at + i);
        if (c->wide == ALT_WIDE_F32)
            ((float *)block)[i] = c->value[code];
        else
            ((int64_t *)block)[i] = is_signed(c->from) && (int64_t)code >= top ? (int64_t)code - 2 * top : (int64_t)code;
    }
}

/* Element i of a block as float32, rounded to odd where it does not fit. */
static float to_float(enum alt_wide wide, const void *block, int64_t i)
{
    double exact;
    if (wide == ALT_WIDE_F32)
        return ((const float *)block)[i];
    if (wide == ALT_WIDE_F64)
        exact = ((const double *)block)[i];
    else /* far beyond the largest of these formats long before float64 rounds */
        exact = wide == ALT_WIDE_I64 ? (double)((const int64_t *)block)[i] : (double)((const uint64_t *)block)[i];
    return alt_f64_to_f32_odd(exact);
}

static void store_float(const struct cast_small *c, uint8_t *data, int64_t at, int64_t n, const void *block)
{
    for (int64_t i = 0; i < n; i++) {
        const float x = to_float(c->wide, block, i);
        alt_code_put(data, c->to_bits, at + i,
                     c->small ? alt_small_of_f32(c->small, x, c->saturate) : alt_e8m0_of_f32(x, c->round, c->saturate));
    }
}

/* Floats are truncated and higher bits dropped, as for all integers below 32 bits (wide.h). */
static void store_int(const struct cast_small *c, uint8_t *data, int64_t at, int64_t n, const void *block)
{
    int8_t byte[BLOCK];
    alt_wide_store(c->wide, ALT_INT8)(byte, 1, block, n);
    for (int64_t i = 0; i < n; i++)
        alt_code_put(data, c->to_bits, at + i, (unsigned)byte[i]);
}

static void run_tile(const struct cast_small *c, const char *in, char *out, int64_t at, int64_t end)
{
    _Alignas(64) char block[BLOCK * ALT_WIDE_SIZE];
    for (int64_t n; at < end; at += n) {
        n = end - at < BLOCK ? end - at : BLOCK;
        if (c->load)
            c->load(block, in + at * (int64_t)(c->from_bits / 8), 1, n);
        else
            load_small(c, (const uint8_t *)in, at, n, block);
        if (c->store)
            c->store(out + at * (int64_t)(c->to_bits / 8), 1, block, n);
        else if (is_int(c->to))
            store_int(c, (uint8_t *)out, at, n, block);
        else
            store_float(c, (uint8_t *)out, at, n, block);
    }
}

static void run(const struct alt_kargs *args)
{
    const struct cast_small *c = args->params;
    for (int64_t t = args->begin; t < args->end; t++) {
        const int64_t end = (t + 1) * TILE;
        run_tile(c, args->operand[0].data, args->operand[args->operand_count - 1].data, t * TILE,
                 end < c->count ? end : c->count);
    }
}

static void fill_values(struct cast_small *c)
{
    for (int code = 0; code < 1 << c->from_bits; code++) {
        const uint8_t byte = (uint8_t)code;
        const struct alt_tensor one = {.dtype = c->from, .data = &byte, .bytes = 1};
        c->value[code] = (float)alt_tensor_float(&one, 0);
    }
}

static enum alt_round round_mode(const struct alt_node *n)
{
    const char *mode = alt_attr_text(n, "round_mode", "up");
    return strcmp(mode, "down") == 0 ? ALT_ROUND_DOWN : strcmp(mode, "nearest") == 0 ? ALT_ROUND_NEAREST : ALT_ROUND_UP;
}

static int bind(struct alt_kernel_bind *b)
{
    struct cast_small *c = alt_arena_alloc(b->arena, sizeof *c);
    if (!c)
        return ALT_E_NOMEM;
    c->from = b->in[0].dtype;
    c->to = b->out[0].dtype;
    c->from_bits = alt_dtype_bits(c->from);
    c->to_bits = alt_dtype_bits(c->to);
    c->wide = wide_of(c->from);
    c->load = alt_wide_load(c->from);
    c->store = alt_wide_store(c->wide, c->to);
    c->small = alt_small_float(c->to);
    c->saturate = alt_attr_int(b->node, "saturate", 1) != 0;
    c->round = round_mode(b->node);
    c->count = alt_dims_count(b->out[0].phys_rank, b->out[0].extent);
    if (is_float(c->from))
        fill_values(c);
    b->params = c;
    b->range = (c->count + TILE - 1) / TILE;
    b->flops = 10 * (double)c->count;
    return ALT_OK;
}

alt_status alt_cast_small_select(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "cast_small", .fn = run, .bind = bind};
    if (!known(sel->in[0].dtype) || !known(sel->out[0].dtype))
        return alt_select_unsupported(sel);
    *out = &kernel;
    return ALT_OK;
}
