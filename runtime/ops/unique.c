/* unique.c: Unique: the different elements, or slices along an axis, with where they are first, which one each is, and how
 * often it occurs.
 *
 * Items (elements or slices) are sorted by content, equal ones by place; neighbours that are equal form a group. Output
 * order is that of the sort, or of first occurrence when sorted is 0.
 */
#include "runtime/ops/data.h"
#include "runtime/ops/order.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    const struct alt_shape *in = &inf->in[0]->shape;
    struct alt_shape out = {.rank = 1, .dim = {alt_dim_unknown(inf->dims)}}, list = out;
    int axis;
    if (alt_attr_has(inf->node, "axis")) {
        out = *in;
        if (in->rank >= 0) {
            ALT_CHECK(alt_infer_axis(inf, alt_attr_int(inf->node, "axis", 0), in->rank, &axis));
            out.dim[axis] = list.dim[0];
        }
    }
    alt_infer_set(inf, 0, inf->in[0]->dtype, &out);
    alt_infer_set(inf, 1, ALT_INT64, &list);
    alt_infer_set(inf, 3, ALT_INT64, &list);
    list.dim[0] = alt_dim_unknown(inf->dims);
    alt_infer_set(inf, 2, ALT_INT64, &list);
    return ALT_OK;
}

struct items {
    int64_t count, outer, inner; /* items; elements of an item lie outer * inner apart */
    const uint64_t *keys;        /* of all elements; NULL for strings */
    const alt_string *strings;
};

