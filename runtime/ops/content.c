/* content.c: arithmetic on symbolic contents; see content.h. */
#include "runtime/ops/content.h"

static bool numbers(alt_dim a, alt_dim b, int64_t *x, int64_t *y)
{
    const bool first = alt_dim_number(a, x), second = alt_dim_number(b, y);
    return first && second;
}

static bool unknown(alt_dim a, alt_dim b) { return a == ALT_DIM_BAD || b == ALT_DIM_BAD; }

alt_dim alt_content_add(struct alt_dimtab *tab, alt_dim a, alt_dim b)
{
    int64_t x, y, r;
    if (numbers(a, b, &x, &y))
        return __builtin_add_overflow(x, y, &r) ? ALT_DIM_BAD : alt_dim_from_int(r);
    return alt_dim_add(tab, a, b);
}

alt_dim alt_content_sub(struct alt_dimtab *tab, alt_dim a, alt_dim b)
{
    int64_t x, y, r;
    if (numbers(a, b, &x, &y))
        return __builtin_sub_overflow(x, y, &r) ? ALT_DIM_BAD : alt_dim_from_int(r);
    return alt_dim_sub(tab, a, b);
}

alt_dim alt_content_mul(struct alt_dimtab *tab, alt_dim a, alt_dim b)
{
    int64_t x, y, r;
    if (numbers(a, b, &x, &y))
        return __builtin_mul_overflow(x, y, &r) ? ALT_DIM_BAD : alt_dim_from_int(r);
    return alt_dim_mul(tab, a, b);
}

alt_dim alt_content_div(struct alt_dimtab *tab, alt_dim a, alt_dim b)
{
    int64_t x, y;
    if (numbers(a, b, &x, &y))
        return y == 0 || (y == -1 && x == INT64_MIN) ? ALT_DIM_BAD : alt_dim_from_int(x / y);
    return alt_dim_negative(a) || alt_dim_negative(b) ? ALT_DIM_BAD : alt_dim_div(tab, a, b);
}

alt_dim alt_content_min(struct alt_dimtab *tab, alt_dim a, alt_dim b)
{
    int64_t x, y;
    if (numbers(a, b, &x, &y))
        return x < y ? a : b;
    if (alt_dim_negative(a) || alt_dim_negative(b))
        return alt_dim_negative(a) ? a : b; /* below every extent */
    return alt_dim_min(tab, a, b);
}

alt_dim alt_content_max(struct alt_dimtab *tab, alt_dim a, alt_dim b)
{
    int64_t x, y;
    if (numbers(a, b, &x, &y))
        return x > y ? a : b;
    if (alt_dim_negative(a) || alt_dim_negative(b))
        return alt_dim_negative(a) ? b : a;
    return alt_dim_max(tab, a, b);
}

alt_dim alt_content_equal(struct alt_dimtab *tab, alt_dim a, alt_dim b)
{
    (void)tab;
    int64_t x, y;
    if (unknown(a, b))
        return ALT_DIM_BAD;
    if (numbers(a, b, &x, &y))
        return x == y;
    if (a == b)
        return 1;
    return alt_dim_negative(a) || alt_dim_negative(b) ? 0 : ALT_DIM_BAD;
}

int alt_content_count(const struct alt_infer *inf)
{
    const struct alt_type *t = &inf->out[0];
    if (!(alt_dtype_class(t->dtype) & (ALT_CLASS_INT | ALT_CLASS_BOOL)) || t->shape.rank < 0 || t->shape.rank > 1)
        return -1;
    const alt_dim n = t->shape.rank == 0 ? 1 : t->shape.dim[0];
    return n >= 0 && n <= ALT_CONTENT_MAX ? (int)n : -1;
}

bool alt_content_get(struct alt_infer *inf, int i, int count, alt_dim *out)
{
    int n;
    if (!alt_infer_content(inf, i, ALT_CONTENT_MAX, out, &n) || (n != 1 && n != count))
        return false;
    for (int k = 1; n == 1 && k < count; k++)
        out[k] = out[0];
    return true;
}

alt_status alt_content_zip(struct alt_infer *inf, alt_content_fn *fn)
{
    alt_dim a[ALT_CONTENT_MAX], b[ALT_CONTENT_MAX];
    const int count = alt_content_count(inf);
    if (count < 0 || !alt_content_get(inf, 0, count, a) || !alt_content_get(inf, 1, count, b))
        return ALT_OK;
    for (int k = 0; k < count; k++)
        a[k] = unknown(a[k], b[k]) ? ALT_DIM_BAD : fn(inf->dims, a[k], b[k]);
    return alt_infer_set_content(inf, 0, a, count);
}

alt_status alt_content_same(struct alt_infer *inf)
{
    alt_dim a[ALT_CONTENT_MAX];
    const int count = alt_content_count(inf);
    if (count < 0 || !alt_content_get(inf, 0, count, a))
        return ALT_OK;
    return alt_infer_set_content(inf, 0, a, count);
}
