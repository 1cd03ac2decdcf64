/* product_int.c: integer matrix products by plain loops, one row of y at a time. Signed types are computed as unsigned
 * ones of the same size: the bits are the same and overflow wraps around. */
#include "runtime/ops/product_int.h"

bool alt_product_int_factor(double factor)
{
    return factor >= -0x1p31 && factor < 0x1p31 && factor == (double)(int64_t)factor;
}

/* One row of y, plus x times one row of b. */
static void add_row32(const struct alt_product *p, uint32_t *restrict y, uint32_t x, const uint32_t *restrict b)
{
    if (p->b.col == 1 && p->y.col == 1)
        for (int64_t j = 0; j < p->n; j++)
            y[j] += x * b[j];
    else
        for (int64_t j = 0; j < p->n; j++)
            y[j * p->y.col] += x * b[j * p->b.col];
}

static void add_row64(const struct alt_product *p, uint64_t *restrict y, uint64_t x, const uint64_t *restrict b)
{
    if (p->b.col == 1 && p->y.col == 1)
        for (int64_t j = 0; j < p->n; j++)
            y[j] += x * b[j];
    else
        for (int64_t j = 0; j < p->n; j++)
            y[j * p->y.col] += x * b[j * p->b.col];
}

static void row32(const struct alt_product *p, const uint32_t *a, const uint32_t *b, const uint32_t *c, uint32_t *y)
{
    const uint32_t alpha = (uint32_t)(int64_t)p->alpha, beta = (uint32_t)(int64_t)p->beta;
    for (int64_t j = 0; j < p->n; j++)
        y[j * p->y.col] = c ? beta * c[j * p->c.col] : 0;
    for (int64_t k = 0; k < p->k; k++)
        add_row32(p, y, alpha * a[k * p->a.col], b + k * p->b.row);
}

static void row64(const struct alt_product *p, const uint64_t *a, const uint64_t *b, const uint64_t *c, uint64_t *y)
{
    const uint64_t alpha = (uint64_t)(int64_t)p->alpha, beta = (uint64_t)(int64_t)p->beta;
    for (int64_t j = 0; j < p->n; j++)
        y[j * p->y.col] = c ? beta * c[j * p->c.col] : 0;
    for (int64_t k = 0; k < p->k; k++)
        add_row64(p, y, alpha * a[k * p->a.col], b + k * p->b.row);
}

void alt_product_int_tile(const struct alt_product *p, const void *a, const void *b, const void *c, void *y, int64_t tile)
{
    const int64_t first = tile * p->rows, last = p->m - first < p->rows ? p->m : first + p->rows;
    for (int64_t i = first; i < last; i++) {
        if (p->size == 4)
            row32(p, (const uint32_t *)a + i * p->a.row, b, c ? (const uint32_t *)c + i * p->c.row : NULL,
                  (uint32_t *)y + i * p->y.row);
        else
            row64(p, (const uint64_t *)a + i * p->a.row, b, c ? (const uint64_t *)c + i * p->c.row : NULL,
                  (uint64_t *)y + i * p->y.row);
    }
}
