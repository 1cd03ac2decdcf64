/* pool_row.c: rows of pooling: conversion, reduction, end of the reduction. */
#include "runtime/half.h"
#include "runtime/kernels/kern.h"
#include "runtime/layout.h"
#include "runtime/ops/loop.h"
#include "runtime/ops/pool.h"

#include <math.h>
#include <string.h>

void alt_pool_read(const struct alt_kernel_bind *bind, enum alt_pool_kind kind, struct alt_pool *p)
{
    const struct alt_operand *x = &bind->in[0];
    const int64_t block = alt_layout_block(x->layout, 1);
    p->kind = kind;
    p->dtype = x->dtype;
    p->narrow = p->dtype != ALT_FLOAT32 && p->dtype != ALT_FLOAT64;
    p->convert = p->narrow || kind == ALT_POOL_LP;
    p->kern = p->dtype == ALT_FLOAT64 ? alt_kern_f64() : alt_kern_f32();
    p->size = (int64_t)alt_dtype_size(p->dtype);
    p->real = p->dtype == ALT_FLOAT64 ? 8 : 4;
    p->p = alt_attr_int(bind->node, "p", 2);
    p->count_padding = alt_attr_int(bind->node, "count_include_pad", 0) != 0;
    p->block = block ? block : 1;
    p->n = x->dim[0];
    p->channels = block ? x->extent[1] : x->dim[1];
    p->x_n = x->stride[0];
    p->x_c = x->stride[1];
    for (int i = 2; i < x->rank; i++)
        p->x_axis[i - 2] = x->stride[i];
}

static double get(alt_dtype dtype, const char *at)
{
    uint16_t h;
    float f;
    double d;
    switch (dtype) {
    case ALT_FLOAT32:
        memcpy(&f, at, sizeof f);
        return (double)f;
    case ALT_FLOAT64:
        memcpy(&d, at, sizeof d);
        return d;
    case ALT_FLOAT16:
        memcpy(&h, at, sizeof h);
        return (double)alt_f16_to_f32(h);
    case ALT_BFLOAT16:
        memcpy(&h, at, sizeof h);
        return (double)alt_bf16_to_f32(h);
    case ALT_INT8:
        return *(const int8_t *)at;
    default:
        return *(const uint8_t *)at;
    }
}

static double power(double x, int64_t p)
{
    return p == 1 ? fabs(x) : p == 2 ? x * x : pow(fabs(x), (double)p);
}

/* n 8-bit integers `step` apart. */
#define WIDEN(name, T) \
    ALT_LOOP(name, (const T *x, int64_t n, int64_t step, float *out), (x, n, step, out), { \
        if (step == 1) for (int64_t i = 0; i < n; i++) out[i] = (float)x[i]; \
        else for (int64_t i = 0; i < n; i++) out[i] = (float)x[i * step]; })
WIDEN(widen_i8, int8_t)
WIDEN(widen_u8, uint8_t)

void alt_pool_widen(const struct alt_pool *p, const void *x, int64_t count, int64_t step, void *out)
{
    if (p->size == 1 && p->block == 1 && p->kind != ALT_POOL_LP) {
        if (p->dtype == ALT_INT8)
            widen_i8(x, count, step, out);
        else
            widen_u8(x, count, step, out);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < p->block; j++) {
            double v = get(p->dtype, (const char *)x + (i * step + j) * p->size);
            if (p->kind == ALT_POOL_LP)
                v = power(v, p->p);
            if (p->real == 8)
                ((double *)out)[i * p->block + j] = v;
            else
                ((float *)out)[i * p->block + j] = (float)v;
        }
}

/* 8-bit integers; an empty maximum is the least one. Both types have the same low bits. */
ALT_LOOP(narrow_bytes, (const float *x, int64_t n, float least, float most, uint8_t *out), (x, n, least, most, out), {
    for (int64_t i = 0; i < n; i++) {
        const float above = x[i] < least ? least : x[i];
        out[i] = (uint8_t)(int32_t)(above > most ? most : above);
    }
})

void alt_pool_narrow(const struct alt_pool *p, const void *x, int64_t count, void *out)
{
    const float *from = x;
    if (p->dtype == ALT_INT8)
        narrow_bytes(x, count, INT8_MIN, INT8_MAX, out);
    else if (p->size == 1)
        narrow_bytes(x, count, 0, UINT8_MAX, out);
    for (int64_t i = 0; p->size == 2 && i < count; i++) {
        const uint16_t h = p->dtype == ALT_FLOAT16 ? alt_f32_to_f16(from[i]) : alt_f32_to_bf16(from[i]);
        memcpy((char *)out + 2 * i, &h, sizeof h);
    }
}

void alt_pool_clear(const struct alt_pool *p, void *out, int64_t count)
{
    const double first = p->kind == ALT_POOL_MAX ? -(double)INFINITY : 0;
    for (int64_t i = 0; i < count; i++) {
        if (p->real == 8)
            ((double *)out)[i] = first;
        else
            ((float *)out)[i] = (float)first;
    }
}

void alt_pool_reduce(const struct alt_pool *p, void *y, const void *x, int64_t count, int64_t step)
{
    const struct alt_kern_row row = {.blocks = count, .block = p->block, .x_step = step, .x = x, .y = y};
    if (p->kind == ALT_POOL_MAX)
        p->kern->row_max(&row);
    else
        p->kern->row_add(&row);
}

/* The end of one element; an average of nothing is zero. */
static double finish(const struct alt_pool *p, double x, int64_t divisor)
{
    if (p->kind == ALT_POOL_AVERAGE)
        return divisor ? x / (double)divisor : 0;
    return p->p == 1 ? x : p->p == 2 ? sqrt(x) : pow(x, 1.0 / (double)p->p);
}

void alt_pool_finish(const struct alt_pool *p, void *y, int64_t count, const int64_t *divisor)
{
    if (p->kind == ALT_POOL_MAX)
        return;
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < p->block; j++) {
            const int64_t at = i * p->block + j, d = divisor ? divisor[i] : 1;
            if (p->real == 8)
                ((double *)y)[at] = finish(p, ((double *)y)[at], d);
            else /* a float quotient or root rounded from double is the float one (Figueroa, "When is double rounding innocuous?") */
                ((float *)y)[at] = (float)finish(p, (double)((float *)y)[at], d);
        }
}
