/* encoder.c: LabelEncoder (a value for each known one, else a default) and OneHotEncoder (a 1 at the place of the category). */
#include "runtime/ops/category.h"
#include "runtime/ops/data.h"

#include <string.h>

enum { TILE = 4096 };

/* A list that attributes give: the first that is there of name_floats, name_int64s, name_strings, name_tensor. */
struct list {
    alt_dtype dtype; /* ALT_NONE: there is none */
    int64_t count;
    const void *data; /* a tensor's may be unaligned */
    const struct alt_tensor *tensor;
};

static struct list read_list(const struct alt_node *n, const char *const *names)
{
    for (int i = 0; i < 4; i++) {
        const struct alt_attr *a = names[i] ? alt_attr_find(n, names[i]) : NULL;
        if (!a)
            continue;
        switch (a->type) {
        case ALT_ATTR_FLOAT:
        case ALT_ATTR_FLOATS:
            return (struct list){ALT_FLOAT32, a->count, a->floats, NULL};
        case ALT_ATTR_INT:
        case ALT_ATTR_INTS:
            return (struct list){ALT_INT64, a->count, a->ints, NULL};
        case ALT_ATTR_STRING:
        case ALT_ATTR_STRINGS:
            return (struct list){ALT_STRING, a->count, a->strings, NULL};
        case ALT_ATTR_TENSOR:
            return (struct list){a->tensors[0]->dtype, alt_tensor_count(a->tensors[0]), a->tensors[0]->data,
                                 a->tensors[0]};
        default:
            break;
        }
    }
    return (struct list){ALT_NONE, 0, NULL, NULL};
}

static const char *const key_names[] = {"keys_floats", "keys_int64s", "keys_strings", "keys_tensor"};
static const char *const value_names[] = {"values_floats", "values_int64s", "values_strings", "values_tensor"};
static const char *const category_names[] = {NULL, "cats_int64s", "cats_strings", NULL};

static bool one_hot(const struct alt_node *n) { return n->op == ALT_OP_ONE_HOT_ENCODER; }

static alt_status infer_one_hot(struct alt_infer *inf)
{
    const struct list categories = read_list(inf->node, category_names);
    struct alt_shape out = inf->in[0]->shape;
    if (categories.dtype == ALT_NONE || (categories.dtype == ALT_STRING) != (inf->in[0]->dtype == ALT_STRING))
        return alt_infer_fail(inf, ALT_E_MODEL, "it needs cats_int64s for numbers or cats_strings for strings");
    if (out.rank == ALT_MAX_RANK)
        return alt_infer_fail(inf, ALT_E_UNSUPPORTED, "the output would have more than %d axes", ALT_MAX_RANK);
    if (out.rank >= 0)
        out.dim[out.rank++] = categories.count;
    alt_infer_set(inf, 0, ALT_FLOAT32, &out);
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_STRING | ALT_CLASS_FLOAT | ALT_CLASS_SIGNED));
    if (one_hot(inf->node))
        return infer_one_hot(inf);
    const struct list keys = read_list(inf->node, key_names), values = read_list(inf->node, value_names);
    if (keys.dtype == ALT_NONE || values.dtype == ALT_NONE || keys.count != values.count)
        return alt_infer_fail(inf, ALT_E_MODEL, "it needs as many keys as values");
    if (keys.dtype != inf->in[0]->dtype)
        return alt_infer_fail(inf, ALT_E_MODEL, "the keys are of %s, the input is not", alt_dtype_name(keys.dtype));
    alt_infer_set(inf, 0, values.dtype, &inf->in[0]->shape);
    return ALT_OK;
}

struct plan {
    struct alt_categories keys;
    int64_t count;
    size_t size; /* of an output element */
    const char *values, *otherwise;
    bool zeros; /* OneHotEncoder: what is not known is no fault */
    alt_dtype input;
};

static void encode(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    const int64_t end = args->end * TILE < p->count ? args->end * TILE : p->count;
    char *out = args->operand[1].data;
    for (int64_t i = args->begin * TILE; i < end; i++) {
        const int64_t at = alt_categories_find(&p->keys, args->operand[0].data, i);
        memcpy(out + (size_t)i * p->size, at < 0 ? p->otherwise : p->values + (size_t)at * p->size, p->size);
    }
}

