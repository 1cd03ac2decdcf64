/* affine.c: see affine.h. */
#include "jit/affine.h"

struct alt_affine alt_affine_base(int64_t base) { return (struct alt_affine){.base = base}; }

bool alt_affine_add(struct alt_affine *e, int var, int64_t coef)
{
    if (coef == 0)
        return true;
    for (int i = 0; i < e->count; i++) {
        if (e->term[i].var != var)
            continue;
        if (__builtin_add_overflow(e->term[i].coef, coef, &e->term[i].coef))
            return false;
        if (e->term[i].coef == 0) {
            for (int j = i + 1; j < e->count; j++)
                e->term[j - 1] = e->term[j];
            e->count--;
        }
        return true;
    }
    if (e->count == ALT_AFFINE_TERMS)
        return false;
    e->term[e->count++] = (struct alt_affine_term){var, coef};
    return true;
}

struct alt_affine alt_affine_plus(struct alt_affine e, int var, int64_t coef)
{
    if (var >= 0)
        (void)alt_affine_add(&e, var, coef);
    return e;
}

struct alt_affine alt_affine_shift(struct alt_affine e, int64_t by)
{
    e.base += by;
    return e;
}

int64_t alt_affine_coef(const struct alt_affine *e, int var)
{
    for (int i = 0; i < e->count; i++)
        if (e->term[i].var == var)
            return e->term[i].coef;
    return 0;
}

bool alt_affine_minus(const struct alt_affine *a, const struct alt_affine *b, struct alt_affine *out)
{
    struct alt_affine e = *a;

    if (__builtin_sub_overflow(a->base, b->base, &e.base))
        return false;
    for (int i = 0; i < b->count; i++)
        if (b->term[i].coef == INT64_MIN || !alt_affine_add(&e, b->term[i].var, -b->term[i].coef))
            return false;
    *out = e;
    return true;
}

bool alt_affine_range(const struct alt_affine *e, const struct alt_interval *var, struct alt_interval *out)
{
    struct alt_interval r = {e->base, e->base};

    for (int i = 0; i < e->count; i++) {
        const struct alt_interval *v = &var[e->term[i].var];
        const bool up = e->term[i].coef > 0;
        int64_t lo, hi;
        if (__builtin_mul_overflow(e->term[i].coef, up ? v->lo : v->hi, &lo) ||
            __builtin_mul_overflow(e->term[i].coef, up ? v->hi : v->lo, &hi) ||
            __builtin_add_overflow(r.lo, lo, &r.lo) || __builtin_add_overflow(r.hi, hi, &r.hi))
            return false;
    }
    *out = r;
    return true;
}

int64_t alt_affine_at(const struct alt_affine *e, const int64_t *value)
{
    int64_t sum = e->base;

    for (int i = 0; i < e->count; i++)
        sum += e->term[i].coef * value[e->term[i].var];
    return sum;
}
