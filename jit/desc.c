/* desc.c: what is legal in a descriptor, and what follows from it. The text is in desc_text.c. */
#include "jit/desc.h"

#define MAX_EXTENT (INT64_C(1) << 31)
#define MAX_ELEMENTS (INT64_C(1) << 40) /* of an operand: offsets stay far from overflow */

static bool extent_ok(int64_t e) { return e >= 1 && e <= MAX_EXTENT; }

/* Product of four extents that are each ok; saturates above MAX_ELEMENTS. */
static int64_t volume(int64_t a, int64_t b, int64_t c, int64_t d)
{
    const int64_t factor[] = {b, c, d};
    for (int i = 0; i < 3; i++) {
        if (a > MAX_ELEMENTS / factor[i])
            return MAX_ELEMENTS + 1;
        a *= factor[i];
    }
    return a;
}

static int64_t window(const struct alt_conv_desc *c, int axis) { return (c->kernel[axis] - 1) * c->dilation[axis] + 1; }

static bool conv_axis_ok(const struct alt_conv_desc *c, int axis)
{
    if (!extent_ok(c->in[axis]) || !extent_ok(c->kernel[axis]) || !extent_ok(c->stride[axis]) ||
        !extent_ok(c->dilation[axis]) || c->begin[axis] < 0 || c->begin[axis] > MAX_EXTENT || c->end[axis] < 0 ||
        c->end[axis] > MAX_EXTENT)
        return false;
    if (c->kernel[axis] - 1 > MAX_EXTENT / c->dilation[axis])
        return false;
    return window(c, axis) <= c->in[axis] + c->begin[axis] + c->end[axis];
}

static bool conv_unit_axis(const struct alt_conv_desc *c)
{
    return c->in[0] == 1 && c->kernel[0] == 1 && c->stride[0] == 1 && c->begin[0] == 0 && c->end[0] == 0 &&
           c->dilation[0] == 1;
}

static bool conv_ok(const struct alt_conv_desc *c)
{
    if ((c->rank != 1 && c->rank != 2) || !extent_ok(c->n) || !extent_ok(c->c) || !extent_ok(c->o))
        return false;
    if (!conv_axis_ok(c, 0) || !conv_axis_ok(c, 1) || (c->rank == 1 && !conv_unit_axis(c)))
        return false;
    const int64_t oh = alt_conv_desc_out(c, 0), ow = alt_conv_desc_out(c, 1);
    return extent_ok(oh) && extent_ok(ow) && volume(c->n, c->c, c->in[0], c->in[1]) <= MAX_ELEMENTS &&
           volume(c->o, c->c, c->kernel[0], c->kernel[1]) <= MAX_ELEMENTS && volume(c->n, c->o, oh, ow) <= MAX_ELEMENTS;
}

static bool product_ok(const struct alt_product_desc *p)
{
    return extent_ok(p->batch) && extent_ok(p->m) && extent_ok(p->k) && extent_ok(p->n) &&
           volume(p->batch, p->m, p->k, 1) <= MAX_ELEMENTS && volume(p->batch, p->k, p->n, 1) <= MAX_ELEMENTS &&
           volume(p->batch, p->m, p->n, 1) <= MAX_ELEMENTS;
}

static bool epilogue_ok(const struct alt_epilogue *e)
{
    if (e->activation == ALT_ACT_CLIP)
        return e->lo == e->lo && e->hi == e->hi;
    return (e->activation == ALT_ACT_NONE || e->activation == ALT_ACT_RELU) && e->lo == 0 && e->hi == 0;
}

alt_status alt_desc_check(const struct alt_desc *d)
{
    if (d->kind != ALT_DESC_CONV && d->kind != ALT_DESC_PRODUCT)
        return ALT_E_ILLEGAL;
    const bool ok = d->kind == ALT_DESC_CONV ? conv_ok(&d->conv) : product_ok(&d->product);
    if ((d->conv.any && d->conv.n > ALT_DESC_ANY_MOST) ||
        (d->product.any && (d->product.batch > 1 || d->product.m > ALT_DESC_ANY_MOST)))
        return ALT_E_ILLEGAL;
    return ok && epilogue_ok(&d->epilogue) ? ALT_OK : ALT_E_ILLEGAL;
}

static bool conv_equal(const struct alt_conv_desc *a, const struct alt_conv_desc *b)
{
    bool same = a->any == b->any && a->rank == b->rank && a->n == b->n && a->c == b->c && a->o == b->o;
    for (int i = 0; i < 2; i++)
        same = same && a->in[i] == b->in[i] && a->kernel[i] == b->kernel[i] && a->stride[i] == b->stride[i] &&
               a->begin[i] == b->begin[i] && a->end[i] == b->end[i] && a->dilation[i] == b->dilation[i];
    return same;
}

static bool product_equal(const struct alt_product_desc *a, const struct alt_product_desc *b)
{
    return a->any == b->any && a->batch == b->batch && a->m == b->m && a->k == b->k && a->n == b->n && a->transposed == b->transposed &&
           a->constant == b->constant;
}

