/* constant_of_shape.c: ConstantOfShape: one value, repeated. */
#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"

#include <string.h>

/* The attribute `value`, one element, by default float 0; false when it holds another number of elements. */
static bool read_value(const struct alt_node *n, struct alt_tensor *value)
{
    static const float zero = 0.0f;
    const struct alt_attr *a = alt_attr_find(n, "value");
    *value = (struct alt_tensor){.dtype = ALT_FLOAT32, .rank = 1, .dim = {1}, .data = &zero, .bytes = sizeof zero};
    if (a && a->type == ALT_ATTR_TENSOR)
        *value = *a->tensors[0];
    return alt_tensor_count(value) == 1;
}

/* A short list of one integer is a content. */
static alt_status repeat_content(struct alt_infer *inf, const struct alt_tensor *value, const struct alt_shape *shape)
{
    alt_dim content[ALT_CONTENT_MAX];
    int64_t count = alt_dims_count(shape->rank, shape->dim);
    if (shape->rank > 1 || count < 0 || count > ALT_CONTENT_MAX || !(alt_dtype_class(value->dtype) & ALT_CLASS_INT))
        return ALT_OK;
    for (int64_t i = 0; i < count; i++)
        content[i] = alt_dim_from_int(alt_tensor_int(value, 0));
    return alt_infer_set_content(inf, 0, content, (int)count);
}

static alt_status infer(struct alt_infer *inf)
{
    struct alt_tensor value;
    struct alt_shape shape;
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_SIGNED));
    ALT_CHECK(alt_infer_list(inf, 0, ALT_MAX_RANK));
    if (!read_value(inf->node, &value))
        return alt_infer_fail(inf, ALT_E_MODEL, "value must hold one element");
    if (alt_infer_arg(inf, NULL, 0, ALT_MAX_RANK, shape.dim, &shape.rank) != ALT_ARG_KNOWN) {
        alt_infer_set_rank(inf, 0, value.dtype, (int)alt_infer_length(inf, 0));
        return alt_infer_wait(inf, 0);
    }
    for (int d = 0; d < shape.rank; d++) {
        if (alt_dim_negative(shape.dim[d]))
            return alt_infer_fail(inf, ALT_E_SHAPE, "entry %d of the shape is negative", d);
        if (shape.dim[d] == ALT_DIM_BAD)
            shape.dim[d] = alt_dim_unknown(inf->dims);
    }
    alt_infer_set(inf, 0, value.dtype, &shape);
    return repeat_content(inf, &value, &shape);
}

struct plan {
    struct alt_copy copy;
    char value[16];
};

static int bind(struct alt_kernel_bind *b)
{
    struct alt_tensor value;
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    if (!read_value(b->node, &value) || value.bytes > sizeof p->value)
        return ALT_E_INTERNAL;
    memcpy(p->value, value.data, value.bytes);
    struct alt_copy_box box = {.rank = b->out[0].phys_rank};
    memcpy(box.extent, b->out[0].extent, sizeof box.extent);
    memcpy(box.dst, b->out[0].stride, sizeof box.dst);
    alt_copy_prepare(&p->copy, value.dtype, &box);
    b->params = p;
    b->range = p->copy.tiles;
    b->flops = (double)p->copy.count;
    return ALT_OK;
}

static void fill(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    alt_copy_run(&p->copy, p->value, args->operand[1].data, args->begin, args->end);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "constant_of_shape", .fn = fill, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_bits(sel->out[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_constant_of_shape = {.infer = infer, .select = choose};
