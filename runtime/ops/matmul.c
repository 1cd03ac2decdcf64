/* matmul.c: MatMul (numpy.matmul): the last two axes are matrices, the others are batches that broadcast; a vector on the
 * left is a row, one on the right a column, and its axis is left out of the result. */
#include "runtime/ops/matmul.h"

#include "runtime/infer.h"
#include "runtime/layout.h"
#include "runtime/ops/product.h"
#include "runtime/step.h"

#include <string.h>

enum { ALL = ALT_CLASS_FLOAT | ALT_CLASS_INT };

/* Batch axes of a matrix shape. */
static void batch_of(const struct alt_shape *s, struct alt_shape *out)
{
    out->rank = s->rank > 2 ? s->rank - 2 : 0;
    memcpy(out->dim, s->dim, (size_t)out->rank * sizeof *out->dim);
}

alt_status alt_matmul_infer(struct alt_infer *inf, int a_index, int b_index, struct alt_shape *y)
{
    const struct alt_shape *a = &inf->in[a_index]->shape, *b = &inf->in[b_index]->shape;
    *y = (struct alt_shape){.rank = -1};
    if (a->rank == 0 || b->rank == 0)
        return alt_infer_fail(inf, ALT_E_SHAPE, "both inputs need at least one axis");
    if (a->rank < 0 || b->rank < 0)
        return ALT_OK;
    const alt_dim k = a->dim[a->rank - 1], k2 = b->dim[b->rank > 1 ? b->rank - 2 : 0];
    if (alt_dim_known(k) && alt_dim_known(k2) && k != k2)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the last axis of the left matrix and the rows of the right one differ");
    struct alt_shape a_batch, b_batch;
    batch_of(a, &a_batch);
    batch_of(b, &b_batch);
    ALT_CHECK(alt_infer_broadcast(inf, &a_batch, &b_batch, y));
    if (a->rank > 1)
        y->dim[y->rank++] = a->dim[a->rank - 2];
    if (b->rank > 1)
        y->dim[y->rank++] = b->dim[b->rank - 1];
    return ALT_OK;
}

static alt_status infer(struct alt_infer *inf)
{
    struct alt_shape y;
    ALT_CHECK(alt_infer_expect(inf, 0, ALL));
    ALT_CHECK(alt_infer_expect(inf, 1, ALL));
    ALT_CHECK(alt_infer_same_dtype(inf, 0, 1));
    ALT_CHECK(alt_matmul_infer(inf, 0, 1, &y));
    alt_infer_set(inf, 0, inf->in[0]->dtype, &y);
    return ALT_OK;
}

/* Products of a batch, one after the other. */
struct batches {
    struct alt_product product;
    int c, add; /* operands of the epilogue, 0: none */
    int rank;
    int64_t count, extent[ALT_MAX_RANK], a[ALT_MAX_RANK], b[ALT_MAX_RANK], y[ALT_MAX_RANK], plus[ALT_MAX_RANK];
};

static void run(const struct alt_kargs *args)
{
    const struct batches *p = args->params;
    const char *a = args->operand[0].data, *b = args->operand[1].data;
    const char *c = p->c ? args->operand[p->c].data : NULL, *add = p->add ? args->operand[p->add].data : NULL;
    char *y = args->operand[args->operand_count - 1].data;
    for (int64_t tile = args->begin; tile < args->end; tile++) {
        int64_t rest = tile / p->product.tiles, a_at = 0, b_at = 0, y_at = 0, add_at = 0;
        for (int i = p->rank - 1; i >= 0; i--) {
            const int64_t index = rest % p->extent[i];
            rest /= p->extent[i];
            a_at += index * p->a[i];
            b_at += index * p->b[i];
            y_at += index * p->y[i];
            add_at += index * p->plus[i];
        }
        const int64_t size = (int64_t)p->product.size;
        const struct alt_product_data data = {.a = a + a_at * size, .b = b + b_at * size, .c = c, .y = y + y_at * size,
                                              .add = add ? add + add_at * size : NULL};
        alt_product_tile(&p->product, &data, tile % p->product.tiles, args->scratch);
    }
}

int64_t alt_matmul_stride(const struct alt_operand *op, int rank, int i)
{
    const int axis = i - rank + op->rank - 2;
    return axis < 0 || op->dim[axis] == 1 ? 0 : op->stride[axis];
}

/* Whether indices of batch axis i are rows of one larger product: b is the same for all of them, and the rows of a, y and what is
 * added go on with one stride. */
static bool is_rows(const struct batches *p, int i)
{
    const struct alt_product *q = &p->product;
    return p->b[i] == 0 && p->a[i] == q->m * q->a.row && p->y[i] == q->m * q->y.row &&
           (!q->has_c || q->c.row == 0) && (!q->has_add || p->plus[i] == q->m * q->add.row);
}

