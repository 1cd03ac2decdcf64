/* combine.c: element updates of scatters, in the wide type of the dtype; see combine.h. */
#include "runtime/ops/combine.h"

#include "runtime/type.h"

#include <string.h>

enum { BLOCK = 64 };

enum alt_combine_op alt_combine_find(const char *name)
{
    static const char *const names[] = {"none", "add", "mul", "min", "max"};
    int op = 0;
    while (op < ALT_COMBINE_COUNT && strcmp(names[op], name) != 0)
        op++;
    return (enum alt_combine_op)op;
}

bool alt_combine_init(struct alt_combine *c, enum alt_combine_op op, alt_dtype dtype)
{
    *c = (struct alt_combine){.op = op, .wide = alt_wide_of(dtype), .size = alt_dtype_size(dtype)};
    if (op == ALT_COMBINE_COUNT || c->size == 0)
        return false;
    if (op == ALT_COMBINE_REPLACE)
        return true;
    if (c->wide == ALT_WIDE_NONE)
        return false;
    c->load = alt_wide_load(dtype);
    c->store = alt_wide_store(c->wide, dtype);
    return c->load && c->store;
}

static void combine_f32(enum alt_combine_op op, float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        float x = a[i], y = b[i];
        switch (op) {
        case ALT_COMBINE_ADD: a[i] = x + y; break;
        case ALT_COMBINE_MUL: a[i] = x * y; break;
        case ALT_COMBINE_MIN: a[i] = x < y || x != x ? x : y; break;
        default: a[i] = x > y || x != x ? x : y; break;
        }
    }
}

static void combine_f64(enum alt_combine_op op, double *a, const double *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double x = a[i], y = b[i];
        switch (op) {
        case ALT_COMBINE_ADD: a[i] = x + y; break;
        case ALT_COMBINE_MUL: a[i] = x * y; break;
        case ALT_COMBINE_MIN: a[i] = x < y || x != x ? x : y; break;
        default: a[i] = x > y || x != x ? x : y; break;
        }
    }
}

/* Sums and products of signed integers are those of unsigned ones modulo 2^64. */
static void combine_u64(enum alt_combine_op op, bool is_signed, uint64_t *a, const uint64_t *b, int64_t n)
{
    const uint64_t flip = is_signed ? UINT64_C(1) << 63 : 0; /* makes signed order unsigned order */
    for (int64_t i = 0; i < n; i++) {
        uint64_t x = a[i], y = b[i];
        bool less = (x ^ flip) < (y ^ flip);
        switch (op) {
        case ALT_COMBINE_ADD: a[i] = x + y; break;
        case ALT_COMBINE_MUL: a[i] = x * y; break;
        case ALT_COMBINE_MIN: a[i] = less ? x : y; break;
        default: a[i] = less ? y : x; break;
        }
    }
}

void alt_combine_run(const struct alt_combine *c, void *dst, const void *src, int64_t n)
{
    union {
        float f32[BLOCK];
        double f64[BLOCK];
        uint64_t u64[BLOCK];
    } a, b;
    if (c->op == ALT_COMBINE_REPLACE) {
        memcpy(dst, src, (size_t)n * c->size);
        return;
    }
    for (int64_t i = 0; i < n; i += BLOCK) {
        int64_t m = n - i < BLOCK ? n - i : BLOCK;
        char *to = (char *)dst + i * (int64_t)c->size;
        c->load(&a, to, 1, m);
        c->load(&b, (const char *)src + i * (int64_t)c->size, 1, m);
        if (c->wide == ALT_WIDE_F32)
            combine_f32(c->op, a.f32, b.f32, m);
        else if (c->wide == ALT_WIDE_F64)
            combine_f64(c->op, a.f64, b.f64, m);
        else
            combine_u64(c->op, c->wide == ALT_WIDE_I64, a.u64, b.u64, m);
        c->store(to, 1, &a, m);
    }
}