/* Number i, cut to an integer; false where it is none. */
static bool whole(alt_dtype dtype, const void *data, int64_t i, int64_t *out)
{
    double x = 0;
    switch (dtype) {
    case ALT_INT32:
        *out = ((const int32_t *)data)[i];
        return true;
    case ALT_INT64:
        *out = ((const int64_t *)data)[i];
        return true;
    case ALT_FLOAT32:
        x = (double)((const float *)data)[i];
        break;
    default:
        x = ((const double *)data)[i];
        break;
    }
    if (!(x > -0x1p63 && x < 0x1p63))
        return false;
    *out = (int64_t)x;
    return true;
}

static void encode_one_hot(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    const int64_t end = args->end * TILE < p->count ? args->end * TILE : p->count;
    for (int64_t i = args->begin * TILE; i < end; i++) {
        float *row = (float *)args->operand[1].data + i * p->keys.count;
        int64_t number, at = -1;
        for (int64_t k = 0; k < p->keys.count; k++)
            row[k] = 0;
        if (p->input == ALT_STRING)
            at = alt_categories_find(&p->keys, args->operand[0].data, i);
        else if (whole(p->input, args->operand[0].data, i, &number))
            at = alt_categories_find(&p->keys, &number, 0);
        if (at >= 0)
            row[at] = 1;
        else if (!p->zeros)
            alt_fault(args, ALT_FAULT_VALUE);
    }
}

/* The value for what has no key. */
static const void *default_of(struct alt_kernel_bind *b, alt_dtype dtype, bool from_tensor)
{
    static const char *const names[] = {"default_float", "default_int64", "default_string"};
    static const char *const tensor[] = {NULL, NULL, NULL, "default_tensor"};
    static const float f32 = -0.0f;
    static const double f64 = -0.0;
    static const int64_t minus = -1; /* all bits set, in every width */
    static const alt_string unused = {"_Unused", 7};
    const struct list given = read_list(b->node, tensor);
    if (from_tensor && given.dtype == dtype && given.count == 1)
        return alt_tensor_aligned(given.tensor, b->arena);
    for (int i = 0; i < 3 && !from_tensor; i++) {
        const struct list l = read_list(b->node, (const char *const[]){names[i], NULL, NULL, NULL});
        if (l.dtype == dtype && l.count == 1)
            return l.data;
    }
    return dtype == ALT_STRING    ? (const void *)&unused
           : dtype == ALT_FLOAT32 ? (const void *)&f32
           : dtype == ALT_FLOAT64 ? (const void *)&f64
                                  : (const void *)&minus;
}

static int bind(struct alt_kernel_bind *b)
{
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    const struct list keys = read_list(b->node, one_hot(b->node) ? category_names : key_names);
    const struct list values = read_list(b->node, value_names);
    if (!p)
        return ALT_E_NOMEM;
    const void *data = keys.tensor ? alt_tensor_aligned(keys.tensor, b->arena) : keys.data;
    if (!data || !alt_categories_init(&p->keys, b->arena, keys.dtype, data, keys.count))
        return ALT_E_NOMEM;
    p->count = alt_operand_count(&b->in[0]);
    p->input = b->in[0].dtype;
    p->zeros = alt_attr_int(b->node, "zeros", 1) != 0;
    p->size = alt_dtype_size(b->out[0].dtype);
    if (!one_hot(b->node)) {
        p->values = values.tensor ? alt_tensor_aligned(values.tensor, b->arena) : values.data;
        p->otherwise = default_of(b, values.dtype, values.tensor != NULL);
        if (!p->values || !p->otherwise)
            return ALT_E_NOMEM;
    }
    b->params = p;
    b->range = (p->count + TILE - 1) / TILE;
    b->flops = 20 * (double)p->count;
    return ALT_OK;
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel label = {
        .name = "label_encoder", .fn = encode, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    static const struct alt_kernel hot = {
        .name = "one_hot_encoder", .fn = encode_one_hot, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    const alt_dtype dtype = sel->in[0].dtype, value = read_list(sel->node, value_names).dtype;
    *out = one_hot(sel->node) ? &hot : &label;
    return alt_categories_supports(dtype) && (one_hot(sel->node) ? dtype != ALT_INT16 : alt_categories_supports(value))
               ? ALT_OK
               : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_encoder = {.infer = infer, .select = choose};