static void fold_batches(struct batches *p)
{
    struct alt_product *q = &p->product;
    while (p->rank > 0) {
        const int i = p->rank - 1;
        if (p->extent[i] != 1 && !is_rows(p, i))
            return;
        q->m *= p->extent[i];
        p->rank--;
    }
}

/* The last axis of y is that of the columns, with a vector on the right that of the rows. */
static void read_epilogue(const struct alt_kernel_bind *bind, struct batches *p)
{
    const struct alt_kernel_epilogue *e = &bind->epilogue;
    const bool columns = bind->in[1].rank > 1, rows = bind->in[0].rank > 1;
    struct alt_product *q = &p->product;
    if (e->parts & ALT_EPILOGUE_ROW) {
        p->c = e->row;
        q->has_c = true;
        q->beta = 1;
        q->c = (struct alt_matrix){!columns, columns};
    }
    if (e->parts & ALT_EPILOGUE_ADD) {
        const int64_t *stride = bind->in[e->add].stride;
        const int rank = bind->out[0].rank;
        p->add = e->add;
        q->has_add = true;
        q->add = (struct alt_matrix){rows ? stride[rank - 1 - columns] : 0, columns ? stride[rank - 1] : 0};
        for (int i = 0; i < p->rank; i++)
            p->plus[i] = stride[i];
    }
    q->limited = (e->parts & ALT_EPILOGUE_LIMIT) != 0;
    q->low = e->low;
    q->high = e->high;
}

static int bind(struct alt_kernel_bind *bind)
{
    const struct alt_operand *a = &bind->in[0], *b = &bind->in[1], *y = &bind->out[0];
    struct batches *p = alt_arena_alloc(bind->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    struct alt_product *q = &p->product;
    q->dtype = a->dtype;
    q->m = a->rank > 1 ? a->dim[a->rank - 2] : 1;
    q->n = b->rank > 1 ? b->dim[b->rank - 1] : 1;
    q->k = a->dim[a->rank - 1];
    if (q->k != b->dim[b->rank > 1 ? b->rank - 2 : 0])
        return alt_bind_fail(bind, ALT_E_SHAPE, "the inner extents of the matrices differ");
    q->a = (struct alt_matrix){a->rank > 1 ? a->stride[a->rank - 2] : 0, a->stride[a->rank - 1]};
    q->b = b->rank > 1 ? (struct alt_matrix){b->stride[b->rank - 2], b->stride[b->rank - 1]}
                       : (struct alt_matrix){b->stride[0], 0};
    q->y = (struct alt_matrix){q->n, 1};
    q->panels = b->layout != NULL;
    q->alpha = 1;
    p->rank = (a->rank > b->rank ? a->rank : b->rank) - 2;
    p->rank = p->rank > 0 ? p->rank : 0;
    int64_t y_stride = q->m * q->n;
    for (int i = p->rank - 1; i >= 0; i--) {
        p->extent[i] = y->dim[i];
        p->a[i] = alt_matmul_stride(a, p->rank, i);
        p->b[i] = alt_matmul_stride(b, p->rank, i);
        p->y[i] = y_stride;
        y_stride *= y->dim[i];
    }
    read_epilogue(bind, p);
    fold_batches(p);
    p->count = alt_dims_count(p->rank, p->extent);
    alt_product_prepare(q);
    bind->params = p;
    bind->range = p->count * q->tiles;
    bind->flops = 2.0 * (double)q->m * (double)q->n * (double)q->k * (double)p->count;
    bind->scratch = q->scratch;
    return ALT_OK;
}

static const struct alt_kernel kernel = {
    .name = "matmul", .fn = run, .bind = bind, .flags = ALT_KERNEL_STRIDED, .numerics = ALT_KERNEL_EXACT,
    .epilogue = ALT_EPILOGUE_ROW | ALT_EPILOGUE_ADD | ALT_EPILOGUE_LIMIT};

static alt_status select_kernel(struct alt_select *sel, const struct alt_kernel **out)
{
    const struct alt_operand *b = &sel->in[1];
    if (!alt_product_supports(sel->in[0].dtype) || sel->in[0].layout || (b->layout && !alt_product_laid_out(b, 1)) ||
        sel->out[0].layout)
        return alt_select_unsupported(sel);
    *out = &kernel;
    return ALT_OK;
}

/* A matrix that is constant is laid out once. */
static enum alt_blocking layouts(const struct alt_node *n, int block, struct alt_arena *arena, const struct alt_layout **in,
                                 const struct alt_layout **out)
{
    (void)block, (void)out;
    return alt_product_lay_out(n->in[1], 1, arena, &in[1]) ? ALT_BLOCKING_LEAD : ALT_BLOCKING_NONE;
}

const struct alt_op_impl alt_op_matmul = {.infer = infer, .select = select_kernel, .layouts = layouts};