bool alt_desc_equal(const struct alt_desc *a, const struct alt_desc *b)
{
    const struct alt_epilogue *x = &a->epilogue, *y = &b->epilogue;

    if (a->kind != b->kind || x->bias != y->bias || x->add != y->add || x->activation != y->activation ||
        x->lo != y->lo || x->hi != y->hi)
        return false;
    return a->kind == ALT_DESC_CONV ? conv_equal(&a->conv, &b->conv) : product_equal(&a->product, &b->product);
}

int64_t alt_conv_desc_out(const struct alt_conv_desc *c, int axis)
{
    return (c->in[axis] + c->begin[axis] + c->end[axis] - window(c, axis)) / c->stride[axis] + 1;
}

double alt_desc_flops(const struct alt_desc *d)
{
    if (d->kind == ALT_DESC_PRODUCT)
        return 2.0 * (double)d->product.batch * (double)d->product.m * (double)d->product.k * (double)d->product.n;
    const struct alt_conv_desc *c = &d->conv;
    return 2.0 * (double)c->n * (double)c->c * (double)c->o * (double)alt_conv_desc_out(c, 0) *
           (double)alt_conv_desc_out(c, 1) * (double)c->kernel[0] * (double)c->kernel[1];
}

int alt_desc_operands(const struct alt_desc *d, enum alt_desc_role role[ALT_DESC_MAX_OPERANDS])
{
    int n = 0;

    role[n++] = ALT_ROLE_INPUT;
    role[n++] = ALT_ROLE_WEIGHT;
    if (d->epilogue.bias)
        role[n++] = ALT_ROLE_BIAS;
    if (d->epilogue.add)
        role[n++] = ALT_ROLE_ADD;
    role[n++] = ALT_ROLE_OUTPUT;
    return n;
}

static bool is(int rank, const int64_t *dims, int64_t a, int64_t b, const int64_t *spatial)
{
    bool same = dims[0] == a && dims[1] == b;
    for (int i = 2; i < rank; i++)
        same = same && dims[i] == spatial[i - 2];
    return same;
}

static bool conv_fits(const struct alt_conv_desc *c, enum alt_desc_role role, int rank, const int64_t *dims)
{
    const int first = 2 - c->rank;
    const int64_t out[2] = {alt_conv_desc_out(c, 0), alt_conv_desc_out(c, 1)};

    if (role == ALT_ROLE_BIAS)
        return rank == 1 && dims[0] == c->o;
    if (rank != 2 + c->rank)
        return false;
    if (role == ALT_ROLE_INPUT)
        return is(rank, dims, c->n, c->c, c->in + first);
    if (role == ALT_ROLE_WEIGHT)
        return is(rank, dims, c->o, c->c, c->kernel + first);
    return is(rank, dims, c->n, c->o, out + first);
}

/* The extents multiply to `wanted`. */
static bool leading(int rank, const int64_t *dims, int64_t wanted)
{
    int64_t all = 1;
    for (int i = 0; i < rank; i++)
        if (__builtin_mul_overflow(all, dims[i], &all))
            return false;
    return all == wanted;
}

static bool product_fits(const struct alt_product_desc *p, enum alt_desc_role role, int rank, const int64_t *dims)
{
    if (role == ALT_ROLE_BIAS)
        return rank >= 1 && dims[rank - 1] == p->n && leading(rank - 1, dims, 1);
    if (rank < 2)
        return false;
    const int64_t row = dims[rank - 2], col = dims[rank - 1];
    if (role == ALT_ROLE_WEIGHT)
        return row == (p->transposed ? p->n : p->k) && col == (p->transposed ? p->k : p->n) &&
               leading(rank - 2, dims, p->batch) &&
               (rank == 2 || !p->constant || p->batch > 1); /* layouts of panels are those of a matrix */
    if (col != (role == ALT_ROLE_INPUT ? p->k : p->n))
        return false;
    return p->batch == 1 ? leading(rank - 1, dims, p->m) : row == p->m && leading(rank - 2, dims, p->batch);
}

int64_t alt_desc_any(const struct alt_desc *d, int rank, const int64_t *dims)
{
    int64_t any = 1;

    if (rank < 2 || (d->kind == ALT_DESC_CONV ? !d->conv.any : !d->product.any))
        return 0;
    if (d->kind == ALT_DESC_CONV)
        return dims[0];
    for (int i = 0; i + 1 < rank; i++)
        if (__builtin_mul_overflow(any, dims[i], &any))
            return 0;
    return any;
}

struct alt_desc alt_desc_at(const struct alt_desc *d, int64_t any)
{
    struct alt_desc at = *d;
    if (d->conv.any)
        at.conv.n = any;
    if (d->product.any)
        at.product.m = any;
    at.conv.any = at.product.any = false;
    return at;
}

bool alt_desc_fits(const struct alt_desc *d, enum alt_desc_role role, int rank, const int64_t *dims)
{
    return d->kind == ALT_DESC_CONV ? conv_fits(&d->conv, role, rank, dims)
                                    : product_fits(&d->product, role, rank, dims);
}
