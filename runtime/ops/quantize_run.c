/* quantize_run.c: the kernels of QuantizeLinear and DequantizeLinear; see quantize.h.
 *
 * Operands are dense. A tile goes block by block through the stack; a block falls into runs whose elements share one scale and
 * zero point or have consecutive ones. */
#include "runtime/ops/quantize.h"

#include "runtime/half.h"
#include "runtime/ops/codes.h"
#include "runtime/ops/loop.h"
#include "runtime/small_float.h"
#include "runtime/type.h"

enum { BLOCK = 512 }; /* a multiple of 8 */

/* Elements that have parameters param, param + step, ... */
struct run {
    int64_t n, param;
    int step;
};

static struct run run_at(const struct alt_quantize *q, int64_t at, int64_t n)
{
    if (q->grain == ALT_GRAIN_TENSOR)
        return (struct run){n, 0, 0};
    const int64_t i = at % q->inner, a = at / q->inner % q->extent, outer = at / q->inner / q->extent;
    struct run r = {.param = a, .step = 0, .n = q->inner - i};
    if (q->grain == ALT_GRAIN_BLOCK) {
        const int64_t left = q->block - a % q->block, end = q->extent - a;
        r.param = (outer * q->blocks + a / q->block) * q->inner + i;
        r.step = q->inner > 1;
        if (q->inner == 1)
            r.n = left < end ? left : end;
    } else if (q->inner == 1) {
        r.step = 1;
        r.n = q->extent - a;
    }
    r.n = r.n < n ? r.n : n;
    return r;
}

/* Scales and zero points of a run. */
struct params {
    float scale[BLOCK], real_zero[BLOCK];
    int32_t zero[BLOCK];
};

static void load_params(const struct alt_quantize *q, const struct alt_kargs *args, const struct run *r, struct params *p)
{
    const int64_t n = r->step ? r->n : 1;
    const struct alt_koperand *zero = q->zero != ALT_NONE ? &args->operand[2] : NULL;
    const struct alt_tensor t = {.dtype = q->zero, .data = zero ? zero->data : NULL};
    const struct alt_tensor scales = {.dtype = q->scale, .data = args->operand[1].data};
    if (q->load_scale)
        q->load_scale(p->scale, (const char *)args->operand[1].data + r->param * (int64_t)q->scale_size, 1, n);
    for (int64_t i = 0; i < n; i++) {
        if (!q->load_scale)
            p->scale[i] = (float)alt_tensor_float(&scales, r->param + i);
        p->zero[i] = zero && q->type.is_int ? (int32_t)alt_tensor_int(&t, r->param + i) : 0;
        p->real_zero[i] = zero && !q->type.is_int ? (float)alt_tensor_float(&t, r->param + i) : 0;
    }
}

/* --- integers in and out --- */

#define LOAD(T, name) \
    static void load_##name(const void *x, int64_t at, int64_t n, int32_t *out) { \
        const T *from = (const T *)x + at; for (int64_t i = 0; i < n; i++) out[i] = (int32_t)from[i]; }
#define STORE(T, name) \
    static void store_##name(const int32_t *x, int64_t at, int64_t n, void *out) { \
        T *to = (T *)out + at; for (int64_t i = 0; i < n; i++) to[i] = (T)x[i]; }
LOAD(int8_t, i8)
LOAD(uint8_t, u8)
LOAD(int16_t, i16)
LOAD(uint16_t, u16)
LOAD(int32_t, i32)
STORE(int8_t, i8)
STORE(uint8_t, u8)
STORE(int16_t, i16)
STORE(uint16_t, u16)

static void load_ints(const struct alt_quantised *t, const void *x, int64_t at, int64_t n, int32_t *out)
{
    switch (t->dtype) {
    case ALT_INT8: load_i8(x, at, n, out); return;
    case ALT_UINT8: load_u8(x, at, n, out); return;
    case ALT_INT16: load_i16(x, at, n, out); return;
    case ALT_UINT16: load_u16(x, at, n, out); return;
    case ALT_INT32: load_i32(x, at, n, out); return;
    default: break;
    }
    for (int64_t i = 0; i < n; i++) {
        const int32_t code = (int32_t)alt_code_at(x, t->bits, at + i);
        out[i] = code > t->high ? code - (1 << t->bits) : code;
    }
}

static void store_ints(const struct alt_quantised *t, const int32_t *x, int64_t at, int64_t n, void *out)
{
    switch (t->dtype) {
    case ALT_INT8: store_i8(x, at, n, out); return;
    case ALT_UINT8: store_u8(x, at, n, out); return;
    case ALT_INT16: store_i16(x, at, n, out); return;
    case ALT_UINT16: store_u16(x, at, n, out); return;
    default: break;
    }
    for (int64_t i = 0; i < n; i++)
        alt_code_put(out, t->bits, at + i, (unsigned)x[i]);
}

/* --- quantising --- */

