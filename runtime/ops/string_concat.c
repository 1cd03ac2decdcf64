/* string_concat.c: StringConcat: strings of two tensors put together, with broadcasting. */
#include "runtime/ops/data.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    struct alt_shape out;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_STRING));
    ALT_CHECK(alt_infer_expect(inf, 1, ALT_CLASS_STRING));
    ALT_CHECK(alt_infer_broadcast(inf, &inf->in[0]->shape, &inf->in[1]->shape, &out));
    alt_infer_set(inf, 0, ALT_STRING, &out);
    return ALT_OK;
}

/* Strides of `t` for the axes of the output; 0 where it repeats. */
static void strides_of(const struct alt_tensor *t, int rank, int64_t *stride)
{
    int64_t step = 1;
    for (int d = rank - 1; d >= 0; d--) {
        const int axis = d - rank + t->rank;
        stride[d] = axis < 0 || t->dim[axis] == 1 ? 0 : step;
        step *= axis < 0 ? 1 : t->dim[axis];
    }
}

/* Extents of the output; false when the inputs cannot be broadcast together. */
static bool broadcast(const struct alt_tensor *a, const struct alt_tensor *b, int rank, int64_t *dims)
{
    for (int d = 0; d < rank; d++) {
        const int i = d - rank + a->rank, j = d - rank + b->rank;
        const int64_t x = i < 0 ? 1 : a->dim[i], y = j < 0 ? 1 : b->dim[j];
        if (x != y && x != 1 && y != 1)
            return false;
        dims[d] = x == 1 ? y : x;
    }
    return true;
}

static alt_status join(struct alt_eval *e, const alt_string *a, const alt_string *b, alt_string *out)
{
    size_t length;
    if (__builtin_add_overflow(a->length, b->length, &length))
        return ALT_E_NOMEM;
    char *text = alt_eval_alloc(e, length);
    if (!text)
        return ALT_E_NOMEM;
    if (a->length)
        memcpy(text, a->data, a->length);
    if (b->length)
        memcpy(text + a->length, b->data, b->length);
    *out = (alt_string){text, length};
    return ALT_OK;
}

static alt_status eval(struct alt_eval *e)
{
    const struct alt_tensor *a = e->in[0], *b = e->in[1];
    const int rank = a->rank > b->rank ? a->rank : b->rank;
    int64_t dims[ALT_MAX_RANK], stride[2][ALT_MAX_RANK], index[ALT_MAX_RANK] = {0};
    if (!broadcast(a, b, rank, dims))
        return alt_eval_fail(e, ALT_E_SHAPE, "the inputs cannot be broadcast together");
    strides_of(a, rank, stride[0]);
    strides_of(b, rank, stride[1]);
    alt_string *out = alt_eval_output(e, 0, ALT_STRING, rank, dims);
    if (!out)
        return ALT_E_NOMEM;
    const int64_t count = alt_dims_count(rank, dims);
    for (int64_t i = 0; i < count; i++) {
        int64_t at[2] = {0, 0};
        for (int d = 0; d < rank; d++) {
            at[0] += index[d] * stride[0][d];
            at[1] += index[d] * stride[1][d];
        }
        ALT_CHECK(join(e, (const alt_string *)a->data + at[0], (const alt_string *)b->data + at[1], &out[i]));
        for (int d = rank - 1; d >= 0 && ++index[d] == dims[d]; d--)
            index[d] = 0;
    }
    return ALT_OK;
}

const struct alt_op_impl alt_op_string_concat = {.infer = infer, .eval = eval};