static int compare_strings(const alt_string *a, const alt_string *b)
{
    size_t n = a->length < b->length ? a->length : b->length;
    int order = n ? memcmp(a->data, b->data, n) : 0;
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

static int compare_items(const struct items *s, int64_t a, int64_t b)
{
    for (int64_t o = 0; o < s->outer; o++)
        for (int64_t i = 0; i < s->inner; i++) {
            int64_t at_a = (o * s->count + a) * s->inner + i, at_b = (o * s->count + b) * s->inner + i;
            int order = s->strings ? compare_strings(&s->strings[at_a], &s->strings[at_b])
                                   : (s->keys[at_a] > s->keys[at_b]) - (s->keys[at_a] < s->keys[at_b]);
            if (order)
                return order;
        }
    return 0;
}

/* Stable merge sort of item numbers, bottom up; returns the array that holds the result. */
static int64_t *sort_items(const struct items *s, int64_t *from, int64_t *to)
{
    for (int64_t i = 0; i < s->count; i++)
        from[i] = i;
    for (int64_t width = 1; width < s->count; width *= 2) {
        for (int64_t begin = 0; begin < s->count; begin += 2 * width) {
            int64_t middle = begin + width < s->count ? begin + width : s->count;
            int64_t end = middle + width < s->count ? middle + width : s->count;
            for (int64_t a = begin, b = middle, k = begin; k < end; k++)
                to[k] = a < middle && (b >= end || compare_items(s, from[a], from[b]) <= 0) ? from[a++] : from[b++];
        }
        int64_t *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

/* The result: groups in output order. */
struct groups {
    int64_t count;
    int64_t *first, *size; /* [groups] */
    int64_t *of;           /* [items] */
};

static alt_status group_items(struct alt_eval *e, const struct items *s, struct groups *g)
{
    size_t n = (size_t)s->count + 1;
    int64_t *block = alt_eval_alloc(e, 6 * n * sizeof *block);
    if (!block)
        return ALT_E_NOMEM;
    int64_t *order = sort_items(s, block, block + n), *rank = block + 5 * n;
    *g = (struct groups){.first = block + 2 * n, .size = block + 3 * n, .of = block + 4 * n};
    for (int64_t i = 0; i < s->count; i++) {
        bool fresh = i == 0 || compare_items(s, order[i - 1], order[i]) != 0;
        if (fresh) {
            g->first[g->count] = order[i];
            g->size[g->count++] = 0;
        }
        g->size[g->count - 1]++;
        g->of[order[i]] = g->count - 1;
    }
    if (alt_attr_int(e->node, "sorted", 1))
        return ALT_OK;
    /* Groups are numbered again as their first items come; order is free to be overwritten. */
    int64_t *size = order == block ? block + n : block, next = 0;
    for (int64_t i = 0; i < s->count; i++) {
        int64_t old = g->of[i];
        if (g->first[old] == i) {
            rank[old] = next;
            size[next] = g->size[old];
            order[next++] = i;
        }
        g->of[i] = rank[old];
    }
    g->first = order;
    g->size = size;
    return ALT_OK;
}

static alt_status read_items(struct alt_eval *e, struct items *s, int *axis)
{
    const struct alt_tensor *in = e->in[0];
    int64_t count = alt_tensor_count(in);
    bool flat = !alt_attr_has(e->node, "axis");
    *axis = flat ? 0 : alt_axis_of(alt_attr_int(e->node, "axis", 0), in->rank);
    *s = (struct items){.count = count, .outer = 1, .inner = 1};
    if (!flat) {
        s->count = in->dim[*axis];
        s->outer = alt_dims_count(*axis, in->dim);
        s->inner = alt_dims_count(in->rank - *axis - 1, in->dim + *axis + 1);
    }
    if (in->dtype == ALT_STRING) {
        s->strings = in->data;
        return ALT_OK;
    }
    if (!alt_order_has(in->dtype))
        return alt_eval_fail(e, ALT_E_UNSUPPORTED, "no kernel for %s", alt_dtype_name(in->dtype));
    uint64_t *keys = alt_eval_alloc(e, ((size_t)count + 1) * sizeof *keys);
    if (!keys)
        return ALT_E_NOMEM;
    alt_order_keys(in->dtype, in->data, 1, count, keys);
    s->keys = keys;
    return ALT_OK;
}

static bool wanted(const struct alt_eval *e, int i) { return i < e->n_out && e->node->out[i]; }

static alt_status write_items(struct alt_eval *e, const struct items *s, const struct groups *g, int axis)
{
    const struct alt_tensor *in = e->in[0];
    int64_t dims[ALT_MAX_RANK], size = (int64_t)alt_dtype_size(in->dtype), bytes = s->inner * size;
    bool flat = !alt_attr_has(e->node, "axis");
    memcpy(dims, in->dim, sizeof dims);
    dims[axis] = g->count;
    char *out = alt_eval_output(e, 0, in->dtype, flat ? 1 : in->rank, dims);
    if (!out)
        return ALT_E_NOMEM;
    for (int64_t o = 0; o < s->outer && bytes > 0; o++)
        for (int64_t k = 0; k < g->count; k++, out += bytes)
            memcpy(out, (const char *)in->data + (o * s->count + g->first[k]) * bytes, (size_t)bytes);
    return ALT_OK;
}

static alt_status write_list(struct alt_eval *e, int i, const int64_t *list, int64_t n)
{
    if (!wanted(e, i))
        return ALT_OK;
    int64_t *out = alt_eval_output(e, i, ALT_INT64, 1, &n);
    if (!out)
        return ALT_E_NOMEM;
    if (n)
        memcpy(out, list, (size_t)n * sizeof *out);
    return ALT_OK;
}

static alt_status eval(struct alt_eval *e)
{
    struct items items;
    struct groups groups;
    int axis;
    ALT_CHECK(read_items(e, &items, &axis));
    ALT_CHECK(group_items(e, &items, &groups));
    if (wanted(e, 0))
        ALT_CHECK(write_items(e, &items, &groups, axis));
    ALT_CHECK(write_list(e, 1, groups.first, groups.count));
    ALT_CHECK(write_list(e, 2, groups.of, items.count));
    return write_list(e, 3, groups.size, groups.count);
}

const struct alt_op_impl alt_op_unique = {.infer = infer, .eval = eval};