/* x / scale in the precision asked for. */
static void divide(const struct alt_quantize *q, const struct run *r, const struct params *p, float *x)
{
    if (r->step)
        for (int64_t i = 0; i < r->n; i++)
            x[i] /= p->scale[i];
    else
        for (int64_t i = 0; i < r->n; i++)
            x[i] /= p->scale[0];
    if (q->precision == ALT_FLOAT16)
        for (int64_t i = 0; i < r->n; i++)
            x[i] = alt_f16_to_f32(alt_f32_to_f16(x[i]));
    if (q->precision == ALT_BFLOAT16)
        for (int64_t i = 0; i < r->n; i++)
            x[i] = alt_bf16_to_f32(alt_f32_to_bf16(x[i]));
}

/* x rounded half to even, shifted and clamped. It is clamped first, so that the rounding constant (1.5 * 2^23) fits. */
static inline int32_t round_int(float x, int32_t zero, const struct alt_quantised *t)
{
    const float low = (float)(t->low - zero), high = (float)(t->high - zero), shift = 0x1.8p23f;
    const float above = x > low ? x : low, within = above < high ? above : high;
    return (int32_t)((within + shift) - shift) + zero;
}

static void round_ints(const struct alt_quantised *t, const struct run *r, const struct params *p, const float *x,
                       int32_t *out)
{
    const struct alt_quantised type = *t;
    if (r->step)
        for (int64_t i = 0; i < r->n; i++)
            out[i] = round_int(x[i], p->zero[i], &type);
    else
        for (int64_t i = 0, zero = p->zero[0]; i < r->n; i++)
            out[i] = round_int(x[i], (int32_t)zero, &type);
}

static void quantize_block(const struct alt_quantize *q, const struct alt_kargs *args, int64_t at, int64_t n)
{
    float x[BLOCK];
    int32_t y[BLOCK];
    struct params p;
    void *out = args->operand[args->operand_count - 1].data;
    const char *in = (const char *)args->operand[0].data + at * (int64_t)q->real_size;
    if (q->load) {
        q->load(x, in, 1, n);
    } else {
        load_i32(in, 0, n, y);
        for (int64_t i = 0; i < n; i++)
            x[i] = (float)y[i];
    }
    struct run r;
    for (int64_t done = 0; done < n; done += r.n) {
        r = run_at(q, at + done, n - done);
        if (done == 0 || q->grain != ALT_GRAIN_TENSOR)
            load_params(q, args, &r, &p);
        divide(q, &r, &p, x + done);
        if (q->type.is_int)
            round_ints(&q->type, &r, &p, x + done, y + done);
        else
            for (int64_t i = 0; i < r.n; i++)
                alt_code_put(out, q->type.bits, at + done + i,
                             alt_small_of_f32(q->type.small, x[done + i] + p.real_zero[r.step ? i : 0], q->saturate));
    }
    if (q->type.is_int)
        store_ints(&q->type, y, at, n, out);
}

/* --- dequantising --- */

static void dequantize_ints(const struct run *r, const struct params *p, const int32_t *x, float *y)
{
    const uint32_t zero = (uint32_t)p->zero[0];
    const float scale = p->scale[0];
    if (r->step)
        for (int64_t i = 0; i < r->n; i++)
            y[i] = (float)(int32_t)((uint32_t)x[i] - (uint32_t)p->zero[i]) * p->scale[i];
    else
        for (int64_t i = 0; i < r->n; i++)
            y[i] = (float)(int32_t)((uint32_t)x[i] - zero) * scale;
}

static void dequantize_floats(const struct alt_quantize *q, const struct run *r, const struct params *p, const uint8_t *x,
                              int64_t at, float *y)
{
    for (int64_t i = 0; i < r->n; i++) {
        const int k = r->step ? (int)i : 0;
        y[i] = (q->value[alt_code_at(x, q->type.bits, at + i)] - p->real_zero[k]) * p->scale[k];
    }
}

static void dequantize_block(const struct alt_quantize *q, const struct alt_kargs *args, int64_t at, int64_t n)
{
    int32_t x[BLOCK];
    float y[BLOCK];
    struct params p;
    const void *in = args->operand[0].data;
    char *out = (char *)args->operand[args->operand_count - 1].data + at * (int64_t)q->real_size;
    if (q->type.is_int)
        load_ints(&q->type, in, at, n, x);
    struct run r;
    for (int64_t done = 0; done < n; done += r.n) {
        r = run_at(q, at + done, n - done);
        if (done == 0 || q->grain != ALT_GRAIN_TENSOR)
            load_params(q, args, &r, &p);
        if (q->type.is_int)
            dequantize_ints(&r, &p, x + done, y + done);
        else
            dequantize_floats(q, &r, &p, in, at + done, y + done);
    }
    q->store(out, 1, y, n);
}

static void each_block(const struct alt_kargs *args,
                       void (*fn)(const struct alt_quantize *q, const struct alt_kargs *args, int64_t at, int64_t n))
{
    const struct alt_quantize *q = args->params;
    const int64_t last = args->end * ALT_QUANTIZE_TILE, end = last < q->count ? last : q->count;
    for (int64_t at = args->begin * ALT_QUANTIZE_TILE; at < end; at += BLOCK)
        fn(q, args, at, end - at < BLOCK ? end - at : BLOCK);
}

void alt_quantize_run(const struct alt_kargs *args) { each_block(args, quantize_block); }
void alt_dequantize_run(const struct alt_kargs *args) { each_block(args, dequantize_block); }
