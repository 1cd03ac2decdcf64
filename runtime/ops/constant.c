/* constant.c: Constant and ConstantOfShape.
 *
 * The ONNX reader turns Constant nodes into constants of the graph through alt_constant_tensor; the row's kernel serves those
 * that come from elsewhere.
 */
#include "runtime/ops/constant.h"

#include "runtime/ops/copy.h"
#include "runtime/ops/data.h"

#include <string.h>

/* A scalar or a list over the attribute's array. */
static void set_list(struct alt_tensor *out, alt_dtype dtype, const void *data, bool scalar, int64_t count)
{
    *out = (struct alt_tensor){.dtype = dtype, .rank = scalar ? 0 : 1, .dim = {count}, .data = data,
                               .bytes = (size_t)count * alt_dtype_size(dtype)};
}

alt_status alt_constant_tensor(const struct alt_node *n, struct alt_tensor *out, struct alt_diag *diag)
{
    const struct alt_attr *a = NULL;
    for (int i = 0; i < n->n_attr && !a; i++)
        if (strncmp(n->attr[i].name, "value", 5) == 0)
            a = &n->attr[i];
    if (!a && alt_attr_has(n, "sparse_value"))
        return alt_diag_add(diag, ALT_E_UNSUPPORTED, "node \"%s\" (Constant): sparse tensors are not supported", n->name);
    switch (a ? a->type : ALT_ATTR_GRAPH) {
    case ALT_ATTR_TENSOR:
        *out = *a->tensors[0];
        return ALT_OK;
    case ALT_ATTR_FLOAT:
    case ALT_ATTR_FLOATS:
        set_list(out, ALT_FLOAT32, a->floats, a->type == ALT_ATTR_FLOAT, a->count);
        return ALT_OK;
    case ALT_ATTR_INT:
    case ALT_ATTR_INTS:
        set_list(out, ALT_INT64, a->ints, a->type == ALT_ATTR_INT, a->count);
        return ALT_OK;
    case ALT_ATTR_STRING:
    case ALT_ATTR_STRINGS:
        set_list(out, ALT_STRING, a->strings, a->type == ALT_ATTR_STRING, a->count);
        return ALT_OK;
    default:
        return alt_diag_add(diag, ALT_E_MODEL, "node \"%s\" (Constant): no value", n->name);
    }
}

static alt_status infer(struct alt_infer *inf)
{
    struct alt_tensor *t = alt_arena_alloc(inf->arena, sizeof *t);
    if (!t)
        return ALT_E_NOMEM;
    ALT_CHECK(alt_constant_tensor(inf->node, t, inf->diag));
    struct alt_shape shape = {.rank = t->rank};
    memcpy(shape.dim, t->dim, sizeof shape.dim);
    alt_infer_set(inf, 0, t->dtype, &shape);
    inf->out[0].known = t;
    return ALT_OK;
}

static int bind(struct alt_kernel_bind *b)
{
    struct alt_tensor *t = alt_arena_alloc(b->arena, sizeof *t);
    if (!t)
        return ALT_E_NOMEM;
    ALT_CHECK(alt_constant_tensor(b->node, t, b->diag));
    b->params = t;
    return ALT_OK;
}

static void constant(const struct alt_kargs *args)
{
    const struct alt_tensor *t = args->params;
    if (t->bytes)
        memcpy(args->operand[0].data, t->data, t->bytes);
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {.name = "constant", .fn = constant, .bind = bind, .numerics = ALT_KERNEL_EXACT};
    (void)sel;
    *out = &kernel;
    return ALT_OK;
}

const struct alt_op_impl alt_op_constant = {.infer = infer, .select = choose};
