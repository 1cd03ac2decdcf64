/* trilu.c: Trilu: keeps the upper or lower triangle of matrices and zeroes the rest. */
#include "runtime/ops/data.h"

#include <string.h>

static alt_status infer(struct alt_infer *inf)
{
    ALT_CHECK(alt_infer_expect(inf, 0, ALT_CLASS_ANY));
    int rank = alt_infer_rank(inf, 0);
    if (rank == 0 || rank == 1)
        return alt_infer_fail(inf, ALT_E_SHAPE, "the input must have at least 2 axes");
    alt_infer_like(inf, 0, 0);
    return ALT_OK;
}

struct plan {
    int64_t rows, columns, all_rows, rows_tile;
    size_t size;
    bool upper, shifted; /* input 1 holds k */
};

static int bind(struct alt_kernel_bind *b)
{
    const struct alt_operand *in = &b->in[0];
    struct plan *p = alt_arena_alloc(b->arena, sizeof *p);
    if (!p)
        return ALT_E_NOMEM;
    p->rows = in->dim[in->rank - 2];
    p->columns = in->dim[in->rank - 1];
    p->all_rows = p->columns ? alt_operand_count(in) / p->columns : 0;
    p->rows_tile = p->columns && p->columns < 4096 ? 4096 / p->columns : 1;
    p->size = alt_dtype_size(in->dtype);
    p->upper = alt_attr_int(b->node, "upper", 1) != 0;
    p->shifted = alt_operand_at(b->in, b->n_in, 1) != NULL;
    b->params = p;
    b->range = (p->all_rows + p->rows_tile - 1) / p->rows_tile;
    b->flops = (double)alt_operand_count(in);
    return ALT_OK;
}

static void trilu(const struct alt_kargs *args)
{
    const struct plan *p = args->params;
    int64_t k = p->shifted ? *(const int64_t *)args->operand[1].data : 0;
    k = alt_clamp(k, -p->rows, p->columns);
    const char *in = args->operand[0].data;
    char *out = args->operand[args->operand_count - 1].data;
    int64_t last = args->end * p->rows_tile < p->all_rows ? args->end * p->rows_tile : p->all_rows;
    size_t row_bytes = (size_t)p->columns * p->size;
    for (int64_t r = args->begin * p->rows_tile; r < last; r++) {
        /* columns [0, edge) lie below the diagonal k (upper), or on it and below (lower) */
        int64_t edge = alt_clamp(r % p->rows + k + (p->upper ? 0 : 1), 0, p->columns);
        size_t left = (size_t)edge * p->size;
        const char *src = in + r * (int64_t)row_bytes;
        char *dst = out + r * (int64_t)row_bytes;
        if (p->upper) {
            memset(dst, 0, left);
            memmove(dst + left, src + left, row_bytes - left);
        } else {
            memmove(dst, src, left);
            memset(dst + left, 0, row_bytes - left);
        }
    }
}

static alt_status choose(struct alt_select *sel, const struct alt_kernel **out)
{
    static const struct alt_kernel kernel = {
        .name = "trilu", .fn = trilu, .bind = bind, .flags = ALT_KERNEL_INPLACE_0, .numerics = ALT_KERNEL_EXACT};
    *out = &kernel;
    return alt_dtype_size(sel->in[0].dtype) ? ALT_OK : alt_select_unsupported(sel);
}

const struct alt_op_impl alt_op_trilu = {.infer = infer, .select = choose};
