/* shape.c: Shape and Size: their results are known, perhaps symbolically, from the shape of the input alone. */
#include "runtime/ops/data.h"

/* First and last axis that Shape gives, clamped to the rank (opset 15: attributes start and end). */
static void range_of(const struct alt_node *n, int rank, int *first, int *last)
{
    int64_t start = alt_attr_int(n, "start", 0), end = alt_attr_int(n, "end", rank);
    *first = (int)alt_clamp(start < 0 ? start + rank : start, 0, rank);
    *last = (int)alt_clamp(end < 0 ? end + rank : end, *first, rank);
}

static alt_status infer_size(struct alt_infer *inf)
{
    const struct alt_shape *in = &inf->in[0]->shape;
    struct alt_shape out = {.rank = 0};
    alt_dim size = 1;
    alt_infer_set(inf, 0, ALT_INT64, &out);
    for (int d = 0; d < in->rank; d++)
        size = alt_dim_mul(inf->dims, size, in->dim[d]);
    return in->rank < 0 ? ALT_OK : alt_infer_set_content(inf, 0, &size, 1);
}

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    if (inf->node->op == ALT_OP_SIZE)
        return infer_size(inf);
    const struct alt_shape *in = &inf->in[0]->shape;
    if (in->rank < 0) {
        alt_infer_set_rank(inf, 0, ALT_INT64, 1);
        return ALT_OK;
    }
    int first, last;
    range_of(inf->node, in->rank, &first, &last);
    struct alt_shape out = {.rank = 1, .dim = {last - first}};
    alt_infer_set(inf, 0, ALT_INT64, &out);
    return alt_infer_set_content(inf, 0, in->dim + first, last - first);
}

struct numbers {
    int count;
    int64_t value[ALT_MAX_RANK];
};

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *in = &b->in[0];
    struct numbers *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    if (b->node->op == ALT_OP_SIZE) {
        p->count = 1;
        p->value[0] = alt_operand_count(in);
    } else {
        int first, last;
        range_of(b->node, in->rank, &first, &last);
        for (int d = first; d < last; d++)
            p->value[p->count++] = in->dim[d];
    }
    b->params = p;
    return ALT_OK;
}

static void write_numbers(const struct alt_kargs *args)
{
    const struct numbers *p = args->params;
    int64_t *out = args->operand[1].data;
    for (int i = 0; i < p->count; i++)
        out[i] = p->value[i];
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "shape", .fn = write_numbers, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT};
    (void)sel;
    *out = &kernel;
    return ALT_OK;
}

const struct alt_op_impl alt_op_shape = {.infer = infer, .select = choose};
