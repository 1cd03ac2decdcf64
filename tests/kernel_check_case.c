/* kernel_check_case.c: building cases, and the small arithmetic that references share. */
#include "tests/kernel_check.h"

#include "runtime/type.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct kc_case kc_case(const char *op, int64_t opset, kc_reference *reference)
{
    struct kc_case c;
    memset(&c, 0, sizeof c);
    c.op = op;
    c.opset = opset;
    c.reference = reference;
    c.n_out = 1;
    c.ulps = 0.5;
    return c;
}

struct kc_input *kc_in(struct kc_case *c, alt_dtype dtype, int rank, const int64_t *dims)
{
    assert(c->n_in < KC_INPUTS);
    struct kc_input *in = &c->in[c->n_in++];
    *in = (struct kc_input){.dtype = dtype, .rank = rank, .low = -2, .high = 2};
    if (rank > 0)
        memcpy(in->dim, dims, (size_t)rank * sizeof *dims);
    if (!(alt_dtype_class(dtype) & (ALT_CLASS_FLOAT | ALT_CLASS_SMALL))) {
        in->fill = KC_WHOLE;
        in->low = alt_dtype_class(dtype) == ALT_CLASS_SIGNED ? -9 : 0;
        in->high = dtype == ALT_BOOL ? 1 : 9;
    }
    return in;
}

struct kc_input *kc_in_known(struct kc_case *c, alt_dtype dtype, int rank, const int64_t *dims, const double *values)
{
    struct kc_input *in = kc_in(c, dtype, rank, dims);
    in->fill = KC_GIVEN;
    in->given = values;
    in->known = true;
    return in;
}

struct kc_input *kc_in_omitted(struct kc_case *c) { return kc_in(c, ALT_NONE, 0, NULL); }

static struct alt_attr *add_attr(struct kc_case *c, const char *name, enum alt_attr_type type, int64_t count)
{
    assert(c->n_attr < KC_ATTRS);
    struct alt_attr *a = &c->attr[c->n_attr++];
    *a = (struct alt_attr){.name = name, .type = type, .count = count};
    return a;
}

/* The numbers lie in the case, which is copied: kc_trial_prepare sets the pointers again. */
static void add_ints(struct kc_case *c, const char *name, enum alt_attr_type type, int count, const int64_t *values)
{
    assert(c->n_ints + count <= KC_ATTR_NUMBERS);
    add_attr(c, name, type, count);
    if (count > 0)
        memcpy(c->ints + c->n_ints, values, (size_t)count * sizeof *values);
    c->n_ints += count;
}

void kc_attr_int(struct kc_case *c, const char *name, int64_t value) { add_ints(c, name, ALT_ATTR_INT, 1, &value); }

void kc_attr_ints(struct kc_case *c, const char *name, int count, const int64_t *values)
{
    add_ints(c, name, ALT_ATTR_INTS, count, values);
}

void kc_attr_float(struct kc_case *c, const char *name, double value)
{
    assert(c->n_floats < KC_ATTR_NUMBERS);
    add_attr(c, name, ALT_ATTR_FLOAT, 1);
    c->floats[c->n_floats++] = (float)value;
}

void kc_attr_text(struct kc_case *c, const char *name, const char *value)
{
    add_attr(c, name, ALT_ATTR_STRING, 1);
    c->strings[c->n_strings++] = (alt_string){value, strlen(value)};
}

void kc_out(struct kc_tensor *t, int rank, const int64_t *dims, bool weights)
{
    t->rank = rank;
    if (rank > 0)
        memcpy(t->dim, dims, (size_t)rank * sizeof *dims);
    t->count = alt_dims_count(rank, dims);
    size_t n = (size_t)t->count + 1;
    t->value = calloc(n, sizeof *t->value);
    t->weight = weights ? calloc(n, sizeof *t->weight) : NULL;
    if (!t->value || (weights && !t->weight))
        abort();
}

void kc_out_broadcast(struct kc_tensor *out, int n, const struct kc_tensor *in, bool weights)
{
    int rank = 0;
    int64_t dims[ALT_MAX_RANK];
    for (int k = 0; k < n; k++)
        rank = in[k].rank > rank ? in[k].rank : rank;
    for (int d = 0; d < rank; d++) {
        dims[d] = 1;
        for (int k = 0; k < n; k++) {
            int own = d - (rank - in[k].rank);
            if (own >= 0 && in[k].dim[own] != 1)
                dims[d] = in[k].dim[own];
        }
    }
    kc_out(out, rank, dims, weights);
}

void kc_coordinates(int rank, const int64_t *dims, int64_t index, int64_t *at)
{
    for (int d = rank - 1; d >= 0; d--) {
        at[d] = index % dims[d];
        index /= dims[d];
    }
}

int64_t kc_index(int rank, const int64_t *dims, const int64_t *at)
{
    int64_t index = 0;
    for (int d = 0; d < rank; d++)
        index = index * dims[d] + at[d];
    return index;
}

int64_t kc_broadcast_index(const struct kc_tensor *t, const struct kc_tensor *out, int64_t index)
{
    int64_t at[ALT_MAX_RANK], own = 0;
    kc_coordinates(out->rank, out->dim, index, at);
    for (int d = 0; d < t->rank; d++)
        own = own * t->dim[d] + (t->dim[d] == 1 ? 0 : at[d + out->rank - t->rank]);
    return own;
}
